/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-h265.h"

#include "he-demux.h"
#include "he-error.h"
#include "he-video-entry.h"
#include "ts-feed.h"

enum {
  TRAIL_N = 0,
  TRAIL_R = 1,
  RADL_N = 6,
  RASL_N = 8,
  RASL_R = 9,
  BLA_W_LP = 16,
  BLA_N_LP = 18,
  IDR_W_RADL = 19,
  IDR_N_LP = 20,
  CRA = 21,
  RESERVED_IRAP = 22,
};

#define FIRST_SLICE 0x80
#define AUD 0, 0, 0, 1, 0x46, 1, 0x50
#define VPS 0, 0, 1, 0x40, 1, 0x0c
#define SPS 0, 0, 1, 0x42, 1, 0x01
#define PPS 0, 0, 1, 0x44, 1, 0xc1
#define SLICE(type, flag) 0, 0, 1, (type) << 1, 1, (flag), 0x88

/* The first bytes of what x265 3.5 writes for 64x64: AUD, VPS, SPS, PPS, three SEI and an
 * IDR slice. */
static const guint8 recorded[] = {
  0x00, 0x00, 0x00, 0x01, 0x46, 0x01, 0x10, 0x00, 0x00, 0x00, 0x01, 0x40, 0x01,
  0x0c, 0x01, 0xff, 0xff, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00,
  0x03, 0x00, 0x00, 0x03, 0x00, 0x1e, 0x95, 0x94, 0x09, 0x00, 0x00, 0x00, 0x01,
  0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03,
  0x00, 0x00, 0x03, 0x00, 0x1e, 0xa0, 0x20, 0x81, 0x05, 0x96, 0x56, 0x54, 0xa4,
  0xc2, 0xf0, 0x16, 0x80, 0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x0c,
  0xb0, 0x02, 0x2b, 0x2f, 0x00, 0x30, 0xd0, 0x00, 0xc3, 0x51, 0x00, 0x00, 0x00,
  0x01, 0x44, 0x01, 0xc0, 0x73, 0xc0, 0x89, 0x00, 0x00, 0x01, 0x4e, 0x01, 0x81,
  0x01, 0x0f, 0x80, 0x00, 0x00, 0x01, 0x4e, 0x01, 0x00, 0x07, 0x80, 0x00, 0x4f,
  0x20, 0x02, 0x32, 0xd0, 0x80, 0x00, 0x00, 0x01, 0x4e, 0x01, 0x01, 0x03, 0x00,
  0x00, 0xa0, 0x80, 0x00, 0x00, 0x01, 0x28, 0x01, 0xac, 0x76, 0x0d,
};

