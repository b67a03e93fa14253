/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identical.h"

#define SIZE 64

static GstHarness *
video_harness (const char *encoder, guint fps_n, guint fps_d)
{
  g_autofree char *launch = g_strdup_printf (
      "segmentencoder name=e agreement=identical segment-duration=%" G_GUINT64_FORMAT
      " encoder=\"%s\" ! identity",
      D, encoder);
  g_autofree char *caps
      = g_strdup_printf ("video/x-raw,format=I420,width=%d,height=%d,framerate=%u/%u",
                         SIZE, SIZE, fps_n, fps_d);

  return harness_new (launch, caps);
}

/* Frame n of a picture that moves and changes, at t90. */
static GstFlowReturn
push_picture (GstHarness *harness, guint64 t90, guint n, guint size)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size * size * 3 / 2, NULL);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  for (gsize i = 0; i < map.size; i++)
    map.data[i] = (i % size * 3 + i / size * (n % 7) + n) ^ (n / 17 % 2 ? 255 : 0);
  gst_buffer_unmap (buffer, &map);
  GST_BUFFER_PTS (buffer) = he_ticks_to_ns (t90);
  return gst_harness_push (harness, buffer);
}

static guint64
tick (guint64 n, guint fps_n, guint fps_d)
{
  return BASE + (n * 90000 * fps_d + fps_n / 2) / fps_n;
}

/* --- Video ------------------------------------------------------------------- */

static guint64
video_msn (guint64 ns)
{
  return he_epoch_msn (he_ticks_from_ns (ns), D);
}

/* PTS, sorted by arrival per segment, are those of the frames, each once; the first frame
 * of each segment alone is a keyframe, and its announcement stands right before it. */
static void
assert_pictures (Record *record, guint from, guint to, guint fps_n, guint fps_d)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  guint64 msn = 0, last_dts = 0;
  guint n = 0;

  for (guint i = 0; i < record->items->len; i++) {
    RecordItem *item = record_at (record, i);
    guint64 pts, own;

    if (item->kind != RECORD_BUFFER)
      continue;
    pts = GST_BUFFER_PTS (item->buffer);
    own = video_msn (pts);
    g_assert_true (own == msn || own == msn + 1 || n == 0);
    g_assert_cmpint (!GST_BUFFER_FLAG_IS_SET (item->buffer, GST_BUFFER_FLAG_DELTA_UNIT),
                     ==, own != msn);
    if (own != msn) {
      g_assert_cmpint (record_at (record, i - 1)->kind, ==, RECORD_KEY_UNIT);
      g_assert_cmpuint (record_at (record, i - 1)->count, ==, (guint)own);
    }
    msn = own;
    if (GST_BUFFER_DTS_IS_VALID (item->buffer)) {
      g_assert_cmpuint (GST_BUFFER_DTS (item->buffer), >, last_dts);
      last_dts = GST_BUFFER_DTS (item->buffer);
    }
    g_assert_true (g_hash_table_add (seen, GSIZE_TO_POINTER (pts)));
    n++;
  }
  g_assert_cmpuint (n, ==, to - from);
  for (guint i = from; i < to; i++)
    g_assert_true (g_hash_table_contains (
        seen, GSIZE_TO_POINTER (he_ticks_to_ns (tick (i, fps_n, fps_d)))));
}

static GHashTable *
encode_pictures (const char *encoder, guint from, guint to, guint fps_n, guint fps_d)
{
  GstHarness *harness = video_harness (encoder, fps_n, fps_d);
  Record *record = record_new (harness);
  GHashTable *sums;

  for (guint n = from; n < to; n++)
    g_assert_cmpint (push_picture (harness, tick (n, fps_n, fps_d), n, SIZE), ==,
                     GST_FLOW_OK);
  record_finish (harness);
  assert_pictures (record, from, to, fps_n, fps_d);
  sums = digests (record, video_msn);
  gst_harness_teardown (harness);
  record_free (record);
  return sums;
}

/* The first frame of a segment. */
static guint
first_of (guint64 msn, guint fps_n, guint fps_d)
{
  guint n = 0;

  while (he_epoch_msn (tick (n, fps_n, fps_d), D) < BASE / D + msn)
    n++;
  return n;
}

