/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-tail.h"

#include <math.h>
#include <string.h>

#define ONE 65536.0
#define NEGLIGIBLE 1e-120 /* what is dropped at either end of the distribution */
#define MAX_WORK 4e9      /* multiplications for the exact tail: seconds */
#define GRID 192          /* of Chernoff's parameter */

struct _HeTail {
  double mean, deviation;
  gint32 least, most; /* that the sum can be */
  /* Exact: exact[x - from] = ln P (sum >= x) */
  double *exact;
  gint32 from;
  gsize n_exact;
  /* Chernoff: ln P (sum >= x) <= cumulant[i] - theta[i] * x, for every i */
  double theta[GRID], cumulant[GRID];
};

/* The cumulant generating function and its first derivative. */
static double
cumulant (const gint16 *weights, const guint16 *ones, gsize n, double theta,
          double *ret_slope)
{
  double sum = 0, slope = 0;

  for (gsize i = 0; i < n; i++) {
    double p = ones[i] / ONE, t = theta * weights[i];

    /* Whichever of the two is the larger is taken out, so that nothing overflows. */
    if (t > 0) {
      double rest = (1 - p) * exp (-t);

      sum += t + log (p + rest);
      slope += weights[i] * p / (p + rest);
    } else if (t < 0) {
      double rest = p * exp (t);

      sum += log (1 - p + rest);
      slope += weights[i] * rest / (1 - p + rest);
    } else
      slope += weights[i] * p;
  }
  *ret_slope = slope;
  return sum;
}

static void
moments (const gint16 *weights, const guint16 *ones, gsize n, double *ret_mean,
         double *ret_variance)
{
  *ret_mean = *ret_variance = 0;
  for (gsize i = 0; i < n; i++) {
    double p = ones[i] / ONE;

    *ret_mean += weights[i] * p;
    *ret_variance += (double)weights[i] * weights[i] * p * (1 - p);
  }
}

double
he_tail_chernoff (const gint16 *weights, const guint16 *ones, gsize n, gint32 x)
{
  double mean, variance, slope, low = 0, high, best = 0;

  moments (weights, ones, n, &mean, &variance);
  if (x <= mean || variance <= 0)
    return 0;
  high = (x - mean) / variance;
  while (cumulant (weights, ones, n, high, &slope) > -1e30 && slope < x && high < 50)
    high *= 2;
  /* Any parameter gives a bound, so that it need not be found to the last digit. */
  for (guint round = 0; round < 40; round++) {
    double theta = (low + high) / 2;

    best = MIN (best, cumulant (weights, ones, n, theta, &slope) - theta * x);
    if (slope < x)
      low = theta;
    else
      high = theta;
  }
  return best;
}

static void
fill_grid (HeTail *tail, const gint16 *weights, const guint16 *ones, gsize n)
{
  double slope;

  /* From a hundredth of a deviation to where even the longest sum is saturated. */
  for (guint i = 0; i < GRID; i++) {
    tail->theta[i] = 0.02 / tail->deviation * pow (1.06, i);
    tail->cumulant[i] = cumulant (weights, ones, n, tail->theta[i], &slope);
  }
}

/* What is dropped is so little that it may be counted as if it lay in the tail. */
static double
trim (double *f, gssize *low, gssize *high)
{
  double dropped = 0;

  while (*low < *high && f[*low] < NEGLIGIBLE)
    dropped += f[(*low)++];
  while (*high > *low && f[*high] < NEGLIGIBLE)
    dropped += f[(*high)--];
  return dropped;
}

static void
mix (const double *restrict in, double *restrict out, gsize len, gsize weight, double p)
{
  const double q = 1 - p;

  memset (out + len, 0, weight * sizeof *out);
  for (gsize i = 0; i < len; i++)
    out[i] = q * in[i];
  out += weight;
  for (gsize i = 0; i < len; i++)
    out[i] += p * in[i];
}

