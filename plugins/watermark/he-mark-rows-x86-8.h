/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Part of he-mark-kernel.c: he-mark-rows.h for 8 bits with the instructions of AVX2 or
 * AVX-512, which do in one step what a compiler makes of many: sums of absolute
 * differences of eight bytes, and strength * pattern + threshold as one sum of two
 * products of bytes. While a row of blocks is marked, another one is looked at, eight
 * blocks after each eight lines, so that what is written drains while there is something
 * to compute. */
#pragma once

#include "he-mark-x86.h"

#define ROWS_TOGETHER
#define LINE 64 /* bytes, and of the cache */
#define LINE_BLOCKS (LINE / BLOCK)
#define STEP sizeof (Vector)
#define DELTA_MAX 6 /* levels: (STRENGTH_MAX * 128 + (31 << 7)) >> DROPPED */

typedef struct {
  gsize lines;    /* of a row of blocks */
  guint8 *inside; /* of each line of each row: whether no pixel there can be moved out of
                     range */
  gint16 *spread; /* strengths as mark_line() loads them, LINE for each line */
} Rows;

static void
rows_init (Rows *rows, guint columns, guint n)
{
  rows->lines = (columns + LINE_BLOCKS - 1) / LINE_BLOCKS;
  rows->inside = g_malloc0 (rows->lines * n);
  rows->spread = g_aligned_alloc (rows->lines * LINE, sizeof (gint16), LINE);
}

static void
rows_clear (Rows *rows)
{
  _mm_sfence (); /* what was streamed is there for other threads */
  g_free (rows->inside);
  g_aligned_free (rows->spread);
}

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

static inline gboolean
is_zero (Vector v)
{
#ifdef __AVX512BW__
  return _mm512_test_epi8_mask (v, v) == 0;
#else
  return _mm256_testz_si256 (v, v);
#endif
}

/* Returns whether the line is inside. */
static inline __attribute__ ((always_inline)) gboolean
look_at_line (const guint8 *restrict in, gsize stride, guint16 *restrict ret_sums)
{
  const Vector first_byte
      = BROADCAST (_mm_setr_epi8 (0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8));
  const Vector zero = BITS (setzero) (), half = SET1_64 (BLOCK * BLOCK / 2);
  const Vector low = OP (set1_epi8) (LUMA_MIN + DELTA_MAX);
  const Vector high = OP (set1_epi8) ((char)(LUMA_MAX - DELTA_MAX));
  Vector least = high, most = low;

  for (guint y = 0; y < BLOCK; y++)
    __builtin_prefetch (in + (y + BLOCK) * stride);
  for (gsize x = 0; x < LINE; x += STEP) {
    Vector row[BLOCK], sum = half, deviations = zero;
    for (guint y = 0; y < BLOCK; y++) {
      row[y] = LOAD (in + x + y * stride);
      sum = OP (add_epi64) (sum, OP (sad_epu8) (row[y], zero));
      least = OP (min_epu8) (least, row[y]);
      most = OP (max_epu8) (most, row[y]);
    }
    const Vector mean = OP (shuffle_epi8) (OP (srli_epi64) (sum, 6), first_byte);
    for (guint y = 0; y < BLOCK; y++)
      deviations = OP (add_epi64) (deviations, OP (sad_epu8) (row[y], mean));
    store_sums (deviations, ret_sums + x / BLOCK);
  }
  return is_zero (BITS (or) (OP (subs_epu8) (low, least), OP (subs_epu8) (most, high)));
}

static guint
rows_activity (Rows *rows, guint by, const guint8 *restrict in, gsize stride, guint shift,
               guint columns, guint16 *restrict ret_sums)
{
  const guint lines = columns / LINE_BLOCKS;
  for (guint i = 0; i < lines; i++)
    rows->inside[by * rows->lines + i] = (guint8)look_at_line (
        in + (gsize)i * LINE, stride, ret_sums + (gsize)i * LINE_BLOCKS);
  return lines * LINE_BLOCKS;
}

#define EIGHT(n) n, -1, n, -1, n, -1, n, -1, n, -1, n, -1, n, -1, n, -1
static const gint8 low_places[LINE] = { EIGHT (0), EIGHT (2), EIGHT (4), EIGHT (6) };
static const gint8 high_places[LINE] = { EIGHT (1), EIGHT (3), EIGHT (5), EIGHT (7) };

/* Eight strengths at a time, each beside 128, the other factor of a threshold, eight
 * times: of a vector those that unpacklo takes, then those of unpackhi. */
static void
rows_spread (const Rows *rows, const guint8 *strengths)
{
  const Vector beside = OP (set1_epi16) ((gint16)0x8000);
  gint16 *to = rows->spread;
  for (gsize line = 0; line < rows->lines; line++, strengths += LINE_BLOCKS) {
    gint64 eight;
    memcpy (&eight, strengths, sizeof eight);
    for (gsize x = 0; x < LINE; x += STEP, to += STEP) {
      const Vector low = OP (shuffle_epi8) (SET1_64 (eight), LOAD (low_places + x));
      const Vector high = OP (shuffle_epi8) (SET1_64 (eight), LOAD (high_places + x));
      STORE (to, BITS (or) (low, beside));
      STORE (to + STEP / 2, BITS (or) (high, beside));
    }
  }
}

