/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What flows through hlsgatesink: streams in, segments out. */
#include "gst-hlsgatesink-private.h"

#include <gst/video/video.h>

#include "gst-headend.h"
#include "he-codec.h"
#include "he-error.h"

/* ---- what the outlet says ---- */

void
gst_hls_gate_sink_on_published (const HeSegment *segment, gsize bytes,
                                const guint8 digest[32], gpointer user_data)
{
  GstElement *element = user_data;
  g_autofree char *hex = he_hex_encode (digest, 32);

  GST_LOG_OBJECT (element, "%s %s %" G_GUINT64_FORMAT " is published", segment->rendition,
                  he_variant_name (segment->variant), segment->msn);
  gst_element_post_message (
      element,
      gst_message_new_element (
          GST_OBJECT (element),
          gst_structure_new (
              "hlsgatesink-segment", "rendition", G_TYPE_STRING, segment->rendition,
              "variant", G_TYPE_STRING, he_variant_name (segment->variant), "msn",
              G_TYPE_UINT64, segment->msn, "pts90", G_TYPE_UINT64, segment->pts90,
              "duration90", G_TYPE_UINT64, segment->duration90, "bytes", G_TYPE_UINT64,
              (guint64)bytes, "digest", G_TYPE_STRING, hex, NULL)));
}

void
gst_hls_gate_sink_on_log (const char *line, gpointer user_data)
{
  GST_INFO_OBJECT (user_data, "%s", line);
}

void
gst_hls_gate_sink_on_trouble (const char *line, gpointer user_data)
{
  GST_ELEMENT_WARNING (user_data, RESOURCE, WRITE, ("%s", line), (NULL));
}

void
gst_hls_gate_sink_on_broken (const GError *error, gpointer user_data)
{
  gst_headend_element_error (user_data, g_error_copy (error));
}

/* ---- the channel, once all pads have caps ---- */

/* Whether N of video_N has a video_b_N. Called with the object lock. */
static gboolean
has_variant_b (GstHlsGateSink *self, const GstHlsGateSinkPad *pad)
{
  for (GList *l = GST_ELEMENT_CAST (self)->sinkpads; l != NULL; l = l->next) {
    GstHlsGateSinkPad *other = l->data;

    if (other->is_b && other->index == pad->index)
      return pad->is_video;
  }
  return FALSE;
}

/* video_N of video_b_N, itself for every other pad; NULL when there is none. Called with
 * the object lock. */
static GstHlsGateSinkPad *
main_pad (GstHlsGateSink *self, GstHlsGateSinkPad *pad)
{
  if (!pad->is_b)
    return pad;
  for (GList *l = GST_ELEMENT_CAST (self)->sinkpads; l != NULL; l = l->next) {
    GstHlsGateSinkPad *other = l->data;

    if (!other->is_b && other->is_video && other->index == pad->index)
      return other;
  }
  return NULL;
}

/* Viewers are given now a, now b of one rendition. Called with the object lock. */
static gboolean
check_variants (GstHlsGateSink *self, GError **error)
{
  for (GList *l = GST_ELEMENT_CAST (self)->sinkpads; l != NULL; l = l->next) {
    GstHlsGateSinkPad *pad = l->data;
    const GstHlsGateSinkPad *a = main_pad (self, pad);

    if (a == NULL || !a->has_caps || !pad->has_caps || a->codec == pad->codec)
      continue;
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "pad %s has another codec than %s, of which it is variant b; give both "
                 "the same encoder",
                 GST_PAD_NAME (pad), GST_PAD_NAME (a));
    return FALSE;
  }
  return TRUE;
}

