/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-publisher.h"

#include <libsoup/soup.h>

#include "he-error.h"
#include "he-sign.h"

#define STATUS_TOO_MANY 429 /* RFC 6585; libsoup has no name for it */
#define IO_TIMEOUT 3        /* seconds without a byte */
#define BACKOFF_FIRST (100 * G_TIME_SPAN_MILLISECOND)
#define BACKOFF_LAST (1 * G_TIME_SPAN_SECOND)
#define FAREWELL (2 * G_TIME_SPAN_SECOND)

typedef struct {
  HeSegment *segment;
  GBytes *body;
} Job;

typedef struct {
  HePublisher *publisher; /* outlives us */
  char *url;              /* "http://HOST:PORT" */
  GThread *thread;
  GCancellable *cancellable;
  SoupSession *session; /* of the thread */

  GMutex lock;
  GCond changed;
  GQueue jobs;   /* Job, oldest first; under lock, as all below */
  gboolean busy; /* a job is out of the queue and not final yet */
  gboolean stopping;
  HePublisherStats stats;
} Origin;

struct _HePublisher {
  HeSecret *key;
  char *node;
  guint queue_limit;
  HePublishedFunc published;
  gpointer user_data;
  GPtrArray *origins; /* Origin */
  gint64 deadline;    /* of draining, monotonic; 0: not begun */
};

