/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-front.h"
#include "he-log.h"
#include "he-metrics.h"

#include <string.h>

/* Status for a head; 0: accepted. */
static guint
check (const char *text)
{
  guint status = 0;
  const char *why = NULL;
  g_autoptr (HeHead) head = he_head_parse (text, strlen (text), &status, &why);

  g_assert_true ((head == NULL) == (why != NULL));
  return head != NULL ? 0 : status;
}

static guint
check_fields (const char *fields)
{
  g_autofree char *text
      = g_strconcat ("PUT / HTTP/1.1\r\nHost: a\r\n", fields, "\r\n", NULL);

  return check (text);
}

static void
honest_requests_are_read (void)
{
  static const char text[]
      = "PUT /live/demo/main.m3u8?a=%20b&c HTTP/1.1\r\nhost: Edge:8080\r\n"
        "Content-Length:  16777216\t\r\nEMPTY:\r\nX: 1\r\nx: 2\r\n"
        "Expect: 100-Continue\r\n\r\n";
  guint status;
  const char *why;
  g_autoptr (HeHead) head = he_head_parse (text, strlen (text), &status, &why);
  g_autofree char *joined = NULL;

  g_assert_nonnull (head);
  g_assert_cmpstr (head->method, ==, "PUT");
  g_assert_cmpstr (head->path, ==, "/live/demo/main.m3u8");
  g_assert_cmpstr (head->query, ==, "a=%20b&c");
  g_assert_cmpuint (head->content_length, ==, 16777216);
  g_assert_true (head->http11 && head->keep_alive && head->expect_continue);
  g_assert_cmpstr (he_head_field (head, "Host"), ==, "Edge:8080");
  g_assert_cmpstr (he_head_field (head, "empty"), ==, "");
  g_assert_null (he_head_field (head, "other"));
  joined = he_head_join (head, "X", ", ");
  g_assert_cmpstr (joined, ==, "1, 2");
}

static void
assert_target (const char *text, const char *path, const char *query)
{
  guint status;
  const char *why;
  g_autoptr (HeHead) head = he_head_parse (text, strlen (text), &status, &why);

  g_assert_nonnull (head);
  g_assert_cmpstr (head->path, ==, path);
  g_assert_cmpstr (head->query, ==, query);
}

static void
absolute_form_agrees_with_host (void)
{
  static const char text[]
      = "GET http://edge:8080/a?b HTTP/1.1\r\nHost: EDGE:8080\r\n\r\n";
  guint status;
  const char *why;
  g_autoptr (HeHead) head = he_head_parse (text, strlen (text), &status, &why);

  g_assert_nonnull (head);
  g_assert_cmpstr (head->path, ==, "/a");
  g_assert_cmpstr (head->query, ==, "b");
  assert_target ("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", "/", NULL);
  assert_target ("GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n", "/", "b");
  g_assert_cmpuint (check ("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"), ==, 400);
  g_assert_cmpuint (check ("GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n"), ==, 400);
  g_assert_cmpuint (check ("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"), ==, 400);
}

