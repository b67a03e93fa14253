/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-epoch.h"
#include "ts-bytes.h"

#define SECOND ((gint64)HE_TICKS_PER_SECOND)
#define FRAME 3600
#define WALL (G_GUINT64_CONSTANT (1795000000) * HE_TICKS_PER_SECOND)
#define IDR_EVERY 50
#define SAMPLES_A_UNIT 4

/* --- A feed: 25 pictures a second in the order I P B B, AAC at 48 kHz -----------------
 */

static inline guint64
turn (gint64 ticks)
{
  return (guint64)ticks & (HE_PTS_WRAP - 1);
}

static inline void
write_audio_on (TsBytes *ts, guint16 pid, gint64 pts, guint8 number)
{
  g_autoptr (GByteArray) data = g_byte_array_new ();

  for (guint i = 0; i < SAMPLES_A_UNIT; i++)
    ts_bytes_adts (data, 3, 200, (guint8)(number + i));
  g_autoptr (GByteArray) pes
      = ts_bytes_make_pes (0xc0, turn (pts), turn (pts), TRUE, data->data, data->len);
  ts_bytes_unit (ts, pid, pes->data, pes->len);
}

static inline void
write_audio (TsBytes *ts, gint64 pts, guint8 number)
{
  write_audio_on (ts, TS_BYTES_AUDIO, pts, number);
}

/* Frames first .. last-1 of a timeline that begins at start: what its map says, and the
 * PID of its sound, which there is none of with 0. */
static inline void
write_mapped (TsBytes *ts, gint64 start, guint first, guint last, const guint16 (*map)[2],
              guint n, guint16 sound)
{
  static const int reorder[] = { 1, 3, 0, 0 }; /* by which PTS is behind DTS, in frames */
  guint unit = (first * FRAME + 7679) / 7680;

  for (guint i = first; i < last; i++) {
    gint64 dts = start + (gint64)i * FRAME;

    if (i % 5 == 0) {
      ts_bytes_pat (ts, 1, TS_BYTES_PMT);
      ts_bytes_pmt (ts, 1, TS_BYTES_PMT, map, n);
    }
    ts_bytes_picture (ts, turn (dts + reorder[i % 4] * FRAME), turn (dts),
                      i % IDR_EVERY == 0, 700 + 13 * (i % 17));
    for (; sound && (gint64)unit * 7680 < (gint64)(i + 1) * FRAME; unit++)
      write_audio_on (ts, sound, start + (gint64)unit * 7680,
                      (guint8)(unit * SAMPLES_A_UNIT));
  }
}

static inline void
write_feed (TsBytes *ts, gint64 start, guint first, guint last)
{
  write_mapped (ts, start, first, last, ts_bytes_both, 2, TS_BYTES_AUDIO);
}
