/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "coalition.h"
#include "he-trace-kernel.h"

#define INNOCENT 2000
#define MILLION 1e6

static HeCodeword *
code_of (guint8 key)
{
  const guint8 bytes[32] = { key };
  g_autoptr (HeSecret) secret = he_secret_new (bytes, sizeof bytes);

  return he_codeword_new (secret, 1, "demo", HE_CODEWORD_COLLUDERS);
}

static HeTrace *
trace_of (HeCodeword *code, const GArray *symbols, guint innocent)
{
  HeTrace *trace
      = he_trace_new (code, &g_array_index (symbols, HeSymbol, 0), symbols->len);

  for (guint i = 0; i < innocent; i++) {
    g_autofree char *account = g_strdup_printf ("innocent %u", i);

    he_trace_add (trace, account);
  }
  return trace;
}

/* Given a copy by a coalition, when its members stand among others, then all who are
 * accused, as if they stood among a million, are members; and somebody is. */
static void
assert_named (const Coalition *coalition, guint n)
{
  g_autoptr (HeCodeword) code = code_of (9);
  g_autoptr (GRand) rand = g_rand_new_with_seed (coalition->colluders * 100 + n);
  HeSuspect suspects[HE_TRACE_SUSPECTS];
  guint accused = 0;

  for (guint trial = 0; trial < 2; trial++) {
    g_autoptr (GArray) symbols = coalition_copy (code, coalition, trial, n, rand);
    g_autoptr (HeTrace) trace = trace_of (code, symbols, INNOCENT);

    for (guint c = 0; c < coalition->colluders; c++) {
      g_autofree char *account = colluder_name (trial, c);

      he_trace_add (trace, account);
    }
    g_assert_cmpuint (he_trace_candidates (trace), ==, INNOCENT + coalition->colluders);
    guint found = he_trace_suspects (trace, suspects);
    g_assert_cmpuint (found, ==, HE_TRACE_SUSPECTS);
    for (guint i = 0; i < found; i++) {
      g_assert_true (i == 0 || suspects[i].ln_p >= suspects[i - 1].ln_p);
      if (suspects[i].ln_p > log (HE_TRACE_FALSE_ALARM / MILLION))
        break;
      g_assert_true (g_str_has_prefix (suspects[i].account, "colluder"));
      accused++;
    }
  }
  g_assert_cmpuint (accused, >=, 2);
}

static void
one_is_named (void)
{
  assert_named (&(Coalition) { 1, MIX_RANDOM, 6, 0, 0 }, 100);
  assert_named (&(Coalition) { 1, MIX_RANDOM, 5, 0.02, 0 }, 150);
}

static void
one_is_named_from_bad_copies (void)
{
  assert_named (&(Coalition) { 1, MIX_RANDOM, 5, 0.3, 0.1 }, 330);
  assert_named (&(Coalition) { 1, MIX_RANDOM, 1.2, 0, 0 }, 330);
}

static void
two_are_named (void)
{
  assert_named (&(Coalition) { 2, MIX_RANDOM, 6, 0, 0 }, 420);
  assert_named (&(Coalition) { 2, MIX_AVERAGE, 6, 0, 0 }, 420);
}

static void
three_are_named (void)
{
  assert_named (&(Coalition) { 3, MIX_MAJORITY, 6, 0, 0 }, 1050);
  if (g_test_thorough ())
    assert_named (&(Coalition) { 3, MIX_MINORITY, 6, 0, 0 }, 1050);
}

/* Given symbols that wrong keys gave, and those of a copy that was made under another
 * key, then nobody is accused, and none of the more than 8000 p-values is much below what
 * so many give. */
static void
nobody_is_accused_wrongly (void)
{
  g_autoptr (HeCodeword) code = code_of (9);
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);
  HeSuspect suspects[HE_TRACE_SUSPECTS];

  for (guint trial = 0; trial < 4; trial++) {
    g_autoptr (HeCodeword) other = code_of ((guint8)(10 + trial));
    const Coalition foreign = { 1 + trial / 2, MIX_RANDOM, trial % 2 ? 6 : 0, 0, 0 };
    g_autoptr (GArray) symbols = coalition_copy (other, &foreign, trial, 300, rand);
    g_autoptr (HeTrace) trace = trace_of (code, symbols, INNOCENT);

    for (guint c = 0; c < 2; c++) {
      g_autofree char *account = colluder_name (trial, c);

      he_trace_add (trace, account);
    }
    he_trace_suspects (trace, suspects);
    g_assert_cmpfloat (suspects[0].ln_p, >, he_trace_ln_needed (trace, 1e-3));
  }
}

