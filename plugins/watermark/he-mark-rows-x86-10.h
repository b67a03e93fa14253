/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Part of he-mark-kernel.c: he-mark-rows.h for 10 bits with the instructions of AVX2 or
 * AVX-512. What is behind the last whole vector of a row is done pixel by pixel. */
#pragma once

#include "he-mark-x86.h"

#define AHEAD 4096 /* bytes: a page, whose address is then known as well */
#define STEP (sizeof (Vector) / sizeof (Sample)) /* samples of a vector */
#define STEP_BLOCKS (STEP / BLOCK)

typedef struct {
  gint16 *spread; /* strengths as rows_mark() loads them; whole vectors */
} Rows;

static void
rows_init (Rows *rows, guint columns, guint n)
{
  rows->spread = g_new0 (gint16, ((gsize)columns * BLOCK / STEP + 1) * STEP);
}

static void
rows_clear (Rows *rows)
{
  _mm_sfence (); /* what was streamed is there for other threads */
  g_free (rows->spread);
}

static inline void
mark_one (const Sample *in, gint8 pattern, gint strength, guint x, guint y, gint16 sign,
          guint shift, Sample *out)
{
  const gint16 threshold = (gint16)(bayer[y % 4][x % 4] << (DROPPED - 5));
  const gint16 delta = (gint16)(strength * pattern + threshold) >> DROPPED;
  const gint16 was = (gint16)VALUE (*in);
  const gint16 value = (gint16)(was + sign * delta);
  *out = SAMPLE (CLAMP (value, MIN (was, LUMA_MIN), MAX (was, LUMA_MAX)));
}

/* The sum of the eight 16-bit lanes of each 128 bits, in all of them. */
static inline Vector
sum_lanes (Vector v)
{
  v = OP (madd_epi16) (v, OP (set1_epi16) (1));
  v = OP (add_epi32) (v, OP (shuffle_epi32) (v, 0xb1));
  return OP (add_epi32) (v, OP (shuffle_epi32) (v, 0x4e));
}

static guint
rows_activity (Rows *rows, guint by, const guint16 *restrict in, gsize stride,
               guint shift, guint columns, guint16 *restrict ret_sums)
{
  const Vector half = OP (set1_epi32) (BLOCK * BLOCK / 2);
  const Vector low = OP (set1_epi32) (0xffff);
  const __m128i count = _mm_cvtsi32_si128 ((int)shift);
  guint b = 0;

  for (; b + STEP_BLOCKS <= columns; b += STEP_BLOCKS) {
    const guint16 *from = in + (gsize)b * BLOCK;
    Vector row[BLOCK], sum = BITS (setzero) (), deviations = BITS (setzero) ();
    for (guint y = 0; y < BLOCK; y++) {
      row[y] = OP (srl_epi16) (LOAD (from + y * stride), count);
      __builtin_prefetch (from + (y + BLOCK) * stride);
      sum = OP (add_epi16) (sum, row[y]);
    }
    sum = OP (add_epi32) (BITS (and) (sum_lanes (sum), low), half);
    sum = OP (srli_epi32) (sum, 6);
    const Vector mean = OP (packus_epi32) (sum, sum);
    for (guint y = 0; y < BLOCK; y++)
      deviations
          = OP (add_epi16) (deviations, OP (abs_epi16) (OP (sub_epi16) (row[y], mean)));
    guint16 sums[STEP];
    STORE (sums, sum_lanes (deviations));
    for (guint i = 0; i < STEP_BLOCKS; i++)
      ret_sums[b + i] = sums[i * BLOCK];
  }
  return b;
}

/* For each pixel. */
static void
rows_spread (Rows *rows, const guint8 *strengths, guint columns)
{
  for (guint b = 0; b < columns; b++)
    _mm_storeu_si128 ((__m128i *)(void *)(rows->spread + (gsize)b * BLOCK),
                      _mm_set1_epi16 ((gint16)strengths[b]));
}

static inline __attribute__ ((always_inline)) guint
mark_row (const gint16 *spread, const guint16 *restrict in, const gint8 *restrict pattern,
          const gint8 *thresholds, gboolean subtract, gboolean stream, guint shift,
          guint16 *restrict out, guint width)
{
  const Vector low = OP (set1_epi16) (LUMA_MIN), high = OP (set1_epi16) (LUMA_MAX);
  const __m128i count = _mm_cvtsi32_si128 ((int)shift);
  gint64 four = 0;
  for (guint i = 0; i < 4; i++)
    four |= (gint64)thresholds[i] << (DROPPED - 5 + 16 * i);
  const Vector threshold = SET1_64 (four);
  guint x = 0;

  for (; x + STEP <= width; x += STEP) {
    __builtin_prefetch (pattern + x + AHEAD);
    Vector delta = OP (mullo_epi16) (LOAD (spread + x), WIDEN (pattern + x));
    delta = OP (srai_epi16) (OP (add_epi16) (delta, threshold), DROPPED);
    const Vector was = OP (srl_epi16) (LOAD (in + x), count);
    Vector value = subtract ? OP (sub_epi16) (was, delta) : OP (add_epi16) (was, delta);
    value = OP (max_epi16) (value, OP (min_epi16) (was, low));
    value = OP (min_epi16) (value, OP (max_epi16) (was, high));
    value = OP (sll_epi16) (value, count);
    if (stream)
      STREAM (out + x, value);
    else
      STORE (out + x, value);
  }
  return x;
}

static void
rows_mark (const Rows *rows, const guint16 *in, const gint8 *pattern, guint y,
           gint16 sign, guint shift, guint16 *out, guint width)
{
  const gint16 *spread = rows->spread;
  const gint8 *thresholds = bayer[y % 4];
  guint x;

  if (CAN_STREAM (out))
    x = sign < 0
            ? mark_row (spread, in, pattern, thresholds, TRUE, TRUE, shift, out, width)
            : mark_row (spread, in, pattern, thresholds, FALSE, TRUE, shift, out, width);
  else
    x = sign < 0
            ? mark_row (spread, in, pattern, thresholds, TRUE, FALSE, shift, out, width)
            : mark_row (spread, in, pattern, thresholds, FALSE, FALSE, shift, out, width);
  for (; x < width; x++)
    mark_one (in + x, pattern[x], rows->spread[x], x, y, sign, shift, out + x);
}
