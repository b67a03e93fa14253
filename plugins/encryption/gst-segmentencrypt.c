/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-segmentencrypt
 * @title: segmentencrypt
 * @short_description: encrypts the segments of a transport stream with AES-128
 *
 * Takes an MPEG transport stream from a stock muxer and encrypts each of its segments as
 * one message: AES-128-CBC with PKCS#7 padding, as METHOD=AES-128 of HLS asks for. Keys
 * follow from `secret`, `channel`, `tier`, `key-version` and the number of the segment
 * (each serves `key-rotation` of them), and the IV is that number, so that every node
 * makes the same bytes and no key server is asked.
 *
 * Segments begin at force-key-unit events, which mpegtsmux sends immediately before the
 * PAT, PMT and IDR picture of the new segment. Their numbers come from the sticky event
 * `headend-segment`, else from the event's running time / `segment-duration`. In a stream
 * without video `headend-segment` itself begins a segment. Data before any of these
 * begins the segment in which its running time lies, which mpegtsmux counts from 0.
 *
 * The padded end of a segment is always pushed before the force-key-unit event of the
 * next, and each segment gets exactly one, so that `multifilesink
 * next-file=key-unit-event` writes one file a segment. mpegtsmux needs alignment=0, or
 * packets of the old segment follow the event. `streamheader` is dropped from the caps:
 * sinks would write it in clear ahead of the cipher.
 *
 * After each segment the element posts the message `segmentencrypt-segment` with msn
 * (guint64), key-version (guint), key-period (guint64: msn / key-rotation) and bytes
 * (guint64, encrypted).
 *
 * ## Example
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=250 \
 *   ! video/x-raw,width=320,height=180,framerate=25/1 \
 *   ! epochalign ! segmentencoder encoder="x264enc speed-preset=ultrafast" \
 *   ! h264parse ! mpegtsmux alignment=0 \
 *   ! segmentencrypt channel=demo secret=$(openssl rand -hex 32) \
 *   ! multifilesink next-file=key-unit-event location=segment%05d.ts
 * ]|
 */
#include "config.h"
#include "gst-segmentencrypt.h"

#include "gst-headend.h"
#include "he-boundary.h"
#include "he-codec.h"
#include "he-error.h"
#include "he-keys.h"
#include "he-segment-cipher.h"

#include <gst/video/video.h>

GST_DEBUG_CATEGORY_STATIC (segmentencrypt_debug);
#define GST_CAT_DEFAULT segmentencrypt_debug

enum {
  PROP_0,
  PROP_SECRET,
  PROP_CHANNEL,
  PROP_TIER,
  PROP_KEY_VERSION,
  PROP_KEY_ROTATION,
  PROP_SEGMENT_DURATION,
};

struct _GstSegmentEncrypt {
  GstElement parent;
  GstPad *sinkpad, *srcpad;

  /* Settings: under the object lock, fixed from READY to PAUSED on. */
  HeSecret *secret;
  char *channel, *tier;
  guint key_version, key_rotation;
  guint64 segment_duration;

  /* Streaming: under the sink pad's stream lock. */
  HeSegmentCipher *cipher;
  HeBoundary boundary;
  GstSegment segment;
  GstClockTime last_pts;
  guint64 bytes; /* of the open segment, encrypted */
};

G_DEFINE_TYPE (GstSegmentEncrypt, gst_segment_encrypt, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (segmentencrypt, "segmentencrypt", GST_RANK_NONE,
                                       GST_TYPE_SEGMENT_ENCRYPT,
                                       GST_DEBUG_CATEGORY_INIT (segmentencrypt_debug,
                                                                "segmentencrypt", 0,
                                                                "segment encryption"));

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE (
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/mpegts"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE (
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("application/octet-stream; video/mpegts"));

static guint64
running_time (GstSegmentEncrypt *self, GstClockTime time)
{
  if (self->segment.format != GST_FORMAT_TIME || !GST_CLOCK_TIME_IS_VALID (time))
    return HE_BOUNDARY_NO_TIME;
  return gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME, time);
}

/* Takes bytes; nothing is pushed when no block was completed. like: where the times and
 * flags come from, or NULL for the end of a segment. */
