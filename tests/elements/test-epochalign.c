/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-epoch.h"
#include "record.h"

#define EPOCH (G_GUINT64_CONSTANT (1700000000) * 90000)

static GstHarness *
video_harness (const char *launch, guint fps_n, guint fps_d)
{
  GstHarness *harness = gst_harness_new_parse (launch);
  g_autofree char *caps = g_strdup_printf (
      "video/x-raw,format=I420,width=16,height=16,framerate=%u/%u", fps_n, fps_d);

  gst_harness_set_src_caps_str (harness, caps);
  return harness;
}

static void
push_picture (GstHarness *harness, guint64 t90, guint8 value, GstBufferFlags flags,
              gsize size)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);

  gst_buffer_memset (buffer, 0, value, size);
  GST_BUFFER_PTS (buffer) = he_ticks_to_ns (t90);
  GST_BUFFER_FLAG_SET (buffer, flags);
  g_assert_cmpint (gst_harness_push (harness, buffer), ==, GST_FLOW_OK);
}

/* A frame of one value at a tick. */
static void
push_frame (GstHarness *harness, guint64 t90, guint8 value, GstBufferFlags flags)
{
  push_picture (harness, t90, value, flags, 384);
}

static guint64
tick (guint64 n, guint fps_n, guint fps_d)
{
  return EPOCH + (n * 90000 * fps_d + fps_n / 2) / fps_n;
}

/* Of a plain picture: the value of its first sample. */
static void
expect_signature (const GstHeadendSegment *segment, GstBuffer *buffer)
{
  guint8 value = 0;

  gst_buffer_extract (buffer, 0, &value, 1);
  g_assert_true (segment->has_signature);
  for (guint i = 0; i < HE_SIGNATURE_FIELDS; i++)
    g_assert_cmpuint (segment->signature.fields[i], ==, value);
}

/* Given frames of any rate, when segments begin, then key unit and segment precede the
 * first frame of each, in this order, and nothing else comes. */
static void
test_video_announces_segments (void)
{
  static const struct {
    guint n, d;
    guint64 duration90;
  } cases[] = {
    { 25, 1, 180000 },       { 30000, 1001, 180180 }, { 30000, 1001, 180000 },
    { 60000, 1001, 180180 }, { 50, 1, 90000 },
  };

  for (gsize c = 0; c < G_N_ELEMENTS (cases); c++) {
    g_autofree char *launch = g_strdup_printf (
        "epochalign segment-duration=%" G_GUINT64_FORMAT, cases[c].duration90);
    GstHarness *harness = video_harness (launch, cases[c].n, cases[c].d);
    Record *record = record_new (harness);
    guint64 msn = 0, count = 0;

    for (guint n = 0; n < 500; n++)
      push_frame (harness, tick (n, cases[c].n, cases[c].d), n, 0);
    for (guint i = 0; i < record->items->len; i++) {
      RecordItem *item = record_at (record, i);
      guint64 t90;

      if (item->kind != RECORD_BUFFER)
        continue;
      t90 = he_ticks_from_ns (GST_BUFFER_PTS (item->buffer));
      if (count++ == 0 || he_epoch_msn (t90, cases[c].duration90) != msn) {
        msn = he_epoch_msn (t90, cases[c].duration90);
        g_assert_cmpint (record_at (record, i - 2)->kind, ==, RECORD_KEY_UNIT);
        g_assert_cmpuint (record_at (record, i - 2)->count, ==, (guint)msn);
        g_assert_true (record_at (record, i - 2)->all_headers);
        g_assert_cmpint (record_at (record, i - 1)->kind, ==, RECORD_SEGMENT);
        g_assert_cmpuint (record_at (record, i - 1)->segment.msn, ==, msn);
        g_assert_cmpuint (record_at (record, i - 1)->segment.pts90, ==,
                          msn * cases[c].duration90);
        g_assert_cmpuint (record_at (record, i - 1)->segment.duration90, ==,
                          cases[c].duration90);
        expect_signature (&record_at (record, i - 1)->segment, item->buffer);
      } else {
        g_assert_cmpint (record_at (record, i - 1)->kind, ==, RECORD_BUFFER);
      }
    }
    g_assert_cmpuint (count, >, 380);
    g_assert_cmpuint (record_count (record, RECORD_SEGMENT), ==,
                      record_count (record, RECORD_KEY_UNIT));
    g_assert_cmpuint (record_count (record, RECORD_STATUS), ==, 0);
    gst_harness_teardown (harness);
    record_free (record);
  }
}

