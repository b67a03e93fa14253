/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_SEGMENT_ENCRYPT (gst_segment_encrypt_get_type ())
G_DECLARE_FINAL_TYPE (GstSegmentEncrypt, gst_segment_encrypt, GST, SEGMENT_ENCRYPT,
                      GstElement)

GST_ELEMENT_REGISTER_DECLARE (segmentencrypt)

G_END_DECLS
