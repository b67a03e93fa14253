/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "he-codec.h"
#include "he-epoch.h"
#include "he-error.h"
#include "he-ts-writer.h"

/* What a reader of one or more segments finds. */
typedef struct {
  guint counter[0x2000]; /* next expected, +1; 0: not seen */
  guint payloads[0x2000];
  GByteArray *es; /* PES packets of the stream */
  GArray *pts;    /* guint64, of PES packets in order */
  guint64 last_pcr, max_pcr_step;
  gboolean has_pcr;
  guint random_access;
} Reader;

static Reader *
reader_new (void)
{
  Reader *reader = g_new0 (Reader, 1);

  reader->es = g_byte_array_new ();
  reader->pts = g_array_new (FALSE, FALSE, sizeof (guint64));
  return reader;
}

static void
reader_free (Reader *reader)
{
  g_byte_array_unref (reader->es);
  g_array_unref (reader->pts);
  g_free (reader);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Reader, reader_free)

static void
read_pcr (Reader *reader, const guint8 *p)
{
  guint64 pcr = (guint64)he_read_be32 (p) << 1 | p[4] >> 7;
  guint64 step = (pcr - reader->last_pcr) & (HE_PTS_WRAP - 1);

  g_assert_cmpuint ((p[4] & 1) << 8 | p[5], ==, 0);
  if (reader->has_pcr) {
    g_assert_cmpuint (step, >, 0);
    reader->max_pcr_step = MAX (reader->max_pcr_step, step);
  }
  reader->last_pcr = pcr;
  reader->has_pcr = TRUE;
}

static guint64
read_timestamp (const guint8 *p)
{
  return (guint64)(p[0] >> 1 & 7) << 30 | (guint64)(he_read_be16 (p + 1) >> 1) << 15
         | he_read_be16 (p + 3) >> 1;
}

static void
read_packet (Reader *reader, const guint8 *p)
{
  guint pid = he_read_be16 (p + 1) & 0x1fff;
  gsize start = 4 + (p[3] & 0x20 ? 1 + p[4] : 0);
  gboolean payload = (p[3] & 0x10) != 0;

  g_assert_cmphex (p[0], ==, 0x47);
  g_assert_cmpuint (start, <=, HE_TS_PACKET);
  g_assert_cmpint (payload, ==, start < HE_TS_PACKET);
  if (p[3] & 0x20 && p[4] > 0 && p[5] & 0x10)
    read_pcr (reader, p + 6);
  if (p[3] & 0x20 && p[4] > 0 && p[5] & 0x40)
    reader->random_access++;
  if (!payload)
    return;
  if (reader->counter[pid] > 0)
    g_assert_cmpuint (p[3] & 15, ==, (reader->counter[pid] - 1) % 16);
  reader->counter[pid] = (p[3] & 15) + 2;
  reader->payloads[pid]++;
  if (pid != HE_TS_VIDEO_PID && pid != HE_TS_AUDIO_PID)
    return;
  if (p[1] & 0x40) {
    guint64 pts = read_timestamp (p + start + 9);

    /* Readers rely on the whole header standing in the first packet. */
    g_assert_cmpuint (HE_TS_PACKET - start, >=, 9u + p[start + 8]);
    g_assert_cmpuint (he_read_be32 (p + start) >> 8, ==, 1);
    g_array_append_val (reader->pts, pts);
  }
  g_byte_array_append (reader->es, p + start, HE_TS_PACKET - start);
}

static void
read_segment (Reader *reader, GBytes *segment)
{
  gsize len;
  const guint8 *data = g_bytes_get_data (segment, &len);

  g_assert_cmpuint (len % HE_TS_PACKET, ==, 0);
  for (gsize i = 0; i < len; i += HE_TS_PACKET)
    read_packet (reader, data + i);
}

/* ---- streams ---- */

#define EPOCH G_GUINT64_CONSTANT (160650000180000) /* 2026, not near a wrap */

/* n_units of pseudo-random sizes and contents, step90 apart. */
static GBytes *
make_segment (HeTsCodec codec, guint32 seed, guint64 t90, guint n_units, guint64 step90,
              guint max_size)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  g_autoptr (GPtrArray) memory = g_ptr_array_new_with_free_func (g_free);
  g_autofree HeAccessUnit *units = g_new0 (HeAccessUnit, n_units);
  g_autoptr (GError) error = NULL;
  GBytes *segment;

  for (guint i = 0; i < n_units; i++) {
    gsize len = (gsize)g_rand_int_range (random, 8, (gint32)max_size + 1);
    guint8 *data = g_malloc (len);

    for (gsize k = 0; k < len; k++)
      data[k] = (guint8)g_rand_int (random);
    memcpy (data, "\0\0\0\1\x41\xff\xff", 7);
    g_ptr_array_add (memory, data);
    units[i] = (HeAccessUnit) { .pts90 = t90 + i * step90 + (i % 2) * 2 * step90,
                                .dts90 = t90 + i * step90,
                                .data = data,
                                .len = len,
                                .keyframe = i == 0 || codec == HE_TS_ADTS };
    if (codec == HE_TS_ADTS)
      units[i].pts90 = units[i].dts90;
  }
  segment = he_ts_write_segment (codec, units, n_units, &error);
  g_assert_no_error (error);
  return segment;
}

