/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The upper tail of a sum of independent terms: term i is weights[i] with probability
 * ones[i] / 65536, else 0. What an innocent candidate scores is such a sum.
 *
 * Where that is affordable the tail is computed term by term, exact but for rounding in
 * its twelfth digit and the mass that is dropped and added again as if it lay in the
 * tail; beyond that, and for longer sums, it is Chernoff's bound. Both are upper bounds:
 * neither is ever an approximation by a normal distribution. */
typedef struct _HeTail HeTail;

/* Sums of up to 2^31 / 32768 terms. */
HeTail *he_tail_new (const gint16 *weights, const guint16 *ones, gsize n);
void he_tail_free (HeTail *tail); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeTail, he_tail_free)

/* ln P (sum >= x), or a bound above it. At most 0. Does not grow with x. */
double he_tail_ln (const HeTail *tail, gint32 x);
/* The least x from which on he_tail_ln() is below ln_p; G_MAXINT32 where none is. */
gint32 he_tail_least (const HeTail *tail, double ln_p);

double he_tail_mean (const HeTail *tail);
double he_tail_deviation (const HeTail *tail);
gboolean he_tail_is_exact (const HeTail *tail);

/* Chernoff's bound alone, for one x; no table is made. */
double he_tail_chernoff (const gint16 *weights, const guint16 *ones, gsize n, gint32 x);

G_END_DECLS
