/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-json.h"
#include "he-ledger.h"
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
    g_autofree char *other = g_strconcat (own, "Origin: https://other.example\r\n", NULL);
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

/* Given such a page, when its request is refused before anybody looks at it, then it may
 * read that, too, as far as the origin can be known. */
static void
refusals_are_read_by_listed_origins (void)
{
  static const char player[] = "Origin: " PLAYER "\r\n",
                    other[] = "Origin: https://other.example\r\n";
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autoptr (GBytes) body = g_bytes_new_static ("{}", 2);
  static const struct {
    const char *method, *target, *fields, *allowed;
    gboolean with_body;
    guint status;
  } tries[] = {
    { "POST", "/live/demo/session", player, PLAYER, TRUE, 413 },
    { "GET", "/live/demo/main.m3u8", player, PLAYER, TRUE, 413 },
    { "GET", "/live/demo/main.m3u8", other, NULL, TRUE, 413 },
    { "GET", "/live/demo/main.m3u8", "", NULL, TRUE, 413 },
    { "DELETE", "/live/demo/main.m3u8", player, PLAYER, FALSE, 405 },
    { "GET", "/live/demo/main.m3u8#", player, NULL, FALSE, 400 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (tries); i++) {
    g_autoptr (Reply) reply
        = http ("127.0.0.1", port_of (pair, 0), tries[i].method, tries[i].target,
                tries[i].fields, tries[i].with_body ? body : NULL);

    g_assert_cmpuint (reply->status, ==, tries[i].status);
    assert_field (reply, "Access-Control-Allow-Origin", tries[i].allowed);
    assert_field (reply, "Access-Control-Allow-Credentials",
                  tries[i].allowed ? "true" : NULL);
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
    const char *allow; /* of what is no preflight */
  } tries[] = {
    { "Origin: " PLAYER "\r\nAccess-Control-Request-Method: GET\r\n", 204 },
    { "Origin: https://other.example\r\nAccess-Control-Request-Method: GET\r\n", 403 },
    { "Origin: " PLAYER "\r\nAccess-Control-Request-Method: PUT\r\n", 403 },
    { "Origin: " PLAYER "\r\n", 204, "GET, HEAD, OPTIONS" },
    { "", 204, "GET, HEAD, OPTIONS" },
    { "Origin: " PLAYER "\r\nOrigin: https://other.example\r\n"
      "Access-Control-Request-Method: GET\r\n",
      400 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (tries); i++) {
    g_autoptr (Reply) reply = http ("127.0.0.1", port_of (pair, 0), "OPTIONS",
                                    "/live/demo/main.m3u8", tries[i].fields, NULL);
    g_autofree char *sendable = reply_field (reply, "Access-Control-Allow-Headers");
    gboolean may = tries[i].status == 204 && tries[i].allow == NULL;

    g_assert_cmpuint (reply->status, ==, tries[i].status);
    assert_field (reply, "Access-Control-Allow-Origin", may ? PLAYER : NULL);
    assert_field (reply, "Allow", tries[i].allow);
    g_assert_cmpint (sendable && strstr (sendable, "Authorization"), ==, may);
  }
}

/* Given a question about the server as a whole, then it says what it does. */
static void
options_of_the_server_are_told (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autoptr (Reply) reply
      = http ("127.0.0.1", port_of (pair, 0), "OPTIONS", "*", NULL, NULL);

  g_assert_cmpuint (reply->status, ==, 204);
  assert_field (reply, "Allow", "GET, HEAD, OPTIONS, POST");
  assert_field (reply, "Content-Length", NULL);
}

/* Given a page of a listed origin, when it refreshes its session, by either method, then
 * it may read for how long, and gets a cookie; no cache may keep that. */
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
    assert_field (reply, "Cache-Control", "no-store");
    g_assert_true ((set != NULL) == (tries[i].status == 200));
    if (tries[i].status == 200) {
      g_autoptr (HeJson) root = he_json_parse (text, -1, 1000, 2, NULL);
      guint64 lease = 0, ends = 0;

      assert_field (reply, "Content-Type", "application/json");
      g_assert_true (he_json_get_uint64 (root, "lease", TRUE, 300, &lease, NULL));
      g_assert_true (he_json_get_uint64 (root, "ends", TRUE, G_MAXINT64, &ends, NULL));
      g_assert_cmpuint (lease, >, 0);
      g_assert_cmpint ((gint64)ends, >, g_get_real_time () / G_USEC_PER_SEC);
    }
  }
}

