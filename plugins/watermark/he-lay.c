/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "he-lay.h"

#define WIDTH HE_PATTERN_WIDTH
#define HEIGHT HE_PATTERN_HEIGHT
#define STEP HE_LAY_STEP
#define ENOUGH 1000   /* of them, to say anything */
#define ROUNDS 6
#define STILL 1e-5    /* of the frame: no more climbing */
#define OUTLIER 2.0   /* deviations: logos, and what moved otherwise */
#define SOFT 3 /* pixels each side */

/* Where the copy shows a point of the grid; FALSE where it does not. */
static inline gboolean
place (const HeView *view, guint x, guint y, double *ret_x, double *ret_y)
{
  const double *m = view->m;
  const double u = (x + 0.5) / WIDTH - 0.5, v = (y + 0.5) / HEIGHT - 0.5;
  const double scale = 1 / (m[6] * u + m[7] * v + 1);
  *ret_x = ((m[0] * u + m[1] * v + m[2]) * scale + 0.5) * WIDTH - 0.5;
  *ret_y = ((m[3] * u + m[4] * v + m[5]) * scale + 0.5) * HEIGHT - 0.5;
  return *ret_x >= 1 && *ret_y >= 1 && *ret_x < WIDTH - 2 && *ret_y < HEIGHT - 2;
}

static inline float
sample (const HePlane *plane, double x, double y)
{
  const guint left = (guint)x, top = (guint)y;
  const float fx = (float)(x - left), fy = (float)(y - top);
  const float *p = *plane + (gsize)top * WIDTH + left;
  const float above = p[0] + fx * (p[1] - p[0]);
  const float below = p[WIDTH] + fx * (p[WIDTH + 1] - p[WIDTH]);
  return above + fy * (below - above);
}

/* Sums for the fit of a copy by its original. */
typedef struct {
  double n, c, o, cc, oo, co;
} Sums;

void
he_lay_pick (const HePlane *original, HeLayPoints *ret_points)
{
  float *point = *ret_points;
  for (guint y = STEP / 2; y < HEIGHT; y += STEP)
    for (guint x = STEP / 2; x < WIDTH; x += STEP)
      *point++ = (*original)[y * WIDTH + x];
}

static Sums
sum_up (const HeView *view, const HePlane *copy, const HeLayPoints *original)
{
  Sums s = { 0 };
  const float *point = *original;
  for (guint y = STEP / 2; y < HEIGHT; y += STEP)
    for (guint x = STEP / 2; x < WIDTH; x += STEP, point++) {
      double px, py;
      if (!place (view, x, y, &px, &py))
        continue;
      const double c = sample (copy, px, py), o = *point;
      s.n++;
      s.c += c;
      s.o += o;
      s.cc += c * c;
      s.oo += o * o;
      s.co += c * o;
    }
  return s;
}

double
he_lay_likeness (const HeView *view, const HePlane *copy, const HeLayPoints *original)
{
  const Sums s = sum_up (view, copy, original);
  const double cc = s.cc - s.c * s.c / s.n, oo = s.oo - s.o * s.o / s.n;
  if (s.n < ENOUGH || !(cc > 0) || !(oo > 0))
    return 0;
  return (s.co - s.c * s.o / s.n) / sqrt (cc * oo);
}

/* ---- climbing ---- */

#define VALUES HE_VIEW_VALUES
/* The normal equations of the views' changes, Gauss and Newton's. */
typedef double Equations[VALUES][VALUES + 1];

/* How a point of the copy moves with each value of the view, times the picture's slope. */
static void
slopes (const HeView *view, guint x, guint y, double gx, double gy, double ret[VALUES])
{
  const double *m = view->m;
  const double u = (x + 0.5) / WIDTH - 0.5, v = (y + 0.5) / HEIGHT - 0.5;
  const double scale = 1 / (m[6] * u + m[7] * v + 1);
  const double cx = (m[0] * u + m[1] * v + m[2]) * scale;
  const double cy = (m[3] * u + m[4] * v + m[5]) * scale;
  const double across = gx * WIDTH * scale, down = gy * HEIGHT * scale;
  ret[0] = across * u;
  ret[1] = across * v;
  ret[2] = across;
  ret[3] = down * u;
  ret[4] = down * v;
  ret[5] = down;
  ret[6] = -(across * cx + down * cy) * u;
  ret[7] = -(across * cx + down * cy) * v;
}

static void
add_equations (const HeLayPair *pair, const HeView *view, Equations *equations)
{
  for (guint y = STEP / 2; y < HEIGHT; y += STEP)
    for (guint x = STEP / 2; x < WIDTH; x += STEP) {
      double px, py, d[VALUES];
      if (!place (view, x, y, &px, &py))
        continue;
      const double gx = (sample (pair->copy, px + 1, py) - sample (pair->copy, px - 1, py)) / 2;
      const double gy = (sample (pair->copy, px, py + 1) - sample (pair->copy, px, py - 1)) / 2;
      const double off = (*pair->original)[y * WIDTH + x] - sample (pair->copy, px, py);
      const double weight = fabs (off) > OUTLIER ? OUTLIER / fabs (off) : 1;
      slopes (view, x, y, gx, gy, d);
      for (guint r = 0; r < VALUES; r++) {
        for (guint c = r; c < VALUES; c++)
          (*equations)[r][c] += weight * d[r] * d[c];
        (*equations)[r][VALUES] += weight * d[r] * off;
      }
    }
}

