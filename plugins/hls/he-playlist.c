/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-playlist.h"

#include "he-epoch.h"
#include "he-keys.h"

/* Decimal EXTINF needs 3, and nothing here needs more: EXT-X-MEDIA, AUDIO and
 * EXT-X-INDEPENDENT-SEGMENTS are ignored by older clients without harm (section 7). */
#define PROTOCOL_VERSION 3
#define AUDIO_GROUP "audio"

static void
append_header (GString *text)
{
  g_string_append_printf (text, "#EXTM3U\n#EXT-X-VERSION:%d\n", PROTOCOL_VERSION);
}

/* A quoted-string has no escapes (section 4.2), so what would end it is left out. */
static void
append_quoted (GString *text, const char *name, const char *value)
{
  g_string_append_printf (text, ",%s=\"", name);
  for (const char *p = value; *p != '\0'; p++)
    if (*p != '"' && !g_ascii_iscntrl (*p))
      g_string_append_c (text, *p);
  g_string_append_c (text, '"');
}

/* The video's codec and each distinct one of the audio group: a client must be able to
 * play any combination of them (section 4.3.4.2). */
static char *
codecs_of (const HeChannel *channel, const HeRendition *video)
{
  g_autoptr (GPtrArray) codecs = g_ptr_array_new ();

  if (video != NULL && video->codecs != NULL)
    g_ptr_array_add (codecs, video->codecs);
  for (guint i = 0; i < channel->renditions->len; i++) {
    HeRendition *audio = g_ptr_array_index (channel->renditions, i);

    if (audio->media == HE_MEDIA_AUDIO && audio->codecs != NULL
        && !g_ptr_array_find_with_equal_func (codecs, audio->codecs, g_str_equal, NULL))
      g_ptr_array_add (codecs, audio->codecs);
  }
  g_ptr_array_add (codecs, NULL);
  return g_strjoinv (",", (char **)codecs->pdata);
}

static void
append_audio (GString *text, const HeRendition *audio, gboolean first)
{
  g_string_append (text, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"" AUDIO_GROUP "\"");
  append_quoted (text, "NAME", audio->name);
  if (audio->language != NULL)
    append_quoted (text, "LANGUAGE", audio->language);
  g_string_append_printf (text, ",DEFAULT=%s,AUTOSELECT=YES", first ? "YES" : "NO");
  if (audio->channels > 0)
    g_string_append_printf (text, ",CHANNELS=\"%u\"", audio->channels);
  g_string_append_printf (text, ",URI=\"%s/index.m3u8\"\n", audio->name);
}

/* Three decimals (section 4.3.4.2), rounded in integers. */
static void
append_frame_rate (GString *text, guint fps_n, guint fps_d)
{
  guint64 milli = ((guint64)fps_n * 1000 + fps_d / 2) / fps_d;

  g_string_append_printf (text, ",FRAME-RATE=%" G_GUINT64_FORMAT ".%03" G_GUINT64_FORMAT,
                          milli / 1000, milli % 1000);
}

static void
append_stream (GString *text, const HeChannel *channel, const HeRendition *rendition,
               gboolean audio_group)
{
  g_autofree char *codecs
      = codecs_of (channel, rendition->media == HE_MEDIA_VIDEO ? rendition : NULL);

  g_string_append_printf (text, "#EXT-X-STREAM-INF:BANDWIDTH=%u", rendition->bandwidth);
  if (rendition->average_bandwidth > 0)
    g_string_append_printf (text, ",AVERAGE-BANDWIDTH=%u", rendition->average_bandwidth);
  if (*codecs != '\0')
    append_quoted (text, "CODECS", codecs);
  if (rendition->width > 0 && rendition->height > 0)
    g_string_append_printf (text, ",RESOLUTION=%ux%u", rendition->width,
                            rendition->height);
  if (rendition->fps_n > 0 && rendition->fps_d > 0)
    append_frame_rate (text, rendition->fps_n, rendition->fps_d);
  if (rendition->video_range != NULL)
    g_string_append_printf (text, ",VIDEO-RANGE=%s", rendition->video_range);
  if (audio_group)
    g_string_append (text, ",AUDIO=\"" AUDIO_GROUP "\"");
  g_string_append_printf (text, "\n%s/index.m3u8\n", rendition->name);
}

