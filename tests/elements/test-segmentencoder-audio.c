/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-epoch.h"
#include "record.h"

#include <math.h>
#include <string.h>

#define EPOCH (G_GUINT64_CONSTANT (1700000000) * 90000)

/* Broadband, smooth, and unlike itself at any other place. */
static float
signal_at (gint64 sample)
{
  double t = sample / 48000.;

  return 0.3 * sin (2 * G_PI * (200 + 700 * t) * t) + 0.2 * sin (2 * G_PI * 311 * t * t);
}

static GstHarness *
audio_harness (const char *launch, guint rate)
{
  GstHarness *harness = gst_harness_new_parse (launch);
  g_autofree char *caps = g_strdup_printf (
      "audio/x-raw,format=F32LE,rate=%u,channels=1,layout=interleaved", rate);

  gst_harness_set_src_caps_str (harness, caps);
  return harness;
}

/* Frame number `frame` of the grid, holding the signal from `from` on. */
static void
push_audio (GstHarness *harness, guint64 frame, gint64 from, guint rate)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 4096, NULL);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  for (guint i = 0; i < 1024; i++)
    ((float *)map.data)[i] = signal_at (from + i);
  gst_buffer_unmap (buffer, &map);
  GST_BUFFER_PTS (buffer) = he_audio_frame_ns (frame, rate);
  g_assert_cmpint (gst_harness_push (harness, buffer), ==, GST_FLOW_OK);
}

/* Mean square of the difference between decoded buffers 3 .. n - 1, of which the first
 * stands for sample `from`, and the signal `lag` samples later. */
static double
difference (Record *record, guint n, gint64 from, gint lag)
{
  double sum = 0;

  for (guint b = 3; b < n; b++) {
    GstMapInfo map;

    gst_buffer_map (record_buffer (record, b), &map, GST_MAP_READ);
    g_assert_cmpuint (map.size, ==, 4096);
    for (guint i = 0; i < 1024; i++) {
      double d = ((float *)map.data)[i] - signal_at (from + b * 1024 + i + lag);

      sum += d * d;
    }
    gst_buffer_unmap (record_buffer (record, b), &map);
  }
  return sum / ((n - 3) * 1024);
}

static const struct {
  const char *encoder;
  guint rate;
} audio_cases[] = {
  { "audioconvert ! avenc_aac bitrate=128000", 48000 },
  { "audioconvert ! avenc_aac bitrate=128000", 44100 },
  { "audioconvert ! audio/x-raw,format=S16LE ! voaacenc bitrate=128000", 48000 },
  { "audioconvert ! audio/x-raw,format=S16LE ! voaacenc bitrate=128000", 44100 },
};

/* Given a signal, when encoded and decoded, then it stands where it stood, to the sample.
 */
static void
test_audio_decodes_to_where_it_was (void)
{
  for (gsize c = 0; c < G_N_ELEMENTS (audio_cases); c++) {
    const guint rate = audio_cases[c].rate;
    g_autofree char *launch = g_strdup_printf (
        "segmentencoder encoder=\"%s\" ! aacparse ! avdec_aac ! "
        "audioconvert ! capsfilter caps=audio/x-raw,format=F32LE,layout=interleaved",
        audio_cases[c].encoder);
    GstHarness *harness = audio_harness (launch, rate);
    Record *record = record_new (harness);
    guint64 first = he_audio_frame_at_or_after (EPOCH, rate);
    guint frames;
    double here;

    for (guint n = 0; n < 60; n++)
      push_audio (harness, first + n, n * 1024, rate);
    record_finish (harness);
    frames = record_count (record, RECORD_BUFFER);
    g_assert_cmpuint (frames, ==, 60);
    for (guint n = 0; n < frames; n++)
      g_assert_cmpuint (GST_BUFFER_PTS (record_buffer (record, n)), ==,
                        he_audio_frame_ns (first + n, rate));
    here = difference (record, frames, 0, 0);
    g_assert_cmpfloat (here, <, 0.001);
    for (gint lag = -40; lag <= 40; lag++)
      if (lag < -1 || lag > 1)
        g_assert_cmpfloat (difference (record, frames, 0, lag), >, here);
    gst_harness_teardown (harness);
    record_free (record);
  }
}

