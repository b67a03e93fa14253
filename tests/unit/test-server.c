/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-request.h"
#include "server-kit.h"

static Reply *
raw (Server *server, const char *text)
{
  g_autoptr (GSocket) socket = client_connect ("127.0.0.1", server->port);

  client_send (socket, text, strlen (text));
  return client_read (socket, TRUE);
}

static void
connections_are_kept (void)
{
  g_autoptr (Server) server = server_start (&usual);
  g_autoptr (GSocket) socket = client_connect ("127.0.0.1", server->port);

  for (guint i = 0; i < 5; i++) {
    g_autofree char *text = g_strdup_printf ("GET /%s HTTP/1.1\r\nHost: a\r\n\r\n",
                                             i % 2 ? "later" : "now");
    g_autoptr (Reply) reply = NULL;

    g_assert_true (client_send (socket, text, strlen (text)));
    reply = client_read (socket, TRUE);
    g_assert_cmpuint (reply->status, ==, 200);
  }
}

static void
range_is_cut_by_our_rules (void)
{
  g_autoptr (Server) server = server_start (&usual);
  g_autoptr (Reply) one = get (server->port, "/", "Range: bytes=2-4\r\n");
  g_autoptr (Reply) many = get (server->port, "/", "Range: bytes=0-1,3-4,6-7\r\n");
  g_autoptr (Reply) huge
      = get (server->port, "/", "Range: bytes=-9223372036854775808\r\n");
  g_autoptr (Reply) beyond = get (server->port, "/", "Range: bytes=100-\r\n");
  g_autoptr (Reply) stale
      = get (server->port, "/", "Range: bytes=2-4\r\nIf-Range: \"other\"\r\n");
  g_autoptr (Reply) head = http ("127.0.0.1", server->port, "HEAD", "/", NULL, NULL);
  g_autofree char *text = reply_text (one);
  g_autofree char *range = reply_field (one, "Content-Range");
  g_autofree char *length = reply_field (head, "Content-Length");

  g_assert_cmpuint (one->status, ==, 206);
  g_assert_cmpstr (text, ==, "234");
  g_assert_cmpstr (range, ==, "bytes 2-4/100");
  g_assert_cmpuint (many->status, ==, 200);
  g_assert_cmpuint (g_bytes_get_size (many->body), ==, 100);
  g_assert_cmpuint (huge->status, ==, 206);
  g_assert_cmpuint (g_bytes_get_size (huge->body), ==, 100);
  g_assert_cmpuint (beyond->status, ==, 416);
  g_assert_cmpuint (stale->status, ==, 200);
  g_assert_cmpuint (head->status, ==, 200);
  g_assert_cmpstr (length, ==, "100");
  g_assert_cmpuint (g_bytes_get_size (head->body), ==, 0);
}

