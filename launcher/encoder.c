/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "encoder.h"

#include <string.h>

static const char *const x264_presets[]
    = { "ultrafast", "superfast", "veryfast", "faster",   "fast",
        "medium",    "slow",      "slower",   "veryslow", NULL };

/* A number that follows from the picture and not from the machine, so that all nodes
 * encode alike whatever they run on. */
static guint
x264_threads (const HeadendVideo *video)
{
  guint pixels = video->width * video->height;
  return pixels <= 720 * 576     ? 1
         : pixels <= 1280 * 720  ? 2
         : pixels <= 1920 * 1088 ? 4
                                 : 8;
}

/* cabac is said aloud: without it and without B-frames x264 would write a baseline SPS,
 * and CODECS would be wrong. key-int-max is only out of the way of the forced keys. */
static char *
x264_describe (const HeadendVideo *video, const char *level)
{
  return g_strdup_printf (
      "x264enc bitrate=%u vbv-buf-capacity=%u speed-preset=%s threads=%u "
      "bframes=0 cabac=true dct8x8=false key-int-max=1000000 "
      "byte-stream=true option-string=scenecut=0:open-gop=0:mbtree=0 "
      "! capsfilter caps=video/x-h264,profile=(string)main,level=(string)%s,"
      "stream-format=(string)byte-stream",
      video->bitrate, HEADEND_VBV_MS, video->preset, x264_threads (video), level);
}

static const HeadendEncoder encoders[] = {
  { "x264", "x264enc", x264_presets, x264_describe },
  { "copy", NULL, x264_presets, NULL },
};

static const char *const names[] = { "x264", "copy", NULL };
G_STATIC_ASSERT (G_N_ELEMENTS (names) == G_N_ELEMENTS (encoders) + 1);

const HeadendEncoder *
headend_encoder_find (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (encoders); i++)
    if (strcmp (encoders[i].name, name) == 0)
      return &encoders[i];
  return NULL;
}

const char *const *
headend_encoder_names (void)
{
  return names;
}

gboolean
headend_encoder_copies (const char *name)
{
  const HeadendEncoder *encoder = headend_encoder_find (name);
  return encoder && !encoder->factory;
}

char *
headend_encoder_audio (const HeadendAudio *audio)
{
  return g_strdup_printf ("avenc_aac bitrate=%u", audio->bitrate * 1000);
}

const char *
headend_package_of (const char *factory)
{
  static const struct {
    const char *factory, *package;
  } packages[] = {
    { "x264enc", "gstreamer1.0-plugins-ugly" },
    { "avdec_h264", "gstreamer1.0-libav" },
    { "avdec_aac", "gstreamer1.0-libav" },
    { "avenc_aac", "gstreamer1.0-libav" },
    { "h264parse", "gstreamer1.0-plugins-bad" },
    { "srtsrc", "gstreamer1.0-plugins-bad" },
    { "tsdemux", "gstreamer1.0-plugins-bad" },
    { "aacparse", "gstreamer1.0-plugins-good" },
    { "udpsrc", "gstreamer1.0-plugins-good" },
    { "audioconvert", "gstreamer1.0-plugins-base" },
    { "audioresample", "gstreamer1.0-plugins-base" },
    { "videoconvert", "gstreamer1.0-plugins-base" },
    { "videoscale", "gstreamer1.0-plugins-base" },
    { "tcpclientsrc", "gstreamer1.0-plugins-base" },
    { "appsrc", "gstreamer1.0-plugins-base" },
    { "queue", "libgstreamer1.0-0" },
    { "tee", "libgstreamer1.0-0" },
    { "fakesink", "libgstreamer1.0-0" },
    { "filesrc", "libgstreamer1.0-0" },
    { "clocksync", "libgstreamer1.0-0" },
    { "capsfilter", "libgstreamer1.0-0" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (packages); i++)
    if (strcmp (packages[i].factory, factory) == 0)
      return packages[i].package;
  return NULL;
}
