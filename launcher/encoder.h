/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model.h"

G_BEGIN_DECLS

/* The encoders a description can name. One row each; another family is another row. */
typedef struct {
  const char *name;           /* in the description: "x264" */
  const char *factory;        /* GStreamer's: "x264enc"; NULL: the source's own, copied */
  const char *const *presets; /* NULL-terminated; what "preset" may say */
  /* The bin description for segmentencoder, keyframes only where they are forced. */
  char *(*describe) (const HeadendVideo *video, const char *level);
} HeadendEncoder;

const HeadendEncoder *headend_encoder_find (const char *name); /* or NULL */
/* All names, NULL-terminated. */
const char *const *headend_encoder_names (void);

/* Whether the source's own stream is passed through: "copy". */
gboolean headend_encoder_copies (const char *name);

/* How much the encoder may hold in its rate buffer: half a second, so that a segment of
 * two seconds is at most a quarter larger than its average. */
#define HEADEND_VBV_MS 500

char *headend_encoder_audio (const HeadendAudio *audio);

/* What has to be installed for the elements that we use. */
const char *headend_package_of (const char *factory); /* Debian's name, or NULL: ours */

G_END_DECLS
