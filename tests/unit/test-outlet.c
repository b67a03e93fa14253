/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-outlet.h"

#include <glib/gstdio.h>
#include <string.h>

#include "he-error.h"

#define D90 G_GUINT64_CONSTANT (180000)

/* An outlet to a folder of its own. */
typedef struct {
  char *folder;
  HeOutlet *outlet;
  gint released; /* bodies that nobody holds any more */
  guint lines, broken;
} Place;

static void
on_log (const char *line, gpointer user_data)
{
  ((Place *)user_data)->lines++;
}

static void
on_broken (const GError *error, gpointer user_data)
{
  g_assert_error (error, HE_ERROR, HE_ERROR_LIMIT);
  g_assert_nonnull (strstr (error->message, "a pad that has no caps"));
  ((Place *)user_data)->broken++;
}

static Place *
place_new (gboolean recording)
{
  Place *place = g_new0 (Place, 1);
  g_autofree char *uri = NULL;
  g_autoptr (GError) error = NULL;
  HeOutletConfig config = { .node = "N",
                            .channel = "demo",
                            .window = 3,
                            .recording = recording,
                            .log = on_log,
                            .broken = on_broken,
                            .user_data = place };

  place->folder = g_dir_make_tmp ("headend-test-XXXXXX", NULL);
  config.destination = uri = g_strconcat ("file:", place->folder, NULL);
  place->outlet = he_outlet_new (&config, &error);
  g_assert_no_error (error);
  return place;
}

static void
place_free (Place *place)
{
  he_outlet_free (place->outlet);
  g_assert_cmpint (g_rmdir (place->folder), ==, 0); /* nothing was written */
  g_free (place->folder);
  g_free (place);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Place, place_free)

static void
release (gpointer user_data)
{
  g_atomic_int_inc (&((Place *)user_data)->released);
}

static void
push (Place *place, guint64 msn, GBytes *body)
{
  static const guint8 digest[32];
  HeSegment segment = { .channel = (char *)"demo",
                        .rendition = (char *)"v",
                        .msn = msn,
                        .pts90 = msn * D90,
                        .duration90 = D90 };

  he_outlet_push (place->outlet, &segment, body, digest);
}

static guint64
dropped (Place *place)
{
  HeOutletStats stats;

  he_outlet_get_stats (place->outlet, &stats);
  return stats.published.dropped;
}

/* Given a pad that never gets caps, then of a live channel the newest segments wait until
 * it stops, nobody holds the others, and what was dropped is counted. */
static void
test_live (void)
{
  g_autoptr (Place) place = place_new (FALSE);

  for (guint64 msn = 100; msn < 200; msn++) {
    g_autoptr (GBytes) body = g_bytes_new_with_free_func ("segment", 7, release, place);

    push (place, msn, body);
  }
  g_assert_cmpint (g_atomic_int_get (&place->released), ==, 100 - 64);
  g_assert_cmpuint (place->lines, ==, 100 - 64);
  g_assert_cmpuint (dropped (place), ==, 100 - 64);
  g_assert_cmpuint (place->broken, ==, 0);
  he_outlet_drain (place->outlet);
  g_assert_cmpint (g_atomic_int_get (&place->released), ==, 100);
  g_assert_cmpuint (dropped (place), ==, 100);
}

/* Given the same, then a recording keeps all, up to a size; beyond it, it says once what
 * is missing, keeps nothing, and does not end well. */
static void
test_recording (void)
{
  const gsize mebi = 1024 * 1024;
  g_autoptr (Place) place = place_new (TRUE);
  g_autofree char *zeros = g_malloc0 (mebi);
  /* One body stands for all. */
  GBytes *body = g_bytes_new_with_free_func (zeros, mebi, release, place);
  g_autoptr (GError) error = NULL;

  for (guint64 msn = 100; msn < 100 + 256; msn++)
    push (place, msn, body);
  g_assert_cmpuint (place->broken, ==, 0);
  for (guint64 msn = 356; msn < 356 + 44; msn++)
    push (place, msn, body);
  g_assert_cmpuint (place->broken, ==, 1);
  g_assert_cmpuint (dropped (place), ==, 300);
  g_assert_cmpint (g_atomic_int_get (&place->released), ==, 0);
  g_bytes_unref (body);
  g_assert_cmpint (g_atomic_int_get (&place->released), ==, 1);
  g_assert_false (he_outlet_finish (place->outlet, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_LIMIT);
}

/* Given somebody who stops a recording before its channel is known, then it is stopped
 * when it is. */
static void
test_cancel (void)
{
  g_autoptr (Place) place = place_new (TRUE);
  g_autoptr (HeChannel) channel = he_channel_new ("demo");
  g_autoptr (GError) error = NULL;

  channel->encrypted = FALSE;
  g_ptr_array_add (channel->renditions, he_rendition_new ("v", HE_MEDIA_VIDEO));
  he_outlet_cancel (place->outlet);
  g_assert_true (he_outlet_set_channel (place->outlet, channel, &error));
  g_assert_no_error (error);
  g_assert_false (he_outlet_finish (place->outlet, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/outlet/live-keeps-the-newest", test_live);
  g_test_add_func ("/outlet/recording-is-bounded", test_recording);
  g_test_add_func ("/outlet/recording-is-stopped-before-it-begins", test_cancel);
  return g_test_run ();
}
