/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>
#include "he-signature.h"

G_BEGIN_DECLS

/* What can be seen of a raw picture where it lies. */
typedef struct {
  GstVideoInfo info;
  gboolean readable; /* info says where its luma stands in memory */
} GstHeadendPicture;

/* For the pictures of these caps; those of a GPU, and packed formats, are not read. */
void gst_headend_picture_init (GstHeadendPicture *picture, GstCaps *caps);

/* FALSE, and *ret_signature untouched, when it cannot be read. */
gboolean gst_headend_picture_signature (const GstHeadendPicture *picture,
                                        GstBuffer *buffer, HeSignature *ret_signature);

G_END_DECLS
