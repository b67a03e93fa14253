/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-put.h"

#include "he-error.h"

#define STATUS_TOO_MANY 429    /* RFC 6585; libsoup has no name for it */
#define ANSWER_MAX (64 * 1024) /* beyond it a connection is cheaper than what follows */

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

static gboolean
exchange (SoupSession *session, SoupMessage *message, GCancellable *cancellable,
          GError **error)
{
  g_autoptr (GInputStream) answer
      = soup_session_send (session, message, cancellable, error);
  char buffer[4096];
  gsize total = 0;
  gssize n = 0;

  if (answer == NULL)
    return FALSE;
  do {
    n = g_input_stream_read (answer, buffer, sizeof buffer, cancellable, error);
    total += n > 0 ? (gsize)n : 0;
  } while (n > 0 && total < ANSWER_MAX);
  return n >= 0;
}

/* exchange() in a bounded time. *ret_late: it was too short. */
static gboolean
exchange_within (guint seconds, SoupSession *session, SoupMessage *message,
                 GCancellable *cancellable, gboolean *ret_late, GError **error)
{
  g_autoptr (GCancellable) inner = g_cancellable_new ();
  Watch self = { .cancellable = inner,
                 .deadline = g_get_monotonic_time () + seconds * G_TIME_SPAN_SECOND };
  GThread *thread;
  gulong id = 0;
  gboolean good;

  g_mutex_init (&self.lock);
  g_cond_init (&self.changed);
  if (cancellable != NULL)
    id = g_cancellable_connect (cancellable, G_CALLBACK (pass_on), inner, NULL);
  thread = g_thread_new ("put-watch", watch, &self);
  good = exchange (session, message, inner, error);
  g_mutex_lock (&self.lock);
  self.done = TRUE;
  g_cond_signal (&self.changed);
  g_mutex_unlock (&self.lock);
  g_thread_join (thread);
  if (cancellable != NULL)
    g_cancellable_disconnect (cancellable, id);
  g_mutex_clear (&self.lock);
  g_cond_clear (&self.changed);
  *ret_late = self.late;
  return good;
}

gboolean
he_put_send (const HePut *put, SoupSession *session, SoupMessage *message,
             GCancellable *cancellable, gboolean *ret_again, GError **error)
{
  g_autoptr (GError) local = NULL;
  gboolean late = FALSE;
  gboolean answered
      = exchange_within (put->seconds, session, message, cancellable, &late, &local);
  guint status = soup_message_get_status (message);

  *ret_again = !answered || status >= 500 || status == SOUP_STATUS_REQUEST_TIMEOUT
               || status == STATUS_TOO_MANY;
  if (answered && SOUP_STATUS_IS_SUCCESSFUL (status))
    return TRUE;
  if (!answered && late)
    g_set_error (error, HE_ERROR, HE_ERROR_IO,
                 "%s: no whole answer to PUT %s within %u seconds", put->place, put->path,
                 put->seconds);
  else if (!answered)
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", put->place, local->message);
  else
    g_set_error (error, HE_ERROR,
                 status == 401 || status == 403 ? HE_ERROR_DENIED : HE_ERROR_UNAVAILABLE,
                 "%s answered %u %s to PUT %s%s", put->place, status,
                 soup_status_get_phrase (status), put->path, put->remedy (status));
  return FALSE;
}
