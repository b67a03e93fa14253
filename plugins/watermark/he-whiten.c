/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "he-mark.h"
#include "he-resample.h"
#include "he-whiten.h"

#define WIDTH HE_PATTERN_WIDTH
#define HEIGHT HE_PATTERN_HEIGHT
#define PIXELS (WIDTH * HEIGHT)

/* Radii in grid pixels; found by trial on photographs under motion, surveillance video
 * and test patterns after two encodes, and flat around the optimum. */
#define SMOOTH_RADIUS 1 /* what is finer than the band is the picture's alone */
#define MEAN_RADIUS 6
#define ENERGY_RADIUS 8
/* Added to local energies, levels^2 in a frame: below it is the codec's noise, not a
 * picture. The average of whitened frames is of order one. */
#define FRAME_FLOOR 1.0f
#define AVERAGE_FLOOR 0.01f
#define ROWS 8 /* divides HEIGHT */

struct _HeWhitener {
  HeResampler *resampler;
  HePlane *plane, *other, *scratch;
};

HeWhitener *
he_whitener_new (void)
{
  HeWhitener *whitener = g_new0 (HeWhitener, 1);
  whitener->plane = g_new (HePlane, 1);
  whitener->other = g_new (HePlane, 1);
  whitener->scratch = g_new (HePlane, 1);
  return whitener;
}

void
he_whitener_free (HeWhitener *whitener)
{
  if (!whitener)
    return;
  he_resampler_free (whitener->resampler);
  g_free (whitener->plane);
  g_free (whitener->other);
  g_free (whitener->scratch);
  g_free (whitener);
}

/* Several rows at a time: each sum waits for the one before it. */
static void
mean_across (const float *in, guint r, float *out)
{
  for (guint y = 0; y < HEIGHT; y += ROWS, in += ROWS * WIDTH, out += ROWS * WIDTH) {
    double sum[ROWS] = { 0 };
    for (guint x = 0; x < r; x++)
      for (guint i = 0; i < ROWS; i++)
        sum[i] += in[i * WIDTH + x];
    for (guint x = 0; x < WIDTH; x++) {
      const guint low = x > r ? x - r : 0, high = MIN (x + r, WIDTH - 1);
      const double scale = 1.0 / (high - low + 1);
      if (x + r < WIDTH)
        for (guint i = 0; i < ROWS; i++)
          sum[i] += in[i * WIDTH + x + r];
      if (x > r)
        for (guint i = 0; i < ROWS; i++)
          sum[i] -= in[i * WIDTH + x - r - 1];
      for (guint i = 0; i < ROWS; i++)
        out[i * WIDTH + x] = (float)(sum[i] * scale);
    }
  }
}

static void
mean_down (const float *in, guint r, float *out)
{
  double sum[WIDTH] = { 0 };
  for (guint y = 0; y < r; y++)
    for (guint x = 0; x < WIDTH; x++)
      sum[x] += in[y * WIDTH + x];
  for (guint y = 0; y < HEIGHT; y++) {
    guint low = y > r ? y - r : 0, high = MIN (y + r, HEIGHT - 1);
    if (y + r < HEIGHT)
      for (guint x = 0; x < WIDTH; x++)
        sum[x] += in[(y + r) * WIDTH + x];
    if (y > r)
      for (guint x = 0; x < WIDTH; x++)
        sum[x] -= in[(y - r - 1) * WIDTH + x];
    const double scale = 1.0 / (high - low + 1);
    for (guint x = 0; x < WIDTH; x++)
      out[y * WIDTH + x] = (float)(sum[x] * scale);
  }
}

/* The mean of the square of radius r around each pixel, of what of it is inside. out may
 * be in. */
static void
local_mean (HeWhitener *whitener, const float *in, guint r, float *out)
{
  mean_across (in, r, *whitener->scratch);
  mean_down (*whitener->scratch, r, out);
}

/* Leaves of whitener->plane what is about as coarse as the band, and fills
 * whitener->other with the local energy of that. A running sum may leave a little less than
 * nothing where a picture is flat. */
static void
split_energy (HeWhitener *whitener)
{
  float *plane = *whitener->plane, *other = *whitener->other;
  local_mean (whitener, plane, SMOOTH_RADIUS, plane);
  local_mean (whitener, plane, MEAN_RADIUS, other);
  for (guint i = 0; i < PIXELS; i++) {
    plane[i] -= other[i];
    other[i] = plane[i] * plane[i];
  }
  local_mean (whitener, other, ENERGY_RADIUS, other);
  for (guint i = 0; i < PIXELS; i++)
    other[i] = MAX (other[i], 0.0f);
}

gboolean
he_whitener_put (HeWhitener *whitener, const guint8 *luma, gsize stride, guint width,
                 guint height, HePlane *ret_plane, GError **error)
{
  if (!he_mark_check_size (width, height, error))
    return FALSE;
  if (whitener->resampler && !he_resampler_fits (whitener->resampler, width, height))
    g_clear_pointer (&whitener->resampler, he_resampler_free);
  if (!whitener->resampler)
    whitener->resampler = he_resampler_new (width, height, WIDTH, HEIGHT);
  he_resampler_run (whitener->resampler, luma, stride, *ret_plane);
  return TRUE;
}

gboolean
he_whitener_add (HeWhitener *whitener, const guint8 *luma, gsize stride, guint width,
                 guint height, HePlane *sum, GError **error)
{
  if (!he_whitener_put (whitener, luma, stride, width, height, whitener->plane, error))
    return FALSE;
  split_energy (whitener);

  /* The mark grows with the picture's activity, so its best weight lies between one over
   * the deviation and one over the energy. */
  const float *plane = *whitener->plane, *energy = *whitener->other;
  for (guint i = 0; i < PIXELS; i++) {
    float deviation = sqrtf (energy[i] + FRAME_FLOOR);
    (*sum)[i] += plane[i] / (deviation * sqrtf (deviation));
  }
  return TRUE;
}

void
he_whitener_band (HeWhitener *whitener, HePlane *plane)
{
  memcpy (whitener->plane, plane, sizeof *plane);
  split_energy (whitener);
  memcpy (plane, whitener->plane, sizeof *plane);
}

void
he_whitener_raise (HeWhitener *whitener, const HePlane *before, float floor, HePlane *rest)
{
  float *was = *whitener->plane, *is = *whitener->other;
  for (guint i = 0; i < PIXELS; i++) {
    was[i] = (*before)[i] * (*before)[i];
    is[i] = (*rest)[i] * (*rest)[i];
  }
  local_mean (whitener, was, ENERGY_RADIUS, was);
  local_mean (whitener, is, ENERGY_RADIUS, is);
  for (guint i = 0; i < PIXELS; i++)
    (*rest)[i] *= (MAX (was[i], 0.0f) + floor) / (MAX (is[i], 0.0f) + floor);
}

void
he_whitener_level (HeWhitener *whitener, const HePlane *sum, guint n, HePlane *ret_plane)
{
  const float *plane = *whitener->plane, *energy = *whitener->other;
  for (guint i = 0; i < PIXELS; i++)
    (*whitener->plane)[i] = (*sum)[i] / (float)n;
  split_energy (whitener);
  for (guint i = 0; i < PIXELS; i++)
    (*ret_plane)[i] = plane[i] / sqrtf (energy[i] + AVERAGE_FLOOR);
}