static GstFlowReturn
push (GstSegmentEncrypt *self, GByteArray *bytes, GstBuffer *like)
{
  g_autoptr (GBytes) whole = NULL;
  GstBuffer *out;

  if (bytes->len == 0) {
    g_byte_array_unref (bytes);
    return GST_FLOW_OK;
  }
  self->bytes += bytes->len;
  whole = g_byte_array_free_to_bytes (bytes);
  out = gst_buffer_new_wrapped_bytes (whole);
  if (like != NULL)
    gst_buffer_copy_into (out, like, GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS,
                          0, -1);
  else
    GST_BUFFER_PTS (out) = self->last_pts;
  return gst_pad_push (self->srcpad, out);
}

static void
end_segment (GstSegmentEncrypt *self, guint64 msn)
{
  GByteArray *rest;
  GstStructure *end;
  GstFlowReturn flow;

  if (self->cipher == NULL || !he_segment_cipher_is_open (self->cipher))
    return;
  rest = g_byte_array_new ();
  he_segment_cipher_finish (self->cipher, rest);
  flow = push (self, rest, NULL);
  if (flow != GST_FLOW_OK)
    GST_DEBUG_OBJECT (self, "segment %" G_GUINT64_FORMAT " ended in %s", msn,
                      gst_flow_get_name (flow));
  end = gst_structure_new ("segmentencrypt-segment", "msn", G_TYPE_UINT64, msn,
                           "key-version", G_TYPE_UINT, self->key_version, "key-period",
                           G_TYPE_UINT64, he_key_period (msn, self->key_rotation),
                           "bytes", G_TYPE_UINT64, self->bytes, NULL);
  gst_element_post_message (GST_ELEMENT (self),
                            gst_message_new_element (GST_OBJECT (self), end));
}

static void
begin_segment (GstSegmentEncrypt *self)
{
  GST_DEBUG_OBJECT (self, "segment %" G_GUINT64_FORMAT, self->boundary.msn);
  he_segment_cipher_begin (self->cipher, self->boundary.msn);
  self->bytes = 0;
}

/* Also after EOS and a flush: what comes then is another stream. */
static void
forget_stream (GstSegmentEncrypt *self)
{
  he_boundary_init (&self->boundary, self->segment_duration);
  self->last_pts = GST_CLOCK_TIME_NONE;
}

static GstFlowReturn
gst_segment_encrypt_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstSegmentEncrypt *self = GST_SEGMENT_ENCRYPT (parent);
  GByteArray *out;
  GstMapInfo map;
  GstFlowReturn flow;

  if (he_boundary_data (&self->boundary, running_time (self, GST_BUFFER_PTS (buffer))))
    begin_segment (self);
  if (!self->boundary.open) {
    gst_headend_element_error (
        GST_ELEMENT (self),
        g_error_new (
            HE_ERROR, HE_ERROR_LIMIT,
            "the stream begins with a buffer without a time, so the number of its"
            " segment is unknown; put the element behind mpegtsmux alignment=0"));
    gst_buffer_unref (buffer);
    return GST_FLOW_ERROR;
  }
  if (!gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    gst_headend_element_error (
        GST_ELEMENT (self),
        g_error_new (HE_ERROR, HE_ERROR_IO, "the memory of a buffer cannot be read"));
    gst_buffer_unref (buffer);
    return GST_FLOW_ERROR;
  }
  out = g_byte_array_sized_new ((guint)map.size + 32);
  he_segment_cipher_update (self->cipher, map.data, map.size, out);
  gst_buffer_unmap (buffer, &map);
  if (GST_BUFFER_PTS_IS_VALID (buffer))
    self->last_pts = GST_BUFFER_PTS (buffer);
  flow = push (self, out, buffer);
  gst_buffer_unref (buffer);
  return flow;
}

static gboolean
handle_announcement (GstSegmentEncrypt *self, GstEvent *event,
                     const GstHeadendSegment *segment)
{
  guint64 old = self->boundary.msn;
  gboolean had_key_units = self->boundary.has_key_units;

  if (he_boundary_announce (&self->boundary, segment->msn, segment->duration90)) {
    if (had_key_units)
      GST_WARNING_OBJECT (self, "key units stopped: segments no longer begin with PAT,"
                                " PMT and IDR");
    end_segment (self, old);
    gst_pad_push_event (self->srcpad, gst_headend_key_unit_event_new (segment));
    begin_segment (self);
  }
  return gst_pad_push_event (self->srcpad, event);
}

