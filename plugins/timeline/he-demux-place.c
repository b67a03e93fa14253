/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-demux-private.h"

/* Sound is given from the first picture on: before, it would play to nothing, and fill
 * the queues of whoever waits for both. It waits no longer than this, in case none comes.
 */
#define MAX_WAIT_VIDEO (15 * HE_TICKS_PER_SECOND)

void
he_demux_unit_free (gpointer data)
{
  HeDemuxUnit *unit = data;

  he_pes_free (unit->pes);
  g_free (unit);
}

static void
give (HeDemux *demux, HeDemuxTrack *stream, const HeFrame *frame)
{
  HeFrame *copy = g_memdup2 (frame, sizeof *frame);

  copy->stream = stream->number;
  copy->generation = stream->generation;
  if (stream->discont)
    copy->flags |= HE_FRAME_DISCONT;
  demux->stats.discontinuities += stream->discont && stream->started;
  demux->stats.frames++;
  stream->discont = FALSE;
  stream->started = TRUE;
  g_queue_push_tail (&demux->frames, copy);
}

void
he_demux_on_adts (const HeAdtsFrame *adts, gpointer user)
{
  HeDemuxTrack *stream = user;
  HeFrame frame = {
    .data = g_bytes_new (adts->data, adts->header.size),
    .pts90 = adts->pts90,
    .dts90 = adts->pts90,
    .duration90 = adts->duration90,
    .rate = adts->header.rate,
    .channels = adts->header.channels,
    .flags = HE_FRAME_KEY,
  };

  if (adts->pts90 < stream->demux->start90)
    return;
  stream->discont |= adts->gap;
  give (stream->demux, stream, &frame);
}

static void
give_video (HeDemux *demux, HeDemuxTrack *stream, const HePes *pes, guint64 pts90,
            guint64 dts90)
{
  gsize len;
  const guint8 *data = g_bytes_get_data (pes->data, &len);
  gboolean whole = !(pes->flags & HE_PES_DAMAGED), key;

  /* A machine that is too slow gains time by what it does not decode. */
  if (demux->flv && pes->flags & HE_PES_GAP)
    stream->entry = (HeVideoEntry) { .type = stream->info.type };
  if (!whole || stream->torn || (pes->flags & HE_PES_GAP))
    he_video_entry_tear (&stream->entry);
  stream->torn = FALSE;
  if (!he_video_entry_take (&stream->entry, data, len, whole && pes->has_pts, &key)) {
    demux->stats.skipped++;
    return;
  }
  HeFrame frame = { .pts90 = pts90, .dts90 = dts90 };
  if (key)
    frame.flags |= HE_FRAME_KEY;
  if (!whole)
    frame.flags |= HE_FRAME_DAMAGED;
  if (stream->entry.torn)
    frame.flags |= HE_FRAME_TORN;
  frame.data = g_bytes_ref (pes->data);
  give (demux, stream, &frame);
}

static gboolean
waits_for_video (const HeDemux *demux)
{
  gboolean has_video = FALSE;

  for (guint i = 0; i < demux->n_streams; i++) {
    if (demux->streams[i].info.media == HE_DEMUX_VIDEO) {
      if (demux->streams[i].started)
        return FALSE;
      has_video = TRUE;
    }
  }
  return has_video
         && (gint64)(demux->clock.reference90 - demux->first90) < (gint64)MAX_WAIT_VIDEO;
}

static void
give_unit (HeDemux *demux, HeDemuxTrack *stream, const HePes *pes, guint64 pts90,
           guint64 dts90)
{
  gboolean gap = stream->lost || (pes->flags & HE_PES_GAP);

  stream->lost = FALSE;
  stream->discont |= gap;
  demux->stats.damaged += (pes->flags & HE_PES_DAMAGED) != 0;
  if (stream->info.media == HE_DEMUX_VIDEO) {
    give_video (demux, stream, pes, pts90, dts90);
    return;
  }
  if (waits_for_video (demux))
    return;
  gsize len;
  const guint8 *data = g_bytes_get_data (pes->data, &len);
  he_adts_splitter_push (stream->adts, data, len, pts90, gap,
                         pes->flags & HE_PES_DAMAGED);
}

