/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-trace.h"

#include <math.h>
#include <string.h>
#include "he-tail.h"
#include "he-trace-kernel.h"

#define QUANTILE 1.645 /* of nineteen in twenty */
#define LEAST_TRUST 0.05

typedef struct {
  char *account;
  HeScore score;
  double ln_p; /* not paid for the bank */
} Kept;

struct _HeTrace {
  HeCodeword *code;
  HeCodewordReader *reader;
  HeScored *symbols;
  gsize n;
  double trust;
  guint16 *biases;            /* of the slots */
  gint16 *weights[HE_SCORES]; /* of the slots */
  gint16 *own[HE_SCORES];     /* of the symbols */
  guint16 *ones;              /* biases of the symbols */
  HeTail *tails[HE_SCORES];
  gint32 cutoffs[HE_SCORES]; /* below which nobody is kept any more */
  HeTraceTable table;
  void (*sum) (const HeTraceTable *, const guint16 *, gint32 *);
  guint64 candidates;
  guint64 bins[HE_SCORES][HE_TRACE_BINS];
  double offset[HE_SCORES], per_bin[HE_SCORES]; /* bin = (sum - offset) * per_bin */
  Kept kept[HE_TRACE_SUSPECTS];                 /* the most suspect first */
  guint n_kept;
};

static void
make_table (HeTrace *trace)
{
  gsize slots = he_codeword_reader_slots (trace->reader);

  trace->biases = g_new0 (guint16, slots);
  trace->table.slots = slots;
  trace->table.biases = trace->biases;
  for (gsize i = 0; i < trace->n; i++)
    trace->biases[he_codeword_reader_slot (trace->reader, i)] = trace->ones[i];
  for (guint s = 0; s < HE_SCORES; s++) {
    trace->own[s] = g_new0 (gint16, trace->n);
    he_score_weights (s, trace->symbols, trace->n, trace->trust, trace->own[s]);
    trace->weights[s] = g_new0 (gint16, slots);
    for (gsize i = 0; i < trace->n; i++)
      trace->weights[s][he_codeword_reader_slot (trace->reader, i)] = trace->own[s][i];
    trace->table.weights[s] = trace->weights[s];
    trace->tails[s] = he_tail_new (trace->own[s], trace->ones, trace->n);
    trace->cutoffs[s] = G_MININT32;
    trace->per_bin[s] = 4 / MAX (he_tail_deviation (trace->tails[s]), 1e-9);
    trace->offset[s]
        = he_tail_mean (trace->tails[s]) - 8 * he_tail_deviation (trace->tails[s]);
  }
}

G_STATIC_ASSERT (HE_SYMBOLS_MAX <= G_MAXINT32 / 32768); /* he_tail_new() */

HeTrace *
he_trace_new (HeCodeword *code, const HeSymbol *symbols, gsize n)
{
  HeTrace *trace = g_new0 (HeTrace, 1);
  g_autofree guint64 *positions = g_new (guint64, n);
  const HeTraceLevel *levels;
  guint n_levels;

  trace->code = he_codeword_ref (code);
  trace->symbols = g_new0 (HeScored, n);
  trace->ones = g_new0 (guint16, n);
  for (gsize i = 0; i < n; i++) {
    if (isnan (symbols[i].z))
      continue;
    positions[trace->n] = symbols[i].msn;
    trace->ones[trace->n] = (guint16)he_codeword_bias (code, symbols[i].msn);
    trace->symbols[trace->n]
        = (HeScored) { .z = symbols[i].z, .bias = trace->ones[trace->n] };
    trace->n++;
  }
  trace->reader = he_codeword_reader_new (code, positions, trace->n);
  trace->trust = he_score_trust (trace->symbols, trace->n);
  make_table (trace);
  levels = he_trace_levels (&n_levels);
  trace->sum = levels[n_levels - 1].sum;
  return trace;
}

void
he_trace_free (HeTrace *trace)
{
  if (trace == NULL)
    return;
  for (guint s = 0; s < HE_SCORES; s++) {
    he_tail_free (trace->tails[s]);
    g_free (trace->weights[s]);
    g_free (trace->own[s]);
  }
  for (guint i = 0; i < trace->n_kept; i++)
    g_free (trace->kept[i].account);
  he_codeword_reader_free (trace->reader);
  he_codeword_unref (trace->code);
  g_free (trace->biases);
  g_free (trace->ones);
  g_free (trace->symbols);
  g_free (trace);
}

/* Once the list is full, only who is more suspect than its last comes in. */
static void
raise_cutoffs (HeTrace *trace)
{
  if (trace->n_kept < HE_TRACE_SUSPECTS)
    return;
  for (guint s = 0; s < HE_SCORES; s++)
    trace->cutoffs[s]
        = he_tail_least (trace->tails[s], trace->kept[trace->n_kept - 1].ln_p);
}