static HeChannel *
describe_channel (GstHlsGateSink *self, GError **error)
{
  const GstHlsGateSettings *s = &self->settings;
  g_autoptr (HeChannel) channel = he_channel_new (s->channel);

  channel->duration90 = s->duration90;
  channel->window = s->window;
  channel->encrypted = s->content != NULL;
  channel->key_rotation = s->key_rotation;
  channel->key_version = s->key_version;
  g_free (channel->tier);
  channel->tier = g_strdup (s->tier);
  for (GList *l = GST_ELEMENT_CAST (self)->sinkpads; l != NULL; l = l->next) {
    GstHlsGateSinkPad *pad = l->data;
    g_autoptr (HeRendition) rendition = NULL;

    if (pad->is_b || !pad->has_caps)
      continue;
    rendition = gst_hls_gate_sink_pad_describe (pad);
    rendition->variants = has_variant_b (self, pad);
    if (!he_name_is_valid (rendition->name)
        || he_channel_find (channel, rendition->name) != NULL) {
      g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                   "pad %s: rendition \"%s\" is no valid name, or another pad has it",
                   GST_PAD_NAME (pad), rendition->name);
      return NULL;
    }
    g_ptr_array_add (channel->renditions, g_steal_pointer (&rendition));
  }
  return g_steal_pointer (&channel);
}

/* Nothing is served from b's caps, which sparse marking lets come later. */
gboolean
gst_hls_gate_sink_try_describe (GstHlsGateSink *self)
{
  g_autoptr (HeChannel) channel = NULL;
  g_autoptr (GError) error = NULL;
  gboolean ready;

  GST_OBJECT_LOCK (self);
  /* While an application exchanges its only pad there is none. */
  ready = !self->described && self->outlet != NULL && GST_ELEMENT_CAST (self)->sinkpads;
  for (GList *l = GST_ELEMENT_CAST (self)->sinkpads; l != NULL && ready; l = l->next) {
    GstHlsGateSinkPad *pad = l->data;

    ready = pad->has_caps || pad->eos || pad->is_b;
  }
  if (check_variants (self, &error) && ready) {
    self->described = TRUE;
    channel = describe_channel (self, &error);
  }
  GST_OBJECT_UNLOCK (self);

  if (channel != NULL)
    he_outlet_set_channel (self->outlet, channel, &error);
  if (error == NULL)
    return TRUE;
  gst_headend_element_error (GST_ELEMENT_CAST (self), g_steal_pointer (&error));
  return FALSE;
}

/* ---- streaming ---- */

static void
on_packaged (const HeSegment *segment, GBytes *body, const guint8 digest[32],
             gpointer user_data)
{
  GstHlsGateSinkPad *pad = user_data;
  g_autoptr (GstElement) element = gst_pad_get_parent_element (GST_PAD_CAST (pad));

  pad->warned = FALSE;
  if (element != NULL)
    he_outlet_push (GST_HLS_GATE_SINK (element)->outlet, segment, body, digest);
}

static gboolean
ensure_packager (GstHlsGateSink *self, GstHlsGateSinkPad *pad)
{
  const GstHlsGateSettings *s = &self->settings;
  HePackagerConfig config = { .codec = pad->codec };
  g_autoptr (GstHlsGateSinkPad) owner = NULL;
  g_autofree char *rendition = NULL;

  if (pad->packager != NULL)
    return TRUE;
  GST_OBJECT_LOCK (self);
  owner = main_pad (self, pad);
  if (owner != NULL)
    gst_object_ref (owner);
  config.variant = pad->is_b                   ? HE_VARIANT_B
                   : has_variant_b (self, pad) ? HE_VARIANT_A
                                               : HE_VARIANT_NONE;
  GST_OBJECT_UNLOCK (self);
  if (owner == NULL) {
    GST_ELEMENT_ERROR (
        self, CORE, PAD,
        ("Pad %s has no video_%u beside it.", GST_PAD_NAME (pad), pad->index),
        ("Variant b needs its variant a: request video_%u too.", pad->index));
    return FALSE;
  }
  rendition = gst_hls_gate_sink_pad_dup_rendition (owner);
  /* Settings change below PAUSED only, so they need no lock here. */
  config.channel = s->channel;
  config.rendition = rendition;
  config.duration90 = s->duration90;
  config.content = s->content;
  config.key_version = s->key_version;
  config.key_rotation = s->key_rotation;
  config.tier = s->tier;
  config.recording = s->playlist_type == GST_HLS_GATE_VOD;
  pad->packager = he_packager_new (&config, on_packaged, pad);
  return TRUE;
}

/* A stream that is wrong somewhere goes on: the first problem after a good segment is a
 * warning on the bus, the rest stand in the log. */
