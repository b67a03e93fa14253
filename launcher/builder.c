/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "builder.h"

#include <string.h>
#include "encoder.h"
#include "gst-headend.h"
#include "he-error.h"

static void
set_secret (GstElement *element, const char *property, const HeSecret *secret)
{
  char *hex = he_secret_to_hex (secret);
  g_object_set (element, property, hex, NULL);
  he_string_wipe_free (hex);
}

void
headend_builder_set_source (GstElement *source, const char *uri, const char *folder)
{
  g_auto (GStrv) properties = headend_source_properties (uri, folder);
  for (guint i = 0; properties[i] && properties[i + 1]; i += 2)
    gst_util_set_object_arg (G_OBJECT (source), properties[i], properties[i + 1]);
}

static void
set_source (GstElement *pipeline, const HeadendPlan *plan, const HeadendJob *job)
{
  g_autoptr (GstElement) source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  if (source) /* of a recording; else a feed comes in */
    headend_builder_set_source (source, plan->description->source, job->model->folder);
}

static void
set_marks (GstElement *pipeline, const HeSecret *key, const char *payload)
{
  g_autoptr (GstIterator) elements = gst_bin_iterate_elements (GST_BIN (pipeline));
  GValue item = G_VALUE_INIT;
  while (gst_iterator_next (elements, &item) == GST_ITERATOR_OK) {
    GstElement *element = g_value_get_object (&item);
    if (g_str_has_prefix (GST_OBJECT_NAME (element), "mark-")) {
      set_secret (element, "key", key);
      g_object_set (element, "payload", payload, NULL);
    }
    g_value_reset (&item);
  }
  g_value_unset (&item);
}

/* A recording goes to its destination alone: what an origin holds is a live window. */
static void
set_places (GstElement *sink, const HeadendPlan *plan, const HeadendJob *job)
{
  const HeadendModelChannel *channel = plan->description;
  if (channel->recording) {
    gst_util_set_object_arg (G_OBJECT (sink), "playlist-type", "vod");
  } else {
    g_object_set (sink, "origins", plan->origins, NULL);
    set_secret (sink, "publish-key", job->secrets[HE_PURPOSE_PUBLISH]);
  }
  if (!channel->destination)
    return;
  g_object_set (sink, "destination", channel->destination, "key-uri", channel->key_uri,
                NULL);
  if (channel->credentials) {
    g_autofree char *file = g_strconcat ("file:", channel->credentials, NULL);
    g_object_set (sink, "credentials", file, NULL);
  }
}

static gboolean
set_sink (GstElement *sink, const HeadendPlan *plan, const HeadendJob *job,
          GError **error)
{
  set_places (sink, plan, job);
  if (plan->channel->encrypted)
    set_secret (sink, "secret", job->secrets[HE_PURPOSE_CONTENT]);
  for (guint i = 0; i < plan->pads->len; i++) {
    const HeadendPad *pad = plan->pads->pdata[i];
    const HeRendition *r = pad->rendition;
    g_autoptr (GstPad) requested = gst_element_get_static_pad (sink, pad->pad);
    if (!requested) {
      g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE, "hlsgatesink gave no pad %s",
                   pad->pad);
      return FALSE;
    }
    g_object_set (requested, "rendition", r->name, "bandwidth", r->bandwidth,
                  "average-bandwidth", r->average_bandwidth, "codecs", r->codecs,
                  "closed-gops", !r->open_gops, "language", r->language, NULL);
  }
  return TRUE;
}

/* Streams that no rendition wants flow away, so that they hold nobody up. */
static void
discard (GstBin *pipeline, GstPad *pad)
{
  GstElement *drain = gst_element_factory_make ("fakesink", NULL);
  g_object_set (drain, "sync", FALSE, "async", FALSE, NULL);
  gst_bin_add (pipeline, drain);
  g_autoptr (GstPad) sink = gst_element_get_static_pad (drain, "sink");
  gst_pad_link (pad, sink);
  gst_element_sync_state_with_parent (drain);
}

