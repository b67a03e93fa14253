/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-whiten.h"

G_BEGIN_DECLS

/* Takes from pictures what those a little earlier and later foretell of them. Where a picture
 * moves, the mark does not move with it: squares of both are laid upon each other as the picture
 * has moved, and what is then foretold by least squares is the picture alone. Its mark is that
 * of another place, independent of what is looked for here. Pure. */

/* A picture on few levels, at the grid's size and smaller. 0.4 MB. */
typedef struct _HeMotionPicture HeMotionPicture;

HeMotionPicture *he_motion_picture_new (void);
void he_motion_picture_free (HeMotionPicture *picture); /* takes NULL */

/* What is beyond 127 / scale is cut off. */
void he_motion_picture_fill (HeMotionPicture *picture, const HePlane *plane, float scale);

#define HE_MOTION_SIDES 2 /* before and after */
#define HE_MOTION_LAGS 2  /* the farther one is taken where the nearer has not moved */
typedef const HeMotionPicture *HeMotionAround[HE_MOTION_SIDES][HE_MOTION_LAGS];

/* Takes from the plane that here was filled with what the pictures around foretell of it; NULL
 * where there is none. Squares that stand still are left as they are: what foretells them would
 * take the mark away. FALSE where nothing was taken. Costs some milliseconds. */
gboolean he_motion_subtract (const HeMotionPicture *here, HeMotionAround around, HePlane *plane);

G_END_DECLS
