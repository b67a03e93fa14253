/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "he-codecs.h"
#include "he-playlist.h"

static HeChannel *
demo_channel (void)
{
  HeChannel *channel = he_channel_new ("demo");
  HeRendition *video = he_rendition_new ("360p", HE_MEDIA_VIDEO);
  HeRendition *audio = he_rendition_new ("audio", HE_MEDIA_AUDIO);

  video->bandwidth = 1100000;
  video->average_bandwidth = 900000;
  video->codecs = g_strdup ("avc1.4D401E");
  video->width = 640;
  video->height = 360;
  video->fps_n = 30000;
  video->fps_d = 1001;
  audio->codecs = g_strdup ("mp4a.40.2");
  audio->channels = 2;
  audio->language = g_strdup ("en");
  g_ptr_array_add (channel->renditions, video);
  g_ptr_array_add (channel->renditions, audio);
  return channel;
}

static void
test_multivariant (void)
{
  g_autoptr (HeChannel) channel = demo_channel ();
  g_autofree char *text = he_playlist_multivariant (channel);

  g_assert_cmpstr (
      text, ==,
      "#EXTM3U\n"
      "#EXT-X-VERSION:3\n"
      "#EXT-X-INDEPENDENT-SEGMENTS\n"
      "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"audio\",LANGUAGE=\"en\","
      "DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"audio/index.m3u8\"\n"
      "#EXT-X-STREAM-INF:BANDWIDTH=1100000,AVERAGE-BANDWIDTH=900000,"
      "CODECS=\"avc1.4D401E,mp4a.40.2\",RESOLUTION=640x360,FRAME-RATE=29.970,"
      "AUDIO=\"audio\"\n"
      "360p/index.m3u8\n");
}

static void
test_radio (void)
{
  g_autoptr (HeChannel) channel = demo_channel ();
  g_autofree char *text = NULL;

  g_ptr_array_remove_index (channel->renditions, 0);
  ((HeRendition *)channel->renditions->pdata[0])->bandwidth = 140000;
  text = he_playlist_multivariant (channel);
  g_assert_cmpstr (text, ==,
                   "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n"
                   "#EXT-X-STREAM-INF:BANDWIDTH=140000,CODECS=\"mp4a.40.2\"\n"
                   "audio/index.m3u8\n");
}

/* Given a rendition whose segments may need others, then the playlist does not say of all
 * segments that they need none. */
static void
test_open_gops (void)
{
  g_autoptr (HeChannel) channel = demo_channel ();
  HeRendition *other = he_rendition_new ("720p", HE_MEDIA_VIDEO);
  g_autofree char *text = NULL;

  other->open_gops = TRUE;
  g_ptr_array_add (channel->renditions, other);
  text = he_playlist_multivariant (channel);
  g_assert_null (strstr (text, "INDEPENDENT"));
}

/* Given a language with a quote and a line break, when written, then no attribute and no
 * line begins inside it. */
static void
test_quoting (void)
{
  g_autoptr (HeChannel) channel = demo_channel ();
  HeRendition *audio = channel->renditions->pdata[1];
  g_autofree char *text = NULL;

  g_free (audio->language);
  audio->language = g_strdup ("en\"\n#EXT-X-ENDLIST,X=\"");
  text = he_playlist_multivariant (channel);
  g_assert_nonnull (strstr (text, "LANGUAGE=\"en#EXT-X-ENDLIST,X=\",DEFAULT"));
  g_assert_null (strstr (text, "\n#EXT-X-ENDLIST"));
}

static void
test_media (void)
{
  g_autoptr (HeChannel) channel = demo_channel ();
  HeAnchor anchor = { .wall_offset90 = 3600 }; /* 40 ms */
  g_autofree char *text = NULL;

  channel->key_rotation = 2;
  text = he_playlist_media (channel, channel->renditions->pdata[0], &anchor, 900000001,
                            900000003);
  g_assert_cmpstr (text, ==,
                   "#EXTM3U\n"
                   "#EXT-X-VERSION:3\n"
                   "#EXT-X-TARGETDURATION:2\n"
                   "#EXT-X-MEDIA-SEQUENCE:900000001\n"
                   "#EXT-X-KEY:METHOD=AES-128,URI=\"../keys/base/450000000\"\n"
                   "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:02.040Z\n"
                   "#EXTINF:2.000,\n900000001.ts\n"
                   "#EXT-X-KEY:METHOD=AES-128,URI=\"../keys/base/450000001\"\n"
                   "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:04.040Z\n"
                   "#EXTINF:2.000,\n900000002.ts\n"
                   "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:06.040Z\n"
                   "#EXTINF:2.000,\n900000003.ts\n");
}

static void
test_clear_without_anchor (void)
{
  g_autoptr (HeChannel) channel = demo_channel ();
  g_autofree char *text = NULL;

  channel->encrypted = FALSE;
  text = he_playlist_media (channel, channel->renditions->pdata[1], NULL, 7, 7);
  g_assert_cmpstr (text, ==,
                   "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n"
                   "#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:2.000,\n7.ts\n");
}

