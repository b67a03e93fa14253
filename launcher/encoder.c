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

HeEncoderRequest
headend_encoder_request (const HeadendVideo *video, const char *level)
{
  return (HeEncoderRequest) {
    .kbits = video->bitrate,
    .vbv_ms = HEADEND_VBV_MS,
    .threads = threads_for (video),
    .depth = video->bit_depth,
    .preset = video->preset,
    .level = level,
  };
}

char *
headend_encoder_audio (const HeadendAudio *audio)
{
  return g_strdup_printf ("avenc_aac bitrate=%u", audio->bitrate * 1000);
}
