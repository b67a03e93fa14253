/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How whoever proposed a generation saw the timeline before it. Where it ended is known
 * exactly, or is a guess: who guesses lets others propose first. No part of the order of
 * records. */
typedef enum {
  HE_ANCHOR_END_SEEN,
  HE_ANCHOR_END_MISSED, /* something was lost, or nothing came, just before */
  HE_ANCHOR_END_PAUSED, /* the source stood still and goes on where it was, so that it is
                         * the same timeline, later */
} HeAnchorEnd;

/* The anchor: the agreed relation between the source's 33-bit PTS, epoch time and the
 * wall clock of one channel.
 *
 *   epoch time = unwrapped source PTS + offset90
 *
 * where the unwrapping picks the turn that brings epoch time nearest to
 * wall clock - wall_offset90. PROGRAM-DATE-TIME = epoch time + wall_offset90. */
typedef struct {
  guint generation;     /* counts timestamp jumps of the source, from 0 */
  gint64 offset90;      /* 0 in generation 0 */
  gint64 wall_offset90; /* wall clock - epoch time when proposed; |x| <= a wrap,
                         * in generation 0 half a wrap */
  char node[65];        /* who proposed it */
  HeAnchorEnd end;
} HeAnchor;

/* A proposal from the first PTS and the wall clock (both in ticks since the epoch;
 * pts33 in 0 .. 2^33-1). Deterministic up to wall_offset90. */
void
he_anchor_propose (guint64 pts33, guint64 wall90, const char *node, HeAnchor *ret_anchor);

/* Epoch time of a PTS. reference90 is a recent epoch time, or 0 when none is known, in
 * which case wall90 places it. */
guint64 he_anchor_epoch (const HeAnchor *anchor, guint64 pts33, guint64 reference90,
                         guint64 wall90);

/* Which of two proposals holds between nodes that know nothing yet: lower generation,
 * then lower node name. <0: a, >0: b, 0: the same record. Of records that were agreed
 * already the higher generation holds instead, because its proposer has seen the timeline
 * of the lower one end; see he-anchors.h. */
int he_anchor_compare (const HeAnchor *a, const HeAnchor *b);

/* {"generation":0,"offset90":0,"wall-offset90":-12,"node":"A"}, and "end":"missed" or
 * "paused" */
char *he_anchor_to_json (const HeAnchor *anchor);
gboolean
he_anchor_from_json (const char *text, gssize len, HeAnchor *ret_anchor, GError **error);

G_END_DECLS
