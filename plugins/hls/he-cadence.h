/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Watches the keyframes of a stream that nobody steers: where each segment begins at the
 * first keyframe of its number, all are of one duration when the distance of the
 * keyframes divides it, whatever their phase. A stream that does not fit is told in words
 * that name what was measured and what to set. Times are 90 kHz ticks of the epoch. */
typedef struct {
  guint64 duration90;   /* of a segment */
  guint64 distances[8]; /* between keyframes in a row, the newest at n_distances - 1 */
  guint n_distances;    /* so far; the place of one is its number modulo 8 */
  gboolean has_key, has_cut;
  guint64 key90, cut90; /* the last keyframe, and the last that began a segment */
  guint8 misfits;       /* of the last 8 segments, a bit each */
  gboolean told;        /* until it fits again */
} HeCadence;

void he_cadence_init (HeCadence *cadence, guint64 duration90);

/* Something is missing here: what comes next is not measured from what was before. */
void he_cadence_gap (HeCadence *cadence);

/* Each keyframe, in order; cuts: it begins a segment. FALSE with HE_ERROR_INVALID, and
 * once until the stream fits again, when a number went by without a keyframe, or three of
 * eight segments had another duration. */
gboolean
he_cadence_keyframe (HeCadence *cadence, guint64 pts90, gboolean cuts, GError **error);

G_END_DECLS