static void
test_entry_kinds (void)
{
  static const struct {
    guint8 type, flag;
    HeH265Entry entry;
  } cases[] = {
    { TRAIL_N, FIRST_SLICE, HE_H265_NONE },
    { TRAIL_R, FIRST_SLICE, HE_H265_NONE },
    { RADL_N, FIRST_SLICE, HE_H265_NONE },
    { RASL_N, FIRST_SLICE, HE_H265_RASL },
    { RASL_R, FIRST_SLICE, HE_H265_RASL },
    { BLA_W_LP, FIRST_SLICE, HE_H265_IRAP },
    { BLA_N_LP, FIRST_SLICE, HE_H265_IRAP },
    { IDR_W_RADL, FIRST_SLICE, HE_H265_IRAP },
    { IDR_N_LP, FIRST_SLICE, HE_H265_IRAP },
    { CRA, FIRST_SLICE, HE_H265_IRAP },
    { RESERVED_IRAP, FIRST_SLICE, HE_H265_NONE },
    /* The picture began in the unit before. */
    { IDR_N_LP, 0, HE_H265_NONE },
    { CRA, 0x7f, HE_H265_NONE },
    { RASL_N, 0, HE_H265_RASL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    const guint8 bare[] = { SLICE (cases[i].type, cases[i].flag) };
    const guint8 whole[] = { AUD,
                             VPS,
                             SPS,
                             PPS,
                             SLICE (cases[i].type, cases[i].flag),
                             SLICE (IDR_N_LP, FIRST_SLICE) };

    g_assert_cmpint (he_h265_entry (bare, sizeof bare), ==, cases[i].entry);
    g_assert_cmpint (he_h265_entry (whole, sizeof whole), ==,
                     cases[i].entry | HE_H265_SPS);
  }
}

/* NAL units of other layers, and such as cannot be, say nothing. */
static void
test_entry_layers (void)
{
  static const guint8 layers[] = { 0, 0,           1, IDR_N_LP << 1 | 1,
                                   1, FIRST_SLICE, 0, 0,
                                   1, 0x28,        9, FIRST_SLICE,
                                   0, 0,           1, 0xa8,
                                   1, 0x80,        0, 0,
                                   1, 0x02,        1, FIRST_SLICE,
                                   9 };

  g_assert_cmpint (he_h265_entry (layers, sizeof layers), ==, HE_H265_NONE);
  g_assert_cmpint (he_h265_entry (layers, 18), ==, HE_H265_NONE);
}

static void
test_entry_recovery (void)
{
  static const guint8 recovery[] = {
    AUD, SPS, 0, 0, 1, 0x4e, 1, 5, 1, 0x55, 6, 1, 0x84, 0x80, SLICE (TRAIL_R, FIRST_SLICE)
  };
  static const guint8 other[]
      = { AUD, SPS, 0, 0, 1, 0x4e, 1, 5, 1, 6, 0x80, SLICE (TRAIL_R, FIRST_SLICE) };
  /* A suffix SEI does not announce what comes. */
  static const guint8 suffix[]
      = { AUD, SPS, 0, 0, 1, 0x50, 1, 6, 1, 0x84, 0x80, SLICE (TRAIL_R, FIRST_SLICE) };

  g_assert_cmpint (he_h265_entry (recovery, sizeof recovery), ==,
                   HE_H265_SPS | HE_H265_RECOVERY);
  g_assert_cmpint (he_h265_entry (other, sizeof other), ==, HE_H265_SPS);
  g_assert_cmpint (he_h265_entry (suffix, sizeof suffix), ==, HE_H265_SPS);
}

/* Every length of real bytes, in memory of just that length. */
static void
test_entry_recorded (void)
{
  for (gsize len = 0; len <= sizeof recorded; len++) {
    g_autofree guint8 *copy = g_memdup2 (recorded, len);
    HeH265Entry entry = he_h265_entry (copy, len);

    g_assert_cmpint (entry & ~(HE_H265_SPS | HE_H265_IRAP), ==, 0);
    g_assert_cmpint (!!(entry & HE_H265_SPS), ==, len >= 41);
    g_assert_cmpint (!!(entry & HE_H265_IRAP), ==, len >= sizeof recorded - 2);
  }
}

static gboolean
take (HeVideoEntry *entry, guint8 type, gboolean usable, gboolean *ret_key)
{
  const guint8 picture[] = { AUD, SLICE (type, FIRST_SLICE) };

  return he_video_entry_take (entry, picture, sizeof picture, usable, ret_key);
}

/* Given a feed with open GOPs, when it is joined anywhere, then with an IRAP picture, and
 * without those that refer to pictures in front of it; later ones are whole. */
static void
test_join (void)
{
  static const guint8 first[] = { IDR_N_LP, CRA, BLA_W_LP };

  for (gsize i = 0; i < G_N_ELEMENTS (first); i++) {
    HeVideoEntry entry = { .type = HE_STREAM_TYPE_H265 };
    gboolean key;

    g_assert_false (take (&entry, TRAIL_R, TRUE, &key));
    g_assert_false (take (&entry, RASL_N, TRUE, &key));
    g_assert_false (take (&entry, first[i], FALSE, &key));
    g_assert_cmpuint (entry.waited, ==, 3);
    g_assert_true (take (&entry, first[i], TRUE, &key));
    g_assert_true (key);
    g_assert_false (take (&entry, RASL_R, TRUE, &key));
    g_assert_true (take (&entry, RADL_N, TRUE, &key));
    g_assert_false (key);
    g_assert_false (take (&entry, RASL_N, TRUE, &key));
    g_assert_true (take (&entry, TRAIL_R, TRUE, &key));
    g_assert_false (key);
    g_assert_true (take (&entry, CRA, TRUE, &key));
    g_assert_true (key);
    g_assert_true (take (&entry, RASL_R, TRUE, &key));
    g_assert_true (
        take (&entry, TRAIL_N, FALSE, &key)); /* damaged ones are the decoder's */
  }
}

/* Given a feed without any IRAP picture, then it begins with a recovery point, late. */
static void
test_join_by_recovery_point (void)
{
  static const guint8 recovery[]
      = { AUD, SPS, 0, 0, 1, 0x4e, 1, 6, 1, 0x84, 0x80, SLICE (TRAIL_R, FIRST_SLICE) };
  HeVideoEntry entry = { .type = HE_STREAM_TYPE_H265 };
  gboolean key;

  for (guint i = 0; i < HE_ENTRY_PATIENCE; i++)
    g_assert_false (he_video_entry_take (&entry, recovery, sizeof recovery, TRUE, &key));
  g_assert_false (take (&entry, TRAIL_R, TRUE, &key));
  g_assert_true (he_video_entry_take (&entry, recovery, sizeof recovery, TRUE, &key));
  g_assert_true (key);
  g_assert_true (take (&entry, TRAIL_R, TRUE, &key));
}

/* Given a loss, then pictures are torn up to the next that is whole and that decoding can
 * begin at; of a feed with points of recovery alone, up to the second. */
static void
test_torn_until_an_entry (void)
{
  static const guint8 recovery[]
      = { AUD, SPS, 0, 0, 1, 0x4e, 1, 6, 1, 0x84, 0x80, SLICE (TRAIL_R, FIRST_SLICE) };
  HeVideoEntry entry = { .type = HE_STREAM_TYPE_H265 };
  gboolean key;

  he_video_entry_tear (&entry); /* ahead of all that is given */
  g_assert_true (take (&entry, IDR_N_LP, TRUE, &key));
  g_assert_false (entry.torn);
  for (guint i = 0; i < 2; i++) {
    he_video_entry_tear (&entry);
    g_assert_true (take (&entry, TRAIL_R, TRUE, &key));
    g_assert_true (take (&entry, CRA, FALSE, &key));
    g_assert_true (entry.torn);
    g_assert_true (take (&entry, i == 0 ? CRA : IDR_N_LP, TRUE, &key));
    g_assert_false (entry.torn);
  }
  he_video_entry_tear (&entry);
  for (guint i = 0; i < 2; i++) {
    g_assert_true (he_video_entry_take (&entry, recovery, sizeof recovery, TRUE, &key));
    g_assert_cmpint (entry.torn, ==, i == 0);
    g_assert_true (take (&entry, TRAIL_R, TRUE, &key));
    g_assert_cmpint (entry.torn, ==, i == 0);
  }
  he_video_entry_tear (&entry); /* of a feed that tells of neither */
  for (guint i = 0; i <= HE_ENTRY_PATIENCE; i++) {
    g_assert_true (entry.torn);
    g_assert_true (take (&entry, TRAIL_R, TRUE, &key));
  }
  g_assert_false (entry.torn);
}

/* --- In a transport stream ------------------------------------------------------------
 */

static void
write_tables (TsBytes *ts, guint8 type)
{
  const guint16 streams[][2] = { { TS_BYTES_VIDEO, type } };

  ts_bytes_pat (ts, 1, TS_BYTES_PMT);
  ts_bytes_pmt (ts, 1, TS_BYTES_PMT, streams, 1);
}

static void
write_picture (TsBytes *ts, guint n, guint8 type)
{
  const guint8 picture[] = { AUD, SLICE (type, FIRST_SLICE) };

  ts_bytes_pes (ts, TS_BYTES_VIDEO, n * FRAME, n * FRAME, picture, sizeof picture);
}

static gboolean
push (HeDemux *demux, const TsBytes *ts, GError **error)
{
  return he_demux_push (demux, ts->out->data, ts->out->len, WALL, error);
}

static guint
next_frames (HeDemux *demux, HeFrameFlags *ret_first)
{
  HeDemuxEvent event;
  HeFrame frame;
  guint n = 0;

  while ((event = he_demux_next (demux, &frame)) != HE_DEMUX_NOTHING) {
    if (event == HE_DEMUX_ANCHOR)
      he_demux_set_anchor (demux, he_demux_proposal (demux));
    if (event != HE_DEMUX_FRAME)
      continue;
    if (n++ == 0)
      *ret_first = frame.flags;
    he_frame_clear (&frame);
  }
  return n;
}

static void
test_demux (void)
{
  static const guint8 types[] = { TRAIL_R, CRA, RASL_N, TRAIL_R, CRA, RASL_N, TRAIL_R };
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (HeDemux) demux = he_demux_new ("A");
  HeFrameFlags first = 0;
  HeDemuxStats stats;

  write_tables (ts, HE_STREAM_TYPE_H265);
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    write_picture (ts, i, types[i]);
  g_assert_true (push (demux, ts, NULL));
  g_assert_true (he_demux_finish (demux, WALL, NULL));
  g_assert_cmpuint (next_frames (demux, &first), ==, 5);
  g_assert_cmpint (first, ==, HE_FRAME_KEY | HE_FRAME_DISCONT);
  g_assert_cmpuint (he_demux_stream (demux, 0)->type, ==, HE_STREAM_TYPE_H265);
  he_demux_stats (demux, &stats);
  g_assert_cmpuint (stats.skipped, ==, 2);
}

/* Given a feed whose video turns into another codec, then nobody is left to decode it
 * with the wrong one. */
static void
test_demux_other_codec (void)
{
  static const guint8 types[] = { HE_STREAM_TYPE_H264, HE_STREAM_TYPE_H265 };

  for (guint i = 0; i < 2; i++) {
    g_autoptr (TsBytes) ts = ts_bytes_new ();
    g_autoptr (HeDemux) demux = he_demux_new ("A");
    g_autoptr (GError) error = NULL;

    write_tables (ts, types[i]);
    write_tables (ts, types[i]);
    g_assert_true (push (demux, ts, NULL));
    g_byte_array_set_size (ts->out, 0);
    write_tables (ts, types[!i]);
    g_assert_false (push (demux, ts, &error));
    g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
    g_assert_nonnull (strstr (error->message, "another codec"));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/h265/entry/kinds-of-pictures", test_entry_kinds);
  g_test_add_func ("/h265/entry/base-layer-only", test_entry_layers);
  g_test_add_func ("/h265/entry/recovery-points", test_entry_recovery);
  g_test_add_func ("/h265/entry/recorded-bytes-at-every-length", test_entry_recorded);
  g_test_add_func ("/h265/join/begins-with-irap-without-rasl", test_join);
  g_test_add_func ("/h265/join/recovery-point-when-nothing-else-comes",
                   test_join_by_recovery_point);
  g_test_add_func ("/h265/join/torn-until-an-entry", test_torn_until_an_entry);
  g_test_add_func ("/h265/demux/pictures-come-out-from-the-first-irap-on", test_demux);
  g_test_add_func ("/h265/demux/another-codec-is-an-error", test_demux_other_codec);
  return g_test_run ();
}
