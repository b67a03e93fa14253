/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <math.h>

#include "he-both.h"
#include "he-detect.h"
#include "he-error.h"
#include "he-informed.h"
#include "he-innovations.h"
#include "he-mark.h"
#include "he-whiten.h"
#include "mark-clips.h"

#define WIDTH 480
#define HEIGHT 270
#define PIXELS (WIDTH * HEIGHT)
#define FRAMES 8
#define PACE 9 /* of the scene, so that frames differ */
#define ZOOM 1.12
#define ACROSS 0.02
#define SHOT 16 /* frames of a picture that is followed */
#define LATE 2 /* frames of the originals by which the copy's time is wrong */

static void
seed_of (guint32 number, guint8 ret_seed[32])
{
  for (guint i = 0; i < 32; i++)
    ret_seed[i] = (guint8)(number >> (8 * (i % 4))) ^ (guint8)(i * 13);
}

/* What a copy shows of a frame: a zoomed part of it, duller, with grain, and a tenth of the
 * mark. */
static void
spoil (const guint8 *plain, const guint8 *marked, guint frame, guint8 *ret_copy)
{
  for (guint y = 0; y < HEIGHT; y++)
    for (guint x = 0; x < WIDTH; x++) {
      const double px = (((x + 0.5) / WIDTH - 0.5 - ACROSS) / ZOOM + 0.5) * WIDTH - 0.5;
      const double py = (((y + 0.5) / HEIGHT - 0.5) / ZOOM + 0.5) * HEIGHT - 0.5;
      const guint left = (guint)px, top = (guint)py;
      double value = 0;
      for (guint k = 0; k < 4; k++) {
        const guint i = (top + k / 2) * WIDTH + left + k % 2;
        const double weight = (k % 2 ? px - left : 1 - px + left) * (k / 2 ? py - top : 1 - py + top);
        value += weight * (plain[i] + 0.1 * (marked[i] - plain[i]));
      }
      value += (clip_hash (x, y, frame) % 201) / 50.0 - 2;
      ret_copy[y * WIDTH + x] = (guint8)CLAMP (lrint (30 + 0.7 * value), 0, 255);
    }
}

/* A segment and its copy, of another scene where that is not the same, and of a variant or
 * unmarked; read both ways. */
static HeInformed *
segment_of (Clip shown, HeVariant of, HeDetector *blind)
{
  guint8 seed[32];
  g_autoptr (GError) error = NULL;
  HeInformed *informed = he_informed_new ();
  seed_of (7, seed);
  g_autoptr (HeMark) mark = he_mark_new (seed, WIDTH, HEIGHT, &error);
  g_assert_no_error (error);
  g_autofree guint8 *in = g_malloc (PIXELS), *out = g_malloc (PIXELS), *copy = g_malloc (PIXELS);
  for (HeVariant variant = HE_VARIANT_A; variant <= HE_VARIANT_B; variant++)
    for (guint frame = 0; frame < FRAMES; frame++) {
      clip_fill (CLIP_SCENE, frame * PACE, in, WIDTH, WIDTH, HEIGHT);
      he_mark_embed (mark, variant, in, WIDTH, out, WIDTH);
      g_assert_true (he_informed_add_original (informed, variant, out, WIDTH, WIDTH, HEIGHT, &error));
    }
  for (guint frame = 0; frame + LATE < FRAMES; frame++) {
    clip_fill (shown, (frame + LATE) * PACE, in, WIDTH, WIDTH, HEIGHT);
    if (of != HE_VARIANT_NONE)
      he_mark_embed (mark, of, in, WIDTH, out, WIDTH);
    spoil (in, of == HE_VARIANT_NONE ? in : out, frame, copy);
    g_assert_true (he_detector_add (blind, copy, WIDTH, WIDTH, HEIGHT, &error));
    g_assert_true (he_informed_add_copy (informed, copy, WIDTH, WIDTH, HEIGHT, (double)frame / FRAMES, &error));
  }
  g_assert_no_error (error);
  return informed;
}

static double
score (HeInformed *informed, guint32 number)
{
  guint8 seed[32];
  seed_of (number, seed);
  return he_informed_score (informed, seed);
}

