/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-slots.h"
#include "he-sync.h"

G_BEGIN_DECLS

/* Better values for what a search found, on the same evidence. */

/* Start and speed, to a fraction of a slot. */
void he_refine_time (const HeSlots *slots, HeWhitener *whitener, HeSyncKeyed keyed,
                     gpointer data, HeSync *sync);

/* One segment's levelled plane and its coefficients. */
typedef struct {
  HePlane *plane;
  gint16 *pairs;
} HeRefineSegment;

/* Takes the other view where more speaks for it. */
void he_refine_choose (const HeRefineSegment *segments, guint n, const HeView *other, HeView *view);

/* The view, its perspective included. Costs seconds. */
void he_refine_view (const HeRefineSegment *segments, guint n, HeView *view);

G_END_DECLS
