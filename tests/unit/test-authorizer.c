/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include "authorizer-kit.h"
#include "he-authorizer.h"
#include "he-revocations.h"
#include "origin-kit.h"

#define TRIES 6000 /* of 10 ms */
/* While the authorizer is left alone, which takes seconds. */
#define ROUNDS 1000
#define ROUND (G_USEC_PER_SEC / 5)

/* ---- the question and its answer ---- */

typedef struct {
  gboolean done;
  HeRenewalAnswer answer;
  guint seconds;
  char *why;
} Heard;

static void
heard (HeRenewalAnswer answer, guint seconds, const char *why, gpointer data)
{
  Heard *heard = data;

  *heard = (Heard) { TRUE, answer, seconds, g_strdup (why) };
}

/* On a context of its own; the answer, and when it failed why. */
static HeRenewalAnswer
ask (const char *uri, guint timeout_ms, guint *ret_seconds, char **ret_why)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GBytes) question = g_bytes_new_static ("{\"account\":\"alice\"}", 19);
  HeSecret *login = he_secret_new ((const guint8 *)"gate:word", 9);
  HeAuthorizer *authorizer;
  Heard got = { 0 };

  g_main_context_push_thread_default (context);
  authorizer = he_authorizer_new (uri, login, timeout_ms);
  he_authorizer_ask (authorizer, question, heard, &got);
  while (!got.done)
    g_main_context_iteration (context, TRUE);
  he_authorizer_free (authorizer);
  g_main_context_pop_thread_default (context);
  he_secret_unref (login);
  *ret_seconds = got.seconds;
  g_free (*ret_why);
  *ret_why = got.why;
  return got.answer;
}

static void
answers_are_understood (void)
{
  g_autoptr (Boss) boss = boss_new ();
  g_autofree char *uri = boss_uri (boss);
  g_autofree char *why = NULL;
  guint seconds;

  g_assert_cmpint (ask (uri, 20000, &seconds, &why), ==, HE_RENEWAL_ALLOWED);
  g_assert_cmpuint (seconds, ==, 0);
  g_assert_null (why);
  g_assert_true (boss_heard (boss, FALSE, "POST /lease HTTP/1.1\r\n"));
  g_assert_true (boss_heard (boss, FALSE, "Authorization: Basic Z2F0ZTp3b3Jk\r\n"));
  g_assert_true (boss_heard (boss, FALSE, "Content-Type: application/json\r\n"));
  g_assert_true (boss_heard (boss, FALSE, "Accept-Encoding: identity\r\n"));
  g_assert_true (boss_heard (boss, TRUE, "{\"account\":\"alice\"}"));
  g_atomic_int_set (&boss->says, SAYS_FOR_LONG);
  g_assert_cmpint (ask (uri, 20000, &seconds, &why), ==, HE_RENEWAL_ALLOWED);
  g_assert_cmpuint (seconds, ==, 7200);
  g_atomic_int_set (&boss->says, SAYS_NO);
  g_assert_cmpint (ask (uri, 20000, &seconds, &why), ==, HE_RENEWAL_REFUSED);
  boss->odd
      = (char *)"HTTP/1.1 403 Forbidden\r\nContent-Length: 15\r\n\r\n{\"renew\":false}";
  g_atomic_int_set (&boss->says, SAYS_ODD);
  g_assert_cmpint (ask (uri, 20000, &seconds, &why), ==, HE_RENEWAL_REFUSED);
  boss->odd = NULL;
}

