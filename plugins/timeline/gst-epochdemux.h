/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Demultiplexes one program of an MPEG-TS feed onto the epoch; see gst-epochdemux.c. */
#define GST_TYPE_EPOCH_DEMUX (gst_epoch_demux_get_type ())
G_DECLARE_FINAL_TYPE (GstEpochDemux, gst_epoch_demux, GST, EPOCH_DEMUX, GstElement)

GST_ELEMENT_REGISTER_DECLARE (epochdemux);

G_END_DECLS
