/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "he-refine.h"
#include "he-shifts.h"

/* ---- time ---- */

#define STARTS 30
#define START_STEP 0.02
#define SPEEDS 12
#define SPEED_STEP 0.001

typedef struct {
  double begin, end;
  const HeSlotScores *scores; /* of its own segment and one each side */
} Slot;

/* What a slot says does not change as others come. */
static void
score_slot (const HeSlots *slots, HeSlot *slot, HeWhitener *whitener, HeSyncKeyed keyed,
            gpointer data, const HeView *view, gint64 msn, HePlane *plane, HeComplex *waves,
            gint16 *pairs)
{
  const guint n = he_band_waves (HE_BAND_WHOLE);
  const double middle = (slot->begin + slot->end) / 2;
  if (slot->scores.known && slot->scores.msn == msn
      && memcmp (&slot->scores.view, view, sizeof *view) == 0)
    return;
  slot->scores = (HeSlotScores) { .view = *view, .msn = msn, .known = TRUE };
  if (msn < 0 || !he_slots_sum (slots, middle, middle + 1e-9, plane))
    return;
  he_whitener_level (whitener, plane, slot->frames, plane);
  g_autoptr (HeSpectrum) spectrum = he_spectrum_new (plane);
  if (!he_spectrum_read (spectrum, view, HE_BAND_WHOLE, waves))
    return;
  for (guint s = 0; s < HE_SLOT_SPREAD; s++) {
    keyed (data, (guint64)msn + s, pairs);
    slot->scores.scores[s] = he_waves_score (waves, pairs, n);
  }
}

static Slot *
score_slots (const HeSlots *slots, HeWhitener *whitener, HeSyncKeyed keyed, gpointer data,
             const HeSync *sync)
{
  guint n;
  he_pattern_waves (&n);
  const guint count = he_slots_count (slots);
  Slot *all = g_new0 (Slot, count);
  g_autofree HePlane *plane = g_new (HePlane, 1);
  g_autofree HeComplex *waves = g_new (HeComplex, n);
  g_autofree gint16 *pairs = g_new (gint16, 2 * n);
  for (guint i = 0; i < count; i++) {
    HeSlot *slot = he_slots_get (slots, i);
    const double middle = (slot->begin + slot->end) / 2;
    const gint64 msn = (gint64)floor (sync->start + sync->speed * middle) - 1;
    score_slot (slots, slot, whitener, keyed, data, &sync->view, msn, plane, waves, pairs);
    all[i] = (Slot) { slot->begin, slot->end, &slot->scores };
  }
  return all;
}

/* Scores of one segment add up when its slots are rightly chosen. */
static double
time_evidence (const Slot *all, guint count, double start, double speed)
{
  double total = 0, sum = 0;
  gint64 current = -1;
  for (guint i = 0; i < count; i++) {
    const double begin = start + speed * all[i].begin, end = start + speed * all[i].end;
    for (gint64 msn = (gint64)floor (begin); msn <= (gint64)floor (end); msn++) {
      if (msn != current) {
        total += sum * sum;
        sum = 0;
        current = msn;
      }
      const double part = MIN (end, (double)msn + 1) - MAX (begin, (double)msn);
      const gint64 s = msn - all[i].scores->msn;
      if (s >= 0 && s < HE_SLOT_SPREAD && end > begin)
        sum += all[i].scores->scores[s] * part / (end - begin);
    }
  }
  return total + sum * sum;
}

void
he_refine_time (const HeSlots *slots, HeWhitener *whitener, HeSyncKeyed keyed,
                gpointer data, HeSync *sync)
{
  const guint count = he_slots_count (slots);
  if (count == 0)
    return;
  g_autofree Slot *all = score_slots (slots, whitener, keyed, data, sync);
  const double middle = (all[0].begin + all[count - 1].end) / 2;
  double best = -1, best_start = sync->start, best_speed = sync->speed;
  for (int j = -SPEEDS; j <= SPEEDS; j++)
    for (int i = -STARTS; i <= STARTS; i++) {
      const double speed = sync->speed + j * SPEED_STEP;
      const double start = sync->start + i * START_STEP - j * SPEED_STEP * middle;
      /* Most copies keep the speed; slots are too coarse to tell small ones from it. */
      const double evidence
          = time_evidence (all, count, start, speed) * (1 - 3 * fabs (speed - 1));
      if (evidence > best) {
        best = evidence;
        best_start = start;
        best_speed = speed;
      }
    }
  sync->start = best_start;
  sync->speed = best_speed;
}

/* ---- view ---- */

#define SEGMENTS 8

/* What a view is judged by. */
typedef struct {
  HePlane *planes; /* levelled, of n segments */
  gint16 *pairs[SEGMENTS];
  guint n, n_waves;
  HePlane *scratch;
  HeComplex *waves;
} Judge;

