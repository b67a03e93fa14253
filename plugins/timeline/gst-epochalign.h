/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Starts a raw stream at a segment boundary and keeps it whole; see gst-epochalign.c. */
#define GST_TYPE_EPOCH_ALIGN (gst_epoch_align_get_type ())
G_DECLARE_FINAL_TYPE (GstEpochAlign, gst_epoch_align, GST, EPOCH_ALIGN, GstElement)

GST_ELEMENT_REGISTER_DECLARE (epochalign);

G_END_DECLS
