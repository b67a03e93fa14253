/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_FORENSIC_MARK (gst_forensic_mark_get_type ())
G_DECLARE_FINAL_TYPE (GstForensicMark, gst_forensic_mark, GST, FORENSIC_MARK,
                      GstBaseTransform)
GST_ELEMENT_REGISTER_DECLARE (forensicmark);

G_END_DECLS
