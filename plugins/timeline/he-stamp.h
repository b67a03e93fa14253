/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Finds the frames' own times behind timestamps that were rounded to milliseconds, as
 * RTMP has them.
 *
 * A frame lasts num/den ms in lowest terms, so that roundings repeat after den frames: 30
 * pictures at 30000/1001, 441 frames of AAC at 44.1 kHz, 3 at 48. Over one of each kind
 * of rounding the mean of (time - number * length) is the phase, the same to the last bit
 * wherever the window began and however the sender rounds, so that two machines that
 * joined at different moments give every frame the same time.
 *
 * Times that stray by more than HE_STAMP_STRAY, as those of another frame rate or of a
 * sender that goes by another clock, are taken as they are up to the next jump. */

#define HE_STAMP_MAX_PERIOD 2000
#define HE_STAMP_STRAY 2 /* ms */
#define HE_STAMP_JUMP 500

typedef struct {
  /*< private >*/
  guint64 num, den; /* 0, 1: every time is taken as it is */
  gboolean begun, locked, raw;
  gint64 ms, index, sum;
  guint n;       /* kinds of rounding seen */
  gint64 *seen;  /* by index modulo den: time - index * length, in 1/den ms */
  gboolean *has; /* whether so */
} HeStamp;

/* Frames of num/den ms; num == 0: unknown. Zeroed memory or one that was initialised. */
void he_stamp_init (HeStamp *stamp, guint64 num, guint64 den);
void he_stamp_clear (HeStamp *stamp); /* takes one that is all zero */

/* Takes the next frame's time. FALSE: a jump of HE_STAMP_JUMP or more; the frames before
 * it are to be stamped by he_stamp_time() now, then call again. */
gboolean he_stamp_take (HeStamp *stamp, gint64 ms);
/* Whether the times of the frames taken are known. he_stamp_settle() makes it so with
 * what was seen. */
gboolean he_stamp_is_ready (const HeStamp *stamp);
void he_stamp_settle (HeStamp *stamp);
/* In ticks of 90 kHz, of a frame that was taken with this time, or is a few frames away
 * from it. Once ready. */
gint64 he_stamp_time (const HeStamp *stamp, gint64 ms);

G_END_DECLS
