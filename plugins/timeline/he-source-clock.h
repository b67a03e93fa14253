/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "he-anchor.h"
#include "he-epoch.h"

G_BEGIN_DECLS

/* Places the timestamps of all streams of a program on the epoch, against one reference,
 * and tells when the source began a new timeline.
 *
 * A stream's decoding times grow in small steps. A step of up to HE_CLOCK_SMALL_STEP
 * either way fits as it is. A longer one forward, up to HE_CLOCK_MAX_STEP, is a hole in
 * the source's timeline, and so is any that lasted as long on this machine's clock (to
 * within HE_CLOCK_MAX_STEP): the feed was away, and its timeline went on. Anything else
 * is a jump, which starts the next generation, with the offset that makes decoding times
 * of the stream that jumped first go on with the step that they had. The proposal follows
 * from the feed alone, so nodes that received the same packets make the same. */

/* A source that stood still may go on where it was, while the silence was filled. What
 * comes then is behind the filler, and is dropped there: a lag of up to
 * HE_CLOCK_SMALL_STEP is caught up so. A source that is further behind, for
 * HE_CLOCK_PAUSE, and does not come nearer, has paused: that is a jump, too. One that
 * does come nearer was held up on its way. */

#define HE_CLOCK_SMALL_STEP (1 * HE_TICKS_PER_SECOND)
#define HE_CLOCK_MAX_STEP (10 * HE_TICKS_PER_SECOND)
#define HE_CLOCK_PAUSE (4 * HE_TICKS_PER_SECOND)
#define HE_CLOCK_MAX_STREAMS 16

typedef enum {
  HE_CLOCK_FITS,
  HE_CLOCK_FITS_PREVIOUS, /* a late unit of the timeline before the last jump */
  /* The next unit of the stream should confirm these, so that one wrong timestamp
   * neither starts a generation nor moves the reference. */
  HE_CLOCK_HOLE,
  HE_CLOCK_JUMP,
  HE_CLOCK_FIRST, /* nothing was placed yet */
} HeClockVerdict;

typedef struct {
  gboolean known;
  guint generation;
  guint64 dts90;  /* epoch, of the last unit placed */
  guint64 step90; /* from the one before; 0: unknown */
  guint64 wall90; /* when it came, had we read it at once */
  guint64 read90; /* when we read it */
} HeClockStream;

/* Zero-initialise. All wall times are the wall clock in ticks. */
typedef struct {
  gboolean anchored;
  HeAnchor anchor;
  gboolean has_previous;
  HeAnchor previous;   /* of the generation before */
  guint64 jump90;      /* where the anchor began; 0: nothing was placed by it yet */
  guint64 reference90; /* epoch time of the last unit placed, of any stream */
  guint64 reference_wall90, reference_read90;
  guint64 ahead90;         /* the same, of the last that is not behind what was made up */
  guint64 silent90;        /* for so long since then, as was told last */
  guint64 filled90;        /* up to there, in epoch time, nothing came ... */
  guint64 made90;          /* ... and up to there something was made up; 0: nothing */
  guint64 behind90;        /* the first unit since then that is behind it; 0: none */
  guint64 behind_silent90; /* silent90 when it came */
  gboolean paused;         /* the last proposal says so */
  HeClockStream streams[HE_CLOCK_MAX_STREAMS];
} HeSourceClock;

/* stream < HE_CLOCK_MAX_STREAMS; dts33 in 0 .. 2^33-1; wall90 is the wall clock in ticks
 * since the epoch when the unit came. */
HeClockVerdict he_source_clock_judge (const HeSourceClock *clock, guint stream,
                                      guint64 dts33, guint64 wall90);

/* Nothing has come for so long, by a clock that nobody sets, that is ahead of what was
 * made up: a generation that begins next begins there. Whoever fills the silence stands
 * waited90 behind it. */
void he_source_clock_silence (HeSourceClock *clock, guint64 elapsed90, guint64 waited90);

/* Whether a unit at next33 may follow one at dts33 in one timeline. */
gboolean he_source_clock_follows (guint64 dts33, guint64 next33);

/* The anchor to propose for a unit judged HE_CLOCK_JUMP, or HE_CLOCK_FIRST when there is
 * no anchor yet. */
void he_source_clock_propose (HeSourceClock *clock, guint stream, guint64 dts33,
                              guint64 wall90, const char *node, HeAnchor *ret_anchor);

/* The source has not paused, as others know who have what we missed: it is late for us.
 */
void he_source_clock_go_on (HeSourceClock *clock);

/* From now on this anchor holds; the one before serves late units for a while. */
void he_source_clock_adopt (HeSourceClock *clock, const HeAnchor *anchor);

/* Epoch times of a unit, and takes it as the reference of what follows. previous: by the
 * anchor before the last jump. pts33 is within HE_CLOCK_MAX_STEP of dts33. Returns the
 * generation that it belongs to. */
guint he_source_clock_place (HeSourceClock *clock, guint stream, gboolean previous,
                             guint64 pts33, guint64 dts33, guint64 wall90,
                             guint64 *ret_pts90, guint64 *ret_dts90);

G_END_DECLS
