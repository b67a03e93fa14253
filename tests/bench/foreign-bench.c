/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What keys read in a copy that they did not mark; no test.
 *
 *   foreign-bench WIDTH HEIGHT FRAMES KEYS CANDIDATES SEARCHES <GREY
 *
 * Takes frames of 8 bits, FRAMES a segment, and whitens them once. Prints, each in a line:
 *
 *   z SCORE       of each whole segment under each key, read in whole frames as HeReader does
 *   p LN ACCUSED  for each key, the least p-value of so many candidates, and how many are accused
 *   v LN          for the first SEARCHES keys, of the evidence for any view, paid for
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "he-detect.h"
#include "he-keys.h"
#include "he-slots.h"
#include "he-trace.h"

#define SEGMENTS 16
#define FIRST G_GUINT64_CONSTANT (880000000)
#define CHANNEL "bench"

typedef struct {
  guint frames; /* a segment */
  HeWhitener *whitener;
  HeSlots *slots;
  HeDetector *detectors[SEGMENTS];
  guint n; /* segments */
} Copy;

static HeSecret *
key_of (guint index, HePurpose purpose)
{
  const guint8 bytes[32] = { (guint8)index, (guint8)(index >> 8), 0x5a };
  g_autoptr (HeSecret) master = he_secret_new (bytes, sizeof bytes);
  return he_keys_derive (master, purpose);
}

static void
read_frames (Copy *copy, guint width, guint height)
{
  const gsize size = (gsize)width * height;
  const guint frames = copy->frames;
  g_autofree guint8 *luma = g_malloc (size);
  g_autofree HePlane *sum = g_new0 (HePlane, 1);
  guint n = 0, begin = 0;
  while (n < SEGMENTS * frames && fread (luma, size, 1, stdin) == 1) {
    he_whitener_add (copy->whitener, luma, width, width, height, sum, NULL);
    if (++n * HE_SLOTS_PER_SEGMENT / frames == begin * HE_SLOTS_PER_SEGMENT / frames)
      continue;
    he_slots_push (copy->slots, (const HePlane *)sum, n - begin, (double)begin / frames,
                   (double)n / frames);
    memset (sum, 0, sizeof *sum);
    begin = n;
  }
  copy->n = n / frames;
}

static HeDetector *
segment (const Copy *copy, double begin)
{
  g_autofree HePlane *plane = g_new (HePlane, 1);
  const guint frames = he_slots_sum_segment (copy->slots, copy->whitener, begin, 1, plane);
  HeDetector *detector = he_detector_new ();
  he_detector_add_plane (detector, (const HePlane *)plane, frames);
  return detector;
}

static void
score (const Copy *copy, guint index, guint candidates)
{
  HeSymbol symbols[SEGMENTS];
  HeSuspect suspects[HE_TRACE_SUSPECTS];
  g_autoptr (HeSecret) mark = key_of (index, HE_PURPOSE_MARK);
  g_autoptr (HeSecret) secret = key_of (index, HE_PURPOSE_CODEWORD);
  for (guint i = 0; i < copy->n; i++) {
    guint8 seed[32];
    he_mark_seed (mark, CHANNEL, FIRST + i, seed);
    symbols[i] = (HeSymbol) { FIRST + i, -he_detector_score (copy->detectors[i], seed) };
    printf ("z %.4f\n", symbols[i].z);
  }
  g_autoptr (HeCodeword) code
      = he_codeword_new (secret, 1, CHANNEL, HE_CODEWORD_COLLUDERS);
  g_autoptr (HeTrace) trace = he_trace_new (code, symbols, copy->n);
  for (guint i = 0; i < candidates; i++) {
    char account[32];
    snprintf (account, sizeof account, "viewer-%u", i);
    he_trace_add (trace, account);
  }
  guint accused = 0;
  const guint n = he_trace_suspects (trace, suspects);
  for (guint i = 0; i < n; i++)
    accused += suspects[i].ln_p <= he_trace_ln_needed (trace, HE_TRACE_FALSE_ALARM);
  printf ("p %.3f %u\n", n ? suspects[0].ln_p : 0.0, accused);
}

static void
keyed (gpointer data, guint64 msn, gint16 *ret_pairs)
{
  guint8 seed[32];
  he_mark_seed (data, CHANNEL, msn, seed);
  he_pattern_coefficients (seed, ret_pairs);
}

static void
search (const Copy *copy, const HeSyncWindow *windows, guint n, guint index)
{
  g_autoptr (HeSecret) mark = key_of (index, HE_PURPOSE_MARK);
  const HeSyncTask task = { .windows = windows,
                            .n_windows = n,
                            .keyed = keyed,
                            .data = mark,
                            .first = FIRST,
                            .last = FIRST,
                            .views = TRUE };
  HeSync sync;
  he_sync_search (&task, &sync);
  printf ("v %.3f\n", sync.log_p);
}

int
main (int argc, char **argv)
{
  HeSyncWindow windows[HE_SYNC_MAX_WINDOWS];
  if (argc != 7) {
    fprintf (stderr, "usage: %s WIDTH HEIGHT FRAMES KEYS CANDIDATES SEARCHES <GREY\n",
             argv[0]);
    return 2;
  }
  Copy copy = { .frames = (guint)atoi (argv[3]),
                .whitener = he_whitener_new (),
                .slots = he_slots_new () };
  read_frames (&copy, (guint)atoi (argv[1]), (guint)atoi (argv[2]));
  for (guint i = 0; i < copy.n; i++)
    copy.detectors[i] = segment (&copy, i);
  for (guint i = 0; i < (guint)atoi (argv[4]); i++)
    score (&copy, i, (guint)atoi (argv[5]));
  const guint n
      = atoi (argv[6]) > 0 ? he_slots_windows (copy.slots, copy.whitener, windows) : 0;
  for (guint i = 0; n && i < (guint)atoi (argv[6]); i++)
    search (&copy, windows, n, i);
  for (guint i = 0; i < n; i++)
    he_spectrum_free (windows[i].spectrum);
  for (guint i = 0; i < copy.n; i++)
    he_detector_free (copy.detectors[i]);
  he_whitener_free (copy.whitener);
  he_slots_free (copy.slots);
  return copy.n == 0;
}
