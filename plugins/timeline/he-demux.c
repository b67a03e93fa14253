/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-demux.h"

#include <string.h>

#include "he-adts.h"
#include "he-error.h"
#include "he-flv.h"
#include "he-pes.h"
#include "he-source-clock.h"
#include "he-video-entry.h"

G_STATIC_ASSERT (HE_DEMUX_MAX_STREAMS <= HE_CLOCK_MAX_STREAMS);

/* Sound is given from the first picture on: before, it would play to nothing, and fill
 * the queues of whoever waits for both. It waits no longer than this, in case none comes.
 */
#define MAX_WAIT_VIDEO (15 * HE_TICKS_PER_SECOND)

typedef struct {
  HeDemux *demux;
  guint number;
  HeDemuxStream info;
  HePesAssembler *pes;
  HeAdtsSplitter *adts;
  HeVideoEntry entry;
  guint64 wall90;   /* when the unit at hand began to come */
  gboolean started; /* a frame was given */
  gboolean lost;    /* a unit before the next one was lost, or ended a timeline */
  gboolean discont; /* owed to the next frame */
  gboolean torn;    /* what a unit ahead of the next one held was lost */
  guint generation; /* of the last frame placed */
} Stream;

/* A PES packet that waits to be placed. */
typedef struct {
  guint stream;
  HePes *pes;
  guint64 wall90;
} Unit;

struct _HeDemux {
  char *node;
  HeTsParser *parser;
  HeFlvReader *flv; /* instead of it */
  Stream streams[HE_DEMUX_MAX_STREAMS];
  guint n_streams;
  gboolean program_pending;
  guint8 changed; /* the stream type that a stream has turned into; 0: none */
  GQueue units;   /* Unit */
  gsize pending;  /* bytes in them */
  GQueue frames;  /* HeFrame, heap */
  HeSourceClock clock;
  HeAnchor proposal;
  gboolean proposed; /* for the first unit; he_demux_set_anchor() is awaited */
  gboolean decided;  /* the first unit opens the generation just adopted */
  gboolean finished;
  guint64 wall90;
  guint64 start90; /* of the first picture; 0: as the anchor says */
  guint64 first90; /* epoch time of the first unit placed; 0: none yet */
  HeDemuxStats stats;
};

void
he_frame_clear (HeFrame *frame)
{
  g_clear_pointer (&frame->data, g_bytes_unref);
}

static void
frame_free (gpointer data)
{
  he_frame_clear (data);
  g_free (data);
}

static void
unit_free (gpointer data)
{
  Unit *unit = data;

  he_pes_free (unit->pes);
  g_free (unit);
}

static void
on_pes (HePes *pes, gpointer user)
{
  Stream *stream = user;
  HeDemux *demux = stream->demux;
  Unit *unit = g_new0 (Unit, 1);

  if (pes->has_pts && !he_source_clock_follows (pes->dts33, pes->pts33))
    pes->has_pts = FALSE;
  unit->stream = stream->number;
  unit->pes = pes;
  unit->wall90 = stream->wall90;
  demux->pending += g_bytes_get_size (pes->data);
  g_queue_push_tail (&demux->units, unit);
}

static void
give (HeDemux *demux, Stream *stream, const HeFrame *frame)
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

