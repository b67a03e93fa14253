/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-ts-parser.h"

#include <string.h>

#include "he-codec.h"
#include "he-error.h"

#define SYNC_BYTE 0x47
#define PID_PAT 0x0000
#define PID_NONE 0x1fff
#define N_PIDS 8192
/* Three sync bytes in a row: random bytes pass once in 16 million places. */
#define SYNC_DEPTH 3
#define MAX_SCRAMBLED (HE_TS_MAX_PROBE / HE_TS_PACKET)

typedef enum {
  PID_IGNORED,
  PID_SECTIONS,
  PID_STREAM,
} PidKind;

typedef struct {
  guint8 kind;
  guint8 counter;
  guint8 seen : 1;      /* counter is valid */
  guint8 duplicate : 1; /* the last packet was one already: a second is a gap */
  guint8 gap : 1;       /* to be reported with the next payload */
} Pid;

struct _HeTsParser {
  const HeTsHandlers *handlers;
  gpointer user;
  GByteArray *input; /* held back: less than a packet, or too little to find packets */
  gboolean locked;
  Pid pids[N_PIDS];
  HeSectionBuffer pat, pmt_section;
  guint16 wanted; /* program; 0: the first */
  gboolean has_pat;
  guint16 program, pmt_pid;
  HePmt pmt; /* the last one, usable or not */
  gboolean usable;
  guint64 probed; /* bytes taken while there was no usable program */
  guint64 clear;  /* payloads delivered */
  HeTsStats stats;
};

HeTsParser *
he_ts_parser_new (const HeTsHandlers *handlers, gpointer user)
{
  HeTsParser *parser = g_new0 (HeTsParser, 1);

  parser->handlers = handlers;
  parser->user = user;
  parser->input = g_byte_array_new ();
  parser->pmt_pid = PID_NONE;
  parser->pids[PID_PAT].kind = PID_SECTIONS;
  return parser;
}

void
he_ts_parser_set_program (HeTsParser *parser, guint16 program)
{
  parser->wanted = program;
}

void
he_ts_parser_free (HeTsParser *parser)
{
  if (parser == NULL)
    return;
  g_byte_array_unref (parser->input);
  g_free (parser);
}

const HeTsStats *
he_ts_parser_stats (const HeTsParser *parser)
{
  return &parser->stats;
}

gboolean
he_ts_stream_is_supported (const HePmtStream *stream)
{
  return (stream->type == HE_STREAM_TYPE_H264 || stream->type == HE_STREAM_TYPE_H265
          || stream->type == HE_STREAM_TYPE_AAC_ADTS)
         && stream->pid >= 0x0010 && stream->pid != PID_NONE;
}

static void
listen_to (HeTsParser *parser, guint16 pid, PidKind kind)
{
  if (parser->pids[pid].kind != kind)
    parser->pids[pid] = (Pid) { .kind = kind };
}

static void
forget_streams (HeTsParser *parser)
{
  for (guint i = 0; i < parser->pmt.n_streams; i++) {
    guint16 pid = parser->pmt.streams[i].pid;

    if (parser->pids[pid].kind == PID_STREAM)
      parser->pids[pid].kind = PID_IGNORED;
  }
}

static void
on_pat (const guint8 *section, gsize len, gpointer user)
{
  HeTsParser *parser = user;
  guint16 program, pid;

  parser->has_pat = TRUE;
  /* A PMT on the PAT's own or the null PID is nonsense, and would be read as both. */
  if (!he_psi_read_pat (section, len, parser->wanted, &program, &pid) || pid < 0x0010
      || pid == PID_NONE)
    return;
  if (program == parser->program && pid == parser->pmt_pid)
    return;
  if (parser->pmt_pid != PID_NONE)
    parser->pids[parser->pmt_pid].kind = PID_IGNORED;
  parser->program = program;
  parser->pmt_pid = pid;
  he_section_reset (&parser->pmt_section);
  listen_to (parser, pid, PID_SECTIONS);
}

static gboolean
same_streams (const HePmt *a, const HePmt *b)
{
  if (a->program != b->program || a->n_streams != b->n_streams)
    return FALSE;
  for (guint i = 0; i < a->n_streams; i++) {
    if (a->streams[i].pid != b->streams[i].pid
        || a->streams[i].type != b->streams[i].type)
      return FALSE;
  }
  return TRUE;
}

