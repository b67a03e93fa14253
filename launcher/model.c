/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model.h"

#include <string.h>
#include "he-codeword.h"
#include "he-token.h"
#include "source.h"

HeadendVideo *
headend_video_new (void)
{
  HeadendVideo *video = g_new0 (HeadendVideo, 1);
  video->frame_rate = (HeadendFraction) { 25, 1 };
  video->bit_depth = 8;
  video->encoder = g_strdup ("x264");
  return video;
}

void
headend_video_free (HeadendVideo *video)
{
  if (!video)
    return;
  g_free (video->name);
  g_free (video->encoder);
  g_free (video->preset);
  g_free (video);
}

HeadendAudio *
headend_audio_new (void)
{
  HeadendAudio *audio = g_new0 (HeadendAudio, 1);
  audio->bitrate = 128;
  audio->rate = 48000;
  audio->channels = 2;
  audio->encoder = g_strdup ("aac");
  return audio;
}

void
headend_audio_free (HeadendAudio *audio)
{
  if (!audio)
    return;
  g_free (audio->name);
  g_free (audio->encoder);
  g_free (audio->language);
  g_free (audio);
}

HeadendModelChannel *
headend_model_channel_new (void)
{
  HeadendModelChannel *channel = g_new0 (HeadendModelChannel, 1);
  channel->duration90 = 180000;
  channel->window = 6;
  channel->encrypted = TRUE;
  channel->key_rotation = 30;
  channel->key_version = 1;
  channel->tier = g_strdup ("base");
  channel->common_timeline = TRUE;
  channel->watermark = TRUE;
  channel->identical = -1;
  channel->colluders = HE_CODEWORD_COLLUDERS;
  channel->sparse = 1;
  channel->video = g_ptr_array_new_with_free_func ((GDestroyNotify)headend_video_free);
  channel->audio = g_ptr_array_new_with_free_func ((GDestroyNotify)headend_audio_free);
  return channel;
}

void
headend_model_channel_free (HeadendModelChannel *channel)
{
  if (!channel)
    return;
  g_free (channel->name);
  g_free (channel->source);
  g_free (channel->backup);
  g_free (channel->tier);
  g_free (channel->destination);
  g_free (channel->credentials);
  g_free (channel->key_uri);
  g_free (channel->payload);
  g_ptr_array_unref (channel->video);
  g_ptr_array_unref (channel->audio);
  g_free (channel);
}

HeadendNode *
headend_node_new (void)
{
  return g_new0 (HeadendNode, 1);
}

void
headend_node_free (HeadendNode *node)
{
  if (!node)
    return;
  g_free (node->name);
  g_free (node->listen);
  g_free (node->internal);
  g_free (node->gate);
  g_free (node->state);
  g_free (node);
}

HeadendModel *
headend_model_new (const char *file, const char *folder)
{
  HeadendModel *model = g_new0 (HeadendModel, 1);
  model->file = g_strdup (file);
  model->folder = g_canonicalize_filename (folder, NULL);
  const char *states
      = g_getenv ("STATE_DIRECTORY"); /* may be a list, of which ours is one */
  model->states = states && *states == '/' && !strchr (states, ':')
                      ? g_strdup (states)
                      : g_strdup (model->folder);
  model->secret.file = g_build_filename (model->folder, "headend.secret", NULL);
  model->tokens.keys = g_build_filename (model->folder, "tokens.jwks", NULL);
  model->tokens.algorithms = HE_TOKEN_ES256;
  model->tokens.issuer = g_strdup ("headend");
  model->tokens.audience = g_strdup ("headend");
  model->sessions = (HeadendSessions) { .per_account = 1, .lease = 300, .length = 43200 };
  model->gate = (HeadendGate) { .allowed_origins = g_new0 (char *, 1),
                                .renewal_timeout = 2000,
                                .alarm_addresses = 8,
                                .alarm_fetches = 20 };
  model->nodes = g_ptr_array_new_with_free_func ((GDestroyNotify)headend_node_free);
  model->channels
      = g_ptr_array_new_with_free_func ((GDestroyNotify)headend_model_channel_free);
  return model;
}

void
headend_model_free (HeadendModel *model)
{
  if (!model)
    return;
  g_free (model->file);
  g_free (model->folder);
  g_free (model->states);
  g_free (model->secret.file);
  g_free (model->secret.variable);
  g_free (model->tokens.keys);
  g_free (model->tokens.issuing_key);
  g_free (model->tokens.issuer);
  g_free (model->tokens.audience);
  g_strfreev (model->gate.allowed_origins);
  g_free (model->gate.renewal_uri);
  g_free (model->gate.renewal_credentials);
  g_strfreev (model->sessions.redis);
  g_free (model->sessions.redis_credentials);
  g_free (model->sessions.redis_master);
  g_free (model->sessions.redis_authorities);
  g_free (model->sessions.redis_certificate);
  g_ptr_array_unref (model->nodes);
  g_free (model->edge.listen);
  g_strfreev (model->edge.trusted);
  g_ptr_array_unref (model->channels);
  g_free (model);
}

const HeadendNode *
headend_model_node (const HeadendModel *model, const char *name)
{
  for (guint i = 0; i < model->nodes->len; i++) {
    const HeadendNode *node = model->nodes->pdata[i];
    if (strcmp (node->name, name) == 0)
      return node;
  }
  return NULL;
}

const HeadendModelChannel *
headend_model_channel (const HeadendModel *model, const char *name)
{
  for (guint i = 0; i < model->channels->len; i++) {
    const HeadendModelChannel *channel = model->channels->pdata[i];
    if (strcmp (channel->name, name) == 0)
      return channel;
  }
  return NULL;
}

guint
headend_model_channel_tracks (const HeadendModelChannel *channel)
{
  guint tracks = 0;
  for (guint i = 0; i < channel->audio->len; i++) {
    const HeadendAudio *audio = channel->audio->pdata[i];
    tracks = MAX (tracks, audio->track + 1);
  }
  return tracks;
}

char *
headend_source_display (const char *source)
{
  g_autofree char *bare = g_strndup (source, strcspn (source, "?#"));
  char *host = strstr (bare, "://");
  if (!host)
    return g_steal_pointer (&bare);
  /* Who knows the name of a stream may publish it, or take it. */
  char *stream = strrchr (host + 3, '/');
  if (g_str_has_prefix (bare, "rtmp") && stream)
    stream[1] = 0;
  host += 3;
  const char *user_end = strrchr (host, '@');
  if (!user_end)
    return g_steal_pointer (&bare);
  return g_strdup_printf ("%.*s%s", (int)(host - bare), bare, user_end + 1);
}

const char *
headend_agreement_name (const HeadendModelChannel *channel)
{
  return channel->identical ? "identical" : "interchangeable";
}

gboolean
headend_model_channel_has_variants (const HeadendModelChannel *channel)
{
  return channel->watermark && !channel->payload;
}

gboolean
headend_model_channel_is_common (const HeadendModelChannel *channel)
{
  g_autofree char *message = NULL;
  const HeadendSource *source = headend_source_find (channel->source, &message);
  return channel->common_timeline && source && source->common;
}
