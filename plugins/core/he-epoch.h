/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Epoch time: the source's timeline in 90 kHz ticks since 1970-01-01, as guint64. All
 * decisions are integer; nanoseconds only carry a time through GStreamer, and the
 * round trip T90 -> ns -> T90 is exact. */
#define HE_TICKS_PER_SECOND G_GUINT64_CONSTANT (90000)
#define HE_PTS_WRAP (G_GUINT64_CONSTANT (1) << 33)

guint64 he_ticks_to_ns (guint64 ticks); /* rounds down: valid past year 2500 */
guint64 he_ticks_from_ns (guint64 ns);  /* nearest tick */

/* MSN = floor(T90 / D90); boundary n begins at n * D90. duration90 > 0. */
guint64 he_epoch_msn (guint64 t90, guint64 duration90);
guint64 he_epoch_boundary (guint64 msn, guint64 duration90);

/* The continuation of a 33-bit PTS nearest to a reference on the unwrapped timeline. May
 * be negative when the reference is near zero. */
gint64 he_epoch_unwrap (guint64 pts33, gint64 reference);

/* The audio grid: frame f of 1024 samples begins at sample f * 1024 since the epoch. */
#define HE_AUDIO_FRAME 1024
/* First frame that begins at or after t90 (compared as fractions, without rounding). */
guint64 he_audio_frame_at_or_after (guint64 t90, guint rate);
/* Its start in ticks, nearest; and in nanoseconds, rounded down. */
guint64 he_audio_frame_ticks (guint64 frame, guint rate);
guint64 he_audio_frame_ns (guint64 frame, guint rate);
/* Sample index nearest to a nanosecond time, and back (rounded down). */
guint64 he_audio_sample_from_ns (guint64 ns, guint rate);
guint64 he_audio_sample_to_ns (guint64 sample, guint rate);

/* Epoch time as RFC 3339 UTC with milliseconds ("2026-11-21T08:00:00.040Z"), rounded to
 * the nearest millisecond. */
char *he_epoch_to_rfc3339 (guint64 t90);

G_END_DECLS
