/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-publisher.h"

#include <libsoup/soup.h>

#include "he-body.h"
#include "he-error.h"
#include "he-exchange.h"
#include "he-put.h"
#include "he-sign.h"

#define IO_TIMEOUT 3 /* seconds without a byte */
#define PUT_LIMIT 30 /* seconds */
#define FAREWELL (2 * G_TIME_SPAN_SECOND)

typedef struct {
  HePublisher *publisher; /* outlives us */
  char *url;              /* "http://HOST:PORT" */
  SoupSession *session;   /* of the sender's thread */
  HeSender *sender;
} Origin;

struct _HePublisher {
  HeSecret *key;
  char *node;
  HePublishedFunc published;
  gpointer user_data;
  GPtrArray *origins; /* Origin */
  gint64 deadline;    /* of draining, monotonic; 0: not begun */
};

/* ---- one PUT ---- */

static SoupMessage *
request_new (Origin *origin, const HeSegment *segment, GBytes *body)
{
  HePublisher *publisher = origin->publisher;
  g_autofree char *path = he_segment_path (segment);
  g_autofree char *url = g_strconcat (origin->url, path, NULL);
  g_autofree char *identity = he_segment_to_header (segment);
  gsize len;
  const guint8 *data = g_bytes_get_data (body, &len);
  g_autofree char *signature = he_sign_request (publisher->key, "PUT", path, data, len,
                                                g_get_real_time () / G_USEC_PER_SEC);
  SoupMessage *message = soup_message_new ("PUT", url);
  SoupMessageHeaders *headers = soup_message_get_request_headers (message);

  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  soup_message_headers_replace (headers, "Authorization", signature);
  soup_message_headers_replace (headers, HE_SEGMENT_HEADER, identity);
  soup_message_headers_replace (headers, "Headend-Node", publisher->node);
  he_body_set (message, "video/mp2t", body);
  return message;
}

/* No proxy stands between a head-end's own processes. */
static SoupSession *
session_of (Origin *origin)
{
  if (origin->session == NULL)
    origin->session = soup_session_new_with_options (
        "timeout", IO_TIMEOUT, "idle-timeout", 60, "max-conns-per-host",
        HE_EXCHANGE_CONNECTIONS, "proxy-resolver", NULL, NULL);
  return origin->session;
}

static const char *
remedy (guint status)
{
  return status == 401 || status == 403 ? ": compare publish keys and clocks of both "
                                          "machines"
                                        : "";
}

static gboolean
put (const HeSegment *segment, GBytes *body, GCancellable *cancellable,
     gboolean *ret_again, GError **error, gpointer user_data)
{
  Origin *origin = user_data;
  g_autoptr (SoupMessage) message = request_new (origin, segment, body);
  g_autofree char *path = he_segment_path (segment);
  const HePut put
      = { .place = origin->url, .path = path, .seconds = PUT_LIMIT, .remedy = remedy };

  return he_put_send (&put, session_of (origin), message, cancellable, ret_again, error);
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
on_sent (const HeSegment *segment, const GError *error, gpointer user_data)
{
  Origin *origin = user_data;
  HePublisher *publisher = origin->publisher;

  if (publisher->published != NULL)
    publisher->published (segment, origin->url, error, publisher->user_data);
}

static void
origin_free (Origin *origin)
{
  he_sender_free (origin->sender);
  g_clear_object (&origin->session);
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
  self->published = published;
  self->user_data = user_data;
  self->origins = g_ptr_array_new ();
  for (guint i = 0; i < urls->len; i++) {
    Origin *origin = g_new0 (Origin, 1);

    origin->publisher = self;
    origin->url = g_strdup (urls->pdata[i]);
    g_ptr_array_add (self->origins, origin);
    origin->sender
        = he_sender_new (origin->url, queue_limit, FALSE, put, on_sent, origin);
  }
  return self;
}

void
he_publisher_drain (HePublisher *self)
{
  if (self->deadline == 0)
    self->deadline = g_get_monotonic_time () + FAREWELL;
  for (guint i = 0; i < self->origins->len; i++)
    he_sender_drain (((Origin *)self->origins->pdata[i])->sender, self->deadline);
  for (guint i = 0; i < self->origins->len; i++)
    he_sender_stop (((Origin *)self->origins->pdata[i])->sender);
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

void
he_publisher_push (HePublisher *self, const HeSegment *segment, GBytes *body)
{
  for (guint i = 0; i < self->origins->len; i++)
    he_sender_push (((Origin *)self->origins->pdata[i])->sender, segment, body);
}

void
he_publisher_get_stats (HePublisher *self, HeSenderStats *ret_stats)
{
  HeSenderStats sum = { 0 };

  for (guint i = 0; i < self->origins->len; i++) {
    HeSenderStats stats;

    he_sender_get_stats (((Origin *)self->origins->pdata[i])->sender, &stats);
    he_sender_stats_add (&sum, &stats);
  }
  *ret_stats = sum;
}
