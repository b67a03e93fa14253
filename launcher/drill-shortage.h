/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether this machine gave the nodes of a drill, and its source, the time that they
 * needed: what one sees of nodes that were not let run says nothing about them. Known
 * from how late the source's pictures came out, and from what the kernel says of each
 * thread: for how long it could have run and waited for a processor. For one thread. */
typedef struct {
  GHashTable *waited; /* thread -> nanoseconds, so far; NULL: not begun */
  gint64 looked;      /* monotonic microseconds */
  gint64 longest; /* microseconds: a picture was late, or a thread waited in a second */
} HeadendShortage;

/* groups: process groups of the nodes, so many. Forgets what was before. */
void headend_shortage_begin (HeadendShortage *shortage, const int *groups, guint n);
/* To be called often; looks at them once a second. late: by how much a picture came out
 * late at worst since the last call, microseconds. */
void headend_shortage_look (HeadendShortage *shortage, gint64 late, const int *groups,
                            guint n);
void headend_shortage_clear (HeadendShortage *shortage);

/* Takes what stands in /proc/PID/task/TID/schedstat: nanoseconds waited; FALSE: no such
 * text. Pure. */
gboolean headend_shortage_read (const char *text, guint64 *ret_waited);
/* Takes what stands in /proc/PID/stat: the process group; 0: no such text. Pure. */
int headend_shortage_group (const char *text);

G_END_DECLS
