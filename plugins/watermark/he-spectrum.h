/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-pattern.h"
#include "he-view.h"
#include "he-wave-kernel.h"
#include "he-whiten.h"

G_BEGIN_DECLS

/* The low frequencies of a copy's picture, so densely that they can be read between its
 * own waves: what a mark would be there is then known for any scale, turn and shift
 * without touching a pixel again. */

typedef struct _HeSpectrum HeSpectrum;

/* plane is levelled (he_whitener_level()). Waves that rise above those around them are
 * the picture, and are pressed down. Costs a millisecond or two. */
HeSpectrum *he_spectrum_new (const HePlane *plane);
void he_spectrum_free (HeSpectrum *spectrum); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeSpectrum, he_spectrum_free)

/* All waves of the band, or those below half its highest frequency: fewer, so that a score
 * is less than half, but which match twice as far from the right view. */
typedef enum { HE_BAND_WHOLE, HE_BAND_LOW } HeBand;
#define HE_BAND_LOW_U (HE_WAVE_MAX_U / 2)
#define HE_BAND_LOW_V (HE_WAVE_MAX_V / 2)

/* A complex number for each of he_pattern_waves(), as he_pattern_coefficients() gives them:
 * what the copy has of each of the marked frame's waves if it shows the marked frame by the
 * affine part of this view. Scaled to unit energy, so that the product with keyed
 * coefficients is a score of mean 0 and deviation 1. Waves outside the band are 0. FALSE
 * when there is nothing. */
gboolean he_spectrum_read (const HeSpectrum *spectrum, const HeView *view, HeBand band,
                           HeComplex *ret_waves);

/* The waves of a band, apart by the sign of u. Thread-safe; never freed. */
const HeWaveRun *he_band_runs (HeBand band, guint *ret_n);

/* So many of the first waves are all that are in the band; and some that are not. */
guint he_band_waves (HeBand band);

/* Of the first n. */
double he_waves_score (const HeComplex *waves, const gint16 *pairs, guint n);

G_END_DECLS
