/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The bank of scores that candidates are measured with: the symmetric score of Tardos'
 * codes (Škorić et al.), which asks nothing of what the colluders do, and log-likelihood
 * ratios for so many colluders who each give a segment in turn (Oosterwijk, Škorić and
 * Doumen; Laarhoven), with one in a hundred symbols allowed to be somebody else's. A
 * score is a sum of one weight for each position where the candidate had b. */
typedef enum {
  HE_SCORE_SYMMETRIC,
  HE_SCORE_ONE,
  HE_SCORE_TWO,
  HE_SCORE_THREE,
  HE_SCORE_FIVE,
  HE_SCORE_NINE,
  HE_SCORES,
} HeScore;

const char *he_score_name (HeScore score); /* "symmetric", "llr-1", … */

#define HE_SCORE_MOST 255 /* of a weight */

/* One symbol of a copy: how much it speaks for b (positive) or a, in deviations of what a
 * wrong key gives; and the bias of its position in 1/65536. */
typedef struct {
  double z;
  guint bias;
} HeScored;

/* How far the symbols are to be believed: from 0 (they are what a wrong key gives) up
 * to 1. The strength of a mark differs from segment to segment; taken for half-normal,
 * its scale follows from the mean square of the symbols. */
double he_score_trust (const HeScored *symbols, gsize n);

/* The weight of each symbol, as integers of at most HE_SCORE_MOST, so that what an
 * innocent candidate scores has a distribution that can be computed. Whatever the
 * weights, that is what the p-value is of; they only decide how soon a guilty one stands
 * out. */
void he_score_weights (HeScore score, const HeScored *symbols, gsize n, double trust,
                       gint16 *ret_weights);

/* What one symbol of such a copy says of somebody who made it, being one of so many: the
 * mean of his log-likelihood ratio, in nats, and its variance. */
void he_score_evidence (guint colluders, const HeScored *symbols, gsize n, double trust,
                        double *ret_mean, double *ret_variance);

G_END_DECLS
