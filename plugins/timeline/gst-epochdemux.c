/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-epochdemux
 * @title: epochdemux
 * @short_description: places an MPEG-TS feed on the Unix epoch
 *
 * Demultiplexes a program (#GstEpochDemux:program) of an MPEG transport stream, or FLV as
 * RTMP brings it (#GstEpochDemux:frame-rate), or packets of RTP and RTCP, one a buffer,
 * with the payload types `h264` and `aac` and the sound's `aac-config` in the caps. H.264
 * and H.265 go to
 * `video_%u` and AAC (ADTS) to `audio_%u`, with the source's own timestamps, unwrapped
 * and placed on the epoch. They depend on the feed and the agreed anchor alone, never on
 * when it arrived, so that two machines that receive one feed, from whatever moment on,
 * give every frame the same time. The feed may be joined anywhere: pictures before the
 * first that decoding can begin at (IDR; in H.265 also BLA and CRA) are left out, and so
 * are those behind it that refer to pictures in front of it (RASL). Video that turns into
 * another codec is an error.
 *
 * The program's streams are those of its first map that has as many as
 * #GstEpochDemux:expect-video and #GstEpochDemux:expect-audio say, or of all maps in the
 * first two seconds. Later maps may move them to other PIDs, and leave some out for a
 * while.
 *
 * Buffers carry epoch time; the SEGMENT begins with the first of them and has the current
 * running time as its base, so sinks that synchronise work.
 *
 * The anchor is what #GstEpochDemux:anchor says, else what the handler of
 * #GstEpochDemux::agree-anchor returns, else this element's own proposal, which
 * #GstEpochDemux:node signs. #GstEpochDemux:stats counts what came.
 *
 * A file that is a programme of its own begins at #GstEpochDemux:start instead, with its
 * first picture: no anchor is agreed on, and the same file always gets the same times.
 *
 * When the source's timestamps jump (see he-source-clock.h for what counts as a jump) a
 * new generation begins, whose epoch time goes on where the old one ended: the signal is
 * emitted again with the next generation's proposal, and when the source goes on where it
 * stood still after its silence was filled. Every pad sends a sticky custom
 * event `headend-timeline` with the fields `generation` and `start` before its first
 * buffer of it, and that buffer is marked DISCONT. Buffers behind lost packets are marked
 * DISCONT, truncated ones CORRUPTED. Ahead of pictures that may refer to what was lost
 * goes the event `headend-torn` with the times from and until which there are such.
 *
 * A feed, or a stream of it, that says nothing for #GstEpochDemux:silence milliseconds is
 * told of in GAP events, which epochalign fills. Padding and tables say nothing.
 *
 * Of FLV in a buffer flagged DROPPABLE, which came too late, only what the next ones lean
 * on is read.
 *
 * A buffer flagged RESYNC begins another feed of the same programme, such as a backup: it
 * may overlap with what came before by ten seconds, and what is there twice is left out
 * by `epochalign`.
 *
 * Messages: `epochdemux-anchor` with the string `anchor` (JSON), whenever one was agreed.
 *
 * ## Example
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=100 ! x264enc ! mpegtsmux \
 *   ! epochdemux ! h264parse ! fakesink
 * ]|
 */
#include "gst-epochdemux-private.h"

#include <string.h>

#include "gst-headend.h"
#include "he-codec.h"
#include "he-epoch.h"
#include "he-error.h"

GST_DEBUG_CATEGORY_STATIC (epoch_demux_debug);
#define GST_CAT_DEFAULT epoch_demux_debug

#define TICK_US (G_USEC_PER_SEC / 10)
#define MIN_START                                                                        \
  (10 * HE_TICKS_PER_SECOND) /* what is a little before it has a time too */

static guint agree_anchor_signal;

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE (
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/mpegts, systemstream = (boolean) true; video/x-flv; "
                     "application/x-rtp, h264 = (int) [ 1, 127 ]"));

