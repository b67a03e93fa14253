/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/video/video.h>

#include "demux-run.h"

/* A feed that stops, from epochdemux to what epochalign gives. */

typedef struct {
  GMutex lock;
  guint n, filled, black;
  guint64 first90;
  guint64 last90; /* of the last buffer */
  guint64 jump90; /* the largest step between two */
  guint generation;
  guint64 generation90; /* where the last one began */
} Side;

static gboolean
is_black (GstBuffer *buffer)
{
  guint8 luma[160];

  gst_buffer_extract (buffer, 40 * 160, luma, sizeof luma);
  for (guint i = 0; i < sizeof luma; i++)
    if (luma[i] > 20)
      return FALSE;
  return TRUE;
}

static GstPadProbeReturn
note (GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
  Side *side = user;
  HeSegmentFlags flags;
  GstHeadendSegment segment;
  guint64 msn;

  g_mutex_lock (&side->lock);
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
    guint64 t90 = he_ticks_from_ns (GST_BUFFER_PTS (buffer));

    if (side->n++ > 0)
      side->jump90 = MAX (side->jump90, t90 - side->last90);
    else
      side->first90 = t90;
    side->last90 = t90;
    /* However slow the machine is, the picture is repeated for ten seconds. */
    side->black += t90 < side->first90 + 13 * HE_TICKS_PER_SECOND
                   && gst_buffer_get_size (buffer) == 160 * 96 * 3 / 2
                   && is_black (buffer);
  } else if (gst_headend_status_event_parse (GST_PAD_PROBE_INFO_EVENT (info), &msn,
                                             &flags)) {
    side->filled += (flags & HE_SEGMENT_FILLED) != 0;
  } else if (gst_headend_segment_event_parse (GST_PAD_PROBE_INFO_EVENT (info), &segment)
             && segment.generation != side->generation) {
    side->generation = segment.generation;
    side->generation90 = segment.pts90;
  }
  g_mutex_unlock (&side->lock);
  return GST_PAD_PROBE_OK;
}

static void
watch (GstElement *pipeline, const char *name, Side *side)
{
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), name);
  g_autoptr (GstPad) pad = gst_element_get_static_pad (sink, "sink");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
                     note, side, NULL);
}

static gboolean
has (Side *side, guint generation, guint seconds)
{
  g_mutex_lock (&side->lock);
  gboolean there = side->first90 != 0 && side->generation == generation
                   && side->last90 - side->first90 >= seconds * HE_TICKS_PER_SECOND;
  g_mutex_unlock (&side->lock);
  return there;
}

static void
push_bytes (GstElement *pipeline, const guint8 *data, gsize len)
{
  g_autoptr (GstElement) src = gst_bin_get_by_name (GST_BIN (pipeline), "src");
  GstBuffer *buffer = gst_buffer_new_memdup (data, len);
  GstFlowReturn flow;

  g_signal_emit_by_name (src, "push-buffer", buffer, &flow);
  gst_buffer_unref (buffer);
  g_assert_cmpint (flow, ==, GST_FLOW_OK);
}

static void
push (GstElement *pipeline, const GByteArray *feed)
{
  push_bytes (pipeline, feed->data, feed->len);
}

/* Until a stream has so many seconds and is in that generation; the multiplexer sends
 * padding meanwhile. */
static void
wait_for (GstElement *pipeline, Side *side, guint generation, guint seconds)
{
  static const guint8 padding[188] = { 0x47, 0x1f, 0xff, 0x10 };

  for (guint i = 0; i < 30000 && !has (side, generation, seconds); i++) {
    push_bytes (pipeline, padding, sizeof padding);
    g_usleep (20000);
  }
  g_assert_true (has (side, generation, seconds));
}

#define VIDEO                                                                            \
  "d.video_0 ! queue max-size-time=0 ! h264parse ! avdec_h264 ! epochalign "             \
  "segment-duration=36000 ! fakesink name=video sync=false async=false "
#define AUDIO                                                                            \
  "d.audio_0 ! queue max-size-time=0 ! aacparse ! avdec_aac ! audioconvert ! "           \
  "audioresample ! audio/x-raw,format=S16LE,rate=48000,layout=interleaved ! epochalign " \
  "segment-duration=36000 ! fakesink name=audio sync=false async=false"

