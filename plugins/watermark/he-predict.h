/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-whiten.h"

G_BEGIN_DECLS

#define HE_PREDICT_MAX 4

/* Takes from a segment's plane what planes beside it in time foretell of it. A picture
 * that stands still is the same in all, the mark is not: where it stands still, nearly
 * nothing but the marks remain. Done in squares of the picture, each by least squares,
 * and only where they foretell a good part. Any of the others' marks that gets in is
 * independent of this segment's coefficients. */
void he_predict_subtract (HePlane *plane, const HePlane *const *others, guint n_others);

G_END_DECLS
