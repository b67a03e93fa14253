/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-forensicmark
 * @title: forensicmark
 * @short_description: puts an invisible keyed mark into each segment
 *
 * Adds (`variant` a) or subtracts (b) a pattern that follows from `key`, `channel`
 * and the segment's number. Whoever has the key can read from a copy, segment by segment,
 * which variant it was made of, and so which viewer it was given to.
 *
 * The segment's number is that of the sticky event `headend-segment` (see `epochalign`);
 * in a stream without it, PTS / `segment-duration`. All marked frames keep a PSNR of 47
 * dB.
 *
 * Takes progressive I420, NV12, I420_10LE and P010_10LE of any size from 64x64. The luma
 * is written to new memory and the chroma is the input's own; downstream that does not
 * know GstVideoMeta gets a whole copy. Variant none passes buffers through as they are.
 * Where gstcuda, NVIDIA's driver and NVRTC are there, `memory:CUDAMemory` is taken too,
 * and frames are marked on their GPU.
 *
 * With `sparse` of k, only one segment in k differs between a and b; which follows from
 * the key, too, and `headend-segment` says of the others that they are not marked. There
 * a is marked as ever, and b lets no frame through: a GAP event stands for them, so that
 * its encoder does no work, and `hlsgatesink` takes a for both. Set it alike for a and b,
 * behind `epochalign`.
 *
 * With `payload`, 64 bits as 16 hex digits, the mark is that of one recipient instead of
 * one of two variants: the number is in every five segments, whichever variant is set,
 * and forensicdetect reads it back from them with the key and its property `payload`.
 *
 * The key is best kept in a file that only its owner can read: `key=file:mark.key`.
 *
 * ## Example
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=100 \
 *   ! video/x-raw,format=I420,width=640,height=360,framerate=25/1 \
 *   ! forensicmark key=$(openssl rand -hex 32) channel=demo variant=a \
 *   ! x264enc speed-preset=ultrafast ! fakesink
 * ]|
 */
#include "gst-forensicmark.h"

#include <gst/video/video.h>

#include "gst-headend.h"
#include "gst-luma-buffer.h"
#include "gst-mark-cuda.h"
#include "gst-mark-segment.h"
#include "he-codec.h"
#include "he-error.h"
#include "he-keys.h"
#include "he-mark-source.h"

#define DEFAULT_DURATION 180000
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
#define FORMATS "{ I420, NV12, I420_10LE, P010_10LE }"
#else
#define FORMATS "{ I420, NV12 }" /* kernels take words of the host */
#endif

#define CUDA_MEMORY "memory:CUDAMemory"

GST_DEBUG_CATEGORY_STATIC (forensicmark_debug);
#define GST_CAT_DEFAULT forensicmark_debug

enum {
  PROP_0,
  PROP_KEY,
  PROP_CHANNEL,
  PROP_VARIANT,
  PROP_SEGMENT_DURATION,
  PROP_PAYLOAD,
  PROP_SPARSE,
  N_PROPS
};
static GParamSpec *props[N_PROPS];

struct _GstForensicMark {
  GstBaseTransform parent;

  /* Under the object lock; fixed from READY to PAUSED on. */
  HeSecret *key;
  char *channel;
  HeVariant variant;
  guint64 duration90;
  guint sparse;
  char *payload; /* as it was set: personal, so it is not readable */

  /* Streaming thread. */
  GstVideoInfo info;
  HeMarkSource *source; /* NULL until caps, and with variant none */
  gboolean share;       /* downstream knows GstVideoMeta */
  GstMarkCuda *cuda;    /* NULL unless frames are in CUDA memory */
  GstMarkSegment segment;
};

