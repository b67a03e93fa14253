/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-flv.h"

#include <string.h>

#include "he-demux.h"
#include "he-error.h"

/* --- A feed: pictures of 30000/1001 a second in the order I P B B, AAC at 44.1 kHz
 * ------
 */

static const guint8 avc_config[]
    = { 1,    0x42, 0xc0, 0x1e, 0xff, 0xe1, 0,    4,    0x67,
        0x42, 0xc0, 0x1e, 1,    0,    3,    0x68, 0xce, 0x38 };
static const guint8 aac_config[] = { 0x12, 0x10 }; /* LC, 44100 Hz, 2 channels */

static void
write_header (GByteArray *flv)
{
  static const guint8 header[] = { 'F', 'L', 'V', 1, 5, 0, 0, 0, 9, 0, 0, 0, 0 };

  g_byte_array_append (flv, header, sizeof header);
}

static void
write_tag (GByteArray *flv, guint8 type, gint64 ms, const guint8 *data, guint len)
{
  guint8 head[] = { type,
                    (guint8)(len >> 16),
                    (guint8)(len >> 8),
                    (guint8)len,
                    (guint8)(ms >> 16),
                    (guint8)(ms >> 8),
                    (guint8)ms,
                    (guint8)(ms >> 24),
                    0,
                    0,
                    0 };
  guint8 back[]
      = { 0, (guint8)((len + 11) >> 16), (guint8)((len + 11) >> 8), (guint8)(len + 11) };

  g_byte_array_append (flv, head, sizeof head);
  g_byte_array_append (flv, data, len);
  g_byte_array_append (flv, back, sizeof back);
}

static void
write_configs (GByteArray *flv, gint64 ms)
{
  guint8 video[5 + sizeof avc_config] = { 0x17, 0 },
                          audio[2 + sizeof aac_config] = { 0xaf };

  memcpy (video + 5, avc_config, sizeof avc_config);
  memcpy (audio + 2, aac_config, sizeof aac_config);
  write_tag (flv, 9, ms, video, sizeof video);
  write_tag (flv, 8, ms, audio, sizeof audio);
}

static gint64
picture_ms (gint64 n)
{
  return (n * 1001000 + 15000) / 30000;
}

static gint64
sound_ms (gint64 n)
{
  return (n * 1024000 + 22050) / 44100;
}

static void
write_picture (GByteArray *flv, gint64 n)
{
  static const int reorder[] = { 1, 3, 0, 0 };
  gint64 dts = picture_ms (n), offset = picture_ms (n + reorder[n % 4]) - dts;
  guint8 data[] = { n % 60 == 0 ? 0x17 : 0x27,
                    1,
                    (guint8)(offset >> 16),
                    (guint8)(offset >> 8),
                    (guint8)offset,
                    0,
                    0,
                    0,
                    5,
                    n % 60 == 0 ? 0x65 : 0x41,
                    (guint8)(n >> 24),
                    (guint8)(n >> 16),
                    (guint8)(n >> 8),
                    (guint8)n };

  write_tag (flv, 9, dts, data, sizeof data);
}

static void
write_sound (GByteArray *flv, gint64 n)
{
  guint8 data[] = {
    0xaf, 1, 0x21, (guint8)(n >> 24), (guint8)(n >> 16), (guint8)(n >> 8), (guint8)n
  };

  write_tag (flv, 8, sound_ms (n), data, sizeof data);
}

/* Whoever joins at a picture gets the header and the settings first. */
static GByteArray *
feed (gint64 first, gint64 last)
{
  GByteArray *flv = g_byte_array_new ();
  gint64 sound = first * 1001 * 44100 / 30000 / 1024;

  write_header (flv);
  write_configs (flv, picture_ms (first));
  for (gint64 n = first; n < last; n++) {
    write_picture (flv, n);
    for (; sound_ms (sound) < picture_ms (n + 1); sound++)
      write_sound (flv, sound);
  }
  return flv;
}

