/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Built several times, with HE_MARK_KERNEL naming the function, HE_MARK_DEPTH the bits of
 * a sample, and with the compiler's options of a CPU level. Loops run over whole rows of
 * narrow integers, one simple thing at a time, which is what compilers vectorise. */
#include "he-mark-kernel.h"

#include <string.h>

#define BLOCK HE_MARK_BLOCK
#define FINE (HE_MARK_DEPTH - 8) /* bits of a level that a sample has */
#define LUMA_MIN (16 << FINE)
#define LUMA_MAX (235 << FINE)

#if HE_MARK_DEPTH == 8
typedef guint8 Sample;
#define VALUE(sample) (sample)
#define SAMPLE(value) ((Sample)(value))
#else
typedef guint16 Sample;
#define VALUE(sample) ((sample) >> shift)
/* What is no sample of 10 bits may be negative here. */
#define SAMPLE(value) ((Sample)((guint)(value) << shift))
#endif

/* Strength s: one level is moved by s * pattern == 1 << STRENGTH_BITS. Products fit 16
 * bits with the dither on top. With unit 40, 0.7 levels a deviation is 0.7 * 4096 / 40
 * = 71.68. */
#define STRENGTH_BITS 12
#define STRENGTH_MIN 32  /* 0.7 * 0.45 */
#define STRENGTH_MAX 215 /* 0.7 * 3 */
/* In 1/1024, over the sum of two 8x8 sums of deviations: the mean of the two m is that
 * sum / 128. */
#define STRENGTH_SLOPE 258 /* 71.68 * 0.45 * 1024 / 128 */
/* 47.2 dB is a mean square error of 1.24. The dither makes 1/6 of it, so the marks may
 * make 1.07 = s^2 * HE_PATTERN_RMS^2 / 4096^2. */
#define MEAN_SQUARE_MAX 13112

/* Thresholds of the 4x4 Bayer matrix in the bits that rounding drops. */
#define DROPPED (STRENGTH_BITS - FINE)
#define D(b) ((gint16)((2 * (b) + 1) << (DROPPED - 5)))
static const gint16 bayer[4][4] = {
  { D (0), D (8), D (2), D (10) },
  { D (12), D (4), D (14), D (6) },
  { D (3), D (11), D (1), D (9) },
  { D (15), D (7), D (13), D (5) },
};

/* Everything that a call needs besides the frames. */
typedef struct {
  guint columns, rows; /* of blocks */
  gsize line;          /* pixels of a row, whole blocks */
  gsize grid; /* blocks of a row in activity and least: columns and one each side */
  guint16 *activity;  /* rows + 2 rows of grid; the border is the largest value */
  guint16 *least;     /* the same: of each block and its left and right neighbour */
  gint16 *strengths;  /* rows rows of columns */
  guint16 *pixels;    /* line */
  guint16 *halves;    /* line / 2 */
  Sample *means;      /* line: values */
  gint16 *spread;     /* line: a row's strengths, for each pixel */
  gint16 *thresholds; /* 4 rows of line */
} Scratch;

static void
scratch_init (Scratch *scratch, const HeMarkFrame *frame)
{
  const guint columns = (frame->width + BLOCK - 1) / BLOCK;
  const guint rows = (frame->height + BLOCK - 1) / BLOCK;
  const gsize line = (gsize)columns * BLOCK, grid = columns + 2;

  *scratch = (Scratch) { .columns = columns, .rows = rows, .line = line, .grid = grid };
  scratch->activity = g_new (guint16, grid * (rows + 2));
  scratch->least = g_new (guint16, grid * (rows + 2));
  memset (scratch->activity, 0xff, grid * (rows + 2) * sizeof (guint16));
  memset (scratch->least, 0xff, grid * (rows + 2) * sizeof (guint16));
  scratch->strengths = g_new (gint16, (gsize)columns * rows);
  scratch->pixels = g_new0 (guint16, line); /* what is behind the width stays zero */
  scratch->halves = g_new (guint16, line / 2);
  scratch->means = g_new (Sample, line);
  scratch->spread = g_new (gint16, line);
  scratch->thresholds = g_new (gint16, 4 * line);
  for (guint y = 0; y < 4; y++)
    for (gsize x = 0; x < line; x += 4)
      memcpy (scratch->thresholds + y * line + x, bayer[y], sizeof bayer[y]);
}

