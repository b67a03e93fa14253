/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-predict.h"

/* Less than these shares is what unrelated moving pictures seem to foretell of each other. */
const HePrediction he_predict_beside
    = { .square = 120, .share_min = 0.3, .share_full = 0.4, .ridge = 1.02 };
const HePrediction he_predict_original
    = { .square = 40, .share_min = 0, .share_full = 1e-6, .ridge = 1.0001 };

typedef struct {
  guint x0, x1, y0, y1;
} Square;

void
he_predict_solve (double *a, guint n, guint stride, double *ret_weights)
{
  for (guint r = 0; r < n; r++)
    for (guint below = r + 1; below < n; below++) {
      const double factor = a[below * stride + r] / a[r * stride + r];
      for (guint c = r; c <= n; c++)
        a[below * stride + c] -= factor * a[r * stride + c];
    }
  for (guint r = n; r-- > 0;) {
    double value = a[r * stride + n];
    for (guint c = r + 1; c < n; c++)
      value -= a[r * stride + c] * ret_weights[c];
    ret_weights[r] = value / a[r * stride + r];
  }
}

/* Solves the least squares of one square; ret_weights has n entries. */
static void
solve (const Square *square, const HePlane *plane, const HePlane *const *others, guint n,
       double ridge, double *ret_weights)
{
  double a[HE_PREDICT_MAX][HE_PREDICT_MAX + 1] = { { 0 } };
  for (guint y = square->y0; y < square->y1; y++)
    for (guint i = y * HE_PATTERN_WIDTH + square->x0; i < y * HE_PATTERN_WIDTH + square->x1; i++)
      for (guint r = 0; r < n; r++) {
        const double value = (*others[r])[i];
        for (guint c = r; c < n; c++)
          a[r][c] += value * (*others[c])[i];
        a[r][n] += value * (*plane)[i];
      }
  for (guint r = 0; r < n; r++) {
    for (guint c = 0; c < r; c++)
      a[r][c] = a[c][r];
    a[r][r] = a[r][r] * ridge + 1e-9;
  }
  he_predict_solve (*a, n, HE_PREDICT_MAX + 1, ret_weights);
}

static inline float
foretold (const HePlane *const *others, guint n, const double *weights, guint i)
{
  double sum = 0;
  for (guint r = 0; r < n; r++)
    sum += weights[r] * (*others[r])[i];
  return (float)sum;
}

static void
subtract_square (const Square *square, HePlane *plane, const HePlane *const *others, guint n,
                 const HePrediction *prediction)
{
  double weights[HE_PREDICT_MAX], before = 0, after = 0;
  solve (square, plane, others, n, prediction->ridge, weights);
  for (guint y = square->y0; y < square->y1; y++)
    for (guint i = y * HE_PATTERN_WIDTH + square->x0; i < y * HE_PATTERN_WIDTH + square->x1; i++) {
      const float rest = (*plane)[i] - foretold (others, n, weights, i);
      before += (*plane)[i] * (*plane)[i];
      after += rest * rest;
    }
  if (!(before > 0))
    return;
  const double share = 1 - after / before;
  const float part
      = (float)CLAMP ((share - prediction->share_min)
                           / (prediction->share_full - prediction->share_min),
                       0.0, 1.0);
  for (guint y = square->y0; part > 0 && y < square->y1; y++)
    for (guint i = y * HE_PATTERN_WIDTH + square->x0; i < y * HE_PATTERN_WIDTH + square->x1; i++)
      (*plane)[i] -= part * foretold (others, n, weights, i);
}

void
he_predict_subtract (HePlane *plane, const HePlane *const *others, guint n_others,
                     const HePrediction *prediction)
{
  const guint side = prediction->square;
  if (n_others == 0)
    return;
  for (guint y = 0; y < HE_PATTERN_HEIGHT; y += side)
    for (guint x = 0; x < HE_PATTERN_WIDTH; x += side)
      subtract_square (&(Square) { .x0 = x,
                                   .x1 = MIN (x + side, HE_PATTERN_WIDTH),
                                   .y0 = y,
                                   .y1 = MIN (y + side, HE_PATTERN_HEIGHT) },
                       plane, others, n_others, prediction);
}
