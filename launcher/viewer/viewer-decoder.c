/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "viewer-decoder.h"

#include <gst/app/app.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include "viewer-picture.h"

#define QUEUE_BYTES (16 * 1024 * 1024)
#define FINISH_TIMEOUT (20 * GST_SECOND)

struct _HeadendDecoder {
  GstElement *pipeline;
  GstAppSrc *source;
  HeadendDecodedFunc decoded;
  gpointer user;
  guint64 base90; /* what the pipeline's times begin at */
  guint64 in;
  gint out; /* atomic */
};

static GstFlowReturn
on_sample (GstAppSink *sink, gpointer user)
{
  HeadendDecoder *decoder = user;
  g_autoptr (GstSample) sample = gst_app_sink_pull_sample (sink);
  GstVideoInfo info;
  GstVideoFrame frame;
  if (!sample)
    return GST_FLOW_EOS;
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  if (!gst_video_info_from_caps (&info, gst_sample_get_caps (sample))
      || !gst_video_frame_map (&frame, &info, buffer, GST_MAP_READ))
    return GST_FLOW_ERROR;
  guint32 number = headend_picture_read (GST_VIDEO_FRAME_PLANE_DATA (&frame, 0),
                                         (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0),
                                         (guint)GST_VIDEO_FRAME_WIDTH (&frame),
                                         (guint)GST_VIDEO_FRAME_HEIGHT (&frame));
  gst_video_frame_unmap (&frame);
  g_atomic_int_inc (&decoder->out);
  guint64 ticks
      = gst_util_uint64_scale_round (GST_BUFFER_PTS (buffer), 90000, GST_SECOND);
  decoder->decoded (decoder->base90 + ticks, number, decoder->user);
  return GST_FLOW_OK;
}

HeadendDecoder *
headend_decoder_new (gboolean h265, HeadendDecodedFunc decoded, gpointer user,
                     GError **error)
{
  const char *codec = h265 ? "h265" : "h264";
  g_autofree char *text = g_strdup_printf (
      "appsrc name=in format=time block=true max-bytes=%d "
      "caps=video/x-%s,stream-format=byte-stream,alignment=au ! %sparse "
      "! avdec_%s max-threads=1 ! video/x-raw,format=I420 "
      "! appsink name=out sync=false qos=false",
      QUEUE_BYTES, codec, codec, codec);
  g_autoptr (GstElement) pipeline = gst_parse_launch (text, error);
  if (!pipeline)
    return NULL;
  HeadendDecoder *decoder = g_new0 (HeadendDecoder, 1);
  decoder->pipeline = gst_object_ref_sink (g_steal_pointer (&pipeline));
  decoder->source = GST_APP_SRC (gst_bin_get_by_name (GST_BIN (decoder->pipeline), "in"));
  decoder->decoded = decoded;
  decoder->user = user;
  g_autoptr (GstElement) out = gst_bin_get_by_name (GST_BIN (decoder->pipeline), "out");
  gst_app_sink_set_callbacks (GST_APP_SINK (out),
                              &(GstAppSinkCallbacks) { .new_sample = on_sample }, decoder,
                              NULL);
  gst_element_set_state (decoder->pipeline, GST_STATE_PLAYING);
  return decoder;
}

void
headend_decoder_push (HeadendDecoder *decoder, GBytes *picture, guint64 pts90)
{
  GstBuffer *buffer = gst_buffer_new_wrapped_bytes (picture);
  if (decoder->in++ == 0)
    decoder->base90 = pts90 > 900000 ? pts90 - 900000 : 0;
  guint64 ticks = pts90 > decoder->base90 ? pts90 - decoder->base90 : 0;
  GST_BUFFER_PTS (buffer) = gst_util_uint64_scale_round (ticks, GST_SECOND, 90000);
  gst_app_src_push_buffer (decoder->source, buffer);
}

guint64
headend_decoder_finish (HeadendDecoder *decoder)
{
  if (!decoder)
    return 0;
  g_autoptr (GstBus) bus = gst_element_get_bus (decoder->pipeline);
  gst_app_src_end_of_stream (decoder->source);
  g_autoptr (GstMessage) end = gst_bus_timed_pop_filtered (
      bus, FINISH_TIMEOUT, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  gst_element_set_state (decoder->pipeline, GST_STATE_NULL);
  guint64 in = decoder->in, out = (guint64)g_atomic_int_get (&decoder->out);
  gst_object_unref (decoder->source);
  gst_object_unref (decoder->pipeline);
  g_free (decoder);
  return in > out ? in - out : 0;
}