static gboolean
handle_key_unit (GstSegmentEncrypt *self, GstEvent *event)
{
  GstClockTime timestamp, stream_time, running;
  gboolean all_headers;
  guint count;
  guint64 old = self->boundary.msn;

  if (!gst_video_event_parse_downstream_force_key_unit (event, &timestamp, &stream_time,
                                                        &running, &all_headers, &count)
      || !he_boundary_key_unit (&self->boundary, count, running)) {
    /* A cut in the middle of a segment would leave two files that nobody can open. */
    GST_DEBUG_OBJECT (self, "dropped a key unit within segment %" G_GUINT64_FORMAT, old);
    gst_event_unref (event);
    return TRUE;
  }
  gst_event_unref (event);
  end_segment (self, old);
  begin_segment (self);
  /* With the number as count: sinks take a repeated count for the same key unit. */
  return gst_pad_push_event (self->srcpad, gst_video_event_new_downstream_force_key_unit (
                                               timestamp, stream_time, running,
                                               all_headers, (guint)self->boundary.msn));
}

static gboolean
handle_caps (GstSegmentEncrypt *self, GstEvent *event)
{
  g_autoptr (GstCaps) wanted = gst_caps_new_empty_simple ("application/octet-stream");
  GstCaps *caps;

  /* Encrypted bytes are no transport stream; say so where the peer lets us. */
  if (!gst_pad_peer_query_accept_caps (self->srcpad, wanted)) {
    gst_event_parse_caps (event, &caps);
    gst_caps_take (&wanted, gst_caps_copy (caps));
    gst_structure_remove_field (gst_caps_get_structure (wanted, 0), "streamheader");
  }
  gst_event_unref (event);
  return gst_pad_push_event (self->srcpad, gst_event_new_caps (wanted));
}

static gboolean
gst_segment_encrypt_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstSegmentEncrypt *self = GST_SEGMENT_ENCRYPT (parent);
  GstHeadendSegment segment;

  if (gst_headend_segment_event_parse (event, &segment))
    return handle_announcement (self, event, &segment);
  if (GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_DOWNSTREAM
      && gst_video_event_is_force_key_unit (event))
    return handle_key_unit (self, event);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      return handle_caps (self, event);
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (event, &self->segment);
      break;
    case GST_EVENT_EOS:
      end_segment (self, self->boundary.msn);
      forget_stream (self);
      break;
    case GST_EVENT_FLUSH_STOP:
      if (self->cipher != NULL)
        he_segment_cipher_abandon (self->cipher);
      gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
      forget_stream (self);
      break;
    default:
      break;
  }
  return gst_pad_event_default (pad, parent, event);
}

/* Everything a person can have forgotten, in the order in which it stands above. */
static gboolean
check_settings (GstSegmentEncrypt *self, GError **error)
{
  if (self->secret == NULL) {
    g_set_error (
        error, HE_ERROR, HE_ERROR_INVALID,
        "property secret is not set, or was refused; give it 64 hexadecimal digits"
        " (openssl rand -hex 32), or file:PATH of a file with mode 600");
    return FALSE;
  }
  if (!he_name_is_valid (self->channel)) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "property channel is %s; give it a name of A-Z a-z 0-9 _ -",
                 self->channel != NULL ? "no valid name" : "not set");
    return FALSE;
  }
  if (!he_name_is_valid (self->tier)) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "property tier is no valid name; give it a name of A-Z a-z 0-9 _ -");
    return FALSE;
  }
  return TRUE;
}

static gboolean
start (GstSegmentEncrypt *self)
{
  GError *error = NULL;

  GST_OBJECT_LOCK (self);
  if (check_settings (self, &error))
    self->cipher = he_segment_cipher_new (self->secret, self->key_version, self->channel,
                                          self->tier, self->key_rotation);
  GST_OBJECT_UNLOCK (self);
  if (error != NULL) {
    gst_headend_element_error (GST_ELEMENT (self), error);
    return FALSE;
  }
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  forget_stream (self);
  return TRUE;
}

static GstStateChangeReturn
gst_segment_encrypt_change_state (GstElement *element, GstStateChange transition)
{
  GstSegmentEncrypt *self = GST_SEGMENT_ENCRYPT (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !start (self))
    return GST_STATE_CHANGE_FAILURE;
  result = GST_ELEMENT_CLASS (gst_segment_encrypt_parent_class)
               ->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    g_clear_pointer (&self->cipher, he_segment_cipher_free);
  return result;
}

