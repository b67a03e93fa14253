/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "description-check.h"

#include <string.h>
#include "description-read.h"
#include "encoder.h"
#include "level.h"
#include "source.h"

typedef struct {
  char *path, *message;
} Fault;

static gboolean
    G_GNUC_PRINTF (3, 4) fault (Fault *ret_fault, char *path, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  ret_fault->path = path;
  ret_fault->message = g_strdup_vprintf (format, args);
  va_end (args);
  return FALSE;
}

/* Remembers where a value stood first; FALSE when it stands a second time. */
static gboolean
is_first (GHashTable *seen, const char *value, char *path, Fault *ret_fault)
{
  const char *first = g_hash_table_lookup (seen, value);
  if (first)
    return fault (ret_fault, path, "\"%s\" stands at %s already; expected another one",
                  value, first);
  g_hash_table_insert (seen, g_strdup (value), path);
  return TRUE;
}

static GHashTable *
seen_new (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

/* A wildcard address takes the port of every other one. */
static gboolean
check_wildcards (GHashTable *seen, Fault *ret_fault)
{
  GHashTableIter outer, inner;
  gpointer wild, wild_path, other, other_path;
  g_hash_table_iter_init (&outer, seen);
  while (g_hash_table_iter_next (&outer, &wild, &wild_path)) {
    const char *port = strrchr (wild, ':');
    if (!g_str_has_prefix (wild, "0.0.0.0:") && !g_str_has_prefix (wild, "[::]:"))
      continue;
    g_hash_table_iter_init (&inner, seen);
    while (g_hash_table_iter_next (&inner, &other, &other_path))
      if (other != wild && strcmp (strrchr (other, ':'), port) == 0)
        return fault (ret_fault, g_strdup (wild_path),
                      "\"%s\" takes the port of \"%s\" at %s; expected another port",
                      (char *)wild, (char *)other, (char *)other_path);
  }
  return TRUE;
}

static gboolean
check_nodes (const HeadendModel *model, Fault *ret_fault)
{
  g_autoptr (GHashTable) names = seen_new ();
  g_autoptr (GHashTable) listeners = seen_new ();
  g_autoptr (GHashTable) folders = seen_new ();
  for (guint i = 0; i < model->nodes->len; i++) {
    const HeadendNode *node = model->nodes->pdata[i];
    if (!is_first (names, node->name, g_strdup_printf ("$.nodes[%u].name", i), ret_fault)
        || !is_first (listeners, node->listen, g_strdup_printf ("$.nodes[%u].listen", i),
                      ret_fault)
        || !is_first (listeners, node->internal,
                      g_strdup_printf ("$.nodes[%u].internal", i), ret_fault)
        || !is_first (folders, node->state, g_strdup_printf ("$.nodes[%u].state", i),
                      ret_fault))
      return FALSE;
  }
  if (model->edge.listen
      && !is_first (listeners, model->edge.listen, g_strdup ("$.edge.listen"), ret_fault))
    return FALSE;
  return check_wildcards (listeners, ret_fault);
}

static guint64
gcd (guint64 a, guint64 b)
{
  while (b) {
    guint64 rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/* Ticks after which whole frames and whole ticks meet: 3600 for 25/1, 15015 for
 * 24000/1001. */
static guint64
frame_unit (HeadendFraction rate)
{
  guint64 ticks = (guint64)90000 * rate.d;
  return ticks / gcd (ticks, rate.n);
}

static gboolean
check_duration (const HeadendModelChannel *channel, guint index, Fault *ret_fault)
{
  const HeadendVideo *video = channel->video->pdata[0];
  guint64 unit = frame_unit (video->frame_rate);
  if (channel->duration90 % unit == 0)
    return TRUE;
  guint64 nearest = MAX (1, (channel->duration90 + unit / 2) / unit) * unit;
  char frames[G_ASCII_DTOSTR_BUF_SIZE], given[G_ASCII_DTOSTR_BUF_SIZE],
      seconds[G_ASCII_DTOSTR_BUF_SIZE];
  g_ascii_formatd (given, sizeof given, "%.9g", (double)channel->duration90 / 90000);
  g_ascii_formatd (frames, sizeof frames, "%.4f",
                   (double)channel->duration90 * video->frame_rate.n
                       / (90000.0 * video->frame_rate.d));
  g_ascii_formatd (seconds, sizeof seconds, "%.9g", (double)nearest / 90000);
  g_autofree char *as_seconds
      = nearest % 9 == 0 ? g_strdup_printf ("%s or ", seconds) : g_strdup ("");
  return fault (
      ret_fault, g_strdup_printf ("$.channels[%u].segment-duration", index),
      "%s s is %s frames of %u/%u; expected whole frames, nearest %s{\"ticks\": "
      "%" G_GUINT64_FORMAT "}",
      given, frames, video->frame_rate.n, video->frame_rate.d, as_seconds, nearest);
}

static gboolean
check_preset (const HeadendVideo *video, guint index, guint j, Fault *ret_fault)
{
  g_autofree const char **presets
      = he_encoder_family_presets (headend_encoder_of (video));
  if (g_strv_contains (presets, video->preset))
    return TRUE;
  char *path = g_strdup_printf ("$.channels[%u].video[%u].preset", index, j);
  const char *near = headend_nearest (video->preset, presets);
  if (near)
    return fault (ret_fault, path,
                  "\"%s\" is not a preset of the encoder; did you mean \"%s\"?",
                  video->preset, near);
  g_autofree char *list = g_strjoinv (", ", (char **)presets);
  return fault (ret_fault, path,
                "\"%s\" is not a preset of the encoder \"%s\"; expected one of %s",
                video->preset, video->encoder, list);
}

static gboolean
check_encoder (const HeadendModelChannel *channel, guint index, guint j, Fault *ret_fault)
{
  const HeadendVideo *video = channel->video->pdata[j];
  const HeEncoderFamily *family = headend_encoder_of (video);
  guint64 frames = channel->duration90 * video->frame_rate.n
                   / ((guint64)90000 * video->frame_rate.d);
  if (family->longest && frames > family->longest)
    return fault (ret_fault,
                  g_strdup_printf ("$.channels[%u].video[%u].encoder", index, j),
                  "\"%s\" makes a keyframe after %u frames at the latest, and a segment "
                  "has %" G_GUINT64_FORMAT "; expected a shorter segment-duration or "
                  "another encoder",
                  video->encoder, family->longest, frames);
  return check_preset (video, index, j, ret_fault);
}

/* Ten bits need an encoder for them, or a source of H.265 that has them. */
static gboolean
check_depth (const HeadendModelChannel *channel, guint index, guint j, Fault *ret_fault)
{
  const HeadendVideo *video = channel->video->pdata[j];
  if (he_encoder_family_takes (headend_encoder_of (video), video->bit_depth))
    return TRUE;
  return fault (
      ret_fault, g_strdup_printf ("$.channels[%u].video[%u].bit-depth", index, j),
      "encoder \"%s\" makes 8 bits; expected 8, or an encoder of H.265 such as \"x265\"",
      video->encoder);
}

static gboolean
check_video (const HeadendModelChannel *channel, guint index, guint j, Fault *ret_fault)
{
  const HeadendVideo *first = channel->video->pdata[0];
  const HeadendVideo *video = channel->video->pdata[j];
  guint64 a = (guint64)video->frame_rate.n * first->frame_rate.d;
  guint64 b = (guint64)first->frame_rate.n * video->frame_rate.d;
  if (a != b)
    return fault (
        ret_fault, g_strdup_printf ("$.channels[%u].video[%u].frame-rate", index, j),
        "%u/%u differs from the first rendition's %u/%u; expected the source's rate "
        "in all of them",
        video->frame_rate.n, video->frame_rate.d, first->frame_rate.n,
        first->frame_rate.d);
  if (!headend_level_of (video)) {
    gboolean h265 = headend_encoder_of (video)->codec == HE_VIDEO_H265;
    return fault (ret_fault, g_strdup_printf ("$.channels[%u].video[%u]", index, j),
                  "no %s level takes %ux%u at %u/%u frames a second and %u kbit/s; "
                  "expected at most %s",
                  h265 ? "H.265" : "H.264", video->width, video->height,
                  video->frame_rate.n, video->frame_rate.d, video->bitrate,
                  h265 ? "8192x4352 at 120/1 (level 6.2)"
                       : "4096x2304 at 56/1 (level 5.2)");
  }
  if (channel->identical && !headend_encoder_repeats (video))
    return fault (
        ret_fault, g_strdup_printf ("$.channels[%u].agreement", index),
        "\"identical\" needs encoders that always make the same of the same "
        "pictures, and video[%u].encoder is \"%s\"; expected \"interchangeable\", "
        "or \"x264\" or \"x265\"",
        j, video->encoder);
  if (!check_depth (channel, index, j, ret_fault))
    return FALSE;
  return check_encoder (channel, index, j, ret_fault);
}

/* An AAC frame of 1024 samples holds at most 6144 bits a channel. */
static gboolean
check_audio (const HeadendModelChannel *channel, guint index, guint j, Fault *ret_fault)
{
  const HeadendAudio *audio = channel->audio->pdata[j];
  guint most = 6 * audio->rate * audio->channels / 1000;
  if (audio->bitrate <= most)
    return TRUE;
  return fault (ret_fault, g_strdup_printf ("$.channels[%u].audio[%u].bitrate", index, j),
                "%u kbit/s do not fit %u channel(s) at %u Hz; expected at most %u",
                audio->bitrate, audio->channels, audio->rate, most);
}

/* A mark for one recipient is in every segment. */
static gboolean
check_mark (const HeadendModelChannel *channel, guint index, Fault *ret_fault)
{
  return !channel->payload || channel->sparse == 1
         || fault (ret_fault, g_strdup_printf ("$.channels[%u].watermark.sparse", index),
                   "is for variants, and there is a payload instead; expected 1");
}

/* RTP says when a picture is shown, and not when it is decoded. */
static gboolean
has_decoding_times (const char *uri)
{
  g_autofree char *message = NULL;
  const HeadendSource *source = headend_source_find (uri, &message);
  return !source || !g_str_has_prefix (source->caps, "application/x-rtp");
}

/* What the source's own pictures cannot be: marked, cut beside others, or without the
 * times that segments need. */
static gboolean
check_copy (const HeadendModelChannel *channel, guint index, Fault *ret_fault)
{
  for (guint j = 0; j < channel->video->len; j++) {
    const HeadendVideo *video = channel->video->pdata[j];
    if (!headend_encoder_copies (video->encoder))
      continue;
    if (channel->watermark)
      return fault (ret_fault, g_strdup_printf ("$.channels[%u].watermark", index),
                    "true (the default) needs pictures that are encoded here, and "
                    "video[%u].encoder is \"%s\"; expected \"watermark\": false, or "
                    "another encoder",
                    j, video->encoder);
    if (!has_decoding_times (channel->source))
      return fault (ret_fault,
                    g_strdup_printf ("$.channels[%u].video[%u].encoder", index, j),
                    "\"%s\" needs decoding times, and plain RTP has none; expected an "
                    "encoder, or the source as a transport stream",
                    video->encoder);
    if (channel->video->len > 1)
      return fault (ret_fault,
                    g_strdup_printf ("$.channels[%u].video[%u].encoder", index, j),
                    "\"%s\" cuts where the source's keyframes are, the other renditions "
                    "elsewhere; expected no other video rendition, or another encoder",
                    video->encoder);
  }
  return TRUE;
}

/* What a place that only holds files cannot do. */
static gboolean
check_destination (const HeadendModelChannel *channel, guint index, Fault *ret_fault)
{
  const char *key = NULL;
  if (!channel->destination) {
    key = channel->recording     ? "playlist"
          : channel->key_uri     ? "key-uri"
          : channel->credentials ? "credentials"
                                 : NULL;
    return !key
           || fault (ret_fault, g_strdup_printf ("$.channels[%u].%s", index, key),
                     "is for a destination, and there is none; expected "
                     "\"destination\": \"file:DIR\" or \"http://HOST/PATH/\" beside it");
  }
  if (headend_model_channel_has_variants (channel))
    return fault (ret_fault, g_strdup_printf ("$.channels[%u].watermark", index),
                  "true (the default) needs a gate that chooses between variants, and at "
                  "the destination there is none; expected \"watermark\": false, or a "
                  "\"payload\"");
  if (channel->encrypted && !channel->key_uri)
    return fault (ret_fault, g_strdup_printf ("$.channels[%u].destination", index),
                  "holds encrypted segments, and nobody serves their keys there; "
                  "expected \"key-uri\" to say where a gate does "
                  "(https://GATE/live/%s/keys/), or \"encryption\": \"none\"",
                  channel->name);
  if (channel->recording && !g_str_has_prefix (channel->source, "file:"))
    return fault (ret_fault, g_strdup_printf ("$.channels[%u].playlist", index),
                  "\"vod\" needs a source that ends; expected \"source\": \"file:PATH\", "
                  "or \"playlist\": \"live\"");
  return TRUE;
}

/* The files of a destination have one writer: where there were two, the one behind would
 * put its playlists over the other's, and a player would see them run backwards
 * (RFC 8216 section 6.2.2). */
static gboolean
check_writers (const HeadendModel *model, guint index, Fault *ret_fault)
{
  const HeadendModelChannel *channel = model->channels->pdata[index];
  if (!channel->destination || model->nodes->len == 1)
    return TRUE;
  return fault (ret_fault, g_strdup_printf ("$.channels[%u].destination", index),
                "each of the %u nodes would write its files over the others'; expected "
                "one node, so give \"%s\" a description of its own that has one",
                model->nodes->len, channel->name);
}

static gboolean
is_transport_stream (const char *uri)
{
  g_autofree char *message = NULL;
  const HeadendSource *source = headend_source_find (uri, &message);
  return source && source->live && g_str_has_prefix (source->caps, "video/mpegts");
}

/* A backup is taken over in the middle of the feed, and a program is chosen, where the
 * feed is a live transport stream. */
static gboolean
check_source (const HeadendModelChannel *channel, guint index, Fault *ret_fault)
{
  if (channel->backup
      && !(is_transport_stream (channel->source)
           && is_transport_stream (channel->backup)))
    return fault (ret_fault, g_strdup_printf ("$.channels[%u].backup", index),
                  "needs two live transport streams; expected both \"source\" and "
                  "\"backup\" by srt, udp, rtp or tcp");
  if (channel->program > 0 && !g_str_has_prefix (channel->source, "file:")
      && !is_transport_stream (channel->source))
    return fault (ret_fault, g_strdup_printf ("$.channels[%u].program", index),
                  "is of a transport stream, and this source carries one programme; "
                  "expected none");
  return TRUE;
}

/* Two nodes that see different timestamps make different segments of one number. */
static gboolean
check_timeline (const HeadendModel *model, guint index, Fault *ret_fault)
{
  const HeadendModelChannel *channel = model->channels->pdata[index];
  if (model->nodes->len == 1 || headend_model_channel_is_common (channel))
    return TRUE;
  return fault (
      ret_fault, g_strdup_printf ("$.channels[%u].source", index),
      "has no timeline that nodes share%s, so %u nodes cannot be active-active with it: "
      "they would make different segments of one number; expected one node, so give "
      "\"%s\" a description of its own that has one",
      channel->common_timeline ? " (each reads a file at its own pace)" : "",
      model->nodes->len, channel->name);
}

static gboolean
check_channel (const HeadendModelChannel *channel, guint index, Fault *ret_fault)
{
  g_autoptr (GHashTable) names = seen_new ();
  for (guint j = 0; j < channel->video->len; j++) {
    const HeadendVideo *video = channel->video->pdata[j];
    if (!is_first (names, video->name,
                   g_strdup_printf ("$.channels[%u].video[%u].name", index, j), ret_fault)
        || !check_video (channel, index, j, ret_fault))
      return FALSE;
  }
  for (guint j = 0; j < channel->audio->len; j++) {
    const HeadendAudio *audio = channel->audio->pdata[j];
    if (!is_first (names, audio->name,
                   g_strdup_printf ("$.channels[%u].audio[%u].name", index, j), ret_fault)
        || !check_audio (channel, index, j, ret_fault))
      return FALSE;
  }
  /* Beside the renditions stand "keys" and "main.m3u8". */
  const char *keys = g_hash_table_lookup (names, "keys");
  if (keys)
    return fault (ret_fault, g_strdup (keys),
                  "\"keys\" is where the keys are served; expected another name");
  return check_source (channel, index, ret_fault)
         && check_mark (channel, index, ret_fault)
         && check_copy (channel, index, ret_fault)
         && check_destination (channel, index, ret_fault)
         && check_duration (channel, index, ret_fault);
}

gboolean
headend_model_check (const HeadendModel *model, char **ret_path, char **ret_message)
{
  Fault found = { NULL, NULL };
  g_autoptr (GHashTable) names = seen_new ();
  gboolean ok = check_nodes (model, &found);
  for (guint i = 0; ok && i < model->channels->len; i++) {
    const HeadendModelChannel *channel = model->channels->pdata[i];
    ok = is_first (names, channel->name, g_strdup_printf ("$.channels[%u].name", i),
                   &found)
         && check_channel (channel, i, &found) && check_writers (model, i, &found)
         && check_timeline (model, i, &found);
  }
  if (!ok) {
    *ret_path = found.path;
    *ret_message = found.message;
  }
  return ok;
}
