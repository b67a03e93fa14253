/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "he-error.h"
#include "he-store.h"

/* Window 3, one second: 6 behind and 9 ahead of the newest complete segment are held. */
#define D90 90000
#define SECOND G_USEC_PER_SEC
#define START 1000

typedef struct {
  HeStore *store;
  gint64 now;
} Fixture;

static HeChannel *
channel_new (const char *name)
{
  HeChannel *channel = he_channel_new (name);
  HeRendition *video = he_rendition_new ("360p", HE_MEDIA_VIDEO);

  video->variants = TRUE;
  channel->duration90 = D90;
  channel->window = 3;
  g_ptr_array_add (channel->renditions, video);
  g_ptr_array_add (channel->renditions, he_rendition_new ("audio", HE_MEDIA_AUDIO));
  return channel;
}

static void
set_up_sized (Fixture *f, gsize max_bytes)
{
  g_autoptr (HeChannel) channel = channel_new ("demo");
  g_autoptr (GError) error = NULL;

  f->store = he_store_new (max_bytes);
  f->now = 5 * SECOND;
  g_assert_true (he_store_add_channel (f->store, channel, &error));
}

static void
set_up (Fixture *f, gconstpointer data)
{
  set_up_sized (f, 1 << 20);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  he_store_free (f->store);
}

static HeSegment
name_of (const char *rendition, HeVariant variant, guint64 msn)
{
  return (HeSegment) {
    .channel = (char *)"demo",
    .rendition = (char *)rendition,
    .variant = variant,
    .msn = msn,
    .pts90 = msn * D90,
    .duration90 = D90,
  };
}

static gboolean
put (Fixture *f, const HeSegment *segment, const char *text, HeStoreOutcome *outcome,
     GError **error)
{
  g_autoptr (GBytes) body = g_bytes_new (text, strlen (text));

  return he_store_put (f->store, segment, body, "A", f->now, outcome, error);
}

static void
put_file (Fixture *f, const char *rendition, HeVariant variant, guint64 msn)
{
  HeSegment segment = name_of (rendition, variant, msn);
  g_autoptr (GError) error = NULL;
  HeStoreOutcome outcome;

  g_assert_true (put (f, &segment, "bytes", &outcome, &error));
  g_assert_no_error (error);
  g_assert_cmpint (outcome, ==, HE_STORE_NEW);
}

/* All files of one MSN, a second after the last. */
static void
put_all (Fixture *f, guint64 msn)
{
  f->now += SECOND;
  put_file (f, "360p", HE_VARIANT_A, msn);
  put_file (f, "360p", HE_VARIANT_B, msn);
  put_file (f, "audio", HE_VARIANT_NONE, msn);
}

static void
assert_listing (Fixture *f, guint64 first, guint64 last)
{
  guint64 got_first, got_last;

  g_assert_true (he_store_listing (f->store, "demo", &got_first, &got_last));
  g_assert_cmpuint (got_first, ==, first);
  g_assert_cmpuint (got_last, ==, last);
}

static gboolean
is_held (Fixture *f, const char *rendition, HeVariant variant, guint64 msn)
{
  HeSegment segment = name_of (rendition, variant, msn);
  g_autoptr (HeHeld) held = he_store_get (f->store, &segment);

  return held != NULL;
}

static void
listing_waits_for_a_window (Fixture *f, gconstpointer data)
{
  guint64 first, last;

  put_all (f, START);
  put_all (f, START + 1);
  g_assert_false (he_store_listing (f->store, "demo", &first, &last));
  put_all (f, START + 2);
  assert_listing (f, START, START + 2);
  put_all (f, START + 3);
  assert_listing (f, START + 1, START + 3);
}

static void
a_channel_is_live_for_three_durations (Fixture *f, gconstpointer data)
{
  guint64 first = 0, last = 0;

  put_all (f, START);
  put_all (f, START + 1);
  g_assert_false (he_store_live_listing (f->store, "demo", f->now, &first, &last));
  put_all (f, START + 2);
  g_assert_true (
      he_store_live_listing (f->store, "demo", f->now + 3 * SECOND, &first, &last));
  g_assert_true (first == START && last == START + 2);
  g_assert_false (
      he_store_live_listing (f->store, "demo", f->now + 3 * SECOND + 1, &first, &last));
  g_assert_false (he_store_live_listing (f->store, "none", f->now, &first, &last));
}