static void
strangers_get_nothing (void)
{
  static const char *const targets[] = {
    "/live/demo/main.m3u8",           "/live/demo/360p/index.m3u8",
    "/live/demo/360p/9000000001.ts",  "/live/demo/keys/base/4500000000",
    "/live/demo/audio/9000000001.ts",
  };
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);

  publish_window (pair);
  for (guint i = 0; i < G_N_ELEMENTS (targets); i++) {
    g_autoptr (Reply) none = get (port_of (pair, 0), targets[i], NULL);
    g_autoptr (Reply) forged
        = get (port_of (pair, 0), targets[i], "Cookie: headend=AAAAAAAAAAAAAAAA\r\n");

    assert_denied (none, 401, "600");
    assert_denied (forged, 403, "601");
  }
  {
    g_autoptr (Reply) ticketless
        = get (pair->internal[0], "/origin/a/demo/360p/9000000001.ts", NULL);

    g_assert_cmpuint (ticketless->status, ==, 403);
  }
  g_assert_true (pair_logged (pair, "denied code=600 "));
  g_assert_true (pair_logged (pair, "address=127.0.0.1 path=/live/demo/360p/index.m3u8"));
}

/* From playlist and key to the picture, as a player does it. */
static void
assert_plays (Pair *pair, guint i, const char *base, const char *fields,
              const char *account)
{
  g_autofree char *media = g_strconcat (base, "/360p/index.m3u8", NULL);
  g_autoptr (Reply) playlist = get (port_of (pair, i), media, fields);
  g_autofree char *text = reply_text (playlist);

  g_assert_cmpuint (playlist->status, ==, 200);
  for (guint64 msn = MSN; msn < MSN + WINDOW; msn++) {
    HeVariant variant = he_codeword_variant (pair->code, account, msn);
    HeSegment expected = segment_of ("360p", variant, msn);
    g_autofree char *key_uri
        = g_strdup_printf ("../keys/base/%" G_GUINT64_FORMAT, msn / 2);
    g_autofree char *key_target
        = g_strdup_printf ("%s/keys/base/%" G_GUINT64_FORMAT, base, msn / 2);
    g_autofree char *target
        = g_strdup_printf ("%s/360p/%" G_GUINT64_FORMAT ".ts", base, msn);
    g_autoptr (Reply) key = get (port_of (pair, i), key_target, fields);
    g_autoptr (Reply) segment = get (port_of (pair, i), target, fields);
    g_autofree char *cache = reply_field (segment, "Cache-Control");
    g_autofree char *type = reply_field (segment, "Content-Type");
    g_autofree char *wanted = clear_text (&expected);
    g_autoptr (GBytes) clear = NULL;
    guint8 iv[16];

    g_assert_nonnull (strstr (text, key_uri));
    g_assert_cmpuint (key->status, ==, 200);
    g_assert_cmpuint (g_bytes_get_size (key->body), ==, 16);
    g_assert_cmpuint (segment->status, ==, 200);
    g_assert_cmpstr (cache, ==, "private, no-store");
    g_assert_cmpstr (type, ==, "video/mp2t");
    he_content_iv (msn, iv);
    clear = he_aes128_cbc_decrypt (g_bytes_get_data (key->body, NULL), iv,
                                   g_bytes_get_data (segment->body, NULL),
                                   g_bytes_get_size (segment->body), NULL);
    g_assert_nonnull (clear);
    g_assert_cmpmem (g_bytes_get_data (clear, NULL), g_bytes_get_size (clear), wanted,
                     strlen (wanted));
  }
}