static Job *
job_new (const HeSegment *segment, GBytes *body)
{
  Job *job = g_new (Job, 1);

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
finish (Origin *origin, Job *job, const GError *error)
{
  HePublisher *publisher = origin->publisher;

  if (publisher->published != NULL)
    publisher->published (job->segment, origin->url, error, publisher->user_data);
  job_free (job);
}

/* ---- one PUT ---- */

static SoupMessage *
request_new (Origin *origin, const Job *job)
{
  HePublisher *publisher = origin->publisher;
  g_autofree char *path = he_segment_path (job->segment);
  g_autofree char *url = g_strconcat (origin->url, path, NULL);
  g_autofree char *identity = he_segment_to_header (job->segment);
  gsize len;
  const guint8 *data = g_bytes_get_data (job->body, &len);
  g_autofree char *signature = he_sign_request (publisher->key, "PUT", path, data, len,
                                                g_get_real_time () / G_USEC_PER_SEC);
  SoupMessage *message = soup_message_new ("PUT", url);
  SoupMessageHeaders *headers = soup_message_get_request_headers (message);

  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  soup_message_headers_replace (headers, "Authorization", signature);
  soup_message_headers_replace (headers, HE_SEGMENT_HEADER, identity);
  soup_message_headers_replace (headers, "Headend-Node", publisher->node);
  soup_message_set_request_body_from_bytes (message, "video/mp2t", job->body);
  return message;
}

/* *ret_again: the same request may succeed later. */
static gboolean
put (Origin *origin, const Job *job, gboolean *ret_again, GError **error)
{
  g_autoptr (SoupMessage) message = request_new (origin, job);
  g_autoptr (GError) local = NULL;
  g_autoptr (GBytes) answer = soup_session_send_and_read (origin->session, message,
                                                          origin->cancellable, &local);
  guint status = soup_message_get_status (message);

  *ret_again = answer == NULL || status >= 500 || status == SOUP_STATUS_REQUEST_TIMEOUT
               || status == STATUS_TOO_MANY;
  if (answer != NULL && SOUP_STATUS_IS_SUCCESSFUL (status))
    return TRUE;
  if (answer == NULL)
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", origin->url, local->message);
  else
    g_set_error (error, HE_ERROR,
                 status == 401 || status == 403 ? HE_ERROR_DENIED : HE_ERROR_UNAVAILABLE,
                 "%s answered %u %s%s", origin->url, status,
                 soup_status_get_phrase (status),
                 status == 401 || status == 403
                     ? ": compare publish keys and clocks of both machines"
                     : "");
  return FALSE;
}

/* ---- the thread of an origin ---- */

/* Waits for a job; NULL when it is time to go. */
static Job *
take (Origin *origin)
{
  Job *job;

  g_mutex_lock (&origin->lock);
  while (origin->jobs.length == 0 && !origin->stopping)
    g_cond_wait (&origin->changed, &origin->lock);
  job = g_queue_pop_head (&origin->jobs);
  origin->busy = job != NULL;
  g_mutex_unlock (&origin->lock);
  return job;
}

/* Puts the job back when it is still among the newest; FALSE otherwise. Sleeps for the
 * back-off unless it is time to go. */
static gboolean
put_back (Origin *origin, Job *job, gint64 backoff)
{
  gint64 until = g_get_monotonic_time () + backoff;
  gboolean kept;

  g_mutex_lock (&origin->lock);
  kept = origin->jobs.length < origin->publisher->queue_limit;
  if (kept) {
    g_queue_push_head (&origin->jobs, job);
    origin->busy = FALSE;
  }
  while (!g_cancellable_is_cancelled (origin->cancellable)
         && g_cond_wait_until (&origin->changed, &origin->lock, until))
    ;
  g_mutex_unlock (&origin->lock);
  return kept;
}

static void
settle (Origin *origin, Job *job, gboolean good, const GError *error)
{
  gsize bytes = g_bytes_get_size (job->body);

  g_mutex_lock (&origin->lock);
  if (good) {
    origin->stats.published++;
    origin->stats.bytes += bytes;
  } else {
    origin->stats.failed++;
  }
  g_mutex_unlock (&origin->lock);
  finish (origin, job, error);
  g_mutex_lock (&origin->lock);
  origin->busy = FALSE;
  g_cond_broadcast (&origin->changed);
  g_mutex_unlock (&origin->lock);
}

static gpointer
origin_thread (gpointer data)
{
  Origin *origin = data;
  g_autoptr (GMainContext) context = g_main_context_new ();
  gint64 backoff = BACKOFF_FIRST;
  Job *job;

  /* The synchronous calls run on a context of our own, whatever the application does with
   * the default one; no proxy stands between a head-end's own processes. */
  g_main_context_push_thread_default (context);
  origin->session = soup_session_new_with_options ("timeout", IO_TIMEOUT, "idle-timeout",
                                                   60, "max-conns-per-host", 1,
                                                   "proxy-resolver", NULL, NULL);
  while ((job = take (origin)) != NULL) {
    g_autoptr (GError) error = NULL;
    gboolean again;
    gboolean good = put (origin, job, &again, &error);

    if (!good && again && !g_cancellable_is_cancelled (origin->cancellable)
        && put_back (origin, job, backoff)) {
      backoff = MIN (2 * backoff, BACKOFF_LAST);
      continue;
    }
    if (good)
      backoff = BACKOFF_FIRST;
    settle (origin, job, good, error);
  }
  g_clear_object (&origin->session);
  g_main_context_pop_thread_default (context);
  return NULL;
}

/* ---- outside ---- */

static char *
origin_url (const char *text, GError **error)
{
  g_autoptr (GUri) uri = g_uri_parse (text, G_URI_FLAGS_NONE, NULL);
  gboolean good = uri != NULL && g_strcmp0 (g_uri_get_scheme (uri), "http") == 0
                  && g_uri_get_host (uri) != NULL && *g_uri_get_host (uri) != '\0'
                  && g_uri_get_userinfo (uri) == NULL && g_uri_get_query (uri) == NULL
                  && g_uri_get_fragment (uri) == NULL
                  && (g_str_equal (g_uri_get_path (uri), "")
                      || g_str_equal (g_uri_get_path (uri), "/"));

  if (!good) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "origin \"%s\": expected http://HOST:PORT", text);
    return NULL;
  }
  return g_uri_join (G_URI_FLAGS_NONE, "http", NULL, g_uri_get_host (uri),
                     g_uri_get_port (uri), "", NULL, NULL);
}

static void
origin_stop (Origin *origin)
{
  g_mutex_lock (&origin->lock);
  origin->stopping = TRUE;
  g_cond_broadcast (&origin->changed);
  g_mutex_unlock (&origin->lock);
}

static void
origin_drain (Origin *origin, gint64 deadline)
{
  g_mutex_lock (&origin->lock);
  while ((origin->jobs.length > 0 || origin->busy)
         && g_cond_wait_until (&origin->changed, &origin->lock, deadline))
    ;
  g_mutex_unlock (&origin->lock);
}

