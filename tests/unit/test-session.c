/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include "he-session.h"

#define S G_GINT64_CONSTANT (1000000)
#define T0 (G_GINT64_CONSTANT (1700000000) * S)
#define LEASE (300 * S)
#define TTL (6 * S)
#define LENGTH (43200 * S)

static char *demo[] = { (char *)"demo", NULL };

/* Session n of an account, from address n, opened at a time. */
static HeSessionRecord
contents (guint8 n, const char *account, gint64 opened)
{
  HeSessionRecord record = {
    .id = { n },
    .account = (char *)account,
    .rights = demo,
    .has_address = TRUE,
    .address_hash = { n },
    .max_sessions = 1,
    .opened = opened,
    .hard_end = opened + LENGTH,
  };
  return record;
}

static HeSessions *
table (HeSessionPolicy policy)
{
  return he_sessions_new (policy, LEASE, TTL, 1000);
}

static HeCode
touch_changed (HeSessions *sessions, HeSessionRecord record, HeTouch how, gint64 now,
               gboolean *ret_changed)
{
  return he_sessions_touch (sessions, &record, how, now, ret_changed);
}

static HeCode
touch (HeSessions *sessions, HeSessionRecord record, HeTouch how, gint64 now)
{
  gboolean changed;
  return touch_changed (sessions, record, how, now, &changed);
}

static void
merge (HeSessions *into, HeSessions *from, gint64 now)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *json = he_sessions_to_json (from);
  g_assert_true (he_sessions_merge_json (into, json, -1, now, &error));
  g_assert_no_error (error);
}

static gint64
lease_end (HeSessions *sessions, guint8 n)
{
  const guint8 id[16] = { n };
  g_auto (HeSessionRecord) record = { 0 };
  g_assert_true (he_sessions_lookup (sessions, id, &record));
  return record.lease_end;
}

static HeCode
ended (HeSessions *sessions, guint8 n)
{
  const guint8 id[16] = { n };
  g_auto (HeSessionRecord) record = { 0 };
  g_assert_true (he_sessions_lookup (sessions, id, &record));
  return record.ended;
}

static void
test_reopen (void)
{
  gboolean changed = FALSE;
  g_autoptr (HeSessions) gate = table (HE_SESSIONS_EVICT_OLDEST);
  HeSessionRecord first = contents (1, "alice", T0);
  g_assert_cmpint (touch_changed (gate, first, HE_TOUCH_ENTRY, T0, &changed), ==, 200);
  g_assert_true (changed);
  HeSessionRecord again = contents (1, "alice", T0 + 10 * S);
  g_assert_cmpint (touch_changed (gate, again, HE_TOUCH_ENTRY, T0 + 10 * S, &changed), ==,
                   200);
  g_assert_false (changed);
  g_assert_cmpuint (he_sessions_count (gate, T0 + 10 * S), ==, 1);
  const guint8 id[16] = { 1 };
  g_auto (HeSessionRecord) record = { 0 };
  g_assert_true (he_sessions_lookup (gate, id, &record));
  g_assert_cmpint (record.opened, ==, T0); /* neither reopened nor prolonged */
  g_assert_cmpint (record.hard_end, ==, T0 + LENGTH);
}

static void
test_other_address (void)
{
  g_autoptr (HeSessions) a = table (HE_SESSIONS_EVICT_OLDEST);
  g_autoptr (HeSessions) b = table (HE_SESSIONS_EVICT_OLDEST);
  HeSessionRecord thief = contents (1, "alice", T0 + S);
  thief.address_hash[0] = 77;
  g_assert_cmpint (touch (a, contents (1, "alice", T0), HE_TOUCH_ENTRY, T0), ==, 200);
  g_assert_cmpint (touch (a, thief, HE_TOUCH_ENTRY, T0 + S), ==, HE_CODE_ADDRESS);
  merge (b, a, T0 + S);
  g_assert_cmpint (touch (b, thief, HE_TOUCH_ENTRY, T0 + S), ==, HE_CODE_ADDRESS);
  /* Not even where the second gate's clock is behind. */
  thief.opened = T0 - 5 * S;
  g_assert_cmpint (touch (b, thief, HE_TOUCH_ENTRY, T0 - 5 * S), ==, HE_CODE_ADDRESS);
  g_assert_cmpint (touch (b, contents (1, "alice", T0), HE_TOUCH_MEDIA, T0 + S), ==, 200);
}

