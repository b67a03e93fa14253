/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "viewer-streams.h"

#include <string.h>
#include "he-adts.h"
#include "he-pes.h"
#include "he-ts-parser.h"

#define PIDS 8192
#define UNKNOWN 0xff

struct _HeadendStreams {
  HeadendLedger *ledger;
  HeadendTrack track;
  HeadendPictureFunc pictures;
  gpointer user;
  guint8 counters[PIDS]; /* the last continuity counter of each PID */
  guint64 msn;           /* being read */
  guint8 type;
  HePesAssembler *pes;
  HeAdtsSplitter *adts;
};

HeadendStreams *
headend_streams_new (HeadendLedger *ledger, HeadendTrack track,
                     HeadendPictureFunc pictures, gpointer user)
{
  HeadendStreams *streams = g_new0 (HeadendStreams, 1);
  streams->ledger = ledger;
  streams->track = track;
  streams->pictures = pictures;
  streams->user = user;
  headend_streams_skip (streams);
  return streams;
}

void
headend_streams_free (HeadendStreams *streams)
{
  g_free (streams);
}

void
headend_streams_skip (HeadendStreams *streams)
{
  memset (streams->counters, UNKNOWN, sizeof streams->counters);
}

/* Players look at counters across segments, whichever node each came from. */
static void
check_counters (HeadendStreams *streams, const guint8 *data, gsize len)
{
  if (len % HE_TS_PACKET != 0)
    streams->ledger->tally.broken++;
  for (gsize at = 0; at + HE_TS_PACKET <= len; at += HE_TS_PACKET) {
    const guint8 *packet = data + at;
    if (packet[0] != 0x47) {
      streams->ledger->tally.broken++;
      return;
    }
    guint pid = (guint)(packet[1] & 0x1f) << 8 | packet[2];
    guint8 counter = packet[3] & 0x0f;
    if (!(packet[3] & 0x10) || pid == PIDS - 1)
      continue;
    if (streams->counters[pid] != UNKNOWN
        && counter != ((streams->counters[pid] + 1) & 0x0f))
      streams->ledger->tally.broken++;
    streams->counters[pid] = counter;
  }
}

static void
on_sound (const HeAdtsFrame *frame, gpointer user)
{
  HeadendStreams *streams = user;
  HeadendLedger *ledger = streams->ledger;
  headend_ledger_check_place (ledger, streams->track, streams->msn, frame->pts90);
  headend_ledger_sound (ledger, frame->pts90);
}

static void
on_unit (HePes *pes, gpointer user)
{
  HeadendStreams *streams = user;
  HeadendLedger *ledger = streams->ledger;
  guint64 pts90 = headend_ledger_place (ledger, streams->msn, pes->pts33);
  if (!pes->has_pts || pes->flags & HE_PES_DAMAGED)
    ledger->tally.broken++;
  if (streams->track == HEADEND_TRACK_AUDIO) {
    gsize len;
    const guint8 *data = g_bytes_get_data (pes->data, &len);
    he_adts_splitter_push (streams->adts, data, len,
                           pes->has_pts ? pts90 : HE_ADTS_NO_TIME, FALSE, FALSE);
  } else if (pes->has_pts) {
    headend_ledger_check_place (ledger, streams->track, streams->msn, pts90);
    if (streams->pictures)
      streams->pictures (pes->data, pts90, streams->user);
  }
  he_pes_free (pes);
}

static void
on_program (const HePmt *pmt, gpointer user)
{
  ((HeadendStreams *)user)->type = pmt->streams[0].type;
}

static void
on_payload (guint16 pid, const guint8 *data, gsize len, HeTsFlags flags, gpointer user)
{
  HeadendStreams *streams = user;
  he_pes_assembler_push (streams->pes, data, len, (flags & HE_TS_UNIT_START) != 0,
                         (flags & HE_TS_GAP) != 0);
}

void
headend_streams_push (HeadendStreams *streams, guint64 msn, GBytes *clear)
{
  static const HeTsHandlers handlers = { on_program, on_payload };
  gsize len;
  const guint8 *data = g_bytes_get_data (clear, &len);
  g_autoptr (HePesAssembler) pes = he_pes_assembler_new (on_unit, streams);
  g_autoptr (HeAdtsSplitter) adts = he_adts_splitter_new (on_sound, streams);
  g_autoptr (HeTsParser) parser = he_ts_parser_new (&handlers, streams);
  streams->msn = msn;
  streams->pes = pes;
  streams->adts = adts;
  check_counters (streams, data, len);
  if (!he_ts_parser_push (parser, data, len, NULL) || !he_ts_parser_finish (parser, NULL))
    streams->ledger->tally.broken++;
  he_pes_assembler_flush (pes, FALSE);
  he_adts_splitter_flush (adts);
}

guint8
headend_streams_type (const HeadendStreams *streams)
{
  return streams->type;
}
