/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "viewer-ledger.h"

#include "viewer-picture.h"

#define WRAP (G_GUINT64_CONSTANT (1) << 33)
#define SAMPLES 1024
/* Times are whole ticks, which frames need not be, and a feed has rounded them before. */
#define ROUNDING 2

void
headend_ledger_init (HeadendLedger *ledger, const HeadendLedgerRules *rules)
{
  *ledger = (HeadendLedger) { .rules = *rules };
}

guint64
headend_ledger_place (const HeadendLedger *ledger, guint64 msn, guint64 pts33)
{
  guint64 begin = msn * ledger->rules.duration90;
  gint64 ahead = (gint64)((pts33 - begin) & (WRAP - 1));
  if (ahead >= (gint64)(WRAP / 2))
    ahead -= (gint64)WRAP;
  return begin + (guint64)ahead;
}

/* n frames last d ticks. */
static void
get_pace (const HeadendLedgerRules *rules, HeadendTrack track, gint64 *n, gint64 *d)
{
  *n = track == HEADEND_TRACK_VIDEO ? rules->fps_n : rules->rate;
  *d = 90000 * (gint64)(track == HEADEND_TRACK_VIDEO ? rules->fps_d : SAMPLES);
}

/* The slot of a time, the nearest, counted from the first frame of the track. Rounded
 * from there once, so that 30000/1001 does not drift. */
static gint64
slot_of (const HeadendLedger *ledger, HeadendTrack track, guint64 pts90)
{
  gint64 ticks = (gint64)(pts90 - ledger->tracks[track].first90), n, d;
  get_pace (&ledger->rules, track, &n, &d);
  gint64 half = ticks < 0 ? -d / 2 : d / 2;
  return (ticks * n + half) / d;
}

static gboolean
is_uneven (const HeadendLedger *ledger, HeadendTrack track, gint64 ticks, gint64 slots)
{
  gint64 n, d;
  get_pace (&ledger->rules, track, &n, &d);
  return ABS (ticks * n - slots * d) > ROUNDING * n;
}

/* Counts what is between the last frame of a track and this one. FALSE: there was such a
 * slot before. */
static gboolean
take_slot (HeadendLedger *ledger, HeadendTrack track, guint64 pts90, guint64 *lost,
           guint64 *repeated)
{
  HeadendTrackLedger *own = &ledger->tracks[track];
  if (!own->begun) {
    own->begun = TRUE;
    own->first90 = own->last90 = pts90;
    own->last_slot = 0;
    return TRUE;
  }
  gint64 slot = slot_of (ledger, track, pts90);
  if (slot <= own->last_slot) {
    (*repeated)++;
    return FALSE;
  }
  *lost += (guint64)(slot - own->last_slot - 1);
  if (is_uneven (ledger, track, (gint64)(pts90 - own->last90), slot - own->last_slot))
    ledger->tally.uneven++;
  own->last_slot = slot;
  own->last90 = pts90;
  return TRUE;
}

void
headend_ledger_picture (HeadendLedger *ledger, guint64 pts90, guint32 number)
{
  HeadendTally *tally = &ledger->tally;
  tally->frames++;
  if (number == HEADEND_PICTURE_UNSEEN)
    return;
  if (!take_slot (ledger, HEADEND_TRACK_VIDEO, pts90, &tally->lost, &tally->repeated))
    return;
  gint64 slot = ledger->tracks[HEADEND_TRACK_VIDEO].last_slot;
  if (number == HEADEND_PICTURE_NONE) {
    tally->filler++;
    return;
  }
  if (!ledger->numbered) {
    ledger->numbered = TRUE;
    ledger->offset = (gint64)number - slot;
  } else if ((gint64)number - slot != ledger->offset) {
    if (number == ledger->shown) {
      tally->filler++;
      return;
    }
    tally->jumps++;
    ledger->offset = (gint64)number - slot;
  }
  ledger->shown = number;
}

void
headend_ledger_sound (HeadendLedger *ledger, guint64 pts90)
{
  HeadendTally *tally = &ledger->tally;
  tally->sounds++;
  take_slot (ledger, HEADEND_TRACK_AUDIO, pts90, &tally->sounds_lost,
             &tally->sounds_repeated);
}

void
headend_ledger_check_place (HeadendLedger *ledger, HeadendTrack track, guint64 msn,
                            guint64 pts90)
{
  guint64 begin = msn * ledger->rules.duration90;
  guint64 end = begin + ledger->rules.duration90;
  if (track == HEADEND_TRACK_AUDIO && ledger->rules.rate > 0)
    end += 90000 * SAMPLES / ledger->rules.rate;
  if (pts90 < begin || pts90 >= end)
    ledger->tally.misplaced++;
}

static gint64
begin_of (const HeadendLedger *ledger, guint64 msn)
{
  return (gint64)(msn * ledger->rules.duration90 / 9 * 100);
}

/* The player stands still where the next segment is not there when it is due. */
static void
play_on (HeadendLedger *ledger, gint64 begin, gint64 now)
{
  gint64 late = now - (ledger->play_at + begin - ledger->play_from);
  if (late <= 0 || begin <= ledger->play_from)
    return;
  ledger->tally.stalls++;
  ledger->tally.longest_stall = MAX (ledger->tally.longest_stall, late);
  ledger->play_at += late;
}

void
headend_ledger_arrived (HeadendLedger *ledger, HeadendTrack track, guint64 msn,
                        gint64 now)
{
  HeadendTally *tally = &ledger->tally;
  tally->segments++;
  if (ledger->last_arrival[track])
    tally->longest_wait = MAX (tally->longest_wait, now - ledger->last_arrival[track]);
  ledger->last_arrival[track] = now;
  ledger->last_msn[track] = msn;
  if (ledger->playing) {
    play_on (ledger, begin_of (ledger, msn), now);
  } else if (track == HEADEND_TRACK_VIDEO) {
    ledger->playing = TRUE;
    ledger->play_at = now;
    ledger->play_from = begin_of (ledger, msn);
  }
}

void
headend_ledger_finish (HeadendLedger *ledger, gint64 now)
{
  for (guint track = 0; track < HEADEND_TRACKS; track++)
    if (ledger->last_arrival[track] && ledger->playing) {
      play_on (ledger, begin_of (ledger, ledger->last_msn[track] + 1), now);
      ledger->tally.longest_wait
          = MAX (ledger->tally.longest_wait, now - ledger->last_arrival[track]);
    }
}
