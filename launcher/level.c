/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "level.h"

#include "encoder.h"
#include "he-codecs.h"

static const struct {
  const char *level;
  guint mbps;     /* macroblocks a second */
  guint fs;       /* macroblocks a frame */
  guint dpb;      /* macroblocks in the decoded picture buffer */
  guint max_kbit; /* kbit/s, and kbit in the coded picture buffer */
} h264[] = {
  { "1", 1485, 99, 396, 64 },
  { "1.1", 3000, 396, 900, 192 },
  { "1.2", 6000, 396, 2376, 384 },
  { "1.3", 11880, 396, 2376, 768 },
  { "2", 11880, 396, 2376, 2000 },
  { "2.1", 19800, 792, 4752, 4000 },
  { "2.2", 20250, 1620, 8100, 4000 },
  { "3", 40500, 1620, 8100, 10000 },
  { "3.1", 108000, 3600, 18000, 14000 },
  { "3.2", 216000, 5120, 20480, 20000 },
  { "4", 245760, 8192, 32768, 20000 },
  { "4.1", 245760, 8192, 32768, 50000 },
  { "4.2", 522240, 8704, 34816, 50000 },
  { "5", 589824, 22080, 110400, 135000 },
  { "5.1", 983040, 36864, 184320, 240000 },
  { "5.2", 2073600, 36864, 184320, 240000 },
};

static const struct {
  const char *level;
  guint ps;       /* luma samples a picture */
  guint64 sr;     /* luma samples a second */
  guint max_kbit; /* kbit/s; the coded picture buffer takes at least a second of it */
} h265[] = {
  { "1", 36864, 552960, 128 },
  { "2", 122880, 3686400, 1500 },
  { "2.1", 245760, 7372800, 3000 },
  { "3", 552960, 16588800, 6000 },
  { "3.1", 983040, 33177600, 10000 },
  { "4", 2228224, 66846720, 12000 },
  { "4.1", 2228224, 133693440, 20000 },
  { "5", 8912896, 267386880, 25000 },
  { "5.1", 8912896, 534773760, 40000 },
  { "5.2", 8912896, 1069547520, 60000 },
  { "6", 35651584, 1069547520, 60000 },
  { "6.1", 35651584, 2139095040, 120000 },
  { "6.2", 35651584, G_GUINT64_CONSTANT (4278190080), 240000 },
};

static const char *
find_h264 (guint width, guint height, HeadendFraction rate, guint max_kbits)
{
  guint64 columns = (width + 15) / 16, rows = (height + 15) / 16, size = columns * rows;
  for (guint i = 0; i < G_N_ELEMENTS (h264); i++) {
    guint64 longest2 = (guint64)h264[i].fs * 8; /* squared, section A.3.1 */
    if (size <= h264[i].fs && columns * columns <= longest2 && rows * rows <= longest2
        && size * rate.n <= (guint64)h264[i].mbps * rate.d && 4 * size <= h264[i].dpb
        && max_kbits <= h264[i].max_kbit)
      return h264[i].level;
  }
  return NULL;
}

/* Room for six pictures there is at every level (section A.4.2). Coded pictures are whole
 * coding blocks, of 8 or 16 samples as the encoder chooses. */
static const char *
find_h265 (guint width, guint height, HeadendFraction rate, guint max_kbits)
{
  guint64 columns = (width + 15) / 16 * 16, rows = (height + 15) / 16 * 16;
  guint64 size = columns * rows;
  for (guint i = 0; i < G_N_ELEMENTS (h265); i++) {
    guint64 longest2 = (guint64)h265[i].ps * 8;
    if (size <= h265[i].ps && columns * columns <= longest2 && rows * rows <= longest2
        && size * rate.n <= h265[i].sr * rate.d && max_kbits <= h265[i].max_kbit)
      return h265[i].level;
  }
  return NULL;
}

const char *
headend_level_find (HeVideoCodec codec, guint width, guint height, HeadendFraction rate,
                    guint max_kbits)
{
  return codec == HE_VIDEO_H265 ? find_h265 (width, height, rate, max_kbits)
                                : find_h264 (width, height, rate, max_kbits);
}

const char *
headend_level_of (const HeadendVideo *video)
{
  return headend_level_find (headend_encoder_of (video)->codec, video->width,
                             video->height, video->frame_rate, video->bitrate);
}

char *
headend_level_codecs (const HeadendVideo *video)
{
  const char *level = headend_level_of (video);
  if (headend_encoder_of (video)->codec == HE_VIDEO_H265)
    return he_codecs_h265 (video->bit_depth > 8 ? "main-10" : "main", "main", level);
  return he_codecs_h264 (headend_encoder_copies (video->encoder) ? "high" : "main",
                         level);
}
