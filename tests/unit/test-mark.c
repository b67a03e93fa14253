/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <string.h>

#include "he-error.h"
#include "he-keys.h"
#include "he-mark-source.h"
#include "he-mark.h"
#include "he-pattern.h"
#include "he-resample.h"
#include "mark-clips.h"
#include "mark-reference.h"

static const guint8 seed[32] = { 1, 2, 3 };

static HeMark *
mark_of (guint width, guint height)
{
  g_autoptr (GError) error = NULL;
  HeMark *mark = he_mark_new (seed, width, height, &error);
  g_assert_no_error (error);
  return mark;
}

/* Given any picture, when it is marked, then it keeps the PSNR that the header promises.
 */
static void
test_keeps_psnr (void)
{
  static const struct {
    guint width, height;
  } sizes[] = { { 640, 360 }, { 1280, 720 }, { 64, 64 }, { 320, 576 } };
  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
    const guint w = sizes[s].width, h = sizes[s].height;
    g_autoptr (HeMark) mark = mark_of (w, h);
    g_autofree guint8 *in = g_malloc (w * h), *out = g_malloc (w * h);
    for (Clip clip = 0; clip < N_CLIPS; clip++)
      for (guint frame = 0; frame < 60; frame += 30) {
        clip_fill (clip, frame, in, w, w, h);
        he_mark_embed (mark, frame ? HE_VARIANT_B : HE_VARIANT_A, in, w, out, w);
        double psnr = clip_psnr (in, w, out, w, w, h);
        g_test_message ("%-8s %4ux%-4u PSNR %.2f dB", clip_names[clip], w, h, psnr);
        g_assert_cmpfloat (psnr, >=, HE_MARK_PSNR);
        g_assert_cmpfloat (psnr, <, 65);
      }
  }
}

static void
test_variants_mirror_each_other (void)
{
  const guint w = 322, h = 182;
  g_autoptr (HeMark) mark = mark_of (w, h);
  g_autofree guint8 *in = g_malloc (w * h), *a = g_malloc (w * h), *b = g_malloc (w * h);
  guint changed = 0;
  clip_fill (CLIP_SCENE, 3, in, w, w, h);
  for (guint i = 0; i < w * h; i++)
    in[i] = CLAMP (in[i], 24, 226); /* room on both sides */
  he_mark_embed (mark, HE_VARIANT_A, in, w, a, w);
  he_mark_embed (mark, HE_VARIANT_B, in, w, b, w);
  for (guint i = 0; i < w * h; i++) {
    g_assert_cmpint (a[i] - in[i], ==, in[i] - b[i]);
    changed += a[i] != in[i];
  }
  g_assert_cmpuint (changed, >, w * h / 4);
}

/* Every value of luma is met: inside stays inside, outside never moves further out. */
static void
test_keeps_the_nominal_range (void)
{
  const guint w = 256, h = 128;
  g_autoptr (HeMark) mark = mark_of (w, h);
  g_autofree guint8 *in = g_malloc (w * h), *out = g_malloc (w * h);
  for (guint i = 0; i < w * h; i++)
    in[i] = (guint8)(i % 256 * 7);
  for (HeVariant variant = HE_VARIANT_A; variant <= HE_VARIANT_B; variant++) {
    he_mark_embed (mark, variant, in, w, out, w);
    for (guint i = 0; i < w * h; i++) {
      g_assert_cmpuint (out[i], >=, MIN (in[i], 16));
      g_assert_cmpuint (out[i], <=, MAX (in[i], 235));
    }
  }
}

static double
rms_change (const HeMark *mark, Clip clip, guint w, guint h)
{
  g_autofree guint8 *in = g_malloc (w * h), *out = g_malloc (w * h);
  clip_fill (clip, 0, in, w, w, h);
  he_mark_embed (mark, HE_VARIANT_A, in, w, out, w);
  return 255 * pow (10, -clip_psnr (in, w, out, w, w, h) / 20);
}

static void
test_busy_pictures_carry_more (void)
{
  g_autoptr (HeMark) mark = mark_of (640, 360);
  double grey = rms_change (mark, CLIP_GREY, 640, 360);
  double scene = rms_change (mark, CLIP_SCENE, 640, 360);
  double noise = rms_change (mark, CLIP_NOISE, 640, 360);
  g_test_message ("levels: grey %.2f, scene %.2f, noise %.2f", grey, scene, noise);
  g_assert_cmpfloat (scene, >, grey * 1.5);
  g_assert_cmpfloat (noise, >, grey * 1.5);
}

/* Nothing before, between or behind the rows of out is written, nor read beyond in (the
 * input ends with its last pixel, and a sanitizer watches). */
