/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <math.h>

#include "he-detect.h"

/* What a detector says to keys that did not make the mark. */

typedef struct {
  double mean, deviation, largest;
} ForeignKeys;

static inline void
seed_of (guint32 number, guint8 ret_seed[32])
{
  for (guint i = 0; i < 32; i++)
    ret_seed[i] = (guint8)(number >> (8 * (i % 4))) ^ (guint8)(i * 11);
}

/* Of the seeds numbered from 1000 on; name: of what is scored. */
static inline ForeignKeys
foreign_keys_score (HeDetector *detector, const char *name)
{
  const guint keys = 400;
  double sum = 0, squares = 0;
  ForeignKeys scored = { 0 };
  guint8 seed[32];
  for (guint32 key = 0; key < keys; key++) {
    seed_of (1000 + key, seed);
    const double z = he_detector_score (detector, seed);
    sum += z;
    squares += z * z;
    scored.largest = MAX (scored.largest, fabs (z));
  }
  scored.mean = sum / keys;
  scored.deviation = sqrt (squares / keys - scored.mean * scored.mean);
  g_test_message ("%-8s mean %+.3f, deviation %.3f, largest %.2f of foreign keys", name, scored.mean,
                  scored.deviation, scored.largest);
  return scored;
}
