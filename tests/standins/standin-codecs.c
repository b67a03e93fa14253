/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "standins.h"

#include <gst/video/video.h>
#include <string.h>

/* --- Encoders ---------------------------------------------------------------- */

/* 64x64 black, by x264 and x265: a keyframe with its parameter sets, and a picture that
 * changes nothing. Whoever decodes more than one of each is told nonsense. */
static const guint8 h264_key[]
    = { 0x00, 0x00, 0x00, 0x01, 0x67, 0x4d, 0x50, 0x0b, 0xda, 0x10, 0x9b, 0x01,
        0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x28, 0xf1,
        0x22, 0x6a, 0x00, 0x00, 0x00, 0x01, 0x68, 0xee, 0x3c, 0x80, 0x00, 0x00,
        0x00, 0x01, 0x65, 0x88, 0x84, 0x06, 0xab, 0xfe, 0xf7, 0xd4, 0xb7, 0xcc,
        0xb2, 0xee, 0x07, 0x22, 0xb6, 0x0b, 0xa8, 0xf7, 0xa2, 0x9c, 0x8c, 0x81,
        0xee, 0x0c, 0x19, 0x51, 0xa2, 0x7c, 0x81, 0xbd, 0x7b, 0x46, 0xcd };
static const guint8 h264_delta[] = { 0x00, 0x00, 0x00, 0x01, 0x41, 0x9a, 0x22,
                                     0x0d, 0x57, 0xfe, 0xda, 0xa6, 0xa3, 0x40 };
static const guint8 h265_key[]
    = { 0x00, 0x00, 0x00, 0x01, 0x40, 0x01, 0x0c, 0x01, 0xff, 0xff, 0x01, 0x60,
        0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00,
        0x1e, 0xba, 0x02, 0x40, 0x00, 0x00, 0x00, 0x01, 0x42, 0x01, 0x01, 0x01,
        0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03,
        0x00, 0x1e, 0xa0, 0x20, 0x81, 0x05, 0x96, 0xe9, 0x29, 0x30, 0xbf, 0xfc,
        0x00, 0x04, 0x00, 0x05, 0xa8, 0x30, 0x30, 0x30, 0x20, 0x00, 0x00, 0x03,
        0x00, 0x20, 0x00, 0x00, 0x03, 0x03, 0x21, 0x00, 0x00, 0x00, 0x01, 0x44,
        0x01, 0xc0, 0x73, 0xc0, 0x89, 0x00, 0x00, 0x00, 0x01, 0x28, 0x01, 0xac,
        0x46, 0x05, 0xbf, 0xff, 0xd7, 0x30, 0xa6, 0xf9, 0x70 };
static const guint8 h265_delta[]
    = { 0x00, 0x00, 0x00, 0x01, 0x02, 0x01, 0xd0, 0x09, 0x78, 0x86, 0xc0, 0xa1, 0x0c };

static const struct {
  const guint8 *data;
  gsize size;
} pictures[2][2] = {
  { { h264_delta, sizeof h264_delta }, { h264_key, sizeof h264_key } },
  { { h265_delta, sizeof h265_delta }, { h265_key, sizeof h265_key } },
};

typedef struct {
  GstVideoEncoder parent;
  gint64 since_key;
} StandinEncoder;

typedef struct {
  GstVideoEncoderClass parent;
} StandinEncoderClass;

/* Frames from keyframe to keyframe unless forced; -1: never, as far as it goes. */
static gint64
key_distance (GObject *self)
{
  static const char *const names[] = { "gop-size", "key-int-max" };
  GObjectClass *klass = G_OBJECT_GET_CLASS (self);

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    GParamSpec *pspec = g_object_class_find_property (klass, names[i]);
    g_auto (GValue) value = G_VALUE_INIT;
    g_auto (GValue) wide = G_VALUE_INIT;

    if (pspec == NULL)
      continue;
    g_value_init (&value, pspec->value_type);
    g_value_init (&wide, G_TYPE_INT64);
    g_object_get_property (self, names[i], &value);
    g_value_transform (&value, &wide);
    return g_value_get_int64 (&wide);
  }
  return -1;
}

/* As the real ones do, to have room for DTS below zero. */
static gboolean
encoder_start (GstVideoEncoder *encoder)
{
  gst_video_encoder_set_min_pts (encoder, GST_SECOND * 60 * 60 * 1000);
  ((StandinEncoder *)encoder)->since_key = 0;
  return TRUE;
}

static gboolean
encoder_set_format (GstVideoEncoder *encoder, GstVideoCodecState *input)
{
  g_autoptr (GstCaps) allowed
      = gst_pad_get_allowed_caps (GST_VIDEO_ENCODER_SRC_PAD (encoder));
  GstStructure *structure;
  GstVideoCodecState *output;
  GstCaps *caps;

  if (allowed == NULL || gst_caps_is_empty (allowed))
    return FALSE;
  caps = gst_caps_truncate (gst_caps_make_writable (g_steal_pointer (&allowed)));
  structure = gst_caps_get_structure (caps, 0);
  gst_structure_set (structure, "width", G_TYPE_INT, input->info.width, "height",
                     G_TYPE_INT, input->info.height, NULL);
  gst_structure_fixate (structure);
  output = gst_video_encoder_set_output_state (encoder, caps, input);
  gst_video_codec_state_unref (output);
  return gst_video_encoder_negotiate (encoder);
}