static void
scratch_clear (Scratch *scratch)
{
  g_free (scratch->activity);
  g_free (scratch->least);
  g_free (scratch->strengths);
  g_free (scratch->pixels);
  g_free (scratch->halves);
  g_free (scratch->means);
  g_free (scratch->spread);
  g_free (scratch->thresholds);
}

/* ---- activity ---- */

/* With a constant height the inner loops unroll and the outer ones vectorise. */
static inline __attribute__ ((always_inline)) void
sum_pixels (const Sample *restrict in, gsize stride, guint shift, guint width,
            guint height, guint16 *restrict ret_sums)
{
  for (guint x = 0; x < width; x++) {
    guint16 sum = 0;
    for (guint y = 0; y < height; y++)
      sum = (guint16)(sum + VALUE (in[y * stride + x]));
    ret_sums[x] = sum;
  }
}

static inline __attribute__ ((always_inline)) void
sum_deviations (const Sample *restrict in, gsize stride, guint shift,
                const Sample *restrict means, guint width, guint height,
                guint16 *restrict ret_sums)
{
  for (guint x = 0; x < width; x++) {
    guint16 sum = 0;
    for (guint y = 0; y < height; y++) {
      gint16 deviation = (gint16)(VALUE (in[y * stride + x]) - means[x]);
      sum = (guint16)(sum + (deviation < 0 ? -deviation : deviation));
    }
    ret_sums[x] = sum;
  }
}

static inline void
halve (const guint16 *restrict in, gsize n, guint16 *restrict out)
{
  for (gsize i = 0; i < n; i++)
    out[i] = (guint16)(in[2 * i] + in[2 * i + 1]);
}

/* Sums of BLOCK pixels each: 64 of 10 bits fit. The pixels are used up. */
static void
sum_blocks (Scratch *scratch, guint16 *restrict ret_sums)
{
  halve (scratch->pixels, scratch->line / 2, scratch->halves);
  halve (scratch->halves, scratch->line / 4, scratch->pixels);
  halve (scratch->pixels, scratch->columns, ret_sums);
}

static void
set_means (Scratch *scratch, const guint16 *sums, guint last_width, guint height)
{
  const guint whole = BLOCK * height, last = last_width * height;
  for (guint b = 0; b < scratch->columns; b++) {
    guint n = b + 1 < scratch->columns ? whole : last;
    guint mean = n == BLOCK * BLOCK ? (sums[b] + n / 2U) / (BLOCK * BLOCK)
                                    : (sums[b] + n / 2) / n;
    for (guint i = 0; i < BLOCK; i++)
      scratch->means[(gsize)b * BLOCK + i] = (Sample)mean;
  }
}

/* The sums of absolute deviations from the mean of a row of blocks, as those of 64 pixels
 * where there are fewer. */
static void
activity_row (Scratch *scratch, const HeMarkFrame *frame, guint by)
{
  const Sample *in
      = (const Sample *)(const void *)(frame->in + (gsize)by * BLOCK * frame->in_stride);
  const gsize stride = frame->in_stride / sizeof (Sample);
  const guint shift = frame->shift;
  const guint height = MIN (BLOCK, frame->height - by * BLOCK);
  const guint last_width = frame->width - (scratch->columns - 1) * BLOCK;
  guint16 *sums = scratch->activity + (by + 1) * scratch->grid + 1;
  const gsize behind = (scratch->line - frame->width) * sizeof (guint16);

  if (height == BLOCK)
    sum_pixels (in, stride, shift, frame->width, BLOCK, scratch->pixels);
  else
    sum_pixels (in, stride, shift, frame->width, height, scratch->pixels);
  memset (scratch->pixels + frame->width, 0, behind);
  sum_blocks (scratch, sums);
  set_means (scratch, sums, last_width, height);
  if (height == BLOCK)
    sum_deviations (in, stride, shift, scratch->means, frame->width, BLOCK,
                    scratch->pixels);
  else
    sum_deviations (in, stride, shift, scratch->means, frame->width, height,
                    scratch->pixels);
  memset (scratch->pixels + frame->width, 0, behind);
  sum_blocks (scratch, sums);

  for (guint b = height == BLOCK ? scratch->columns - 1 : 0; b < scratch->columns; b++) {
    guint n = (b + 1 < scratch->columns ? BLOCK : last_width) * height;
    sums[b] = (guint16)(sums[b] * (guint)(BLOCK * BLOCK) / n);
  }
}

