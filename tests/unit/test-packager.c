/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "he-crypto.h"
#include "he-error.h"
#include "he-keys.h"
#include "he-packager.h"

#define D90 G_GUINT64_CONSTANT (180000)
#define MSN G_GUINT64_CONSTANT (892500000)
#define FRAME 3600

/* What came out. */
typedef struct {
  GArray *msns;  /* guint64 */
  GArray *flags; /* HeSegmentFlags */
  GPtrArray *bodies;
  HeSegment *last;
} Output;

static void
packaged (const HeSegment *segment, GBytes *body, const guint8 digest[32],
          gpointer user_data)
{
  Output *output = user_data;
  guint8 expected[32];

  he_sha256 (g_bytes_get_data (body, NULL), g_bytes_get_size (body), expected);
  g_assert_cmpmem (digest, 32, expected, 32);
  g_array_append_val (output->msns, segment->msn);
  g_array_append_val (output->flags, segment->flags);
  g_ptr_array_add (output->bodies, g_bytes_ref (body));
  he_segment_free (output->last);
  output->last = he_segment_copy (segment);
}

static Output *
output_new (void)
{
  Output *output = g_new0 (Output, 1);

  output->msns = g_array_new (FALSE, FALSE, sizeof (guint64));
  output->flags = g_array_new (FALSE, FALSE, sizeof (HeSegmentFlags));
  output->bodies = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
  return output;
}

static void
output_free (Output *output)
{
  g_array_unref (output->msns);
  g_array_unref (output->flags);
  g_ptr_array_unref (output->bodies);
  he_segment_free (output->last);
  g_free (output);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Output, output_free)

static HePackager *
packager_of (HeTsCodec codec, HeVariant variant, HeSecret *content, Output *output)
{
  HePackagerConfig config = { .channel = "demo",
                              .rendition = "360p",
                              .variant = variant,
                              .codec = codec,
                              .duration90 = D90,
                              .content = content,
                              .key_version = 1,
                              .key_rotation = 30,
                              .tier = "base" };

  return he_packager_new (&config, packaged, output);
}

static HePackager *
packager_new (HeTsCodec codec, HeSecret *content, Output *output)
{
  return packager_of (codec, HE_VARIANT_B, content, output);
}

static gboolean
push (HePackager *packager, guint64 t90, gboolean keyframe, GError **error)
{
  static const guint8 picture[80] = { 0, 0, 0, 1, 0x41, 9, 9 };
  static const guint8 idr[80]
      = { 0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3, 3 };
  HeUnitInfo info
      = { .pts90 = t90, .dts90 = t90, .length90 = FRAME, .keyframe = keyframe };
  g_autoptr (GBytes) data = g_bytes_new_static (keyframe ? idr : picture, 80);

  return he_packager_push (packager, &info, data, error);
}

/* Pictures from .. to, with a keyframe at each boundary when keyed. */
static void
push_run (HePackager *packager, guint64 from90, guint64 to90)
{
  for (guint64 t = from90; t < to90; t += FRAME) {
    g_autoptr (GError) error = NULL;

    g_assert_true (push (packager, t, t % D90 == 0, &error));
    g_assert_no_error (error);
  }
}

static void
boundary (HePackager *packager, guint64 msn)
{
  g_assert_true (he_packager_boundary (packager, msn, 3, D90, NULL));
}

static void
expect_msns (Output *output, guint n, const guint64 *msns)
{
  g_assert_cmpmem (output->msns->data, output->msns->len * sizeof (guint64), msns,
                   n * sizeof (guint64));
}

#define EXPECT(output, ...)                                                              \
  expect_msns (output, G_N_ELEMENTS (((const guint64[]) { __VA_ARGS__ })),               \
               (const guint64[]) { __VA_ARGS__ })

/* Given annotations, then the part before the first is lost, the last segment comes out
 * because it reached its end, and each is named by its annotation. */
