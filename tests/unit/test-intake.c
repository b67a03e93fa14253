/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-intake.h"

#include <string.h>

#define GREETING "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static gboolean
add (HeIntake *intake, const char *text, guint64 *budget)
{
  return he_intake_add (intake, text, strlen (text), budget);
}

static gsize
find (HeIntake *intake, guint64 *budget, guint *ret_status)
{
  const char *why;

  return he_intake_find_head (intake, budget, ret_status, &why);
}

/* Given two requests in odd pieces, each behind an empty line, then both are found; a second
 * empty line is not let pass. */
static void
heads_are_found_in_pieces (void)
{
  static const char text[] = "\r\n" GREETING "\r\n" GREETING "\r\n\r\n";
  HeIntake intake = { 0 };
  guint64 budget = 0;
  guint found = 0, status = 0;

  for (gsize i = 0; i < strlen (text); i++) {
    g_assert_true (he_intake_add (&intake, text + i, 1, &budget));
    if (find (&intake, &budget, &status) == 0)
      continue;
    g_assert_cmpmem (intake.bytes, intake.len, GREETING, strlen (GREETING));
    g_assert_true (he_intake_hold_head (&intake, strlen (GREETING), &budget));
    g_assert_cmpuint (intake.len, ==, 0);
    g_assert_null (intake.bytes);
    he_intake_let_go (&intake, &budget);
    found++;
  }
  g_assert_cmpuint (found, ==, 2);
  g_assert_cmpuint (status, ==, 400);
  he_intake_clear (&intake, &budget);
  g_assert_cmpuint (budget, ==, 0);
}

/* Given more long heads than the budget allows, whether they come or are being answered, then
 * no more of them are taken, short ones still are, and what ends makes room. */
static void
long_heads_have_a_budget (gconstpointer held)
{
  g_autofree char *filling = g_strnfill (40 * 1024, 'a');
  g_autofree char *text = g_strconcat ("GET / HTTP/1.1\r\nHost: a\r\nX: ", filling,
                                       held != NULL ? "\r\n\r\n" : NULL, NULL);
  guint n = HE_INTAKE_TOTAL / (30 * 1024), taken = 0, status;
  HeIntake *intakes = g_new0 (HeIntake, n);
  HeIntake one = { 0 };
  guint64 budget = 0;
  gsize all = 0;

  for (guint i = 0; i < n; i++) {
    if (!add (&intakes[i], text, &budget))
      continue;
    if (held != NULL)
      g_assert_true (he_intake_hold_head (&intakes[i], find (&intakes[i], &budget, &status),
                                          &budget));
    taken++;
    all += intakes[i].room + intakes[i].held;
  }
  g_assert_cmpuint (taken, >=, HE_INTAKE_TOTAL / (48 * 1024));
  g_assert_cmpuint (taken, <, n);
  g_assert_cmpuint (budget, <=, HE_INTAKE_TOTAL);
  g_assert_cmpuint (all, <=, HE_INTAKE_TOTAL + taken * HE_INTAKE_EACH);
  g_assert_true (add (&one, GREETING, &budget));
  g_assert_cmpuint (find (&one, &budget, &status), ==, strlen (GREETING));
  he_intake_clear (&one, &budget);
  g_assert_false (add (&one, text, &budget));
  g_assert_cmpuint (one.len, ==, 0);
  he_intake_clear (&intakes[0], &budget);
  g_assert_true (add (&one, text, &budget));
  he_intake_clear (&one, &budget);
  for (guint i = 1; i < n; i++)
    he_intake_clear (&intakes[i], &budget);
  g_assert_cmpuint (budget, ==, 0);
  g_free (intakes);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/intake/heads-are-found-in-pieces", heads_are_found_in_pieces);
  g_test_add_data_func ("/intake/budget/of-heads-on-their-way", NULL,
                        long_heads_have_a_budget);
  g_test_add_data_func ("/intake/budget/of-heads-being-answered", "held",
                        long_heads_have_a_budget);
  return g_test_run ();
}
