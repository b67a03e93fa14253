/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-mark.h"
#include "he-error.h"
#include "he-pattern.h"
#include "he-resample.h"

struct _HeMark {
  gatomicrefcount refs;
  guint width, height;
  gint8 *pattern; /* height rows of stride, each where a vector can be loaded at once */
  gsize stride;
  gint *busy; /* of any frame that was marked with it lately: a guess for the next one */
};

#define ALIGNMENT 64

gboolean
he_mark_check_size (guint width, guint height, GError **error)
{
  if (width >= HE_MARK_MIN_SIZE && height >= HE_MARK_MIN_SIZE && width <= HE_MARK_MAX_SIZE
      && height <= HE_MARK_MAX_SIZE)
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
               "a frame of %ux%u cannot carry a mark; sizes from %ux%u to %ux%u can",
               width, height, HE_MARK_MIN_SIZE, HE_MARK_MIN_SIZE, HE_MARK_MAX_SIZE,
               HE_MARK_MAX_SIZE);
  return FALSE;
}

HeMark *
he_mark_new (const guint8 seed[32], guint width, guint height, GError **error)
{
  return he_mark_new_signed (seed, NULL, width, height, error);
}

HeMark *
he_mark_new_signed (const guint8 seed[32], const gint8 *signs, guint width, guint height,
                    GError **error)
{
  if (!he_mark_check_size (width, height, error))
    return NULL;
  g_autofree gint8 *grid = g_malloc (HE_PATTERN_WIDTH * HE_PATTERN_HEIGHT);
  he_pattern_build_signed (seed, signs, grid);

  HeMark *mark = g_new0 (HeMark, 1);
  g_atomic_ref_count_init (&mark->refs);
  mark->width = width;
  mark->height = height;
  mark->stride = ((gsize)width + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  mark->pattern = g_aligned_alloc (height, mark->stride, ALIGNMENT);
  mark->busy = g_new0 (gint, 1);
  he_resample_pattern (grid, HE_PATTERN_WIDTH, HE_PATTERN_HEIGHT, mark->pattern,
                       mark->stride, width, height);
  return mark;
}

HeMark *
he_mark_ref (HeMark *mark)
{
  g_atomic_ref_count_inc (&mark->refs);
  return mark;
}

void
he_mark_unref (HeMark *mark)
{
  if (!mark || !g_atomic_ref_count_dec (&mark->refs))
    return;
  g_aligned_free (mark->pattern);
  g_free (mark->busy);
  g_free (mark);
}

const gint8 *
he_mark_pattern (const HeMark *mark, gsize *ret_stride)
{
  *ret_stride = mark->stride;
  return mark->pattern;
}

void
he_mark_embed_at (const HeMark *mark, const HeMarkLevel *level, HeMarkLayout layout,
                  HeVariant variant, const guint8 *in, gsize in_stride, guint8 *out,
                  gsize out_stride)
{
  const HeMarkFrame frame = {
    .width = mark->width,
    .height = mark->height,
    .pattern = mark->pattern,
    .pattern_stride = mark->stride,
    .sign = variant == HE_VARIANT_B ? -1 : 1,
    .in = in,
    .in_stride = in_stride,
    .out = out,
    .out_stride = out_stride,
    .shift = layout == HE_MARK_10_HIGH ? 6 : 0,
    .busy = g_atomic_int_get (mark->busy),
  };
  const gboolean busy
      = layout == HE_MARK_8 ? level->embed (&frame) : level->embed10 (&frame);

  if (busy != frame.busy)
    g_atomic_int_set (mark->busy, busy);
}

void
he_mark_embed_layout (const HeMark *mark, HeMarkLayout layout, HeVariant variant,
                      const guint8 *in, gsize in_stride, guint8 *out, gsize out_stride)
{
  guint n;
  const HeMarkLevel *levels = he_mark_levels (&n);

  he_mark_embed_at (mark, &levels[n - 1], layout, variant, in, in_stride, out,
                    out_stride);
}

void
he_mark_embed (const HeMark *mark, HeVariant variant, const guint8 *in, gsize in_stride,
               guint8 *out, gsize out_stride)
{
  he_mark_embed_layout (mark, HE_MARK_8, variant, in, in_stride, out, out_stride);
}
