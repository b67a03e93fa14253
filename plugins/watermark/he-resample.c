/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "he-resample.h"

#define WEIGHT_BITS 12
#define WEIGHT_ONE (1 << WEIGHT_BITS)
/* Between the passes: 8 bits of value and 4 of fraction. */
#define FRACTION_BITS 4

/* One axis: output i is the sum of count weights from input first[i] on. */
typedef struct {
  guint in, out;
  guint count;
  guint *first;
  gint16 *weights; /* out rows of count; each row sums to WEIGHT_ONE */
} Axis;

static void
axis_clear (Axis *axis)
{
  g_clear_pointer (&axis->first, g_free);
  g_clear_pointer (&axis->weights, g_free);
}

/* Distances are in units of 1 / (2 * out) input samples, which makes them integers. */
static void
axis_fill_row (Axis *axis, guint i, gint64 radius)
{
  const gint64 centre = (gint64)(2 * (gint64)i + 1) * axis->in;
  const gint64 step = 2 * (gint64)axis->out;
  gint64 low = (centre - radius) / step - 1;
  guint first = (guint)CLAMP (low, 0, (gint64)axis->in - axis->count);
  gint16 *row = axis->weights + (gsize)i * axis->count;
  gint64 total = 0;
  for (guint pass = 0; pass < 2; pass++) {
    gint left = WEIGHT_ONE;
    guint best = 0;
    for (guint j = 0; j < axis->count; j++) {
      gint64 distance = ABS (centre - (gint64)(2 * (gint64)(first + j) + 1) * axis->out);
      gint64 raw = MAX (radius - distance, 0);
      if (pass == 0) {
        total += raw;
        continue;
      }
      row[j] = (gint16)(raw * WEIGHT_ONE / total);
      left -= row[j];
      if (row[j] > row[best])
        best = j;
    }
    if (pass == 1)
      row[best] += (gint16)left;
  }
  axis->first[i] = first;
}

static void
axis_init (Axis *axis, guint in, guint out)
{
  const gint64 radius = 2 * (gint64)MAX (in, out);
  axis->in = in;
  axis->out = out;
  axis->count = MIN (in, (guint)(radius / out) + 3);
  axis->first = g_new (guint, out);
  axis->weights = g_new (gint16, (gsize)out * axis->count);
  for (guint i = 0; i < out; i++)
    axis_fill_row (axis, i, radius);
}

static inline gint16
narrow (gint32 sum)
{
  const guint shift = WEIGHT_BITS - FRACTION_BITS;
  return (gint16)((sum + (1 << (shift - 1))) >> shift);
}

static void
across_signed (const Axis *axis, const gint8 *in, gint16 *ret_out)
{
  for (guint i = 0; i < axis->out; i++) {
    const gint16 *weights = axis->weights + (gsize)i * axis->count;
    const gint8 *from = in + axis->first[i];
    gint32 sum = 0;
    for (guint j = 0; j < axis->count; j++)
      sum += weights[j] * from[j];
    ret_out[i] = narrow (sum);
  }
}

/* Row i of the result, from rows that are across.out wide already. */
static void
down (const Axis *axis, guint i, const gint16 *rows, guint width,
      gint32 *restrict ret_sum)
{
  const gint16 *weights = axis->weights + (gsize)i * axis->count;
  for (guint x = 0; x < width; x++)
    ret_sum[x] = 0;
  for (guint j = 0; j < axis->count; j++) {
    const gint16 weight = weights[j];
    const gint16 *restrict row = rows + (gsize)(axis->first[i] + j) * width;
    if (weight)
      for (guint x = 0; x < width; x++)
        ret_sum[x] += weight * row[x];
  }
}

struct _HeResampler {
  Axis across, down;
  gint16 *row; /* of the result's height, still as wide as the frame */
  gint32 *sum;
};

HeResampler *
he_resampler_new (guint in_width, guint in_height, guint out_width, guint out_height)
{
  HeResampler *resampler = g_new0 (HeResampler, 1);
  axis_init (&resampler->across, in_width, out_width);
  axis_init (&resampler->down, in_height, out_height);
  resampler->row = g_new (gint16, in_width);
  resampler->sum = g_new (gint32, in_width);
  return resampler;
}

void
he_resampler_free (HeResampler *resampler)
{
  if (!resampler)
    return;
  axis_clear (&resampler->across);
  axis_clear (&resampler->down);
  g_free (resampler->row);
  g_free (resampler->sum);
  g_free (resampler);
}

gboolean
he_resampler_fits (const HeResampler *resampler, guint in_width, guint in_height)
{
  return resampler->across.in == in_width && resampler->down.in == in_height;
}

/* Down first: that has rows to work on, of which a compiler makes vectors. */
static void
down_luma (const HeResampler *resampler, guint i, const guint8 *in, gsize in_stride)
{
  const Axis *axis = &resampler->down;
  const guint width = resampler->across.in;
  gint32 *restrict sum = resampler->sum;
  gint16 *restrict out = resampler->row;
  memset (sum, 0, width * sizeof *sum);
  for (guint j = 0; j < axis->count; j++) {
    const gint16 weight = axis->weights[(gsize)i * axis->count + j];
    const guint8 *restrict row = in + (axis->first[i] + j) * in_stride;
    if (weight)
      for (guint x = 0; x < width; x++)
        sum[x] += weight * row[x];
  }
  for (guint x = 0; x < width; x++)
    out[x] = narrow (sum[x]);
}

void
he_resampler_run (HeResampler *resampler, const guint8 *in, gsize in_stride,
                  float *ret_out)
{
  const Axis *across = &resampler->across;
  for (guint y = 0; y < resampler->down.out; y++, ret_out += across->out) {
    down_luma (resampler, y, in, in_stride);
    for (guint i = 0; i < across->out; i++) {
      const gint16 *weights = across->weights + (gsize)i * across->count;
      const gint16 *from = resampler->row + across->first[i];
      gint32 sum = 0;
      for (guint j = 0; j < across->count; j++)
        sum += weights[j] * from[j];
      ret_out[i] = (float)sum * (1.0f / (1 << (WEIGHT_BITS + FRACTION_BITS)));
    }
  }
}

void
he_resample_pattern (const gint8 *in, guint in_width, guint in_height, gint8 *ret_out,
                     gsize out_stride, guint out_width, guint out_height)
{
  Axis wide, high;
  axis_init (&wide, in_width, out_width);
  axis_init (&high, in_height, out_height);
  g_autofree gint16 *rows = g_new (gint16, (gsize)in_height * out_width);
  g_autofree gint32 *sum = g_new (gint32, out_width);
  for (guint y = 0; y < in_height; y++)
    across_signed (&wide, in + (gsize)y * in_width, rows + (gsize)y * out_width);
  const gint32 half = 1 << (WEIGHT_BITS + FRACTION_BITS - 1);
  for (guint y = 0; y < out_height; y++) {
    down (&high, y, rows, out_width, sum);
    for (guint x = 0; x < out_width; x++)
      ret_out[y * out_stride + x] = (gint8)((sum[x] + half) >> (WEIGHT_BITS + FRACTION_BITS));
  }
  axis_clear (&wide);
  axis_clear (&high);
}
