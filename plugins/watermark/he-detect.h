/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-payload.h"
#include "he-segment.h"
#include "he-whiten.h"

G_BEGIN_DECLS

/* Reads the variant of one segment back from its decoded luma.
 *
 * Frames are put on the pattern's grid, whatever their size; what a picture has of its
 * own is pushed down by local means, local energy and averaging over the segment's
 * frames; and what remains is compared with the keyed waves of the pattern one by one.
 * For a key that did not make the mark the score is a weighted sum of independent keyed
 * numbers over the root of its own variance, so it has mean 0 and deviation 1 for any
 * picture: it needs no calibration. The picture's part is done once; each further key
 * costs microseconds.
 *
 * Not thread-safe. */
typedef struct _HeDetector HeDetector;

/* |z| from here on is a verdict: a foreign segment passes with a probability of 6e-5. */
#define HE_DETECT_CLEAR 4.0

HeDetector *he_detector_new (void);
void he_detector_free (HeDetector *detector); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeDetector, he_detector_free)

/* Forgets the frames: the next segment begins. */
void he_detector_reset (HeDetector *detector);

/* Takes one decoded frame of the segment; stride in bytes. The frame covers the same
 * picture as the marked one did, at any size that he_mark_check_size() takes;
 * HE_ERROR_INVALID otherwise. Frames of one segment may differ in size. */
gboolean he_detector_add (HeDetector *detector, const guint8 *luma, gsize stride,
                          guint width, guint height, GError **error);

/* The same for a sum of whitened frames (he_whitener_add()). */
void he_detector_add_plane (HeDetector *detector, const HePlane *plane, guint frames);

guint he_detector_frames (const HeDetector *detector); /* since the last reset */

/* The score of the frames so far for the seed of one segment (he_mark_seed()): above 0
 * speaks for a, below for b. 0 when there are no frames or they are all empty. */
double he_detector_score (HeDetector *detector, const guint8 seed[32]);

/* The soft symbols of a payload (he-payload.h) in the frames so far: each has mean 0 and
 * deviation 1 for a key that made no mark. All 0 where the score is. */
void he_detector_symbols (HeDetector *detector, const guint8 seed[32],
                          double ret_soft[HE_PAYLOAD_SYMBOLS]);

/* With what weights the score sums up keyed numbers, in 127ths of the largest: by these two scores
 * of one segment are compared (he-both.h). All 0 where the score is. Returns how many there are,
 * which is the same for every detector; ret_weights has room for more. */
#define HE_DETECT_WEIGHTS (2 * (2 * HE_WAVE_MAX_U + 1) * (HE_WAVE_MAX_V + 1))
gsize he_detector_weights (HeDetector *detector, gint8 ret_weights[HE_DETECT_WEIGHTS]);

/* a, b, or none when |z| is below HE_DETECT_CLEAR. */
HeVariant he_detect_verdict (double z);

G_END_DECLS