/* Given segments of very different sizes from two writers, when any follow each other,
 * then every continuity counter runs on, and each segment is whole rounds of packets. */
static void
test_any_order (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (7);
  g_autoptr (Reader) reader = reader_new ();

  for (guint i = 0; i < 300; i++) {
    HeTsCodec codec = i % 3 == 0 ? HE_TS_ADTS : i % 3 == 1 ? HE_TS_H265 : HE_TS_H264;
    guint n = (guint)g_rand_int_range (random, 1, 60);
    guint size = (guint)g_rand_int_range (random, 8, i % 10 == 0 ? 90000 : 900);
    g_autoptr (GBytes) segment
        = make_segment (codec, i, EPOCH + i * 180000, MAX (n, 4), 1920,
                        codec == HE_TS_ADTS ? MIN (size, 4000) : size);
    guint pid = he_ts_is_video (codec) ? HE_TS_VIDEO_PID : HE_TS_AUDIO_PID;

    reader->has_pcr = FALSE;
    memset (reader->payloads, 0, sizeof reader->payloads);
    read_segment (reader, segment);
    g_assert_cmpuint (reader->payloads[0], ==, 16);
    g_assert_cmpuint (reader->payloads[HE_TS_PMT_PID], ==, 16);
    g_assert_cmpuint (reader->payloads[pid], >=, 16);
    g_assert_cmpuint (reader->payloads[pid] % 16, ==, 0);
  }
}

/* Given the first packets of a segment, then they are PAT, PMT and the keyframe with
 * random access. */
static void
test_start (void)
{
  g_autoptr (GBytes) segment = make_segment (HE_TS_H264, 1, EPOCH, 50, 3600, 5000);
  const guint8 *p = g_bytes_get_data (segment, NULL);

  g_assert_cmphex (he_read_be32 (p), ==, 0x47400010);
  g_assert_cmphex (he_read_be32 (p + HE_TS_PACKET), ==, 0x47500010);
  p += 2 * HE_TS_PACKET;
  g_assert_cmphex (he_read_be32 (p), ==, 0x47410030);
  g_assert_cmphex (p[5], ==, 0x50);
  /* A delimiter was put before the unit that had none. */
  g_assert_cmpmem (p + 12 + 14, 6, "\0\0\0\1\x09\xf0", 6);
}

/* Given H.265, then the PMT says so twice, and the delimiter is that of H.265. */
static void
test_h265 (void)
{
  static const guint8 with[]
      = { 0, 0, 0, 1, 0x46, 0x01, 0x10, 0, 0, 1, 0x26, 0x01, 0xaf, 1, 2, 3, 4, 5 };
  static const guint8 delimiter[] = { 0, 0, 0, 1, 0x46, 0x01, 0x50 };
  static const guint8 pmt[]
      = { 0x02, 0xb0, 24,   0,    1, 0xc1, 0, 0,   0xe1, 0,   0xf0, 0,
          0x24, 0xe1, 0x00, 0xf0, 6, 0x05, 4, 'H', 'E',  'V', 'C' };

  for (guint n = 0; n < 2; n++) {
    gsize skip = n == 0 ? 0 : 7; /* with its own delimiter, and without */
    HeAccessUnit unit = { .pts90 = 900,
                          .dts90 = 900,
                          .data = with + skip,
                          .len = sizeof with - skip,
                          .keyframe = TRUE };
    g_autoptr (GBytes) segment = he_ts_write_segment (HE_TS_H265, &unit, 1, NULL);
    g_autoptr (Reader) reader = reader_new ();
    const guint8 *p;

    g_assert_nonnull (segment);
    p = g_bytes_get_data (segment, NULL);
    g_assert_cmpmem (p + HE_TS_PACKET + 5, sizeof pmt, pmt, sizeof pmt);
    g_assert_cmpuint (he_crc32_mpeg (p + HE_TS_PACKET + 5, sizeof pmt + 4), ==, 0);
    read_segment (reader, segment);
    g_assert_cmphex (reader->es->data[3], ==, 0xe0);
    g_assert_cmpmem (reader->es->data + 14, 7, n == 0 ? with : delimiter, 7);
    g_assert_cmpmem (reader->es->data + 21, reader->es->len - 21, with + 7,
                     sizeof with - 7);
  }
}