static void
token_plays_by_cookie_and_by_path (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint (pair, "bob");
  g_autofree char *cookie = NULL;
  g_autofree char *location = NULL;
  g_autofree char *base = NULL;
  g_autoptr (Reply) entry = NULL;

  publish_window (pair);
  cookie = cookie_for (pair, 0, "alice");
  assert_plays (pair, 0, "/live/demo", cookie, "alice");
  entry = enter (pair, 1, "127.0.0.1", token, "&transport=path");
  location = reply_field (entry, "Location");
  g_assert_cmpuint (entry->status, ==, 302);
  g_assert_true (g_str_has_prefix (location, "/s/"));
  base = g_strndup (location, strlen (location) - strlen ("/main.m3u8"));
  assert_plays (pair, 1, base, NULL, "bob");
}

static void
keys_only_of_what_is_held (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *cookie = NULL;

  publish_window (pair);
  cookie = cookie_for (pair, 0, "alice");
  for (gint64 d = -2; d <= 3; d++) {
    g_autofree char *target = g_strdup_printf ("/live/demo/keys/base/%" G_GUINT64_FORMAT,
                                               (guint64)((gint64)MSN / 2 + d));
    g_autoptr (Reply) reply = get (port_of (pair, 0), target, cookie);

    /* Held: periods 0 and 1 (MSN, MSN + 1; MSN + 2); one ahead. */
    g_assert_cmpuint (reply->status, ==, d >= 0 && d <= 2 ? 200 : 404);
  }
}

/* Segments are sent from a file in memory, whose ranges are others than the body's. */
static void
parts_of_segments_are_the_right_ones (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *cookie = NULL;
  g_autofree char *path
      = g_strdup_printf ("/live/demo/audio/%" G_GUINT64_FORMAT ".ts", MSN + 1);
  HeSegment segment = segment_of ("audio", HE_VARIANT_NONE, MSN + 1);
  g_autoptr (GBytes) body = encrypted (pair, &segment);
  const char *data = g_bytes_get_data (body, NULL);
  gsize len = g_bytes_get_size (body);
  const struct {
    const char *range;
    guint status;
    gsize first, length;
  } cases[] = {
    { "Range: bytes=2-4\r\n", 206, 2, 3 },
    { "Range: bytes=-3\r\n", 206, len - 3, 3 },
    { "Range: bytes=100000-\r\n", 416, 0, 0 },
    { "", 200, 0, len },
  };

  publish_window (pair);
  cookie = cookie_for (pair, 0, "alice");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *fields = g_strconcat (cookie, cases[i].range, NULL);
    g_autoptr (Reply) reply
        = http ("127.0.0.1", port_of (pair, 0), "GET", path, fields, NULL);

    g_assert_cmpuint (reply->status, ==, cases[i].status);
    if (reply->status != 416)
      g_assert_cmpmem (g_bytes_get_data (reply->body, NULL),
                       g_bytes_get_size (reply->body), data + cases[i].first,
                       cases[i].length);
    else
      g_assert_cmpmem (g_bytes_get_data (reply->body, NULL),
                       g_bytes_get_size (reply->body), "no such range\n", 14);
  }
}

static void
on_stay (const HeLedgerRecord *record, gpointer stays)
{
  g_string_append_printf (stays, "%s %s %s;", record->event, record->account,
                          record->channel);
  g_assert_cmpint (ABS (record->from - g_get_real_time ()), <, 600 * G_USEC_PER_SEC);
}

/* Given a viewer who was let in, and one who was not, then the ledger in the node's state
 * folder knows the first, however he came, and once. */
