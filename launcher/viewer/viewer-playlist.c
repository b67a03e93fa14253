/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "viewer-playlist.h"

#include <string.h>
#include "he-error.h"
#include "he-keys.h"

#define MAX_SEGMENTS 10000

static void
listed_free (gpointer data)
{
  HeadendListed *listed = data;
  g_free (listed->uri);
  g_free (listed->key);
  g_free (listed);
}

void
headend_playlist_free (HeadendPlaylist *playlist)
{
  if (!playlist)
    return;
  g_ptr_array_unref (playlist->segments);
  g_free (playlist);
}

static char **
split (const char *text, gsize len, GError **error)
{
  if (len > HEADEND_PLAYLIST_MAX) {
    g_set_error (error, HE_ERROR, HE_ERROR_LIMIT,
                 "a playlist of %" G_GSIZE_FORMAT " bytes; at most %d are read", len,
                 HEADEND_PLAYLIST_MAX);
    return NULL;
  }
  if (memchr (text, 0, len) || !g_utf8_validate (text, (gssize)len, NULL) || len < 7
      || memcmp (text, "#EXTM3U", 7) != 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "not a playlist: expected UTF-8 that begins with #EXTM3U");
    return NULL;
  }
  g_autofree char *copy = g_strndup (text, len);
  char **lines = g_strsplit (copy, "\n", -1);
  for (guint i = 0; lines[i]; i++)
    g_strchomp (lines[i]);
  return lines;
}

/* The value of an attribute (section 4.2), without quotes; NULL when it is not there. */
static char *
attribute (const char *list, const char *name)
{
  gsize name_len = strlen (name);
  const char *at = list;
  while (*at) {
    const char *equals = strchr (at, '=');
    if (!equals)
      return NULL;
    const char *value = equals + 1, *end;
    gboolean quoted = *value == '"';
    if (quoted)
      value++;
    end = strchr (value, quoted ? '"' : ',');
    if (quoted && !end)
      return NULL;
    if (!end)
      end = value + strlen (value);
    if ((gsize)(equals - at) == name_len && memcmp (at, name, name_len) == 0)
      return g_strndup (value, (gsize)(end - value));
    at = end + (quoted ? 1 : 0);
    if (*at == ',')
      at++;
  }
  return NULL;
}

static gboolean
read_number (const char *text, guint64 max, guint64 *ret)
{
  return g_ascii_string_to_unsigned (text, 10, 0, max, ret, NULL);
}

/* "2.000" to microseconds, without rounding through a double's text. */
static gboolean
read_seconds (const char *text, gint64 *ret_us)
{
  char *end;
  double seconds = g_ascii_strtod (text, &end);
  if (end == text || (*end && *end != ',') || !(seconds >= 0 && seconds <= 3600))
    return FALSE;
  *ret_us = (gint64)(seconds * G_USEC_PER_SEC + 0.5);
  return TRUE;
}

typedef struct {
  HeadendPlaylist *playlist;
  guint64 msn;
  gint64 duration_us;
  gboolean has_duration;
  char *key;
  guint8 iv[16];
  gboolean has_iv;
} Reading;

static gboolean
read_iv (Reading *reading, const char *text)
{
  if (strlen (text) != 34 || !g_str_has_prefix (text, "0x"))
    return FALSE;
  for (guint i = 0; i < 16; i++) {
    int high = g_ascii_xdigit_value (text[2 + 2 * i]);
    int low = g_ascii_xdigit_value (text[3 + 2 * i]);
    if (high < 0 || low < 0)
      return FALSE;
    reading->iv[i] = (guint8)(high * 16 + low);
  }
  return TRUE;
}

static gboolean
read_key (Reading *reading, const char *list)
{
  g_autofree char *method = attribute (list, "METHOD");
  g_autofree char *uri = attribute (list, "URI");
  g_autofree char *iv = attribute (list, "IV");
  g_clear_pointer (&reading->key, g_free);
  reading->has_iv = iv != NULL;
  if (!method || (iv && !read_iv (reading, iv)))
    return FALSE;
  if (strcmp (method, "NONE") == 0)
    return TRUE;
  reading->key = g_steal_pointer (&uri);
  return strcmp (method, "AES-128") == 0 && reading->key;
}

