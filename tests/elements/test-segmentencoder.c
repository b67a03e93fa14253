/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-epoch.h"
#include "he-h265.h"
#include "he-nal.h"
#include "record.h"

#include <string.h>

#define EPOCH (G_GUINT64_CONSTANT (1700000000) * 90000)
#define X264 "x264enc speed-preset=superfast bitrate=200 bframes=2 b-adapt=false"
#define X265 "x265enc speed-preset=ultrafast bitrate=200"
/* A scene that changes, and open GOPs by x265's own default, are not to be seen. */
#define X265_B                                                                           \
  "x265enc speed-preset=superfast option-string=bframes=2:b-adapt=0:rc-lookahead=10"

/* --- Video ------------------------------------------------------------------ */

#define WIDTH 64
#define HEIGHT 64

static GstHarness *
video_harness (const char *launch, guint fps_n, guint fps_d)
{
  GstHarness *harness = gst_harness_new_parse (launch);
  g_autofree char *caps
      = g_strdup_printf ("video/x-raw,format=I420,width=%d,height=%d,framerate=%u/%u",
                         WIDTH, HEIGHT, fps_n, fps_d);

  gst_harness_set_src_caps_str (harness, caps);
  return harness;
}

/* A moving gradient; with a cut of scene now and then, to tempt the encoder. */
static void
push_frame (GstHarness *harness, guint64 t90, guint n)
{
  const gsize size = WIDTH * HEIGHT * 3 / 2;
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  for (gsize i = 0; i < size; i++)
    map.data[i] = (i % WIDTH * 3 + i / WIDTH + n) ^ (n / 17 % 2 ? 255 : 0);
  gst_buffer_unmap (buffer, &map);
  GST_BUFFER_PTS (buffer) = he_ticks_to_ns (t90);
  g_assert_cmpint (gst_harness_push (harness, buffer), ==, GST_FLOW_OK);
}

static guint64
tick (guint64 base, guint64 n, guint fps_n, guint fps_d)
{
  return base + (n * 90000 * fps_d + fps_n / 2) / fps_n;
}

static gboolean
is_key (const RecordItem *item)
{
  return !GST_BUFFER_FLAG_IS_SET (item->buffer, GST_BUFFER_FLAG_DELTA_UNIT);
}

/* The item is the first frame of segment msn: both announcements stand right before it.
 */
static void
assert_announced (Record *record, guint i, guint64 msn, guint64 duration90)
{
  guint keys = 0, segments = 0;

  while (i > 0 && record_at (record, --i)->kind != RECORD_BUFFER) {
    RecordItem *item = record_at (record, i);

    if (item->kind == RECORD_KEY_UNIT) {
      keys++;
      g_assert_cmpuint (item->count, ==, (guint)msn);
      g_assert_true (item->all_headers);
    } else if (item->kind == RECORD_SEGMENT) {
      segments++;
      g_assert_cmpuint (item->segment.msn, ==, msn);
      g_assert_cmpuint (item->segment.pts90, ==, msn * duration90);
    }
  }
  g_assert_cmpuint (keys, ==, 1);
  g_assert_cmpuint (segments, ==, 1);
}

/* Keyframes are the first frames of segments and nothing else. Returns the frames. */
static guint
assert_cut (Record *record, guint64 duration90)
{
  guint64 last = G_MAXUINT64;
  guint frames = 0, keys = 0;

  for (guint i = 0; i < record->items->len; i++) {
    RecordItem *item = record_at (record, i);
    guint64 msn;

    if (item->kind != RECORD_BUFFER)
      continue;
    frames++;
    msn = he_epoch_msn (he_ticks_from_ns (GST_BUFFER_PTS (item->buffer)), duration90);
    g_assert_cmpint (is_key (item), ==, msn != last);
    if (msn != last) {
      g_assert_true (frames == 1 || msn == last + 1);
      assert_announced (record, i, msn, duration90);
      keys++;
    }
    last = msn;
  }
  g_assert_cmpuint (record_count (record, RECORD_SEGMENT), ==, keys);
  g_assert_cmpuint (record_count (record, RECORD_KEY_UNIT), ==, keys);
  g_assert_cmpuint (keys, >, 2);
  return frames;
}

/* PTS of the output, sorted, are those of the input, each once. */
static void
assert_times (Record *record, guint frames, guint64 base, guint fps_n, guint fps_d)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_int64_hash, g_int64_equal);

  for (guint n = 0; n < frames; n++)
    g_assert_true (g_hash_table_add (seen, &GST_BUFFER_PTS (record_buffer (record, n))));
  for (guint n = 0; n < frames; n++) {
    gint64 pts = he_ticks_to_ns (tick (base, n, fps_n, fps_d));

    g_assert_true (g_hash_table_contains (seen, &pts));
  }
}

