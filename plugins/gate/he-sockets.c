/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-sockets.h"

#include <unistd.h>

/* Looked at before others of the thread get their turn. */
#define BATCH 64

struct _HeSockets {
  int epoll;
  gint64 now;
  GPtrArray *batch; /* HeSocket, being gone through; forgotten ones are NULL */
  GPtrArray *again; /* HeSocket, for the next */
};

HeSockets *
he_sockets_new (void)
{
  HeSockets *sockets = g_new0 (HeSockets, 1);

  sockets->epoll = epoll_create1 (EPOLL_CLOEXEC);
  if (sockets->epoll < 0)
    g_error ("no descriptor is left to watch connections with");
  sockets->now = g_get_monotonic_time ();
  sockets->batch = g_ptr_array_new ();
  sockets->again = g_ptr_array_new ();
  return sockets;
}

void
he_sockets_free (HeSockets *sockets)
{
  if (sockets == NULL)
    return;
  close (sockets->epoll);
  g_ptr_array_unref (sockets->batch);
  g_ptr_array_unref (sockets->again);
  g_free (sockets);
}

gboolean
he_sockets_watch (HeSockets *sockets, HeSocket *socket, guint32 events)
{
  struct epoll_event event = { .events = events, .data.ptr = socket };
  guint32 before = socket->watched;

  if (before == events)
    return TRUE;
  socket->watched = events;
  return epoll_ctl (sockets->epoll,
                    events == 0   ? EPOLL_CTL_DEL
                    : before == 0 ? EPOLL_CTL_ADD
                                  : EPOLL_CTL_MOD,
                    socket->fd, &event)
         == 0;
}

void
he_sockets_again (HeSockets *sockets, HeSocket *socket)
{
  g_ptr_array_add (sockets->again, socket);
}

void
he_sockets_forget (HeSockets *sockets, HeSocket *socket)
{
  he_sockets_watch (sockets, socket, 0);
  g_ptr_array_remove (sockets->again, socket);
  for (guint i = 0; i < sockets->batch->len; i++)
    if (sockets->batch->pdata[i] == socket)
      sockets->batch->pdata[i] = NULL;
}

void
he_sockets_wait (HeSockets *sockets, int timeout_ms)
{
  GPtrArray *batch = sockets->batch;
  struct epoll_event events[BATCH];
  int n = epoll_wait (sockets->epoll, events, BATCH,
                      sockets->again->len > 0 ? 0 : timeout_ms);

  sockets->now = g_get_monotonic_time ();
  for (int i = 0; i < n; i++)
    g_ptr_array_add (batch, events[i].data.ptr);
  g_ptr_array_extend (batch, sockets->again, NULL, NULL);
  g_ptr_array_set_size (sockets->again, 0);
  for (guint i = 0; i < batch->len; i++) {
    HeSocket *socket = g_ptr_array_index (batch, i);

    if (socket != NULL)
      socket->ready (socket);
  }
  g_ptr_array_set_size (batch, 0);
}

gint64
he_sockets_now (const HeSockets *sockets)
{
  return sockets->now;
}
