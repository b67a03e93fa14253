/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-detect.h"
#include "he-segment.h"
#include "he-view.h"

G_BEGIN_DECLS

/* Reads one segment of a copy with both of its variants at hand, as an operator has them
 * archived. Their mean is the picture without a mark. The copy is laid upon it, picture by
 * picture; what the mean foretells of the copy, whatever was done to contrast and sharpness,
 * and what the copy's pictures before do along the motion (he-innovations.h), is taken away;
 * and only the rest is compared with the pattern. So the score is what he-detect.h says,
 * standard normal under a key that did not make the mark, with less of the picture in its way.
 *
 * Memory: some 100 MB with long segments. Not thread-safe. */
typedef struct _HeInformed HeInformed;

/* More frames of a segment than these are thinned out. */
#define HE_INFORMED_ORIGINALS 128
#define HE_INFORMED_COPIES 32

/* A likeness (correlation) of a copy and its originals from which on they are taken for the
 * same pictures. */
#define HE_INFORMED_ALIKE 0.5

HeInformed *he_informed_new (void);
void he_informed_free (HeInformed *informed); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeInformed, he_informed_free)

/* Forgets the frames: another segment. */
void he_informed_reset (HeInformed *informed);

/* The decoded luma of the segment's frames in order: all of a, then all of b, which has as
 * many, at any size that he_mark_check_size() takes; stride in bytes. */
gboolean he_informed_add_original (HeInformed *informed, HeVariant variant,
                                   const guint8 *luma, gsize stride, guint width,
                                   guint height, GError **error);
/* A frame of the copy, and where in the segment it is about, from 0 to 1. */
gboolean he_informed_add_copy (HeInformed *informed, const guint8 *luma, gsize stride,
                               guint width, guint height, double at, GError **error);

/* Lays the copy upon the originals, from about the given view on, which becomes the one
 * that was found; where that leads nowhere, from the whole frame and the flipped one on.
 * Returns the number of frames that lie upon their originals: 0 when the copy shows
 * something else, nothing is left of it, or one of the three has no frames. */
guint he_informed_register (HeInformed *informed, HeView *view);

/* The score of the frames that were registered, for the seed of the segment: above 0 speaks
 * for a, below for b. Microseconds for each further seed. */
double he_informed_score (HeInformed *informed, const guint8 seed[32]);

/* Its weights, as he_detector_weights() has them. */
gsize he_informed_weights (HeInformed *informed, gint8 ret_weights[HE_DETECT_WEIGHTS]);

G_END_DECLS
