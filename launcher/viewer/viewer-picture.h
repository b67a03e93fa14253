/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A picture that says its own number, in 8 x 4 blocks, black or white, over all of it: 24
 * bits as a Gray code, so that few blocks change from one picture to the next, and a
 * checksum. It is read back from any copy that shows the same whole picture, at any size
 * from 64 x 32 and at low bit rates. */
#define HEADEND_PICTURE_MAX 0xffffff
#define HEADEND_PICTURE_NONE G_MAXUINT32         /* no number can be read */
#define HEADEND_PICTURE_UNSEEN (G_MAXUINT32 - 1) /* nobody looked */

/* Into a plane of 8 bits with rows stride bytes apart; number <= HEADEND_PICTURE_MAX. */
void headend_picture_draw (guint8 *luma, gsize stride, guint width, guint height,
                           guint32 number);

/* The number, or HEADEND_PICTURE_NONE: black, gray, or too much damaged. */
guint32
headend_picture_read (const guint8 *luma, gsize stride, guint width, guint height);

G_END_DECLS
