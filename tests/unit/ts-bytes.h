/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <string.h>

#include "he-codec.h"
#include "he-psi.h"

/* Writes transport streams for tests, good ones and, by choice of its arguments, bad
 * ones. Independent of the project's own writer, so that the two check each other. */

#define TS_BYTES_PMT 0x0100
#define TS_BYTES_VIDEO 0x0101
#define TS_BYTES_AUDIO 0x0102
#define TS_BYTES_NO_TIME G_MAXUINT64

typedef struct {
  GByteArray *out;
  guint8 counters[8192];
} TsBytes;

static inline TsBytes *
ts_bytes_new (void)
{
  TsBytes *ts = g_new0 (TsBytes, 1);

  ts->out = g_byte_array_new ();
  return ts;
}

static inline void
ts_bytes_free (TsBytes *ts)
{
  g_byte_array_unref (ts->out);
  g_free (ts);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TsBytes, ts_bytes_free)

/* One packet with up to 184 bytes of payload, stuffed with an adaptation field. Returns
 * its place in the output. */
static inline gsize
ts_bytes_packet (TsBytes *ts, guint16 pid, gboolean start, const guint8 *payload,
                 gsize len)
{
  guint8 packet[188];
  gsize at = ts->out->len, stuffing = 184 - len;

  g_assert_cmpuint (len, <=, 184);
  memset (packet, 0xff, sizeof packet);
  packet[0] = 0x47;
  packet[1] = (guint8)((start ? 0x40 : 0) | pid >> 8);
  packet[2] = (guint8)pid;
  packet[3] = (guint8)((stuffing > 0 ? 0x30 : 0x10) | (ts->counters[pid] & 0x0f));
  ts->counters[pid]++;
  if (stuffing > 0)
    packet[4] = (guint8)(stuffing - 1);
  if (stuffing > 1)
    packet[5] = 0;
  memcpy (packet + 188 - len, payload, len);
  g_byte_array_append (ts->out, packet, sizeof packet);
  return at;
}

/* Cuts a unit (section with its pointer, or PES packet) into packets. */
static inline void
ts_bytes_unit (TsBytes *ts, guint16 pid, const guint8 *data, gsize len)
{
  for (gsize at = 0; at < len; at += 184)
    ts_bytes_packet (ts, pid, at == 0, data + at, MIN (len - at, 184));
}

/* Closes a section whose first bytes are in the array: length and CRC. */
static inline void
ts_bytes_section (TsBytes *ts, guint16 pid, GByteArray *section)
{
  guint8 pointer = 0, crc[4];
  guint32 value;

  section->data[1] = (guint8)(0xb0 | (section->len + 4 - 3) >> 8);
  section->data[2] = (guint8)(section->len + 4 - 3);
  value = he_crc32_mpeg (section->data, section->len);
  for (guint i = 0; i < 4; i++)
    crc[i] = (guint8)(value >> (24 - 8 * i));
  g_byte_array_append (section, crc, 4);
  g_byte_array_prepend (section, &pointer, 1);
  ts_bytes_unit (ts, pid, section->data, section->len);
}

static inline void
ts_bytes_pat (TsBytes *ts, guint16 program, guint16 pmt_pid)
{
  const guint8 bytes[] = { 0x00,
                           0,
                           0,
                           0x00,
                           0x01,
                           0xc1,
                           0,
                           0,
                           0x00,
                           0x00,
                           0xe0,
                           0x10, /* the network PID comes first */
                           (guint8)(program >> 8),
                           (guint8)program,
                           (guint8)(0xe0 | pmt_pid >> 8),
                           (guint8)pmt_pid };
  g_autoptr (GByteArray) section = g_byte_array_new ();

  g_byte_array_append (section, bytes, sizeof bytes);
  ts_bytes_section (ts, 0, section);
}

/* streams: n pairs of {PID, stream type}. A language descriptor goes with each. */
static inline void
ts_bytes_pmt (TsBytes *ts, guint16 program, guint16 pmt_pid, const guint16 (*streams)[2],
              guint n)
{
  const guint8 bytes[]
      = { 0x02, 0,    0,   (guint8)(program >> 8), (guint8)program, 0xc1, 0, 0, 0xe1,
          0x01, 0xf0, 0x00 };
  g_autoptr (GByteArray) section = g_byte_array_new ();

  g_byte_array_append (section, bytes, sizeof bytes);
  for (guint i = 0; i < n; i++) {
    const guint8 entry[] = { (guint8)streams[i][1],
                             (guint8)(0xe0 | streams[i][0] >> 8),
                             (guint8)streams[i][0],
                             0xf0,
                             6,
                             0x0a,
                             4,
                             'e',
                             'n',
                             'g',
                             0 };

    g_byte_array_append (section, entry, sizeof entry);
  }
  ts_bytes_section (ts, pmt_pid, section);
}

