/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/app/gstappsink.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include "gst-headend.h"
#include "he-detect.h"
#include "he-epoch.h"
#include "he-keys.h"
#include "receiver.h"
#include "record.h"

/* Sparse marking: variants a and b differ in one segment of so many, and b's encoder
 * works only there. */

#define KEY "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
#define SPARSE 4
#define FRAMES 25
#define D G_GUINT64_CONSTANT (90000)
#define FIRST (MSN * D90 / D) /* the first segment */
#define SEGMENTS 10
#define WIDTH 320
#define HEIGHT 180
#define MARK "forensicmark key=" KEY " channel=demo sparse=" G_STRINGIFY (SPARSE)

static gboolean
is_marked (guint64 msn)
{
  g_autoptr (HeSecret) key = he_secret_from_hex (KEY, "key", NULL);

  return he_mark_next (key, "demo", SPARSE, msn) == msn;
}

/* ---- from the pictures to the origin ---- */

static GstPadProbeReturn
count (GstPad *pad, GstPadProbeInfo *info, gpointer frames)
{
  g_atomic_int_inc ((gint *)frames);
  return GST_PAD_PROBE_OK;
}

/* z of the pictures in a segment: above 0 speaks for b. */
static double
read_mark (GBytes *segment, guint64 msn)
{
  g_autofree char *folder = g_dir_make_tmp ("sparse-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "segment.ts", NULL);
  g_autofree char *text
      = g_strdup_printf ("filesrc location=%s ! tsdemux ! h264parse ! avdec_h264 ! "
                         "videoconvert ! video/x-raw,format=I420 ! "
                         "appsink name=decoded sync=false",
                         path);
  g_autoptr (HeSecret) key = he_secret_from_hex (KEY, "key", NULL);
  g_autoptr (HeDetector) detector = he_detector_new ();
  g_autoptr (GstElement) pipeline = NULL;
  g_autoptr (GstElement) sink = NULL;
  GstSample *sample;
  guint8 seed[32];

  g_assert_true (g_file_set_contents (path, g_bytes_get_data (segment, NULL),
                                      (gssize)g_bytes_get_size (segment), NULL));
  pipeline = parse (text);
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "decoded");
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while ((sample = gst_app_sink_pull_sample (GST_APP_SINK (sink))) != NULL) {
    GstVideoFrame frame;
    GstVideoInfo info;

    gst_video_info_from_caps (&info, gst_sample_get_caps (sample));
    g_assert_true (gst_video_frame_map (&frame, &info, gst_sample_get_buffer (sample),
                                        GST_MAP_READ));
    g_assert_true (he_detector_add (detector, GST_VIDEO_FRAME_PLANE_DATA (&frame, 0),
                                    (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0),
                                    (guint)info.width, (guint)info.height, NULL));
    gst_video_frame_unmap (&frame);
    gst_sample_unref (sample);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  g_unlink (path);
  g_rmdir (folder);
  g_assert_cmpuint (he_detector_frames (detector), ==, FRAMES);
  he_mark_seed (key, "demo", msn, seed);
  return he_detector_score (detector, seed);
}

static char *
chain (const char *variant, const char *agreement, const char *pad)
{
  return g_strdup_printf (
      " pictures. ! queue ! " MARK " variant=%s ! segmentencoder name=encoder-%s "
      "agreement=%s segment-duration=%" G_GUINT64_FORMAT " encoder=\"x264enc threads=1 "
      "speed-preset=ultrafast pass=quant quantizer=18 bframes=2 mb-tree=false\" "
      "! h264parse config-interval=-1 ! sink.%s ",
      variant, variant, agreement, D, pad);
}

/* Given every segment in both names, then a and b are the same bytes where the segment is
 * not marked, and where it is, each has its mark. */
static void
check_segments (Receiver *receiver)
{
  guint marked = 0;

  for (guint64 msn = FIRST; msn < FIRST + SEGMENTS; msn++) {
    g_autoptr (GBytes) a = receiver_clear (receiver, "a", "video0", msn);
    g_autoptr (GBytes) b = receiver_clear (receiver, "b", "video0", msn);
    double in_a, in_b;

    g_assert_nonnull (a);
    g_assert_nonnull (b);
    g_assert_cmpint (g_bytes_equal (a, b), ==, !is_marked (msn));
    if (!is_marked (msn))
      continue;
    marked++;
    in_a = read_mark (a, msn);
    in_b = read_mark (b, msn);
    g_test_message ("segment %" G_GUINT64_FORMAT ": %+.1f %+.1f", msn, in_a, in_b);
    g_assert_cmpint (he_detect_verdict (in_a), ==, HE_VARIANT_A);
    g_assert_cmpint (he_detect_verdict (in_b), ==, HE_VARIANT_B);
  }
  g_assert_cmpuint (marked, >=, 2);
}

static void
test_chain (gconstpointer agreement)
{
  g_autoptr (Receiver) receiver = receiver_new ();
  g_autofree char *a = chain ("a", agreement, "video_0");
  g_autofree char *b = chain ("b", agreement, "video_b_0");
  g_autofree char *text = g_strdup_printf (
      "hlsgatesink name=sink channel=demo node=N window=20 secret=" CONTENT
      " publish-key=" PUBLISH " origins=%s segment-duration=%" G_GUINT64_FORMAT
      " videotestsrc pattern=smpte horizontal-speed=3 num-buffers=%u "
      "timestamp-offset=%" G_GUINT64_FORMAT " ! video/x-raw,format=I420,width=%d,"
      "height=%d,framerate=%d/1 ! epochalign segment-duration=%" G_GUINT64_FORMAT
      " ! tee name=pictures %s %s",
      receiver->url, D, SEGMENTS * FRAMES, he_ticks_to_ns (FIRST * D), WIDTH, HEIGHT,
      FRAMES, D, a, b);
  g_autoptr (GstElement) pipeline = parse (text);
  g_autoptr (GstElement) encoder = gst_bin_get_by_name (GST_BIN (pipeline), "encoder-b");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (encoder, "sink");
  g_auto (Result) result = { 0 };
  gint frames = 0;
  guint marked = 0;

  for (guint64 msn = FIRST; msn < FIRST + SEGMENTS; msn++)
    marked += is_marked (msn);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, count, &frames, NULL);
  run (pipeline, &result);
  g_assert_cmpstr (result.error, ==, NULL);
  g_assert_cmpuint (result.warnings, ==, 0);
  g_assert_cmpuint (result.segments, ==, 2 * SEGMENTS);
  g_assert_cmpint (frames, ==, marked * FRAMES);
  g_assert_cmpuint (receiver_count (receiver), ==, 2 * SEGMENTS);
  check_segments (receiver);
}

