/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An origin that keeps what it is given. */

#include <libsoup/soup.h>

#include "he-crypto.h"
#include "he-keys.h"
#include "he-sign.h"
#include "hlsgatesink.h"

typedef struct {
  GThread *thread;
  GMainContext *context;
  GMainLoop *loop;
  char *url;
  HeSecret *key;
  GMutex lock;
  GCond changed;
  gboolean ready;
  guint refuse; /* answers still to be given with this status */
  guint refuse_status;
  guint bad;           /* requests that were not as they should be */
  GHashTable *bodies;  /* path -> GBytes, under lock */
  GHashTable *headers; /* path -> Headend-Segment, under lock */
} Receiver;

static void
on_put (SoupServer *server, SoupServerMessage *message, const char *path,
        GHashTable *query, gpointer data)
{
  Receiver *self = data;
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
  g_autoptr (GBytes) body
      = soup_message_body_flatten (soup_server_message_get_request_body (message));
  const char *identity = soup_message_headers_get_one (headers, HE_SEGMENT_HEADER);
  g_autoptr (HeSegment) segment = he_segment_from_path (path, NULL);
  gboolean good
      = g_str_equal (soup_server_message_get_method (message), "PUT") && segment != NULL
        && identity != NULL && he_segment_read_header (segment, identity, NULL)
        && g_strcmp0 (soup_message_headers_get_one (headers, "Headend-Node"), "N") == 0
        && he_sign_verify (self->key,
                           soup_message_headers_get_one (headers, "Authorization"), "PUT",
                           path, g_bytes_get_data (body, NULL), g_bytes_get_size (body),
                           g_get_real_time () / G_USEC_PER_SEC, NULL);

  g_mutex_lock (&self->lock);
  if (self->refuse > 0) {
    self->refuse--;
    soup_server_message_set_status (message, self->refuse_status, NULL);
  } else if (good) {
    soup_server_message_set_status (message, 201, NULL);
    g_hash_table_replace (self->bodies, g_strdup (path), g_bytes_ref (body));
    g_hash_table_replace (self->headers, g_strdup (path), g_strdup (identity));
  } else {
    soup_server_message_set_status (message, 403, NULL);
    self->bad++;
  }
  g_mutex_unlock (&self->lock);
}

/* Not by soup_server_listen(), which loses each socket that it accepts (libsoup 3.2.3). */
static gboolean
on_incoming (GSocketService *service, GSocketConnection *connection, GObject *source,
             gpointer server)
{
  g_autoptr (GSocketAddress) local
      = g_socket_connection_get_local_address (connection, NULL);
  g_autoptr (GSocketAddress) remote
      = g_socket_connection_get_remote_address (connection, NULL);

  g_assert_true (soup_server_accept_iostream (server, G_IO_STREAM (connection), local,
                                              remote, NULL));
  return TRUE;
}

static gpointer
receiver_thread (gpointer data)
{
  Receiver *self = data;
  g_autoptr (SoupServer) server = NULL;
  g_autoptr (GSocketService) service = NULL;
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr (GSocketAddress) bound = NULL;

  g_main_context_push_thread_default (self->context);
  server = soup_server_new (NULL, NULL);
  soup_server_add_handler (server, NULL, on_put, self, NULL);
  service = g_socket_service_new ();
  g_signal_connect (service, "incoming", G_CALLBACK (on_incoming), server);
  g_assert_true (g_socket_listener_add_address (G_SOCKET_LISTENER (service), any,
                                                G_SOCKET_TYPE_STREAM,
                                                G_SOCKET_PROTOCOL_TCP, NULL, &bound,
                                                NULL));
  g_mutex_lock (&self->lock);
  self->url
      = g_strdup_printf ("http://127.0.0.1:%u",
                         g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound)));
  self->ready = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  g_main_loop_run (self->loop);
  g_socket_service_stop (service);
  g_socket_listener_close (G_SOCKET_LISTENER (service));
  soup_server_disconnect (server);
  /* What was told to stop ends in the loop. */
  while (g_main_context_iteration (self->context, FALSE))
    ;
  g_main_context_pop_thread_default (self->context);
  return NULL;
}

static Receiver *
receiver_new (void)
{
  Receiver *self = g_new0 (Receiver, 1);

  self->context = g_main_context_new ();
  self->loop = g_main_loop_new (self->context, FALSE);
  self->key = he_secret_from_hex (PUBLISH, "key", NULL);
  self->bodies = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                        (GDestroyNotify)g_bytes_unref);
  self->headers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->refuse_status = 503;
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  self->thread = g_thread_new ("receiver", receiver_thread, self);
  g_mutex_lock (&self->lock);
  while (!self->ready)
    g_cond_wait (&self->changed, &self->lock);
  g_mutex_unlock (&self->lock);
  return self;
}

static gboolean
receiver_quit (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

static void
receiver_free (Receiver *self)
{
  /* From inside, because a loop that does not run yet forgets that it was told to quit. */
  GSource *quit = g_idle_source_new ();

  g_source_set_callback (quit, receiver_quit, self->loop, NULL);
  g_source_attach (quit, self->context);
  g_source_unref (quit);
  g_thread_join (self->thread);
  g_main_loop_unref (self->loop);
  g_main_context_unref (self->context);
  he_secret_unref (self->key);
  g_hash_table_unref (self->bodies);
  g_hash_table_unref (self->headers);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self->url);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Receiver, receiver_free)

static guint
receiver_count (Receiver *self)
{
  guint count;

  g_mutex_lock (&self->lock);
  count = g_hash_table_size (self->bodies);
  g_mutex_unlock (&self->lock);
  return count;
}

/* The decrypted segment, or NULL when it was not published. */
static GBytes *
receiver_clear (Receiver *self, const char *variant, const char *rendition, guint64 msn)
{
  g_autofree char *path = g_strdup_printf ("/origin/%s/demo/%s/%" G_GUINT64_FORMAT ".ts",
                                           variant, rendition, msn);
  g_autoptr (HeSecret) content = he_secret_from_hex (CONTENT, "content", NULL);
  g_autoptr (GError) error = NULL;
  GBytes *body, *clear;
  guint8 key[16], iv[16];

  g_mutex_lock (&self->lock);
  body = g_hash_table_lookup (self->bodies, path);
  if (body != NULL)
    g_bytes_ref (body);
  g_mutex_unlock (&self->lock);
  if (body == NULL)
    return NULL;
  he_content_key (content, 1, "demo", "base", he_key_period (msn, 30), key);
  he_content_iv (msn, iv);
  clear = he_aes128_cbc_decrypt (key, iv, g_bytes_get_data (body, NULL),
                                 g_bytes_get_size (body), &error);
  g_assert_no_error (error);
  g_bytes_unref (body);
  return clear;
}
