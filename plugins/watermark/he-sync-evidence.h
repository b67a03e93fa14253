/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-sync.h"

G_BEGIN_DECLS

/* What a search shares: its task, keyed coefficients of the last segments asked for, and a
 * count of everything that it looked at. */
typedef struct _HeSyncSearch HeSyncSearch;

/* A view and a time that may be right. */
typedef struct {
  HeView view;
  double start, speed;
  double rank; /* sum of squares; comparable between guesses of one kind */
} HeSyncGuess;

/* The best guesses so far, none much like another. */
#define HE_SYNC_GUESSES 24
typedef struct {
  HeSyncGuess guess[HE_SYNC_GUESSES];
  guint n;
} HeSyncGuesses;

HeSyncSearch *he_sync_search_new (const HeSyncTask *task);
void he_sync_search_free (HeSyncSearch *search); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeSyncSearch, he_sync_search_free)

void he_sync_guesses_add (HeSyncGuesses *guesses, const HeSyncGuess *guess);
const gint16 *he_sync_pairs (HeSyncSearch *search, guint64 msn);
void he_sync_count (HeSyncSearch *search, double tests);
double he_sync_tests (const HeSyncSearch *search);
/* What is reported from now on is from begin to end of the whole. */
void he_sync_stage (HeSyncSearch *search, double begin, double end);
/* Tells the task what part is done, where less is no news. FALSE from when the task ends
 * the search on. */
gboolean he_sync_report (HeSyncSearch *search, double done);

/* Tries every time from first to last, and every speed if they differ, with one view. */
void he_sync_times (HeSyncSearch *search, const HeView *view, HeBand band, double first,
                    double last, HeSyncGuesses *guesses);

/* Climbs to the best view and time around. Returns their log tail. */
double he_sync_polish (HeSyncSearch *search, HeBand band, HeSyncGuess *guess);

G_END_DECLS
