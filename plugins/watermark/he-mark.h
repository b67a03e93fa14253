/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-mark-kernel.h"
#include "he-segment.h"

G_BEGIN_DECLS

/* The mark of one segment at one frame size, and its embedding: variant a adds the
 * pattern to the luma, b subtracts the same.
 *
 * Each 8x8 block's strength follows its activity: with m its mean absolute deviation from
 * its mean, averaged with the least m of its 3x3 neighbourhood, one deviation of the
 * pattern is 0.7 * max (clamp (0.45 m, 0.45, 2.5), min (0.73, 0.92 - 0.45 m)) levels, and
 * 0.7 * 0.45 where m is 0: a picture hides most where it is busy, and an encoder pays most
 * for a mark on fine grain; on what has little it drops a weak one, and what has none at
 * all, as drawn graphics, hides nothing. A frame whose blocks are so busy that the whole
 * would cost more than HE_MARK_PSNR is marked less throughout. Fractions of a level, or of
 * a quarter of it in 10 bits, are kept by a 4x4 ordered dither.
 *
 * No pixel is moved out of 16..235, 64..940 in 10 bits. One that is outside already, as
 * in full-range video, may only come back towards it, so the same rule serves both
 * ranges.
 *
 * Integer arithmetic throughout. Immutable once made: threads may share it. */

#define HE_MARK_MIN_SIZE 64
#define HE_MARK_MAX_SIZE 16384
#define HE_MARK_PSNR 47 /* dB; what no frame falls below */

typedef struct _HeMark HeMark;

/* seed comes from he_mark_seed(). Any size from 64x64 to 16384x16384, odd ones too;
 * HE_ERROR_INVALID otherwise. Costs tens of milliseconds: once a segment, off the
 * streaming thread. */
HeMark *he_mark_new (const guint8 seed[32], guint width, guint height, GError **error);
/* The same with a payload's symbols in the pattern (he_payload_encode()). */
HeMark *he_mark_new_signed (const guint8 seed[32], const gint8 *signs, guint width,
                            guint height, GError **error);
HeMark *he_mark_ref (HeMark *mark);
void he_mark_unref (HeMark *mark); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeMark, he_mark_unref)

/* HE_ERROR_INVALID naming the size, when it is outside the limits above. */
gboolean he_mark_check_size (guint width, guint height, GError **error);

/* How luma lies in memory. */
typedef enum {
  HE_MARK_8,       /* a byte: I420, NV12 */
  HE_MARK_10_LOW,  /* the lower 10 bits of a 16-bit word of the host: I420_10 */
  HE_MARK_10_HIGH, /* the upper ones, the lower 6 are written as 0: P010 */
} HeMarkLayout;

/* Writes width x height marked pixels of HE_MARK_8; whatever lies between the rows of out
 * stays as it is. Strides are bytes, at least width. in and out do not overlap. variant
 * is a or b. */
void he_mark_embed (const HeMark *mark, HeVariant variant, const guint8 *in,
                    gsize in_stride, guint8 *out, gsize out_stride);

/* The same in any layout; words are aligned, and 10-bit strides even. */
void
he_mark_embed_layout (const HeMark *mark, HeMarkLayout layout, HeVariant variant,
                      const guint8 *in, gsize in_stride, guint8 *out, gsize out_stride);

/* The same at a level of he_mark_levels(), which all write the same bytes. */
void he_mark_embed_at (const HeMark *mark, const HeMarkLevel *level, HeMarkLayout layout,
                       HeVariant variant, const guint8 *in, gsize in_stride, guint8 *out,
                       gsize out_stride);

/* For kernels elsewhere: height rows of width, ret_stride bytes apart, as long as the
 * mark lives. */
const gint8 *he_mark_pattern (const HeMark *mark, gsize *ret_stride);

G_END_DECLS
