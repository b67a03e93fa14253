/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Fourier transforms of sixteen signals at once, for whatever the CPU is good at. */

typedef struct {
  float re, im;
} HeComplex;

/* One number of each of the signals. */
#define HE_LANES 16
typedef struct {
  float re[HE_LANES], im[HE_LANES];
} HeLanes;

/* n numbers of each, aligned to what a CPU loads at once; freed with g_aligned_free(). */
HeLanes *he_lanes_new (guint n);

/* How to transform n numbers: passes of a few at a time, and what is turned between them. */
#define HE_FFT_PASSES 8
typedef struct {
  guint n, passes;
  guint radix[HE_FFT_PASSES]; /* 2 to 5 */
  HeComplex *turns;           /* for each pass radix - 1 for each p of its n / radix */
} HeFft;

/* n has no prime factors but 2, 3 and 5. */
HeFft *he_fft_new (guint n);
void he_fft_free (HeFft *fft); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeFft, he_fft_free)

/* The sums of data[k] exp (-2 pi i j k / n) for each j; with re and im exchanged in what is
 * given and what is got, those with the sign turned. Both are n numbers, and both are
 * changed; returns the one that the result is in. */
HeLanes *he_fft_run (const HeFft *fft, HeLanes *data, HeLanes *scratch);

G_END_DECLS
