/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-http.h"

#include <glib-unix.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "he-link.h"

#define SWEEP_MS 500
/* When a listener is nearly full: how long a connection may wait for its client. An army
 * of slow ones then keeps nobody out, and who comes back later finds room. */
#define CROWDED_USEC G_USEC_PER_SEC
/* Sockets looked at before the context's other sources get their turn. */
#define BATCH 64

struct _HeHttp {
  HeListener *listener;
  HeBudget *budget;
  GPtrArray *parts;
  guint next; /* part that gets the next connection */
};

HePart *
he_part_ref (HePart *part)
{
  g_atomic_ref_count_inc (&part->refs);
  return part;
}

void
he_part_unref (HePart *part)
{
  if (!g_atomic_ref_count_dec (&part->refs))
    return;
  g_main_context_unref (part->context);
  g_hash_table_unref (part->links);
  g_atomic_rc_box_release (part->budget);
  g_free (part);
}

static gboolean
sockets_ready (int fd, GIOCondition condition, gpointer data)
{
  HePart *part = data;
  struct epoll_event events[BATCH];
  HeLink *batch[BATCH];
  int n = epoll_wait (fd, events, BATCH, 0);

  for (int i = 0; i < n; i++)
    batch[i] = events[i].data.ptr;
  part->batch = batch;
  part->batch_len = n > 0 ? (guint)n : 0;
  for (int i = 0; i < n; i++)
    if (batch[i] != NULL)
      he_link_pump (batch[i]);
  part->batch_len = 0;
  return G_SOURCE_CONTINUE;
}

static gboolean
sweep (gpointer data)
{
  HePart *part = data;
  g_autoptr (GPtrArray) late = g_ptr_array_new ();
  gint64 now = g_get_monotonic_time ();
  gint64 since = he_listener_is_crowded (part->listener) ? now - CROWDED_USEC : 0;
  GHashTableIter iter;
  gpointer link;

  g_hash_table_iter_init (&iter, part->links);
  while (g_hash_table_iter_next (&iter, &link, NULL))
    if (now > he_link_deadline (link) || he_link_waits (link, since))
      g_ptr_array_add (late, link);
  for (guint i = 0; i < late->len; i++)
    he_link_close (g_ptr_array_index (late, i), TRUE);
  return G_SOURCE_CONTINUE;
}

static GSource *
attach (HePart *part, GSource *source, GSourceFunc func)
{
  g_source_set_callback (source, func, part, NULL);
  g_source_attach (source, part->context);
  return source;
}

static void
part_start (gpointer data)
{
  HePart *part = data;

  part->thread = g_thread_self ();
  part->ready = attach (part, g_unix_fd_source_new (part->epoll, G_IO_IN),
                        G_SOURCE_FUNC (sockets_ready));
  /* Else GLib takes it out of what it polls while it runs, and puts it back: three system
   * calls each time. Nothing that it does runs the loop. */
  g_source_set_can_recurse (part->ready, TRUE);
  part->sweeper = attach (part, g_timeout_source_new (SWEEP_MS), sweep);
}

static void
drop_source (GSource *source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

static void
part_stop (gpointer data)
{
  HePart *part = data;
  g_autoptr (GList) links = g_hash_table_get_keys (part->links);

  for (GList *l = links; l != NULL; l = l->next)
    he_link_close (l->data, FALSE);
  drop_source (part->ready);
  drop_source (part->sweeper);
  close (part->epoll);
}

static HePart *
part_new (HeHttp *http, GMainContext *context, const HeHttpFuncs *funcs,
          gpointer user_data)
{
  HePart *part = g_new0 (HePart, 1);

  g_atomic_ref_count_init (&part->refs);
  part->context = g_main_context_ref (context);
  part->listener = http->listener;
  part->funcs = funcs;
  part->user_data = user_data;
  part->budget = g_atomic_rc_box_acquire (http->budget);
  part->links = g_hash_table_new (NULL, NULL);
  part->epoll = epoll_create1 (EPOLL_CLOEXEC);
  if (part->epoll < 0)
    g_error ("no descriptor is left to watch connections with");
  return part;
}

typedef struct {
  HePart *part;
  HeConnection *connection;
} Handover;

static gboolean
take_over (gpointer data)
{
  Handover *handover = data;

  he_link_open (handover->part, handover->connection);
  return G_SOURCE_REMOVE;
}

static void
accepted (HeConnection *connection, gpointer data)
{
  HeHttp *http = data;
  HePart *part = g_ptr_array_index (http->parts, http->next++ % http->parts->len);
  Handover *handover;

  if (part->thread == g_thread_self ()) {
    he_link_open (part, connection);
    return;
  }
  handover = g_new (Handover, 1);
  *handover = (Handover) { part, connection };
  g_main_context_invoke_full (part->context, G_PRIORITY_DEFAULT, take_over, handover,
                              g_free);
}

HeHttp *
he_http_new (HeListener *listener, HeThreads *threads, const HeHttpFuncs *funcs,
             gpointer user_data)
{
  HeHttp *http = g_new0 (HeHttp, 1);
  guint n = threads != NULL ? he_threads_count (threads) : 1;
  g_autoptr (GMainContext) here = g_main_context_ref_thread_default ();

  http->listener = listener;
  http->budget = g_atomic_rc_box_new0 (HeBudget);
  http->parts = g_ptr_array_new_with_free_func ((GDestroyNotify)he_part_unref);
  for (guint i = 0; i < n; i++) {
    GMainContext *context = threads != NULL ? he_threads_context (threads, i) : here;
    HePart *part = part_new (http, context, funcs, user_data);

    g_ptr_array_add (http->parts, part);
    if (threads != NULL)
      he_threads_call (context, part_start, part);
    else
      part_start (part);
  }
  he_listener_start (listener, accepted, http);
  return http;
}

void
he_http_free (HeHttp *http)
{
  if (http == NULL)
    return;
  he_listener_stop (http->listener);
  for (guint i = 0; i < http->parts->len; i++) {
    HePart *part = g_ptr_array_index (http->parts, i);

    if (part->thread == g_thread_self ())
      part_stop (part);
    else /* behind the connections that are being handed over */
      he_threads_call (part->context, part_stop, part);
  }
  g_ptr_array_unref (http->parts);
  g_atomic_rc_box_release (http->budget);
  he_listener_free (http->listener);
  g_free (http);
}

HeListener *
he_http_listener (HeHttp *http)
{
  return http->listener;
}
