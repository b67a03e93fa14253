/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "origin-kit.h"

static const char *const files[]
    = { "/watch/demo", "/watch/watch.css", "/watch/watch.js", "/watch/hls.min.js" };

/* Given an origin, when anybody asks for the page of a channel or a file of it, then he
 * gets the same as everybody, to be kept for a while, and to run nothing but what came
 * along. */
static void
anybody_gets_the_page (void)
{
  static const char *const types[]
      = { "text/html; charset=utf-8", "text/css; charset=utf-8",
          "text/javascript; charset=utf-8", "text/javascript; charset=utf-8" };
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);

  for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autoptr (Reply) reply = get (port_of (pair, 0), files[i], NULL);
    g_autoptr (Reply) other
        = http ("127.0.0.2", port_of (pair, 1), "GET", files[i],
                "Cookie: headend=AAAA\r\nAuthorization: Bearer x\r\n", NULL);
    g_autofree char *type = reply_field (reply, "Content-Type");
    g_autofree char *cache = reply_field (reply, "Cache-Control");
    g_autofree char *policy = reply_field (reply, "Content-Security-Policy");
    g_autofree char *sniff = reply_field (reply, "X-Content-Type-Options");
    g_autofree char *referrer = reply_field (reply, "Referrer-Policy");
    g_autofree char *etag = reply_field (reply, "ETag");
    g_autofree char *same = reply_field (other, "ETag");
    g_autofree char *cookie = reply_field (other, "Set-Cookie");

    g_assert_cmpuint (reply->status, ==, 200);
    g_assert_cmpstr (type, ==, types[i]);
    g_assert_cmpstr (cache, ==, "public, max-age=60");
    g_assert_true (g_str_has_prefix (policy, "default-src 'none'; script-src 'self';"));
    g_assert_nonnull (strstr (policy, "frame-ancestors 'self'"));
    g_assert_null (strstr (policy, "unsafe"));
    g_assert_cmpstr (sniff, ==, "nosniff");
    g_assert_cmpstr (referrer, ==, "no-referrer");
    g_assert_nonnull (etag);
    g_assert_cmpstr (etag, ==, same);
    g_assert_null (cookie);
    g_assert_true (g_bytes_equal (reply->body, other->body));
  }
  g_assert_false (pair_logged (pair, "denied"));
}

/* The page's own script and style are files, so that the policy can forbid all others. */
static void
the_page_names_its_files_only (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autoptr (Reply) page = get (port_of (pair, 0), "/watch/demo", NULL);
  g_autofree char *text = reply_text (page);

  for (guint i = 1; i < G_N_ELEMENTS (files); i++) {
    g_autofree char *name = g_strdup_printf ("\"%s\"", files[i] + strlen ("/watch/"));

    g_assert_nonnull (strstr (text, name));
  }
  g_assert_null (strstr (text, "://"));
  g_assert_null (strstr (text, "<style"));
  g_assert_null (strstr (text, "<script>"));
}

static void
what_is_no_channel_is_not_found (void)
{
  static const char *const targets[]
      = { "/watch/other",       "/watch/",         "/watch",
          "/watch/demo/",       "/watch/demo/x",   "/watch/watch.html",
          "/watch/hls.js.pin",  "/watch//demo",    "/watch/../watch/demo",
          "/watch/%64emo",      "/s/x/watch/demo", "/watch/watch.gresource.xml",
          "/watch/hls.min.js/", "/Watch/demo" };
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);

  for (guint i = 0; i < G_N_ELEMENTS (targets); i++) {
    g_autoptr (Reply) reply = get (port_of (pair, 0), targets[i], NULL);
    g_autofree char *cache = reply_field (reply, "Cache-Control");

    g_assert_cmpuint (reply->status, ==, 404);
    g_assert_cmpstr (cache, ==, "no-store");
  }
  {
    g_autoptr (Reply) inside = get (pair->internal[0], "/watch/demo", NULL);
    g_autoptr (Reply) head
        = http ("127.0.0.1", port_of (pair, 0), "HEAD", "/watch/demo", NULL, NULL);

    g_assert_cmpuint (inside->status, ==, 404);
    g_assert_cmpuint (head->status, ==, 200);
    g_assert_cmpuint (g_bytes_get_size (head->body), ==, 0);
  }
}

/* What the page shows of node and lease: playlists name who answers and what the lease
 * has left, segments who made them, and so do the copies for edges. */
static void
answers_name_node_and_lease (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  HeSegment audio = segment_of ("audio", HE_VARIANT_NONE, MSN);
  g_autofree char *path = he_segment_path (&audio);
  g_autofree char *cookie = NULL;
  g_autoptr (Reply) playlist = NULL;
  g_autoptr (Reply) segment = NULL;
  g_autoptr (Reply) inside = NULL;
  g_autofree char *answers = NULL;
  g_autofree char *lease = NULL;
  g_autofree char *made = NULL;
  g_autofree char *made_inside = NULL;
  g_autofree char *no_lease = NULL;

  publish_window (pair);
  cookie = cookie_for (pair, 1, "alice");
  playlist = get (port_of (pair, 1), "/live/demo/360p/index.m3u8", cookie);
  segment = get (port_of (pair, 1), "/live/demo/360p/9000000000.ts", cookie);
  inside = call_signed (pair, 1, "GET", path, NULL, NULL);
  answers = reply_field (playlist, "Headend-Node");
  lease = reply_field (playlist, "Headend-Lease");
  made = reply_field (segment, "Headend-Node");
  made_inside = reply_field (inside, "Headend-Node");
  no_lease = reply_field (inside, "Headend-Lease");
  g_assert_cmpstr (answers, ==, "B");
  g_assert_cmpstr (lease, ==, "300");
  g_assert_cmpstr (made, ==, "A"); /* publish() speaks for A */
  g_assert_cmpstr (made_inside, ==, "A");
  g_assert_null (no_lease);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/watch-page/anybody-gets-the-page", anybody_gets_the_page);
  g_test_add_func ("/watch-page/it-names-its-files-only", the_page_names_its_files_only);
  g_test_add_func ("/watch-page/what-is-no-channel-is-not-found",
                   what_is_no_channel_is_not_found);
  g_test_add_func ("/watch-page/answers-name-node-and-lease",
                   answers_name_node_and_lease);
  return g_test_run ();
}