static void
listing_waits_for_every_file (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < 3; i++)
    put_all (f, START + i);
  put_file (f, "360p", HE_VARIANT_A, START + 3);
  put_file (f, "audio", HE_VARIANT_NONE, START + 3);
  assert_listing (f, START, START + 2);
  put_file (f, "360p", HE_VARIANT_B, START + 3);
  assert_listing (f, START + 1, START + 3);
}

static void
listing_stays_at_a_gap_until_three (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < 4; i++)
    put_all (f, START + i);
  put_all (f, START + 5); /* 4 is missing */
  put_all (f, START + 6);
  assert_listing (f, START + 1, START + 3);
  put_all (f, START + 7);
  assert_listing (f, START + 5, START + 7);
}

static void
listing_goes_on_when_a_gap_is_filled (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < 3; i++)
    put_all (f, START + i);
  put_all (f, START + 4);
  assert_listing (f, START, START + 2);
  put_all (f, START + 3);
  assert_listing (f, START + 2, START + 4);
}

static void
first_copy_wins (Fixture *f, gconstpointer data)
{
  HeSegment segment = name_of ("360p", HE_VARIANT_A, START);
  HeStoreOutcome outcome;
  HeStoreStatus status;
  g_autoptr (HeHeld) held = NULL;

  g_assert_true (put (f, &segment, "one", &outcome, NULL));
  g_assert_cmpint (outcome, ==, HE_STORE_NEW);
  g_assert_true (put (f, &segment, "one", &outcome, NULL));
  g_assert_cmpint (outcome, ==, HE_STORE_SAME);
  g_assert_true (put (f, &segment, "two", &outcome, NULL));
  g_assert_cmpint (outcome, ==, HE_STORE_DIFFERENT);
  held = he_store_get (f->store, &segment);
  g_assert_cmpmem (g_bytes_get_data (held->body, NULL), g_bytes_get_size (held->body),
                   "one", 3);
  /* SHA-256 of "one", by sha256sum(1). */
  g_assert_cmpstr (held->etag, ==, "\"7692c3ad3540bb803c020b3aee66cd88\"");
  g_assert_true (he_store_get_status (f->store, "demo", &status));
  g_assert_cmpuint (status.different, ==, 1);
}

static void
clean_replaces_damaged_only (Fixture *f, gconstpointer data)
{
  HeSegment damaged = name_of ("360p", HE_VARIANT_A, START), clean = damaged;
  HeStoreOutcome outcome;
  g_autoptr (HeHeld) held = NULL;

  damaged.flags = HE_SEGMENT_DAMAGED;
  g_assert_true (put (f, &damaged, "broken", &outcome, NULL));
  g_assert_true (put (f, &clean, "whole", &outcome, NULL));
  g_assert_cmpint (outcome, ==, HE_STORE_REPLACED);
  g_assert_true (put (f, &damaged, "broken", &outcome, NULL));
  g_assert_cmpint (outcome, ==, HE_STORE_DIFFERENT);
  held = he_store_get (f->store, &clean);
  g_assert_cmpuint (g_bytes_get_size (held->body), ==, 5);
}

static void
far_numbers_leave_the_window_alone (Fixture *f, gconstpointer data)
{
  static const gint64 far[] = { 10, 1000, 1000000, -7, -500 };
  HeStoreOutcome outcome;

  for (guint i = 0; i < 3; i++)
    put_all (f, START + i);
  for (guint i = 0; i < G_N_ELEMENTS (far); i++) {
    HeSegment segment = name_of ("audio", HE_VARIANT_NONE, (guint64)(START + 2 + far[i]));
    g_autoptr (GError) error = NULL;

    g_assert_false (put (f, &segment, "x", &outcome, &error));
    g_assert_error (error, HE_ERROR, HE_ERROR_LIMIT);
  }
  put_file (f, "audio", HE_VARIANT_NONE, START + 2 + 9); /* as far as one may be */
  for (guint i = 0; i < 3; i++)
    g_assert_true (is_held (f, "360p", HE_VARIANT_B, START + i));
  assert_listing (f, START, START + 2);
}