static void
keep (HeTrace *trace, const char *account, HeScore score, double ln_p)
{
  guint at = trace->n_kept;

  for (guint i = 0; i < trace->n_kept; i++)
    if (strcmp (trace->kept[i].account, account) == 0)
      return;
  if (at == HE_TRACE_SUSPECTS) {
    at--;
    if (ln_p >= trace->kept[at].ln_p)
      return;
    g_free (trace->kept[at].account);
  } else
    trace->n_kept++;
  for (; at > 0 && trace->kept[at - 1].ln_p > ln_p; at--)
    trace->kept[at] = trace->kept[at - 1];
  trace->kept[at] = (Kept) { g_strdup (account), score, ln_p };
  raise_cutoffs (trace);
}

void
he_trace_add (HeTrace *trace, const char *account)
{
  gint32 sums[HE_SCORES];
  HeScore best = HE_SCORES;
  double ln_p = 1;

  trace->sum (&trace->table, he_codeword_reader_draw (trace->reader, account), sums);
  trace->candidates++;
  for (guint s = 0; s < HE_SCORES; s++) {
    double bin = (sums[s] - trace->offset[s]) * trace->per_bin[s];

    trace->bins[s][(guint)CLAMP (bin, 0, HE_TRACE_BINS - 1)]++;
    if (sums[s] >= trace->cutoffs[s]) {
      double here = he_tail_ln (trace->tails[s], sums[s]);

      if (here < ln_p) {
        ln_p = here;
        best = s;
      }
    }
  }
  if (best != HE_SCORES)
    keep (trace, account, best, ln_p);
}

guint64
he_trace_candidates (const HeTrace *trace)
{
  return trace->candidates;
}

guint
he_trace_suspects (const HeTrace *trace, HeSuspect ret_suspects[HE_TRACE_SUSPECTS])
{
  for (guint i = 0; i < trace->n_kept; i++) {
    const Kept *kept = &trace->kept[i];

    ret_suspects[i] = (HeSuspect) { kept->account, kept->score,
                                    MIN (kept->ln_p + log (HE_SCORES), 0) };
  }
  return trace->n_kept;
}

double
he_trace_ln_needed (const HeTrace *trace, double false_alarm)
{
  return log (false_alarm) - log ((double)MAX (trace->candidates, 1));
}

void
he_trace_histogram (const HeTrace *trace, HeScore score, guint64 ret_bins[HE_TRACE_BINS])
{
  memcpy (ret_bins, trace->bins[score], sizeof trace->bins[score]);
}

void
he_trace_history (HeTrace *trace, const HeSuspect *suspect, const gsize *ends, guint n,
                  double *ret_ln_p)
{
  const guint16 *draws = he_codeword_reader_draw (trace->reader, suspect->account);
  const gint16 *weights = trace->own[suspect->score];
  gint32 sum = 0;
  gsize at = 0;

  for (guint i = 0; i < n; i++) {
    for (; at < MIN (ends[i], trace->n); at++)
      if (draws[he_codeword_reader_slot (trace->reader, at)] < trace->ones[at])
        sum += weights[at];
    ret_ln_p[i]
        = MIN (he_tail_chernoff (weights, trace->ones, at, sum) + log (HE_SCORES), 0);
  }
}

void
he_trace_quality (const HeTrace *trace, HeTraceQuality *ret_quality)
{
  double mean, variance;

  he_score_evidence (1, trace->symbols, trace->n, trace->trust, &mean, &variance);
  *ret_quality = (HeTraceQuality) {
    .symbols = trace->n,
    .trust = trace->trust,
    .bits = mean / G_LN2,
    .exact = TRUE,
  };
  for (guint s = 0; s < HE_SCORES; s++)
    ret_quality->exact
        &= he_tail_is_exact (trace->tails[s]) || he_tail_deviation (trace->tails[s]) <= 0;
}

guint64
he_trace_needed (const HeTrace *trace, guint colluders, double false_alarm)
{
  double mean, variance, root;
  double wanted = log (HE_SCORES) - he_trace_ln_needed (trace, false_alarm);

  he_score_evidence (colluders, trace->symbols, trace->n, trace->trust, &mean, &variance);
  if (trace->trust < LEAST_TRUST || mean <= 0)
    return 0;
  /* mean * x - QUANTILE * sqrt (variance * x) = wanted */
  root = (QUANTILE * sqrt (variance)
          + sqrt (QUANTILE * QUANTILE * variance + 4 * mean * wanted))
         / (2 * mean);
  return (guint64)ceil (root * root);
}
