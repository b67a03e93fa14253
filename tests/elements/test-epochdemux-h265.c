/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "demux-run.h"

/* Open GOPs of 20 pictures: an IDR at first, then CRA with RASL pictures behind them. */
#define X265                                                                             \
  "x265enc speed-preset=ultrafast "                                                      \
  "option-string=keyint=20:min-keyint=20:bframes=2:b-adapt=0:open-gop=1:scenecut=0"      \
  " ! h265parse config-interval=-1"
/* In one thread: with several, GStreamer 1.26's now and then loses a picture right behind
 * the first one. */
#define DECODED "queue ! h265parse ! avdec_h265 max-threads=1 output-corrupt=false"

/* Given a feed in H.265 of either depth, then it is decoded whole and in its depth. */
static void
test_decodes (gconstpointer format)
{
  g_autofree char *caps = g_strconcat (",format=", format, NULL);
  g_autoptr (GByteArray) feed = make_feed_with (caps, X265);
  g_autofree char *video
      = g_strdup_printf (DECODED " ! video/x-raw,format=%s", (const char *)format);
  g_autoptr (Run) run = run_bytes (feed, 0, (Options) { .video = video });

  g_assert_no_error (run->error);
  g_assert_cmpuint (run->video->len, ==, N_PICTURES);
  for (guint i = 0; i < N_PICTURES; i++)
    g_assert_cmpuint (nth (run->video, i)->pts, ==,
                      nth (run->video, 0)->pts + i * PICTURE_NS);
  g_assert_cmpuint (run->audio->len, >=, 184);
  g_assert_cmpuint (stat_of (run, "skipped"), ==, 0);
  g_assert_cmpuint (stat_of (run, "damaged"), ==, 0);
}

/* Given a feed joined at any place, then it begins with a picture to enter at, and every
 * picture that is decoded from there on is the one that the whole feed has at its time.
 */
static void
test_join (void)
{
  g_autoptr (GByteArray) feed = make_feed_with (",format=I420", X265);
  g_autoptr (Run) whole = run_bytes (feed, 0, (Options) { .video = DECODED });
  g_autoptr (GHashTable) pictures = g_hash_table_new (g_int64_hash, g_int64_equal);
  gboolean left_out = FALSE;

  g_assert_no_error (whole->error);
  for (guint i = 0; i < whole->video->len; i++)
    g_hash_table_insert (pictures, (gpointer)&nth (whole->video, i)->pts,
                         nth (whole->video, i)->hash);
  for (gsize from = feed->len / 10; from < feed->len / 2; from += feed->len / 10) {
    g_autoptr (Run) run = run_bytes (
        feed, from, (Options) { .video = DECODED, .anchor = whole->anchors->pdata[0] });
    g_autoptr (Run) bare
        = run_bytes (feed, from, (Options) { .anchor = whole->anchors->pdata[0] });

    g_assert_no_error (run->error);
    g_assert_cmpuint (run->video->len, >, N_PICTURES / 4);
    g_assert_cmpuint (run->video->len, <, N_PICTURES);
    for (guint i = 0; i < run->video->len; i++) {
      const Frame *frame = nth (run->video, i);

      g_assert_cmpstr (frame->hash, ==, g_hash_table_lookup (pictures, &frame->pts));
      g_assert_cmpuint (frame->pts, ==, nth (run->video, 0)->pts + i * PICTURE_NS);
    }
    /* Without the RASL pictures the first one in is the first one shown. */
    g_assert_cmpuint (nth (bare->video, 0)->pts, ==, nth (run->video, 0)->pts);
    g_assert_cmpuint (bare->video->len, ==, run->video->len);
    for (guint i = 1; i < 4; i++)
      left_out |= nth (bare->video, i)->dts - nth (bare->video, i - 1)->dts > PICTURE_NS;
  }
  g_assert_true (left_out); /* the feed has RASL pictures at all */
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  folder = g_dir_make_tmp ("epochdemux-XXXXXX", NULL);
  g_assert_nonnull (folder);
  g_test_add_data_func ("/epochdemux/h265/decodes-8-bit", "I420", test_decodes);
  g_test_add_data_func ("/epochdemux/h265/decodes-10-bit", "I420_10LE", test_decodes);
  g_test_add_func ("/epochdemux/h265/joins-anywhere-without-damage", test_join);
  result = g_test_run ();
  g_rmdir (folder);
  g_free (folder);
  return result;
}