#define gst_forensic_mark_parent_class parent_class
G_DEFINE_FINAL_TYPE (GstForensicMark, gst_forensic_mark, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (forensicmark, "forensicmark", GST_RANK_NONE,
                             GST_TYPE_FORENSIC_MARK)

static gboolean
parse_payload (const char *text, guint64 *ret_payload)
{
  guint8 bytes[8];

  if (!he_hex_decode (text, strlen (text), bytes, sizeof bytes))
    return FALSE;
  if (ret_payload)
    *ret_payload = he_read_be64 (bytes);
  return TRUE;
}

/* Tells a person of an error, if there is one. */
static gboolean
is_fine (GstForensicMark *self, GError *error)
{
  gboolean fine = error == NULL;
  if (!fine)
    gst_headend_element_error (GST_ELEMENT (self), error);
  return fine;
}

/* The settings, checked where a person can still mend them. */
static gboolean
gst_forensic_mark_start (GstBaseTransform *trans)
{
  GstForensicMark *self = GST_FORENSIC_MARK (trans);
  const char *name = he_variant_name (self->variant);
  GError *error = NULL;

  self->segment.announced = FALSE;
  self->share = FALSE;
  gst_base_transform_set_passthrough (trans, self->variant == HE_VARIANT_NONE);
  if (self->variant == HE_VARIANT_NONE)
    return TRUE;
  if (!self->key)
    g_set_error (
        &error, HE_ERROR, HE_ERROR_INVALID,
        "variant %s needs a key; set \"key\" to 64 hex digits, or to file:PATH of a "
        "file that holds them and that only its owner can read",
        name);
  else if (!self->channel || !he_name_is_valid (self->channel))
    g_set_error (
        &error, HE_ERROR, HE_ERROR_INVALID,
        "variant %s needs a channel; set \"channel\" to its name, 1 to 64 letters, "
        "digits, - and _",
        name);
  else if (self->payload && !parse_payload (self->payload, NULL))
    g_set_error (&error, HE_ERROR, HE_ERROR_INVALID,
                 "\"payload\" is no number of 64 bits; set it to 16 hex digits");
  else if (self->payload && self->sparse > 1)
    g_set_error (&error, HE_ERROR, HE_ERROR_INVALID,
                 "\"sparse\" is for variants, and \"payload\" is in every segment; leave "
                 "one of them out");
  return is_fine (self, error);
}

static gboolean
gst_forensic_mark_stop (GstBaseTransform *trans)
{
  GstForensicMark *self = GST_FORENSIC_MARK (trans);

  g_clear_pointer (&self->source, he_mark_source_free);
  g_clear_pointer (&self->cuda, gst_mark_cuda_free);
  return TRUE;
}

static gboolean
gst_forensic_mark_set_caps (GstBaseTransform *trans, GstCaps *incaps, GstCaps *outcaps)
{
  GstForensicMark *self = GST_FORENSIC_MARK (trans);
  GError *error = NULL;
  guint64 payload;

  gst_forensic_mark_stop (trans);
  if (!gst_video_info_from_caps (&self->info, incaps))
    return FALSE;
  if (self->variant == HE_VARIANT_NONE)
    return TRUE;
  if (GST_VIDEO_INFO_IS_INTERLACED (&self->info))
    g_set_error (
        &error, HE_ERROR, HE_ERROR_INVALID,
        "interlace-mode %s cannot be marked; put a deinterlacer ahead of it",
        gst_video_interlace_mode_to_string (GST_VIDEO_INFO_INTERLACE_MODE (&self->info)));
  else
    self->source = he_mark_source_new (
        self->key, self->channel, (guint)GST_VIDEO_INFO_WIDTH (&self->info),
        (guint)GST_VIDEO_INFO_HEIGHT (&self->info), &error);
  if (gst_caps_features_contains (gst_caps_get_features (incaps, 0), CUDA_MEMORY))
    self->cuda = gst_mark_cuda_new (&self->info);
  if (self->source && self->payload && parse_payload (self->payload, &payload))
    he_mark_source_set_payload (self->source, payload);
  return is_fine (self, error);
}

static gboolean
gst_forensic_mark_propose_allocation (GstBaseTransform *trans, GstQuery *decide_query,
                                      GstQuery *query)
{
  if (!decide_query) /* passing through: downstream's answer */
    return GST_BASE_TRANSFORM_CLASS (parent_class)
        ->propose_allocation (trans, decide_query, query);
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  return TRUE;
}

static gboolean
gst_forensic_mark_decide_allocation (GstBaseTransform *trans, GstQuery *query)
{
  GstForensicMark *self = GST_FORENSIC_MARK (trans);

  self->share = gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  /* Output buffers are made of new luma and old chroma; no pool could give them. */
  while (gst_query_get_n_allocation_pools (query))
    gst_query_remove_nth_allocation_pool (query, 0);
  return TRUE;
}

static GstMarkRule
rule_of (const GstForensicMark *self)
{
  return (GstMarkRule) { .key = self->key,
                         .channel = self->channel,
                         .variant = self->variant,
                         .sparse = self->sparse };
}

static gboolean
gst_forensic_mark_sink_event (GstBaseTransform *trans, GstEvent *event)
{
  GstForensicMark *self = GST_FORENSIC_MARK (trans);
  GstMarkRule rule = rule_of (self);
  GstHeadendSegment segment;

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    self->segment.announced = FALSE;
  else if (self->variant != HE_VARIANT_NONE
           && gst_headend_segment_event_parse (event, &segment))
    event = gst_mark_segment_note (&self->segment, &rule, &segment, event);
  return GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event (trans, event);
}

static GstFlowReturn
gst_forensic_mark_submit_input_buffer (GstBaseTransform *trans, gboolean discont,
                                       GstBuffer *in)
{
  GstForensicMark *self = GST_FORENSIC_MARK (trans);
  GstMarkRule rule = rule_of (self);

  if (self->sparse > 1 && self->variant != HE_VARIANT_NONE && !self->segment.announced) {
    gst_buffer_unref (in);
    GST_ELEMENT_ERROR (self, STREAM, FORMAT, (NULL),
                       ("sparse marks need headend-segment events; put epochalign ahead, "
                        "or leave sparse out"));
    return GST_FLOW_ERROR;
  }
  if (!gst_mark_segment_leaves_out (&self->segment, &rule, trans->srcpad,
                                    GST_BUFFER_PTS (in)))
    return GST_BASE_TRANSFORM_CLASS (parent_class)
        ->submit_input_buffer (trans, discont, in);
  gst_buffer_unref (in);
  return GST_BASE_TRANSFORM_FLOW_DROPPED;
}

static GstFlowReturn
gst_forensic_mark_prepare_output_buffer (GstBaseTransform *trans, GstBuffer *in,
                                         GstBuffer **ret_out)
{
  GstForensicMark *self = GST_FORENSIC_MARK (trans);
  GError *error = NULL;

  if (gst_base_transform_is_passthrough (trans)) {
    *ret_out = in;
    return GST_FLOW_OK;
  }
  if (self->cuda) {
    *ret_out = gst_mark_cuda_frame (self->cuda, in, &error);
    return is_fine (self, error) ? GST_FLOW_OK : GST_FLOW_ERROR;
  }
  *ret_out = gst_luma_buffer_new (in, &self->info, self->share);
  if (*ret_out)
    return GST_FLOW_OK;
  GST_ELEMENT_ERROR (self, STREAM, FORMAT, (NULL),
                     ("a buffer of %" G_GSIZE_FORMAT " bytes is too small for %dx%d",
                      gst_buffer_get_size (in), GST_VIDEO_INFO_WIDTH (&self->info),
                      GST_VIDEO_INFO_HEIGHT (&self->info)));
  return GST_FLOW_ERROR;
}

static GstFlowReturn
cannot_map (GstForensicMark *self)
{
  GST_ELEMENT_ERROR (self, RESOURCE, READ, (NULL), ("cannot map a frame"));
  return GST_FLOW_ERROR;
}

static GstFlowReturn
gst_forensic_mark_transform (GstBaseTransform *trans, GstBuffer *in, GstBuffer *out)
{
  GstForensicMark *self = GST_FORENSIC_MARK (trans);
  GstVideoFrame frame;
  GstMapInfo luma;
  guint64 msn;
  GError *error = NULL;

  if (!gst_mark_segment_find (&self->segment, in, self->duration90, &msn)) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT, (NULL),
                       ("a buffer has no PTS, and no headend-segment event told the "
                        "segment it belongs to; put epochalign ahead"));
    return GST_FLOW_ERROR;
  }
  g_autoptr (HeMark) mark = he_mark_source_get (
      self->source, msn, self->segment.announced ? self->segment.next : msn + 1);
  if (self->cuda) {
    gst_mark_cuda_embed (self->cuda, mark, gst_luma_layout (&self->info), self->variant,
                         in, out, &error);
    return is_fine (self, error) ? GST_FLOW_OK : GST_FLOW_ERROR;
  }
  if (!gst_video_frame_map (&frame, &self->info, in, GST_MAP_READ))
    return cannot_map (self);
  /* The luma comes first, in info's stride; the range leaves the shared chroma unmapped.
   */
  gboolean mapped = gst_buffer_map_range (out, 0, 1, &luma, GST_MAP_WRITE);
  if (mapped) {
    he_mark_embed_layout (mark, gst_luma_layout (&self->info), self->variant,
                          GST_VIDEO_FRAME_PLANE_DATA (&frame, 0),
                          (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0), luma.data,
                          (gsize)GST_VIDEO_INFO_PLANE_STRIDE (&self->info, 0));
    gst_buffer_unmap (out, &luma);
  }
  gst_video_frame_unmap (&frame);
  return mapped ? GST_FLOW_OK : cannot_map (self);
}

