/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-rtp.h"

#include "he-adts.h"
#include "he-codec.h"
#include "he-epoch.h"
#include "he-error.h"
#include "he-rtp-picture.h"

#define RTP_HEADER 12
#define SENDER_REPORT 200
#define REPORT_BYTES 28 /* with the sender's part */
#define NTP_UNIX G_GUINT64_CONSTANT (2208988800)
#define AU_SIZE_BITS 13 /* AAC-hbr */
#define AU_HEADER_BITS 16

enum { VIDEO, AUDIO, N_STREAMS };
static const guint16 pids[] = { HE_RTP_VIDEO_PID, HE_RTP_AUDIO_PID };
static const guint8 types[] = { HE_STREAM_TYPE_H264, HE_STREAM_TYPE_AAC_ADTS };

/* One sender's packets. */
typedef struct {
  gboolean known; /* has sent something */
  guint32 ssrc;
  guint16 sequence;
  guint rate;
  gint64 time;     /* timestamp of the last packet, unwrapped from where it began */
  gboolean mapped; /* so that offset90 holds */
  gint64 offset90; /* to the sender's clock, or to ours, of a time in ticks */
  gboolean reported;
  gint64 report90; /* the same, by the last report */
  gboolean gap;    /* owed to the next unit */
} Stream;

typedef struct {
  guint stream;
  GBytes *data;
  gint64 time90; /* in the stream's own time */
  HePesFlags flags;
  guint64 wall90;
} Held;

struct _HeRtpReader {
  HeRtpSession session;
  const HeFlvHandlers *handlers;
  gpointer user;
  HeAdtsMaker adts;
  Stream streams[N_STREAMS];
  guint64 wall90;    /* of the packet at hand */
  guint64 since90;   /* units wait, by the wall clock */
  gint64 shift90;    /* from the video's time to 33 bits */
  HeRtpPicture unit; /* of video, so far */
  gint64 unit_time90;
  guint64 unit_wall90;
  gboolean begun; /* it has; what it held may be left out, though */
  GQueue held;    /* Held */
  gsize held_bytes;
};

static void
held_free (gpointer data)
{
  Held *held = data;

  g_bytes_unref (held->data);
  g_free (held);
}

static guint
n_streams (const HeRtpReader *reader)
{
  return reader->session.audio != 0 ? N_STREAMS : 1;
}

gboolean
he_rtp_type_is_good (guint type)
{
  return type >= 1 && type <= 127 && (type < 64 || type > 95);
}

HeRtpReader *
he_rtp_reader_new (const HeRtpSession *session, const HeFlvHandlers *handlers,
                   gpointer user, GError **error)
{
  g_autoptr (HeRtpReader) reader = g_new0 (HeRtpReader, 1);
  HePmt pmt = { .program = 1 };

  reader->session = *session;
  reader->handlers = handlers;
  reader->user = user;
  reader->unit.data = g_byte_array_new ();
  reader->streams[VIDEO].rate = HE_TICKS_PER_SECOND;
  g_queue_init (&reader->held);
  if (!he_rtp_type_is_good (session->video)
      || (session->audio != 0 && !he_rtp_type_is_good (session->audio))
      || session->audio == session->video) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "the payload types h264=%u and aac=%u of RTP cannot be told from each "
                 "other or from RTCP; expected two of 1..63 and 96..127, or no aac",
                 session->video, session->audio);
    return NULL;
  }
  if (session->audio != 0
      && !he_adts_maker_init (&reader->adts, session->config, session->config_len)) {
    g_set_error_literal (
        error, HE_ERROR, HE_ERROR_INVALID,
        "the sound's aac-config is none that ADTS can carry; " HE_ADTS_EXPECTED);
    return NULL;
  }
  reader->streams[AUDIO].rate = reader->adts.rate;
  for (guint i = 0; i < n_streams (reader); i++)
    pmt.streams[pmt.n_streams++] = (HePmtStream) { .pid = pids[i], .type = types[i] };
  handlers->program (&pmt, user);
  return g_steal_pointer (&reader);
}

