/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Planes from one size to another with a triangle filter as wide as the coarser of the
 * two samplings: linear interpolation upwards, an average downwards. Sample i of n covers
 * [i / n, (i + 1) / n] of the plane, so planes of any size lie on each other exactly.
 * Weights are integers, so every CPU makes the same bytes. Strides are in elements. */

/* The pattern to the size of a frame. in is packed. */
void
he_resample_pattern (const gint8 *in, guint in_width, guint in_height, gint8 *ret_out,
                     gsize out_stride, guint out_width, guint out_height);

/* Luma to the grid: keeps the fraction. ret_out has a stride of out_width. */
typedef struct _HeResampler HeResampler;
HeResampler *
he_resampler_new (guint in_width, guint in_height, guint out_width, guint out_height);
void he_resampler_free (HeResampler *resampler); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeResampler, he_resampler_free)
gboolean
he_resampler_fits (const HeResampler *resampler, guint in_width, guint in_height);
void he_resampler_run (HeResampler *resampler, const guint8 *in, gsize in_stride,
                       float *ret_out);

G_END_DECLS
