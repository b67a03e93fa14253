/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-spectrum.h"

G_BEGIN_DECLS

/* The scores for all shifts of the marked frame at once, on a grid that is fine
 * enough for the waves of a band. Not thread-safe. */
typedef struct _HeShifts HeShifts;
HeShifts *he_shifts_new (HeBand band);
void he_shifts_free (HeShifts *shifts); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeShifts, he_shifts_free)
guint he_shifts_count (const HeShifts *shifts);

/* Added up as squares over windows: waves as he_spectrum_read() gives them for a view, pairs
 * of a seed. */
void he_shifts_reset (HeShifts *shifts);
void he_shifts_add (HeShifts *shifts, const HeComplex *waves, const gint16 *pairs);
/* The largest sum, and by how much of the frame the view shifts the picture too little,
 * from -0.5 to 0.5: see he_view_shift(). */
double he_shifts_best (HeShifts *shifts, double ret_shift[2]);

/* One window, under the pairs of HE_LANES seeds: all that scores beyond limit, of either
 * sign, is reported, in no order. */
void he_shifts_set_pairs (HeShifts *shifts, guint lane, const gint16 *pairs);
typedef void (*HeShiftsFound) (gpointer data, guint lane, const double shift[2], double score);
void he_shifts_scan (HeShifts *shifts, const HeComplex *waves, double limit,
                     HeShiftsFound found, gpointer data);

G_END_DECLS
