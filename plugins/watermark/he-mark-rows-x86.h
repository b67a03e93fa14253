/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Part of he-mark-kernel.c: he-mark-rows.h with the instructions of AVX2 or AVX-512,
 * which do in one step what a compiler makes of many: sums of absolute differences of
 * eight bytes, and strength * pattern + threshold as one sum of two products of bytes.
 * What is behind the last whole vector of a row is done pixel by pixel. */
#pragma once

#include <immintrin.h>

#ifdef __AVX512BW__
typedef __m512i Vector;
#define OP(name) _mm512_##name
#define BITS(name) _mm512_##name##_si512
#define BROADCAST(v) _mm512_broadcast_i32x4 (v)
#define SET1_64(n) _mm512_set1_epi64 (n)
#define WIDEN(in) _mm512_cvtepi8_epi16 (_mm256_loadu_si256 ((const void *)(in)))
#else
typedef __m256i Vector;
#define OP(name) _mm256_##name
#define BITS(name) _mm256_##name##_si256
#define BROADCAST(v) _mm256_broadcastsi128_si256 (v)
#define SET1_64(n) _mm256_set1_epi64x (n)
#define WIDEN(in) _mm256_cvtepi8_epi16 (_mm_loadu_si128 ((const void *)(in)))
#endif
#define LOAD(in) BITS (loadu) ((const void *)(in))
#define STORE(out, v) BITS (storeu) ((void *)(out), v)
/* Past the caches, where whoever reads a frame next would not find all of it either, and
 * without fetching first what is overwritten. */
#define STREAM(out, v) BITS (stream) ((void *)(out), v)
#define CAN_STREAM(out) ((guintptr)(out) % sizeof (Vector) == 0)
#define AHEAD 4096 /* bytes: a page, whose address is then known as well */

#define STEP (sizeof (Vector) / sizeof (Sample)) /* samples of a vector */
#define STEP_BLOCKS (STEP / BLOCK)

typedef struct {
  gint16 *spread; /* strengths as rows_mark() loads them; whole vectors */
} Rows;

static void
rows_init (Rows *rows, guint columns)
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

#if HE_MARK_DEPTH == 8

/* One sum of each 64 bits, stored as 16. */
static inline void
store_sums (Vector sums, guint16 *ret_sums)
{
#ifdef __AVX512BW__
  _mm_storeu_si128 ((__m128i *)(void *)ret_sums, _mm512_cvtepi64_epi16 (sums));
#else
  __m128i words = _mm_packus_epi32 (_mm256_castsi256_si128 (sums),
                                    _mm256_extracti128_si256 (sums, 1));
  _mm_storel_epi64 ((__m128i *)(void *)ret_sums, _mm_packus_epi32 (words, words));
#endif
}

static guint
rows_activity (Rows *rows, const guint8 *restrict in, gsize stride, guint shift,
               guint columns, guint16 *restrict ret_sums)
{
  const Vector first_byte
      = BROADCAST (_mm_setr_epi8 (0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8));
  const Vector zero = BITS (setzero) (), half = SET1_64 (BLOCK * BLOCK / 2);
  guint b = 0;

  for (; b + STEP_BLOCKS <= columns; b += STEP_BLOCKS) {
    const guint8 *from = in + (gsize)b * BLOCK;
    Vector row[BLOCK], sum = half, deviations = zero;
    for (guint y = 0; y < BLOCK; y++) {
      row[y] = LOAD (from + y * stride);
      __builtin_prefetch (from + (y + BLOCK) * stride);
      sum = OP (add_epi64) (sum, OP (sad_epu8) (row[y], zero));
    }
    const Vector mean = OP (shuffle_epi8) (OP (srli_epi64) (sum, 6), first_byte);
    for (guint y = 0; y < BLOCK; y++)
      deviations = OP (add_epi64) (deviations, OP (sad_epu8) (row[y], mean));
    store_sums (deviations, ret_sums + b);
  }
  return b;
}

/* Each strength and 128, the other factor of a threshold, eight times: for the blocks of
 * a vector that unpacklo takes, then for those of unpackhi. */
