/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "he-error.h"
#include "he-ts-writer.h"
#include "viewer-ledger.h"
#include "viewer-picture.h"
#include "viewer-playlist.h"
#include "viewer-streams.h"

#define D G_GUINT64_CONSTANT (180000)
#define MSN G_GUINT64_CONSTANT (894784877) /* far beyond a wrap of 33 bits */

static const HeadendLedgerRules rules
    = { .fps_n = 25, .fps_d = 1, .rate = 48000, .duration90 = D };

/* Given pictures of several sizes, when they are drawn, blurred and darkened, then each
 * says its number; and black, white and gray say none. */
static void
test_picture (void)
{
  static const guint sizes[][2]
      = { { 64, 36 }, { 320, 180 }, { 640, 360 }, { 722, 406 } };
  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
    guint width = sizes[s][0], height = sizes[s][1];
    gsize stride = width + 16;
    g_autofree guint8 *luma = g_malloc0 (stride * height);
    for (guint32 n = 1; n <= HEADEND_PICTURE_MAX; n = n * 3 + 1) {
      headend_picture_draw (luma, stride, width, height, n);
      for (gsize i = 0; i < stride * height; i++)
        luma[i] = (guint8)(20 + luma[i] * 8 / 10 + (i * 7 + n) % 31);
      g_assert_cmpuint (headend_picture_read (luma, stride, width, height), ==, n);
    }
    for (guint level = 0; level < 256; level++) {
      memset (luma, (int)level, stride * height);
      g_assert_cmpuint (headend_picture_read (luma, stride, width, height), ==,
                        HEADEND_PICTURE_NONE);
    }
  }
}

/* Given a picture with one block inverted, then it says no number, and never another. */
static void
test_picture_damage (void)
{
  guint8 luma[64 * 32];
  for (guint block = 0; block < 32; block++)
    for (guint32 n = 0; n < 4000; n += 7) {
      headend_picture_draw (luma, 64, 64, 32, n);
      for (guint y = block / 8 * 8; y < block / 8 * 8 + 8; y++)
        for (guint x = block % 8 * 8; x < block % 8 * 8 + 8; x++)
          luma[y * 64 + x] = (guint8)(255 - luma[y * 64 + x]);
      g_assert_cmpuint (headend_picture_read (luma, 64, 64, 32), ==,
                        HEADEND_PICTURE_NONE);
    }
}

typedef struct {
  guint64 lost, repeated, filler, jumps;
} Count;

/* Shows numbers in slots of 25 frames a second. */
static void
expect_pictures (const gint64 (*shown)[2], guint n, Count expected)
{
  HeadendLedger ledger;
  headend_ledger_init (&ledger, &rules);
  for (guint i = 0; i < n; i++)
    headend_ledger_picture (&ledger, MSN * D + (guint64)(shown[i][0] * 3600),
                            (guint32)shown[i][1]);
  g_assert_cmpuint (ledger.tally.frames, ==, n);
  g_assert_cmpuint (ledger.tally.lost, ==, expected.lost);
  g_assert_cmpuint (ledger.tally.repeated, ==, expected.repeated);
  g_assert_cmpuint (ledger.tally.filler, ==, expected.filler);
  g_assert_cmpuint (ledger.tally.jumps, ==, expected.jumps);
}

#define NONE ((gint64)HEADEND_PICTURE_NONE)
#define EXPECT(count, ...)                                                               \
  G_STMT_START                                                                           \
  {                                                                                      \
    static const gint64 shown[][2] = { __VA_ARGS__ };                                    \
    expect_pictures (shown, G_N_ELEMENTS (shown), (Count)count);                         \
  }                                                                                      \
  G_STMT_END
#define COUNT(...)                                                                       \
  {                                                                                      \
    __VA_ARGS__                                                                          \
  }

/* Given runs of pictures, then each kind of fault is counted as what it is, and good ones
 * not at all. */
