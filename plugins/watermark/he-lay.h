/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-predict.h"
#include "he-view.h"
#include "he-whiten.h"

G_BEGIN_DECLS

/* Lays a copy's pictures upon their originals, pixel by pixel. Pure. */

/* A copy's picture and its original, both levelled (he_whitener_level()), so that contrast
 * and brightness say nothing. */
typedef struct {
  const HePlane *copy, *original;
} HeLayPair;

/* Points of an original that are spread over it, for likeness. */
#define HE_LAY_STEP 4
typedef float HeLayPoints[HE_PATTERN_WIDTH / HE_LAY_STEP * (HE_PATTERN_HEIGHT / HE_LAY_STEP)];
void he_lay_pick (const HePlane *original, HeLayPoints *ret_points);

/* The correlation of an original with what the copy shows of it by a view, from -1 to 1;
 * 0 when it shows next to nothing of it. */
double he_lay_likeness (const HeView *view, const HePlane *copy, const HeLayPoints *original);

/* Climbs to the view, all eight values of it, under which the pairs are most alike, from
 * some three pixels of the grid away. Returns their mean likeness then. */
double he_lay_climb (const HeLayPair *pairs, guint n, HeView *view);

/* The copy's picture as the marked frame had it. Where the copy shows nothing, it is what
 * the original makes expect, in the copy's brightness and contrast. */
void he_lay_warp (const HeView *view, const HePlane *copy, const HePlane *original,
                  HePlane *ret_plane);
/* Empties what the copy does not show. */
void he_lay_mask (const HeView *view, HePlane *plane);

/* What an original foretells a copy by: itself, softened, and moved across and down. */
void he_lay_relatives (const HePlane *original, HePlane ret_relatives[HE_PREDICT_MAX]);

G_END_DECLS
