/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <kiss_fft.h>
#include <kiss_fftr.h>

#include "he-shifts.h"

#define MAX_X 192
#define MAX_Y 108

struct _HeShifts {
  guint width, height, max_v;
  kiss_fft_cfg along;
  kiss_fftr_cfg down;
  kiss_fft_cpx columns[MAX_X][MAX_Y / 2 + 1];
  float squares[MAX_X][MAX_Y];
};

HeShifts *
he_shifts_new (HeBand band)
{
  HeShifts *shifts = g_new0 (HeShifts, 1);
  const guint parts = band == HE_BAND_LOW ? 2 : 1;
  shifts->width = MAX_X / parts;
  shifts->height = MAX_Y / parts;
  shifts->max_v = HE_WAVE_MAX_V / parts;
  shifts->along = kiss_fft_alloc ((int)shifts->width, 1, NULL, NULL);
  shifts->down = kiss_fftr_alloc ((int)shifts->height, 1, NULL, NULL);
  return shifts;
}

void
he_shifts_free (HeShifts *shifts)
{
  if (!shifts)
    return;
  kiss_fft_free (shifts->along);
  kiss_fftr_free (shifts->down);
  g_free (shifts);
}

guint
he_shifts_count (const HeShifts *shifts)
{
  return shifts->width * shifts->height;
}

void
he_shifts_reset (HeShifts *shifts)
{
  memset (shifts->squares, 0, sizeof shifts->squares);
}

/* The product of the copy's waves with the conjugates of the keyed ones, halved, since a
 * real transform counts each of them twice; those of v = 0 it counts once, together with
 * their mirror. */
static void
transform_rows (HeShifts *shifts, const HeComplex *waves, const gint16 *pairs)
{
  guint n, i = 0;
  const HeWave *list = he_pattern_waves (&n);
  for (int v = 0; v <= (int)shifts->max_v; v++) {
    kiss_fft_cpx in[MAX_X] = { { 0, 0 } }, out[MAX_X];
    for (; i < n && list[i].v == v; i++) {
      if (2 * (guint)ABS (list[i].u) >= shifts->width)
        continue; /* not in the band: 0 */
      const float re = pairs[2 * i], im = pairs[2 * i + 1];
      const kiss_fft_cpx product
          = { (waves[i].re * re + waves[i].im * im) / 2, (waves[i].im * re - waves[i].re * im) / 2 };
      in[((guint)list[i].u + shifts->width) % shifts->width] = product;
      if (v == 0)
        in[shifts->width - (guint)list[i].u] = (kiss_fft_cpx) { product.r, -product.i };
    }
    kiss_fft (shifts->along, in, out);
    for (guint x = 0; x < shifts->width; x++)
      shifts->columns[x][v] = out[x];
  }
}

void
he_shifts_add (HeShifts *shifts, const HeComplex *waves, const gint16 *pairs)
{
  float scores[MAX_Y];
  transform_rows (shifts, waves, pairs);
  for (guint x = 0; x < shifts->width; x++) {
    kiss_fftri (shifts->down, shifts->columns[x], scores);
    for (guint y = 0; y < shifts->height; y++)
      shifts->squares[x][y] += scores[y] * scores[y];
  }
}

double
he_shifts_best (const HeShifts *shifts, double ret_shift[2])
{
  guint best_x = 0, best_y = 0;
  for (guint x = 0; x < shifts->width; x++)
    for (guint y = 0; y < shifts->height; y++)
      if (shifts->squares[x][y] > shifts->squares[best_x][best_y]) {
        best_x = x;
        best_y = y;
      }
  ret_shift[0] = (double)best_x / shifts->width - (2 * best_x >= shifts->width);
  ret_shift[1] = (double)best_y / shifts->height - (2 * best_y >= shifts->height);
  return shifts->squares[best_x][best_y];
}