G_DEFINE_TYPE (GstEpochDemux, gst_epoch_demux, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (epochdemux, "epochdemux", GST_RANK_NONE,
                                       GST_TYPE_EPOCH_DEMUX,
                                       GST_DEBUG_CATEGORY_INIT (epoch_demux_debug,
                                                                "epochdemux", 0,
                                                                "MPEG-TS onto the epoch"))

static guint64
wall_ticks (void)
{
  return (guint64)g_get_real_time () * 9 / 100;
}

/* --- Anchor ------------------------------------------------------------------------- */

static void
take_anchor (GstEpochDemux *self, const HeAnchor *anchor)
{
  he_demux_set_anchor (self->demux, anchor);
  GST_OBJECT_LOCK (self);
  self->anchor = *anchor;
  self->has_anchor = TRUE;
  GST_OBJECT_UNLOCK (self);
}

static gboolean
agree_on_anchor (GstEpochDemux *self)
{
  HeAnchor anchor = *he_demux_proposal (self->demux);
  g_autofree char *proposal = he_anchor_to_json (&anchor), *agreed = NULL, *text = NULL;
  GError *error = NULL;

  g_signal_emit (self, agree_anchor_signal, 0, proposal, &agreed);
  if (agreed) {
    HeAnchor reply;

    if (!he_anchor_from_json (agreed, -1, &reply, &error)) {
      g_prefix_error (&error, "the handler of agree-anchor answered no anchor: ");
      gst_headend_element_error (GST_ELEMENT (self), error);
      return FALSE;
    }
    if (anchor.end == HE_ANCHOR_END_PAUSED && reply.generation + 1 == anchor.generation) {
      he_demux_go_on (self->demux);
      return TRUE;
    }
    /* Who has not seen the jump yet answers with the timeline that is over. */
    if (reply.generation >= anchor.generation)
      anchor = reply;
  }

  take_anchor (self, &anchor);
  text = he_anchor_to_json (&anchor);
  GST_INFO_OBJECT (self, "anchor %s", text);
  gst_element_post_message (
      GST_ELEMENT (self),
      gst_message_new_element (
          GST_OBJECT (self),
          gst_structure_new ("epochdemux-anchor", "anchor", G_TYPE_STRING, text, NULL)));
  return TRUE;
}

/* --- Data flow ---------------------------------------------------------------------- */

static GstFlowReturn
process (GstEpochDemux *self)
{
  GstFlowReturn flow = GST_FLOW_OK;
  HeDemuxEvent event;
  HeFrame frame = { 0 };

  while (flow == GST_FLOW_OK
         && (event = he_demux_next (self->demux, &frame)) != HE_DEMUX_NOTHING) {
    if (event == HE_DEMUX_PROGRAM)
      gst_epoch_outputs_add (&self->outputs, self->demux);
    else if (event == HE_DEMUX_ANCHOR)
      flow = agree_on_anchor (self) ? GST_FLOW_OK : GST_FLOW_ERROR;
    else
      flow = gst_epoch_outputs_push (&self->outputs, &frame);
    he_frame_clear (&frame);
  }
  GST_OBJECT_LOCK (self);
  he_demux_stats (self->demux, &self->stats);
  GST_OBJECT_UNLOCK (self);
  return flow;
}

static GstFlowReturn
gst_epoch_demux_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstEpochDemux *self = GST_EPOCH_DEMUX (parent);
  const gint64 came = g_get_monotonic_time ();
  const guint64 before = he_demux_now (self->demux, 0, 0);
  GError *error = NULL;
  GstFlowReturn flow;
  GstMapInfo map;
  gboolean ok;

  if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_RESYNC) && self->fed)
    he_demux_switch (self->demux);
  else if (GST_BUFFER_IS_DISCONT (buffer) && self->fed)
    he_demux_mark_gap (self->demux);
  self->fed = TRUE;
  if (!gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    gst_buffer_unref (buffer);
    GST_ELEMENT_ERROR (self, RESOURCE, READ, (NULL), ("cannot map an input buffer"));
    return GST_FLOW_ERROR;
  }
  he_demux_skip (self->demux, GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DROPPABLE));
  ok = he_demux_push (self->demux, map.data, map.size, wall_ticks (), &error);
  gst_buffer_unmap (buffer, &map);
  gst_buffer_unref (buffer);
  if (!ok) {
    gst_headend_element_error (GST_ELEMENT (self), error);
    return GST_FLOW_ERROR;
  }
  flow = process (self);
  /* A multiplexer may go on about nothing, and a source about what was made up. */
  if (he_demux_now (self->demux, 0, 0) != before) {
    self->idle_ticks = 0;
    self->data_at = came;
  }
  return flow;
}

/* --- Silence ------------------------------------------------------------------------ */

/* Counted in ticks and not by the clock alone: after this machine stood still, what came
 * meanwhile is taken first. */
