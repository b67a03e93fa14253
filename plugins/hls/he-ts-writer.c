/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-ts-writer.h"

#include <string.h>

#include "he-codec.h"
#include "he-epoch.h"
#include "he-error.h"
#include "he-nal.h"

/* Packets with payload come in multiples of this, the continuity counter's modulus. */
#define ROUND 16

#define PAYLOAD (HE_TS_PACKET - 4)
#define PCR_FIELD 8 /* adaptation field with a PCR and nothing else */
#define PROGRAM 1

/* What a stream is in a transport stream. */
typedef struct {
  guint8 type; /* stream_type: table 2-34, ISO/IEC 13818-1 */
  guint8 stream_id;
  guint16 pid;
  const char
      *registration; /* format_identifier of a descriptor (section 2.6.8), or NULL */
  /* An access unit delimiter that allows all slice types, and the type of its NAL unit.
   */
  guint8 delimiter[7];
  guint8 delimiter_len, delimiter_type;
} Kind;

static const Kind kinds[] = {
  [HE_TS_H264] = { 0x1b, 0xe0, HE_TS_VIDEO_PID, NULL, { 0, 0, 0, 1, 0x09, 0xf0 }, 6, 9 },
  /* Receivers of before 0x24 was assigned know H.265 by the descriptor. */
  [HE_TS_H265]
  = { 0x24, 0xe0, HE_TS_VIDEO_PID, "HEVC", { 0, 0, 0, 1, 0x46, 0x01, 0x50 }, 7, 35 },
  [HE_TS_ADTS] = { 0x0f, 0xc0, HE_TS_AUDIO_PID },
};

/* One PES packet, and how it is cut into TS packets. */
typedef struct {
  const HeAccessUnit *units;
  guint n_units;
  gboolean delimiter; /* in front of them */
  gsize len;
  gsize header; /* bytes of the PES header, which are never split: readers rely on it */
  guint64 dts90;
  gboolean keyframe;
  guint packets;
  gboolean even; /* spread over more packets than needed */
} Pes;

typedef struct {
  HeTsCodec codec;
  GArray *pes; /* Pes */
  gsize bytes; /* of them all */
} Plan;

typedef struct {
  guint8 *at; /* the next packet's place */
  guint16 pid;
  guint counter;
} Writer;

/* ---- sections ---- */

/* A packet that holds one section and 0xff; len counts the section without its CRC. */
static void
append_section (Writer *writer, guint16 pid, guint counter, const guint8 *section,
                gsize len)
{
  guint8 *packet = writer->at;

  writer->at += HE_TS_PACKET;
  memset (packet, 0xff, HE_TS_PACKET);
  packet[0] = 0x47;
  he_write_be16 (packet + 1, 0x4000 | pid);
  packet[3] = (guint8)(0x10 | (counter % ROUND));
  packet[4] = 0; /* pointer_field */
  memcpy (packet + 5, section, len);
  he_write_be32 (packet + 5 + len, he_crc32_mpeg (section, len));
}

static void
append_pmt (Writer *writer, const Kind *kind, guint counter)
{
  gsize info = kind->registration != NULL ? 6 : 0;
  guint8 pmt[23] = { 0x02,
                     0xb0,
                     (guint8)(18 + info),
                     0,
                     PROGRAM,
                     0xc1,
                     0,
                     0,
                     (guint8)(0xe0 | writer->pid >> 8),
                     (guint8)writer->pid,
                     0xf0,
                     0,
                     kind->type,
                     (guint8)(0xe0 | writer->pid >> 8),
                     (guint8)writer->pid,
                     0xf0,
                     (guint8)info };

  if (info > 0) {
    pmt[17] = 0x05;
    pmt[18] = 4;
    memcpy (pmt + 19, kind->registration, 4);
  }
  append_section (writer, HE_TS_PMT_PID, counter, pmt, 17 + info);
}

