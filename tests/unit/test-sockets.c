/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-threads.h"

#include <sys/eventfd.h>
#include <unistd.h>

typedef struct Peer Peer;

struct Peer {
  HeSocket socket; /* first; always readable */
  HeSockets *sockets;
  Peer **other; /* is let go when this one is called; NULL: none */
  guint *calls;
  guint again; /* so often more */
};

static void
peer_free (Peer *peer)
{
  he_sockets_forget (peer->sockets, &peer->socket);
  close (peer->socket.fd);
  g_free (peer);
}

static void
called (HeSocket *socket)
{
  Peer *peer = (Peer *)socket;

  ++*peer->calls;
  if (peer->again > 0) {
    peer->again--;
    he_sockets_again (peer->sockets, socket);
  }
  if (peer->other != NULL)
    g_clear_pointer (peer->other, peer_free);
}

static Peer *
peer_new (HeSockets *sockets, guint *calls, Peer **other)
{
  Peer *peer = g_new0 (Peer, 1);

  peer->socket = (HeSocket) { .fd = eventfd (1, EFD_CLOEXEC), .ready = called };
  peer->sockets = sockets;
  peer->calls = calls;
  peer->other = other;
  g_assert_cmpint (peer->socket.fd, >=, 0);
  return peer;
}

/* Given two sockets that are ready at once, or are to be called again, and each closes
 * the other, then the one that is closed first is not called. */
static void
closed_is_not_called (gconstpointer again)
{
  HeSockets *sockets = he_sockets_new ();
  Peer *one = NULL, *other = NULL;
  guint calls = 0;

  one = peer_new (sockets, &calls, &other);
  other = peer_new (sockets, &calls, &one);
  for (Peer **peer = &one; peer != NULL; peer = peer == &one ? &other : NULL)
    if (again != NULL)
      he_sockets_again (sockets, &(*peer)->socket);
    else
      g_assert_true (he_sockets_watch (sockets, &(*peer)->socket, EPOLLIN));
  he_sockets_wait (sockets, -1);
  g_assert_cmpuint (calls, ==, 1);
  g_assert_true ((one == NULL) != (other == NULL));
  g_clear_pointer (&one, peer_free);
  g_clear_pointer (&other, peer_free);
  he_sockets_free (sockets);
}

/* Given a socket that asks to be called again and is watched for nothing, then that is
 * done once a wait, without waiting, and others are called as often; let go, it is not
 * called. */
static void
others_get_their_turn (void)
{
  HeSockets *sockets = he_sockets_new ();
  guint eager_calls = 0, other_calls = 0;
  Peer *eager = peer_new (sockets, &eager_calls, NULL);
  Peer *other = peer_new (sockets, &other_calls, NULL);

  eager->again = G_MAXUINT;
  he_sockets_again (sockets, &eager->socket);
  g_assert_true (he_sockets_watch (sockets, &other->socket, EPOLLIN));
  for (guint i = 1; i <= 3; i++) {
    he_sockets_wait (sockets, -1);
    g_assert_cmpuint (eager_calls, ==, i);
    g_assert_cmpuint (other_calls, ==, i);
  }
  g_assert_true (he_sockets_watch (sockets, &other->socket, 0));
  he_sockets_wait (sockets, -1);
  g_assert_cmpuint (eager_calls, ==, 4);
  peer_free (eager);
  he_sockets_wait (sockets, 0);
  g_assert_cmpuint (eager_calls, ==, 4);
  g_assert_cmpuint (other_calls, ==, 3);
  peer_free (other);
  he_sockets_free (sockets);
}

typedef struct {
  HeThreads *threads;
  Peer *busy;
  guint calls;
  gint ticks;
  GSource *timer;
} Thread;

static gboolean
tick (gpointer data)
{
  Thread *thread = data;

  g_atomic_int_inc (&thread->ticks);
  return G_SOURCE_CONTINUE;
}

static void
begin (gpointer data)
{
  Thread *thread = data;

  if (thread->busy != NULL)
    g_assert_true (
        he_sockets_watch (thread->busy->sockets, &thread->busy->socket, EPOLLIN));
  g_source_attach (thread->timer, he_threads_context (thread->threads, 0));
}

static void
end (gpointer data)
{
  Thread *thread = data;

  g_clear_pointer (&thread->busy, peer_free);
  g_source_destroy (thread->timer);
}

/* Given a thread whose sockets are always ready, or which has none, then its timer, of
 * whatever priority, goes on, and what other threads ask is done. */
static void
context_gets_its_turn (gconstpointer busy)
{
  Thread thread = { .threads = he_threads_new ("busy", 1) };

  if (busy != NULL)
    thread.busy = peer_new (he_threads_sockets (thread.threads, 0), &thread.calls, NULL);
  thread.timer = g_timeout_source_new (1);
  g_source_set_priority (thread.timer, G_PRIORITY_HIGH);
  g_source_set_callback (thread.timer, tick, &thread, NULL);
  he_threads_call (he_threads_context (thread.threads, 0), begin, &thread);
  while (g_atomic_int_get (&thread.ticks) < 3)
    g_usleep (100);
  he_threads_call (he_threads_context (thread.threads, 0), end, &thread);
  he_threads_free (thread.threads);
  g_source_unref (thread.timer);
  g_assert_true ((thread.calls > 0) == (busy != NULL));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/sockets/closed/of-one-batch", NULL, closed_is_not_called);
  g_test_add_data_func ("/sockets/closed/to-be-called-again", "again",
                        closed_is_not_called);
  g_test_add_func ("/sockets/others-get-their-turn", others_get_their_turn);
  g_test_add_data_func ("/sockets/context-gets-its-turn/idle", NULL,
                        context_gets_its_turn);
  g_test_add_data_func ("/sockets/context-gets-its-turn/busy", "busy",
                        context_gets_its_turn);
  return g_test_run ();
}
