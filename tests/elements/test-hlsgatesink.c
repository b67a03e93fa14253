/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstharness.h>

#include "gst-headend.h"
#include "he-epoch.h"
#include "hlsgatesink.h"
#include "receiver.h"

/* ---- publishing ---- */

static char *
sink_text (const char *origins)
{
  return g_strdup_printf ("hlsgatesink name=sink channel=demo node=N secret=" CONTENT
                          " publish-key=" PUBLISH " origins=%s ",
                          origins);
}

/* Given encoders on the epoch, when the stream ends, then every whole segment was
 * published signed, under its number, and what decrypts is TS that follows on. */
static void
test_publishes (void)
{
  g_autoptr (Receiver) receiver = receiver_new ();
  g_autofree char *sink = sink_text (receiver->url);
  g_autofree char *source = video (210, 0, X264, "video_0");
  g_autofree char *text = g_strconcat (sink, source, AUDIO, NULL);
  g_autoptr (GstElement) pipeline = parse (text);
  g_auto (Result) result = { 0 };

  run (pipeline, &result);
  g_assert_cmpstr (result.error, ==, NULL);
  g_assert_cmpuint (result.warnings, ==, 0);
  g_assert_cmpuint (receiver->bad, ==, 0);
  for (guint i = 0; i < 4; i++) {
    g_autoptr (GBytes) v = receiver_clear (receiver, "none", "video0", MSN + i);
    g_autoptr (GBytes) a = receiver_clear (receiver, "none", "audio0", MSN + i);

    g_assert_nonnull (v);
    g_assert_nonnull (a);
    g_assert_cmpuint (g_bytes_get_size (v) % (16 * 188), ==, 0);
  }
  g_assert_cmpuint (receiver_count (receiver), ==, 8);
  g_assert_cmpuint (result.segments, ==, 8);
}

/* Given an origin that is not ready yet, then segments are offered again until it is. */
static void
test_retries (void)
{
  g_autoptr (Receiver) receiver = receiver_new ();
  g_autofree char *sink = sink_text (receiver->url);
  g_autofree char *source = video (110, 0, X264, "video_0");
  g_autofree char *text = g_strconcat (sink, source, NULL);
  g_autoptr (GstElement) pipeline = parse (text);
  g_auto (Result) result = { 0 };

  receiver->refuse = 2;
  run (pipeline, &result);
  g_assert_cmpuint (receiver_count (receiver), ==, 2);
  g_assert_cmpuint (result.segments, ==, 2);
}

/* Given an origin that refuses for good, then it is counted, told once, and not retried.
 */
static void
test_refused (void)
{
  g_autoptr (Receiver) receiver = receiver_new ();
  g_autofree char *sink = sink_text (receiver->url);
  g_autofree char *source = video (110, 0, X264, "video_0");
  g_autofree char *text = g_strconcat (sink, source, NULL);
  g_autoptr (GstElement) pipeline = parse (text);
  g_autoptr (GstElement) element = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_autoptr (GstStructure) stats = NULL;
  g_auto (Result) result = { 0 };
  guint64 segments, published, failed;

  receiver->refuse = 1;
  receiver->refuse_status = 403;
  run (pipeline, &result);
  g_assert_cmpuint (receiver_count (receiver), ==, 1);
  g_assert_cmpuint (result.segments, ==, 1);
  g_object_get (element, "stats", &stats, NULL);
  g_assert_true (gst_structure_get (stats, "segments", G_TYPE_UINT64, &segments,
                                    "published", G_TYPE_UINT64, &published, "failed",
                                    G_TYPE_UINT64, &failed, NULL));
  g_assert_cmpuint (segments, ==, 2);
  g_assert_cmpuint (published, ==, 1);
  g_assert_cmpuint (failed, ==, 1);
}

/* Given two origins, one dead, then the other gets everything at once, each segment is
 * told once, and stopping does not wait for the dead one to come back. */
