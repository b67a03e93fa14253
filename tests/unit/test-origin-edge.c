/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "origin-kit.h"

/* A viewer's ticket for a playlist from node A, as a field, and the name that goes with
 * it. */
typedef struct {
  char *show, *name;
} Pass;

static void
pass_clear (Pass *pass)
{
  g_clear_pointer (&pass->show, g_free);
  g_clear_pointer (&pass->name, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pass, pass_clear)

static void
pass_get (Pass *ret_pass, Pair *pair, const char *cookie)
{
  g_autofree char *fields
      = g_strconcat (cookie, "X-Original-URI: /live/demo/360p/index.m3u8\r\n", NULL);
  g_autoptr (Reply) auth = get (pair->internal[0], "/auth", fields);
  g_autofree char *ticket = reply_field (auth, "Headend-Ticket");

  g_assert_cmpuint (auth->status, ==, 204);
  pass_clear (ret_pass);
  ret_pass->show = g_strdup_printf ("Headend-Ticket: %s\r\n", ticket);
  ret_pass->name = reply_field (auth, "Headend-Playlist");
}

static Reply *
playlist (Pair *pair, const char *rendition, const char *name, const char *show)
{
  g_autofree char *path
      = g_strdup_printf ("/playlists/live/demo/%s/%s.m3u8", rendition, name);

  return get (pair->internal[1], path, show);
}

/* Given a live channel, then the gate names the playlist that it lists, which the other
 * node writes as it writes its own; and once it lists the next, it names that. */
static void
a_gate_names_the_playlist (void)
{
  d90 = 60 * 90000;
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *cookie = NULL;
  g_autofree char *text = NULL;
  g_autofree char *same = NULL;
  g_autofree char *cache = NULL;
  g_auto (Pass) pass = { 0 };
  g_autoptr (Reply) named = NULL;
  g_autoptr (Reply) index = NULL;

  publish_window (pair);
  cookie = cookie_for (pair, 0, "alice");
  pass_get (&pass, pair, cookie);
  g_assert_cmpstr (pass.name, ==, "9000000000-9000000002");
  named = playlist (pair, "360p", pass.name, pass.show);
  g_assert_cmpuint (named->status, ==, 200);
  cache = reply_field (named, "Cache-Control");
  g_assert_cmpstr (cache, ==, "public, max-age=60");
  index = playlist (pair, "360p", "index", pass.show);
  text = reply_text (named);
  same = reply_text (index);
  g_assert_cmpstr (text, ==, same);
  publish (pair, MSN + WINDOW);
  wait_listed (pair, MSN + WINDOW);
  pass_get (&pass, pair, cookie);
  g_assert_cmpstr (pass.name, ==, "9000000001-9000000003");
}

/* A node writes what it is asked for, whatever it lists itself; of no more than a window,
 * and only for the ticket's rendition. */
static void
a_node_writes_the_named_playlist (void)
{
  static const struct {
    const char *rendition, *name;
    guint status;
  } cases[] = {
    { "360p", "9000000001-9000000003", 200 }, /* the other node is ahead */
    { "360p", "8999999999-9000000001", 200 }, /* or behind */
    { "360p", "9000000000-9000000003", 404 }, { "360p", "9000000002-9000000000", 403 },
    { "360p", "0-9223372036854775807", 404 }, { "audio", "9000000000-9000000002", 403 },
  };
  d90 = 60 * 90000;
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *cookie = NULL;
  g_auto (Pass) pass = { 0 };

  publish_window (pair);
  cookie = cookie_for (pair, 0, "alice");
  pass_get (&pass, pair, cookie);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (Reply) reply
        = playlist (pair, cases[i].rendition, cases[i].name, pass.show);
    g_autofree char *text = reply_text (reply);

    g_assert_cmpuint (reply->status, ==, cases[i].status);
    if (reply->status != 200)
      continue;
    g_autofree char *last = g_strdup_printf ("%.10s.ts\n", cases[i].name + 11);
    g_autofree char *first
        = g_strdup_printf ("#EXT-X-MEDIA-SEQUENCE:%.10s\n", cases[i].name);
    g_assert_true (g_str_has_suffix (text, last));
    g_assert_nonnull (strstr (text, first));
  }
}

/* Of a channel that stands still, another node may know more. */
static void
a_gate_that_hears_nothing_names_no_playlist (void)
{
  d90 = D90;
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *cookie = NULL;
  g_auto (Pass) pass = { 0 };

  publish_window (pair);
  cookie = cookie_for (pair, 0, "alice");
  g_usleep (700000);
  pass_get (&pass, pair, cookie);
  g_assert_cmpstr (pass.name, ==, "index");
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/origin-edge/a-gate-names-the-playlist", a_gate_names_the_playlist);
  g_test_add_func ("/origin-edge/a-node-writes-the-named-playlist",
                   a_node_writes_the_named_playlist);
  g_test_add_func ("/origin-edge/a-gate-that-hears-nothing-names-no-playlist",
                   a_gate_that_hears_nothing_names_no_playlist);
  return g_test_run ();
}
