/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

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

#define WIDE ((MAX_U + HE_LANES) / HE_LANES * HE_LANES) /* columns that are transformed */
#define BATCH (2 * HE_LANES) /* rows, of which two are one complex signal */

typedef struct {
  HeFft *rows, *columns;
  HeComplex turn_u[MAX_U + 1], turn_v[MAX_V + 1]; /* to the frame's centre */
} Tables;

/* By y, then u; rows that are none at the end. */
typedef struct {
  float re[HEIGHT + BATCH][WIDE], im[HEIGHT + BATCH][WIDE];
} Rows;

/* So that phases change slowly from wave to wave, the origin is the frame's centre. */
static const Tables *
tables (void)
{
  static Tables *tables;
  if (g_once_init_enter (&tables)) {
    Tables *made = g_new (Tables, 1);
    made->rows = he_fft_new (FFT_X);
    made->columns = he_fft_new (FFT_Y);
    for (guint u = 0; u <= MAX_U; u++) {
      const double angle = G_PI * u * (WIDTH - 1) / FFT_X;
      made->turn_u[u] = (HeComplex) { (float)cos (angle), (float)sin (angle) };
    }
    for (guint v = 0; v <= MAX_V; v++) {
      const double angle = G_PI * v * (HEIGHT - 1) / FFT_Y;
      made->turn_v[v] = (HeComplex) { (float)cos (angle), (float)sin (angle) };
    }
    g_once_init_leave (&tables, made);
  }
  return tables;
}

/* Half the grid's lines and columns, as one signal of each lane: rows from first on, and
 * those HE_LANES below as imaginary parts. */
static void
fill_rows (const HePlane *plane, guint first, HeLanes *ret_data)
{
  memset (ret_data, 0, FFT_X * sizeof *ret_data);
  for (guint lane = 0; lane < BATCH && first + lane < HEIGHT; lane++) {
    const float *top = *plane + 2 * (first + lane) * HE_PATTERN_WIDTH;
    const float *bottom = top + HE_PATTERN_WIDTH;
    for (guint x = 0; x < WIDTH; x++) {
      const float sum = top[2 * x] + top[2 * x + 1] + bottom[2 * x] + bottom[2 * x + 1];
      if (lane < HE_LANES)
        ret_data[x].re[lane] = sum;
      else
        ret_data[x].im[lane - HE_LANES] = sum;
    }
  }
}

static void
transform_rows (const HePlane *plane, HeLanes *data, HeLanes *scratch, Rows *ret_rows)
{
  for (guint first = 0; first < HEIGHT; first += BATCH) {
    fill_rows (plane, first, data);
    const HeLanes *out = he_fft_run (tables ()->rows, data, scratch);
    for (guint u = 0; u < WIDE; u++) {
      const HeLanes *wave = &out[u], *mirror = &out[(FFT_X - u) % FFT_X];
      for (guint lane = 0; lane < HE_LANES; lane++) {
        const guint upper = first + lane, lower = upper + HE_LANES;
        ret_rows->re[upper][u] = (wave->re[lane] + mirror->re[lane]) / 2;
        ret_rows->im[upper][u] = (wave->im[lane] - mirror->im[lane]) / 2;
        ret_rows->re[lower][u] = (wave->im[lane] + mirror->im[lane]) / 2;
        ret_rows->im[lower][u] = (mirror->re[lane] - wave->re[lane]) / 2;
      }
    }
  }
}

static inline HeComplex
times (HeComplex a, HeComplex b)
{
  return (HeComplex) { a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re };
}

static void
keep_columns (const HeLanes *out, guint first, HeSpectrum *spectrum)
{
  const Tables *table = tables ();
  for (guint v = 0; v <= MAX_V; v++) {
    const HeLanes *wave = &out[v], *mirror = &out[(FFT_Y - v) % FFT_Y];
    for (guint lane = 0; lane < HE_LANES && first + lane <= MAX_U; lane++) {
      const guint u = first + lane;
      const HeComplex turn_u = table->turn_u[u], turn_v = table->turn_v[v];
      spectrum->waves[v][MAX_U + u] = times ((HeComplex) { wave->re[lane], wave->im[lane] },
                                             times (turn_u, turn_v));
      /* That of (-u, v) is the conjugate of (u, -v). */
      spectrum->waves[v][MAX_U - u]
          = times ((HeComplex) { mirror->re[lane], -mirror->im[lane] },
                   times ((HeComplex) { turn_u.re, -turn_u.im }, turn_v));
    }
  }
}

