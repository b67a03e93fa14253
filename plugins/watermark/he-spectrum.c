/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>
#include <kiss_fft.h>
#include <kiss_fftr.h>

#include "he-spectrum.h"

/* Half the grid's lines are plenty for waves of the band. Twice as many waves as the
 * picture has make reading between them safe. */
#define WIDTH (HE_PATTERN_WIDTH / 2)
#define HEIGHT (HE_PATTERN_HEIGHT / 2)
#define DENSE 2
#define FFT_X (WIDTH * DENSE)
#define FFT_Y (HEIGHT * DENSE)

/* Waves over the copy's frame that are kept: the band's, when the copy shows the marked
 * frame at down to 0.7 of its size. */
#define MAX_U (DENSE * 97)
#define MAX_V (DENSE * 54)
#define COLUMNS (2 * MAX_U + 1)
#define ROWS (MAX_V + 1)
#define RADIUS (DENSE * 5) /* for the energy around a wave */

struct _HeSpectrum {
  HeComplex waves[ROWS][COLUMNS]; /* v from 0, u from -MAX_U */
};

/* Sums of a rectangle from (0, 0) on, one entry ahead. */
typedef double Integral[ROWS + 1][COLUMNS + 1];

/* FFT_X reals a row, of which MAX_U + 1 waves are kept. */
static void
transform_rows (const HePlane *plane, kiss_fft_cpx (*ret_rows)[MAX_U + 1])
{
  kiss_fftr_cfg config = kiss_fftr_alloc (FFT_X, 0, NULL, NULL);
  float in[FFT_X] = { 0 };
  kiss_fft_cpx out[FFT_X / 2 + 1];
  for (guint y = 0; y < HEIGHT; y++) {
    const float *top = *plane + 2 * y * HE_PATTERN_WIDTH;
    const float *bottom = top + HE_PATTERN_WIDTH;
    for (guint x = 0; x < WIDTH; x++)
      in[x] = top[2 * x] + top[2 * x + 1] + bottom[2 * x] + bottom[2 * x + 1];
    kiss_fftr (config, in, out);
    memcpy (ret_rows[y], out, sizeof ret_rows[y]);
  }
  kiss_fftr_free (config);
}

/* So that phases change slowly from wave to wave, the origin is the frame's centre. */
static HeComplex
centred (kiss_fft_cpx wave, int u, int v)
{
  const double angle = G_PI * ((double)u * (WIDTH - 1) / FFT_X + (double)v * (HEIGHT - 1) / FFT_Y);
  const double c = cos (angle), s = sin (angle);
  return (HeComplex) { (float)(wave.r * c - wave.i * s), (float)(wave.r * s + wave.i * c) };
}

static void
transform_columns (kiss_fft_cpx (*rows)[MAX_U + 1], HeSpectrum *spectrum)
{
  kiss_fft_cfg config = kiss_fft_alloc (FFT_Y, 0, NULL, NULL);
  kiss_fft_cpx in[FFT_Y] = { { 0, 0 } }, out[FFT_Y];
  for (int u = 0; u <= MAX_U; u++) {
    for (guint y = 0; y < HEIGHT; y++)
      in[y] = rows[y][u];
    kiss_fft (config, in, out);
    for (int v = 0; v <= MAX_V; v++) {
      spectrum->waves[v][MAX_U + u] = centred (out[v], u, v);
      /* That of (-u, v) is the conjugate of (u, -v). */
      kiss_fft_cpx mirror = out[(FFT_Y - v) % FFT_Y];
      mirror.i = -mirror.i;
      spectrum->waves[v][MAX_U - u] = centred (mirror, -u, v);
    }
  }
  kiss_fft_free (config);
}

static void
integrate (const HeSpectrum *spectrum, Integral *ret_integral)
{
  memset (ret_integral, 0, sizeof *ret_integral);
  for (guint v = 0; v < ROWS; v++) {
    double row = 0;
    for (guint u = 0; u < COLUMNS; u++) {
      const HeComplex wave = spectrum->waves[v][u];
      row += wave.re * wave.re + wave.im * wave.im;
      (*ret_integral)[v + 1][u + 1] = (*ret_integral)[v][u + 1] + row;
    }
  }
}

static void
whiten (HeSpectrum *spectrum)
{
  g_autofree Integral *integral = g_new (Integral, 1);
  integrate (spectrum, integral);
  for (guint v = 0; v < ROWS; v++)
    for (guint u = 0; u < COLUMNS; u++) {
      const guint left = u > RADIUS ? u - RADIUS : 0, right = MIN (u + RADIUS + 1, COLUMNS);
      const guint top = v > RADIUS ? v - RADIUS : 0, bottom = MIN (v + RADIUS + 1, ROWS);
      const double energy = (*integral)[bottom][right] - (*integral)[top][right]
                            - (*integral)[bottom][left] + (*integral)[top][left];
      const float weight
          = energy > 0 ? (float)((right - left) * (bottom - top) / energy) : 0;
      spectrum->waves[v][u].re *= weight;
      spectrum->waves[v][u].im *= weight;
    }
}

