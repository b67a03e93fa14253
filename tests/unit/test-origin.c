/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-pace.h"
#include "origin-kit.h"

/* Given a pair of origins and signed segments, when they are published, then the playlist
 * appears with the window, and not before. */
static void
playlist_waits_for_the_window (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint (pair, "alice");
  g_autoptr (Reply) early = enter (pair, 0, "127.0.0.1", token, "");
  g_autofree char *retry = reply_field (early, "Retry-After");
  g_autofree char *cookie = NULL;
  g_autofree char *text = NULL;
  g_autofree char *type = NULL;
  g_autofree char *first
      = g_strdup_printf ("#EXT-X-MEDIA-SEQUENCE:%" G_GUINT64_FORMAT "\n", MSN);
  g_autoptr (Reply) media = NULL;

  g_assert_cmpuint (early->status, ==, 503);
  g_assert_cmpstr (retry, ==, "1");
  publish_window (pair);
  cookie = cookie_for (pair, 0, "bob");
  media = get (port_of (pair, 0), "/live/demo/360p/index.m3u8", cookie);
  text = reply_text (media);
  type = reply_field (media, "Content-Type");
  g_assert_cmpuint (media->status, ==, 200);
  g_assert_cmpstr (type, ==, "application/vnd.apple.mpegurl");
  g_assert_nonnull (strstr (text, first));
  g_assert_nonnull (strstr (text, "9000000002.ts\n"));
  g_assert_null (strstr (text, "9000000003.ts\n"));
}

static void
only_signed_segments_are_taken (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  HeSegment segment = segment_of ("audio", HE_VARIANT_NONE, MSN);
  g_autoptr (GBytes) body = encrypted (pair, &segment);
  g_autoptr (GBytes) other = g_bytes_new_static ("other", 5);
  g_autofree char *path = he_segment_path (&segment);
  g_autofree char *fields = segment_fields (&segment, "A");
  g_autofree char *good = signature_line (pair, "PUT", path, body, 0);
  g_autofree char *old = signature_line (pair, "PUT", path, body, HE_SIGN_WINDOW + 5);
  g_autofree char *wrong_method = signature_line (pair, "GET", path, body, 0);
  g_autofree char *elsewhere
      = signature_line (pair, "PUT", "/origin/none/demo/audio/1.ts", body, 0);
  const struct {
    const char *signature;
    GBytes *body;
    guint status;
  } tries[] = {
    { "", body, 403 },
    { old, body, 403 },
    { wrong_method, body, 403 },
    { elsewhere, body, 403 },
    { good, other, 403 },
    { good, body, 201 },
    { good, body, 200 /* same */ },
  };

  for (guint i = 0; i < G_N_ELEMENTS (tries); i++) {
    g_autofree char *all = g_strconcat (tries[i].signature, fields, NULL);
    g_autoptr (Reply) reply
        = http ("127.0.0.1", pair->internal[0], "PUT", path, all, tries[i].body);

    g_assert_cmpuint (reply->status, ==, tries[i].status);
  }
  /* On the viewers' listener there is no such thing. */
  {
    g_autofree char *all = g_strconcat (good, fields, NULL);
    g_autoptr (Reply) reply
        = http ("127.0.0.1", port_of (pair, 0), "PUT", path, all, body);

    g_assert_cmpuint (reply->status, ==, 413);
  }
}

static void
copies_are_told_apart (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  HeSegment segment = segment_of ("audio", HE_VARIANT_NONE, MSN);
  g_autofree char *path = he_segment_path (&segment);
  g_autofree char *fields = segment_fields (&segment, "B");
  g_autoptr (GBytes) other = g_bytes_new_static ("other bytes", 11);
  g_autoptr (Reply) reply = NULL;
  g_autoptr (Reply) status = NULL;
  g_autofree char *copy = NULL;
  g_autofree char *text = NULL;

  g_assert_cmpuint (publish_one (pair, 0, &segment), ==, 201);
  reply = call_signed (pair, 0, "PUT", path, fields, other);
  copy = reply_field (reply, "Headend-Copy");
  g_assert_cmpuint (reply->status, ==, 200);
  g_assert_cmpstr (copy, ==, "different");
  status = get (pair->internal[0], "/status", NULL);
  text = reply_text (status);
  g_assert_nonnull (strstr (text, "\"copies-different\":1"));
  g_assert_nonnull (strstr (text, "{\"node\":\"B\",\"last-msn\":9000000000,"));
}

