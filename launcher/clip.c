/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clip.h"

#include <gst/app/app.h>
#include "encoder.h"
#include "he-error.h"
#include "route.h"

#define BUFFERS 10
#define BLOCK 1024
#define MAX_SECONDS 60

/* Mixes well enough, and is the same everywhere. */
static guint32
noise (guint32 x)
{
  x ^= x >> 16;
  x *= 0x7feb352d;
  x ^= x >> 15;
  x *= 0x846ca68b;
  return x ^ x >> 16;
}

/* Moving slopes with some noise: something to search, to predict and to quantise. */
static void
paint (GstMapInfo *map, const HeadendVideo *video, guint n)
{
  const gboolean deep = video->bit_depth > 8;

  for (gsize i = 0; i < map->size; i++) {
    map->data[i] = (guint8)((i % video->width + 3 * n) + (i / video->width + n) / 2
                            + (noise ((guint32)i + n * 7919) & 15));
    if (deep && i % 2 == 1)
      map->data[i] &= 3; /* the upper two of ten bits */
  }
}

static void
play (GstMapInfo *map, guint n)
{
  gint16 *samples = (gint16 *)map->data;

  for (gsize i = 0; i < map->size / 2; i++)
    samples[i] = (gint16)((gint32)((i * 37 + n * 1001) % 8192) - 4096
                          + (gint32)(noise ((guint32)i + n * 7919) & 1023));
}

static void
push_clip (GstElement *in, gsize size, const HeadendVideo *video, GstClockTime span)
{
  for (guint n = 0; n < BUFFERS; n++) {
    GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);
    GstMapInfo map;

    gst_buffer_map (buffer, &map, GST_MAP_WRITE);
    if (video)
      paint (&map, video, n);
    else
      play (&map, n);
    gst_buffer_unmap (buffer, &map);
    GST_BUFFER_PTS (buffer) = n * span;
    gst_app_src_push_buffer (GST_APP_SRC (in), buffer);
  }
  gst_app_src_end_of_stream (GST_APP_SRC (in));
}

/* No sample is waited for beyond the deadline: an encoder may hang. */
static GstSample *
pull (GstElement *out, gint64 deadline)
{
  gint64 left = deadline - g_get_monotonic_time ();

  return gst_app_sink_try_pull_sample (GST_APP_SINK (out),
                                       (GstClockTime)MAX (left, 0) * GST_USECOND);
}

/* How many samples it was; 0: it did not end in time. */
static guint
add_output (GstElement *out, GChecksum *sum)
{
  gint64 deadline = g_get_monotonic_time () + MAX_SECONDS * G_USEC_PER_SEC;
  GstSample *sample;
  guint n = 0;

  while ((sample = pull (out, deadline)) != NULL) {
    GstBuffer *buffer = gst_sample_get_buffer (sample);
    GstMapInfo map;

    if (gst_buffer_map (buffer, &map, GST_MAP_READ)) {
      g_checksum_update (sum, map.data, (gssize)map.size);
      gst_buffer_unmap (buffer, &map);
      n++;
    }
    gst_sample_unref (sample);
  }
  return gst_app_sink_is_eos (GST_APP_SINK (out)) ? n : 0;
}

/* One rendition: its clip through the encoder that the description names. */
static gboolean
encode (const char *caps, const char *encoder, gsize size, const HeadendVideo *video,
        GstClockTime span, GChecksum *sum, GError **error)
{
  g_autofree char *text = g_strdup_printf (
      "appsrc name=in format=time caps=\"%s\" ! %s ! appsink name=out sync=false", caps,
      encoder);
  g_autoptr (GstElement) pipeline
      = gst_parse_launch_full (text, NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);
  guint n = 0;

  if (pipeline == NULL)
    return FALSE;
  g_autoptr (GstElement) in = gst_bin_get_by_name (GST_BIN (pipeline), "in");
  g_autoptr (GstElement) out = gst_bin_get_by_name (GST_BIN (pipeline), "out");
  if (gst_element_set_state (pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE) {
    push_clip (in, size, video, span);
    n = add_output (out, sum);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  g_checksum_update (sum, (const guchar *)encoder, -1);
  if (n > 0)
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE, "\"%s\" encodes nothing", encoder);
  return FALSE;
}

static gboolean
encode_pictures (const HeadendRung *rung, GChecksum *sum, GError **error)
{
  const HeadendVideo *video = rung->video;
  gsize size = (gsize)video->width * video->height * 3 / 2;
  gboolean deep = video->bit_depth > 8;
  g_autofree char *caps
      = g_strdup_printf ("video/x-raw,format=%s,width=%u,height=%u,framerate=%u/%u",
                         deep ? "I420_10LE" : "I420", video->width, video->height,
                         video->frame_rate.n, video->frame_rate.d);

  return encode (caps, rung->description, deep ? 2 * size : size, video,
                 GST_SECOND * video->frame_rate.d / video->frame_rate.n, sum, error);
}

static gboolean
encode_sound (const HeadendAudio *audio, GChecksum *sum, GError **error)
{
  g_autofree char *encoder = headend_encoder_audio (audio);
  g_autofree char *description = g_strconcat ("audioconvert ! ", encoder, NULL);
  g_autofree char *caps = g_strdup_printf (
      "audio/x-raw,format=S16LE,layout=interleaved,rate=%u,channels=%u", audio->rate,
      audio->channels);

  return encode (caps, description, (gsize)2 * BLOCK * audio->channels, NULL,
                 GST_SECOND * BLOCK / audio->rate, sum, error);
}

char *
headend_clip_digest (const HeadendModelChannel *channel, const HeProbe *probe,
                     GError **error)
{
  g_autoptr (HeadendRoute) route = headend_route_new (channel, probe, error);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *version = gst_version_string ();

  if (route == NULL)
    return NULL;
  g_checksum_update (sum, (const guchar *)version, -1);
  for (guint i = 0; i < route->rungs->len; i++)
    if (!encode_pictures (route->rungs->pdata[i], sum, error))
      return NULL;
  for (guint i = 0; i < channel->audio->len; i++) {
    const HeadendAudio *audio = channel->audio->pdata[i];

    if (!headend_encoder_copies (audio->encoder) && !encode_sound (audio, sum, error))
      return NULL;
  }
  return g_strdup (g_checksum_get_string (sum));
}
