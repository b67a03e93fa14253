/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-demux-private.h"

#include "he-error.h"

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
tell_program (HeDemux *demux)
{
  demux->program_pending |= !demux->known;
  demux->known = TRUE;
}

/* By the feed's own time, which is the same on a machine that stood still meanwhile. */
static gboolean
has_missed_enough (HeDemux *demux, HeDemuxTrack *stream, const HePes *pes)
{
  gint64 passed90 = 0;

  if (pes->has_pts && !stream->timed)
    stream->first33 = pes->dts33;
  stream->timed |= pes->has_pts;
  if (pes->has_pts)
    passed90
        = he_epoch_unwrap (pes->dts33, (gint64)stream->first33) - (gint64)stream->first33;
  return ABS (passed90) > (gint64)HE_DEMUX_MAX_MISSING90
         || demux->pending > HE_DEMUX_MAX_PENDING
         || g_queue_get_length (&demux->units)
                > HE_DEMUX_MAX_STREAMS * HE_DEMUX_MAX_WAITING;
}

static void
on_pes (HePes *pes, gpointer user)
{
  HeDemuxTrack *stream = user;
  HeDemux *demux = stream->demux;
  HeDemuxUnit *unit = g_new0 (HeDemuxUnit, 1);

  if (pes->has_pts && !he_source_clock_follows (pes->dts33, pes->pts33))
    pes->has_pts = FALSE;
  unit->stream = stream->number;
  unit->pes = pes;
  unit->wall90 = stream->wall90;
  unit->gaps = stream->gaps;
  demux->pending += g_bytes_get_size (pes->data);
  g_queue_push_tail (&demux->units, unit);
  if (!demux->known && has_missed_enough (demux, stream, pes))
    tell_program (demux);
}

static void
add_stream (HeDemux *demux, HeDemuxMedia media, guint index, const HePmtStream *entry)
{
  HeDemuxTrack *stream = &demux->streams[demux->n_streams];

  stream->demux = demux;
  stream->number = demux->n_streams++;
  stream->info = (HeDemuxStream) {
    .media = media, .type = entry->type, .index = index, .pid = entry->pid
  };
  stream->entry = (HeVideoEntry) { .type = entry->type };
  stream->pes = he_pes_assembler_new (on_pes, stream);
  if (media == HE_DEMUX_AUDIO)
    stream->adts = he_adts_splitter_new (he_demux_on_adts, stream);
  stream->discont = TRUE;
}

/* The n-th video or audio goes on with another PID (0: is left out for now), but not as
 * another codec: whoever decodes it has been chosen. */
static void
move_stream (HeDemux *demux, HeDemuxTrack *stream, const HePmtStream *entry)
{
  guint16 pid = entry ? entry->pid : 0;

  if (entry && stream->info.type != entry->type)
    demux->changed = entry->type;
  if (stream->info.pid == pid)
    return;
  he_pes_assembler_flush (stream->pes, TRUE);
  stream->info.pid = pid;
}

static HeDemuxTrack *
find_stream (HeDemux *demux, HeDemuxMedia media, guint index)
{
  for (guint i = 0; i < demux->n_streams; i++)
    if (demux->streams[i].info.media == media && demux->streams[i].info.index == index)
      return &demux->streams[i];
  return NULL;
}

/* Multiplexers tell of a stream when they have something of it, and some give who comes
 * later the first map that they made. Once the streams are known they stay: what a later
 * map adds is left out, so that nobody downstream waits for it. */
static void
on_program (const HePmt *pmt, gpointer user)
{
  HeDemux *demux = user;
  guint counts[2] = { 0, 0 };

  for (guint i = 0; i < pmt->n_streams; i++) {
    const HePmtStream *entry = &pmt->streams[i];

    if (!he_ts_stream_is_supported (entry))
      continue;

    HeDemuxMedia media
        = entry->type == HE_STREAM_TYPE_AAC_ADTS ? HE_DEMUX_AUDIO : HE_DEMUX_VIDEO;
    guint index = counts[media]++;
    HeDemuxTrack *stream = find_stream (demux, media, index);

    if (stream)
      move_stream (demux, stream, entry);
    else if (!demux->known && demux->n_streams < HE_DEMUX_MAX_STREAMS)
      add_stream (demux, media, index, entry);
  }
  for (guint i = 0; i < demux->n_streams; i++)
    if (demux->streams[i].info.index >= counts[demux->streams[i].info.media])
      move_stream (demux, &demux->streams[i], NULL);
  if (counts[HE_DEMUX_VIDEO] >= demux->expected[HE_DEMUX_VIDEO]
      && counts[HE_DEMUX_AUDIO] >= demux->expected[HE_DEMUX_AUDIO])
    tell_program (demux);
}

