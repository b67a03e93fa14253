/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What tracing costs, and how many segments it takes; no test.
 *
 *   trace-bench [CANDIDATES [POSITIONS]]   the time of a scan (1000000, 3600)
 *   trace-bench --segments [TRIALS [ROW]]  how often one is named, by the length of
 * copies (200)
 *   trace-bench --margins [TRIALS [ROW]] <NUMBERS  the same for copies whose symbols are as clear as these,
 * z as read from a real copy, positive where it is right (tests/bench/leaks) */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "../unit/coalition.h"
#include "he-detect.h"
#include "he-trace-kernel.h"

#define POPULATION 1e6

static double
cpu_seconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static HeCodeword *
make_code (void)
{
  const guint8 bytes[32] = { 42 };
  g_autoptr (HeSecret) secret = he_secret_new (bytes, sizeof bytes);

  return he_codeword_new (secret, 1, "demo", HE_CODEWORD_COLLUDERS);
}

static void
scan (const Coalition *leak, guint candidates, guint positions)
{
  g_autoptr (HeCodeword) code = make_code ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  g_autoptr (GArray) symbols = coalition_copy (code, leak, 0, positions, rand);
  HeSuspect suspects[HE_TRACE_SUSPECTS];
  const HeTraceLevel *levels;
  guint n_levels;
  double start = cpu_seconds (), made, done;
  g_autoptr (HeTrace) trace
      = he_trace_new (code, &g_array_index (symbols, HeSymbol, 0), symbols->len);

  made = cpu_seconds ();
  for (guint i = 0; i < candidates; i++) {
    char account[32];

    snprintf (account, sizeof account, "viewer-%u", i);
    he_trace_add (trace, account);
  }
  done = cpu_seconds ();
  for (guint i = 0; i < leak->colluders; i++) {
    g_autofree char *account = colluder_name (0, i);

    he_trace_add (trace, account);
  }
  levels = he_trace_levels (&n_levels);
  printf (
      "%u candidates x %u positions: %.2f s of CPU, %.2f ns a bit (%s), and %.2f s for "
      "the tails of %d scores\n",
      candidates, positions, done - made, (done - made) / candidates / positions * 1e9,
      levels[n_levels - 1].name, made - start, HE_SCORES);
  guint n = he_trace_suspects (trace, suspects);
  for (guint i = 0; i < MIN (n, 4); i++)
    printf ("  %-24s p %.1e by %s\n", suspects[i].account, exp (suspects[i].ln_p),
            he_score_name (suspects[i].score));
}

/* Whether one of the coalition is named among a million, by the first n symbols. */
static gboolean
named (HeCodeword *code, const Coalition *coalition, guint trial, const GArray *symbols,
       guint n)
{
  HeSuspect suspects[HE_TRACE_SUSPECTS];
  g_autoptr (HeTrace) trace
      = he_trace_new (code, &g_array_index (symbols, HeSymbol, 0), n);

  for (guint i = 0; i < coalition->colluders; i++) {
    g_autofree char *account = colluder_name (trial, i);

    he_trace_add (trace, account);
  }
  g_assert (he_trace_suspects (trace, suspects) > 0);
  return suspects[0].ln_p <= log (HE_TRACE_FALSE_ALARM / POPULATION);
}

/* How often somebody is named, by the lengths of copies. */
static void
print_shares (const char *name, const Coalition *coalition, const guint lengths[3],
              guint trials)
{
  g_autoptr (HeCodeword) code = make_code ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  guint found[3] = { 0 };

  for (guint trial = 0; trial < trials; trial++) {
    g_autoptr (GArray) symbols
        = coalition_copy (code, coalition, trial, lengths[2], rand);

    for (guint i = 0; i < 3; i++)
      found[i] += named (code, coalition, trial, symbols, lengths[i]);
  }
  printf ("| %s |", name);
  for (guint i = 0; i < 3; i++)
    printf (" %u (%.1f min): %.1f %% |", lengths[i], lengths[i] / 30.0,
            100.0 * found[i] / trials);
  printf ("\n");
  fflush (stdout);
}