static void
test_annotated (void)
{
  g_autoptr (Output) output = output_new ();
  g_autoptr (HePackager) packager = packager_new (HE_TS_H264, NULL, output);

  push_run (packager, (MSN - 1) * D90 + FRAME, MSN * D90);
  for (guint i = 0; i < 3; i++) {
    boundary (packager, MSN + i);
    push_run (packager, (MSN + i) * D90, (MSN + i + 1) * D90);
  }
  EXPECT (output, MSN, MSN + 1);
  g_assert_true (he_packager_end (packager, NULL));
  EXPECT (output, MSN, MSN + 1, MSN + 2);
  g_assert_cmpuint (output->last->generation, ==, 3);
  g_assert_cmpuint (output->last->pts90, ==, (MSN + 2) * D90);
  g_assert_cmpint (output->last->variant, ==, HE_VARIANT_B);
}

static void
test_unfinished (void)
{
  g_autoptr (Output) output = output_new ();
  g_autoptr (HePackager) packager = packager_new (HE_TS_H264, NULL, output);

  boundary (packager, MSN);
  push_run (packager, MSN * D90, (MSN + 1) * D90 - FRAME);
  g_assert_true (he_packager_end (packager, NULL));
  g_assert_cmpuint (output->msns->len, ==, 0);
  g_assert_cmpuint (he_packager_dropped (packager), ==, 1);
}

/* Given no annotation, then the first keyframe of each MSN cuts; forced keyframes alone
 * do once there were any; a repeated annotation cuts nothing. */
static void
test_unannotated (void)
{
  g_autoptr (Output) by_pts = output_new ();
  g_autoptr (Output) by_key = output_new ();
  g_autoptr (HePackager) a = packager_new (HE_TS_H264, NULL, by_pts);
  g_autoptr (HePackager) b = packager_new (HE_TS_H264, NULL, by_key);

  push_run (a, 0, 3 * D90);
  EXPECT (by_pts, 0, 1);

  for (guint i = 1; i < 4; i++) {
    he_packager_key_unit (b);
    g_assert_true (push (b, i * D90 + 7, TRUE, NULL));
    g_assert_true (push (b, i * D90 + 7 + FRAME, TRUE, NULL));
    g_assert_true (push (b, (i + 1) * D90 + 1, TRUE, NULL));
  }
  EXPECT (by_key, 1, 2);
}

static void
test_first_wins (void)
{
  g_autoptr (Output) output = output_new ();
  g_autoptr (HePackager) packager = packager_new (HE_TS_H264, NULL, output);

  boundary (packager, MSN);
  push_run (packager, MSN * D90, MSN * D90 + 10 * FRAME);
  boundary (packager, MSN);
  push_run (packager, MSN * D90 + 10 * FRAME, (MSN + 1) * D90);
  boundary (packager, MSN + 1);
  push_run (packager, (MSN + 1) * D90, (MSN + 1) * D90 + FRAME);
  EXPECT (output, MSN);
}

/* Given a first keyframe inside a segment, then that segment is not whole and is lost. */
static void
test_late_start (void)
{
  g_autoptr (Output) output = output_new ();
  g_autoptr (HePackager) packager = packager_new (HE_TS_H264, NULL, output);

  g_assert_true (push (packager, D90 / 2, TRUE, NULL));
  push_run (packager, D90, 3 * D90);
  EXPECT (output, 1);
}

static void
test_status (void)
{
  g_autoptr (Output) output = output_new ();
  g_autoptr (HePackager) packager = packager_new (HE_TS_H264, NULL, output);

  he_packager_status (packager, MSN + 1, HE_SEGMENT_FILLED);
  for (guint i = 0; i < 4; i++) {
    boundary (packager, MSN + i);
    push_run (packager, (MSN + i) * D90, (MSN + i + 1) * D90);
    if (i == 1)
      he_packager_status (packager, MSN + 1, HE_SEGMENT_DAMAGED);
  }
  EXPECT (output, MSN, MSN + 1, MSN + 2);
  g_assert_cmpint (g_array_index (output->flags, HeSegmentFlags, 0), ==, 0);
  g_assert_cmpint (g_array_index (output->flags, HeSegmentFlags, 1), ==,
                   HE_SEGMENT_FILLED | HE_SEGMENT_DAMAGED);
  g_assert_cmpint (g_array_index (output->flags, HeSegmentFlags, 2), ==, 0);
}

