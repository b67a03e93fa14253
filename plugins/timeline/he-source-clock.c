/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-source-clock.h"

#define HALF_WRAP ((gint64)(HE_PTS_WRAP / 2))
/* Wall clocks of nodes see a jump at slightly different times; a correction below this is
 * their jitter, and leaves PROGRAM-DATE-TIME as it was on all of them. */
#define WALL_JITTER ((gint64)HE_TICKS_PER_SECOND)
#define LATE_MAX (60 * (gint64)HE_TICKS_PER_SECOND)

static gint64
difference (guint64 a, guint64 b)
{
  return (gint64)(a - b);
}

/* Modulo 2^33, into [-2^32, 2^32). */
static gint64
fold (gint64 ticks)
{
  gint64 turn = ticks & (gint64)(HE_PTS_WRAP - 1);

  return turn >= HALF_WRAP ? turn - (gint64)HE_PTS_WRAP : turn;
}

gboolean
he_source_clock_follows (guint64 dts33, guint64 next33)
{
  gint64 step = fold (difference (next33, dts33));

  return step >= -(gint64)HE_CLOCK_SMALL_STEP && step <= (gint64)HE_CLOCK_MAX_STEP;
}

static gboolean
is_small (gint64 step)
{
  return ABS (step) <= (gint64)HE_CLOCK_SMALL_STEP;
}

/* What we read late, because we stood still, did not come late: a unit comes one step
 * after the one before it, at most a thousandth more, as clocks drift. A wall clock that
 * is further off was set. */
static guint64
came_at (const HeClockStream *stream, gint64 step, guint64 wall90)
{
  guint64 due90 = stream->wall90 + (guint64)(step + step / 1000 + 1);
  gint64 late = difference (wall90, due90);

  return late > 0 && late <= LATE_MAX ? due90 : wall90;
}

/* Whether so much time went by on the wall clock too, since the last unit came, as far as
 * we know: who stood still read it late, but one of a source that stalled did come late.
 */
static gboolean
is_outage (gint64 step, guint64 wall90, guint64 since_wall90, guint64 since_read90)
{
  return step > 0
         && (ABS (step - difference (wall90, since_wall90)) <= (gint64)HE_CLOCK_MAX_STEP
             || ABS (step - difference (wall90, since_read90))
                    <= (gint64)HE_CLOCK_MAX_STEP);
}

static gboolean
fits_previous (const HeSourceClock *clock, const HeClockStream *stream, guint64 dts33,
               guint64 wall90)
{
  if (!clock->has_previous || !stream->known
      || stream->generation != clock->previous.generation
      || difference (clock->reference90, clock->jump90) > (gint64)HE_CLOCK_MAX_STEP
      || clock->jump90 == 0)
    return FALSE;
  return is_small (difference (
      he_anchor_epoch (&clock->previous, dts33, stream->dts90, wall90), stream->dts90));
}

static gboolean
is_behind (const HeSourceClock *clock, guint64 epoch90)
{
  return difference (clock->made90, epoch90) > (gint64)HE_CLOCK_SMALL_STEP;
}

/* What was held up comes faster than it was made. By the silence alone: a wall clock may
 * be set meanwhile. */
static gboolean
has_paused (const HeSourceClock *clock, guint64 epoch90)
{
  gint64 elapsed = difference (clock->silent90, clock->behind_silent90);

  return clock->behind90 != 0 && is_behind (clock, epoch90)
         && elapsed >= (gint64)HE_CLOCK_PAUSE
         && difference (epoch90, clock->behind90) < elapsed + elapsed / 4;
}

static HeClockVerdict
judge_step (const HeSourceClock *clock, const HeClockStream *stream, guint64 epoch90,
            guint64 wall90)
{
  gint64 apart = difference (epoch90, clock->reference90);

  if (!stream->known || stream->generation != clock->anchor.generation) {
    if (ABS (apart) <= (gint64)HE_CLOCK_MAX_STEP)
      return HE_CLOCK_FITS;
    return is_outage (apart, wall90, clock->reference_wall90, clock->reference_read90)
               ? HE_CLOCK_HOLE
               : HE_CLOCK_JUMP;
  }

  gint64 step = difference (epoch90, stream->dts90);
  if (is_small (step))
    return HE_CLOCK_FITS;
  if (step > 0
      && (step <= (gint64)HE_CLOCK_MAX_STEP || ABS (apart) <= (gint64)HE_CLOCK_MAX_STEP
          || is_outage (step, wall90, stream->wall90, stream->read90)))
    return HE_CLOCK_HOLE;
  return HE_CLOCK_JUMP;
}

HeClockVerdict
he_source_clock_judge (const HeSourceClock *clock, guint number, guint64 dts33,
                       guint64 wall90)
{
  const HeClockStream *stream = &clock->streams[number];

  if (!clock->anchored || clock->reference90 == 0)
    return HE_CLOCK_FIRST;
  if (fits_previous (clock, stream, dts33, wall90))
    return HE_CLOCK_FITS_PREVIOUS;

  guint64 epoch90 = he_anchor_epoch (&clock->anchor, dts33, clock->reference90, wall90);
  HeClockVerdict verdict = judge_step (clock, stream, epoch90, wall90);
  return verdict == HE_CLOCK_FITS && has_paused (clock, epoch90) ? HE_CLOCK_JUMP
                                                                 : verdict;
}

