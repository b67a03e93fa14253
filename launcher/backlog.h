/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How far a worker may be behind its source. One that is slower than the source, because
 * others take the processors, would be later with every minute, until no origin takes
 * what it makes and no node that starts can follow it. So what has waited longer than
 * HEADEND_BACKLOG_MAX, or with more than HEADEND_BACKLOG_FULL percent of the room taken,
 * is skipped, and all behind it that has waited longer than HEADEND_BACKLOG_GOOD: one gap
 * that is filled and flagged, or comes from another node. Times are microseconds. Pure.
 */

#define HEADEND_BACKLOG_MAX (8 * G_USEC_PER_SEC)
#define HEADEND_BACKLOG_GOOD (G_USEC_PER_SEC / 2)
#define HEADEND_BACKLOG_FULL 75
/* That room, in bytes: what is kept of a backup comes at once (feed.h), and may not fill
 * it. */
#define HEADEND_BACKLOG_ROOM (32 * 1024 * 1024)

typedef struct {
  gboolean skipping;
} HeadendBacklog;

/* Whether what has waited so long is skipped, while all that waits takes so much of the
 * room for it. To be asked about all of it, in order. */
gboolean headend_backlog_skips (HeadendBacklog *backlog, gint64 waited, guint percent);

G_END_DECLS
