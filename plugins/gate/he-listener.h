/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A listening TCP socket and the connections it accepted: caps in total and per address,
 * a deadline for each connection, and an accept loop that outlives a shortage of file
 * descriptors (libsoup's own goes deaf at the first EMFILE, for ever and silently). */
typedef struct _HeListener HeListener;
typedef struct _HeConnection HeConnection;

typedef struct {
  guint max_connections;     /* beyond: closed at once */
  guint max_per_address;     /* 0: no cap of its own */
  const char *const *exempt; /* textual addresses without max_per_address, or NULL */
  guint head_seconds;        /* to finish the head of a request */
} HeListenerLimits;

/* Binds and listens. spec is "ADDRESS:PORT", IPv6 in brackets, port 0 for any. what names
 * the listener in messages ("viewers"). HE_ERROR_INVALID: not such a text;
 * HE_ERROR_CONFLICT: in use, named; HE_ERROR_IO: else. */
HeListener *he_listener_new (const char *spec, const char *what,
                             const HeListenerLimits *limits, GError **error);
/* Stops accepting and closes every connection. On the accepting thread. Takes NULL. */
void he_listener_free (HeListener *listener);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeListener, he_listener_free)

guint he_listener_port (const HeListener *listener);

typedef struct {
  void (*accepted) (HeConnection *connection, gpointer user_data);
  /* Its deadline has passed: it is time for he_connection_close(). */
  void (*expired) (HeConnection *connection, gpointer user_data);
} HeListenerFuncs;

/* Accepts on the thread-default context of the caller. funcs must outlive the listener.
 */
void he_listener_start (HeListener *listener, const HeListenerFuncs *funcs,
                        gpointer user_data);

typedef struct {
  guint open;
  guint64 accepted, refused, expired; /* refused: over a cap; expired: past a deadline */
  guint64 failures;                   /* of accept() */
} HeListenerStats;
/* On the accepting thread. */
void he_listener_get_stats (const HeListener *listener, HeListenerStats *ret_stats);

GSocket *he_connection_socket (HeConnection *connection);           /* does not block */
const char *he_connection_address (const HeConnection *connection); /* the client's */
guint he_connection_head_seconds (const HeConnection *connection);
/* Seconds from now. */
void he_connection_set_deadline (HeConnection *connection, guint seconds);
/* For whoever took it over. */
void he_connection_set_data (HeConnection *connection, gpointer data);
gpointer he_connection_data (const HeConnection *connection);
/* Closes the socket and frees the connection. */
void he_connection_close (HeConnection *connection);

G_END_DECLS
