/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* What passes into an encoder and out of it: requests keyframes, holds events back until
 * the buffer they belong to comes out, and takes the encoder's delay and shift of times
 * back. segmentencoder forwards what its pads get.
 *
 * The sink side's functions belong to the thread that feeds, those of the source side to
 * the thread in which the encoder pushes, which may be another. */
typedef struct GstHeadendEncoderFlow GstHeadendEncoderFlow;

/* element: whose errors they are; into: pad that feeds the encoder; out: pad to push its
 * output to. All must outlive it. */
GstHeadendEncoderFlow *
gst_headend_encoder_flow_new (GstElement *element, GstPad *into, GstPad *out);
void gst_headend_encoder_flow_free (GstHeadendEncoderFlow *flow); /* takes NULL */

/* While nothing flows. duration90: for segments that upstream does not announce, in 90
 * kHz ticks; delay: samples by which the encoder delays sound. */
void gst_headend_encoder_flow_setup (GstHeadendEncoderFlow *flow, guint64 duration90,
                                     guint delay);
/* Forgets everything but the setup. */
void gst_headend_encoder_flow_reset (GstHeadendEncoderFlow *flow);

/* Sink side. Both take what they get. */
GstFlowReturn
gst_headend_encoder_flow_in (GstHeadendEncoderFlow *flow, GstBuffer *buffer);
/* The event to pass on, or NULL; on failure NULL and ret_ok FALSE. */
GstEvent *gst_headend_encoder_flow_in_event (GstHeadendEncoderFlow *flow, GstEvent *event,
                                             gboolean *ret_ok);

/* Source side. Likewise. */
GstFlowReturn
gst_headend_encoder_flow_out (GstHeadendEncoderFlow *flow, GstBuffer *buffer);
GstEvent *
gst_headend_encoder_flow_out_event (GstHeadendEncoderFlow *flow, GstEvent *event);

G_END_DECLS
