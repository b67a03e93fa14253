/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "origin-kit.h"

/* Revoking where two origins serve. */

static guint
status_at (Pair *pair, guint i, const char *path, const char *cookie)
{
  g_autoptr (Reply) reply = get (port_of (pair, i), path, cookie);

  return reply->status;
}

static void
assert_revoked_at (Pair *pair, guint i, const char *cookie)
{
  static const char *const paths[]
      = { "/live/demo/main.m3u8", "/live/demo/360p/index.m3u8",
          "/live/demo/audio/9000000000.ts" };

  for (guint j = 0; j < G_N_ELEMENTS (paths); j++) {
    g_autoptr (Reply) reply = get (port_of (pair, i), paths[j], cookie);

    assert_denied (reply, 403, "607");
  }
}

/* A busy machine may miss the time that the answer waits for it: then it learns it a
 * little later. */
static void
wait_revoked_at (Pair *pair, guint i, const char *cookie)
{
  for (guint tries = 0; status_at (pair, i, "/live/demo/audio/index.m3u8", cookie) != 403;
       tries++) {
    g_assert_cmpuint (tries, <, 3000);
    g_usleep (20000);
  }
  assert_revoked_at (pair, i, cookie);
}

static char *
tell (Pair *pair, guint i, const char *list, guint expected)
{
  g_autoptr (GBytes) body = g_bytes_new (list, strlen (list));
  g_autoptr (Reply) reply
      = call_signed (pair, i, "POST", "/control/revocations", NULL, body);

  g_assert_cmpuint (reply->status, ==, expected);
  return reply_text (reply);
}

/* The same told again, for as long as the disk takes its time. */
static void
wait_kept (Pair *pair, guint i, const char *account, const char *kept)
{
  const gint64 now = g_get_real_time ();
  g_autofree char *list = g_strdup_printf (
      "[{\"account\":\"%s\",\"at\":%" G_GINT64_FORMAT ",\"until\":%" G_GINT64_FORMAT
      "}]",
      account, now, now + (gint64)3600 * G_USEC_PER_SEC);

  for (guint tries = 0;; tries++) {
    g_autofree char *said = tell (pair, i, list, 200);

    if (strstr (said, kept) != NULL)
      return;
    g_assert_cmpuint (tries, <, 3000);
    g_usleep (20000);
  }
}

static void
all_nodes_know (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *alice = NULL;
  g_autofree char *bob = NULL;
  g_autofree char *said = NULL;
  g_autofree char *metrics = NULL;
  g_autoptr (Reply) unsigned_one = NULL;
  g_autoptr (Reply) figures = NULL;
  g_autoptr (GBytes) body = g_bytes_new_static ("[{\"account\":\"alice\"}]", 21);

  publish_window (pair);
  alice = cookie_for (pair, 0, "alice");
  bob = cookie_for (pair, 0, "bob");
  for (guint i = 0; i < 2; i++)
    g_assert_cmpuint (status_at (pair, i, "/live/demo/audio/9000000000.ts", alice), ==,
                      200);
  unsigned_one
      = http ("127.0.0.1", pair->internal[0], "POST", "/control/revocations", NULL, body);
  g_assert_cmpuint (unsigned_one->status, ==, 403);
  g_free (tell (pair, 0, "[{\"account\":17}]", 400));
  g_assert_cmpuint (status_at (pair, 1, "/live/demo/audio/9000000000.ts", alice), ==,
                    200);

  said = tell (pair, 0, "[{\"account\":\"alice\"}]", 200);
  g_test_message ("%s", said);
  /* A disk that takes its time is told of, too. */
  g_assert_true (g_str_has_prefix (said, "{\"sessions\":0,\"accounts\":1,\"kept\":"));
  g_assert_nonnull (strstr (said, ",\"peers\":1,\"aware\":"));
  wait_kept (pair, 0, "alice", ",\"kept\":true,");
  assert_revoked_at (pair, 0, alice);
  wait_revoked_at (pair, 1, alice);
  g_assert_cmpuint (status_at (pair, 1, "/live/demo/audio/9000000000.ts", bob), ==, 200);
  g_assert_true (pair_logged (pair, "revoked: 0 sessions and 1 accounts"));
  g_assert_false (pair_logged (pair, "alice"));
  figures = get (pair->internal[1], "/metrics", NULL);
  metrics = reply_text (figures);
  g_assert_nonnull (strstr (metrics, "headend_revocations{kind=\"account\"} 1\n"));
  g_assert_nonnull (strstr (metrics, "headend_denials_total{code=\"607\"} "));
  g_assert_null (strstr (metrics, "alice"));
}