/* By HeVideoCodec: a caps name, what people call it, what copies it, whether the channel
 * does, and the plan's decoder for it. */
typedef struct {
  const char *caps, *name, *copier;
  gboolean copied;
  char *decoder;
} Decoder;

static const Decoder codecs[] = {
  [HE_VIDEO_H264] = { "video/x-h264", "H.264", "copy" },
  [HE_VIDEO_H265] = { "video/x-h265", "H.265", "copy-h265" },
};

static void
decoders_free (gpointer data, GClosure *closure)
{
  Decoder *decoders = data;
  for (guint i = 0; i < G_N_ELEMENTS (codecs); i++)
    g_free (decoders[i].decoder);
  g_free (decoders);
}

static const Decoder *
decoder_for (const Decoder *decoders, GstPad *pad)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  const char *name
      = caps ? gst_structure_get_name (gst_caps_get_structure (caps, 0)) : "";
  for (guint i = 0; i < G_N_ELEMENTS (codecs); i++)
    if (strcmp (name, decoders[i].caps) == 0)
      return &decoders[i];
  return &decoders[HE_VIDEO_H264];
}

/* Puts the decoder between the queue "video-in" and "align". */
static gboolean
add_decoder (GstBin *pipeline, const char *description, GError **error)
{
  g_autoptr (GstElement) queue = gst_bin_get_by_name (pipeline, "video-in");
  g_autoptr (GstElement) align = gst_bin_get_by_name (pipeline, "align");
  GstElement *decoder = gst_parse_bin_from_description_full (
      description, TRUE, NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);
  if (!decoder)
    return FALSE;
  gst_bin_add (pipeline, decoder);
  if (!gst_element_link (decoder, align) || !gst_element_link (queue, decoder)) {
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE, "nothing links \"%s\"",
                 description);
    return FALSE;
  }
  return gst_element_sync_state_with_parent (decoder);
}

/* What a channel that copies its video cannot copy, or a decoder that is not there. */
static gboolean
prepare_video (GstElement *demux, GstBin *pipeline, GstPad *pad, const Decoder *decoders)
{
  const Decoder *wanted = decoder_for (decoders, pad);
  g_autoptr (GError) error = NULL;
  if (wanted->decoder) {
    if (add_decoder (pipeline, wanted->decoder, &error))
      return TRUE;
    GST_ELEMENT_ERROR (demux, STREAM, DECODE,
                       ("The source's %s video cannot be decoded here: %s", wanted->name,
                        error ? error->message : "the decoder does not start"),
                       (NULL));
    return FALSE;
  }
  if (wanted->copied)
    return TRUE;
  GST_ELEMENT_ERROR (
      demux, STREAM, FORMAT,
      ("The source's video is %s, and the description passes another codec "
       "through; set \"encoder\": \"%s\", or an encoder such as \"x264\"",
       wanted->name, wanted->copier),
      (NULL));
  return FALSE;
}

static void
on_pad_added (GstElement *demux, GstPad *pad, gpointer user_data)
{
  const Decoder *decoders = user_data;
  g_autoptr (GstObject) parent = gst_element_get_parent (demux);
  GstBin *pipeline = GST_BIN (parent);
  g_autofree char *name = gst_pad_get_name (pad);
  g_autofree char *input = NULL;
  if (strcmp (name, "video_0") == 0)
    input = g_strdup ("video-in");
  else if (g_str_has_prefix (name, "audio_"))
    input = g_strdup_printf ("audio-in-%s", name + strlen ("audio_"));
  g_autoptr (GstElement) queue = input ? gst_bin_get_by_name (pipeline, input) : NULL;
  if (!queue) {
    discard (pipeline, pad);
    return;
  }
  if (strcmp (name, "video_0") == 0 && !prepare_video (demux, pipeline, pad, decoders))
    return;
  g_autoptr (GstPad) sink = gst_element_get_static_pad (queue, "sink");
  GstPadLinkReturn linked = gst_pad_link (pad, sink);
  if (linked != GST_PAD_LINK_OK)
    GST_ELEMENT_ERROR (
        demux, STREAM, FORMAT,
        ("The source's %s cannot be used: %s", name, gst_pad_link_get_name (linked)),
        (NULL));
}

