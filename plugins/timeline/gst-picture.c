/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-picture.h"

static gboolean
has_plain_luma (const GstVideoFormatInfo *format)
{
  guint depth = GST_VIDEO_FORMAT_INFO_DEPTH (format, 0);
  int pixel = GST_VIDEO_FORMAT_INFO_PSTRIDE (format, 0);
  gboolean ours
      = GST_VIDEO_FORMAT_INFO_IS_LE (format) == (G_BYTE_ORDER == G_LITTLE_ENDIAN);

  if ((!GST_VIDEO_FORMAT_INFO_IS_YUV (format) && !GST_VIDEO_FORMAT_INFO_IS_GRAY (format))
      || GST_VIDEO_FORMAT_INFO_IS_COMPLEX (format)
      || GST_VIDEO_FORMAT_INFO_IS_TILED (format))
    return FALSE;
  return (pixel == 1 && depth == 8) || (pixel == 2 && depth > 8 && ours);
}

void
gst_headend_picture_init (GstHeadendPicture *self, GstCaps *caps)
{
  self->readable = gst_caps_features_is_equal (gst_caps_get_features (caps, 0),
                                               GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY)
                   && gst_video_info_from_caps (&self->info, caps)
                   && has_plain_luma (self->info.finfo);
}

gboolean
gst_headend_picture_signature (const GstHeadendPicture *self, GstBuffer *buffer,
                               HeSignature *ret_signature)
{
  const GstVideoFormatInfo *format = self->info.finfo;
  GstVideoFrame frame;
  HeLuma luma;
  gboolean taken;

  if (!self->readable || !gst_video_frame_map (&frame, &self->info, buffer, GST_MAP_READ))
    return FALSE;
  luma = (HeLuma) {
    .data = GST_VIDEO_FRAME_COMP_DATA (&frame, 0),
    .stride = (gsize)GST_VIDEO_FRAME_COMP_STRIDE (&frame, 0),
    .width = (guint)GST_VIDEO_FRAME_COMP_WIDTH (&frame, 0),
    .height = (guint)GST_VIDEO_FRAME_COMP_HEIGHT (&frame, 0),
    .sample_bytes = (guint)GST_VIDEO_FORMAT_INFO_PSTRIDE (format, 0),
    .shift = GST_VIDEO_FORMAT_INFO_SHIFT (format, 0)
             + GST_VIDEO_FORMAT_INFO_DEPTH (format, 0) - 8,
  };
  taken = he_signature_take (&luma, ret_signature);
  gst_video_frame_unmap (&frame);
  return taken;
}
