/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-encoder.h"
#include "model.h"

G_BEGIN_DECLS

/* What a description asks of encoders; which there are says he-encoder.h. */

/* How much the encoder may hold in its rate buffer: half a second, so that a segment of
 * two seconds is at most a quarter larger than its average. */
#define HEADEND_VBV_MS 500

const HeEncoderFamily *headend_encoder_of (const HeadendVideo *video);

/* Whether the source's own stream is passed through: "copy", "copy-h265". */
gboolean headend_encoder_copies (const char *name);

/* Whether its encoder can be a function of the pictures alone ("identical"), which takes
 * it to one thread; and whether one core, as ours was when it was measured, is enough for
 * that. */
gboolean headend_encoder_repeats (const HeadendVideo *video);
gboolean headend_encoder_fits_core (const HeadendVideo *video);
/* Whether several nodes make the same bytes where nothing is said: both, of every rung.
 */
gboolean headend_encoder_would_repeat (const HeadendModelChannel *channel);

/* A new encoder knows nothing of its pictures: with so many milliseconds of them at hand
 * it gives its first one the bits that they leave over, as one that has seen hundreds
 * would. Shorter, and the pictures behind a boundary lose more than 1 dB. */
#define HEADEND_LOOKAHEAD_MS 320

/* It does not know either how well its pictures can be had for the rate, so it is told
 * to make them better than anybody sees, and the rate buffer alone bounds them. The
 * buffer settles half full, and begins fuller by so much of a segment's time: its first
 * picture takes that, and the rate is lower by as much, so that segments have the size
 * that the description says. */
#define HEADEND_FRESH_QUALITY 10

/* Strings are borrowed; level: as caps write it; fresh90: duration of segments that get
 * an encoder each ("identical"), or 0. */
HeEncoderRequest
headend_encoder_request (const HeadendVideo *video, const char *level, guint64 fresh90);

/* The bin description for segmentencoder. */
char *headend_encoder_audio (const HeadendAudio *audio);

G_END_DECLS