/* Given whatever else, then it is a failure: nobody is sent away by a proxy's page. */
static void
all_else_fails (void)
{
  static const char *const odd[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n<html>hello</html>   ",
    "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"renew\":\"yes\"}",
    "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"renew\":1}",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n[true]",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{\"renew\":true,\"seconds\":-1}",
    "HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{\"renew\":true}",
    "HTTP/1.1 403 Forbidden\r\nContent-Length: 14\r\n\r\n{\"renew\":true}",
    "HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\n<html/>\r\n",
    "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 401 Unauthorized\r\nContent-Length: 15\r\n\r\n{\"renew\":false}",
    ("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
     "Content-Length: 0\r\n\r\n"),
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
    "nonsense\r\n\r\n",
  };
  g_autoptr (Boss) boss = boss_new ();
  g_autofree char *uri = boss_uri (boss);
  g_autofree char *why = NULL;
  guint seconds;

  g_atomic_int_set (&boss->says, SAYS_ODD);
  for (guint i = 0; i < G_N_ELEMENTS (odd); i++) {
    boss->odd = (char *)odd[i];
    g_assert_cmpint (ask (uri, 20000, &seconds, &why), ==, HE_RENEWAL_FAILED);
    g_assert_nonnull (why);
    g_test_message ("%s", why);
  }
  boss->odd = NULL;
  g_atomic_int_set (&boss->says, SAYS_GOODBYE);
  g_assert_cmpint (ask (uri, 20000, &seconds, &why), ==, HE_RENEWAL_FAILED);
  g_atomic_int_set (&boss->says, SAYS_NOTHING);
  g_assert_cmpint (ask (uri, 100, &seconds, &why), ==, HE_RENEWAL_FAILED);
  g_assert_cmpstr (why, ==, "no answer in time");
}

/* An answer that has no end is not read to it. */
static void
long_answers_are_cut (void)
{
  g_autoptr (Boss) boss = boss_new ();
  g_autofree char *uri = boss_uri (boss);
  g_autofree char *blanks = g_strnfill (1000000, ' ');
  g_autofree char *why = NULL;
  guint seconds;

  boss->odd = g_strdup_printf (
      "HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n{\"renew\":true}%s", blanks);
  g_atomic_int_set (&boss->says, SAYS_ODD);
  g_assert_cmpint (ask (uri, 20000, &seconds, &why), ==, HE_RENEWAL_FAILED);
  g_assert_cmpstr (why, ==, "its answer is too long");
}

static void
gone_is_a_failure (void)
{
  g_autofree char *uri = g_strdup_printf ("http://127.0.0.1:%u/", free_port ());
  g_autofree char *why = NULL;
  guint seconds;

  g_assert_cmpint (ask (uri, 20000, &seconds, &why), ==, HE_RENEWAL_FAILED);
  g_assert_nonnull (why);
}

static void
odd_uris_are_refused (void)
{
  static const char *const odd[]
      = { "", "/lease", "ftp://a/b", "http:///b", "http://u:p@a/b", "http://a/b?c", "x y" };

  g_assert_true (he_authorizer_check ("http://a/", NULL));
  for (guint i = 0; i < G_N_ELEMENTS (odd); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (he_authorizer_check (odd[i], &error));
    g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
  }
}

/* ---- origins that ask, one or two ---- */

static Pair *
pair_that_asks (Boss *boss, guint origins, gboolean ends)
{
  Pair *pair = pair_prepare (HE_SESSIONS_EVICT_OLDEST);

  pair->renewal = boss_uri (boss);
  pair->renewal_login = he_secret_new ((const guint8 *)"gate:word", 9);
  pair->renewal_ends = ends;
  pair->lease = 1;
  for (guint i = 0; i < origins; i++)
    pair_start (pair, i);
  if (origins > 0)
    publish_window (pair);
  return pair;
}

static char *
media_code (Pair *pair, guint i, const char *cookie)
{
  g_autoptr (Reply) reply
      = get (port_of (pair, i), "/live/demo/360p/index.m3u8", cookie);
  char *code = reply_field (reply, "S-Uri-Signing");

  return code != NULL ? code : g_strdup_printf ("%u", reply->status);
}

/* Plays until the answer is this; before, it is 200. */
static void
play_until (Pair *pair, guint i, const char *cookie, const char *wanted)
{
  for (guint tries = 0;; tries++) {
    g_autofree char *code = media_code (pair, i, cookie);

    if (g_str_equal (code, wanted))
      return;
    g_assert_cmpstr (code, ==, "200");
    g_assert_cmpuint (tries, <, TRIES);
    g_usleep (10000);
  }
}