/* H.265: each keyframe is an IDR picture, no other is one to enter at, none refers across
 * it, and DTS grow and are never behind PTS. */
static void
assert_closed_gops (Record *record)
{
  GstClockTime last_dts = 0, key_pts = 0;

  for (guint i = 0; i < record->items->len; i++) {
    RecordItem *item = record_at (record, i);
    GstClockTime pts, dts;
    HeH265Entry entry;
    GstMapInfo map;

    if (item->kind != RECORD_BUFFER)
      continue;
    pts = GST_BUFFER_PTS (item->buffer);
    dts = GST_BUFFER_DTS (item->buffer);
    gst_buffer_map (item->buffer, &map, GST_MAP_READ);
    entry = he_h265_entry (map.data, map.size);
    if (is_key (item)) {
      const guint8 *nal = he_nal_next (map.data, map.data + map.size);

      while (he_nal_h265_type (nal) >= 32)
        nal = he_nal_next (nal, map.data + map.size);
      g_assert_cmpuint (he_nal_h265_type (nal), >=, 19);
      g_assert_cmpuint (he_nal_h265_type (nal), <=, 20);
      key_pts = pts;
    }
    gst_buffer_unmap (item->buffer, &map);
    g_assert_cmpint ((entry & HE_H265_IRAP) != 0, ==, is_key (item));
    g_assert_false (entry & HE_H265_RASL);
    g_assert_cmpuint (pts, >=, key_pts);
    if (GST_CLOCK_TIME_IS_VALID (dts)) {
      g_assert_cmpuint (dts, <=, pts);
      g_assert_true (dts > last_dts || last_dts == 0);
      last_dts = dts;
    }
  }
}

/* Given any rate, B-frames and times since 1970 or since zero, when encoded, then every
 * frame comes out at its time, and keyframes stand on the boundaries alone. */
static void
test_video_keys_are_boundaries (void)
{
  static const struct {
    const char *encoder;
    guint n, d;
    guint64 base, duration90;
  } cases[] = {
    { X264, 25, 1, EPOCH, 180000 },
    { X264, 30000, 1001, EPOCH / 180180 * 180180, 180180 },
    { X264, 30000, 1001, EPOCH, 180000 },
    { X264, 60000, 1001, EPOCH / 180180 * 180180, 180180 },
    { X264, 60000, 1001, EPOCH, 180000 },
    { X264, 25, 1, 0, 180000 },
    { X264 " rc-lookahead=60 ! queue", 25, 1, EPOCH, 90000 },
    { "openh264enc", 25, 1, EPOCH, 180000 },
    { X265, 25, 1, EPOCH, 180000 },
    { X265_B, 25, 1, EPOCH, 180000 },
    { X265_B, 30000, 1001, EPOCH / 180180 * 180180, 180180 },
    { X265_B, 25, 1, 0, 90000 },
  };

  for (gsize c = 0; c < G_N_ELEMENTS (cases); c++) {
    g_autofree char *launch = g_strdup_printf (
        "epochalign segment-duration=%" G_GUINT64_FORMAT
        " ! segmentencoder encoder=\"%s\" ! %s",
        cases[c].duration90, cases[c].encoder,
        g_str_has_prefix (cases[c].encoder, "x265") ? "h265parse" : "h264parse");
    GstHarness *harness = video_harness (launch, cases[c].n, cases[c].d);
    Record *record = record_new (harness);
    guint frames = cases[c].n / cases[c].d * (g_test_thorough () ? 8 : 5);

    for (guint n = 0; n < frames; n++)
      push_frame (harness, tick (cases[c].base, n, cases[c].n, cases[c].d), n);
    record_finish (harness);
    g_assert_cmpuint (assert_cut (record, cases[c].duration90), ==, frames);
    assert_times (record, frames, cases[c].base, cases[c].n, cases[c].d);
    if (g_str_has_prefix (cases[c].encoder, "x265"))
      assert_closed_gops (record);
    gst_harness_teardown (harness);
    record_free (record);
  }
}

/* Given no announcements and keyframe requests of others, then boundaries follow from the
 * PTS, with one key unit each. */