static void
test_same_bytes (void)
{
  g_autoptr (GBytes) a = make_segment (HE_TS_H264, 5, EPOCH, 50, 3600, 5000);
  g_autoptr (GBytes) b = make_segment (HE_TS_H264, 5, EPOCH, 50, 3600, 5000);

  g_assert_true (g_bytes_equal (a, b));
}

/* Given what was written, when read back, then the payload is the units, in order. */
static void
test_payload (void)
{
  static const guint8 data[]
      = { 0, 0, 0, 1, 0x09, 0xf0, 0, 0, 1, 0x65, 1, 2, 3, 4, 5, 6, 7 };
  HeAccessUnit unit = {
    .pts90 = 900, .dts90 = 900, .data = data, .len = sizeof data, .keyframe = TRUE
  };
  g_autoptr (GBytes) segment = he_ts_write_segment (HE_TS_H264, &unit, 1, NULL);
  g_autoptr (Reader) reader = reader_new ();

  g_assert_nonnull (segment);
  read_segment (reader, segment);
  g_assert_cmpuint (reader->payloads[HE_TS_VIDEO_PID], ==, 16);
  g_assert_cmpmem (reader->es->data + 14, reader->es->len - 14, data, sizeof data);
  g_assert_cmpuint (g_array_index (reader->pts, guint64, 0), ==, 900);
  g_assert_cmpuint (reader->random_access, ==, 1);
}

/* Given frames 20 ms or 3 s apart, then PCRs are at most 90 ms apart and never run back,
 * also when the 33 bits wrap. */
static void
test_pcr (void)
{
  static const guint64 steps[] = { 1500, 1920, 3600, 3003, 9009, 18000, 270000 };

  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    for (guint codec = HE_TS_H264; codec <= HE_TS_ADTS; codec++) {
      guint64 t90 = 20 * HE_PTS_WRAP - 30 * steps[i] + 11;
      g_autoptr (GBytes) segment
          = make_segment ((HeTsCodec)codec, i, t90, 60, steps[i], 900);
      g_autoptr (Reader) reader = reader_new ();

      read_segment (reader, segment);
      g_assert_cmpuint (reader->max_pcr_step, <=, HE_TS_PCR_INTERVAL);
      g_assert_cmpuint (g_array_index (reader->pts, guint64, 0), ==, t90 % HE_PTS_WRAP);
    }
}

/* Given a stream that begins at zero with reordered pictures, so that its first DTS lies
 * before, then nothing but the pictures comes out. */
static void
test_before_zero (void)
{
  g_autoptr (GBytes) segment
      = make_segment (HE_TS_H264, 3, (guint64)-7200, 50, 3600, 900);
  g_autoptr (Reader) reader = reader_new ();

  read_segment (reader, segment);
  g_assert_cmpuint (reader->pts->len, ==, 50);
  g_assert_cmpuint (reader->max_pcr_step, ==, 3600);
}

static void
expect_refusal (HeTsCodec codec, const HeAccessUnit *units, guint n_units)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) segment = he_ts_write_segment (codec, units, n_units, &error);

  g_assert_null (segment);
  g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
}

static void
test_refuses (void)
{
  static const guint8 data[64] = { 0, 0, 1, 0x65 };
  const HeAccessUnit good
      = { .pts90 = 10, .dts90 = 10, .data = data, .len = 64, .keyframe = TRUE };
  HeAccessUnit units[2] = { good, good };

  expect_refusal (HE_TS_H264, units, 0);
  expect_refusal (HE_TS_H264, units, 2); /* the same DTS twice */
  units[0].keyframe = FALSE;
  expect_refusal (HE_TS_H264, units, 1);
  units[0] = good;
  units[0].dts90 = 11;
  expect_refusal (HE_TS_H264, units, 1);
  units[0] = good;
  units[0].len = 0;
  expect_refusal (HE_TS_H264, units, 1);
  units[0].len = 7; /* too little for 16 packets */
  expect_refusal (HE_TS_ADTS, units, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ts-writer/counters-run-on-across-any-order", test_any_order);
  g_test_add_func ("/ts-writer/begins-with-tables-and-keyframe", test_start);
  g_test_add_func ("/ts-writer/h265-is-announced-and-delimited", test_h265);
  g_test_add_func ("/ts-writer/same-units-same-bytes", test_same_bytes);
  g_test_add_func ("/ts-writer/payload-comes-back", test_payload);
  g_test_add_func ("/ts-writer/pcr-within-90-ms-across-a-wrap", test_pcr);
  g_test_add_func ("/ts-writer/first-dts-before-zero", test_before_zero);
  g_test_add_func ("/ts-writer/refuses-what-no-player-could-read", test_refuses);
  return g_test_run ();
}
