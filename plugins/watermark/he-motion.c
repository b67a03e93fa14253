/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "he-motion.h"
#include "he-predict.h"

#define WIDTH HE_PATTERN_WIDTH
#define HEIGHT HE_PATTERN_HEIGHT

/* The grid is whole squares of these sides, which are multiples of 4. */
#define SQUARE_WIDTH 80
#define SQUARE_HEIGHT 72
/* How far a square is looked for, first at a quarter of the size, and then around what
 * was found at half and at the whole. */
#define QUARTER_X 6
#define QUARTER_Y 4
#define HALF 2
#define WHOLE 1
/* What is compared at a quarter and at half the size is wider than the square by so much
 * on each side: whole registers of a CPU, and little is left to chance. */
#define QUARTER_BESIDE 6
#define HALF_BESIDE 4
#define MARGIN_X 48
#define MARGIN_Y 24
#define STRIDE (WIDTH + 2 * MARGIN_X)
/* Less far, the mark of the other place is still too much like the one here. */
#define MOVED 6
/* A square's pixel is foretold from the one it lies on and those around that: this makes
 * fractions of a pixel, and differences in sharpness. */
#define TAPS 5
static const int tap_x[TAPS] = { 0, 1, -1, 0, 0 }, tap_y[TAPS] = { 0, 0, 0, 1, -1 };
#define MOST (2 * TAPS) /* of two pictures */
#define SPARSE                                                                           \
  4 /* every fourth row will do to find weights, and every second to find squares */
#define RIDGE 1.01
#define ZERO 128

struct _HeMotionPicture {
  float scale;
  guint8 whole[HEIGHT + 2 * MARGIN_Y][STRIDE];
  guint8 half[HEIGHT / 2 + MARGIN_Y][STRIDE / 2],
      quarter[HEIGHT / 4 + MARGIN_Y / 2][STRIDE / 4];
};

typedef struct {
  int x, y;
} Point;

HeMotionPicture *
he_motion_picture_new (void)
{
  return g_new (HeMotionPicture, 1);
}

void
he_motion_picture_free (HeMotionPicture *picture)
{
  g_free (picture);
}

static void
halve (const guint8 *in, guint width, guint height, guint8 *out)
{
  for (guint y = 0; y < height / 2; y++, in += 2 * width, out += width / 2)
    for (guint x = 0; x < width / 2; x++)
      out[x] = (guint8)((in[2 * x] + in[2 * x + 1] + in[width + 2 * x]
                         + in[width + 2 * x + 1] + 2)
                        / 4);
}

void
he_motion_picture_fill (HeMotionPicture *picture, const HePlane *plane, float scale)
{
  picture->scale = scale;
  memset (picture->whole, ZERO, sizeof picture->whole);
  for (guint y = 0; y < HEIGHT; y++) {
    const float *in = *plane + y * WIDTH;
    guint8 *out = &picture->whole[MARGIN_Y + y][MARGIN_X];
    for (guint x = 0; x < WIDTH; x++) {
      const float level = in[x] * scale + (ZERO + 0.5f);
      out[x] = (guint8)(gint)(level > 1 ? level < 255 ? level : 255 : 1);
    }
  }
  halve (*picture->whole, STRIDE, HEIGHT + 2 * MARGIN_Y, *picture->half);
  halve (*picture->half, STRIDE / 2, HEIGHT / 2 + MARGIN_Y, *picture->quarter);
}

/* ---- where a square went ---- */

/* Each picture that is compared: its first pixels in both, and its rows' distance. */
static inline G_ALWAYS_INLINE guint
difference (const guint8 *a, const guint8 *b, gsize stride, guint width, guint height)
{
  guint sum = 0;
  for (guint y = 0; y < height; y++, a += stride, b += stride)
    for (guint x = 0; x < width; x++)
      sum += (guint)abs (a[x] - b[x]);
  return sum;
}

/* The least different place around a middle one; step: rows of the picture to one
 * compared. */
static inline G_ALWAYS_INLINE Point
search (const guint8 *here, const guint8 *there, gsize stride, guint step, guint width,
        guint height, Point middle, Point reach)
{
  Point found = middle;
  guint least = G_MAXUINT;
  for (int y = middle.y - reach.y; y <= middle.y + reach.y; y++)
    for (int x = middle.x - reach.x; x <= middle.x + reach.x; x++) {
      const guint sum = difference (here, there + y * (gssize)stride + x, stride * step,
                                    width, height);
      if (sum < least) {
        least = sum;
        found = (Point) { x, y };
      }
    }
  return found;
}