void
he_rtp_reader_free (HeRtpReader *reader)
{
  if (reader == NULL)
    return;
  g_queue_clear_full (&reader->held, held_free);
  g_byte_array_unref (reader->unit.data);
  g_free (reader);
}

/* --- Times -------------------------------------------------------------------------- */

static gint64
ticks_of (const Stream *stream, gint64 time)
{
  return (gint64)((__int128)time * HE_TICKS_PER_SECOND / stream->rate);
}

/* 32 bits that wrap; of a new sender, the time as it comes. */
static gint64
unwrap (const Stream *stream, guint32 timestamp)
{
  return stream->known ? stream->time + (gint32)(timestamp - (guint32)stream->time)
                       : timestamp;
}

static gboolean
is_told (const HeRtpReader *reader)
{
  gboolean told = reader->streams[VIDEO].reported;

  return told && (reader->session.audio == 0 || reader->streams[AUDIO].reported);
}

static gboolean
must_wait (const HeRtpReader *reader)
{
  gint64 waited = (gint64)(reader->wall90 - reader->since90);

  /* A clock that was set back would have them wait as much longer. */
  return !reader->streams[VIDEO].mapped && !is_told (reader)
         && reader->held_bytes <= HE_RTP_MAX_HELD && waited >= 0 && waited < HE_RTP_WAIT;
}

static void
map_stream (HeRtpReader *reader, guint number)
{
  Stream *stream = &reader->streams[number];
  const Stream *video = &reader->streams[VIDEO];

  if (is_told (reader)) {
    stream->offset90 = stream->report90;
    if (number != VIDEO) /* whose own report may have come too late for it */
      stream->offset90 += video->offset90 - video->report90;
    stream->mapped = TRUE;
  }
  for (GList *at = reader->held.head; at != NULL && !stream->mapped; at = at->next) {
    const Held *held = at->data;

    if (held->stream != number)
      continue;
    stream->offset90 = (gint64)held->wall90 - held->time90;
    stream->mapped = TRUE;
  }
}

/* By reports if all have told, else by when the first waiting unit of each came; what is
 * mapped stays where it is on air. Sound has no place without pictures. */
static void
map_streams (HeRtpReader *reader)
{
  Stream *video = &reader->streams[VIDEO];

  if (!video->mapped) {
    map_stream (reader, VIDEO);
    /* A picture's time modulo 2^32 stays what it was sent as. */
    reader->shift90 = (video->offset90 + (G_GINT64_CONSTANT (1) << 31))
                      & ~G_GINT64_CONSTANT (0xffffffff);
  }
  for (guint i = AUDIO; i < n_streams (reader) && video->mapped; i++)
    if (!reader->streams[i].mapped)
      map_stream (reader, i);
}

static void
give (HeRtpReader *reader, Held *held)
{
  const Stream *stream = &reader->streams[held->stream];
  gint64 time90 = held->time90 + reader->shift90;
  HePes *pes = g_new0 (HePes, 1);

  if (held->stream == AUDIO)
    time90 += stream->offset90 - reader->streams[VIDEO].offset90;
  pes->data = g_bytes_ref (held->data);
  pes->has_pts = stream->mapped;
  pes->pts33 = pes->dts33 = (guint64)time90 & (HE_PTS_WRAP - 1);
  pes->flags = held->flags;
  reader->handlers->unit (pids[held->stream], pes, held->wall90, reader->user);
  reader->held_bytes -= g_bytes_get_size (held->data);
  held_free (held);
}

static void
drop_held (HeRtpReader *reader)
{
  reader->streams[AUDIO].gap |= !g_queue_is_empty (&reader->held);
  g_queue_clear_full (&reader->held, held_free);
  reader->held_bytes = 0;
}

static void
give_held (HeRtpReader *reader)
{
  map_streams (reader);
  if (!reader->streams[VIDEO].mapped) /* all that waits is sound */
    drop_held (reader);
  while (!g_queue_is_empty (&reader->held))
    give (reader, g_queue_pop_head (&reader->held));
}