/* Given a secret, then the body is the clear segment under the period's key and the MSN.
 */
static void
test_encrypted (void)
{
  static const guint8 secret[32] = { 1, 2, 3 };
  g_autoptr (HeSecret) content = he_secret_new (secret, sizeof secret);
  g_autoptr (Output) closed = output_new ();
  g_autoptr (Output) open = output_new ();
  g_autoptr (HePackager) a = packager_new (HE_TS_H264, content, closed);
  g_autoptr (HePackager) b = packager_new (HE_TS_H264, NULL, open);
  g_autoptr (GBytes) clear = NULL;
  g_autoptr (GError) error = NULL;
  guint8 key[16], iv[16];
  gsize len;
  const guint8 *data;

  for (guint i = 0; i < 2; i++) {
    boundary (i == 0 ? a : b, MSN);
    push_run (i == 0 ? a : b, MSN * D90, (MSN + 1) * D90);
    g_assert_true (he_packager_end (i == 0 ? a : b, NULL));
  }
  he_content_key (content, 1, "demo", "base", MSN / 30, key);
  he_content_iv (MSN, iv);
  data = g_bytes_get_data (closed->bodies->pdata[0], &len);
  clear = he_aes128_cbc_decrypt (key, iv, data, len, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (clear, open->bodies->pdata[0]));
}

/* Given a boundary without a keyframe, or without parameter sets, then an error says what
 * to do, and the next good boundary heals. */
static void
test_heals (void)
{
  g_autoptr (Output) output = output_new ();
  g_autoptr (HePackager) packager = packager_new (HE_TS_H264, NULL, output);
  g_autoptr (GError) error = NULL;

  boundary (packager, MSN);
  g_assert_false (push (packager, MSN * D90, FALSE, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "force-key-unit"));
  push_run (packager, MSN * D90 + FRAME, (MSN + 1) * D90);
  boundary (packager, MSN + 1);
  push_run (packager, (MSN + 1) * D90, (MSN + 2) * D90);
  g_assert_true (he_packager_end (packager, NULL));
  EXPECT (output, MSN + 1);
}

