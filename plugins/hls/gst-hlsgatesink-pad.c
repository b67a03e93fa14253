/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-hlsgatesink-pad.h"

#include "gst-headend.h"
#include "he-codecs.h"
#include "he-epoch.h"

/* What a master playlist says of a stream that nobody described. Nothing is measured:
 * two nodes must write the same text. */
#define DEFAULT_VIDEO_BANDWIDTH 2500000
#define DEFAULT_AUDIO_BANDWIDTH 160000

enum {
  PROP_0,
  PROP_RENDITION,
  PROP_BANDWIDTH,
  PROP_AVERAGE_BANDWIDTH,
  PROP_CODECS,
  PROP_LANGUAGE,
  PROP_CLOSED_GOPS,
};

G_DEFINE_TYPE (GstHlsGateSinkPad, gst_hls_gate_sink_pad, GST_TYPE_PAD)

static void
set_string (char **field, const GValue *value)
{
  g_free (*field);
  *field = g_value_dup_string (value);
}

static void
gst_hls_gate_sink_pad_set_property (GObject *object, guint id, const GValue *value,
                                    GParamSpec *pspec)
{
  GstHlsGateSinkPad *self = GST_HLS_GATE_SINK_PAD (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_RENDITION:
      set_string (&self->rendition, value);
      break;
    case PROP_BANDWIDTH:
      self->bandwidth = g_value_get_uint (value);
      break;
    case PROP_AVERAGE_BANDWIDTH:
      self->average_bandwidth = g_value_get_uint (value);
      break;
    case PROP_CODECS:
      set_string (&self->codecs, value);
      break;
    case PROP_LANGUAGE:
      set_string (&self->language, value);
      break;
    case PROP_CLOSED_GOPS:
      self->closed_gops = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_hls_gate_sink_pad_get_property (GObject *object, guint id, GValue *value,
                                    GParamSpec *pspec)
{
  GstHlsGateSinkPad *self = GST_HLS_GATE_SINK_PAD (object);

  if (id == PROP_RENDITION) {
    g_value_take_string (value, gst_hls_gate_sink_pad_dup_rendition (self));
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_BANDWIDTH:
      g_value_set_uint (value, self->bandwidth);
      break;
    case PROP_AVERAGE_BANDWIDTH:
      g_value_set_uint (value, self->average_bandwidth);
      break;
    case PROP_CODECS:
      g_value_set_string (value, self->codecs);
      break;
    case PROP_LANGUAGE:
      g_value_set_string (value, self->language);
      break;
    case PROP_CLOSED_GOPS:
      g_value_set_boolean (value, self->closed_gops);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_hls_gate_sink_pad_finalize (GObject *object)
{
  GstHlsGateSinkPad *self = GST_HLS_GATE_SINK_PAD (object);

  he_packager_free (self->packager);
  g_free (self->rendition);
  g_free (self->codecs);
  g_free (self->language);
  g_free (self->caps_codecs);
  G_OBJECT_CLASS (gst_hls_gate_sink_pad_parent_class)->finalize (object);
}

static void
gst_hls_gate_sink_pad_class_init (GstHlsGateSinkPadClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags
      = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  object_class->set_property = gst_hls_gate_sink_pad_set_property;
  object_class->get_property = gst_hls_gate_sink_pad_get_property;
  object_class->finalize = gst_hls_gate_sink_pad_finalize;
  g_object_class_install_property (
      object_class, PROP_RENDITION,
      g_param_spec_string ("rendition", "Rendition",
                           "Name of the rendition, a part of its URIs; a video_b pad has "
                           "that of its video pad (unset: video0, audio0, …)",
                           NULL, flags));
  g_object_class_install_property (
      object_class, PROP_BANDWIDTH,
      g_param_spec_uint ("bandwidth", "Bandwidth",
                         "Peak bit/s told to players, audio included for video "
                         "(0: 2500000 for video, 160000 for audio)",
                         0, G_MAXUINT, 0, flags));
  g_object_class_install_property (
      object_class, PROP_AVERAGE_BANDWIDTH,
      g_param_spec_uint ("average-bandwidth", "Average bandwidth",
                         "Average bit/s told to players (0: not told)", 0, G_MAXUINT, 0,
                         flags));
  g_object_class_install_property (
      object_class, PROP_CODECS,
      g_param_spec_string ("codecs", "Codecs",
                           "RFC 6381 codec name told to players, such as avc1.4D401E "
                           "(unset: from caps)",
                           NULL, flags));
  g_object_class_install_property (
      object_class, PROP_LANGUAGE,
      g_param_spec_string ("language", "Language",
                           "RFC 5646 language of an audio rendition, such as en", NULL,
                           flags));
  g_object_class_install_property (
      object_class, PROP_CLOSED_GOPS,
      g_param_spec_boolean ("closed-gops", "Closed GOPs",
                            "Every video segment can be decoded without another, as "
                            "those of segmentencoder can: said in the playlist when all "
                            "video pads have it. Nothing checks it",
                            FALSE, flags));
}

static void
gst_hls_gate_sink_pad_init (GstHlsGateSinkPad *self)
{
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
}

char *
gst_hls_gate_sink_pad_dup_rendition (GstHlsGateSinkPad *self)
{
  char *name;

  GST_OBJECT_LOCK (self);
  if (self->rendition != NULL)
    name = g_strdup (self->rendition);
  else
    name = g_strdup_printf (self->is_video ? "video%u" : "audio%u", self->index);
  GST_OBJECT_UNLOCK (self);
  return name;
}

static HeTsCodec
codec_of (const GstStructure *s)
{
  return gst_structure_has_name (s, "video/x-h264")   ? HE_TS_H264
         : gst_structure_has_name (s, "video/x-h265") ? HE_TS_H265
                                                      : HE_TS_ADTS;
}

static char *
codecs_of (HeTsCodec codec, const GstStructure *s)
{
  const char *profile = gst_structure_get_string (s, "profile");
  const char *level = gst_structure_get_string (s, "level");

  if (codec == HE_TS_H264)
    return he_codecs_h264 (profile, level);
  if (codec == HE_TS_H265)
    return he_codecs_h265 (profile, gst_structure_get_string (s, "tier"), level);
  return he_codecs_aac (profile);
}

gboolean
gst_hls_gate_sink_pad_set_caps (GstHlsGateSinkPad *self, GstCaps *caps)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  HeTsCodec codec = codec_of (s);
  gint width = 0, height = 0, fps_n = 0, fps_d = 1, channels = 0;

  if (self->packager != NULL && codec != self->codec)
    return FALSE;
  gst_structure_get_int (s, "width", &width);
  gst_structure_get_int (s, "height", &height);
  gst_structure_get_fraction (s, "framerate", &fps_n, &fps_d);
  gst_structure_get_int (s, "channels", &channels);
  GST_OBJECT_LOCK (self);
  self->codec = codec;
  self->video_range = gst_headend_video_range (s);
  self->width = (guint)MAX (width, 0);
  self->height = (guint)MAX (height, 0);
  self->fps_n = (guint)MAX (fps_n, 0);
  self->fps_d = (guint)MAX (fps_d, 1);
  self->channels = (guint)MAX (channels, 0);
  g_free (self->caps_codecs);
  self->caps_codecs = codecs_of (codec, s);
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

HeRendition *
gst_hls_gate_sink_pad_describe (GstHlsGateSinkPad *self)
{
  g_autofree char *name = gst_hls_gate_sink_pad_dup_rendition (self);
  gboolean video = self->is_video;
  HeRendition *r = he_rendition_new (name, video ? HE_MEDIA_VIDEO : HE_MEDIA_AUDIO);

  GST_OBJECT_LOCK (self);
  r->bandwidth = self->bandwidth > 0 ? self->bandwidth
                 : video             ? DEFAULT_VIDEO_BANDWIDTH
                                     : DEFAULT_AUDIO_BANDWIDTH;
  r->average_bandwidth = self->average_bandwidth;
  g_free (r->codecs);
  r->codecs = g_strdup (self->codecs != NULL ? self->codecs : self->caps_codecs);
  g_free (r->language);
  r->language = g_strdup (self->language);
  r->video_range = self->video_range;
  r->width = self->width;
  r->height = self->height;
  r->fps_n = self->fps_n;
  r->fps_d = self->fps_d;
  r->channels = self->channels;
  r->open_gops = video && !self->closed_gops;
  GST_OBJECT_UNLOCK (self);
  return r;
}

/* Epoch ticks of a time, modulo 2^64 when it is before zero, as the first DTS may be. */
static gboolean
epoch_ticks (const GstHlsGateSinkPad *self, GstClockTime time, gboolean negative,
             guint64 *ret_ticks)
{
  guint64 epoch;
  int sign;

  if (!GST_CLOCK_TIME_IS_VALID (time))
    return FALSE;
  sign = self->on_timeline
             ? gst_segment_to_stream_time_full (&self->segment, GST_FORMAT_TIME, time,
                                                &epoch)
             : gst_segment_to_running_time_full (&self->segment, GST_FORMAT_TIME, time,
                                                 &epoch);
  if (sign == 0 || (sign < 0 && !negative))
    return FALSE;
  *ret_ticks = he_ticks_from_ns (epoch);
  if (sign < 0)
    *ret_ticks = 0 - *ret_ticks;
  return TRUE;
}

gboolean
gst_hls_gate_sink_pad_times (GstHlsGateSinkPad *self, GstBuffer *buffer,
                             HeUnitInfo *ret_info)
{
  gboolean video = self->is_video;
  HeUnitInfo info = {
    .keyframe = !video || !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT),
    .discont = GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DISCONT),
  };

  if (!epoch_ticks (self, GST_BUFFER_PTS (buffer), FALSE, &info.pts90))
    return FALSE;
  if (!video || !epoch_ticks (self, GST_BUFFER_DTS (buffer), TRUE, &info.dts90)
      || (gint64)(info.pts90 - info.dts90) < 0)
    info.dts90 = info.pts90;
  if (GST_BUFFER_DURATION_IS_VALID (buffer))
    info.length90 = he_ticks_from_ns (GST_BUFFER_DURATION (buffer));
  *ret_info = info;
  return TRUE;
}
