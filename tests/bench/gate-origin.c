/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gate-origin VIEWERS: an origin with one channel, whose window is filled once and stays: 2 MB
 * segments, media playlists of about 2 KB. Prints its port, a playlist's and a segment's path, and
 * each viewer's cookie, a line each; then serves until its input ends. */
#include <stdio.h>

#include "../unit/origin-kit.h"

#define BENCH_WINDOW 20
#define BENCH_D90 180000
#define SEGMENT_BYTES (2 * 1000 * 1000)

static void
put (Pair *pair, const char *rendition, HeVariant variant, guint64 msn, GBytes *body)
{
  HeSegment segment = segment_of (rendition, variant, msn);
  g_autoptr (GError) error = NULL;

  segment.duration90 = BENCH_D90;
  segment.pts90 = msn * BENCH_D90;
  he_origin_put (pair->origin[0], &segment, body, &error);
  g_assert_no_error (error);
}

static void
fill (Pair *pair)
{
  guint8 *bytes = g_malloc (SEGMENT_BYTES);
  g_autoptr (GBytes) body = g_bytes_new_take (bytes, SEGMENT_BYTES);

  for (guint i = 0; i < SEGMENT_BYTES; i++)
    bytes[i] = (guint8)(i * 2654435761u >> 24);
  for (guint64 msn = MSN; msn < MSN + BENCH_WINDOW; msn++) {
    put (pair, "360p", HE_VARIANT_A, msn, body);
    put (pair, "360p", HE_VARIANT_B, msn, body);
    put (pair, "audio", HE_VARIANT_NONE, msn, body);
  }
}

int
main (int argc, char *argv[])
{
  g_autoptr (Pair) pair = pair_prepare (HE_SESSIONS_EVICT_OLDEST);
  guint viewers = argc == 2 ? (guint)g_ascii_strtoull (argv[1], NULL, 10) : 100;

  pair->channel->window = BENCH_WINDOW;
  pair->channel->duration90 = BENCH_D90;
  pair_start (pair, 0);
  fill (pair);
  printf ("%u\n/live/demo/360p/index.m3u8\n/live/demo/360p/%" G_GUINT64_FORMAT ".ts\n",
          port_of (pair, 0), MSN + BENCH_WINDOW - 1);
  for (guint i = 0; i < viewers; i++) {
    g_autofree char *account = g_strdup_printf ("viewer%u", i);
    g_autofree char *cookie = cookie_for (pair, 0, account);

    printf ("%s", cookie);
  }
  fflush (stdout);
  while (getchar () != EOF)
    ;
  return 0;
}
