/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include <string.h>

#define PATH "/control/clip/"
#define ASK_MS 1000

void
he_clip_handle (HeOrigin *origin, HeRequest *request)
{
  g_autoptr (HeChannel) channel
      = he_store_find_channel (origin->store, he_request_path (request) + strlen (PATH));
  g_autofree char *own = NULL;

  if (channel == NULL) {
    he_request_respond_text (request, 404, "no such channel\n");
    return;
  }
  if (g_str_equal (he_request_method (request), "PUT")) {
    gsize len;
    const char *text = g_bytes_get_data (he_request_body (request), &len);

    if (he_clips_set_own (origin->clips, channel->name, text, len))
      he_request_respond_text (request, 200, "ok\n");
    else
      he_request_respond_text (request, 400, "64 hex digits are wanted\n");
    return;
  }
  own = he_clips_get_own (origin->clips, channel->name);
  he_request_add_field (request, "Cache-Control", "no-store");
  he_request_respond_text (request, own != NULL ? 200 : 404,
                           own != NULL ? own : "no clip yet\n");
}

typedef struct {
  HeOrigin *origin;
  HeChannel *channel;
} Question;

static void
heard (const HePeerReply *replies, guint n, gpointer data)
{
  g_autofree Question *question = data;
  HeOrigin *origin = question->origin;
  const char *name = question->channel->name;
  g_autofree char *reason = NULL;
  gboolean identical;

  for (guint i = 0; i < n; i++) {
    gsize len;
    const char *text;

    if (replies[i].status != 200 || replies[i].body == NULL)
      continue;
    text = g_bytes_get_data (replies[i].body, &len);
    he_clips_hear (origin->clips, name, replies[i].peer, text, len);
  }
  /* Only a new verdict: copies that differed have taken the promise back. */
  if (he_clips_judge (origin->clips, name, n, &identical, &reason)) {
    he_store_promise (origin->store, name, identical);
    he_log_state (origin->log, "channel %s: copies are %s: %s", name,
                  identical ? "identical" : "interchangeable", reason);
  }
  he_channel_unref (question->channel);
}

void
he_clip_tick (HeOrigin *origin)
{
  g_autoptr (GPtrArray) channels = he_origin_channels (origin);

  for (guint i = 0; i < channels->len; i++) {
    HeChannel *channel = g_ptr_array_index (channels, i);
    g_autofree char *own = he_clips_get_own (origin->clips, channel->name);
    g_autofree char *path = g_strconcat (PATH, channel->name, NULL);
    Question *question;

    if (own == NULL)
      continue; /* interchangeable, as described, or not known yet */
    question = g_new0 (Question, 1);
    question->origin = origin;
    question->channel = he_channel_ref (channel);
    he_peers_call (origin->peers, HE_PEERS_ALL, "GET", path, NULL, ASK_MS, heard,
                   question);
  }
}
