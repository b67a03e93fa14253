/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "gst-order.h"

G_BEGIN_DECLS

/* One life of an encoder, from its first frame to its end: holds events back until the
 * buffer that they belong to comes out, and takes the encoder's delay and its shift of
 * times back. Thread-safe: frames go in on one thread and come out on another. */
typedef struct GstHeadendRun GstHeadendRun;

/* Sound: rate, and the packets to drop first; pictures: rate 0. segment: of what goes in.
 * order: where its output goes, as the next turn. */
GstHeadendRun *gst_headend_run_new (GstHeadendOrder *order, guint rate, guint preroll,
                                    const GstSegment *segment);
GstHeadendRun *gst_headend_run_ref (GstHeadendRun *run);
void gst_headend_run_unref (GstHeadendRun *run); /* takes NULL */

/* Events that go out ahead of the first buffer whose PTS is `at` or later, which must be
 * a keyframe if key; empties the queue. */
void
gst_headend_run_mark (GstHeadendRun *run, GstClockTime at, gboolean key, GQueue *events);
/* Sound: the next frame that goes in, by number. */
void gst_headend_run_frame (GstHeadendRun *run, guint64 frame);

/* What the encoder put out. Takes the buffer; *ret_missing_key when it had to be a
 * keyframe and is not. */
GstFlowReturn
gst_headend_run_buffer (GstHeadendRun *run, GstBuffer *buffer, gboolean *ret_missing_key);
/* Takes the event. TRUE: it was the end, and nothing more is taken. */
gboolean gst_headend_run_event (GstHeadendRun *run, GstEvent *event);

G_END_DECLS