static void
warn (GstHlsGateSink *self, GstHlsGateSinkPad *pad, const GError *error)
{
  if (!pad->warned)
    GST_ELEMENT_WARNING (self, STREAM, FORMAT, ("%s", error->message), (NULL));
  else
    GST_WARNING_OBJECT (pad, "%s", error->message);
  pad->warned = TRUE;
}

static void
note_lost (GstHlsGateSinkPad *pad)
{
  GST_OBJECT_LOCK (pad);
  pad->lost = he_packager_dropped (pad->packager);
  GST_OBJECT_UNLOCK (pad);
}

/* Below this a copy costs less than what keeps the buffer. */
#define MIN_SHARED 2048

typedef struct {
  GstBuffer *buffer;
  GstMapInfo map;
} Shared;

static void
shared_free (gpointer data)
{
  Shared *shared = data;

  gst_buffer_unmap (shared->buffer, &shared->map);
  gst_buffer_unref (shared->buffer);
  g_free (shared);
}

/* Whether the buffer may be kept for as long as its segment grows: what belongs to a pool
 * or a device is wanted back. */
static gboolean
may_be_kept (GstBuffer *buffer)
{
  return gst_buffer_get_size (buffer) >= MIN_SHARED && buffer->pool == NULL
         && gst_buffer_get_parent_buffer_meta (buffer) == NULL
         && gst_buffer_n_memory (buffer) == 1
         && gst_memory_is_type (gst_buffer_peek_memory (buffer, 0), GST_ALLOCATOR_SYSMEM);
}

static GBytes *
buffer_bytes (GstBuffer *buffer)
{
  gpointer data;
  gsize len;

  if (may_be_kept (buffer)) {
    Shared *shared = g_new (Shared, 1);

    if (gst_buffer_map (buffer, &shared->map, GST_MAP_READ)) {
      shared->buffer = gst_buffer_ref (buffer);
      return g_bytes_new_with_free_func (shared->map.data, shared->map.size, shared_free,
                                         shared);
    }
    g_free (shared);
  }
  gst_buffer_extract_dup (buffer, 0, gst_buffer_get_size (buffer), &data, &len);
  return g_bytes_new_take (data, len);
}

GstFlowReturn
gst_hls_gate_sink_chain (GstPad *gstpad, GstObject *parent, GstBuffer *buffer)
{
  GstHlsGateSink *self = GST_HLS_GATE_SINK (parent);
  GstHlsGateSinkPad *pad = GST_HLS_GATE_SINK_PAD (gstpad);
  g_autoptr (GstBuffer) owned = buffer;
  g_autoptr (GBytes) data = NULL;
  g_autoptr (GError) error = NULL;
  HeUnitInfo info;

  if (!pad->has_caps)
    return GST_FLOW_NOT_NEGOTIATED;
  if (!ensure_packager (self, pad))
    return GST_FLOW_ERROR;
  if (!gst_hls_gate_sink_pad_times (pad, owned, &info)) {
    GST_WARNING_OBJECT (pad, "dropped: no PTS in the segment: %" GST_PTR_FORMAT, owned);
    return GST_FLOW_OK;
  }
  data = buffer_bytes (owned);
  if (!he_packager_push (pad->packager, &info, data, &error))
    warn (self, pad, error);
  note_lost (pad);
  return GST_FLOW_OK;
}

void
gst_hls_gate_sink_try_eos (GstHlsGateSink *self, guint32 seqnum)
{
  GstElement *element = GST_ELEMENT_CAST (self);
  GError *error = NULL;
  HeOutlet *outlet;
  gboolean all;

  GST_OBJECT_LOCK (self);
  all = element->sinkpads != NULL && !self->eos_posted && self->outlet != NULL;
  for (GList *l = element->sinkpads; l != NULL && all; l = l->next)
    all = ((GstHlsGateSinkPad *)l->data)->eos;
  self->eos_posted |= all;
  outlet = self->outlet;
  GST_OBJECT_UNLOCK (self);
  if (all && !he_outlet_finish (outlet, &error)) {
    gst_headend_element_error (element, error);
  } else if (all) {
    GstMessage *message = gst_message_new_eos (GST_OBJECT (self));

    gst_message_set_seqnum (message, seqnum);
    gst_element_post_message (element, message);
  }
}

