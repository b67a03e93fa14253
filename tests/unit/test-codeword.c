/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include "he-codeword.h"
#include "he-keys.h"
#include "vectors.h"

#define START G_GUINT64_CONSTANT (880000000)

/* Computed by another implementation (Python's hmac and the openssl command). Every node,
 * and whoever traces a copy years later, must agree on them: they never change. */
static void
is_the_documented_one (void)
{
  static const char levels[] = "20201112210112211222122121100110";
  static const char bits[] = "babaababbbababbbbbbbabbabbaaabaa";
  static const guint16 biases[] = { 7386, 32768, 58150 };
  g_autoptr (HeSecret) master = counting_secret ();
  g_autoptr (HeSecret) secret = he_keys_derive (master, HE_PURPOSE_CODEWORD);
  g_autoptr (HeCodeword) code = he_codeword_new (secret, 1, "demo", 5);

  for (guint i = 0; i < strlen (bits); i++) {
    HeVariant variant = he_codeword_variant (code, "alice", START + i);

    g_assert_cmpuint (he_codeword_bias (code, START + i), ==, biases[levels[i] - '0']);
    g_assert_cmpint (he_variant_name (variant)[0], ==, bits[i]);
  }
}

/* The zeros of the Legendre polynomial of degree n, as x, and its derivative there. */
static double
legendre_zero (guint n, guint i, double *ret_derivative)
{
  double x = -cos (G_PI * (i + 0.75) / (n + 0.5)), derivative = 1;

  for (guint round = 0; round < 60; round++) {
    double before = 1, value = x;

    for (guint k = 2; k <= n; k++) {
      double next = ((2 * k - 1) * x * value - (k - 1) * before) / k;

      before = value;
      value = next;
    }
    derivative = n * (x * value - before) / (x * x - 1);
    x -= value / derivative;
  }
  *ret_derivative = derivative;
  return x;
}

/* Given Nuida's definition (biases: zeros of the shifted Legendre polynomial;
 * probabilities: in proportion to (p (1 - p))^(-3/2) / L'(p)^2), then the rows are what
 * it gives. */
static void
biases_are_nuidas (void)
{
  for (guint colluders = 1; colluders <= HE_CODEWORD_MAX_COLLUDERS; colluders++) {
    const guint16 *biases;
    const guint32 *ends;
    guint n = he_codeword_biases (colluders, &biases, &ends);
    double weights[8], sum = 0, end = 0;

    g_assert_cmpuint (n, ==, (colluders + 1) / 2);
    for (guint i = 0; i < n; i++) {
      double derivative, p = (1 + legendre_zero (n, i, &derivative)) / 2;

      weights[i] = pow (p * (1 - p), -1.5) / (derivative * derivative);
      sum += weights[i];
      g_assert_cmpfloat_with_epsilon (biases[i], p * HE_CODEWORD_ONE, 0.51);
    }
    for (guint i = 0; i < n; i++) {
      end += weights[i] / sum;
      g_assert_cmpfloat_with_epsilon (ends[i] / 4294967296.0, end, 1e-8);
    }
    g_assert_cmpuint (ends[n - 1], ==, G_MAXUINT32);
  }
}

/* As Nuida et al. print them, to five digits. */
static void
biases_are_the_published_ones (void)
{
  static const struct {
    guint colluders, i;
    double p, q;
  } rows[] = {
    { 2, 0, 0.5, 1 },       { 4, 0, 0.21132, 0.5 },     { 6, 0, 0.11270, 0.33201 },
    { 6, 1, 0.5, 0.33598 }, { 8, 0, 0.06943, 0.24833 }, { 8, 1, 0.33001, 0.25167 },
  };

  for (guint r = 0; r < G_N_ELEMENTS (rows); r++) {
    const guint16 *biases;
    const guint32 *ends;
    guint i = rows[r].i;

    he_codeword_biases (rows[r].colluders, &biases, &ends);
    double q = (ends[i] - (i > 0 ? (double)ends[i - 1] : 0)) / 4294967296.0;
    g_assert_cmpfloat_with_epsilon (biases[i] / 65536.0, rows[r].p, 1.4e-5);
    g_assert_cmpfloat_with_epsilon (q, rows[r].q, 1.1e-5);
  }
}

/* Given many positions, then the biases come as often as they shall, and each viewer's
 * bits follow them, and nothing else. */