static gboolean
is_linked (GstBin *pipeline, const char *name)
{
  g_autoptr (GstElement) queue = gst_bin_get_by_name (pipeline, name);
  g_autoptr (GstPad) sink = queue ? gst_element_get_static_pad (queue, "sink") : NULL;
  return !sink || gst_pad_is_linked (sink);
}

/* What the description wants and the source has not. */
static void
on_no_more_pads (GstElement *demux, gpointer user_data)
{
  GstBin *pipeline = GST_BIN (user_data);
  if (!is_linked (pipeline, "video-in")) {
    GST_ELEMENT_ERROR (demux, STREAM, DEMUX, ("The source has no H.264 or H.265 video"),
                       (NULL));
    return;
  }
  for (guint track = 0; track < 16; track++) {
    g_autofree char *name = g_strdup_printf ("audio-in-%u", track);
    if (is_linked (pipeline, name))
      continue;
    GST_ELEMENT_ERROR (
        demux, STREAM, DEMUX,
        ("The source has no AAC audio track %u; name another \"track\" in the "
         "description, or leave the audio rendition out",
         track),
        (NULL));
    return;
  }
}

/* Of pictures that are passed through: 8 bits, or 10 in H.265. */
static char *
depth_differs (const char *profile, const HeadendVideo *video)
{
  gboolean deep = profile && strstr (profile, "-10");
  gboolean main10 = g_strcmp0 (profile, "main-10") == 0;
  if (!profile || (video->bit_depth > 8 ? main10 : !deep))
    return NULL;
  if (video->bit_depth > 8)
    return g_strdup_printf ("The source has profile %s, the description says 10 bits, "
                            "which is main-10; set \"bit-depth\": 8, or another encoder",
                            profile);
  if (main10)
    return g_strdup_printf ("The source has 10 bits a sample (profile %s), the "
                            "description says 8; set \"bit-depth\": 10",
                            profile);
  return g_strdup_printf ("The source has 10 bits a sample (profile %s), and \"%s\" "
                          "passes 8 through; set another encoder",
                          profile, video->encoder);
}

/* What the caps say that the description does not, in words; NULL when they agree. What
 * the source does not say is no disagreement. */
static char *
video_differs (const GstStructure *caps, const HeadendVideo *video)
{
  gint n = 0, d = 0, width = 0, height = 0;
  if (gst_structure_get_fraction (caps, "framerate", &n, &d) && n > 0 && d > 0) {
    double ratio = (double)n * video->frame_rate.d / ((double)d * video->frame_rate.n);
    if (ratio < 0.9995 || ratio > 1.0005)
      return g_strdup_printf ("The source has %d/%d frames a second, the description "
                              "says %u/%u; set \"frame-rate\": \"%d/%d\"",
                              n, d, video->frame_rate.n, video->frame_rate.d, n, d);
  }
  if (headend_encoder_copies (video->encoder)) {
    char *words = depth_differs (gst_structure_get_string (caps, "profile"), video);
    if (words)
      return words;
  }
  if (headend_encoder_copies (video->encoder)
      && gst_structure_get_int (caps, "width", &width)
      && gst_structure_get_int (caps, "height", &height)
      && ((guint)width != video->width || (guint)height != video->height))
    return g_strdup_printf ("The source has %dx%d pixels, the description says %ux%u; "
                            "set \"width\": %d, \"height\": %d, or another encoder "
                            "than \"%s\"",
                            width, height, video->width, video->height, width, height,
                            video->encoder);
  return NULL;
}

static char *
audio_differs (const GstStructure *caps, const HeadendAudio *audio)
{
  gint channels = 0;
  if (!gst_structure_get_int (caps, "channels", &channels)
      || (guint)channels == audio->channels)
    return NULL;
  return g_strdup_printf ("The source's track %u has %d audio channels, the description "
                          "says %u; set \"channels\": %d, or \"encoder\": \"aac\"",
                          audio->track, channels, audio->channels, channels);
}

