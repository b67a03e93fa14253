/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-segmentdecoder
 * @title: segmentdecoder
 * @short_description: a decoder whose sound does not depend on when it began
 *
 * Decoders of AAC draw noise (PNS) from a generator that runs on as long as they do, so
 * two of them that began at different times decode different samples. This one holds such
 * a decoder (`decoder`) and makes it new for each segment, 0.25 s before the segment
 * begins: at the first frame with PTS >= n * `segment-duration` - 22500 ticks. The new
 * decoder is fed with the two frames before that once more, and what it makes of these is
 * dropped. Everything else passes as it would through the decoder.
 *
 * For decoders that give for each frame what it holds before they take the next one.
 *
 * ## Example
 * |[
 * gst-launch-1.0 audiotestsrc num-buffers=200 ! avenc_aac ! aacparse \
 *   ! segmentdecoder ! fakesink silent=false -v
 * ]|
 */
#include "gst-segmentdecoder.h"

#include "gst-headend.h"
#include "gst-order.h"
#include "gst-slot.h"
#include "he-align.h"
#include "he-epoch.h"

#define DEFAULT_DURATION 180000
#define DEFAULT_DECODER "avdec_aac_fixed"
#define HEARD 2 /* the first of them only completes the second */

GST_DEBUG_CATEGORY_STATIC (segmentdecoder_debug);
#define GST_CAT_DEFAULT segmentdecoder_debug

enum { PROP_0, PROP_DECODER, PROP_SEGMENT_DURATION, N_PROPS };
static GParamSpec *props[N_PROPS];

struct _GstSegmentDecoder {
  GstBin parent;
  GstPad *sinkpad, *srcpad;
  GstHeadendSlot *slot;
  GstHeadendOrder *order; /* of one turn: keeps what each decoder says of itself once */
  GstHeadendTurn *turn;

  /* Object lock; what is set counts from the next READY. */
  char *decoder;
  guint64 duration90;

  /* Streaming thread. */
  gboolean started;
  guint64 period, span90;
  GstBuffer *heard[HEARD];
  GstClockTime from; /* what comes out with an earlier PTS is dropped */
};

static GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS ("audio/mpeg, mpegversion=(int)4"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE (
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS ("audio/x-raw"));

G_DEFINE_FINAL_TYPE (GstSegmentDecoder, gst_segment_decoder, GST_TYPE_BIN)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (segmentdecoder, "segmentdecoder", GST_RANK_NONE,
                                       GST_TYPE_SEGMENT_DECODER,
                                       GST_DEBUG_CATEGORY_INIT (segmentdecoder_debug,
                                                                "segmentdecoder", 0,
                                                                "decoding by segments"));

/* --- Out --------------------------------------------------------------------- */

static GstFlowReturn
drain_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstSegmentDecoder *self = gst_headend_slot_user (pad);

  if (GST_BUFFER_PTS_IS_VALID (buffer) && GST_BUFFER_PTS (buffer) < self->from) {
    gst_buffer_unref (buffer);
    return GST_FLOW_OK;
  }
  return gst_headend_order_give (self->order, self->turn, buffer);
}

static gboolean
drain_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstSegmentDecoder *self = gst_headend_slot_user (pad);

  /* These go around the decoder. */
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START
      || GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    gst_event_unref (event);
  else
    gst_headend_order_give (self->order, self->turn, event);
  return TRUE;
}

/* --- In ---------------------------------------------------------------------- */

static void
forget (GstSegmentDecoder *self)
{
  for (guint i = 0; i < HEARD; i++)
    gst_clear_buffer (&self->heard[i]);
  self->started = FALSE;
  self->from = 0;
  gst_headend_order_reset (self->order);
  gst_headend_turn_unref (self->turn);
  self->turn = gst_headend_order_begin (self->order);
}

