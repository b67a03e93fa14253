/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-score.h"

G_BEGIN_DECLS

/* What tracing does for every candidate: one source (he-trace-kernel.c), built once for
 * each level of CPU. All levels compute the same sums. */
typedef struct {
  gsize slots;           /* a multiple of 32 */
  const guint16 *biases; /* of the slots; 0 where no position lies */
  const gint16 *weights[HE_SCORES];
} HeTraceTable;

typedef struct {
  const char *name;
  /* For each score the sum of its weights where the draw is below the bias. */
  void (*sum) (const HeTraceTable *table, const guint16 *draws,
               gint32 ret_sums[HE_SCORES]);
} HeTraceLevel;

/* The levels that this CPU can run, the best one last; there is always one. */
const HeTraceLevel *he_trace_levels (guint *ret_n);

G_END_DECLS
