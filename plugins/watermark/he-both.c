/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "he-both.h"

#define STEPS 200 /* of an integral of an even function, which takes few */
#define SAME 1e-6 /* of 1 - correlation squared: the readings are one */
#define ROUNDS 60 /* of a bisection */
#define FAR 20.0  /* where erfc() is small and its series is good */

/* With shares of this sign; 0 where none is above it. */
static double
clearest (double z, double other, double correlation)
{
  if (z > correlation * other && other > correlation * z)
    return sqrt ((z * z + other * other - 2 * correlation * z * other)
                 / (1 - correlation * correlation));
  return MAX (MAX (z, other), 0);
}

/* In the plane of two independent normal numbers the mixtures are the directions of a
 * cone and of the one across from it. What points into them is as clear as it is long,
 * with a Rayleigh distribution; what does not, by the cosine to the nearest edge less.
 * The natural logarithm. */
static double
log_chance (double z, double correlation)
{
  const double angle = acos (correlation), end = (G_PI - angle) / 2, step = end / STEPS;
  double sum = 0;
  for (guint i = 0; i < STEPS; i++) {
    const double slope = tan ((i + 0.5) * step);
    sum += exp (-z * z * slope * slope / 2);
  }
  return log ((angle + 2 * sum * step) / G_PI) - z * z / 2;
}

/* Of a standard normal number so far from 0, either way. */
static double
log_tail (double z)
{
  const double x = z * G_SQRT2 / 2;
  if (z < FAR)
    return log (erfc (x));
  return -x * x - log (x * sqrt (G_PI)) + log1p (-1 / (2 * x * x));
}

double
he_both_score (double z, double other, double correlation)
{
  if (1 - correlation * correlation < SAME)
    return z;
  const double above = clearest (z, other, correlation);
  const double below = clearest (-z, -other, correlation);
  const double most = MAX (above, below), chance = log_chance (most, correlation);
  double low = 0, high = most;
  for (guint i = 0; i < ROUNDS; i++) {
    const double middle = (low + high) / 2;
    if (log_tail (middle) > chance)
      low = middle;
    else
      high = middle;
  }
  return above > below ? low : -low;
}

double
he_both_correlation (const gint8 *weights, const gint8 *others, gsize n)
{
  double product = 0, square = 0, other = 0;
  for (gsize i = 0; i < n; i++) {
    product += weights[i] * others[i];
    square += weights[i] * weights[i];
    other += others[i] * others[i];
  }
  return square > 0 && other > 0 ? product / sqrt (square * other) : 0;
}
