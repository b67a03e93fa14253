/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/video/video.h>

#include "../unit/ts-bytes.h"
#include "demux-run.h"

/* A feed that stops, from epochdemux to what epochalign gives. */

typedef struct {
  GMutex lock;
  guint n, filled, black;
  guint64 first90;
  guint64 last90; /* of the last buffer */
  guint64 loud90; /* of the last one with sound that can be heard */
  guint quiet;    /* without, before one with */
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

static gboolean
is_loud (GstBuffer *buffer)
{
  gint16 samples[256];
  gsize n = gst_buffer_extract (buffer, 0, samples, sizeof samples) / 2;

  for (gsize i = 0; i < n; i++)
    if (samples[i] > 1000)
      return TRUE;
  return FALSE;
}

static void
note_sound (Side *side, GstBuffer *buffer, guint64 t90)
{
  if (!is_loud (buffer))
    return;
  if (side->loud90 != 0)
    side->quiet += (guint)((t90 - side->loud90) / 1920 - 1);
  side->loud90 = t90;
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
    note_sound (side, buffer, t90);
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

/* PIDs of a feed of mpegtsmux. */
typedef struct {
  guint16 map, video, sound;
} Pids;

static guint16
pid_of (const guint8 *packet)
{
  return (guint16)((packet[1] & 0x1f) << 8 | packet[2]);
}

static void
set_pid (guint8 *packet, guint16 pid)
{
  packet[1] = (guint8)((packet[1] & 0xe0) | pid >> 8);
  packet[2] = (guint8)pid;
}

static Pids
find_pids (const GByteArray *feed)
{
  Pids pids = { 0 };

  for (gsize at = 0; at + 188 <= feed->len; at += 188) {
    const guint8 *packet = feed->data + at;
    const guint8 *payload = packet + 4 + (packet[3] & 0x20 ? 1 + packet[4] : 0);

    if (!(packet[1] & 0x40))
      continue;
    if (payload[0] == 0 && payload[1] == 2)
      pids.map = pid_of (packet);
    else if (payload[3] == 0xe0)
      pids.video = pid_of (packet);
    else if (payload[3] == 0xc0)
      pids.sound = pid_of (packet);
  }
  g_assert_true (pids.map && pids.video && pids.sound);
  return pids;
}

/* Maps, in packets from .. to-1, tell of the pictures and, with a PID, of the sound,
 * which is moved there. */
static void
change_maps (GByteArray *feed, gsize from, gsize to, const Pids *pids, guint16 sound)
{
  const guint16 streams[][2]
      = { { pids->video, HE_STREAM_TYPE_H264 }, { sound, HE_STREAM_TYPE_AAC_ADTS } };
  guint changed = 0;

  for (gsize at = from * 188; at < to * 188; at += 188) {
    guint8 *packet = feed->data + at;

    if (sound && pid_of (packet) == pids->sound)
      set_pid (packet, sound);
    if (pid_of (packet) != pids->map)
      continue;
    g_autoptr (TsBytes) ts = ts_bytes_new ();
    ts->counters[pids->map] = packet[3] & 0x0f;
    ts_bytes_pmt (ts, 1, pids->map, streams, sound ? 2 : 1);
    g_assert_cmpuint (ts->out->len, ==, 188);
    memcpy (packet, ts->out->data, 188);
    changed++;
  }
  g_assert_cmpuint (changed, >, 0);
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

/* Given a map without the sound that comes first, as GStreamer 1.26's srtsink sends to
 * who calls in later, and sound that maps leave out for a second, in the end on another
 * PID, then there is one stream of sound without a hole, silent meanwhile. */
static void
test_map_without_sound (void)
{
  g_autoptr (GByteArray) feed = make_feed ();
  g_autoptr (TsBytes) old = ts_bytes_new ();
  const Pids pids = find_pids (feed);
  const guint16 lone[][2] = { { pids.video, HE_STREAM_TYPE_H264 } };
  const gsize packets = feed->len / 188;
  GstElement *pipeline
      = parse ("appsrc name=src is-live=true ! epochdemux name=d "
               "expect-video=1 expect-audio=1 silence=400 " AUDIO " " VIDEO);
  Side video = { .n = 0 }, audio = { .n = 0 };

  watch (pipeline, "video", &video);
  watch (pipeline, "audio", &audio);
  change_maps (feed, packets / 2, packets * 3 / 4, &pids, 0);
  change_maps (feed, packets * 3 / 4, packets, &pids, 0x0300);
  ts_bytes_pat (old, 1, pids.map);
  ts_bytes_pmt (old, 1, pids.map, lone, 1);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  push (pipeline, old->out);
  push (pipeline, feed);
  wait_for (pipeline, &video, 0, 4);
  wait_for (pipeline, &audio, 0, 4);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  g_assert_cmpuint (audio.filled, >, 0);
  g_assert_cmpuint (audio.jump90, ==, 1920);
  g_assert_cmpuint (audio.loud90 - audio.first90, >, 35 * HE_TICKS_PER_SECOND / 10);
  g_assert_cmpuint (audio.quiet, >, 20);
  g_assert_cmpuint (audio.quiet, <, 80);
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
  g_test_add_func ("/silence/of-sound-that-maps-leave-out-is-filled",
                   test_map_without_sound);
  g_test_add_func ("/silence/nothing-is-made-unasked", test_nothing_is_made);
  result = g_test_run ();
  g_rmdir (folder);
  g_free (folder);
  return result;
}
