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
write_audio (TsBytes *ts, gint64 pts, guint8 number)
{
  g_autoptr (GByteArray) data = g_byte_array_new ();

  for (guint i = 0; i < SAMPLES_A_UNIT; i++)
    ts_bytes_adts (data, 3, 200, (guint8)(number + i));
  ts_bytes_pes (ts, TS_BYTES_AUDIO, turn (pts), turn (pts), data->data, data->len);
}

/* Frames first .. last-1 of a timeline that begins at start. */
static inline void
write_feed (TsBytes *ts, gint64 start, guint first, guint last)
{
  static const int reorder[] = { 1, 3, 0, 0 }; /* by which PTS is behind DTS, in frames */
  guint unit = (first * FRAME + 7679) / 7680;

  for (guint i = first; i < last; i++) {
    gint64 dts = start + (gint64)i * FRAME;

    if (i % 5 == 0)
      ts_bytes_tables (ts);
    ts_bytes_picture (ts, turn (dts + reorder[i % 4] * FRAME), turn (dts),
                      i % IDR_EVERY == 0, 700 + 13 * (i % 17));
    for (; (gint64)unit * 7680 < (gint64)(i + 1) * FRAME; unit++)
      write_audio (ts, start + (gint64)unit * 7680, (guint8)(unit * SAMPLES_A_UNIT));
  }
}