static void
append_tables (Writer *writer, HeTsCodec codec, guint counter)
{
  const guint8 pat[] = { 0x00,
                         0xb0,
                         13,
                         0,
                         1,
                         0xc1,
                         0,
                         0,
                         0,
                         PROGRAM,
                         0xe0 | HE_TS_PMT_PID >> 8,
                         HE_TS_PMT_PID & 0xff };

  append_section (writer, 0, counter, pat, sizeof pat);
  append_pmt (writer, &kinds[codec], counter);
}

/* ---- PES ---- */

static void
write_timestamp (guint8 *p, guint8 prefix, guint64 t90)
{
  guint64 t = t90 & (HE_PTS_WRAP - 1);

  p[0] = (guint8)(prefix << 4 | (t >> 30 & 7) << 1 | 1);
  he_write_be16 (p + 1, (guint16)((t >> 15 & 0x7fff) << 1 | 1));
  he_write_be16 (p + 3, (guint16)((t & 0x7fff) << 1 | 1));
}

static gsize
pes_header_len (const HeAccessUnit *first)
{
  return first->dts90 != first->pts90 ? 19 : 14;
}

static void
append_pes_header (GByteArray *out, HeTsCodec codec, const HeAccessUnit *first,
                   gsize pes_len)
{
  guint8 header[19] = { 0, 0, 1, kinds[codec].stream_id };
  gsize len = pes_header_len (first), rest = pes_len - 6;
  gboolean has_dts = len > 14;

  /* Zero means unbounded, which only video may be. */
  he_write_be16 (header + 4, rest <= G_MAXUINT16 ? (guint16)rest : 0);
  header[6] = 0x84; /* data_alignment_indicator */
  header[7] = has_dts ? 0xc0 : 0x80;
  header[8] = (guint8)(len - 9);
  write_timestamp (header + 9, has_dts ? 3 : 2, first->pts90);
  if (has_dts)
    write_timestamp (header + 14, 1, first->dts90);
  g_byte_array_append (out, header, (guint)len);
}

/* Whether the first NAL unit of a picture is one. */
static gboolean
has_delimiter (HeTsCodec codec, const HeAccessUnit *unit)
{
  const guint8 *nal = he_nal_next (unit->data, unit->data + unit->len);
  guint type;

  if (nal == NULL)
    return FALSE;
  type = codec == HE_TS_H265 ? he_nal_h265_type (nal) : he_nal_h264_type (nal);
  return type == kinds[codec].delimiter_type;
}

static void
add_pes (Plan *plan, const HeAccessUnit *units, guint n_units)
{
  Pes pes = { .units = units,
              .n_units = n_units,
              .delimiter
              = he_ts_is_video (plan->codec) && !has_delimiter (plan->codec, units),
              .header = pes_header_len (&units[0]),
              .dts90 = units[0].dts90,
              .keyframe = units[0].keyframe };

  pes.len = pes.header + (pes.delimiter ? kinds[plan->codec].delimiter_len : 0);
  for (guint i = 0; i < n_units; i++)
    pes.len += units[i].len;
  pes.packets = (guint)((pes.len + PCR_FIELD + PAYLOAD - 1) / PAYLOAD);
  plan->bytes += pes.len;
  g_array_append_val (plan->pes, pes);
}

static void
put_together (HeTsCodec codec, const Pes *pes, GByteArray *ret_bytes)
{
  const Kind *kind = &kinds[codec];

  g_byte_array_set_size (ret_bytes, 0);
  append_pes_header (ret_bytes, codec, pes->units, pes->len);
  if (pes->delimiter)
    g_byte_array_append (ret_bytes, kind->delimiter, kind->delimiter_len);
  for (guint i = 0; i < pes->n_units; i++)
    g_byte_array_append (ret_bytes, pes->units[i].data, (guint)pes->units[i].len);
}

/* How many units go into the PES that begins with the first: one picture, or as many
 * audio frames as leave the next PCR in time and the length in its 16 bits. */
