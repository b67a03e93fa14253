/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

#include "he-mark.h"

G_BEGIN_DECLS

/* The mark of frames in CUDA memory, by he-mark-gpu.cu: they never leave the GPU. What it
 * takes is looked for where it runs, and no header of it where it is built: the library
 * gstcuda of GStreamer 1.22 or later, NVIDIA's driver, and NVRTC, which compiles the
 * kernels. */

/* Whether all of them load, there is a GPU, and the kernels compile. Looked for once; any
 * thread. */
gboolean gst_mark_cuda_available (void);

/* For frames of one size and format, from one thread at a time. */
typedef struct _GstMarkCuda GstMarkCuda;

/* Where it is available. */
GstMarkCuda *gst_mark_cuda_new (const GstVideoInfo *info);
void gst_mark_cuda_free (GstMarkCuda *cuda); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstMarkCuda, gst_mark_cuda_free)

/* A new frame, in the memory of in's own GPU, with in's times and flags; its pixels are
 * anything. NULL: HE_ERROR_UNAVAILABLE with what the driver says, HE_ERROR_INVALID when
 * in is not in CUDA memory. */
GstBuffer *gst_mark_cuda_frame (GstMarkCuda *cuda, GstBuffer *in, GError **error);

/* Writes in's chroma and its marked luma, and waits until they are there. out comes from
 * gst_mark_cuda_frame() for this in. */
gboolean
gst_mark_cuda_embed (GstMarkCuda *cuda, HeMark *mark, HeMarkLayout layout,
                     HeVariant variant, GstBuffer *in, GstBuffer *out, GError **error);

G_END_DECLS