static void
test_ledger_pictures (void)
{
  EXPECT (COUNT (0), { 0, 70 }, { 1, 71 }, { 2, 72 }, { 3, 73 });
  EXPECT (COUNT (.lost = 2), { 0, 70 }, { 1, 71 }, { 4, 74 }, { 5, 75 });
  EXPECT (COUNT (.repeated = 2), { 0, 70 }, { 1, 71 }, { 1, 71 }, { 0, 70 }, { 2, 72 });
  EXPECT (COUNT (.filler = 2), { 0, 70 }, { 1, 71 }, { 2, 71 }, { 3, 71 }, { 4, 74 });
  EXPECT (COUNT (.filler = 2), { 0, 70 }, { 1, NONE }, { 2, NONE }, { 3, 73 });
  EXPECT (COUNT (.jumps = 1), { 0, 70 }, { 1, 71 }, { 2, 90 }, { 3, 91 });
  /* A segment that another node has put a frame off: there, and back by a picture that
   * was seen before. */
  EXPECT (COUNT (.jumps = 2, .filler = 1), { 0, 70 }, { 1, 71 }, { 2, 73 }, { 3, 74 },
          { 4, 74 }, { 5, 75 });
}

/* Given 30000/1001 and 60000/1001 frames a second for a day, then no slot is lost or
 * taken twice. */
static void
test_ledger_fractions (void)
{
  static const guint fps[] = { 30000, 60000 };
  for (guint f = 0; f < G_N_ELEMENTS (fps); f++) {
    HeadendLedger ledger;
    headend_ledger_init (
        &ledger,
        &(HeadendLedgerRules) { .fps_n = fps[f], .fps_d = 1001, .duration90 = 180180 });
    guint64 n = (guint64)fps[f] * 86400 / 1001;
    for (guint64 i = 0; i < n; i++)
      headend_ledger_picture (&ledger, 1000000 + i * 90000 * 1001 / fps[f],
                              (guint32)(i & HEADEND_PICTURE_MAX));
    g_assert_cmpuint (ledger.tally.lost + ledger.tally.repeated + ledger.tally.jumps, ==,
                      0);
    g_assert_cmpuint (ledger.tally.uneven, ==, 0);
  }
}

/* Given sound of 44.1 and 48 kHz, then a frame more or less is seen. */
static void
test_ledger_sound (void)
{
  static const guint rates[] = { 44100, 48000 };
  for (guint r = 0; r < G_N_ELEMENTS (rates); r++) {
    HeadendLedger ledger;
    HeadendLedgerRules own = rules;
    own.rate = rates[r];
    headend_ledger_init (&ledger, &own);
    for (guint64 i = 0; i < 10000; i++)
      if (i != 5000)
        headend_ledger_sound (&ledger,
                              MSN * D + (i * 90000 * 1024 + rates[r] / 2) / rates[r]);
    g_assert_cmpuint (ledger.tally.sounds_lost, ==, 1);
    g_assert_cmpuint (ledger.tally.sounds_repeated, ==, 0);
    headend_ledger_sound (&ledger, MSN * D + (9999ull * 90000 * 1024) / rates[r]);
    g_assert_cmpuint (ledger.tally.sounds_repeated, ==, 1);
    g_assert_cmpuint (ledger.tally.uneven, ==, 0);
  }
}

/* Given a node whose segments begin a few ticks off, then both joins with another's are
 * seen, though no frame is lost: of pictures, and of sound at either rate. */