typedef enum {
  SETTLE_PLACE,
  SETTLE_PLACE_PREVIOUS,
  SETTLE_ASK, /* for an anchor */
  SETTLE_DROP,
  SETTLE_WAIT,
} Settle;

static gboolean
has_waited_enough (const HeDemux *demux)
{
  return demux->pending > HE_DEMUX_MAX_PENDING
         || g_queue_get_length ((GQueue *)&demux->units) > HE_DEMUX_MAX_WAITING;
}

/* What becomes of the first unit, whose time is not simply the next one. The next unit of
 * its stream decides whether its time is to be believed. */
static Settle
confirm (HeDemux *demux, const HeDemuxUnit *unit, HeClockVerdict verdict)
{
  gboolean ask = verdict == HE_CLOCK_JUMP || !demux->clock.anchored;
  Settle accepted = ask ? SETTLE_ASK : SETTLE_PLACE;

  for (GList *at = demux->units.head->next; at; at = at->next) {
    const HeDemuxUnit *next = at->data;

    if (next->stream == unit->stream && next->pes->has_pts)
      return he_source_clock_follows (unit->pes->dts33, next->pes->dts33) ? accepted
                                                                          : SETTLE_DROP;
  }
  if (demux->finished)
    return verdict == HE_CLOCK_JUMP ? SETTLE_DROP : accepted;
  return has_waited_enough (demux) ? SETTLE_DROP : SETTLE_WAIT;
}

static Settle
settle (HeDemux *demux, const HeDemuxUnit *unit)
{
  HeDemuxTrack *stream = &demux->streams[unit->stream];
  HeClockVerdict verdict;
  Settle decision;

  if (demux->decided)
    return SETTLE_PLACE;
  verdict = he_source_clock_judge (&demux->clock, unit->stream, unit->pes->dts33,
                                   unit->wall90);
  switch (verdict) {
    case HE_CLOCK_FITS:
      return SETTLE_PLACE;
    case HE_CLOCK_FITS_PREVIOUS:
      return SETTLE_PLACE_PREVIOUS;
    default:
      decision = confirm (demux, unit, verdict);
      /* Counters of 4 bits do not tell every loss. */
      stream->torn |= verdict == HE_CLOCK_HOLE && decision == SETTLE_PLACE;
      return decision;
  }
}

static void
place (HeDemux *demux, const HeDemuxUnit *unit, gboolean previous)
{
  HeDemuxTrack *stream = &demux->streams[unit->stream];
  guint64 pts90, dts90;
  guint generation
      = he_source_clock_place (&demux->clock, unit->stream, previous, unit->pes->pts33,
                               unit->pes->dts33, unit->wall90, &pts90, &dts90);

  if (demux->first90 == 0)
    demux->first90 = dts90;
  stream->lost |= generation != stream->generation;
  stream->generation = generation;
  demux->decided = FALSE;
  demux->gaps = unit->gaps;
  give_unit (demux, stream, unit->pes, pts90, dts90);
}

static gboolean
has_video (const HeDemux *demux)
{
  for (guint i = 0; i < demux->n_streams; i++)
    if (demux->streams[i].info.media == HE_DEMUX_VIDEO)
      return TRUE;
  return FALSE;
}

/* The unit whose time a new timeline goes on by, where one begins with this unit: the
 * first picture of it, since pictures off their grid are seen and sound is cut anew.
 * NULL: none has come yet. */
static const HeDemuxUnit *
leader (HeDemux *demux, const HeDemuxUnit *unit)
{
  if (!demux->clock.anchored || !has_video (demux)
      || demux->streams[unit->stream].info.media == HE_DEMUX_VIDEO)
    return unit;
  for (GList *at = demux->units.head->next; at; at = at->next) {
    const HeDemuxUnit *next = at->data;

    if (demux->streams[next->stream].info.media == HE_DEMUX_VIDEO && next->pes->has_pts
        && he_source_clock_judge (&demux->clock, next->stream, next->pes->dts33,
                                  next->wall90)
               == HE_CLOCK_JUMP)
      return next;
  }
  return demux->finished || has_waited_enough (demux) ? unit : NULL;
}

