/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-exchange.h"

/* Cancels at a deadline. A thread, because a call that blocks runs no main context. */
typedef struct {
  GCancellable *cancellable;
  gint64 deadline;
  GMutex lock;
  GCond changed;
  gboolean done; /* under lock */
  gboolean late; /* the thread's, until it is joined */
} Watch;

static gpointer
watch (gpointer data)
{
  Watch *self = data;

  g_mutex_lock (&self->lock);
  while (!self->done && !self->late)
    self->late = !g_cond_wait_until (&self->changed, &self->lock, self->deadline);
  self->late = self->late && !self->done;
  g_mutex_unlock (&self->lock);
  if (self->late)
    g_cancellable_cancel (self->cancellable);
  return NULL;
}

static void
pass_on (GCancellable *from, gpointer to)
{
  g_cancellable_cancel (to);
}

static GBytes *
exchange (HeExchange *self, SoupSession *session, SoupMessage *message,
          GCancellable *cancellable, GError **error)
{
  g_autoptr (GInputStream) stream
      = soup_session_send (session, message, cancellable, error);
  g_autoptr (GByteArray) answer = g_byte_array_new ();
  guint8 buffer[16384];
  gssize n = 0;

  if (stream == NULL)
    return NULL;
  do {
    n = g_input_stream_read (stream, buffer, sizeof buffer, cancellable, error);
    self->more = n > 0 && (gsize)n > self->limit - answer->len;
    if (n > 0)
      g_byte_array_append (answer, buffer, MIN ((gsize)n, self->limit - answer->len));
  } while (n > 0 && !self->more);
  return n >= 0 ? g_byte_array_free_to_bytes (g_steal_pointer (&answer)) : NULL;
}

GBytes *
he_exchange (HeExchange *self, SoupSession *session, SoupMessage *message,
             GCancellable *cancellable, GError **error)
{
  g_autoptr (GCancellable) inner = g_cancellable_new ();
  Watch within = { .cancellable = inner,
                   .deadline
                   = g_get_monotonic_time () + self->seconds * G_TIME_SPAN_SECOND };
  GThread *thread;
  gulong id = 0;
  GBytes *answer;

  g_mutex_init (&within.lock);
  g_cond_init (&within.changed);
  if (cancellable != NULL)
    id = g_cancellable_connect (cancellable, G_CALLBACK (pass_on), inner, NULL);
  thread = g_thread_new ("exchange-watch", watch, &within);
  answer = exchange (self, session, message, inner, error);
  g_mutex_lock (&within.lock);
  within.done = TRUE;
  g_cond_signal (&within.changed);
  g_mutex_unlock (&within.lock);
  g_thread_join (thread);
  if (cancellable != NULL)
    g_cancellable_disconnect (cancellable, id);
  g_mutex_clear (&within.lock);
  g_cond_clear (&within.changed);
  self->late = within.late;
  return answer;
}
