/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-sender.h"

#include "he-error.h"

#define BACKOFF_FIRST (100 * G_TIME_SPAN_MILLISECOND)
#define BACKOFF_LAST (1 * G_TIME_SPAN_SECOND)
#define PATIENCE (60 * G_TIME_SPAN_SECOND)

typedef struct {
  HeSegment *segment;
  GBytes *body;
  gint64 since; /* monotonic time of its first failure; 0: none */
} Job;

struct _HeSender {
  char *name;
  guint queue_limit;
  gboolean patient;
  HeSendFunc send;
  HeSentFunc sent;
  gpointer user_data;
  GThread *thread;
  GCancellable *cancellable;

  GMutex lock;
  GCond changed;
  GQueue jobs;   /* Job, oldest first; under lock, as all below */
  guint64 bytes; /* of them */
  gboolean busy; /* a job is out of the queue and not final yet */
  gboolean stopping;
  HeSenderStats stats;
};

static Job *
job_new (const HeSegment *segment, GBytes *body)
{
  Job *job = g_new0 (Job, 1);

  job->segment = he_segment_copy (segment);
  job->body = g_bytes_ref (body);
  return job;
}

static void
job_free (Job *job)
{
  he_segment_free (job->segment);
  g_bytes_unref (job->body);
  g_free (job);
}

/* Tells the outcome and frees the job. Called without the lock. */
static void
finish (HeSender *self, Job *job, const GError *error)
{
  if (self->sent != NULL)
    self->sent (job->segment, error, self->user_data);
  job_free (job);
}

/* The oldest; NULL when there is none. With the lock held. */
static Job *
pop (HeSender *self)
{
  Job *job = g_queue_pop_head (&self->jobs);

  if (job != NULL)
    self->bytes -= g_bytes_get_size (job->body);
  return job;
}

/* Waits for a job; NULL when it is time to go. */
static Job *
take (HeSender *self)
{
  Job *job;

  g_mutex_lock (&self->lock);
  while (self->jobs.length == 0 && !self->stopping)
    g_cond_wait (&self->changed, &self->lock);
  job = pop (self);
  self->busy = job != NULL;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  return job;
}

static gboolean
is_kept (HeSender *self, Job *job)
{
  gint64 now = g_get_monotonic_time ();

  if (job->since == 0)
    job->since = now;
  /* Who misses one segment is incomplete anyhow, and waits for no other. */
  if (self->patient)
    return self->stats.failed == 0 && now - job->since < PATIENCE;
  return self->jobs.length < self->queue_limit
         && (self->jobs.length == 0
             || self->bytes + g_bytes_get_size (job->body) <= HE_SENDER_BYTES);
}

/* Puts the job back when it is worth another try; FALSE otherwise. Sleeps for the
 * back-off unless it is time to go. */
static gboolean
put_back (HeSender *self, Job *job, gint64 backoff)
{
  gint64 until = g_get_monotonic_time () + backoff;
  gboolean kept;

  g_mutex_lock (&self->lock);
  kept = is_kept (self, job);
  if (kept) {
    g_queue_push_head (&self->jobs, job);
    self->bytes += g_bytes_get_size (job->body);
    self->busy = FALSE;
  }
  while (!g_cancellable_is_cancelled (self->cancellable)
         && g_cond_wait_until (&self->changed, &self->lock, until))
    ;
  g_mutex_unlock (&self->lock);
  return kept;
}

