/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Owns a decoder and makes it new for each segment; see gst-segmentdecoder.c. */
#define GST_TYPE_SEGMENT_DECODER (gst_segment_decoder_get_type ())
G_DECLARE_FINAL_TYPE (GstSegmentDecoder, gst_segment_decoder, GST, SEGMENT_DECODER,
                      GstBin)

GST_ELEMENT_REGISTER_DECLARE (segmentdecoder);

G_END_DECLS
