/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A packager, what it is fed, and what came out. */

#include <string.h>

#include "he-crypto.h"
#include "he-error.h"
#include "he-keys.h"
#include "he-packager.h"

#define D90 G_GUINT64_CONSTANT (180000)
#define MSN G_GUINT64_CONSTANT (892500000)
#define FRAME 3600

/* What came out. */
typedef struct {
  GArray *msns;  /* guint64 */
  GArray *flags; /* HeSegmentFlags */
  GPtrArray *bodies;
  HeSegment *last;
} Output;

static inline void
packaged (const HeSegment *segment, GBytes *body, const guint8 digest[32],
          gpointer user_data)
{
  Output *output = user_data;
  guint8 expected[32];

  he_sha256 (g_bytes_get_data (body, NULL), g_bytes_get_size (body), expected);
  g_assert_cmpmem (digest, 32, expected, 32);
  g_array_append_val (output->msns, segment->msn);
  g_array_append_val (output->flags, segment->flags);
  g_ptr_array_add (output->bodies, g_bytes_ref (body));
  he_segment_free (output->last);
  output->last = he_segment_copy (segment);
}

static inline Output *
output_new (void)
{
  Output *output = g_new0 (Output, 1);

  output->msns = g_array_new (FALSE, FALSE, sizeof (guint64));
  output->flags = g_array_new (FALSE, FALSE, sizeof (HeSegmentFlags));
  output->bodies = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
  return output;
}

static inline void
output_free (Output *output)
{
  g_array_unref (output->msns);
  g_array_unref (output->flags);
  g_ptr_array_unref (output->bodies);
  he_segment_free (output->last);
  g_free (output);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Output, output_free)

static inline HePackager *
packager_of (HeTsCodec codec, HeVariant variant, HeSecret *content, Output *output)
{
  HePackagerConfig config = { .channel = "demo",
                              .rendition = "360p",
                              .variant = variant,
                              .codec = codec,
                              .duration90 = D90,
                              .content = content,
                              .key_version = 1,
                              .key_rotation = 30,
                              .tier = "base" };

  return he_packager_new (&config, packaged, output);
}

static inline HePackager *
packager_new (HeTsCodec codec, HeSecret *content, Output *output)
{
  return packager_of (codec, HE_VARIANT_B, content, output);
}

static inline gboolean
push (HePackager *packager, guint64 t90, gboolean keyframe, GError **error)
{
  static const guint8 picture[80] = { 0, 0, 0, 1, 0x41, 9, 9 };
  static const guint8 idr[80]
      = { 0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3, 3 };
  HeUnitInfo info
      = { .pts90 = t90, .dts90 = t90, .length90 = FRAME, .keyframe = keyframe };
  g_autoptr (GBytes) data = g_bytes_new_static (keyframe ? idr : picture, 80);

  return he_packager_push (packager, &info, data, error);
}

/* Pictures from .. to, with a keyframe at each boundary when keyed. */
static inline void
push_run (HePackager *packager, guint64 from90, guint64 to90)
{
  for (guint64 t = from90; t < to90; t += FRAME) {
    g_autoptr (GError) error = NULL;

    g_assert_true (push (packager, t, t % D90 == 0, &error));
    g_assert_no_error (error);
  }
}

static inline void
boundary (HePackager *packager, guint64 msn)
{
  g_assert_true (he_packager_boundary (packager, msn, 3, D90, NULL));
}

static inline void
expect_msns (Output *output, guint n, const guint64 *msns)
{
  g_assert_cmpmem (output->msns->data, output->msns->len * sizeof (guint64), msns,
                   n * sizeof (guint64));
}

#define EXPECT(output, ...)                                                              \
  expect_msns (output, G_N_ELEMENTS (((const guint64[]) { __VA_ARGS__ })),               \
               (const guint64[]) { __VA_ARGS__ })