static void
on_adts (const HeAdtsFrame *adts, gpointer user)
{
  Stream *stream = user;
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
add_stream (HeDemux *demux, HeDemuxMedia media, guint index, const HePmtStream *entry)
{
  Stream *stream = &demux->streams[demux->n_streams];

  stream->demux = demux;
  stream->number = demux->n_streams++;
  stream->info = (HeDemuxStream) {
    .media = media, .type = entry->type, .index = index, .pid = entry->pid
  };
  stream->entry = (HeVideoEntry) { .type = entry->type };
  stream->pes = he_pes_assembler_new (on_pes, stream);
  if (media == HE_DEMUX_AUDIO)
    stream->adts = he_adts_splitter_new (on_adts, stream);
  stream->discont = TRUE;
}

/* The n-th video or audio goes on with another PID, but not as another codec: whoever
 * decodes it has been chosen. */
static void
move_stream (HeDemux *demux, Stream *stream, const HePmtStream *entry)
{
  if (stream->info.type != entry->type)
    demux->changed = entry->type;
  if (stream->info.pid == entry->pid)
    return;
  he_pes_assembler_flush (stream->pes, TRUE);
  stream->info.pid = entry->pid;
}

/* The streams of the first PMT stay. Later ones may move them; what they add is left out,
 * so that nobody downstream waits for it. */
static void
on_program (const HePmt *pmt, gpointer user)
{
  HeDemux *demux = user;
  gboolean first = demux->n_streams == 0;
  guint counts[2] = { 0, 0 };

  for (guint i = 0; i < pmt->n_streams; i++) {
    const HePmtStream *entry = &pmt->streams[i];

    if (!he_ts_stream_is_supported (entry))
      continue;

    HeDemuxMedia media
        = entry->type == HE_STREAM_TYPE_AAC_ADTS ? HE_DEMUX_AUDIO : HE_DEMUX_VIDEO;
    guint index = counts[media]++;
    if (first) {
      if (demux->n_streams < HE_DEMUX_MAX_STREAMS)
        add_stream (demux, media, index, entry);
      continue;
    }
    for (guint k = 0; k < demux->n_streams; k++) {
      Stream *stream = &demux->streams[k];

      if (stream->info.media == media && stream->info.index == index)
        move_stream (demux, stream, entry);
    }
  }
  demux->program_pending |= first;
}

static void
on_payload (guint16 pid, const guint8 *data, gsize len, HeTsFlags flags, gpointer user)
{
  HeDemux *demux = user;

  for (guint i = 0; i < demux->n_streams; i++) {
    Stream *stream = &demux->streams[i];

    if (stream->info.pid != pid)
      continue;
    /* Behind an outage, the unit before it is complete only when the next begins. */
    if (flags & HE_TS_UNIT_START) {
      he_pes_assembler_flush (stream->pes, flags & HE_TS_GAP);
      stream->wall90 = demux->wall90;
    }
    he_pes_assembler_push (stream->pes, data, len, flags & HE_TS_UNIT_START,
                           flags & HE_TS_GAP);
  }
}

static void
on_flv_unit (guint16 pid, HePes *pes, guint64 wall90, gpointer user)
{
  HeDemux *demux = user;

  for (guint i = 0; i < demux->n_streams; i++) {
    if (demux->streams[i].info.pid == pid) {
      demux->streams[i].wall90 = wall90;
      on_pes (pes, &demux->streams[i]);
      return;
    }
  }
  he_pes_free (pes);
}

HeDemux *
he_demux_new (const char *node)
{
  static const HeTsHandlers handlers = { .program = on_program, .payload = on_payload };
  HeDemux *demux = g_new0 (HeDemux, 1);

  demux->node = g_strdup (node);
  demux->parser = he_ts_parser_new (&handlers, demux);
  g_queue_init (&demux->units);
  g_queue_init (&demux->frames);
  return demux;
}

void
he_demux_free (HeDemux *demux)
{
  if (demux == NULL)
    return;
  g_queue_clear_full (&demux->units, unit_free);
  g_queue_clear_full (&demux->frames, frame_free);
  for (guint i = 0; i < demux->n_streams; i++) {
    he_pes_assembler_free (demux->streams[i].pes);
    he_adts_splitter_free (demux->streams[i].adts);
  }
  he_ts_parser_free (demux->parser);
  he_flv_reader_free (demux->flv);
  g_free (demux->node);
  g_free (demux);
}

gboolean
he_demux_push (HeDemux *demux, const guint8 *data, gsize len, guint64 wall90,
               GError **error)
{
  demux->wall90 = wall90;
  if (demux->flv ? !he_flv_reader_push (demux->flv, data, len, wall90, error)
                 : !he_ts_parser_push (demux->parser, data, len, error))
    return FALSE;
  if (demux->changed == 0)
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
               "the feed's video turned into another codec (stream type 0x%02x); start "
               "the pipeline anew to follow it",
               demux->changed);
  return FALSE;
}