static void
test_dead_origin (void)
{
  g_autoptr (Receiver) receiver = receiver_new ();
  g_autoptr (Receiver) dead = receiver_new ();
  g_autofree char *dead_url = g_strdup (dead->url);
  g_autofree char *both = g_strdup_printf ("%s,%s", dead_url, receiver->url);
  g_autofree char *sink = sink_text (both);
  g_autofree char *source = video (210, 0, X264, "video_0");
  g_autofree char *text = g_strconcat (sink, source, NULL);
  g_autoptr (GstElement) pipeline = parse (text);
  g_autoptr (GstElement) element = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_auto (Result) result = { 0 };
  guint64 segments, outcomes;

  g_clear_pointer (&dead, receiver_free);
  run (pipeline, &result);
  g_assert_cmpuint (receiver_count (receiver), ==, 4);
  g_assert_cmpuint (result.segments, ==, 4);
  /* What never got to the dead one is counted, too, once all is over. */
  count_outcomes (element, &segments, &outcomes);
  g_assert_cmpuint (segments, ==, 4);
  g_assert_cmpuint (outcomes, ==, 2 * segments);
}

static void
test_variants (void)
{
  g_autoptr (Receiver) receiver = receiver_new ();
  g_autofree char *sink = sink_text (receiver->url);
  g_autofree char *a = video (110, 0, X264, "video_0");
  g_autofree char *b = video (110, 0, X264 " bitrate=300", "video_b_0");
  g_autofree char *text = g_strconcat (sink, " video_0::rendition=180p ", a, b, NULL);
  g_autoptr (GstElement) pipeline = parse (text);
  g_auto (Result) result = { 0 };

  run (pipeline, &result);
  g_assert_cmpstr (result.error, ==, NULL);
  for (guint i = 0; i < 2; i++) {
    g_autoptr (GBytes) in_a = receiver_clear (receiver, "a", "180p", MSN + i);
    g_autoptr (GBytes) in_b = receiver_clear (receiver, "b", "180p", MSN + i);

    g_assert_nonnull (in_a);
    g_assert_nonnull (in_b);
  }
  g_assert_cmpuint (receiver_count (receiver), ==, 4);
}

/* ---- players ---- */

static void
publish_from (Receiver *receiver, const char *encoder, guint first_second)
{
  g_autofree char *sink = sink_text (receiver->url);
  g_autofree char *source
      = video (260 - first_second * 25, first_second, encoder, "video_0");
  g_autofree char *text = g_strconcat (sink, source, AUDIO, NULL);
  g_autoptr (GstElement) pipeline = parse (text);
  g_auto (Result) result = { 0 };

  run (pipeline, &result);
  g_assert_cmpstr (result.error, ==, NULL);
}

/* Writes segments taken from the receivers in turn. */
static char *
alternate (const char *folder, const char *rendition, Receiver **receivers,
           guint n_segments)
{
  g_autoptr (GByteArray) all = g_byte_array_new ();
  char *path = g_build_filename (folder, rendition, NULL);

  for (guint i = 0; i < n_segments; i++) {
    g_autoptr (GBytes) clear
        = receiver_clear (receivers[i % 2], "none", rendition, MSN + 1 + i);

    g_assert_nonnull (clear);
    g_byte_array_append (all, g_bytes_get_data (clear, NULL),
                         (guint)g_bytes_get_size (clear));
  }
  g_assert_true (g_file_set_contents (path, (char *)all->data, all->len, NULL));
  return path;
}

typedef struct {
  const char *a, *b;
} Encoders;

/* Given two nodes that began at different times, with encoders set differently, when a
 * player gets their segments in turn, then ffmpeg has nothing to say, and no frame is
 * missing. */