/* Given one token opened at two gates that did not see each other, from two addresses,
 * when they merge, then both gates keep the earlier. */
static void
test_address_conflict (void)
{
  g_autoptr (HeSessions) a = table (HE_SESSIONS_EVICT_OLDEST);
  g_autoptr (HeSessions) b = table (HE_SESSIONS_EVICT_OLDEST);
  HeSessionRecord first = contents (1, "alice", T0),
                  second = contents (1, "alice", T0 + S);
  second.address_hash[0] = 77;
  g_assert_cmpint (touch (a, first, HE_TOUCH_ENTRY, T0), ==, 200);
  g_assert_cmpint (touch (b, second, HE_TOUCH_ENTRY, T0 + S), ==, 200);
  g_autofree char *of_b = he_sessions_to_json (b);
  merge (b, a, T0 + 2 * S);
  g_assert_true (he_sessions_merge_json (a, of_b, -1, T0 + 2 * S, NULL));
  HeSessions *both[] = { a, b };
  for (guint i = 0; i < 2; i++) {
    g_assert_cmpint (touch (both[i], first, HE_TOUCH_PLAYLIST, T0 + 2 * S), ==, 200);
    g_assert_cmpint (touch (both[i], second, HE_TOUCH_PLAYLIST, T0 + 2 * S), ==, 602);
  }
  /* And a gate that hears of it by the credentials alone comes to the same. */
  g_autoptr (HeSessions) c = table (HE_SESSIONS_EVICT_OLDEST);
  g_assert_cmpint (touch (c, second, HE_TOUCH_PLAYLIST, T0 + 2 * S), ==, 200);
  g_assert_cmpint (touch (c, first, HE_TOUCH_PLAYLIST, T0 + 2 * S), ==, 200);
  g_assert_cmpint (touch (c, second, HE_TOUCH_PLAYLIST, T0 + 2 * S), ==, 602);
}

static void
test_lease (void)
{
  g_autoptr (HeSessions) gate = table (HE_SESSIONS_EVICT_OLDEST);
  HeSessionRecord one = contents (1, "alice", T0);
  g_assert_cmpint (touch (gate, one, HE_TOUCH_ENTRY, T0), ==, 200);
  g_assert_cmpint (touch (gate, one, HE_TOUCH_MEDIA, T0 + LEASE - 1), ==, 200);
  g_assert_cmpint (touch (gate, one, HE_TOUCH_MEDIA, T0 + LEASE), ==, HE_CODE_LEASE);
  g_assert_cmpint (touch (gate, one, HE_TOUCH_PLAYLIST, T0 + 2 * LEASE), ==, 200);
  g_assert_cmpint (touch (gate, one, HE_TOUCH_MEDIA, T0 + 3 * LEASE - 1), ==, 200);
  g_assert_cmpint (lease_end (gate, 1), ==, T0 + 3 * LEASE);
  /* At most to the hard end, which nothing revives. */
  g_assert_cmpint (touch (gate, one, HE_TOUCH_PLAYLIST, T0 + LENGTH - S), ==, 200);
  g_assert_cmpint (lease_end (gate, 1), ==, T0 + LENGTH);
  g_assert_cmpint (touch (gate, one, HE_TOUCH_PLAYLIST, T0 + LENGTH), ==, HE_CODE_LEASE);
  HeSessionRecord again = contents (1, "alice", T0 + LENGTH);
  g_assert_cmpint (touch (gate, again, HE_TOUCH_ENTRY, T0 + LENGTH), ==, HE_CODE_LEASE);
}

static void
test_evict (void)
{
  gboolean changed = FALSE;
  g_autoptr (HeSessions) gate = table (HE_SESSIONS_EVICT_OLDEST);
  HeSessionRecord one = contents (1, "alice", T0), two = contents (2, "alice", T0 + S);
  HeSessionRecord other = contents (3, "bob", T0);
  g_assert_cmpint (touch (gate, one, HE_TOUCH_ENTRY, T0), ==, 200);
  g_assert_cmpint (touch (gate, other, HE_TOUCH_ENTRY, T0), ==, 200);
  g_assert_cmpint (touch_changed (gate, two, HE_TOUCH_ENTRY, T0 + S, &changed), ==, 200);
  g_assert_true (changed);
  g_assert_cmpint (touch (gate, one, HE_TOUCH_MEDIA, T0 + S), ==, HE_CODE_EVICTED);
  g_assert_cmpint (touch (gate, one, HE_TOUCH_ENTRY, T0 + S), ==, HE_CODE_EVICTED);
  g_assert_cmpint (touch (gate, two, HE_TOUCH_MEDIA, T0 + S), ==, 200);
  g_assert_cmpint (touch (gate, other, HE_TOUCH_MEDIA, T0 + S), ==, 200);
  /* For good: not even when the winner has gone. */
  g_assert_cmpint (touch (gate, one, HE_TOUCH_PLAYLIST, T0 + 60 * S), ==,
                   HE_CODE_EVICTED);
}