/* ---- b's encoder ---- */

static void
announce (GstHarness *harness, guint64 msn)
{
  GstHeadendSegment segment = { .msn = msn, .pts90 = msn * D, .duration90 = D };

  g_assert_true (
      gst_harness_push_event (harness, gst_headend_segment_event_new (&segment)));
}

static void
push_segment (GstHarness *harness, guint64 msn)
{
  announce (harness, msn);
  for (guint i = 0; i < FRAMES; i++) {
    GstBuffer *buffer = gst_buffer_new_allocate (NULL, WIDTH * HEIGHT * 3 / 2, NULL);

    gst_buffer_memset (buffer, 0, (guint8)(16 + 3 * i), WIDTH * HEIGHT * 3 / 2);
    GST_BUFFER_PTS (buffer) = he_ticks_to_ns (msn * D + i * D / FRAMES);
    GST_BUFFER_DURATION (buffer) = GST_SECOND / FRAMES;
    g_assert_cmpint (gst_harness_push (harness, buffer), ==, GST_FLOW_OK);
  }
}

/* Whether a segment was announced behind the parser, and how many buffers there were. */
static gboolean
was_announced (Record *record, guint64 msn, guint *ret_buffers)
{
  gboolean found = FALSE;

  *ret_buffers = 0;
  g_mutex_lock (&record->lock);
  for (guint i = 0; i < record->items->len && !found; i++) {
    const RecordItem *item = record_at (record, i);

    *ret_buffers += item->kind == RECORD_BUFFER;
    found = item->kind == RECORD_SEGMENT && item->segment.msn == msn;
  }
  g_mutex_unlock (&record->lock);
  return found;
}