static void
gather (Judge *judge, HeSlots *slots, HeWhitener *whitener, HeSyncKeyed keyed,
        gpointer data, const HeSync *sync)
{
  const double length = 1 / sync->speed;
  double msn = ceil (sync->start + sync->speed * he_slots_get (slots, 0)->begin);
  for (guint tries = 0; tries < HE_SYNC_MAX_WINDOWS && judge->n < SEGMENTS;
       tries++, msn++) {
    HePlane *plane = &judge->planes[judge->n];
    const guint frames = he_slots_sum_segment (
        slots, whitener, (msn - sync->start) * length, length, plane);
    if (!frames)
      continue;
    he_whitener_level (whitener, plane, frames, plane);
    judge->pairs[judge->n] = g_new (gint16, 2 * judge->n_waves);
    keyed (data, (guint64)msn, judge->pairs[judge->n++]);
  }
}

/* What segment i has of the marked frame's waves by this view. */
static gboolean
read_waves (Judge *judge, guint i, const HeView *view)
{
  he_view_warp (view, judge->planes[i], HE_PATTERN_WIDTH, HE_PATTERN_HEIGHT,
                *judge->scratch);
  g_autoptr (HeSpectrum) spectrum = he_spectrum_new ((const HePlane *)judge->scratch);
  return he_spectrum_read (spectrum, &he_view_identity, HE_BAND_WHOLE, judge->waves);
}

static double
view_evidence (Judge *judge, const HeView *view)
{
  double sum = 0;
  if (!he_view_is_sane (view))
    return 0;
  for (guint i = 0; i < judge->n; i++)
    if (read_waves (judge, i, view)) {
      const double score = he_waves_score (judge->waves, judge->pairs[i], judge->n_waves);
      sum += score * score;
    }
  return sum;
}

/* The best of all shifts, if, though so many were looked at, chance explains it less than
 * the view, and as little as it may explain what is believed. */
static void
choose_shift (Judge *judge, HeView *view)
{
  g_autoptr (HeShifts) shifts = he_shifts_new (HE_BAND_WHOLE);
  double shift[2];
  he_shifts_reset (shifts);
  for (guint i = 0; i < judge->n; i++)
    if (read_waves (judge, i, view))
      he_shifts_add (shifts, judge->waves, judge->pairs[i]);
  const double best = he_shifts_best (shifts, shift);
  const HeView moved = he_view_shift (view, shift[0], shift[1]);
  if (he_view_is_sane (&moved)
      && he_chi_squared_log_tail (judge->n, best) + log (he_shifts_count (shifts))
             < MIN (he_chi_squared_log_tail (judge->n, view_evidence (judge, view)),
                    HE_SYNC_LOG_P))
    *view = moved;
}

static void
choose (Judge *judge, const HeView *other, HeView *view)
{
  if (view_evidence (judge, other) > view_evidence (judge, view))
    *view = *other;
}

/* Perspective first: the rest was sought without it. */
static const struct {
  guint value;
  double step;
} view_steps[] = { { 6, 0.02 },  { 7, 0.02 },  { 0, 0.005 }, { 4, 0.008 },
                   { 1, 0.006 }, { 3, 0.008 }, { 2, 0.003 }, { 5, 0.004 } };

static void
climb (Judge *judge, HeView *view)
{
  double best = view_evidence (judge, view);
  for (double scale = 1; scale > 0.3; scale /= 2) {
    gboolean better = TRUE;
    for (guint round = 0; better && round < 4; round++) {
      better = FALSE;
      for (guint i = 0; i < G_N_ELEMENTS (view_steps); i++)
        for (int side = -1; side <= 1; side += 2) {
          HeView next = *view;
          next.m[view_steps[i].value] += side * scale * view_steps[i].step;
          const double evidence = view_evidence (judge, &next);
          if (evidence > best * 1.02) {
            best = evidence;
            *view = next;
            better = TRUE;
            break;
          }
        }
    }
  }
}

void
he_refine_view (HeSlots *slots, HeWhitener *whitener, HeSyncKeyed keyed, gpointer data,
                gboolean views, HeSync *sync)
{
  const HeView flipped = he_view_flip (&he_view_identity);
  Judge judge = { .planes = g_new (HePlane, SEGMENTS), .scratch = g_new (HePlane, 1) };
  he_pattern_waves (&judge.n_waves);
  judge.waves = g_new (HeComplex, judge.n_waves);
  gather (&judge, slots, whitener, keyed, data, sync);
  choose_shift (&judge, &sync->view);
  choose (&judge, &he_view_identity, &sync->view);
  choose (&judge, &flipped, &sync->view);
  if (views)
    climb (&judge, &sync->view);
  for (guint i = 0; i < judge.n; i++)
    g_free (judge.pairs[i]);
  g_free (judge.planes);
  g_free (judge.scratch);
  g_free (judge.waves);
}