/* A negative weight is taken once and for all, and given back by the opposite bit. */
static void
fill_exact (HeTail *tail, const gint16 *weights, const guint16 *ones, gsize n)
{
  gsize span = (gsize)((gint64)tail->most - tail->least) + 1;
  g_autofree double *f = g_new0 (double, span);
  g_autofree double *g = g_new0 (double, span);
  gssize low = 0, high = 0;
  double dropped = 0, sum;

  f[0] = 1;
  for (gsize i = 0; i < n; i++) {
    gsize weight = (gsize)ABS (weights[i]);
    double p = weights[i] < 0 ? 1 - ones[i] / ONE : ones[i] / ONE;
    double *swap = f;

    if (weight == 0)
      continue;
    mix (f + low, g + low, (gsize)(high - low) + 1, weight, p);
    high += (gssize)weight;
    f = g;
    g = swap;
    dropped += trim (f, &low, &high);
  }
  tail->from = (gint32)(tail->least + low);
  tail->n_exact = (gsize)(high - low) + 1;
  tail->exact = g_new (double, tail->n_exact);
  sum = dropped;
  for (gsize i = tail->n_exact; i-- > 0;) {
    sum += f[low + (gssize)i];
    tail->exact[i] = MIN (log (sum * (1 + 1e-11)), 0);
  }
}

HeTail *
he_tail_new (const gint16 *weights, const guint16 *ones, gsize n)
{
  HeTail *tail = g_new0 (HeTail, 1);
  double variance;

  g_assert (n <= G_MAXINT32 / 32768);
  moments (weights, ones, n, &tail->mean, &variance);
  tail->deviation = sqrt (variance);
  for (gsize i = 0; i < n; i++)
    if (weights[i] < 0)
      tail->least += weights[i];
    else
      tail->most += weights[i];
  if (variance <= 0)
    return tail;
  fill_grid (tail, weights, ones, n);
  /* The distribution is held over some 23 deviations on either side, growing with the
   * root of the terms. */
  if (n * MIN (31 * tail->deviation, (double)tail->most - tail->least) <= MAX_WORK)
    fill_exact (tail, weights, ones, n);
  return tail;
}

void
he_tail_free (HeTail *tail)
{
  if (tail == NULL)
    return;
  g_free (tail->exact);
  g_free (tail);
}

/* cumulant[i] - theta[i] * x has one valley along i. */
static double
chernoff (const HeTail *tail, double x)
{
  double best = 0;
  guint i = 0;

  if (x <= tail->mean)
    return 0;
  for (guint step = 64; step > 0; step /= 2)
    while (i + step < GRID
           && tail->cumulant[i + step] - tail->theta[i + step] * x
                  < tail->cumulant[i + step - 1] - tail->theta[i + step - 1] * x)
      i += step;
  best = MIN (best, tail->cumulant[i] - tail->theta[i] * x);
  return best;
}

double
he_tail_ln (const HeTail *tail, gint32 x)
{
  double bound;

  if (x <= tail->least)
    return 0;
  if (x > tail->most)
    return -INFINITY;
  bound = chernoff (tail, x);
  if (tail->exact == NULL || x <= tail->from)
    return bound;
  /* Beyond its end lies what was dropped, which its last entry holds, too. */
  return MIN (bound,
              tail->exact[MIN ((gsize)((gint64)x - tail->from), tail->n_exact - 1)]);
}

gint32
he_tail_least (const HeTail *tail, double ln_p)
{
  gint64 low = tail->least, high = (gint64)tail->most + 1;

  if (he_tail_ln (tail, tail->most) >= ln_p)
    return G_MAXINT32;
  /* ln (low) >= ln_p > ln (high) */
  if (ln_p > 0)
    return tail->least;
  while (high - low > 1) {
    gint64 middle = (low + high) / 2;

    if (he_tail_ln (tail, (gint32)middle) < ln_p)
      high = middle;
    else
      low = middle;
  }
  return (gint32)high;
}

double
he_tail_mean (const HeTail *tail)
{
  return tail->mean;
}

double
he_tail_deviation (const HeTail *tail)
{
  return tail->deviation;
}

gboolean
he_tail_is_exact (const HeTail *tail)
{
  return tail->exact != NULL;
}
