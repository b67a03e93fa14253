/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib/gstdio.h>
#include <gst/gst.h>

#include "gst-headend.h"
#include "he-epoch.h"

/* A real transport stream, and runs of epochdemux over it, for tests of the element. */

#define TIMEOUT (3600 * GST_SECOND) /* meson ends what hangs; valgrind may be slow */
#define N_PICTURES 100
#define PICTURE_NS (40 * GST_MSECOND)

/* --- A feed, made once: 4 s of 25 pictures a second with B-frames, AAC at 48 kHz ------
 */

static char *folder;

static void
run_to_eos (GstElement *pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = NULL;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message
      = gst_bus_timed_pop_filtered (bus, TIMEOUT, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    g_autoptr (GError) error = NULL;
    g_autofree char *debug = NULL;

    gst_message_parse_error (message, &error, &debug);
    g_error ("%s (%s)", error->message, debug);
  }
}

static GstElement *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (text, &error);

  g_assert_no_error (error);
  return gst_object_ref_sink (pipeline);
}

/* caps: what the raw picture's are beside its size and rate, from a comma on. */
static GByteArray *
make_feed_with (const char *caps, const char *encoder)
{
  g_autofree char *path = g_build_filename (folder, "feed.ts", NULL);
  g_autofree char *text = g_strdup_printf (
      "videotestsrc num-buffers=%u pattern=ball ! video/x-raw,width=160,height=96,"
      "framerate=25/1%s ! %s "
      "! mpegtsmux name=m ! filesink location=%s audiotestsrc num-buffers=188 "
      "samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! m.",
      N_PICTURES, caps, encoder, path);
  GstElement *pipeline = parse (text);
  char *bytes;
  gsize len;

  run_to_eos (pipeline);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  g_assert_true (g_file_get_contents (path, &bytes, &len, NULL));
  g_unlink (path);
  return g_byte_array_new_take ((guint8 *)bytes, len);
}

static G_GNUC_UNUSED GByteArray *
make_feed (void)
{
  static GByteArray *once;
  GByteArray *feed = g_byte_array_new ();

  if (once == NULL)
    once = make_feed_with ("", "x264enc bframes=2 b-adapt=false key-int-max=20 "
                               "speed-preset=fast");
  g_byte_array_append (feed, once->data, once->len);
  return feed;
}

static guint64
read_timestamp (const guint8 *p)
{
  return (guint64)(p[0] >> 1 & 7) << 30 | (guint64)p[1] << 22 | (guint64)(p[2] >> 1) << 15
         | (guint64)p[3] << 7 | p[4] >> 1;
}

/* Moves one timestamp of a PES header by some ticks, modulo 2^33. */
static void
shift_timestamp (guint8 *p, guint64 by)
{
  guint64 time = (read_timestamp (p) + by) & (HE_PTS_WRAP - 1);

  p[0] = (guint8)((p[0] & 0xf1) | (time >> 30 & 7) << 1);
  p[1] = (guint8)(time >> 22);
  p[2] = (guint8)(time >> 14 | 1);
  p[3] = (guint8)(time >> 7);
  p[4] = (guint8)(time << 1 | 1);
}

/* Calls shift_timestamp() for every timestamp; or with first only, returns the first. */
static G_GNUC_UNUSED guint64
shift_feed (GByteArray *feed, guint64 by)
{
  guint64 first = G_MAXUINT64;

  for (gsize at = 0; at + 188 <= feed->len; at += 188) {
    guint8 *packet = feed->data + at, *pes = packet + 4;

    if (packet[3] & 0x20)
      pes += 1 + packet[4];
    if (!(packet[1] & 0x40) || pes + 19 > packet + 188 || pes[0] || pes[1] || pes[2] != 1)
      continue;
    if (pes[7] & 0x80) {
      if (first == G_MAXUINT64)
        first = read_timestamp (pes + 9);
      shift_timestamp (pes + 9, by);
    }
    if (pes[7] & 0x40)
      shift_timestamp (pes + 14, by);
  }
  return first;
}

/* --- A run of the element over some bytes ---------------------------------------------
 */

typedef struct {
  char *hash;
  GstClockTime pts, dts;
  GstBufferFlags flags;
} Frame;

typedef struct {
  GMutex lock;
  GArray *video, *audio; /* Frame */
  GArray *generations;   /* guint, as headend-timeline events came on the video pad */
  GHashTable *flagged;   /* msn of headend-status events */
  GstSegment segment;
  GPtrArray *anchors; /* messages' texts */
  GError *error;
  GstStructure *stats;
  gint64 took_us;
} Run;

static void
clear_frame (gpointer frame)
{
  g_free (((Frame *)frame)->hash);
}

static void
run_free (Run *run)
{
  g_array_unref (run->video);
  g_array_unref (run->audio);
  g_array_unref (run->generations);
  g_hash_table_unref (run->flagged);
  g_ptr_array_unref (run->anchors);
  g_clear_error (&run->error);
  gst_clear_structure (&run->stats);
  g_mutex_clear (&run->lock);
  g_free (run);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Run, run_free)