static void
bits_follow_the_biases (void)
{
  const guint n = 12000;
  g_autoptr (HeSecret) secret = counting_secret ();
  g_autoptr (HeCodeword) code = he_codeword_new (secret, 1, "demo", 5);
  guint seen[3] = { 0 }, ones[3] = { 0 };

  for (guint i = 0; i < n; i++) {
    guint bias = he_codeword_bias (code, START + i);
    guint level = bias < 20000 ? 0 : bias < 40000 ? 1 : 2;

    seen[level]++;
    ones[level] += he_codeword_variant (code, "alice", START + i) == HE_VARIANT_B;
  }
  for (guint level = 0; level < 3; level++) {
    static const double p[] = { 7386 / 65536.0, 0.5, 58150 / 65536.0 };
    double deviation = sqrt (seen[level] * p[level] * (1 - p[level]));

    g_assert_cmpfloat_with_epsilon (seen[level], n / 3.0, 6 * sqrt (n * 2 / 9.0));
    g_assert_cmpfloat_with_epsilon (ones[level], seen[level] * p[level], 6 * deviation);
  }
}

/* How often two words agree where a fair coin would be thrown. */
static void
assert_independent (const HeCodeword *a, const char *account, const HeCodeword *b,
                    const char *other, guint64 shift)
{
  guint n = 0, equal = 0;

  for (guint64 msn = START; msn < START + 6000; msn++) {
    if (he_codeword_bias (a, msn) != HE_CODEWORD_ONE / 2
        || he_codeword_bias (b, msn + shift) != HE_CODEWORD_ONE / 2)
      continue;
    n++;
    equal += he_codeword_variant (a, account, msn)
             == he_codeword_variant (b, other, msn + shift);
  }
  g_assert_cmpuint (n, >, 400);
  g_assert_cmpfloat_with_epsilon (equal, n / 2.0, 3 * sqrt (n));
}

static void
words_are_independent (void)
{
  g_autoptr (HeSecret) secret = counting_secret ();
  g_autoptr (HeCodeword) demo = he_codeword_new (secret, 1, "demo", 5);
  g_autoptr (HeCodeword) next = he_codeword_new (secret, 2, "demo", 5);
  g_autoptr (HeCodeword) news = he_codeword_new (secret, 1, "news", 5);

  assert_independent (demo, "alice", demo, "alicf", 0);
  assert_independent (demo, "alice", demo, "", 0);
  assert_independent (demo, "alice", next, "alice", 0);
  assert_independent (demo, "alice", news, "alice", 0);
  assert_independent (demo, "alice", demo, "alice", 1);
  assert_independent (demo, "alice", demo, "alice", 8);
}

/* Given positions with gaps, and the last there can be, then the bulk reader gives the
 * bits that a gate would. */
static void
reader_says_the_same (void)
{
  static const guint steps[]
      = { 1, 1, 5, 1, 2, 40, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 1000003 };
  const guint n = 150;
  guint64 positions[150], msn = START + 3;
  g_autoptr (HeSecret) secret = counting_secret ();
  g_autoptr (HeCodeword) code = he_codeword_new (secret, 3, "demo", 7);

  for (guint i = 0; i < n; i++, msn += steps[i % G_N_ELEMENTS (steps)])
    positions[i] = msn;
  positions[n - 1] = G_MAXUINT64;
  g_autoptr (HeCodewordReader) reader = he_codeword_reader_new (code, positions, n);
  g_assert_cmpuint (he_codeword_reader_slots (reader) % 32, ==, 0);
  for (guint viewer = 0; viewer < 20; viewer++) {
    g_autofree char *account = g_strdup_printf ("viewer %u", viewer);
    const guint16 *draws = he_codeword_reader_draw (reader, account);

    for (guint i = 0; i < n; i++) {
      gsize slot = he_codeword_reader_slot (reader, i);
      HeVariant variant = draws[slot] < he_codeword_bias (code, positions[i])
                              ? HE_VARIANT_B
                              : HE_VARIANT_A;

      g_assert_cmpuint (slot, <, he_codeword_reader_slots (reader));
      g_assert_cmpint (variant, ==, he_codeword_variant (code, account, positions[i]));
    }
  }
}

static void
reader_of_nothing (void)
{
  g_autoptr (HeSecret) secret = counting_secret ();
  g_autoptr (HeCodeword) code = he_codeword_new (secret, 1, "demo", 5);
  g_autoptr (HeCodewordReader) reader = he_codeword_reader_new (code, NULL, 0);

  g_assert_cmpuint (he_codeword_reader_slots (reader), ==, 0);
  g_assert_nonnull (he_codeword_reader_draw (reader, "alice"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/codeword/is-the-documented-one", is_the_documented_one);
  g_test_add_func ("/codeword/biases/are-nuidas", biases_are_nuidas);
  g_test_add_func ("/codeword/biases/are-the-published-ones",
                   biases_are_the_published_ones);
  g_test_add_func ("/codeword/bits-follow-the-biases", bits_follow_the_biases);
  g_test_add_func ("/codeword/words-are-independent", words_are_independent);
  g_test_add_func ("/codeword/reader/says-the-same", reader_says_the_same);
  g_test_add_func ("/codeword/reader/of-nothing", reader_of_nothing);
  return g_test_run ();
}
