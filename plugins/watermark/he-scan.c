/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "he-scan.h"
#include "he-shifts.h"

#define LIMIT 4.2     /* deviations: one in ten comparisons of all shifts has a foreign one beyond */
#define HITS 10000    /* kept; more than twice as many are thinned, and the limit rises */
#define AROUND 4      /* windows each side of a hit, that are looked at: of all hits the */
#define NEARBY 2000   /* nearest ones, of so many the others */
#define PEAKS 200     /* of the hits, that are followed */
#define SCAN_PART 0.9 /* of the time, about */

typedef struct {
  guint view, window;
  gint64 msn;
  double shift[2], rank;
} Hit;

typedef struct {
  HeSyncSearch *search;
  const HeSyncTask *task;
  const HeView *views;
  guint n_views, windows[HE_SCAN_WINDOWS], n_windows;
  guint n; /* waves */
  HeComplex *waves, *other;
  GArray *hits; /* of Hit */
  double limit;
  gint64 last; /* msn; lanes behind it have its pairs once more */
  Hit now;     /* what is compared; its msn is that of the first lane */
} Scan;

/* Of the two, one lies in one segment as a whole, wherever segments begin. */
static void
choose_windows (Scan *scan)
{
  const guint n = scan->task->n_windows;
  const guint first = n / 3, second = 2 * n / 3;
  scan->windows[0] = first;
  scan->windows[1] = (first + second) % 2 ? second : second + 1;
  scan->n_windows = scan->windows[1] < n ? 2 : 1;
}

static int
compare_ranks (gconstpointer a, gconstpointer b)
{
  const double d = ((const Hit *)b)->rank - ((const Hit *)a)->rank;
  return d > 0 ? 1 : d < 0 ? -1 : 0;
}

static int
compare_msns (gconstpointer a, gconstpointer b)
{
  const gint64 one = ((const Hit *)a)->msn, other = ((const Hit *)b)->msn;
  return one < other ? -1 : one > other;
}

static void
keep_best (GArray *hits, guint most)
{
  g_array_sort (hits, compare_ranks);
  if (hits->len > most)
    g_array_set_size (hits, most);
}

static void
take_hit (gpointer data, guint lane, const double shift[2], double score)
{
  Scan *scan = data;
  Hit hit = scan->now;
  hit.msn += lane;
  if (hit.msn > scan->last)
    return;
  hit.shift[0] = shift[0];
  hit.shift[1] = shift[1];
  hit.rank = score * score;
  g_array_append_val (scan->hits, hit);
}

static void
read_views (Scan *scan)
{
  scan->waves = g_new0 (HeComplex, (gsize)scan->n_views * scan->n_windows * scan->n);
  for (guint v = 0; v < scan->n_views; v++)
    for (guint w = 0; w < scan->n_windows; w++)
      if (he_spectrum_read (scan->task->windows[scan->windows[w]].spectrum, &scan->views[v],
                            HE_BAND_LOW, scan->other))
        memcpy (scan->waves + (gsize)(v * scan->n_windows + w) * scan->n, scan->other,
                scan->n * sizeof *scan->waves);
}

/* Up to HE_LANES segments from msn on. */
static gboolean
compare_segments (Scan *scan, HeShifts *shifts, gint64 msn, double done, double part)
{
  const double all = scan->n_views * scan->n_windows;
  for (guint lane = 0; lane < HE_LANES; lane++)
    he_shifts_set_pairs (
        shifts, lane, he_sync_pairs (scan->search, (guint64)MIN (msn + lane, scan->last)));
  for (guint i = 0; i < scan->n_views * scan->n_windows; i++) {
    scan->now = (Hit) { .view = i / scan->n_windows,
                        .window = scan->windows[i % scan->n_windows],
                        .msn = msn };
    if (i % 16 == 0 && !he_sync_report (scan->search, SCAN_PART * (done + part * i / all)))
      return FALSE;
    he_shifts_scan (shifts, scan->waves + (gsize)i * scan->n, scan->limit, take_hit, scan);
    if (scan->hits->len > 2 * HITS) {
      keep_best (scan->hits, HITS);
      scan->limit = sqrt (g_array_index (scan->hits, Hit, HITS - 1).rank);
    }
  }
  return TRUE;
}

