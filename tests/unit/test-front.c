/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-front.h"

#include <string.h>

/* As a connection reads it, here byte by byte. */
static HeHead *
read_bytes (const char *bytes, gsize len, guint *ret_status)
{
  HeHeadScan scan = { 0 };
  const char *why = NULL;
  gsize found = 0;
  HeHead *head;

  *ret_status = 0;
  for (gsize i = 1; i <= len && found == 0; i++) {
    found = he_head_scan (bytes, i, &scan, ret_status, &why);
    g_assert_true ((*ret_status != 0) == (why != NULL));
    if (*ret_status != 0)
      return NULL;
  }
  g_assert_cmpuint (found, ==, len);
  head = he_head_parse (bytes, len, ret_status, &why);
  g_assert_true ((head == NULL) == (why != NULL));
  return head;
}

static HeHead *
read_text (const char *text)
{
  guint status;

  return read_bytes (text, strlen (text), &status);
}

/* Status for a head; 0: accepted. */
static guint
check (const char *text)
{
  guint status = 0;
  g_autoptr (HeHead) head = read_bytes (text, strlen (text), &status);

  return head != NULL ? 0 : status;
}

static guint
check_fields (const char *fields)
{
  g_autofree char *text
      = g_strconcat ("PUT / HTTP/1.1\r\nHost: a\r\n", fields, "\r\n", NULL);

  return check (text);
}

/* Where a head ends, or what refuses it, when step bytes come at a time. */
static gsize
scan_by (const char *bytes, gsize len, gsize step, guint *ret_status)
{
  HeHeadScan scan = { 0 };
  const char *why = NULL;
  gsize found = 0;

  *ret_status = 0;
  for (gsize i = 0; i < len && found == 0 && *ret_status == 0;) {
    i = MIN (i + step, len);
    found = he_head_scan (bytes, i, &scan, ret_status, &why);
  }
  return found;
}

/* Any byte at any place: what comes at once is judged as what comes byte by byte. */
static void
no_byte_hides_among_others (void)
{
  static const char text[]
      = "GET /a HTTP/1.1\r\nHost: a\r\nX: abcdefghijklmnopqrstuvwxyz\r\n\r\n";
  const gsize len = strlen (text);
  guint refused = 0;

  for (gsize place = 0; place < len; place++)
    for (guint byte = 0; byte < 256; byte++) {
      g_autofree char *bytes = g_memdup2 (text, len);
      guint slow, quick, eights;

      bytes[place] = (char)byte;
      gsize end = scan_by (bytes, len, 1, &slow);
      g_assert_cmpuint (scan_by (bytes, len, len, &quick), ==, end);
      g_assert_cmpuint (scan_by (bytes, len, 9, &eights), ==, end);
      g_assert_cmpuint (quick, ==, slow);
      g_assert_cmpuint (eights, ==, slow);
      refused += slow == 400;
    }
  /* Control characters, but the tab, and DEL, at each place that is no line's end. */
  g_assert_cmpuint (refused, >=, 32 * (len - 8));
}

static void
honest_requests_are_read (void)
{
  static const char text[]
      = "PUT /live/demo/main.m3u8?a=%20b&c HTTP/1.1\r\nhost: Edge:8080\r\n"
        "Content-Length:  16777216\t\r\nEMPTY:\r\nX: 1\r\nx: 2\r\n"
        "Expect: 100-Continue\r\n\r\n";
  g_autoptr (HeHead) head = read_text (text);
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
  g_autoptr (HeHead) head = read_text (text);

  g_assert_nonnull (head);
  g_assert_cmpstr (head->path, ==, path);
  g_assert_cmpstr (head->query, ==, query);
}

