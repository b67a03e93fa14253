/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-anchor.h"
#include "origin-kit.h"

static guint
media (Pair *pair, guint i, const char *cookie)
{
  g_autoptr (Reply) reply = get (port_of (pair, i), "/live/demo/360p/index.m3u8", cookie);

  return reply->status;
}

static void
session_outlives_the_origin_that_opened_it (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *cookie = NULL;

  publish_window (pair);
  cookie = cookie_for (pair, 0, "alice");
  g_clear_pointer (&pair->origin[0], he_origin_free);
  g_assert_cmpuint (media (pair, 1, cookie), ==, 200);
}

static void
newer_session_evicts_on_the_other_origin (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  g_autoptr (Reply) evicted = NULL;

  publish_window (pair);
  first = cookie_for (pair, 0, "alice");
  g_assert_cmpuint (media (pair, 0, first), ==, 200);
  second = cookie_for (pair, 1, "alice");
  /* At once: the opening waited for its peer. */
  evicted = get (port_of (pair, 0), "/live/demo/360p/index.m3u8", first);
  assert_denied (evicted, 403, "604");
  g_assert_cmpuint (media (pair, 0, second), ==, 200);
  g_assert_cmpuint (media (pair, 1, second), ==, 200);
}

static void
newer_session_is_rejected_on_the_other_origin (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_REJECT_NEWEST);
  g_autofree char *first = NULL;
  g_autofree char *token = mint (pair, "alice");
  g_autoptr (Reply) second = NULL;

  publish_window (pair);
  first = cookie_for (pair, 0, "alice");
  second = enter (pair, 1, "127.0.0.1", token, "");
  assert_denied (second, 403, "605");
  g_assert_cmpuint (media (pair, 1, first), ==, 200);
}

#define OPENERS 12

typedef struct {
  Pair *pair;
  guint i, status;
  char *token;
} Opener;

static gpointer
open_once (gpointer data)
{
  Opener *opener = data;
  g_autoptr (Reply) reply
      = enter (opener->pair, opener->i, "127.0.0.1", opener->token, "");

  opener->status = reply->status;
  return NULL;
}

/* How often an exchange failed: all lines of both that say so. */
static char *
failures_of (Pair *pair)
{
  GString *failed = g_string_new (NULL);

  for (guint i = 0; i < 2; i++) {
    g_autoptr (Reply) reply = get (pair->internal[i], "/metrics", NULL);
    g_autofree char *text = reply_text (reply);
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

    for (guint k = 0; lines[k] != NULL; k++)
      if (g_str_has_prefix (lines[k], "headend_replications_total")
          && strstr (lines[k], "result=\"failed\"") != NULL)
        g_string_append (failed, lines[k]);
  }
  return g_string_free (failed, FALSE);
}

/* How many of those who open at once, with an account of their own, got in. */
static guint
race (Pair *pair, const char *account)
{
  Opener openers[OPENERS];
  GThread *threads[OPENERS];
  guint opened = 0;

  for (guint i = 0; i < OPENERS; i++)
    openers[i] = (Opener) { pair, i % 2, 0, mint (pair, account) };
  for (guint i = 0; i < OPENERS; i++)
    threads[i] = g_thread_new ("opener", open_once, &openers[i]);
  for (guint i = 0; i < OPENERS; i++) {
    g_thread_join (threads[i]);
    g_free (openers[i].token);
    opened += openers[i].status == 200;
    g_assert_true (openers[i].status == 200 || openers[i].status == 403);
  }
  return opened;
}

/* Given nodes that hear of each other in time, when many open at once on both, then one
 * gets in: each learns from the other's answer what that one gave out meanwhile. */
