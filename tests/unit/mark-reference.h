/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* The mark as he-mark.h defines it, pixel by pixel and as plainly as it can be said.
 * pattern has width x height values; in and out are packed samples of 8 + fine bits. */

static inline guint
reference_activity (const guint16 *in, guint width, guint height, guint bx, guint by)
{
  const guint right = MIN (bx * 8 + 8, width), bottom = MIN (by * 8 + 8, height);
  const guint n = (right - bx * 8) * (bottom - by * 8);
  guint sum = 0, deviation = 0;
  for (guint y = by * 8; y < bottom; y++)
    for (guint x = bx * 8; x < right; x++)
      sum += in[y * width + x];
  const gint mean = (gint)((sum + n / 2) / n);
  for (guint y = by * 8; y < bottom; y++)
    for (guint x = bx * 8; x < right; x++)
      deviation += (guint)ABS (in[y * width + x] - mean);
  return deviation * 64 / n;
}

static inline guint
reference_least (const guint *activity, gint columns, gint rows, gint bx, gint by)
{
  guint least = G_MAXUINT;
  for (gint y = MAX (by - 1, 0); y <= MIN (by + 1, rows - 1); y++)
    for (gint x = MAX (bx - 1, 0); x <= MIN (bx + 1, columns - 1); x++)
      least = MIN (least, activity[y * columns + x]);
  return least;
}

static inline guint *
reference_strengths (const guint16 *in, guint fine, guint width, guint height)
{
  const guint columns = (width + 7) / 8, rows = (height + 7) / 8;
  guint *strengths = g_new (guint, columns * rows);
  g_autofree guint *activity = g_new (guint, columns * rows);
  guint64 squares = 0, allowed = (guint64)13112 * columns * rows, root = 0;
  for (guint i = 0; i < columns * rows; i++)
    activity[i] = reference_activity (in, width, height, i % columns, i / columns);
  for (guint i = 0; i < columns * rows; i++) {
    guint sum = activity[i]
                + reference_least (activity, (gint)columns, (gint)rows,
                                   (gint)(i % columns), (gint)(i / columns));
    const gint level = (gint)(((258 * sum >> fine) + 512) / 1024);
    strengths[i] = (guint)MAX (CLAMP (level, 32, 179), level ? MIN (66 - level, 52) : 0);
    squares += strengths[i] * strengths[i];
  }
  if (squares <= allowed)
    return strengths;
  for (guint64 square = (allowed << 24) / squares; (root + 1) * (root + 1) <= square;)
    root++;
  for (guint i = 0; i < columns * rows; i++)
    strengths[i] = (guint)(strengths[i] * root / 4096);
  return strengths;
}

static inline void
reference_embed (const gint8 *pattern, gint sign, guint fine, const guint16 *in,
                 guint16 *out, guint width, guint height)
{
  static const gint bayer[4][4]
      = { { 0, 8, 2, 10 }, { 12, 4, 14, 6 }, { 3, 11, 1, 9 }, { 15, 7, 13, 5 } };
  g_autofree guint *strengths = reference_strengths (in, fine, width, height);
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++) {
      const guint i = y * width + x;
      const gint strength = (gint)strengths[y / 8 * ((width + 7) / 8) + x / 8];
      /* Thresholds of 1/32 to 31/32 of a step; a level is 4096. */
      const gint step = 4096 >> fine;
      const gint moved
          = strength * pattern[i] + (2 * bayer[y % 4][x % 4] + 1) * step / 32;
      const gint delta = moved >= 0 ? moved / step : -((step - 1 - moved) / step);
      out[i] = (guint16)CLAMP (in[i] + sign * delta, MIN (in[i], 16 << fine),
                               MAX (in[i], 235 << fine));
    }
}