static void
settle (HeSender *self, Job *job, gboolean good, const GError *error)
{
  gsize bytes = g_bytes_get_size (job->body);

  g_mutex_lock (&self->lock);
  if (good) {
    self->stats.published++;
    self->stats.bytes += bytes;
  } else {
    self->stats.failed++;
  }
  g_mutex_unlock (&self->lock);
  finish (self, job, error);
  g_mutex_lock (&self->lock);
  self->busy = FALSE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

static gpointer
run (gpointer data)
{
  HeSender *self = data;
  g_autoptr (GMainContext) context = g_main_context_new ();
  gint64 backoff = BACKOFF_FIRST;
  Job *job;

  /* Synchronous calls of libsoup run on a context of our own, whatever the application
   * does with the default one. */
  g_main_context_push_thread_default (context);
  while ((job = take (self)) != NULL) {
    g_autoptr (GError) error = NULL;
    gboolean again = FALSE;
    gboolean good = self->send (job->segment, job->body, self->cancellable, &again,
                                &error, self->user_data);

    if (!good && again && !g_cancellable_is_cancelled (self->cancellable)
        && put_back (self, job, backoff)) {
      backoff = MIN (2 * backoff, BACKOFF_LAST);
      continue;
    }
    if (good)
      backoff = BACKOFF_FIRST;
    settle (self, job, good, error);
  }
  g_main_context_pop_thread_default (context);
  return NULL;
}

HeSender *
he_sender_new (const char *name, guint queue_limit, gboolean patient, HeSendFunc send,
               HeSentFunc sent, gpointer user_data)
{
  HeSender *self = g_new0 (HeSender, 1);

  self->name = g_strdup (name);
  self->queue_limit = MAX (queue_limit, 1);
  self->patient = patient;
  self->send = send;
  self->sent = sent;
  self->user_data = user_data;
  self->cancellable = g_cancellable_new ();
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  self->thread = g_thread_new ("send", run, self);
  return self;
}

void
he_sender_drain (HeSender *self, gint64 deadline)
{
  g_mutex_lock (&self->lock);
  while ((self->jobs.length > 0 || self->busy)
         && !g_cancellable_is_cancelled (self->cancellable)) {
    if (deadline < 0)
      g_cond_wait (&self->changed, &self->lock);
    else if (!g_cond_wait_until (&self->changed, &self->lock, deadline))
      break;
  }
  g_mutex_unlock (&self->lock);
}

void
he_sender_cancel (HeSender *self)
{
  g_cancellable_cancel (self->cancellable);
  g_mutex_lock (&self->lock);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

void
he_sender_stop (HeSender *self)
{
  GQueue rest = G_QUEUE_INIT;
  Job *job;

  if (self->thread == NULL)
    return;
  g_mutex_lock (&self->lock);
  while ((job = g_queue_pop_head (&self->jobs)) != NULL)
    g_queue_push_tail (&rest, job);
  self->stats.dropped += rest.length;
  self->stopping = TRUE;
  g_mutex_unlock (&self->lock);

  he_sender_cancel (self);
  g_thread_join (g_steal_pointer (&self->thread));
  while ((job = g_queue_pop_head (&rest)) != NULL) {
    g_autoptr (GError) error = g_error_new (HE_ERROR, HE_ERROR_UNAVAILABLE,
                                            "%s: stopped before it was sent", self->name);
    finish (self, job, error);
  }
}

void
he_sender_free (HeSender *self)
{
  if (self == NULL)
    return;
  he_sender_stop (self);
  g_object_unref (self->cancellable);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self->name);
  g_free (self);
}

/* Whether a segment of so many bytes has no room behind what waits. With the lock held.
 */
static gboolean
is_full (const HeSender *self, gsize more)
{
  return self->jobs.length >= self->queue_limit
         || (!self->patient && self->jobs.length > 0
             && self->bytes + more > HE_SENDER_BYTES);
}

void
he_sender_push (HeSender *self, const HeSegment *segment, GBytes *body)
{
  GQueue dropped = G_QUEUE_INIT;
  Job *oldest;

  g_mutex_lock (&self->lock);
  while (self->patient && self->jobs.length >= self->queue_limit
         && !g_cancellable_is_cancelled (self->cancellable))
    g_cond_wait (&self->changed, &self->lock);
  while (is_full (self, g_bytes_get_size (body))) {
    g_queue_push_tail (&dropped, pop (self));
    self->stats.dropped++;
  }
  g_queue_push_tail (&self->jobs, job_new (segment, body));
  self->bytes += g_bytes_get_size (body);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  while ((oldest = g_queue_pop_head (&dropped)) != NULL) {
    g_autoptr (GError) error
        = g_error_new (HE_ERROR, HE_ERROR_LIMIT,
                       "%s: too far behind, its oldest segment was dropped", self->name);
    finish (self, oldest, error);
  }
}

void
he_sender_get_stats (HeSender *self, HeSenderStats *ret_stats)
{
  g_mutex_lock (&self->lock);
  *ret_stats = self->stats;
  g_mutex_unlock (&self->lock);
}

void
he_sender_stats_add (HeSenderStats *sum, const HeSenderStats *more)
{
  sum->published += more->published;
  sum->failed += more->failed;
  sum->dropped += more->dropped;
  sum->bytes += more->bytes;
}