static void
absolute_form_agrees_with_host (void)
{
  static const char text[]
      = "GET http://edge:8080/a?b HTTP/1.1\r\nHost: EDGE:8080\r\n\r\n";
  g_autoptr (HeHead) head = read_text (text);

  g_assert_nonnull (head);
  g_assert_cmpstr (head->path, ==, "/a");
  g_assert_cmpstr (head->query, ==, "b");
  assert_target ("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", "/", NULL);
  assert_target ("GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n", "/", "b");
  assert_target ("GET http://a:80/b HTTP/1.1\r\nHost: A\r\n\r\n", "/b", NULL);
  assert_target ("GET http://a:/b HTTP/1.1\r\nHost: a:80\r\n\r\n", "/b", NULL);
  g_assert_cmpuint (check ("GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n"), ==, 400);
  g_assert_cmpuint (check ("GET http://ab/ HTTP/1.1\r\nHost: a\r\n\r\n"), ==, 400);
  g_assert_cmpuint (check ("GET http://a/ HTTP/1.1\r\nHost: ab\r\n\r\n"), ==, 400);
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
    g_autoptr (HeHead) head = read_text (heads[i].text);

    g_assert_nonnull (head);
    g_assert_cmpint (head->keep_alive, ==, heads[i].keep);
  }
}

static void
ambiguous_framing_is_refused (void)
{
  g_assert_cmpuint (check_fields ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
                    ==, 400);
  g_assert_cmpuint (check_fields ("Content-Length: 5\r\nContent-Length: 5\r\n"), ==, 400);
  g_assert_cmpuint (check_fields ("Content-Length: +5\r\n"), ==, 400);
  g_assert_cmpuint (check_fields ("Content-Length: 5, 5\r\n"), ==, 400);
  g_assert_cmpuint (check_fields ("Content-Length: -1\r\n"), ==, 400);
  g_assert_cmpuint (check_fields ("Content-Length: 0x5\r\n"), ==, 400);
  g_assert_cmpuint (check_fields ("Content-Length:\r\n"), ==, 400);
  g_assert_cmpuint (check_fields ("Content-Length: 18446744073709551616\r\n"), ==, 400);
  g_assert_cmpuint (check_fields ("Content-Length : 5\r\n"), ==, 400);
  /* Legal, and yet octal to some: nobody means well by it (Http11Probe's SMUG-CL-...). */
  g_assert_cmpuint (check_fields ("Content-Length: 005\r\n"), ==, 400);
  g_assert_cmpuint (check_fields ("Content-Length: 0200\r\n"), ==, 400);
  g_assert_cmpuint (check_fields ("Content-Length: 00\r\n"), ==, 400);
}