static gboolean
compare_all (Scan *scan)
{
  const HeSyncTask *task = scan->task;
  g_autoptr (HeShifts) shifts = he_shifts_new (HE_BAND_LOW);
  const gint64 first = (gint64)MAX (floor (task->first), 0);
  const double newest = task->last + 1.05 * task->windows[task->n_windows - 1].time;
  scan->last = MAX ((gint64)floor (newest), first);
  const double all = (double)(scan->last - first + HE_LANES);
  for (gint64 msn = first; msn <= scan->last; msn += HE_LANES)
    if (!compare_segments (scan, shifts, msn, (double)(msn - first) / all, HE_LANES / all))
      return FALSE;
  he_sync_count (scan->search, (double)(scan->last - first + 1) * scan->n_views
                                   * scan->n_windows * he_shifts_count (shifts));
  return TRUE;
}

/* Adds the squares of what windows around a hit, from nearest to farthest of them, say of the
 * segments around; each window lies in one of two, as segments may begin anywhere. */
static void
look_around (Scan *scan, Hit *hit, int nearest, int farthest)
{
  const HeView view = he_view_shift (&scan->views[hit->view], hit->shift[0], hit->shift[1]);
  for (int i = -farthest; i <= farthest; i++) {
    const int window = (int)hit->window + i;
    double best = 0;
    if (ABS (i) < nearest || window < 0 || window >= (int)scan->task->n_windows
        || !he_spectrum_read (scan->task->windows[window].spectrum, &view, HE_BAND_LOW,
                              scan->other))
      continue;
    const gint64 near = hit->msn + i / 2, far = i % 2 ? near + (i > 0 ? 1 : -1) : near;
    for (gint64 msn = MIN (near, far); msn <= MAX (near, far); msn++) {
      if (msn < 0)
        continue;
      const gint16 *pairs = he_sync_pairs (scan->search, (guint64)msn);
      const double score = he_waves_score (scan->other, pairs, scan->n);
      best = MAX (best, score * score);
    }
    hit->rank += best;
  }
}

/* In the order of segments, so that hits share what is keyed. */
static gboolean
look_at_hits (Scan *scan, int nearest, int farthest)
{
  GArray *hits = scan->hits;
  g_array_sort (hits, compare_msns);
  for (guint i = 0; i < hits->len; i++) {
    if (i % 64 == 0 && !he_sync_report (scan->search, SCAN_PART))
      return FALSE;
    look_around (scan, &g_array_index (hits, Hit, i), nearest, farthest);
  }
  he_sync_count (scan->search, hits->len);
  return TRUE;
}

static void
follow_hits (Scan *scan, HeSyncGuesses *guesses)
{
  GArray *hits = scan->hits;
  keep_best (hits, HITS);
  if (!look_at_hits (scan, 1, 1))
    return;
  keep_best (hits, NEARBY);
  if (!look_at_hits (scan, 2, AROUND))
    return;
  keep_best (hits, PEAKS);
  for (guint i = 0; i < hits->len && he_sync_report (scan->search, 1); i++) {
    const Hit *hit = &g_array_index (hits, Hit, i);
    const HeView view = he_view_shift (&scan->views[hit->view], hit->shift[0], hit->shift[1]);
    const double start = (double)hit->msn - scan->task->windows[hit->window].time;
    he_sync_times (scan->search, &view, HE_BAND_LOW, start - 0.4, start + 1.4, guesses);
  }
}

void
he_scan (HeSyncSearch *search, const HeSyncTask *task, const HeView *views, guint n_views,
         HeSyncGuesses *guesses)
{
  guint n;
  he_pattern_waves (&n);
  Scan scan = { .search = search,
                .task = task,
                .views = views,
                .n_views = n_views,
                .n = he_band_waves (HE_BAND_LOW),
                .other = g_new (HeComplex, n),
                .hits = g_array_new (FALSE, FALSE, sizeof (Hit)),
                .limit = LIMIT };
  choose_windows (&scan);
  read_views (&scan);
  if (compare_all (&scan))
    follow_hits (&scan, guesses);
  g_free (scan.waves);
  g_free (scan.other);
  g_array_unref (scan.hits);
}