static GstFlowReturn
encoder_handle_frame (GstVideoEncoder *encoder, GstVideoCodecFrame *frame)
{
  StandinEncoder *self = (StandinEncoder *)encoder;
  const StandinRecord *record = standin_record (G_OBJECT_GET_CLASS (encoder));
  gint64 distance = key_distance (G_OBJECT (encoder));
  gboolean key = frame->system_frame_number == 0
                 || GST_VIDEO_CODEC_FRAME_IS_FORCE_KEYFRAME (frame)
                 || (distance > 0 && self->since_key >= distance);
  guint codec = strstr (record->src, "x-h265") != NULL;

  self->since_key = key ? 1 : self->since_key + 1;
  if (key)
    GST_VIDEO_CODEC_FRAME_SET_SYNC_POINT (frame);
  frame->output_buffer
      = gst_buffer_new_memdup (pictures[codec][key].data, pictures[codec][key].size);
  frame->dts = frame->pts;
  return gst_video_encoder_finish_frame (encoder, frame);
}

static void
encoder_class_init (gpointer klass, gpointer data)
{
  GstVideoEncoderClass *encoder_class = klass;

  standin_set_record (klass, data);
  standin_add_pads (klass, data);
  standin_properties_install (klass, data);
  encoder_class->start = encoder_start;
  encoder_class->set_format = encoder_set_format;
  encoder_class->handle_frame = encoder_handle_frame;
}

static GType
subtype (GType parent, const char *name, const StandinRecord *record, gsize class_size,
         gsize instance_size, GClassInitFunc class_init, GInstanceInitFunc init)
{
  const GTypeInfo info = {
    .class_size = (guint16)class_size,
    .instance_size = (guint16)instance_size,
    .class_init = class_init,
    .class_data = record,
    .instance_init = init,
  };

  return g_type_register_static (parent, name, &info, 0);
}

GType
standin_encoder_type (const StandinRecord *record, const char *name)
{
  return subtype (GST_TYPE_VIDEO_ENCODER, name, record, sizeof (StandinEncoderClass),
                  sizeof (StandinEncoder), encoder_class_init, NULL);
}

/* --- Decoders ---------------------------------------------------------------- */

typedef struct {
  GstVideoDecoder parent;
  gboolean cuda;
} StandinDecoder;

typedef struct {
  GstVideoDecoderClass parent;
} StandinDecoderClass;

/* The first of the memories that downstream takes, as the real ones choose. */
static gboolean
wants_cuda (GstVideoDecoder *decoder)
{
  g_autoptr (GstCaps) allowed
      = gst_pad_get_allowed_caps (GST_VIDEO_DECODER_SRC_PAD (decoder));

  for (guint i = 0; allowed != NULL && i < gst_caps_get_size (allowed); i++)
    if (gst_caps_features_contains (gst_caps_get_features (allowed, i),
                                    "memory:CUDAMemory"))
      return TRUE;
  return FALSE;
}

static gboolean
decoder_set_format (GstVideoDecoder *decoder, GstVideoCodecState *input)
{
  StandinDecoder *self = (StandinDecoder *)decoder;
  GstVideoCodecState *output;

  self->cuda = wants_cuda (decoder);
  output = gst_video_decoder_set_output_state (
      decoder, GST_VIDEO_FORMAT_NV12, input->info.width, input->info.height, input);
  output->caps = gst_video_info_to_caps (&output->info);
  if (self->cuda)
    gst_caps_set_features (output->caps, 0,
                           gst_caps_features_new ("memory:CUDAMemory", NULL));
  gst_video_codec_state_unref (output);
  return gst_video_decoder_negotiate (decoder);
}

static GstFlowReturn
decoder_handle_frame (GstVideoDecoder *decoder, GstVideoCodecFrame *frame)
{
  StandinDecoder *self = (StandinDecoder *)decoder;

  if (!self->cuda) {
    GstFlowReturn ret = gst_video_decoder_allocate_output_frame (decoder, frame);

    return ret == GST_FLOW_OK ? gst_video_decoder_finish_frame (decoder, frame) : ret;
  }
  frame->output_buffer = standin_cuda_frame (NULL);
  return gst_video_decoder_finish_frame (decoder, frame);
}

static void
decoder_class_init (gpointer klass, gpointer data)
{
  GstVideoDecoderClass *decoder_class = klass;

  standin_set_record (klass, data);
  standin_add_pads (klass, data);
  standin_properties_install (klass, data);
  decoder_class->set_format = decoder_set_format;
  decoder_class->handle_frame = decoder_handle_frame;
}

static void
decoder_init (GTypeInstance *instance, gpointer klass)
{
  gst_video_decoder_set_packetized (GST_VIDEO_DECODER (instance), TRUE);
}

GType
standin_decoder_type (const StandinRecord *record, const char *name)
{
  return subtype (GST_TYPE_VIDEO_DECODER, name, record, sizeof (StandinDecoderClass),
                  sizeof (StandinDecoder), decoder_class_init, decoder_init);
}
