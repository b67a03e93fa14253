/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-renewals.h"

#define S G_GINT64_CONSTANT (1000000)
#define T0 (G_GINT64_CONSTANT (1700000000) * S)
#define LEASE (300 * S)

static HeRenewalStep
note (HeRenewals *renewals, guint n, gint64 now)
{
  guint8 id[16] = { (guint8)n, (guint8)(n >> 8), (guint8)(n >> 16) };

  return he_renewals_note (renewals, id, now);
}

/* The session that is taken, or -1. */
static int
take (HeRenewals *renewals)
{
  guint8 id[16];

  return he_renewals_take (renewals, id) ? id[0] | id[1] << 8 | id[2] << 16 : -1;
}

static gboolean
answer (HeRenewals *renewals, guint n, HeRenewalAnswer answer, guint seconds, gint64 now)
{
  guint8 id[16] = { (guint8)n, (guint8)(n >> 8), (guint8)(n >> 16) };

  return he_renewals_answer (renewals, id, answer, seconds, now);
}

/* Given a session that plays, then it is asked about once in half a lease, or as long as was
 * said, and by one question at a time. */
static void
what_is_allowed_holds_for_a_while (void)
{
  g_autoptr (HeRenewals) renewals = he_renewals_new (LEASE, FALSE);
  gint64 at = T0;

  for (; at < T0 + 150 * S; at += 2 * S)
    g_assert_cmpint (note (renewals, 1, at), ==, HE_RENEWAL_GOES_ON);
  g_assert_cmpint (take (renewals), ==, -1);
  g_assert_cmpint (note (renewals, 1, at), ==, HE_RENEWAL_DUE);
  g_assert_cmpint (note (renewals, 1, at), ==, HE_RENEWAL_GOES_ON);
  g_assert_cmpint (take (renewals), ==, 1);
  g_assert_cmpint (take (renewals), ==, -1);
  g_assert_cmpint (note (renewals, 1, at + 2 * S), ==, HE_RENEWAL_GOES_ON);
  g_assert_false (answer (renewals, 1, HE_RENEWAL_ALLOWED, 0, at));
  g_assert_cmpint (note (renewals, 1, at + 149 * S), ==, HE_RENEWAL_GOES_ON);
  at += 150 * S;
  g_assert_cmpint (note (renewals, 1, at), ==, HE_RENEWAL_DUE);
  g_assert_cmpint (take (renewals), ==, 1);
  answer (renewals, 1, HE_RENEWAL_ALLOWED, 20, at);
  g_assert_cmpint (note (renewals, 1, at + 19 * S), ==, HE_RENEWAL_GOES_ON);
  g_assert_cmpint (note (renewals, 1, at + 20 * S), ==, HE_RENEWAL_DUE);
  g_assert_cmpint (take (renewals), ==, 1);
  answer (renewals, 1, HE_RENEWAL_ALLOWED, 100000, at);
  g_assert_cmpint (note (renewals, 1, at + 299 * S), ==, HE_RENEWAL_GOES_ON);
  g_assert_cmpint (note (renewals, 1, at + 300 * S), ==, HE_RENEWAL_DUE);
  g_assert_cmpint (take (renewals), ==, 1);
  g_assert_false (answer (renewals, 1, HE_RENEWAL_REFUSED, 0, at + 300 * S));
}

static gint64
fail_five (HeRenewals *renewals, gint64 at)
{
  for (guint n = 1; n <= 5; n++)
    note (renewals, n, at);
  at += 150 * S;
  for (guint n = 1; n <= 5; n++)
    g_assert_cmpint (note (renewals, n, at), ==, HE_RENEWAL_DUE);
  for (guint n = 1; n <= 5; n++) {
    g_assert_cmpint (take (renewals), ==, (int)n);
    g_assert_true (answer (renewals, n, HE_RENEWAL_FAILED, 0, at) == (n == 5));
  }
  return at;
}

/* Given failures, then nothing is asked for a while, longer each time, then one question
 * goes, and when that is answered all go again. */
static void
breaker_opens_and_closes (void)
{
  g_autoptr (HeRenewals) renewals = he_renewals_new (LEASE, FALSE);
  gint64 at = fail_five (renewals, T0);

  g_assert_true (he_renewals_is_broken (renewals));
  g_assert_cmpint (note (renewals, 1, at + 4 * S), ==, HE_RENEWAL_GOES_ON);
  at += 5 * S;
  g_assert_cmpint (note (renewals, 1, at), ==, HE_RENEWAL_DUE);
  g_assert_cmpint (note (renewals, 2, at), ==, HE_RENEWAL_GOES_ON);
  g_assert_cmpint (take (renewals), ==, 1);
  g_assert_cmpint (note (renewals, 3, at), ==, HE_RENEWAL_GOES_ON);
  g_assert_false (answer (renewals, 1, HE_RENEWAL_FAILED, 0, at));
  g_assert_cmpint (note (renewals, 2, at + 9 * S), ==, HE_RENEWAL_GOES_ON);
  at += 10 * S;
  g_assert_cmpint (note (renewals, 2, at), ==, HE_RENEWAL_DUE);
  g_assert_cmpint (take (renewals), ==, 2);
  g_assert_true (answer (renewals, 2, HE_RENEWAL_ALLOWED, 0, at));
  g_assert_false (he_renewals_is_broken (renewals));
  g_assert_cmpint (note (renewals, 3, at), ==, HE_RENEWAL_DUE);
  g_assert_cmpint (note (renewals, 4, at), ==, HE_RENEWAL_DUE);
}

