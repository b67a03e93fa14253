/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-codeword.h"
#include "he-score.h"
#include "he-symbols.h"

G_BEGIN_DECLS

/* Who made a copy? Each candidate's codeword is compared with the symbols that were read
 * from the copy, by every score of the bank.
 *
 * The p-value of a candidate is the probability that the word of somebody who had no part
 * in the copy scores so high: over the randomness of the code, given the symbols
 * (he-tail.h). It is the least of the bank's, times their number. A candidate is accused
 * when his p-value times the number of candidates is at most the false-alarm probability;
 * so the probability that anybody is accused wrongly is at most that, whatever the copy
 * is and however many colluders made it. Not thread-safe. */
typedef struct _HeTrace HeTrace;

#define HE_TRACE_FALSE_ALARM 1e-6
#define HE_TRACE_SUSPECTS 64 /* that are kept */
#define HE_TRACE_BINS 80     /* of a histogram: a quarter of a deviation each, from -8 */

/* References code. symbols are ascending by MSN. */
HeTrace *he_trace_new (HeCodeword *code, const HeSymbol *symbols, gsize n);
void he_trace_free (HeTrace *trace); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeTrace, he_trace_free)

/* A candidate. One that comes twice counts twice, and is kept once. */
void he_trace_add (HeTrace *trace, const char *account);
guint64 he_trace_candidates (const HeTrace *trace);

typedef struct {
  const char *account; /* the trace's, until the next candidate */
  HeScore score;       /* that says most of him */
  double ln_p;         /* of him alone, paid for the bank */
} HeSuspect;

/* The candidates that are most suspect, the most suspect first. Returns how many there
 * are. */
guint he_trace_suspects (const HeTrace *trace, HeSuspect ret_suspects[HE_TRACE_SUSPECTS]);
/* The p-value of a single candidate that is enough to be accused. */
double he_trace_ln_needed (const HeTrace *trace, double false_alarm);

/* Candidates by one score, in deviations of what innocents have, and by the number of
 * all. */
void
he_trace_histogram (const HeTrace *trace, HeScore score, guint64 ret_bins[HE_TRACE_BINS]);

/* The suspect's ln p after the first ends[i] symbols, by Chernoff's bound: how his
 * evidence grew. */
void he_trace_history (HeTrace *trace, const HeSuspect *suspect, const gsize *ends,
                       guint n, double *ret_ln_p);

typedef struct {
  gsize symbols;  /* erasures left out */
  double trust;   /* he_score_trust() */
  double bits;    /* that one symbol says of a single leaker, mean */
  gboolean exact; /* whether tails are exact for every score */
} HeTraceQuality;
void he_trace_quality (const HeTrace *trace, HeTraceQuality *ret_quality);

/* How many symbols of this quality name one of so many colluders, who each give a segment
 * in turn, in nineteen cases of twenty; 0 when no number does, as the symbols say
 * nothing. */
guint64 he_trace_needed (const HeTrace *trace, guint colluders, double false_alarm);

G_END_DECLS
