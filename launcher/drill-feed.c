/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drill-feed.h"

#include <gst/app/app.h>
#include <gst/gst.h>
#include <math.h>
#include <string.h>
#include "drill-shift.h"
#include "viewer/viewer-picture.h"

/* mpegtsmux adds an hour to every time. */
#define MUX_DELAY90 (G_GUINT64_CONSTANT (3600) * 90000)
#define TONE 440.0
#define PAUSE_US 20000

struct _HeadendDrillFeed {
  HeadendDrillFeedOptions options;
  GstElement *pipeline;
  GstAppSrc *pictures, *sound;
  GThread *thread;
  gint stop, silent, still; /* atomic */
  GMutex lock;
  guint64 shift;      /* by lock */
  gint64 begin, late; /* by lock; microseconds */
  guint64 coded;      /* pictures; of the encoder's thread */
};

static void
shift (HeadendDrillFeed *feed, GstBuffer *buffer)
{
  GstMapInfo map;
  g_mutex_lock (&feed->lock);
  guint64 ticks = feed->shift;
  g_mutex_unlock (&feed->lock);
  if (!gst_buffer_map (buffer, &map, GST_MAP_READWRITE))
    return;
  headend_shift_packets (map.data, map.size, ticks);
  gst_buffer_unmap (buffer, &map);
}

static GstPadProbeReturn
on_packets (GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
  HeadendDrillFeed *feed = user;
  if (g_atomic_int_get (&feed->silent))
    return GST_PAD_PROBE_DROP;
  if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER) {
    GstBuffer *buffer = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER (info));
    GST_PAD_PROBE_INFO_DATA (info) = buffer;
    shift (feed, buffer);
    return GST_PAD_PROBE_OK;
  }
  GstBufferList *list
      = gst_buffer_list_make_writable (GST_PAD_PROBE_INFO_BUFFER_LIST (info));
  GST_PAD_PROBE_INFO_DATA (info) = list;
  for (guint i = 0; i < gst_buffer_list_length (list); i++)
    shift (feed, gst_buffer_list_get_writable (list, i));
  return GST_PAD_PROBE_OK;
}

static void
push_picture (HeadendDrillFeed *feed, guint64 number)
{
  const HeadendDrillFeedOptions *o = &feed->options;
  gsize luma = (gsize)o->width * o->height;
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, luma * 3 / 2, NULL);
  GstMapInfo map;
  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  headend_picture_draw (map.data, o->width, o->width, o->height,
                        (guint32)(number & HEADEND_PICTURE_MAX));
  memset (map.data + luma, 128, map.size - luma);
  gst_buffer_unmap (buffer, &map);
  GST_BUFFER_PTS (buffer)
      = gst_util_uint64_scale (number, o->fps_d * GST_SECOND, o->fps_n);
  GST_BUFFER_DURATION (buffer)
      = gst_util_uint64_scale (number + 1, o->fps_d * GST_SECOND, o->fps_n)
        - GST_BUFFER_PTS (buffer);
  gst_app_src_push_buffer (feed->pictures, buffer);
}

/* The sound of the time of one picture. */
static void
push_sound (HeadendDrillFeed *feed, guint64 number)
{
  const HeadendDrillFeedOptions *o = &feed->options;
  guint64 from = gst_util_uint64_scale (number * o->rate, o->fps_d, o->fps_n);
  guint64 to = gst_util_uint64_scale ((number + 1) * o->rate, o->fps_d, o->fps_n);
  GstBuffer *buffer
      = gst_buffer_new_allocate (NULL, (to - from) * o->channels * sizeof (gint16), NULL);
  GstMapInfo map;
  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  gint16 *out = (gint16 *)map.data;
  for (guint64 i = from; i < to; i++)
    for (guint c = 0; c < o->channels; c++)
      *out++ = (gint16)(8000 * sin (2 * G_PI * TONE * (double)(i % o->rate) / o->rate));
  gst_buffer_unmap (buffer, &map);
  GST_BUFFER_PTS (buffer) = gst_util_uint64_scale (from, GST_SECOND, o->rate);
  GST_BUFFER_DURATION (buffer) = gst_util_uint64_scale (to - from, GST_SECOND, o->rate);
  gst_app_src_push_buffer (feed->sound, buffer);
}