static guint
units_of_pes (HeTsCodec codec, const HeAccessUnit *units, guint n_units)
{
  guint n = 1;
  gsize bytes = units[0].len;

  if (he_ts_is_video (codec))
    return 1;
  for (; n < n_units && bytes + units[n].len < G_MAXUINT16 / 2; n++) {
    guint64 next90
        = n + 1 < n_units ? units[n + 1].pts90 : 2 * units[n].pts90 - units[n - 1].pts90;

    if (next90 - units[0].pts90 > HE_TS_PCR_INTERVAL)
      break;
    bytes += units[n].len;
  }
  return n;
}

/* Makes the number of packets a multiple of ROUND: the last PES packets are spread over
 * more, at least one byte in each and the header whole in the first. */
static gboolean
spread (Plan *plan, guint *ret_packets, GError **error)
{
  guint packets = 0, missing;

  for (guint i = 0; i < plan->pes->len; i++)
    packets += g_array_index (plan->pes, Pes, i).packets;
  missing = (ROUND - packets % ROUND) % ROUND;
  *ret_packets = packets + missing;
  for (guint i = plan->pes->len; i > 0 && missing > 0; i--) {
    Pes *pes = &g_array_index (plan->pes, Pes, i - 1);
    gsize most = 1 + pes->len - pes->header;
    guint more = (guint)MIN (missing, most - MIN (most, pes->packets));

    pes->packets += more;
    pes->even = more > 0;
    missing -= more;
  }
  if (missing == 0)
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
               "segment of %" G_GSIZE_FORMAT " bytes: too short to fill %d packets",
               plan->bytes, ROUND);
  return FALSE;
}

/* ---- packets ---- */

static void
write_pcr (guint8 *p, guint64 pcr90)
{
  guint64 base = pcr90 & (HE_PTS_WRAP - 1);

  he_write_be32 (p, (guint32)(base >> 1));
  he_write_be16 (p + 4, (guint16)((base & 1) << 15 | 0x7e00)); /* extension 0 */
}

/* A packet of the stream: len bytes of payload behind as much adaptation field as fills
 * it. With pcr90 the field carries a PCR; without payload it repeats the last counter. */
static void
append_packet (Writer *writer, const guint8 *data, gsize len, gboolean start,
               gboolean random_access, const guint64 *pcr90)
{
  guint8 *packet = writer->at;
  gsize field = PAYLOAD - len;
  guint counter = len > 0 ? writer->counter++ : writer->counter - 1;

  writer->at += HE_TS_PACKET;
  packet[0] = 0x47;
  he_write_be16 (packet + 1, (guint16)((start ? 0x4000 : 0) | writer->pid));
  packet[3] = (guint8)((field > 0 ? 0x20 : 0) | (len > 0 ? 0x10 : 0) | counter % ROUND);
  if (field > 0)
    packet[4] = (guint8)(field - 1);
  if (field > 1) {
    packet[5] = (guint8)((random_access ? 0x40 : 0) | (pcr90 != NULL ? 0x10 : 0));
    memset (packet + 6, 0xff, field - 2);
    if (pcr90 != NULL)
      write_pcr (packet + 6, *pcr90);
  }
  if (len > 0)
    memcpy (packet + HE_TS_PACKET - len, data, len);
}

static gsize
next_chunk (const Pes *pes, gsize done, guint packet)
{
  gsize rest = pes->len - done;
  gsize cap = packet == 0 ? PAYLOAD - PCR_FIELD : PAYLOAD;
  guint left = pes->packets - packet;
  gsize want = pes->even ? (rest + left - 1) / left : rest;

  if (packet == 0)
    want = MAX (want, pes->header);
  return MIN (want, cap);
}