/* Given announced segments, then each precedes the AAC frame that begins it, and packets
 * have the times of the frames that went in, each once. */
static void
test_audio_segments_precede_their_frame (void)
{
  for (gsize c = 0; c < G_N_ELEMENTS (audio_cases); c++) {
    const guint rate = audio_cases[c].rate;
    g_autofree char *launch = g_strdup_printf (
        "epochalign ! segmentencoder encoder=\"%s\" ! aacparse", audio_cases[c].encoder);
    GstHarness *harness = audio_harness (launch, rate);
    Record *record = record_new (harness);
    guint64 first = he_audio_frame_at_or_after (EPOCH + 180000, rate);
    guint frames = 0, segments = 0;

    for (guint n = 0; n < 400; n++)
      push_audio (harness, first + n - 60, n * 1024, rate);
    record_finish (harness);
    for (guint i = 0; i < record->items->len; i++) {
      RecordItem *item = record_at (record, i);
      guint64 begins;

      if (item->kind != RECORD_BUFFER)
        continue;
      g_assert_cmpuint (GST_BUFFER_PTS (item->buffer), ==,
                        he_audio_frame_ns (first + frames, rate));
      begins = he_audio_frame_at_or_after (EPOCH + (segments + 1) * 180000, rate);
      if (first + frames == begins) {
        g_assert_cmpint (record_at (record, i - 1)->kind, ==, RECORD_SEGMENT);
        g_assert_cmpuint (record_at (record, i - 1)->segment.msn, ==,
                          EPOCH / 180000 + 1 + segments++);
      }
      frames++;
    }
    g_assert_cmpuint (frames, ==, 340);
    g_assert_cmpuint (record_count (record, RECORD_SEGMENT), ==, segments);
    g_assert_cmpuint (record_count (record, RECORD_KEY_UNIT), ==, 0);
    gst_harness_teardown (harness);
    record_free (record);
  }
}

/* Given a stream that goes on somewhere else, then packets do as their frames did. */
static void
test_audio_times_follow_a_jump (void)
{
  GstHarness *harness
      = audio_harness ("segmentencoder encoder=\"audioconvert ! avenc_aac\"", 48000);
  Record *record = record_new (harness);
  guint64 first = EPOCH / 1920;

  for (guint n = 0; n < 40; n++)
    push_audio (harness, first + n + (n < 20 ? 0 : 700), n * 1024, 48000);
  record_finish (harness);
  g_assert_cmpuint (record_count (record, RECORD_BUFFER), ==, 40);
  for (guint n = 0; n < 40; n++)
    g_assert_cmpuint (GST_BUFFER_PTS (record_buffer (record, n)), ==,
                      he_audio_frame_ns (first + n + (n < 20 ? 0 : 700), 48000));
  gst_harness_teardown (harness);
  record_free (record);
}

/* Given audio off the grid, then a clear error says what to do. */
static void
test_audio_off_the_grid_is_an_error (void)
{
  GstHarness *harness
      = audio_harness ("segmentencoder encoder=\"audioconvert ! avenc_aac\"", 48000);
  g_autoptr (GstBus) bus = gst_bus_new ();
  g_autoptr (GstMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 4096, NULL);

  gst_element_set_bus (harness->element, bus);
  GST_BUFFER_PTS (buffer) = 1234567;
  g_assert_cmpint (gst_harness_push (harness, buffer), ==, GST_FLOW_ERROR);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  gst_message_parse_error (message, &error, NULL);
  g_assert_nonnull (strstr (error->message, "epochalign"));
  gst_element_set_bus (harness->element, NULL);
  gst_harness_teardown (harness);
}
#define ADD(path, name) g_test_add_func ("/segmentencoder-audio/" path, test_##name)

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  ADD ("decodes-to-where-it-was", audio_decodes_to_where_it_was);
  ADD ("segments-precede-their-frame", audio_segments_precede_their_frame);
  ADD ("times-follow-a-jump", audio_times_follow_a_jump);
  ADD ("off-the-grid-is-an-error", audio_off_the_grid_is_an_error);
  return g_test_run ();
}