/* The state folder, and the peer, each do by themselves. */
static void
who_was_away_learns_it (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *alice = NULL;
  g_autofree char *bob = NULL;
  g_autofree char *said = NULL;
  g_autofree char *file = g_build_filename (pair->folder, "a", "revocations.json", NULL);

  publish_window (pair);
  alice = cookie_for (pair, 0, "alice");
  bob = cookie_for (pair, 0, "bob");
  g_clear_pointer (&pair->origin[1], he_origin_free);
  said = tell (pair, 0, "[{\"account\":\"alice\"}]", 200);
  g_assert_nonnull (strstr (said, "\"aware\":0}"));
  pair_start (pair, 1);
  publish_window (pair);
  wait_revoked_at (pair, 1, alice);
  g_assert_cmpuint (status_at (pair, 1, "/live/demo/audio/index.m3u8", bob), ==, 200);

  /* A, alone and from its file. */
  g_clear_pointer (&pair->origin[1], he_origin_free);
  g_clear_pointer (&pair->origin[0], he_origin_free);
  g_assert_true (g_file_test (file, G_FILE_TEST_EXISTS));
  pair_start (pair, 0);
  assert_revoked_at (pair, 0, alice);
}

static void
wait_logged (Pair *pair, const char *text)
{
  for (guint tries = 0; !pair_logged (pair, text); tries++) {
    g_assert_cmpuint (tries, <, 3000);
    g_usleep (20000);
  }
}

/* Given a disk that takes nothing of what peers tell, then the node says so by itself, and
 * says when it does again; who revokes there is told, too. */
static void
a_disk_that_takes_nothing_is_told_of (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *in_its_way
      = g_build_filename (pair->folder, "b", "revocations.json.new", NULL);
  g_autofree char *complaint
      = g_strdup_printf ("revocations hold but are not kept: %s/b/", pair->folder);

  while (g_mkdir (in_its_way, 0700) != 0)
    g_usleep (10000); /* a file is being written there */
  g_free (tell (pair, 0, "[{\"account\":\"alice\"}]", 200));
  wait_logged (pair, complaint);
  wait_kept (pair, 1, "bob", ",\"kept\":false,");
  g_assert_cmpint (g_rmdir (in_its_way), ==, 0);
  wait_logged (pair, "revocations are kept again");
  wait_kept (pair, 1, "bob", ",\"kept\":true,");
}

/* Both were told something while they could not see each other; each started with it. */
static void
each_learns_what_the_other_has_kept (void)
{
  g_autoptr (Pair) pair = pair_prepare (HE_SESSIONS_EVICT_OLDEST);
  guint known = 0;

  for (guint i = 0; i < 2; i++) {
    g_autofree char *folder = g_build_filename (pair->folder, i == 0 ? "a" : "b", NULL);
    g_autofree char *path = g_build_filename (folder, "revocations.json", NULL);
    g_autofree char *text
        = g_strdup_printf ("[{\"account\":\"%s\",\"at\":%" G_GINT64_FORMAT "}]",
                           i == 0 ? "alice" : "bob", g_get_real_time ());

    g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
    g_assert_true (g_file_set_contents (path, text, -1, NULL));
  }
  pair_start (pair, 0);
  pair_start (pair, 1);
  for (guint tries = 0; known < 2; tries++) {
    known = 0;
    for (guint i = 0; i < 2; i++) {
      g_autoptr (Reply) reply = get (pair->internal[i], "/metrics", NULL);
      g_autofree char *text = reply_text (reply);

      known += strstr (text, "headend_revocations{kind=\"account\"} 2\n") != NULL;
    }
    g_assert_cmpuint (tries, <, 3000);
    g_usleep (20000);
  }
}

