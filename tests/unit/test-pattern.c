/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <math.h>

#include "he-keys.h"
#include "he-pattern.h"

#define WIDTH HE_PATTERN_WIDTH
#define HEIGHT HE_PATTERN_HEIGHT
#define PIXELS (WIDTH * HEIGHT)

static void
seed_of (guint64 msn, guint8 ret_seed[32])
{
  guint8 key[32];
  for (guint i = 0; i < 32; i++)
    key[i] = (guint8)i;
  g_autoptr (HeSecret) secret = he_secret_new (key, sizeof key);
  he_mark_seed (secret, "demo", msn, ret_seed);
}

static gint8 *
pattern_of (guint64 msn)
{
  guint8 seed[32];
  gint8 *pattern = g_malloc (PIXELS);
  seed_of (msn, seed);
  he_pattern_build (seed, pattern);
  return pattern;
}

/* Two machines that were built apart and never met have to make these bytes. */
static void
test_same_on_every_node (void)
{
  g_autofree gint8 *pattern = pattern_of (889000000);
  g_autofree char *digest
      = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *)pattern, PIXELS);
  g_assert_cmpstr (digest, ==,
                   "7be8b385e0925c1e44aea1535b8db91a188ff23d23e002c9f24c9a47b8e4928e");
}

static void
test_new_for_each_segment (void)
{
  g_autofree gint8 *one = pattern_of (1), *two = pattern_of (2);
  double both = 0, own = 0;
  for (guint i = 0; i < PIXELS; i++) {
    both += one[i] * two[i];
    own += one[i] * one[i];
  }
  g_test_message ("correlation of neighbours %.4f", both / own);
  g_assert_cmpfloat (fabs (both / own), <, 0.06);
}

static void
test_zero_mean_and_stated_deviation (void)
{
  for (guint64 msn = 0; msn < 4; msn++) {
    g_autofree gint8 *pattern = pattern_of (msn);
    double sum = 0, squares = 0;
    gint largest = 0;
    for (guint i = 0; i < PIXELS; i++) {
      sum += pattern[i];
      squares += pattern[i] * pattern[i];
      largest = MAX (largest, ABS (pattern[i]));
    }
    double rms = sqrt (squares / PIXELS);
    g_test_message ("mean %.3f, rms %.2f, largest %d", sum / PIXELS, rms, largest);
    g_assert_cmpfloat (fabs (sum / PIXELS), <, 0.5);
    g_assert_cmpfloat (fabs (rms - HE_PATTERN_RMS), <, 1.5);
    g_assert_cmpint (largest, <=, HE_PATTERN_LIMIT);
  }
}

/* The energy that a plane has in one wave and its mirror, by the definition. */
static double
wave_energy (double (*cosine)[WIDTH], double (*sine)[WIDTH], HeWave wave)
{
  double re = 0, im = 0;
  for (guint x = 0; x < WIDTH; x++) {
    double angle = 2 * G_PI * wave.u * x / WIDTH, c = cos (angle), s = sin (angle);
    re += cosine[wave.v][x] * c - sine[wave.v][x] * s;
    im += cosine[wave.v][x] * s + sine[wave.v][x] * c;
  }
  return 2 * (re * re + im * im) / PIXELS;
}

/* Soft limiting puts a little of the energy beyond the edges. */
static void
test_energy_lies_flat_in_the_band (void)
{
  guint n;
  const HeWave *waves = he_pattern_waves (&n);
  g_autofree gint8 *pattern = pattern_of (5);
  double (*cosine)[WIDTH] = g_malloc0 (sizeof (double) * WIDTH * (HE_WAVE_MAX_V + 1));
  double (*sine)[WIDTH] = g_malloc0 (sizeof (double) * WIDTH * (HE_WAVE_MAX_V + 1));
  double total = 0, half[2] = { 0 };
  guint count[2] = { 0 };

  for (guint y = 0; y < HEIGHT; y++)
    for (guint v = 0; v <= HE_WAVE_MAX_V; v++) {
      double c = cos (2 * G_PI * v * y / HEIGHT), s = sin (2 * G_PI * v * y / HEIGHT);
      for (guint x = 0; x < WIDTH; x++) {
        cosine[v][x] += pattern[y * WIDTH + x] * c;
        sine[v][x] += pattern[y * WIDTH + x] * s;
      }
    }
  for (guint i = 0; i < PIXELS; i++)
    total += pattern[i] * pattern[i];
  for (guint i = 0; i < n; i++) {
    double fx = waves[i].u / (double)WIDTH, fy = waves[i].v / (double)HEIGHT;
    double period = 3 / sqrt (fx * fx + fy * fy); /* in pixels of a 1080-line frame */
    g_assert_cmpfloat (period, >=, HE_PATTERN_PERIOD_MIN);
    g_assert_cmpfloat (period, <=, HE_PATTERN_PERIOD_MAX);
    half[period < 38] += wave_energy (cosine, sine, waves[i]);
    count[period < 38]++;
  }
  g_test_message ("%u waves hold %.2f %% of the energy; coarse to fine %.3f", n,
                  100 * (half[0] + half[1]) / total,
                  half[0] / count[0] / (half[1] / count[1]));
  g_assert_cmpfloat ((half[0] + half[1]) / total, >, 0.96);
  g_assert_cmpfloat (half[0] / count[0] / (half[1] / count[1]), >, 0.85);
  g_assert_cmpfloat (half[0] / count[0] / (half[1] / count[1]), <, 1.15);
  g_free (cosine);
  g_free (sine);
}

static void
test_coefficients_are_white (void)
{
  guint n;
  guint8 seed[32];
  double sum = 0, squares = 0, neighbours = 0;
  he_pattern_waves (&n);
  g_autofree gint16 *pairs = g_new (gint16, 2 * n);
  seed_of (77, seed);
  he_pattern_coefficients (seed, pairs);
  for (guint i = 0; i < 2 * n; i++) {
    sum += pairs[i];
    squares += (double)pairs[i] * pairs[i];
    neighbours += i ? (double)pairs[i] * pairs[i - 1] : 0;
  }
  g_assert_cmpfloat (fabs (sum / (2 * n)), <, 4 * HE_WAVE_DEVIATION / sqrt (2 * n));
  g_assert_cmpfloat (fabs (sqrt (squares / (2 * n)) / HE_WAVE_DEVIATION - 1), <, 0.03);
  g_assert_cmpfloat (fabs (neighbours / squares), <, 4 / sqrt (2 * n));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pattern/is-the-same-on-every-node", test_same_on_every_node);
  g_test_add_func ("/pattern/is-new-for-each-segment", test_new_for_each_segment);
  g_test_add_func ("/pattern/has-zero-mean-and-the-stated-deviation",
                   test_zero_mean_and_stated_deviation);
  g_test_add_func ("/pattern/energy-lies-flat-in-the-band",
                   test_energy_lies_flat_in_the_band);
  g_test_add_func ("/pattern/coefficients-are-white", test_coefficients_are_white);
  return g_test_run ();
}