gboolean
he_demux_finish (HeDemux *demux, guint64 wall90, GError **error)
{
  demux->wall90 = wall90;
  if (demux->flv)
    he_flv_reader_finish (demux->flv);
  else if (!he_ts_parser_finish (demux->parser, error))
    return FALSE;
  for (guint i = 0; i < demux->n_streams; i++)
    he_pes_assembler_flush (demux->streams[i].pes, FALSE);
  demux->finished = TRUE;
  return TRUE;
}

void
he_demux_mark_gap (HeDemux *demux)
{
  if (demux->flv)
    he_flv_reader_finish (demux->flv);
  else
    he_ts_parser_mark_gap (demux->parser);
}

void
he_demux_switch (HeDemux *demux)
{
  if (demux->flv)
    he_flv_reader_finish (demux->flv);
  else
    he_ts_parser_begin_anew (demux->parser);
  /* What was not confirmed yet would be compared with what comes now. */
  g_queue_clear_full (&demux->units, unit_free);
  demux->pending = 0;
  for (guint i = 0; i < demux->n_streams; i++) {
    Stream *stream = &demux->streams[i];

    he_pes_assembler_free (stream->pes);
    stream->pes = he_pes_assembler_new (on_pes, stream);
    stream->entry = (HeVideoEntry) { .type = stream->info.type };
    stream->lost = stream->torn = TRUE;
    demux->clock.streams[i].known = FALSE;
  }
}

void
he_demux_set_program (HeDemux *demux, guint16 program)
{
  he_ts_parser_set_program (demux->parser, program);
}

void
he_demux_set_flv (HeDemux *demux, guint fps_n, guint fps_d)
{
  static const HeFlvHandlers handlers = { .program = on_program, .unit = on_flv_unit };

  he_flv_reader_free (demux->flv);
  demux->flv = he_flv_reader_new (&handlers, demux, fps_n, fps_d);
}

guint64
he_demux_now (HeDemux *demux, guint64 silent90)
{
  if (demux->first90 == 0)
    return 0;
  if (silent90 > 0)
    he_source_clock_silence (&demux->clock, silent90);
  return demux->clock.reference90 + silent90;
}

