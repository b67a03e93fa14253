/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-black.h"

#include <gst/video/video.h>
#include <string.h>

/* Every format packs from one of these: alpha first, 8 or 16 bits. */
static gpointer
black_line (const GstVideoInfo *info, const GstVideoFormatInfo *unpacked)
{
  gboolean wide = GST_VIDEO_FORMAT_INFO_BITS (unpacked) > 8;
  gboolean yuv = GST_VIDEO_FORMAT_INFO_IS_YUV (unpacked);
  gboolean full = info->colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255;
  guint8 luma = yuv && !full ? 16 : 0, chroma = yuv ? 128 : 0;
  guint8 pixel[] = { 255, luma, chroma, chroma };
  guint width = GST_VIDEO_INFO_WIDTH (info) + 16; /* some pack a few at a time */
  gpointer line = g_malloc0 (width * (wide ? 8 : 4));

  for (guint i = 0; i < width * 4; i++) {
    if (wide)
      ((guint16 *)line)[i] = (guint16)(pixel[i % 4] << 8);
    else
      ((guint8 *)line)[i] = pixel[i % 4];
  }
  return line;
}

GstBuffer *
gst_headend_black_new (const GstCaps *caps)
{
  const GstCapsFeatures *features = gst_caps_get_features (caps, 0);
  GstVideoFrame frame;
  GstVideoInfo info;

  if (!gst_caps_features_contains (features, GST_CAPS_FEATURE_MEMORY_SYSTEM_MEMORY)
      || !gst_video_info_from_caps (&info, caps) || info.finfo->pack_func == NULL)
    return NULL;
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (&info), NULL);
  g_autofree gpointer line
      = black_line (&info, gst_video_format_get_info (info.finfo->unpack_format));
  if (!gst_video_frame_map (&frame, &info, buffer, GST_MAP_WRITE)) {
    gst_buffer_unref (buffer);
    return NULL;
  }
  for (gint y = 0; y < GST_VIDEO_INFO_HEIGHT (&info); y++)
    info.finfo->pack_func (info.finfo, GST_VIDEO_PACK_FLAG_NONE, line, 0, frame.data,
                           frame.info.stride, info.chroma_site, y,
                           GST_VIDEO_INFO_WIDTH (&info));
  gst_video_frame_unmap (&frame);
  return buffer;
}
