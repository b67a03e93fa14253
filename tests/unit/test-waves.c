/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <math.h>
#include <string.h>

#include "he-shifts.h"
#include "mark-clips.h"

static float
noise (guint32 a, guint32 b)
{
  return (float)(clip_hash (a, b, 77) % 2001) / 1000 - 1;
}

static void
fill (HeLanes *lanes, guint n, guint32 salt)
{
  for (guint i = 0; i < n; i++)
    for (guint lane = 0; lane < HE_LANES; lane++) {
      lanes[i].re[lane] = noise (i, lane + salt);
      lanes[i].im[lane] = noise (lane + salt, i + 5000);
    }
}

/* Given sizes of every factor, when sixteen signals are transformed, then they are the sums
 * that the definition says. */
static void
test_transforms_are_right (void)
{
  static const guint sizes[] = { 1, 2, 3, 4, 5, 45, 80, 90, 360 };
  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
    const guint n = sizes[s];
    g_autoptr (HeFft) fft = he_fft_new (n);
    HeLanes *in = he_lanes_new (n), *data = he_lanes_new (n), *scratch = he_lanes_new (n);
    fill (in, n, s);
    memcpy (data, in, n * sizeof *data);
    const HeLanes *out = he_fft_run (fft, data, scratch);
    for (guint j = 0; j < n; j += 1 + n / 7)
      for (guint lane = 0; lane < HE_LANES; lane += 5) {
        double re = 0, im = 0;
        for (guint k = 0; k < n; k++) {
          const double angle = -2 * G_PI * (j * k % n) / n;
          re += in[k].re[lane] * cos (angle) - in[k].im[lane] * sin (angle);
          im += in[k].re[lane] * sin (angle) + in[k].im[lane] * cos (angle);
        }
        g_assert_cmpfloat (fabs (out[j].re[lane] - re), <, 1e-4);
        g_assert_cmpfloat (fabs (out[j].im[lane] - im), <, 1e-4);
      }
    g_aligned_free (in);
    g_aligned_free (data);
    g_aligned_free (scratch);
  }
}

#define N 360

/* Everything that a level does: numbers first. */
typedef struct {
  HeLanes transformed[N], multiplied[N], paired[N];
  HeComplex waves[5000];
  float sums[HE_SYMBOL_VALUES], energies[HE_SYMBOL_VALUES], squares[2][N];
  double score, energy;
  guint beyond;
} Done;

static void
work (const HeWaveLevel *level, Done *ret_done)
{
  guint n, n_runs;
  he_pattern_waves (&n);
  g_assert_cmpuint (n, <=, G_N_ELEMENTS (ret_done->waves));
  const HeWaveRun *runs = he_band_runs (HE_BAND_WHOLE, &n_runs);
  g_autoptr (HeFft) fft = he_fft_new (N);
  HeLanes *data = he_lanes_new (N), *scratch = he_lanes_new (N);
  g_autofree gint16 *pairs = g_new (gint16, 2 * n);
  HeComplex spectrum[31][61], turns[2 * HE_WAVE_MAX_U + 1];
  for (guint i = 0; i < 2 * n; i++)
    pairs[i] = (gint16)(clip_hash (i, 3, 1) % 1000) - 500;
  for (guint i = 0; i < 31 * 61; i++)
    spectrum[i / 61][i % 61] = (HeComplex) { noise (i, 1), noise (i, 2) };
  for (guint i = 0; i < G_N_ELEMENTS (turns); i++)
    turns[i] = (HeComplex) { noise (i, 8), noise (i, 9) };
  memset (ret_done, 0, sizeof *ret_done);
  /* Some waves are mirrored, and some lie beyond the spectrum. */
  const HeWaveRead read = { .spectrum = spectrum[0],
                            .max_u = 30,
                            .max_v = 30,
                            .m = { 0.5f, 0.11f, -0.13f, 0.6f },
                            .turn_u = turns + HE_WAVE_MAX_U,
                            .turn_v = turns };
  level->read (&read, runs, n_runs, ret_done->waves);
  ret_done->score = level->score ((float *)ret_done->waves, pairs, 2 * n);
  ret_done->energy = level->energy ((float *)ret_done->waves, 2 * n);
  level->symbols ((float *)ret_done->waves, pairs, 2 * n, ret_done->sums, ret_done->energies);
  fill (data, N, 3);
  level->multiply (ret_done->waves, data, N, ret_done->multiplied);
  level->pair (data, data + 1, 2, 20, N, ret_done->paired);
  level->squares (data, N, ret_done->squares[0], ret_done->squares[1]);
  ret_done->beyond = level->beyond (data, N, 0.9995f);
  memcpy (ret_done->transformed, level->transform (fft, data, scratch), sizeof ret_done->transformed);
  g_aligned_free (data);
  g_aligned_free (scratch);
}

