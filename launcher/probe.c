/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe.h"

#include <gio/gio.h>
#include <string.h>
#include "he-crypto.h"
#include "he-error.h"
#include "he-keys.h"
#include "http.h"

#define FETCH_TIMEOUT 10 /* seconds */
#define FETCH_ATTEMPTS 5

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
                                                    FETCH_TIMEOUT, HEADEND_SEGMENT_MAX, &status,
                                                    error);
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

static gboolean
is_h265 (const HeChannel *channel, const HeSegment *segment)
{
  const HeRendition *rendition = he_channel_find (channel, segment->rendition);
  return rendition && rendition->codecs && g_str_has_prefix (rendition->codecs, "hvc1.");
}

/* A decoder is most of what a worker that passes streams through would hold, and is
 * needed once: a process of its own takes it along when it ends. */
static gboolean
decode (GBytes *clear, gboolean h265, GError **error)
{
  const GSubprocessFlags flags = G_SUBPROCESS_FLAGS_STDIN_PIPE
                                 | G_SUBPROCESS_FLAGS_STDOUT_SILENCE
                                 | G_SUBPROCESS_FLAGS_STDERR_PIPE;
  g_autofree char *program = g_file_read_link ("/proc/self/exe", error);
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GBytes) said = NULL;
  if (!program)
    return FALSE;
  process
      = g_subprocess_new (flags, error, program, "decode", h265 ? "h265" : "h264", NULL);
  if (!process || !g_subprocess_communicate (process, clear, NULL, NULL, &said, error))
    return FALSE;
  if (g_subprocess_get_successful (process))
    return TRUE;
  gsize len;
  const char *text = g_bytes_get_data (said, &len);
  g_autofree char *line = g_strchomp (g_utf8_make_valid (text ? text : "", (gssize)len));
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID, "%s",
               *line ? line : "its decoder ended without a word");
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
