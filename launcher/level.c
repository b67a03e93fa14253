/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "level.h"

#include "encoder.h"

static const struct {
  HeadendLevel level;
  guint mbps;     /* macroblocks a second */
  guint fs;       /* macroblocks a frame */
  guint dpb;      /* macroblocks in the decoded picture buffer */
  guint max_kbit; /* kbit/s, and kbit in the coded picture buffer */
} h264[] = {
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

static const struct {
  HeadendLevel level;
  guint ps;       /* luma samples a picture */
  guint64 sr;     /* luma samples a second */
  guint max_kbit; /* kbit/s; the coded picture buffer takes at least a second of it */
} h265[] = {
  { { "1", 30 }, 36864, 552960, 128 },
  { { "2", 60 }, 122880, 3686400, 1500 },
  { { "2.1", 63 }, 245760, 7372800, 3000 },
  { { "3", 90 }, 552960, 16588800, 6000 },
  { { "3.1", 93 }, 983040, 33177600, 10000 },
  { { "4", 120 }, 2228224, 66846720, 12000 },
  { { "4.1", 123 }, 2228224, 133693440, 20000 },
  { { "5", 150 }, 8912896, 267386880, 25000 },
  { { "5.1", 153 }, 8912896, 534773760, 40000 },
  { { "5.2", 156 }, 8912896, 1069547520, 60000 },
  { { "6", 180 }, 35651584, 1069547520, 60000 },
  { { "6.1", 183 }, 35651584, 2139095040, 120000 },
  { { "6.2", 186 }, 35651584, G_GUINT64_CONSTANT (4278190080), 240000 },
};

static const HeadendLevel *
find_h264 (guint width, guint height, HeadendFraction rate, guint max_kbits)
{
  guint64 columns = (width + 15) / 16, rows = (height + 15) / 16, size = columns * rows;
  for (guint i = 0; i < G_N_ELEMENTS (h264); i++) {
    guint64 longest2 = (guint64)h264[i].fs * 8; /* squared, section A.3.1 */
    if (size <= h264[i].fs && columns * columns <= longest2 && rows * rows <= longest2
        && size * rate.n <= (guint64)h264[i].mbps * rate.d && 4 * size <= h264[i].dpb
        && max_kbits <= h264[i].max_kbit)
      return &h264[i].level;
  }
  return NULL;
}

/* Room for six pictures there is at every level (section A.4.2). Coded pictures are whole
 * coding blocks, of 8 or 16 samples as the encoder chooses. */
static const HeadendLevel *
find_h265 (guint width, guint height, HeadendFraction rate, guint max_kbits)
{
  guint64 columns = (width + 15) / 16 * 16, rows = (height + 15) / 16 * 16;
  guint64 size = columns * rows;
  for (guint i = 0; i < G_N_ELEMENTS (h265); i++) {
    guint64 longest2 = (guint64)h265[i].ps * 8;
    if (size <= h265[i].ps && columns * columns <= longest2 && rows * rows <= longest2
        && size * rate.n <= h265[i].sr * rate.d && max_kbits <= h265[i].max_kbit)
      return &h265[i].level;
  }
  return NULL;
}

const HeadendLevel *
headend_level_find (HeVideoCodec codec, guint width, guint height, HeadendFraction rate,
                    guint max_kbits)
{
  return codec == HE_VIDEO_H265 ? find_h265 (width, height, rate, max_kbits)
                                : find_h264 (width, height, rate, max_kbits);
}

const HeadendLevel *
headend_level_of (const HeadendVideo *video)
{
  return headend_level_find (headend_encoder_of (video)->codec, video->width,
                             video->height, video->frame_rate, video->bitrate);
}

char *
headend_level_codec (HeVideoCodec codec, const HeadendLevel *level, guint depth)
{
  /* Profile idc, the profiles it is compatible with, main tier; progressive frames. */
  if (codec == HE_VIDEO_H265)
    return g_strdup_printf ("hvc1.%s.L%u.90", depth > 8 ? "2.4" : "1.6", level->idc);
  /* profile_idc 77, constraint_set1_flag: main. */
  return g_strdup_printf ("avc1.4D40%02X", level->idc);
}

char *
headend_level_codec_copied (HeVideoCodec codec, const HeadendLevel *level)
{
  if (codec == HE_VIDEO_H265)
    return headend_level_codec (codec, level, 8);
  return g_strdup_printf ("avc1.6400%02X", level->idc);
}
