/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "level.h"

static const struct {
  HeadendLevel level;
  guint mbps;     /* macroblocks a second */
  guint fs;       /* macroblocks a frame */
  guint dpb;      /* macroblocks in the decoded picture buffer */
  guint max_kbit; /* kbit/s, and kbit in the coded picture buffer */
} table[] = {
  { { "1", 10 }, 1485, 99, 396, 64 },
  { { "1.1", 11 }, 3000, 396, 900, 192 },
  { { "1.2", 12 }, 6000, 396, 2376, 384 },
  { { "1.3", 13 }, 11880, 396, 2376, 768 },
  { { "2", 20 }, 11880, 396, 2376, 2000 },
  { { "2.1", 21 }, 19800, 792, 4752, 4000 },
  { { "2.2", 22 }, 20250, 1620, 8100, 4000 },
  { { "3", 30 }, 40500, 1620, 8100, 10000 },
  { { "3.1", 31 }, 108000, 3600, 18000, 14000 },
  { { "3.2", 32 }, 216000, 5120, 20480, 20000 },
  { { "4", 40 }, 245760, 8192, 32768, 20000 },
  { { "4.1", 41 }, 245760, 8192, 32768, 50000 },
  { { "4.2", 42 }, 522240, 8704, 34816, 50000 },
  { { "5", 50 }, 589824, 22080, 110400, 135000 },
  { { "5.1", 51 }, 983040, 36864, 184320, 240000 },
  { { "5.2", 52 }, 2073600, 36864, 184320, 240000 },
};

const HeadendLevel *
headend_level_find (guint width, guint height, HeadendFraction rate, guint max_kbits)
{
  guint64 columns = (width + 15) / 16, rows = (height + 15) / 16, size = columns * rows;
  for (guint i = 0; i < G_N_ELEMENTS (table); i++) {
    guint64 longest2 = (guint64)table[i].fs * 8; /* squared, section A.3.1 */
    if (size <= table[i].fs && columns * columns <= longest2 && rows * rows <= longest2
        && size * rate.n <= (guint64)table[i].mbps * rate.d && 4 * size <= table[i].dpb
        && max_kbits <= table[i].max_kbit)
      return &table[i].level;
  }
  return NULL;
}

char *
headend_level_codec (const HeadendLevel *level)
{
  /* profile_idc 77, constraint_set1_flag: main. */
  return g_strdup_printf ("avc1.4D40%02X", level->idc);
}

char *
headend_level_codec_high (const HeadendLevel *level)
{
  return g_strdup_printf ("avc1.6400%02X", level->idc);
}