static void
one_of_many_gets_the_slot (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_REJECT_NEWEST);
  guint judged = 0;

  publish_window (pair);
  for (guint tries = 0; judged < 8; tries++) {
    g_autofree char *account = g_strdup_printf ("racer-%u", tries);
    g_autofree char *before = failures_of (pair);
    guint opened = race (pair, account);
    g_autofree char *after = failures_of (pair);

    g_assert_cmpuint (tries, <, 200);
    if (!g_str_equal (before, after))
      continue; /* this machine gave one of them no time */
    g_assert_cmpuint (opened, ==, 1);
    judged++;
  }
}

static void
copied_credential_is_denied (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint (pair, "bob");
  g_autofree char *cookie = NULL;
  g_autofree char *location = NULL;
  g_autofree char *spoofed = NULL;
  g_autoptr (Reply) entry = NULL;
  g_autoptr (Reply) again = NULL;
  g_autoptr (Reply) by_cookie = NULL;
  g_autoptr (Reply) by_path = NULL;
  g_autoptr (Reply) forged = NULL;
  g_autoptr (Reply) proxied = NULL;

  publish_window (pair);
  cookie = cookie_for (pair, 0, "alice");
  by_cookie = http ("127.0.0.2", port_of (pair, 1), "GET", "/live/demo/audio/index.m3u8",
                    cookie, NULL);
  assert_denied (by_cookie, 403, "602");
  entry = enter (pair, 0, "127.0.0.1", token, "&transport=path");
  location = reply_field (entry, "Location");
  by_path = http ("127.0.0.2", port_of (pair, 1), "GET", location, NULL, NULL);
  assert_denied (by_path, 403, "602");
  again = enter (pair, 1, "127.0.0.2", token, "");
  assert_denied (again, 403, "602");
  /* A forwarded address counts from a trusted proxy only. */
  spoofed = g_strconcat (cookie, "X-Forwarded-For: 127.0.0.1\r\n", NULL);
  forged = http ("127.0.0.2", port_of (pair, 0), "GET", "/live/demo/audio/index.m3u8",
                 spoofed, NULL);
  assert_denied (forged, 403, "602");
  proxied = http ("127.0.0.9", port_of (pair, 0), "GET", "/live/demo/audio/index.m3u8",
                  spoofed, NULL);
  g_assert_cmpuint (proxied->status, ==, 200);
  /* The log tells it without what would let its reader in. */
  g_assert_true (pair_logged (pair, "path=/s/*/live/demo/main.m3u8"));
  g_assert_false (pair_logged (pair, location + strlen ("/s/")));
  g_assert_false (pair_logged (pair, token));
  g_assert_false (pair_logged (pair, "URISigningPackage"));
}

/* A peer that accepts and never answers, as one that was stopped does. */
static void
opening_does_not_wait_long_for_a_deaf_peer (void)
{
  g_autoptr (Pair) pair = pair_prepare (HE_SESSIONS_EVICT_OLDEST);
  g_autoptr (GSocket) deaf = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM,
                                           G_SOCKET_PROTOCOL_TCP, NULL);
  g_autoptr (GSocketAddress) address
      = g_inet_socket_address_new_from_string ("127.0.0.1", pair->internal[1]);
  gboolean opened = FALSE, fetched = FALSE;
  gint64 last;

  g_assert_true (g_socket_bind (deaf, address, TRUE, NULL));
  g_assert_true (g_socket_listen (deaf, NULL));
  pair_start (pair, 0);
  publish_window (pair);
  /* A busy machine may be slow, but not each time in two minutes. */
  last = g_get_monotonic_time () + 120 * G_USEC_PER_SEC;
  for (guint i = 0; !(opened && fetched) && g_get_monotonic_time () < last; i++) {
    g_autofree char *account = g_strdup_printf ("alice%u", i);
    gint64 start = g_get_monotonic_time (), end;
    g_autofree char *cookie = cookie_for (pair, 0, account);

    end = g_get_monotonic_time ();
    g_assert_cmpint (end - start, >=, 200000);
    opened |= end - start < 1500000;
    g_assert_cmpuint (media (pair, 0, cookie), ==, 200);
    fetched |= g_get_monotonic_time () - end < 200000;
  }
  g_assert_true (opened);
  g_assert_true (fetched);
}

