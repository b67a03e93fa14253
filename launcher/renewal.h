/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-anchor.h"

G_BEGIN_DECLS

/* A source that was restarted while nobody looked begins a new timeline, and by the
 * anchor that holds its segments would get numbers that were given long ago, or that are
 * far off. Whether it was is measured against the segments that were published last and
 * how long ago that was, and not against the wall clock, from which a source may drift
 * for weeks. All in ticks. */

/* How far from where it must be a source may seem to be: its segments take as long to the
 * origin as encoding takes, and less than this. Ahead it may be further, as on a machine
 * that hardly keeps up, where the wall clock bears it out. */
#define HEADEND_RENEWAL_TOLERANCE (10 * 90000)

/* How far behind that an anchor may place a source when nothing was published there: a
 * worker that waited for a source goes on where it ended, and leaves the outage out (in
 * PROGRAM-DATE-TIME it is counted). Also how far from the wall clock it may be when no
 * segments are held. The wall clock's offset is as old as the anchor, so this has room
 * for the drift of two weeks at 50 ppm; who drifts further gets a new generation, and
 * with it the right date, at a time when no number matters to anybody. */
#define HEADEND_RENEWAL_OUTAGE (60 * 90000)

typedef struct {
  guint64 wall90;
  gboolean known; /* whether segments are held, of which: */
  guint64 end90;  /* where the newest ends */
  guint64 now90;  /* and where, by its age, the source is by now; at least end90 */
  gboolean clean; /* nothing in the newest was made up */
} HeadendPublished;

/* Whether the agreed anchor does not suit the source: proposal is the node's own for the
 * PTS at hand, of generation 0 when it is the first that came, of a later one at a jump
 * (and then has the offset that goes on without a gap). If so, *ret_next is the
 * generation after the agreed one, to be proposed. */
gboolean headend_anchor_renew (const HeAnchor *proposal, const HeAnchor *agreed,
                               const HeadendPublished *published, const char *node,
                               HeAnchor *ret_next);

/* A proposal says that the source stood still, behind which the present anchor should
 * end: whether it did not, because somebody has published since what the source had
 * meanwhile.
 */
gboolean headend_anchor_went_on (const HeAnchor *proposal, const HeAnchor *present,
                                 const HeadendPublished *published, guint64 duration90);

/* How much later a places a PTS than b, of the nearest turns. */
gint64 headend_anchor_apart (const HeAnchor *a, const HeAnchor *b);

G_END_DECLS
