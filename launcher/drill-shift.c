/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drill-shift.h"

#define PACKET 188
#define MASK ((G_GUINT64_CONSTANT (1) << 33) - 1)

/* Five bytes: four bits of prefix, 33 of time between marker bits. */
static void
shift_time (guint8 *p, guint64 ticks)
{
  guint64 time = (guint64)(p[0] >> 1 & 7) << 30 | (guint64)p[1] << 22
                 | (guint64)(p[2] >> 1) << 15 | (guint64)p[3] << 7 | p[4] >> 1;
  time = (time + ticks) & MASK;
  p[0] = (guint8)((p[0] & 0xf0) | (time >> 30 & 7) << 1 | 1);
  p[1] = (guint8)(time >> 22);
  p[2] = (guint8)((time >> 15 & 0x7f) << 1 | 1);
  p[3] = (guint8)(time >> 7);
  p[4] = (guint8)((time & 0x7f) << 1 | 1);
}

static void
shift_pcr (guint8 *p, guint64 ticks)
{
  guint64 base = (guint64)p[0] << 25 | (guint64)p[1] << 17 | (guint64)p[2] << 9
                 | (guint64)p[3] << 1 | p[4] >> 7;
  base = (base + ticks) & MASK;
  p[0] = (guint8)(base >> 25);
  p[1] = (guint8)(base >> 17);
  p[2] = (guint8)(base >> 9);
  p[3] = (guint8)(base >> 1);
  p[4] = (guint8)((base & 1) << 7 | (p[4] & 0x7f));
}

static void
shift_packet (guint8 *p, guint64 ticks)
{
  guint payload = 4;
  if (p[3] & 0x20) {
    payload += 1u + p[4];
    if (p[4] >= 7 && p[5] & 0x10)
      shift_pcr (p + 6, ticks);
  }
  if (!(p[3] & 0x10) || !(p[1] & 0x40) || payload + 19 > PACKET)
    return;
  guint8 *pes = p + payload;
  if (pes[0] != 0 || pes[1] != 0 || pes[2] != 1 || (pes[3] & 0xc0) != 0xc0)
    return; /* no PES packet of sound or pictures */
  if (pes[7] & 0x80 && pes[8] >= 5)
    shift_time (pes + 9, ticks);
  if ((pes[7] & 0xc0) == 0xc0 && pes[8] >= 10)
    shift_time (pes + 14, ticks);
}

void
headend_shift_packets (guint8 *data, gsize len, guint64 ticks)
{
  for (gsize at = 0; at + PACKET <= len; at += PACKET)
    if (data[at] == 0x47)
      shift_packet (data + at, ticks);
}