static void
transform_columns (const Rows *rows, HeLanes *data, HeLanes *scratch, HeSpectrum *spectrum)
{
  for (guint first = 0; first < WIDE; first += HE_LANES) {
    for (guint y = 0; y < HEIGHT; y++) {
      memcpy (data[y].re, rows->re[y] + first, sizeof data[y].re);
      memcpy (data[y].im, rows->im[y] + first, sizeof data[y].im);
    }
    memset (data + HEIGHT, 0, (FFT_Y - HEIGHT) * sizeof *data);
    keep_columns (he_fft_run (tables ()->columns, data, scratch), first, spectrum);
  }
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
  g_autofree Rows *rows = g_new (Rows, 1);
  HeLanes *data = he_lanes_new (FFT_X), *scratch = he_lanes_new (FFT_X);
  transform_rows (plane, data, scratch, rows);
  transform_columns (rows, data, scratch, spectrum);
  g_aligned_free (data);
  g_aligned_free (scratch);
  whiten (spectrum);
  return spectrum;
}

void
he_spectrum_free (HeSpectrum *spectrum)
{
  g_free (spectrum);
}

/* ---- reading ---- */

typedef struct {
  HeWaveRun *runs;
  guint n, waves;
} Band;

static gboolean
is_in (HeWave wave, HeBand band)
{
  return band == HE_BAND_WHOLE || (ABS (wave.u) <= HE_BAND_LOW_U && wave.v <= HE_BAND_LOW_V);
}

static Band
new_band (HeBand band)
{
  guint n;
  const HeWave *waves = he_pattern_waves (&n);
  Band made = { .runs = g_new (HeWaveRun, n) };
  for (guint i = 0; i < n; i++) {
    HeWaveRun *run = made.n ? &made.runs[made.n - 1] : NULL;
    if (!is_in (waves[i], band))
      continue;
    made.waves = i + 1;
    if (run && run->v == waves[i].v && run->u + run->n == waves[i].u && waves[i].u != 0)
      run->n++;
    else
      made.runs[made.n++] = (HeWaveRun) { waves[i].v, waves[i].u, 1, (guint16)i };
  }
  return made;
}

static const Band *
band_of (HeBand band)
{
  static Band *bands;
  if (g_once_init_enter (&bands)) {
    Band *made = g_new (Band, 2);
    made[HE_BAND_WHOLE] = new_band (HE_BAND_WHOLE);
    made[HE_BAND_LOW] = new_band (HE_BAND_LOW);
    g_once_init_leave (&bands, made);
  }
  return &bands[band];
}

const HeWaveRun *
he_band_runs (HeBand band, guint *ret_n)
{
  *ret_n = band_of (band)->n;
  return band_of (band)->runs;
}

guint
he_band_waves (HeBand band)
{
  return band_of (band)->waves;
}

/* exp (2 pi i n t) for n = 0..count - 1. */
static void
fill_turns (double t, guint count, HeComplex *ret_turns)
{
  const double c = cos (2 * G_PI * t), s = sin (2 * G_PI * t);
  double re = 1, im = 0;
  for (guint n = 0; n < count; n++) {
    ret_turns[n] = (HeComplex) { (float)re, (float)im };
    const double next = re * c - im * s;
    im = re * s + im * c;
    re = next;
  }
}

gboolean
he_spectrum_read (const HeSpectrum *spectrum, const HeView *view, HeBand band,
                  HeComplex *ret_waves)
{
  guint n, n_runs;
  const HeWaveLevel *level = he_wave_level ();
  const HeWaveRun *runs = he_band_runs (band, &n_runs);
  double m[4], shift[2];
  HeComplex turn_u[2 * HE_WAVE_MAX_U + 1], turn_v[HE_WAVE_MAX_V + 1];
  if (!he_view_wave_map (view, m, shift))
    return FALSE;
  /* The pattern counts its phases from the centre of its first pixel. */
  fill_turns (shift[0] + 0.5 / HE_PATTERN_WIDTH - 0.5, HE_WAVE_MAX_U + 1, turn_u + HE_WAVE_MAX_U);
  fill_turns (shift[1] + 0.5 / HE_PATTERN_HEIGHT - 0.5, HE_WAVE_MAX_V + 1, turn_v);
  for (guint u = 1; u <= HE_WAVE_MAX_U; u++) {
    const HeComplex turn = turn_u[HE_WAVE_MAX_U + u];
    turn_u[HE_WAVE_MAX_U - u] = (HeComplex) { turn.re, -turn.im };
  }
  HeWaveRead read = { .spectrum = spectrum->waves[0],
                      .max_u = MAX_U,
                      .max_v = MAX_V,
                      .turn_u = turn_u + HE_WAVE_MAX_U,
                      .turn_v = turn_v };
  for (guint i = 0; i < 4; i++)
    read.m[i] = (float)(DENSE * m[i]);
  he_pattern_waves (&n);
  if (band != HE_BAND_WHOLE)
    memset (ret_waves, 0, n * sizeof *ret_waves);
  level->read (&read, runs, n_runs, ret_waves);
  n = he_band_waves (band);
  const double squares = level->energy ((const float *)ret_waves, 2 * n);
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
  return he_wave_level ()->score ((const float *)waves, pairs, 2 * n);
}
