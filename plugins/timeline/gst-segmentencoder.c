/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-segmentencoder
 * @title: segmentencoder
 * @short_description: an encoder that cuts where segments begin
 *
 * Holds an encoder, given as a bin description in the words of gst-launch-1.0
 * (`encoder`), and sees to it that its output can be cut into segments:
 *
 * * Video: the first frame of each segment is a keyframe, and no other is. Boundaries
 *   are those of `headend-segment` from upstream, or else multiples of
 *   `segment-duration` in the PTS. Keyframe requests of others are dropped, upstream and
 * downstream.
 * * Audio: wants buffers of 1024 samples on the grid that `epochalign` makes. The
 *   encoder's delay (avenc_aac 1024 samples, voaacenc 1600) is taken back, so that AAC
 *   frame n sounds as input frame n did and carries its PTS. Packets from before the
 *   first one are dropped.
 * * A force-key-unit event (video) and the events `headend-segment` and `headend-status`
 *   precede the buffer that they preceded at the input, whatever the encoder holds back.
 * * PTS leave as they came, also below 1000 hours, where encoders shift them.
 *
 * Encoders that are known are kept from placing keyframes of their own, by properties
 * that were left at their defaults: x264enc and x265enc get `key-int-max` and the options
 * scenecut=0 and open-gop=0 (added to `option-string` unless given there), openh264enc
 * `gop-size` and `scene-change-detection`, those of NVENC and Quick Sync `gop-size`,
 * those of VA-API `key-int-max` (1024 frames, which is the most). For others the
 * description has to. NVENC of GStreamer 1.22 with a driver that dropped its presets is
 * an error.
 *
 * Other caps in the middle of a segment begin a new encoder there. So does a segment of
 * video that is announced and, by a GAP event, left out: the encoder ends with what it
 * has, and does nothing until the next picture, which is a keyframe.
 *
 * The description takes effect when the element goes to READY. An element that does not
 * exist is an error that names it and what to install.
 *
 * `agreement` says what the output of two nodes has in common:
 *
 * * `interchangeable`: boundaries, times and frames; one encoder works on all segments,
 * and what it has seen shows in its bytes.
 * * `identical`: the bytes, wherever and whenever a node began. Two encoders take turns,
 * each new for its segment: at a boundary one gets EOS, the other the next frame; while
 * the one gives what it holds, the other works, and output stays in order. An encoder of
 * sound hears two blocks ahead of its segment first (buffers flagged DECODE_ONLY are
 * heard and not put out, as epochalign's `preroll` sends them; silence where there is
 * nothing), and what its last packets need of the next one. The settings have to make the
 * encoder a function of its input: x264enc with threads=1 or a constant quantizer, and
 * mbtree=0; x265enc with frame-threads=1 and a pool of its own.
 *
 * ## Example
 * |[
 * gst-launch-1.0 audiotestsrc num-buffers=200 \
 *   ! audio/x-raw,rate=48000,channels=2 \
 *   ! epochalign ! segmentencoder encoder="audioconvert ! avenc_aac bitrate=128000" \
 *   ! aacparse ! fakesink silent=false -v
 * ]|
 */
#include "gst-segmentencoder.h"

#include <gst/video/video.h>

#include "gst-encoder-bin.h"
#include "gst-encoder-flow.h"
#include "gst-headend.h"

#define DEFAULT_DURATION 180000

GST_DEBUG_CATEGORY_STATIC (segmentencoder_debug);
#define GST_CAT_DEFAULT segmentencoder_debug

typedef enum { AGREEMENT_INTERCHANGEABLE, AGREEMENT_IDENTICAL } Agreement;

enum { PROP_0, PROP_ENCODER, PROP_AGREEMENT, PROP_SEGMENT_DURATION, N_PROPS };
static GParamSpec *props[N_PROPS];

struct _GstSegmentEncoder {
  GstBin parent;
  GstPad *sinkpad, *srcpad;
  GstHeadendPlaces *places;
  GstHeadendEncoderFlow *flow;

