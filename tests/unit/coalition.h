/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <math.h>
#include <string.h>
#include "he-trace.h"

G_BEGIN_DECLS

/* Copies as coalitions make them, without pictures: what detection would say of them. */
typedef enum { MIX_RANDOM, MIX_MAJORITY, MIX_MINORITY, MIX_AVERAGE } Mix;

typedef struct {
  guint colluders;
  Mix mix;
  double strength; /* of the mark: z is this, or minus this, and normal noise of 1 */
  double erased;   /* share of symbols */
  double flipped;  /* share of symbols that say the opposite */
  /* Of double; NULL, or what a copy's symbols had in a row, each positive where it said what was put
   * in: taken in place of strength and noise, in that order, from anywhere on. Not with MIX_AVERAGE. */
  const GArray *margins;
} Coalition;

#define COALITION_START G_GUINT64_CONSTANT (880000000)

static inline double
normal (GRand *rand)
{
  double u = 1 - g_rand_double (rand), v = g_rand_double (rand);

  return sqrt (-2 * log (u)) * cos (2 * G_PI * v);
}

static inline char *
colluder_name (guint trial, guint i)
{
  return g_strdup_printf ("colluder %u of copy %u", i, trial);
}

/* What the coalition puts in: 1 b, -1 a, 0 both at once. */
static inline int
mixed (const Coalition *coalition, guint ones, guint chosen_is_one)
{
  guint n = coalition->colluders;

  if (ones == 0 || ones == n)
    return ones != 0 ? 1 : -1;
  switch (coalition->mix) {
    case MIX_RANDOM:
      return chosen_is_one ? 1 : -1;
    case MIX_MAJORITY:
      return 2 * ones > n ? 1 : -1;
    case MIX_MINORITY:
      return 2 * ones < n ? 1 : -1;
    case MIX_AVERAGE:
      return 0;
  }
  return 0;
}

/* n symbols of a copy that colluder_name (trial, 0…) made. */
static inline GArray *
coalition_copy (HeCodeword *code, const Coalition *coalition, guint trial, guint n,
                GRand *rand)
{
  GArray *symbols = g_array_sized_new (FALSE, FALSE, sizeof (HeSymbol), n);
  g_autofree guint64 *msns = g_new (guint64, n);
  g_autofree guint *ones = g_new0 (guint, n);
  g_autofree guint8 *chosen = g_new0 (guint8, n);
  g_autofree guint8 *who = g_new (guint8, n);

  for (guint i = 0; i < n; i++) {
    msns[i] = COALITION_START + i;
    who[i] = (guint8)g_rand_int_range (rand, 0, (gint32)coalition->colluders);
  }
  g_autoptr (HeCodewordReader) reader = he_codeword_reader_new (code, msns, n);
  for (guint c = 0; c < coalition->colluders; c++) {
    g_autofree char *account = colluder_name (trial, c);
    const guint16 *draws = he_codeword_reader_draw (reader, account);

    for (guint i = 0; i < n; i++) {
      guint b
          = draws[he_codeword_reader_slot (reader, i)] < he_codeword_bias (code, msns[i]);

      ones[i] += b;
      if (who[i] == c)
        chosen[i] = (guint8)b;
    }
  }
  const GArray *margins = coalition->margins;
  const guint from = margins ? (guint)g_rand_int_range (rand, 0, (gint32)margins->len) : 0;
  for (guint i = 0; i < n; i++) {
    int bit = mixed (coalition, ones[i], chosen[i]);
    HeSymbol symbol = { msns[i], 0 };

    if (g_rand_double (rand) < coalition->flipped)
      bit = -bit;
    symbol.z = margins ? bit * g_array_index (margins, double, (from + i) % margins->len)
                       : bit * coalition->strength + normal (rand);
    if (g_rand_double (rand) < coalition->erased)
      symbol.z = NAN;
    g_array_append_val (symbols, symbol);
  }
  return symbols;
}

G_END_DECLS
