/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <math.h>

/* Pictures to mark, made as they are needed, of any size and the same everywhere. */

typedef enum {
  CLIP_GREY,     /* nothing for a mark to hide in */
  CLIP_GRADIENT, /* neither black nor white reached */
  CLIP_NOISE,    /* the busiest there is */
  CLIP_SHAPES,   /* discs moving over flat fields, with hard edges */
  CLIP_DARK,     /* at and just above black */
  CLIP_SCENE,    /* texture of all sizes, panning, with grain */
  N_CLIPS
} Clip;

static const char *const clip_names[N_CLIPS]
    = { "grey", "gradient", "noise", "shapes", "dark", "scene" };

static inline guint32
clip_hash (guint32 x, guint32 y, guint32 salt)
{
  guint32 h = x * 0x9e3779b1u ^ y * 0x85ebca77u ^ salt * 0xc2b2ae3du;
  h = (h ^ (h >> 15)) * 0x2c1b3c6du;
  h = (h ^ (h >> 12)) * 0x297a2d39u;
  return h ^ (h >> 15);
}

/* Value noise of one octave, -128..127, interpolated between lattice points. */
static inline gint
clip_octave (guint x, guint y, guint bits)
{
  const gint one = 1 << bits, fx = (gint)x & (one - 1), fy = (gint)y & (one - 1);
  const guint lx = x >> bits, ly = y >> bits;
  gint corner[4];
  for (guint i = 0; i < 4; i++)
    corner[i] = (gint)(clip_hash (lx + (i & 1), ly + (i >> 1), bits) & 255) - 128;
  gint top = corner[0] * (one - fx) + corner[1] * fx;
  gint bottom = corner[2] * (one - fx) + corner[3] * fx;
  return (top * (one - fy) + bottom * fy) >> (2 * bits);
}

#define CLIP_TEXTURE 1024 /* side of the scene, which repeats */

static inline const guint8 *
clip_texture (void)
{
  static guint8 *texture;
  if (!texture) {
    texture = g_malloc (CLIP_TEXTURE * CLIP_TEXTURE);
    for (guint y = 0; y < CLIP_TEXTURE; y++)
      for (guint x = 0; x < CLIP_TEXTURE; x++) {
        gint sum = 8 * clip_octave (x, y, 7) + 4 * clip_octave (x, y, 6)
                   + 3 * clip_octave (x, y, 4) + 2 * clip_octave (x, y, 3)
                   + clip_octave (x, y, 1);
        texture[y * CLIP_TEXTURE + x] = (guint8)CLAMP (120 + sum / 14, 20, 230);
      }
  }
  return texture;
}

static inline guint8
clip_shapes_pixel (guint frame, gint x, gint y, gint width, gint height)
{
  for (gint i = 0; i < 4; i++) {
    gint cx = (gint)((frame * (2 + (guint)i) + (guint)(i * width) / 4) % (guint)width);
    gint cy = height * (i + 1) / 5, r = height / (6 + i);
    if ((x - cx) * (x - cx) + (y - cy) * (y - cy) < r * r)
      return (guint8)(60 + 45 * i);
  }
  return y < height / 2 ? 150 : 90;
}

static inline guint8
clip_pixel (Clip clip, guint frame, guint x, guint y, guint width, guint height)
{
  switch (clip) {
    case CLIP_GREY:
      return 126;
    case CLIP_GRADIENT:
      return (guint8)(30 + 180 * (x + y) / (width + height));
    case CLIP_NOISE:
      return (guint8)(16 + clip_hash (x, y, frame + 1) % 220);
    case CLIP_SHAPES:
      return clip_shapes_pixel (frame, (gint)x, (gint)y, (gint)width, (gint)height);
    case CLIP_DARK:
      return (guint8)(16 + clip_hash (x / 3, y / 3, frame + 9) % 4 + 6 * x / width);
    default:
      return (guint8)(clip_texture ()[(y + frame) % CLIP_TEXTURE * CLIP_TEXTURE
                                      + (x + 2 * frame) % CLIP_TEXTURE]
                      + clip_hash (x, y, frame) % 5);
  }
}

static inline void
clip_fill (Clip clip, guint frame, guint8 *luma, gsize stride, guint width, guint height)
{
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      luma[y * stride + x] = clip_pixel (clip, frame, x, y, width, height);
}

/* dB; 99 for equal planes. */
static inline double
clip_psnr (const guint8 *a, gsize a_stride, const guint8 *b, gsize b_stride, guint width,
           guint height)
{
  guint64 sum = 0;
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++) {
      gint d = (gint)a[y * a_stride + x] - b[y * b_stride + x];
      sum += (guint64)(d * d);
    }
  return sum ? 10 * log10 (255.0 * 255.0 * width * height / (double)sum) : 99;
}
