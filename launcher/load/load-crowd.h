/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "load-tally.h"

G_BEGIN_DECLS

/* Thousands of viewers (load-viewer.h) on one thread, each with a connection of its own,
 * and, where the edge is on this machine, an address of its own. HTTP/1.1 in the clear.
 */
typedef struct _HeadendCrowd HeadendCrowd;

/* An entry token for the n-th viewer, owned; NULL ends the run. */
typedef char *(*HeadendTokenFunc) (guint n, gpointer user_data, GError **error);

typedef struct {
  const char *const *edges; /* "http://HOST:PORT", viewers take turns */
  const char *channel;
  guint viewers; /* at most */
  gboolean path; /* the credential goes in the path, not in a cookie */
  HeadendTokenFunc token;
  gpointer user_data;
  const volatile int *interrupted;
} HeadendCrowdOptions;

#define HEADEND_CROWD_MAX 60000

HeadendCrowd *headend_crowd_new (const HeadendCrowdOptions *options, GError **error);
void headend_crowd_free (HeadendCrowd *crowd); /* takes NULL */

/* Grows to so many viewers, evenly over half of the time, and says what they met in it.
 * FALSE with error when no token was to be had; interrupted, it ends at once. */
gboolean headend_crowd_run (HeadendCrowd *crowd, guint viewers, gint64 us,
                            HeadendLoadTally *ret_tally, GError **error);

/* Of a segment, microseconds; 0 while nobody has seen one. */
gint64 headend_crowd_duration (const HeadendCrowd *crowd);

G_END_DECLS