/* Given a segment that starts at the epoch, then the identity goes out and PTS stay. */
static void
test_video_segment_is_the_identity (void)
{
  GstHarness *harness = video_harness ("epochalign", 25, 1);
  Record *record = record_new (harness);
  g_autoptr (GstEvent) event = NULL;
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = he_ticks_to_ns (EPOCH);
  segment.base = 5 * GST_SECOND;
  gst_harness_push_event (harness, gst_event_new_segment (&segment));
  push_frame (harness, EPOCH, 0, 0);
  event = gst_pad_get_sticky_event (harness->sinkpad, GST_EVENT_SEGMENT, 0);
  gst_event_copy_segment (event, &segment);
  g_assert_cmpint (segment.format, ==, GST_FORMAT_TIME);
  g_assert_cmpuint (segment.start, ==, 0);
  g_assert_cmpuint (segment.time, ==, 0);
  g_assert_cmpuint (segment.base, ==, 0);
  g_assert_cmpuint (GST_BUFFER_PTS (record_buffer (record, 0)), ==,
                    he_ticks_to_ns (EPOCH));
  gst_harness_teardown (harness);
  record_free (record);
}

/* Given lost frames across a boundary, then the one before them is repeated, and both
 * segments are said to be filled, once each. */
static void
test_video_gap_is_filled_and_flagged (void)
{
  GstHarness *harness = video_harness ("epochalign", 25, 1);
  Record *record = record_new (harness);
  guint statuses = 0;
  guint8 value;

  for (guint n = 0; n < 150; n++)
    if (n < 40 || n >= 60)
      push_frame (harness, tick (n, 25, 1), n, 0);
  g_assert_cmpuint (record_count (record, RECORD_BUFFER), ==, 150);
  for (guint n = 0; n < 150; n++) {
    GstBuffer *buffer = record_buffer (record, n);

    g_assert_cmpuint (GST_BUFFER_PTS (buffer), ==, he_ticks_to_ns (tick (n, 25, 1)));
    gst_buffer_extract (buffer, 0, &value, 1);
    g_assert_cmpuint (value, ==, n < 40 || n >= 60 ? n : 39);
  }
  for (guint i = 0; i < record->items->len; i++) {
    RecordItem *item = record_at (record, i);

    if (item->kind != RECORD_STATUS)
      continue;
    g_assert_cmpint (item->flags, ==, HE_SEGMENT_FILLED);
    g_assert_cmpuint (item->msn, ==, EPOCH / 180000 + statuses++);
  }
  g_assert_cmpuint (statuses, ==, 2);
  gst_harness_teardown (harness);
  record_free (record);
}

/* Given ten bits, then frames pass as they are, and a gap is filled with the whole
 * picture before it. */