/* Given questions that were under way when the breaker opened, and fail, too, then the pause
 * is none the longer; a probe that nobody needs makes room for another. */
static void
what_was_under_way_counts_once (void)
{
  g_autoptr (HeRenewals) renewals = he_renewals_new (LEASE, FALSE);
  gint64 at = T0 + 150 * S;
  guint8 third[16] = { 3 };

  for (guint n = 1; n <= HE_RENEWALS_AT_ONCE; n++)
    note (renewals, n, T0);
  for (guint n = 1; n <= HE_RENEWALS_AT_ONCE; n++)
    note (renewals, n, at);
  for (guint n = 1; n <= HE_RENEWALS_AT_ONCE; n++)
    g_assert_cmpint (take (renewals), ==, (int)n);
  for (guint n = 1; n <= HE_RENEWALS_AT_ONCE; n++)
    g_assert_true (answer (renewals, n, HE_RENEWAL_FAILED, 0, at) == (n == 5));
  g_assert_cmpint (note (renewals, 1, at + 4 * S), ==, HE_RENEWAL_GOES_ON);
  at += 5 * S;
  g_assert_cmpint (note (renewals, 3, at), ==, HE_RENEWAL_DUE);
  g_assert_cmpint (take (renewals), ==, 3);
  he_renewals_drop (renewals, third);
  g_assert_cmpint (note (renewals, 1, at), ==, HE_RENEWAL_DUE);
  g_assert_cmpint (take (renewals), ==, 1);
  answer (renewals, 1, HE_RENEWAL_FAILED, 0, at);
  g_assert_cmpint (note (renewals, 2, at + 9 * S), ==, HE_RENEWAL_GOES_ON);
  g_assert_cmpint (note (renewals, 2, at + 10 * S), ==, HE_RENEWAL_DUE);
}

/* Given an authorizer that is away, then leases go on, or end when nobody allowed them for
 * as long as they are, as the operator wishes; one that allows meanwhile saves them. */
static void
away_for_long (gconstpointer data)
{
  gboolean ends = GPOINTER_TO_INT (data);
  g_autoptr (HeRenewals) renewals = he_renewals_new (LEASE, ends);
  guint lapsed = 0, asked = 0;

  for (gint64 at = T0; at < T0 + 700 * S; at += 2 * S) {
    HeRenewalStep step = note (renewals, 1, at);

    if (step == HE_RENEWAL_LAPSED) {
      g_assert_cmpint (at, >=, T0 + LEASE);
      lapsed++;
      break;
    }
    while (take (renewals) == 1) {
      answer (renewals, 1, HE_RENEWAL_FAILED, 0, at);
      asked++;
    }
  }
  g_assert_cmpuint (lapsed, ==, ends);
  g_assert_cmpuint (asked, >, 5);
  g_assert_cmpuint (asked, <, 30);
}

static void
a_late_answer_saves_it (void)
{
  g_autoptr (HeRenewals) renewals = he_renewals_new (LEASE, TRUE);

  note (renewals, 1, T0);
  g_assert_cmpint (note (renewals, 1, T0 + 299 * S), ==, HE_RENEWAL_DUE);
  g_assert_cmpint (take (renewals), ==, 1);
  g_assert_cmpint (note (renewals, 1, T0 + 301 * S), ==, HE_RENEWAL_GOES_ON);
  answer (renewals, 1, HE_RENEWAL_ALLOWED, 0, T0 + 302 * S);
  g_assert_cmpint (note (renewals, 1, T0 + 303 * S), ==, HE_RENEWAL_GOES_ON);
}

/* Given somebody who paused, then he is asked about, and not sent away. */
static void
a_pause_is_no_failure (void)
{
  g_autoptr (HeRenewals) renewals = he_renewals_new (LEASE, TRUE);

  note (renewals, 1, T0);
  note (renewals, 1, T0 + 140 * S);
  g_assert_cmpint (note (renewals, 1, T0 + 400 * S), ==, HE_RENEWAL_DUE);
  g_assert_cmpint (take (renewals), ==, 1);
  answer (renewals, 1, HE_RENEWAL_FAILED, 0, T0 + 401 * S);
  g_assert_cmpint (note (renewals, 1, T0 + 549 * S), ==, HE_RENEWAL_DUE);
  g_assert_cmpint (take (renewals), ==, 1);
  answer (renewals, 1, HE_RENEWAL_FAILED, 0, T0 + 549 * S);
  g_assert_cmpint (note (renewals, 1, T0 + 550 * S), ==, HE_RENEWAL_LAPSED);
}