/* Given a copy with hardly any mark left, seen by another view and at another time than was
 * believed, when both variants are at hand, then it is read, and foreign keys are noise. */
static void
test_reads_what_blind_detection_cannot (void)
{
  const guint keys = g_test_thorough () ? 6000 : 400;
  g_autoptr (HeDetector) blind = he_detector_new ();
  g_autoptr (HeInformed) informed = segment_of (CLIP_SCENE, HE_VARIANT_B, blind);
  HeView view = { { ZOOM + 0.005, 0, ACROSS - 0.002, 0, ZOOM - 0.005, 0.002, 0, 0 } };
  double sum = 0, squares = 0, both_squares = 0;
  guint8 seed[32];
  gint8 weights[HE_DETECT_WEIGHTS], blind_weights[HE_DETECT_WEIGHTS];
  g_assert_cmpuint (he_informed_register (informed, &view), ==, FRAMES - LATE);
  g_assert_cmpfloat (fabs (view.m[0] - ZOOM), <, 0.002);
  g_assert_cmpfloat (fabs (view.m[4] - ZOOM), <, 0.003);
  g_assert_cmpfloat (fabs (view.m[2] - ACROSS), <, 0.001);
  seed_of (7, seed);
  const double z = score (informed, 7), without = he_detector_score (blind, seed);
  g_test_message ("z %+.1f, blindly %+.1f", z, without);
  g_assert_cmpfloat (z, <, -2 * HE_DETECT_CLEAR);
  g_assert_cmpint (he_detect_verdict (without), ==, HE_VARIANT_NONE);
  const gsize n = he_informed_weights (informed, weights);
  g_assert_cmpuint (he_detector_weights (blind, blind_weights), ==, n);
  const double correlation = he_both_correlation (weights, blind_weights, n);
  g_assert_cmpfloat (he_both_score (z, without, correlation), <, z + 0.4);
  for (guint32 key = 0; key < keys; key++) {
    const double foreign = score (informed, 1000 + key);
    seed_of (1000 + key, seed);
    const double both = he_both_score (foreign, he_detector_score (blind, seed), correlation);
    both_squares += both * both;
    sum += foreign;
    squares += foreign * foreign;
  }
  const double mean = sum / keys, deviation = sqrt (squares / keys - mean * mean);
  const double both_deviation = sqrt (both_squares / keys);
  g_test_message ("foreign keys: mean %+.3f, deviation %.3f; of both readings, correlated by %.2f, %.3f", mean,
                  deviation, correlation, both_deviation);
  g_assert_cmpfloat (fabs (mean), <, 0.25);
  g_assert_cmpfloat (fabs (deviation - 1), <, 0.18);
  g_assert_cmpfloat (fabs (both_deviation - 1), <, 0.18);
}

/* Given a copy of the same pictures without a mark, or of the other variant, when both variants
 * are at hand, then nothing is read of the one, and the other variant of the other. */
static void
test_unmarked_and_a (void)
{
  const HeVariant variants[] = { HE_VARIANT_NONE, HE_VARIANT_A };
  for (guint i = 0; i < (g_test_quick () ? 1 : G_N_ELEMENTS (variants)); i++) {
    g_autoptr (HeDetector) blind = he_detector_new ();
    g_autoptr (HeInformed) informed = segment_of (CLIP_SCENE, variants[i], blind);
    HeView view = { { ZOOM + 0.005, 0, ACROSS - 0.002, 0, ZOOM - 0.005, 0.002, 0, 0 } };
    g_assert_cmpuint (he_informed_register (informed, &view), ==, FRAMES - LATE);
    const double z = score (informed, 7);
    g_test_message ("%s: z %+.1f", he_variant_name (variants[i]), z);
    g_assert_cmpint (he_detect_verdict (z), ==, variants[i]);
  }
}

/* What an encoder makes of a picture that moves by (2, 1) times the pace: the one before, moved
 * along, errors and all, and a twentieth of what is different now. */