static void
test_video_ten_bits (void)
{
  static const char *const formats[] = { "I420_10LE", "P010_10LE" };

  for (gsize f = 0; f < G_N_ELEMENTS (formats); f++) {
    GstHarness *harness = gst_harness_new_parse ("epochalign");
    Record *record = record_new (harness);
    g_autofree char *caps = g_strdup_printf (
        "video/x-raw,format=%s,width=16,height=16,framerate=25/1", formats[f]);
    guint16 picture[384];

    gst_harness_set_src_caps_str (harness, caps);
    for (guint n = 0; n < 100; n++) {
      GstBuffer *buffer;

      if (n == 50 || n == 51)
        continue;
      for (guint i = 0; i < 384; i++)
        picture[i] = (guint16)((n * 7 + i) % 1024);
      buffer = gst_buffer_new_memdup (picture, sizeof picture);
      GST_BUFFER_PTS (buffer) = he_ticks_to_ns (tick (n, 25, 1));
      g_assert_cmpint (gst_harness_push (harness, buffer), ==, GST_FLOW_OK);
    }
    g_assert_cmpuint (record_count (record, RECORD_BUFFER), ==, 100);
    for (guint i = 0, announced = G_MAXUINT; i < record->items->len; i++)
      if (record_at (record, i)->kind == RECORD_SEGMENT)
        announced = i;
      else if (record_at (record, i)->kind == RECORD_BUFFER && announced < i) {
        const GstHeadendSegment *segment = &record_at (record, announced)->segment;
        guint16 corner = 0;

        gst_buffer_extract (record_at (record, i)->buffer, 0, &corner, 2);
        g_assert_true (segment->has_signature);
        g_assert_cmpuint (segment->signature.fields[0], ==, corner >> (f == 0 ? 2 : 8));
        announced = G_MAXUINT;
      }
    for (guint n = 0; n < 100; n++) {
      guint shown = n == 50 || n == 51 ? 49 : n;

      for (guint i = 0; i < 384; i++)
        picture[i] = (guint16)((shown * 7 + i) % 1024);
      g_assert_cmpint (
          gst_buffer_memcmp (record_buffer (record, n), 0, picture, sizeof picture), ==,
          0);
    }
    gst_harness_teardown (harness);
    record_free (record);
  }
}

/* Given pictures that lie elsewhere, or whose luma does not lie by itself, then segments
 * are announced without a signature. */
static void
test_video_out_of_sight_has_no_signature (void)
{
  static const char *const kinds[]
      = { "(memory:CUDAMemory),format=NV12", ",format=YUY2" };

  for (gsize k = 0; k < G_N_ELEMENTS (kinds); k++) {
    GstHarness *harness = gst_harness_new_parse ("epochalign");
    Record *record = record_new (harness);
    g_autofree char *caps
        = g_strdup_printf ("video/x-raw%s,width=16,height=16,framerate=25/1", kinds[k]);

    gst_harness_set_src_caps_str (harness, caps);
    for (guint n = 0; n < 150; n++)
      push_frame (harness, tick (n, 25, 1), n, 0);
    g_assert_cmpuint (record_count (record, RECORD_SEGMENT), >, 1);
    for (guint i = 0; i < record->items->len; i++)
      if (record_at (record, i)->kind == RECORD_SEGMENT)
        g_assert_false (record_at (record, i)->segment.has_signature);
    gst_harness_teardown (harness);
    record_free (record);
  }
}

/* Given frames that a decoder flagged, then their segment is said to be damaged. */
static void
test_video_damage_is_flagged (void)
{
  GstHarness *harness = video_harness ("epochalign", 25, 1);
  Record *record = record_new (harness);
  RecordItem *item;

  for (guint n = 0; n < 60; n++)
    push_frame (harness, tick (n, 25, 1), n,
                n == 10 || n == 12 ? GST_BUFFER_FLAG_CORRUPTED : 0);
  g_assert_cmpuint (record_count (record, RECORD_BUFFER), ==, 60);
  g_assert_cmpuint (record_count (record, RECORD_STATUS), ==, 1);
  item = record_at (record, 12); /* behind key unit, segment and ten frames */
  g_assert_cmpint (item->kind, ==, RECORD_STATUS);
  g_assert_cmpuint (item->msn, ==, EPOCH / 180000);
  g_assert_cmpint (item->flags, ==, HE_SEGMENT_DAMAGED);
  gst_harness_teardown (harness);
  record_free (record);
}