static void
set_eos (GstHlsGateSink *self, GstHlsGateSinkPad *pad, gboolean eos)
{
  GST_OBJECT_LOCK (self);
  pad->eos = eos;
  self->eos_posted &= eos;
  GST_OBJECT_UNLOCK (self);
}

static void
handle_eos (GstHlsGateSink *self, GstHlsGateSinkPad *pad, GstEvent *event)
{
  g_autoptr (GError) error = NULL;

  if (pad->packager != NULL) {
    if (!he_packager_end (pad->packager, &error))
      warn (self, pad, error);
    note_lost (pad);
  }
  set_eos (self, pad, TRUE);
  gst_hls_gate_sink_try_describe (self);
  gst_hls_gate_sink_try_eos (self, gst_event_get_seqnum (event));
}

static gboolean
handle_caps (GstHlsGateSink *self, GstHlsGateSinkPad *pad, GstEvent *event)
{
  GstCaps *caps;

  gst_event_parse_caps (event, &caps);
  if (!gst_hls_gate_sink_pad_set_caps (pad, caps)) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
                       ("Pad %s turned into another codec: %s.", GST_PAD_NAME (pad),
                        gst_structure_get_name (gst_caps_get_structure (caps, 0))),
                       ("Players do not follow; begin a channel anew."));
    return FALSE;
  }
  GST_OBJECT_LOCK (self);
  pad->has_caps = TRUE;
  GST_OBJECT_UNLOCK (self);
  return gst_hls_gate_sink_try_describe (self);
}

/* Boundaries and damage. They stand behind the caps, which say what is packaged. */
static gboolean
handle_custom (GstHlsGateSink *self, GstHlsGateSinkPad *pad, GstEvent *event)
{
  GstHeadendSegment segment;
  HeSegmentFlags flags;
  guint64 msn;
  guint generation;
  guint64 start90;
  GError *error = NULL;

  if (!pad->has_caps)
    return TRUE;
  if (gst_headend_segment_event_parse (event, &segment)) {
    if (!ensure_packager (self, pad))
      return FALSE;
    if (!he_packager_boundary (pad->packager, segment.msn, segment.generation,
                               segment.duration90, &error)) {
      gst_headend_element_error (GST_ELEMENT_CAST (self), error);
      return FALSE;
    }
    if (segment.has_signature)
      he_packager_signature (pad->packager, &segment.signature);
    if (segment.unmarked && !he_packager_unmarked (pad->packager, &error)) {
      warn (self, pad, error);
      g_clear_error (&error);
    }
  } else if (gst_headend_status_event_parse (event, &msn, &flags)) {
    if (ensure_packager (self, pad))
      he_packager_status (pad->packager, msn, flags);
  } else if (gst_headend_timeline_event_parse (event, &generation, &start90)) {
    pad->on_timeline = TRUE;
    if (ensure_packager (self, pad))
      he_packager_timeline (pad->packager, generation);
  } else if (gst_video_event_is_force_key_unit (event)) {
    if (ensure_packager (self, pad))
      he_packager_key_unit (pad->packager);
  }
  return TRUE;
}

gboolean
gst_hls_gate_sink_event (GstPad *gstpad, GstObject *parent, GstEvent *event)
{
  GstHlsGateSink *self = GST_HLS_GATE_SINK (parent);
  GstHlsGateSinkPad *pad = GST_HLS_GATE_SINK_PAD (gstpad);
  g_autoptr (GstEvent) owned = event;

  switch (GST_EVENT_TYPE (owned)) {
    case GST_EVENT_CAPS:
      return handle_caps (self, pad, owned);
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (owned, &pad->segment);
      return pad->segment.format == GST_FORMAT_TIME;
    case GST_EVENT_EOS:
      handle_eos (self, pad, owned);
      return TRUE;
    case GST_EVENT_FLUSH_STOP:
      if (pad->packager != NULL)
        he_packager_reset (pad->packager);
      set_eos (self, pad, FALSE);
      return TRUE;
    case GST_EVENT_CUSTOM_DOWNSTREAM:
    case GST_EVENT_CUSTOM_DOWNSTREAM_STICKY:
      return handle_custom (self, pad, owned);
    default:
      return TRUE; /* nothing stands behind us */
  }
}