static int
shares (guint trials, const char *only)
{
  static const struct {
    const char *name;
    Coalition coalition;
    guint lengths[3];
  } rows[] = {
    { "one", { 1, MIX_RANDOM, 6, 0, 0 }, { 60, 75, 90 } },
    { "one, 2 % erased", { 1, MIX_RANDOM, 6, 0.02, 0 }, { 75, 90, 150 } },
    { "one, weak mark (z of 2)", { 1, MIX_RANDOM, 2, 0, 0 }, { 75, 90, 150 } },
    { "one, 30 % erased, 10 % flipped",
      { 1, MIX_RANDOM, 6, 0.3, 0.1 },
      { 150, 200, 300 } },
    { "two at random", { 2, MIX_RANDOM, 6, 0, 0 }, { 200, 270, 360 } },
    { "two, both pictures mixed", { 2, MIX_AVERAGE, 6, 0, 0 }, { 150, 200, 300 } },
    { "two at random, 30 % erased, 10 % flipped",
      { 2, MIX_RANDOM, 6, 0.3, 0.1 },
      { 600, 800, 1000 } },
    { "three at random", { 3, MIX_RANDOM, 6, 0, 0 }, { 450, 600, 800 } },
    { "three, majority", { 3, MIX_MAJORITY, 6, 0, 0 }, { 350, 450, 1050 } },
    { "three, minority", { 3, MIX_MINORITY, 6, 0, 0 }, { 600, 800, 1050 } },
    { "five at random", { 5, MIX_RANDOM, 6, 0, 0 }, { 1200, 1500, 1800 } },
    { "five, majority", { 5, MIX_MAJORITY, 6, 0, 0 }, { 1200, 1500, 1800 } },
    { "five, minority", { 5, MIX_MINORITY, 6, 0, 0 }, { 1500, 2000, 2500 } },
  };

  printf ("| copy by | segments of 2 s: named in | | |\n| --- | --- | --- | --- |\n");
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (only == NULL || strcmp (only, rows[i].name) == 0)
      print_shares (rows[i].name, &rows[i].coalition, rows[i].lengths, trials);
  return 0;
}

/* Numbers of standard input. */
static GArray *
read_margins (void)
{
  GArray *margins = g_array_new (FALSE, FALSE, sizeof (double));
  double margin, sum = 0, least = G_MAXDOUBLE;
  guint erased = 0, wrong = 0;

  while (scanf ("%lf", &margin) == 1) {
    g_array_append_val (margins, margin);
    sum += margin;
    least = MIN (least, margin);
    erased += fabs (margin) < HE_DETECT_CLEAR;
    wrong += margin <= -HE_DETECT_CLEAR;
  }
  printf ("%u symbols: mean z %.1f, least %.1f, %u erased, %u wrong\n\n", margins->len,
          sum / MAX (margins->len, 1), least, erased, wrong);
  return margins;
}

/* One leaker's copy is traced among all of a million, the others without the innocent. */
static int
measured (guint trials, const char *only)
{
  static const struct {
    const char *name;
    guint colluders;
    Mix mix;
    guint lengths[3];
  } rows[] = {
    { "one", 1, MIX_RANDOM, { 60, 75, 90 } },
    { "one", 1, MIX_RANDOM, { 105, 120, 150 } },
    { "two at random", 2, MIX_RANDOM, { 200, 270, 360 } },
    { "three at random", 3, MIX_RANDOM, { 450, 600, 1050 } },
    { "three, majority", 3, MIX_MAJORITY, { 350, 450, 1050 } },
    { "three, minority", 3, MIX_MINORITY, { 600, 800, 1050 } },
  };
  g_autoptr (GArray) margins = read_margins ();
  if (!margins->len) {
    fprintf (stderr, "there are no symbols\n");
    return 1;
  }
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    const Coalition coalition
        = { .colluders = rows[i].colluders, .mix = rows[i].mix, .margins = margins };

    if (only != NULL && strcmp (only, rows[i].name) != 0)
      continue;
    if (i == 0)
      scan (&coalition, (guint)POPULATION, rows[i].lengths[2]);
    print_shares (rows[i].name, &coalition, rows[i].lengths, trials);
  }
  return 0;
}

int
main (int argc, char **argv)
{
  if (argc > 1 && strcmp (argv[1], "--segments") == 0)
    return shares (argc > 2 ? (guint)atoi (argv[2]) : 200, argc > 3 ? argv[3] : NULL);
  if (argc > 1 && strcmp (argv[1], "--margins") == 0)
    return measured (argc > 2 ? (guint)atoi (argv[2]) : 200, argc > 3 ? argv[3] : NULL);
  scan (&(Coalition) { 3, MIX_RANDOM, 6, 0, 0, NULL }, argc > 1 ? (guint)atoi (argv[1]) : 1000000,
        argc > 2 ? (guint)atoi (argv[2]) : 3600);
  return 0;
}
