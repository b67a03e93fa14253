/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-mark.h"
#include "he-error.h"
#include "he-pattern.h"
#include "he-resample.h"

#define BLOCK 8
/* Pixels that the row kernel does at a time: a constant trip count, so that it
 * vectorises. The pattern's and the strengths' rows are padded to it. */
#define CHUNK 16
#define LUMA_MIN 16
#define LUMA_MAX 235

/* Strength s: one level is moved by s * pattern == 1 << STRENGTH_BITS. Products fit 16
 * bits with the dither on top. With unit 40, 0.7 levels a deviation is 0.7 * 4096 / 40
 * = 71.68. */
#define STRENGTH_BITS 12
#define STRENGTH_MIN 36  /* 0.7 * 0.5 */
#define STRENGTH_MAX 179 /* 0.7 * 2.5 */
/* The line between them, in 1/1024, over the sum of two 8x8 sums of deviations: the mean
 * of the two m is that sum / 128. */
#define STRENGTH_BASE 22020 /* 71.68 * 0.3 * 1024 */
#define STRENGTH_SLOPE 143  /* 71.68 * 0.25 * 1024 / 128 */
/* 47.2 dB is a mean square error of 1.24. The dither makes 1/6 of it, so the marks may
 * make 1.07 = s^2 * HE_PATTERN_RMS^2 / 4096^2. */
#define MEAN_SQUARE_MAX 13112

struct _HeMark {
  gatomicrefcount refs;
  guint width, height;
  gsize stride; /* of pattern, padded to CHUNK */
  gint8 *pattern;
};

/* Thresholds of the 4x4 Bayer matrix in STRENGTH_BITS, repeated along the row. */
#define D(b) ((gint16)((2 * (b) + 1) << (STRENGTH_BITS - 5)))
#define FOUR_TIMES(a, b, c, d)                                                           \
  D (a), D (b), D (c), D (d), D (a), D (b), D (c), D (d), D (a), D (b), D (c), D (d),    \
      D (a), D (b), D (c), D (d)
static const gint16 dither[4][CHUNK] = {
  { FOUR_TIMES (0, 8, 2, 10) },
  { FOUR_TIMES (12, 4, 14, 6) },
  { FOUR_TIMES (3, 11, 1, 9) },
  { FOUR_TIMES (15, 7, 13, 5) },
};

gboolean
he_mark_check_size (guint width, guint height, GError **error)
{
  if (width >= HE_MARK_MIN_SIZE && height >= HE_MARK_MIN_SIZE && width <= HE_MARK_MAX_SIZE
      && height <= HE_MARK_MAX_SIZE)
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
               "a frame of %ux%u cannot carry a mark; sizes from %ux%u to %ux%u can",
               width, height, HE_MARK_MIN_SIZE, HE_MARK_MIN_SIZE, HE_MARK_MAX_SIZE,
               HE_MARK_MAX_SIZE);
  return FALSE;
}

static gsize
round_up (gsize n)
{
  return (n + CHUNK - 1) / CHUNK * CHUNK;
}

HeMark *
he_mark_new (const guint8 seed[32], guint width, guint height, GError **error)
{
  if (!he_mark_check_size (width, height, error))
    return NULL;
  g_autofree gint8 *grid = g_malloc (HE_PATTERN_WIDTH * HE_PATTERN_HEIGHT);
  he_pattern_build (seed, grid);

  HeMark *mark = g_new0 (HeMark, 1);
  g_atomic_ref_count_init (&mark->refs);
  mark->width = width;
  mark->height = height;
  mark->stride = round_up (width);
  mark->pattern = g_malloc0 (mark->stride * height);
  he_resample_pattern (grid, HE_PATTERN_WIDTH, HE_PATTERN_HEIGHT, mark->pattern,
                       mark->stride, width, height);
  return mark;
}

HeMark *
he_mark_ref (HeMark *mark)
{
  g_atomic_ref_count_inc (&mark->refs);
  return mark;
}

void
he_mark_unref (HeMark *mark)
{
  if (!mark || !g_atomic_ref_count_dec (&mark->refs))
    return;
  g_free (mark->pattern);
  g_free (mark);
}

/* The sum of absolute deviations from the mean, as that of 64 pixels when there are
 * fewer. */
static guint16
block_activity (const guint8 *in, gsize stride, guint width, guint height)
{
  const guint n = width * height;
  guint sum = 0, deviation = 0;
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      sum += in[y * stride + x];
  const gint mean = (gint)((sum + n / 2) / n);
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      deviation += (guint)ABS ((gint)in[y * stride + x] - mean);
  return (guint16)(n == BLOCK * BLOCK ? deviation : deviation * (BLOCK * BLOCK) / n);
}

