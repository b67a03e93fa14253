/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-whiten.h"

G_BEGIN_DECLS

/* Takes from pictures what those a little earlier foretell of them. Where a picture moves, the
 * mark does not move with it: squares of both are laid upon each other as the picture has
 * moved, and what is then foretold by least squares is the picture alone. Its mark is that of
 * another place, independent of what is looked for here. Later pictures are not asked: an
 * encoder makes them of earlier ones, so there the mark that is looked for has moved along. Pure. */

/* A picture on few levels, at the grid's size and smaller. 0.4 MB. */
typedef struct _HeMotionPicture HeMotionPicture;

HeMotionPicture *he_motion_picture_new (void);
void he_motion_picture_free (HeMotionPicture *picture); /* takes NULL */

/* What is beyond 127 / scale is cut off. */
void he_motion_picture_fill (HeMotionPicture *picture, const HePlane *plane, float scale);

#define HE_MOTION_LAGS 3 /* nearest first; of these the first two from which a square has moved */
typedef const HeMotionPicture *HeMotionBefore[HE_MOTION_LAGS];

/* Takes from the plane that here was filled with what the pictures before foretell of it; NULL
 * where there is none. Squares that stand still are left as they are: what foretells them would
 * take the mark away. FALSE where nothing was taken. Costs some milliseconds. */
gboolean he_motion_subtract (const HeMotionPicture *here, HeMotionBefore before, HePlane *plane);

G_END_DECLS
