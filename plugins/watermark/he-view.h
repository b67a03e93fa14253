/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Where a copy shows the marked picture: a projective map from points of the marked frame
 * to points of the copy's. Both are counted from the centre of their frame in its own
 * width and height, so -0.5..0.5 is the frame, and the identity fits copies of any size.
 * With w = m[6] x + m[7] y + 1: (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]) / w. */
#define HE_VIEW_VALUES 8
typedef struct {
  double m[HE_VIEW_VALUES];
} HeView;

extern const HeView he_view_identity;

/* All eight are finite, and the four corners of the frame lie ahead of the horizon. */
gboolean he_view_is_sane (const HeView *view);

/* Scaled by (scale_x, scale_y) after a turn by angle (radians, clockwise on a screen) of
 * a frame of 16:9, and flipped left to right before it. */
HeView he_view_new (double scale_x, double scale_y, double angle, gboolean flip);

/* The copy's picture as the marked frame had it: ret_out is the marked frame on a grid of
 * width x height, in is the copy's on one of the same size. Between pixels it is linear;
 * what the copy does not show is 0. */
void he_view_warp (const HeView *view, const float *in, guint width, guint height,
                   float *ret_out);

/* The view after the marked frame was flipped left to right, before everything else. */
HeView he_view_flip (const HeView *view);

/* The view after the marked frame was moved by (x, y), before everything else. */
HeView he_view_shift (const HeView *view, double x, double y);

/* Where the one leads from where the other does. */
HeView he_view_after (const HeView *view, const HeView *first);

/* The way back. FALSE when there is none. */
gboolean he_view_invert (const HeView *view, HeView *ret_view);

/* The affine part the other way round, for waves: one of (u, v) cycles over the marked
 * frame has (*ret_u, *ret_v) over the copy's. The point of the marked frame that
 * the copy's centre shows is -ret_shift. FALSE when the map has no inverse. */
gboolean he_view_wave_map (const HeView *view, double ret_matrix[4], double ret_shift[2]);

G_END_DECLS