/* A header is the programme map that was first, maybe without sound yet, and srtsink
 * gives it to each new caller; the current one comes ten times a second anyway. */
static GstPadProbeReturn
on_caps (GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
  GstEvent *event = gst_pad_probe_info_get_event (info);
  if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS)
    return GST_PAD_PROBE_OK;
  GstCaps *said;
  gst_event_parse_caps (event, &said);
  g_autoptr (GstCaps) caps = gst_caps_copy (said);
  gst_structure_remove_field (gst_caps_get_structure (caps, 0), "streamheader");
  GstEvent *plain = gst_event_new_caps (caps);
  gst_event_set_seqnum (plain, gst_event_get_seqnum (event));
  gst_event_unref (event);
  info->data = plain;
  return GST_PAD_PROBE_OK;
}

/* Picture n is here only now. Returns for how long it is not due yet. */
static gint64
note_late (HeadendDrillFeed *feed, guint64 n)
{
  const HeadendDrillFeedOptions *o = &feed->options;
  guint64 at = gst_util_uint64_scale (n, o->fps_d * (guint64)G_USEC_PER_SEC, o->fps_n);
  g_mutex_lock (&feed->lock);
  gint64 late = g_get_monotonic_time () - feed->begin - (gint64)at;
  feed->late = MAX (feed->late, late);
  g_mutex_unlock (&feed->lock);
  return -late;
}

static GstPadProbeReturn
on_coded (GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
  HeadendDrillFeed *feed = user;
  note_late (feed, feed->coded++);
  return GST_PAD_PROBE_OK;
}

/* As a live source has it: each picture when its time has come, however long we slept. */
static gpointer
run (gpointer user)
{
  HeadendDrillFeed *feed = user;
  for (guint64 n = 0; !g_atomic_int_get (&feed->stop); n++) {
    for (gint64 from = g_get_monotonic_time (); g_atomic_int_get (&feed->still);
         from = g_get_monotonic_time ()) {
      g_usleep (PAUSE_US);
      g_mutex_lock (&feed->lock);
      feed->begin += g_get_monotonic_time () - from;
      g_mutex_unlock (&feed->lock);
    }
    gint64 early = note_late (feed, n);
    if (early > 0)
      g_usleep ((gulong)early);
    push_picture (feed, n);
    if (feed->sound)
      push_sound (feed, n);
  }
  return NULL;
}

static void
append_legs (GString *text, const HeadendDrillFeedOptions *o)
{
  g_string_append (text, " ! tee name=legs allow-not-linked=true");
  if (o->srt_port)
    g_string_append_printf (text,
                            " legs. ! queue leaky=downstream ! srtsink sync=false "
                            "uri=\"srt://127.0.0.1:%u?mode=listener\" "
                            "wait-for-connection=false",
                            o->srt_port);
  if (!o->udp_ports || !o->udp_ports[0])
    return;
  g_string_append_printf (text,
                          " legs. ! queue leaky=downstream %s! multiudpsink sync=false "
                          "clients=",
                          o->rtp ? "! rtpmp2tpay " : "");
  for (guint i = 0; o->udp_ports[i]; i++)
    g_string_append_printf (text, "%s127.0.0.1:%u", i ? "," : "", o->udp_ports[i]);
}

