/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http.h"

#include "he-error.h"
#include "put-kit.h"

/* "127.0.0.1:PORT" of "http://127.0.0.1:PORT/". */
static char *
address_of (const Taker *taker)
{
  const char *at = taker->url + strlen ("http://");

  return g_strndup (at, strlen (at) - 1);
}

/* Given an answer, then it is handed on with its status. */
static void
test_answer (void)
{
  g_autoptr (Taker) taker = taker_new ();
  g_autofree char *address = address_of (taker);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) answer = NULL;
  guint status = 0;

  answer = headend_http_request (address, "GET", "/refused", NULL, NULL, 600, 1000,
                                 &status, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (status, ==, 403);
  g_assert_cmpuint (g_bytes_get_size (answer), ==, 0);
}

/* Given an answer without an end, then no more of it is read than was allowed. */
static void
test_endless (void)
{
  static const gsize limits[] = { 0, 100, 1000000 };
  g_autoptr (Taker) taker = taker_new ();
  g_autofree char *address = address_of (taker);

  for (gsize i = 0; i < G_N_ELEMENTS (limits); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *size = g_strdup_printf (" %" G_GSIZE_FORMAT " bytes", limits[i]);
    guint status = 0;

    g_assert_null (headend_http_request (address, "GET", "/endless", NULL, NULL, 600,
                                         limits[i], &status, &error));
    g_assert_error (error, HE_ERROR, HE_ERROR_LIMIT);
    g_assert_nonnull (strstr (error->message, address));
    g_assert_nonnull (strstr (error->message, "GET /endless"));
    g_assert_nonnull (strstr (error->message, size));
    g_assert_cmpuint (status, ==, 0);
  }
}

/* Given an answer that comes byte by byte, then it is waited for as long as was said. */
static void
test_trickle (void)
{
  g_autoptr (Taker) taker = taker_new ();
  g_autofree char *address = address_of (taker);
  g_autoptr (GError) error = NULL;
  guint status = 0;

  g_assert_null (headend_http_request (address, "GET", "/trickle", NULL, NULL, 1, 1000000,
                                       &status, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE);
  g_assert_nonnull (strstr (error->message, "no whole answer to GET /trickle within 1"));
}

/* Given nobody, then that is said. */
static void
test_nobody (void)
{
  const char *address = "127.0.0.1:1"; /* tcpmux, which nobody runs */
  g_autoptr (GError) error = NULL;
  guint status = 0;

  g_assert_null (headend_http_request (address, "GET", "/", NULL, NULL, 600, 1000,
                                       &status, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE);
  g_assert_true (g_str_has_prefix (error->message, address));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http/an-answer-has-its-status", test_answer);
  g_test_add_func ("/http/an-endless-answer-is-cut-off", test_endless);
  g_test_add_func ("/http/a-slow-answer-has-its-time", test_trickle);
  g_test_add_func ("/http/nobody-answers", test_nobody);
  return g_test_run ();
}
