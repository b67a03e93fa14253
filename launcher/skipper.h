/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Takes what has waited too long (backlog.h) out of what an appsrc hands on. Where later
 * input leans on what came before it is not left out, but flagged DROPPABLE. May be asked
 * from any thread. */
typedef struct _HeadendSkipper HeadendSkipper;

/* The appsrc's buffers have as their offset when they came, in monotonic microseconds. It
 * outlives the skipper, which ends with it stopped. */
HeadendSkipper *headend_skipper_new (GstElement *intake, gboolean leans);
void headend_skipper_free (HeadendSkipper *skipper); /* takes NULL */

/* Of the source, that was skipped so far. NULL: nothing. */
guint64 headend_skipper_ms (HeadendSkipper *skipper);

G_END_DECLS