/* --- What comes out ----------------------------------------------------------------- */

typedef struct {
  guint programs, streams;
  GHashTable *times[2]; /* number -> pts33 */
  guint64 last[2];      /* dts33 */
  guint gaps[2], gap_at[2];
  guint units;
} Seen;

static void
on_program (const HePmt *pmt, gpointer user)
{
  Seen *seen = user;

  seen->programs++;
  seen->streams = pmt->n_streams;
}

static void
on_unit (guint16 pid, HePes *pes, guint64 wall90, gpointer user)
{
  Seen *seen = user;
  guint of = pid - HE_FLV_VIDEO_PID;
  gsize len;
  const guint8 *data = g_bytes_get_data (pes->data, &len);
  guint number = (guint)data[len - 4] << 24 | data[len - 3] << 16 | data[len - 2] << 8
                 | data[len - 1];
  guint8 begins[] = { 0, 0, 0, 1, number % 60 == 0 ? 0x67 : 0x41 };

  if (of == 0)
    g_assert_cmpmem (data, 5, begins, 5);
  else
    g_assert_cmpuint (len, ==, (gsize)(data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5);
  g_assert_true (pes->dts33 >= seen->last[of] || number < 60 /* began again */);
  seen->last[of] = pes->dts33;
  if (pes->flags & HE_PES_GAP) {
    seen->gaps[of]++;
    seen->gap_at[of] = number;
  }
  g_hash_table_insert (seen->times[of], GUINT_TO_POINTER (number),
                       GUINT_TO_POINTER (pes->pts33));
  seen->units++;
  he_pes_free (pes);
}

static const HeFlvHandlers handlers = { on_program, on_unit };

static Seen
read_all (const GByteArray *flv, guint piece)
{
  Seen seen
      = { .times = { g_hash_table_new (NULL, NULL), g_hash_table_new (NULL, NULL) } };
  g_autoptr (HeFlvReader) reader = he_flv_reader_new (&handlers, &seen, 30000, 1001);
  g_autoptr (GError) error = NULL;

  for (guint at = 0; at < flv->len; at += piece) {
    he_flv_reader_push (reader, flv->data + at, MIN (piece, flv->len - at), 0, &error);
    g_assert_no_error (error);
  }
  he_flv_reader_finish (reader);
  return seen;
}

static void
seen_clear (Seen *seen)
{
  g_hash_table_unref (seen->times[0]);
  g_hash_table_unref (seen->times[1]);
}

/* Given a feed of milliseconds, when two take it from different moments on, then every
 * picture and every sound has the same time at both, on the frames' own grid. */
static void
test_joins (void)
{
  g_autoptr (GByteArray) all = feed (0, 2000), some = feed (660, 2000);
  Seen a = read_all (all, 1000), b = read_all (some, 333);
  GHashTableIter iter;
  gpointer number, time;

  g_assert_cmpuint (a.programs, ==, 1);
  g_assert_cmpuint (a.streams, ==, 2);
  g_assert_cmpuint (g_hash_table_size (a.times[0]), ==, 2000);
  g_assert_cmpuint (g_hash_table_size (b.times[0]), ==, 1340);
  for (guint of = 0; of < 2; of++) {
    guint common = 0;

    g_hash_table_iter_init (&iter, b.times[of]);
    while (g_hash_table_iter_next (&iter, &number, &time)) {
      gpointer there = g_hash_table_lookup (a.times[of], number);

      g_assert_true (there == time);
      common++;
    }
    g_assert_cmpuint (common, >, 1300);
  }
  for (guint n = 4; n < 1990; n++) {
    guint64 x = GPOINTER_TO_UINT (g_hash_table_lookup (a.times[0], GUINT_TO_POINTER (4)));
    guint64 y = GPOINTER_TO_UINT (
        g_hash_table_lookup (a.times[0], GUINT_TO_POINTER (n / 4 * 4)));

    g_assert_cmpuint (y, ==, x + (n / 4 * 4 - 4) * 3003);
  }
  seen_clear (&a);
  seen_clear (&b);
}

/* Given a publisher that begins again, then its times are told as they are, and none of
 * them waits for ever. */
static void
test_jump (void)
{
  g_autoptr (GByteArray) flv = feed (3000, 3060), again = feed (0, 700);
  Seen seen
      = { .times = { g_hash_table_new (NULL, NULL), g_hash_table_new (NULL, NULL) } };
  g_autoptr (HeFlvReader) reader = he_flv_reader_new (&handlers, &seen, 30000, 1001);

  /* Through the same server, so without another header. */
  g_byte_array_append (flv, again->data + 13, again->len - 13);
  g_assert_true (he_flv_reader_push (reader, flv->data, flv->len, 0, NULL));
  he_flv_reader_finish (reader);
  g_assert_cmpuint (seen.programs, ==, 1);
  g_assert_cmpuint (g_hash_table_size (seen.times[0]), ==, 60 + 700);
  gint64 time
      = GPOINTER_TO_INT (g_hash_table_lookup (seen.times[0], GUINT_TO_POINTER (4)));
  g_assert_cmpint (ABS (time - 5 * 3003), <=, 45); /* half a millisecond */
  seen_clear (&seen);
}

/* Given a machine that was too slow for a while, then only that while is missing: of
 * what comes behind it every time is as it would have been, the grid too that was not
 * known before, and each stream says where something is missing; settings that came
 * meanwhile hold. */
static void
test_skipped (void)
{
  static const gint64 from[] = { 30, 600 }, until[] = { 500, 850 }, all = 1500;

  for (guint turn = 0; turn < G_N_ELEMENTS (from); turn++) {
    g_autoptr (GByteArray) flv = feed (0, from[turn]),
                           late = feed (from[turn], until[turn]),
                           rest = feed (until[turn], all), whole = feed (0, all);
    Seen seen
        = { .times = { g_hash_table_new (NULL, NULL), g_hash_table_new (NULL, NULL) } };
    Seen full = read_all (whole, 1000);
    g_autoptr (HeFlvReader) reader = he_flv_reader_new (&handlers, &seen, 30000, 1001);
    GHashTableIter iter;
    gpointer number, time;

    /* Cut in the middle of a tag, without another header. */
    g_assert_true (he_flv_reader_push (reader, flv->data, flv->len, 0, NULL));
    he_flv_reader_skip (reader, TRUE);
    g_assert_true (
        he_flv_reader_push (reader, late->data + 13, late->len - 13 - 5, 0, NULL));
    g_assert_cmpuint (he_flv_reader_skipped (reader), >=, until[turn] - from[turn] - 1);
    g_assert_true (he_flv_reader_push (reader, late->data + late->len - 5, 5, 0, NULL));
    he_flv_reader_skip (reader, FALSE);
    g_assert_cmpuint (he_flv_reader_skipped (reader), ==, until[turn] - from[turn]);
    g_assert_true (he_flv_reader_push (reader, rest->data + 13, rest->len - 13, 0, NULL));
    he_flv_reader_finish (reader);

    g_assert_cmpuint (seen.gaps[0], ==, 1);
    g_assert_cmpuint (seen.gaps[1], ==, 1);
    g_assert_cmpuint (seen.gap_at[0], ==, until[turn]);
    g_assert_cmpuint (g_hash_table_size (seen.times[0]), ==,
                      all - (until[turn] - from[turn]));
    for (guint of = 0; of < 2; of++) {
      g_hash_table_iter_init (&iter, seen.times[of]);
      while (g_hash_table_iter_next (&iter, &number, &time))
        g_assert_true (time == g_hash_table_lookup (full.times[of], number));
    }
    seen_clear (&seen);
    seen_clear (&full);
  }
}

static guint
take_pictures (HeDemux *demux, guint *ret_discont, gboolean *ret_key)
{
  HeDemuxEvent event;
  HeFrame frame = { 0 };
  guint pictures = 0;

  while ((event = he_demux_next (demux, &frame)) != HE_DEMUX_NOTHING) {
    if (event == HE_DEMUX_ANCHOR)
      he_demux_set_anchor (demux, he_demux_proposal (demux));
    if (event != HE_DEMUX_FRAME)
      continue;
    if (he_demux_stream (demux, frame.stream)->media == HE_DEMUX_VIDEO) {
      if (pictures++ == 0)
        *ret_key = (frame.flags & HE_FRAME_KEY) && !(frame.flags & HE_FRAME_TORN);
      *ret_discont += (frame.flags & HE_FRAME_DISCONT) != 0;
    }
    he_frame_clear (&frame);
  }
  return pictures;
}

/* Given a worker that is too slow, then pictures go on with the next keyframe, in the
 * same timeline, and those that are missing are counted. */
static void
test_skipped_to_keyframe (void)
{
  g_autoptr (GByteArray) flv = feed (0, 400), late = feed (400, 630),
                         rest = feed (630, 900);
  g_autoptr (HeDemux) demux = he_demux_new ("A");
  HeDemuxStats stats;
  guint discont = 0, pictures;
  gboolean key;

  he_demux_set_flv (demux, 30000, 1001);
  he_demux_expect (demux, 1, 1);
  g_assert_true (he_demux_push (demux, flv->data, flv->len, 1700000000ull * 90000, NULL));
  g_assert_cmpuint (take_pictures (demux, &discont, &key), ==, 400);
  g_assert_cmpuint (discont, ==, 1);
  he_demux_skip (demux, TRUE);
  g_assert_true (he_demux_push (demux, late->data + 13, late->len - 13,
                                1700000013ull * 90000, NULL));
  g_assert_cmpuint (take_pictures (demux, &discont, &key), ==, 0);
  he_demux_skip (demux, FALSE);
  g_assert_true (he_demux_push (demux, rest->data + 13, rest->len - 13,
                                1700000014ull * 90000, NULL));
  g_assert_true (he_demux_finish (demux, 1700000014ull * 90000, NULL));
  pictures = take_pictures (demux, &discont, &key);
  g_assert_cmpuint (pictures, ==, 900 - 660);
  g_assert_true (key);
  g_assert_cmpuint (discont, ==, 2);
  he_demux_stats (demux, &stats);
  g_assert_cmpuint (stats.skipped, ==, 660 - 400);
  g_assert_cmpuint (stats.discontinuities, ==, 2); /* of pictures and of sound */
}

static void
test_refused (void)
{
  static const guint8 vp6[] = { 0x14, 0, 0, 0, 0, 0 }, mp3[] = { 0x2f, 0, 0 };
  Seen seen = { 0 };

  for (guint i = 0; i < 4; i++) {
    g_autoptr (HeFlvReader) reader = he_flv_reader_new (&handlers, &seen, 25, 1);
    g_autoptr (GByteArray) flv = g_byte_array_new ();
    g_autoptr (GError) error = NULL;

    write_header (flv);
    if (i == 0)
      write_tag (flv, 9, 0, vp6, sizeof vp6);
    else if (i == 1)
      write_tag (flv, 8, 0, mp3, sizeof mp3);
    else if (i == 2)
      flv->data[0] = 'G';
    else
      write_tag (flv, 0xff, 0, vp6, sizeof vp6);
    g_assert_false (he_flv_reader_push (reader, flv->data, flv->len, 0, &error));
    g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
  }
  g_assert_cmpuint (seen.units, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/flv/who-joins-later-gives-the-same-times", test_joins);
  g_test_add_func ("/flv/a-publisher-may-begin-again", test_jump);
  g_test_add_func ("/flv/what-is-skipped-is-all-that-is-missing", test_skipped);
  g_test_add_func ("/flv/behind-it-pictures-begin-with-a-keyframe",
                   test_skipped_to_keyframe);
  g_test_add_func ("/flv/what-is-not-read-is-refused", test_refused);
  return g_test_run ();
}
