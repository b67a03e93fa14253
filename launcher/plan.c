/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan.h"

#include "encoder.h"
#include "he-error.h"
#include "level.h"
#include "plan-pipeline.h"

/* What a stream costs as a transport stream. A packet of 188 bytes carries 184, headers
 * of PES and a last packet that is rarely full add to it: a tenth covers both for video
 * and for audio with one frame a PES packet from 64 kbit/s on. A segment pads every PID
 * to 16 packets. */
static guint
ts_rate (guint kbits, guint64 duration90)
{
  guint64 padding = G_GUINT64_CONSTANT (16) * 188 * 8 * 90000 / duration90;
  return (guint)((guint64)kbits * 1100 + padding);
}

/* The most that a segment may hold over its average: the encoder's rate buffer, once. */
static guint
peak_kbits (guint kbits, guint64 duration90)
{
  return (guint)(kbits + (guint64)kbits * HEADEND_VBV_MS * 90 / duration90);
}

static HeRendition *
audio_rendition (const HeadendModelChannel *channel, const HeadendAudio *audio)
{
  HeRendition *rendition = he_rendition_new (audio->name, HE_MEDIA_AUDIO);
  rendition->average_bandwidth = ts_rate (audio->bitrate, channel->duration90);
  /* The encoder's own reservoir: a tenth. */
  rendition->bandwidth
      = ts_rate (audio->bitrate + audio->bitrate / 10, channel->duration90);
  rendition->codecs = g_strdup ("mp4a.40.2");
  rendition->channels = audio->channels;
  rendition->language = g_strdup (audio->language);
  return rendition;
}

static HeRendition *
video_rendition (const HeadendModelChannel *channel, const HeadendVideo *video,
                 const HeRendition *largest_audio)
{
  HeRendition *rendition = he_rendition_new (video->name, HE_MEDIA_VIDEO);
  rendition->variants = headend_model_channel_has_variants (channel);
  rendition->bandwidth
      = ts_rate (peak_kbits (video->bitrate, channel->duration90), channel->duration90)
        + (largest_audio ? largest_audio->bandwidth : 0);
  rendition->average_bandwidth = ts_rate (video->bitrate, channel->duration90)
                                 + (largest_audio ? largest_audio->average_bandwidth : 0);
  rendition->codecs = headend_level_codecs (video);
  /* Nothing here makes another one, and what is copied says itself what it is. */
  rendition->video_range = headend_encoder_copies (video->encoder) ? NULL : "SDR";
  rendition->open_gops
      = headend_encoder_copies (video->encoder) && !video->closed_gops;
  rendition->width = video->width;
  rendition->height = video->height;
  rendition->fps_n = video->frame_rate.n;
  rendition->fps_d = video->frame_rate.d;
  return rendition;
}

HeChannel *
headend_plan_channel (const HeadendModelChannel *description)
{
  HeChannel *channel = he_channel_new (description->name);
  channel->duration90 = description->duration90;
  channel->window = description->window;
  channel->recording = description->recording;
  channel->encrypted = description->encrypted;
  channel->key_rotation = description->key_rotation;
  channel->key_version = description->key_version;
  channel->colluders = description->colluders;
  g_free (channel->tier);
  channel->tier = g_strdup (description->tier);

  g_autoptr (GPtrArray) audio = g_ptr_array_new ();
  const HeRendition *largest = NULL;
  for (guint i = 0; i < description->audio->len; i++) {
    HeRendition *rendition = audio_rendition (description, description->audio->pdata[i]);
    if (!largest || rendition->bandwidth > largest->bandwidth)
      largest = rendition;
    g_ptr_array_add (audio, rendition);
  }
  for (guint i = 0; i < description->video->len; i++)
    g_ptr_array_add (
        channel->renditions,
        video_rendition (description, description->video->pdata[i], largest));
  for (guint i = 0; i < audio->len; i++)
    g_ptr_array_add (channel->renditions, audio->pdata[i]);
  return channel;
}

static void
pad_free (gpointer data)
{
  HeadendPad *pad = data;
  g_free (pad->pad);
  g_free (pad);
}

static void
add_pad (HeadendPlan *plan, const char *prefix, guint index, const HeRendition *rendition,
         HeVariant variant)
{
  HeadendPad *pad = g_new0 (HeadendPad, 1);
  pad->pad = g_strdup_printf ("%s_%u", prefix, index);
  pad->rendition = rendition;
  pad->variant = variant;
  g_ptr_array_add (plan->pads, pad);
}

static void
plan_pads (HeadendPlan *plan)
{
  guint videos = 0, audios = 0;
  for (guint i = 0; i < plan->channel->renditions->len; i++) {
    const HeRendition *rendition = plan->channel->renditions->pdata[i];
    if (rendition->media == HE_MEDIA_AUDIO) {
      add_pad (plan, "audio", audios++, rendition, HE_VARIANT_NONE);
    } else if (rendition->variants) {
      add_pad (plan, "video", videos, rendition, HE_VARIANT_A);
      add_pad (plan, "video_b", videos++, rendition, HE_VARIANT_B);
    } else {
      add_pad (plan, "video", videos++, rendition, HE_VARIANT_NONE);
    }
  }
}

static char *
plan_origins (const HeadendModel *model, const HeadendNode *node)
{
  g_autoptr (GString) list = g_string_new (NULL);
  g_string_append_printf (list, "http://%s", node->internal);
  for (guint i = 0; i < model->nodes->len; i++) {
    const HeadendNode *other = model->nodes->pdata[i];
    if (other != node)
      g_string_append_printf (list, ",http://%s", other->internal);
  }
  return g_string_free (g_steal_pointer (&list), FALSE);
}