static void
on_payload (guint16 pid, const guint8 *data, gsize len, HeTsFlags flags, gpointer user)
{
  HeDemux *demux = user;

  for (guint i = 0; i < demux->n_streams; i++) {
    HeDemuxTrack *stream = &demux->streams[i];

    if (stream->info.pid != pid)
      continue;
    /* Behind an outage, the unit before it is complete only when the next begins. */
    if (flags & HE_TS_UNIT_START) {
      he_pes_assembler_flush (stream->pes, flags & HE_TS_GAP);
      stream->wall90 = demux->wall90;
      stream->gaps = he_ts_parser_stats (demux->parser)->gaps;
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
  g_queue_clear_full (&demux->units, he_demux_unit_free);
  g_queue_clear_full (&demux->frames, frame_free);
  for (guint i = 0; i < demux->n_streams; i++) {
    he_pes_assembler_free (demux->streams[i].pes);
    he_adts_splitter_free (demux->streams[i].adts);
  }
  he_ts_parser_free (demux->parser);
  he_flv_reader_free (demux->flv);
  he_rtp_reader_free (demux->rtp);
  g_free (demux->node);
  g_free (demux);
}

gboolean
he_demux_push (HeDemux *demux, const guint8 *data, gsize len, guint64 wall90,
               GError **error)
{
  demux->wall90 = wall90;
  if (demux->rtp)
    he_rtp_reader_push (demux->rtp, data, len, wall90);
  else if (demux->flv ? !he_flv_reader_push (demux->flv, data, len, wall90, error)
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
  if (demux->rtp)
    he_rtp_reader_finish (demux->rtp);
  else if (demux->flv)
    he_flv_reader_finish (demux->flv);
  else if (!he_ts_parser_finish (demux->parser, error))
    return FALSE;
  for (guint i = 0; i < demux->n_streams; i++)
    he_pes_assembler_flush (demux->streams[i].pes, FALSE);
  if (demux->n_streams > 0)
    tell_program (demux);
  demux->finished = TRUE;
  return TRUE;
}

void
he_demux_skip (HeDemux *demux, gboolean skip)
{
  if (demux->flv)
    he_flv_reader_skip (demux->flv, skip);
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
  g_queue_clear_full (&demux->units, he_demux_unit_free);
  demux->pending = 0;
  for (guint i = 0; i < demux->n_streams; i++) {
    HeDemuxTrack *stream = &demux->streams[i];

    he_pes_assembler_free (stream->pes);
    stream->pes = he_pes_assembler_new (on_pes, stream);
    stream->entry = (HeVideoEntry) { .type = stream->info.type };
    stream->lost = stream->torn = TRUE;
    stream->timed = FALSE;
    demux->clock.streams[i].known = FALSE;
  }
}

void
he_demux_set_program (HeDemux *demux, guint16 program)
{
  he_ts_parser_set_program (demux->parser, program);
}

void
he_demux_expect (HeDemux *demux, guint video, guint audio)
{
  demux->expected[HE_DEMUX_VIDEO] = video;
  demux->expected[HE_DEMUX_AUDIO] = audio;
}

void
he_demux_set_flv (HeDemux *demux, guint fps_n, guint fps_d)
{
  static const HeFlvHandlers handlers = { .program = on_program, .unit = on_flv_unit };

  he_flv_reader_free (demux->flv);
  demux->flv = he_flv_reader_new (&handlers, demux, fps_n, fps_d);
}

gboolean
he_demux_set_rtp (HeDemux *demux, const HeRtpSession *session, GError **error)
{
  static const HeFlvHandlers handlers = { .program = on_program, .unit = on_flv_unit };

  he_rtp_reader_free (demux->rtp);
  demux->rtp = he_rtp_reader_new (session, &handlers, demux, error);
  return demux->rtp != NULL;
}

guint64
he_demux_now (HeDemux *demux, guint64 silent90, guint64 waited90)
{
  if (demux->first90 == 0)
    return 0;
  if (silent90 > 0)
    he_source_clock_silence (&demux->clock, silent90, waited90);
  return demux->clock.ahead90 + silent90;
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
  if (!demux->known)
    return HE_DEMUX_NOTHING;
  while (g_queue_is_empty (&demux->frames) && !demux->proposed) {
    if (he_demux_take_unit (demux))
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
he_demux_stats (const HeDemux *demux, HeDemuxStats *ret_stats)
{
  *ret_stats = demux->stats;
  ret_stats->ts = *he_ts_parser_stats (demux->parser);
  if (demux->flv)
    ret_stats->skipped += he_flv_reader_skipped (demux->flv);
  for (guint i = 0; i < demux->n_streams; i++) {
    const HeDemuxTrack *stream = &demux->streams[i];

    ret_stats->damaged += he_pes_assembler_dropped (stream->pes);
    if (stream->adts)
      ret_stats->damaged += he_adts_splitter_errors (stream->adts);
  }
}