static void
test_alternating_nodes (gconstpointer data)
{
  const Encoders *encoders = data;
  g_autoptr (Receiver) a = receiver_new ();
  g_autoptr (Receiver) b = receiver_new ();
  Receiver *both[] = { a, b };
  g_autofree char *folder = g_dir_make_tmp ("hlsgatesink-XXXXXX", NULL);
  const struct {
    const char *rendition, *selector;
    guint step;
    guint least;
  } streams[] = { { "video0", "v", 3600, 200 }, { "audio0", "a", 1920, 280 } };

  publish_from (a, encoders->a, 0);
  publish_from (b, encoders->b, 2);
  for (guint i = 0; i < G_N_ELEMENTS (streams); i++) {
    guint n = i == 0 ? 4 : 3;
    g_autofree char *path = alternate (folder, streams[i].rendition, both, n);
    const char *decode[]
        = { "ffmpeg", "-nostdin", "-v", "warning", "-i", path, "-f", "null", "-", NULL };
    const char *probe[] = { "ffprobe",
                            "-v",
                            "warning",
                            "-select_streams",
                            streams[i].selector,
                            "-show_entries",
                            "frame=pts",
                            "-of",
                            "csv=p=0",
                            path,
                            NULL };
    g_autofree char *nothing = spawn (decode);
    g_autofree char *text = spawn (probe);
    g_auto (GStrv) lines = g_strsplit (g_strchomp (text), "\n", -1);

    for (guint k = 1; lines[k] != NULL; k++)
      g_assert_cmpint (g_ascii_strtoll (lines[k], NULL, 10)
                           - g_ascii_strtoll (lines[k - 1], NULL, 10),
                       ==, streams[i].step);
    g_assert_cmpuint (g_strv_length (lines), >=, streams[i].least);
    g_assert_cmpint (g_unlink (path), ==, 0);
  }
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

/* ---- events ---- */

static void
push_picture (GstHarness *harness, guint64 t90, gboolean keyframe)
{
  static const guint8 idr[]
      = { 0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3, 3, 4, 5, 6, 7, 8, 9 };
  static const guint8 picture[] = { 0, 0, 0, 1, 0x41, 9, 9, 8, 7, 6, 5, 4, 3, 2, 1 };
  GstBuffer *buffer = keyframe ? gst_buffer_new_memdup (idr, sizeof idr)
                               : gst_buffer_new_memdup (picture, sizeof picture);

  GST_BUFFER_PTS (buffer) = GST_BUFFER_DTS (buffer) = he_ticks_to_ns (t90);
  GST_BUFFER_DURATION (buffer) = 40 * GST_MSECOND;
  if (!keyframe)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  g_assert_cmpint (gst_harness_push (harness, buffer), ==, GST_FLOW_OK);
}

static void
push_annotated (GstHarness *harness, guint64 msn, guint generation, HeSegmentFlags flags)
{
  GstHeadendSegment segment = { msn, generation, msn * D90, D90 };

  /* Only where somebody saw the picture. */
  segment.has_signature = generation == 5;
  memset (&segment.signature, 0, sizeof segment.signature);
  gst_harness_push_event (harness, gst_headend_segment_event_new (&segment));
  for (guint i = 0; i < 50; i++) {
    push_picture (harness, msn * D90 + i * 3600, i == 0);
    if (i == 20 && flags != 0)
      gst_harness_push_event (harness, gst_headend_status_event_new (msn, flags));
  }
}

#define H264_CAPS                                                                        \
  "video/x-h264,stream-format=byte-stream,alignment=au,width=320,height=180,"            \
  "framerate=25/1,profile=main,level=(string)3"

static GstElement *
publisher_new (Receiver *receiver)
{
  GstElement *sink = gst_element_factory_make ("hlsgatesink", NULL);

  g_object_set (sink, "channel", "demo", "node", "N", "secret", CONTENT, "publish-key",
                PUBLISH, "origins", receiver->url, NULL);
  return gst_object_ref_sink (sink);
}

static GstHarness *
harness_of (GstElement *sink, const char *pad)
{
  GstHarness *harness = gst_harness_new_with_element (sink, pad, NULL);

  gst_harness_set_src_caps_str (harness, H264_CAPS);
  return harness;
}

static GstHarness *
harness_new (Receiver *receiver, const char *pad)
{
  g_autoptr (GstElement) sink = publisher_new (receiver);

  return harness_of (sink, pad);
}

/* Given boundary and status events, then numbers, generation, flags and what the segment
 * looks like reach the origin. */
static void
test_events (void)
{
  g_autofree char *signature = g_strnfill (HE_SIGNATURE_TEXT, 'A');
  g_autofree char *looks
      = g_strconcat ("generation=5;pts90=160650000360000;duration90=180000;flags=0;"
                     "frames=50;signature=",
                     signature, NULL);
  g_autoptr (Receiver) receiver = receiver_new ();
  GstHarness *harness = harness_new (receiver, "video_0");

  push_picture (harness, MSN * D90 - 3600, TRUE); /* before the first boundary */
  push_annotated (harness, MSN, 4, 0);
  push_annotated (harness, MSN + 1, 4, HE_SEGMENT_FILLED);
  push_annotated (harness, MSN + 2, 5, 0);
  gst_harness_push_event (harness, gst_event_new_eos ());
  gst_harness_teardown (harness); /* drains */
  g_assert_cmpuint (receiver_count (receiver), ==, 3);
  g_assert_cmpstr (
      g_hash_table_lookup (receiver->headers, "/origin/none/demo/video0/892500001.ts"),
      ==, "generation=4;pts90=160650000180000;duration90=180000;flags=1;frames=50");
  g_assert_cmpstr (
      g_hash_table_lookup (receiver->headers, "/origin/none/demo/video0/892500002.ts"),
      ==, looks);
}

/* Given a running time that is not PTS (an encoder that shifts both), then the epoch is
 * the running time. */
static void
test_running_time (void)
{
  g_autoptr (Receiver) receiver = receiver_new ();
  GstHarness *harness = harness_new (receiver, "video_0");
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = he_ticks_to_ns (1000 * D90);
  gst_harness_push_event (harness, gst_event_new_segment (&segment));
  for (guint i = 0; i < 150; i++)
    push_picture (harness, 1000 * D90 + i * 3600, i % 50 == 0);
  gst_harness_push_event (harness, gst_event_new_eos ());
  gst_harness_teardown (harness);
  g_assert_cmpuint (receiver_count (receiver), ==, 3);
  g_assert_nonnull (
      g_hash_table_lookup (receiver->bodies, "/origin/none/demo/video0/2.ts"));
}

/* ---- pads that are given back ---- */

/* Given a pad that never gets anything, when it is released, then the others are on air
 * without it, and who has ended already ends the channel. */
static void
test_release (void)
{
  g_autoptr (Receiver) receiver = receiver_new ();
  g_autoptr (GstElement) sink = publisher_new (receiver);
  GstPad *audio = gst_element_request_pad_simple (sink, "audio_0");
  GstHarness *harness = harness_of (sink, "video_0");
  g_autoptr (GstBus) bus = gst_bus_new ();
  g_autoptr (GstMessage) early = NULL;
  g_autoptr (GstMessage) ended = NULL;

  gst_element_set_bus (sink, bus);
  push_annotated (harness, MSN, 4, 0);
  push_annotated (harness, MSN + 1, 4, 0);
  gst_harness_push_event (harness, gst_event_new_eos ());
  early = gst_bus_pop_filtered (bus, GST_MESSAGE_EOS);
  g_assert_null (early);
  gst_element_release_request_pad (sink, audio);
  g_assert_null (GST_PAD_PARENT (audio));
  gst_object_unref (audio);
  ended = gst_bus_pop_filtered (bus, GST_MESSAGE_EOS);
  g_assert_nonnull (ended);
  gst_element_set_bus (sink, NULL);
  gst_harness_teardown (harness);
  g_assert_cmpuint (receiver_count (receiver), ==, 2);
}

/* Given a running element whose only pad is released before it had caps, then a pad of
 * the same name can be requested, and is on air. */
static void
test_exchange (void)
{
  g_autoptr (Receiver) receiver = receiver_new ();
  g_autoptr (GstElement) sink = publisher_new (receiver);
  GstHarness *harness;

  gst_element_set_state (sink, GST_STATE_PAUSED);
  for (guint i = 0; i < 3; i++) {
    GstPad *pad = gst_element_request_pad_simple (sink, "video_0");

    g_assert_nonnull (pad);
    g_assert_true (gst_pad_is_active (pad));
    gst_element_release_request_pad (sink, pad);
    g_assert_cmpuint (sink->numsinkpads, ==, 0);
    gst_object_unref (pad);
  }
  harness = harness_of (sink, "video_0");
  push_annotated (harness, MSN, 4, 0);
  gst_harness_push_event (harness, gst_event_new_eos ());
  gst_harness_teardown (harness);
  g_assert_cmpuint (receiver_count (receiver), ==, 1);
}

/* ---- what people get wrong ---- */

static const struct {
  const char *properties, *expected;
} mistakes[] = {
  { "", "set listen=" },
  { "listen=127.0.0.1:0", "headend token keygen" },
  { "origins=http://127.0.0.1:9", "publish-key" },
  { "origins=127.0.0.1:9 publish-key=" PUBLISH, "http://HOST:PORT" },
  { "origins=http://127.0.0.1:9 publish-key=" PUBLISH " secret=123", "openssl rand" },
  { "origins=http://127.0.0.1:9 publish-key=" PUBLISH " channel=a/b", "channel=\"a/b\"" },
  { "origins=http://127.0.0.1:9 publish-key=" PUBLISH " anchor=7", "anchor" },
};

static void
test_mistakes (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (mistakes); i++) {
    g_autofree char *text = g_strdup_printf (
        "videotestsrc num-buffers=1 ! x264enc ! hlsgatesink %s", mistakes[i].properties);
    g_autoptr (GstElement) pipeline = parse (text);
    g_auto (Result) result = { 0 };

    run (pipeline, &result);
    g_assert_nonnull (result.error);
    g_assert_nonnull (strstr (result.error, mistakes[i].expected));
    g_assert_null (strstr (result.error, "123"));
  }
}