static void
test_evict_two_slots (void)
{
  g_autoptr (HeSessions) gate = table (HE_SESSIONS_EVICT_OLDEST);
  for (guint8 n = 1; n <= 3; n++) {
    HeSessionRecord record = contents (n, "alice", T0 + n);
    record.max_sessions = 2;
    g_assert_cmpint (touch (gate, record, HE_TOUCH_ENTRY, T0 + n), ==, 200);
  }
  g_assert_cmpint (ended (gate, 1), ==, HE_CODE_EVICTED);
  g_assert_cmpint (ended (gate, 2), ==, HE_CODE_NONE);
  g_assert_cmpuint (he_sessions_count (gate, T0 + S), ==, 2);
}

static void
test_silent_frees_slot (void)
{
  g_autoptr (HeSessions) gate = table (HE_SESSIONS_EVICT_OLDEST);
  HeSessionRecord one = contents (1, "alice", T0), two = contents (2, "alice", T0 + TTL);
  g_assert_cmpint (touch (gate, one, HE_TOUCH_ENTRY, T0), ==, 200);
  g_assert_cmpint (touch (gate, two, HE_TOUCH_ENTRY, T0 + TTL), ==, 200);
  g_assert_cmpint (ended (gate, 1), ==, HE_CODE_NONE); /* the slot was free */
  g_assert_cmpint (touch (gate, one, HE_TOUCH_PLAYLIST, T0 + 3 * TTL), ==, 200);
  /* The newer one comes back to a slot that is held by an older one. */
  g_assert_cmpint (touch (gate, two, HE_TOUCH_PLAYLIST, T0 + 3 * TTL + S), ==, 200);
  g_assert_cmpint (touch (gate, one, HE_TOUCH_PLAYLIST, T0 + 3 * TTL + S), ==, 604);
}

static void
test_reject (void)
{
  gboolean changed = TRUE;
  g_autoptr (HeSessions) gate = table (HE_SESSIONS_REJECT_NEWEST);
  HeSessionRecord one = contents (1, "alice", T0), two = contents (2, "alice", T0 + S);
  g_assert_cmpint (touch (gate, one, HE_TOUCH_ENTRY, T0), ==, 200);
  g_assert_cmpint (touch_changed (gate, two, HE_TOUCH_ENTRY, T0 + S, &changed), ==,
                   HE_CODE_TOO_MANY);
  g_assert_false (changed);
  g_assert_cmpint (touch (gate, one, HE_TOUCH_MEDIA, T0 + 5 * S), ==, 200);
  /* Who asks again and again is no holder. */
  g_assert_cmpint (touch (gate, two, HE_TOUCH_ENTRY, T0 + 10 * S), ==, HE_CODE_TOO_MANY);
  /* Heard last at 5 s: free from 11 s on. */
  g_assert_cmpint (touch (gate, two, HE_TOUCH_ENTRY, T0 + 11 * S), ==, 200);
  g_assert_cmpint (touch (gate, one, HE_TOUCH_PLAYLIST, T0 + 12 * S), ==,
                   HE_CODE_TOO_MANY);
  g_assert_cmpint (touch (gate, one, HE_TOUCH_PLAYLIST, T0 + 20 * S), ==, 200);
}

static void
test_end_frees_slot (void)
{
  const guint8 one_id[16] = { 1 }, unknown[16] = { 9 };
  g_autoptr (HeSessions) gate = table (HE_SESSIONS_REJECT_NEWEST);
  HeSessionRecord one = contents (1, "alice", T0), two = contents (2, "alice", T0 + S);
  g_assert_cmpint (touch (gate, one, HE_TOUCH_ENTRY, T0), ==, 200);
  g_assert_false (he_sessions_end (gate, unknown, HE_CODE_REVOKED, T0));
  g_assert_true (he_sessions_end (gate, one_id, HE_CODE_REVOKED, T0));
  g_assert_cmpint (touch (gate, one, HE_TOUCH_PLAYLIST, T0), ==, HE_CODE_REVOKED);
  g_assert_cmpint (touch (gate, two, HE_TOUCH_ENTRY, T0 + S), ==, 200);
}