static void
smuggling_shapes_are_refused (void)
{
  static const struct {
    const char *text;
    guint status;
  } shapes[] = {
    { "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: "
      "chunked\r\n\r\n"
      "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
      400 },
    { "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
      "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      411 },
    { "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 0\r\n\r\nabc",
      400 },
    { "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\n\r\n", 400 },
    { "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 413 },
    { "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", 413 },
    { "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9999\r\n\r\n",
      413 },
    { "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\nContent-Length: 3\r\n\r\nabc", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\n folded: 3\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc", 400 },
  };
  g_autoptr (Server) server = server_start (&usual);

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    g_autoptr (GSocket) socket = client_connect ("127.0.0.1", server->port);
    g_autoptr (Reply) reply = NULL;
    g_autoptr (Reply) rest = NULL;

    g_assert_true (client_send (socket, shapes[i].text, strlen (shapes[i].text)));
    reply = client_read (socket, TRUE);
    g_assert_cmpuint (reply->status, ==, shapes[i].status);
    /* Nothing on this connection is believed any more. */
    rest = client_read (socket, TRUE);
    g_assert_cmpuint (rest->status, ==, 0);
  }
  g_assert_cmpuint (g_atomic_int_get (&server->handled), ==, 0);
}

/* Given the beginning of what can be no request, or a second empty line ahead of one, then
 * the answer does not wait for the end. */
static void
broken_heads_are_answered_at_once (void)
{
  static const struct {
    const char *text;
    guint status;
    gboolean is_head;
  } heads[] = {
    { "GET /\r\n", 400, FALSE },
    { "GET / HTTP/1.1\nHost: a\n", 400, FALSE },
    { "GET / HTTP/1.1\r\nHost: a\rb", 400, FALSE },
    { "\x16\x03\x01\x02", 400, FALSE },
    { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, FALSE },
    { "\r\n\r\n", 400, FALSE },
    { "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501, FALSE },
    { "HEAD / HTTP/1.1\r\n\r\n", 400, TRUE },
  };
  g_autoptr (Server) server = server_start (&usual);

  for (guint i = 0; i < G_N_ELEMENTS (heads); i++) {
    g_autoptr (GSocket) socket = client_connect ("127.0.0.1", server->port);
    g_autoptr (Reply) reply = NULL;
    g_autoptr (Reply) rest = NULL;

    g_test_message ("%u", i);
    g_assert_true (client_send (socket, heads[i].text, strlen (heads[i].text)));
    reply = client_read (socket, !heads[i].is_head);
    rest = client_read (socket, TRUE);
    g_assert_cmpuint (reply->status, ==, heads[i].status);
    g_assert_cmpuint (g_bytes_get_size (reply->body) == 0, ==, heads[i].is_head);
    g_assert_cmpuint (g_bytes_get_size (rest->body), ==, 0);
  }
  g_assert_cmpuint (g_atomic_int_get (&server->handled), ==, 0);
}

/* RFC 9110 sections 13.1.1 and 13.1.2: what has no tag is held, and is named by no tag.
 */
static void
preconditions_of_what_has_no_tag (void)
{
  static const struct {
    const char *method, *fields;
    guint status;
  } tries[] = {
    { "GET", "If-None-Match: *\r\n", 304 },       { "HEAD", "If-None-Match: *\r\n", 304 },
    { "GET", "If-None-Match: \"tag\"\r\n", 200 }, { "GET", "If-Match: *\r\n", 200 },
    { "GET", "If-Match: \"tag\"\r\n", 412 },
  };
  g_autoptr (Server) server = server_start (&usual);

  for (guint i = 0; i < G_N_ELEMENTS (tries); i++) {
    g_autoptr (GSocket) socket = client_connect ("127.0.0.1", server->port);
    g_autofree char *text
        = g_strconcat (tries[i].method, " /later HTTP/1.1\r\nHost: a\r\n",
                       tries[i].fields, "\r\n", NULL);
    g_autoptr (Reply) reply = NULL;

    g_test_message ("%s %s", tries[i].method, tries[i].fields);
    client_send (socket, text, strlen (text));
    reply = client_read (socket, FALSE);
    g_assert_cmpuint (reply->status, ==, tries[i].status);
  }
}

/* RFC 9110 section 13.2.2: tags are asked before ranges. */
static void
preconditions_are_kept (void)
{
  static const struct {
    const char *fields;
    guint status;
  } tries[] = {
    { "If-None-Match: \"tag\"\r\n", 304 },
    { "If-None-Match: W/\"tag\"\r\nRange: bytes=2-4\r\n", 304 },
    { "If-None-Match: \"a\"\r\nIf-None-Match: \"tag\"\r\n", 304 },
    { "If-None-Match: *\r\n", 304 },
    { "If-None-Match: \"other\"\r\nRange: bytes=2-4\r\n", 206 },
    { "If-Match: \"tag\"\r\nRange: bytes=2-4\r\n", 206 },
    { "If-Match: W/\"tag\"\r\n", 412 },
    { "If-Match: \"other\"\r\nIf-None-Match: \"tag\"\r\n", 412 },
    { "If-Range: W/\"tag\"\r\nRange: bytes=2-4\r\n", 200 },
    { "If-Range: Sat, 29 Oct 1994 19:43:31 GMT\r\nRange: bytes=2-4\r\n", 200 },
    { "If-Modified-Since: Sat, 29 Oct 2094 19:43:31 GMT\r\n", 200 },
  };
  g_autoptr (Server) server = server_start (&usual);

  for (guint i = 0; i < G_N_ELEMENTS (tries); i++) {
    g_autoptr (GSocket) socket = client_connect ("127.0.0.1", server->port);
    g_autofree char *text
        = g_strconcat ("GET / HTTP/1.1\r\nHost: a\r\n", tries[i].fields, "\r\n", NULL);
    g_autoptr (Reply) reply = NULL;
    g_autoptr (Reply) next = NULL;
    g_autofree char *tag = NULL, *length = NULL;

    g_test_message ("%s", tries[i].fields);
    client_send (socket, text, strlen (text));
    reply = client_read_next (socket);
    g_assert_cmpuint (reply->status, ==, tries[i].status);
    tag = reply_field (reply, "ETag");
    g_assert_cmpstr (tag, ==, "\"tag\"");
    length = reply_field (reply, "Content-Length");
    g_assert_cmpint (length == NULL, ==, tries[i].status == 304);
    /* Where the answer ends is not in doubt. */
    client_send (socket, text, strlen (text));
    next = client_read_next (socket);
    g_assert_cmpuint (next->status, ==, tries[i].status);
  }
}

static void
pipelined_requests_are_answered_in_order (void)
{
  g_autoptr (Server) server = server_start (&usual);
  g_autoptr (GSocket) socket = client_connect ("127.0.0.1", server->port);
  GString *text = g_string_new ("\r\n");

  for (guint i = 0; i < 50; i++)
    g_string_append_printf (text,
                            "GET /%s HTTP/1.1\r\nHost: a\r\nRange: bytes=%u-%u\r\n\r\n",
                            i % 10 == 3 ? "later" : "now", i, i);
  g_assert_true (client_send (socket, text->str, text->len));
  for (guint i = 0; i < 50; i++) {
    g_autoptr (Reply) reply = client_read_next (socket);
    g_autofree char *range = reply_field (reply, "Content-Range");
    g_autofree char *expected = g_strdup_printf ("bytes %u-%u/100", i, i);

    if (i % 10 != 3)
      g_assert_cmpstr (range, ==, expected);
    else
      g_assert_cmpuint (reply->status, ==, 200);
  }
  g_string_free (text, TRUE);
}

static void
bodies_may_come_in_pieces (void)
{
  g_autoptr (Server) server = server_start (&usual);
  g_autoptr (GSocket) socket = client_connect ("127.0.0.1", server->port);
  const char *text = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
                     "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nyo";

  for (; *text != '\0'; text++) {
    g_assert_true (client_send (socket, text, 1));
    g_usleep (300);
  }
  for (guint i = 0; i < 2; i++) {
    g_autoptr (Reply) reply = client_read_next (socket);

    g_assert_cmpuint (reply->status, ==, 200);
  }
  g_assert_cmpuint (g_atomic_int_get (&server->bodies), ==, 7);
}

static void
expect_continue_is_answered (void)
{
  g_autoptr (Server) server = server_start (&usual);
  g_autoptr (GSocket) socket = client_connect ("127.0.0.1", server->port);
  const char *head
      = "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
  g_autoptr (Reply) go_on = NULL;
  g_autoptr (Reply) reply = NULL;

  g_assert_true (client_send (socket, head, strlen (head)));
  go_on = client_read_next (socket);
  g_assert_cmpuint (go_on->status, ==, 100);
  g_assert_true (client_send (socket, "hello", 5));
  reply = client_read_next (socket);
  g_assert_cmpuint (reply->status, ==, 200);
}

static void
absolute_form_is_served (void)
{
  g_autoptr (Server) server = server_start (&usual);
  g_autoptr (Reply) reply = raw (server, "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n");

  g_assert_cmpuint (reply->status, ==, 200);
}

static void
bodies_within_the_limit_arrive (void)
{
  g_autoptr (Server) server = server_start (&usual);
  g_autofree char *data = g_strnfill (1000, 'x');
  g_autoptr (GBytes) body = g_bytes_new (data, 1000);
  g_autoptr (Reply) reply = http ("127.0.0.1", server->port, "PUT", "/", NULL, body);

  g_assert_cmpuint (reply->status, ==, 200);
  g_assert_cmpuint (g_atomic_int_get (&server->bodies), ==, 1000);
}

static void
endless_bodies_are_cut_off (void)
{
  g_autoptr (Server) server = server_start (&usual);
  g_autoptr (GSocket) socket = client_connect ("127.0.0.1", server->port);
  const char *head = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  gint64 start = g_get_monotonic_time ();
  guint sent = 0;

  client_send (socket, head, strlen (head));
  while (client_send (socket, "4\r\nabcd\r\n", 9)
         && g_get_monotonic_time () - start < 60 * G_USEC_PER_SEC) {
    sent++;
    g_usleep (2000);
  }
  g_assert_cmpint (g_get_monotonic_time () - start, <, 50 * G_USEC_PER_SEC);
  g_assert_cmpuint (g_atomic_int_get (&server->bodies), ==, 0);
}

static void
clients_that_leave_are_forgotten (void)
{
  g_autoptr (Server) server = server_start (&usual);

  for (guint i = 0; i < 50; i++) {
    g_autoptr (GSocket) socket = client_connect ("127.0.0.1", server->port);
    const char *text = i % 2 ? "GET /later HTTP/1.1\r\nHost: a\r\n\r\n" : "GET /lat";
    gboolean wait = i % 4 == 3;

    client_send (socket, text, strlen (text));
    if (wait) { /* a connection that was kept, and then left */
      g_autoptr (Reply) reply = client_read (socket, TRUE);

      g_assert_cmpuint (reply->status, ==, 200);
    }
    g_socket_close (socket, NULL);
  }
  for (guint i = 0;; i++) {
    if (server_stats (server).open == 0 && g_atomic_int_get (&server->finished) == 25)
      break;
    g_assert_cmpuint (i, <, 3000);
    g_usleep (20000);
  }
}

static void
stopping_breaks_what_is_open (void)
{
  g_autoptr (GSocket) socket = NULL;
  const char *text = "GET /never HTTP/1.1\r\nHost: a\r\n\r\n";
  Server *server = server_start (&usual);
  g_autoptr (Reply) reply = NULL;

  socket = client_connect ("127.0.0.1", server->port);
  client_send (socket, text, strlen (text));
  while (g_atomic_int_get (&server->handled) == 0)
    g_usleep (1000);
  server_stop (server);
  reply = client_read (socket, TRUE);
  g_assert_cmpuint (reply->status, ==, 0);
}

/* Given a request that a handler has, when its connection has gone, then its head and body
 * count until the handler lets it go. */
static void
who_has_left_still_counts (void)
{
  Server *server = server_start (&usual);
  g_autoptr (GSocket) socket = client_connect ("127.0.0.1", server->port);
  g_autofree char *field = g_strnfill (20000, 'x');
  g_autofree char *body = g_strnfill (1000, 'b');
  g_autofree char *text = g_strconcat ("PUT /kept HTTP/1.1\r\nHost: a\r\nContent-Length: "
                                       "1000\r\nX: ", field, "\r\n\r\n", body, NULL);
  HeRequest *request;
  HePart *part;

  g_assert_true (client_send (socket, text, strlen (text)));
  while ((request = g_atomic_pointer_get (&server->kept)) == NULL)
    g_usleep (1000);
  part = he_part_ref (request->part);
  server_stop (server);
  g_assert_cmpuint (part->budget->heads, ==, strlen (text) - 1000);
  g_assert_cmpuint (part->budget->bodies, ==, 1000);
  he_request_unref (request);
  g_assert_cmpuint (part->budget->heads, ==, 0);
  g_assert_cmpuint (part->budget->bodies, ==, 0);
  he_part_unref (part);
}

/* Given a request that a handler answers after the server has gone, then nothing is kept. */
static void
what_is_answered_too_late_is_let_go (void)
{
  Server *server = server_start (&usual);
  g_autoptr (GSocket) socket = client_connect ("127.0.0.1", server->port);
  const char *text = "GET /kept HTTP/1.1\r\nHost: a\r\n\r\n";
  HeRequest *request;
  HePart *part;

  g_assert_true (client_send (socket, text, strlen (text)));
  while ((request = g_atomic_pointer_get (&server->kept)) == NULL)
    g_usleep (1000);
  part = he_part_ref (request->part);
  server_stop (server);
  he_request_respond_text (request, 200, "late\n");
  g_assert_cmpuint (part->budget->heads, ==, strlen (text));
  he_request_unref (request);
  g_assert_cmpuint (part->budget->heads, ==, 0);
  he_part_unref (part);
}

static const struct {
  const char *name;
  void (*func) (void);
} cases[] = {
  { "connections-are-kept", connections_are_kept },
  { "range-is-cut-by-our-rules", range_is_cut_by_our_rules },
  { "smuggling-shapes-are-refused", smuggling_shapes_are_refused },
  { "broken-heads-are-answered-at-once", broken_heads_are_answered_at_once },
  { "preconditions-of-what-has-no-tag", preconditions_of_what_has_no_tag },
  { "preconditions-are-kept", preconditions_are_kept },
  { "pipelined-requests-are-answered-in-order",
    pipelined_requests_are_answered_in_order },
  { "bodies-may-come-in-pieces", bodies_may_come_in_pieces },
  { "expect-continue-is-answered", expect_continue_is_answered },
  { "absolute-form-is-served", absolute_form_is_served },
  { "bodies-within-the-limit-arrive", bodies_within_the_limit_arrive },
  { "endless-bodies-are-cut-off", endless_bodies_are_cut_off },
  { "clients-that-leave-are-forgotten", clients_that_leave_are_forgotten },
  { "who-has-left-still-counts", who_has_left_still_counts },
  { "what-is-answered-too-late-is-let-go", what_is_answered_too_late_is_let_go },
  { "stopping-breaks-what-is-open", stopping_breaks_what_is_open },
};

static void
on_one_thread (gconstpointer data)
{
  serving = 1;
  cases[GPOINTER_TO_UINT (data)].func ();
}

static void
on_three_threads (gconstpointer data)
{
  serving = 3;
  cases[GPOINTER_TO_UINT (data)].func ();
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *one = g_strconcat ("/server/", cases[i].name, NULL);
    g_autofree char *three = g_strconcat ("/server/threads/", cases[i].name, NULL);

    g_test_add_data_func (one, GUINT_TO_POINTER (i), on_one_thread);
    g_test_add_data_func (three, GUINT_TO_POINTER (i), on_three_threads);
  }
  return g_test_run ();
}