static void
test_ledger_joins (void)
{
  static const guint rates[] = { 44100, 48000 };
  for (guint r = 0; r < G_N_ELEMENTS (rates); r++) {
    HeadendLedger ledger;
    HeadendLedgerRules own = rules;
    own.rate = rates[r];
    headend_ledger_init (&ledger, &own);
    for (guint64 i = 0; i < 300; i++) {
      guint64 off = i >= 100 && i < 200 ? 4 : 0;
      headend_ledger_picture (&ledger, MSN * D + i * 3600 + off, (guint32)i);
      headend_ledger_sound (&ledger, MSN * D + i * 90000 * 1024 / rates[r] + 1000 + off);
    }
    g_assert_cmpuint (ledger.tally.uneven, ==, 4);
    g_assert_cmpuint (ledger.tally.lost + ledger.tally.sounds_lost, ==, 0);
    g_assert_cmpuint (ledger.tally.repeated + ledger.tally.sounds_repeated, ==, 0);
  }
}

/* Given a player that got three segments, when the fourth comes 5 s after the first, then
 * it did not stand still; 7.5 s: it did for 1.5 s, once, and plays that much later from
 * then on; and what never comes counts at the end. */
static void
test_ledger_stalls (void)
{
  HeadendLedger ledger;
  const gint64 second = G_USEC_PER_SEC, begin = 100 * second;
  headend_ledger_init (&ledger, &rules);
  for (guint i = 0; i < 3; i++)
    headend_ledger_arrived (&ledger, HEADEND_TRACK_VIDEO, MSN + i, begin);
  headend_ledger_arrived (&ledger, HEADEND_TRACK_VIDEO, MSN + 3, begin + 5 * second);
  g_assert_cmpint (ledger.tally.longest_stall, ==, 0);
  g_assert_cmpint (ledger.tally.longest_wait, ==, 5 * second);
  headend_ledger_arrived (&ledger, HEADEND_TRACK_VIDEO, MSN + 4, begin + 19 * second / 2);
  g_assert_cmpint (ledger.tally.longest_stall, ==, 3 * second / 2);
  headend_ledger_arrived (&ledger, HEADEND_TRACK_AUDIO, MSN + 4, begin + 19 * second / 2);
  headend_ledger_arrived (&ledger, HEADEND_TRACK_VIDEO, MSN + 5, begin + 23 * second / 2);
  g_assert_cmpuint (ledger.tally.stalls, ==, 1);
  headend_ledger_finish (&ledger, begin + 20 * second);
  g_assert_cmpuint (ledger.tally.stalls, >, 1);
  g_assert_cmpint (ledger.tally.longest_stall, >, 6 * second);
}

/* Given timestamps around a wrap of 33 bits, then they stand where their segment says. */
static void
test_ledger_place (void)
{
  HeadendLedger ledger;
  headend_ledger_init (&ledger, &rules);
  guint64 wrap = G_GUINT64_CONSTANT (1) << 33, msn = 7 * wrap / D;
  for (gint64 off = -1000; off <= (gint64)D; off += 500) {
    guint64 pts = msn * D + (guint64)off;
    g_assert_cmpuint (headend_ledger_place (&ledger, msn, pts & (wrap - 1)), ==, pts);
  }
  headend_ledger_check_place (&ledger, HEADEND_TRACK_VIDEO, MSN, MSN * D);
  headend_ledger_check_place (&ledger, HEADEND_TRACK_AUDIO, MSN, MSN * D + D + 1919);
  g_assert_cmpuint (ledger.tally.misplaced, ==, 0);
  headend_ledger_check_place (&ledger, HEADEND_TRACK_VIDEO, MSN, MSN * D + D);
  headend_ledger_check_place (&ledger, HEADEND_TRACK_VIDEO, MSN, MSN * D - 1);
  headend_ledger_check_place (&ledger, HEADEND_TRACK_AUDIO, MSN, MSN * D + D + 1920);
  g_assert_cmpuint (ledger.tally.misplaced, ==, 3);
}