char *
he_playlist_multivariant (const HeChannel *channel)
{
  GString *text = g_string_new (NULL);
  guint videos = 0, audios = 0;
  gboolean open = FALSE;

  append_header (text);
  for (guint i = 0; i < channel->renditions->len; i++) {
    const HeRendition *r = g_ptr_array_index (channel->renditions, i);

    videos += r->media == HE_MEDIA_VIDEO;
    audios += r->media == HE_MEDIA_AUDIO;
    open |= r->open_gops;
  }
  /* Here it speaks for every segment of every rendition (section 4.3.5.1). */
  if (!open)
    g_string_append (text, "#EXT-X-INDEPENDENT-SEGMENTS\n");
  if (videos > 0)
    for (guint i = 0, n = 0; i < channel->renditions->len; i++) {
      const HeRendition *r = g_ptr_array_index (channel->renditions, i);

      if (r->media == HE_MEDIA_AUDIO)
        append_audio (text, r, n++ == 0);
    }
  /* A radio channel has no video to hang a group on: its renditions are the streams. */
  for (guint i = 0; i < channel->renditions->len; i++) {
    const HeRendition *r = g_ptr_array_index (channel->renditions, i);

    if (r->media == HE_MEDIA_VIDEO || videos == 0)
      append_stream (text, channel, r, videos > 0 && audios > 0);
  }
  return g_string_free (text, FALSE);
}

/* Seconds with as many decimals as it takes, at least three. Exact when ticks is a
 * multiple of 9 (every frame rate in use), else to the nearest microsecond. */
static void
append_seconds (GString *text, guint64 ticks)
{
  guint64 rest = ticks % HE_TICKS_PER_SECOND;
  guint64 micro
      = ticks / HE_TICKS_PER_SECOND * G_USEC_PER_SEC
        + (rest * G_USEC_PER_SEC + HE_TICKS_PER_SECOND / 2) / HE_TICKS_PER_SECOND;
  gsize shortest;

  g_string_append_printf (text, "%" G_GUINT64_FORMAT ".", micro / G_USEC_PER_SEC);
  shortest = text->len + 3;
  g_string_append_printf (text, "%06" G_GUINT64_FORMAT, micro % G_USEC_PER_SEC);
  while (text->len > shortest && text->str[text->len - 1] == '0')
    g_string_truncate (text, text->len - 1);
}

/* No IV attribute: the default is the media sequence number (section 5.2), which is what
 * he_content_iv() gives. */
static void
append_key (GString *text, const HeChannel *channel, const char *uri, guint64 period)
{
  g_autofree char *key = g_strdup_printf (
      "%s%s/%" G_GUINT64_FORMAT, uri != NULL ? uri : "../keys/", channel->tier, period);

  g_string_append (text, "#EXT-X-KEY:METHOD=AES-128");
  append_quoted (text, "URI", key);
  g_string_append_c (text, '\n');
}

static void
append_date (GString *text, const HeChannel *channel, const HeAnchor *anchor, guint64 msn)
{
  gint64 wall90
      = (gint64)he_epoch_boundary (msn, channel->duration90) + anchor->wall_offset90;
  g_autofree char *date = he_epoch_to_rfc3339 ((guint64)MAX (wall90, 0));

  g_string_append_printf (text, "#EXT-X-PROGRAM-DATE-TIME:%s\n", date);
}

char *
he_playlist_media (const HeChannel *channel, const HeRendition *rendition,
                   const HeAnchor *anchor, guint64 first_msn, guint64 last_msn)
{
  static const HePlaylistStyle plain = { 0 };

  return he_playlist_media_styled (channel, rendition, anchor, first_msn, last_msn,
                                   &plain);
}

char *
he_playlist_media_styled (const HeChannel *channel, const HeRendition *rendition,
                          const HeAnchor *anchor, guint64 first_msn, guint64 last_msn,
                          const HePlaylistStyle *style)
{
  GString *text = g_string_new (NULL);
  guint64 last90 = style->last90 > 0 ? style->last90 : channel->duration90;
  guint64 longest90 = MAX (channel->duration90, last90);
  /* No EXTINF, rounded to the nearest second, may be larger (section 4.3.3.1). */
  guint64 target = (longest90 + HE_TICKS_PER_SECOND / 2) / HE_TICKS_PER_SECOND;
  guint64 period = 0;

  append_header (text);
  g_string_append_printf (text, "#EXT-X-TARGETDURATION:%" G_GUINT64_FORMAT "\n",
                          MAX (target, 1));
  if (style->finished)
    g_string_append (text, "#EXT-X-PLAYLIST-TYPE:VOD\n");
  g_string_append_printf (text, "#EXT-X-MEDIA-SEQUENCE:%" G_GUINT64_FORMAT "\n",
                          first_msn);
  for (guint64 msn = first_msn; msn <= last_msn; msn++) {
    guint64 now = he_key_period (msn, channel->key_rotation);

    if (channel->encrypted && (msn == first_msn || now != period))
      append_key (text, channel, style->key_uri, now);
    period = now;
    if (anchor != NULL)
      append_date (text, channel, anchor, msn);
    g_string_append (text, "#EXTINF:");
    append_seconds (text, msn == last_msn ? last90 : channel->duration90);
    g_string_append_printf (text, ",\n%" G_GUINT64_FORMAT ".ts\n", msn);
  }
  if (style->finished)
    g_string_append (text, "#EXT-X-ENDLIST\n");
  return g_string_free (text, FALSE);
}