static gboolean
push_sticky (GstPad *pad, GstEvent **event, gpointer feed)
{
  switch (GST_EVENT_TYPE (*event)) {
    case GST_EVENT_STREAM_START:
    case GST_EVENT_CAPS:
    case GST_EVENT_SEGMENT:
      gst_pad_push_event (feed, gst_event_ref (*event));
      break;
    default:
      break;
  }
  return TRUE;
}

static GstFlowReturn
renew (GstSegmentDecoder *self, GstClockTime from)
{
  GstPad *feed = gst_headend_slot_feed (self->slot);
  GstFlowReturn ret = GST_FLOW_OK;
  gboolean refused;

  if (!gst_headend_slot_renew (self->slot, gst_headend_slot_serial (self->slot),
                               &refused)) {
    if (!refused)
      return GST_FLOW_FLUSHING;
    GST_ELEMENT_ERROR (self, LIBRARY, INIT,
                       ("the decoder does not start again for the next segment; name "
                        "another one"),
                       (NULL));
    return GST_FLOW_ERROR;
  }
  self->from = from;
  gst_pad_sticky_events_foreach (self->sinkpad, push_sticky, feed);
  for (guint i = 0; i < HEARD && ret == GST_FLOW_OK; i++)
    if (self->heard[i] != NULL)
      ret = gst_pad_push (feed, gst_buffer_ref (self->heard[i]));
  return ret;
}

static GstFlowReturn
sink_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstSegmentDecoder *self = GST_SEGMENT_DECODER (parent);
  guint64 period = self->period;
  GstFlowReturn ret = GST_FLOW_OK;

  if (GST_BUFFER_PTS_IS_VALID (buffer))
    period = he_epoch_msn (he_ticks_from_ns (GST_BUFFER_PTS (buffer)) + HE_ALIGN_LEAD,
                           self->span90);
  if (self->started && period != self->period)
    ret = renew (self, GST_BUFFER_PTS (buffer));
  self->started = TRUE;
  self->period = period;
  if (ret != GST_FLOW_OK) {
    gst_buffer_unref (buffer);
    return ret;
  }
  gst_clear_buffer (&self->heard[0]);
  self->heard[0] = self->heard[1];
  self->heard[1] = gst_buffer_ref (buffer);
  return gst_pad_push (gst_headend_slot_feed (self->slot), buffer);
}

static gboolean
sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstSegmentDecoder *self = GST_SEGMENT_DECODER (parent);
  gboolean refused;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START:
      gst_pad_push_event (self->srcpad, gst_event_ref (event));
      return gst_pad_push_event (gst_headend_slot_feed (self->slot), event);
    case GST_EVENT_FLUSH_STOP:
      gst_headend_slot_renew (self->slot, gst_headend_slot_serial (self->slot), &refused);
      forget (self);
      gst_pad_sticky_events_foreach (self->sinkpad, push_sticky,
                                     gst_headend_slot_feed (self->slot));
      return gst_pad_push_event (self->srcpad, event);
    default:
      return gst_pad_push_event (gst_headend_slot_feed (self->slot), event);
  }
}

static gboolean
sink_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstSegmentDecoder *self = GST_SEGMENT_DECODER (parent);

  return gst_pad_peer_query (gst_headend_slot_feed (self->slot), query)
         || gst_pad_query_default (pad, parent, query);
}

static gboolean
src_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstSegmentDecoder *self = GST_SEGMENT_DECODER (parent);

  return gst_pad_peer_query (gst_headend_slot_drain (self->slot), query);
}

static gboolean
src_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstSegmentDecoder *self = GST_SEGMENT_DECODER (parent);

  return gst_pad_push_event (gst_headend_slot_drain (self->slot), event);
}

/* --- Object ------------------------------------------------------------------ */

static gboolean
make_decoder (GstSegmentDecoder *self)
{
  g_autofree char *description = NULL;
  GError *error = NULL;
  GstElement *decoder;

  GST_OBJECT_LOCK (self);
  description = g_strdup (self->decoder);
  self->span90 = self->duration90;
  GST_OBJECT_UNLOCK (self);
  decoder = gst_parse_bin_from_description_full (description, TRUE, NULL,
                                                 GST_PARSE_FLAG_FATAL_ERRORS, &error);
  if (error != NULL) {
    g_prefix_error (&error, "decoder \"%s\": ", description);
    gst_headend_element_error (GST_ELEMENT (self), error);
    return FALSE;
  }
  gst_headend_slot_fill (self->slot, decoder);
  return TRUE;
}

