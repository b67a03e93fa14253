/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

#include "he-mark.h"

G_BEGIN_DECLS

/* A buffer like in, with its flags, times and metas, whose luma is new and not yet
 * written. info describes in; planar or semi-planar 4:2:0.
 *
 * share: the chroma planes are in's memory, a GstVideoMeta says where they are, and the
 * luma has info's stride in a memory of its own, the first. A plane that cannot be shared
 * (it spans memories, or its memory forbids it) is copied. Otherwise one memory in info's
 * layout, without a GstVideoMeta, chroma copied.
 *
 * NULL when in is smaller than its layout says. */
GstBuffer *gst_luma_buffer_new (GstBuffer *in, const GstVideoInfo *info, gboolean share);

/* How the luma of one of the mark's formats lies in memory. */
HeMarkLayout gst_luma_layout (const GstVideoInfo *info);

G_END_DECLS