/* Given a session evicted at gate A, when gate B has heard of it, then it is over there,
 * too; and when gate C has forgotten everything, then it is over as soon as the newer one
 * has been there, in either order. */
static void
test_forgetful_gate (void)
{
  g_autoptr (HeSessions) a = table (HE_SESSIONS_EVICT_OLDEST);
  g_autoptr (HeSessions) b = table (HE_SESSIONS_EVICT_OLDEST);
  g_autoptr (HeSessions) c = table (HE_SESSIONS_EVICT_OLDEST);
  g_autoptr (HeSessions) d = table (HE_SESSIONS_EVICT_OLDEST);
  HeSessionRecord one = contents (1, "alice", T0), two = contents (2, "alice", T0 + S);
  gint64 now = T0 + 2 * S;
  g_assert_cmpint (touch (a, one, HE_TOUCH_ENTRY, T0), ==, 200);
  g_assert_cmpint (touch (a, two, HE_TOUCH_ENTRY, T0 + S), ==, 200);
  g_autofree char *batch = he_sessions_account_to_json (a, "alice");
  g_assert_true (he_sessions_merge_json (b, batch, -1, now, NULL));
  g_assert_cmpint (touch (b, one, HE_TOUCH_MEDIA, now), ==, HE_CODE_EVICTED);
  g_assert_cmpint (touch (b, two, HE_TOUCH_MEDIA, now), ==, 200);
  g_assert_cmpint (touch (c, one, HE_TOUCH_MEDIA, now), ==, 200);
  g_assert_cmpint (touch (c, two, HE_TOUCH_MEDIA, now), ==, 200);
  g_assert_cmpint (touch (c, one, HE_TOUCH_MEDIA, now), ==, HE_CODE_EVICTED);
  g_assert_cmpint (touch (d, two, HE_TOUCH_MEDIA, now), ==, 200);
  g_assert_cmpint (touch (d, one, HE_TOUCH_MEDIA, now), ==, HE_CODE_EVICTED);
}

static void
check_partition (HeSessionPolicy policy, guint8 winner, HeCode loss)
{
  g_autoptr (HeSessions) a = table (policy);
  g_autoptr (HeSessions) b = table (policy);
  HeSessionRecord record[] = { contents (1, "alice", T0), contents (2, "alice", T0 + S) };
  g_assert_cmpint (touch (a, record[0], HE_TOUCH_ENTRY, T0), ==, 200);
  g_assert_cmpint (touch (b, record[1], HE_TOUCH_ENTRY, T0 + S), ==, 200);
  g_assert_cmpint (touch (a, record[0], HE_TOUCH_MEDIA, T0 + 2 * S), ==, 200);
  g_autofree char *of_a = he_sessions_to_json (a);
  merge (a, b, T0 + 3 * S);
  g_assert_true (he_sessions_merge_json (b, of_a, -1, T0 + 3 * S, NULL));
  HeSessions *both[] = { a, b };
  for (guint i = 0; i < 2; i++)
    for (guint8 n = 1; n <= 2; n++)
      g_assert_cmpint (touch (both[i], record[n - 1], HE_TOUCH_MEDIA, T0 + 4 * S), ==,
                       n == winner ? HE_CODE_OK : loss);
}

static void
test_partition (void)
{
  check_partition (HE_SESSIONS_EVICT_OLDEST, 2, HE_CODE_EVICTED);
  check_partition (HE_SESSIONS_REJECT_NEWEST, 1, HE_CODE_TOO_MANY);
}

static int
compare_text (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *)a, *(char *const *)b);
}

/* The records of a table, in an order that does not depend on how they came. */
static char *
sorted (HeSessions *sessions)
{
  g_autofree char *json = he_sessions_to_json (sessions);
  g_auto (GStrv) parts = g_strsplit (json, "{", -1);
  for (guint i = 0; parts[i]; i++)
    parts[i][strcspn (parts[i], "}")] = '\0';
  qsort (parts, g_strv_length (parts), sizeof *parts, compare_text);
  return g_strjoinv ("\n", parts);
}

