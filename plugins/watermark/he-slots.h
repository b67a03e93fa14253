/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-sync.h"
#include "he-whiten.h"

G_BEGIN_DECLS

/* The last whitened pictures of a copy, added up over short stretches of time, so that
 * they can be put together once it is known where its segments begin. */

#define HE_SLOTS_PER_SEGMENT 10
#define HE_SLOTS_MAX 170 /* 460 KB each */

/* What a slot says of some segments by a view (he_refine_time()). */
#define HE_SLOT_SPREAD 3
typedef struct {
  HeView view;
  gint64 msn; /* of the first, and those after it */
  gboolean known;
  double scores[HE_SLOT_SPREAD];
} HeSlotScores;

typedef struct {
  double begin, end; /* time since the copy's start, in segments of the copy's clock */
  guint frames;
  guint64 serial; /* of all that were pushed */
  HeSlotScores scores;
  gint16 plane[HE_PATTERN_WIDTH * HE_PATTERN_HEIGHT]; /* their mean, scaled */
} HeSlot;

typedef struct _HeSlots HeSlots;

HeSlots *he_slots_new (void);
void he_slots_free (HeSlots *slots); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeSlots, he_slots_free)
void he_slots_clear (HeSlots *slots);

/* The mean of a sum of whitened frames. The oldest slot goes when there are too many. */
void he_slots_push (HeSlots *slots, const HePlane *sum, guint frames, double begin,
                    double end);
guint he_slots_count (const HeSlots *slots);
HeSlot *he_slots_get (const HeSlots *slots, guint index); /* 0 is the oldest */

/* Adds those whose middle lies in begin..end, weighted by their frames; returns the number
 * of frames. ret_sum is set, not added to. */
guint he_slots_sum (const HeSlots *slots, double begin, double end, HePlane *ret_sum);

/* The same of what slots a little before do not foretell of each (he-motion.h), raised
 * the more the less that is. Costs some milliseconds a slot. */
guint he_slots_sum_rests (HeSlots *slots, HeWhitener *whitener, double begin, double end,
                          HePlane *ret_sum);

/* The same of a whole segment, less what the stretches before it foretell of that (he-predict.h):
 * where a picture stands still, an encoder leaves a segment's mark in what comes after. 0 where
 * too little of it is there to be worth a symbol. */
guint he_slots_sum_segment (HeSlots *slots, HeWhitener *whitener, double begin, double length,
                            HePlane *ret_sum);

/* Windows of half a segment over all slots, oldest first; returns their number. The
 * caller frees the spectra. */
guint he_slots_windows (HeSlots *slots, HeWhitener *whitener,
                        HeSyncWindow ret_windows[HE_SYNC_MAX_WINDOWS]);
/* The same of what is not foretold, as he_slots_sum_rests() has it. */
guint he_slots_rest_windows (HeSlots *slots, HeWhitener *whitener,
                             HeSyncWindow ret_windows[HE_SYNC_MAX_WINDOWS]);

G_END_DECLS