static const guint16 ts_bytes_both[][2] = { { TS_BYTES_VIDEO, HE_STREAM_TYPE_H264 },
                                            { TS_BYTES_AUDIO, HE_STREAM_TYPE_AAC_ADTS } };

/* PAT and PMT of program 1: H.264 on TS_BYTES_VIDEO, AAC on TS_BYTES_AUDIO. */
static inline void
ts_bytes_tables (TsBytes *ts)
{
  ts_bytes_pat (ts, 1, TS_BYTES_PMT);
  ts_bytes_pmt (ts, 1, TS_BYTES_PMT, ts_bytes_both, 2);
}

static inline void
ts_bytes_timestamp (guint8 *p, guint8 prefix, guint64 time)
{
  p[0] = (guint8)(prefix << 4 | (time >> 30 & 7) << 1 | 1);
  p[1] = (guint8)(time >> 22);
  p[2] = (guint8)(time >> 14 | 1);
  p[3] = (guint8)(time >> 7);
  p[4] = (guint8)(time << 1 | 1);
}

/* A PES packet. pts, dts: TS_BYTES_NO_TIME for none; dts equal to pts is left out.
 * bounded: with its length. */
static inline GByteArray *
ts_bytes_make_pes (guint8 stream_id, guint64 pts, guint64 dts, gboolean bounded,
                   const guint8 *data, gsize len)
{
  GByteArray *pes = g_byte_array_new ();
  guint8 header[19] = { 0, 0, 1, stream_id, 0, 0, 0x80 };
  gsize size = 9;

  if (pts != TS_BYTES_NO_TIME) {
    header[7] = 0x80;
    ts_bytes_timestamp (header + 9, 2, pts);
    size = 14;
    if (dts != TS_BYTES_NO_TIME && dts != pts) {
      header[7] = 0xc0;
      ts_bytes_timestamp (header + 9, 3, pts);
      ts_bytes_timestamp (header + 14, 1, dts);
      size = 19;
    }
  }
  header[8] = (guint8)(size - 9);
  if (bounded) {
    header[4] = (guint8)((size - 6 + len) >> 8);
    header[5] = (guint8)(size - 6 + len);
  }
  g_byte_array_append (pes, header, (guint)size);
  g_byte_array_append (pes, data, (guint)len);
  return pes;
}

static inline void
ts_bytes_pes (TsBytes *ts, guint16 pid, guint64 pts, guint64 dts, const guint8 *data,
              gsize len)
{
  gboolean audio = pid == TS_BYTES_AUDIO;
  g_autoptr (GByteArray) pes
      = ts_bytes_make_pes (audio ? 0xc0 : 0xe0, pts, dts, audio, data, len);

  ts_bytes_unit (ts, pid, pes->data, pes->len);
}

/* A picture of about size bytes that no decoder would show, but whose NAL units have the
 * right types: access unit delimiter, for an IDR picture SPS and PPS, slice. */
static inline void
ts_bytes_picture (TsBytes *ts, guint64 pts, guint64 dts, gboolean idr, gsize size)
{
  static const guint8 head[] = { 0, 0, 0, 1, 9, 0xf0 };
  static const guint8 sets[]
      = { 0, 0, 0, 1, 0x67, 0x42, 0, 0x1e, 0, 0, 0, 1, 0x68, 0xce };
  const guint8 slice[] = { 0, 0, 1, idr ? 0x65 : 0x41 };
  g_autoptr (GByteArray) data = g_byte_array_new ();

  g_byte_array_append (data, head, sizeof head);
  if (idr)
    g_byte_array_append (data, sets, sizeof sets);
  g_byte_array_append (data, slice, sizeof slice);
  while (data->len < size)
    g_byte_array_append (data, (const guint8 *)"\x88", 1);
  ts_bytes_pes (ts, TS_BYTES_VIDEO, pts, dts, data->data, data->len);
}

/* Appends one ADTS frame of a given size; rate: its index (3: 48 kHz, 4: 44.1 kHz). */
static inline void
ts_bytes_adts (GByteArray *to, guint rate, gsize size, guint8 fill)
{
  const guint8 header[7] = { 0xff,
                             0xf1,
                             (guint8)(0x40 | rate << 2),
                             (guint8)(0x80 | size >> 11),
                             (guint8)(size >> 3),
                             (guint8)(size << 5 | 0x1f),
                             0xfc };

  g_byte_array_append (to, header, sizeof header);
  for (gsize i = sizeof header; i < size; i++)
    g_byte_array_append (to, &fill, 1);
}
