/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "he-error.h"
#include "server-kit.h"

static void
slow_heads_are_closed (void)
{
  const HeListenerLimits limits = { .max_connections = 100, .head_seconds = 1 };
  g_autoptr (Server) server = server_start (&limits);
  g_autoptr (GSocket) silent = client_connect ("127.0.0.1", server->port);
  g_autoptr (GSocket) dripping = client_connect ("127.0.0.1", server->port);
  gint64 start = g_get_monotonic_time ();
  char buffer[1];

  while (client_send (dripping, "G", 1)
         && g_get_monotonic_time () - start < 60 * G_USEC_PER_SEC)
    g_usleep (100000);
  g_assert_cmpint (g_get_monotonic_time () - start, <, 50 * G_USEC_PER_SEC);
  g_assert_cmpint (g_socket_receive (silent, buffer, 1, NULL, NULL), <=, 0);
  g_assert_cmpint (g_get_monotonic_time () - start, <, 55 * G_USEC_PER_SEC);
}

static void
caps_hold (void)
{
  static const char *const exempt[] = { "127.0.0.3", NULL };
  const HeListenerLimits limits = {
    .max_connections = 6, .max_per_address = 2, .exempt = exempt, .head_seconds = 10
  };
  g_autoptr (Server) server = server_start (&limits);
  g_autoptr (GPtrArray) open = g_ptr_array_new_with_free_func (g_object_unref);
  static const struct {
    const char *from;
    guint status;
  } tries[] = {
    { "127.0.0.1", 200 }, { "127.0.0.1", 200 }, { "127.0.0.1", 0 },
    { "127.0.0.2", 200 }, { "127.0.0.3", 200 }, { "127.0.0.3", 200 },
    { "127.0.0.3", 200 }, { "127.0.0.3", 0 },   { "127.0.0.4", 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (tries); i++) {
    GSocket *socket = client_connect (tries[i].from, server->port);
    const char *text = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    g_autoptr (Reply) reply = NULL;

    client_send (socket, text, strlen (text));
    reply = client_read (socket, TRUE);
    g_assert_cmpuint (reply->status, ==, tries[i].status);
    g_ptr_array_add (open, socket);
  }
  /* A place is free again as soon as somebody leaves. */
  g_socket_close (open->pdata[0], NULL);
  for (guint i = 0;; i++) {
    g_autoptr (Reply) reply = get (server->port, "/", NULL);

    if (reply->status == 200)
      break;
    g_assert_cmpuint (i, <, 3000);
    g_usleep (20000);
  }
}

/* In a process of its own, because the limit is the process's. */
static void
survives_a_shortage_of_descriptors (void)
{
  if (g_test_subprocess ()) {
    HeListenerLimits patient = usual;
    g_autoptr (Server) server = NULL;
    g_autoptr (GSocket) first = NULL;
    const char *text = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    g_autoptr (GSocket) socket = NULL;
    g_autoptr (Reply) after = NULL;
    g_autoptr (Reply) fresh = NULL;
    struct rlimit limit;
    int spare[64];
    guint n = 0;

    patient.head_seconds = 600;
    server = server_start (&patient);
    first = client_connect ("127.0.0.1", server->port);
    while (server_stats (server).open == 0)
      g_usleep (1000);
    getrlimit (RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 64;
    setrlimit (RLIMIT_NOFILE, &limit);
    while (n < G_N_ELEMENTS (spare)
           && (spare[n] = open ("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
      n++;
    g_assert_cmpint (errno, ==, EMFILE);
    close (spare[--n]);
    socket = client_connect ("127.0.0.1", server->port); /* takes the last one */
    client_send (socket, text, strlen (text));
    after = client_read (socket, TRUE); /* once the first, who says nothing, has to go */
    g_assert_cmpuint (after->status, ==, 200);
    g_assert_cmpuint (server_stats (server).failures, >, 0);
    while (n > 0)
      close (spare[--n]);
    /* It need not wait for somebody who comes to see that there are some again. */
    for (guint i = 0; he_listener_is_crowded (server->listener); i++) {
      g_assert_cmpuint (i, <, 3000);
      g_usleep (20000);
    }
    fresh = get (server->port, "/", NULL);
    g_assert_cmpuint (fresh->status, ==, 200);
    return;
  }
  g_test_trap_subprocess (NULL, 120 * G_USEC_PER_SEC, 0);
  g_test_trap_assert_passed ();
}

static void
port_in_use_is_named (void)
{
  g_autoptr (HeListener) first = he_listener_new ("127.0.0.1:0", "viewers", &usual, NULL);
  g_autofree char *spec = g_strdup_printf ("127.0.0.1:%u", he_listener_port (first));
  g_autoptr (GError) error = NULL;

  g_assert_null (he_listener_new (spec, "viewers", &usual, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_CONFLICT);
  g_assert_nonnull (strstr (error->message, spec));
  g_assert_nonnull (strstr (error->message, "choose another port"));
}

static void
odd_addresses_are_refused (void)
{
  static const char *const odd[]
      = { "",          "127.0.0.1",    "127.0.0.1:",    "127.0.0.1:65536", "::1:8080",
          "[::1:8080", "localhost:80", "127.0.0.1:080", "127.0.0.1:-1",    "[]:1",     "unix:", "unix:relative" };

  for (guint i = 0; i < G_N_ELEMENTS (odd); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (he_listener_new (odd[i], "viewers", &usual, &error));
    g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
    g_assert_nonnull (strstr (error->message, g_str_has_prefix (odd[i], "unix:")
                                                  ? "absolute path"
                                                  : "ADDRESS:PORT"));
  }
}

static void
keep_accepted (HeConnection *connection, gpointer data)
{
  *(HeConnection **)data = connection;
}

/* Given a connection by TCP, then of a long answer the kernel takes little ahead of what is
 * on its way, and short ones do not wait for each other. */
static void
the_kernel_holds_little_ahead (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HeListener) listener = he_listener_new ("127.0.0.1:0", "test", &usual, &error);
  HeConnection *connection = NULL;
  g_autoptr (GSocket) client = NULL;
  int unsent = 0, no_delay = 0;
  socklen_t len = sizeof unsent;

  g_assert_no_error (error);
  he_listener_start (listener, keep_accepted, &connection);
  client = client_connect ("127.0.0.1", he_listener_port (listener));
  while (connection == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (getsockopt (he_connection_socket (connection), IPPROTO_TCP,
                               TCP_NOTSENT_LOWAT, &unsent, &len),
                   ==, 0);
  g_assert_cmpint (unsent, >=, 16 * 1024);
  g_assert_cmpint (unsent, <=, 256 * 1024);
  g_assert_cmpint (getsockopt (he_connection_socket (connection), IPPROTO_TCP, TCP_NODELAY,
                               &no_delay, &len),
                   ==, 0);
  g_assert_true (no_delay);
  he_connection_close (connection, FALSE);
}

static GSocket *
connect_to (const char *path)
{
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM,
                                  G_SOCKET_PROTOCOL_DEFAULT, NULL);

  g_socket_set_timeout (socket, 20);
  if (!g_socket_connect (socket, address, NULL, NULL))
    g_clear_object (&socket);
  return socket;
}

/* What stands at a path, as far as it concerns who may connect. */
static guint
mode_of (const char *path)
{
  GStatBuf status;

  return g_lstat (path, &status) == 0 ? status.st_mode : 0;
}

typedef struct {
  char *folder, *path, *spec;
} Place;

static Place
place_new (void)
{
  Place place = { .folder = g_dir_make_tmp ("headend-listener-XXXXXX", NULL) };

  place.path = g_build_filename (place.folder, "gate.sock", NULL);
  place.spec = g_strconcat ("unix:", place.path, NULL);
  return place;
}

static void
place_clear (Place *place)
{
  g_unlink (place->path);
  g_assert_cmpint (g_rmdir (place->folder), ==, 0);
  g_free (place->folder);
  g_free (place->path);
  g_free (place->spec);
}

/* Given a listener on a Unix socket, then requests by it are answered, nobody is told
 * an address that he has not, and nobody else takes its name while it lives. */
static void
a_unix_socket_is_served (void)
{
  static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  Place place = place_new ();
  g_autoptr (GError) error = NULL;
  Server *server;
  mode_t before = umask (0077);

  server = server_start_on (place.spec, &usual);
  umask (before);
  g_assert_cmpuint (mode_of (place.path), ==, S_IFSOCK | 0660);
  g_assert_cmpuint (he_listener_port (server->listener), ==, 0);
  for (guint i = 0; i < 3; i++) {
    g_autoptr (GSocket) socket = connect_to (place.path);
    g_autoptr (Reply) reply = NULL;

    g_assert_nonnull (socket);
    client_send (socket, text, strlen (text));
    reply = client_read (socket, TRUE);
    g_assert_cmpuint (reply->status, ==, 200);
  }
  g_assert_null (he_listener_new (place.spec, "gate", &usual, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_CONFLICT);
  g_assert_nonnull (strstr (error->message, place.path));
  server_stop (server);
  g_assert_cmpuint (mode_of (place.path), ==, 0);
  place_clear (&place);
}

/* Which thread answers on it. */
static GThread *
asked_on (Server *server, GSocket *socket)
{
  static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  g_autoptr (Reply) reply = NULL;

  client_send (socket, text, strlen (text));
  reply = client_read (socket, TRUE);
  g_assert_cmpuint (reply->status, ==, 200);
  return g_atomic_pointer_get (&server->last);
}

/* Another process, which keeps the connection that it was answered on until it ends. */
typedef struct {
  GSubprocess *process;
  GThread *thread;
} Other;

static Other
other_start (Server *server, const Place *place)
{
  g_autofree char *program = g_strdup_printf (
      "import socket, sys; s = socket.socket (socket.AF_UNIX); s.connect ('%s'); "
      "s.sendall (b'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'); assert b' 200 ' in s.recv "
      "(100); print ('asked', flush=True); sys.stdin.read ()",
      place->path);
  g_autoptr (GError) error = NULL;
  GSubprocess *process
      = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE,
                          &error, "python3", "-c", program, NULL);
  char said[6];

  g_assert_no_error (error);
  g_input_stream_read_all (g_subprocess_get_stdout_pipe (process), said, sizeof said, NULL,
                           NULL, &error);
  g_assert_no_error (error);
  return (Other) { process, g_atomic_pointer_get (&server->last) };
}

static void
wait_for_open (Server *server, guint open)
{
  while (server_stats (server).open != open)
    g_usleep (1000);
}

static void
other_end (Server *server, Other *other)
{
  guint open = server_stats (server).open;

  g_subprocess_force_exit (other->process);
  g_subprocess_wait (other->process, NULL, NULL);
  g_clear_object (&other->process);
  wait_for_open (server, open - 1);
}

/* Given processes that ask by a Unix socket, then what one asks goes to one thread, and
 * each has the one with the fewest connections, also in the place of one that ended. */
static void
a_process_has_its_thread (void)
{
  Place place = place_new ();
  g_autoptr (GPtrArray) sockets = g_ptr_array_new_with_free_func (g_object_unref);
  GThread *ours = NULL;
  Server *server;
  Other first, second;

  serving = 2;
  server = server_start_on (place.spec, &usual);
  serving = 1;
  for (guint i = 0; i < 3; i++) {
    g_ptr_array_add (sockets, connect_to (place.path));
    ours = i == 0 ? asked_on (server, sockets->pdata[i]) : ours;
    g_assert_true (asked_on (server, sockets->pdata[i]) == ours);
  }
  for (guint i = 0; i < 2; i++) {
    first = other_start (server, &place);
    second = other_start (server, &place);
    g_assert_true (first.thread != ours && second.thread == first.thread);
    other_end (server, &first);
    other_end (server, &second);
  }
  /* And so has who comes back. */
  g_ptr_array_set_size (sockets, 0);
  wait_for_open (server, 0);
  while ((first = other_start (server, &place)).thread != ours)
    other_end (server, &first);
  g_ptr_array_add (sockets, connect_to (place.path));
  g_assert_true (asked_on (server, sockets->pdata[0]) != ours);
  other_end (server, &first);
  server_stop (server);
  place_clear (&place);
}

/* Given a process that has many questions at a time, then all threads answer them. */
static void
a_process_of_many_threads_has_many (void)
{
  static const HeListenerLimits roomy = { .max_connections = 1000, .head_seconds = 10 };
  Place place = place_new ();
  g_autoptr (GPtrArray) sockets = g_ptr_array_new_with_free_func (g_object_unref);
  GThread *ours = NULL;
  Server *server;

  serving = 2;
  server = server_start_on (place.spec, &roomy);
  serving = 1;
  for (guint i = 0; i < 2 * HE_HTTP_TOGETHER; i++) {
    g_ptr_array_add (sockets, connect_to (place.path));
    ours = i == 0 ? asked_on (server, sockets->pdata[i]) : ours;
    g_assert_true ((asked_on (server, sockets->pdata[i]) == ours)
                   == (i < HE_HTTP_TOGETHER));
  }
  /* Who leaves makes room on either. */
  g_ptr_array_set_size (sockets, HE_HTTP_TOGETHER);
  wait_for_open (server, HE_HTTP_TOGETHER);
  g_ptr_array_add (sockets, connect_to (place.path));
  g_assert_true (asked_on (server, sockets->pdata[HE_HTTP_TOGETHER]) != ours);
  server_stop (server);
  place_clear (&place);
}

/* Given what a process left that was killed, then its name is taken; a file of another kind
 * stays, and so does the socket of whoever came after us. */
static void
a_stale_unix_socket_is_replaced (void)
{
  Place place = place_new ();
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (place.path);
  g_autoptr (GSocket) dead = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM,
                                           G_SOCKET_PROTOCOL_DEFAULT, NULL);
  g_autoptr (GError) error = NULL;
  HeListener *first, *second;

  g_assert_true (g_socket_bind (dead, address, FALSE, NULL));
  g_assert_true (g_socket_listen (dead, NULL));
  g_socket_close (dead, NULL);
  g_assert_cmpuint (mode_of (place.path) & S_IFMT, ==, S_IFSOCK);
  first = he_listener_new (place.spec, "gate", &usual, &error);
  g_assert_no_error (error);

  g_unlink (place.path);
  second = he_listener_new (place.spec, "gate", &usual, &error);
  g_assert_no_error (error);
  he_listener_free (first);
  g_assert_cmpuint (mode_of (place.path) & S_IFMT, ==, S_IFSOCK);
  he_listener_free (second);
  g_assert_cmpuint (mode_of (place.path), ==, 0);

  g_assert_true (g_file_set_contents (place.path, "kept", -1, NULL));
  g_assert_null (he_listener_new (place.spec, "gate", &usual, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_CONFLICT);
  g_assert_cmpuint (mode_of (place.path) & S_IFMT, ==, S_IFREG);
  place_clear (&place);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/listener/slow-heads-are-closed", slow_heads_are_closed);
  g_test_add_func ("/listener/caps-hold", caps_hold);
  g_test_add_func ("/listener/survives-a-shortage-of-descriptors",
                   survives_a_shortage_of_descriptors);
  g_test_add_func ("/listener/port-in-use-is-named", port_in_use_is_named);
  g_test_add_func ("/listener/odd-addresses-are-refused", odd_addresses_are_refused);
  g_test_add_func ("/listener/the-kernel-holds-little-ahead",
                   the_kernel_holds_little_ahead);
  g_test_add_func ("/listener/a-unix-socket-is-served", a_unix_socket_is_served);
  g_test_add_func ("/listener/a-process-has-its-thread", a_process_has_its_thread);
  g_test_add_func ("/listener/a-process-of-many-threads-has-many",
                   a_process_of_many_threads_has_many);
  g_test_add_func ("/listener/a-stale-unix-socket-is-replaced",
                   a_stale_unix_socket_is_replaced);
  return g_test_run ();
}
