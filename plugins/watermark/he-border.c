/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-border.h"

#define STEP 4    /* pixels looked at: one in so many */
#define DARK 48   /* a bar is darker than this */
#define FLAT 16   /* and varies by less, noise of the codec included */

static gboolean
is_picture (const guint8 *first, gsize step, guint n)
{
  guint8 low = 255, high = 0;
  for (guint i = 0; i < n; i++) {
    const guint8 value = first[i * step];
    low = MIN (low, value);
    high = MAX (high, value);
  }
  return high >= DARK || high - low >= FLAT;
}

static void
find_ends (const guint8 *flags, guint n, guint *ret_first, guint *ret_count)
{
  guint first = 0, last = n;
  while (first < n && !flags[first])
    first++;
  while (last > first && !flags[last - 1])
    last--;
  *ret_first = first;
  *ret_count = last - first;
}

void
he_border_clear (HeBorder *border)
{
  g_free (border->rows);
  g_free (border->columns);
  *border = (HeBorder) { 0 };
}

void
he_border_look (HeBorder *border, const guint8 *luma, gsize stride, guint width,
                guint height)
{
  if (border->width != width || border->height != height) {
    he_border_clear (border);
    border->width = width;
    border->height = height;
    border->rows = g_malloc0 (height);
    border->columns = g_malloc0 (width);
  }
  for (guint y = 0; y < height; y++)
    if (!border->rows[y])
      border->rows[y] = is_picture (luma + y * stride, STEP, (width + STEP - 1) / STEP);
  for (guint x = 0; x < width; x++)
    if (!border->columns[x])
      border->columns[x] = is_picture (luma + x, STEP * stride, (height + STEP - 1) / STEP);
  find_ends (border->rows, height, &border->y, &border->h);
  find_ends (border->columns, width, &border->x, &border->w);
  if (border->w == 0 || border->h == 0)
    border->w = border->h = 0;
}
