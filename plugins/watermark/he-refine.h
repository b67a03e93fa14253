/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-slots.h"
#include "he-sync.h"

G_BEGIN_DECLS

/* Better values for what a search found, on the same evidence. */

/* Start and speed, to a fraction of a slot. */
void he_refine_time (const HeSlots *slots, HeWhitener *whitener, HeSyncKeyed keyed,
                     gpointer data, HeSync *sync);

/* The view, by up to eight segments as they are read in the end. A search knows nothing
 * of motion, and so may have found the mark where the copy's encoder drew it to, where it
 * may say the contrary: all shifts of what was found are looked at, and the whole frame
 * and the flipped one. With views, then, better values of all eight; costs seconds. */
void he_refine_view (HeSlots *slots, HeWhitener *whitener, HeSyncKeyed keyed,
                     gpointer data, gboolean views, HeSync *sync);

G_END_DECLS
