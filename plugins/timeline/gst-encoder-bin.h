/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Makes a bin with one pad "sink" and one pad "src" from a description in gst-launch's
 * words, and adapts the encoders in it (he-encoder.h). queued: a thread of its own feeds
 * it. ret_delay: samples by which the
 * encoders in it delay sound. Errors name the description, what is missing and what to
 * install. Floating reference; NULL with error. */
GstElement *gst_headend_encoder_bin_new (const char *description, gboolean queued,
                                         guint *ret_delay, GError **error);

G_END_DECLS
