/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include "he-tail.h"

/* Given few terms, then the tail is what adding up all outcomes gives, and Chernoff's
 * bound lies above it. */
static void
few_terms_are_added_up (void)
{
  static const gint16 weights[] = { 255, -3, 17, 17, -120, 64, 1, 0, -1, 90, 33, -255 };
  static const guint16 ones[]
      = { 7386, 32768, 58150, 1, 65535, 32768, 20000, 5000, 32768, 58150, 7386, 40000 };
  const guint n = G_N_ELEMENTS (weights);
  g_autoptr (HeTail) tail = he_tail_new (weights, ones, n);

  g_assert_true (he_tail_is_exact (tail));
  for (gint32 x = -400; x <= 500; x += 7) {
    double exact = 0;

    for (guint word = 0; word < 1u << n; word++) {
      double p = 1;
      gint32 sum = 0;

      for (guint i = 0; i < n; i++) {
        gboolean one = word >> i & 1;

        p *= one ? ones[i] / 65536.0 : 1 - ones[i] / 65536.0;
        sum += one ? weights[i] : 0;
      }
      exact += sum >= x ? p : 0;
    }
    double told = exp (he_tail_ln (tail, x));
    g_assert_cmpfloat (told, >=, exact * (1 - 1e-12));
    if (exact > 0)
      g_assert_cmpfloat (told, <=, exact * (1 + 1e-9));
    g_assert_cmpfloat (exp (he_tail_chernoff (weights, ones, n, x)), >=,
                       exact * (1 - 1e-9));
  }
}

/* Given a thousand fair coins, then the far tail is the binomial one, to many digits. */
static void
far_tail_is_the_binomial_one (void)
{
  gint16 weights[1000];
  guint16 ones[1000];

  for (guint i = 0; i < 1000; i++) {
    weights[i] = 1;
    ones[i] = 32768;
  }
  g_autoptr (HeTail) tail = he_tail_new (weights, ones, 1000);
  g_assert_cmpfloat_with_epsilon (he_tail_mean (tail), 500, 1e-9);
  g_assert_cmpfloat_with_epsilon (he_tail_deviation (tail), sqrt (250), 1e-9);
  for (guint x = 500; x <= 1000; x += 50) {
    double sum = 0;

    for (guint k = x; k <= 1000; k++)
      sum += exp (lgamma (1001) - lgamma (k + 1) - lgamma (1001 - k) - 1000 * G_LN2
                  - (lgamma (1001) - lgamma (x + 1) - lgamma (1001 - x) - 1000 * G_LN2));
    double exact
        = log (sum) + lgamma (1001) - lgamma (x + 1) - lgamma (1001 - x) - 1000 * G_LN2;
    double told = he_tail_ln (tail, (gint32)x);

    g_assert_cmpfloat (told, >=, exact - 1e-6);
    /* Beyond 1e-120 it is a bound. */
    g_assert_cmpfloat (told, <=, exact > -270 ? exact + 1e-6 : exact * 0.95);
    g_assert_cmpfloat (he_tail_chernoff (weights, ones, 1000, (gint32)x), >=,
                       exact - 1e-6);
  }
}

/* Given more terms than can be added up, then the tail is Chernoff's bound, which for so
 * many coins lies between the normal tail and a few powers of ten above it. */
static void
long_sums_have_a_bound (void)
{
  const guint n = 60000;
  g_autofree gint16 *weights = g_new (gint16, n);
  g_autofree guint16 *ones = g_new (guint16, n);

  for (guint i = 0; i < n; i++) {
    weights[i] = i % 2 ? 255 : -255;
    ones[i] = 32768;
  }
  g_autoptr (HeTail) tail = he_tail_new (weights, ones, n);
  g_assert_false (he_tail_is_exact (tail));
  for (double deviations = 3; deviations < 12; deviations += 1) {
    gint32 x = (gint32)(he_tail_mean (tail) + deviations * he_tail_deviation (tail));
    double told = he_tail_ln (tail, x);

    g_assert_cmpfloat (told, >=, log (0.5 * erfc (deviations / G_SQRT2)));
    g_assert_cmpfloat (told, <=, -deviations * deviations / 2 * 0.99);
  }
}

static void
least_is_the_first_below (void)
{
  static const gint16 weights[] = { 5, -7, 11, 13, 2, 250, -31, 8 };
  static const guint16 ones[] = { 7386, 32768, 58150, 7386, 32768, 7386, 32768, 58150 };
  g_autoptr (HeTail) tail = he_tail_new (weights, ones, G_N_ELEMENTS (weights));

  for (double ln_p = -0.01; ln_p > -8; ln_p -= 0.37) {
    gint32 x = he_tail_least (tail, ln_p);

    if (x == G_MAXINT32)
      continue;
    g_assert_cmpfloat (he_tail_ln (tail, x), <, ln_p);
    g_assert_cmpfloat (he_tail_ln (tail, x - 1), >=, ln_p);
  }
  g_assert_cmpint (he_tail_least (tail, -1000), ==, G_MAXINT32);
}

/* Given weights that say nothing, or none at all, then no score is unlikely. */
static void
nothing_is_certain (void)
{
  static const gint16 weights[] = { 0, 0 };
  static const guint16 ones[] = { 7386, 32768 };
  g_autoptr (HeTail) zero = he_tail_new (weights, ones, 2);
  g_autoptr (HeTail) empty = he_tail_new (NULL, NULL, 0);

  g_assert_cmpfloat (he_tail_ln (zero, 0), ==, 0);
  g_assert_cmpfloat (he_tail_ln (empty, 0), ==, 0);
  g_assert_cmpint (he_tail_least (zero, -1), ==, G_MAXINT32);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tail/few-terms-are-added-up", few_terms_are_added_up);
  g_test_add_func ("/tail/far-tail-is-the-binomial-one", far_tail_is_the_binomial_one);
  g_test_add_func ("/tail/long-sums-have-a-bound", long_sums_have_a_bound);
  g_test_add_func ("/tail/least-is-the-first-below", least_is_the_first_below);
  g_test_add_func ("/tail/nothing-is-certain", nothing_is_certain);
  return g_test_run ();
}
