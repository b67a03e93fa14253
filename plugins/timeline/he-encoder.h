/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What has to be known about an encoder so that segments begin where they should: pure
 * knowledge, by the name of the GStreamer element. */

typedef struct {
  const char *property;
  const char *value; /* as gst-launch takes it */
} HeEncoderSetting;

typedef struct {
  const char *factory;
  const char *package; /* of Debian */
  /* Samples by which decoded sound lags behind the sound that went in, when each packet
   * keeps the encoder's own time stamp. */
  guint delay;
  /* Set where the user left the property at its default: a keyframe only when forced. */
  HeEncoderSetting settings[2];
  /* Options for its `option-string`, "key=value:key=value", each added unless given. */
  const char *options;
} HeEncoder;

const HeEncoder *he_encoder_find (const char *factory); /* NULL: unknown */

/* The Debian package that has an element; also for elements that are no encoders. NULL:
 * unknown. */
const char *he_encoder_package (const char *factory);

/* What hardware an element exists only with ("an NVIDIA GPU with NVENC"), or NULL. */
const char *he_encoder_device (const char *factory);

/* `given` (NULL or empty allowed) plus those options of `wanted` whose keys it lacks. */
char *he_encoder_merge_options (const char *given, const char *wanted);

/* Turns a delay into whole frames of 1024 samples: feed ret_prefill samples of silence
 * first, drop the first ret_frames packets, then packet n holds what frame n was. */
void he_encoder_delay (guint delay, guint *ret_prefill, guint *ret_frames);

G_END_DECLS