/* Given innocent candidates, then no more of them than p have p-values of p: neither a
 * normal tail nor a bank that is not paid for would do. */
static void
p_values_are_upper_bounds (void)
{
  const Coalition leak = { 1, MIX_RANDOM, 6, 0, 0 };
  const guint n = 20000;
  g_autoptr (HeCodeword) code = code_of (9);
  g_autoptr (GRand) rand = g_rand_new_with_seed (5);
  g_autoptr (GArray) symbols = coalition_copy (code, &leak, 0, 60, rand);
  g_autoptr (HeTrace) trace = trace_of (code, symbols, n);
  HeSuspect suspects[HE_TRACE_SUSPECTS];

  g_assert_cmpuint (he_trace_suspects (trace, suspects), ==, HE_TRACE_SUSPECTS);
  for (guint i = 0; i < HE_TRACE_SUSPECTS; i += 7) {
    double expected = n * exp (suspects[i].ln_p);

    g_assert_cmpfloat (i + 1, <, expected + 6 * sqrt (expected) + 6);
  }
  guint64 bins[HE_TRACE_BINS], sum = 0;
  double mean = 0, square = 0;
  he_trace_histogram (trace, HE_SCORE_SYMMETRIC, bins);
  for (guint i = 0; i < HE_TRACE_BINS; i++) {
    double x = -8 + (i + 0.5) / 4;

    sum += bins[i];
    mean += x * (double)bins[i] / n;
    square += x * x * (double)bins[i] / n;
  }
  g_assert_cmpuint (sum, ==, n);
  g_assert_cmpfloat_with_epsilon (mean, 0, 0.06);
  g_assert_cmpfloat_with_epsilon (square - mean * mean, 1, 0.1);
}

/* Given too little, then the estimate of what is needed is right for who comes back with
 * it; of symbols that say nothing there is never enough. */
static void
more_is_asked_for (void)
{
  const Coalition leak = { 1, MIX_RANDOM, 6, 0, 0 }, none = { 1, MIX_RANDOM, 0, 0, 0 };
  g_autoptr (HeCodeword) code = code_of (9);
  g_autoptr (GRand) rand = g_rand_new_with_seed (6);
  g_autoptr (GArray) few = coalition_copy (code, &leak, 0, 30, rand);
  g_autoptr (HeTrace) trace = trace_of (code, few, INNOCENT);
  guint64 needed = he_trace_needed (trace, 1, HE_TRACE_FALSE_ALARM);
  HeSuspect suspects[HE_TRACE_SUSPECTS];

  g_assert_cmpuint (needed, >, 40);
  g_assert_cmpuint (needed, <, 120);
  g_assert_cmpuint (he_trace_needed (trace, 2, HE_TRACE_FALSE_ALARM), >, 2 * needed);
  g_autoptr (GArray) enough = coalition_copy (code, &leak, 0, (guint)needed, rand);
  g_autoptr (HeTrace) again = trace_of (code, enough, INNOCENT);
  g_autofree char *leaker = colluder_name (0, 0);
  he_trace_add (again, leaker);
  he_trace_suspects (again, suspects);
  g_assert_cmpstr (suspects[0].account, ==, leaker);
  g_assert_cmpfloat (suspects[0].ln_p, <=, he_trace_ln_needed (again, 1e-6));

  g_autoptr (GArray) noise = coalition_copy (code, &none, 0, 3000, rand);
  for (guint i = 0; i < noise->len; i++)
    g_array_index (noise, HeSymbol, i).z *= 0.97;
  g_autoptr (HeTrace) vain = trace_of (code, noise, 10);
  g_assert_cmpuint (he_trace_needed (vain, 1, HE_TRACE_FALSE_ALARM), ==, 0);
}

/* Given a suspect, then his evidence grows with the copy up to what he is accused with.
 */
