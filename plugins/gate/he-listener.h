/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A listening socket and the connections it accepted: caps in total and per address,
 * and an accept loop that outlives a shortage of file descriptors (libsoup's own goes deaf
 * at the first EMFILE, for ever and silently). */
typedef struct _HeListener HeListener;
typedef struct _HeConnection HeConnection;

typedef struct {
  guint max_connections;     /* beyond: closed at once */
  guint max_per_address;     /* 0: no cap of its own */
  const char *const *exempt; /* textual addresses without max_per_address, or NULL */
  guint head_seconds;        /* to finish the head of a request */
} HeListenerLimits;

/* Binds and listens. spec is "ADDRESS:PORT", IPv6 in brackets, port 0 for any, or
 * "unix:PATH" (he-local-socket.h). what names the listener in messages ("viewers").
 * HE_ERROR_INVALID: not such a text; HE_ERROR_CONFLICT: in use, named; HE_ERROR_IO: else. */
HeListener *he_listener_new (const char *spec, const char *what,
                             const HeListenerLimits *limits, GError **error);
/* Every connection has been closed. On the accepting thread. Takes NULL. */
void he_listener_free (HeListener *listener);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeListener, he_listener_free)

guint he_listener_port (const HeListener *listener); /* 0 of a Unix socket */

/* Takes the connection over, on the accepting thread. */
typedef void (*HeAcceptedFunc) (HeConnection *connection, gpointer user_data);

/* Accepts on the thread-default context of the caller, until it is stopped there. */
void he_listener_start (HeListener *listener, HeAcceptedFunc accepted,
                        gpointer user_data);
void he_listener_stop (HeListener *listener);

typedef struct {
  guint open;
  guint64 accepted, refused, expired; /* refused: over a cap; expired: past a deadline */
  guint64 failures;                   /* of accept() */
} HeListenerStats;
/* From any thread. */
void he_listener_get_stats (HeListener *listener, HeListenerStats *ret_stats);
/* Whether less than an eighth of the connections that it admits is left, or no descriptor.
 * From any thread. */
gboolean he_listener_is_crowded (HeListener *listener);

/* A connection belongs to one thread at a time. */
int he_connection_socket (const HeConnection *connection);           /* does not block */
/* The client's, or HE_ADDRESS_LOCAL. */
GRefString *he_connection_address (const HeConnection *connection);
/* That opened it by a Unix socket; 0 where it is not known. */
pid_t he_connection_process (const HeConnection *connection);
guint he_connection_head_seconds (const HeConnection *connection);
/* Closes the socket and frees the connection. expired: it was past its deadline. */
void he_connection_close (HeConnection *connection, gboolean expired);

G_END_DECLS