  /* Object lock; what is set counts from the next READY. */
  char *encoder;
  Agreement agreement;
  guint64 duration90;
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE (
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw(ANY); audio/x-raw, layout=(string)interleaved"));
static GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

G_DEFINE_FINAL_TYPE (GstSegmentEncoder, gst_segment_encoder, GST_TYPE_BIN)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (segmentencoder, "segmentencoder", GST_RANK_NONE,
                                       GST_TYPE_SEGMENT_ENCODER,
                                       GST_DEBUG_CATEGORY_INIT (segmentencoder_debug,
                                                                "segmentencoder", 0,
                                                                "encoding by segments"));

static GType
agreement_get_type (void)
{
  static gsize type;
  static const GEnumValue values[] = {
    { AGREEMENT_INTERCHANGEABLE, "Same boundaries, times and frames: one encoder",
      "interchangeable" },
    { AGREEMENT_IDENTICAL, "Same bytes: a new encoder for each segment", "identical" },
    { 0, NULL, NULL },
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
                       g_enum_register_static ("GstSegmentEncoderAgreement", values));
  return type;
}

/* --- Pads -------------------------------------------------------------------- */

static GstFlowReturn
sink_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  return gst_headend_encoder_flow_in (GST_SEGMENT_ENCODER (parent)->flow, buffer);
}

static gboolean
sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstSegmentEncoder *self = GST_SEGMENT_ENCODER (parent);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START:
      gst_pad_push_event (self->srcpad, event);
      gst_headend_places_flush_start (self->places);
      return TRUE;
    case GST_EVENT_FLUSH_STOP:
      gst_headend_encoder_flow_reset (self->flow);
      gst_headend_places_flush_stop (self->places, event);
      return TRUE;
    default:
      return gst_headend_encoder_flow_event (self->flow, event);
  }
}

static gboolean
sink_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstSegmentEncoder *self = GST_SEGMENT_ENCODER (parent);

  /* Two encoders at work have each their own needs. */
  if (GST_QUERY_TYPE (query) == GST_QUERY_ALLOCATION
      && gst_headend_places_alternate (self->places))
    return FALSE;
  return gst_pad_peer_query (gst_headend_places_feed (self->places), query)
         || gst_pad_query_default (pad, parent, query);
}

static gboolean
src_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstSegmentEncoder *self = GST_SEGMENT_ENCODER (parent);

  return gst_pad_peer_query (gst_headend_places_drain (self->places), query);
}

static gboolean
src_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstSegmentEncoder *self = GST_SEGMENT_ENCODER (parent);

  if (gst_video_event_is_force_key_unit (event)) {
    gst_event_unref (event);
    return TRUE;
  }
  if (gst_headend_places_alternate (self->places))
    return gst_pad_push_event (self->sinkpad, event);
  return gst_pad_push_event (gst_headend_places_drain (self->places), event);
}

/* --- Object ------------------------------------------------------------------ */

static gboolean
make_encoders (GstSegmentEncoder *self)
{
  GstElement *encoders[2] = { NULL };
  g_autofree char *description = NULL;
  GError *error = NULL;
  guint64 duration90;
  guint delay = 0, n;

  GST_OBJECT_LOCK (self);
  description = g_strdup (self->encoder);
  duration90 = self->duration90;
  n = self->agreement == AGREEMENT_IDENTICAL ? 2 : 1;
  GST_OBJECT_UNLOCK (self);
  if (description == NULL || *description == '\0')
    error = g_error_new (GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS,
                         "the property encoder is not set; give it an encoder as for "
                         "gst-launch-1.0, for example \"x264enc bitrate=800\"");
  for (guint i = 0; i < n && error == NULL; i++)
    encoders[i] = gst_headend_encoder_bin_new (description, n > 1, &delay, &error);
  if (error != NULL) {
    gst_clear_object (&encoders[0]);
    gst_headend_element_error (GST_ELEMENT (self), error);
    return FALSE;
  }
  gst_headend_encoder_flow_setup (self->flow, duration90, delay);
  gst_headend_places_fill (self->places, encoders[0], encoders[1]);
  return TRUE;
}