static void
started_again_origin_knows_the_sessions (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  g_autoptr (Reply) evicted = NULL;

  publish_window (pair);
  first = cookie_for (pair, 0, "alice");
  g_clear_pointer (&pair->origin[1], he_origin_free);
  second = cookie_for (pair, 0, "alice");
  pair_forget_log (pair); /* B is not there to write */
  pair_start (pair, 1);
  for (guint i = 0; !pair_logged (pair, "sessions taken over from 1 of 1 peers"); i++) {
    g_assert_cmpuint (i, <, 6000);
    g_usleep (10000);
  }
  /* It never saw the second session open, but knows that the first was evicted. */
  evicted = get (port_of (pair, 1), "/live/demo/360p/9000000001.ts", first);
  assert_denied (evicted, 403, "604");
}

static void
unsigned_control_is_refused (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autoptr (GBytes) empty = g_bytes_new_static ("[]", 2);
  static const struct {
    const char *method, *path;
    gboolean has_body;
  } tries[] = { { "GET", "/control/sessions/0", FALSE },
                { "GET", "/control/window/demo", FALSE },
                { "POST", "/control/complete/demo", TRUE },
                { "POST", "/control/sessions", TRUE },
                { "GET", "/control/anchor/demo", FALSE },
                { "PUT", "/control/anchor/demo", TRUE } };

  for (guint i = 0; i < G_N_ELEMENTS (tries); i++) {
    g_autoptr (Reply) reply
        = http ("127.0.0.1", pair->internal[0], tries[i].method, tries[i].path, NULL,
                tries[i].has_body ? empty : NULL);

    g_assert_cmpuint (reply->status, ==, 403);
  }
}

/* What a worker does: proposes, and gets what holds. */
static void
propose (Pair *pair, guint i, const HeAnchor *proposal, HeAnchor *ret_anchor)
{
  char *text = he_anchor_to_json (proposal);
  g_autoptr (GBytes) body = g_bytes_new_take (text, strlen (text));
  g_autoptr (Reply) reply
      = call_signed (pair, i, "PUT", "/control/anchor/demo", NULL, body);
  g_autofree char *got = reply_text (reply);
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (reply->status, ==, 200);
  g_assert_true (he_anchor_from_json (got, -1, ret_anchor, &error));
}

static HeAnchor
anchor_of (const char *node, gint64 wall_offset90)
{
  HeAnchor anchor = { .wall_offset90 = wall_offset90 };

  g_strlcpy (anchor.node, node, sizeof anchor.node);
  return anchor;
}

typedef struct {
  Pair *pair;
  guint i;
  HeAnchor proposal, holds;
} Proposal;

static gpointer
propose_on_a_thread (gpointer data)
{
  Proposal *p = data;

  propose (p->pair, p->i, &p->proposal, &p->holds);
  return NULL;
}

static void
assert_same_anchor (Pair *pair, const HeAnchor *expected)
{
  for (guint i = 0; i < 2; i++) {
    g_autoptr (Reply) reply
        = call_signed (pair, i, "GET", "/control/anchor/demo", NULL, NULL);
    g_autofree char *got = reply_text (reply);
    g_autofree char *want = he_anchor_to_json (expected);

    g_assert_cmpstr (got, ==, want);
  }
}

static void
simultaneous_proposals_agree (void)
{
  for (guint round = 0; round < 5; round++) {
    g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
    Proposal proposals[2]
        = { { pair, 0, anchor_of ("A", 111) }, { pair, 1, anchor_of ("B", 222) } };
    GThread *threads[2];

    for (guint i = 0; i < 2; i++)
      threads[i] = g_thread_new ("worker", propose_on_a_thread, &proposals[i]);
    for (guint i = 0; i < 2; i++)
      g_thread_join (threads[i]);
    g_assert_cmpint (he_anchor_compare (&proposals[0].holds, &proposals[1].holds), ==, 0);
    assert_same_anchor (pair, &proposals[0].holds);
  }
}