/* Given two encoders that begin with different segments, then what both put out for a
 * segment has the same bytes and times; every frame comes out once, in its segment. */
static void
test_video_segments_have_the_same_bytes (void)
{
  static const struct {
    const char *encoder;
    guint n, d;
  } cases[] = {
    { "x264enc bitrate=200 vbv-buf-capacity=500 threads=1 speed-preset=superfast "
      "rc-lookahead=8 bframes=0 option-string=mbtree=0",
      25, 1 },
    { "x264enc bitrate=200 vbv-buf-capacity=500 threads=1 speed-preset=superfast "
      "bframes=2 b-adapt=false option-string=mbtree=0",
      30000, 1001 },
    { "x264enc pass=quant threads=1 speed-preset=ultrafast rc-lookahead=20 ! queue",
      60000, 1001 },
    { "openh264enc bitrate=200000 multi-thread=1", 25, 1 },
    { "x265enc bitrate=200 speed-preset=ultrafast "
      "option-string=pools=1:frame-threads=1:bframes=0",
      30000, 1001 },
  };

  for (gsize c = 0; c < G_N_ELEMENTS (cases); c++) {
    const guint n = cases[c].n, d = cases[c].d;
    guint second = first_of (2, n, d);
    g_autoptr (GHashTable) a
        = encode_pictures (cases[c].encoder, 0, first_of (6, n, d) + 3, n, d);
    g_autoptr (GHashTable) b
        = encode_pictures (cases[c].encoder, second, first_of (6, n, d) + 3, n, d);

    g_test_message ("%s", cases[c].encoder);
    g_assert_cmpuint (g_hash_table_size (a), ==, 7);
    assert_same (a, b, 0, 5);
  }
}

/* --- Whatever happens -------------------------------------------------------- */

#define X264                                                                             \
  "x264enc bitrate=200 vbv-buf-capacity=500 threads=1 speed-preset=superfast "           \
  "option-string=mbtree=0:rc-lookahead=10"

/* Given a flush in the middle of a segment, then nothing of before comes out behind it,
 * and segments have the bytes that they have without. */
static void
test_flush_leaves_nothing (void)
{
  g_autoptr (GHashTable) whole = encode_pictures (X264, 0, first_of (5, 25, 1), 25, 1);
  GstHarness *harness = video_harness (X264, 25, 1);
  guint restart = first_of (3, 25, 1);
  g_autoptr (GHashTable) sums = NULL;
  GstSegment segment;
  Record *record;

  for (guint n = 0; n < restart - 8; n++)
    g_assert_cmpint (push_picture (harness, tick (n, 25, 1), n, SIZE), ==, GST_FLOW_OK);
  gst_harness_push_event (harness, gst_event_new_flush_start ());
  g_assert_cmpint (push_picture (harness, tick (restart, 25, 1), 0, SIZE), ==,
                   GST_FLOW_FLUSHING);
  gst_harness_push_event (harness, gst_event_new_flush_stop (TRUE));
  record = record_new (harness);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (harness, gst_event_new_segment (&segment));
  for (guint n = restart; n < first_of (5, 25, 1); n++)
    g_assert_cmpint (push_picture (harness, tick (n, 25, 1), n, SIZE), ==, GST_FLOW_OK);
  record_finish (harness);
  assert_pictures (record, restart, first_of (5, 25, 1), 25, 1);
  sums = digests (record, video_msn);
  assert_same (whole, sums, 0, 2);
  gst_harness_teardown (harness);
  record_free (record);
}

/* Given pictures of another size in the middle of a segment, then all come out, each with
 * the caps that it has. */
