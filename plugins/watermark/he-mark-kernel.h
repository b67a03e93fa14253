/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What embedding does to every pixel of every frame: one source (he-mark-kernel.c), built
 * once for each level of CPU and each depth. All levels write the same bytes. */

#define HE_MARK_BLOCK 8

typedef struct {
  guint width, height;  /* pixels */
  const gint8 *pattern; /* height rows of pattern_stride bytes */
  gsize pattern_stride;
  gint16 sign; /* 1: add, -1: subtract */
  /* Bytes and strides in bytes; samples of more than 8 bits are two bytes of the host's
   * order, and aligned. */
  const guint8 *in;
  gsize in_stride;
  guint8 *out; /* does not overlap in */
  gsize out_stride;
  guint shift; /* of 10-bit samples in their 16 bits: 0, or 6 as in P010 */
  /* A guess, which changes no byte: the frame is above its limit, so it is not begun to
   * be marked before all of it has been looked at. */
  gboolean busy;
} HeMarkFrame;

typedef struct {
  const char *name;
  /* Each returns whether the frame was above its limit. */
  gboolean (*embed) (const HeMarkFrame *frame);   /* 8 bits */
  gboolean (*embed10) (const HeMarkFrame *frame); /* 10 bits */
} HeMarkLevel;

/* The levels that this CPU can run, the best one last; there is always one. */
const HeMarkLevel *he_mark_levels (guint *ret_n);

G_END_DECLS