static void
test_levels_agree (void)
{
  guint n;
  const HeWaveLevel *levels = he_wave_levels (&n);
  g_autofree Done *first = g_new (Done, 1), *other = g_new (Done, 1);
  work (&levels[0], first);
  g_assert_cmpfloat (first->score, !=, 0);
  g_assert_cmpuint (first->beyond, <, N);
  for (guint i = 1; i < n; i++) {
    g_test_message ("%s", levels[i].name);
    work (&levels[i], other);
    const float *a = &first->transformed[0].re[0], *b = &other->transformed[0].re[0];
    for (guint j = 0; j < offsetof (Done, score) / sizeof *a; j++)
      g_assert_cmpfloat (fabsf (a[j] - b[j]), <, 1e-3f * (1 + fabsf (a[j])));
    g_assert_cmpfloat (fabs (first->score - other->score), <, 10); /* of terms of some 300000 */
    g_assert_cmpfloat (fabs (first->energy - other->energy), <, 1e-3 * first->energy);
    g_assert_cmpuint (first->beyond, ==, other->beyond);
  }
}

/* ---- shifts ---- */

typedef struct {
  guint lane;
  double shift[2], score;
} Best;

static void
keep_best (gpointer data, guint lane, const double shift[2], double score)
{
  Best *best = data;
  if (fabs (score) > fabs (best->score))
    *best = (Best) { lane, { shift[0], shift[1] }, score };
}

static void
fill_pairs (guint32 number, guint n, gint16 *ret_pairs)
{
  for (guint i = 0; i < 2 * n; i++)
    ret_pairs[i] = (gint16)(clip_hash (i, number, 21) % 501) - 250;
}

/* Given the waves of one of sixteen seeds, moved, when all shifts are tried, then the seed and
 * the shift are found, by both ways with the score that it has where it is. */
static void
test_shifts_are_found (HeBand band)
{
  guint n, n_runs;
  const HeWave *list = he_pattern_waves (&n);
  const HeWaveRun *runs = he_band_runs (band, &n_runs);
  g_autoptr (HeShifts) shifts = he_shifts_new (band);
  const double moved[2] = { -0.35, 0.2 }; /* on the grid of either band */
  g_autofree gint16 *pairs = g_new (gint16, 2 * n);
  g_autofree HeComplex *waves = g_new0 (HeComplex, n);
  double energy = 0, shift[2];
  Best best = { 0 };
  for (guint lane = 0; lane < HE_LANES; lane++) {
    fill_pairs (lane, n, pairs);
    he_shifts_set_pairs (shifts, lane, pairs);
  }
  fill_pairs (11, n, pairs);
  for (guint r = 0; r < n_runs; r++)
    for (guint i = runs[r].first; i < (guint)runs[r].first + runs[r].n; i++) {
      const double angle = -2 * G_PI * (list[i].u * moved[0] + list[i].v * moved[1]);
      const double re = -pairs[2 * i], im = -pairs[2 * i + 1];
      waves[i] = (HeComplex) { (float)(re * cos (angle) - im * sin (angle)),
                               (float)(re * sin (angle) + im * cos (angle)) };
      energy += re * re + im * im;
    }
  he_shifts_scan (shifts, waves, energy / 2, keep_best, &best);
  g_assert_cmpuint (best.lane, ==, 11);
  g_assert_cmpfloat (fabs (best.score + energy), <, energy * 1e-4);
  g_assert_cmpfloat (fabs (best.shift[0] - moved[0]) + fabs (best.shift[1] - moved[1]), <, 1e-9);
  he_shifts_reset (shifts);
  for (guint i = 0; i < HE_LANES + 2; i++)
    he_shifts_add (shifts, waves, pairs);
  const double sum = he_shifts_best (shifts, shift);
  g_assert_cmpfloat (fabs (sum / ((HE_LANES + 2) * energy * energy) - 1), <, 1e-3);
  g_assert_cmpfloat (fabs (shift[0] - moved[0]) + fabs (shift[1] - moved[1]), <, 1e-9);
}

static void
test_shifts_of_each_band (void)
{
  test_shifts_are_found (HE_BAND_LOW);
  test_shifts_are_found (HE_BAND_WHOLE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/waves/transforms-are-right", test_transforms_are_right);
  g_test_add_func ("/waves/every-level-of-cpu-says-the-same", test_levels_agree);
  g_test_add_func ("/waves/shifts-are-found", test_shifts_of_each_band);
  return g_test_run ();
}
