/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-whiten.h"

G_BEGIN_DECLS

#define HE_PREDICT_MAX 4

/* Takes from a plane what others foretell of it, in squares of the picture, each by least
 * squares. */
typedef struct {
  guint square; /* grid pixels */
  /* Shares of the energy foretold from which on a square is predicted, and predicted
   * fully. */
  double share_min, share_full;
  double ridge; /* above 1: weights are kept small where there is little to go by */
} HePrediction;

/* For a segment's plane and others near it in time. A picture that stands still is the
 * same in all, the mark is not: where it stands still, nearly nothing but the marks remain.
 * Any of the others' marks that gets in is independent of this segment's coefficients. */
extern const HePrediction he_predict_beside;
/* For a copy's frame and what is made of its original. */
extern const HePrediction he_predict_original;

/* Least squares: n rows, stride apart, of the symmetric matrix and its right side, which is used
 * up. The matrix has no zero on its diagonal. */
void he_predict_solve (double *a, guint n, guint stride, double *ret_weights);

void he_predict_subtract (HePlane *plane, const HePlane *const *others, guint n_others,
                          const HePrediction *prediction);

G_END_DECLS
