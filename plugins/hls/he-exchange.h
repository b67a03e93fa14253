/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libsoup/soup.h>

G_BEGIN_DECLS

/* What an HTTP server may take of us, whoever it turns out to be. */
typedef struct {
  guint seconds; /* for all of it, however the bytes trickle */
  gsize limit;   /* bytes of the answer that are read */
  gboolean late; /* out: there was no whole answer by then */
  gboolean more; /* out: the answer is longer */
} HeExchange;

/* Connections to a host that a session must be allowed at least, though messages follow
 * each other. One that the server closes while libsoup chooses it counts until the next
 * choice: with it alone, libsoup waits for another for ever, deaf to its cancellable. */
#define HE_EXCHANGE_CONNECTIONS 2

/* Sends the message and blocks for its answer, whose status may be any. The session
 * belongs to the calling thread. NULL: none; the error is GIO's or libsoup's. */
GBytes *he_exchange (HeExchange *exchange, SoupSession *session, SoupMessage *message,
                     GCancellable *cancellable, GError **error);

G_END_DECLS
