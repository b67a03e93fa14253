/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The mark of one segment: keyed Gaussian noise whose spectrum is flat between two radii
 * and empty elsewhere, soft-limited, on a grid that spans the whole frame whatever its
 * size. Integer arithmetic throughout, so every CPU makes the same bytes. */

#define HE_PATTERN_WIDTH 640
#define HE_PATTERN_HEIGHT 360
#define HE_PATTERN_UNIT 40  /* one standard deviation before limiting */
#define HE_PATTERN_LIMIT 80 /* largest magnitude after it */
#define HE_PATTERN_RMS 37   /* after limiting, rounded */

/* The band: periods of 28 to 100 pixels of a 1080-line frame, 9.3 to 33.3 of the grid. */
#define HE_PATTERN_PERIOD_MIN 28
#define HE_PATTERN_PERIOD_MAX 100

/* One wave of the band: u cycles over the grid's width, v over its height. Of the two
 * waves (u, v) and (-u, -v), which are the same on real data, the one with v > 0, or v =
 * 0 and u > 0, stands for both. */
typedef struct {
  gint16 u, v;
} HeWave;

#define HE_WAVE_MAX_U 68
#define HE_WAVE_MAX_V 38

/* Every wave of the band, ordered by v, then u. Thread-safe; never freed. */
const HeWave *he_pattern_waves (guint *ret_n);

/* cos and sin of 2 pi u x / HE_PATTERN_WIDTH and 2 pi v y / HE_PATTERN_HEIGHT in Q12. */
typedef struct {
  gint16 cos_x[HE_WAVE_MAX_U + 1][HE_PATTERN_WIDTH];
  gint16 sin_x[HE_WAVE_MAX_U + 1][HE_PATTERN_WIDTH];
  gint16 cos_y[HE_WAVE_MAX_V + 1][HE_PATTERN_HEIGHT];
  gint16 sin_y[HE_WAVE_MAX_V + 1][HE_PATTERN_HEIGHT];
} HeWaveTables;

const HeWaveTables *he_wave_tables (void);

/* The keyed part: one independent, near-Gaussian pair of zero mean for each wave, {re,
 * im}. The pattern before limiting is the sum over waves of re cos - im sin. seed comes
 * from he_mark_seed(). ret_pairs holds 2 * n values of deviation HE_WAVE_DEVIATION. */
#define HE_WAVE_DEVIATION 147.8
void he_pattern_coefficients (const guint8 seed[32], gint16 *ret_pairs);

/* Fills HE_PATTERN_HEIGHT rows of HE_PATTERN_WIDTH. Costs tens of milliseconds: once a
 * segment, off the streaming thread. */
void he_pattern_build (const guint8 seed[32], gint8 *ret_pattern);

/* The same with the waves of each symbol of a payload turned by its sign: signs holds
 * HE_PAYLOAD_SYMBOLS values of 1 or -1 (he_payload_encode()), or is NULL. */
void
he_pattern_build_signed (const guint8 seed[32], const gint8 *signs, gint8 *ret_pattern);

G_END_DECLS
