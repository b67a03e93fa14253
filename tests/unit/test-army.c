/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server-kit.h"

/* An army of slow clients from a few addresses, and an honest one from another. */

#define ADDRESSES 5
#define EACH 80
#define MOST_EACH 60
#define ROUNDS 30
#define FLOOD 300 /* requests that are sent and whose answers nobody reads */
#define TRIES 6000 /* of 10 ms */

typedef enum {
  DRIBBLES,    /* its head, byte by byte */
  NEVER_READS, /* the answers to all that it sends */
  HALF_CLOSES, /* behind its request */
  IS_SILENT,
  READS_SLOWLY,
  KINDS,
} Kind;

typedef struct {
  GSocket *socket;
  Kind kind;
  guint sent; /* of what it sends in pieces */
} Soldier;

static const char request[] = "GET /x HTTP/1.1\r\nHost: a\r\nX-Name: a-long-value\r\n\r\n";
static const char later[] = "GET /later HTTP/1.1\r\nHost: a\r\n\r\n";

static void
soldier_act (Soldier *soldier)
{
  char byte;

  switch (soldier->kind) {
    case DRIBBLES: /* and never comes to the end */
      if (soldier->sent < sizeof request - 3)
        g_socket_send (soldier->socket, request + soldier->sent++, 1, NULL, NULL);
      break;
    case NEVER_READS:
      while (soldier->sent < FLOOD
             && g_socket_send (soldier->socket, request, sizeof request - 1, NULL, NULL)
                    == sizeof request - 1)
        soldier->sent++;
      break;
    case HALF_CLOSES:
      if (soldier->sent++ == 0) {
        g_socket_send (soldier->socket, later, sizeof later - 1, NULL, NULL);
        g_socket_shutdown (soldier->socket, FALSE, TRUE, NULL);
      }
      break;
    case READS_SLOWLY:
      if (soldier->sent++ == 0)
        g_socket_send (soldier->socket, request, sizeof request - 1, NULL, NULL);
      g_socket_receive (soldier->socket, &byte, 1, NULL, NULL);
      break;
    case IS_SILENT:
    case KINDS:
      break;
  }
}

static GPtrArray *
army_new (guint port)
{
  GPtrArray *army = g_ptr_array_new ();

  for (guint i = 0; i < ADDRESSES * EACH; i++) {
    g_autofree char *from = g_strdup_printf ("127.0.0.%u", 2 + i % ADDRESSES);
    Soldier *soldier = g_new0 (Soldier, 1);

    soldier->kind = (Kind)(i / ADDRESSES % KINDS);
    soldier->socket = client_connect_narrow (from, port);
    g_socket_set_blocking (soldier->socket, FALSE);
    g_ptr_array_add (army, soldier);
  }
  return army;
}

static void
army_free (GPtrArray *army)
{
  for (guint i = 0; i < army->len; i++) {
    Soldier *soldier = army->pdata[i];

    g_object_unref (soldier->socket);
    g_free (soldier);
  }
  g_ptr_array_unref (army);
}

/* A machine that stands still for seconds makes the honest one late, too, but not each time.
 */
static void
assert_served (Server *server, GSocket **socket)
{
  for (guint tries = 0;; tries++) {
    g_autoptr (Reply) reply = NULL;

    if (*socket == NULL)
      *socket = client_connect ("127.0.0.1", server->port);
    client_send (*socket, request, sizeof request - 1);
    reply = client_read_next (*socket);
    if (reply->status == 200 && g_bytes_get_size (reply->body) == 100)
      return;
    g_assert_cmpuint (reply->status, ==, 0);
    g_assert_cmpuint (tries, <, 20);
    g_clear_object (socket);
  }
}

/* Whether the server has closed it. */
static gboolean
is_over (GSocket *socket)
{
  char buffer[4096];
  gssize n;
  g_autoptr (GError) error = NULL;

  while ((n = g_socket_receive (socket, buffer, sizeof buffer, NULL, &error)) > 0)
    ;
  return n == 0 || !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
}

