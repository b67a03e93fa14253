/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-epoch.h"

#include <time.h>

#define NS_PER_SECOND G_GUINT64_CONSTANT (1000000000)

typedef unsigned __int128 Wide;

/* The products below pass 64 bits for today's epoch times, so they are made in 128. */
static guint64
mul_div_floor (guint64 a, guint64 mul, guint64 div)
{
  return (guint64)((Wide)a * mul / div);
}

static guint64
mul_div_nearest (guint64 a, guint64 mul, guint64 div)
{
  return (guint64)(((Wide)a * mul + div / 2) / div);
}

guint64
he_ticks_to_ns (guint64 ticks)
{
  return mul_div_floor (ticks, NS_PER_SECOND, HE_TICKS_PER_SECOND);
}

guint64
he_ticks_from_ns (guint64 ns)
{
  return mul_div_nearest (ns, HE_TICKS_PER_SECOND, NS_PER_SECOND);
}

guint64
he_epoch_msn (guint64 t90, guint64 duration90)
{
  g_assert (duration90 > 0);
  return t90 / duration90;
}

guint64
he_epoch_boundary (guint64 msn, guint64 duration90)
{
  return msn * duration90;
}

gint64
he_epoch_unwrap (guint64 pts33, gint64 reference)
{
  guint64 ahead = (pts33 - (guint64)reference) & (HE_PTS_WRAP - 1);

  if (ahead > HE_PTS_WRAP / 2)
    ahead -= HE_PTS_WRAP;
  return (gint64)((guint64)reference + ahead);
}

guint64
he_audio_frame_at_or_after (guint64 t90, guint rate)
{
  Wide samples90 = (Wide)t90 * rate; /* in 1/90000 of a sample */
  Wide frame90 = (Wide)HE_AUDIO_FRAME * HE_TICKS_PER_SECOND;

  return (guint64)((samples90 + frame90 - 1) / frame90);
}

guint64
he_audio_frame_ticks (guint64 frame, guint rate)
{
  return mul_div_nearest (frame, HE_AUDIO_FRAME * HE_TICKS_PER_SECOND, rate);
}

guint64
he_audio_frame_ns (guint64 frame, guint rate)
{
  return mul_div_floor (frame, HE_AUDIO_FRAME * NS_PER_SECOND, rate);
}

guint64
he_audio_sample_from_ns (guint64 ns, guint rate)
{
  return mul_div_nearest (ns, rate, NS_PER_SECOND);
}

guint64
he_audio_sample_to_ns (guint64 sample, guint rate)
{
  return mul_div_floor (sample, NS_PER_SECOND, rate);
}

char *
he_epoch_to_rfc3339 (guint64 t90)
{
  guint64 ms = mul_div_nearest (t90, 1000, HE_TICKS_PER_SECOND);
  time_t seconds = (time_t)(ms / 1000);
  struct tm tm;

  gmtime_r (&seconds, &tm); /* 64-bit: cannot fail for any t90 */
  return g_strdup_printf ("%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900,
                          tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                          (guint)(ms % 1000));
}
