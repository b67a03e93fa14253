/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How long to wait before a child is started again: 0.5 s, doubled each time up to 15 s,
 * and from the beginning once it was well for a minute. All in milliseconds. */
#define HEADEND_BACKOFF_FIRST 500
#define HEADEND_BACKOFF_MOST 15000
#define HEADEND_BACKOFF_HEALTHY 60000

typedef struct {
  guint next; /* 0: has not failed yet */
} HeadendBackoff;

/* lived: how long the child was up. */
static inline guint
headend_backoff_next (HeadendBackoff *backoff, guint64 lived)
{
  if (lived >= HEADEND_BACKOFF_HEALTHY || backoff->next == 0)
    backoff->next = HEADEND_BACKOFF_FIRST;
  guint delay = backoff->next;
  backoff->next = MIN (delay * 2, HEADEND_BACKOFF_MOST);
  return delay;
}

G_END_DECLS
