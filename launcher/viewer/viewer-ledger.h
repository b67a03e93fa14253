/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a viewer of a numbered feed (viewer-picture.h) got, judged frame by frame: pure,
 * so that times come from whoever calls. Each frame has a slot, which follows from its
 * time; a good viewing has each slot once, in order, and in it the picture that the feed
 * put there. Of sound each slot is one AAC frame of 1024 samples.
 *
 * A slot that shows the picture of the slot before it, or none that says a number, holds
 * filler. A picture that belongs elsewhere is a jump of the feed (or of a node that has
 * put it elsewhere): counted, and what follows is measured against it. */
typedef struct {
  guint64 segments; /* of pictures and of sound */
  guint64 frames, lost, repeated, filler, jumps;
  guint64 sounds, sounds_lost, sounds_repeated; /* AAC frames */
  guint64 misplaced; /* frames outside of their segment's time */
  guint64 uneven;    /* frames that are not whole frames behind the one before */
  guint64 broken;    /* continuity counters that do not go on, TS that cannot be read */
  guint64 undecoded; /* pictures that went into the decoder and did not come out */
  guint64 retries;   /* requests that had to be made again */
  guint64 stalls;    /* times that a player would have stood still */
  gint64 longest_stall, longest_wait; /* microseconds; see headend_ledger_arrived() */
} HeadendTally;

typedef struct {
  guint fps_n, fps_d; /* of the rendition of pictures */
  guint rate;         /* of the sound, Hz; 0: none */
  guint64 duration90; /* of a segment */
} HeadendLedgerRules;

typedef enum { HEADEND_TRACK_VIDEO, HEADEND_TRACK_AUDIO, HEADEND_TRACKS } HeadendTrack;

typedef struct {
  gboolean begun;
  guint64 first90, last90;
  gint64 last_slot;
} HeadendTrackLedger;

typedef struct {
  HeadendLedgerRules rules;
  HeadendTally tally;
  HeadendTrackLedger tracks[HEADEND_TRACKS];
  gint64 offset; /* number of a picture minus its slot */
  guint32 shown; /* the last number */
  gboolean numbered;
  gboolean playing;          /* the player that is imagined */
  gint64 play_at, play_from; /* when (us) which media time (us) was shown */
  gint64 last_arrival[HEADEND_TRACKS];
  guint64 last_msn[HEADEND_TRACKS];
} HeadendLedger;

void headend_ledger_init (HeadendLedger *ledger, const HeadendLedgerRules *rules);

/* The absolute time of a 33-bit timestamp found in segment msn: the one nearest to where
 * the segment begins. */
guint64 headend_ledger_place (const HeadendLedger *ledger, guint64 msn, guint64 pts33);

/* A segment came whole, at now (monotonic microseconds). A player is imagined that begins
 * to play with the first segment of pictures and stands still whenever the next is not
 * there when it is due; longest_wait is the longest time between two segments of a track,
 * however much was buffered. */
void headend_ledger_arrived (HeadendLedger *ledger, HeadendTrack track, guint64 msn,
                             gint64 now);

/* Nothing more comes, at now: what is overdue by then is a stall, too. */
void headend_ledger_finish (HeadendLedger *ledger, gint64 now);

/* A decoded picture of time pts90; number as headend_picture_read() says. */
void headend_ledger_picture (HeadendLedger *ledger, guint64 pts90, guint32 number);
/* An AAC frame. */
void headend_ledger_sound (HeadendLedger *ledger, guint64 pts90);
/* A frame of a segment, in whose time it has to lie (sound may begin a frame late). */
void headend_ledger_check_place (HeadendLedger *ledger, HeadendTrack track, guint64 msn,
                                 guint64 pts90);

G_END_DECLS
