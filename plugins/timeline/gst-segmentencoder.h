/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Owns an encoder and makes it cut where segments begin; see gst-segmentencoder.c. */
#define GST_TYPE_SEGMENT_ENCODER (gst_segment_encoder_get_type ())
G_DECLARE_FINAL_TYPE (GstSegmentEncoder, gst_segment_encoder, GST, SEGMENT_ENCODER,
                      GstBin)

GST_ELEMENT_REGISTER_DECLARE (segmentencoder);

G_END_DECLS