static void
test_caps_change_anywhere (void)
{
  GstHarness *harness = video_harness (X264, 25, 1);
  Record *record = record_new (harness);
  g_autoptr (GstCaps) caps = NULL;
  g_autoptr (GstCaps) larger = gst_caps_from_string (
      "video/x-raw,format=I420,width=128,height=128,framerate=25/1");
  gint width = 0;

  for (guint n = 0; n < 17; n++)
    g_assert_cmpint (push_picture (harness, tick (n, 25, 1), n, SIZE), ==, GST_FLOW_OK);
  gst_harness_push_event (harness, gst_event_new_caps (larger));
  for (guint n = 17; n < 40; n++)
    g_assert_cmpint (push_picture (harness, tick (n, 25, 1), n, 2 * SIZE), ==,
                     GST_FLOW_OK);
  record_finish (harness);
  g_assert_cmpuint (record_count (record, RECORD_BUFFER), ==, 40);
  for (guint n = 0; n < 40; n++)
    g_assert_true (GST_BUFFER_PTS (record_buffer (record, n)) >= he_ticks_to_ns (BASE));
  caps = gst_pad_get_current_caps (harness->sinkpad);
  gst_structure_get_int (gst_caps_get_structure (caps, 0), "width", &width);
  g_assert_cmpint (width, ==, 128);
  gst_harness_teardown (harness);
  record_free (record);
}

/* Given an encoder that fails, at work or while it ends, then whoever feeds it learns so;
 * nobody waits. */
static void
test_failing_encoder_holds_nobody (void)
{
  static const char *encoders[]
      = { X264 " ! identity error-after=5", X264 " ! identity error-after=11",
          X264 " rc-lookahead=30 ! identity error-after=12",
          "identity error-after=12 ! x264enc" };

  for (guint e = 0; e < G_N_ELEMENTS (encoders); e++) {
    GstHarness *harness = video_harness (encoders[e], 25, 1);
    g_autoptr (GstBus) bus = gst_bus_new ();
    g_autoptr (GstMessage) message = NULL;
    GstFlowReturn ret = GST_FLOW_OK;

    gst_element_set_bus (harness->element, bus);
    for (guint n = 0; n < 100 && ret == GST_FLOW_OK; n++)
      ret = push_picture (harness, tick (n, 25, 1), n, SIZE);
    g_assert_cmpint (ret, !=, GST_FLOW_OK);
    message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
    g_assert_nonnull (message);
    gst_element_set_bus (harness->element, NULL);
    gst_harness_teardown (harness);
  }
}

/* Given a pipeline that is stopped at any moment, then it stops, and can be started
 * again; when it is let be, all pictures come out. */
static void
test_stops_at_any_moment (void)
{
  static const char *branches[] = {
    "videotestsrc num-buffers=400 ! video/x-raw,width=64,height=64,framerate=50/1 ! "
    "epochalign segment-duration=9000 ! segmentencoder agreement=identical "
    "segment-duration=9000 encoder=\"" X264 "\" ! fakesink name=sink",
    "audiotestsrc num-buffers=400 ! audio/x-raw,rate=48000 ! epochalign "
    "segment-duration=9000 ! segmentencoder agreement=identical segment-duration=9000 "
    "encoder=\"audioconvert ! avenc_aac\" ! fakesink name=sink",
  };

  for (guint b = 0; b < G_N_ELEMENTS (branches); b++) {
    g_autoptr (GstElement) pipeline = gst_parse_launch (branches[b], NULL);
    g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
    g_autoptr (GstMessage) message = NULL;

    for (guint i = 0; i < 40; i += g_test_thorough () ? 1 : 3) {
      g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_PLAYING), !=,
                       GST_STATE_CHANGE_FAILURE);
      g_usleep (i * 700);
      g_assert_cmpint (
          gst_element_set_state (pipeline, i % 2 ? GST_STATE_READY : GST_STATE_NULL), ==,
          GST_STATE_CHANGE_SUCCESS);
    }
    gst_bus_set_flushing (bus, TRUE);
    gst_bus_set_flushing (bus, FALSE);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered (bus, 3600 * GST_SECOND,
                                          GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    g_assert_nonnull (message);
    g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_EOS);
    gst_element_set_state (pipeline, GST_STATE_NULL);
  }
}

#define ADD(path, name) g_test_add_func ("/identical/" path, test_##name)

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  ADD ("video/segments-have-the-same-bytes", video_segments_have_the_same_bytes);
  ADD ("flush-leaves-nothing", flush_leaves_nothing);
  ADD ("caps-change-anywhere", caps_change_anywhere);
  ADD ("failing-encoder-holds-nobody", failing_encoder_holds_nobody);
  ADD ("stops-at-any-moment", stops_at_any_moment);
  return g_test_run ();
}