/* Whether a programme of its own begins with this unit. */
static gboolean
begins_programme (HeDemux *demux, const HeDemuxUnit *unit)
{
  HeDemuxTrack *stream = &demux->streams[unit->stream];
  gboolean usable = unit->pes->has_pts && !(unit->pes->flags & HE_PES_DAMAGED), key;
  HeVideoEntry before = stream->entry;
  gsize len;
  const guint8 *data = g_bytes_get_data (unit->pes->data, &len);

  if (stream->info.media == HE_DEMUX_AUDIO)
    return usable && !has_video (demux);
  if (!he_video_entry_take (&stream->entry, data, len, usable, &key))
    return FALSE;
  stream->entry = before; /* it is given like any other */
  return TRUE;
}

static void
begin_programme (HeDemux *demux, const HeDemuxUnit *unit)
{
  HeAnchor anchor = { .offset90 = (gint64)(demux->start90 - unit->pes->pts33) };

  g_strlcpy (anchor.node, demux->node, sizeof anchor.node);
  he_source_clock_adopt (&demux->clock, &anchor);
  demux->clock.reference90 = demux->start90;
  demux->clock.reference_wall90 = demux->clock.reference_read90 = unit->wall90;
}

static void
propose (HeDemux *demux, const HeDemuxUnit *unit)
{
  HeAnchor *proposal = &demux->proposal;

  he_source_clock_propose (&demux->clock, unit->stream, unit->pes->dts33, unit->wall90,
                           demux->node, proposal);
  if (demux->clock.anchored && proposal->end == HE_ANCHOR_END_SEEN
      && (unit->gaps != demux->gaps || unit->pes->flags & HE_PES_GAP))
    proposal->end = HE_ANCHOR_END_MISSED;
  demux->proposed = TRUE;
}

gboolean
he_demux_take_unit (HeDemux *demux)
{
  HeDemuxUnit *unit = g_queue_peek_head (&demux->units);

  if (unit == NULL)
    return FALSE;
  if (demux->start90 > 0 && !demux->clock.anchored && begins_programme (demux, unit))
    begin_programme (demux, unit);
  if (demux->start90 > 0 && !demux->clock.anchored) {
    demux->stats.skipped++;
  } else if (!unit->pes->has_pts) {
    give_unit (demux, &demux->streams[unit->stream], unit->pes, HE_DEMUX_NO_TIME,
               HE_DEMUX_NO_TIME);
  } else {
    Settle decision = settle (demux, unit);

    if (decision == SETTLE_WAIT)
      return FALSE;
    const HeDemuxUnit *first = decision == SETTLE_ASK ? leader (demux, unit) : NULL;
    if (decision == SETTLE_ASK && first == NULL)
      return FALSE;
    if (decision == SETTLE_ASK) {
      propose (demux, first);
      return FALSE;
    }
    if (decision == SETTLE_DROP) {
      demux->stats.bad_times++;
      demux->streams[unit->stream].lost = demux->streams[unit->stream].torn = TRUE;
    } else {
      place (demux, unit, decision == SETTLE_PLACE_PREVIOUS);
    }
  }
  demux->pending -= g_bytes_get_size (unit->pes->data);
  he_demux_unit_free (g_queue_pop_head (&demux->units));
  return TRUE;
}

void
he_demux_set_start (HeDemux *demux, guint64 start90)
{
  demux->start90 = start90;
}

const HeAnchor *
he_demux_proposal (const HeDemux *demux)
{
  return &demux->proposal;
}

void
he_demux_go_on (HeDemux *demux)
{
  he_source_clock_go_on (&demux->clock);
  demux->proposed = FALSE;
}

void
he_demux_set_anchor (HeDemux *demux, const HeAnchor *anchor)
{
  demux->decided = demux->proposed;
  he_source_clock_adopt (&demux->clock, anchor);
  demux->proposed = FALSE;
}
