/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include "../unit/mark-clips.h"
#include "he-epoch.h"
#include "he-keys.h"

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define MARK "forensicmark name=mark key=" KEY " channel=demo "
#define WIDTH 640
#define HEIGHT 360
#define FPS 25
#define SEGMENT_FRAMES (2 * FPS)

static inline void
seed_of (guint64 msn, guint8 ret_seed[32])
{
  g_autoptr (HeSecret) key = he_secret_from_hex (KEY, "key", NULL);
  he_mark_seed (key, "demo", msn, ret_seed);
}

/* What went into and came out of the element, frame by frame. */
typedef struct {
  GstVideoInfo info;
  GstBuffer *in;
  double worst;
  guint frames, shared;
} Watch;

static inline double
psnr_of (const GstVideoInfo *info, GstBuffer *a, GstBuffer *b)
{
  GstVideoFrame x, y;
  g_assert_true (gst_video_frame_map (&x, info, a, GST_MAP_READ));
  g_assert_true (gst_video_frame_map (&y, info, b, GST_MAP_READ));
  double psnr = clip_psnr (
      GST_VIDEO_FRAME_PLANE_DATA (&x, 0), (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (&x, 0),
      GST_VIDEO_FRAME_PLANE_DATA (&y, 0), (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (&y, 0),
      (guint)info->width, (guint)info->height);
  gst_video_frame_unmap (&y);
  gst_video_frame_unmap (&x);
  return psnr;
}

/* Whether each chroma plane of out is, byte for byte, at in's own addresses. */
static inline gboolean
shares_chroma (const GstVideoInfo *info, GstBuffer *in, GstBuffer *out)
{
  GstVideoFrame x, y;
  gboolean same = TRUE;
  g_assert_true (gst_video_frame_map (&x, info, in, GST_MAP_READ));
  g_assert_true (gst_video_frame_map (&y, info, out, GST_MAP_READ));
  for (guint i = 1; i < GST_VIDEO_INFO_N_PLANES (info); i++)
    same &= GST_VIDEO_FRAME_PLANE_DATA (&x, i) == GST_VIDEO_FRAME_PLANE_DATA (&y, i)
            && GST_VIDEO_FRAME_PLANE_STRIDE (&x, i)
                   == GST_VIDEO_FRAME_PLANE_STRIDE (&y, i);
  gst_video_frame_unmap (&y);
  gst_video_frame_unmap (&x);
  return same;
}

static inline GstPadProbeReturn
watch_in (GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
  Watch *watch = user;
  gst_buffer_replace (&watch->in, GST_PAD_PROBE_INFO_BUFFER (info));
  return GST_PAD_PROBE_OK;
}

static inline GstPadProbeReturn
watch_out (GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
  Watch *watch = user;
  GstBuffer *out = GST_PAD_PROBE_INFO_BUFFER (info);
  if (!watch->frames) {
    g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
    g_assert_true (gst_video_info_from_caps (&watch->info, caps));
    watch->worst = 99;
  }
  if (watch->frames % 10 == 0)
    watch->worst = MIN (watch->worst, psnr_of (&watch->info, watch->in, out));
  watch->shared += shares_chroma (&watch->info, watch->in, out);
  watch->frames++;
  gst_buffer_replace (&watch->in, NULL);
  return GST_PAD_PROBE_OK;
}

static inline void
watch_element (GstElement *pipeline, Watch *watch)
{
  g_autoptr (GstElement) mark = gst_bin_get_by_name (GST_BIN (pipeline), "mark");
  g_autoptr (GstPad) sink = gst_element_get_static_pad (mark, "sink");
  g_autoptr (GstPad) src = gst_element_get_static_pad (mark, "src");
  *watch = (Watch) { 0 };
  gst_pad_add_probe (sink, GST_PAD_PROBE_TYPE_BUFFER, watch_in, watch, NULL);
  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_BUFFER, watch_out, watch, NULL);
}

static inline GstElement *
parse (const char *description)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (description, &error);
  g_assert_no_error (error);
  return pipeline;
}

static inline void
assert_no_error_message (GstElement *pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_autoptr (GError) error = NULL;
  if (message)
    gst_message_parse_error (message, &error, NULL);
  g_assert_no_error (error);
}

/* A leak's way: the operator's encode, a viewer's decode, a pirate's re-encode. x264enc
 * caps the rate at `bitrate` in constant quality too, so that is out of the way. */
#define OPERATOR_OF(frames)                                                              \
  "x264enc pass=qual quantizer=21 bitrate=100000 speed-preset=veryfast "                 \
  "key-int-max=" G_STRINGIFY (frames) " option-string=scenecut=0 ! h264parse ! "         \
                                      "avdec_h264 ! "
#define OPERATOR OPERATOR_OF (50)
#define PIRATE                                                                           \
  "x264enc pass=qual quantizer=26 bitrate=100000 speed-preset=medium ! h264parse ! "     \
  "avdec_h264 ! videoconvert ! video/x-raw,format=I420 ! "
/* An encode and a decode on the way. Under valgrind two conversions that leave luma as it is,
 * and know GstVideoMeta as an encoder does: the coders are not ours, and take it hours. */
static inline const char *
coded (const char *way)
{
  return g_getenv ("UNDER_VALGRIND") ? "videoconvert ! video/x-raw,format=Y444 ! "
                                       "videoconvert ! video/x-raw,format=I420 ! "
                                     : way;
}

#define TO_SINK "appsink name=decoded sync=false max-buffers=20"

static inline void
push_scene (GstAppSrc *src, guint frames)
{
  GstVideoInfo info;
  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_I420, WIDTH, HEIGHT);
  for (guint i = 0; i < frames; i++) {
    GstBuffer *buffer = gst_buffer_new_allocate (NULL, info.size, NULL);
    GstMapInfo map;
    g_assert_true (gst_buffer_map (buffer, &map, GST_MAP_WRITE));
    memset (map.data, 128, map.size);
    clip_fill (CLIP_SCENE, i, map.data, (gsize)info.stride[0], WIDTH, HEIGHT);
    gst_buffer_unmap (buffer, &map);
    /* Far from zero, as on the epoch. */
    GST_BUFFER_PTS (buffer)
        = he_ticks_to_ns (889000000 * G_GUINT64_CONSTANT (180000) + i * 90000 / FPS);
    GST_BUFFER_DURATION (buffer) = GST_SECOND / FPS;
    g_assert_cmpint (gst_app_src_push_buffer (src, buffer), ==, GST_FLOW_OK);
  }
  gst_app_src_end_of_stream (src);
}
