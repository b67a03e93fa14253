/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Two readings of one segment, of which it is not known which is the better one.
 *
 * A score is a sum of independent keyed numbers with weights that know nothing of the key. So
 * under a foreign key two scores are normal together, and correlated as their weights are. Of
 * all mixtures of the two with shares from 0 up the clearest is taken; and that a choice was
 * made is paid for: the probability under a foreign key that any mixture is so clear, in either
 * direction, is exact, and becomes that of a standard normal score again. It costs half a
 * deviation at most, where one of the readings says nothing. */

/* z and other: standard normal under a foreign key; correlation: of their weights, -1 to 1. */
double he_both_score (double z, double other, double correlation);

/* The correlation of n weights each; 0 where either are all 0. */
double he_both_correlation (const gint8 *weights, const gint8 *others, gsize n);

G_END_DECLS