static void
outage_is_jumped_over (Fixture *f, gconstpointer data)
{
  for (guint outage = 1; outage <= 600; outage++) {
    Fixture g;

    set_up (&g, NULL);
    for (guint i = 0; i < 3; i++)
      put_all (&g, START + i);
    g.now += outage * SECOND;
    for (guint i = 0; i < 3; i++)
      put_all (&g, START + 3 + outage + i);
    assert_listing (&g, START + 3 + outage, START + 5 + outage);
    tear_down (&g, NULL);
  }
}

static void
lower_numbers_after_silence_start_anew (Fixture *f, gconstpointer data)
{
  guint64 first, last;
  HeStoreStatus status;

  for (guint i = 0; i < 3; i++)
    put_all (f, START + i);
  f->now += 7 * SECOND;
  put_all (f, 5);
  g_assert_false (he_store_listing (f->store, "demo", &first, &last));
  put_all (f, 6);
  put_all (f, 7);
  assert_listing (f, 5, 7);
  g_assert_true (he_store_get_status (f->store, "demo", &status));
  g_assert_cmpuint (status.nodes[0].last_msn, ==, 7);
  g_assert_cmpuint (status.nodes[0].whole_msn, ==, 7);
}

static void
old_segments_are_let_go (Fixture *f, gconstpointer data)
{
  HeStoreStatus status;

  for (guint i = 0; i < 100; i++)
    put_all (f, START + i);
  g_assert_true (is_held (f, "audio", HE_VARIANT_NONE, START + 99 - 6));
  g_assert_false (is_held (f, "audio", HE_VARIANT_NONE, START + 99 - 7));
  g_assert_true (he_store_get_status (f->store, "demo", &status));
  g_assert_cmpuint (status.segments, ==, 7 * 3);
  g_assert_cmpuint (status.bytes, ==, 7 * 3 * strlen ("bytes"));
}