/* FALSE when they have no solution. */
static gboolean
solve (Equations *equations, double ret_values[VALUES])
{
  double (*a)[VALUES + 1] = *equations;
  for (guint r = 0; r < VALUES; r++)
    for (guint c = 0; c < r; c++)
      a[r][c] = a[c][r];
  for (guint r = 0; r < VALUES; r++) {
    a[r][r] *= 1.001;
    if (!(a[r][r] > 1e-9))
      return FALSE;
    for (guint below = r + 1; below < VALUES; below++) {
      const double factor = a[below][r] / a[r][r];
      for (guint c = r; c <= VALUES; c++)
        a[below][c] -= factor * a[r][c];
    }
  }
  for (guint r = VALUES; r-- > 0;) {
    double value = a[r][VALUES];
    for (guint c = r + 1; c < VALUES; c++)
      value -= a[r][c] * ret_values[c];
    ret_values[r] = value / a[r][r];
  }
  return TRUE;
}

static double
likeness_of_all (const HeLayPair *pairs, guint n, const HeView *view)
{
  double total = 0;
  if (!he_view_is_sane (view))
    return -1;
  for (guint i = 0; i < n; i++) {
    HeLayPoints points;
    he_lay_pick (pairs[i].original, &points);
    total += he_lay_likeness (view, pairs[i].copy, (const HeLayPoints *)&points);
  }
  return total / n;
}

double
he_lay_climb (const HeLayPair *pairs, guint n, HeView *view)
{
  double best = likeness_of_all (pairs, n, view);
  for (guint round = 0; round < ROUNDS; round++) {
    Equations equations = { { 0 } };
    double change[VALUES], most = 0;
    for (guint i = 0; i < n; i++)
      add_equations (&pairs[i], view, &equations);
    if (!solve (&equations, change))
      break;
    HeView next = *view;
    for (guint i = 0; i < VALUES; i++) {
      next.m[i] += change[i];
      most = MAX (most, fabs (change[i]));
    }
    const double likeness = likeness_of_all (pairs, n, &next);
    if (!(likeness > best))
      break;
    best = likeness;
    *view = next;
    if (most < STILL)
      break;
  }
  return best;
}

/* ---- planes ---- */

void
he_lay_warp (const HeView *view, const HePlane *copy, const HePlane *original,
             HePlane *ret_plane)
{
  HeLayPoints points;
  he_lay_pick (original, &points);
  const Sums s = sum_up (view, copy, (const HeLayPoints *)&points);
  const double oo = s.oo - s.o * s.o / MAX (s.n, 1);
  const double gain = oo > 0 ? (s.co - s.c * s.o / s.n) / oo : 0;
  const double offset = s.n > 0 ? (s.c - gain * s.o) / s.n : 0;
  for (guint y = 0; y < HEIGHT; y++)
    for (guint x = 0; x < WIDTH; x++) {
      double px, py;
      (*ret_plane)[y * WIDTH + x]
          = place (view, x, y, &px, &py)
                ? sample (copy, px, py)
                : (float)(gain * (*original)[y * WIDTH + x] + offset);
    }
}

void
he_lay_mask (const HeView *view, HePlane *plane)
{
  double px, py;
  for (guint y = 0; y < HEIGHT; y++)
    for (guint x = 0; x < WIDTH; x++)
      if (!place (view, x, y, &px, &py))
        (*plane)[y * WIDTH + x] = 0;
}

static void
soften (const float *restrict in, float *restrict out)
{
  memset (out, 0, sizeof (HePlane));
  for (int i = -SOFT; i <= SOFT; i++)
    for (int y = SOFT; y < HEIGHT - SOFT; y++)
      for (int x = SOFT; x < WIDTH - SOFT; x++)
        out[y * WIDTH + x] += in[y * WIDTH + x + i] + in[(y + i) * WIDTH + x];
}

void
he_lay_relatives (const HePlane *original, HePlane ret_relatives[HE_PREDICT_MAX])
{
  G_STATIC_ASSERT (HE_PREDICT_MAX == 4);
  memcpy (ret_relatives[0], *original, sizeof *original);
  soften (*original, ret_relatives[1]);
  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++) {
      const float *row = *original + y * WIDTH;
      ret_relatives[2][y * WIDTH + x] = row[MIN (x + 1, WIDTH - 1)] - row[MAX (x - 1, 0)];
      ret_relatives[3][y * WIDTH + x] = (*original)[MIN (y + 1, HEIGHT - 1) * WIDTH + x]
                                        - (*original)[MAX (y - 1, 0) * WIDTH + x];
    }
}