HeSpectrum *
he_spectrum_new (const HePlane *plane)
{
  HeSpectrum *spectrum = g_new (HeSpectrum, 1);
  kiss_fft_cpx (*rows)[MAX_U + 1] = g_malloc (sizeof *rows * HEIGHT);
  transform_rows (plane, rows);
  transform_columns (rows, spectrum);
  g_free (rows);
  whiten (spectrum);
  return spectrum;
}

void
he_spectrum_free (HeSpectrum *spectrum)
{
  g_free (spectrum);
}

/* Between the four waves around; u and v in dense waves, v >= 0. */
static inline HeComplex
between (const HeSpectrum *spectrum, double u, double v)
{
  if (!(u > -MAX_U && u < MAX_U && v < MAX_V))
    return (HeComplex) { 0, 0 };
  const int left = (int)floor (u), top = (int)v;
  const float fx = (float)(u - left), fy = (float)(v - top);
  const HeComplex *p = &spectrum->waves[top][left + MAX_U], *q = p + COLUMNS;
  const float a = (1 - fx) * (1 - fy), b = fx * (1 - fy), c = (1 - fx) * fy, d = fx * fy;
  return (HeComplex) { a * p[0].re + b * p[1].re + c * q[0].re + d * q[1].re,
                       a * p[0].im + b * p[1].im + c * q[0].im + d * q[1].im };
}

/* exp (2 pi i n t) for n = 0..count - 1. */
static void
fill_turns (double t, guint count, HeComplex *ret_turns)
{
  for (guint n = 0; n < count; n++)
    ret_turns[n] = (HeComplex) { (float)cos (2 * G_PI * n * t), (float)sin (2 * G_PI * n * t) };
}

static inline HeComplex
times (HeComplex a, HeComplex b)
{
  return (HeComplex) { a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re };
}

gboolean
he_spectrum_read (const HeSpectrum *spectrum, const HeView *view, HeBand band,
                  HeComplex *ret_waves)
{
  guint n;
  const HeWave *waves = he_pattern_waves (&n);
  double m[4], shift[2];
  HeComplex turn_u[HE_WAVE_MAX_U + 1], turn_v[HE_WAVE_MAX_V + 1];
  double squares = 0;
  if (!he_view_wave_map (view, m, shift))
    return FALSE;
  /* The pattern counts its phases from the centre of its first pixel. */
  fill_turns (shift[0] + 0.5 / HE_PATTERN_WIDTH - 0.5, G_N_ELEMENTS (turn_u), turn_u);
  fill_turns (shift[1] + 0.5 / HE_PATTERN_HEIGHT - 0.5, G_N_ELEMENTS (turn_v), turn_v);
  for (guint i = 0; i < n; i++) {
    if (band == HE_BAND_LOW
        && (ABS (waves[i].u) > HE_BAND_LOW_U || waves[i].v > HE_BAND_LOW_V)) {
      ret_waves[i] = (HeComplex) { 0, 0 };
      continue;
    }
    const double u = DENSE * (m[0] * waves[i].u + m[1] * waves[i].v);
    const double v = DENSE * (m[2] * waves[i].u + m[3] * waves[i].v);
    HeComplex wave = v < 0 ? between (spectrum, -u, -v) : between (spectrum, u, v);
    if (v < 0)
      wave.im = -wave.im;
    HeComplex turn = turn_u[ABS (waves[i].u)];
    if (waves[i].u < 0)
      turn.im = -turn.im;
    ret_waves[i] = times (wave, times (turn, turn_v[waves[i].v]));
    squares += ret_waves[i].re * ret_waves[i].re + ret_waves[i].im * ret_waves[i].im;
  }
  if (!(squares > 0))
    return FALSE;
  const float scale = (float)(1 / (HE_WAVE_DEVIATION * sqrt (squares)));
  for (guint i = 0; i < n; i++) {
    ret_waves[i].re *= scale;
    ret_waves[i].im *= scale;
  }
  return TRUE;
}

double
he_waves_score (const HeComplex *waves, const gint16 *pairs, guint n)
{
  /* Several sums, which compilers need to vectorise. */
  const float *values = (const float *)waves;
  float sums[8] = { 0 };
  double total = 0;
  for (guint i = 0; i < n / 4 * 4; i += 4)
    for (guint j = 0; j < 8; j++)
      sums[j] += values[2 * i + j] * pairs[2 * i + j];
  for (guint j = 0; j < 8; j++)
    total += sums[j];
  for (guint i = 2 * (n / 4 * 4); i < 2 * n; i++)
    total += values[i] * pairs[i];
  return total;
}