static void
test_video_cuts_by_itself (void)
{
  GstHarness *harness
      = video_harness ("segmentencoder encoder=\"" X264 "\" ! h264parse", 25, 1);
  Record *record = record_new (harness);
  guint keys = 0;

  for (guint n = 0; n < 200; n++) {
    if (n % 30 == 13)
      gst_harness_push_event (harness, gst_video_event_new_downstream_force_key_unit (
                                           GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE,
                                           GST_CLOCK_TIME_NONE, FALSE, n));
    if (n % 30 == 14)
      gst_harness_push_upstream_event (
          harness,
          gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, FALSE, n));
    push_frame (harness, tick (EPOCH, n, 25, 1), n);
  }
  record_finish (harness);
  for (guint i = 0; i < record->items->len; i++) {
    RecordItem *item = record_at (record, i);

    if (item->kind == RECORD_BUFFER && is_key (item)) {
      g_assert_cmpuint (he_ticks_from_ns (GST_BUFFER_PTS (item->buffer)), ==,
                        EPOCH + keys++ * 180000);
      g_assert_cmpint (record_at (record, i - 1)->kind, ==, RECORD_KEY_UNIT);
    }
  }
  g_assert_cmpuint (keys, ==, 4);
  g_assert_cmpuint (record_count (record, RECORD_KEY_UNIT), ==, 4);
  gst_harness_teardown (harness);
  record_free (record);
}

/* Given filler, then its status leaves with its segment: behind the announcement of that
 * one, ahead of the next, although the encoder looks two seconds ahead. */
static void
test_video_status_stays_in_its_segment (void)
{
  GstHarness *harness = video_harness ("epochalign ! segmentencoder encoder=\"" X264
                                       " rc-lookahead=50\" ! h264parse",
                                       25, 1);
  Record *record = record_new (harness);
  guint64 msn = 0;
  guint statuses = 0;

  for (guint n = 0; n < 250; n++)
    if (n < 120 || n > 125)
      push_frame (harness, tick (EPOCH, n, 25, 1), n);
  record_finish (harness);
  for (guint i = 0; i < record->items->len; i++) {
    RecordItem *item = record_at (record, i);

    if (item->kind == RECORD_SEGMENT)
      msn = item->segment.msn;
    if (item->kind == RECORD_STATUS) {
      g_assert_cmpuint (item->msn, ==, msn);
      g_assert_cmpuint (item->msn, ==, EPOCH / 180000 + 2);
      statuses++;
    }
  }
  g_assert_cmpuint (statuses, ==, 1);
  gst_harness_teardown (harness);
  record_free (record);
}

/* Given an encoder that makes no keyframes when asked, then that is said. */
static void
test_video_deaf_encoder_is_reported (void)
{
  GstHarness *harness = video_harness ("segmentencoder encoder=\"" X264
                                       " min-force-key-unit-interval=100000000000\"",
                                       25, 1);
  g_autoptr (GstBus) bus = gst_bus_new ();
  g_autoptr (GstMessage) message = NULL;

  gst_element_set_bus (harness->element, bus);
  for (guint n = 0; n < 110; n++)
    push_frame (harness, tick (EPOCH, n, 25, 1), n);
  record_finish (harness);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING);
  g_assert_nonnull (message);
  gst_element_set_bus (harness->element, NULL);
  gst_harness_teardown (harness);
}

/* --- Description ------------------------------------------------------------ */

static void
assert_refused (const char *encoder, const char *says, const char *remedy)
{
  g_autoptr (GstElement) element = gst_element_factory_make ("segmentencoder", NULL);
  g_autoptr (GstBus) bus = gst_bus_new ();
  g_autoptr (GstMessage) message = NULL;
  g_autoptr (GError) error = NULL;

  gst_object_ref_sink (element);
  gst_element_set_bus (element, bus);
  g_object_set (element, "encoder", encoder, NULL);
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_PLAYING), ==,
                   GST_STATE_CHANGE_FAILURE);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  gst_message_parse_error (message, &error, NULL);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, says));
  g_assert_nonnull (strstr (error->message, remedy));
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
}

/* Given a description that cannot be, then READY fails with an error that says what is
 * wrong and what to do. */
static void
test_description_errors_are_clear (void)
{
  static const struct {
    const char *encoder, *says, *remedy;
  } cases[] = {
    { NULL, "encoder is not set", "x264enc" },
    { "", "encoder is not set", "x264enc" },
    { "nosuchenc bitrate=1", "no element \"nosuchenc\"", "install" },
    { "x264enc nosuchproperty=1", "nosuchproperty", "gst-launch" },
    { "x264enc ! ! !", "x264enc ! ! !", "gst-launch" },
    { "x264enc ! fakesink", "one source pad", "x264enc bitrate" },
    { "videotestsrc ! x264enc", "one sink pad", "x264enc bitrate" },
  };

  for (gsize c = 0; c < G_N_ELEMENTS (cases); c++)
    assert_refused (cases[c].encoder, cases[c].says, cases[c].remedy);
}