static guint
descriptors (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static guint64
resident_pages (void)
{
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  return g_ascii_strtoull (strchr (text, ' '), NULL, 10);
}

static void
honest_client_is_served (gconstpointer data)
{
  const HeListenerLimits limits = { .max_connections = ADDRESSES * MOST_EACH + 10,
                                    .max_per_address = MOST_EACH,
                                    .head_seconds = 2 };
  g_autoptr (Server) server = NULL;
  g_autoptr (GSocket) kept = NULL;
  GPtrArray *army;
  guint before;
  guint64 pages;

  serving = GPOINTER_TO_UINT (data);
  server = server_start (&limits);
  assert_served (server, &kept);
  before = descriptors ();
  pages = resident_pages ();
  army = army_new (server->port);
  for (guint round = 0; round < ROUNDS; round++) {
    g_autoptr (GSocket) fresh = NULL;

    for (guint i = 0; i < army->len; i++)
      soldier_act (army->pdata[i]);
    assert_served (server, &kept);
    assert_served (server, &fresh);
    g_assert_cmpuint (server_stats (server).open, <=, limits.max_connections);
  }
  g_assert_cmpuint (server_stats (server).refused, >, 0);
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__ /* need more */
  g_assert_cmpuint (resident_pages (), <, pages + 8192);
#else
  g_assert_cmpuint (pages, >, 0);
#endif
  /* Who finishes no head in time, and who has his answer and nothing more to say, is sent
   * away; the honest one stays. */
  for (guint i = 0; i < army->len; i++) {
    Soldier *soldier = army->pdata[i];

    if (soldier->kind != DRIBBLES && soldier->kind != IS_SILENT
        && soldier->kind != HALF_CLOSES)
      continue;
    for (guint tries = 0; !is_over (soldier->socket); tries++) {
      g_assert_cmpuint (tries, <, TRIES);
      assert_served (server, &kept);
      g_usleep (10000);
    }
  }
  g_assert_cmpuint (server_stats (server).expired, >, 0);
  army_free (army);
  for (guint tries = 0; server_stats (server).open > 1; tries++) {
    g_assert_cmpuint (tries, <, TRIES);
    assert_served (server, &kept);
    g_usleep (10000);
  }
  for (guint tries = 0; descriptors () > before + 4; tries++) {
    g_assert_cmpuint (tries, <, TRIES);
    g_usleep (10000);
  }
}

/* Given more slow clients than there is room for, from many addresses, then there is room. */
static void
full_house_has_room (gconstpointer data)
{
  const HeListenerLimits limits
      = { .max_connections = 80, .max_per_address = 20, .head_seconds = 600 };
  g_autoptr (Server) server = NULL;
  g_autoptr (GPtrArray) sockets = g_ptr_array_new_with_free_func (g_object_unref);
  guint status = 0;

  serving = GPOINTER_TO_UINT (data);
  server = server_start (&limits);
  for (guint i = 0; i < 200; i++) {
    g_autofree char *from = g_strdup_printf ("127.0.0.%u", 2 + i / 20);
    GSocket *socket = client_connect (from, server->port);

    g_ptr_array_add (sockets, socket);
    if (i % 2 == 0)
      client_send (socket, request, 20);
  }
  for (guint tries = 0; status != 200; tries++) {
    g_autoptr (GSocket) socket = client_connect ("127.0.0.1", server->port);
    g_autoptr (Reply) reply = NULL;

    client_send (socket, request, sizeof request - 1);
    reply = client_read_next (socket);
    status = reply->status;
    g_assert_cmpuint (tries, <, TRIES);
    g_usleep (10000);
  }
  g_assert_cmpuint (server_stats (server).refused, >, 0);
  g_assert_cmpuint (server_stats (server).expired, >, 0);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/army/one-thread", GUINT_TO_POINTER (1), honest_client_is_served);
  g_test_add_data_func ("/army/three-threads", GUINT_TO_POINTER (3),
                        honest_client_is_served);
  g_test_add_data_func ("/army/full-house-one-thread", GUINT_TO_POINTER (1),
                        full_house_has_room);
  g_test_add_data_func ("/army/full-house-three-threads", GUINT_TO_POINTER (3),
                        full_house_has_room);
  return g_test_run ();
}