static void
test_backwards (void)
{
  g_autoptr (Output) output = output_new ();
  g_autoptr (HePackager) packager = packager_new (HE_TS_H264, NULL, output);
  g_autoptr (GError) error = NULL;

  push_run (packager, 10 * D90, 11 * D90 + FRAME);
  g_assert_false (push (packager, 5 * D90, TRUE, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
  push_run (packager, 5 * D90 + FRAME, 7 * D90);
  EXPECT (output, 10, 5);
}

/* Given sparse marking, then what is not marked comes out of a under both names, with the
 * same bytes; and b's marked segment is over where the next one is announced, which has
 * no units of b. */
static void
test_unmarked (void)
{
  g_autoptr (Output) a = output_new ();
  g_autoptr (Output) b = output_new ();
  g_autoptr (HePackager) of_a = packager_of (HE_TS_H264, HE_VARIANT_A, NULL, a);
  g_autoptr (HePackager) of_b = packager_of (HE_TS_H264, HE_VARIANT_B, NULL, b);

  for (guint64 msn = 1; msn <= 4; msn++) {
    boundary (of_a, msn);
    boundary (of_b, msn);
    if (msn != 2) {
      g_assert_true (he_packager_unmarked (of_a, NULL));
      g_assert_true (he_packager_unmarked (of_b, NULL));
    } else {
      push_run (of_b, msn * D90, (msn + 1) * D90);
    }
    push_run (of_a, msn * D90, (msn + 1) * D90);
    g_assert_cmpuint (b->msns->len, ==, msn > 2);
  }
  EXPECT (a, 1, 1, 2, 3, 3);
  EXPECT (b, 2);
  g_assert_true (g_bytes_equal (a->bodies->pdata[0], a->bodies->pdata[1]));
  g_assert_cmpint (a->last->variant, ==, HE_VARIANT_B);
  g_assert_cmpint (b->last->variant, ==, HE_VARIANT_B);
  g_assert_cmpuint (b->last->frames, ==, D90 / FRAME);
  g_assert_cmpuint (he_packager_dropped (of_b), ==, 0);
  g_assert_true (he_packager_end (of_a, NULL));
  g_assert_true (he_packager_end (of_b, NULL));
  EXPECT (a, 1, 1, 2, 3, 3, 4, 4);
  EXPECT (b, 2);
}

static void
test_duration (void)
{
  g_autoptr (Output) output = output_new ();
  g_autoptr (HePackager) packager = packager_new (HE_TS_H264, NULL, output);
  g_autoptr (GError) error = NULL;

  g_assert_false (he_packager_boundary (packager, MSN, 0, D90 / 2, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "segment-duration"));
}

/* Given AAC frames on the epoch's grid, then a segment begins with the first frame at or
 * after its boundary, so they hold 94 or 93 frames. */
static void
test_audio (void)
{
  static const guint8 frame[100] = { 0xff, 0xf1, 0x4c, 0x80 };
  g_autoptr (Output) output = output_new ();
  g_autoptr (HePackager) packager = packager_new (HE_TS_ADTS, NULL, output);

  for (guint64 n = 94; n * 1920 < 5 * D90; n++) {
    HeUnitInfo info = { n * 1920, n * 1920, 1920, TRUE };
    g_autoptr (GBytes) data = g_bytes_new_static (frame, sizeof frame);

    g_assert_true (he_packager_push (packager, &info, data, NULL));
  }
  EXPECT (output, 1, 2, 3);
}

/* ---- a stream that nobody steers ---- */

/* Pictures from .. to with a keyframe whenever (time - phase) is a multiple of gop. */
static GError *
push_gops (HePackager *packager, guint64 from90, guint64 to90, guint64 gop, guint64 phase)
{
  GError *first = NULL;

  for (guint64 t = from90; t < to90; t += FRAME) {
    g_autoptr (GError) error = NULL;

    if (!push (packager, t, (t - phase) % gop == 0, &error) && first == NULL)
      first = g_steal_pointer (&error);
  }
  return first;
}

/* Given keyframes half as far apart as boundaries, and beside them, when nodes join at
 * different moments, then each number begins at its first keyframe, none is lost, and the
 * bytes are the same on all nodes. */
static void
test_copy_phase (void)
{
  const guint64 gop = D90 / 2, phase = 7 * FRAME;
  g_autoptr (Output) all = output_new ();
  g_autoptr (HePackager) first = packager_new (HE_TS_H264, NULL, all);
  GError *error = push_gops (first, phase, 9 * D90, gop, phase);

  g_assert_no_error (error);
  EXPECT (all, 1, 2, 3, 4, 5, 6, 7);
  for (guint64 join = 1; join <= 32; join++) {
    g_autoptr (Output) late = output_new ();
    g_autoptr (HePackager) other = packager_new (HE_TS_H264, NULL, late);

    error = push_gops (other, 2 * D90 + join * FRAME, 9 * D90, gop, phase);
    g_assert_no_error (error);
    EXPECT (late, 3, 4, 5, 6, 7);
    for (guint i = 0; i < 5; i++)
      g_assert_true (g_bytes_equal (late->bodies->pdata[i], all->bodies->pdata[i + 2]));
  }
}

/* Given times that are a tick off either side of a boundary, then none is lost. */
static void
test_copy_jitter (void)
{
  g_autoptr (Output) output = output_new ();
  g_autoptr (HePackager) packager = packager_new (HE_TS_H264, NULL, output);
  g_autoptr (GError) error = NULL;

  for (guint64 t = 10 * D90; t < 16 * D90; t += FRAME)
    g_assert_true (push (packager, t + (t / D90) % 3 - 1, t % D90 == 0, &error));
  EXPECT (output, 10, 11, 12, 13, 14);
}

/* Given keyframes that do not fit, then the words name their distance and what fits, once
 * until they do. */
static void
test_copy_misfit (void)
{
  static const struct {
    guint64 gop;
    const char *measured, *remedy;
  } rows[] = {
    { 3 * D90 / 2, "3 s apart", "segment-duration to 3 s (270000 ticks)" },
    { 2 * D90 / 5, "0.8 s apart", "segment-duration to 2.4 s (216000 ticks)" },
    { 30 * D90, "60 s apart", "make one every 2 s, or encode" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (Output) output = output_new ();
    g_autoptr (HePackager) packager = packager_new (HE_TS_H264, NULL, output);
    g_autoptr (GError) error = push_gops (packager, 0, 70 * D90, rows[i].gop, 0);
    g_autoptr (GError) again = push_gops (packager, 70 * D90, 90 * D90, rows[i].gop, 0);

    g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
    g_assert_nonnull (strstr (error->message, rows[i].measured));
    g_assert_nonnull (strstr (error->message, rows[i].remedy));
    g_assert_no_error (again);
  }
}

/* Given keyframes wherever the scene changes, then their distances are told; given one
 * that was lost, then nothing is, and every number comes out. */
static void
test_copy_irregular (void)
{
  g_autoptr (Output) output = output_new ();
  g_autoptr (HePackager) packager = packager_new (HE_TS_H264, NULL, output);
  g_autoptr (GError) error = NULL;
  guint64 phase = 3 * FRAME;

  for (guint64 t = 0; t < 12 * D90; t += FRAME) {
    gboolean lost = t == 4 * D90 + phase;

    g_assert_true (push (packager, t, (t - phase) % (D90 / 2) == 0 && !lost, &error));
  }
  EXPECT (output, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
  for (guint i = 0; error == NULL && i < 60; i++)
    push (packager, 12 * D90 + i * 17 * FRAME, TRUE, &error);
  g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "0.68 to 1 s apart"));
}

/* Given a loss, then the segments around it are marked, and a number that went by whole
 * is named; the first unit of all is no loss. */
static void
test_copy_loss (void)
{
  g_autoptr (Output) output = output_new ();
  g_autoptr (HePackager) packager = packager_new (HE_TS_H264, NULL, output);
  g_autoptr (GBytes) data = NULL;
  g_autoptr (GError) error = NULL;
  static const guint8 picture[80] = { 0, 0, 0, 1, 0x41, 9, 9 };
  static const guint8 intra[80]
      = { 0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x41 };
  HeUnitInfo info = { .length90 = FRAME, .discont = TRUE };

  he_packager_timeline (packager, 5);
  data = g_bytes_new_static (picture, sizeof picture);
  info.pts90 = info.dts90 = D90 - FRAME;
  g_assert_true (he_packager_push (packager, &info, data, NULL));
  push_run (packager, D90, 2 * D90 + D90 / 2);
  info.pts90 = info.dts90 = 2 * D90 + D90 / 2;
  g_assert_true (he_packager_push (packager, &info, data, NULL));
  push_run (packager, 2 * D90 + D90 / 2 + FRAME, 4 * D90);
  /* A parser takes any picture with an intra slice for a keyframe. */
  g_bytes_unref (data);
  data = g_bytes_new_static (intra, sizeof intra);
  info = (HeUnitInfo) { 6 * D90, 6 * D90, FRAME, TRUE, TRUE };
  g_assert_true (he_packager_push (packager, &info, data, NULL));
  g_assert_false (push (packager, 6 * D90 + FRAME, TRUE, &error));
  g_assert_nonnull (strstr (error->message, "segment 4 is missing"));
  push_run (packager, 6 * D90 + 2 * FRAME, 8 * D90 + FRAME);
  EXPECT (output, 1, 2, 3, 6, 7);
  g_assert_cmpuint (output->last->generation, ==, 5);
  for (guint i = 0; i < 5; i++)
    g_assert_cmpint (g_array_index (output->flags, HeSegmentFlags, i), ==,
                     i == 1 || i == 2 ? HE_SEGMENT_DAMAGED : 0);
}

/* ---- H.265 ---- */

static gboolean
push_h265 (HePackager *packager, guint64 n, const guint8 *picture, gboolean keyframe,
           GError **error)
{
  HeUnitInfo info = { n * FRAME, n * FRAME, FRAME, keyframe };
  g_autoptr (GBytes) data = g_bytes_new (picture, 80);

  return he_packager_push (packager, &info, data, error);
}

/* Given H.265, then a segment begins with an IRAP picture and all three parameter sets;
 * what only claims to be a keyframe cuts nothing. */
static void
test_h265 (void)
{
  static const guint8 trail[80] = { 0, 0, 1, 0x02, 1, 0x80, 9 };
  static const guint8 idr[80] = { 0, 0, 1,    0x40, 1, 7, 0, 0, 1,    0x42, 1,    7, 0,
                                  0, 1, 0x44, 1,    7, 0, 0, 1, 0x28, 1,    0x80, 9 };
  static const guint8 bare[80] = { 0, 0, 1,    0x40, 1, 7, 0, 0, 1,    0x44, 1,    7, 0,
                                   0, 1, 0x44, 1,    7, 0, 0, 1, 0x2a, 1,    0x80, 9 };
  static const guint8 without_vps[80]
      = { 0, 0, 1, 0x42, 1, 7, 0, 0, 1, 0x44, 1, 7, 0, 0, 1, 0x2a, 1, 0x80, 9 };
  const guint64 gop = D90 / FRAME;
  g_autoptr (Output) output = output_new ();
  g_autoptr (HePackager) packager = packager_new (HE_TS_H265, NULL, output);
  g_autoptr (GError) error = NULL;

  for (guint64 n = gop; n < 3 * gop; n++)
    g_assert_true (
        push_h265 (packager, n, n % gop == 0 ? idr : trail, n % 10 == 0, &error));
  g_assert_false (push_h265 (packager, 3 * gop, bare, TRUE, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "h265parse config-interval=-1"));
  g_assert_false (push_h265 (packager, 4 * gop, without_vps, TRUE, NULL));
  EXPECT (output, 1, 2);
  g_assert_cmphex (
      ((const guint8 *)g_bytes_get_data (output->bodies->pdata[0], NULL))[188 + 17], ==,
      0x24);
}

/* Given a recording, then it begins with its first unit wherever that is, ends with its
 * last, and says how long the last segment is, told by units or taken from their
 * distance; a last segment that is full is no exception. */
static void
test_recording (void)
{
  static const guint8 picture[80] = { 0, 0, 0, 1, 0x41, 9, 9 };
  static const guint8 idr[80]
      = { 0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3, 3 };
  static const struct {
    guint frames;
    guint64 length90, last90;
  } rows[] = { { 77, FRAME, 27 * FRAME },
               { 77, 0, 27 * FRAME },
               { 100, FRAME, D90 },
               { 51, FRAME, FRAME } };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (Output) output = output_new ();
    HePackagerConfig config = { .channel = "demo",
                                .rendition = "360p",
                                .codec = HE_TS_H264,
                                .duration90 = D90,
                                .recording = TRUE };
    g_autoptr (HePackager) packager = he_packager_new (&config, packaged, output);

    for (guint64 n = 0; n < rows[i].frames; n++) {
      guint64 t = 5 * D90 + n * FRAME;
      HeUnitInfo info = { t, t, rows[i].length90, n % 50 == 0, n == 0 };
      g_autoptr (GBytes) data = g_bytes_new_static (n % 50 == 0 ? idr : picture, 80);

      g_assert_true (he_packager_push (packager, &info, data, NULL));
    }
    g_assert_true (he_packager_end (packager, NULL));
    EXPECT (output, 5, 6);
    g_assert_cmpuint (output->last->duration90, ==, rows[i].last90);
    g_assert_cmpuint (he_packager_dropped (packager), ==, 0);
  }
}

/* Given sound that begins behind the boundary, then a recording has it all the same. */
static void
test_recording_late (void)
{
  static const guint8 frame[100] = { 0xff, 0xf1, 0x4c, 0x80 };
  g_autoptr (Output) output = output_new ();
  HePackagerConfig config = { .channel = "demo",
                              .rendition = "audio",
                              .codec = HE_TS_ADTS,
                              .duration90 = D90,
                              .recording = TRUE };
  g_autoptr (HePackager) packager = he_packager_new (&config, packaged, output);

  for (guint64 n = 480; n < 600; n++) {
    HeUnitInfo info = { n * 1920, n * 1920, 1920, TRUE, n == 480 };
    g_autoptr (GBytes) data = g_bytes_new_static (frame, sizeof frame);

    g_assert_true (he_packager_push (packager, &info, data, NULL));
  }
  g_assert_true (he_packager_end (packager, NULL));
  EXPECT (output, 5, 6);
  g_assert_cmpuint (output->last->duration90, ==, 600 * 1920 - 6 * D90);
}

/* What two copies are compared by: the frames that are in it, and the picture that its
 * boundary announced. */
static void
segments_tell_what_they_look_like (void)
{
  g_autoptr (Output) output = output_new ();
  g_autoptr (HePackager) packager = packager_new (HE_TS_H264, NULL, output);
  HeSignature signature;

  memset (&signature, 77, sizeof signature);
  boundary (packager, MSN);
  he_packager_signature (packager, &signature);
  push_run (packager, MSN * D90, (MSN + 1) * D90);
  boundary (packager, MSN + 1);
  push_run (packager, (MSN + 1) * D90, (MSN + 2) * D90 - 3 * FRAME);
  g_assert_cmpuint (output->last->frames, ==, D90 / FRAME);
  g_assert_true (output->last->has_signature);
  g_assert_cmpmem (&output->last->signature, sizeof signature, &signature,
                   sizeof signature);
  boundary (packager, MSN + 2);
  push_run (packager, (MSN + 2) * D90, (MSN + 3) * D90);
  g_assert_cmpuint (output->last->msn, ==, MSN + 1);
  g_assert_cmpuint (output->last->frames, ==, D90 / FRAME - 3);
  g_assert_false (output->last->has_signature);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/packager/annotated/unmarked-segments-have-both-names",
                   test_unmarked);
  g_test_add_func ("/packager/annotated/whole-segments-only", test_annotated);
  g_test_add_func ("/packager/annotated/unfinished-end-is-dropped", test_unfinished);
  g_test_add_func ("/packager/annotated/first-of-a-number-wins", test_first_wins);
  g_test_add_func ("/packager/unannotated/keyframes-cut", test_unannotated);
  g_test_add_func ("/packager/unannotated/late-start-is-not-whole", test_late_start);
  g_test_add_func ("/packager/status/flags-reach-their-segment", test_status);
  g_test_add_func ("/packager/encrypts-under-period-and-number", test_encrypted);
  g_test_add_func ("/packager/bad-boundary-is-named-and-heals", test_heals);
  g_test_add_func ("/packager/backward-jump-starts-over", test_backwards);
  g_test_add_func ("/packager/other-duration-is-refused", test_duration);
  g_test_add_func ("/packager/audio-keeps-its-grid", test_audio);
  g_test_add_func ("/packager/copy/phase-does-not-matter", test_copy_phase);
  g_test_add_func ("/packager/copy/a-tick-does-not-matter", test_copy_jitter);
  g_test_add_func ("/packager/copy/misfit-is-told", test_copy_misfit);
  g_test_add_func ("/packager/copy/irregular-is-told", test_copy_irregular);
  g_test_add_func ("/packager/copy/loss-is-marked", test_copy_loss);
  g_test_add_func ("/packager/h265/begins-with-irap-and-parameter-sets", test_h265);
  g_test_add_func ("/packager/recording/from-first-to-last", test_recording);
  g_test_add_func ("/packager/recording/late-sound-counts", test_recording_late);
  g_test_add_func ("/packager/tells-what-segments-look-like",
                   segments_tell_what_they_look_like);
  return g_test_run ();
}
