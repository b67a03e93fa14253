/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-pattern.h"

G_BEGIN_DECLS

/* Pushes down what a picture has of its own, so that a mark stands out: local means are
 * taken away and local energy is levelled. */

/* A picture on the pattern's grid. */
typedef float HePlane[HE_PATTERN_WIDTH * HE_PATTERN_HEIGHT];

/* Scratch memory and the resampler of the last size. Not thread-safe. */
typedef struct _HeWhitener HeWhitener;

HeWhitener *he_whitener_new (void);
void he_whitener_free (HeWhitener *whitener); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeWhitener, he_whitener_free)

/* Adds a whitened frame to the sum, put on the grid whatever its size; stride in bytes.
 * Fails as he_mark_check_size() does, with the sum untouched. */
gboolean he_whitener_add (HeWhitener *whitener, const guint8 *luma, gsize stride,
                          guint width, guint height, HePlane *sum, GError **error);

/* A frame on the grid, as it is. Fails as he_whitener_add() does. */
gboolean he_whitener_put (HeWhitener *whitener, const guint8 *luma, gsize stride,
                          guint width, guint height, HePlane *ret_plane, GError **error);

/* Leaves of a plane what is about as coarse as the pattern. */
void he_whitener_band (HeWhitener *whitener, HePlane *plane);

/* Raises what is left of a plane by how much less that is than the plane was around each pixel:
 * by one over the ratio of their energies, of which floor is left where nothing is. */
void he_whitener_raise (HeWhitener *whitener, const HePlane *before, float floor,
                        HePlane *rest);

/* Levels a sum of n whitened frames once more, since what stands still is not averaged
 * away; of deviation near one afterwards. ret_plane may be sum. */
void he_whitener_level (HeWhitener *whitener, const HePlane *sum, guint n,
                        HePlane *ret_plane);

G_END_DECLS