/* Given a feed of which padding alone is left, then picture and sound go on, flagged;
 * and when a feed comes again with other timestamps, it goes on behind the filler. */
static void
test_filled (void)
{
  g_autoptr (GByteArray) feed = make_feed ();
  GstElement *pipeline = parse ("appsrc name=src is-live=true ! epochdemux name=d "
                                "silence=400 " VIDEO AUDIO);
  Side video = { .n = 0 }, audio = { .n = 0 };

  watch (pipeline, "video", &video);
  watch (pipeline, "audio", &audio);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  push (pipeline, feed);
  wait_for (pipeline, &video, 0, 5);
  wait_for (pipeline, &audio, 0, 5);
  g_assert_cmpuint (video.filled, >, 0);
  g_assert_cmpuint (audio.filled, >, 0);

  push (pipeline, feed);
  wait_for (pipeline, &video, 1, 9);
  wait_for (pipeline, &audio, 1, 9);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  /* Which stream jumps first decides whose grid is kept. */
  g_assert_cmpuint (video.jump90, <=, 3600 + 1800);
  g_assert_cmpuint (audio.jump90, ==, 1920);
  g_assert_cmpuint (video.generation90, >, video.first90 + 4 * HE_TICKS_PER_SECOND);
  g_assert_cmpuint (video.black, ==, 0);
  gst_object_unref (pipeline);
}

/* Given sound that ends while pictures go on, then the sound is filled alone. */
static void
test_one_stream (void)
{
  g_autoptr (GByteArray) feed = make_feed ();
  GstElement *pipeline = parse ("appsrc name=src is-live=true ! epochdemux name=d "
                                "silence=400 " AUDIO " " VIDEO);
  Side video = { .n = 0 }, audio = { .n = 0 };
  guint16 pid = 0;

  watch (pipeline, "video", &video);
  watch (pipeline, "audio", &audio);
  /* The second half of its packets becomes padding. */
  for (gsize at = 0; at + 188 <= feed->len; at += 188) {
    guint8 *packet = feed->data + at;

    if ((packet[1] & 0x40) && packet[7] == 0xc0 && packet[6] == 1)
      pid = (guint16)((packet[1] & 0x1f) << 8 | packet[2]);
    if (at > feed->len / 2 && pid != 0 && ((packet[1] & 0x1f) << 8 | packet[2]) == pid) {
      packet[1] |= 0x1f;
      packet[2] = 0xff;
    }
  }
  g_assert_cmpuint (pid, !=, 0);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  push (pipeline, feed);
  wait_for (pipeline, &audio, 0, 3); /* the pictures' last second is not over yet */
  gst_element_set_state (pipeline, GST_STATE_NULL);
  g_assert_cmpuint (audio.filled, >, 0);
  g_assert_cmpuint (audio.jump90, ==, 1920);
  gst_object_unref (pipeline);
}

/* Given no word of silence, or a feed that never came, then nothing is made. */
static void
test_nothing_is_made (void)
{
  static const char *const settings[] = { "", "silence=300" };

  for (guint i = 0; i < 2; i++) {
    g_autoptr (GByteArray) feed = make_feed ();
    g_autofree char *text = g_strdup_printf (
        "appsrc name=src is-live=true ! epochdemux name=d %s " VIDEO AUDIO, settings[i]);
    GstElement *pipeline = parse (text);
    Side video = { .n = 0 };

    watch (pipeline, "video", &video);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    if (i == 0)
      push (pipeline, feed);
    g_usleep (800000);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    g_assert_cmpuint (video.n, <=, N_PICTURES);
    g_assert_cmpuint (video.filled, ==, 0);
    gst_object_unref (pipeline);
  }
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  folder = g_dir_make_tmp ("silence-XXXXXX", NULL);
  g_assert_nonnull (folder);
  g_test_add_func ("/silence/is-filled-until-the-feed-is-back", test_filled);
  g_test_add_func ("/silence/of-one-stream-is-filled", test_one_stream);
  g_test_add_func ("/silence/nothing-is-made-unasked", test_nothing_is_made);
  result = g_test_run ();
  g_rmdir (folder);
  g_free (folder);
  return result;
}
