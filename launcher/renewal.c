/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "renewal.h"

#include "he-epoch.h"

#define HALF_WRAP ((gint64)(HE_PTS_WRAP / 2))

/* Modulo 2^33, into [-2^32, 2^32). */
static gint64
fold (guint64 ticks)
{
  gint64 turn = (gint64)(ticks & (HE_PTS_WRAP - 1));
  return turn >= HALF_WRAP ? turn - (gint64)HE_PTS_WRAP : turn;
}

gint64
headend_anchor_apart (const HeAnchor *a, const HeAnchor *b)
{
  return fold ((guint64)a->offset90 - (guint64)b->offset90);
}

static gboolean
is_within (gint64 ticks, gint64 behind, gint64 ahead)
{
  return ticks >= -behind && ticks <= ahead;
}

static gboolean
suits (guint64 epoch90, const HeAnchor *agreed, const HeadendPublished *published)
{
  gint64 behind = HEADEND_RENEWAL_TOLERANCE;
  guint64 by_wall90 = published->wall90 - (guint64)agreed->wall_offset90;
  gboolean by_wall = is_within ((gint64)(epoch90 - by_wall90), HEADEND_RENEWAL_OUTAGE,
                                HEADEND_RENEWAL_OUTAGE);
  if (!published->known)
    return by_wall;
  if (epoch90 >= published->end90)
    behind = HEADEND_RENEWAL_OUTAGE;
  /* Behind a machine that hardly keeps up, segments come late, and say that the source is
   * ahead of itself; no number is given twice for that. */
  if (by_wall && epoch90 >= published->now90)
    return TRUE;
  return is_within ((gint64)(epoch90 - published->now90), behind,
                    HEADEND_RENEWAL_TOLERANCE);
}

/* Dates stay as they are when the wall clock says the same as the segments; it is ahead
 * of them by their way to the origin. */
static guint64
begin (const HeadendPublished *published, HeAnchor *next)
{
  guint64 at90 = published->wall90 - (guint64)next->wall_offset90;
  if (!published->known
      || is_within ((gint64)(at90 - published->now90), 0, HEADEND_RENEWAL_TOLERANCE))
    return at90;
  next->wall_offset90 = CLAMP ((gint64)(published->wall90 - published->now90),
                               -(gint64)HE_PTS_WRAP, (gint64)HE_PTS_WRAP);
  return published->now90;
}

gboolean
headend_anchor_went_on (const HeAnchor *proposal, const HeAnchor *present,
                        const HeadendPublished *published, guint64 duration90)
{
  gint64 lag90 = headend_anchor_apart (proposal, present);
  /* Since the newest segment began. */
  gint64 since90 = (gint64)(published->now90 - published->end90 + duration90);
  return proposal->end == HE_ANCHOR_END_PAUSED
         && present->generation + 1 == proposal->generation && published->known
         && published->clean && since90 <= lag90;
}

gboolean
headend_anchor_renew (const HeAnchor *proposal, const HeAnchor *agreed,
                      const HeadendPublished *published, const char *node,
                      HeAnchor *ret_next)
{
  HeAnchor next = *agreed;
  if (proposal->generation > 0) {
    if (is_within (headend_anchor_apart (agreed, proposal), HEADEND_RENEWAL_TOLERANCE,
                   HEADEND_RENEWAL_OUTAGE))
      return FALSE;
    next = *proposal;
  } else {
    /* The first generation has no offset, so this is the source's own time by now. */
    guint64 source90 = published->wall90 - (guint64)proposal->wall_offset90;
    guint64 epoch90
        = he_anchor_epoch (agreed, source90 & (HE_PTS_WRAP - 1),
                           published->known ? published->now90 : 0, published->wall90);
    if (suits (epoch90, agreed, published))
      return FALSE;
    next.offset90 = fold (begin (published, &next) - source90);
    next.end = HE_ANCHOR_END_MISSED;
  }
  next.generation = agreed->generation + 1;
  g_strlcpy (next.node, node, sizeof next.node);
  *ret_next = next;
  return TRUE;
}