static char *
describe (const HeadendDrillFeedOptions *o)
{
  GString *text = g_string_new (NULL);
  g_string_append_printf (
      text,
      "appsrc name=pictures format=time is-live=true block=true max-bytes=0 "
      "max-buffers=50 "
      "caps=video/x-raw,format=I420,width=%u,height=%u,framerate=%u/%u "
      "! x264enc tune=zerolatency speed-preset=ultrafast threads=1 bitrate=1000 "
      "key-int-max=%u option-string=scenecut=0:cabac=1 ! video/x-h264,profile=high "
      "! h264parse name=coded config-interval=-1 ! mux. ",
      o->width, o->height, o->fps_n, o->fps_d, (guint)o->keyframes);
  if (o->rate)
    g_string_append_printf (
        text,
        "appsrc name=sound format=time is-live=true block=true max-bytes=0 "
        "max-buffers=50 "
        "caps=audio/x-raw,format=S16LE,layout=interleaved,rate=%u,channels=%u "
        "! audioconvert ! avenc_aac bitrate=96000 ! aacparse ! mux. ",
        o->rate, o->channels);
  g_string_append (text, "mpegtsmux name=mux alignment=7");
  append_legs (text, o);
  return g_string_free (text, FALSE);
}

HeadendDrillFeed *
headend_drill_feed_start (const HeadendDrillFeedOptions *options, GError **error)
{
  g_autofree char *text = describe (options);
  g_autoptr (GstElement) pipeline = gst_parse_launch (text, error);
  if (!pipeline)
    return NULL;
  HeadendDrillFeed *feed = g_new0 (HeadendDrillFeed, 1);
  feed->options = *options;
  feed->pipeline = gst_object_ref_sink (g_steal_pointer (&pipeline));
  feed->shift = options->start90 - MUX_DELAY90;
  g_mutex_init (&feed->lock);
  GstBin *bin = GST_BIN (feed->pipeline);
  feed->pictures = GST_APP_SRC (gst_bin_get_by_name (bin, "pictures"));
  if (options->rate)
    feed->sound = GST_APP_SRC (gst_bin_get_by_name (bin, "sound"));
  g_autoptr (GstElement) mux = gst_bin_get_by_name (bin, "mux");
  g_autoptr (GstPad) out = gst_element_get_static_pad (mux, "src");
  gst_pad_add_probe (out, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST,
                     on_packets, feed, NULL);
  gst_pad_add_probe (out, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_caps, NULL, NULL);
  g_autoptr (GstElement) coded = gst_bin_get_by_name (bin, "coded");
  g_autoptr (GstPad) pictures = gst_element_get_static_pad (coded, "src");
  gst_pad_add_probe (pictures, GST_PAD_PROBE_TYPE_BUFFER, on_coded, feed, NULL);
  feed->begin = g_get_monotonic_time ();
  gst_element_set_state (feed->pipeline, GST_STATE_PLAYING);
  feed->thread = g_thread_new ("feed", run, feed);
  return feed;
}

void
headend_drill_feed_stop (HeadendDrillFeed *feed)
{
  if (!feed)
    return;
  g_atomic_int_set (&feed->stop, TRUE);
  g_atomic_int_set (&feed->still, FALSE);
  gst_element_set_state (feed->pipeline, GST_STATE_NULL); /* wakes a thread that waits */
  g_thread_join (feed->thread);
  gst_object_unref (feed->pictures);
  g_clear_pointer (&feed->sound, gst_object_unref);
  gst_object_unref (feed->pipeline);
  g_mutex_clear (&feed->lock);
  g_free (feed);
}

gint64
headend_drill_feed_late (HeadendDrillFeed *feed)
{
  g_mutex_lock (&feed->lock);
  gint64 late = feed->late;
  feed->late = 0;
  g_mutex_unlock (&feed->lock);
  return late;
}

void
headend_drill_feed_jump (HeadendDrillFeed *feed, gint64 ticks)
{
  g_mutex_lock (&feed->lock);
  feed->shift += (guint64)ticks;
  g_mutex_unlock (&feed->lock);
}

void
headend_drill_feed_pause (HeadendDrillFeed *feed, gboolean still)
{
  g_atomic_int_set (&feed->still, still);
}

void
headend_drill_feed_silence (HeadendDrillFeed *feed, gboolean off)
{
  g_atomic_int_set (&feed->silent, off);
}