/* Constant bounds for the blocks that are whole, which are nearly all. */
static void
activity_row (const guint8 *in, gsize stride, guint width, guint height, guint16 *ret_row)
{
  guint bx = 0;
  if (height == BLOCK)
    for (; (bx + 1) * BLOCK <= width; bx++)
      ret_row[bx] = block_activity (in + bx * BLOCK, stride, BLOCK, BLOCK);
  for (; bx * BLOCK < width; bx++)
    ret_row[bx] = block_activity (in + bx * BLOCK, stride,
                                  MIN (BLOCK, width - bx * BLOCK), height);
}

static guint16
least_around (const guint16 *activity, guint columns, guint rows, guint bx, guint by)
{
  guint16 least = G_MAXUINT16;
  for (guint y = by ? by - 1 : 0; y <= MIN (by + 1, rows - 1); y++)
    for (guint x = bx ? bx - 1 : 0; x <= MIN (bx + 1, columns - 1); x++)
      least = MIN (least, activity[y * columns + x]);
  return least;
}

static guint
integer_sqrt (guint64 n)
{
  guint64 root = 0;
  for (guint64 bit = G_GUINT64_CONSTANT (1) << 31; bit; bit >>= 1)
    if ((root + bit) * (root + bit) <= n)
      root += bit;
  return (guint)root;
}

static void
fill_strengths (const guint16 *activity, guint columns, guint rows, gint16 *ret_strengths)
{
  guint64 squares = 0;
  for (guint by = 0; by < rows; by++)
    for (guint bx = 0; bx < columns; bx++) {
      guint sum
          = activity[by * columns + bx] + least_around (activity, columns, rows, bx, by);
      guint s = (STRENGTH_BASE + STRENGTH_SLOPE * sum + 512) >> 10;
      s = CLAMP (s, STRENGTH_MIN, STRENGTH_MAX);
      ret_strengths[by * columns + bx] = (gint16)s;
      squares += s * s;
    }

  const guint64 allowed = (guint64)MEAN_SQUARE_MAX * columns * rows;
  if (squares <= allowed)
    return;
  const guint scale = integer_sqrt ((allowed << 24) / squares); /* Q12, below one */
  for (guint i = 0; i < columns * rows; i++)
    ret_strengths[i] = (gint16)(((guint)ret_strengths[i] * scale) >> 12);
}

static inline void
mark_chunk (const guint8 *restrict in, const gint8 *restrict pattern,
            const gint16 *restrict strength, const gint16 *restrict threshold,
            gint16 sign, guint8 *restrict out)
{
  for (guint x = 0; x < CHUNK; x++) {
    /* Both variants round the same number, so a and b mirror each other exactly. */
    gint16 delta = (gint16)(strength[x] * pattern[x] + threshold[x]) >> STRENGTH_BITS;
    gint16 value = in[x] + sign * delta;
    gint16 low = MIN (in[x], LUMA_MIN), high = MAX (in[x], LUMA_MAX);
    value = value < low ? low : value;
    out[x] = (guint8)(value > high ? high : value);
  }
}

static void
mark_row (const guint8 *in, const gint8 *pattern, const gint16 *strength,
          const gint16 *threshold, gint16 sign, guint8 *out, guint width)
{
  guint x = 0;
  for (; x + CHUNK <= width; x += CHUNK)
    mark_chunk (in + x, pattern + x, strength + x, threshold, sign, out + x);
  if (x == width)
    return;
  guint8 tail_in[CHUNK] = { 0 }, tail_out[CHUNK];
  memcpy (tail_in, in + x, width - x);
  mark_chunk (tail_in, pattern + x, strength + x, threshold, sign, tail_out);
  memcpy (out + x, tail_out, width - x);
}

void
he_mark_embed (const HeMark *mark, HeVariant variant, const guint8 *in, gsize in_stride,
               guint8 *out, gsize out_stride)
{
  const guint columns = (mark->width + BLOCK - 1) / BLOCK;
  const guint rows = (mark->height + BLOCK - 1) / BLOCK;
  const gint16 sign = variant == HE_VARIANT_B ? -1 : 1;
  g_autofree guint16 *activity = g_new (guint16, (gsize)columns * rows);
  g_autofree gint16 *strengths = g_new (gint16, (gsize)columns * rows);
  g_autofree gint16 *spread = g_new0 (gint16, mark->stride);

  for (guint by = 0; by < rows; by++)
    activity_row (in + (gsize)by * BLOCK * in_stride, in_stride, mark->width,
                  MIN (BLOCK, mark->height - by * BLOCK), activity + (gsize)by * columns);
  fill_strengths (activity, columns, rows, strengths);

  for (guint y = 0; y < mark->height; y++) {
    if (y % BLOCK == 0)
      for (guint x = 0; x < mark->width; x++)
        spread[x] = strengths[(gsize)(y / BLOCK) * columns + x / BLOCK];
    mark_row (in + y * in_stride, mark->pattern + y * mark->stride, spread, dither[y % 4],
              sign, out + y * out_stride, mark->width);
  }
}
