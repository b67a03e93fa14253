/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-stamp.h"

#include <string.h>

#define TICKS_PER_MS 90

static guint64
gcd (guint64 a, guint64 b)
{
  return b == 0 ? a : gcd (b, a % b);
}

static __int128
nearest (__int128 a, __int128 b)
{
  __int128 twice = 2 * a + b;

  return twice >= 0 ? twice / (2 * b) : -((-twice + 2 * b - 1) / (2 * b));
}

static void
begin (HeStamp *stamp)
{
  stamp->begun = stamp->locked = FALSE;
  /* As for who joins here. */
  stamp->raw = stamp->seen == NULL;
  stamp->n = 0;
  if (stamp->has != NULL)
    memset (stamp->has, 0, stamp->den * sizeof *stamp->has);
}

void
he_stamp_init (HeStamp *stamp, guint64 num, guint64 den)
{
  guint64 common = gcd (num, den);

  he_stamp_clear (stamp);
  *stamp = (HeStamp) { .num = num / common, .den = den / common };
  if (num == 0 || stamp->den > HE_STAMP_MAX_PERIOD) {
    stamp->raw = TRUE;
    return;
  }
  stamp->seen = g_new0 (gint64, stamp->den);
  stamp->has = g_new0 (gboolean, stamp->den);
}

void
he_stamp_clear (HeStamp *stamp)
{
  g_clear_pointer (&stamp->seen, g_free);
  g_clear_pointer (&stamp->has, g_free);
}

/* The number of the frame nearest to a time, counted on from the last one, so that the
 * phase cannot come between. */
static gint64
index_of (const HeStamp *stamp, gint64 ms)
{
  __int128 from = stamp->begun ? ms - stamp->ms : ms;

  return (gint64)nearest (from * stamp->den, stamp->num)
         + (stamp->begun ? stamp->index : 0);
}

static gsize
kind_of (const HeStamp *stamp, gint64 index)
{
  gint64 kind = index % (gint64)stamp->den;

  return (gsize)(kind < 0 ? kind + (gint64)stamp->den : kind);
}

static void
lock (HeStamp *stamp)
{
  stamp->sum = 0;
  for (gsize i = 0; i < stamp->den; i++)
    if (stamp->has[i])
      stamp->sum += stamp->seen[i];
  stamp->locked = TRUE;
}

gboolean
he_stamp_take (HeStamp *stamp, gint64 ms)
{
  if (stamp->begun && ABS (ms - stamp->ms) >= HE_STAMP_JUMP) {
    begin (stamp);
    return FALSE;
  }
  if (stamp->raw) {
    stamp->begun = TRUE;
    stamp->ms = ms;
    return TRUE;
  }
  gint64 index = index_of (stamp, ms);
  gint64 x = ms * (gint64)stamp->den - index * (gint64)stamp->num;
  gint64 last = stamp->ms * (gint64)stamp->den - stamp->index * (gint64)stamp->num;
  gsize kind = kind_of (stamp, index);
  gint64 like = stamp->has[kind] ? stamp->seen[kind] : stamp->begun ? last : x;

  if (ABS (x - like) > HE_STAMP_STRAY * (gint64)stamp->den) {
    stamp->raw = TRUE;
  } else if (!stamp->has[kind]) {
    stamp->has[kind] = TRUE;
    stamp->seen[kind] = x;
    if (++stamp->n == stamp->den)
      lock (stamp);
  }
  stamp->begun = TRUE;
  stamp->ms = ms;
  stamp->index = index;
  return TRUE;
}

gboolean
he_stamp_is_ready (const HeStamp *stamp)
{
  return stamp->raw || stamp->locked;
}

void
he_stamp_settle (HeStamp *stamp)
{
  if (!he_stamp_is_ready (stamp) && stamp->n > 0)
    lock (stamp);
  else if (!he_stamp_is_ready (stamp))
    stamp->raw = TRUE;
}

gint64
he_stamp_time (const HeStamp *stamp, gint64 ms)
{
  if (stamp->raw)
    return ms * TICKS_PER_MS;
  __int128 den = stamp->den, n = stamp->n;

  return (gint64)nearest (
      TICKS_PER_MS * ((__int128)index_of (stamp, ms) * stamp->num * n + stamp->sum),
      den * n);
}