/* Takes data. */
static void
take_unit (HeRtpReader *reader, guint number, GBytes *data, gint64 time90, guint64 wall90,
           gboolean torn)
{
  Stream *stream = &reader->streams[number];
  Held *held = g_new (Held, 1);

  *held = (Held) { number, data, time90, 0, wall90 };
  if (torn)
    held->flags |= HE_PES_DAMAGED;
  if (stream->gap)
    held->flags |= HE_PES_GAP;
  stream->gap = FALSE;
  if (g_queue_is_empty (&reader->held))
    reader->since90 = wall90;
  reader->held_bytes += g_bytes_get_size (data);
  g_queue_push_tail (&reader->held, held);
  if (!must_wait (reader))
    give_held (reader);
}

/* --- Video -------------------------------------------------------------------------- */

static void
end_unit (HeRtpReader *reader)
{
  gsize len = reader->unit.data->len;

  if (len > 0)
    take_unit (reader, VIDEO, g_bytes_new (reader->unit.data->data, len),
               reader->unit_time90, reader->unit_wall90, reader->unit.torn);
  else if (reader->unit.torn)
    reader->streams[VIDEO].gap = TRUE;
  g_byte_array_set_size (reader->unit.data, 0);
  reader->begun = reader->unit.torn = reader->unit.in_fu = FALSE;
}

/* first: of its sender. */
static void
read_video (HeRtpReader *reader, const guint8 *data, gsize len, gint64 time90,
            gboolean gap, gboolean first, gboolean marker)
{
  /* The end of one unit, or the beginning of the next, was lost: which, nothing says. */
  if (gap && reader->begun)
    reader->unit.torn = TRUE;
  if (gap)
    reader->unit.in_fu = FALSE;
  if (time90 != reader->unit_time90)
    end_unit (reader);
  if (!reader->begun) {
    reader->begun = TRUE;
    reader->unit.torn = gap || (first && !he_rtp_picture_begins (data, len));
    reader->unit_wall90 = reader->wall90;
  }
  reader->unit_time90 = time90;
  if (len > 0)
    he_rtp_picture_read (&reader->unit, data, len);
  if (marker)
    end_unit (reader);
}

/* --- Audio -------------------------------------------------------------------------- */

static void
read_audio (HeRtpReader *reader, const guint8 *data, gsize len, gint64 time)
{
  Stream *stream = &reader->streams[AUDIO];
  gsize headers = len >= 2 ? (he_read_be16 (data) + 7u) / 8 : 0;

  if (headers == 0 || headers % (AU_HEADER_BITS / 8) != 0 || headers > len - 2) {
    stream->gap = TRUE;
    return;
  }
  const guint8 *header = data + 2, *body = header + headers, *end = data + len;
  for (guint n = 0; header < data + 2 + headers; n++, header += AU_HEADER_BITS / 8) {
    gsize size = he_read_be16 (header) >> (AU_HEADER_BITS - AU_SIZE_BITS);
    gint64 time90 = ticks_of (stream, time + (gint64)n * HE_AUDIO_FRAME);
    GBytes *frame = NULL;

    if (size > 0 && size <= (gsize)(end - body))
      frame = he_adts_maker_frame (&reader->adts, body, size);
    if (frame == NULL) { /* a fragment, or too long to be one of ours */
      stream->gap = TRUE;
      return;
    }
    take_unit (reader, AUDIO, frame, time90, reader->wall90, FALSE);
    body += size;
  }
}

/* --- Packets ------------------------------------------------------------------------ */

/* A sender that is another begins anew, and so does the one beside it: their clocks may
 * be others, too. */
static void
begin_anew (HeRtpReader *reader, guint number)
{
  end_unit (reader);
  give_held (reader);
  for (guint i = 0; i < N_STREAMS; i++) {
    reader->streams[i].mapped = FALSE;
    reader->streams[i].reported &= i != number;
  }
  reader->streams[number].known = FALSE;
  reader->streams[number].gap = TRUE;
}

