/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-score.h"

#include <math.h>

/* The share of symbols that need not be any colluder's: misread, or cut in from
 * elsewhere. Without it one such symbol would clear the leaker. */
#define STRAYS 0.01
#define MAX_ARGUMENT 8.0 /* of a normal probability that a double still tells from 1 */

static const struct {
  const char *name;
  guint colluders;
} scores[HE_SCORES] = {
  [HE_SCORE_SYMMETRIC] = { "symmetric", 0 }, [HE_SCORE_ONE] = { "llr-1", 1 },
  [HE_SCORE_TWO] = { "llr-2", 2 },           [HE_SCORE_THREE] = { "llr-3", 3 },
  [HE_SCORE_FIVE] = { "llr-5", 5 },          [HE_SCORE_NINE] = { "llr-9", 9 },
};

const char *
he_score_name (HeScore score)
{
  g_assert ((guint)score < HE_SCORES);
  return scores[score].name;
}

double
he_score_trust (const HeScored *symbols, gsize n)
{
  double square = 0;

  for (gsize i = 0; i < n; i++)
    square += symbols[i].z * symbols[i].z / (double)n;
  return square > 1 ? sqrt ((square - 1) / square) : 0;
}

/* How likely the symbol is b rather than a, before anything else is known. */
static double
likelihood_of_b (double z, double trust)
{
  double x = CLAMP (trust * z, -MAX_ARGUMENT, MAX_ARGUMENT);

  return 0.5 * erfc (-x / G_SQRT2);
}

/* The likelihoods of a symbol if the candidate, one of so many colluders, had b or a
 * there, over its likelihood if he was none of them. */
static void
ratios (guint colluders, const HeScored *symbol, double trust, double *ret_b,
        double *ret_a)
{
  double p = symbol->bias / 65536.0, share = (1 - STRAYS) / colluders;
  double b = likelihood_of_b (symbol->z, trust), a = 1 - b;
  double if_b = share + (1 - share) * p, if_a = (1 - share) * p;
  double any = p * b + (1 - p) * a;

  *ret_b = (if_b * b + (1 - if_b) * a) / any;
  *ret_a = (if_a * b + (1 - if_a) * a) / any;
}

static double
weight_of (HeScore score, const HeScored *symbol, double trust)
{
  double b, a;

  if (scores[score].colluders == 0) {
    double p = symbol->bias / 65536.0;

    return (2 * likelihood_of_b (symbol->z, trust) - 1) / sqrt (p * (1 - p));
  }
  ratios (scores[score].colluders, symbol, trust, &b, &a);
  return log (b / a);
}

void
he_score_weights (HeScore score, const HeScored *symbols, gsize n, double trust,
                  gint16 *ret_weights)
{
  g_autofree double *exact = g_new (double, n);
  double most = 0;

  for (gsize i = 0; i < n; i++) {
    exact[i] = weight_of (score, &symbols[i], trust);
    most = MAX (most, fabs (exact[i]));
  }
  for (gsize i = 0; i < n; i++)
    ret_weights[i] = most > 0 ? (gint16)lrint (exact[i] / most * HE_SCORE_MOST) : 0;
}

void
he_score_evidence (guint colluders, const HeScored *symbols, gsize n, double trust,
                   double *ret_mean, double *ret_variance)
{
  double mean = 0, square = 0;

  for (gsize i = 0; i < n; i++) {
    double p = symbols[i].bias / 65536.0, b, a;

    ratios (colluders, &symbols[i], trust, &b, &a);
    mean += p * b * log (b) + (1 - p) * a * log (a);
    square += p * b * log (b) * log (b) + (1 - p) * a * log (a) * log (a);
  }
  *ret_mean = n > 0 ? mean / (double)n : 0;
  *ret_variance = n > 0 ? square / (double)n - *ret_mean * *ret_mean : 0;
}