static void
on_handoff (GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer user)
{
  Run *run = user;
  gboolean video = g_str_equal (GST_OBJECT_NAME (sink), "video");
  GstMapInfo map;
  Frame frame = { .pts = GST_BUFFER_PTS (buffer),
                  .dts = GST_BUFFER_DTS (buffer),
                  .flags = GST_BUFFER_FLAGS (buffer) };

  g_assert_true (gst_buffer_map (buffer, &map, GST_MAP_READ));
  frame.hash = g_compute_checksum_for_data (G_CHECKSUM_SHA1, map.data, map.size);
  gst_buffer_unmap (buffer, &map);
  g_mutex_lock (&run->lock);
  g_array_append_val (video ? run->video : run->audio, frame);
  g_mutex_unlock (&run->lock);
}

static GstPadProbeReturn
on_event (GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
  Run *run = user;
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  guint generation;
  guint64 start90, msn;
  HeSegmentFlags flags;

  g_mutex_lock (&run->lock);
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT)
    gst_event_copy_segment (event, &run->segment);
  if (g_str_equal (GST_OBJECT_NAME (GST_PAD_PARENT (pad)), "video")
      && gst_headend_timeline_event_parse (event, &generation, &start90))
    g_array_append_val (run->generations, generation);
  if (gst_headend_status_event_parse (event, &msn, &flags))
    g_hash_table_add (run->flagged, GSIZE_TO_POINTER (msn));
  g_mutex_unlock (&run->lock);
  return GST_PAD_PROBE_OK;
}

static void
watch_sink (Run *run, GstElement *pipeline, const char *name)
{
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), name);
  g_autoptr (GstPad) pad = NULL;

  if (sink == NULL)
    return;
  g_signal_connect (sink, "handoff", G_CALLBACK (on_handoff), run);
  pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_event, run, NULL);
}

/* Until EOS or an error; neither within TIMEOUT fails. */
static void
follow (Run *run, GstElement *pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);

  for (;;) {
    g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (
        bus, TIMEOUT, GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT);

    g_assert_nonnull (message);
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS)
      return;
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
      gst_message_parse_error (message, &run->error, NULL);
      return;
    }
    if (gst_message_has_name (message, "epochdemux-anchor"))
      g_ptr_array_add (run->anchors, g_strdup (gst_structure_get_string (
                                         gst_message_get_structure (message), "anchor")));
  }
}

typedef struct {
  const char *video, *audio; /* between pad and sink; NULL: queue, "": no such branch */
  gboolean sync;
  const char *anchor;
  char *(*agree) (GstElement *demux, const char *proposal, gpointer user);
  const char *answer;
} Options;

static G_GNUC_UNUSED Run *
run_bytes (const GByteArray *feed, gsize from, Options options)
{
  Run *run = g_new0 (Run, 1);
  g_autofree char *path = g_build_filename (folder, "run.ts", NULL);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) demux = NULL;
  GstElement *pipeline;
  gint64 start;

  g_mutex_init (&run->lock);
  run->video = g_array_new (FALSE, FALSE, sizeof (Frame));
  run->audio = g_array_new (FALSE, FALSE, sizeof (Frame));
  g_array_set_clear_func (run->video, clear_frame);
  g_array_set_clear_func (run->audio, clear_frame);
  run->generations = g_array_new (FALSE, FALSE, sizeof (guint));
  run->flagged = g_hash_table_new (NULL, NULL);
  run->anchors = g_ptr_array_new_with_free_func (g_free);

  g_file_set_contents (path, (const char *)feed->data + from, (gssize)(feed->len - from),
                       &error);
  g_assert_no_error (error);
  g_string_printf (text, "filesrc location=%s ! epochdemux name=demux", path);
  if (!options.video || *options.video)
    g_string_append_printf (
        text, " demux.video_0 ! %s ! fakesink name=video signal-handoffs=true sync=%d",
        options.video ? options.video : "queue", options.sync);
  if (!options.audio || *options.audio)
    g_string_append_printf (
        text, " demux.audio_0 ! %s ! fakesink name=audio signal-handoffs=true sync=%d",
        options.audio ? options.audio : "queue", options.sync);
  pipeline = parse (text->str);
  demux = gst_bin_get_by_name (GST_BIN (pipeline), "demux");
  if (options.anchor)
    g_object_set (demux, "anchor", options.anchor, NULL);
  if (options.agree)
    g_signal_connect (demux, "agree-anchor", G_CALLBACK (options.agree),
                      (gpointer)options.answer);
  watch_sink (run, pipeline, "video");
  watch_sink (run, pipeline, "audio");

  start = g_get_monotonic_time ();
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  follow (run, pipeline);
  run->took_us = g_get_monotonic_time () - start;
  g_object_get (demux, "stats", &run->stats, NULL);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  g_unlink (path);
  return run;
}

static G_GNUC_UNUSED const Frame *
nth (const GArray *frames, guint n)
{
  g_assert_cmpuint (n, <, frames->len);
  return &g_array_index (frames, Frame, n);
}

static G_GNUC_UNUSED guint64
stat_of (const Run *run, const char *name)
{
  guint64 value = 0;

  g_assert_true (gst_structure_get_uint64 (run->stats, name, &value));
  return value;
}
