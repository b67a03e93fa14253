/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/epoll.h>

G_BEGIN_DECLS

/* The sockets of one thread, watched with one epoll(7) set, so that thousands of idle ones
 * cost nothing. Belongs to that thread. */
typedef struct _HeSockets HeSockets;
typedef struct _HeSocket HeSocket;

/* Embedded in what it is the socket of. */
struct _HeSocket {
  int fd;
  void (*ready) (HeSocket *socket); /* may forget it, and any other */
  guint32 watched;                  /* what for; 0 at first */
};

HeSockets *he_sockets_new (void);
void he_sockets_free (HeSockets *sockets); /* takes NULL; none is watched any more */

/* events of epoll(7), or 0: nothing, not even that the other side has gone. FALSE: the
 * kernel is out of memory. */
gboolean he_sockets_watch (HeSockets *sockets, HeSocket *socket, guint32 events);
/* It is called once more, after the others. */
void he_sockets_again (HeSockets *sockets, HeSocket *socket);
/* It is neither watched nor called any more. */
void he_sockets_forget (HeSockets *sockets, HeSocket *socket);

/* Waits for so many milliseconds, -1: for ever, and calls those that are ready. */
void he_sockets_wait (HeSockets *sockets, int timeout_ms);
/* When that was: monotonic microseconds, for what need not be more exact. */
gint64 he_sockets_now (const HeSockets *sockets);

G_END_DECLS