/* Given an encoder that is not installed, then the error names the package that has it.
 */
static void
test_description_missing_encoder_names_its_package (void)
{
  GstRegistry *registry = gst_registry_get ();
  g_autoptr (GstPluginFeature) feature
      = gst_registry_lookup_feature (registry, "x264enc");

  g_assert_nonnull (feature);
  gst_registry_remove_feature (registry, feature);
  assert_refused ("x264enc bitrate=800", "no element \"x264enc\"",
                  "gstreamer1.0-plugins-ugly");
  gst_registry_add_feature (registry, feature);
}

/* Given settings of the user, then these stay; what was left alone is adapted. */
static void
test_description_settings_of_the_user_stay (void)
{
  g_autoptr (GstElement) element = gst_element_factory_make ("segmentencoder", NULL);
  g_autoptr (GstElement) encoder = NULL;
  g_autofree char *options = NULL;
  guint key_int_max;

  gst_object_ref_sink (element);
  gst_util_set_object_arg (G_OBJECT (element), "encoder",
                           "x264enc name=x option-string=me=dia");
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_READY), ==,
                   GST_STATE_CHANGE_SUCCESS);
  encoder = gst_bin_get_by_name (GST_BIN (element), "x");
  g_object_get (encoder, "key-int-max", &key_int_max, "option-string", &options, NULL);
  g_assert_cmpuint (key_int_max, ==, 1 << 30);
  g_assert_cmpstr (options, ==, "me=dia:scenecut=0:open-gop=0");

  /* The next READY takes the next description. */
  gst_element_set_state (element, GST_STATE_NULL);
  g_object_set (element, "encoder", "x264enc name=x key-int-max=77", NULL);
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_READY), ==,
                   GST_STATE_CHANGE_SUCCESS);
  g_clear_object (&encoder);
  encoder = gst_bin_get_by_name (GST_BIN (element), "x");
  g_object_get (encoder, "key-int-max", &key_int_max, NULL);
  g_assert_cmpuint (key_int_max, ==, 77);
  gst_element_set_state (element, GST_STATE_NULL);
}

/* Given a pipeline that was stopped, when it plays again, then it encodes again. */
static void
test_plays_again_after_ready (void)
{
  static const char *branches[] = {
    "videotestsrc num-buffers=60 ! video/x-raw,width=64,height=64,framerate=25/1 ! "
    "epochalign ! segmentencoder encoder=\"" X264 "\" ! fakesink name=sink",
    "audiotestsrc num-buffers=250 ! audio/x-raw,rate=48000 ! epochalign ! "
    "segmentencoder encoder=\"audioconvert ! avenc_aac\" ! fakesink name=sink",
  };
  static const GstState states[] = { GST_STATE_READY, GST_STATE_NULL };

  for (gsize b = 0; b < G_N_ELEMENTS (branches); b++) {
    g_autoptr (GstElement) pipeline = gst_parse_launch (branches[b], NULL);
    g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);

    for (gsize s = 0; s < G_N_ELEMENTS (states); s++) {
      g_autoptr (GstMessage) message = NULL;
      g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
      g_autoptr (GstSample) last = NULL;

      g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_PLAYING), !=,
                       GST_STATE_CHANGE_FAILURE);
      message = gst_bus_timed_pop_filtered (bus, 3600 * GST_SECOND,
                                            GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
      g_assert_nonnull (message);
      g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_EOS);
      g_object_get (sink, "last-sample", &last, NULL);
      g_assert_nonnull (last);
      gst_element_set_state (pipeline, states[s]);
    }
    gst_element_set_state (pipeline, GST_STATE_NULL);
  }
}

#define ADD(path, name) g_test_add_func ("/segmentencoder/" path, test_##name)

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  ADD ("video/keys-are-boundaries", video_keys_are_boundaries);
  ADD ("video/cuts-by-itself", video_cuts_by_itself);
  ADD ("video/status-stays-in-its-segment", video_status_stays_in_its_segment);
  ADD ("video/deaf-encoder-is-reported", video_deaf_encoder_is_reported);
  ADD ("description/errors-are-clear", description_errors_are_clear);
  ADD ("description/missing-encoder-names-its-package",
       description_missing_encoder_names_its_package);
  ADD ("description/settings-of-the-user-stay", description_settings_of_the_user_stay);
  ADD ("plays-again-after-ready", plays_again_after_ready);
  return g_test_run ();
}