static void
test_secrets_unreadable (void)
{
  g_autoptr (GstElement) sink = gst_element_factory_make ("hlsgatesink", NULL);
  static const char *const names[] = { "secret", "publish-key", "gate-secret" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    GParamSpec *pspec
        = g_object_class_find_property (G_OBJECT_GET_CLASS (sink), names[i]);

    g_assert_nonnull (pspec);
    g_assert_cmpint (pspec->flags & G_PARAM_READABLE, ==, 0);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  g_test_add_func ("/hlsgatesink/publishes/signed-encrypted-and-whole", test_publishes);
  g_test_add_func ("/hlsgatesink/publishes/until-the-origin-takes-it", test_retries);
  g_test_add_func ("/hlsgatesink/publishes/not-again-after-a-refusal", test_refused);
  g_test_add_func ("/hlsgatesink/publishes/past-a-dead-origin", test_dead_origin);
  g_test_add_func ("/hlsgatesink/publishes/variants-by-pads", test_variants);
  g_test_add_data_func ("/hlsgatesink/players/alternating-nodes-are-one-stream",
                        &(Encoders) { X264, X264 " bitrate=500 ref=3 bframes=2" },
                        test_alternating_nodes);
  g_test_add_data_func (
      "/hlsgatesink/players/alternating-nodes-are-one-h265-stream",
      &(Encoders) { X265, X265 ":bframes=2:ref=2 bitrate=500 speed-preset=superfast" },
      test_alternating_nodes);
  g_test_add_func ("/hlsgatesink/events/name-and-flag-segments", test_events);
  g_test_add_func ("/hlsgatesink/events/running-time-is-the-epoch", test_running_time);
  g_test_add_func ("/hlsgatesink/pads/released-is-not-waited-for", test_release);
  g_test_add_func ("/hlsgatesink/pads/the-only-one-can-be-exchanged", test_exchange);
  g_test_add_func ("/hlsgatesink/mistakes/say-what-to-do", test_mistakes);
  g_test_add_func ("/hlsgatesink/mistakes/secrets-cannot-be-read",
                   test_secrets_unreadable);
  return g_test_run ();
}
