/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-put.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "he-body.h"
#include "he-depot.h"
#include "he-error.h"
#include "he-exchange.h"
#include "he-publisher.h"
#include "put-kit.h"

static const char *
remedy (guint status)
{
  return status == 403 ? ": ask" : "";
}

static gboolean
put (const Taker *taker, const char *path, guint seconds, GCancellable *cancellable,
     gboolean *ret_again, GError **error)
{
  const HePut config
      = { .place = "there", .path = path, .seconds = seconds, .remedy = remedy };
  g_autofree char *url = g_strconcat (taker->url, path, NULL);
  g_autoptr (SoupMessage) message = soup_message_new ("PUT", url);
  g_autoptr (SoupSession) session
      = soup_session_new_with_options ("proxy-resolver", NULL, NULL);
  g_autoptr (GBytes) body = g_bytes_new_static ("segment", 7);

  he_body_set (message, "video/mp2t", body);
  return he_put_send (&config, session, message, cancellable, ret_again, error);
}

/* Given an answer, then its status decides, however long it goes on. */
static void
test_answers (void)
{
  g_autoptr (Taker) taker = taker_new ();
  g_autoptr (GError) error = NULL;
  gboolean again;

  g_assert_true (put (taker, "taken", 600, NULL, &again, &error));
  g_assert_no_error (error);
  g_assert_true (put (taker, "endless", 600, NULL, &again, &error));
  g_assert_no_error (error);
  g_assert_false (put (taker, "refused", 600, NULL, &again, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_DENIED);
  g_assert_cmpstr (error->message, ==,
                   "there answered 403 Forbidden to PUT refused: ask");
  g_assert_false (again);
}

/* Given an answer that comes byte by byte, then it is waited for as long as was said. */
static void
test_trickle (void)
{
  g_autoptr (Taker) taker = taker_new ();
  g_autoptr (GError) error = NULL;
  gboolean again = FALSE;

  g_assert_false (put (taker, "trickle", 1, NULL, &again, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_IO);
  g_assert_cmpstr (error->message, ==,
                   "there: no whole answer to PUT trickle within 1 seconds");
  g_assert_true (again);
}

static gpointer
cancel_soon (gpointer cancellable)
{
  g_usleep (200 * 1000);
  g_cancellable_cancel (cancellable);
  return NULL;
}

/* Given somebody who stops it, then it does not wait for its time. */
static void
test_cancel (void)
{
  g_autoptr (Taker) taker = taker_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("cancel", cancel_soon, cancellable);
  gboolean again;

  g_assert_false (put (taker, "trickle", 6000, cancellable, &again, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_IO);
  g_assert_null (strstr (error->message, "within"));
  g_thread_join (thread);
}

/* Given old segments at a web server, then each is removed once, also where one is gone
 * already; a server that does not take DELETE is asked once. */
static void
test_old_segments_are_removed (void)
{
  g_autoptr (Taker) taker = taker_new ();
  g_autoptr (HeDepot) depot = he_depot_new (taker->url, NULL, NULL);
  static const char *const expected[] = {
    "DELETE /gone/360p/7.ts HTTP/1.1",
    "DELETE /gone/360p/8.ts HTTP/1.1",
    "DELETE /demo/360p/8.ts HTTP/1.1",
    "DELETE /kept/360p/5.ts HTTP/1.1",
  };

  he_depot_trim (depot, "gone/360p", 7, 9, NULL);
  he_depot_trim (depot, "demo/360p", 8, 8, NULL);
  he_depot_trim (depot, "demo/360p", 8, 9, NULL);
  he_depot_trim (depot, "kept/360p", 5, 9, NULL);
  he_depot_trim (depot, "demo/360p", 5, 9, NULL);
  g_mutex_lock (&taker->lock);
  g_assert_cmpuint (taker->lines->len, ==, G_N_ELEMENTS (expected));
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    g_assert_cmpstr (taker->lines->pdata[i], ==, expected[i]);
  g_mutex_unlock (&taker->lock);
}

/* Answers once, leaves the next request on that connection, and takes it on another. Tells
 * the length of the body that came there. */
static gpointer
leave_and_take (gpointer data)
{
  static const char answer[] = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
  GSocketListener *listener = data;
  gsize length = 0;

  for (guint i = 0; i < 2; i++) {
    g_autoptr (GSocketConnection) connection
        = g_socket_listener_accept (listener, NULL, NULL, NULL);
    GInputStream *in = g_io_stream_get_input_stream (G_IO_STREAM (connection));
    g_autofree char *head = taker_read (in, NULL);
    char byte;

    length = taker_length (head);
    taker_say (g_io_stream_get_output_stream (G_IO_STREAM (connection)), answer, NULL);
    if (i == 0)
      g_input_stream_read (in, &byte, 1, NULL, NULL);
  }
  return GSIZE_TO_POINTER (length);
}

static void
test_sent_again_with_its_body (void)
{
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  guint16 port = g_socket_listener_add_any_inet_port (listener, NULL, NULL);
  GThread *server = g_thread_new ("server", leave_and_take, listener);
  g_autofree char *url = g_strdup_printf ("http://127.0.0.1:%u/x", port);
  const HePut config
      = { .place = "there", .path = "x", .seconds = 600, .remedy = remedy };
  g_autoptr (SoupSession) session = soup_session_new_with_options (
      "proxy-resolver", NULL, "max-conns-per-host", HE_EXCHANGE_CONNECTIONS, NULL);
  g_autoptr (GBytes) body = g_bytes_new_static ("segment", 7);
  g_autoptr (GError) error = NULL;
  gboolean again;

  for (guint i = 0; i < 2; i++) {
    g_autoptr (SoupMessage) message = soup_message_new ("PUT", url);

    he_body_set (message, "video/mp2t", body);
    g_assert_true (he_put_send (&config, session, message, NULL, &again, &error));
    g_assert_no_error (error);
  }
  g_assert_cmpuint (GPOINTER_TO_SIZE (g_thread_join (server)), ==, 7);
}

/* ---- a server that closes a connection between two looks at it ---- */

#define ANSWERS 4

static GMutex closing_lock;
static GCond closing_changed;
static gboolean is_closing; /* under closing_lock, as below: the server is at work */
static guint had;           /* answers that the client has read */
static guint looks;         /* at a connection that was closed directly behind them */
static guint closed;

/* GIO's, in this program: who finds nothing on a connection that has had its answer looks
 * whether it is open still, and has seen that it is when the server closes it. Only what
 * was read tells the two ways to find nothing apart: the answer may be under way. */
ssize_t recv (int fd, void *buffer, size_t len, int flags);
ssize_t
recv (int fd, void *buffer, size_t len, int flags)
{
  static const char answer[] = "HTTP/1.1 201";
  ssize_t n = recvfrom (fd, buffer, len, flags, NULL, NULL);
  int error = errno;

  if (n < 0 && error != EAGAIN)
    return n;
  g_mutex_lock (&closing_lock);
  if (is_closing && n >= (ssize_t)strlen (answer)
      && memcmp (buffer, answer, strlen (answer)) == 0) {
    had++;
  } else if (is_closing && n < 0 && had > looks && had < ANSWERS) {
    looks = had;
    g_cond_broadcast (&closing_changed);
    while (closed < looks)
      g_cond_wait (&closing_changed, &closing_lock);
  }
  g_mutex_unlock (&closing_lock);
  errno = error;
  return n;
}

static gpointer
answer_and_close (gpointer listener)
{
  for (guint i = 1; i <= ANSWERS; i++) {
    g_autoptr (GSocketConnection) connection
        = g_socket_listener_accept (listener, NULL, NULL, NULL);
    GIOStream *stream = G_IO_STREAM (connection);
    g_autofree char *head = taker_read (g_io_stream_get_input_stream (stream), NULL);

    taker_say (g_io_stream_get_output_stream (stream),
               "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", NULL);
    if (i == ANSWERS)
      break;
    g_mutex_lock (&closing_lock);
    while (looks < i)
      g_cond_wait (&closing_changed, &closing_lock);
    g_mutex_unlock (&closing_lock);
    g_io_stream_close (stream, NULL, NULL);
    g_mutex_lock (&closing_lock);
    closed = i;
    g_cond_broadcast (&closing_changed);
    g_mutex_unlock (&closing_lock);
  }
  return NULL;
}

static void
closing_set (gboolean now)
{
  g_mutex_lock (&closing_lock);
  is_closing = now;
  g_mutex_unlock (&closing_lock);
}

/* Given a server that closes a connection just when it is to be used again, then the next
 * segment gets there by another. */
static void
test_closed_just_then (void)
{
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  guint16 port = g_socket_listener_add_any_inet_port (listener, NULL, NULL);
  GThread *server = g_thread_new ("server", answer_and_close, listener);
  g_autofree char *url = g_strdup_printf ("http://127.0.0.1:%u", port);
  const char *const origins[] = { url, NULL };
  g_autoptr (HeSecret) key = he_secret_new ((const guint8 *)"key", 3);
  HePublisher *publisher = he_publisher_new (origins, key, "N", 9, NULL, NULL, NULL);
  g_autoptr (GBytes) body = g_bytes_new_static ("segment", 7);
  HeSegment segment = { .channel = (char *)"demo", .rendition = (char *)"v" };
  HeSenderStats stats = { 0 };

  closing_set (TRUE);
  for (segment.msn = 0; segment.msn < ANSWERS; segment.msn++) {
    he_publisher_push (publisher, &segment, body);
    for (guint tries = 0; stats.published <= segment.msn; tries++) {
      g_assert_cmpuint (tries, <, 6000);
      g_usleep (10 * 1000);
      he_publisher_get_stats (publisher, &stats);
    }
  }
  g_thread_join (server);
  closing_set (FALSE);
  g_assert_cmpuint (looks, ==, ANSWERS - 1);
  g_assert_cmpuint (stats.failed + stats.dropped, ==, 0);
  he_publisher_free (publisher);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/put/the-status-decides", test_answers);
  g_test_add_func ("/put/a-slow-answer-has-its-time", test_trickle);
  g_test_add_func ("/put/sent-again-with-its-body", test_sent_again_with_its_body);
  g_test_add_func ("/put/closed-just-then", test_closed_just_then);
  g_test_add_func ("/put/can-be-stopped", test_cancel);
  g_test_add_func ("/put/old-segments-are-removed", test_old_segments_are_removed);
  return g_test_run ();
}