static void
odd_segments_are_refused (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  HeSegment segment = segment_of ("audio", HE_VARIANT_NONE, MSN);
  g_autofree char *fields = segment_fields (&segment, "A");
  g_autoptr (GBytes) body = g_bytes_new_static ("x", 1);
  static const struct {
    const char *path;
    guint status;
  } tries[] = {
    { "/origin/none/other/audio/9000000000.ts", 404 },
    { "/origin/none/demo/other/9000000000.ts", 404 },
    { "/origin/a/demo/audio/9000000000.ts", 400 },
    { "/origin/none/demo/audio/9000000001.ts", 400 }, /* not its boundary */
    { "/origin/none/demo/audio/../audio/9000000000.ts", 400 },
    { "/origin/none/demo/audio/09000000000.ts", 400 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (tries); i++) {
    g_autoptr (Reply) reply = call_signed (pair, 0, "PUT", tries[i].path, fields, body);

    g_assert_cmpuint (reply->status, ==, tries[i].status);
  }
  {
    g_autoptr (Reply) bare = call_signed (
        pair, 0, "PUT", "/origin/none/demo/audio/9000000000.ts", NULL, body);

    g_assert_cmpuint (bare->status, ==, 400);
  }
}

/* Given an edge that chooses variants itself, then it gets both and a segment's position,
 * as ETSI TS 104 002 says; strangers and devices do not. */
static void
edges_learn_the_position (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  const gint position = (gint)(MSN % HE_PACE_POSITIONS);
  g_autoptr (GBytes) wanted = he_pace_sidecar (position);
  g_autofree char *header = he_pace_egress (position);

  publish_window (pair);
  g_autoptr (Reply) info = call_signed (
      pair, 0, "GET", "/live/demo/360p/WMPaceInfo/9000000000.ts", "", NULL);
  g_autofree char *type = reply_field (info, "Content-Type");
  g_assert_cmpuint (info->status, ==, 200);
  g_assert_cmpstr (type, ==, "application/cbor");
  g_assert_true (g_bytes_equal (info->body, wanted));
  for (guint i = 0; i < 2; i++) {
    g_autofree char *path
        = g_strdup_printf ("/live/demo/360p/%s/9000000000.ts", i == 0 ? "a" : "b");
    g_autofree char *internal
        = g_strdup_printf ("/origin/%s/demo/360p/9000000000.ts", i == 0 ? "a" : "b");
    g_autoptr (Reply) segment = call_signed (pair, 0, "GET", path, "", NULL);
    g_autoptr (Reply) same = call_signed (pair, 0, "GET", internal, "", NULL);
    g_autofree char *told = reply_field (segment, HE_PACE_HEADER);

    g_assert_cmpuint (segment->status, ==, 200);
    g_assert_cmpstr (told, ==, header);
    g_assert_true (g_bytes_equal (segment->body, same->body));
  }
  /* Audio is not marked: position -1, and a is what there is. */
  g_autoptr (Reply) audio
      = call_signed (pair, 0, "GET", "/live/demo/audio/a/9000000000.ts", "", NULL);
  g_autofree char *unmarked = reply_field (audio, HE_PACE_HEADER);
  g_assert_cmpuint (audio->status, ==, 200);
  g_assert_cmpstr (unmarked, ==, "ogEBAoGhBiA");
  g_autoptr (Reply) none
      = call_signed (pair, 0, "GET", "/live/demo/audio/b/9000000000.ts", "", NULL);
  g_assert_cmpuint (none->status, ==, 404);
  g_autoptr (Reply) stranger
      = get (pair->internal[0], "/live/demo/360p/WMPaceInfo/9000000000.ts", "");
  g_assert_cmpuint (stranger->status, ==, 403);
  g_autofree char *cookie = cookie_for (pair, 0, "alice");
  g_autoptr (Reply) device
      = get (port_of (pair, 0), "/live/demo/360p/WMPaceInfo/9000000000.ts", cookie);
  g_assert_cmpuint (device->status, ==, 403);
}

/* What an edge does: ask one gate, fetch from the other origin. */
static void
ticket_fetches_from_the_other_origin (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *cookie = NULL;
  g_autofree char *fields = NULL;
  g_autofree char *variant = NULL;
  g_autofree char *ticket = NULL;
  g_autofree char *path = NULL;
  g_autofree char *other = NULL;
  g_autofree char *show = NULL;
  g_autofree char *cache = NULL;
  g_autoptr (Reply) auth = NULL;
  g_autoptr (Reply) segment = NULL;
  g_autoptr (Reply) wrong = NULL;
  g_autoptr (Reply) stranger = NULL;
  g_autoptr (Reply) playlist = NULL;
  static const char *const odd[]
      = { "/live/demo/360p/9000000000.ts;URISigningPackage=x",
          "/live/demo/360p/9000000000.ts;URISigningPackage=%2f..%2f9000000001.ts",
          "/s/AAAA;URISigningPackage=x/live/demo/360p/9000000000.ts" };
  HeVariant expected = he_codeword_variant (pair->code, "alice", MSN);

  publish_window (pair);
  cookie = cookie_for (pair, 0, "alice");
  fields = g_strconcat (cookie, "X-Original-URI: /live/demo/360p/9000000000.ts?x=y\r\n",
                        NULL);
  auth = get (pair->internal[0], "/auth", fields);
  variant = reply_field (auth, "X-Variant");
  ticket = reply_field (auth, "Headend-Ticket");
  g_assert_cmpuint (auth->status, ==, 204);
  g_assert_cmpstr (variant, ==, he_variant_name (expected));
  path = g_strdup_printf ("/origin/%s/demo/360p/9000000000.ts", variant);
  other = g_strdup_printf ("/origin/%s/demo/360p/9000000000.ts",
                           expected == HE_VARIANT_A ? "b" : "a");
  show = g_strdup_printf ("Headend-Ticket: %s\r\n", ticket);
  segment = get (pair->internal[1], path, show);
  cache = reply_field (segment, "Cache-Control");
  g_assert_cmpuint (segment->status, ==, 200);
  g_assert_cmpstr (cache, ==, "public, max-age=60");
  wrong = get (pair->internal[1], other, show);
  g_assert_cmpuint (wrong->status, ==, 403);
  stranger = get (pair->internal[0], "/auth",
                  "X-Original-URI: /live/demo/360p/9000000000.ts\r\n");
  assert_denied (stranger, 401, "600");
  g_free (fields);
  fields = g_strconcat (cookie, "X-Original-URI: /live/demo/main.m3u8\r\n", NULL);
  playlist = get (pair->internal[0], "/auth", fields);
  g_assert_cmpuint (playlist->status, ==, 403);
  for (guint i = 0; i < G_N_ELEMENTS (odd); i++) {
    g_autofree char *original
        = g_strdup_printf ("%sX-Original-URI: %s\r\n", cookie, odd[i]);
    g_autoptr (Reply) refused = get (pair->internal[0], "/auth", original);

    g_test_message ("%s", odd[i]);
    g_assert_cmpuint (refused->status, ==, 403);
  }
}

/* Given a viewer, then the gate says that he may have the playlist and what his lease has
 * left, and any node gives it for that, as everybody gets it. */
static void
an_edge_shares_playlists (void)
{
  static const char path[] = "/playlists/live/demo/360p/index.m3u8";
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *cookie = NULL;
  g_autofree char *fields = NULL;
  g_autofree char *ticket = NULL;
  g_autofree char *show = NULL;
  g_autofree char *cache = NULL;
  g_autofree char *lease = NULL;
  g_autofree char *shared_lease = NULL;
  g_autofree char *shared_cookie = NULL;
  g_autofree char *text = NULL;
  g_autoptr (Reply) auth = NULL;
  g_autoptr (Reply) shared = NULL;
  g_autoptr (Reply) other = NULL;
  g_autoptr (Reply) none = NULL;
  g_autoptr (Reply) missing = NULL;

  publish_window (pair);
  cookie = cookie_for (pair, 0, "alice");
  fields = g_strconcat (cookie, "X-Original-URI: /live/demo/360p/index.m3u8\r\n", NULL);
  auth = get (pair->internal[0], "/auth", fields);
  g_assert_cmpuint (auth->status, ==, 204);
  lease = reply_field (auth, "Headend-Lease");
  g_assert_nonnull (lease);
  ticket = reply_field (auth, "Headend-Ticket");
  show = g_strdup_printf ("Headend-Ticket: %s\r\n%s", ticket, cookie);
  shared = get (pair->internal[1], path, show);
  g_assert_cmpuint (shared->status, ==, 200);
  text = reply_text (shared);
  g_assert_true (g_str_has_prefix (text, "#EXTM3U\n"));
  cache = reply_field (shared, "Cache-Control");
  g_assert_cmpstr (cache, ==, "public, max-age=1, stale-while-revalidate=1");
  g_assert_null (shared_lease = reply_field (shared, "Headend-Lease"));
  g_assert_null (shared_cookie = reply_field (shared, "Set-Cookie"));
  other = get (pair->internal[1], "/playlists/live/demo/audio/index.m3u8", show);
  g_assert_cmpuint (other->status, ==, 403);
  none = get (pair->internal[1], path, NULL);
  g_assert_cmpuint (none->status, ==, 403);
  /* What does not exist is told by who is asked for it. */
  g_free (fields);
  fields = g_strconcat (cookie, "X-Original-URI: /live/demo/720p/index.m3u8\r\n", NULL);
  reply_free (auth);
  auth = get (pair->internal[0], "/auth", fields);
  g_assert_cmpuint (auth->status, ==, 204);
  g_free (ticket);
  ticket = reply_field (auth, "Headend-Ticket");
  g_free (show);
  show = g_strdup_printf ("Headend-Ticket: %s\r\n", ticket);
  missing = get (pair->internal[0], "/playlists/live/demo/720p/index.m3u8", show);
  g_assert_cmpuint (missing->status, ==, 404);
}

static void
ready_follows_the_segments (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autoptr (Reply) before = get (pair->internal[0], "/readyz", NULL);
  g_autofree char *why = reply_text (before);
  g_autoptr (Reply) health = get (pair->internal[0], "/healthz", NULL);
  g_autoptr (Reply) then = NULL;
  g_autoptr (Reply) stale = NULL;
  g_autofree char *stale_why = NULL;

  g_assert_cmpuint (before->status, ==, 503);
  g_assert_nonnull (strstr (why, "channel demo: 0 of 3 segments"));
  g_assert_cmpuint (health->status, ==, 200);
  /* The peers' sessions are known within a second; meanwhile it goes on. */
  for (guint i = 0; i < 200; i++) {
    publish (pair, MSN + i);
    g_clear_pointer (&then, reply_free);
    then = get (pair->internal[0], "/readyz", NULL);
    if (then->status == 200)
      break;
    g_usleep (20000);
  }
  g_assert_cmpuint (then->status, ==, 200);
  g_usleep (700000);
  stale = get (pair->internal[0], "/readyz", NULL);
  stale_why = reply_text (stale);
  g_assert_cmpuint (stale->status, ==, 503);
  g_assert_nonnull (strstr (stale_why, "channel demo: newest segment is "));
}

/* As its worker does; who is not it tells nothing. */
static void
tell_inputs (Pair *pair)
{
  static const char text[]
      = "{\"inputs\":[{\"name\":\"source\",\"up\":true,\"taken\":true,\"gaps\":3},"
        "{\"name\":\"backup\",\"up\":true,\"taken\":false}],"
        "\"source\":{\"damaged\":4,\"skipped-ms\":2050,"
        "\"skipped-pictures\":7}}";
  g_autoptr (GBytes) body = g_bytes_new_static (text, sizeof text - 1);
  g_autoptr (GBytes) bad = g_bytes_new_static ("{}", 2);
  g_autoptr (Reply) told
      = call_signed (pair, 0, "PUT", "/control/inputs/demo", NULL, body);
  g_autoptr (Reply) nonsense
      = call_signed (pair, 0, "PUT", "/control/inputs/demo", NULL, bad);
  g_autoptr (Reply) unknown
      = call_signed (pair, 0, "PUT", "/control/inputs/other", NULL, body);

  g_assert_cmpuint (told->status, ==, 200);
  g_assert_cmpuint (nonsense->status, ==, 400);
  g_assert_cmpuint (unknown->status, ==, 404);
}

static void
metrics_are_openmetrics (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *cookie = NULL;
  g_autofree char *text = NULL;
  g_autoptr (Reply) metrics = NULL;
  g_autoptr (Reply) denied = NULL;
  static const char *const lines[] = {
    "headend_segments_held{channel=\"demo\"} 9\n",
    "headend_newest_msn{channel=\"demo\"} 9000000002\n",
    "headend_puts_total{node=\"A\",outcome=\"new\"} 9\n",
    "headend_requests_total{class=\"entry\",status=\"200\"} 1\n",
    "headend_denials_total{code=\"600\"} 1\n",
    "headend_sessions 1\n",
    "headend_connections{listener=\"internal\"} ",
    "headend_connections_accepted_total{listener=\"viewers\"} 2\n",
    "headend_input_up{channel=\"demo\",input=\"source\"} 1\n",
    "headend_input_taken{channel=\"demo\",input=\"backup\"} 0\n",
    "headend_input_gaps_total{channel=\"demo\",input=\"source\"} 3\n",
    "headend_source_damaged_total{channel=\"demo\"} 4\n",
    "headend_source_skipped_seconds_total{channel=\"demo\"} 2.050\n",
    "headend_source_skipped_pictures_total{channel=\"demo\"} 7\n",
    "# TYPE headend_requests counter\n",
    "# HELP headend_newest_age_seconds ",
  };

  publish_window (pair);
  tell_inputs (pair);
  cookie = cookie_for (pair, 0, "alice");
  denied = get (port_of (pair, 0), "/live/demo/main.m3u8", NULL);
  /* The end of an exchange is counted after its last byte. */
  for (guint i = 0;
       i < 3000 && !(text && strstr (text, lines[3]) && strstr (text, lines[4])); i++) {
    g_usleep (10000);
    g_clear_pointer (&metrics, reply_free);
    g_free (text);
    metrics = get (pair->internal[0], "/metrics", NULL);
    text = reply_text (metrics);
  }
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++) {
    if (strstr (text, lines[i]) == NULL)
      g_test_message ("missing %s in\n%s", lines[i], text);
    g_assert_nonnull (strstr (text, lines[i]));
  }
  g_assert_true (g_str_has_suffix (text, "\n# EOF\n"));
}

