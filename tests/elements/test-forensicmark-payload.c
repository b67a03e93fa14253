/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include "forensicmark.h"
#include "he-detect.h"
#include "he-epoch.h"
#include "he-payload.h"

/* Reads the payload of a stream whose segments are SHORT ticks long. */
#define SHORT 72000 /* divides the time that push_scene() begins at */
#define SHORT_FRAMES 20
#define PAYLOAD "0123456789abcdef"

static void
add_to_payload (HePayloadSums *sums, HeDetector *detector, guint64 msn)
{
  double soft[HE_PAYLOAD_SYMBOLS];
  guint8 seed[32];
  seed_of (msn, seed);
  he_detector_symbols (detector, seed, soft);
  he_payload_add (sums, msn, soft);
  he_detector_reset (detector);
}

static void
read_payload (GstElement *pipeline, HePayloadSums *ret_sums)
{
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), "decoded");
  g_autoptr (HeDetector) detector = he_detector_new ();
  g_autoptr (GstSample) sample = NULL;
  guint64 msn = 0;
  *ret_sums = (HePayloadSums) { 0 };
  while ((sample = gst_app_sink_pull_sample (GST_APP_SINK (sink)))) {
    GstBuffer *buffer = gst_sample_get_buffer (sample);
    const guint64 time = gst_segment_to_running_time (
        gst_sample_get_segment (sample), GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
    const guint64 now = he_epoch_msn (he_ticks_from_ns (time), SHORT);
    GstMapInfo map;
    if (he_detector_frames (detector) && now != msn)
      add_to_payload (ret_sums, detector, msn);
    msn = now;
    g_assert_true (gst_buffer_map (buffer, &map, GST_MAP_READ));
    g_assert_true (he_detector_add (detector, map.data, WIDTH, WIDTH, HEIGHT, NULL));
    gst_buffer_unmap (buffer, &map);
    g_clear_pointer (&sample, gst_sample_unref);
  }
  if (he_detector_frames (detector))
    add_to_payload (ret_sums, detector, msn);
}

/* forensicdetect found the time and the channel, and read the same. */
static void
assert_message (GstElement *pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = NULL;
  const GstStructure *fields;
  guint segments;
  while (!message || !gst_message_has_name (message, "forensicdetect-payload")) {
    gst_clear_message (&message);
    message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR);
    g_assert_nonnull (message);
    g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_ELEMENT);
  }
  fields = gst_message_get_structure (message);
  g_assert_cmpstr (gst_structure_get_string (fields, "payload"), ==, PAYLOAD);
  g_assert_cmpstr (gst_structure_get_string (fields, "channel"), ==, "demo");
  g_assert_true (gst_structure_get_uint (fields, "segments", &segments));
  g_assert_cmpuint (segments, >=, HE_PAYLOAD_SEGMENTS);
}

/* Given a copy for one recipient, when it is encoded twice and its segments are read
 * without the original, then every bit of the recipient's number is there. */
static void
test_payload_survives (void)
{
  HePayloadReading reading = { 0 };
  HePayloadSums sums;
  g_autofree char *description = g_strdup_printf (
      "appsrc name=scene format=time max-bytes=0 "
      "caps=video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1 ! " MARK
      "variant=a payload=" PAYLOAD " segment-duration=%d ! %s%s"
      "forensicdetect payload=true key=" KEY " channels=other,demo segment-duration=%d "
      "around=1778000100 window=0.1 ! " TO_SINK,
      WIDTH, HEIGHT, FPS, SHORT, coded (OPERATOR_OF (SHORT_FRAMES)), coded (PIRATE), SHORT);
  g_autoptr (GstElement) pipeline = parse (description);
  g_autoptr (GstElement) scene = gst_bin_get_by_name (GST_BIN (pipeline), "scene");
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  push_scene (GST_APP_SRC (scene), SHORT_FRAMES * HE_PAYLOAD_SEGMENTS);
  read_payload (pipeline, &sums);
  assert_message (pipeline);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  for (guint i = 0; i < HE_PAYLOAD_SEGMENTS; i++)
    g_assert_cmpuint (sums.segments[i], ==, 1);
  g_assert_true (he_payload_decode (&sums, &reading));
  g_test_message ("z %.1f, log10 p %.1f", reading.z, reading.log10_p);
  g_assert_cmphex (reading.payload, ==, G_GUINT64_CONSTANT (0x0123456789abcdef));
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/forensicmark/payload-survives-a-re-encode", test_payload_survives);
  return g_test_run ();
}
