/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packager-kit.h"

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
  g_test_add_func ("/packager/h265/begins-with-irap-and-parameter-sets", test_h265);
  g_test_add_func ("/packager/tells-what-segments-look-like",
                   segments_tell_what_they_look_like);
  return g_test_run ();
}
