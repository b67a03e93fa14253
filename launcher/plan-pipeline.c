/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan-pipeline.h"

#include "backlog.h"
#include "encoder.h"

/* A file comes as fast as it is read, which is right for a recording; ahead of
 * epochalign, where running time is still that of a live stream, it can be held to its
 * own pace. */
static const char *
pace (const HeadendModelChannel *channel, const HeadendSource *source)
{
  return source->live || channel->recording ? "" : "clocksync ! ";
}

/* Where a recording begins: with the first segment that epochdemux can put it on. */
#define EARLIEST_START (10 * 90000)

static guint64
start_of (const HeadendModelChannel *channel)
{
  return (EARLIEST_START + channel->duration90 - 1) / channel->duration90
         * channel->duration90;
}

/* How far filler stays behind a source that is silent: what comes later than that is
 * late for viewers too. */
#define SILENCE_MS 2000

static void
append_source (GString *text, const HeadendModelChannel *channel,
               const HeadendSource *source, const char *node)
{
  const HeadendVideo *first = channel->video->pdata[0];
  g_autofree char *caps = headend_source_caps (source, channel->source);
  if (channel->recording)
    g_string_append_printf (text,
                            "%s name=source %s ! queue name=intake max-size-buffers=0 "
                            "max-size-time=0 max-size-bytes=16777216 ! ",
                            source->factory, source->settings ? source->settings : "");
  else
    g_string_append_printf (text,
                            "appsrc name=intake is-live=true block=true "
                            "max-bytes=%d caps=\"%s\" ! ",
                            HEADEND_BACKLOG_ROOM, caps);
  g_string_append_printf (
      text,
      "epochdemux name=demux node=%s program=%u frame-rate=%u/%u expect-video=1 "
      "expect-audio=%u",
      node, channel->program, first->frame_rate.n, first->frame_rate.d,
      headend_model_channel_tracks (channel));
  if (channel->recording)
    g_string_append_printf (text, " start=%" G_GUINT64_FORMAT "\n", start_of (channel));
  else
    g_string_append_printf (text, " silence=%d\n", SILENCE_MS);
}

static void
append_audio (GString *text, const HeadendModelChannel *channel, guint index)
{
  const HeadendAudio *audio = channel->audio->pdata[index];
  g_autofree char *encoder = headend_encoder_audio (audio);
  g_string_append_printf (
      text,
      "audio-%u. ! " HEADEND_QUEUE_AUDIO " ! audioconvert ! audioresample ! "
      "audio/x-raw,format=F32LE,layout=interleaved,rate=%u,channels=%u ! "
      "epochalign%s segment-duration=%" G_GUINT64_FORMAT " ! "
      "segmentencoder agreement=%s segment-duration=%" G_GUINT64_FORMAT
      " encoder=\"%s\" ! aacparse ! "
      "audio/mpeg,mpegversion=4,stream-format=adts ! sink.audio_%u\n",
      audio->track, audio->rate, audio->channels,
      channel->identical ? " preroll=" G_STRINGIFY (HE_ENCODER_PREROLL) : "",
      channel->duration90, headend_agreement_name (channel), channel->duration90, encoder,
      index);
}

/* Whether renditions of a track are passed through, or encoded. */
static gboolean
uses_track (const HeadendModelChannel *channel, guint track, gboolean copied)
{
  for (guint i = 0; i < channel->audio->len; i++) {
    const HeadendAudio *audio = channel->audio->pdata[i];
    if (audio->track == track && headend_encoder_copies (audio->encoder) == copied)
      return TRUE;
  }
  return FALSE;
}

static void
append_track (GString *text, const HeadendModelChannel *channel,
              const HeadendSource *source, guint track)
{
  gboolean copied = uses_track (channel, track, TRUE);
  gboolean encoded = uses_track (channel, track, FALSE);
  if (!copied && !encoded)
    return;
  g_string_append_printf (
      text, HEADEND_QUEUE_COMPRESSED " name=audio-in-%u ! %saacparse name=copy-%u ! ",
      track, pace (channel, source), track);
  if (copied)
    g_string_append_printf (text,
                            "audio/mpeg,mpegversion=4,stream-format=adts ! tee "
                            "name=track-%u\n",
                            track);
  if (copied && encoded)
    g_string_append_printf (text, "track-%u. ! ", track);
  if (encoded && channel->identical)
    g_string_append_printf (text,
                            "segmentdecoder segment-duration=%" G_GUINT64_FORMAT
                            " ! tee name=audio-%u\n",
                            channel->duration90, track);
  else if (encoded)
    g_string_append_printf (text, "avdec_aac ! tee name=audio-%u\n", track);
  for (guint i = 0; i < channel->audio->len; i++) {
    const HeadendAudio *audio = channel->audio->pdata[i];
    if (audio->track == track && headend_encoder_copies (audio->encoder))
      g_string_append_printf (text, "track-%u. ! sink.audio_%u\n", track, i);
  }
}

static void
append_video (GString *text, const HeadendModelChannel *channel,
              const HeadendSource *source, const HeadendRoute *route)
{
  const HeadendVideo *first = channel->video->pdata[0];
  const char *codec
      = headend_encoder_of (first)->codec == HE_VIDEO_H265 ? "h265" : "h264";
  g_string_append (text, HEADEND_QUEUE_COMPRESSED " name=video-in");
  if (headend_encoder_copies (first->encoder)) {
    g_string_append_printf (text,
                            " ! %s%sparse name=copy config-interval=-1 ! "
                            "video/x-%s,stream-format=byte-stream,alignment=au ! "
                            "sink.video_0\n",
                            pace (channel, source), codec, codec);
    return;
  }
  g_string_append_printf (text,
                          "\nepochalign name=align segment-duration=%" G_GUINT64_FORMAT
                          " ! tee name=video\n",
                          channel->duration90);
  for (guint i = 0; i < channel->video->len; i++)
    headend_route_append_rung (route, text, channel, i);
}

char *
headend_pipeline_decoder (const HeadendModelChannel *channel, const HeadendSource *source,
                          const HeadendRoute *route, HeVideoCodec codec)
{
  if (!route->rungs->len)
    return NULL;
  return g_strconcat (pace (channel, source), route->decoders[codec], NULL);
}

char *
headend_pipeline_text (const HeadendModelChannel *channel, const HeadendSource *source,
                       const HeadendRoute *route, const char *node)
{
  GString *text = g_string_new (NULL);
  g_string_append_printf (
      text,
      "hlsgatesink name=sink channel=%s node=%s segment-duration=%" G_GUINT64_FORMAT
      " window=%u key-version=%u key-rotation=%u "
      "tier=%s\n",
      channel->name, node, channel->duration90, channel->window, channel->key_version,
      channel->key_rotation, channel->tier);
  append_source (text, channel, source, node);
  append_video (text, channel, source, route);
  for (guint track = 0; track < headend_model_channel_tracks (channel); track++)
    append_track (text, channel, source, track);
  for (guint i = 0; i < channel->audio->len; i++)
    if (!headend_encoder_copies (((HeadendAudio *)channel->audio->pdata[i])->encoder))
      append_audio (text, channel, i);
  return g_string_free (text, FALSE);
}
