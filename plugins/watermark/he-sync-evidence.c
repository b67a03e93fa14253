/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "he-sync-evidence.h"

#define PHASES 10       /* of a segment, that starts are tried at */
#define KEYED 128       /* segments whose coefficients are kept */
#define REPORT_EVERY 16 /* segments */
#define LIKE_START 0.75 /* guesses closer than both of these are one */
#define LIKE_VIEW 0.03

static const double speeds[] = { 0.96, 0.98, 1, 1.02, 1.04 };

struct _HeSyncSearch {
  const HeSyncTask *task;
  guint n; /* waves */
  double tests, done, begin, end;
  gboolean ended;
  HeComplex *waves, *sum;
  gint16 *pairs; /* KEYED rows of 2 * n, by MSN modulo KEYED */
  gint64 msns[KEYED];
};

HeSyncSearch *
he_sync_search_new (const HeSyncTask *task)
{
  HeSyncSearch *search = g_new0 (HeSyncSearch, 1);
  search->task = task;
  search->end = 1;
  search->tests = task->tests;
  he_pattern_waves (&search->n);
  search->waves = g_new (HeComplex, search->n);
  search->sum = g_new (HeComplex, search->n);
  search->pairs = g_new (gint16, (gsize)KEYED * 2 * search->n);
  for (guint i = 0; i < KEYED; i++)
    search->msns[i] = -1;
  return search;
}

void
he_sync_search_free (HeSyncSearch *search)
{
  if (!search)
    return;
  g_free (search->waves);
  g_free (search->sum);
  g_free (search->pairs);
  g_free (search);
}

void
he_sync_count (HeSyncSearch *search, double tests)
{
  search->tests += tests;
}

double
he_sync_tests (const HeSyncSearch *search)
{
  return search->tests;
}

void
he_sync_stage (HeSyncSearch *search, double begin, double end)
{
  search->begin = begin;
  search->end = end;
}

gboolean
he_sync_report (HeSyncSearch *search, double done)
{
  const HeSyncTask *task = search->task;
  search->done = MAX (search->done, search->begin + (search->end - search->begin) * done);
  if (!search->ended && task->progress && !task->progress (task->data, search->done))
    search->ended = TRUE;
  return !search->ended;
}

const gint16 *
he_sync_pairs (HeSyncSearch *search, guint64 msn)
{
  const guint slot = (guint)(msn % KEYED);
  gint16 *pairs = search->pairs + (gsize)slot * 2 * search->n;
  if (search->msns[slot] != (gint64)msn) {
    search->task->keyed (search->task->data, msn, pairs);
    search->msns[slot] = (gint64)msn;
  }
  return pairs;
}

static gboolean
alike (const HeSyncGuess *a, const HeSyncGuess *b)
{
  double most = 0;
  for (guint i = 0; i < HE_VIEW_VALUES; i++)
    most = MAX (most, fabs (a->view.m[i] - b->view.m[i]));
  return fabs (a->start - b->start) < LIKE_START && most < LIKE_VIEW;
}

void
he_sync_guesses_add (HeSyncGuesses *guesses, const HeSyncGuess *guess)
{
  guint worst = 0;
  for (guint i = 0; i < guesses->n; i++) {
    if (alike (&guesses->guess[i], guess)) {
      if (guess->rank > guesses->guess[i].rank)
        guesses->guess[i] = *guess;
      return;
    }
    if (guesses->guess[i].rank < guesses->guess[worst].rank)
      worst = i;
  }
  if (guesses->n < HE_SYNC_GUESSES)
    guesses->guess[guesses->n++] = *guess;
  else if (guess->rank > guesses->guess[worst].rank)
    guesses->guess[worst] = *guess;
}

/* The squared score of n waves; with a payload, those of its symbols, of which there are
 * *ret_n. */
