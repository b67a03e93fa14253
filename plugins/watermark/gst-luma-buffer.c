/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-luma-buffer.h"

/* The part of in's memory that holds one plane: shared where that is possible. */
static GstMemory *
plane_memory (GstBuffer *in, const GstVideoInfo *info, guint plane, gsize offset,
              gint stride)
{
  /* In I420 and NV12 the first component of plane n is component n. */
  const gsize rows = GST_VIDEO_INFO_COMP_HEIGHT (info, plane);
  const gsize row = (gsize)GST_VIDEO_INFO_COMP_WIDTH (info, plane)
                    * GST_VIDEO_INFO_COMP_PSTRIDE (info, plane);
  const gsize needed = (gsize)stride * (rows - 1) + row;
  guint first, count;
  gsize skip;

  if (stride <= 0 || !gst_buffer_find_memory (in, offset, needed, &first, &count, &skip))
    return NULL;
  if (count == 1) {
    GstMemory *memory = gst_buffer_peek_memory (in, first);
    /* The last row may lack its padding. */
    gsize size
        = MIN ((gsize)stride * rows, gst_memory_get_sizes (memory, NULL, NULL) - skip);
    GstMemory *shared = GST_MEMORY_IS_NO_SHARE (memory)
                            ? NULL
                            : gst_memory_share (memory, (gssize)skip, (gssize)size);
    if (shared)
      return shared;
  }

  GstMemory *copy = gst_allocator_alloc (NULL, needed, NULL);
  GstMapInfo map;
  if (!gst_memory_map (copy, &map, GST_MAP_WRITE)) {
    gst_memory_unref (copy);
    return NULL;
  }
  gst_buffer_extract (in, offset, map.data, needed);
  gst_memory_unmap (copy, &map);
  return copy;
}

/* New memory where kernels store fastest. */
static GstMemory *
new_memory (gsize size)
{
  GstAllocationParams params;

  gst_allocation_params_init (&params);
  params.align = 63;
  return gst_allocator_alloc (NULL, size, &params);
}

static gboolean
share_chroma (GstBuffer *out, GstBuffer *in, const GstVideoInfo *info)
{
  const GstVideoMeta *meta = gst_buffer_get_video_meta (in);
  const guint planes = GST_VIDEO_INFO_N_PLANES (info);
  gsize offsets[GST_VIDEO_MAX_PLANES] = { 0 };
  gint strides[GST_VIDEO_MAX_PLANES] = { GST_VIDEO_INFO_PLANE_STRIDE (info, 0) };
  const gsize luma = GST_VIDEO_INFO_PLANE_OFFSET (info, 1);

  gst_buffer_append_memory (out, new_memory (luma));
  for (guint i = 1; i < planes; i++) {
    gsize offset = meta ? meta->offset[i] : GST_VIDEO_INFO_PLANE_OFFSET (info, i);
    strides[i] = meta ? meta->stride[i] : GST_VIDEO_INFO_PLANE_STRIDE (info, i);
    GstMemory *memory = plane_memory (in, info, i, offset, strides[i]);
    if (!memory)
      return FALSE;
    offsets[i] = gst_buffer_get_size (out);
    gst_buffer_append_memory (out, memory);
  }
  gst_buffer_add_video_meta_full (out, GST_VIDEO_FRAME_FLAG_NONE,
                                  GST_VIDEO_INFO_FORMAT (info),
                                  GST_VIDEO_INFO_WIDTH (info),
                                  GST_VIDEO_INFO_HEIGHT (info), planes, offsets, strides);
  return TRUE;
}

static gboolean
copy_chroma (GstBuffer *out, GstBuffer *in, const GstVideoInfo *info)
{
  GstVideoFrame from, to;
  gboolean ok = TRUE;

  gst_buffer_append_memory (out, new_memory (GST_VIDEO_INFO_SIZE (info)));
  if (!gst_video_frame_map (&from, info, in, GST_MAP_READ))
    return FALSE;
  if (!gst_video_frame_map (&to, info, out, GST_MAP_WRITE)) {
    gst_video_frame_unmap (&from);
    return FALSE;
  }
  for (guint i = 1; i < GST_VIDEO_INFO_N_PLANES (info); i++)
    ok &= gst_video_frame_copy_plane (&to, &from, i);
  gst_video_frame_unmap (&to);
  gst_video_frame_unmap (&from);
  return ok;
}

GstBuffer *
gst_luma_buffer_new (GstBuffer *in, const GstVideoInfo *info, gboolean share)
{
  g_autoptr (GstBuffer) out = gst_buffer_new ();

  /* Metas that describe memory, GstVideoMeta among them, stay behind. */
  gst_buffer_copy_into (out, in, GST_BUFFER_COPY_METADATA, 0, -1);
  if (!(share ? share_chroma : copy_chroma) (out, in, info))
    return NULL;
  return g_steal_pointer (&out);
}

HeMarkLayout
gst_luma_layout (const GstVideoInfo *info)
{
  if (GST_VIDEO_INFO_COMP_DEPTH (info, 0) == 8)
    return HE_MARK_8;
  return GST_VIDEO_FORMAT_INFO_SHIFT (info->finfo, 0) ? HE_MARK_10_HIGH : HE_MARK_10_LOW;
}
