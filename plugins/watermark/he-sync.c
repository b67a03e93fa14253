/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "he-scan.h"
#include "he-shifts.h"

/* Views that the low band tells apart. */
#define SCALES 18
#define SCALE_FIRST -0.29 /* natural logarithms: 0.75 to 1.36 */
#define SCALE_STEP 0.035
#define ASPECTS 5
#define ASPECT_STEP 0.06
#define TURNS 5
#define TURN_STEP 0.042 /* radians: 2.4 degrees */

/* Evidence beyond which the whole frame is taken for right. Below, a view that is off by
 * half a period may have been found, which would turn every score's sign. */
#define WHOLE_LOG_P -300
#define SETTLED 0.004 /* of the frame: a shift that is none */
#define POLISHED 6       /* of the guesses */
#define VIEW_BUDGET 1000000 /* views times segments, where the time is unknown too */
#define WHOLE_PART 0.1 /* of the time that a search takes, about */

double
he_chi_squared_log_tail (guint n, double x)
{
  if (n == 0 || !(x > n))
    return 0;
  return (n - x + n * log (x / n)) / 2; /* Chernoff's bound */
}

/* 0, 1, -1, 2, -2 ... */
static int
outwards (guint index)
{
  const int step = (int)(index + 1) / 2;
  return index % 2 ? step : -step;
}

/* The likeliest first: all scales, those flipped, turned, of other aspects. */
static HeView
view_at (guint index)
{
  const double scale = SCALE_FIRST + index % SCALES * SCALE_STEP;
  index /= SCALES;
  const gboolean flip = index % 2;
  index /= 2;
  const double turn = outwards (index % TURNS) * TURN_STEP;
  const double aspect = outwards (index / TURNS) * ASPECT_STEP / 2;
  return he_view_new (exp (scale + aspect), exp (scale - aspect), turn, flip);
}

#define VIEWS (SCALES * ASPECTS * TURNS * 2)

/* All windows at once, for every shift of a view. */
static double
search_shifts (HeSyncSearch *search, const HeSyncTask *task, const HeSync *at,
               const HeView *view, HeBand band, HeShifts *shifts, double ret_shift[2])
{
  guint n;
  he_pattern_waves (&n);
  g_autofree HeComplex *waves = g_new (HeComplex, n);
  he_shifts_reset (shifts);
  for (guint w = 0; w < task->n_windows; w++) {
    const double msn = floor (at->start + at->speed * task->windows[w].time);
    if (msn >= 0 && he_spectrum_read (task->windows[w].spectrum, view, band, waves))
      he_shifts_add (shifts, waves, he_sync_pairs (search, (guint64)msn));
  }
  he_sync_count (search, he_shifts_count (shifts));
  return he_shifts_best (shifts, ret_shift);
}

/* With a known time: every view. */
static void
search_views (HeSyncSearch *search, const HeSyncTask *task, const HeSync *at,
              HeSyncGuesses *guesses)
{
  g_autoptr (HeShifts) shifts = he_shifts_new (HE_BAND_LOW);
  for (guint i = 0; i < VIEWS; i++) {
    const HeView view = view_at (i);
    if (i % 16 == 0 && !he_sync_report (search, (double)i / VIEWS))
      return;
    double shift[2];
    const double rank
        = search_shifts (search, task, at, &view, HE_BAND_LOW, shifts, shift);
    he_sync_guesses_add (guesses,
                         &(HeSyncGuess) { .view = he_view_shift (&view, shift[0], shift[1]),
                                          .start = at->start,
                                          .speed = at->speed,
                                          .rank = rank });
  }
}

/* With neither known, as many as there is time for: of other aspects first, those flipped, and
 * then those turned. */
static void
search_views_and_times (HeSyncSearch *search, const HeSyncTask *task, HeSyncGuesses *guesses)
{
  HeView views[VIEWS];
  const double segments = task->last - task->first + task->n_windows;
  const guint n = (guint)CLAMP (VIEW_BUDGET / segments, SCALES, VIEWS);
  for (guint i = 0; i < VIEWS; i++) {
    const guint scale = i % SCALES, aspect = i / SCALES % ASPECTS;
    const guint flip = i / (SCALES * ASPECTS) % 2, turn = i / (SCALES * ASPECTS * 2);
    views[i] = view_at (scale + SCALES * (flip + 2 * (turn + TURNS * aspect)));
  }
  he_scan (search, task, views, n, guesses);
}