static void
gst_forensic_mark_set_property (GObject *object, guint id, const GValue *value,
                                GParamSpec *pspec)
{
  GstForensicMark *self = GST_FORENSIC_MARK (object);
  HeSecret *key = NULL;

  if (id == PROP_KEY) /* reads a file: not under the lock */
    key = gst_headend_secret_from_value (object, pspec, value);
  GST_OBJECT_LOCK (self);
  if (!gst_headend_may_set (GST_ELEMENT (self), pspec))
    id = PROP_0;
  switch (id) {
    case PROP_0:
      he_secret_unref (key);
      break;
    case PROP_KEY:
      he_secret_unref (self->key);
      self->key = key;
      break;
    case PROP_CHANNEL:
      g_free (self->channel);
      self->channel = g_value_dup_string (value);
      break;
    case PROP_VARIANT:
      self->variant = (HeVariant)g_value_get_enum (value);
      break;
    case PROP_SEGMENT_DURATION:
      self->duration90 = g_value_get_uint64 (value);
      break;
    case PROP_PAYLOAD:
      g_free (self->payload);
      self->payload = g_value_dup_string (value);
      break;
    case PROP_SPARSE:
      self->sparse = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_forensic_mark_get_property (GObject *object, guint id, GValue *value,
                                GParamSpec *pspec)
{
  GstForensicMark *self = GST_FORENSIC_MARK (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_CHANNEL:
      g_value_set_string (value, self->channel);
      break;
    case PROP_VARIANT:
      g_value_set_enum (value, (gint)self->variant);
      break;
    case PROP_SEGMENT_DURATION:
      g_value_set_uint64 (value, self->duration90);
      break;
    case PROP_SPARSE:
      g_value_set_uint (value, self->sparse);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_forensic_mark_finalize (GObject *object)
{
  GstForensicMark *self = GST_FORENSIC_MARK (object);

  he_mark_source_free (self->source);
  gst_mark_cuda_free (self->cuda);
  he_secret_unref (self->key);
  g_free (self->channel);
  g_free (self->payload);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
install_properties (GObjectClass *object_class)
{
  const GParamFlags flags
      = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  props[PROP_KEY] = g_param_spec_string (
      "key", "Key", "Mark key: 64 hex digits, or file:PATH", NULL,
      G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  props[PROP_CHANNEL] = g_param_spec_string (
      "channel", "Channel", "Name of the channel: its pattern is its own", NULL, flags);
  props[PROP_VARIANT] = g_param_spec_enum ("variant", "Variant", "Which mark to embed",
                                           GST_TYPE_MARK_VARIANT, HE_VARIANT_NONE, flags);
  props[PROP_SEGMENT_DURATION]
      = g_param_spec_uint64 ("segment-duration", "Segment duration",
                             "Duration of a segment in 90 kHz ticks, where no "
                             "headend-segment event tells its number",
                             1, G_MAXINT64, DEFAULT_DURATION, flags);
  props[PROP_PAYLOAD] = g_param_spec_string (
      "payload", "Payload",
      "Who this copy is for: a number of 64 bits as 16 hex digits, repeated in every "
      "five segments; then the variant tells nothing",
      NULL, G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  props[PROP_SPARSE] = g_param_spec_uint (
      "sparse", "Sparse",
      "Variants a and b differ in one segment of so many; in the others b lets no frame "
      "through",
      1, HE_SPARSE_MAX, 1, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

/* The documentation tells of CUDA memory wherever it is made. */
static void
add_pad (GstElementClass *element_class, const char *name, GstPadDirection direction)
{
  g_autoptr (GstCaps) here = gst_caps_from_string (GST_VIDEO_CAPS_MAKE (FORMATS));
  g_autoptr (GstCaps) all = gst_caps_from_string (GST_VIDEO_CAPS_MAKE (
      FORMATS) "; " GST_VIDEO_CAPS_MAKE_WITH_FEATURES (CUDA_MEMORY, FORMATS));
  GstPadTemplate *template = gst_pad_template_new (
      name, direction, GST_PAD_ALWAYS, gst_mark_cuda_available () ? all : here);

  gst_pad_template_set_documentation_caps (template, gst_caps_ref (all));
  gst_element_class_add_pad_template (element_class, template);
}

static void
gst_forensic_mark_class_init (GstForensicMarkClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (forensicmark_debug, "forensicmark", 0, "forensic watermark");
  object_class->set_property = gst_forensic_mark_set_property;
  object_class->get_property = gst_forensic_mark_get_property;
  object_class->finalize = gst_forensic_mark_finalize;
  install_properties (object_class);

  gst_element_class_set_static_metadata (
      element_class, "Forensic watermark", "Filter/Effect/Video",
      "Puts an invisible keyed mark, variant a or b, into each segment", "gst-headend");
  add_pad (element_class, "sink", GST_PAD_SINK);
  add_pad (element_class, "src", GST_PAD_SRC);

  trans_class->start = gst_forensic_mark_start;
  trans_class->stop = gst_forensic_mark_stop;
  trans_class->set_caps = gst_forensic_mark_set_caps;
  trans_class->sink_event = gst_forensic_mark_sink_event;
  trans_class->propose_allocation = gst_forensic_mark_propose_allocation;
  trans_class->decide_allocation = gst_forensic_mark_decide_allocation;
  trans_class->submit_input_buffer = gst_forensic_mark_submit_input_buffer;
  trans_class->prepare_output_buffer = gst_forensic_mark_prepare_output_buffer;
  trans_class->transform = gst_forensic_mark_transform;
  gst_type_mark_as_plugin_api (GST_TYPE_MARK_VARIANT, 0);
}

static void
gst_forensic_mark_init (GstForensicMark *self)
{
  self->duration90 = DEFAULT_DURATION;
  self->sparse = 1;
}
