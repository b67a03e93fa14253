/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe.h"

#include <gst/gst.h>
#include <string.h>
#include "he-crypto.h"
#include "he-error.h"
#include "he-keys.h"
#include "http.h"

#define FETCH_TIMEOUT 2 /* seconds */
#define FETCH_ATTEMPTS 5
#define DECODE_TIMEOUT (10 * GST_SECOND)

/* The origin may be a moment behind the message that the segment is published, because
 * another origin may have had it first. */
static GBytes *
fetch (const char *origin, const HeSegment *segment, const HeSecret *publish,
       GError **error)
{
  g_autofree char *path = he_segment_path (segment);
  guint status = 0;
  for (guint i = 0; i < FETCH_ATTEMPTS; i++) {
    g_autoptr (GBytes) body = headend_http_request (origin, "GET", path, publish, NULL,
                                                    FETCH_TIMEOUT, &status, error);
    if (!body)
      return NULL;
    if (status == 200)
      return g_steal_pointer (&body);
    g_usleep (G_USEC_PER_SEC / 2);
  }
  g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE, "%s answers %u for %s", origin,
               status, path);
  return NULL;
}

static GBytes *
decrypt (GBytes *body, const HeChannel *channel, const HeSegment *segment,
         const HeSecret *content, GError **error)
{
  guint8 key[HE_AES128_KEY_LEN], iv[HE_AES_BLOCK];
  he_content_key (content, channel->key_version, channel->name, channel->tier,
                  he_key_period (segment->msn, channel->key_rotation), key);
  he_content_iv (segment->msn, iv);
  GBytes *clear = he_aes128_cbc_decrypt (key, iv, g_bytes_get_data (body, NULL),
                                         g_bytes_get_size (body), error);
  explicit_bzero (key, sizeof key);
  return clear;
}

static void
push (GstElement *pipeline, GBytes *clear)
{
  g_autoptr (GstElement) source = gst_bin_get_by_name (GST_BIN (pipeline), "in");
  g_autoptr (GstBuffer) buffer = gst_buffer_new_wrapped_bytes (clear);
  GstFlowReturn flow;
  g_signal_emit_by_name (source, "push-buffer", buffer, &flow);
  g_signal_emit_by_name (source, "end-of-stream", &flow);
}

static gboolean
is_h265 (const HeChannel *channel, const HeSegment *segment)
{
  const HeRendition *rendition = he_channel_find (channel, segment->rendition);
  return rendition && rendition->codecs && g_str_has_prefix (rendition->codecs, "hvc1.");
}

static gboolean
decode (GBytes *clear, gboolean h265, GError **error)
{
  g_autofree char *text
      = g_strdup_printf ("appsrc name=in caps=video/mpegts,systemstream=true ! tsdemux "
                         "! h26%uparse ! avdec_h26%u "
                         "max-threads=1 ! fakesink name=out sync=false num-buffers=1",
                         h265 ? 5u : 4u, h265 ? 5u : 4u);
  g_autoptr (GstElement) pipeline = gst_parse_launch (text, error);
  if (!pipeline)
    return FALSE;
  gst_object_ref_sink (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  push (pipeline, clear);

  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (
      bus, DECODE_TIMEOUT, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_autoptr (GstElement) out = gst_bin_get_by_name (GST_BIN (pipeline), "out");
  g_autoptr (GstSample) picture = NULL;
  g_object_get (out, "last-sample", &picture, NULL);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  if (picture)
    return TRUE;
  if (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    gst_message_parse_error (message, error, NULL);
  else
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "no picture comes out of its decoder");
  return FALSE;
}

gboolean
headend_probe_segment (const char *origin, const HeChannel *channel,
                       const HeSegment *segment, const HeSecret *publish,
                       const HeSecret *content, GError **error)
{
  g_autoptr (GBytes) body = fetch (origin, segment, publish, error);
  if (!body)
    return FALSE;
  g_autoptr (GBytes) clear = channel->encrypted
                                 ? decrypt (body, channel, segment, content, error)
                                 : g_bytes_ref (body);
  return clear && decode (clear, is_h265 (channel, segment), error);
}