static void
give_video (HeDemux *demux, Stream *stream, const HePes *pes, guint64 pts90,
            guint64 dts90)
{
  gsize len;
  const guint8 *data = g_bytes_get_data (pes->data, &len);
  gboolean whole = !(pes->flags & HE_PES_DAMAGED), key;

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
give_unit (HeDemux *demux, Stream *stream, const HePes *pes, guint64 pts90, guint64 dts90)
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

/* What becomes of the first unit, whose time is not simply the next one. The next unit of
 * its stream decides whether its time is to be believed. */
static Settle
confirm (HeDemux *demux, const Unit *unit, HeClockVerdict verdict)
{
  gboolean ask = verdict == HE_CLOCK_JUMP || !demux->clock.anchored;
  Settle accepted = ask ? SETTLE_ASK : SETTLE_PLACE;

  for (GList *at = demux->units.head->next; at; at = at->next) {
    const Unit *next = at->data;

    if (next->stream == unit->stream && next->pes->has_pts)
      return he_source_clock_follows (unit->pes->dts33, next->pes->dts33) ? accepted
                                                                          : SETTLE_DROP;
  }
  if (demux->finished)
    return verdict == HE_CLOCK_JUMP ? SETTLE_DROP : accepted;
  if (demux->pending > HE_DEMUX_MAX_PENDING
      || g_queue_get_length (&demux->units) > HE_DEMUX_MAX_WAITING)
    return SETTLE_DROP;
  return SETTLE_WAIT;
}

static Settle
settle (HeDemux *demux, const Unit *unit)
{
  Stream *stream = &demux->streams[unit->stream];
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
place (HeDemux *demux, const Unit *unit, gboolean previous)
{
  Stream *stream = &demux->streams[unit->stream];
  guint64 pts90, dts90;
  guint generation
      = he_source_clock_place (&demux->clock, unit->stream, previous, unit->pes->pts33,
                               unit->pes->dts33, unit->wall90, &pts90, &dts90);

  if (demux->first90 == 0)
    demux->first90 = dts90;
  stream->lost |= generation != stream->generation;
  stream->generation = generation;
  demux->decided = FALSE;
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

/* Whether a programme of its own begins with this unit. */
static gboolean
begins_programme (HeDemux *demux, const Unit *unit)
{
  Stream *stream = &demux->streams[unit->stream];
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
begin_programme (HeDemux *demux, const Unit *unit)
{
  HeAnchor anchor = { .offset90 = (gint64)(demux->start90 - unit->pes->pts33) };

  g_strlcpy (anchor.node, demux->node, sizeof anchor.node);
  he_source_clock_adopt (&demux->clock, &anchor);
  demux->clock.reference90 = demux->start90;
  demux->clock.reference_wall90 = demux->clock.reference_read90 = unit->wall90;
}

/* Deals with the first unit. FALSE: it stays. */
static gboolean
take_unit (HeDemux *demux)
{
  Unit *unit = g_queue_peek_head (&demux->units);

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
    if (decision == SETTLE_ASK) {
      he_source_clock_propose (&demux->clock, unit->stream, unit->pes->dts33,
                               unit->wall90, demux->node, &demux->proposal);
      demux->proposed = TRUE;
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
  unit_free (g_queue_pop_head (&demux->units));
  return TRUE;
}

static void
flush_audio (HeDemux *demux)
{
  for (guint i = 0; i < demux->n_streams; i++) {
    if (demux->streams[i].adts)
      he_adts_splitter_flush (demux->streams[i].adts);
  }
}

HeDemuxEvent
he_demux_next (HeDemux *demux, HeFrame *ret_frame)
{
  g_autofree HeFrame *frame = NULL;

  if (demux->program_pending) {
    demux->program_pending = FALSE;
    return HE_DEMUX_PROGRAM;
  }
  while (g_queue_is_empty (&demux->frames) && !demux->proposed) {
    if (take_unit (demux))
      continue;
    if (demux->proposed)
      break;
    if (!demux->finished || !g_queue_is_empty (&demux->units))
      return HE_DEMUX_NOTHING;
    flush_audio (demux);
    if (g_queue_is_empty (&demux->frames))
      return HE_DEMUX_NOTHING;
  }
  frame = g_queue_pop_head (&demux->frames);
  if (frame == NULL)
    return HE_DEMUX_ANCHOR;
  *ret_frame = *frame;
  return HE_DEMUX_FRAME;
}

guint
he_demux_n_streams (const HeDemux *demux)
{
  return demux->n_streams;
}

const HeDemuxStream *
he_demux_stream (const HeDemux *demux, guint number)
{
  return &demux->streams[number].info;
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
he_demux_set_anchor (HeDemux *demux, const HeAnchor *anchor)
{
  demux->decided = demux->proposed;
  he_source_clock_adopt (&demux->clock, anchor);
  demux->proposed = FALSE;
}

void
he_demux_stats (const HeDemux *demux, HeDemuxStats *ret_stats)
{
  *ret_stats = demux->stats;
  ret_stats->ts = *he_ts_parser_stats (demux->parser);
  for (guint i = 0; i < demux->n_streams; i++) {
    const Stream *stream = &demux->streams[i];

    ret_stats->damaged += he_pes_assembler_dropped (stream->pes);
    if (stream->adts)
      ret_stats->damaged += he_adts_splitter_errors (stream->adts);
  }
}