static void
on_pmt (const guint8 *section, gsize len, gpointer user)
{
  HeTsParser *parser = user;
  HePmt pmt;
  gboolean usable = FALSE;

  if (!he_psi_read_pmt (section, len, parser->program, &pmt))
    return;
  if (same_streams (&pmt, &parser->pmt))
    return;

  for (guint i = 0; i < pmt.n_streams; i++)
    usable |= he_ts_stream_is_supported (&pmt.streams[i])
              && pmt.streams[i].pid != parser->pmt_pid;
  /* A program that lost all its streams for a while keeps the PIDs that it had. */
  if (!usable && parser->usable)
    return;

  forget_streams (parser);
  parser->pmt = pmt;
  parser->usable = usable;
  for (guint i = 0; i < pmt.n_streams; i++) {
    if (he_ts_stream_is_supported (&pmt.streams[i])
        && pmt.streams[i].pid != parser->pmt_pid)
      listen_to (parser, pmt.streams[i].pid, PID_STREAM);
  }
  if (usable)
    parser->handlers->program (&parser->pmt, parser->user);
}

/* Follows the continuity counter (section 2.4.3.3). FALSE: drop this packet, which is a
 * duplicate. */
static gboolean
check_counter (HeTsParser *parser, Pid *pid, guint8 counter, gboolean indicated)
{
  if (!pid->seen || indicated) {
    pid->duplicate = FALSE;
  } else if (counter == pid->counter && !pid->duplicate) {
    pid->duplicate = TRUE;
    parser->stats.duplicates++;
    return FALSE;
  } else if (counter != ((pid->counter + 1) & 0x0f)) {
    parser->stats.gaps++;
    pid->gap = TRUE;
    pid->duplicate = FALSE;
  } else {
    pid->duplicate = FALSE;
  }
  pid->counter = counter;
  pid->seen = TRUE;
  return TRUE;
}

static void
deliver (HeTsParser *parser, guint16 number, const guint8 *payload, gsize len,
         gboolean unit_start)
{
  Pid *pid = &parser->pids[number];
  HeTsFlags flags = (unit_start ? HE_TS_UNIT_START : 0) | (pid->gap ? HE_TS_GAP : 0);

  pid->gap = FALSE;
  if (pid->kind == PID_SECTIONS) {
    gboolean is_pat = number == PID_PAT;
    HeSectionBuffer *buffer = is_pat ? &parser->pat : &parser->pmt_section;

    if (flags & HE_TS_GAP)
      he_section_reset (buffer);
    parser->stats.bad_sections += he_section_push (buffer, payload, len, unit_start,
                                                   is_pat ? on_pat : on_pmt, parser);
  } else {
    parser->clear++;
    parser->handlers->payload (number, payload, len, flags, parser->user);
  }
}

static void
read_packet (HeTsParser *parser, const guint8 *packet)
{
  guint16 number = he_read_be16 (packet + 1) & 0x1fff;
  guint8 control = packet[3] >> 4 & 0x03;
  Pid *pid = &parser->pids[number];
  gboolean indicated = FALSE;
  gsize at = 4;

  parser->stats.packets++;
  if (packet[1] & 0x80) { /* nothing in it can be trusted, its PID neither */
    parser->stats.transport_errors++;
    return;
  }
  if (pid->kind == PID_IGNORED)
    return;
  if (control & 0x02) {
    at += 1 + packet[4];
    indicated = packet[4] > 0 && (packet[5] & 0x80);
    if (indicated)
      pid->seen = FALSE;
  }
  if (!(control & 0x01) || at >= HE_TS_PACKET)
    return;
  if (packet[3] & 0xc0) {
    parser->stats.scrambled++;
    pid->gap = TRUE;
    return;
  }
  if (check_counter (parser, pid, packet[3] & 0x0f, indicated))
    deliver (parser, number, packet + at, HE_TS_PACKET - at, packet[1] & 0x40);
}

typedef enum {
  SYNC_YES,
  SYNC_NO,
  SYNC_WAIT, /* more bytes are needed to tell */
} Sync;

static Sync
check_sync (const HeTsParser *parser, const guint8 *data, gsize len, gboolean last)
{
  if (data[0] != SYNC_BYTE)
    return SYNC_NO;
  if (parser->locked)
    return SYNC_YES;
  for (guint i = 1; i < SYNC_DEPTH; i++) {
    gsize next = i * HE_TS_PACKET;

    if (next >= len)
      return last ? SYNC_YES : SYNC_WAIT;
    if (data[next] != SYNC_BYTE)
      return SYNC_NO;
  }
  return SYNC_YES;
}

