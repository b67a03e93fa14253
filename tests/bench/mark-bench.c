/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mark by itself, on one core:
 *
 *   mark-bench time                   milliseconds of CPU for a 1080p frame, and a pattern
 *   mark-bench filter <IN.yuv >OUT    marks 1080p I420, fifty frames a segment; says the PSNR
 *   mark-bench detect WIDTH HEIGHT    milliseconds of CPU for a frame of a copy that is read
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/mark-clips.h"
#include "he-keys.h"
#include "he-mark.h"
#include "he-pattern.h"
#include "he-reader.h"

#define WIDTH 1920
#define HEIGHT 1080
#define PIXELS ((gsize)WIDTH * HEIGHT)
#define FRAMES 6 /* more than a core's own caches hold */
#define ROUNDS 100
#define SEGMENTS 10 /* that are read, of so many frames: */
#define SEGMENT_FRAMES 50

static double
cpu_ms (void)
{
  struct timespec now;
  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static HeSecret *
mark_key (void)
{
  static const guint8 key[32] = { 9 };
  return he_secret_new (key, sizeof key);
}

static HeMark *
mark_at (guint64 msn, guint width, guint height)
{
  guint8 seed[32];
  g_autoptr (HeSecret) secret = mark_key ();
  he_mark_seed (secret, "bench", msn, seed);
  return he_mark_new (seed, width, height, NULL);
}

static HeMark *
mark_of (guint64 msn)
{
  return mark_at (msn, WIDTH, HEIGHT);
}

typedef struct {
  const HeMark *mark;
  HeMarkLayout layout;
  gsize bytes; /* of a sample */
  guint8 *in[FRAMES], *out[FRAMES];
} Work;

static double
one_round (const Work *work, const HeMarkLevel *level)
{
  const double start = cpu_ms ();
  for (guint i = 0; i < FRAMES; i++)
    if (level)
      he_mark_embed_at (work->mark, level, work->layout, HE_VARIANT_A, work->in[i],
                        WIDTH * work->bytes, work->out[i], WIDTH * work->bytes);
    else
      memcpy (work->out[i], work->in[i], PIXELS * work->bytes);
  return (cpu_ms () - start) / FRAMES;
}

/* The best round's mean of memcpy, then of each level: what else the machine does only
 * ever adds. They take turns, so that all meet its quiet moments. */
static void
best_rounds (const Work *work, const HeMarkLevel *levels, guint n, double *ret_best)
{
  for (guint i = 0; i <= n; i++)
    ret_best[i] = G_MAXDOUBLE;
  for (guint round = 0; round < ROUNDS; round++)
    for (guint i = 0; i <= n; i++)
      ret_best[i] = MIN (ret_best[i], one_round (work, i ? &levels[i - 1] : NULL));
}

static void
time_depth (const HeMark *mark, HeMarkLayout layout)
{
  Work work = { .mark = mark, .layout = layout, .bytes = layout == HE_MARK_8 ? 1 : 2 };
  const guint depth = layout == HE_MARK_8 ? 8 : 10;
  guint n;
  const HeMarkLevel *levels = he_mark_levels (&n);
  for (guint i = 0; i < FRAMES; i++) {
    g_autofree guint8 *luma = g_malloc (PIXELS);
    /* Aligned as what comes from decoders, and as the element's own memory. */
    work.in[i] = g_aligned_alloc (PIXELS, work.bytes, 64);
    work.out[i] = g_aligned_alloc0 (PIXELS, work.bytes, 64);
    clip_fill (CLIP_SCENE, i, luma, WIDTH, WIDTH, HEIGHT);
    for (gsize p = 0; p < PIXELS; p++)
      if (layout == HE_MARK_8)
        work.in[i][p] = luma[p];
      else
        ((guint16 *)(void *)work.in[i])[p] = (guint16)(luma[p] << 2);
  }
  g_autofree double *best = g_new (double, n + 1);
  best_rounds (&work, levels, n, best);
  printf ("memcpy %u %.3f 1\n", depth, best[0]);
  for (guint i = 1; i <= n; i++)
    printf ("%s %u %.3f %.2f\n", levels[i - 1].name, depth, best[i], best[i] / best[0]);
  for (guint i = 0; i < FRAMES; i++) {
    g_aligned_free (work.in[i]);
    g_aligned_free (work.out[i]);
  }
}

static int
time_all (void)
{
  g_autoptr (HeMark) warm = mark_of (0);
  double start = cpu_ms ();
  for (guint64 msn = 1; msn <= 8; msn++)
    he_mark_unref (mark_of (msn));
  printf ("pattern 0 %.3f 0\n", (cpu_ms () - start) / 8);
  time_depth (warm, HE_MARK_8);
  time_depth (warm, HE_MARK_10_LOW);
  return 0;
}

static int
filter (void)
{
  const gsize bytes = PIXELS * 3 / 2;
  g_autofree guint8 *in = g_malloc (bytes), *out = g_malloc (bytes);
  g_autoptr (HeMark) mark = NULL;
  double squares = 0;
  guint frames = 0;
  for (; fread (in, 1, bytes, stdin) == bytes; frames++) {
    if (frames % 50 == 0) {
      he_mark_unref (mark);
      mark = mark_of (1000 + frames / 50);
    }
    he_mark_embed (mark, HE_VARIANT_A, in, WIDTH, out, WIDTH);
    memcpy (out + PIXELS, in + PIXELS, PIXELS / 2);
    if (fwrite (out, 1, bytes, stdout) != bytes)
      return 1;
    squares += pow (10, -clip_psnr (in, WIDTH, out, WIDTH, WIDTH, HEIGHT) / 10);
  }
  fprintf (stderr, "%u %.2f\n", frames, frames ? -10 * log10 (squares / frames) : 0);
  return frames == 0;
}

/* A copy of whole frames, whose time is known within a minute; the search is counted in. */
static int
time_detector (guint width, guint height)
{
  static const char *const channels[] = { "bench", NULL };
  g_autoptr (HeSecret) key = mark_key ();
  const HeReaderSettings settings = { .key = key,
                                      .channels = channels,
                                      .duration90 = 180000,
                                      .first = 1000,
                                      .last = 1030,
                                      .views = TRUE };
  g_autoptr (HeReader) reader = he_reader_new (&settings, NULL);
  guint8 *in[FRAMES], *out[FRAMES];
  HeReading reading;
  double ms = 0;
  guint read = 0;
  for (guint i = 0; i < FRAMES; i++) {
    in[i] = g_malloc ((gsize)width * height);
    out[i] = g_malloc ((gsize)width * height);
    clip_fill (CLIP_SCENE, i, in[i], width, width, height);
  }
  for (guint frame = 0; frame < SEGMENTS * SEGMENT_FRAMES; frame++) {
    if (frame % SEGMENT_FRAMES == 0) {
      g_autoptr (HeMark) mark = mark_at (1010 + frame / SEGMENT_FRAMES, width, height);
      for (guint i = 0; i < FRAMES; i++)
        he_mark_embed (mark, HE_VARIANT_A, in[i], width, out[i], width);
    }
    const double start = cpu_ms ();
    he_reader_add (reader, out[frame % FRAMES], width, width, height,
                   (guint64)frame * 2000000000 / SEGMENT_FRAMES, NULL);
    ms += cpu_ms () - start;
  }
  const double start = cpu_ms ();
  he_reader_finish (reader);
  ms += cpu_ms () - start;
  while (he_reader_take (reader, &reading))
    read += reading.msn >= 1010 && reading.z < 0;
  printf ("%.3f %u\n", ms / SEGMENTS / SEGMENT_FRAMES, read);
  for (guint i = 0; i < FRAMES; i++) {
    g_free (in[i]);
    g_free (out[i]);
  }
  return read < SEGMENTS;
}

int
main (int argc, char **argv)
{
  if (argc == 2 && strcmp (argv[1], "time") == 0)
    return time_all ();
  if (argc == 2 && strcmp (argv[1], "filter") == 0)
    return filter ();
  if (argc == 4 && strcmp (argv[1], "detect") == 0)
    return time_detector ((guint)atoi (argv[2]), (guint)atoi (argv[3]));
  fprintf (stderr, "usage: %s time|filter|detect WIDTH HEIGHT\n", argv[0]);
  return 2;
}