static void
test_any_size_and_stride (void)
{
  static const guint sizes[][2] = { { 65, 67 },  { 64, 64 },   { 1921, 1081 },
                                    { 79, 101 }, { 3841, 64 }, { 64, 2161 } };
  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
    const guint w = sizes[s][0], h = sizes[s][1];
    const gsize in_stride = w + 3, out_stride = w + 13;
    g_autoptr (HeMark) mark = mark_of (w, h);
    g_autofree guint8 *in = g_malloc0 (in_stride * (h - 1) + w);
    g_autofree guint8 *out = g_malloc (out_stride * h);
    g_autofree guint8 *packed_in = g_malloc (w * h), *packed = g_malloc (w * h);
    clip_fill (CLIP_SCENE, s, in, in_stride, w, h);
    clip_fill (CLIP_SCENE, s, packed_in, w, w, h);
    memset (out, 0x55, out_stride * h);
    he_mark_embed (mark, HE_VARIANT_A, in, in_stride, out, out_stride);
    he_mark_embed (mark, HE_VARIANT_A, packed_in, w, packed, w);
    for (guint y = 0; y < h; y++) {
      g_assert_cmpmem (out + y * out_stride, w, packed + (gsize)y * w, w);
      for (gsize x = w; x < out_stride; x++)
        g_assert_cmphex (out[y * out_stride + x], ==, 0x55);
    }
    g_assert_cmpfloat (clip_psnr (packed_in, w, packed, w, w, h), >=, HE_MARK_PSNR);
  }
}

/* All nodes' copies of a segment carry the same mark, to the bit. */
static void
test_same_on_every_node (void)
{
  const guint w = 854, h = 480;
  g_autoptr (HeMark) mark = mark_of (w, h);
  g_autofree guint8 *in = g_malloc (w * h), *out = g_malloc (w * h);
  clip_fill (CLIP_SCENE, 0, in, w, w, h);
  he_mark_embed (mark, HE_VARIANT_A, in, w, out, w);
  g_autofree char *digest
      = g_compute_checksum_for_data (G_CHECKSUM_SHA256, out, (gsize)w * h);
  g_assert_cmpstr (digest, ==,
                   "83dd42b08f9204f152b442912e8d6137bfde73bdce67acb814dd386bea3d2f07");
}

/* A clip in a layout, with fractions of a level where it has bits for them, and the bare
 * values beside it. */
static void
fill_layout (HeMarkLayout layout, Clip clip, guint8 *ret_in, guint16 *ret_values, guint w,
             guint h)
{
  g_autofree guint8 *levels = g_malloc (w * h);
  clip_fill (clip, 7, levels, w, w, h);
  if (clip == CLIP_NOISE) /* above the limit when half of it is marked already */
    memset (levels, 128, w * (h / 2));
  for (guint i = 0; i < w * h; i++) {
    const guint16 value = layout == HE_MARK_8 ? levels[i] : levels[i] * 4 + i * 7 % 4;
    const guint16 word = layout == HE_MARK_10_HIGH ? (guint16)(value << 6) : value;
    ret_values[i] = value;
    if (layout == HE_MARK_8)
      ret_in[i] = levels[i];
    else
      memcpy (ret_in + 2 * i, &word, 2);
  }
}

static guint
value_of (HeMarkLayout layout, const guint8 *out, guint i)
{
  guint16 word;
  if (layout == HE_MARK_8)
    return out[i];
  memcpy (&word, out + 2 * i, 2);
  g_assert_true (layout == HE_MARK_10_LOW || word % 64 == 0);
  return layout == HE_MARK_10_HIGH ? word >> 6 : word;
}

#define MAX_LEVELS 3

/* Each level of CPU writes of a clip what the definition makes of it, to memory that
 * vectors can be streamed to, and to other memory. Each has a mark of its own, which
 * remembers of the clip before whether it was above the limit. */
static void
assert_reference (HeMark *const *marks, const gint8 *pattern, HeMarkLayout layout,
                  Clip clip, guint w, guint h)
{
  const HeVariant variant = clip % 2 ? HE_VARIANT_B : HE_VARIANT_A;
  const guint bytes = layout == HE_MARK_8 ? 1 : 2;
  g_autofree guint8 *in = g_malloc (w * h * bytes);
  guint8 *aligned = g_aligned_alloc (w * h * bytes + 16, 1, 64);
  guint8 *out = aligned + (clip / 2 % 2 ? 16 : 0);
  g_autofree guint16 *values = g_new (guint16, w * h), *wanted = g_new (guint16, w * h);
  guint n;
  const HeMarkLevel *levels = he_mark_levels (&n);
  fill_layout (layout, clip, in, values, w, h);
  reference_embed (pattern, variant == HE_VARIANT_A ? 1 : -1, layout == HE_MARK_8 ? 0 : 2,
                   values, wanted, w, h);
  for (guint level = 0; level < n; level++) {
    memset (out, 0x55, w * h * bytes);
    he_mark_embed_at (marks[level], &levels[level], layout, variant, in, w * bytes, out,
                      w * bytes);
    for (guint i = 0; i < w * h; i++)
      if (value_of (layout, out, i) != wanted[i])
        g_error ("%s, layout %d, %s, variant %s, %ux%u: pixel %u,%u is %u instead of %u",
                 levels[level].name, layout, clip_names[clip], he_variant_name (variant),
                 w, h, i % w, i / w, value_of (layout, out, i), wanted[i]);
  }
  g_aligned_free (aligned);
}