/* Tables stand before every sixteenth part of the stream's packets. */
static void
append_pes (Writer *writer, HeTsCodec codec, const Pes *pes, const guint8 *bytes,
            guint total)
{
  guint64 pcr90 = pes->dts90 - HE_TS_PCR_DELAY;
  guint part = total / ROUND;
  gsize done = 0;

  for (guint i = 0; i < pes->packets; i++) {
    gsize len = next_chunk (pes, done, i);

    if (writer->counter % part == 0)
      append_tables (writer, codec, writer->counter / part);
    append_packet (writer, bytes + done, len, i == 0, i == 0 && pes->keyframe,
                   i == 0 ? &pcr90 : NULL);
    done += len;
  }
}

/* Between pictures further apart than the PCR interval, packets that hold only a PCR. */
static void
append_pcrs (Writer *writer, guint64 from90, guint64 to90)
{
  /* By distance, since the first DTS may lie before zero. */
  for (guint64 step = HE_TS_PCR_INTERVAL; step < to90 - from90;
       step += HE_TS_PCR_INTERVAL) {
    guint64 pcr90 = from90 + step - HE_TS_PCR_DELAY;

    append_packet (writer, NULL, 0, FALSE, FALSE, &pcr90);
  }
}

static gsize
count_pcrs (const Plan *plan)
{
  gsize n = 0;

  for (guint i = 1; i < plan->pes->len; i++) {
    const Pes *pes = &g_array_index (plan->pes, Pes, i);

    n += (pes->dts90 - pes[-1].dts90 - 1) / HE_TS_PCR_INTERVAL;
  }
  return n;
}

static GBytes *
write_plan (const Plan *plan, guint total)
{
  gsize size = (total + 2 * ROUND + count_pcrs (plan)) * HE_TS_PACKET;
  guint8 *data = g_malloc (size + HE_TS_ROOM);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  Writer writer = { .at = data, .pid = kinds[plan->codec].pid };

  for (guint i = 0; i < plan->pes->len; i++) {
    const Pes *pes = &g_array_index (plan->pes, Pes, i);

    if (i > 0)
      append_pcrs (&writer, pes[-1].dts90, pes->dts90);
    put_together (plan->codec, pes, bytes);
    append_pes (&writer, plan->codec, pes, bytes->data, total);
  }
  g_assert (writer.at == data + size);
  return g_bytes_new_take (data, size);
}

static gboolean
check_units (HeTsCodec codec, const HeAccessUnit *units, guint n_units, GError **error)
{
  if (n_units == 0 || !units[0].keyframe) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID, "segment %s",
                 n_units == 0 ? "without a unit" : "does not begin with a keyframe");
    return FALSE;
  }
  for (guint i = 0; i < n_units; i++) {
    const HeAccessUnit *unit = &units[i];
    gint64 step = i == 0 ? 1 : (gint64)(unit->dts90 - unit[-1].dts90);

    if (step <= 0 || (gint64)(unit->pts90 - unit->dts90) < 0 || unit->len == 0
        || step > (gint64)HE_PTS_WRAP / 2
        || (codec == HE_TS_ADTS && unit->len > G_MAXUINT16 / 2)) {
      g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                   "unit %u of %u: %" G_GSIZE_FORMAT " bytes, DTS %" G_GUINT64_FORMAT
                   ", PTS %" G_GUINT64_FORMAT
                   ": empty, too large, or its time runs backwards",
                   i, n_units, unit->len, unit->dts90, unit->pts90);
      return FALSE;
    }
  }
  return TRUE;
}

GBytes *
he_ts_write_segment (HeTsCodec codec, const HeAccessUnit *units, guint n_units,
                     GError **error)
{
  g_autoptr (GArray) pes = g_array_new (FALSE, FALSE, sizeof (Pes));
  Plan plan = { .codec = codec, .pes = pes };
  guint total;

  if (!check_units (codec, units, n_units, error))
    return NULL;
  for (guint i = 0; i < n_units;) {
    guint n = units_of_pes (codec, units + i, n_units - i);

    add_pes (&plan, units + i, n);
    i += n;
  }
  if (!spread (&plan, &total, error))
    return NULL;
  return write_plan (&plan, total);
}
