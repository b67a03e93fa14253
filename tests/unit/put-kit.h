/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A web server that takes PUT, and answers as the path says: it refuses "/refused", its
 * answer to "/endless" has no end, one to "/trickle" comes byte by byte, and "/kept" does
 * not take DELETE. One request after the other, each on a connection of its own. */

#include <gio/gio.h>
#include <string.h>

typedef struct {
  GSocketListener *listener;
  GCancellable *cancellable;
  GThread *thread;
  char *url; /* "http://127.0.0.1:PORT/" */
  GMutex lock;
  GPtrArray *lines; /* request lines, under lock */
} Taker;

static inline gsize
taker_length (const char *head)
{
  const char *field = strcasestr (head, "\r\nContent-Length:");

  return field != NULL
             ? g_ascii_strtoull (field + strlen ("\r\nContent-Length:"), NULL, 0)
             : 0;
}

/* The request's head, behind which the body was read too. */
static inline char *
taker_read (GInputStream *in, GCancellable *cancellable)
{
  GString *head = g_string_new (NULL);
  char buffer[4096];
  gsize rest;

  while (!g_str_has_suffix (head->str, "\r\n\r\n")
         && g_input_stream_read (in, buffer, 1, cancellable, NULL) == 1)
    g_string_append_c (head, buffer[0]);
  rest = taker_length (head->str);
  while (rest > 0) {
    gssize n
        = g_input_stream_read (in, buffer, MIN (rest, sizeof buffer), cancellable, NULL);

    if (n <= 0)
      break;
    rest -= (gsize)n;
  }
  return g_string_free (head, FALSE);
}

static inline gboolean
taker_say (GOutputStream *out, const char *text, GCancellable *cancellable)
{
  return g_output_stream_write_all (out, text, strlen (text), NULL, cancellable, NULL);
}

static inline void
taker_serve (Taker *self, GSocketConnection *connection)
{
  GOutputStream *out = g_io_stream_get_output_stream (G_IO_STREAM (connection));
  g_autofree char *head = taker_read (
      g_io_stream_get_input_stream (G_IO_STREAM (connection)), self->cancellable);
  gboolean endless = strstr (head, "/endless") != NULL;
  gboolean trickle = strstr (head, "/trickle") != NULL;
  gboolean kept = g_str_has_prefix (head, "DELETE /kept");

  g_mutex_lock (&self->lock);
  g_ptr_array_add (self->lines, g_strndup (head, strcspn (head, "\r")));
  g_mutex_unlock (&self->lock);
  taker_say (out,
             strstr (head, "/refused") != NULL ? "HTTP/1.1 403 Forbidden\r\n"
             : kept                            ? "HTTP/1.1 405 Method Not Allowed\r\n"
             : strstr (head, "/gone") != NULL  ? "HTTP/1.1 404 Not Found\r\n"
                                               : "HTTP/1.1 201 Created\r\n",
             self->cancellable);
  taker_say (out, "Connection: close\r\n", self->cancellable);
  if (!endless && !trickle)
    taker_say (out, "Content-Length: 0\r\n", self->cancellable);
  taker_say (out, "\r\n", self->cancellable);
  while (endless
         && taker_say (out, "and so on, and so on, and so on\n", self->cancellable))
    ;
  while (trickle && taker_say (out, "x", self->cancellable))
    g_usleep (50 * 1000);
  g_io_stream_close (G_IO_STREAM (connection), NULL, NULL);
}

static inline gpointer
taker_run (gpointer data)
{
  Taker *self = data;
  GSocketConnection *connection;

  while ((connection
          = g_socket_listener_accept (self->listener, NULL, self->cancellable, NULL))
         != NULL) {
    taker_serve (self, connection);
    g_object_unref (connection);
  }
  return NULL;
}

static inline Taker *
taker_new (void)
{
  Taker *self = g_new0 (Taker, 1);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GError) error = NULL;

  self->cancellable = g_cancellable_new ();
  g_mutex_init (&self->lock);
  self->lines = g_ptr_array_new_with_free_func (g_free);
  self->listener = g_socket_listener_new ();
  g_socket_listener_add_address (self->listener, any, G_SOCKET_TYPE_STREAM,
                                 G_SOCKET_PROTOCOL_TCP, NULL, &bound, &error);
  g_assert_no_error (error);
  self->url
      = g_strdup_printf ("http://127.0.0.1:%u/",
                         g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound)));
  self->thread = g_thread_new ("taker", taker_run, self);
  return self;
}

static inline void
taker_free (Taker *self)
{
  g_cancellable_cancel (self->cancellable);
  g_thread_join (self->thread);
  g_socket_listener_close (self->listener);
  g_object_unref (self->listener);
  g_object_unref (self->cancellable);
  g_free (self->url);
  g_ptr_array_unref (self->lines);
  g_mutex_clear (&self->lock);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Taker, taker_free)