/* Given any picture, size and layout, when each level of CPU that this one has marks it,
 * then the bytes are those of the definition. */
static void
test_every_level_writes_the_same (void)
{
  static const guint sizes[][2] = { { 64, 64 },  { 65, 67 },   { 79, 101 }, { 71, 64 },
                                    { 480, 72 }, { 640, 360 }, { 417, 243 } };
  guint n;
  g_assert_cmpstr (he_mark_levels (&n)[0].name, ==, "generic");
  g_assert_cmpuint (n, <=, MAX_LEVELS);
  g_autofree gint8 *grid = g_malloc (HE_PATTERN_WIDTH * HE_PATTERN_HEIGHT);
  he_pattern_build (seed, grid);
  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
    const guint w = sizes[s][0], h = sizes[s][1];
    HeMark *marks[MAX_LEVELS];
    g_autofree gint8 *pattern = g_malloc (w * h);
    he_resample_pattern (grid, HE_PATTERN_WIDTH, HE_PATTERN_HEIGHT, pattern, w, w, h);
    for (guint level = 0; level < n; level++)
      marks[level] = mark_of (w, h);
    for (HeMarkLayout layout = HE_MARK_8; layout <= HE_MARK_10_HIGH; layout++)
      for (Clip clip = 0; clip < N_CLIPS; clip++)
        assert_reference (marks, pattern, layout, clip, w, h);
    for (guint level = 0; level < n; level++)
      he_mark_unref (marks[level]);
  }
}

/* Given rows of busy blocks, some with their like above and below, whose pixels all lie
 * so many levels inside of the range, when each level of CPU marks them, then none is
 * moved out of it, however near they were, and some would have been. */
static void
test_ends_of_the_range (void)
{
  const guint w = 640, h = 360;
  g_autoptr (HeMark) mark = mark_of (w, h);
  g_autofree guint8 *in = g_malloc (w * h);
  guint8 *out = g_aligned_alloc (w * h, 1, 64);
  guint n, stopped = 0;
  const HeMarkLevel *levels = he_mark_levels (&n);
  for (guint inside = 0; inside < 8; inside++) {
    for (guint i = 0; i < w * h; i++)
      in[i] = i / w / 8 % 16 > 2 ? 128 : (i + i / w) % 2 ? 16 + inside : 235 - inside;
    for (guint run = 0; run < 2 * n; run++) {
      he_mark_embed_at (mark, &levels[run / 2], HE_MARK_8,
                        run % 2 ? HE_VARIANT_B : HE_VARIANT_A, in, w, out, w);
      for (guint i = 0; i < w * h; i++) {
        g_assert_cmpuint (out[i], >=, 16);
        g_assert_cmpuint (out[i], <=, 235);
        stopped += inside == 4 && (out[i] == 16 || out[i] == 235);
      }
    }
  }
  g_assert_cmpuint (stopped, >, 0);
  g_aligned_free (out);
}

static void
test_refuses_sizes (void)
{
  static const guint sizes[][2] = { { 63, 64 }, { 64, 63 }, { 0, 0 }, { 16385, 64 } };
  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
    g_autoptr (GError) error = NULL;
    g_assert_null (he_mark_new (seed, sizes[s][0], sizes[s][1], &error));
    g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
    g_autofree char *size = g_strdup_printf ("%ux%u", sizes[s][0], sizes[s][1]);
    g_assert_nonnull (strstr (error->message, size));
  }
}