static inline __attribute__ ((always_inline)) Vector
moved (Vector was, Vector delta, gboolean inside, gboolean subtract)
{
  const Vector top = OP (set1_epi8) ((char)0x80);
  const Vector low = OP (set1_epi8) (LUMA_MIN - 128),
               high = OP (set1_epi8) (LUMA_MAX - 128);
  if (inside)
    return subtract ? OP (sub_epi8) (was, delta) : OP (add_epi8) (was, delta);
  /* Signed bytes, so that nothing wraps. */
  was = BITS (xor) (was, top);
  Vector value = subtract ? OP (subs_epi8) (was, delta) : OP (adds_epi8) (was, delta);
  value = OP (max_epi8) (value, OP (min_epi8) (was, low));
  value = OP (min_epi8) (value, OP (max_epi8) (was, high));
  return BITS (xor) (value, top);
}

static inline __attribute__ ((always_inline)) void
mark_line (const guint8 *restrict in, const gint8 *restrict pattern, const gint16 *spread,
           Vector threshold, gboolean inside, gboolean subtract, gboolean stream,
           guint8 *restrict out)
{
  for (gsize x = 0; x < LINE; x += STEP) {
    const Vector p = LOAD (pattern + x);
    const Vector low
        = OP (maddubs_epi16) (LOAD (spread + x), OP (unpacklo_epi8) (p, threshold));
    const Vector high = OP (maddubs_epi16) (LOAD (spread + x + STEP / 2),
                                            OP (unpackhi_epi8) (p, threshold));
    const Vector delta = OP (packs_epi16) (OP (srai_epi16) (low, DROPPED),
                                           OP (srai_epi16) (high, DROPPED));
    const Vector value = moved (LOAD (in + x), delta, inside, subtract);
    if (stream)
      STREAM (out + x, value);
    else
      STORE (out + x, value);
  }
}

/* What is left of a row behind its last whole line. */
static inline __attribute__ ((always_inline)) void
mark_rest (const guint8 *in, const gint8 *pattern, const gint16 *spread, Vector threshold,
           gboolean subtract, guint8 *out, gsize width)
{
  guint8 before[LINE] = { 0 }, after[LINE];
  memcpy (before, in, width);
  mark_line (before, pattern, spread, threshold, FALSE, subtract, FALSE, after);
  memcpy (out, after, width);
}

/* A row of blocks that is looked at line by line. */
typedef struct {
  const guint8 *in;
  gsize stride;
  guint16 *sums;
  guint8 *inside;
} Ahead;

static inline __attribute__ ((always_inline)) void
look_ahead (Ahead *ahead)
{
  *ahead->inside++ = (guint8)look_at_line (ahead->in, ahead->stride, ahead->sums);
  ahead->in += LINE;
  ahead->sums += LINE_BLOCKS;
}

static inline __attribute__ ((always_inline)) void
mark_rows (const Rows *rows, const HeMarkFrame *frame, guint by, Ahead *ahead,
           gboolean subtract, gboolean stream)
{
  const gsize whole = frame->width / LINE * LINE;
  const guint end = MIN ((by + 1) * BLOCK, frame->height);
  guint turn = 0;

  for (guint y = by * BLOCK; y < end; y++) {
    const guint8 *in = frame->in + y * frame->in_stride;
    const gint8 *pattern = frame->pattern + y * frame->pattern_stride;
    const gint16 *spread = rows->spread;
    const guint8 *inside = rows->inside + by * rows->lines;
    guint8 *out = frame->out + y * frame->out_stride;
    gint32 four;
    memcpy (&four, bayer[y % 4], sizeof four);
    const Vector threshold = OP (set1_epi32) (four);
    for (gsize x = 0; x < whole; x += LINE) {
      if (stream && *inside++)
        mark_line (in + x, pattern + x, spread + x, threshold, TRUE, subtract, stream,
                   out + x);
      else
        mark_line (in + x, pattern + x, spread + x, threshold, FALSE, subtract, stream,
                   out + x);
      if (ahead && ++turn % BLOCK == 0)
        look_ahead (ahead);
    }
    if (whole < frame->width)
      mark_rest (in + whole, pattern + whole, spread + whole, threshold, subtract,
                 out + whole, frame->width - whole);
  }
}

/* Marks a row of blocks, and looks meanwhile at the row look, if that is not 0: whole
 * lines of it. Both are whole then. Returns at how many blocks. */
static guint
rows_mark (const Rows *rows, const HeMarkFrame *frame, guint by, const guint8 *strengths,
           guint look, guint16 *ret_sums)
{
  const guint8 *out = frame->out + (gsize)by * BLOCK * frame->out_stride;
  const gboolean stream = CAN_STREAM (out) && CAN_STREAM (frame->out_stride);
  Ahead next = { .in = frame->in + (gsize)look * BLOCK * frame->in_stride,
                 .stride = frame->in_stride,
                 .sums = ret_sums,
                 .inside = rows->inside + look * rows->lines };
  Ahead *ahead = look ? &next : NULL;

  rows_spread (rows, strengths);
  if (stream && frame->sign < 0)
    mark_rows (rows, frame, by, ahead, TRUE, TRUE);
  else if (stream)
    mark_rows (rows, frame, by, ahead, FALSE, TRUE);
  else if (frame->sign < 0)
    mark_rows (rows, frame, by, ahead, TRUE, FALSE);
  else
    mark_rows (rows, frame, by, ahead, FALSE, FALSE);
  return look ? (guint)(frame->width / LINE * LINE_BLOCKS) : 0;
}