static GBytes *
sound_segment (guint64 msn, guint first, guint n)
{
  /* ADTS: AAC LC, 48 kHz, stereo, 64 bytes a frame. */
  guint8 frames[128][64] = { 0 };
  HeAccessUnit units[128];
  for (guint i = 0; i < n; i++) {
    const guint8 header[] = { 0xff, 0xf1, 0x4c, 0x80, 0x08, 0x1f, 0xfc };
    memcpy (frames[i], header, sizeof header);
    guint64 pts = msn * D + (first + i) * 1920;
    units[i] = (HeAccessUnit) { pts, pts, frames[i], 64, TRUE };
  }
  g_autoptr (GError) error = NULL;
  GBytes *segment = he_ts_write_segment (HE_TS_ADTS, units, n, &error);
  g_assert_no_error (error);
  return segment;
}

/* Given segments as the writer makes them, then every frame is found at its time and the
 * counters run on; when one is missing, or cut short, that is seen. */
static void
test_streams (void)
{
  HeadendLedger ledger;
  headend_ledger_init (&ledger, &rules);
  g_autoptr (HeadendStreams) streams
      = headend_streams_new (&ledger, HEADEND_TRACK_AUDIO, NULL, NULL);
  /* 93.75 frames a segment: 94, 94, 94, 93, from msn a multiple of 4. */
  guint64 msn = MSN / 4 * 4;
  for (guint k = 0; k < 8; k++) {
    guint64 first = ((msn + k) * D + 1919) / 1920;
    guint64 next = ((msn + k + 1) * D + 1919) / 1920;
    g_autoptr (GBytes) segment
        = sound_segment (msn, (guint)(first - msn * D / 1920), (guint)(next - first));
    headend_streams_push (streams, msn + k, segment);
  }
  g_assert_cmpuint (ledger.tally.sounds, ==, 750);
  g_assert_cmpuint (ledger.tally.sounds_lost + ledger.tally.sounds_repeated, ==, 0);
  g_assert_cmpuint (ledger.tally.misplaced + ledger.tally.broken, ==, 0);
  g_autoptr (GBytes) late = sound_segment (msn, 750, 90);
  g_autoptr (GBytes) cut
      = g_bytes_new_from_bytes (late, 0, g_bytes_get_size (late) - 300);
  headend_streams_push (streams, msn + 8, cut);
  g_assert_cmpuint (ledger.tally.broken, >, 0);
  g_autoptr (GBytes) next = sound_segment (msn, 845, 90);
  headend_streams_push (streams, msn + 9, next);
  g_assert_cmpuint (ledger.tally.sounds_lost, >=, 5);
}

static HeadendPlaylist *
parse (const char *text, int expected)
{
  g_autoptr (GError) error = NULL;
  HeadendPlaylist *playlist = headend_playlist_parse (text, strlen (text), &error);
  if (expected < 0)
    g_assert_no_error (error);
  else
    g_assert_error (error, HE_ERROR, expected);
  return playlist;
}

/* Given a playlist with two keys, one with an IV, then each segment has its own. */
static void
test_playlist (void)
{
  g_autoptr (HeadendPlaylist) playlist = parse (
      "#EXTM3U\r\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:258\n"
      "#EXT-X-KEY:METHOD=AES-128,URI=\"../keys/a,b/7\"\n#EXTINF:2.000,\n258.ts\n"
      "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\n#EXTINF:1.5,\n259.ts\n"
      "#EXT-X-KEY:METHOD=AES-128,IV=0x000102030405060708090a0b0c0d0e0f,URI=\"k\"\n"
      "#EXTINF:2,\n260.ts\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:2,\n261.ts\n",
      -1);
  g_assert_cmpuint (playlist->segments->len, ==, 4);
  HeadendListed **listed = (HeadendListed **)playlist->segments->pdata;
  g_assert_cmpuint (listed[0]->msn, ==, 258);
  g_assert_cmpstr (listed[1]->uri, ==, "259.ts");
  g_assert_cmpstr (listed[1]->key, ==, "../keys/a,b/7");
  g_assert_cmpint (listed[1]->duration_us, ==, 1500000);
  g_assert_cmpuint (listed[0]->iv[14], ==, 1);
  g_assert_cmpuint (listed[0]->iv[15], ==, 2);
  g_assert_cmpuint (listed[2]->iv[9], ==, 9);
  g_assert_null (listed[3]->key);
}