HeadendPlan *
headend_plan_new (const HeadendModel *model, const HeadendNode *node,
                  const HeadendModelChannel *channel, const HeProbe *probe,
                  GError **error)
{
  g_autoptr (HeadendRoute) route = headend_route_new (channel, probe, error);
  if (!route)
    return NULL;
  HeadendPlan *plan = g_new0 (HeadendPlan, 1);
  g_autofree char *message = NULL;
  plan->description = channel;
  plan->source = headend_source_find (channel->source, &message);
  plan->channel = headend_plan_channel (channel);
  plan->pads = g_ptr_array_new_with_free_func (pad_free);
  plan_pads (plan);
  plan->pipeline = headend_pipeline_text (channel, plan->source, route, node->name);
  for (guint i = 0; i < G_N_ELEMENTS (plan->decoders); i++)
    plan->decoders[i] = headend_pipeline_decoder (channel, plan->source, route, i);
  plan->origins = plan_origins (model, node);
  return plan;
}

void
headend_plan_free (HeadendPlan *plan)
{
  if (!plan)
    return;
  he_channel_unref (plan->channel);
  g_ptr_array_unref (plan->pads);
  g_free (plan->pipeline);
  g_free (plan->origins);
  for (guint i = 0; i < G_N_ELEMENTS (plan->decoders); i++)
    g_free (plan->decoders[i]);
  g_free (plan);
}

/* What a channel needs beside its route. */
static char **
other_factories (const HeadendModelChannel *channel)
{
  /* Some of them decode a segment that came back from the origin. */
  static const char *const always[]
      = { "queue",  "tee",     "fakesink",   "capsfilter",  "h264parse", "avdec_h264",
          "appsrc", "tsdemux", "epochdemux", "hlsgatesink", NULL };
  static const char *const for_audio[] = { "avdec_aac", "audioconvert", "audioresample",
                                           "avenc_aac", "epochalign",   "segmentencoder",
                                           NULL };
  g_autofree char *message = NULL;
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  const HeadendSource *source = headend_source_find (channel->source, &message);
  g_strv_builder_add (list, source->factory);
  if (*source->reader)
    g_strv_builder_addv (list,
                         (const char *[]) { "rtpjitterbuffer", "rtpmp2tdepay", NULL });
  if (g_str_has_prefix (source->caps, "application/x-rtp"))
    g_strv_builder_addv (list, (const char *[]) { "rtpjitterbuffer", "funnel", NULL });
  const HeadendSource *backup
      = channel->backup ? headend_source_find (channel->backup, &message) : NULL;
  if (backup)
    g_strv_builder_add (list, backup->factory);
  if (!source->live && !channel->recording)
    g_strv_builder_add (list, "clocksync");
  g_strv_builder_addv (list, (const char **)always);
  for (guint i = 0; i < channel->video->len; i++)
    if (headend_encoder_of (channel->video->pdata[i])->codec == HE_VIDEO_H265)
      g_strv_builder_addv (list, (const char *[]) { "h265parse", "avdec_h265", NULL });
  if (channel->audio->len)
    g_strv_builder_add (list, "aacparse");
  for (guint i = 0; i < channel->audio->len; i++)
    if (!headend_encoder_copies (((HeadendAudio *)channel->audio->pdata[i])->encoder)) {
      g_strv_builder_addv (list, (const char **)for_audio);
      if (channel->identical)
        g_strv_builder_addv (
            list, (const char *[]) { "segmentdecoder", "avdec_aac_fixed", NULL });
    }
  return g_strv_builder_end (list);
}

gboolean
headend_plan_check_elements (const char *what, const char *const *elements,
                             const HeProbe *probe, GError **error)
{
  for (; *elements; elements++) {
    const char *package = he_element_package (*elements);
    if (probe->has (probe->user, *elements, NULL, NULL))
      continue;
    if (package)
      g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
                   "%s needs the GStreamer element %s, which is missing; install the Debian "
                   "package %s",
                   what, *elements, package);
    else
      g_set_error (
          error, HE_ERROR, HE_ERROR_UNAVAILABLE,
          "%s needs the GStreamer element %s, which is missing; install gst-headend's "
          "plugin modules or name their folders in GST_PLUGIN_PATH",
          what, *elements);
    return FALSE;
  }
  return TRUE;
}

static gboolean
check_present (const HeadendModelChannel *channel, char **factories, const HeProbe *probe,
               GError **error)
{
  g_autofree char *what = g_strconcat ("channel ", channel->name, NULL);
  return headend_plan_check_elements (what, (const char *const *)factories, probe, error);
}

gboolean
headend_plan_check_factories (const HeadendModel *model, const HeProbe *probe,
                              GError **error)
{
  for (guint i = 0; i < model->channels->len; i++) {
    const HeadendModelChannel *channel = model->channels->pdata[i];
    g_autoptr (HeadendRoute) route = headend_route_new (channel, probe, error);
    if (!route)
      return FALSE;
    g_auto (GStrv) others = other_factories (channel);
    g_auto (GStrv) ours = headend_route_factories (route);
    if (!check_present (channel, others, probe, error)
        || !check_present (channel, ours, probe, error))
      return FALSE;
  }
  return TRUE;
}
