/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>
#include "description.h"

/* model-text FILE: what the launcher understood of a description, every field with its
 * defaults filled in, a line each; or what is wrong with it, and 1. */

#define NUMBER(of, field) printf (#field " %" G_GUINT64_FORMAT "\n", (guint64)(of)->field)
#define TEXT(of, field) printf (#field " %s\n", (of)->field ? (of)->field : "-")

static void
print_video (gpointer item, gpointer user_data)
{
  const HeadendVideo *video = item;
  TEXT (video, name);
  NUMBER (video, width);
  NUMBER (video, height);
  NUMBER (video, frame_rate.n);
  NUMBER (video, frame_rate.d);
  NUMBER (video, bitrate);
  NUMBER (video, bit_depth);
  TEXT (video, encoder);
  TEXT (video, preset);
  NUMBER (video, closed_gops);
}

static void
print_audio (gpointer item, gpointer user_data)
{
  const HeadendAudio *audio = item;
  TEXT (audio, name);
  NUMBER (audio, track);
  NUMBER (audio, bitrate);
  NUMBER (audio, rate);
  NUMBER (audio, channels);
  TEXT (audio, encoder);
  TEXT (audio, language);
}

static void
print_channel (gpointer item, gpointer user_data)
{
  const HeadendModelChannel *channel = item;
  TEXT (channel, name);
  TEXT (channel, source);
  TEXT (channel, backup);
  NUMBER (channel, program);
  NUMBER (channel, common_timeline);
  NUMBER (channel, duration90);
  NUMBER (channel, window);
  NUMBER (channel, encrypted);
  NUMBER (channel, key_rotation);
  NUMBER (channel, key_version);
  TEXT (channel, tier);
  NUMBER (channel, watermark);
  NUMBER (channel, identical);
  NUMBER (channel, colluders);
  NUMBER (channel, sparse);
  TEXT (channel, payload);
  TEXT (channel, destination);
  TEXT (channel, credentials);
  TEXT (channel, key_uri);
  NUMBER (channel, recording);
  g_ptr_array_foreach (channel->video, print_video, NULL);
  g_ptr_array_foreach (channel->audio, print_audio, NULL);
}

static void
print_node (gpointer item, gpointer user_data)
{
  const HeadendNode *node = item;
  TEXT (node, name);
  TEXT (node, listen);
  TEXT (node, internal);
  TEXT (node, gate);
  TEXT (node, state);
}

static void
print_model (const HeadendModel *model)
{
  g_autofree char *trusted
      = model->edge.trusted ? g_strjoinv (" ", model->edge.trusted) : NULL;
  g_autofree char *origins = g_strjoinv (" ", model->gate.allowed_origins);
  g_autofree char *redis
      = model->sessions.redis ? g_strjoinv (" ", model->sessions.redis) : NULL;
  TEXT (model, secret.file);
  TEXT (model, secret.variable);
  TEXT (model, tokens.keys);
  TEXT (model, tokens.issuing_key);
  NUMBER (model, tokens.algorithms);
  TEXT (model, tokens.issuer);
  TEXT (model, tokens.audience);
  NUMBER (model, sessions.per_account);
  NUMBER (model, sessions.reject_newest);
  NUMBER (model, sessions.lease);
  NUMBER (model, sessions.length);
  printf ("redis %s\n", redis ? redis : "-");
  TEXT (model, sessions.redis_credentials);
  TEXT (model, sessions.redis_master);
  TEXT (model, sessions.redis_authorities);
  TEXT (model, sessions.redis_certificate);
  printf ("allowed_origins %s\n", *origins ? origins : "-");
  TEXT (model, gate.renewal_uri);
  TEXT (model, gate.renewal_credentials);
  NUMBER (model, gate.renewal_timeout);
  NUMBER (model, gate.renewal_ends);
  NUMBER (model, gate.alarm_addresses);
  NUMBER (model, gate.alarm_fetches);
  TEXT (model, edge.listen);
  printf ("trusted %s\n", trusted ? trusted : "-");
  g_ptr_array_foreach (model->nodes, print_node, NULL);
  g_ptr_array_foreach (model->channels, print_channel, NULL);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  if (argc != 2) {
    g_printerr ("usage: model-text FILE\n");
    return 2;
  }
  g_autoptr (HeadendModel) model = headend_description_load (argv[1], NULL, &error);
  if (!model) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  print_model (model);
  return 0;
}
