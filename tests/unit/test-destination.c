/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <string.h>

#include "he-destination.h"
#include "he-error.h"
#include "put-kit.h"

#define D90 G_GUINT64_CONSTANT (180000)

/* A destination in a folder of its own. */
typedef struct {
  char *folder;
  HeChannel *channel;
  HeDestination *destination;
  guint sent, failed, broken;
} Place;

static void
on_sent (const HeSegment *segment, const GError *error, gpointer user_data)
{
  Place *place = user_data;

  place->sent += error == NULL;
  place->failed += error != NULL;
}

static void
on_broken (const GError *error, gpointer user_data)
{
  ((Place *)user_data)->broken++;
}

/* uri: NULL is a folder. */
static Place *
place_new_at (gboolean recording, const char *at)
{
  Place *place = g_new0 (Place, 1);
  g_autofree char *uri = NULL;
  g_autoptr (GError) error = NULL;
  HeDestinationConfig config = {
    .recording = recording, .sent = on_sent, .broken = on_broken, .user_data = place
  };

  place->folder = g_dir_make_tmp ("headend-test-XXXXXX", NULL);
  config.uri = uri
      = at != NULL ? g_strdup (at) : g_strconcat ("file:", place->folder, NULL);
  place->channel = he_channel_new ("demo");
  place->channel->window = 3;
  place->channel->encrypted = FALSE;
  g_ptr_array_add (place->channel->renditions, he_rendition_new ("v", HE_MEDIA_VIDEO));
  g_ptr_array_add (place->channel->renditions, he_rendition_new ("a", HE_MEDIA_AUDIO));
  place->destination = he_destination_new (&config, place->channel, &error);
  g_assert_no_error (error);
  return place;
}

static Place *
place_new (gboolean recording)
{
  return place_new_at (recording, NULL);
}

static void
place_free (Place *place)
{
  const char *argv[] = { "rm", "-rf", place->folder, NULL };

  he_destination_free (place->destination);
  he_channel_unref (place->channel);
  g_assert_true (g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
                               NULL, NULL, NULL, NULL));
  g_free (place->folder);
  g_free (place);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Place, place_free)

static char *
text_of (const Place *place, const char *name)
{
  g_autofree char *path = g_build_filename (place->folder, "demo", name, NULL);
  char *text = NULL;

  g_file_get_contents (path, &text, NULL, NULL);
  return text;
}

/* One segment of a rendition, until it is there. */
static void
push (Place *place, const char *rendition, guint64 msn, guint64 duration90)
{
  HeSegment segment = { .channel = (char *)"demo",
                        .rendition = (char *)rendition,
                        .msn = msn,
                        .pts90 = msn * D90,
                        .duration90 = duration90 };
  g_autoptr (GBytes) body = g_bytes_new_static ("segment", 7);

  he_destination_push (place->destination, &segment, body);
  he_destination_drain (place->destination, -1);
}

/* Given a live channel, then a number is listed once all renditions stand there, and the
 * window is full; what left the window a window ago is gone, and nothing else. */
static void
test_live (void)
{
  g_autoptr (Place) place = place_new (FALSE);

  for (guint64 msn = 100; msn < 112; msn++) {
    g_autofree char *before = NULL, *between = NULL, *after = NULL, *main = NULL;
    g_autofree char *last = g_strdup_printf ("\n%" G_GUINT64_FORMAT ".ts\n", msn);

    before = text_of (place, "v/index.m3u8");
    push (place, "v", msn, D90);
    between = text_of (place, "v/index.m3u8");
    g_assert_cmpstr (before, ==, between);
    push (place, "a", msn, D90);
    after = text_of (place, "v/index.m3u8");
    main = text_of (place, "main.m3u8");
    g_assert_cmpint (after != NULL, ==, msn >= 102);
    g_assert_cmpint (main != NULL, ==, msn >= 102);
    g_assert_true (after == NULL || strstr (after, last) != NULL);
  }
  for (guint64 msn = 100; msn < 112; msn++) {
    g_autofree char *name = g_strdup_printf ("v/%" G_GUINT64_FORMAT ".ts", msn);
    g_autofree char *text = text_of (place, name);

    g_assert_cmpint (text != NULL, ==, msn >= 111 - 6);
  }
  g_assert_cmpuint (place->sent, ==, 24);
  g_assert_cmpuint (place->failed, ==, 0);
}

/* Given a recording, then nothing is listed until its end, and then all of each
 * rendition, which may end at different numbers. */
static void
test_recording (void)
{
  g_autoptr (Place) place = place_new (TRUE);
  g_autofree char *video = NULL, *audio = NULL, *early = NULL;
  g_autoptr (GError) error = NULL;

  for (guint64 msn = 5; msn < 9; msn++)
    push (place, "v", msn, msn == 8 ? 90000 : D90);
  for (guint64 msn = 5; msn < 8; msn++)
    push (place, "a", msn, msn == 7 ? 9000 : D90);
  early = text_of (place, "main.m3u8");
  g_assert_null (early);
  g_assert_true (he_destination_finish (place->destination, &error));
  g_assert_no_error (error);
  video = text_of (place, "v/index.m3u8");
  audio = text_of (place, "a/index.m3u8");
  g_assert_nonnull (strstr (video, "#EXTINF:2.000,\n5.ts\n"));
  g_assert_nonnull (strstr (video, "#EXTINF:1.000,\n8.ts\n#EXT-X-ENDLIST\n"));
  g_assert_nonnull (strstr (audio, "#EXTINF:0.100,\n7.ts\n#EXT-X-ENDLIST\n"));
  early = text_of (place, "main.m3u8");
  g_assert_nonnull (early);
}