/* ---- strengths ---- */

static inline guint16
least_of (guint16 a, guint16 b, guint16 c)
{
  guint16 ab = a < b ? a : b;
  return ab < c ? ab : c;
}

static void
least_row (const guint16 *restrict activity, guint columns, guint16 *restrict ret_least)
{
  for (guint b = 0; b < columns; b++)
    ret_least[b] = least_of (activity[b], activity[b + 1], activity[b + 2]);
}

/* Returns the sum of their squares, which fits: 2048 blocks of 215^2. */
static guint32
strength_row (const guint16 *restrict activity, const guint16 *restrict above,
              const guint16 *restrict same, const guint16 *restrict below, guint columns,
              gint16 *restrict ret_strengths)
{
  guint32 squares = 0;
  for (guint b = 0; b < columns; b++) {
    guint32 sum = (guint32)activity[b] + least_of (above[b], same[b], below[b]);
    guint32 s = (STRENGTH_SLOPE * sum + (512 << FINE)) >> (10 + FINE);
    s = s < STRENGTH_MIN ? STRENGTH_MIN : s > STRENGTH_MAX ? STRENGTH_MAX : s;
    ret_strengths[b] = (gint16)s;
    squares += s * s;
  }
  return squares;
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
set_strengths (Scratch *scratch)
{
  const guint columns = scratch->columns, rows = scratch->rows;
  const gsize grid = scratch->grid;
  guint64 squares = 0;

  for (guint by = 0; by < rows; by++)
    least_row (scratch->activity + (by + 1) * grid, columns,
               scratch->least + (by + 1) * grid);
  for (guint by = 0; by < rows; by++) {
    const guint16 *same = scratch->least + (by + 1) * grid;
    squares
        += strength_row (scratch->activity + (by + 1) * grid + 1, same - grid, same,
                         same + grid, columns, scratch->strengths + (gsize)by * columns);
  }

  const guint64 allowed = (guint64)MEAN_SQUARE_MAX * columns * rows;
  if (squares <= allowed)
    return;
  const guint scale = integer_sqrt ((allowed << 24) / squares); /* Q12, below one */
  for (gsize i = 0; i < (gsize)columns * rows; i++)
    scratch->strengths[i] = (gint16)(((guint)scratch->strengths[i] * scale) >> 12);
}

/* ---- pixels ---- */

static void
spread_strengths (const gint16 *strengths, guint columns, gint16 *ret_spread)
{
  for (guint b = 0; b < columns; b++) {
    guint64 four = (guint64)strengths[b] * G_GUINT64_CONSTANT (0x0001000100010001);
    memcpy (ret_spread + (gsize)b * BLOCK, &four, sizeof four);
    memcpy (ret_spread + (gsize)b * BLOCK + 4, &four, sizeof four);
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

void HE_MARK_KERNEL (const HeMarkFrame *frame);

void
HE_MARK_KERNEL (const HeMarkFrame *frame)
{
  Scratch scratch;

  scratch_init (&scratch, frame);
  for (guint by = 0; by < scratch.rows; by++)
    activity_row (&scratch, frame, by);
  set_strengths (&scratch);
  for (guint y = 0; y < frame->height; y++) {
    if (y % BLOCK == 0)
      spread_strengths (scratch.strengths + (gsize)(y / BLOCK) * scratch.columns,
                        scratch.columns, scratch.spread);
    mark_row ((const Sample *)(const void *)(frame->in + y * frame->in_stride),
              frame->pattern + y * frame->pattern_stride, scratch.spread,
              scratch.thresholds + y % 4 * scratch.line, frame->sign, frame->shift,
              (Sample *)(void *)(frame->out + y * frame->out_stride), frame->width);
  }
  scratch_clear (&scratch);
}