/* Where the square at a point of the one picture is in the other. */
static Point
find (const HeMotionPicture *here, const HeMotionPicture *there, Point at)
{
  const guint qy = (guint)(MARGIN_Y + at.y) / 4,
              qx = (guint)(MARGIN_X + at.x) / 4 - QUARTER_BESIDE;
  const guint hy = (guint)(MARGIN_Y + at.y) / 2,
              hx = (guint)(MARGIN_X + at.x) / 2 - HALF_BESIDE;
  const guint wy = (guint)(MARGIN_Y + at.y), wx = (guint)(MARGIN_X + at.x);
  Point moved
      = search (&here->quarter[qy][qx], &there->quarter[qy][qx], sizeof here->quarter[0],
                1, SQUARE_WIDTH / 4 + 2 * QUARTER_BESIDE, SQUARE_HEIGHT / 4,
                (Point) { 0, 0 }, (Point) { QUARTER_X, QUARTER_Y });
  moved = search (&here->half[hy][hx], &there->half[hy][hx], sizeof here->half[0], 1,
                  SQUARE_WIDTH / 2 + 2 * HALF_BESIDE, SQUARE_HEIGHT / 2,
                  (Point) { 2 * moved.x, 2 * moved.y }, (Point) { HALF, HALF });
  return search (&here->whole[wy][wx], &there->whole[wy][wx], sizeof here->whole[0], 2,
                 SQUARE_WIDTH, SQUARE_HEIGHT / 2, (Point) { 2 * moved.x, 2 * moved.y },
                 (Point) { WHOLE, WHOLE });
}

/* ---- what it foretells ---- */

typedef struct {
  const guint8 *taps[MOST]; /* what is laid upon the square's first pixel */
  double weights[MOST];
  guint n;
} Foretelling;

static void
look_before (const HeMotionPicture *here, HeMotionBefore before, Point at,
             Foretelling *ret_foretelling)
{
  ret_foretelling->n = 0;
  for (guint i = 0; i < HE_MOTION_LAGS && ret_foretelling->n < MOST; i++) {
    const HeMotionPicture *there = before[i];
    if (!there)
      continue;
    const Point moved = find (here, there, at);
    if (moved.x * moved.x + moved.y * moved.y < MOVED * MOVED)
      continue;
    for (guint t = 0; t < TAPS; t++)
      ret_foretelling->taps[ret_foretelling->n++]
          = &there->whole[MARGIN_Y + at.y + moved.y + tap_y[t]]
                         [MARGIN_X + at.x + moved.x + tap_x[t]];
  }
}

static void
weigh (const HeMotionPicture *here, Point at, Foretelling *foretelling)
{
  const guint n = foretelling->n;
  const guint8 *pixels[MOST + 1];
  gint32 sums[MOST][MOST + 1] = { { 0 } };
  double a[MOST][MOST + 1];
  memcpy (pixels, foretelling->taps, sizeof foretelling->taps);
  pixels[n] = &here->whole[MARGIN_Y + at.y][MARGIN_X + at.x];
  for (guint y = 0; y < SQUARE_HEIGHT; y += SPARSE) {
    gint16 rows[MOST + 1][SQUARE_WIDTH];
    for (guint i = 0; i <= n; i++)
      for (guint x = 0; x < SQUARE_WIDTH; x++)
        rows[i][x] = (gint16)(pixels[i][y * STRIDE + x] - ZERO);
    for (guint r = 0; r < n; r++)
      for (guint c = r; c <= n; c++) {
        gint32 sum = 0;
        for (guint x = 0; x < SQUARE_WIDTH; x++)
          sum += rows[r][x] * rows[c][x];
        sums[r][c] += sum;
      }
  }
  for (guint r = 0; r < n; r++) {
    for (guint c = 0; c < n; c++)
      a[r][c] = c < r ? sums[c][r] : sums[r][c];
    a[r][n] = sums[r][n];
    a[r][r] = a[r][r] * RIDGE + 1;
  }
  he_predict_solve (*a, n, MOST + 1, foretelling->weights);
}

static void
subtract (Point at, const Foretelling *foretelling, float scale, HePlane *plane)
{
  for (guint y = 0; y < SQUARE_HEIGHT; y++) {
    float *out = *plane + ((guint)at.y + y) * WIDTH + at.x;
    float sums[SQUARE_WIDTH] = { 0 };
    for (guint i = 0; i < foretelling->n; i++) {
      const guint8 *in = foretelling->taps[i] + y * STRIDE;
      const float weight = (float)foretelling->weights[i] / scale;
      for (guint x = 0; x < SQUARE_WIDTH; x++)
        sums[x] += weight * (float)(in[x] - ZERO);
    }
    for (guint x = 0; x < SQUARE_WIDTH; x++)
      out[x] -= sums[x];
  }
}

gboolean
he_motion_subtract (const HeMotionPicture *here, HeMotionBefore before, HePlane *plane)
{
  gboolean moves = FALSE;
  for (Point at = { 0, 0 }; at.y < HEIGHT; at.y += SQUARE_HEIGHT)
    for (at.x = 0; at.x < WIDTH; at.x += SQUARE_WIDTH) {
      Foretelling foretelling;
      look_before (here, before, at, &foretelling);
      if (foretelling.n == 0)
        continue;
      weigh (here, at, &foretelling);
      subtract (at, &foretelling, here->scale, plane);
      moves = TRUE;
    }
  return moves;
}