static void
origin_free (Origin *origin)
{
  GQueue rest = G_QUEUE_INIT;
  Job *job;

  g_mutex_lock (&origin->lock);
  while ((job = g_queue_pop_head (&origin->jobs)) != NULL)
    g_queue_push_tail (&rest, job);
  origin->stats.dropped += rest.length;
  g_mutex_unlock (&origin->lock);

  g_cancellable_cancel (origin->cancellable);
  origin_stop (origin);
  g_thread_join (origin->thread);
  while ((job = g_queue_pop_head (&rest)) != NULL) {
    g_autoptr (GError) error = g_error_new (
        HE_ERROR, HE_ERROR_UNAVAILABLE, "%s: stopped before it was sent", origin->url);
    finish (origin, job, error);
  }
  g_object_unref (origin->cancellable);
  g_mutex_clear (&origin->lock);
  g_cond_clear (&origin->changed);
  g_free (origin->url);
  g_free (origin);
}

HePublisher *
he_publisher_new (const char *const *origins, HeSecret *publish_key, const char *node,
                  guint queue_limit, HePublishedFunc published, gpointer user_data,
                  GError **error)
{
  g_autoptr (GPtrArray) urls = g_ptr_array_new_with_free_func (g_free);
  HePublisher *self;

  for (; *origins != NULL; origins++) {
    char *url = origin_url (*origins, error);

    if (url == NULL)
      return NULL;
    g_ptr_array_add (urls, url);
  }
  if (urls->len == 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "no origin to publish to: expected http://HOST:PORT");
    return NULL;
  }
  self = g_new0 (HePublisher, 1);
  self->key = he_secret_ref (publish_key);
  self->node = g_strdup (node);
  self->queue_limit = MAX (queue_limit, 1);
  self->published = published;
  self->user_data = user_data;
  self->origins = g_ptr_array_new ();
  for (guint i = 0; i < urls->len; i++) {
    Origin *origin = g_new0 (Origin, 1);

    origin->publisher = self;
    origin->url = g_strdup (urls->pdata[i]);
    origin->cancellable = g_cancellable_new ();
    g_mutex_init (&origin->lock);
    g_cond_init (&origin->changed);
    g_ptr_array_add (self->origins, origin);
    origin->thread = g_thread_new ("publish", origin_thread, origin);
  }
  return self;
}

void
he_publisher_drain (HePublisher *self)
{
  if (self->deadline == 0)
    self->deadline = g_get_monotonic_time () + FAREWELL;
  for (guint i = 0; i < self->origins->len; i++)
    origin_drain (self->origins->pdata[i], self->deadline);
}

void
he_publisher_free (HePublisher *self)
{
  if (self == NULL)
    return;
  he_publisher_drain (self);
  for (guint i = 0; i < self->origins->len; i++)
    origin_free (self->origins->pdata[i]);
  g_ptr_array_unref (self->origins);
  he_secret_unref (self->key);
  g_free (self->node);
  g_free (self);
}

static void
origin_push (Origin *origin, const HeSegment *segment, GBytes *body)
{
  Job *oldest = NULL;

  g_mutex_lock (&origin->lock);
  if (origin->jobs.length >= origin->publisher->queue_limit) {
    oldest = g_queue_pop_head (&origin->jobs);
    origin->stats.dropped++;
  }
  g_queue_push_tail (&origin->jobs, job_new (segment, body));
  g_cond_broadcast (&origin->changed);
  g_mutex_unlock (&origin->lock);
  if (oldest != NULL) {
    g_autoptr (GError) error
        = g_error_new (HE_ERROR, HE_ERROR_LIMIT,
                       "%s: too far behind, its oldest segment was dropped", origin->url);
    finish (origin, oldest, error);
  }
}

void
he_publisher_push (HePublisher *self, const HeSegment *segment, GBytes *body)
{
  for (guint i = 0; i < self->origins->len; i++)
    origin_push (self->origins->pdata[i], segment, body);
}

void
he_publisher_get_stats (HePublisher *self, HePublisherStats *ret_stats)
{
  HePublisherStats sum = { 0 };

  for (guint i = 0; i < self->origins->len; i++) {
    Origin *origin = self->origins->pdata[i];

    g_mutex_lock (&origin->lock);
    sum.published += origin->stats.published;
    sum.failed += origin->stats.failed;
    sum.dropped += origin->stats.dropped;
    sum.bytes += origin->stats.bytes;
    g_mutex_unlock (&origin->lock);
  }
  *ret_stats = sum;
}