static gboolean
add_segment (Reading *reading, const char *uri)
{
  GPtrArray *segments = reading->playlist->segments;
  if (!reading->has_duration || segments->len >= MAX_SEGMENTS)
    return FALSE;
  HeadendListed *listed = g_new0 (HeadendListed, 1);
  listed->msn = reading->msn + segments->len;
  listed->duration_us = reading->duration_us;
  listed->uri = g_strdup (uri);
  listed->key = g_strdup (reading->key);
  if (reading->has_iv)
    memcpy (listed->iv, reading->iv, sizeof listed->iv);
  else
    he_content_iv (listed->msn, listed->iv);
  g_ptr_array_add (segments, listed);
  reading->has_duration = FALSE;
  return TRUE;
}

static gboolean
read_line (Reading *reading, const char *line)
{
  HeadendPlaylist *playlist = reading->playlist;
  const char *value = strchr (line, ':');
  guint64 number;
  value = value ? value + 1 : "";
  if (*line && *line != '#')
    return add_segment (reading, line);
  if (g_str_has_prefix (line, "#EXTINF:"))
    return reading->has_duration = read_seconds (value, &reading->duration_us);
  if (g_str_has_prefix (line, "#EXT-X-KEY:"))
    return read_key (reading, value);
  if (g_str_has_prefix (line, "#EXT-X-MEDIA-SEQUENCE:"))
    return playlist->segments->len == 0 && read_number (value, G_MAXINT64, &reading->msn);
  if (g_str_has_prefix (line, "#EXT-X-TARGETDURATION:")) {
    if (!read_number (value, 3600, &number))
      return FALSE;
    playlist->target = (guint)number;
  }
  playlist->ended |= strcmp (line, "#EXT-X-ENDLIST") == 0;
  playlist->discontinuities += strcmp (line, "#EXT-X-DISCONTINUITY") == 0;
  return TRUE;
}

HeadendPlaylist *
headend_playlist_parse (const char *text, gsize len, GError **error)
{
  g_auto (GStrv) lines = split (text, len, error);
  if (!lines)
    return NULL;
  g_autoptr (HeadendPlaylist) playlist = g_new0 (HeadendPlaylist, 1);
  playlist->segments = g_ptr_array_new_with_free_func (listed_free);
  Reading reading = { .playlist = playlist };
  gboolean good = TRUE;
  guint line = 0;
  for (; good && lines[line]; line++)
    good = read_line (&reading, lines[line]);
  g_free (reading.key);
  if (!good)
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "line %u of a media playlist is not as RFC 8216 has it: %.80s", line,
                 lines[line - 1]);
  else if (playlist->target == 0)
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "a media playlist without EXT-X-TARGETDURATION");
  return good && playlist->target > 0 ? g_steal_pointer (&playlist) : NULL;
}

gboolean
headend_playlist_choose (const char *text, gsize len, char **ret_video, char **ret_audio,
                         GError **error)
{
  g_auto (GStrv) lines = split (text, len, error);
  g_autofree char *video = NULL, *audio = NULL;
  guint64 lowest = G_MAXUINT64;
  if (!lines)
    return FALSE;
  for (guint i = 0; lines[i]; i++) {
    const char *line = lines[i];
    if (!audio && g_str_has_prefix (line, "#EXT-X-MEDIA:") && strstr (line, "TYPE=AUDIO"))
      audio = attribute (strchr (line, ':') + 1, "URI");
    if (!g_str_has_prefix (line, "#EXT-X-STREAM-INF:") || !lines[i + 1])
      continue;
    g_autofree char *bandwidth = attribute (strchr (line, ':') + 1, "BANDWIDTH");
    guint64 number;
    if (!bandwidth || !read_number (bandwidth, G_MAXINT64, &number) || number >= lowest)
      continue;
    lowest = number;
    g_free (video);
    video = g_strdup (lines[i + 1]);
  }
  if (!video || !*video || *video == '#') {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "a multivariant playlist without a stream");
    return FALSE;
  }
  *ret_video = g_steal_pointer (&video);
  *ret_audio = g_steal_pointer (&audio);
  return TRUE;
}

char *
headend_playlist_resolve (const char *base, const char *path, const char *uri)
{
  g_autofree char *from = g_strconcat (base, path, NULL);
  g_autofree char *to = g_uri_resolve_relative (
      from, uri, G_URI_FLAGS_PARSE_RELAXED | G_URI_FLAGS_ENCODED, NULL);
  const gsize len = strlen (base);
  if (!to || strncmp (to, base, len) != 0 || to[len] != '/')
    return NULL;
  return g_strdup (to + len);
}