/* Given somebody who comes less often than once a lease, then he is asked about whenever he comes. */
static void
the_rare_are_asked_about (void)
{
  g_autoptr (HeRenewals) renewals = he_renewals_new (LEASE, TRUE);

  note (renewals, 1, T0);
  for (gint64 at = T0; at < T0 + 3000 * S; at += LEASE + 2 * S) {
    if (at > T0)
      g_assert_cmpint (note (renewals, 1, at), ==, HE_RENEWAL_DUE);
    while (take (renewals) == 1)
      answer (renewals, 1, HE_RENEWAL_FAILED, 0, at);
  }
}

/* Given more sessions than are asked about at once, then so many are, and the rest later;
 * what has left is forgotten. */
static void
questions_are_bounded (void)
{
  g_autoptr (HeRenewals) renewals = he_renewals_new (LEASE, FALSE);
  guint due = 0, taken = 0;

  for (guint n = 0; n < HE_RENEWALS_QUEUE + 500; n++)
    note (renewals, n, T0);
  for (guint n = 0; n < HE_RENEWALS_QUEUE + 500; n++)
    due += note (renewals, n, T0 + 160 * S) == HE_RENEWAL_DUE;
  g_assert_cmpuint (due, ==, HE_RENEWALS_QUEUE);
  while (take (renewals) >= 0)
    taken++;
  g_assert_cmpuint (taken, ==, HE_RENEWALS_AT_ONCE);
  answer (renewals, 0, HE_RENEWAL_ALLOWED, 0, T0 + 161 * S);
  g_assert_cmpint (take (renewals), ==, HE_RENEWALS_AT_ONCE);
  g_assert_cmpint (note (renewals, HE_RENEWALS_QUEUE + 1, T0 + 162 * S), ==,
                   HE_RENEWAL_DUE);
}

/* Given somebody who comes as often as all and whom nobody allows, then his lease is over in
 * time, however many others come and leave meanwhile. */
static void
crowds_lengthen_no_lease (void)
{
  g_autoptr (HeRenewals) renewals = he_renewals_new (LEASE, TRUE);
  guint others = 0;
  gint64 at;

  note (renewals, 0, T0);
  for (at = T0; at < T0 + LEASE; at += 10 * S) {
    g_assert_cmpint (note (renewals, 0, at), !=, HE_RENEWAL_LAPSED);
    for (guint i = 0; i < HE_RENEWALS_SESSIONS / 10; i++)
      note (renewals, ++others, at);
    for (int n; (n = take (renewals)) >= 0;)
      answer (renewals, (guint)n, HE_RENEWAL_FAILED, 0, at);
  }
  g_assert_cmpint (note (renewals, 0, at), ==, HE_RENEWAL_LAPSED);
}

/* Given more sessions than are remembered, then who takes a place is asked about at once,
 * and so is he whose place it was, when he comes again. */
static void
sessions_are_bounded (void)
{
  g_autoptr (HeRenewals) renewals = he_renewals_new (LEASE, TRUE);
  guint due = 0;

  for (guint n = 0; n < HE_RENEWALS_SESSIONS; n++)
    g_assert_cmpint (note (renewals, n, T0), ==, HE_RENEWAL_GOES_ON);
  g_assert_cmpint (note (renewals, HE_RENEWALS_SESSIONS, T0), ==, HE_RENEWAL_DUE);
  g_assert_cmpint (take (renewals), ==, HE_RENEWALS_SESSIONS);
  answer (renewals, HE_RENEWALS_SESSIONS, HE_RENEWAL_REFUSED, 0, T0);
  for (guint n = 0; n < HE_RENEWALS_SESSIONS; n++)
    due += note (renewals, n, T0 + 149 * S) == HE_RENEWAL_DUE;
  g_assert_cmpuint (due, ==, 0); /* what was refused made room */
  g_assert_cmpint (note (renewals, HE_RENEWALS_SESSIONS, T0 + 149 * S), ==,
                   HE_RENEWAL_DUE);
  for (guint n = 0; n < HE_RENEWALS_SESSIONS && due == 0; n++)
    due += note (renewals, n, T0 + 149 * S) == HE_RENEWAL_DUE;
  g_assert_cmpuint (due, ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/renewals/held", what_is_allowed_holds_for_a_while);
  g_test_add_func ("/renewals/breaker", breaker_opens_and_closes);
  g_test_add_func ("/renewals/under-way", what_was_under_way_counts_once);
  g_test_add_data_func ("/renewals/away/ends", GINT_TO_POINTER (TRUE), away_for_long);
  g_test_add_data_func ("/renewals/away/keeps", GINT_TO_POINTER (FALSE), away_for_long);
  g_test_add_func ("/renewals/late", a_late_answer_saves_it);
  g_test_add_func ("/renewals/paused", a_pause_is_no_failure);
  g_test_add_func ("/renewals/rare", the_rare_are_asked_about);
  g_test_add_func ("/renewals/bounded/questions", questions_are_bounded);
  g_test_add_func ("/renewals/bounded/sessions", sessions_are_bounded);
  g_test_add_func ("/renewals/bounded/crowds", crowds_lengthen_no_lease);
  return g_test_run ();
}
