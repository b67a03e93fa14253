/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-json.h"
#include "origin-kit.h"

static void
assert_field (const Reply *reply, const char *name, const char *want)
{
  g_autofree char *value = reply_field (reply, name);
  g_assert_cmpstr (value, ==, want);
}

/* Given a page of another origin, when its player asks, then it may read every answer, a
 * refusal too, if its origin is listed; and nothing may otherwise. */
static void
pages_of_listed_origins_play (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  static const struct {
    const char *target;
    gboolean with_cookie;
    guint status;
  } tries[] = {
    { "/live/demo/main.m3u8", TRUE, 200 },
    { "/live/demo/360p/index.m3u8", TRUE, 200 },
    { "/live/demo/audio/9000000001.ts", TRUE, 200 },
    { "/live/demo/audio/9000000001.ts", FALSE, 401 },
    { "/live/none/main.m3u8", FALSE, 401 },
  };

  publish_window (pair);
  g_autofree char *cookie = cookie_for (pair, 0, "alice");
  for (guint i = 0; i < G_N_ELEMENTS (tries); i++) {
    const char *own = tries[i].with_cookie ? cookie : "";
    g_autofree char *listed = g_strconcat (own, "Origin: " PLAYER "\r\n", NULL);
    g_autofree char *other
        = g_strconcat (own, "Origin: https://other.example\r\n", NULL);
    g_autoptr (Reply) reply = get (port_of (pair, 0), tries[i].target, listed);

    g_assert_cmpuint (reply->status, ==, tries[i].status);
    assert_field (reply, "Access-Control-Allow-Origin", PLAYER);
    assert_field (reply, "Access-Control-Allow-Credentials", "true");
    assert_field (reply, "Vary", "Origin");
    g_clear_pointer (&reply, reply_free);
    reply = get (port_of (pair, 0), tries[i].target, other);
    assert_field (reply, "Access-Control-Allow-Origin", NULL);
    assert_field (reply, "Access-Control-Allow-Credentials", NULL);
    assert_field (reply, "Vary", "Origin");
    g_clear_pointer (&reply, reply_free);
    reply = get (port_of (pair, 0), tries[i].target, own);
    g_assert_cmpuint (reply->status, ==, tries[i].status);
    assert_field (reply, "Access-Control-Allow-Origin", NULL);
    assert_field (reply, "Vary", "Origin");
  }
}

/* Given preflights, when they come, then listed origins may send a token's header. */
static void
preflights_are_answered (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  static const struct {
    const char *fields;
    guint status;
  } tries[] = {
    { "Origin: " PLAYER "\r\nAccess-Control-Request-Method: GET\r\n", 204 },
    { "Origin: https://other.example\r\nAccess-Control-Request-Method: GET\r\n", 403 },
    { "Origin: " PLAYER "\r\nAccess-Control-Request-Method: PUT\r\n", 403 },
    { "Origin: " PLAYER "\r\n", 405 },
    { "", 405 },
    { "Origin: " PLAYER "\r\nOrigin: https://other.example\r\n"
      "Access-Control-Request-Method: GET\r\n",
      400 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (tries); i++) {
    g_autoptr (Reply) reply
        = http ("127.0.0.1", port_of (pair, 0), "OPTIONS", "/live/demo/main.m3u8",
                tries[i].fields, NULL);
    g_autofree char *sendable = reply_field (reply, "Access-Control-Allow-Headers");

    g_assert_cmpuint (reply->status, ==, tries[i].status);
    assert_field (reply, "Access-Control-Allow-Origin",
                  tries[i].status == 204 ? PLAYER : NULL);
    g_assert_cmpint (sendable && strstr (sendable, "Authorization"), ==,
                     tries[i].status == 204);
  }
}

/* Given a page of a listed origin, when it refreshes its session, by either method, then it
 * may read for how long, and gets a cookie; no cache may keep that. */
static void
pages_refresh_their_session (void)
{
  static const char target[] = "/live/demo/session";
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  static const struct {
    const char *method, *target;
    gboolean with_cookie;
    guint status;
  } tries[] = {
    { "GET", target, TRUE, 200 },
    { "POST", target, TRUE, 200 },
    { "POST", target, FALSE, 401 },
    { "PUT", target, TRUE, 405 },
    { "POST", "/live/demo/main.m3u8", TRUE, 405 },
  };

  publish_window (pair);
  g_autofree char *cookie = cookie_for (pair, 0, "alice");
  for (guint i = 0; i < G_N_ELEMENTS (tries); i++) {
    g_autofree char *fields = g_strconcat (tries[i].with_cookie ? cookie : "",
                                           "Origin: " PLAYER "\r\n", NULL);
    g_autoptr (Reply) reply = http ("127.0.0.1", port_of (pair, 0), tries[i].method,
                                    tries[i].target, fields, NULL);
    g_autofree char *text = reply_text (reply);
    g_autofree char *set = reply_field (reply, "Set-Cookie");

    g_assert_cmpuint (reply->status, ==, tries[i].status);
    assert_field (reply, "Access-Control-Allow-Origin", PLAYER);
    g_assert_true ((set != NULL) == (tries[i].status == 200));
    if (tries[i].status == 200) {
      g_autoptr (HeJson) root = he_json_parse (text, -1, 1000, 2, NULL);
      guint64 lease = 0, ends = 0;

      assert_field (reply, "Cache-Control", "no-store");
      assert_field (reply, "Content-Type", "application/json");
      g_assert_true (he_json_get_uint64 (root, "lease", TRUE, 300, &lease, NULL));
      g_assert_true (he_json_get_uint64 (root, "ends", TRUE, G_MAXINT64, &ends, NULL));
      g_assert_cmpuint (lease, >, 0);
      g_assert_cmpint ((gint64)ends, >, g_get_real_time () / G_USEC_PER_SEC);
    }
  }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/origin/players/pages-of-listed-origins-play",
                   pages_of_listed_origins_play);
  g_test_add_func ("/origin/players/preflights-are-answered", preflights_are_answered);
  g_test_add_func ("/origin/players/pages-refresh-their-session",
                   pages_refresh_their_session);
  return g_test_run ();
}
