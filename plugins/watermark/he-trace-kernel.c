/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-trace-kernel.h"

#define PIECE                                                                            \
  512 /* slots whose bits stay in the fastest memory while all scores use them */

void HE_TRACE_KERNEL (const HeTraceTable *table, const guint16 *draws,
                      gint32 ret_sums[HE_SCORES]);

static inline gint32
dot (const gint16 *bits, const gint16 *weights, gsize n)
{
  gint32 sum = 0;

  for (gsize i = 0; i < n; i++)
    sum += (gint32)bits[i] * weights[i];
  return sum;
}

void
HE_TRACE_KERNEL (const HeTraceTable *table, const guint16 *draws,
                 gint32 ret_sums[HE_SCORES])
{
  gint16 bits[PIECE];

  for (guint score = 0; score < HE_SCORES; score++)
    ret_sums[score] = 0;
  for (gsize at = 0; at < table->slots; at += PIECE) {
    /* A multiple of 32, said so that no remainder is coded. */
    const gsize n = MIN (table->slots - at, PIECE) & ~(gsize)31;

    for (gsize i = 0; i < n; i++)
      bits[i] = draws[at + i] < table->biases[at + i];
    for (guint score = 0; score < HE_SCORES; score++)
      ret_sums[score] += dot (bits, table->weights[score] + at, n);
  }
}