static void
rows_spread (Rows *rows, const guint8 *strengths, guint columns)
{
  for (guint b = 0; b < columns; b++) {
    const guint even = b / STEP_BLOCKS * STEP_BLOCKS, i = b - even;
    const guint place = even + i / 2 + (i % 2) * STEP_BLOCKS / 2;
    _mm_storeu_si128 ((__m128i *)(void *)(rows->spread + (gsize)place * BLOCK),
                      _mm_set1_epi16 ((gint16)(strengths[b] | 128 << 8)));
  }
}

static inline gint
strength_at (const Rows *rows, guint x)
{
  const guint b = x / BLOCK, even = b / STEP_BLOCKS * STEP_BLOCKS, i = b - even;
  const guint place = even + i / 2 + (i % 2) * STEP_BLOCKS / 2;
  return rows->spread[(gsize)place * BLOCK] & 255;
}

static inline __attribute__ ((always_inline)) guint
mark_row (const gint16 *spread, const guint8 *restrict in, const gint8 *restrict pattern,
          const gint8 *thresholds, gboolean subtract, gboolean stream,
          guint8 *restrict out, guint width)
{
  const Vector top = OP (set1_epi8) ((char)0x80);
  const Vector low = OP (set1_epi8) (LUMA_MIN - 128),
               high = OP (set1_epi8) (LUMA_MAX - 128);
  gint32 four;
  memcpy (&four, thresholds, sizeof four);
  const Vector threshold = OP (set1_epi32) (four);
  guint x = 0;

  for (; x + STEP <= width; x += STEP) {
    const Vector p = LOAD (pattern + x);
    __builtin_prefetch (pattern + x + AHEAD);
    const Vector even
        = OP (maddubs_epi16) (LOAD (spread + x), OP (unpacklo_epi8) (p, threshold));
    const Vector odd = OP (maddubs_epi16) (LOAD (spread + x + STEP / 2),
                                           OP (unpackhi_epi8) (p, threshold));
    const Vector delta = OP (packs_epi16) (OP (srai_epi16) (even, DROPPED),
                                           OP (srai_epi16) (odd, DROPPED));
    /* Signed bytes, so that nothing wraps. */
    const Vector was = BITS (xor) (LOAD (in + x), top);
    Vector value = subtract ? OP (subs_epi8) (was, delta) : OP (adds_epi8) (was, delta);
    value = OP (max_epi8) (value, OP (min_epi8) (was, low));
    value = OP (min_epi8) (value, OP (max_epi8) (was, high));
    value = BITS (xor) (value, top);
    if (stream)
      STREAM (out + x, value);
    else
      STORE (out + x, value);
  }
  return x;
}

static void
rows_mark (const Rows *rows, const guint8 *in, const gint8 *pattern, guint y, gint16 sign,
           guint shift, guint8 *out, guint width)
{
  const gint16 *spread = rows->spread;
  const gint8 *thresholds = bayer[y % 4];
  guint x;

  if (CAN_STREAM (out))
    x = sign < 0 ? mark_row (spread, in, pattern, thresholds, TRUE, TRUE, out, width)
                 : mark_row (spread, in, pattern, thresholds, FALSE, TRUE, out, width);
  else
    x = sign < 0 ? mark_row (spread, in, pattern, thresholds, TRUE, FALSE, out, width)
                 : mark_row (spread, in, pattern, thresholds, FALSE, FALSE, out, width);
  for (; x < width; x++)
    mark_one (in + x, pattern[x], strength_at (rows, x), x, y, sign, shift, out + x);
}

#else /* of 10 bits */

/* The sum of the eight 16-bit lanes of each 128 bits, in all of them. */
static inline Vector
sum_lanes (Vector v)
{
  v = OP (madd_epi16) (v, OP (set1_epi16) (1));
  v = OP (add_epi32) (v, OP (shuffle_epi32) (v, 0xb1));
  return OP (add_epi32) (v, OP (shuffle_epi32) (v, 0x4e));
}

static guint
rows_activity (Rows *rows, const guint16 *restrict in, gsize stride, guint shift,
               guint columns, guint16 *restrict ret_sums)
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

#endif
