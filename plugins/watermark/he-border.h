/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Where a frame shows a picture: what is left without black bars. A row or column counts
 * as picture for good from the first frame on in which it is not flat and dark, so the
 * area only grows. Start from { 0 }; he_border_clear() frees. */
typedef struct {
  guint width, height; /* of frames */
  guint8 *rows, *columns;
  guint x, y, w, h; /* the area; w is 0 while nothing was seen */
} HeBorder;

/* Looks at one more frame; another size than before starts anew. */
void he_border_look (HeBorder *border, const guint8 *luma, gsize stride, guint width,
                     guint height);
void he_border_clear (HeBorder *border);

G_END_DECLS