/* Given b alone, when its marked segment is followed by one that is not, then all of it
 * comes out, and what says that it is over, without waiting for the next marked one;
 * which begins with a keyframe. */
static void
test_ends_at_once (gconstpointer agreement)
{
  g_autofree char *text = g_strdup_printf (
      MARK " variant=b ! segmentencoder agreement=%s encoder=\"x264enc threads=1 "
           "speed-preset=ultrafast bframes=2 b-adapt=false mb-tree=false\" ! h264parse "
           "config-interval=-1 ! capsfilter "
           "caps=video/x-h264,stream-format=byte-stream,alignment=au",
      (const char *)agreement);
  GstHarness *harness = gst_harness_new_parse (text);
  Record *record = record_new (harness);
  guint64 msn = FIRST, first;
  guint buffers, tries = 0;

  gst_harness_set_src_caps_str (
      harness, "video/x-raw,format=I420,width=320,height=180,framerate=25/1");
  while (!is_marked (msn) || is_marked (msn + 1))
    push_segment (harness, msn++);
  first = msn;
  push_segment (harness, msn++);
  push_segment (harness, msn++);
  while (!was_announced (record, first + 1, &buffers)) {
    g_assert_cmpuint (tries++, <, 6000);
    g_usleep (20 * 1000);
  }
  g_assert_cmpuint (buffers % FRAMES, ==, 0);
  g_assert_cmpuint (buffers, >, 0);
  while (!is_marked (msn))
    push_segment (harness, msn++);
  push_segment (harness, msn);
  record_finish (harness);
  g_assert_cmpuint (record_count (record, RECORD_BUFFER), ==, buffers + FRAMES);
  g_assert_false (GST_BUFFER_FLAG_IS_SET (record_buffer (record, buffers),
                                          GST_BUFFER_FLAG_DELTA_UNIT));
  g_assert_cmpuint (GST_BUFFER_PTS (record_buffer (record, buffers)), ==,
                    he_ticks_to_ns (msn * D));
  gst_harness_teardown (harness);
  record_free (record);
}

/* Given no announced segments, or a payload, then sparse is refused in words. */
static void
test_mistakes (void)
{
  static const struct {
    const char *properties, *words;
  } cases[] = {
    { "variant=a", "put epochalign ahead" },
    { "variant=b payload=0123456789abcdef", "leave one of them out" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = g_strdup_printf (
        "videotestsrc num-buffers=3 ! video/x-raw,format=I420,width=64,height=64 ! " MARK
        " %s ! fakesink",
        cases[i].properties);
    g_autoptr (GstElement) pipeline = parse (text);
    g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
    g_autoptr (GstMessage) first = NULL;
    g_autoptr (GError) error = NULL;
    g_autofree char *debug = NULL;
    g_autofree char *both = NULL;

    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    first = gst_bus_timed_pop_filtered (bus, 3600 * GST_SECOND, GST_MESSAGE_ERROR);
    g_assert_nonnull (first);
    gst_message_parse_error (first, &error, &debug);
    both = g_strconcat (error->message, " ", debug, NULL);
    g_assert_nonnull (strstr (both, cases[i].words));
    gst_element_set_state (pipeline, GST_STATE_NULL);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  g_test_add_data_func ("/sparse/chain/identical", "identical", test_chain);
  g_test_add_data_func ("/sparse/chain/interchangeable", "interchangeable", test_chain);
  g_test_add_data_func ("/sparse/encoder/ends-at-once/identical", "identical",
                        test_ends_at_once);
  g_test_add_data_func ("/sparse/encoder/ends-at-once/interchangeable", "interchangeable",
                        test_ends_at_once);
  g_test_add_func ("/sparse/mistakes/say-what-to-do", test_mistakes);
  return g_test_run ();
}