static void
keeping_follows_version_and_wish (void)
{
  static const struct {
    const char *text;
    gboolean keep;
  } heads[] = {
    { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", TRUE },
    { "GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", FALSE },
    { "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\n\r\n", FALSE },
    { "GET / HTTP/1.2\r\nHost: [::1]:8080\r\n\r\n", TRUE },
    { "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", TRUE },
    { "GET / HTTP/1.0\r\n\r\n", FALSE },
    { "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (heads); i++) {
    guint status;
    const char *why;
    g_autoptr (HeHead) head
        = he_head_parse (heads[i].text, strlen (heads[i].text), &status, &why);

    g_assert_nonnull (head);
    g_assert_cmpint (head->keep_alive, ==, heads[i].keep);
  }
}

static void
ambiguous_framing_is_refused (void)
{
  g_assert_cmpuint (check_fields ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
                    ==, 400);
  g_assert_cmpuint (check_fields ("Transfer-Encoding: chunked\r\n"), ==, 411);
  g_assert_cmpuint (check_fields ("Content-Length: 5\r\nContent-Length: 5\r\n"), ==, 400);
  g_assert_cmpuint (check_fields ("Content-Length: +5\r\n"), ==, 400);
  g_assert_cmpuint (check_fields ("Content-Length: 5, 5\r\n"), ==, 400);
  g_assert_cmpuint (check_fields ("Content-Length: -1\r\n"), ==, 400);
  g_assert_cmpuint (check_fields ("Content-Length: 0x5\r\n"), ==, 400);
  g_assert_cmpuint (check_fields ("Content-Length:\r\n"), ==, 400);
  g_assert_cmpuint (check_fields ("Content-Length: 18446744073709551616\r\n"), ==, 400);
  g_assert_cmpuint (check_fields ("Content-Length : 5\r\n"), ==, 400);
}

static void
malformed_lines_are_refused (void)
{
  static const char *const heads[] = {
    "\r\n\r\n",
    "GET\r\nHost: a\r\n\r\n",
    "GET /\r\nHost: a\r\n\r\n",
    "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / http/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: a\x07\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: \r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: :80\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: []\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [a::x]\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n",
    "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET live HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\nrange: bytes=2-3\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (heads); i++)
    g_assert_cmpuint (check (heads[i]), ==, 400);
  g_assert_cmpuint (check ("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), ==, 505);
}

static void
nul_bytes_are_refused (void)
{
  static const char text[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n";
  guint status = 0;
  const char *why;

  g_assert_null (he_head_parse (text, sizeof text - 1, &status, &why));
  g_assert_cmpuint (status, ==, 400);
}

static void
heads_are_bounded (void)
{
  g_autofree char *value = g_strnfill (HE_FRONT_MAX_FIELD_BYTES, 'a');
  g_autofree char *big = g_strconcat ("X: ", value, "\r\n", NULL);
  g_autofree char *target = g_strnfill (HE_FRONT_MAX_TARGET, 'a');
  g_autofree char *lengthy
      = g_strconcat ("GET /", target, " HTTP/1.1\r\nHost: a\r\n\r\n", NULL);
  GString *many = g_string_new (NULL);

  g_assert_cmpuint (check_fields (big), ==, 431);
  g_assert_cmpuint (check (lengthy), ==, 414);
  for (guint i = 0; i < HE_FRONT_MAX_FIELDS; i++)
    g_string_append (many, "X: y\r\n");
  g_assert_cmpuint (check_fields (many->str), ==, 431);
  g_assert_cmpuint (check_fields (many->str + 6), ==, 0);
  g_string_free (many, TRUE);
}

static void
assert_range (const char *text, HeRange expected, guint64 first, guint64 last)
{
  guint64 got_first = 0, got_last = 0;

  g_assert_cmpint (he_range_parse (text, 100, &got_first, &got_last), ==, expected);
  if (expected == HE_RANGE_ONE) {
    g_assert_cmpuint (got_first, ==, first);
    g_assert_cmpuint (got_last, ==, last);
  }
}

static void
one_range_is_understood (void)
{
  assert_range (NULL, HE_RANGE_NONE, 0, 0);
  assert_range ("bytes=0-0", HE_RANGE_ONE, 0, 0);
  assert_range ("bytes=10-", HE_RANGE_ONE, 10, 99);
  assert_range ("bytes=90-1000", HE_RANGE_ONE, 90, 99);
  assert_range ("bytes=-7", HE_RANGE_ONE, 93, 99);
  assert_range ("bytes=-1000", HE_RANGE_ONE, 0, 99);
  assert_range ("bytes=100-", HE_RANGE_UNSATISFIABLE, 0, 0);
  assert_range ("bytes=-0", HE_RANGE_UNSATISFIABLE, 0, 0);
}

static void
odd_ranges_get_everything (void)
{
  static const char *const odd[] = { "bytes=0-1,5-6",
                                     "bytes=5-4",
                                     "bytes=a-",
                                     "bytes=-",
                                     "bytes=9223372036854775808-",
                                     "lines=1-2",
                                     "bytes= 1-2",
                                     "bytes=1-2-3",
                                     "bytes=+1-2",
                                     "bytes" };

  for (guint i = 0; i < G_N_ELEMENTS (odd); i++)
    assert_range (odd[i], HE_RANGE_NONE, 0, 0);
}

static void
collect (const char *line, gpointer data)
{
  g_ptr_array_add (data, g_strdup (line));
}

static void
log_is_limited_and_says_so (void)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (HeLog) log = he_log_new (collect, lines);

  for (guint i = 0; i < 1000; i++)
    he_log_event (log, 5 * G_USEC_PER_SEC + i, "line\nbreak %u", i);
  g_assert_cmpuint (lines->len, ==, HE_LOG_PER_SECOND);
  g_assert_cmpstr (lines->pdata[0], ==, "line break 0");
  he_log_event (log, 6 * G_USEC_PER_SEC, "next");
  g_assert_cmpstr (lines->pdata[HE_LOG_PER_SECOND], ==, "next suppressed=980");
}

static void
log_path_hides_credentials (void)
{
  g_autofree char *prefix = he_log_path ("/s/SECRET/live/demo/main.m3u8");
  g_autofree char *alone = he_log_path ("/s/SECRET");
  g_autofree char *odd = he_log_path ("/live/a\x01 b");

  g_assert_cmpstr (prefix, ==, "/s/*/live/demo/main.m3u8");
  g_assert_cmpstr (alone, ==, "/s/*");
  g_assert_cmpstr (odd, ==, "/live/a??b");
}

static void
metrics_are_bounded_and_escaped (void)
{
  g_autoptr (HeMetrics) metrics = he_metrics_new ();
  GString *text = g_string_new (NULL);

  he_metrics_add (metrics, HE_METRIC_PUTS, "A", "new", 2);
  he_metrics_add (metrics, HE_METRIC_PUTS, "A", "new", 3);
  he_metrics_add (metrics, HE_METRIC_DENIALS, "a\"b\\c\nd", NULL, 1);
  for (guint i = 0; i < 5000; i++) {
    g_autofree char *node = g_strdup_printf ("n%u", i);

    he_metrics_add (metrics, HE_METRIC_PUTS, node, "new", 1);
  }
  he_metrics_render (metrics, text);
  g_assert_nonnull (
      strstr (text->str, "\nheadend_puts_total{node=\"A\",outcome=\"new\"} 5\n"));
  g_assert_nonnull (strstr (text->str, "{code=\"a\\\"b\\\\c\\nd\"} 1\n"));
  g_assert_nonnull (strstr (text->str, "node=\"n2000\""));
  g_assert_null (strstr (text->str, "node=\"n2100\""));
  g_string_free (text, TRUE);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/front/honest-requests-are-read", honest_requests_are_read);
  g_test_add_func ("/front/absolute-form-agrees-with-host",
                   absolute_form_agrees_with_host);
  g_test_add_func ("/front/keeping-follows-version-and-wish",
                   keeping_follows_version_and_wish);
  g_test_add_func ("/front/ambiguous-framing-is-refused", ambiguous_framing_is_refused);
  g_test_add_func ("/front/malformed-lines-are-refused", malformed_lines_are_refused);
  g_test_add_func ("/front/nul-bytes-are-refused", nul_bytes_are_refused);
  g_test_add_func ("/front/heads-are-bounded", heads_are_bounded);
  g_test_add_func ("/front/range/one-is-understood", one_range_is_understood);
  g_test_add_func ("/front/range/odd-ones-get-everything", odd_ranges_get_everything);
  g_test_add_func ("/log/is-limited-and-says-so", log_is_limited_and_says_so);
  g_test_add_func ("/log/path-hides-credentials", log_path_hides_credentials);
  g_test_add_func ("/metrics/are-bounded-and-escaped", metrics_are_bounded_and_escaped);
  return g_test_run ();
}
