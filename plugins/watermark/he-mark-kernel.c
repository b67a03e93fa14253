/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Built several times, with HE_MARK_KERNEL naming the function, HE_MARK_DEPTH the bits of
 * a sample, and with the compiler's options of a CPU level. */
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
#define STRENGTH_MIN 32    /* 0.7 * 0.45 */
#define STRENGTH_MAX 179   /* 0.7 * 2.5 */
#define STRENGTH_FLAT 52   /* 0.7 * 0.73 */
#define STRENGTH_SMOOTH 66 /* 0.7 * 0.92 */
/* In 1/1024, over the sum of two 8x8 sums of deviations: the mean of the two m is that
 * sum / 128. */
#define STRENGTH_SLOPE 258 /* 71.68 * 0.45 * 1024 / 128 */
/* 47.2 dB is a mean square error of 1.24. The dither makes 1/6 of it, so the marks may
 * make 1.07 = s^2 * HE_PATTERN_RMS^2 / 4096^2. */
#define MEAN_SQUARE_MAX 13112

/* Thresholds of the 4x4 Bayer matrix, in 1/32 of what rounding drops. */
#define DROPPED (STRENGTH_BITS - FINE)
#define D(b) (2 * (b) + 1)
static const gint8 bayer[4][4] = {
  { D (0), D (8), D (2), D (10) },
  { D (12), D (4), D (14), D (6) },
  { D (3), D (11), D (1), D (9) },
  { D (15), D (7), D (13), D (5) },
};

static inline const Sample *
line_of (const guint8 *plane, gsize stride, guint y)
{
  return (const Sample *)(const void *)(plane + y * stride);
}

#if defined(__AVX2__) && HE_MARK_DEPTH == 8
#include "he-mark-rows-x86-8.h"
#elif defined(__AVX2__)
#include "he-mark-rows-x86-10.h"
#else
#include "he-mark-rows.h"
#endif

/* Everything that a call needs besides the frames. Rows of blocks have one more at each
 * side, which is the largest value, and so are the rows outside of the frame. */
typedef struct {
  guint columns, rows;  /* of blocks */
  gsize grid;           /* columns + 2 */
  guint16 *activity[2]; /* of an even row, and of an odd one */
  guint16 *least[3];    /* by row % 3: of each block and its left and right neighbour */
  guint8 *strengths;    /* rows rows of columns, and eight that may be read */
  Rows work;
} Scratch;

static void
scratch_init (Scratch *scratch, const HeMarkFrame *frame)
{
  const guint columns = (frame->width + BLOCK - 1) / BLOCK;
  const guint rows = (frame->height + BLOCK - 1) / BLOCK;
  const gsize grid = columns + 2;

  *scratch = (Scratch) { .columns = columns, .rows = rows, .grid = grid };
  scratch->activity[0] = g_new (guint16, grid * 5);
  memset (scratch->activity[0], 0xff, grid * 5 * sizeof (guint16));
  scratch->activity[1] = scratch->activity[0] + grid;
  for (guint i = 0; i < 3; i++)
    scratch->least[i] = scratch->activity[0] + (2 + i) * grid;
  scratch->strengths = g_new (guint8, (gsize)columns * rows + 8);
  memset (scratch->strengths + (gsize)columns * rows, 0, 8);
  rows_init (&scratch->work, columns, rows);
}

static void
scratch_clear (Scratch *scratch)
{
  g_free (scratch->activity[0]);
  g_free (scratch->strengths);
  rows_clear (&scratch->work);
}

/* ---- activity ---- */

/* The sum of absolute deviations from the mean, as that of 64 pixels where there are
 * fewer. */
static guint16
block_activity (const Sample *in, gsize stride, guint shift, guint width, guint height)
{
  const guint n = width * height;
  guint16 sum = 0, deviations = 0;
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      sum = (guint16)(sum + VALUE (in[y * stride + x]));
  const Sample mean = (Sample)((sum + n / 2) / n);
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++) {
      gint16 deviation = (gint16)(VALUE (in[y * stride + x]) - mean);
      deviations = (guint16)(deviations + (deviation < 0 ? -deviation : deviation));
    }
  return (guint16)(deviations * (guint)(BLOCK * BLOCK) / n);
}

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

/* So many first blocks of it were looked at already. */
static void
activity_row (Scratch *scratch, const HeMarkFrame *frame, guint by, guint done)
{
  const Sample *in = line_of (frame->in, frame->in_stride, by * BLOCK);
  const gsize stride = frame->in_stride / sizeof (Sample);
  const guint height = MIN (BLOCK, frame->height - by * BLOCK);
  guint16 *activity = scratch->activity[by % 2];
  guint b = done;

  if (!done && height == BLOCK)
    b = rows_activity (&scratch->work, by, in, stride, frame->shift, frame->width / BLOCK,
                       activity + 1);
  for (; b < scratch->columns; b++)
    activity[b + 1] = block_activity (in + (gsize)b * BLOCK, stride, frame->shift,
                                      MIN (BLOCK, frame->width - b * BLOCK), height);
  least_row (activity, scratch->columns, scratch->least[by % 3]);
}