static void
judge_caps (GstPad *pad, GstPadProbeInfo *info, const HeadendVideo *video,
            const HeadendAudio *audio)
{
  GstEvent *event = gst_pad_probe_info_get_event (info);
  GstCaps *caps;
  if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS)
    return;
  gst_event_parse_caps (event, &caps);
  const GstStructure *structure = gst_caps_get_structure (caps, 0);
  g_autofree char *words
      = video ? video_differs (structure, video) : audio_differs (structure, audio);
  const char *range = video ? gst_headend_video_range (structure) : NULL;
  g_autoptr (GstElement) element = gst_pad_get_parent_element (pad);
  /* Nothing here maps tones. */
  if (range && strcmp (range, "SDR") != 0 && element)
    GST_ELEMENT_WARNING (element, STREAM, FORMAT,
                         ("The source is in HDR (%s), and playlists say SDR: viewers get "
                          "wrong colours; give it in SDR",
                          range),
                         (NULL));
  if (words && element)
    GST_ELEMENT_ERROR (element, STREAM, FORMAT, ("%s", words), (NULL));
}

/* Playlists state what is described, and segments hold whole frames of that rate. */
static GstPadProbeReturn
on_video_event (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  judge_caps (pad, info, user_data, NULL);
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
on_audio_event (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  judge_caps (pad, info, NULL, user_data);
  return GST_PAD_PROBE_OK;
}

static void
watch_caps (GstElement *pipeline, const char *name, GstPadProbeCallback callback,
            gpointer described)
{
  g_autoptr (GstElement) element = gst_bin_get_by_name (GST_BIN (pipeline), name);
  g_autoptr (GstPad) pad = element ? gst_element_get_static_pad (element, "src") : NULL;
  if (pad)
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, callback, described,
                       NULL);
}

static void
watch_source (GstElement *pipeline, const HeadendModelChannel *channel)
{
  watch_caps (pipeline, "align", on_video_event, channel->video->pdata[0]);
  watch_caps (pipeline, "copy", on_video_event, channel->video->pdata[0]);
  for (guint i = 0; i < channel->audio->len; i++) {
    HeadendAudio *audio = channel->audio->pdata[i];
    g_autofree char *name = g_strdup_printf ("copy-%u", audio->track);
    if (headend_encoder_copies (audio->encoder))
      watch_caps (pipeline, name, on_audio_event, audio);
  }
}

static Decoder *
decoders_of (const HeadendPlan *plan)
{
  Decoder *decoders = g_memdup2 (codecs, sizeof codecs);
  const HeadendVideo *first = plan->description->video->pdata[0];
  gboolean copies = headend_encoder_copies (first->encoder);
  for (guint i = 0; i < G_N_ELEMENTS (codecs); i++) {
    decoders[i].decoder = g_strdup (plan->decoders[i]);
    decoders[i].copied = copies && headend_encoder_of (first)->codec == i;
  }
  return decoders;
}

GstElement *
headend_builder_build (const HeadendPlan *plan, const HeadendJob *job, GError **error)
{
  g_autoptr (GstElement) pipeline
      = gst_parse_launch_full (plan->pipeline, NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);
  if (!pipeline)
    return NULL;
  gst_object_ref_sink (pipeline);
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_autoptr (GstElement) demux = gst_bin_get_by_name (GST_BIN (pipeline), "demux");
  set_source (pipeline, plan, job);
  if (plan->description->watermark)
    set_marks (pipeline, job->secrets[HE_PURPOSE_MARK], plan->description->payload);
  if (!set_sink (sink, plan, job, error))
    return NULL;
  g_signal_connect_data (demux, "pad-added", G_CALLBACK (on_pad_added),
                         decoders_of (plan), decoders_free, 0);
  g_signal_connect (demux, "no-more-pads", G_CALLBACK (on_no_more_pads), pipeline);
  watch_source (pipeline, plan->description);
  return g_steal_pointer (&pipeline);
}
