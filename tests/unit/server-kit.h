/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-http.h"
#include "http-kit.h"

/* A server on a thread of its own: "/later" is answered after 50 ms, "/never" not at all
 * ("/kept": by whoever takes it from there), everything else at once with 100 bytes; PUT takes 1000 bytes. */
typedef struct {
  GThread *thread;
  GMainContext *context;
  GMainLoop *loop;
  HeListener *listener;
  HeHttp *http;
  guint port;
  guint handled, finished, bodies; /* atomic */
  GMutex lock; /* guards never */
  GQueue never;
  HeRequest *kept; /* atomic; or NULL */
  GThread *last; /* atomic: on which a request was handled last */
  HeThreads *threads; /* or NULL */
} Server;

static inline gboolean
answer_later (gpointer data)
{
  g_autoptr (HeRequest) request = data;

  he_request_respond_text (request, 200, "later");
  return G_SOURCE_REMOVE;
}

static inline void
handle (HeRequest *request, gpointer data)
{
  Server *server = data;
  static const char hundred[100] = "0123456789";
  g_autoptr (GBytes) body = g_bytes_new_static (hundred, sizeof hundred);

  g_atomic_pointer_set (&server->last, g_thread_self ());
  g_atomic_int_inc (&server->handled);
  g_atomic_int_add (&server->bodies, (int)g_bytes_get_size (he_request_body (request)));
  if (g_str_equal (he_request_path (request), "/later")) {
    g_autoptr (GSource) source = g_timeout_source_new (50);

    g_source_set_callback (source, answer_later, he_request_ref (request), NULL);
    g_source_attach (source, server->context);
  } else if (g_str_equal (he_request_path (request), "/never"))
    g_queue_push_tail (&server->never, he_request_ref (request));
  else if (g_str_equal (he_request_path (request), "/kept"))
    g_atomic_pointer_set (&server->kept, he_request_ref (request));
  else
    he_request_respond_range (request, "text/plain", body, "\"tag\"");
}

static inline void
finished (HeRequest *request, guint status, guint64 sent, gpointer data)
{
  Server *server = data;

  g_atomic_int_inc (&server->finished);
}

static inline guint64
body_limit (const char *method, const char *path, gpointer data)
{
  return g_str_equal (method, "PUT") ? 1000 : 0;
}

static inline gpointer
serve (gpointer data)
{
  static const HeHttpFuncs funcs = { body_limit, handle, finished, NULL };
  Server *server = data;

  g_main_context_push_thread_default (server->context);
  server->http = he_http_new (server->listener, server->threads, &funcs, server);
  g_main_loop_run (server->loop);
  he_http_free (server->http);
  g_queue_clear_full (&server->never, (GDestroyNotify)he_request_unref);
  while (g_main_context_iteration (server->context, FALSE))
    ;
  g_main_context_pop_thread_default (server->context);
  return NULL;
}

/* How many threads serve. */
G_GNUC_UNUSED static guint serving = 1;

static inline Server *
server_start_on (const char *spec, const HeListenerLimits *limits)
{
  Server *server = g_new0 (Server, 1);
  g_autoptr (GError) error = NULL;

  server->listener = he_listener_new (spec, "test", limits, &error);
  g_assert_no_error (error);
  server->port = he_listener_port (server->listener);
  server->context = g_main_context_new ();
  server->loop = g_main_loop_new (server->context, FALSE);
  g_mutex_init (&server->lock);
  server->threads = he_threads_new ("serving", serving);
  server->thread = g_thread_new ("server", serve, server);
  return server;
}

G_GNUC_UNUSED static Server *
server_start (const HeListenerLimits *limits)
{
  return server_start_on ("127.0.0.1:0", limits);
}

static inline gboolean
quit (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

static inline void
server_stop (Server *server)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_callback (source, quit, server->loop, NULL);
  g_source_attach (source, server->context);
  g_thread_join (server->thread);
  he_threads_free (server->threads);
  g_mutex_clear (&server->lock);
  g_main_loop_unref (server->loop);
  g_main_context_unref (server->context);
  g_free (server);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Server, server_stop)

static inline HeListenerStats
server_stats (Server *server)
{
  HeListenerStats stats;

  he_listener_get_stats (server->listener, &stats);
  return stats;
}

G_GNUC_UNUSED static const HeListenerLimits usual
    = { .max_connections = 100, .head_seconds = 10 };