/* Given what is no playlist, then it is refused. */
static void
test_playlist_refuses (void)
{
  static const char *const bad[] = {
    "",
    "#EXTM3U",
    "<html>",
    "#EXTM3U\n#EXT-X-TARGETDURATION:x\n",
    "#EXTM3U\n#EXT-X-TARGETDURATION:2\n1.ts\n",
    "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:-1,\n1.ts\n",
    "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:nan,\n1.ts\n",
    "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128\n",
    "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0x12\n",
    "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:-3\n",
  };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_null (parse (bad[i], HE_ERROR_INVALID));
  g_autofree char *large = g_strnfill (HEADEND_PLAYLIST_MAX + 1, 'a');
  g_assert_null (parse (large, HE_ERROR_LIMIT));
}

/* Given a ladder, then the smallest stream is chosen, and the first sound. */
static void
test_choose (void)
{
  static const char text[]
      = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"a,b\",URI=\"en/"
        "i.m3u8\"\n"
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"c\",URI=\"de/i.m3u8\"\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=900,CODECS=\"avc1,mp4a\",AVERAGE-BANDWIDTH=1\nbig\n"
        "#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=700,BANDWIDTH=800\nsmall\n";
  g_autofree char *video = NULL, *audio = NULL;
  g_assert_true (headend_playlist_choose (text, strlen (text), &video, &audio, NULL));
  g_assert_cmpstr (video, ==, "small");
  g_assert_cmpstr (audio, ==, "en/i.m3u8");
}

/* Given what stands in the playlist of a session, then it means a path of the same
 * server, escaped as it is there, or nothing. */
static void
test_resolve (void)
{
  static const struct {
    const char *uri, *expected;
  } rows[] = {
    { "7.ts", "/s/a%2Fb/live/demo/360p/7.ts" },
    { "../keys/base/3?x=%2B1", "/s/a%2Fb/live/demo/keys/base/3?x=%2B1" },
    { "/live/demo/7.ts", "/live/demo/7.ts" },
    { "http://edge:80/7.ts", "/7.ts" },
    { "http://edge:8080/7.ts", NULL },
    { "http://edge:80.example/7.ts", NULL },
    { "//other/7.ts", NULL },
    { "https://edge:80/7.ts", NULL },
    { "data:text/plain,7", NULL },
    { "http://[", NULL },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *path = headend_playlist_resolve (
        "http://edge:80", "/s/a%2Fb/live/demo/360p/index.m3u8?token=1", rows[i].uri);
    g_test_message ("%s", rows[i].uri);
    g_assert_cmpstr (path, ==, rows[i].expected);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/viewer/pictures-say-their-number", test_picture);
  g_test_add_func ("/viewer/a-damaged-picture-says-none", test_picture_damage);
  g_test_add_func ("/viewer/each-fault-of-pictures-is-counted", test_ledger_pictures);
  g_test_add_func ("/viewer/fractions-do-not-drift", test_ledger_fractions);
  g_test_add_func ("/viewer/each-aac-frame-once", test_ledger_sound);
  g_test_add_func ("/viewer/joins-are-whole-frames", test_ledger_joins);
  g_test_add_func ("/viewer/stalls-of-a-player", test_ledger_stalls);
  g_test_add_func ("/viewer/times-belong-to-their-segment", test_ledger_place);
  g_test_add_func ("/viewer/segments-are-taken-apart", test_streams);
  g_test_add_func ("/viewer/playlist", test_playlist);
  g_test_add_func ("/viewer/playlist-refuses", test_playlist_refuses);
  g_test_add_func ("/viewer/chooses-the-smallest", test_choose);
  g_test_add_func ("/viewer/uris-stay-on-their-server", test_resolve);
  return g_test_run ();
}