/* A peer that takes requests and answers none: it hangs up, or is silent. */
typedef struct {
  GSocketService *service;
  gboolean hangs_up;
  int asked; /* atomic: for all that is revoked */
} BadPeer;

static gboolean
leave_unanswered (GThreadedSocketService *service, GSocketConnection *connection,
                  GObject *source, gpointer data)
{
  static const char start[] = "GET /control/revocations ";
  BadPeer *bad = data;
  GInputStream *input = g_io_stream_get_input_stream (G_IO_STREAM (connection));
  char head[sizeof start] = "";
  gsize got = 0;

  if (g_input_stream_read_all (input, head, strlen (start), &got, NULL, NULL)
      && g_str_equal (head, start))
    g_atomic_int_inc (&bad->asked);
  while (!bad->hangs_up && g_input_stream_read (input, head, sizeof head, NULL, NULL) > 0)
    ;
  return TRUE;
}

static char *
bad_peer_start (BadPeer *bad, gboolean hangs_up)
{
  guint port;

  *bad = (BadPeer) { g_threaded_socket_service_new (-1), hangs_up, 0 };
  g_signal_connect (bad->service, "run", G_CALLBACK (leave_unanswered), bad);
  port = g_socket_listener_add_any_inet_port (G_SOCKET_LISTENER (bad->service), NULL,
                                              NULL);
  g_assert_cmpuint (port, !=, 0);
  return g_strdup_printf ("127.0.0.1:%u", port);
}

static void
bad_peer_stop (BadPeer *bad)
{
  g_socket_service_stop (bad->service);
  g_socket_listener_close (G_SOCKET_LISTENER (bad->service));
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_object_unref (bad->service);
}

/* Given a peer that lets each question run to its deadline, then the patience that it gets
 * is not waited for where another fails at once: that one is asked again and again. */
static void
a_silent_peer_delays_no_other (void)
{
  Pair *pair = pair_prepare (HE_SESSIONS_EVICT_OLDEST);
  static BadPeer gone, silent; /* their threads end when they like */

  g_free (pair->peer[1]);
  pair->peer[1] = bad_peer_start (&gone, TRUE);
  pair->third = bad_peer_start (&silent, FALSE);
  pair_start (pair, 0);
  for (guint tries = 0; g_atomic_int_get (&silent.asked) < 1
                        || g_atomic_int_get (&gone.asked)
                               < g_atomic_int_get (&silent.asked) + 4;
       tries++) {
    g_assert_cmpuint (tries, <, 3000);
    while (g_main_context_iteration (NULL, FALSE))
      ;
    g_usleep (20000);
  }
  g_test_message ("asked %d times where the silent one was asked %d times",
                  gone.asked, silent.asked);
  pair_free (pair);
  bad_peer_stop (&gone);
  bad_peer_stop (&silent);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  d90 = 20 * 90000; /* what is listed stays, on a busy machine too */
  g_test_add_func ("/revoke/all-nodes", all_nodes_know);
  g_test_add_func ("/revoke/was-away", who_was_away_learns_it);
  g_test_add_func ("/revoke/disk", a_disk_that_takes_nothing_is_told_of);
  g_test_add_func ("/revoke/both-ways", each_learns_what_the_other_has_kept);
  g_test_add_func ("/revoke/silent-peer", a_silent_peer_delays_no_other);
  return g_test_run ();
}
