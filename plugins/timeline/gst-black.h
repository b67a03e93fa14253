/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* A black picture of these caps (video/x-raw, fixed); NULL when it would have to be in
 * other than the system's memory. */
GstBuffer *gst_headend_black_new (const GstCaps *caps);

G_END_DECLS