static void
random_history (HeSessions *sessions, GRand *rand)
{
  for (guint i = 0; i < 30; i++) {
    guint8 n = (guint8)g_rand_int_range (rand, 1, 8);
    gint64 at = T0 + g_rand_int_range (rand, 0, 30) * S;
    HeSessionRecord record = contents (n, n < 5 ? "alice" : "bob", at);
    const guint8 id[16] = { n };
    record.address_hash[0] = (guint8)g_rand_int_range (rand, 0, 3);
    touch (sessions, record, (HeTouch)g_rand_int_range (rand, 0, 3), at);
    if (g_rand_int_range (rand, 0, 12) == 0)
      he_sessions_end (sessions, id, HE_CODE_REVOKED, at);
  }
}

static void
test_merge_is_a_join (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  for (guint round = 0; round < 200; round++) {
    g_autofree char *batch[3] = { NULL };
    for (guint i = 0; i < 3; i++) {
      g_autoptr (HeSessions) source = table (HE_SESSIONS_EVICT_OLDEST);
      random_history (source, rand);
      batch[i] = he_sessions_to_json (source);
    }
    static const guint orders[][5]
        = { { 0, 1, 2, 2, 0 }, { 2, 1, 0, 1, 1 }, { 1, 1, 2, 0, 2 } };
    g_autofree char *expected = NULL;
    for (guint o = 0; o < 3; o++) {
      g_autoptr (HeSessions) into = table (HE_SESSIONS_EVICT_OLDEST);
      for (guint i = 0; i < 5; i++)
        g_assert_true (
            he_sessions_merge_json (into, batch[orders[o][i]], -1, T0 + 40 * S, NULL));
      g_autofree char *text = sorted (into);
      if (expected)
        g_assert_cmpstr (text, ==, expected);
      else
        expected = g_steal_pointer (&text);
    }
    g_free (g_steal_pointer (&batch[1]));
    g_free (g_steal_pointer (&batch[2]));
  }
}

/* Given a session that is heard of at one gate only, when its heartbeats reach the peer
 * in batches, then its slot is taken there, too. */
static void
test_merge_heartbeats (void)
{
  g_autoptr (HeSessions) a = table (HE_SESSIONS_REJECT_NEWEST);
  g_autoptr (HeSessions) b = table (HE_SESSIONS_REJECT_NEWEST);
  HeSessionRecord one = contents (1, "alice", T0),
                  two = contents (2, "alice", T0 + 30 * S);
  for (gint64 now = T0; now <= T0 + 30 * S; now += 2 * S) {
    g_assert_cmpint (touch (a, one, HE_TOUCH_PLAYLIST, now), ==, 200);
    merge (b, a, now);
  }
  g_assert_cmpint (touch (b, two, HE_TOUCH_ENTRY, T0 + 30 * S), ==, HE_CODE_TOO_MANY);
  g_assert_cmpint (lease_end (b, 1), ==, T0 + 30 * S + LEASE);
}

static void
test_merge_clamps (void)
{
  g_autoptr (HeSessions) fast = table (HE_SESSIONS_REJECT_NEWEST);
  g_autoptr (HeSessions) gate = table (HE_SESSIONS_REJECT_NEWEST);
  HeSessionRecord one = contents (1, "alice", T0);
  g_assert_cmpint (touch (fast, one, HE_TOUCH_ENTRY, T0 + 3600 * S), ==, 200);
  merge (gate, fast, T0);
  g_assert_cmpint (lease_end (gate, 1), ==, T0 + LEASE);
  g_assert_cmpuint (he_sessions_count (gate, T0 + TTL), ==, 0);
}

static void
test_merge_refuses (void)
{
  g_autoptr (HeSessions) source = table (HE_SESSIONS_EVICT_OLDEST);
  g_autoptr (HeSessions) gate = table (HE_SESSIONS_EVICT_OLDEST);
  touch (source, contents (1, "alice", T0), HE_TOUCH_ENTRY, T0);
  g_autofree char *good = he_sessions_to_json (source);
  g_autofree char *half = g_strdup_printf ("%.*s,{}]", (int)strlen (good) - 1, good);
  const char *bad[] = { "", "{}", "[1]", "[{}]", half };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_false (he_sessions_merge_json (gate, bad[i], -1, T0, &error));
    g_assert_nonnull (error);
  }
  g_autofree char *after = he_sessions_to_json (gate);
  g_assert_cmpstr (after, ==, "[]");
  g_assert_true (he_sessions_merge_json (gate, good, -1, T0, NULL));
}

