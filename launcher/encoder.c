/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "encoder.h"

/* A number that follows from the picture and not from the machine, so that all nodes
 * encode alike whatever they run on. */
static guint
threads_for (const HeadendVideo *video)
{
  guint pixels = video->width * video->height;
  return pixels <= 720 * 576     ? 1
         : pixels <= 1280 * 720  ? 2
         : pixels <= 1920 * 1088 ? 4
                                 : 8;
}

const HeEncoderFamily *
headend_encoder_of (const HeadendVideo *video)
{
  return he_encoder_family (video->encoder);
}

gboolean
headend_encoder_copies (const char *name)
{
  const HeEncoderFamily *family = he_encoder_family (name);
  return family && !family->factories[0];
}

/* The part of a core that a rung may take: others want some of it, too, and pictures
 * differ. */
#define CORE_PERCENT 60

gboolean
headend_encoder_repeats (const HeadendVideo *video)
{
  return he_encoder_family_speed (headend_encoder_of (video), video->preset) > 0;
}

gboolean
headend_encoder_fits_core (const HeadendVideo *video)
{
  guint speed = he_encoder_family_speed (headend_encoder_of (video), video->preset);
  guint64 pixels
      = (guint64)video->width * video->height * video->frame_rate.n / video->frame_rate.d;
  return pixels <= (guint64)speed * 1000000 * CORE_PERCENT / 100;
}

gboolean
headend_encoder_would_repeat (const HeadendModelChannel *channel)
{
  for (guint i = 0; i < channel->video->len; i++) {
    const HeadendVideo *video = channel->video->pdata[i];
    if (!headend_encoder_repeats (video) || !headend_encoder_fits_core (video))
      return FALSE;
  }
  return TRUE;
}

static guint
pictures_in (const HeadendVideo *video, guint ms)
{
  return (guint)((guint64)ms * video->frame_rate.n / (1000ull * video->frame_rate.d));
}

/* Milliseconds of a segment's bits that its first picture gets in advance: the buffer
 * begins nine tenths full, in short segments less. */
static guint
ahead_ms (guint64 fresh90)
{
  return (guint)MIN (HEADEND_VBV_MS * 4 / 10, fresh90 / 90 / 10);
}

HeEncoderRequest
headend_encoder_request (const HeadendVideo *video, const char *level, guint64 fresh90)
{
  gboolean identical = fresh90 > 0;
  HeEncoderRequest request = {
    .kbits = video->bitrate,
    .vbv_ms = HEADEND_VBV_MS,
    .threads = identical ? 1 : threads_for (video),
    .lookahead = identical ? pictures_in (video, HEADEND_LOOKAHEAD_MS) : 0,
    .depth = video->bit_depth,
    .preset = video->preset,
    .level = level,
  };
  /* Of x265 it is not known what this would do. */
  if (!identical || headend_encoder_of (video)->codec != HE_VIDEO_H264)
    return request;
  guint ahead = ahead_ms (fresh90);
  request.kbits -= (guint)((guint64)video->bitrate * ahead * 90 / fresh90);
  request.vbv_ms = HEADEND_VBV_MS * video->bitrate / request.kbits;
  request.vbv_start = video->bitrate * (HEADEND_VBV_MS / 2 + ahead) / 1000;
  request.quality = HEADEND_FRESH_QUALITY;
  return request;
}

char *
headend_encoder_audio (const HeadendAudio *audio)
{
  return g_strdup_printf ("avenc_aac bitrate=%u", audio->bitrate * 1000);
}
