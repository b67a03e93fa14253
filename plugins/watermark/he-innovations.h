/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-view.h"
#include "he-whiten.h"

G_BEGIN_DECLS

/* What is new in each picture of a copy.
 *
 * An encoder makes a picture of those before it, drawn along with what moves, and adds
 * little to that. So the mark that a place once got goes along with the picture, away
 * from where it belongs, and the encoder's own errors do so as well. Here each picture is
 * laid upon the others of its shot, and what all before it foretell of it by least
 * squares is taken away: its innovation, in which the mark is at its own place, among
 * errors that were not seen before. The first picture after a cut is all new, and has
 * more of the mark than any other. */
typedef struct _HeInnovations HeInnovations;

HeInnovations *he_innovations_new (void);
void he_innovations_free (HeInnovations *innovations); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeInnovations, he_innovations_free)

/* Of one shot; of more, the others count as after a cut. */
#define HE_INNOVATIONS_MAX 32

/* The next picture, on the pattern's grid, in its band and without what its original
 * foretells of it. motion: where the picture before shows what is at a point of this one;
 * NULL after a cut, and for the first one. */
void he_innovations_add (HeInnovations *innovations, const HePlane *rest,
                         const HeView *motion);

/* The sum of all innovations, each levelled, since the last sum. */
void he_innovations_sum (HeInnovations *innovations, HePlane *ret_sum);

G_END_DECLS
