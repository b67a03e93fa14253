/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A number in the mark itself, for a copy that has one recipient: 64 bits and a CRC-16
 * behind a tail-biting convolutional code of 2^14 states and rate 1/6, dealt out over
 * HE_PAYLOAD_SEGMENTS segments, and again over the next ones. The waves of a segment's
 * pattern are dealt out to HE_PAYLOAD_SYMBOLS symbols, and each symbol is the sign of its
 * waves. Pure functions, thread-safe. */

#define HE_PAYLOAD_SEGMENTS 5 /* 10 s of segments of 2 s */
#define HE_PAYLOAD_SYMBOLS 96 /* a segment */

/* Wave i (of he_pattern_waves()) belongs to this symbol. */
#define HE_PAYLOAD_SYMBOL_OF_WAVE(i) ((i) % HE_PAYLOAD_SYMBOLS)

/* The symbols of a segment, each 1 or -1. */
void
he_payload_encode (guint64 payload, guint64 msn, gint8 ret_symbols[HE_PAYLOAD_SYMBOLS]);

/* What was seen of a payload, summed over segments; {0} to begin with. */
typedef struct {
  double sums[HE_PAYLOAD_SEGMENTS][HE_PAYLOAD_SYMBOLS];
  guint segments[HE_PAYLOAD_SEGMENTS]; /* how many are in each row */
  guint64 next;                        /* MSN from which on segments are added */
  guint looks;                         /* how often they were decoded */
} HePayloadSums;

/* Soft symbols of one segment, of deviation 1 under a key that made no mark, as
 * he_detector_symbols() gives them. A segment that was not seen is just not added. Their
 * numbers go up: FALSE, and nothing is added, when this one or a later one was added before,
 * since twice the same is no more evidence than once. */
gboolean
he_payload_add (HePayloadSums *sums, guint64 msn, const double soft[HE_PAYLOAD_SYMBOLS]);

typedef struct {
  guint64 payload;
  double z;       /* of the whole: N(0,1) for a payload that was not chosen by looking */
  double log10_p; /* that soft symbols without a mark show any payload this well, at any
                   * look: look i pays i (i + 1) times, as HeReader's looks do */
} HePayloadReading;

/* A reading is believed from here on. */
#define HE_PAYLOAD_LOG10_P -9.0

/* The likeliest payload with a right CRC, and one look more. FALSE when there is none
 * that log10_p lets believe. Takes tens of milliseconds. */
gboolean he_payload_decode (HePayloadSums *sums, HePayloadReading *ret_reading);

G_END_DECLS
