/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* A pipeline that decodes the pictures of a copy, a file or URI, as fast as it can; tail is
 * what they go to. Owned. */
GstElement *headend_copy_open (const char *copy, const char *tail, GError **error);

/* What GStreamer says of a copy that it cannot play, with the copy's name and what would help.
 * missing: a format of pictures that there is no plugin for, or NULL. Returns FALSE. */
gboolean headend_copy_fail (const char *copy, GstMessage *message, const char *missing,
                            GError **error);

G_END_DECLS
