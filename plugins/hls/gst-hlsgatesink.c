/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-hlsgatesink
 * @title: hlsgatesink
 * @short_description: protected HLS from elementary streams
 *
 * Takes H.264, H.265 and AAC elementary streams, writes MPEG-TS segments, encrypts them
 * whole with AES-128, and serves them through an embedded gate (#GstHlsGateSink:listen),
 * publishes them to origins (#GstHlsGateSink:origins), puts them with playlists of their
 * own where somebody else serves them (#GstHlsGateSink:destination), or several of these.
 * Segments are numbered by
 * the timeline: number = running time / #GstHlsGateSink:segment-duration, or stream time
 * for what comes straight from epochdemux. They are cut at `headend-segment` events where
 * there are any, else at forced keyframes, else at the first keyframe of each number,
 * which needs a source whose distance of keyframes divides the duration: a warning tells
 * of one that does not, and what to set. What stands before the first boundary, and an
 * unfinished segment at the end, are dropped.
 *
 * Names are `channel` and `node`; a media playlist holds `window` segments, and `anchor`
 * says what its PROGRAM-DATE-TIME counts from. Keys follow from `secret`, `key-version`,
 * `key-rotation` and `tier` as in `segmentencrypt`. What goes to origins is signed with
 * `publish-key`. The embedded gate, bound to `port`, checks tokens by `jwks`,
 * `algorithms`, `issuer` and `audience` and seals sessions with `gate-secret`.
 *
 * At the `destination`, a folder or a web server that takes PUT, stand
 * `CHANNEL/main.m3u8`, `CHANNEL/RENDITION/index.m3u8` and `CHANNEL/RENDITION/MSN.ts`,
 * segments before the playlists that name them. With the `playlist-type` live they list
 * what an origin would; what left the window a window ago is removed from a folder, not
 * from a server. With vod they are written at EOS, and list everything from the first
 * picture to the last segment, as short as it is; EOS is posted when they are there, and
 * a destination that is away holds the streams up, for a minute. No key is put there:
 * playlists point to `key-uri`. A server gets the `credentials`. A warning tells when the
 * destination refuses, and when it is back.
 *
 * A rendition is a `video_N` or `audio_N` pad. With a `video_b_N` pad beside it,
 * `video_N` is variant a of it and the gate gives each viewer a or b. Where
 * `headend-segment` says that a segment is not marked, b's encoder gives nothing, and
 * what a's gave is published under both names. Pads have the
 * properties `rendition`, `bandwidth`, `average-bandwidth`, `codecs`, `closed-gops` and
 * `language`. What they leave open follows from the caps: `codecs` from profile, tier and level, and
 * VIDEO-RANGE from the colorimetry. A stream keeps its codec.
 *
 * For each segment that viewers can get (the embedded origin has it, or the first of
 * #GstHlsGateSink:origins acknowledged it) an element message `hlsgatesink-segment` is
 * posted:
 *
 * * `rendition` (string), `variant` (string: "none", "a", "b"), `msn` (guint64)
 * * `pts90`, `duration90` (guint64): in 90 kHz ticks since the epoch
 * * `bytes` (guint64), `digest` (string): length and SHA-256 of what is served
 *
 * #GstHlsGateSink:stats has `segments`, `bytes` (guint64: handed on), `last-msn`
 * (guint64), `lost` (guint64: begun and not handed on), and, summed over all origins and
 * the destination, `published`, `failed` and `dropped` (guint64), to which what a pad
 * without caps kept from being served is added. Each segment ends as one of the three at
 * each of these places, in READY at the latest.
 *
 * ## Example
 *
 * A test picture behind a gate on any free port, until the end of the stream:
 * |[
 * headend token keygen --dir .
 * gst-launch-1.0 videotestsrc num-buffers=250 \
 *   ! video/x-raw,format=I420,width=320,height=180,framerate=25/1 \
 *   ! x264enc key-int-max=50 option-string=scenecut=0 \
 *   ! h264parse config-interval=-1 \
 *   ! hlsgatesink channel=demo listen=127.0.0.1:0 jwks=tokens.jwks
 * ]|
 */
#include "gst-hlsgatesink.h"

#include <string.h>

#include "gst-headend.h"
#include "gst-hlsgatesink-private.h"
#include "he-codec.h"

GST_DEBUG_CATEGORY (gst_hls_gate_sink_debug);

enum {
  PROP_STATS = GST_HLS_GATE_PROP_LAST,
  PROP_PORT,
};

#define BYTE_STREAM ", stream-format=(string)byte-stream, alignment=(string)au"
#define VIDEO_CAPS "video/x-h264" BYTE_STREAM "; video/x-h265" BYTE_STREAM
#define AUDIO_CAPS "audio/mpeg, mpegversion=(int)4, stream-format=(string)adts"

static GstStaticPadTemplate video_template = GST_STATIC_PAD_TEMPLATE (
    "video_%u", GST_PAD_SINK, GST_PAD_REQUEST, GST_STATIC_CAPS (VIDEO_CAPS));
static GstStaticPadTemplate video_b_template = GST_STATIC_PAD_TEMPLATE (
    "video_b_%u", GST_PAD_SINK, GST_PAD_REQUEST, GST_STATIC_CAPS (VIDEO_CAPS));
static GstStaticPadTemplate audio_template = GST_STATIC_PAD_TEMPLATE (
    "audio_%u", GST_PAD_SINK, GST_PAD_REQUEST, GST_STATIC_CAPS (AUDIO_CAPS));

static void child_proxy_init (gpointer iface, gpointer data);

G_DEFINE_TYPE_WITH_CODE (GstHlsGateSink, gst_hls_gate_sink, GST_TYPE_ELEMENT,
                         G_IMPLEMENT_INTERFACE (GST_TYPE_CHILD_PROXY, child_proxy_init))
GST_ELEMENT_REGISTER_DEFINE (hlsgatesink, "hlsgatesink", GST_RANK_NONE,
                             GST_TYPE_HLS_GATE_SINK)

/* ---- pads ---- */

static gboolean
index_is_taken (GstHlsGateSink *self, GstPadTemplate *template, guint index)
{
  for (GList *l = GST_ELEMENT_CAST (self)->sinkpads; l != NULL; l = l->next)
    if (GST_PAD_PAD_TEMPLATE (l->data) == template
        && GST_HLS_GATE_SINK_PAD (l->data)->index == index)
      return TRUE;
  return FALSE;
}

/* N of the requested name, or the first free one; FALSE when it cannot be had. */
static gboolean
choose_index (GstHlsGateSink *self, GstPadTemplate *template, const char *name,
              guint *ret_index)
{
  guint64 index = 0;
  gboolean free;

  GST_OBJECT_LOCK (self);
  if (name == NULL) {
    while (index_is_taken (self, template, (guint)index))
      index++;
    free = TRUE;
  } else {
    const char *digits = strrchr (name, '_') + 1;

    free = he_uint64_decode (digits, strlen (digits), G_MAXUINT, &index)
           && !index_is_taken (self, template, (guint)index);
  }
  free = free && !self->described;
  GST_OBJECT_UNLOCK (self);
  *ret_index = (guint)index;
  return free;
}

static GstPad *
gst_hls_gate_sink_request_new_pad (GstElement *element, GstPadTemplate *template,
                                   const char *name, const GstCaps *caps)
{
  GstHlsGateSink *self = GST_HLS_GATE_SINK (element);
  const char *pattern = GST_PAD_TEMPLATE_NAME_TEMPLATE (template);
  g_autofree char *prefix = g_strndup (pattern, strlen (pattern) - strlen ("%u"));
  g_autofree char *full = NULL;
  GstHlsGateSinkPad *pad;
  guint index;

  if (!choose_index (self, template, name, &index)) {
    GST_WARNING_OBJECT (self, "no pad %s%s", name != NULL ? name : pattern,
                        self->described ? ": the renditions are fixed once all have caps"
                                        : ": it exists, or its number is none");
    return NULL;
  }
  full = g_strdup_printf ("%s%u", prefix, index);
  pad = g_object_new (GST_TYPE_HLS_GATE_SINK_PAD, "name", full, "direction", GST_PAD_SINK,
                      "template", template, NULL);
  pad->index = index;
  pad->is_b = g_str_equal (prefix, "video_b_");
  pad->is_video = !g_str_equal (prefix, "audio_");
  gst_pad_set_chain_function (GST_PAD_CAST (pad), gst_hls_gate_sink_chain);
  gst_pad_set_event_function (GST_PAD_CAST (pad), gst_hls_gate_sink_event);
  if (GST_STATE (self) > GST_STATE_READY || GST_STATE_NEXT (self) > GST_STATE_READY)
    gst_pad_set_active (GST_PAD_CAST (pad), TRUE);
  gst_element_add_pad (element, GST_PAD_CAST (pad));
  gst_child_proxy_child_added (GST_CHILD_PROXY (self), G_OBJECT (pad), full);
  return GST_PAD_CAST (pad);
}

static void
gst_hls_gate_sink_release_pad (GstElement *element, GstPad *pad)
{
  GstHlsGateSink *self = GST_HLS_GATE_SINK (element);

  gst_child_proxy_child_removed (GST_CHILD_PROXY (self), G_OBJECT (pad),
                                 GST_PAD_NAME (pad));
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element, pad);
  gst_hls_gate_sink_try_describe (self);
  gst_hls_gate_sink_try_eos (self, gst_util_seqnum_next ());
}

static GObject *
child_by_index (GstChildProxy *proxy, guint index)
{
  GObject *child;

  GST_OBJECT_LOCK (proxy);
  child = g_list_nth_data (GST_ELEMENT_CAST (proxy)->sinkpads, index);
  if (child != NULL)
    g_object_ref (child);
  GST_OBJECT_UNLOCK (proxy);
  return child;
}

static guint
children_count (GstChildProxy *proxy)
{
  guint count;

  GST_OBJECT_LOCK (proxy);
  count = GST_ELEMENT_CAST (proxy)->numsinkpads;
  GST_OBJECT_UNLOCK (proxy);
  return count;
}

static GObject *
child_by_name (GstChildProxy *proxy, const char *name)
{
  return (GObject *)gst_element_get_static_pad (GST_ELEMENT_CAST (proxy), name);
}

static void
child_proxy_init (gpointer iface, gpointer data)
{
  GstChildProxyInterface *proxy = iface;

  proxy->get_child_by_index = child_by_index;
  proxy->get_child_by_name = child_by_name;
  proxy->get_children_count = children_count;
}

/* ---- states ---- */

static gboolean
start (GstHlsGateSink *self)
{
  const GstHlsGateSettings *s = &self->settings;
  g_auto (GStrv) origins = g_strsplit (s->origins != NULL ? s->origins : "", ",", -1);
  HeOutletConfig config = { .node = s->node,
                            .channel = s->channel,
                            .window = s->window,
                            .origins = (const char *const *)origins,
                            .publish_key = s->publish,
                            .listen = s->listen,
                            .jwks = s->jwks,
                            .algorithms = s->accepted,
                            .issuer = s->issuer,
                            .audience = s->audience,
                            .content = s->content,
                            .gate_secret = s->gate,
                            .published = gst_hls_gate_sink_on_published,
                            .destination = s->destination,
                            .credentials = s->credentials,
                            .recording = s->playlist_type == GST_HLS_GATE_VOD,
                            .key_uri = s->key_uri,
                            .log = gst_hls_gate_sink_on_log,
                            .trouble = gst_hls_gate_sink_on_trouble,
                            .broken = gst_hls_gate_sink_on_broken,
                            .user_data = self };
  GError *error = NULL;
  HeOutlet *outlet = NULL;

  if (gst_hls_gate_settings_check (s, &error))
    outlet = he_outlet_new (&config, &error);
  if (outlet == NULL) {
    gst_headend_element_error (GST_ELEMENT_CAST (self), error);
    return FALSE;
  }
  if (s->has_anchor)
    he_outlet_set_anchor (outlet, &s->anchor);
  GST_OBJECT_LOCK (self);
  self->outlet = outlet;
  self->described = FALSE;
  self->eos_posted = FALSE;
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

/* Streaming has ended: the pads are inactive. */
static void
stop (GstHlsGateSink *self)
{
  HeOutlet *outlet = self->outlet;

  if (outlet != NULL)
    he_outlet_drain (outlet);
  GST_OBJECT_LOCK (self);
  for (GList *l = GST_ELEMENT_CAST (self)->sinkpads; l != NULL; l = l->next) {
    GstHlsGateSinkPad *pad = l->data;

    g_clear_pointer (&pad->packager, he_packager_free);
    gst_segment_init (&pad->segment, GST_FORMAT_UNDEFINED);
    pad->has_caps = pad->eos = pad->warned = pad->on_timeline = FALSE;
  }
  self->outlet = NULL;
  if (outlet != NULL)
    he_outlet_get_stats (outlet, &self->last_stats);
  self->described = FALSE;
  GST_OBJECT_UNLOCK (self);
  he_outlet_free (outlet);
}

static GstStateChangeReturn
gst_hls_gate_sink_change_state (GstElement *element, GstStateChange transition)
{
  GstHlsGateSink *self = GST_HLS_GATE_SINK (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !start (self))
    return GST_STATE_CHANGE_FAILURE;
  /* A streaming thread that waits for the destination would never become idle. */
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY && self->outlet != NULL)
    he_outlet_cancel (self->outlet);
  ret = GST_ELEMENT_CLASS (gst_hls_gate_sink_parent_class)
            ->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY
      || (transition == GST_STATE_CHANGE_READY_TO_PAUSED
          && ret == GST_STATE_CHANGE_FAILURE))
    stop (self);
  return ret;
}

/* ---- object ---- */

static GstStructure *
stats (GstHlsGateSink *self)
{
  HeOutletStats s = self->last_stats;
  guint64 lost = 0;

  if (self->outlet != NULL)
    he_outlet_get_stats (self->outlet, &s);
  for (GList *l = GST_ELEMENT_CAST (self)->sinkpads; l != NULL; l = l->next) {
    GST_OBJECT_LOCK (l->data);
    lost += GST_HLS_GATE_SINK_PAD (l->data)->lost;
    GST_OBJECT_UNLOCK (l->data);
  }
  return gst_structure_new ("application/x-hlsgatesink-stats", "segments", G_TYPE_UINT64,
                            s.segments, "bytes", G_TYPE_UINT64, s.bytes, "last-msn",
                            G_TYPE_UINT64, s.last_msn, "lost", G_TYPE_UINT64, lost,
                            "published", G_TYPE_UINT64, s.published.published, "failed",
                            G_TYPE_UINT64, s.published.failed, "dropped", G_TYPE_UINT64,
                            s.published.dropped, NULL);
}

static void
gst_hls_gate_sink_set_property (GObject *object, guint id, const GValue *value,
                                GParamSpec *pspec)
{
  GstHlsGateSink *self = GST_HLS_GATE_SINK (object);

  GST_OBJECT_LOCK (self);
  if (self->outlet != NULL && id != GST_HLS_GATE_PROP_ANCHOR)
    GST_WARNING_OBJECT (self, "%s can be set below PAUSED only", pspec->name);
  else if (!gst_hls_gate_settings_set (&self->settings, object, id, value, pspec))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  else if (id == GST_HLS_GATE_PROP_ANCHOR && self->outlet != NULL
           && self->settings.has_anchor)
    he_outlet_set_anchor (self->outlet, &self->settings.anchor);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_hls_gate_sink_get_property (GObject *object, guint id, GValue *value,
                                GParamSpec *pspec)
{
  GstHlsGateSink *self = GST_HLS_GATE_SINK (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_STATS)
    g_value_take_boxed (value, stats (self));
  else if (id == PROP_PORT)
    g_value_set_uint (value, self->outlet != NULL ? he_outlet_port (self->outlet) : 0);
  else if (!gst_hls_gate_settings_get (&self->settings, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_hls_gate_sink_finalize (GObject *object)
{
  gst_hls_gate_settings_clear (&GST_HLS_GATE_SINK (object)->settings);
  G_OBJECT_CLASS (gst_hls_gate_sink_parent_class)->finalize (object);
}

static void
gst_hls_gate_sink_class_init (GstHlsGateSinkClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  GST_DEBUG_CATEGORY_INIT (gst_hls_gate_sink_debug, "hlsgatesink", 0, "HLS gate sink");
  object_class->set_property = gst_hls_gate_sink_set_property;
  object_class->get_property = gst_hls_gate_sink_get_property;
  object_class->finalize = gst_hls_gate_sink_finalize;
  element_class->change_state = gst_hls_gate_sink_change_state;
  element_class->request_new_pad = gst_hls_gate_sink_request_new_pad;
  element_class->release_pad = gst_hls_gate_sink_release_pad;

  gst_hls_gate_settings_install (object_class);
  g_object_class_install_property (object_class, PROP_STATS,
                                   g_param_spec_boxed ("stats", "Statistics",
                                                       "What became of the segments",
                                                       GST_TYPE_STRUCTURE, flags));
  g_object_class_install_property (
      object_class, PROP_PORT,
      g_param_spec_uint ("port", "Port",
                         "The port that listen is bound to, from PAUSED on (0: none)", 0,
                         65535, 0, flags));
  gst_element_class_add_static_pad_template_with_gtype (element_class, &video_template,
                                                        GST_TYPE_HLS_GATE_SINK_PAD);
  gst_element_class_add_static_pad_template_with_gtype (element_class, &video_b_template,
                                                        GST_TYPE_HLS_GATE_SINK_PAD);
  gst_element_class_add_static_pad_template_with_gtype (element_class, &audio_template,
                                                        GST_TYPE_HLS_GATE_SINK_PAD);
  gst_element_class_set_static_metadata (element_class, "HLS gate sink",
                                         "Sink/Network/Muxer",
                                         "Writes encrypted HLS segments, serves them "
                                         "through a gate, publishes them to origins",
                                         "gst-headend");
}

static void
gst_hls_gate_sink_init (GstHlsGateSink *self)
{
  gst_hls_gate_settings_init (&self->settings);
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SINK);
}
