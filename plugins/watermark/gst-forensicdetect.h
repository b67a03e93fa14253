/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_FORENSIC_DETECT (gst_forensic_detect_get_type ())
G_DECLARE_FINAL_TYPE (GstForensicDetect, gst_forensic_detect, GST, FORENSIC_DETECT,
                      GstBaseTransform)
GST_ELEMENT_REGISTER_DECLARE (forensicdetect);

G_END_DECLS