static void
later_proposal_takes_what_holds (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  HeAnchor b = anchor_of ("B", 222), a = anchor_of ("A", 111), holds;

  propose (pair, 1, &b, &holds);
  g_assert_cmpint (he_anchor_compare (&b, &holds), ==, 0);
  /* A's name is lower, but B's record is what viewers see already. */
  propose (pair, 0, &a, &holds);
  g_assert_cmpint (he_anchor_compare (&b, &holds), ==, 0);
  assert_same_anchor (pair, &b);
}

/* Given a source that begins again, when both nodes propose the next generation at once,
 * then both get the same one, and it stands on both disks; one further ahead is refused.
 */
static void
simultaneous_jumps_agree (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  HeAnchor first = anchor_of ("A", 1), holds;

  propose (pair, 0, &first, &holds);
  for (guint generation = 1; generation < 5; generation++) {
    Proposal proposals[2]
        = { { pair, 0, anchor_of ("A", 111) }, { pair, 1, anchor_of ("B", 222) } };
    GThread *threads[2];

    for (guint i = 0; i < 2; i++) {
      proposals[i].proposal.generation = generation;
      threads[i] = g_thread_new ("worker", propose_on_a_thread, &proposals[i]);
    }
    for (guint i = 0; i < 2; i++)
      g_thread_join (threads[i]);
    holds = proposals[0].holds;
    g_assert_cmpuint (holds.generation, ==, generation);
    g_assert_cmpint (he_anchor_compare (&holds, &proposals[1].holds), ==, 0);
    assert_same_anchor (pair, &holds);
  }

  first.generation = 6;
  g_autofree char *text = he_anchor_to_json (&first);
  g_autoptr (GBytes) body = g_bytes_new (text, strlen (text));
  g_autoptr (Reply) reply
      = call_signed (pair, 1, "PUT", "/control/anchor/demo", NULL, body);
  g_autofree char *said = reply_text (reply);
  g_assert_cmpuint (reply->status, ==, 409);
  g_assert_cmpstr (
      said, ==,
      "generation 4 of the anchor holds: the next one may be proposed, not 6\n");
  g_clear_pointer (&pair->origin[0], he_origin_free);
  g_clear_pointer (&pair->origin[1], he_origin_free);
  first.generation = 0;
  for (guint i = 0; i < 2; i++) {
    HeAnchor kept;

    pair_start (pair, i); /* alone: its disk knows */
    propose (pair, i, &first, &kept);
    g_assert_cmpint (he_anchor_compare (&kept, &holds), ==, 0);
    g_clear_pointer (&pair->origin[i], he_origin_free);
  }
}

static void
anchor_survives_a_restart (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  HeAnchor first = anchor_of ("B", 222), later = anchor_of ("A", 999), holds;

  propose (pair, 0, &first, &holds);
  g_clear_pointer (&pair->origin[0], he_origin_free);
  g_clear_pointer (&pair->origin[1], he_origin_free);
  pair_start (pair, 0); /* alone: its disk knows */
  propose (pair, 0, &later, &holds);
  g_assert_cmpint (he_anchor_compare (&first, &holds), ==, 0);
}

static void
running_peer_beats_an_old_disk (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  HeAnchor old = anchor_of ("A", 1), running = anchor_of ("B", 2),
           any = anchor_of ("A", 3);
  HeAnchor holds;
  g_autofree char *state = g_build_filename (pair->folder, "b", "anchor-demo.json", NULL);

  g_clear_pointer (&pair->origin[1], he_origin_free);
  propose (pair, 0, &old, &holds);
  g_clear_pointer (&pair->origin[0], he_origin_free);
  g_remove (state);
  pair_start (pair, 1);
  propose (pair, 1, &running, &holds);
  pair_start (pair, 0);
  propose (pair, 0, &any, &holds);
  g_assert_cmpint (he_anchor_compare (&running, &holds), ==, 0);
  assert_same_anchor (pair, &running);
}

