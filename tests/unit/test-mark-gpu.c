/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The source of the GPU's kernels, run on the CPU by gpu-double.h. */
#include <glib.h>
#include <string.h>

#include "gpu-double.h"
#include "he-mark.h"
#include "mark-clips.h"

static const guint8 seed[32] = { 4, 5, 6 };

typedef struct {
  guint width, height;
  gsize in_stride, out_stride; /* bytes */
  HeMarkLayout layout;
  HeVariant variant;
} Frame;

static void
embed_on_gpu (const Frame *frame, HeMark *mark, const guint8 *in, guint8 *out)
{
  const int width = (int)frame->width, height = (int)frame->height;
  const int columns = (width + 7) / 8, rows = (height + 7) / 8;
  const int wide = frame->layout != HE_MARK_8;
  const int shift = frame->layout == HE_MARK_10_HIGH ? 6 : 0;
  g_autofree HeWord *activity = g_new (HeWord, columns * rows);
  g_autofree HeByte *strengths = g_new (HeByte, columns * rows);
  unsigned long long squares = 12345;
  unsigned scale = 0;
  gsize stride;
  const gint8 *pattern = he_mark_pattern (mark, &stride);

  GPU_LAUNCH (columns, rows,
              he_mark_activity (in, frame->in_stride, wide, shift, width, height,
                                activity, &squares));
  GPU_LAUNCH (columns, rows,
              he_mark_strength (activity, wide, columns, rows, strengths, &squares));
  GPU_LAUNCH (1, 1, he_mark_scale (&squares, columns, rows, &scale));
  GPU_LAUNCH (width, height,
              he_mark_pixels (in, frame->in_stride, out, frame->out_stride, pattern,
                              stride, strengths, &scale,
                              frame->variant == HE_VARIANT_B ? -1 : 1, wide, shift, width,
                              height));
}

static void
fill (const Frame *frame, Clip clip, guint8 *in)
{
  g_autofree guint8 *levels = g_malloc ((gsize)frame->width * frame->height);
  clip_fill (clip, 5, levels, frame->width, frame->width, frame->height);
  for (guint y = 0; y < frame->height; y++)
    for (guint x = 0; x < frame->width; x++) {
      const guint8 level = levels[(gsize)y * frame->width + x];
      const guint value = level * 4u + (x + y) % 4;
      const guint16 word = (guint16)(value << (frame->layout == HE_MARK_10_HIGH ? 6 : 0));
      if (frame->layout == HE_MARK_8)
        in[y * frame->in_stride + x] = level;
      else
        memcpy (in + y * frame->in_stride + 2 * x, &word, 2);
    }
}

/* What is between the rows of out is compared with the rest: nobody may write there. */
static void
assert_same_bits (const Frame *frame, HeMark *mark, Clip clip)
{
  guint n;
  const HeMarkLevel *reference = &he_mark_levels (&n)[0];
  const gsize size = frame->out_stride * frame->height;
  g_autofree guint8 *in = g_malloc0 (frame->in_stride * frame->height);
  g_autofree guint8 *wanted = g_malloc (size), *out = g_malloc (size);
  memset (wanted, 0x55, size);
  memset (out, 0x55, size);
  fill (frame, clip, in);
  he_mark_embed_at (mark, reference, frame->layout, frame->variant, in, frame->in_stride,
                    wanted, frame->out_stride);
  embed_on_gpu (frame, mark, in, out);
  if (memcmp (wanted, out, size) == 0)
    return;
  gsize i = 0;
  while (wanted[i] == out[i])
    i++;
  g_error ("%s, layout %d, variant %s, %ux%u: byte %" G_GSIZE_FORMAT
           " of row %" G_GSIZE_FORMAT " is %u instead of %u",
           clip_names[clip], frame->layout, he_variant_name (frame->variant),
           frame->width, frame->height, i % frame->out_stride, i / frame->out_stride,
           out[i], wanted[i]);
}

/* Given any picture, size, layout and stride, when the kernels mark it, then the bytes
 * are those of the scalar reference. */
static void
test_same_bits (void)
{
  static const guint sizes[][2]
      = { { 64, 64 }, { 65, 67 }, { 79, 101 }, { 71, 64 }, { 640, 360 }, { 417, 243 } };
  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
    const guint w = sizes[s][0], h = sizes[s][1];
    g_autoptr (HeMark) mark = he_mark_new (seed, w, h, NULL);
    for (Clip clip = 0; clip < N_CLIPS; clip++)
      for (HeMarkLayout layout = HE_MARK_8; layout <= HE_MARK_10_HIGH; layout++) {
        const gsize row = w * (layout == HE_MARK_8 ? 1u : 2u);
        const Frame frame = { w,
                              h,
                              row + 10 * (clip % 3),
                              (row + 511) / 512 * 512,
                              layout,
                              clip % 2 ? HE_VARIANT_B : HE_VARIANT_A };
        assert_same_bits (&frame, mark, clip);
      }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mark-gpu/writes-the-bits-of-the-cpu", test_same_bits);
  return g_test_run ();
}