static int
compare_guesses (gconstpointer a, gconstpointer b)
{
  const double d = ((const HeSyncGuess *)b)->rank - ((const HeSyncGuess *)a)->rank;
  return d > 0 ? 1 : d < 0 ? -1 : 0;
}

/* Polishes the best guesses and keeps what is better than *best. */
static void
follow (HeSyncSearch *search, HeSyncGuesses *guesses, HeBand band, HeSync *best)
{
  qsort (guesses->guess, guesses->n, sizeof guesses->guess[0], compare_guesses);
  for (guint i = 0; i < MIN (guesses->n, POLISHED) && he_sync_report (search, 0); i++) {
    HeSyncGuess guess = guesses->guess[i];
    if (band == HE_BAND_LOW)
      he_sync_polish (search, HE_BAND_LOW, &guess);
    const double log_p = he_sync_polish (search, HE_BAND_WHOLE, &guess);
    if (log_p < best->log_p && he_view_is_sane (&guess.view))
      *best = (HeSync) { .view = guess.view, .start = guess.start, .speed = guess.speed, .log_p = log_p };
  }
}

/* Climbing ends on side lobes of the mark's correlation too: look all around. */
static void
settle (HeSyncSearch *search, const HeSyncTask *task, HeSync *best)
{
  g_autoptr (HeShifts) shifts = he_shifts_new (HE_BAND_WHOLE);
  for (guint round = 0; round < 3 && he_sync_report (search, 0); round++) {
    double shift[2];
    search_shifts (search, task, best, &best->view, HE_BAND_WHOLE, shifts, shift);
    if (fabs (shift[0]) < SETTLED && fabs (shift[1]) < SETTLED)
      return;
    HeSyncGuesses one = { .n = 1 };
    one.guess[0] = (HeSyncGuess) { .view = he_view_shift (&best->view, shift[0], shift[1]),
                                   .start = best->start,
                                   .speed = best->speed };
    follow (search, &one, HE_BAND_WHOLE, best);
  }
}

static void
search_whole (HeSyncSearch *search, const HeSyncTask *task, HeSyncGuesses *guesses)
{
  const HeView *views[] = { &he_view_identity, task->also };
  const guint n = task->also ? 2 : 1;
  for (guint i = 0; i < 2 * n; i++) {
    const HeView view = i % 2 ? he_view_flip (views[i / 2]) : *views[i / 2];
    he_sync_stage (search, i * WHOLE_PART / (2 * n), (i + 1) * WHOLE_PART / (2 * n));
    he_sync_times (search, &view, HE_BAND_WHOLE, task->first, task->last, guesses);
  }
  he_sync_stage (search, WHOLE_PART, 1);
}

void
he_sync_search (const HeSyncTask *task, HeSync *ret_sync)
{
  g_autoptr (HeSyncSearch) search = he_sync_search_new (task);
  HeSyncGuesses whole = { .n = 0 }, found = { .n = 0 };
  HeSync best = { .view = he_view_identity, .start = task->first, .speed = 1, .log_p = 0 };

  search_whole (search, task, &whole);
  follow (search, &whole, HE_BAND_WHOLE, &best);
  settle (search, task, &best);
  if (task->views && best.log_p > WHOLE_LOG_P && he_sync_report (search, 0)) {
    const gboolean timed = task->first == task->last
                           || best.log_p + log (he_sync_tests (search)) <= HE_SYNC_LOG_P;
    if (timed)
      search_views (search, task, &best, &found);
    else
      search_views_and_times (search, task, &found);
    follow (search, &found, HE_BAND_LOW, &best);
    settle (search, task, &best);
  }
  best.tests = he_sync_tests (search);
  best.log_p += log (MAX (best.tests, 1)); /* none when it was ended at once */
  *ret_sync = best;
}