/* Given pictures that refer to lost ones, by their times, then their segments are said to
 * be damaged, and no others; a flush forgets them. */
static void
test_video_torn_pictures_are_flagged (void)
{
  GstHarness *harness = video_harness ("epochalign", 25, 1);
  Record *record = record_new (harness);
  GstSegment segment;

  for (guint n = 0; n < 260; n++) {
    if (n == 40)
      gst_harness_push_event (harness,
                              gst_headend_torn_event_new (tick (49, 25, 1), G_MAXUINT64));
    if (n == 120)
      gst_harness_push_event (
          harness, gst_headend_torn_event_new (tick (49, 25, 1), tick (150, 25, 1)));
    push_frame (harness, tick (n, 25, 1), n & 0xff, 0);
  }
  g_assert_cmpuint (record_count (record, RECORD_STATUS), ==, 3);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (record_flagged (record, i, HE_SEGMENT_DAMAGED), ==,
                      EPOCH / 180000 + i);
  gst_harness_push_event (harness, gst_headend_torn_event_new (0, G_MAXUINT64));
  gst_harness_push_event (harness, gst_event_new_flush_start ());
  gst_harness_push_event (harness, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (harness, gst_event_new_segment (&segment));
  for (guint n = 300; n < 360; n++)
    push_frame (harness, tick (n, 25, 1), n & 0xff, 0);
  g_assert_cmpuint (record_count (record, RECORD_STATUS), ==, 3);
  gst_harness_teardown (harness);
  record_free (record);
}

/* Given a source's generation, then segments carry it. */
static void
test_generation_is_passed_on (void)
{
  GstHarness *harness = video_harness ("epochalign", 25, 1);
  Record *record = record_new (harness);

  gst_harness_push_event (harness, gst_headend_timeline_event_new (7, 0));
  push_frame (harness, EPOCH, 0, 0);
  g_assert_cmpuint (record_at (record, 1)->segment.generation, ==, 7);
  gst_harness_teardown (harness);
  record_free (record);
}

/* Given events of boundaries from upstream, then only our own go on. */
static void
test_boundaries_of_others_are_dropped (void)
{
  GstHarness *harness = video_harness ("epochalign", 25, 1);
  Record *record = record_new (harness);
  GstHeadendSegment segment = { .msn = 1, .duration90 = 3600, .pts90 = 3600 };

  gst_harness_push_event (harness, gst_headend_segment_event_new (&segment));
  gst_harness_push_event (harness, gst_headend_key_unit_event_new (&segment));
  push_frame (harness, EPOCH, 0, 0);
  g_assert_cmpuint (record_count (record, RECORD_SEGMENT), ==, 1);
  g_assert_cmpuint (record_count (record, RECORD_KEY_UNIT), ==, 1);
  gst_harness_teardown (harness);
  record_free (record);
}

static void
expect_black (Record *record, guint first, gsize size)
{
  guint n = record_count (record, RECORD_BUFFER);

  g_assert_cmpuint (n, >, first);
  for (guint i = first; i < n; i++) {
    guint8 value = 0;

    g_assert_cmpuint (gst_buffer_get_size (record_buffer (record, i)), ==, size);
    gst_buffer_extract (record_buffer (record, i), 0, &value, 1);
    g_assert_cmpuint (value, ==, 16);
  }
}

static void
push_gap (GstHarness *harness, guint from, guint to)
{
  g_assert_true (gst_harness_push_event (
      harness, gst_event_new_gap (he_ticks_to_ns (EPOCH + from * HE_TICKS_PER_SECOND),
                                  (to - from) * GST_SECOND)));
}

/* Given a format that changes while the source is silent, then filler is black of the new
 * one, however much of the old was made. */
static void
test_video_silence_across_a_format (void)
{
  GstHarness *harness = video_harness ("epochalign", 25, 1);
  Record *record = record_new (harness);
  guint made;

  push_frame (harness, EPOCH, 99, 0);
  push_gap (harness, 0, 9);
  push_gap (harness, 9, 12);
  made = record_count (record, RECORD_BUFFER);
  expect_black (record, made - 10, 384);
  for (guint side = 32; side <= 48; side += 16) {
    g_autofree char *caps = g_strdup_printf (
        "video/x-raw,format=I420,width=%u,height=%u,framerate=25/1", side, side);
    guint at = side == 32 ? 12 : 15;
    gsize size = side * side * 3 / 2;

    gst_harness_set_src_caps_str (harness, caps);
    push_gap (harness, at, at + 1);
    expect_black (record, made, size);
    push_picture (harness, EPOCH + (at + 2) * HE_TICKS_PER_SECOND, 99, 0, size);
    made = record_count (record, RECORD_BUFFER);
  }
  gst_harness_teardown (harness);
  record_free (record);
}

static void
test_stats_count (void)
{
  GstHarness *harness = video_harness ("epochalign", 25, 1);
  g_autoptr (GstElement) align = gst_harness_find_element (harness, "epochalign");
  g_autoptr (GstStructure) stats = NULL;
  guint64 in, out, dropped, filled, damaged, msn;
  gboolean joined;

  for (guint n = 45; n < 100; n++)
    if (n != 60)
      push_frame (harness, tick (n, 25, 1), n, n == 70 ? GST_BUFFER_FLAG_CORRUPTED : 0);
  g_object_get (align, "stats", &stats, NULL);
  g_assert_true (gst_structure_get (
      stats, "in", G_TYPE_UINT64, &in, "out", G_TYPE_UINT64, &out, "dropped",
      G_TYPE_UINT64, &dropped, "filled", G_TYPE_UINT64, &filled, "damaged", G_TYPE_UINT64,
      &damaged, "msn", G_TYPE_UINT64, &msn, "joined", G_TYPE_BOOLEAN, &joined, NULL));
  g_assert_cmpuint (in, ==, 54);
  g_assert_cmpuint (out, ==, 50);
  g_assert_cmpuint (dropped, ==, 5);
  g_assert_cmpuint (filled, ==, 1);
  g_assert_cmpuint (damaged, ==, 1);
  g_assert_cmpuint (msn, ==, EPOCH / 180000 + 1);
  g_assert_true (joined);
  gst_harness_teardown (harness);
}

/* Given a flush, as a seek makes it, then the stream joins anew, and its gaps are filled
 * although nobody tells the frame rate again. */
static void
test_flush_keeps_the_frame_rate (void)
{
  GstHarness *harness = video_harness ("epochalign", 25, 1);
  Record *record = record_new (harness);
  GstSegment segment;

  for (guint n = 0; n < 10; n++)
    push_frame (harness, tick (n, 25, 1), n, 0);
  gst_harness_push_event (harness, gst_event_new_flush_start ());
  gst_harness_push_event (harness, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (harness, gst_event_new_segment (&segment));
  for (guint n = 40; n < 60; n++)
    if (n < 52 || n >= 55)
      push_frame (harness, tick (n, 25, 1), n, 0);
  /* 10 before; from the boundary at 50 on all 10, three of them filler. */
  g_assert_cmpuint (record_count (record, RECORD_BUFFER), ==, 20);
  g_assert_cmpuint (record_count (record, RECORD_SEGMENT), ==, 2);
  g_assert_cmpuint (record_count (record, RECORD_STATUS), ==, 1);
  gst_harness_teardown (harness);
  record_free (record);
}

/* Given a gap across a change of size, then what fills it has the new size. */
static void
test_filler_has_the_format_of_its_caps (void)
{
  GstHarness *harness = video_harness ("epochalign", 25, 1);
  Record *record = record_new (harness);
  GstBuffer *wide = gst_buffer_new_allocate (NULL, 768, NULL);

  push_frame (harness, tick (0, 25, 1), 0, 0);
  gst_harness_set_src_caps_str (
      harness, "video/x-raw,format=I420,width=32,height=16,framerate=25/1");
  GST_BUFFER_PTS (wide) = he_ticks_to_ns (tick (4, 25, 1));
  g_assert_cmpint (gst_harness_push (harness, wide), ==, GST_FLOW_OK);
  g_assert_cmpuint (record_count (record, RECORD_BUFFER), ==, 5);
  g_assert_cmpuint (gst_buffer_get_size (record_buffer (record, 0)), ==, 384);
  for (guint n = 1; n < 5; n++) {
    g_assert_cmpuint (gst_buffer_get_size (record_buffer (record, n)), ==, 768);
    g_assert_cmpuint (GST_BUFFER_PTS (record_buffer (record, n)), ==,
                      he_ticks_to_ns (tick (n, 25, 1)));
  }
  gst_harness_teardown (harness);
  record_free (record);
}

/* Given a sink behind it that is late, then a decoder ahead does not hear of it: its
 * running time is another. */
static void
test_quality_of_service_stays_behind (void)
{
  GstHarness *harness = video_harness ("epochalign", 25, 1);
  GstEvent *event;

  push_frame (harness, EPOCH, 0, 0);
  g_assert_true (gst_harness_push_upstream_event (
      harness, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 2.0, GST_SECOND,
                                  he_ticks_to_ns (EPOCH))));
  while ((event = gst_harness_try_pull_upstream_event (harness)) != NULL) {
    g_assert_cmpint (GST_EVENT_TYPE (event), !=, GST_EVENT_QOS);
    gst_event_unref (event);
  }
  gst_harness_teardown (harness);
}

/* Given a running stream, then the duration of its segments stays what it is. */
static void
test_settings_are_fixed_while_it_runs (void)
{
  GstHarness *harness = gst_harness_new ("epochalign");
  guint64 duration90;

  g_object_set (harness->element, "segment-duration", G_GUINT64_CONSTANT (90000), NULL);
  g_object_get (harness->element, "segment-duration", &duration90, NULL);
  g_assert_cmpuint (duration90, ==, 180000);
  gst_element_set_state (harness->element, GST_STATE_READY);
  g_object_set (harness->element, "segment-duration", G_GUINT64_CONSTANT (90000), NULL);
  g_object_get (harness->element, "segment-duration", &duration90, NULL);
  g_assert_cmpuint (duration90, ==, 90000);
  gst_harness_teardown (harness);
}

#define ADD(path, name) g_test_add_func ("/epochalign/" path, test_##name)

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  ADD ("video/announces-segments", video_announces_segments);
  ADD ("video/segment-is-the-identity", video_segment_is_the_identity);
  ADD ("video/gap-is-filled-and-flagged", video_gap_is_filled_and_flagged);
  ADD ("video/ten-bits-pass-and-fill", video_ten_bits);
  ADD ("video/out-of-sight-has-no-signature", video_out_of_sight_has_no_signature);
  ADD ("video/damage-is-flagged", video_damage_is_flagged);
  ADD ("video/torn-pictures-are-flagged", video_torn_pictures_are_flagged);
  ADD ("video/flush-keeps-the-frame-rate", flush_keeps_the_frame_rate);
  ADD ("video/filler-has-the-format-of-its-caps", filler_has_the_format_of_its_caps);
  ADD ("video/silence-across-a-format", video_silence_across_a_format);
  ADD ("quality-of-service-stays-behind", quality_of_service_stays_behind);
  ADD ("settings-are-fixed-while-it-runs", settings_are_fixed_while_it_runs);
  ADD ("generation-is-passed-on", generation_is_passed_on);
  ADD ("boundaries-of-others-are-dropped", boundaries_of_others_are_dropped);
  ADD ("stats-count", stats_count);
  return g_test_run ();
}
