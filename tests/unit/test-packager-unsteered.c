/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packager-kit.h"

/* Streams that nobody here encoded or aligned: passed through, or a file that becomes a
 * recording. */

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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/packager/copy/phase-does-not-matter", test_copy_phase);
  g_test_add_func ("/packager/copy/a-tick-does-not-matter", test_copy_jitter);
  g_test_add_func ("/packager/copy/misfit-is-told", test_copy_misfit);
  g_test_add_func ("/packager/copy/irregular-is-told", test_copy_irregular);
  g_test_add_func ("/packager/copy/loss-is-marked", test_copy_loss);
  g_test_add_func ("/packager/recording/from-first-to-last", test_recording);
  g_test_add_func ("/packager/recording/late-sound-counts", test_recording_late);
  return g_test_run ();
}