static void
follow (const guint8 *marked, guint frame, guint pace, float *copy)
{
  const guint across = 2 * pace, down = pace;
  for (guint y = 0; y < HEIGHT; y++)
    for (guint x = 0; x < WIDTH; x++) {
      const guint i = y * WIDTH + x;
      const gboolean seen = frame > 0 && x + across < WIDTH && y + down < HEIGHT;
      const float error = (float)(clip_hash (x / 6, y / 6, 77 + frame) % 240) / 10 - 12;
      const float before = seen ? copy[i + down * WIDTH + across] : marked[i] + error;
      copy[i] = before + 0.05f * (marked[i] - before);
    }
}

/* Given a copy of a picture that moves slowly or fast, was coded badly once, and of which little but
 * the motion was coded since, when both variants are at hand, then it is read, and foreign keys are
 * noise. */
static void
test_reads_what_was_drawn_along (gconstpointer data)
{
  const guint pace = GPOINTER_TO_UINT (data);
  const guint keys = g_test_thorough () ? 6000 : 400;
  guint8 seed[32];
  g_autoptr (GError) error = NULL;
  g_autoptr (HeInformed) informed = he_informed_new ();
  HeView view = he_view_identity;
  double squares = 0;
  seed_of (7, seed);
  g_autoptr (HeMark) mark = he_mark_new (seed, WIDTH, HEIGHT, &error);
  g_autofree guint8 *in = g_malloc (PIXELS), *out = g_malloc (PIXELS);
  g_autofree float *copy = g_new (float, PIXELS);
  for (HeVariant variant = HE_VARIANT_A; variant <= HE_VARIANT_B; variant++)
    for (guint frame = 0; frame < SHOT; frame++) {
      clip_fill (CLIP_SCENE, frame * pace, in, WIDTH, WIDTH, HEIGHT);
      he_mark_embed (mark, variant, in, WIDTH, out, WIDTH);
      g_assert_true (he_informed_add_original (informed, variant, out, WIDTH, WIDTH, HEIGHT, &error));
    }
  for (guint frame = 0; frame < SHOT; frame++) {
    clip_fill (CLIP_SCENE, frame * pace, in, WIDTH, WIDTH, HEIGHT);
    he_mark_embed (mark, HE_VARIANT_A, in, WIDTH, out, WIDTH);
    follow (out, frame, pace, copy);
    for (guint i = 0; i < PIXELS; i++)
      out[i] = (guint8)CLAMP (lrintf (copy[i]), 0, 255);
    g_assert_true (he_informed_add_copy (informed, out, WIDTH, WIDTH, HEIGHT, (double)frame / SHOT, &error));
  }
  g_assert_cmpuint (he_informed_register (informed, &view), ==, SHOT);
  const double z = score (informed, 7);
  for (guint32 key = 0; key < keys; key++)
    squares += pow (score (informed, 1000 + key), 2);
  g_test_message ("z %+.1f; foreign keys: deviation %.3f", z, sqrt (squares / keys));
  g_assert_cmpfloat (z, >, 5 * HE_DETECT_CLEAR);
  g_assert_cmpfloat (fabs (sqrt (squares / keys) - 1), <, g_test_thorough () ? 0.05 : 0.18);
}

/* Given a copy of something else, when it is laid upon the originals, then nothing is read. */
static void
test_refuses_other_pictures (void)
{
  g_autoptr (HeDetector) blind = he_detector_new ();
  g_autoptr (HeInformed) informed = segment_of (CLIP_NOISE, HE_VARIANT_B, blind);
  HeView view = he_view_identity;
  g_assert_cmpuint (he_informed_register (informed, &view), ==, 0);
  g_assert_cmpfloat (score (informed, 7), ==, 0);
}

/* Given a segment without originals, without a copy, or with more frames than are kept, when
 * it is read, then nothing breaks. */
