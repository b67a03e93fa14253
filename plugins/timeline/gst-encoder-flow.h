/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gst-encoder-places.h"

G_BEGIN_DECLS

/* What passes into segmentencoder's encoders: decides where segments begin, asks for
 * keyframes there or changes over to a new encoder, and keeps events with the buffer that
 * they came with. Sink side functions belong to the thread that feeds. */
typedef struct GstHeadendEncoderFlow GstHeadendEncoderFlow;

/* element: whose errors they are; sink: its pad; places: its encoders. All must outlive
 * it. */
GstHeadendEncoderFlow *gst_headend_encoder_flow_new (GstElement *element, GstPad *sink,
                                                     GstHeadendPlaces *places);
void gst_headend_encoder_flow_free (GstHeadendEncoderFlow *flow); /* takes NULL */

/* While nothing flows. duration90: for segments that upstream does not announce, in 90
 * kHz ticks; delay: samples by which an encoder delays sound. */
void gst_headend_encoder_flow_setup (GstHeadendEncoderFlow *flow, guint64 duration90,
                                     guint delay);
/* Forgets everything but the setup. */
void gst_headend_encoder_flow_reset (GstHeadendEncoderFlow *flow);

/* Sink side. Both take what they get. */
GstFlowReturn
gst_headend_encoder_flow_in (GstHeadendEncoderFlow *flow, GstBuffer *buffer);
gboolean gst_headend_encoder_flow_event (GstHeadendEncoderFlow *flow, GstEvent *event);

G_END_DECLS