/* Whether the timeline may have gone on behind what we saw of it. */
static gboolean
has_missed (const HeClockStream *stream, guint64 expected90, guint64 next90,
            guint64 wall90)
{
  return !stream->known || expected90 != next90
         || difference (wall90, stream->wall90)
                > (gint64)(HE_CLOCK_SMALL_STEP + stream->step90);
}

void
he_source_clock_propose (HeSourceClock *clock, guint number, guint64 dts33,
                         guint64 wall90, const char *node, HeAnchor *ret_anchor)
{
  const HeClockStream *stream = &clock->streams[number];
  HeAnchor next = clock->anchor;

  if (!clock->anchored) {
    he_anchor_propose (dts33, wall90, node, ret_anchor);
    return;
  }

  guint64 from90 = stream->known ? stream->dts90 : clock->reference90;
  guint64 step90 = stream->known ? stream->step90 : 0;
  guint64 expected90 = from90 + step90;
  if (expected90 < clock->filled90) /* in whole steps, so that pictures keep their grid */
    expected90 = step90 == 0
                     ? clock->filled90
                     : from90 + (clock->filled90 - from90 + step90 - 1) / step90 * step90;
  guint64 now90 = he_anchor_epoch (&clock->anchor, dts33, clock->reference90, wall90);
  gint64 wall_offset90 = CLAMP (difference (wall90, expected90), -(gint64)HE_PTS_WRAP,
                                (gint64)HE_PTS_WRAP);

  /* One that begins another timeline while it is behind is a jump like any other. */
  clock->paused = has_paused (clock, now90)
                  && judge_step (clock, stream, now90, wall90) == HE_CLOCK_FITS;
  next.generation++;
  next.end = clock->paused ? HE_ANCHOR_END_PAUSED
             : has_missed (stream, expected90, from90 + step90, wall90)
                 ? HE_ANCHOR_END_MISSED
                 : HE_ANCHOR_END_SEEN;
  next.offset90 = fold (clock->anchor.offset90 + difference (expected90, now90));
  if (ABS (wall_offset90 - next.wall_offset90) > WALL_JITTER)
    next.wall_offset90 = wall_offset90;
  g_strlcpy (next.node, node, sizeof next.node);
  *ret_anchor = next;
}

void
he_source_clock_silence (HeSourceClock *clock, guint64 elapsed90, guint64 waited90)
{
  clock->filled90 = clock->ahead90 + elapsed90;
  clock->made90 = clock->filled90 - MIN (waited90, elapsed90);
  clock->silent90 = elapsed90;
}

void
he_source_clock_go_on (HeSourceClock *clock)
{
  clock->made90 = clock->behind90 = 0;
  clock->paused = FALSE;
  clock->ahead90 = clock->reference90;
}

void
he_source_clock_adopt (HeSourceClock *clock, const HeAnchor *anchor)
{
  /* Behind a pause all that comes is of the new one, though it looks like the old. */
  clock->has_previous = clock->anchored && !clock->paused;
  clock->made90 = clock->behind90 = 0;
  clock->paused = FALSE;
  clock->previous = clock->anchor;
  clock->jump90 = 0;
  clock->anchor = *anchor;
  clock->anchored = TRUE;
}

static void
follow (HeSourceClock *clock, guint64 dts90)
{
  if (clock->made90 == 0 || !is_behind (clock, dts90)) {
    clock->ahead90 = dts90;
    clock->behind90 = 0;
  } else if (clock->behind90 == 0) {
    clock->behind90 = dts90;
    clock->behind_silent90 = clock->silent90;
  }
}

guint
he_source_clock_place (HeSourceClock *clock, guint number, gboolean previous,
                       guint64 pts33, guint64 dts33, guint64 wall90, guint64 *ret_pts90,
                       guint64 *ret_dts90)
{
  HeClockStream *stream = &clock->streams[number];
  const HeAnchor *anchor = previous ? &clock->previous : &clock->anchor;
  guint64 dts90 = he_anchor_epoch (anchor, dts33,
                                   previous ? stream->dts90 : clock->reference90, wall90);
  gint64 step = difference (dts90, stream->dts90);
  const guint64 read90 = wall90;

  if (stream->known && stream->generation == anchor->generation && step > 0
      && is_small (step)) {
    stream->step90 = (guint64)step;
    wall90 = came_at (stream, step, wall90);
  }
  stream->known = TRUE;
  stream->generation = anchor->generation;
  stream->dts90 = dts90;
  stream->wall90 = wall90;
  stream->read90 = read90;
  if (!previous) {
    if (clock->jump90 == 0)
      clock->jump90 = dts90;
    follow (clock, dts90);
    clock->reference90 = dts90;
    clock->reference_wall90 = wall90;
    clock->reference_read90 = read90;
  }
  *ret_dts90 = dts90;
  *ret_pts90 = dts90 + (guint64)fold (difference (pts33, dts33));
  return anchor->generation;
}