/* ticks, EXTINF, TARGETDURATION */
static const struct {
  guint64 ticks;
  const char *extinf, *target;
} durations[] = {
  { 180180, "#EXTINF:2.002,\n", "#EXT-X-TARGETDURATION:2\n" },
  { 225000, "#EXTINF:2.500,\n", "#EXT-X-TARGETDURATION:3\n" },
  { 360360, "#EXTINF:4.004,\n", "#EXT-X-TARGETDURATION:4\n" },
  { 144144, "#EXTINF:1.6016,\n", "#EXT-X-TARGETDURATION:2\n" },
  { 180001, "#EXTINF:2.000011,\n", "#EXT-X-TARGETDURATION:2\n" },
  { 9000, "#EXTINF:0.100,\n", "#EXT-X-TARGETDURATION:1\n" },
};

static void
test_durations (void)
{
  g_autoptr (HeChannel) channel = demo_channel ();

  for (guint i = 0; i < G_N_ELEMENTS (durations); i++) {
    g_autofree char *text = NULL;

    channel->duration90 = durations[i].ticks;
    text = he_playlist_media (channel, channel->renditions->pdata[0], NULL, 1, 3);
    g_assert_nonnull (strstr (text, durations[i].extinf));
    g_assert_nonnull (strstr (text, durations[i].target));
  }
}

static void
test_codecs (void)
{
  static const struct {
    const char *profile, *level, *expected;
  } cases[] = {
    { "main", "3.1", "avc1.4D401F" }, { "constrained-baseline", "3", "avc1.42C01E" },
    { "high", "4.0", "avc1.640028" }, { "high", "1b", "avc1.640009" },
    { "high", NULL, NULL },           { NULL, "3", NULL },
    { "fancy", "3", NULL },           { "main", "3.", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *name = he_codecs_h264 (cases[i].profile, cases[i].level);

    g_assert_cmpstr (name, ==, cases[i].expected);
  }
}

static void
test_codecs_h265 (void)
{
  static const struct {
    const char *profile, *tier, *level, *expected;
  } cases[] = {
    { "main", "main", "3.1", "hvc1.1.6.L93.90" },
    { "main", "main", "4", "hvc1.1.6.L120.90" },
    { "main-10", "main", "5.1", "hvc1.2.4.L153.90" },
    { "main-10", "high", "6.2", "hvc1.2.4.H186.90" },
    { "main-still-picture", "main", "1", "hvc1.3.E.L30.90" },
    { "main-444", "main", "3", NULL },
    { "main", NULL, "3", NULL },
    { "main", "low", "3", NULL },
    { NULL, "main", "3", NULL },
    { "main", "main", NULL, NULL },
    { "main", "main", "1b", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *name
        = he_codecs_h265 (cases[i].profile, cases[i].tier, cases[i].level);

    g_assert_cmpstr (name, ==, cases[i].expected);
  }
}

static void
test_video_range (void)
{
  g_autoptr (HeChannel) channel = demo_channel ();
  g_autofree char *text = NULL;

  ((HeRendition *)channel->renditions->pdata[0])->video_range = "SDR";
  text = he_playlist_multivariant (channel);
  g_assert_nonnull (
      strstr (text, ",FRAME-RATE=29.970,VIDEO-RANGE=SDR,AUDIO=\"audio\"\n"));
}

/* Given a recording whose keys a gate serves, then the playlist is a finished one, the
 * last segment is as long as it is, and keys stand behind the gate's prefix. */
static void
test_recording (void)
{
  g_autoptr (HeChannel) channel = he_channel_new ("clip");
  g_autofree char *text = NULL;
  HePlaylistStyle style
      = { .key_uri = "https://gate/live/clip/keys/", .finished = TRUE, .last90 = 126000 };

  g_ptr_array_add (channel->renditions, he_rendition_new ("360p", HE_MEDIA_VIDEO));
  text = he_playlist_media_styled (channel, channel->renditions->pdata[0], NULL, 5, 6,
                                   &style);
  g_assert_cmpstr (
      text, ==,
      "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n"
      "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:5\n"
      "#EXT-X-KEY:METHOD=AES-128,URI=\"https://gate/live/clip/keys/base/0\"\n"
      "#EXTINF:2.000,\n5.ts\n#EXTINF:1.400,\n6.ts\n#EXT-X-ENDLIST\n");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/playlist/multivariant/says-what-the-description-says",
                   test_multivariant);
  g_test_add_func ("/playlist/multivariant/audio-alone-is-a-stream", test_radio);
  g_test_add_func ("/playlist/multivariant/open-gops-are-not-independent",
                   test_open_gops);
  g_test_add_func ("/playlist/multivariant/text-cannot-leave-its-quotes", test_quoting);
  g_test_add_func ("/playlist/media/names-keys-and-dates-follow-from-numbers",
                   test_media);
  g_test_add_func ("/playlist/media/clear-and-without-anchor", test_clear_without_anchor);
  g_test_add_func ("/playlist/media/durations-are-exact-decimals", test_durations);
  g_test_add_func ("/playlist/multivariant/range-of-video", test_video_range);
  g_test_add_func ("/playlist/codecs/follow-from-caps", test_codecs);
  g_test_add_func ("/playlist/codecs/h265-follow-from-caps", test_codecs_h265);
  g_test_add_func ("/playlist/recording-is-finished", test_recording);
  return g_test_run ();
}
