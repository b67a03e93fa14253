/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "redis-kit.h"
#include "he-redis-tls.h"

/* Redis by TLS, with an authority made for the test. */

static char *
in_folder (Store *store, const char *name)
{
  return g_build_filename (store->pair->folder, name, NULL);
}

/* NAME.pem and NAME.key, signed by another, or by itself. */
static void
make_certificate (Store *store, const char *name, const char *signer)
{
  g_autofree char *file = g_strconcat (name, ".pem", NULL);
  g_autofree char *key = g_strconcat (name, ".key", NULL);
  g_autofree char *subject = g_strconcat ("/CN=", name, NULL);
  g_autofree char *by = signer != NULL ? g_strconcat (signer, ".pem", NULL) : NULL;
  g_autofree char *by_key = signer != NULL ? g_strconcat (signer, ".key", NULL) : NULL;
  const char *argv[] = { "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                         "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                         subject, "-out", file, "-keyout", key, "-addext",
                         "subjectAltName=DNS:localhost", signer != NULL ? "-CA" : NULL, by,
                         "-CAkey", by_key, NULL };
  g_autoptr (GError) error = NULL;
  int status;

  g_spawn_sync (store->pair->folder, (char **)argv, NULL,
                G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL, NULL,
                &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
}

static void
tls_start (Store *store, guint port, const char *asks_who_we_are)
{
  g_autofree char *number = g_strdup_printf ("%u", port);
  g_autofree char *authority = in_folder (store, "authority.pem");
  g_autofree char *certificate = in_folder (store, "redis.pem");
  g_autofree char *key = in_folder (store, "redis.key");
  const char *more[] = { "--port", "0", "--tls-port", number, "--bind", "127.0.0.1",
                         "--tls-cert-file", certificate, "--tls-key-file", key,
                         "--tls-ca-cert-file", authority, "--tls-auth-clients", asks_who_we_are,
                         NULL };

  store->pid = server_spawn (store->pair->folder, more);
}

/* Starts a node that trusts this file, sees what it says of the server, and ends it. */
static void
refused (Store *store, const char *server, const char *authorities,
         const char *certificate, const char *why)
{
  g_autofree char *trusted = in_folder (store, authorities);
  g_autofree char *own = certificate != NULL ? in_folder (store, certificate) : NULL;

  g_free (*store->pair->redis);
  *store->pair->redis = g_strdup (server);
  store->pair->redis_authorities = trusted;
  store->pair->redis_certificate = own;
  pair_forget_log (store->pair);
  pair_start (store->pair, 0);
  wait_logged (store, why);
  g_free (open_until (store, 0, "alice", 503));
  g_clear_pointer (&store->pair->origin[0], he_origin_free);
  store->pair->redis_authorities = store->pair->redis_certificate = NULL;
}

/* Our certificate and its key in one file, as the description names it. */
static void
join_ours (Store *store)
{
  g_autofree char *certificate = in_folder (store, "node.pem");
  g_autofree char *key = in_folder (store, "node.key");
  g_autofree char *both = in_folder (store, "both.pem");
  g_autofree char *text = NULL, *more = NULL, *all = NULL;

  g_assert_true (g_file_get_contents (certificate, &text, NULL, NULL));
  g_assert_true (g_file_get_contents (key, &more, NULL, NULL));
  all = g_strconcat (text, more, NULL);
  g_assert_true (g_file_set_contents (both, all, -1, NULL));
}

static void
prepare (Store *store, guint port)
{
  store_prepare_at (store, HE_SESSIONS_EVICT_OLDEST, "");
  make_certificate (store, "authority", NULL);
  make_certificate (store, "other", NULL);
  make_certificate (store, "redis", "authority");
  make_certificate (store, "node", "authority");
  join_ours (store);
  tls_start (store, port, "yes");
}

/* Given the same server, when it does not ask who we are, then nothing else is amiss. */
static void
let_in_unasked (Store *store, guint port)
{
  g_autofree char *trusted = in_folder (store, "authority.pem");

  store_kill (store);
  tls_start (store, port, "no");
  store->pair->redis_authorities = trusted;
  pair_start (store->pair, 0);
  publish_window (store->pair);
  g_free (open_until (store, 0, "alice", 200));
  g_clear_pointer (&store->pair->origin[0], he_origin_free);
  store->pair->redis_authorities = NULL;
  store_kill (store);
  tls_start (store, port, "yes");
}

/* Given a server that somebody else vouches for, or one by another name, or that wants to
 * know who we are, then nothing is told to it and nobody comes in; with all as it should be
 * they do, and it may go and come back. */
static void
only_the_right_server_is_used (void)
{
  guint port = free_port (), turn = 0;
  g_autofree char *named = g_strdup_printf ("rediss://localhost:%u/3", port);
  g_autofree char *numbered = g_strdup_printf ("rediss://127.0.0.1:%u/3", port);
  g_autofree char *authorities = NULL, *certificate = NULL, *runner = NULL;
  g_auto (Store) store;

  prepare (&store, port);
  refused (&store, named, "other.pem", "both.pem",
           "no trusted authority signed its certificate");
  refused (&store, numbered, "authority.pem", "both.pem",
           "its certificate names another host");
  refused (&store, named, "authority.pem", NULL, "Redis is away (rediss://localhost");
  let_in_unasked (&store, port);
  g_free (*store.pair->redis);
  *store.pair->redis = g_strdup (named);
  store.pair->redis_authorities = authorities = in_folder (&store, "authority.pem");
  store.pair->redis_certificate = certificate = in_folder (&store, "both.pem");
  store_serve (&store);
  runner = open_until (&store, 0, "runner", 200);
  wait_code (&store, 1, runner, "200");
  store_kill (&store);
  g_free (open_until (&store, 1, "newcomer", 503));
  tls_start (&store, port, "yes");
  watch_until_in (&store, runner, &turn, "Redis by TLS came back");
}

/* Given a server that says nothing to our greeting, then it is left alone in time. */
static void
silence_is_bounded (void)
{
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  guint port = g_socket_listener_add_any_inet_port (listener, NULL, NULL);
  g_autofree char *server = g_strdup_printf ("rediss://localhost:%u", port);
  g_auto (Store) store;

  store_prepare_at (&store, HE_SESSIONS_EVICT_OLDEST, server);
  pair_start (store.pair, 0);
  wait_logged (&store, "no answer in 1000 ms");
  g_free (open_until (&store, 0, "alice", 503));
}

static void
missing_files_are_named (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (he_redis_tls_new ("/nowhere/a.pem", NULL, &error));
  g_assert_nonnull (strstr (error->message, "/nowhere/a.pem"));
  g_clear_error (&error);
  g_assert_null (he_redis_tls_new (NULL, "/nowhere/b.pem", &error));
  g_assert_nonnull (strstr (error->message, "/nowhere/b.pem"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  signal (SIGPIPE, SIG_IGN);
  d90 = 20 * 90000;
  g_test_add_func ("/redis-tls/right-server", only_the_right_server_is_used);
  g_test_add_func ("/redis-tls/silence", silence_is_bounded);
  g_test_add_func ("/redis-tls/missing-files", missing_files_are_named);
  return g_test_run ();
}
