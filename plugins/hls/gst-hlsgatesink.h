/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_HLS_GATE_SINK (gst_hls_gate_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstHlsGateSink, gst_hls_gate_sink, GST, HLS_GATE_SINK, GstElement)

GST_ELEMENT_REGISTER_DECLARE (hlsgatesink)

G_END_DECLS
