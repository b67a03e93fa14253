/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-spectrum.h"

G_BEGIN_DECLS

/* Finds how a copy shows the marked pictures, and when they were made, from what it has of
 * the mark itself.
 *
 * Time counts segments: a position's integer part is the MSN. Windows of a copy are parts
 * of a segment long, so that most of them lie in one.
 *
 * The evidence for a view and a time is the sum over segments of squared scores, which is
 * chi-squared for a foreign copy whatever its pictures, since each segment's coefficients
 * are independent. Everything that was looked at is counted, and the probability that a
 * foreign copy has so much anywhere is at most the tail's times that count (Bonferroni).
 * What is read with the view afterwards needs no such payment: the view is the same for
 * all segments, and says nothing of which are a and which are b. */

#define HE_SYNC_MAX_WINDOWS 32
#define HE_SYNC_MAX_MSNS 100000 /* 55 hours of 2 s */

typedef struct {
  HeSpectrum *spectrum;
  double time; /* of its middle since the copy's start, in segments of the copy's clock */
} HeSyncWindow;

/* Keyed coefficients of a segment, as of he_pattern_coefficients(). */
typedef void (*HeSyncKeyed) (gpointer data, guint64 msn, gint16 *ret_pairs);

typedef struct {
  const HeSyncWindow *windows;
  guint n_windows; /* 1..HE_SYNC_MAX_WINDOWS */
  HeSyncKeyed keyed;
  gpointer data;
  /* Where the copy's start may lie. Equal: it is known, and so is the speed. Otherwise at
   * most HE_SYNC_MAX_MSNS apart, and the speed may differ by 4.5 %. */
  double first, last;
  /* Whether views are searched too; otherwise the frame is taken as whole, flipped or not.
   * Costs a second where the time is known. Where it is not, it costs some ten, and the wider
   * the window, the fewer views are tried: from half an hour on not all that are turned, from
   * three hours on none of them and not all that are flipped, and from 6 hours on fewer
   * aspects; all scales always. */
  gboolean views;
  /* Taken for the whole frame too, flipped or not; may be NULL. */
  const HeView *also;
  /* Called many times a second with what part is done; may be NULL. FALSE ends the search
   * at once, with what was found so far. */
  gboolean (*progress) (gpointer data, double done);
  double tests; /* looked at before for the same purpose; counted with the rest */
  /* The mark holds a payload (he-payload.h): each of its symbols is evidence of its own,
   * whatever its sign. Without views. */
  gboolean payload;
} HeSyncTask;

typedef struct {
  HeView view;
  double start; /* position of the copy's start */
  double speed; /* of positions over the copy's time */
  double log_p; /* natural logarithm of the probability above */
  double tests; /* what was looked at, with that of the task */
} HeSync;

/* How unlikely a finding is to be believed. */
#define HE_SYNC_LOG_P -16.1 /* 1e-7 */

/* The best that was found; believe it when log_p <= HE_SYNC_LOG_P. */
void he_sync_search (const HeSyncTask *task, HeSync *ret_sync);

/* The logarithm of the probability that chi-squared of n degrees is at least x. An upper
 * bound, close far out. */
double he_chi_squared_log_tail (guint n, double x);

G_END_DECLS