static void
history_ends_where_the_verdict_is (void)
{
  const Coalition leak = { 1, MIX_RANDOM, 6, 0, 0 };
  const gsize ends[] = { 10, 40, 80, 120 };
  double ln_p[4];
  g_autoptr (HeCodeword) code = code_of (9);
  g_autoptr (GRand) rand = g_rand_new_with_seed (8);
  g_autoptr (GArray) symbols = coalition_copy (code, &leak, 0, 120, rand);
  g_autoptr (HeTrace) trace = trace_of (code, symbols, 100);
  g_autofree char *leaker = colluder_name (0, 0);
  HeSuspect suspects[HE_TRACE_SUSPECTS];

  he_trace_add (trace, leaker);
  he_trace_suspects (trace, suspects);
  HeSuspect first = suspects[0];
  g_assert_cmpstr (first.account, ==, leaker);
  he_trace_history (trace, &first, ends, 4, ln_p);
  for (guint i = 1; i < 4; i++)
    g_assert_cmpfloat (ln_p[i], <, ln_p[i - 1]);
  g_assert_cmpfloat (ln_p[3], >=, first.ln_p - 1e-6);
  g_assert_cmpfloat (ln_p[3], <, first.ln_p + 5);
}

/* Given the levels of CPU, then all compute the same sums as one term after the other
 * does. */
static void
levels_agree (void)
{
  const gsize slots = 1600;
  g_autofree guint16 *biases = g_new (guint16, slots), *draws = g_new (guint16, slots);
  g_autofree gint16 *weights = g_new (gint16, slots * HE_SCORES);
  g_autoptr (GRand) rand = g_rand_new_with_seed (4);
  HeTraceTable table = { slots, biases, { NULL } };
  gint32 expected[HE_SCORES] = { 0 }, sums[HE_SCORES];
  guint n;
  const HeTraceLevel *levels = he_trace_levels (&n);

  for (gsize i = 0; i < slots; i++) {
    draws[i] = (guint16)g_rand_int_range (rand, 0, 65536);
    biases[i] = i % 7 == 0 ? draws[i] : (guint16)g_rand_int_range (rand, 0, 65536);
    for (guint s = 0; s < HE_SCORES; s++) {
      gint16 weight = (gint16)g_rand_int_range (rand, -HE_SCORE_MOST, HE_SCORE_MOST + 1);

      weights[s * slots + i] = weight;
      expected[s] += draws[i] < biases[i] ? weight : 0;
    }
  }
  for (guint s = 0; s < HE_SCORES; s++)
    table.weights[s] = weights + s * slots;
  for (guint level = 0; level < n; level++) {
    levels[level].sum (&table, draws, sums);
    for (guint s = 0; s < HE_SCORES; s++)
      g_assert_cmpint (sums[s], ==, expected[s]);
  }
}

static void
nothing_names_nobody (void)
{
  g_autoptr (HeCodeword) code = code_of (9);
  g_autoptr (HeTrace) trace = he_trace_new (code, NULL, 0);
  HeSuspect suspects[HE_TRACE_SUSPECTS];

  he_trace_add (trace, "alice");
  he_trace_add (trace, "alice");
  g_assert_cmpuint (he_trace_candidates (trace), ==, 2);
  g_assert_cmpuint (he_trace_suspects (trace, suspects), ==, 1);
  g_assert_cmpfloat (suspects[0].ln_p, ==, 0);
  g_assert_cmpuint (he_trace_needed (trace, 1, 1e-6), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/trace/one-is-named", one_is_named);
  g_test_add_func ("/trace/one-is-named-from-bad-copies", one_is_named_from_bad_copies);
  g_test_add_func ("/trace/two-are-named", two_are_named);
  g_test_add_func ("/trace/three-are-named", three_are_named);
  g_test_add_func ("/trace/nobody-is-accused-wrongly", nobody_is_accused_wrongly);
  g_test_add_func ("/trace/p-values-are-upper-bounds", p_values_are_upper_bounds);
  g_test_add_func ("/trace/more-is-asked-for", more_is_asked_for);
  g_test_add_func ("/trace/history-ends-where-the-verdict-is",
                   history_ends_where_the_verdict_is);
  g_test_add_func ("/trace/levels-agree", levels_agree);
  g_test_add_func ("/trace/nothing-names-nobody", nothing_names_nobody);
  return g_test_run ();
}