/* RFC 9112 sections 6.1 and 6.3, and what smugglers make of them. */
static void
transfer_codings_are_refused (void)
{
  static const struct {
    const char *fields;
    guint status;
  } cases[] = {
    { "Transfer-Encoding: chunked\r\n", 411 },
    { "TRANSFER-ENCODING:\tChunked \r\n", 411 },
    { "Transfer-Encoding: ,chunked,\r\n", 411 },
    { "Transfer-Encoding: gzip, chunked\r\n", 501 },
    { "Transfer-Encoding: chunked, gzip\r\n", 400 },
    { "Transfer-Encoding: chunked, identity\r\n", 400 },
    { "Transfer-Encoding: chunked, chunked\r\n", 400 },
    { "Transfer-Encoding: xchunked\r\n", 400 },
    { "Transfer-Encoding: identity\r\n", 400 },
    { "Transfer-Encoding: \"chunked\"\r\n", 400 },
    { "Transfer-Encoding: chunked;a=b\r\n", 400 },
    { "Transfer-Encoding: chunk ed\r\n", 400 },
    { "Transfer-Encoding: chunked\xff\r\n", 400 },
    { "Transfer-Encoding:\r\n", 400 },
    { "Transfer-Encoding: \x0b" "chunked\r\n", 400 },
    { "Transfer-Encoding: \x0c" "chunked\r\n", 400 },
    { "Transfer-Encoding:\r\n chunked\r\n", 400 },
    { "Transfer-Encoding : chunked\r\n", 400 },
    { " Transfer-Encoding: chunked\r\n", 400 },
    { "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400 },
    { "Transfer-Encoding: x\r\nContent-Length: 1\r\n", 400 },
    { "Transfer_Encoding: chunked\r\n", 0 }, /* another field, which says nothing */
    { "TE: trailers\r\n", 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *shown = g_strescape (cases[i].fields, NULL);

    g_test_message ("%s", shown);
    g_assert_cmpuint (check_fields (cases[i].fields), ==, cases[i].status);
  }
  g_assert_cmpuint (
      check ("PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), ==, 400);
}

/* RFC 3986 section 3.3 and RFC 9112 section 3.2. */
static void
targets_have_a_form (void)
{
  static const struct {
    const char *target;
    guint status;
  } cases[] = {
    { "/live/demo/main.m3u8;x=1?a=%zz&b={|}^`\\[]", 0 }, /* as browsers send queries */
    { "/-._~!$&'()*+,;=:@/%41%7e", 0 },
    { "//a//b", 0 },
    { "/../..", 0 },
    { "/?a=\"b\"", 400 },
    { "/?<a", 400 },
    { "/?a=>", 400 },
    { "/a\\b", 400 },
    { "/a|b", 400 },
    { "/<a>", 400 },
    { "/[", 400 },
    { "/%", 400 },
    { "/%4", 400 },
    { "/%4g", 400 },
    { "/%00", 400 },
    { "/%0d%0aX:", 400 },
    { "/%7F", 400 },
    { "/%u0041", 400 },
    { "a:80", 400 },
    { "", 400 },
    { "?a", 400 },
    { "ftp://a/", 400 },
    { "http:/a", 400 },
    { "http://", 400 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text
        = g_strdup_printf ("GET %s HTTP/1.1\r\nHost: a\r\n\r\n", cases[i].target);

    g_test_message ("%s", cases[i].target);
    g_assert_cmpuint (check (text), ==, cases[i].status);
  }
  g_assert_cmpuint (check ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), ==, 0);
  g_assert_cmpuint (check ("OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n"), ==, 400);
  g_assert_cmpuint (check ("GET http://u@a/ HTTP/1.0\r\n\r\n"), ==, 400);
  g_assert_cmpuint (check ("GET http://a/ HTTP/1.0\r\n\r\n"), ==, 0);
}

/* RFC 9110 section 9.1: methods that nobody has are 501, and have a case. */
static void
methods_are_known (void)
{
  static const struct {
    const char *method;
    guint status;
  } cases[] = {
    { "GET", 0 },   { "TRACE", 0 },  { "PATCH", 0 }, { "get", 501 },
    { "GETX", 501 }, { "CONNECT", 501 }, { "G\"", 400 }, { "", 400 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text
        = g_strdup_printf ("%s / HTTP/1.1\r\nHost: a\r\n\r\n", cases[i].method);

    g_assert_cmpuint (check (text), ==, cases[i].status);
  }
}

/* Given bytes that no head can come of, then nobody waits for the rest. */
static void
what_can_be_no_head_is_told_at_once (void)
{
  static const struct {
    const char *text;
    guint status;
  } cases[] = {
    { "GET /\r\n", 400 }, /* HTTP/0.9 */
    { "GET/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 400 },
    { "GET / HTTP/1.1\n", 400 },
    { "GET / HTTP/1.1\rH", 400 },
    { "GET / HTTP/1.1\r\nHost: a\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\r", 400 },
    { "GET / HTTP/1.1\r\nHost: a\x7f", 400 },
    { "\x16\x03\x01", 400 }, /* TLS */
    { "\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r", 0 },
    { "GET / HTTP/1.1\r\nHost: \xc3\xa4\t", 0 },
  };
  g_autofree char *filling = g_strnfill (HE_FRONT_MAX_HEAD, 'a');
  g_autofree char *target = g_strconcat ("GET /", filling, NULL);
  g_autofree char *field = g_strconcat ("GET / HTTP/1.1\r\nX: ", filling, NULL);
  g_autofree char *whole
      = g_strdup_printf ("%.65s / HTTP/1.1\r\nHost: a\r\n\r\n", filling);
  HeHeadScan at_once = { 0 };
  const char *why_whole;
  guint status;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    HeHeadScan scan = { 0 };
    const char *why;

    g_assert_cmpuint (
        he_head_scan (cases[i].text, strlen (cases[i].text), &scan, &status, &why), ==, 0);
    g_assert_cmpuint (status, ==, cases[i].status);
  }
  g_assert_null (read_bytes (filling, HE_FRONT_MAX_HEAD, &status));
  g_assert_cmpuint (status, ==, 501);
  g_assert_cmpuint (he_head_scan (whole, strlen (whole), &at_once, &status, &why_whole), ==, 0);
  g_assert_cmpuint (status, ==, 501); /* as where it comes in pieces */
  g_assert_null (read_bytes (target, strlen (target), &status));
  g_assert_cmpuint (status, ==, 414);
  g_assert_null (read_bytes (field, strlen (field), &status));
  g_assert_cmpuint (status, ==, 431);
}

static void
malformed_lines_are_refused (void)
{
  static const char *const heads[] = {
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
    "GET / HTTP/1.1\r\nHost: [::1::2]\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [12345::]\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [192.0.2.1]\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [1111:2222:3333:4444:5555:6666:7777:8888:9999:1]\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n",
    "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
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
  g_assert_cmpuint (check ("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"), ==, 501);
}

/* RFC 9110 section 10.1.1. */
static void
what_nobody_can_do_is_not_expected (void)
{
  static const struct {
    const char *text;
    guint status;
    gboolean waits;
  } cases[] = {
    { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, FALSE },
    { "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n", 0, TRUE },
    { "GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", 417, FALSE },
    { "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, x\r\n\r\n", 417, FALSE },
    { "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", 0, FALSE },
    { "GET / HTTP/1.0\r\nExpect: 200-ok\r\n\r\n", 0, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    guint status = 0;
    g_autoptr (HeHead) head = read_bytes (cases[i].text, strlen (cases[i].text), &status);

    g_assert_cmpuint (status, ==, cases[i].status);
    g_assert_cmpint (head != NULL && head->expect_continue, ==, cases[i].waits);
  }
}

static void
nul_bytes_are_refused (void)
{
  static const char text[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n";
  guint status = 0;

  g_assert_null (read_bytes (text, sizeof text - 1, &status));
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

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/front/honest-requests-are-read", honest_requests_are_read);
  g_test_add_func ("/front/no-byte-hides-among-others", no_byte_hides_among_others);
  g_test_add_func ("/front/absolute-form-agrees-with-host",
                   absolute_form_agrees_with_host);
  g_test_add_func ("/front/keeping-follows-version-and-wish",
                   keeping_follows_version_and_wish);
  g_test_add_func ("/front/ambiguous-framing-is-refused", ambiguous_framing_is_refused);
  g_test_add_func ("/front/transfer-codings-are-refused", transfer_codings_are_refused);
  g_test_add_func ("/front/targets-have-a-form", targets_have_a_form);
  g_test_add_func ("/front/methods-are-known", methods_are_known);
  g_test_add_func ("/front/what-can-be-no-head-is-told-at-once",
                   what_can_be_no_head_is_told_at_once);
  g_test_add_func ("/front/malformed-lines-are-refused", malformed_lines_are_refused);
  g_test_add_func ("/front/what-nobody-can-do-is-not-expected",
                   what_nobody_can_do_is_not_expected);
  g_test_add_func ("/front/nul-bytes-are-refused", nul_bytes_are_refused);
  g_test_add_func ("/front/heads-are-bounded", heads_are_bounded);
  return g_test_run ();
}
