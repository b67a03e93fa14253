/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-fft.h"
#include "he-payload.h"

G_BEGIN_DECLS

/* What is done for each view and time that is tried, made for several levels of CPU, which
 * differ in rounding only. */

/* Waves of one v whose u follow each other. */
typedef struct {
  gint16 v, u;
  guint16 n, first; /* index of the first among all waves */
} HeWaveRun;

/* Where waves are read from, between those of a spectrum. */
typedef struct {
  const HeComplex *spectrum; /* rows of 2 max_u + 1, from v = 0 and u = -max_u */
  int max_u, max_v;
  float m[4];              /* the wave (u, v) is at m[0] u + m[1] v, m[2] u + m[3] v */
  const HeComplex *turn_u; /* what it is multiplied with: turn_u[u], u of either sign, and */
  const HeComplex *turn_v; /* turn_v[v] */
} HeWaveRead;

/* What a score is made of: for each symbol of a payload, re and im. */
#define HE_SYMBOL_VALUES (2 * HE_PAYLOAD_SYMBOLS)

typedef struct {
  const char *name;
  HeLanes *(*transform) (const HeFft *fft, HeLanes *data, HeLanes *scratch);
  void (*read) (const HeWaveRead *read, const HeWaveRun *runs, guint n, HeComplex *ret_waves);
  /* Sums over n values of values * pairs and of values * values. */
  double (*score) (const float *values, const gint16 *pairs, guint n);
  double (*energy) (const float *values, guint n);
  /* The same apart, by the remainder of the index. */
  void (*symbols) (const float *values, const gint16 *pairs, guint n,
                   float ret_sums[HE_SYMBOL_VALUES], float ret_energies[HE_SYMBOL_VALUES]);
  /* ret_lanes[i] = the product of wave and the conjugate of pairs[i], re and im exchanged. */
  void (*multiply) (const HeComplex *waves, const HeLanes *pairs, guint n, HeLanes *ret_lanes);
  /* Transforms along v of two columns, which are real, at once: n numbers of a column lie apart
   * from each other; ret_lanes has height numbers. Everything has re and im exchanged. */
  void (*pair) (const HeLanes *one, const HeLanes *other, guint apart, guint n, guint height,
                HeLanes *ret_lanes);
  /* Adds up the squares of all lanes, of im and of re: those of the first column and the other. */
  void (*squares) (const HeLanes *lanes, guint n, float *one, float *other);
  /* The first with a lane beyond limit, of either sign; n where there is none. */
  guint (*beyond) (const HeLanes *lanes, guint n, float limit);
} HeWaveLevel;

/* From the simplest to the best that this CPU has. */
const HeWaveLevel *he_wave_levels (guint *ret_n);
/* The best. */
const HeWaveLevel *he_wave_level (void);

G_END_DECLS