static void
tick (gpointer user)
{
  GstEpochDemux *self = user;
  gint64 idle_us = g_get_monotonic_time () - self->data_at;
  gboolean silent
      = self->idle_ticks * TICK_US >= self->silence_us && idle_us >= self->silence_us;
  guint64 patience90 = (guint64)self->silence_us * 9 / 100, now90;

  self->idle_ticks++;
  if (self->data_at == 0)
    return;
  now90 = he_demux_now (self->demux, silent ? (guint64)idle_us * 9 / 100 : 0, patience90);
  if (now90 > patience90)
    gst_epoch_outputs_gap (&self->outputs, now90 - patience90);
}

static gboolean
finish (GstEpochDemux *self, GstEvent *eos)
{
  GError *error = NULL;

  self->data_at = 0;
  if (he_demux_finish (self->demux, wall_ticks (), &error)
      && process (self) != GST_FLOW_ERROR && self->stats.frames == 0)
    g_set_error_literal (&error, HE_ERROR, HE_ERROR_INVALID,
                         "the feed ended before any picture or sound that decoding could "
                         "begin with; send IDR pictures and timestamps");
  if (error)
    gst_headend_element_error (GST_ELEMENT (self), error);
  gst_epoch_outputs_end (&self->outputs, eos);
  gst_event_unref (eos);
  return TRUE;
}

static void
take_rtp_caps (GstEpochDemux *self, const GstStructure *caps)
{
  const char *config = gst_structure_get_string (caps, "aac-config");
  gsize len = config ? strlen (config) / 2 : 0;
  HeRtpSession session = { 0 };
  GError *error = NULL;
  gint video = 0, audio = 0;

  if (!gst_structure_has_name (caps, "application/x-rtp"))
    return;
  gst_structure_get_int (caps, "h264", &video);
  gst_structure_get_int (caps, "aac", &audio);
  session.video = (guint)video;
  session.audio = (guint)audio;
  if (len <= sizeof session.config
      && he_hex_decode (config ? config : "", 2 * len, session.config, len))
    session.config_len = len;
  if (!he_demux_set_rtp (self->demux, &session, &error))
    gst_headend_element_error (GST_ELEMENT (self), error);
}

static void
take_caps (GstEpochDemux *self, GstEvent *event)
{
  gint fps_n, fps_d;
  GstCaps *caps;

  gst_event_parse_caps (event, &caps);
  GST_OBJECT_LOCK (self);
  fps_n = self->fps_n;
  fps_d = self->fps_d;
  GST_OBJECT_UNLOCK (self);
  if (!self->fed
      && gst_structure_has_name (gst_caps_get_structure (caps, 0), "video/x-flv"))
    he_demux_set_flv (self->demux, (guint)fps_n, (guint)fps_d);
  else if (!self->fed)
    take_rtp_caps (self, gst_caps_get_structure (caps, 0));
}

static gboolean
gst_epoch_demux_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstEpochDemux *self = GST_EPOCH_DEMUX (parent);
  guint group_id;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      if (gst_event_parse_group_id (event, &group_id))
        self->outputs.group_id = group_id;
      break;
    case GST_EVENT_EOS:
      return finish (self, event);
    case GST_EVENT_FLUSH_STOP:
      he_demux_mark_gap (self->demux); /* the source's timeline goes on */
      gst_epoch_outputs_reopen (&self->outputs);
      return gst_pad_event_default (pad, parent, event);
    case GST_EVENT_CAPS:
      take_caps (self, event);
      break;
    case GST_EVENT_SEGMENT:
    case GST_EVENT_TAG:
    case GST_EVENT_GAP:
    case GST_EVENT_STREAM_COLLECTION:
      break; /* of the container: every pad has its own */
    default:
      return gst_pad_event_default (pad, parent, event);
  }
  gst_event_unref (event);
  return TRUE;
}

/* --- States ------------------------------------------------------------------------- */