/* The encoders before our pads, both ways: what flows ends in them first. */
static GstStateChangeReturn
change_state (GstElement *element, GstStateChange transition)
{
  GstSegmentEncoder *self = GST_SEGMENT_ENCODER (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_NULL_TO_READY && !make_encoders (self))
    return GST_STATE_CHANGE_FAILURE;
  ret = gst_headend_places_set_state (self->places,
                                      GST_STATE_TRANSITION_NEXT (transition));
  if (ret == GST_STATE_CHANGE_FAILURE)
    return ret;
  ret = GST_ELEMENT_CLASS (gst_segment_encoder_parent_class)
            ->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    gst_headend_encoder_flow_reset (self->flow);
    gst_headend_places_forget (self->places);
  }
  return ret;
}

/* Each new encoder would tell the pipeline its latency anew. */
static void
handle_message (GstBin *bin, GstMessage *message)
{
  GstSegmentEncoder *self = GST_SEGMENT_ENCODER (bin);
  gboolean failed;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_LATENCY
      && gst_headend_places_settled (self->places)) {
    gst_message_unref (message);
    return;
  }
  /* Who waits for the encoder finds the reason on the bus already. */
  failed = GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR;
  GST_BIN_CLASS (gst_segment_encoder_parent_class)->handle_message (bin, message);
  if (failed)
    gst_headend_places_fail (self->places);
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstSegmentEncoder *self = GST_SEGMENT_ENCODER (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_ENCODER:
      g_value_set_string (value, self->encoder);
      break;
    case PROP_AGREEMENT:
      g_value_set_enum (value, self->agreement);
      break;
    case PROP_SEGMENT_DURATION:
      g_value_set_uint64 (value, self->duration90);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstSegmentEncoder *self = GST_SEGMENT_ENCODER (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_ENCODER:
      g_free (self->encoder);
      self->encoder = g_value_dup_string (value);
      break;
    case PROP_AGREEMENT:
      self->agreement = g_value_get_enum (value);
      break;
    case PROP_SEGMENT_DURATION:
      self->duration90 = g_value_get_uint64 (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
dispose (GObject *object)
{
  gst_headend_places_fill (GST_SEGMENT_ENCODER (object)->places, NULL, NULL);
  G_OBJECT_CLASS (gst_segment_encoder_parent_class)->dispose (object);
}

static void
finalize (GObject *object)
{
  GstSegmentEncoder *self = GST_SEGMENT_ENCODER (object);

  gst_headend_encoder_flow_free (self->flow);
  gst_headend_places_free (self->places);
  g_free (self->encoder);
  G_OBJECT_CLASS (gst_segment_encoder_parent_class)->finalize (object);
}

static void
gst_segment_encoder_class_init (GstSegmentEncoderClass *klass)
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
  GST_BIN_CLASS (klass)->handle_message = handle_message;

  props[PROP_ENCODER] = g_param_spec_string (
      "encoder", "Encoder", "The encoder, described as for gst-launch-1.0", NULL, flags);
  props[PROP_AGREEMENT] = g_param_spec_enum (
      "agreement", "Agreement", "What the output of two nodes has in common",
      agreement_get_type (), AGREEMENT_INTERCHANGEABLE, flags);
  props[PROP_SEGMENT_DURATION] = g_param_spec_uint64 (
      "segment-duration", "Segment duration",
      "Duration of a segment in 90 kHz ticks, where upstream does not announce segments",
      1, G_MAXUINT32, DEFAULT_DURATION, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);

  gst_type_mark_as_plugin_api (agreement_get_type (), 0);
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (
      element_class, "Segment encoder", "Codec/Encoder/Video/Audio",
      "Runs an encoder so that its output can be cut at segment boundaries",
      "gst-headend");
}

static void
gst_segment_encoder_init (GstSegmentEncoder *self)
{
  self->duration90 = DEFAULT_DURATION;

  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, sink_chain);
  gst_pad_set_event_function (self->sinkpad, sink_event);
  gst_pad_set_query_function (self->sinkpad, sink_query);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_event_function (self->srcpad, src_event);
  gst_pad_set_query_function (self->srcpad, src_query);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);

  self->places = gst_headend_places_new (GST_BIN (self), self->sinkpad, self->srcpad);
  self->flow
      = gst_headend_encoder_flow_new (GST_ELEMENT (self), self->sinkpad, self->places);
}
