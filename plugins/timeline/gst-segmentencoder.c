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
 *   `segment-duration` in the PTS. Keyframe requests of others are dropped, upstream and downstream.
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
 * `gop-size` and `scene-change-detection`, those of NVENC and Quick Sync `gop-size`, those
 * of VA-API `key-int-max` (1024 frames, which is the most). For others the description has
 * to. NVENC of GStreamer 1.22 with a driver that dropped its presets is an error.
 *
 * The description takes effect when the element goes to READY. An element that does not
 * exist is an error that names it and what to install.
 *
 * `agreement` is `interchangeable`: nodes agree on boundaries, times and frames; each
 * runs one continuous encoder.
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

typedef enum { AGREEMENT_INTERCHANGEABLE } Agreement;

enum { PROP_0, PROP_ENCODER, PROP_AGREEMENT, PROP_SEGMENT_DURATION, N_PROPS };
static GParamSpec *props[N_PROPS];

struct _GstSegmentEncoder {
  GstBin parent;
  GstPad *sinkpad, *srcpad;
  GstPad *into, *from; /* the inner sides of the two */
  GstHeadendEncoderFlow *flow;
  GstElement *child;

  /* Object lock; what is set counts from the next READY. */
  char *encoder;
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
    { AGREEMENT_INTERCHANGEABLE, "Same boundaries, times and frames", "interchangeable" },
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
  gboolean ok;

  event = gst_headend_encoder_flow_in_event (self->flow, event, &ok);
  return event != NULL ? gst_pad_event_default (pad, parent, event) : ok;
}

/* The parent of the inner pads is the ghost pad. */
static GstFlowReturn
out_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstSegmentEncoder *self = GST_SEGMENT_ENCODER (GST_OBJECT_PARENT (parent));

  return gst_headend_encoder_flow_out (self->flow, buffer);
}

static GstFlowReturn
out_chain_list (GstPad *pad, GstObject *parent, GstBufferList *list)
{
  GstFlowReturn ret = GST_FLOW_OK;

  for (guint i = 0; i < gst_buffer_list_length (list) && ret == GST_FLOW_OK; i++)
    ret = out_chain (pad, parent, gst_buffer_ref (gst_buffer_list_get (list, i)));
  gst_buffer_list_unref (list);
  return ret;
}

static gboolean
out_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstSegmentEncoder *self = GST_SEGMENT_ENCODER (GST_OBJECT_PARENT (parent));

  event = gst_headend_encoder_flow_out_event (self->flow, event);
  return event != NULL ? gst_pad_event_default (pad, parent, event) : TRUE;
}

static gboolean
src_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  if (gst_video_event_is_force_key_unit (event)) {
    gst_event_unref (event);
    return TRUE;
  }
  return gst_pad_event_default (pad, parent, event);
}

/* --- Object ------------------------------------------------------------------ */

static void
drop_child (GstSegmentEncoder *self)
{
  if (self->child == NULL)
    return;
  gst_ghost_pad_set_target (GST_GHOST_PAD (self->sinkpad), NULL);
  gst_ghost_pad_set_target (GST_GHOST_PAD (self->srcpad), NULL);
  gst_element_set_state (self->child, GST_STATE_NULL);
  gst_bin_remove (GST_BIN (self), self->child);
  self->child = NULL;
}

static gboolean
make_child (GstSegmentEncoder *self)
{
  g_autoptr (GstPad) sink = NULL;
  g_autoptr (GstPad) src = NULL;
  g_autofree char *description = NULL;
  GError *error = NULL;
  guint64 duration90;
  guint delay = 0;

  drop_child (self);
  GST_OBJECT_LOCK (self);
  description = g_strdup (self->encoder);
  duration90 = self->duration90;
  GST_OBJECT_UNLOCK (self);
  if (description == NULL || *description == '\0')
    error = g_error_new (GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS,
                         "the property encoder is not set; give it an encoder as for "
                         "gst-launch-1.0, for example \"x264enc bitrate=800\"");
  else
    self->child = gst_headend_encoder_bin_new (description, &delay, &error);
  if (error != NULL) {
    gst_headend_element_error (GST_ELEMENT (self), error);
    return FALSE;
  }

  gst_headend_encoder_flow_setup (self->flow, duration90, delay);
  gst_bin_add (GST_BIN (self), self->child);
  sink = gst_element_get_static_pad (self->child, "sink");
  src = gst_element_get_static_pad (self->child, "src");
  gst_ghost_pad_set_target (GST_GHOST_PAD (self->sinkpad), sink);
  gst_ghost_pad_set_target (GST_GHOST_PAD (self->srcpad), src);
  return TRUE;
}

static GstStateChangeReturn
change_state (GstElement *element, GstStateChange transition)
{
  GstSegmentEncoder *self = GST_SEGMENT_ENCODER (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_NULL_TO_READY && !make_child (self))
    return GST_STATE_CHANGE_FAILURE;
  ret = GST_ELEMENT_CLASS (gst_segment_encoder_parent_class)
            ->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    gst_headend_encoder_flow_reset (self->flow);
  return ret;
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
      g_value_set_enum (value, AGREEMENT_INTERCHANGEABLE);
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
    case PROP_AGREEMENT: /* has one value */
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
finalize (GObject *object)
{
  GstSegmentEncoder *self = GST_SEGMENT_ENCODER (object);

  gst_headend_encoder_flow_free (self->flow);
  gst_clear_object (&self->into);
  gst_clear_object (&self->from);
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
  object_class->finalize = finalize;
  element_class->change_state = change_state;

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

static GstPad *
add_ghost (GstSegmentEncoder *self, const char *name, GstStaticPadTemplate *static_templ)
{
  g_autoptr (GstPadTemplate) templ = gst_static_pad_template_get (static_templ);
  GstPad *pad = gst_ghost_pad_new_no_target_from_template (name, templ);

  gst_element_add_pad (GST_ELEMENT (self), pad);
  return pad;
}

static void
gst_segment_encoder_init (GstSegmentEncoder *self)
{
  self->duration90 = DEFAULT_DURATION;

  self->sinkpad = add_ghost (self, "sink", &sink_template);
  gst_pad_set_chain_function (self->sinkpad, sink_chain);
  gst_pad_set_event_function (self->sinkpad, sink_event);
  self->into = GST_PAD (gst_proxy_pad_get_internal (GST_PROXY_PAD (self->sinkpad)));

  self->srcpad = add_ghost (self, "src", &src_template);
  gst_pad_set_event_function (self->srcpad, src_event);
  self->from = GST_PAD (gst_proxy_pad_get_internal (GST_PROXY_PAD (self->srcpad)));
  gst_pad_set_chain_function (self->from, out_chain);
  gst_pad_set_chain_list_function (self->from, out_chain_list);
  gst_pad_set_event_function (self->from, out_event);

  self->flow
      = gst_headend_encoder_flow_new (GST_ELEMENT (self), self->into, self->srcpad);
}