static void
bytes_are_bounded (Fixture *f, gconstpointer data)
{
  HeSegment big = name_of ("audio", HE_VARIANT_NONE, START + 8);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = g_strnfill (40, 'x');
  HeStoreOutcome outcome;
  HeStoreStatus status;

  tear_down (f, NULL);
  set_up_sized (f, 5 * 3 * strlen ("bytes")); /* five MSNs */
  for (guint i = 0; i < 8; i++)
    put_all (f, START + i);
  g_assert_true (he_store_get_status (f->store, "demo", &status));
  g_assert_cmpuint (status.bytes, <=, 75);
  assert_listing (f, START + 5, START + 7);
  for (guint i = 5; i < 8; i++)
    g_assert_true (is_held (f, "360p", HE_VARIANT_A, START + i));
  g_assert_false (put (f, &big, text, &outcome, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_LIMIT);
  for (guint i = 5; i < 8; i++)
    g_assert_true (is_held (f, "360p", HE_VARIANT_A, START + i));
}

static void
unknown_names_are_refused (Fixture *f, gconstpointer data)
{
  HeSegment segment = name_of ("720p", HE_VARIANT_A, START);
  g_autoptr (GError) rendition = NULL;
  g_autoptr (GError) variant = NULL;
  g_autoptr (GError) channel = NULL;
  g_autoptr (GError) duration = NULL;
  HeStoreOutcome outcome;

  g_assert_false (put (f, &segment, "x", &outcome, &rendition));
  g_assert_error (rendition, HE_ERROR, HE_ERROR_NOT_FOUND);
  segment = name_of ("360p", HE_VARIANT_NONE, START);
  g_assert_false (put (f, &segment, "x", &outcome, &variant));
  g_assert_error (variant, HE_ERROR, HE_ERROR_INVALID);
  segment = name_of ("360p", HE_VARIANT_A, START);
  segment.pts90++;
  g_assert_false (put (f, &segment, "x", &outcome, &duration));
  g_assert_error (duration, HE_ERROR, HE_ERROR_INVALID);
  segment = name_of ("360p", HE_VARIANT_A, START);
  segment.channel = (char *)"other";
  g_assert_false (put (f, &segment, "x", &outcome, &channel));
  g_assert_error (channel, HE_ERROR, HE_ERROR_NOT_FOUND);
}

static void
publishers_are_remembered (Fixture *f, gconstpointer data)
{
  HeSegment segment = name_of ("audio", HE_VARIANT_NONE, START);
  g_autoptr (GBytes) body = g_bytes_new_static ("x", 1);
  HeStoreOutcome outcome;
  HeStoreStatus status;

  for (guint i = 0; i < 40; i++) {
    g_autofree char *node = g_strdup_printf ("node%u", i);

    g_assert_true (he_store_put (f->store, &segment, body, node, f->now, &outcome, NULL));
  }
  g_assert_true (he_store_get_status (f->store, "demo", &status));
  g_assert_cmpuint (status.n_nodes, ==, HE_STORE_MAX_NODES);
  g_assert_cmpstr (status.nodes[1].name, ==, "node1");
  g_assert_cmpuint (status.nodes[1].last_msn, ==, START);
}

static gpointer
putter (gpointer data)
{
  HeStore *store = data;
  g_autoptr (GBytes) body = g_bytes_new_static ("xyz", 3);
  static const HeVariant variants[] = { HE_VARIANT_A, HE_VARIANT_B, HE_VARIANT_NONE };

  for (guint i = 0; i < 3 * 500; i++) {
    HeVariant variant = variants[i % 3];
    HeSegment segment
        = name_of (variant == HE_VARIANT_NONE ? "audio" : "360p", variant, START + i / 3);
    g_autoptr (HeHeld) held = NULL;
    HeStoreOutcome outcome;

    /* The other thread may be so far on that this one is too old: that is right, too. */
    he_store_put (store, &segment, body, "A", i, &outcome, NULL);
    held = he_store_get (store, &segment);
    g_assert_true (held == NULL || g_bytes_equal (held->body, body));
  }
  return NULL;
}

static void
threads_share_it (Fixture *f, gconstpointer data)
{
  GThread *threads[2];

  for (guint i = 0; i < 2; i++)
    threads[i] = g_thread_new ("putter", putter, f->store);
  for (guint i = 0; i < 2; i++)
    g_thread_join (threads[i]);
  assert_listing (f, START + 497, START + 499);
}

static void
second_channel_of_a_name_is_refused (Fixture *f, gconstpointer data)
{
  g_autoptr (HeChannel) channel = channel_new ("demo");
  g_autoptr (GError) error = NULL;

  g_assert_false (he_store_add_channel (f->store, channel, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_CONFLICT);
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/store/listing/waits-for-a-window", listing_waits_for_a_window);
  ADD ("/store/listing/is-live-for-three-durations",
       a_channel_is_live_for_three_durations);
  ADD ("/store/listing/waits-for-every-file", listing_waits_for_every_file);
  ADD ("/store/listing/stays-at-a-gap-until-three", listing_stays_at_a_gap_until_three);
  ADD ("/store/listing/goes-on-when-a-gap-is-filled",
       listing_goes_on_when_a_gap_is_filled);
  ADD ("/store/copies/first-wins", first_copy_wins);
  ADD ("/store/copies/clean-replaces-damaged-only", clean_replaces_damaged_only);
  ADD ("/store/range/far-numbers-leave-the-window-alone",
       far_numbers_leave_the_window_alone);
  ADD ("/store/range/outage-is-jumped-over", outage_is_jumped_over);
  ADD ("/store/range/lower-numbers-after-silence-start-anew",
       lower_numbers_after_silence_start_anew);
  ADD ("/store/bounds/old-segments-are-let-go", old_segments_are_let_go);
  ADD ("/store/bounds/bytes-are-bounded", bytes_are_bounded);
  ADD ("/store/bounds/publishers-are-remembered", publishers_are_remembered);
  ADD ("/store/names/unknown-are-refused", unknown_names_are_refused);
  ADD ("/store/names/second-channel-is-refused", second_channel_of_a_name_is_refused);
  ADD ("/store/threads/share-it", threads_share_it);
  return g_test_run ();
}
