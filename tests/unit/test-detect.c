/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>

#include "foreign-keys.h"
#include "he-detect.h"
#include "he-error.h"
#include "he-mark.h"
#include "mark-clips.h"

#define WIDTH 640
#define HEIGHT 360
#define FRAMES 6

/* The mean of the source pixels that each pixel of the smaller frame covers. */
static void
shrink (const guint8 *in, guint width, guint height, guint8 *ret_out, guint out_width,
        guint out_height)
{
  for (guint y = 0; y < out_height; y++)
    for (guint x = 0; x < out_width; x++) {
      guint sum = 0, count = 0;
      for (guint j = y * height / out_height; j < (y + 1) * height / out_height; j++)
        for (guint i = x * width / out_width; i < (x + 1) * width / out_width;
             i++, count++)
          sum += in[j * width + i];
      ret_out[y * out_width + x] = (guint8)(sum / count);
    }
}

/* A segment of a clip, marked at one size and seen at another. */
static HeDetector *
segment_of (Clip clip, HeVariant variant, guint32 number, guint width, guint height,
            guint seen_width, guint seen_height)
{
  guint8 seed[32];
  g_autoptr (GError) error = NULL;
  HeDetector *detector = he_detector_new ();
  seed_of (number, seed);
  g_autoptr (HeMark) mark = he_mark_new (seed, width, height, &error);
  g_assert_no_error (error);
  g_autofree guint8 *in = g_malloc (width * height), *out = g_malloc (width * height);
  g_autofree guint8 *seen = g_malloc (seen_width * seen_height);
  for (guint frame = 0; frame < FRAMES; frame++) {
    clip_fill (clip, frame * 3, in, width, width, height);
    if (variant != HE_VARIANT_NONE)
      he_mark_embed (mark, variant, in, width, out, width);
    shrink (variant == HE_VARIANT_NONE ? in : out, width, height, seen, seen_width,
            seen_height);
    g_assert_true (
        he_detector_add (detector, seen, seen_width, seen_width, seen_height, &error));
    g_assert_no_error (error);
  }
  g_assert_cmpuint (he_detector_frames (detector), ==, FRAMES);
  return detector;
}

static double
score (HeDetector *detector, guint32 number)
{
  guint8 seed[32];
  seed_of (number, seed);
  return he_detector_score (detector, seed);
}

static void
test_reads_each_variant (void)
{
  for (Clip clip = 0; clip < N_CLIPS; clip++)
    for (HeVariant variant = HE_VARIANT_A; variant <= HE_VARIANT_B; variant++) {
      g_autoptr (HeDetector) detector
          = segment_of (clip, variant, 40 + clip, WIDTH, HEIGHT, WIDTH, HEIGHT);
      double z = score (detector, 40 + clip);
      g_test_message ("%-8s %s z %+.1f", clip_names[clip], he_variant_name (variant), z);
      g_assert_cmpint (he_detect_verdict (z), ==, variant);
    }
}

static void
test_reads_other_sizes (void)
{
  static const guint sizes[][4] = {
    { 1280, 720, 640, 360 }, { 1280, 720, 427, 240 }, { 961, 541, 960, 540 },
    { 640, 360, 320, 360 },  { 320, 576, 320, 576 },
  };
  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
    g_autoptr (HeDetector) detector = segment_of (
        CLIP_SCENE, HE_VARIANT_B, s, sizes[s][0], sizes[s][1], sizes[s][2], sizes[s][3]);
    double z = score (detector, s);
    g_test_message ("%ux%u seen at %ux%u: z %+.1f", sizes[s][0], sizes[s][1], sizes[s][2],
                    sizes[s][3], z);
    g_assert_cmpint (he_detect_verdict (z), ==, HE_VARIANT_B);
  }
}

/* Given marked and unmarked pictures of every kind, when they are scored under foreign
 * keys, then the scores are standard normal. */
static void
test_foreign_keys_score_unit_noise (void)
{
  for (Clip clip = 0; clip < N_CLIPS; clip++) {
    g_autoptr (HeDetector) detector = segment_of (
        clip, clip % 2 ? HE_VARIANT_A : HE_VARIANT_NONE, 1, WIDTH, HEIGHT, WIDTH, HEIGHT);
    const ForeignKeys foreign = foreign_keys_score (detector, clip_names[clip]);
    if (clip == CLIP_GREY) /* unmarked: nothing to score at all */
      continue;
    g_assert_cmpfloat (fabs (foreign.mean), <, 0.2);
    g_assert_cmpfloat (foreign.deviation, >, 0.9);
    g_assert_cmpfloat (foreign.deviation, <, 1.1);
    g_assert_cmpfloat (foreign.largest, <, 5);
  }
}

static void
test_nothing_is_read_from_nothing (void)
{
  guint8 grey[64 * 64];
  g_autoptr (HeDetector) detector = he_detector_new ();
  g_assert_cmpfloat (score (detector, 1), ==, 0);
  memset (grey, 126, sizeof grey);
  g_assert_true (he_detector_add (detector, grey, 64, 64, 64, NULL));
  double z = score (detector, 1);
  g_assert_true (isfinite (z));
  g_assert_cmpint (he_detect_verdict (z), ==, HE_VARIANT_NONE);
}

static void
test_reset_forgets (void)
{
  g_autoptr (HeDetector) detector
      = segment_of (CLIP_SCENE, HE_VARIANT_A, 7, WIDTH, HEIGHT, WIDTH, HEIGHT);
  g_autofree guint8 *plain = g_malloc (WIDTH * HEIGHT);
  g_assert_cmpint (he_detect_verdict (score (detector, 7)), ==, HE_VARIANT_A);
  he_detector_reset (detector);
  g_assert_cmpuint (he_detector_frames (detector), ==, 0);
  clip_fill (CLIP_SCENE, 0, plain, WIDTH, WIDTH, HEIGHT);
  g_assert_true (he_detector_add (detector, plain, WIDTH, WIDTH, HEIGHT, NULL));
  g_assert_cmpint (he_detect_verdict (score (detector, 7)), ==, HE_VARIANT_NONE);
}

static void
test_refuses_sizes (void)
{
  guint8 small[63 * 64] = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (HeDetector) detector = he_detector_new ();
  g_assert_false (he_detector_add (detector, small, 63, 63, 64, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
  g_assert_cmpuint (he_detector_frames (detector), ==, 0);
}

static void
test_verdict_needs_evidence (void)
{
  g_assert_cmpint (he_detect_verdict (3.99), ==, HE_VARIANT_NONE);
  g_assert_cmpint (he_detect_verdict (4), ==, HE_VARIANT_A);
  g_assert_cmpint (he_detect_verdict (-4), ==, HE_VARIANT_B);
  g_assert_cmpint (he_detect_verdict (-3.99), ==, HE_VARIANT_NONE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/detect/reads-each-variant", test_reads_each_variant);
  g_test_add_func ("/detect/reads-frames-of-other-sizes", test_reads_other_sizes);
  g_test_add_func ("/detect/foreign-keys-score-unit-noise",
                   test_foreign_keys_score_unit_noise);
  g_test_add_func ("/detect/reads-nothing-from-nothing",
                   test_nothing_is_read_from_nothing);
  g_test_add_func ("/detect/reset-forgets", test_reset_forgets);
  g_test_add_func ("/detect/refuses-sizes-it-cannot-serve", test_refuses_sizes);
  g_test_add_func ("/detect/verdict-needs-evidence", test_verdict_needs_evidence);
  return g_test_run ();
}