static void
who_watched_is_in_the_ledger (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *folder = g_build_filename (pair->folder, "a", "ledger", NULL);
  g_autoptr (GString) stays = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *cookie = NULL;
  guint64 damaged;

  publish_window (pair);
  cookie = cookie_for (pair, 0, "alice");
  assert_plays (pair, 0, "/live/demo", cookie, "alice");
  g_autoptr (Reply) stranger
      = get (port_of (pair, 0), "/live/demo/main.m3u8", "Cookie: headend=x\r\n");
  g_assert_cmpuint (stranger->status, ==, 403);
  g_clear_pointer (&pair->origin[0], he_origin_free);
  g_assert_true (he_ledger_read (folder, on_stay, stays, &damaged, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (damaged, ==, 0);
  g_assert_true (g_str_has_prefix (stays->str, "open alice demo;"));
  g_assert_null (strstr (stays->str + 1, "open"));
}

static void
fetch_segment (Pair *pair, guint i, const char *cookie, guint status)
{
  g_autofree char *path
      = g_strdup_printf ("/live/demo/360p/%" G_GUINT64_FORMAT ".ts", MSN);
  g_autoptr (Reply) reply = get (port_of (pair, i), path, cookie);

  g_assert_cmpuint (reply->status, ==, status);
}

static gboolean
counted (Pair *pair, const char *text)
{
  g_autoptr (Reply) reply = get (pair->internal[0], "/metrics", NULL);
  g_autofree char *got = reply_text (reply);

  return strstr (got, text) != NULL;
}

/* Given a session that fetches a segment again and again, and an account's credential and
 * tokens that are shown at many addresses, then the log and the metrics tell of each
 * once. */
static void
leaks_are_told (void)
{
  g_autoptr (Pair) pair = pair_prepare (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *cookie = NULL;

  pair->alarms = (HeAlarmRules) { .addresses = 3, .fetches = 3 };
  pair_start (pair, 0);
  publish_window (pair);
  cookie = cookie_for (pair, 0, "ali\"ce");
  for (guint i = 0; i < 3; i++)
    fetch_segment (pair, 0, cookie, 200);
  g_assert_false (pair_logged (pair, "ALARM"));
  for (guint i = 0; i < 3; i++)
    fetch_segment (pair, 0, cookie, 200);
  g_assert_true (pair_logged (pair, "ALARM one segment fetched 4 times by one session"));
  g_assert_true (pair_logged (pair, "account=\"ali'ce\" segment=demo/360p/9000000000"));
  g_assert_false (pair_logged (pair, "addresses within"));
  for (guint i = 2; i < 8; i++) {
    g_autofree char *from = g_strdup_printf ("127.0.0.%u", i);
    g_autofree char *token = mint (pair, "bob");
    g_autoptr (Reply) shown = http (from, port_of (pair, 0), "GET",
                                    "/live/demo/audio/index.m3u8", cookie, NULL);
    g_autoptr (Reply) entered = enter (pair, 0, i < 4 ? from : "127.0.0.3", token, "");

    assert_denied (shown, 403, "602");
    g_assert_cmpuint (entered->status, ==, 200);
    g_assert_true (pair_logged (pair, "ALARM one account at 4 addresses within an hour "
                                      "account=\"ali'ce\"")
                   == (i >= 4));
  }
  g_assert_false (pair_logged (pair, "bob"));
  g_assert_true (counted (pair, "headend_alarms_total{kind=\"addresses\"} 1\n"));
  g_assert_true (counted (pair, "headend_alarms_total{kind=\"fetches\"} 1\n"));
  g_assert_false (pair_logged (pair, cookie + strlen ("Cookie: headend=")));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/origin/players/pages-of-listed-origins-play",
                   pages_of_listed_origins_play);
  g_test_add_func ("/origin/players/refusals-are-read-by-listed-origins",
                   refusals_are_read_by_listed_origins);
  g_test_add_func ("/origin/players/preflights-are-answered", preflights_are_answered);
  g_test_add_func ("/origin/players/options-of-the-server-are-told",
                   options_of_the_server_are_told);
  g_test_add_func ("/origin/players/pages-refresh-their-session",
                   pages_refresh_their_session);
  g_test_add_func ("/origin/view/strangers-get-nothing", strangers_get_nothing);
  g_test_add_func ("/origin/view/token-plays-by-cookie-and-by-path",
                   token_plays_by_cookie_and_by_path);
  g_test_add_func ("/origin/view/keys-only-of-what-is-held", keys_only_of_what_is_held);
  g_test_add_func ("/origin/parts-of-segments-are-the-right-ones",
                   parts_of_segments_are_the_right_ones);
  g_test_add_func ("/origin/who-watched-is-in-the-ledger", who_watched_is_in_the_ledger);
  g_test_add_func ("/origin/players/leaks-are-told", leaks_are_told);
  return g_test_run ();
}