static void
test_changes (void)
{
  g_autoptr (HeSessions) a = table (HE_SESSIONS_EVICT_OLDEST);
  g_autoptr (HeSessions) b = table (HE_SESSIONS_EVICT_OLDEST);
  g_assert_null (he_sessions_changes_to_json (a));
  touch (a, contents (1, "alice", T0), HE_TOUCH_ENTRY, T0);
  touch (a, contents (2, "alice", T0 + S), HE_TOUCH_ENTRY, T0 + S);
  g_autofree char *batch = he_sessions_changes_to_json (a);
  g_assert_nonnull (batch);
  g_assert_null (he_sessions_changes_to_json (a));
  g_assert_true (he_sessions_merge_json (b, batch, -1, T0 + S, NULL));
  g_assert_cmpint (ended (b, 1), ==, HE_CODE_EVICTED);
  g_assert_null (he_sessions_changes_to_json (b)); /* no echo */
  touch (a, contents (2, "alice", T0 + S), HE_TOUCH_MEDIA, T0 + 2 * S);
  g_autofree char *heartbeat = he_sessions_changes_to_json (a);
  g_assert_nonnull (heartbeat);
}

static void
test_bounded (void)
{
  g_autoptr (HeSessions) gate
      = he_sessions_new (HE_SESSIONS_EVICT_OLDEST, LEASE, TTL, 10);
  for (guint8 n = 1; n <= 10; n++) {
    g_autofree char *account = g_strdup_printf ("account%u", n);
    g_assert_cmpint (touch (gate, contents (n, account, T0), HE_TOUCH_ENTRY, T0), ==,
                     200);
  }
  g_assert_cmpint (touch (gate, contents (11, "more", T0), HE_TOUCH_ENTRY, T0), ==, 605);
  g_assert_cmpint (touch (gate, contents (1, "account1", T0), HE_TOUCH_MEDIA, T0), ==,
                   200);
  /* Past their hard end they make room. */
  gint64 later = T0 + LENGTH + 3600 * S;
  g_assert_cmpint (touch (gate, contents (11, "more", later), HE_TOUCH_ENTRY, later), ==,
                   200);
}

/* One account with a token a second does not fill the table. */
static void
test_account_bounded (void)
{
  g_autoptr (HeSessions) gate = table (HE_SESSIONS_EVICT_OLDEST);
  for (guint i = 0; i < 5000; i++) {
    HeSessionRecord record = contents (1, "alice", T0 + i * S);
    memcpy (record.id, &i, sizeof i);
    g_assert_cmpint (touch (gate, record, HE_TOUCH_ENTRY, T0 + i * S), ==, 200);
  }
  g_assert_cmpint (
      touch (gate, contents (200, "bob", T0 + 5000 * S), HE_TOUCH_ENTRY, T0 + 5000 * S),
      ==, 200);
  g_assert_cmpuint (he_sessions_count (gate, T0 + 5000 * S), ==, 2);
}

/* Given an account that goes from address to address, then it may so often in an hour, and
 * who stays where he is, or another account, may go on. */
static void
moving_is_bounded (gconstpointer policy)
{
  g_autoptr (HeSessions) gate = table ((HeSessionPolicy)GPOINTER_TO_INT (policy));
  g_autoptr (HeSessions) peer = table ((HeSessionPolicy)GPOINTER_TO_INT (policy));
  gint64 at = T0;
  for (guint8 n = 1; n <= 13; n++, at += 2 * TTL)
    g_assert_cmpint (touch (gate, contents (n, "alice", at), HE_TOUCH_ENTRY, at), ==, 200);
  g_assert_cmpint (touch (gate, contents (14, "alice", at), HE_TOUCH_ENTRY, at), ==, 605);
  g_assert_cmpint (touch (gate, contents (14, "bob", at), HE_TOUCH_ENTRY, at), ==, 200);
  merge (peer, gate, at);
  HeSessionRecord moved = contents (15, "alice", at);
  g_assert_cmpint (touch (peer, moved, HE_TOUCH_ENTRY, at), ==, 605);
  g_assert_cmpint (he_sessions_may_enter (peer, &moved, at), ==, 605);
  moved.address_hash[0] = 13;
  g_assert_cmpint (he_sessions_may_enter (peer, &moved, at), ==, 200);
  g_assert_cmpint (touch (peer, moved, HE_TOUCH_ENTRY, at), ==, 200);
  /* What was opened elsewhere was let in there. */
  HeSessionRecord sealed = contents (16, "alice", at + 2 * TTL);
  g_assert_cmpint (touch (gate, sealed, HE_TOUCH_PLAYLIST, at + 2 * TTL), ==, 200);
  at = T0 + 3600 * S + 2 * 2 * TTL;
  g_assert_cmpint (touch (gate, contents (17, "alice", at), HE_TOUCH_ENTRY, at), ==, 200);
}