/* Given a recording with a hole, then the end says which segment is missing. */
static void
test_hole (void)
{
  static const struct {
    guint64 video, audio;
    const char *message;
  } rows[] = { { 6, 5, "v has no segment 6" },
               { 9, 5, "a has no segment 5" },
               { 9, 9, "a has no segment at all" } };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (Place) place = place_new (TRUE);
    g_autoptr (GError) error = NULL;
    g_autofree char *main = NULL;

    for (guint64 msn = 5; msn < 9; msn++) {
      if (msn != rows[i].video)
        push (place, "v", msn, D90);
      if (msn > rows[i].audio && rows[i].video == 9)
        push (place, "a", msn, D90);
      else if (rows[i].video != 9)
        push (place, "a", msn, D90);
    }
    g_assert_false (he_destination_finish (place->destination, &error));
    g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
    if (!strstr (error->message, rows[i].message))
      g_error ("expected \"%s\" in \"%s\"", rows[i].message, error->message);
    main = text_of (place, "main.m3u8");
    g_assert_null (main);
  }
}

/* Given somebody who stops it, then a recording that waits for its place does not keep
 * him. */
static void
test_cancel (void)
{
  g_autoptr (Place) place = place_new (TRUE);
  g_autofree char *in_the_way = g_build_filename (place->folder, "demo", NULL);
  g_autoptr (GError) error = NULL;
  HeSegment segment = { .channel = (char *)"demo",
                        .rendition = (char *)"v",
                        .msn = 5,
                        .pts90 = 5 * D90,
                        .duration90 = D90 };
  g_autoptr (GBytes) body = g_bytes_new_static ("segment", 7);

  g_assert_true (g_file_set_contents (in_the_way, "", 0, NULL));
  he_destination_push (place->destination, &segment, body);
  he_destination_cancel (place->destination);
  g_assert_false (he_destination_finish (place->destination, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE);
  g_assert_cmpuint (place->broken, ==, 0);
}

/* Given a recording whose last segment is refused, then its end says which is missing. */
static void
test_refused (void)
{
  g_autoptr (Taker) taker = taker_new ();
  g_autoptr (Place) whole = place_new_at (TRUE, taker->url);
  g_autoptr (Place) place = place_new_at (TRUE, taker->url);
  g_autoptr (GError) error = NULL;

  push (whole, "v", 5, D90);
  push (whole, "a", 5, D90);
  g_assert_true (he_destination_finish (whole->destination, &error));
  g_assert_no_error (error);
  push (place, "v", 5, D90);
  push (place, "a", 5, D90);
  push (place, "refused", 6, D90);
  g_assert_cmpuint (place->failed, ==, 1);
  g_assert_cmpuint (place->broken, ==, 1);
  g_assert_false (he_destination_finish (place->destination, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "refused has no segment 6"));
}

/* Given a recording that has ended, then what comes behind it is told, not sent, and it
 * does not end twice. */
static void
test_after_the_end (void)
{
  g_autoptr (Place) place = place_new (TRUE);
  g_autofree char *late = NULL;
  g_autoptr (GError) error = NULL;

  push (place, "v", 5, D90);
  push (place, "a", 5, D90);
  g_assert_true (he_destination_finish (place->destination, &error));
  g_assert_no_error (error);
  push (place, "v", 6, D90);
  g_assert_cmpuint (place->sent, ==, 2);
  g_assert_cmpuint (place->failed, ==, 1);
  g_assert_cmpuint (place->broken, ==, 1);
  late = text_of (place, "v/6.ts");
  g_assert_null (late);
  g_assert_false (he_destination_finish (place->destination, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
}

/* Given a recording of no stream, then it does not end well. */
static void
test_nothing (void)
{
  g_autoptr (Place) place = place_new (TRUE);
  g_autofree char *main = NULL;
  g_autoptr (GError) error = NULL;

  g_ptr_array_set_size (place->channel->renditions, 0);
  g_assert_false (he_destination_finish (place->destination, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
  main = text_of (place, "main.m3u8");
  g_assert_null (main);
}

int
main (int argc, char **argv)
{
  g_setenv ("no_proxy", "127.0.0.1", TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/destination/live/lists-what-stands-there", test_live);
  g_test_add_func ("/destination/recording/lists-all-at-the-end", test_recording);
  g_test_add_func ("/destination/recording/a-hole-is-named", test_hole);
  g_test_add_func ("/destination/recording/a-refused-segment-is-named", test_refused);
  g_test_add_func ("/destination/recording/has-one-end", test_after_the_end);
  g_test_add_func ("/destination/recording/of-nothing-is-none", test_nothing);
  g_test_add_func ("/destination/recording/can-be-stopped", test_cancel);
  return g_test_run ();
}