static gboolean
start (GstEpochDemux *self)
{
  g_autofree char *text = NULL, *node = NULL;
  GError *error = NULL;
  HeAnchor anchor;
  guint64 start90;
  guint silence, program, video, audio;

  GST_OBJECT_LOCK (self);
  silence = self->silence;
  program = self->program;
  video = self->expect_video;
  audio = self->expect_audio;
  text = g_strdup (self->anchor_text);
  node = g_strdup (self->node);
  start90 = self->start90;
  GST_OBJECT_UNLOCK (self);

  if (!he_name_is_valid (node ? node : "")) {
    g_set_error (&error, HE_ERROR, HE_ERROR_INVALID,
                 "property node: \"%s\" is no name; use 1 to 64 letters, digits, _ and -",
                 node ? node : "");
  } else if (start90 > 0 && (text != NULL || start90 < MIN_START)) {
    g_set_error_literal (&error, HE_ERROR, HE_ERROR_INVALID,
                         text != NULL ? "both anchor and start say where the first "
                                        "picture stands: set one of them"
                                      : "property start: expected 900000 (10 s) or more");
  } else if (text && !he_anchor_from_json (text, -1, &anchor, &error)) {
    g_prefix_error (&error, "property anchor: ");
  }
  if (error) {
    gst_headend_element_error (GST_ELEMENT (self), error);
    return FALSE;
  }

  self->demux = he_demux_new (node);
  he_demux_set_start (self->demux, start90);
  he_demux_set_program (self->demux, (guint16)program);
  he_demux_expect (self->demux, video, audio);
  self->outputs.start90 = start90;
  self->outputs.group_id = gst_util_group_id_next ();
  self->fed = FALSE;
  if (text)
    take_anchor (self, &anchor);
  self->silence_us = (gint64)silence * 1000;
  self->data_at = 0;
  self->idle_ticks = 0;
  if (silence > 0)
    self->ticker = gst_headend_ticker_new (self->sink, TICK_US, tick, self);
  return TRUE;
}

static void
stop (GstEpochDemux *self)
{
  g_clear_pointer (&self->ticker, gst_headend_ticker_free);
  gst_epoch_outputs_remove (&self->outputs);
  g_clear_pointer (&self->demux, he_demux_free);
  GST_OBJECT_LOCK (self);
  self->has_anchor = FALSE;
  GST_OBJECT_UNLOCK (self);
}

static GstStateChangeReturn
gst_epoch_demux_change_state (GstElement *element, GstStateChange transition)
{
  GstEpochDemux *self = GST_EPOCH_DEMUX (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !start (self))
    return GST_STATE_CHANGE_FAILURE;
  result = GST_ELEMENT_CLASS (gst_epoch_demux_parent_class)
               ->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY
      || (transition == GST_STATE_CHANGE_READY_TO_PAUSED
          && result == GST_STATE_CHANGE_FAILURE))
    stop (self);
  return result;
}

static void
gst_epoch_demux_finalize (GObject *object)
{
  GstEpochDemux *self = GST_EPOCH_DEMUX (object);

  gst_epoch_outputs_finalize (&self->outputs);
  gst_epoch_demux_settings_clear (self);
  G_OBJECT_CLASS (gst_epoch_demux_parent_class)->finalize (object);
}

static void
gst_epoch_demux_class_init (GstEpochDemuxClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->finalize = gst_epoch_demux_finalize;
  element_class->change_state = gst_epoch_demux_change_state;
  gst_epoch_demux_install_settings (object_class);

  /**
   * GstEpochDemux::agree-anchor:
   * @demux: the element
   * @proposal: the anchor that it proposes, as JSON
   *
   * Emitted from the streaming thread, which waits for the answer: at the first timestamp
   * when no anchor is set, and at every jump of the source's timestamps with a proposal
   * of the next generation. An answer of an earlier generation than proposed is ignored,
   * unless the proposal has "end": "paused", which says that the source stood still and
   * goes on where it was: then the present anchor says that it did not, and holds on.
   *
   * Returns: (transfer full) (nullable): the anchor that holds, as JSON, or %NULL to take
   *   the proposal
   */
  agree_anchor_signal
      = g_signal_new ("agree-anchor", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                      NULL, NULL, NULL, G_TYPE_STRING, 1, G_TYPE_STRING);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &gst_epoch_video_template);
  gst_element_class_add_static_pad_template (element_class, &gst_epoch_audio_template);
  gst_element_class_set_static_metadata (
      element_class, "Epoch demuxer", "Codec/Demuxer",
      "Demultiplexes an MPEG transport stream with its own timestamps on the Unix epoch",
      "The gst-headend authors");
}

static void
gst_epoch_demux_init (GstEpochDemux *self)
{
  gst_epoch_outputs_init (&self->outputs, GST_ELEMENT (self));
  gst_epoch_demux_settings_init (self);
  self->sink = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sink, gst_epoch_demux_chain);
  gst_pad_set_event_function (self->sink, gst_epoch_demux_sink_event);
  gst_element_add_pad (GST_ELEMENT (self), self->sink);
}