/* ---- strengths ---- */

/* level: of what is busy. */
static inline guint32
strength_of (guint32 level)
{
  const guint32 busy = MIN (level, STRENGTH_MAX);
  const guint32 smooth = STRENGTH_SMOOTH - MIN (level, STRENGTH_SMOOTH);
  return MAX (MAX (busy, STRENGTH_MIN), level ? MIN (smooth, STRENGTH_FLAT) : 0);
}

/* Returns the sum of their squares, which fits: 2048 blocks of 179^2. */
static guint32
strength_row (const guint16 *restrict activity, const guint16 *restrict above,
              const guint16 *restrict same, const guint16 *restrict below, guint columns,
              guint8 *restrict ret_strengths)
{
  guint32 squares = 0;
  for (guint b = 0; b < columns; b++) {
    guint32 sum = (guint32)activity[b] + least_of (above[b], same[b], below[b]);
    guint32 s = strength_of ((STRENGTH_SLOPE * sum + (512 << FINE)) >> (10 + FINE));
    ret_strengths[b] = (guint8)s;
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

static guint32
set_strengths (Scratch *scratch, guint by)
{
  return strength_row (scratch->activity[by % 2] + 1, scratch->least[(by + 2) % 3],
                       scratch->least[by % 3], scratch->least[(by + 1) % 3],
                       scratch->columns,
                       scratch->strengths + (gsize)by * scratch->columns);
}

/* ---- pixels ---- */

static gboolean
is_whole (const HeMarkFrame *frame, guint by)
{
  return (by + 1) * BLOCK <= frame->height;
}

/* Returns how many first blocks of row look, if that is not 0, were looked at meanwhile.
 */
static guint
mark_block_row (Scratch *scratch, const HeMarkFrame *frame, guint by, guint look)
{
  const guint8 *strengths = scratch->strengths + (gsize)by * scratch->columns;
#ifdef ROWS_TOGETHER
  return rows_mark (&scratch->work, frame, by, strengths, look,
                    scratch->activity[look % 2] + 1);
#else
  const guint end = MIN ((by + 1) * BLOCK, frame->height);

  rows_spread (&scratch->work, strengths, scratch->columns);
  for (guint y = by * BLOCK; y < end; y++)
    rows_mark (&scratch->work, line_of (frame->in, frame->in_stride, y),
               frame->pattern + y * frame->pattern_stride, y, frame->sign, frame->shift,
               (Sample *)(void *)(frame->out + y * frame->out_stride), frame->width);
  return 0;
#endif
}

gboolean HE_MARK_KERNEL (const HeMarkFrame *frame);

/* Each row of blocks is marked as soon as the rows below it have been looked at, while it
 * is in the cache, as long as the frame stays below its limit: what is above it must be
 * marked again with less. */
gboolean
HE_MARK_KERNEL (const HeMarkFrame *frame)
{
  Scratch scratch;
  guint64 squares = 0;
  guint marked = 0;

  scratch_init (&scratch, frame);
  const guint rows = scratch.rows;
  const guint64 row_allowed = (guint64)MEAN_SQUARE_MAX * scratch.columns;
  activity_row (&scratch, frame, 0, 0);
  activity_row (&scratch, frame, 1, 0);
  for (guint by = 0; by < rows; by++) {
    guint done = 0;
    if (by + 1 == rows)
      memset (scratch.least[rows % 3], 0xff, scratch.grid * sizeof (guint16));
    squares += set_strengths (&scratch, by);
    if (!frame->busy && marked == by && squares <= row_allowed * (by + 1))
      done = mark_block_row (&scratch, frame, marked++,
                             is_whole (frame, by + 2) ? by + 2 : 0);
    if (by + 2 < rows)
      activity_row (&scratch, frame, by + 2, done);
  }
  const gboolean busy = squares > row_allowed * rows;
  if (busy) {
    const guint scale = integer_sqrt ((row_allowed * rows << 24) / squares); /* Q12 */
    for (gsize i = 0; i < (gsize)scratch.columns * rows; i++)
      scratch.strengths[i] = (guint8)((scratch.strengths[i] * scale) >> 12);
    marked = 0;
  }
  while (marked < rows)
    mark_block_row (&scratch, frame, marked++, 0);
  scratch_clear (&scratch);
  return busy;
}