static void
gst_segment_encrypt_set_property (GObject *object, guint id, const GValue *value,
                                  GParamSpec *pspec)
{
  GstSegmentEncrypt *self = GST_SEGMENT_ENCRYPT (object);
  HeSecret *secret
      = id == PROP_SECRET ? gst_headend_secret_from_value (object, pspec, value) : NULL;

  GST_OBJECT_LOCK (self);
  if (!gst_headend_may_set (GST_ELEMENT (self), pspec))
    id = PROP_0;
  switch (id) {
    case PROP_0:
      he_secret_unref (secret);
      break;
    case PROP_SECRET:
      he_secret_unref (self->secret);
      self->secret = secret;
      break;
    case PROP_CHANNEL:
      g_free (self->channel);
      self->channel = g_value_dup_string (value);
      break;
    case PROP_TIER:
      g_free (self->tier);
      self->tier = g_value_dup_string (value);
      break;
    case PROP_KEY_VERSION:
      self->key_version = g_value_get_uint (value);
      break;
    case PROP_KEY_ROTATION:
      self->key_rotation = g_value_get_uint (value);
      break;
    case PROP_SEGMENT_DURATION:
      self->segment_duration = g_value_get_uint64 (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_segment_encrypt_get_property (GObject *object, guint id, GValue *value,
                                  GParamSpec *pspec)
{
  GstSegmentEncrypt *self = GST_SEGMENT_ENCRYPT (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_CHANNEL:
      g_value_set_string (value, self->channel);
      break;
    case PROP_TIER:
      g_value_set_string (value, self->tier);
      break;
    case PROP_KEY_VERSION:
      g_value_set_uint (value, self->key_version);
      break;
    case PROP_KEY_ROTATION:
      g_value_set_uint (value, self->key_rotation);
      break;
    case PROP_SEGMENT_DURATION:
      g_value_set_uint64 (value, self->segment_duration);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_segment_encrypt_finalize (GObject *object)
{
  GstSegmentEncrypt *self = GST_SEGMENT_ENCRYPT (object);

  he_segment_cipher_free (self->cipher);
  he_secret_unref (self->secret);
  g_free (self->channel);
  g_free (self->tier);
  G_OBJECT_CLASS (gst_segment_encrypt_parent_class)->finalize (object);
}

static void
install_properties (GObjectClass *object_class)
{
  const GParamFlags ready
      = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  g_object_class_install_property (
      object_class, PROP_SECRET,
      g_param_spec_string (
          "secret", "Secret",
          "Content secret: 64 hex digits, or file:PATH of a private file", NULL,
          ready & ~G_PARAM_READABLE));
  g_object_class_install_property (
      object_class, PROP_CHANNEL,
      g_param_spec_string ("channel", "Channel", "Name of the channel", NULL, ready));
  g_object_class_install_property (
      object_class, PROP_TIER,
      g_param_spec_string ("tier", "Tier", "Rights tier of the keys", "base", ready));
  g_object_class_install_property (object_class, PROP_KEY_VERSION,
                                   g_param_spec_uint ("key-version", "Key version",
                                                      "Raise it to replace every key", 0,
                                                      G_MAXUINT, 1, ready));
  g_object_class_install_property (object_class, PROP_KEY_ROTATION,
                                   g_param_spec_uint ("key-rotation", "Key rotation",
                                                      "Segments per key", 1, G_MAXUINT,
                                                      30, ready));
  g_object_class_install_property (
      object_class, PROP_SEGMENT_DURATION,
      g_param_spec_uint64 ("segment-duration", "Segment duration",
                           "Segment duration in 90 kHz ticks, where no event tells it", 1,
                           G_MAXINT64, 180000, ready));
}

static void
gst_segment_encrypt_class_init (GstSegmentEncryptClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->set_property = gst_segment_encrypt_set_property;
  object_class->get_property = gst_segment_encrypt_get_property;
  object_class->finalize = gst_segment_encrypt_finalize;
  element_class->change_state = gst_segment_encrypt_change_state;
  install_properties (object_class);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (
      element_class, "Segment encrypter", "Filter/Encryptor/Network",
      "Encrypts the segments of a transport stream with AES-128 under a key schedule",
      PACKAGE_NAME " authors");
}

static void
gst_segment_encrypt_init (GstSegmentEncrypt *self)
{
  self->tier = g_strdup ("base");
  self->key_version = 1;
  self->key_rotation = 30;
  self->segment_duration = 180000;
  forget_stream (self);

  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, gst_segment_encrypt_chain);
  gst_pad_set_event_function (self->sinkpad, gst_segment_encrypt_event);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);
  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);
}