static double
squares_of (const HeSyncSearch *search, const HeComplex *waves, const gint16 *pairs, guint n,
            guint *ret_n)
{
  const HeWaveLevel *level = he_wave_level ();
  const float *values = (const float *)waves;
  const double variance = HE_WAVE_DEVIATION * HE_WAVE_DEVIATION;
  *ret_n = 0;
  if (!search->task->payload) {
    const double energy = level->energy (values, 2 * n), sum = level->score (values, pairs, 2 * n);
    *ret_n = energy > 0;
    return energy > 0 ? sum * sum / (variance * energy) : 0;
  }
  float sums[HE_SYMBOL_VALUES], energies[HE_SYMBOL_VALUES];
  double squares = 0;
  level->symbols (values, pairs, 2 * n, sums, energies);
  for (guint i = 0; i < HE_SYMBOL_VALUES; i += 2) {
    const double sum = (double)sums[i] + (double)sums[i + 1];
    const double energy = (double)energies[i] + (double)energies[i + 1];
    if (!(energy > 0))
      continue;
    squares += sum * sum / (variance * energy);
    *ret_n += 1;
  }
  return squares;
}

/* ---- times ---- */

/* A payload's is what its squares are beyond those of a foreign key. */
static float
window_score (const HeSyncSearch *search, const HeComplex *waves, const gint16 *pairs, guint n_waves)
{
  guint n;
  if (!search->task->payload)
    return (float)he_waves_score (waves, pairs, n_waves);
  const double squares = squares_of (search, waves, pairs, n_waves, &n);
  return (float)sqrt (MAX (squares - n, 0));
}

/* The score of each window under each segment's coefficients. */
typedef struct {
  gint64 first; /* MSN */
  guint count, windows;
  float *scores; /* count rows of windows */
} Matrix;

static void
matrix_fill (Matrix *matrix, HeSyncSearch *search, const HeView *view, HeBand band)
{
  const HeSyncTask *task = search->task;
  HeComplex *waves = g_new0 (HeComplex, (gsize)task->n_windows * search->n);
  for (guint i = 0; i < task->n_windows; i++)
    if (!he_spectrum_read (task->windows[i].spectrum, view, band, waves + (gsize)i * search->n))
      memset (waves + (gsize)i * search->n, 0, search->n * sizeof *waves);
  for (guint m = 0; m < matrix->count; m++) {
    if (m % REPORT_EVERY == 0 && !he_sync_report (search, (double)m / matrix->count))
      break;
    if (matrix->first + (gint64)m < 0)
      continue;
    const gint16 *pairs = he_sync_pairs (search, (guint64)(matrix->first + (gint64)m));
    for (guint i = 0; i < task->n_windows; i++)
      matrix->scores[m * matrix->windows + i]
          = window_score (search, waves + (gsize)i * search->n, pairs, he_band_waves (band));
  }
  g_free (waves);
}

static double
matrix_sum (const Matrix *matrix, const HeSyncTask *task, double start, double speed)
{
  double sum = 0;
  for (guint i = 0; i < task->n_windows; i++) {
    gint64 m = (gint64)floor (start + speed * task->windows[i].time) - matrix->first;
    if (m < 0 || m >= (gint64)matrix->count)
      continue;
    const float score = matrix->scores[(guint)m * matrix->windows + i];
    sum += score * score;
  }
  return sum;
}

void
he_sync_times (HeSyncSearch *search, const HeView *view, HeBand band, double first,
               double last, HeSyncGuesses *guesses)
{
  const HeSyncTask *task = search->task;
  const double end = task->windows[task->n_windows - 1].time * speeds[G_N_ELEMENTS (speeds) - 1];
  Matrix matrix = { .first = (gint64)floor (first), .windows = task->n_windows };
  matrix.count = (guint)(floor (last + end) - floor (first)) + 1;
  matrix.scores = g_new0 (float, (gsize)matrix.count * matrix.windows);
  matrix_fill (&matrix, search, view, band);

  const gboolean known = task->first == task->last;
  const guint steps = known ? 1 : (guint)((last - first) * PHASES) + 1;
  for (guint s = 0; s < G_N_ELEMENTS (speeds) && he_sync_report (search, 0); s++) {
    if (known && speeds[s] != 1)
      continue;
    for (guint i = 0; i < steps; i++) {
      HeSyncGuess guess = { .view = *view, .start = first + (double)i / PHASES, .speed = speeds[s] };
      guess.rank = matrix_sum (&matrix, task, guess.start, guess.speed);
      he_sync_guesses_add (guesses, &guess);
    }
    he_sync_count (search, steps);
  }
  g_free (matrix.scores);
}