/* Returns how many bytes were dealt with; with the rest nothing can be done yet. */
static gsize
read_packets (HeTsParser *parser, const guint8 *data, gsize len, gboolean last)
{
  gsize at = 0;

  while (len - at >= HE_TS_PACKET) {
    Sync sync = check_sync (parser, data + at, len - at, last);

    if (sync == SYNC_WAIT)
      break;
    if (sync == SYNC_YES) {
      parser->locked = TRUE;
      read_packet (parser, data + at);
      at += HE_TS_PACKET;
      continue;
    }
    if (parser->locked) {
      parser->locked = FALSE;
      parser->stats.sync_losses++;
    }
    const guint8 *from = data + at + 1;
    gsize left = len - at - 1;
    const guint8 *next = memchr (from, SYNC_BYTE, left);
    gsize skip = 1 + (next ? (gsize)(next - from) : left);

    parser->stats.skipped_bytes += skip;
    at += skip;
  }
  return at;
}

static void
read_input (HeTsParser *parser, gboolean last)
{
  gsize done = read_packets (parser, parser->input->data, parser->input->len, last);

  g_byte_array_remove_range (parser->input, 0, (guint)done);
}

/* What was held back is filled up to whole packets, so that the rest can be read where it
 * lies. */
static void
read_piece (HeTsParser *parser, const guint8 *data, gsize len)
{
  gsize at = 0;

  while (at < len && parser->input->len > 0) {
    gsize missing = HE_TS_PACKET - parser->input->len % HE_TS_PACKET;
    gsize more = MIN (missing, len - at);

    g_byte_array_append (parser->input, data + at, (guint)more);
    read_input (parser, FALSE);
    at += more;
  }
  at += read_packets (parser, data + at, len - at, FALSE);
  if (at < len)
    g_byte_array_append (parser->input, data + at, (guint)(len - at));
}

static gboolean
fail_without_program (const HeTsParser *parser, const char *where, GError **error)
{
  if (parser->stats.packets == 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "not an MPEG transport stream: no packet of 188 bytes %s; send MPEG-TS",
                 where);
  } else if (parser->pmt_pid == PID_NONE && parser->has_pat && parser->wanted != 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "the PAT names no program %u %s; name one that the feed has",
                 parser->wanted, where);
  } else if (parser->pmt_pid == PID_NONE) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "no valid PAT %s (%" G_GUINT64_FORMAT " packets, %" G_GUINT64_FORMAT
                 " bad sections); send a transport stream with PAT and PMT",
                 where, parser->stats.packets, parser->stats.bad_sections);
  } else if (parser->pmt.n_streams == 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "no valid PMT of program %u on PID %u %s; send it at least every second",
                 parser->program, parser->pmt_pid, where);
  } else {
    g_autoptr (GString) types = g_string_new (NULL);

    for (guint i = 0; i < parser->pmt.n_streams; i++)
      g_string_append_printf (types, " 0x%02x", parser->pmt.streams[i].type);
    g_set_error (
        error, HE_ERROR, HE_ERROR_INVALID,
        "program %u holds neither H.264 (0x1b), H.265 (0x24) nor AAC in ADTS (0x0f), but"
        " stream types%s; encode the feed as one of these",
        parser->program, types->str);
  }
  return FALSE;
}

gboolean
he_ts_parser_push (HeTsParser *parser, const guint8 *data, gsize len, GError **error)
{
  while (len > 0) {
    /* In pieces, so that the input held never grows with what a caller hands over. */
    gsize piece = MIN (len, 64 * 1024);

    read_piece (parser, data, piece);
    data += piece;
    len -= piece;
    if (!parser->usable) {
      parser->probed += piece;
      if (parser->probed >= HE_TS_MAX_PROBE)
        return fail_without_program (parser, "in the first 4 MiB", error);
    }
  }
  if (parser->clear == 0 && parser->stats.scrambled >= MAX_SCRAMBLED) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "program %u is scrambled; send it in the clear", parser->program);
    return FALSE;
  }
  return TRUE;
}

gboolean
he_ts_parser_finish (HeTsParser *parser, GError **error)
{
  read_input (parser, TRUE);
  if (!parser->usable)
    return fail_without_program (parser, "before the feed ended", error);
  return TRUE;
}

void
he_ts_parser_mark_gap (HeTsParser *parser)
{
  g_byte_array_set_size (parser->input, 0);
  parser->locked = FALSE;
  for (guint i = 0; i < N_PIDS; i++) {
    parser->pids[i].gap |= parser->pids[i].seen;
    parser->pids[i].seen = FALSE;
  }
}

void
he_ts_parser_begin_anew (HeTsParser *parser)
{
  he_ts_parser_mark_gap (parser);
  memset (parser->pids, 0, sizeof parser->pids);
  parser->pids[PID_PAT].kind = PID_SECTIONS;
  he_section_reset (&parser->pat);
  he_section_reset (&parser->pmt_section);
  parser->program = 0;
  parser->pmt_pid = PID_NONE;
  parser->pmt = (HePmt) { 0 };
  parser->has_pat = parser->usable = FALSE;
  parser->probed = 0;
}