static void
test_resampling_keeps_what_is_there (void)
{
  g_autofree gint8 *in = g_malloc (HE_PATTERN_WIDTH * HE_PATTERN_HEIGHT);
  g_autofree gint8 *same = g_malloc (HE_PATTERN_WIDTH * HE_PATTERN_HEIGHT);
  he_pattern_build (seed, in);
  he_resample_pattern (in, HE_PATTERN_WIDTH, HE_PATTERN_HEIGHT, same, HE_PATTERN_WIDTH,
                       HE_PATTERN_WIDTH, HE_PATTERN_HEIGHT);
  g_assert_cmpmem (in, HE_PATTERN_WIDTH * HE_PATTERN_HEIGHT, same,
                   HE_PATTERN_WIDTH * HE_PATTERN_HEIGHT);

  /* A ramp stays the same ramp on a grid of another size, away from the ends. */
  static const guint sizes[][2]
      = { { 65, 67 }, { 1921, 1081 }, { 640, 360 }, { 4096, 64 } };
  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
    const guint w = sizes[s][0], h = sizes[s][1];
    g_autofree guint8 *ramp = g_malloc ((gsize)w * h);
    g_autofree float *out = g_new (float, HE_PATTERN_WIDTH *HE_PATTERN_HEIGHT);
    g_autoptr (HeResampler) resampler
        = he_resampler_new (w, h, HE_PATTERN_WIDTH, HE_PATTERN_HEIGHT);
    for (guint y = 0; y < h; y++)
      for (guint x = 0; x < w; x++)
        ramp[(gsize)y * w + x] = (guint8)(200 * x / w);
    he_resampler_run (resampler, ramp, w, out);
    for (guint x = 40; x < HE_PATTERN_WIDTH - 40; x++)
      g_assert_cmpfloat (
          fabs (out[100 * HE_PATTERN_WIDTH + x] - 200.0 * (x + 0.5) / HE_PATTERN_WIDTH),
          <, 200.0 / MIN (w, 640) + 1);
  }
}

static void
assert_same_mark (HeMark *mark, const HeSecret *key, guint64 msn)
{
  const guint w = 128, h = 96;
  guint8 wanted_seed[32];
  he_mark_seed (key, "demo", msn, wanted_seed);
  g_autoptr (HeMark) wanted = he_mark_new (wanted_seed, w, h, NULL);
  guint8 in[128 * 96], out[128 * 96], wanted_out[128 * 96];
  clip_fill (CLIP_NOISE, 0, in, w, w, h);
  he_mark_embed (mark, HE_VARIANT_A, in, w, out, w);
  he_mark_embed (wanted, HE_VARIANT_A, in, w, wanted_out, w);
  g_assert_cmpmem (out, sizeof out, wanted_out, sizeof wanted_out);
}

/* Given a stream that runs on, jumps, returns and runs on, when each segment's mark is
 * taken, then it is the right one, whoever made it and when. */
static void
test_source_follows_the_stream (void)
{
  static const guint64 order[]
      = { 10, 10, 11, 12, 500, 501, 12, 13, 13, 14, G_MAXUINT64, 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (HeSecret) key = he_secret_new (seed, sizeof seed);
  g_autoptr (HeMarkSource) source = he_mark_source_new (key, "demo", 128, 96, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (order); i++) {
    g_autoptr (HeMark) mark = he_mark_source_get (source, order[i], order[i] + 1);
    assert_same_mark (mark, key, order[i]);
  }
}

/* Given segments long enough to make a mark in, however busy the machine is, when they
 * follow each other, then only the first one is waited for. */
static void
test_source_works_ahead (void)
{
  guint late = 0;
  for (gulong pause = 100000; pause <= 6400000 && late != 1; pause *= 4) {
    g_autoptr (HeSecret) key = he_secret_new (seed, sizeof seed);
    g_autoptr (HeMarkSource) source = he_mark_source_new (key, "demo", 640, 360, NULL);
    for (guint64 msn = 1000; msn < 1003; msn++) {
      g_autoptr (HeMark) mark = he_mark_source_get (source, msn, msn + 1);
      g_usleep (msn == 1002 ? 0 : pause);
    }
    late = he_mark_source_late (source);
  }
  g_assert_cmpuint (late, ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mark/keeps-the-promised-psnr", test_keeps_psnr);
  g_test_add_func ("/mark/variants-mirror-each-other", test_variants_mirror_each_other);
  g_test_add_func ("/mark/keeps-the-nominal-range", test_keeps_the_nominal_range);
  g_test_add_func ("/mark/busy-pictures-carry-more", test_busy_pictures_carry_more);
  g_test_add_func ("/mark/any-size-and-stride", test_any_size_and_stride);
  g_test_add_func ("/mark/is-the-same-on-every-node", test_same_on_every_node);
  g_test_add_func ("/mark/every-level-of-cpu-writes-the-same",
                   test_every_level_writes_the_same);
  g_test_add_func ("/mark/ends-of-the-range-hold", test_ends_of_the_range);
  g_test_add_func ("/mark/refuses-sizes-it-cannot-serve", test_refuses_sizes);
  g_test_add_func ("/mark/resampling-keeps-what-is-there",
                   test_resampling_keeps_what_is_there);
  g_test_add_func ("/mark/source-follows-the-stream", test_source_follows_the_stream);
  g_test_add_func ("/mark/source-works-ahead", test_source_works_ahead);
  return g_test_run ();
}
