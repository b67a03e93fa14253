/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Part of he-mark-kernel.c: what is done to every pixel, in plain C. Loops run over whole
 * rows of narrow integers, one simple thing at a time, which is what compilers vectorise.
 * he-mark-rows-x86-8.h and -10.h do the same. */
#pragma once

typedef struct {
  gsize line;        /* pixels of a row, whole blocks */
  guint16 *pixels;   /* line */
  guint16 *halves;   /* line / 2 */
  Sample *means;     /* line: values */
  gint16 *spread;    /* line: a row's strengths, for each pixel */
  gint16 *threshold; /* 4 rows of line */
} Rows;

static void
rows_init (Rows *rows, guint columns, guint n)
{
  const gsize line = (gsize)columns * BLOCK;
  rows->line = line;
  rows->pixels = g_new (guint16, line);
  rows->halves = g_new (guint16, line / 2);
  rows->means = g_new (Sample, line);
  rows->spread = g_new (gint16, line);
  rows->threshold = g_new (gint16, 4 * line);
  for (guint y = 0; y < 4; y++)
    for (gsize x = 0; x < line; x++)
      rows->threshold[y * line + x] = (gint16)(bayer[y][x % 4] << (DROPPED - 5));
}

static void
rows_clear (Rows *rows)
{
  g_free (rows->pixels);
  g_free (rows->halves);
  g_free (rows->means);
  g_free (rows->spread);
  g_free (rows->threshold);
}

static inline void
halve (const guint16 *restrict in, gsize n, guint16 *restrict out)
{
  for (gsize i = 0; i < n; i++)
    out[i] = (guint16)(in[2 * i] + in[2 * i + 1]);
}

/* Sums of BLOCK pixels each: 64 of 10 bits fit. The pixels are used up. */
static void
sum_blocks (Rows *rows, guint columns, guint16 *restrict ret_sums)
{
  halve (rows->pixels, (gsize)columns * 4, rows->halves);
  halve (rows->halves, (gsize)columns * 2, rows->pixels);
  halve (rows->pixels, columns, ret_sums);
}

static void
sum_deviations (const Sample *restrict in, gsize stride, guint shift,
                const Sample *restrict means, guint width, guint16 *restrict ret_sums)
{
  for (guint x = 0; x < width; x++) {
    guint16 sum = 0;
    for (guint y = 0; y < BLOCK; y++) {
      gint16 deviation = (gint16)(VALUE (in[y * stride + x]) - means[x]);
      sum = (guint16)(sum + (deviation < 0 ? -deviation : deviation));
    }
    ret_sums[x] = sum;
  }
}

/* The activities of some first ones of so many whole blocks; returns of how many. */
static guint
rows_activity (Rows *rows, guint by, const Sample *restrict in, gsize stride, guint shift,
               guint columns, guint16 *restrict ret_sums)
{
  const guint width = columns * BLOCK;

  for (guint x = 0; x < width; x++) {
    guint16 sum = 0;
    for (guint y = 0; y < BLOCK; y++)
      sum = (guint16)(sum + VALUE (in[y * stride + x]));
    rows->pixels[x] = sum;
  }
  sum_blocks (rows, columns, ret_sums);
  for (guint b = 0; b < columns; b++)
    for (guint i = 0; i < BLOCK; i++)
      rows->means[(gsize)b * BLOCK + i]
          = (Sample)((ret_sums[b] + BLOCK * BLOCK / 2U) / (BLOCK * BLOCK));
  sum_deviations (in, stride, shift, rows->means, width, rows->pixels);
  sum_blocks (rows, columns, ret_sums);
  return columns;
}

/* The strengths that the rows below are marked with. */
static void
rows_spread (Rows *rows, const guint8 *strengths, guint columns)
{
  for (guint b = 0; b < columns; b++) {
    guint64 four = (guint64)strengths[b] * G_GUINT64_CONSTANT (0x0001000100010001);
    memcpy (rows->spread + (gsize)b * BLOCK, &four, sizeof four);
    memcpy (rows->spread + (gsize)b * BLOCK + 4, &four, sizeof four);
  }
}

static void
mark_row (const Sample *restrict in, const gint8 *restrict pattern,
          const gint16 *restrict strength, const gint16 *restrict threshold, gint16 sign,
          guint shift, Sample *restrict out, guint width)
{
  for (guint x = 0; x < width; x++) {
    /* Both variants round the same number, so a and b mirror each other exactly. */
    gint16 delta = (gint16)(strength[x] * pattern[x] + threshold[x]) >> DROPPED;
    gint16 was = (gint16)VALUE (in[x]);
    gint16 value = (gint16)(was + sign * delta);
    gint16 low = was < LUMA_MIN ? was : LUMA_MIN;
    gint16 high = was > LUMA_MAX ? was : LUMA_MAX;
    value = value < low ? low : value;
    out[x] = SAMPLE (value > high ? high : value);
  }
}

static void
rows_mark (const Rows *rows, const Sample *in, const gint8 *pattern, guint y, gint16 sign,
           guint shift, Sample *out, guint width)
{
  mark_row (in, pattern, rows->spread, rows->threshold + y % 4 * rows->line, sign, shift,
            out, width);
}
