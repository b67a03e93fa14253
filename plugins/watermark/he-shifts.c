/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "he-shifts.h"

#define MAX_X 160
#define MAX_Y 90

struct _HeShifts {
  guint width, height, rows; /* rows: of waves, those of v = 0 on */
  const HeWaveRun *runs;
  guint n_runs, n; /* waves */
  HeFft *along, *down;
  const HeWaveLevel *level;
  HeLanes *pairs;    /* n; NULL until they are set */
  HeLanes *products; /* n, of the copy's waves with the conjugates of keyed ones */
  HeLanes *columns;  /* rows rows of width */
  HeLanes *line, *scratch;
  guint added; /* lanes of products that are not in squares yet */
  float squares[MAX_X][MAX_Y];
};

HeShifts *
he_shifts_new (HeBand band)
{
  HeShifts *shifts = g_new0 (HeShifts, 1);
  const guint parts = band == HE_BAND_LOW ? 2 : 1;
  shifts->width = MAX_X / parts;
  shifts->height = MAX_Y / parts;
  shifts->rows = HE_WAVE_MAX_V / parts + 1;
  shifts->runs = he_band_runs (band, &shifts->n_runs);
  for (guint i = 0; i < shifts->n_runs; i++)
    shifts->n += shifts->runs[i].n;
  shifts->along = he_fft_new (shifts->width);
  shifts->down = he_fft_new (shifts->height);
  shifts->level = he_wave_level ();
  shifts->products = he_lanes_new (shifts->n);
  shifts->columns = he_lanes_new (shifts->rows * shifts->width);
  shifts->line = he_lanes_new (MAX_X);
  shifts->scratch = he_lanes_new (MAX_X);
  return shifts;
}

void
he_shifts_free (HeShifts *shifts)
{
  if (!shifts)
    return;
  he_fft_free (shifts->along);
  he_fft_free (shifts->down);
  g_aligned_free (shifts->pairs);
  g_aligned_free (shifts->products);
  g_aligned_free (shifts->columns);
  g_aligned_free (shifts->line);
  g_aligned_free (shifts->scratch);
  g_free (shifts);
}

guint
he_shifts_count (const HeShifts *shifts)
{
  return shifts->width * shifts->height;
}

/* Re and im are exchanged throughout, which turns the transforms' sign. */
static void
transform_rows (HeShifts *shifts)
{
  const HeWaveRun *run = shifts->runs, *end = run + shifts->n_runs;
  const HeLanes *product = shifts->products;
  for (guint v = 0; v < shifts->rows; v++) {
    memset (shifts->line, 0, shifts->width * sizeof *shifts->line);
    for (; run < end && run->v == (gint16)v; product += run->n, run++)
      memcpy (shifts->line + (run->u < 0 ? run->u + (int)shifts->width : run->u), product,
              run->n * sizeof *product);
    memcpy (shifts->columns + v * shifts->width,
            shifts->level->transform (shifts->along, shifts->line, shifts->scratch),
            shifts->width * sizeof *shifts->columns);
  }
}

/* Twice the scores of all shifts down, at x and at x + 1. */
static const HeLanes *
transform_columns (HeShifts *shifts, guint x)
{
  shifts->level->pair (shifts->columns + x, shifts->columns + x + 1, shifts->width, shifts->rows,
                       shifts->height, shifts->line);
  return shifts->level->transform (shifts->down, shifts->line, shifts->scratch);
}

static void
shift_of (const HeShifts *shifts, guint x, guint y, double ret_shift[2])
{
  ret_shift[0] = (double)x / shifts->width - (2 * x >= shifts->width);
  ret_shift[1] = (double)y / shifts->height - (2 * y >= shifts->height);
}

/* ---- sums over windows ---- */

void
he_shifts_reset (HeShifts *shifts)
{
  memset (shifts->squares, 0, sizeof shifts->squares);
  memset (shifts->products, 0, shifts->n * sizeof *shifts->products);
  shifts->added = 0;
}

static void
add_up (HeShifts *shifts)
{
  if (!shifts->added)
    return;
  transform_rows (shifts);
  for (guint x = 0; x < shifts->width; x += 2)
    shifts->level->squares (transform_columns (shifts, x), shifts->height, shifts->squares[x],
                            shifts->squares[x + 1]);
  memset (shifts->products, 0, shifts->n * sizeof *shifts->products);
  shifts->added = 0;
}

void
he_shifts_add (HeShifts *shifts, const HeComplex *waves, const gint16 *pairs)
{
  const guint lane = shifts->added++;
  HeLanes *product = shifts->products;
  for (guint r = 0; r < shifts->n_runs; r++)
    for (guint i = shifts->runs[r].first, end = i + shifts->runs[r].n; i < end; i++) {
      const float re = pairs[2 * i], im = pairs[2 * i + 1];
      product->im[lane] = waves[i].re * re + waves[i].im * im;
      (product++)->re[lane] = waves[i].im * re - waves[i].re * im;
    }
  if (shifts->added == HE_LANES)
    add_up (shifts);
}

double
he_shifts_best (HeShifts *shifts, double ret_shift[2])
{
  guint best_x = 0, best_y = 0;
  add_up (shifts);
  for (guint x = 0; x < shifts->width; x++)
    for (guint y = 0; y < shifts->height; y++)
      if (shifts->squares[x][y] > shifts->squares[best_x][best_y]) {
        best_x = x;
        best_y = y;
      }
  shift_of (shifts, best_x, best_y, ret_shift);
  return shifts->squares[best_x][best_y] / 4;
}

/* ---- one window, many seeds ---- */

void
he_shifts_set_pairs (HeShifts *shifts, guint lane, const gint16 *pairs)
{
  if (!shifts->pairs)
    shifts->pairs = he_lanes_new (shifts->n);
  HeLanes *pair = shifts->pairs;
  for (guint r = 0; r < shifts->n_runs; r++)
    for (guint i = shifts->runs[r].first, end = i + shifts->runs[r].n; i < end; i++) {
      pair->re[lane] = pairs[2 * i];
      (pair++)->im[lane] = pairs[2 * i + 1];
    }
}

static void
report (const HeShifts *shifts, const HeLanes *scores, guint x, guint y, float limit,
        HeShiftsFound found, gpointer data)
{
  double shift[2];
  for (guint lane = 0; lane < HE_LANES; lane++)
    for (guint other = 0; other < 2; other++) {
      const float score = other ? scores->re[lane] : scores->im[lane];
      if (fabsf (score) <= limit)
        continue;
      shift_of (shifts, x + other, y, shift);
      found (data, lane, shift, (double)score / 2);
    }
}

void
he_shifts_scan (HeShifts *shifts, const HeComplex *waves, double limit, HeShiftsFound found,
                gpointer data)
{
  const float beyond = (float)(2 * limit);
  guint n = 0;
  for (guint r = 0; r < shifts->n_runs; n += shifts->runs[r++].n)
    shifts->level->multiply (waves + shifts->runs[r].first, shifts->pairs + n, shifts->runs[r].n,
                             shifts->products + n);
  transform_rows (shifts);
  for (guint x = 0; x < shifts->width; x += 2) {
    const HeLanes *scores = transform_columns (shifts, x);
    for (guint y = 0;; y++) {
      y += shifts->level->beyond (scores + y, shifts->height - y, beyond);
      if (y >= shifts->height)
        break;
      report (shifts, scores + y, x, y, beyond, found, data);
    }
  }
}
