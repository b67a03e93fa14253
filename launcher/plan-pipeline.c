/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan-pipeline.h"

#include "encoder.h"
#include "level.h"

/* Queues are bounded by time. Compressed streams get enough to ride out a slow encoder,
 * raw ones little, because they are large. Branches never wait for each other (the sink
 * takes each pad as it comes), so a full queue only slows the source down. */
#define QUEUE "queue max-size-buffers=0 max-size-bytes=0 max-size-time="
#define COMPRESSED QUEUE "5000000000"
#define RAW_VIDEO QUEUE "400000000"
#define RAW_AUDIO QUEUE "2000000000"

/* A file comes as fast as it is read; ahead of epochalign, where running time is still
 * that of a live stream, it can be held to its own pace. */
static const char *
pace (const HeadendSource *source)
{
  return source->live ? "" : " ! clocksync";
}

static void
append_source (GString *text, const HeadendSource *source, const char *node)
{
  g_string_append_printf (
      text,
      "%s name=source%s%s ! queue name=intake max-size-buffers=0 "
      "max-size-time=0 max-size-bytes=16777216 ! epochdemux name=demux "
      "node=%s\n",
      source->factory, source->settings ? " " : "",
      source->settings ? source->settings : "", node);
}

static void
append_video_encoder (GString *text, const HeadendModelChannel *channel,
                      const HeadendVideo *video, const char *pad)
{
  const HeadendLevel *level = headend_level_find (video->width, video->height,
                                                  video->frame_rate, video->bitrate);
  g_autofree char *encoder
      = headend_encoder_find (video->encoder)->describe (video, level->name);
  g_string_append_printf (
      text,
      "segmentencoder agreement=interchangeable segment-duration=%" G_GUINT64_FORMAT
      " encoder=\"%s\" ! h264parse config-interval=-1 "
      "! video/x-h264,stream-format=byte-stream,alignment=au ! sink.%s\n",
      channel->duration90, encoder, pad);
}

static void
append_rung (GString *text, const HeadendModelChannel *channel, guint index)
{
  const HeadendVideo *video = channel->video->pdata[index];
  static const struct {
    const char *variant, *prefix;
  } marked[] = { { "a", "video" }, { "b", "video_b" } };

  g_string_append_printf (text,
                          "video. ! " RAW_VIDEO " ! videoscale ! videoconvert ! "
                          "video/x-raw,format=I420,width=%u,height=%u,"
                          "pixel-aspect-ratio=1/1 ! ",
                          video->width, video->height);
  if (!channel->watermark) {
    g_autofree char *pad = g_strdup_printf ("video_%u", index);
    append_video_encoder (text, channel, video, pad);
    return;
  }
  g_string_append_printf (text, "tee name=video-%u\n", index);
  for (guint i = 0; i < G_N_ELEMENTS (marked); i++) {
    g_autofree char *pad = g_strdup_printf ("%s_%u", marked[i].prefix, index);
    g_string_append_printf (text,
                            "video-%u. ! " RAW_VIDEO " ! forensicmark name=mark-%s-%u "
                            "channel=%s variant=%s segment-duration=%" G_GUINT64_FORMAT
                            " ! ",
                            index, marked[i].variant, index, channel->name,
                            marked[i].variant, channel->duration90);
    append_video_encoder (text, channel, video, pad);
  }
}

static void
append_audio (GString *text, const HeadendModelChannel *channel, guint index)
{
  const HeadendAudio *audio = channel->audio->pdata[index];
  g_autofree char *encoder = headend_encoder_audio (audio);
  g_string_append_printf (
      text,
      "audio-%u. ! " RAW_AUDIO " ! audioconvert ! audioresample ! "
      "audio/x-raw,format=F32LE,layout=interleaved,rate=%u,channels=%u ! "
      "epochalign segment-duration=%" G_GUINT64_FORMAT " ! "
      "segmentencoder agreement=interchangeable segment-duration=%" G_GUINT64_FORMAT
      " encoder=\"%s\" ! aacparse ! "
      "audio/mpeg,mpegversion=4,stream-format=adts ! sink.audio_%u\n",
      audio->track, audio->rate, audio->channels, channel->duration90,
      channel->duration90, encoder, index);
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
  g_string_append_printf (text,
                          COMPRESSED " name=audio-in-%u%s ! aacparse name=copy-%u ! ",
                          track, pace (source), track);
  if (copied)
    g_string_append_printf (text,
                            "audio/mpeg,mpegversion=4,stream-format=adts ! tee "
                            "name=track-%u\n",
                            track);
  if (copied && encoded)
    g_string_append_printf (text, "track-%u. ! ", track);
  if (encoded)
    g_string_append_printf (text, "avdec_aac ! tee name=audio-%u\n", track);
  for (guint i = 0; i < channel->audio->len; i++) {
    const HeadendAudio *audio = channel->audio->pdata[i];
    if (audio->track == track && headend_encoder_copies (audio->encoder))
      g_string_append_printf (text, "track-%u. ! sink.audio_%u\n", track, i);
  }
}

static void
append_video (GString *text, const HeadendModelChannel *channel,
              const HeadendSource *source)
{
  const HeadendVideo *first = channel->video->pdata[0];
  g_string_append_printf (text, COMPRESSED " name=video-in%s ! ", pace (source));
  if (headend_encoder_copies (first->encoder)) {
    g_string_append (text, "h264parse name=copy config-interval=-1 ! "
                           "video/x-h264,stream-format=byte-stream,alignment=au ! "
                           "sink.video_0\n");
    return;
  }
  g_string_append_printf (text,
                          "h264parse ! avdec_h264 "
                          "output-corrupt=false max-threads=2 ! epochalign name=align "
                          "segment-duration=%" G_GUINT64_FORMAT " ! tee name=video\n",
                          channel->duration90);
  for (guint i = 0; i < channel->video->len; i++)
    append_rung (text, channel, i);
}

char *
headend_pipeline_text (const HeadendModelChannel *channel, const HeadendSource *source,
                       const char *node)
{
  GString *text = g_string_new (NULL);
  g_string_append_printf (
      text,
      "hlsgatesink name=sink channel=%s node=%s segment-duration=%" G_GUINT64_FORMAT
      " window=%u key-version=%u key-rotation=%u "
      "tier=%s\n",
      channel->name, node, channel->duration90, channel->window, channel->key_version,
      channel->key_rotation, channel->tier);
  append_source (text, source, node);
  append_video (text, channel, source);
  for (guint track = 0; track < headend_model_channel_tracks (channel); track++)
    append_track (text, channel, source, track);
  for (guint i = 0; i < channel->audio->len; i++)
    if (!headend_encoder_copies (((HeadendAudio *)channel->audio->pdata[i])->encoder))
      append_audio (text, channel, i);
  return g_string_free (text, FALSE);
}
