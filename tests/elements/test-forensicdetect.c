/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/gst.h>
#include <string.h>

#define KEY "0707070707070707070707070707070707070707070707070707070707070707"
#define SEGMENT_FRAMES 10 /* of 5 a second */

typedef struct {
  guint segments, wrong, clear; /* wrong: not b, but the first; clear: a or b */
  guint weighed;                /* came with the weights of z */
  char *error;
} Run;

static guint
segments (void)
{
  return g_test_thorough () ? 6 : 3;
}

/* They are in 127ths of the largest. */
static gboolean
has_weights (const GstStructure *fields)
{
  g_autoptr (GBytes) weights = NULL;
  gsize n = 0;
  gboolean largest = FALSE;
  gst_structure_get (fields, "weights", G_TYPE_BYTES, &weights, NULL);
  const gint8 *all = weights ? g_bytes_get_data (weights, &n) : NULL;
  for (gsize i = 0; i < n; i++)
    largest |= ABS (all[i]) == 127;
  g_assert_true (largest || !weights);
  return largest;
}

/* Given marked pictures, when they pass the detector, then it says which variant each
 * segment is of, on the bus. */
static Run
run_format (const char *format, const char *marker, const char *detector)
{
  g_autofree char *text = g_strdup_printf (
      "videotestsrc num-buffers=%u pattern=zone-plate kx2=2 ky2=3 kt=9 ! "
      "videoconvert ! video/x-raw,format=%s,width=320,height=180,framerate=5/1 ! %s ! "
      "forensicdetect %s ! fakesink",
      segments () * SEGMENT_FRAMES, format, marker, detector);
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch (text, &error);
  g_assert_no_error (error);
  gst_object_ref_sink (pipeline);
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  Run result = { 0 };
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (gboolean more = TRUE; more;) {
    g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (
        bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT);
    more = GST_MESSAGE_TYPE (message) == GST_MESSAGE_ELEMENT;
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
      gchar *debug = NULL;
      gst_message_parse_error (message, &error, &debug);
      result.error = g_strconcat (error->message, " ", debug, NULL);
      g_free (debug);
    } else if (gst_message_has_name (message, "forensicdetect-segment")) {
      const GstStructure *fields = gst_message_get_structure (message);
      guint64 msn = 99;
      g_assert_true (gst_structure_get_uint64 (fields, "msn", &msn));
      g_assert_cmpuint (msn, ==, result.segments);
      g_assert_cmpstr (gst_structure_get_string (fields, "channel"), ==, "demo");
      /* The first lost frames to the look for bars. */
      result.wrong += msn > 0 && g_strcmp0 (gst_structure_get_string (fields, "variant"), "b") != 0;
      result.clear += g_strcmp0 (gst_structure_get_string (fields, "variant"), "none") != 0;
      result.weighed += has_weights (fields);
      result.segments++;
    }
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return result;
}

static Run
run (const char *marker, const char *detector)
{
  return run_format ("I420", marker, detector);
}

static void
test_reads_ten_bits (void)
{
  const char *const formats[] = { "I420_10LE", "P010_10LE" };
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    Run result = run_format (formats[i], "forensicmark key=" KEY " channel=demo variant=b",
                             "key=" KEY " channels=demo views=false weights=true");
    g_assert_null (result.error);
    g_assert_cmpuint (result.weighed, ==, segments ());
    g_assert_cmpuint (result.segments, ==, segments ());
    g_assert_cmpuint (result.wrong, ==, 0);
  }
}

static void
test_reads_the_variant (void)
{
  Run result = run ("forensicmark key=" KEY " channel=demo variant=b",
                    "key=" KEY " channels=demo views=false");
  g_assert_null (result.error);
  g_assert_cmpuint (result.segments, ==, segments ());
  g_assert_cmpuint (result.wrong, ==, 0);
  g_assert_cmpuint (result.weighed, ==, 0);
}

static void
test_reads_nothing_from_the_unmarked (void)
{
  Run result = run ("identity", "key=" KEY " channels=demo views=false");
  g_assert_null (result.error);
  g_assert_cmpuint (result.segments, ==, segments ());
  g_assert_cmpuint (result.clear, ==, 0);
}

static GstPadProbeReturn
tell_end (GstPad *pad, GstPadProbeInfo *info, gpointer reached)
{
  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_EOS)
    g_atomic_int_set ((gint *)reached, TRUE);
  return GST_PAD_PROBE_OK;
}

/* Given a search that takes long, when the element goes to NULL, then it ends: else
 * this test runs into its limit. */
static void
test_stopping_ends_a_search (void)
{
  gint reached = FALSE;
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch (
      "videotestsrc num-buffers=20 ! video/x-raw,format=I420,width=320,height=180,framerate=5/1 "
      "! forensicdetect name=detect key=" KEY " channels=demo window=48 ! fakesink",
      &error);
  g_assert_no_error (error);
  gst_object_ref_sink (pipeline);
  g_autoptr (GstElement) detect = gst_bin_get_by_name (GST_BIN (pipeline), "detect");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (detect, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, tell_end, &reached, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (!g_atomic_int_get (&reached)) /* from there on it searches */
    g_usleep (1000);
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

static void
test_says_what_is_missing (void)
{
  Run keyless = run ("identity", "channels=demo");
  g_assert_nonnull (keyless.error);
  g_assert_nonnull (strstr (keyless.error, "\"key\""));
  g_free (keyless.error);
  Run nameless = run ("identity", "key=" KEY);
  g_assert_nonnull (nameless.error);
  g_assert_nonnull (strstr (nameless.error, "\"channels\""));
  g_free (nameless.error);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/forensicdetect/reads-the-variant", test_reads_the_variant);
  g_test_add_func ("/forensicdetect/reads-ten-bits", test_reads_ten_bits);
  g_test_add_func ("/forensicdetect/reads-nothing-from-the-unmarked",
                   test_reads_nothing_from_the_unmarked);
  g_test_add_func ("/forensicdetect/stopping-ends-a-search", test_stopping_ends_a_search);
  g_test_add_func ("/forensicdetect/says-what-is-missing", test_says_what_is_missing);
  return g_test_run ();
}
