/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <math.h>

#include "he-both.h"

static double
normal (GRand *rand)
{
  return sqrt (-2 * log (1 - g_rand_double (rand))) * cos (2 * G_PI * g_rand_double (rand));
}

/* Given readings under foreign keys, however correlated, when the clearest mixture of each two is
 * taken and paid for, then it is standard normal. */
static void
test_foreign_keys_stay_noise (void)
{
  const double correlations[] = { -0.4, 0, 0.5, 0.95 };
  const guint n = 10000;
  g_autoptr (GRand) rand = g_rand_new_with_seed (17);
  for (guint c = 0; c < G_N_ELEMENTS (correlations); c++) {
    const double correlation = correlations[c];
    double sum = 0, squares = 0;
    guint clear = 0;
    for (guint i = 0; i < n; i++) {
      const double z = normal (rand), own = normal (rand);
      const double both
          = he_both_score (z, correlation * z + sqrt (1 - correlation * correlation) * own, correlation);
      sum += both;
      squares += both * both;
      clear += fabs (both) >= 3;
    }
    const double mean = sum / n, deviation = sqrt (squares / n - mean * mean);
    g_test_message ("correlation %+.2f: mean %+.3f, deviation %.3f, %u beyond 3 (27 expected)", correlation,
                    mean, deviation, clear);
    g_assert_cmpfloat (fabs (mean), <, 0.05);
    g_assert_cmpfloat (fabs (deviation - 1), <, 0.03);
    g_assert_cmpuint (clear, >, 8);
    g_assert_cmpuint (clear, <, 55);
  }
}

/* Given a reading, when another says nothing, then it loses little; and when both say the same,
 * then more than one of them. */
static void
test_the_better_one_counts (void)
{
  for (double z = 0.5; z < 100; z *= 1.3) {
    for (double correlation = -0.5; correlation < 1; correlation += 0.1) {
      const double alone = he_both_score (z, correlation * z, correlation);
      g_assert_cmpfloat (alone, >, z - 0.52);
      g_assert_cmpfloat (alone, <=, z);
      g_assert_cmpfloat (fabs (he_both_score (correlation * z, z, correlation) - alone), <, 1e-6);
      g_assert_cmpfloat (fabs (he_both_score (-z, -correlation * z, correlation) + alone), <, 1e-6);
    }
    if (z > 2)
      g_assert_cmpfloat (he_both_score (z, z, 0), >, 1.2 * z);
    g_assert_cmpfloat (he_both_score (z, 1 - z, 1), ==, z);
  }
}

static void
test_correlation (void)
{
  const gint8 a[] = { 3, -127, 0, 40 }, b[] = { -6, 254 / 2, 0, -40 }, c[] = { 127, 3, 50, 0 }, none[4] = { 0 };
  g_assert_cmpfloat (fabs (he_both_correlation (a, a, 4) - 1), <, 1e-12);
  g_assert_cmpfloat (he_both_correlation (a, b, 4), <, -0.99);
  g_assert_cmpfloat (fabs (he_both_correlation (a, c, 4)), <, 1e-12);
  g_assert_cmpfloat (he_both_correlation (a, none, 4), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/both/foreign-keys-stay-noise", test_foreign_keys_stay_noise);
  g_test_add_func ("/both/the-better-one-counts", test_the_better_one_counts);
  g_test_add_func ("/both/correlation", test_correlation);
  return g_test_run ();
}