/* ---- one guess ---- */

/* The bound on the tail of the sum over segments of squared scores. Windows of one segment
 * share its coefficients, so their scores are no separate evidence: they are added up before
 * they are squared. */
static double
log_tail (HeSyncSearch *search, const HeSyncGuess *guess, HeBand band)
{
  const HeSyncTask *task = search->task;
  const guint n = he_band_waves (band);
  double squares = 0;
  guint degrees = 0;
  he_sync_count (search, 1);
  for (guint i = 0; i < task->n_windows;) {
    const double position = floor (guess->start + guess->speed * task->windows[i].time);
    memset (search->sum, 0, n * sizeof *search->sum);
    for (; i < task->n_windows
           && floor (guess->start + guess->speed * task->windows[i].time) == position;
         i++) {
      if (!he_spectrum_read (task->windows[i].spectrum, &guess->view, band, search->waves))
        continue;
      for (guint w = 0; w < n; w++) {
        search->sum[w].re += search->waves[w].re;
        search->sum[w].im += search->waves[w].im;
      }
    }
    if (position < 0)
      continue;
    guint scores;
    squares += squares_of (search, search->sum,
                           he_sync_pairs (search, (guint64)position), n, &scores);
    degrees += scores;
  }
  return he_chi_squared_log_tail (degrees, squares);
}

/* The marked frame changed before it is viewed: x' = (1 + d0) x + d1 y + d4, y' = d2 x +
 * (1 + d3) y + d5. */
static HeView
change (const HeView *view, const double d[6])
{
  const double *m = view->m;
  HeView turned = { { m[0] * (1 + d[0]) + m[1] * d[2], m[0] * d[1] + m[1] * (1 + d[3]), m[2],
                      m[3] * (1 + d[0]) + m[4] * d[2], m[3] * d[1] + m[4] * (1 + d[3]), m[5],
                      m[6] * (1 + d[0]) + m[7] * d[2], m[6] * d[1] + m[7] * (1 + d[3]) } };
  return he_view_shift (&turned, d[4], d[5]);
}

/* Scale across and down, a turn, a shear, a move across and down: about as far as half the
 * low band's correlation reaches. Then the start and the speed. */
static const double directions[][8] = {
  { 0.02 },
  { 0, 0, 0, 0.03 },
  { 0, -0.010, 0.031 },
  { 0, 0.02 },
  { 0, 0, 0, 0, 0.006 },
  { 0, 0, 0, 0, 0, 0.009 },
  { 0, 0, 0, 0, 0, 0, 0.1 },
  { 0, 0, 0, 0, 0, 0, 0, 0.01 },
};

static gboolean
try_step (HeSyncSearch *search, HeBand band, const double *direction, double step,
          HeSyncGuess *guess, double *best)
{
  double d[6];
  for (guint i = 0; i < 6; i++)
    d[i] = step * direction[i];
  HeSyncGuess next = *guess;
  next.view = change (&guess->view, d);
  next.start += step * direction[6];
  /* Around the middle of the copy. */
  const guint middle = search->task->n_windows / 2;
  next.speed += step * direction[7];
  next.start -= step * direction[7] * search->task->windows[middle].time;
  const double log_p = log_tail (search, &next, band);
  if (!(log_p < *best))
    return FALSE;
  *guess = next;
  *best = log_p;
  return TRUE;
}

double
he_sync_polish (HeSyncSearch *search, HeBand band, HeSyncGuess *guess)
{
  const gboolean known = search->task->first == search->task->last;
  const guint n = known ? 6 : 8;
  double best = log_tail (search, guess, band);
  for (double step = band == HE_BAND_LOW ? 1 : 0.5; step > 0.1 && he_sync_report (search, 0);) {
    gboolean better = FALSE;
    for (guint i = 0; i < n; i++)
      if (try_step (search, band, directions[i], step, guess, &best)
          || try_step (search, band, directions[i], -step, guess, &best))
        better = TRUE;
    if (!better)
      step /= 2;
  }
  return best;
}
