/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "redis-kit.h"
#include "he-redis-tls.h"

#include <glib/gstdio.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Redis by TLS, with an authority made for the test. */

/* AddressSanitizer's. Where a thread of GIO's is still there at the end, its note of what the
 * thread has of its own may be of another place, and the search for leaks dies there. */
const char *__asan_default_options (void);
const char *
__asan_default_options (void)
{
  return "intercept_tls_get_addr=0";
}

static GPtrArray *held; /* connections of a server that was stopped */
static GMutex held_lock;

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
  g_assert_true (g_file_set_contents_full (both, all, -1, G_FILE_SET_CONTENTS_CONSISTENT,
                                           0600, NULL));
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

/* A server that shakes hands and then takes nothing, as one that was stopped. */
static gboolean
shake_hands_only (GThreadedSocketService *service, GSocketConnection *connection,
                  GObject *source, gpointer data)
{
  g_autoptr (GIOStream) tls
      = g_tls_server_connection_new (G_IO_STREAM (connection), data, NULL);

  if (!g_tls_connection_handshake (G_TLS_CONNECTION (tls), NULL, NULL))
    return TRUE;
  g_mutex_lock (&held_lock);
  g_ptr_array_add (held, g_object_ref (connection));
  g_ptr_array_add (held, g_steal_pointer (&tls));
  g_mutex_unlock (&held_lock);
  return TRUE;
}

/* The server on a thread of its own, as whoever connects waits for the handshake. */
static gpointer
serve_stopped (gpointer data)
{
  g_main_loop_run (data);
  return NULL;
}

/* Opens, and writes until nothing more is taken. */
static int
open_and_fill (HeRedisTls *tls, guint port)
{
  static const char zeros[65536];
  g_autofree char *why = NULL;
  int fd = -1;

  for (guint tries = 0; fd < 0; tries++) {
    g_free (why);
    fd = he_redis_tls_open (tls, "localhost", (guint16)port, 10000, &why);
    g_assert_cmpuint (tries, <, 10);
  }
  for (struct pollfd room = { fd, POLLOUT, 0 }; poll (&room, 1, 500) > 0;)
    g_assert_cmpint (send (fd, zeros, sizeof zeros, MSG_DONTWAIT), >, 0);
  return fd;
}

static guint
count_carriers (void)
{
  g_autoptr (GDir) threads = g_dir_open ("/proc/self/task", 0, NULL);
  guint n = 0;

  for (const char *id; (id = g_dir_read_name (threads)) != NULL;) {
    g_autofree char *path = g_build_filename ("/proc/self/task", id, "comm", NULL);
    g_autofree char *name = NULL;

    n += g_file_get_contents (path, &name, NULL, NULL)
         && g_str_equal (name, "redis-tls\n");
  }
  return n;
}

/* Given a server that stops while much is on its way to it, then what carries ends with who
 * gives up, and nothing is waited for at the end. */
static void
a_stopped_server_holds_nothing (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GMainLoop) loop = g_main_loop_new (context, FALSE);
  g_autoptr (GSocketService) service = NULL;
  g_autoptr (GTlsCertificate) certificate = NULL;
  g_autofree char *authority = NULL, *file = NULL, *key = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (Store) store;
  HeRedisTls *tls;
  GThread *thread;
  guint port;
  int fd;

  store_prepare_at (&store, HE_SESSIONS_EVICT_OLDEST, "");
  make_certificate (&store, "authority", NULL);
  make_certificate (&store, "redis", "authority");
  authority = in_folder (&store, "authority.pem");
  file = in_folder (&store, "redis.pem");
  key = in_folder (&store, "redis.key");
  certificate = g_tls_certificate_new_from_files (file, key, &error);
  g_assert_no_error (error);
  held = g_ptr_array_new_with_free_func (g_object_unref);
  g_main_context_push_thread_default (context);
  service = g_threaded_socket_service_new (-1);
  g_signal_connect (service, "run", G_CALLBACK (shake_hands_only), certificate);
  port = g_socket_listener_add_any_inet_port (G_SOCKET_LISTENER (service), NULL, NULL);
  g_main_context_pop_thread_default (context);
  thread = g_thread_new ("stopped-server", serve_stopped, loop);
  tls = he_redis_tls_new (authority, NULL, &error);
  g_assert_no_error (error);

  close (open_and_fill (tls, port));
  for (guint tries = 0; count_carriers () > 0; tries++) {
    g_assert_cmpuint (tries, <, TRIES);
    g_usleep (10000);
  }
  fd = open_and_fill (tls, port);
  he_redis_tls_free (tls);
  close (fd);
  g_main_loop_quit (loop);
  g_thread_join (thread);
  g_socket_service_stop (service);
  g_socket_listener_close (G_SOCKET_LISTENER (service));
  while (g_main_context_iteration (context, FALSE))
    ;
  g_clear_pointer (&held, g_ptr_array_unref);
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

/* Given a certificate of ours with its key that others may read, then it is refused with
 * what mends it. */
static void
a_key_that_others_may_read_is_refused (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *both = NULL;
  g_auto (Store) store;
  HeRedisTls *tls;

  store_prepare_at (&store, HE_SESSIONS_EVICT_OLDEST, "");
  make_certificate (&store, "node", NULL);
  join_ours (&store);
  both = in_folder (&store, "both.pem");
  tls = he_redis_tls_new (NULL, both, &error);
  g_assert_no_error (error);
  he_redis_tls_free (tls);
  g_assert_cmpint (g_chmod (both, 0640), ==, 0);
  g_assert_null (he_redis_tls_new (NULL, both, &error));
  g_assert_nonnull (strstr (error->message, "chmod 600 "));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  signal (SIGPIPE, SIG_IGN);
  d90 = 20 * 90000;
  g_test_add_func ("/redis-tls/right-server", only_the_right_server_is_used);
  g_test_add_func ("/redis-tls/silence", silence_is_bounded);
  g_test_add_func ("/redis-tls/stopped", a_stopped_server_holds_nothing);
  g_test_add_func ("/redis-tls/missing-files", missing_files_are_named);
  g_test_add_func ("/redis-tls/key-of-others", a_key_that_others_may_read_is_refused);
  return g_test_run ();
}