/* FALSE: the packet is an old one. */
static gboolean
follow (HeRtpReader *reader, guint number, guint32 ssrc, guint16 sequence, gboolean *ret_gap)
{
  Stream *stream = &reader->streams[number];
  gint16 step = (gint16)(sequence - stream->sequence);

  if (stream->known && stream->ssrc != ssrc)
    begin_anew (reader, number);
  *ret_gap = stream->known && step != 1;
  if (stream->known && stream->ssrc == ssrc && step <= 0 && step > -100)
    return FALSE;
  stream->gap |= *ret_gap;
  stream->ssrc = ssrc;
  stream->sequence = sequence;
  return TRUE;
}

/* What the header, its extension and padding leave; 0: nothing. */
static gsize
payload_of (const guint8 *packet, gsize len, gsize *ret_at)
{
  gsize at = RTP_HEADER + (packet[0] & 15u) * 4;

  if (packet[0] & 0x10) {
    if (at + 4 > len)
      return 0;
    at += 4 + he_read_be16 (packet + at + 2) * 4u;
  }
  gsize padding = packet[0] & 0x20 ? packet[len - 1] : 0;
  *ret_at = at;
  return at + padding < len ? len - at - padding : 0;
}

static void
read_rtp (HeRtpReader *reader, const guint8 *packet, gsize len)
{
  guint payload = packet[1] & 0x7f, number;
  gsize at = 0, size = payload_of (packet, len, &at);
  gboolean gap;

  if (payload == reader->session.video)
    number = VIDEO;
  else if (payload == reader->session.audio && payload != 0)
    number = AUDIO;
  else
    return;
  if (!follow (reader, number, he_read_be32 (packet + 8), he_read_be16 (packet + 2),
               &gap))
    return;
  Stream *stream = &reader->streams[number];
  gboolean first = !stream->known;
  stream->time = unwrap (stream, he_read_be32 (packet + 4));
  stream->known = TRUE;
  if (number == VIDEO)
    read_video (reader, packet + at, size, stream->time, gap, first, packet[1] & 0x80);
  else if (size > 0)
    read_audio (reader, packet + at, size, stream->time);
}

/* The sender's time of day, in ticks since the epoch. */
static guint64
ntp_ticks (const guint8 *ntp)
{
  guint64 seconds = he_read_be32 (ntp), fraction = he_read_be32 (ntp + 4);

  return (seconds - NTP_UNIX) * HE_TICKS_PER_SECOND
         + (fraction * HE_TICKS_PER_SECOND >> 32);
}

static void
read_report (HeRtpReader *reader, const guint8 *packet)
{
  for (guint i = 0; i < N_STREAMS; i++) {
    Stream *stream = &reader->streams[i];

    if (!stream->known || stream->ssrc != he_read_be32 (packet + 4))
      continue;
    stream->reported = TRUE;
    stream->report90 = (gint64)ntp_ticks (packet + 8)
                       - ticks_of (stream, unwrap (stream, he_read_be32 (packet + 16)));
  }
}

/* Reports come in compound packets, with those of senders first. */
static void
read_rtcp (HeRtpReader *reader, const guint8 *packet, gsize len)
{
  while (len >= 4) {
    gsize size = (he_read_be16 (packet + 2) + 1u) * 4;

    if (size > len)
      return;
    if (packet[1] == SENDER_REPORT && size >= REPORT_BYTES)
      read_report (reader, packet);
    packet += size;
    len -= size;
  }
  if (!g_queue_is_empty (&reader->held) && !must_wait (reader))
    give_held (reader);
}

void
he_rtp_reader_push (HeRtpReader *reader, const guint8 *packet, gsize len, guint64 wall90)
{
  reader->wall90 = wall90;
  if (len < 4 || packet[0] >> 6 != 2)
    return;
  if (packet[1] >= 192 && packet[1] <= 223)
    read_rtcp (reader, packet, len);
  else if (len >= RTP_HEADER)
    read_rtp (reader, packet, len);
}

void
he_rtp_reader_finish (HeRtpReader *reader)
{
  end_unit (reader);
  give_held (reader);
}
