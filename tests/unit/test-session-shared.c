/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include "he-session.h"

/* The mirror of sessions whose slots are given out elsewhere. */

#define S G_GINT64_CONSTANT (1000000)
#define T0 (G_GINT64_CONSTANT (1700000000) * S)

static HeSessions *
mirror_new (void)
{
  HeSessions *sessions = he_sessions_new (HE_SESSIONS_EVICT_OLDEST, 300 * S, 6 * S, 100);

  he_sessions_share (sessions);
  return sessions;
}

static HeSessionRecord
contents_of (guint8 id)
{
  HeSessionRecord record = { .account = (char *)"alice",
                             .max_sessions = 1,
                             .opened = T0,
                             .hard_end = T0 + 3600 * S };

  memset (record.id, id, sizeof record.id);
  return record;
}

static HeCode
touch (HeSessions *sessions, guint8 id, HeTouch how, gint64 now)
{
  HeSessionRecord contents = contents_of (id);
  gboolean changed;

  return he_sessions_touch (sessions, &contents, how, now, &changed);
}

static HeCode
settle (HeSessions *sessions, guint8 id, HeCode code, gint64 now, gint64 lease_end)
{
  HeSessionRecord contents = contents_of (id);
  const HeSessionVerdict verdict = { code, T0, T0 + 3600 * S, lease_end };

  return he_sessions_settle (sessions, &contents, &verdict, now);
}

static void
assert_owed (HeSessions *sessions, gboolean all, gint64 now, guint n, gboolean wants_lease)
{
  g_autoptr (GPtrArray) owed = he_sessions_take_owed (sessions, all, now);

  g_assert_cmpuint (owed->len, ==, n);
  for (guint i = 0; i < n; i++)
    g_assert_cmpint (((HeSessionRecord *)owed->pdata[i])->wants_lease, ==, wants_lease);
}

static void
only_what_was_settled_is_granted (void)
{
  g_autoptr (HeSessions) sessions = mirror_new ();

  for (int how = HE_TOUCH_ENTRY; how <= HE_TOUCH_MEDIA; how++)
    g_assert_cmpint (touch (sessions, 1, (HeTouch)how, T0), ==, HE_CODE_UNAVAILABLE);
  g_assert_cmpint (settle (sessions, 1, HE_CODE_TOO_MANY, T0, 0), ==, HE_CODE_TOO_MANY);
  g_assert_cmpint (touch (sessions, 1, HE_TOUCH_ENTRY, T0), ==, HE_CODE_UNAVAILABLE);
  g_assert_cmpint (settle (sessions, 1, HE_CODE_OK, T0, T0 + 30 * S), ==, HE_CODE_OK);
  for (int how = HE_TOUCH_ENTRY; how <= HE_TOUCH_MEDIA; how++)
    g_assert_cmpint (touch (sessions, 1, (HeTouch)how, T0 + S), ==, HE_CODE_OK);
  /* A slot that may be somebody else's by now opens nothing, but interrupts nobody. */
  g_assert_cmpint (touch (sessions, 1, HE_TOUCH_ENTRY, T0 + 10 * S), ==,
                   HE_CODE_UNAVAILABLE);
  g_assert_cmpint (touch (sessions, 1, HE_TOUCH_PLAYLIST, T0 + 10 * S), ==, HE_CODE_OK);
  /* Playlists do not extend a lease that nobody confirmed. */
  g_assert_cmpint (touch (sessions, 1, HE_TOUCH_PLAYLIST, T0 + 29 * S), ==, HE_CODE_OK);
  g_assert_cmpint (touch (sessions, 1, HE_TOUCH_REJOIN, T0 + 29 * S), ==, HE_CODE_OK);
  g_assert_cmpint (touch (sessions, 1, HE_TOUCH_REJOIN, T0 + 30 * S), ==,
                   HE_CODE_UNAVAILABLE);
  g_assert_cmpint (touch (sessions, 1, HE_TOUCH_MEDIA, T0 + 30 * S), ==, HE_CODE_LEASE);
  g_assert_cmpint (touch (sessions, 1, HE_TOUCH_PLAYLIST, T0 + 30 * S), ==,
                   HE_CODE_UNAVAILABLE);
  g_assert_cmpint (settle (sessions, 1, HE_CODE_OK, T0 + 30 * S, T0 + 60 * S), ==,
                   HE_CODE_OK);
  g_assert_cmpint (touch (sessions, 1, HE_TOUCH_MEDIA, T0 + 31 * S), ==, HE_CODE_OK);
}

static void
what_was_touched_is_owed_once_in_a_while (void)
{
  g_autoptr (HeSessions) sessions = mirror_new ();

  settle (sessions, 1, HE_CODE_OK, T0, T0 + 300 * S);
  assert_owed (sessions, FALSE, T0 + 5 * S, 0, FALSE);
  touch (sessions, 1, HE_TOUCH_MEDIA, T0 + S);
  assert_owed (sessions, FALSE, T0 + S, 0, FALSE);
  assert_owed (sessions, FALSE, T0 + 2 * S, 1, FALSE);
  assert_owed (sessions, FALSE, T0 + 5 * S, 0, FALSE);
  touch (sessions, 1, HE_TOUCH_PLAYLIST, T0 + 5 * S);
  touch (sessions, 1, HE_TOUCH_MEDIA, T0 + 5 * S);
  assert_owed (sessions, FALSE, T0 + 5 * S, 1, TRUE);
  /* Where slots were forgotten, all that hold one. */
  assert_owed (sessions, TRUE, T0 + 6 * S, 1, FALSE);
  assert_owed (sessions, TRUE, T0 + 12 * S, 0, FALSE);
}

static void
verdicts_end_it (void)
{
  g_autoptr (HeSessions) sessions = mirror_new ();

  for (guint8 id = 1; id <= 2; id++)
    settle (sessions, id, HE_CODE_OK, T0, T0 + 300 * S);
  settle (sessions, 1, HE_CODE_EVICTED, T0 + S, 0);
  g_assert_cmpint (touch (sessions, 1, HE_TOUCH_MEDIA, T0 + S), ==, HE_CODE_EVICTED);
  /* Of one that was not known, too. */
  g_assert_cmpint (settle (sessions, 3, HE_CODE_REVOKED, T0, 0), ==, HE_CODE_REVOKED);
  g_assert_cmpint (touch (sessions, 3, HE_TOUCH_PLAYLIST, T0 + S), ==, HE_CODE_REVOKED);
  settle (sessions, 2, HE_CODE_TOO_MANY, T0 + S, 0);
  g_assert_cmpint (touch (sessions, 2, HE_TOUCH_MEDIA, T0 + S), ==, HE_CODE_LEASE);
  g_assert_cmpint (touch (sessions, 2, HE_TOUCH_PLAYLIST, T0 + S), ==, HE_CODE_UNAVAILABLE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/session-shared/granted", only_what_was_settled_is_granted);
  g_test_add_func ("/session-shared/owed", what_was_touched_is_owed_once_in_a_while);
  g_test_add_func ("/session-shared/verdicts", verdicts_end_it);
  return g_test_run ();
}