static void
play_until_asked (Pair *pair, const char *cookie, Boss *boss, int times)
{
  for (guint tries = 0; g_atomic_int_get (&boss->asked) < times; tries++) {
    g_autofree char *code = media_code (pair, 0, cookie);

    g_assert_cmpstr (code, ==, "200");
    g_assert_cmpuint (tries, <, TRIES);
    g_usleep (10000);
  }
}

/* Given an authorizer that allows one and refuses another, then the one plays on, and the
 * other's session is over on both nodes, for good. */
static void
refusal_ends_a_session (void)
{
  g_autoptr (Boss) boss = boss_new ();
  g_autoptr (Pair) pair = pair_that_asks (boss, 2, FALSE);
  g_autofree char *alice = cookie_for (pair, 0, "alice");
  g_autofree char *mallory = cookie_for (pair, 0, "mallory");
  g_autofree char *code = NULL;

  play_until_asked (pair, alice, boss, 3);
  g_assert_true (boss_heard (boss, TRUE, "\"account\":\"alice\""));
  g_assert_true (boss_heard (boss, TRUE, "\"node\":\"A\""));
  play_until (pair, 0, mallory, "607");
  play_until (pair, 1, mallory, "607");
  play_until (pair, 0, alice, "200");
  g_assert_true (pair_logged (pair, "the authorizer ends the lease of session="));
  g_assert_false (pair_logged (pair, "word"));
  g_clear_pointer (&pair->origin[0], he_origin_free);
  g_clear_pointer (&pair->origin[1], he_origin_free);
  pair_start (pair, 0);
  publish_window (pair);
  code = media_code (pair, 0, mallory);
  g_assert_cmpstr (code, ==, "607");
}

static gboolean
metric_says (Pair *pair, const char *text)
{
  g_autoptr (Reply) reply = get (pair->internal[0], "/metrics", NULL);
  g_autofree char *got = reply_text (reply);

  return strstr (got, text) != NULL;
}

/* As many as are kept of refusals. */
static void
fill_revocations (Pair *pair)
{
  g_autofree char *folder = g_build_filename (pair->folder, "a", NULL);
  g_autofree char *path = g_build_filename (folder, "revocations.json", NULL);
  gint64 now = g_get_real_time ();
  GString *text = g_string_new ("[");

  for (guint i = 0; i < HE_REVOCATIONS_REFUSED_MAX; i++)
    g_string_append_printf (text,
                            "%s{\"session\":\"%08x%024x\",\"at\":%" G_GINT64_FORMAT
                            ",\"until\":%" G_GINT64_FORMAT "}",
                            i > 0 ? "," : "", i, 1, now, now + 3600 * (gint64)G_USEC_PER_SEC);
  g_string_append_c (text, ']');
  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, text->str, -1, NULL));
  g_string_free (text, TRUE);
}

/* Given as many refusals as are kept, then one more ends its session on both nodes all the
 * same, and the operator can still revoke. */
static void
refusals_leave_room (void)
{
  g_autoptr (Boss) boss = boss_new ();
  g_autoptr (Pair) pair = pair_that_asks (boss, 0, FALSE);
  g_autoptr (GBytes) body = g_bytes_new_static ("[{\"account\":\"alice\"}]", 21);
  g_autoptr (Reply) told = NULL;
  g_autofree char *mallory = NULL;

  fill_revocations (pair);
  pair_start (pair, 0);
  pair_start (pair, 1);
  publish_window (pair);
  mallory = cookie_for (pair, 0, "mallory");
  play_until (pair, 0, mallory, "607");
  g_atomic_int_set (&boss->says, SAYS_NOTHING); /* so that only A can have told B */
  play_until (pair, 1, mallory, "607");
  for (guint tries = 0; !pair_logged (pair, "the authorizer refuses more than the 32768 ");
       tries++) {
    g_assert_cmpuint (tries, <, TRIES);
    g_usleep (10000);
  }
  g_assert_true (metric_says (pair, "headend_revocations{kind=\"session\"} 32768\n"));
  told = call_signed (pair, 0, "POST", "/control/revocations", NULL, body);
  g_assert_cmpuint (told->status, ==, 200);
}