static GstStateChangeReturn
change_state (GstElement *element, GstStateChange transition)
{
  GstSegmentDecoder *self = GST_SEGMENT_DECODER (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_NULL_TO_READY && !make_decoder (self))
    return GST_STATE_CHANGE_FAILURE;
  if (gst_headend_slot_set_state (self->slot, GST_STATE_TRANSITION_NEXT (transition))
      == GST_STATE_CHANGE_FAILURE)
    return GST_STATE_CHANGE_FAILURE;
  ret = GST_ELEMENT_CLASS (gst_segment_decoder_parent_class)
            ->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    forget (self);
  return ret;
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstSegmentDecoder *self = GST_SEGMENT_DECODER (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_DECODER)
    g_value_set_string (value, self->decoder);
  else if (id == PROP_SEGMENT_DURATION)
    g_value_set_uint64 (value, self->duration90);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstSegmentDecoder *self = GST_SEGMENT_DECODER (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_DECODER) {
    g_free (self->decoder);
    self->decoder = g_value_dup_string (value);
  } else if (id == PROP_SEGMENT_DURATION) {
    self->duration90 = g_value_get_uint64 (value);
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
dispose (GObject *object)
{
  gst_headend_slot_fill (GST_SEGMENT_DECODER (object)->slot, NULL);
  G_OBJECT_CLASS (gst_segment_decoder_parent_class)->dispose (object);
}

static void
finalize (GObject *object)
{
  GstSegmentDecoder *self = GST_SEGMENT_DECODER (object);

  forget (self);
  gst_headend_turn_unref (self->turn);
  gst_headend_order_free (self->order);
  gst_headend_slot_free (self->slot);
  g_free (self->decoder);
  G_OBJECT_CLASS (gst_segment_decoder_parent_class)->finalize (object);
}

static void
gst_segment_decoder_class_init (GstSegmentDecoderClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  const GParamFlags flags
      = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  object_class->get_property = get_property;
  object_class->set_property = set_property;
  object_class->dispose = dispose;
  object_class->finalize = finalize;
  element_class->change_state = change_state;

  props[PROP_DECODER] = g_param_spec_string (
      "decoder", "Decoder", "The decoder, described as for gst-launch-1.0",
      DEFAULT_DECODER, flags);
  props[PROP_SEGMENT_DURATION] = g_param_spec_uint64 (
      "segment-duration", "Segment duration", "Duration of a segment in 90 kHz ticks", 1,
      G_MAXUINT32, DEFAULT_DURATION, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (
      element_class, "Segment decoder", "Codec/Decoder/Audio",
      "Runs a decoder so that what it decodes does not depend on when it began",
      "gst-headend");
}

static void
gst_segment_decoder_init (GstSegmentDecoder *self)
{
  GstPad *drain;

  self->duration90 = self->span90 = DEFAULT_DURATION;
  self->decoder = g_strdup (DEFAULT_DECODER);

  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, sink_chain);
  gst_pad_set_event_function (self->sinkpad, sink_event);
  gst_pad_set_query_function (self->sinkpad, sink_query);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_event_function (self->srcpad, src_event);
  gst_pad_set_query_function (self->srcpad, src_query);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);

  self->order = gst_headend_order_new (self->srcpad);
  self->turn = gst_headend_order_begin (self->order);
  self->slot = gst_headend_slot_new (GST_BIN (self), self->sinkpad, self->srcpad, self);
  gst_headend_slot_allocate (self->slot, TRUE);
  drain = gst_headend_slot_drain (self->slot);
  gst_pad_set_chain_function (drain, drain_chain);
  gst_pad_set_event_function (drain, drain_event);
}