/* Given many at once, whose requests come in another order than they began, then one that
 * goes between two others moves twice. */
static void
moving_at_once_is_bounded (void)
{
  g_autoptr (HeSessions) gate = table (HE_SESSIONS_EVICT_OLDEST);
  gint64 at = T0;
  for (guint8 n = 1; n <= 12; n++, at += 2 * TTL)
    g_assert_cmpint (touch (gate, contents (n, "alice", at), HE_TOUCH_ENTRY, at), ==,
                     200);
  HeSessionRecord stays = contents (13, "alice", at);
  stays.address_hash[0] = 12;
  g_assert_cmpint (touch (gate, stays, HE_TOUCH_ENTRY, at), ==, 200);
  HeSessionRecord between = contents (14, "alice", at - TTL);
  g_assert_cmpint (he_sessions_may_enter (gate, &between, at), ==, 605);
  g_assert_cmpint (touch (gate, between, HE_TOUCH_ENTRY, at), ==, 605);
  at += TTL;
  g_assert_cmpint (touch (gate, contents (15, "alice", at), HE_TOUCH_ENTRY, at), ==, 200);
  at += TTL;
  g_assert_cmpint (touch (gate, contents (16, "alice", at), HE_TOUCH_ENTRY, at), ==, 605);
}

/* Given gates that have not heard of each other, then each counts what it let in, and once
 * they have, all counts. */
static void
moving_between_gates_is_bounded (void)
{
  g_autoptr (HeSessions) gate = table (HE_SESSIONS_EVICT_OLDEST);
  g_autoptr (HeSessions) peer = table (HE_SESSIONS_EVICT_OLDEST);
  gint64 at = T0;
  for (guint8 n = 1; n <= 14; n++, at += TTL)
    g_assert_cmpint (
        touch (n % 2 ? gate : peer, contents (n, "alice", at), HE_TOUCH_ENTRY, at), ==, 200);
  merge (gate, peer, at);
  merge (peer, gate, at);
  g_assert_cmpint (touch (gate, contents (15, "alice", at), HE_TOUCH_ENTRY, at), ==, 605);
  g_assert_cmpint (touch (peer, contents (16, "alice", at), HE_TOUCH_ENTRY, at), ==, 605);
}

/* However many sessions it may have, the records that are kept of it suffice to know. */
static void
moving_with_many_sessions_is_bounded (void)
{
  g_autoptr (HeSessions) gate = table (HE_SESSIONS_EVICT_OLDEST);
  guint opened = 0;
  for (guint i = 0; i < 400; i++) {
    HeSessionRecord record = contents (1, "alice", T0 + i * S);
    memcpy (record.id, &i, sizeof i);
    record.address_hash[0] = (guint8)(i % 2);
    record.max_sessions = 100;
    opened += touch (gate, record, HE_TOUCH_ENTRY, T0 + i * S) == HE_CODE_OK;
  }
  /* Half of those that follow need not move. */
  g_assert_cmpuint (opened, <, 400);
  g_assert_cmpuint (opened, >=, 149);
}