static void
test_any_number_of_frames (void)
{
  g_autoptr (HeInformed) informed = he_informed_new ();
  g_autofree guint8 *frame = g_malloc (PIXELS);
  g_autoptr (GError) error = NULL;
  HeView view = he_view_identity;
  g_assert_cmpuint (he_informed_register (informed, &view), ==, 0);
  for (guint i = 0; i < HE_INFORMED_ORIGINALS + 1; i++) {
    clip_fill (CLIP_SHAPES, i, frame, WIDTH, 64, 64);
    for (HeVariant variant = HE_VARIANT_A; variant <= HE_VARIANT_B; variant++)
      g_assert_true (he_informed_add_original (informed, variant, frame, WIDTH, 64, 64, &error));
  }
  g_assert_cmpuint (he_informed_register (informed, &view), ==, 0);
  for (guint i = 0; i < HE_INFORMED_COPIES + 1; i++) {
    clip_fill (CLIP_SHAPES, i * 4, frame, WIDTH, 64, 64);
    g_assert_true (he_informed_add_copy (informed, frame, WIDTH, 64, 64,
                                         (i * 4 + 0.5) / (HE_INFORMED_ORIGINALS + 1), &error));
  }
  g_assert_cmpuint (he_informed_register (informed, &view), >, HE_INFORMED_COPIES / 4);
  he_informed_reset (informed);
  g_assert_cmpuint (he_informed_register (informed, &view), ==, 0);
  g_assert_false (he_informed_add_copy (informed, frame, WIDTH, 10, 10, 0, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
}

/* Given a title on flat black, where a running sum's rounding may leave less than no energy,
 * when it is levelled, then every pixel is a number. */
static void
test_title_on_flat_black (void)
{
  g_autoptr (HeWhitener) whitener = he_whitener_new ();
  g_autofree HePlane *plane = g_new (HePlane, 1);
  for (guint y = 0; y < HE_PATTERN_HEIGHT; y++)
    for (guint x = 0; x < HE_PATTERN_WIDTH; x++) {
      const gboolean title = y > 20 && y < 60 && x > 30 && x < 100;
      const int faint = -24 - (int)(clip_hash (x, y, 5) % 30); /* levels of all sizes */
      (*plane)[y * HE_PATTERN_WIDTH + x] = title ? ldexpf ((float)clip_hash (x, y, 3), faint) : 0;
    }
  he_whitener_level (whitener, (const HePlane *)plane, 1, plane);
  for (guint i = 0; i < HE_PATTERN_WIDTH * HE_PATTERN_HEIGHT; i++)
    g_assert_true (isfinite ((*plane)[i]));
}

/* Given motions that each have a way back, and together have none, then what is new in the first
 * picture, the only one with anything, is where it would be if it were alone. */
static void
test_motions_lead_nowhere (void)
{
  const HeView motion = { { 0.5, 0, 0, 0, 0.5, 0, 0.2, 0.1 } };
  const guint pixels = HE_PATTERN_WIDTH * HE_PATTERN_HEIGHT;
  g_autoptr (HeInnovations) innovations = he_innovations_new ();
  g_autofree HePlane *first = g_new (HePlane, 1), *nothing = g_new0 (HePlane, 1);
  g_autofree HePlane *alone = g_new (HePlane, 1), *sum = g_new (HePlane, 1);
  for (guint i = 0; i < pixels; i++)
    (*first)[i] = (float)((int)(clip_hash (i, 0, 7) % 2001) - 1000) / 1000;
  he_innovations_add (innovations, (const HePlane *)first, NULL);
  he_innovations_sum (innovations, alone);
  for (guint n = 0; n < HE_INNOVATIONS_MAX; n++)
    he_innovations_add (innovations, (const HePlane *)(n ? nothing : first), n ? &motion : NULL);
  he_innovations_sum (innovations, sum);
  for (guint i = 0; i < pixels; i++)
    g_assert_cmpfloat (fabsf ((*sum)[i] - (*alone)[i]), <, 1e-3f);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/informed/reads-what-blind-detection-cannot", test_reads_what_blind_detection_cannot);
  g_test_add_func ("/informed/unmarked-and-a", test_unmarked_and_a);
  g_test_add_data_func ("/informed/reads-what-was-drawn-along/slowly", GUINT_TO_POINTER (1),
                        test_reads_what_was_drawn_along);
  g_test_add_data_func ("/informed/reads-what-was-drawn-along/fast", GUINT_TO_POINTER (3),
                        test_reads_what_was_drawn_along);
  g_test_add_func ("/informed/motions-lead-nowhere", test_motions_lead_nowhere);
  g_test_add_func ("/informed/refuses-other-pictures", test_refuses_other_pictures);
  g_test_add_func ("/informed/title-on-flat-black", test_title_on_flat_black);
  g_test_add_func ("/informed/any-number-of-frames", test_any_number_of_frames);
  return g_test_run ();
}