/* Given an authorizer that fails, then nobody waits for it; leases go on, and in the end it is
 * left alone until it answers again. */
static void
failures_keep (void)
{
  g_autoptr (Boss) boss = boss_new ();
  g_autoptr (Pair) pair = NULL;
  g_auto (GStrv) cookies = g_new0 (char *, 8 + 1);

  g_atomic_int_set (&boss->says, SAYS_GOODBYE);
  pair = pair_that_asks (boss, 1, FALSE);
  for (guint i = 0; i < 8; i++) {
    g_autofree char *account = g_strdup_printf ("viewer%u", i);

    cookies[i] = cookie_for (pair, 0, account);
  }
  g_assert_true (metric_says (pair, "headend_renewal_up 1\n"));
  for (guint tries = 0; !pair_logged (pair, "the authorizer is not asked for a while: ");
       tries++) {
    for (guint i = 0; i < 8; i++)
      play_until (pair, 0, cookies[i], "200");
    g_assert_cmpuint (tries, <, ROUNDS);
    g_usleep (ROUND);
  }
  g_assert_true (metric_says (pair, "headend_renewal_up 0\n"));
  g_assert_true (metric_says (pair, "headend_renewals_total{result=\"failed\"}"));
  g_atomic_int_set (&boss->says, SAYS_YES);
  for (guint tries = 0; !pair_logged (pair, "the authorizer answers again"); tries++) {
    play_until (pair, 0, cookies[tries % 8], "200");
    g_assert_cmpuint (tries, <, ROUNDS);
    g_usleep (ROUND);
  }
  g_assert_true (metric_says (pair, "headend_renewal_up 1\n"));
}

/* Given one viewer whom a failure costs his lease, then the log says why it failed. */
static void
failures_end (void)
{
  g_autoptr (Boss) boss = boss_new ();
  g_autoptr (Pair) pair = NULL;
  g_autofree char *cookie = NULL;

  g_atomic_int_set (&boss->says, SAYS_GOODBYE);
  pair = pair_that_asks (boss, 1, TRUE);
  cookie = cookie_for (pair, 0, "alice");
  play_until (pair, 0, cookie, "603");
  g_assert_true (metric_says (pair, "headend_renewals_total{result=\"lapsed\"} 1\n"));
  g_assert_true (pair_logged (pair, "the authorizer fails: "));
}

/* Given an authorizer that is silent when the node ends, then the node does not wait. */
static void
ending_waits_for_nobody (void)
{
  g_autoptr (Boss) boss = boss_new ();
  g_autoptr (Pair) pair = pair_that_asks (boss, 1, FALSE);
  g_autofree char *cookie = cookie_for (pair, 0, "alice");

  g_atomic_int_set (&boss->says, SAYS_NOTHING);
  play_until_asked (pair, cookie, boss, 1);
  g_clear_pointer (&pair->origin[0], he_origin_free);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  signal (SIGPIPE, SIG_IGN);
  d90 = 20 * 90000; /* who is silent keeps his slot for a minute */
  g_test_add_func ("/authorizer/answers", answers_are_understood);
  g_test_add_func ("/authorizer/nonsense", all_else_fails);
  g_test_add_func ("/authorizer/endless", long_answers_are_cut);
  g_test_add_func ("/authorizer/gone", gone_is_a_failure);
  g_test_add_func ("/authorizer/uris", odd_uris_are_refused);
  g_test_add_func ("/authorizer/refuses", refusal_ends_a_session);
  g_test_add_func ("/authorizer/refuses/many", refusals_leave_room);
  g_test_add_func ("/authorizer/fails/keep", failures_keep);
  g_test_add_func ("/authorizer/fails/end", failures_end);
  g_test_add_func ("/authorizer/ending", ending_waits_for_nobody);
  return g_test_run ();
}