static char *
audio_playlist (Pair *pair, guint i, const char *cookie)
{
  g_autoptr (Reply) reply
      = get (port_of (pair, i), "/live/demo/audio/index.m3u8", cookie);

  return reply_text (reply);
}

/* Given an origin that lost its disk while its worker ran on, when it starts again, then
 * it writes the dates that its peer writes. */
static void
started_again_origin_takes_the_running_anchor (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  HeAnchor proposal = anchor_of ("A", 90000), holds;
  g_autofree char *state = g_build_filename (pair->folder, "b", "anchor-demo.json", NULL);
  g_autofree char *cookie = NULL;
  g_autofree char *text_a = NULL;
  g_autofree char *text_b = NULL;

  propose (pair, 0, &proposal, &holds);
  g_clear_pointer (&pair->origin[1], he_origin_free);
  g_remove (state);
  pair_forget_log (pair);
  pair_start (pair, 1);
  publish_window (pair);
  cookie = cookie_for (pair, 0, "alice");
  text_a = audio_playlist (pair, 0, cookie);
  text_b = audio_playlist (pair, 1, cookie);
  /* 9000000000 * 0.2 s + 1 s since 1970 */
  g_assert_nonnull (
      strstr (text_a, "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:01.000Z\n"));
  g_assert_cmpstr (text_a, ==, text_b);
}

static void
malformed_anchors_are_refused (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autoptr (GBytes) bad = g_bytes_new_static ("{\"generation\":-1}", 17);
  g_autoptr (Reply) reply
      = call_signed (pair, 0, "PUT", "/control/anchor/demo", NULL, bad);
  g_autoptr (Reply) unknown
      = call_signed (pair, 0, "GET", "/control/anchor/other", NULL, NULL);

  g_assert_cmpuint (reply->status, ==, 400);
  g_assert_cmpuint (unknown->status, ==, 404);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/peers/session/outlives-the-origin-that-opened-it",
                   session_outlives_the_origin_that_opened_it);
  g_test_add_func ("/peers/session/newer-evicts-on-the-other-origin",
                   newer_session_evicts_on_the_other_origin);
  g_test_add_func ("/peers/session/newer-is-rejected-on-the-other-origin",
                   newer_session_is_rejected_on_the_other_origin);
  g_test_add_func ("/peers/session/one-of-many-gets-the-slot", one_of_many_gets_the_slot);
  g_test_add_func ("/peers/session/copied-credential-is-denied",
                   copied_credential_is_denied);
  g_test_add_func ("/peers/session/opening-does-not-wait-long-for-a-deaf-peer",
                   opening_does_not_wait_long_for_a_deaf_peer);
  g_test_add_func ("/peers/session/started-again-origin-knows-them",
                   started_again_origin_knows_the_sessions);
  g_test_add_func ("/peers/control/unsigned-is-refused", unsigned_control_is_refused);
  g_test_add_func ("/peers/anchor/simultaneous-proposals-agree",
                   simultaneous_proposals_agree);
  g_test_add_func ("/peers/anchor/simultaneous-jumps-agree", simultaneous_jumps_agree);
  g_test_add_func ("/peers/anchor/later-proposal-takes-what-holds",
                   later_proposal_takes_what_holds);
  g_test_add_func ("/peers/anchor/survives-a-restart", anchor_survives_a_restart);
  g_test_add_func ("/peers/anchor/running-peer-beats-an-old-disk",
                   running_peer_beats_an_old_disk);
  g_test_add_func ("/peers/anchor/started-again-origin-takes-the-running-one",
                   started_again_origin_takes_the_running_anchor);
  g_test_add_func ("/peers/anchor/malformed-is-refused", malformed_anchors_are_refused);
  return g_test_run ();
}