static void
unwritable_state_is_named (void)
{
  g_autoptr (Pair) pair = pair_prepare (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *file = g_build_filename (pair->folder, "file", NULL);
  g_autofree char *state = g_build_filename (file, "state", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) proc = NULL;

  g_assert_true (g_file_set_contents (file, "", 0, NULL));
  g_assert_null (pair_new_origin (pair, 0, state, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_IO);
  g_assert_nonnull (strstr (error->message, state));
  /* A folder that is there, but takes no file, even from root. */
  g_assert_null (pair_new_origin (pair, 0, "/proc/self", &proc));
  g_assert_error (proc, HE_ERROR, HE_ERROR_IO);
  g_assert_nonnull (strstr (proc->message, "/proc/self"));
}

static void
port_in_use_is_named (void)
{
  g_autoptr (Pair) pair = pair_prepare (HE_SESSIONS_EVICT_OLDEST);
  g_autoptr (GError) error = NULL;

  pair_start (pair, 0);
  g_assert_null (pair_new_origin (pair, 0, NULL, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_CONFLICT);
  g_assert_nonnull (strstr (error->message, pair->peer[0]));
}

static gboolean
logged_within (Pair *pair, const char *text, guint seconds)
{
  for (guint i = 0; i < 10 * seconds && !pair_logged (pair, text); i++)
    g_usleep (G_USEC_PER_SEC / 10);
  return pair_logged (pair, text);
}

static void
keys_are_read_again_when_the_file_changes (void)
{
  g_autoptr (Pair) pair = pair_prepare (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (pair->jwks, &text, NULL, NULL));
  pair_start (pair, 0);
  g_assert_true (g_file_set_contents (pair->jwks, "{\"keys\":", -1, NULL));
  g_assert_true (logged_within (pair, "token keys stay as they were", 10));
  g_assert_true (g_file_set_contents (pair->jwks, text, -1, NULL));
  g_assert_true (logged_within (pair, "token keys read again", 10));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/origin/edges-learn-the-position", edges_learn_the_position);
  g_test_add_func ("/origin/publish/playlist-waits-for-the-window",
                   playlist_waits_for_the_window);
  g_test_add_func ("/origin/publish/only-signed-segments-are-taken",
                   only_signed_segments_are_taken);
  g_test_add_func ("/origin/publish/copies-are-told-apart", copies_are_told_apart);
  g_test_add_func ("/origin/publish/odd-segments-are-refused", odd_segments_are_refused);
  g_test_add_func ("/origin/view/ticket-fetches-from-the-other-origin",
                   ticket_fetches_from_the_other_origin);
  g_test_add_func ("/origin/view/an-edge-shares-playlists", an_edge_shares_playlists);
  g_test_add_func ("/origin/status/ready-follows-the-segments",
                   ready_follows_the_segments);
  g_test_add_func ("/origin/status/metrics-are-openmetrics", metrics_are_openmetrics);
  g_test_add_func ("/origin/start/unwritable-state-is-named", unwritable_state_is_named);
  g_test_add_func ("/origin/keys/read-again-when-the-file-changes",
                   keys_are_read_again_when_the_file_changes);
  g_test_add_func ("/origin/start/port-in-use-is-named", port_in_use_is_named);
  return g_test_run ();
}
