/* SPDX-License-Identifier: LGPL-2.1-or-later */
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

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/origin/players/pages-of-listed-origins-play",
                   pages_of_listed_origins_play);
  g_test_add_func ("/origin/players/preflights-are-answered", preflights_are_answered);
  return g_test_run ();
}
