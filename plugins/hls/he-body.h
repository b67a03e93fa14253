/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libsoup/soup.h>

G_BEGIN_DECLS

typedef struct {
  const char *type; /* static */
  GBytes *bytes;
} HeBody;

static inline void
he_body_free (gpointer data, GClosure *closure)
{
  HeBody *body = data;

  g_bytes_unref (body->bytes);
  g_free (body);
}

static inline void
he_body_again (SoupMessage *message, gpointer data)
{
  HeBody *body = data;

  soup_message_set_request_body_from_bytes (message, body->type, body->bytes);
}

/* The body of a request, each time that it is sent: libsoup (3.2.3) sends a request again,
 * by itself, whose kept connection the server has closed meanwhile, and then without the
 * body that soup_message_set_request_body_from_bytes() gave it. type is static. */
static inline void
he_body_set (SoupMessage *message, const char *type, GBytes *bytes)
{
  HeBody *body = g_new (HeBody, 1);

  *body = (HeBody) { type, g_bytes_ref (bytes) };
  he_body_again (message, body);
  g_signal_connect_data (message, "restarted", G_CALLBACK (he_body_again), body,
                         he_body_free, 0);
}

G_END_DECLS