static gpointer
hammer (gpointer data)
{
  for (guint i = 0; i < 3000; i++) {
    guint8 n = (guint8)(1 + i % 20);
    g_autofree char *json = NULL;
    touch (data, contents (n, n % 2 ? "alice" : "bob", T0 + n), (HeTouch)(i % 3),
           T0 + i * 1000);
    if (i % 50 == 0)
      json = he_sessions_changes_to_json (data);
    if (json)
      he_sessions_merge_json (data, json, -1, T0, NULL);
  }
  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (HeSessions) gate = table (HE_SESSIONS_EVICT_OLDEST);
  GThread *threads[4];
  for (guint i = 0; i < 4; i++)
    threads[i] = g_thread_new ("hammer", hammer, gate);
  for (guint i = 0; i < 4; i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (he_sessions_count (gate, T0 + 3 * S), ==, 2);
}

/* A full table goes over in parts, each of which is a message, where the whole is none.
 */
#define MANY 6250 /* a sixteenth of a full table */
static void
test_full_table_goes_in_parts (void)
{
  g_autoptr (HeSessions) full
      = he_sessions_new (HE_SESSIONS_EVICT_OLDEST, LEASE, TTL, MANY);
  g_autoptr (HeSessions) into
      = he_sessions_new (HE_SESSIONS_EVICT_OLDEST, LEASE, TTL, MANY);
  g_autoptr (GRand) rand = g_rand_new_with_seed (5);
  g_autofree char *whole = NULL;

  for (guint i = 0; i < MANY; i++) {
    g_autofree char *account = g_strdup_printf ("an account that has a long name %u", i);
    HeSessionRecord record = contents (0, account, T0);

    for (guint j = 0; j < 4; j++) {
      guint32 word = g_rand_int (rand);
      memcpy (record.id + 4 * j, &word, 4);
    }
    g_assert_cmpint (touch (full, record, HE_TOUCH_ENTRY, T0), ==, HE_CODE_OK);
  }
  whole = he_sessions_to_json (full);
  g_assert_cmpuint (strlen (whole), >, HE_SESSIONS_JSON_MAX / 32);
  for (guint digit = 0; digit < HE_SESSIONS_PARTS; digit++) {
    g_autofree char *part = he_sessions_part_to_json (full, digit);

    /* Of 100000 an eighth: room for long names and many rights. */
    g_assert_cmpuint (strlen (part), <, HE_SESSIONS_JSON_MAX / 128);
    g_assert_true (he_sessions_merge_json (into, part, -1, T0, NULL));
  }
  g_assert_cmpuint (he_sessions_count (into, T0), ==, MANY);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/session/same-token-finds-the-same-session", test_reopen);
  g_test_add_func ("/session/other-address-is-refused-on-every-gate", test_other_address);
  g_test_add_func ("/session/of-two-addresses-the-earlier-holds", test_address_conflict);
  g_test_add_func ("/session/lease-is-extended-by-playlists-up-to-the-hard-end",
                   test_lease);
  g_test_add_func ("/session/evict/newest-holds-the-slot", test_evict);
  g_test_add_func ("/session/evict/two-slots-hold-the-newest-two", test_evict_two_slots);
  g_test_add_func ("/session/evict/silence-frees-the-slot", test_silent_frees_slot);
  g_test_add_func ("/session/evict/gate-without-memory-comes-to-the-same",
                   test_forgetful_gate);
  g_test_add_func ("/session/reject/holder-keeps-the-slot-while-heard", test_reject);
  g_test_add_func ("/session/reject/ending-frees-the-slot", test_end_frees_slot);
  g_test_add_func ("/session/merge/partition-heals-alike-on-both-sides", test_partition);
  g_test_add_func ("/session/merge/any-order-any-repetition", test_merge_is_a_join);
  g_test_add_func ("/session/merge/heartbeats-hold-the-slot", test_merge_heartbeats);
  g_test_add_func ("/session/merge/fast-clock-prolongs-nothing", test_merge_clamps);
  g_test_add_func ("/session/merge/malformed-batch-changes-nothing", test_merge_refuses);
  g_test_add_func ("/session/merge/changes-are-told-once-and-not-echoed", test_changes);
  g_test_add_func ("/session/bounded/full-table-refuses-new-sessions", test_bounded);
  g_test_add_func ("/session/bounded/one-account-does-not-fill-it", test_account_bounded);
  g_test_add_data_func ("/session/bounded/moving/evict",
                        GINT_TO_POINTER (HE_SESSIONS_EVICT_OLDEST), moving_is_bounded);
  g_test_add_data_func ("/session/bounded/moving/reject",
                        GINT_TO_POINTER (HE_SESSIONS_REJECT_NEWEST), moving_is_bounded);
  g_test_add_func ("/session/bounded/moving/many-sessions",
                   moving_with_many_sessions_is_bounded);
  g_test_add_func ("/session/bounded/moving/at-once", moving_at_once_is_bounded);
  g_test_add_func ("/session/bounded/moving/between-gates",
                   moving_between_gates_is_bounded);
  g_test_add_func ("/session/threads-agree", test_threads);
  g_test_add_func ("/session/full-table-goes-in-parts", test_full_table_goes_in_parts);
  return g_test_run ();
}
