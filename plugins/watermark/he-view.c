/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "he-view.h"

#define ASPECT (16.0 / 9.0)

const HeView he_view_identity = { { 1, 0, 0, 0, 1, 0, 0, 0 } };

gboolean
he_view_is_sane (const HeView *view)
{
  for (guint i = 0; i < HE_VIEW_VALUES; i++)
    if (!isfinite (view->m[i]))
      return FALSE;
  return fabs (view->m[6]) + fabs (view->m[7]) < 1;
}

HeView
he_view_new (double scale_x, double scale_y, double angle, gboolean flip)
{
  const double c = cos (angle), s = sin (angle);
  const HeView view = { { scale_x * c, -scale_x * s / ASPECT, 0, scale_y * s * ASPECT, scale_y * c,
                          0, 0, 0 } };
  return flip ? he_view_flip (&view) : view;
}

HeView
he_view_flip (const HeView *view)
{
  HeView flipped = *view;
  for (guint i = 0; i < HE_VIEW_VALUES; i += 3)
    flipped.m[i] = -flipped.m[i];
  return flipped;
}

HeView
he_view_shift (const HeView *view, double x, double y)
{
  HeView moved = *view;
  double *m = moved.m;
  const double w = m[6] * x + m[7] * y + 1;
  m[2] += m[0] * x + m[1] * y;
  m[5] += m[3] * x + m[4] * y;
  for (guint i = 0; i < HE_VIEW_VALUES; i++)
    m[i] /= w;
  return moved;
}

HeView
he_view_after (const HeView *view, const HeView *first)
{
  const double *m = view->m, *f = first->m;
  const double w = m[6] * f[2] + m[7] * f[5] + 1;
  HeView both;
  for (guint row = 0; row < 3; row++) {
    const double x = m[3 * row], y = m[3 * row + 1], one = row == 2 ? 1 : m[3 * row + 2];
    both.m[3 * row] = (x * f[0] + y * f[3] + one * f[6]) / w;
    both.m[3 * row + 1] = (x * f[1] + y * f[4] + one * f[7]) / w;
    if (row < 2)
      both.m[3 * row + 2] = (x * f[2] + y * f[5] + one) / w;
  }
  return both;
}

gboolean
he_view_invert (const HeView *view, HeView *ret_view)
{
  const double *m = view->m;
  const double w = m[0] * m[4] - m[1] * m[3];
  const HeView back = { { (m[4] - m[5] * m[7]) / w, (m[2] * m[7] - m[1]) / w, (m[1] * m[5] - m[2] * m[4]) / w,
                          (m[5] * m[6] - m[3]) / w, (m[0] - m[2] * m[6]) / w, (m[2] * m[3] - m[0] * m[5]) / w,
                          (m[3] * m[7] - m[4] * m[6]) / w, (m[1] * m[6] - m[0] * m[7]) / w } };
  if (!(fabs (w) > 1e-6) || !he_view_is_sane (&back))
    return FALSE;
  *ret_view = back;
  return TRUE;
}

static inline float
sample (const float *in, guint width, guint height, double x, double y)
{
  if (!(x >= 0 && y >= 0 && x < width - 1 && y < height - 1))
    return 0;
  const guint left = (guint)x, top = (guint)y;
  const float fx = (float)(x - left), fy = (float)(y - top);
  const float *p = in + (gsize)top * width + left;
  const float above = p[0] + fx * (p[1] - p[0]);
  const float below = p[width] + fx * (p[width + 1] - p[width]);
  return above + fy * (below - above);
}

void
he_view_warp (const HeView *view, const float *in, guint width, guint height,
              float *ret_out)
{
  const double *m = view->m;
  for (guint j = 0; j < height; j++) {
    const double y = (j + 0.5) / height - 0.5;
    double px = m[1] * y + m[2], py = m[4] * y + m[5], pw = m[7] * y + 1;
    for (guint i = 0; i < width; i++) {
      const double x = (i + 0.5) / width - 0.5;
      const double scale = 1 / (m[6] * x + pw);
      const double cx = ((m[0] * x + px) * scale + 0.5) * width - 0.5;
      const double cy = ((m[3] * x + py) * scale + 0.5) * height - 0.5;
      ret_out[(gsize)j * width + i] = sample (in, width, height, cx, cy);
    }
  }
}

gboolean
he_view_wave_map (const HeView *view, double ret_matrix[4], double ret_shift[2])
{
  const double *m = view->m;
  const double det = m[0] * m[4] - m[1] * m[3];
  if (!(fabs (det) > 1e-6))
    return FALSE;
  /* The transposed inverse. */
  ret_matrix[0] = m[4] / det;
  ret_matrix[1] = -m[3] / det;
  ret_matrix[2] = -m[1] / det;
  ret_matrix[3] = m[0] / det;
  ret_shift[0] = (m[4] * m[2] - m[1] * m[5]) / det;
  ret_shift[1] = (m[0] * m[5] - m[3] * m[2]) / det;
  return TRUE;
}
