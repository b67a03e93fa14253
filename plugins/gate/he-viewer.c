/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include <string.h>

#include "he-codec.h"
#include "he-cors.h"
#include "he-json.h"
#include "he-keys.h"
#include "he-pace.h"

#define PLAYLIST_TYPE "application/vnd.apple.mpegurl"

static void
respond_not_found (HeRequest *request)
{
  he_request_add_field (request, "Cache-Control", "no-store");
  he_request_respond_text (request, 404, "not found\n");
}

void
he_origin_add_session (const HeDecision *decision)
{
  const HeAnswer *answer = &decision->answer;
  char lease[HE_UINT64_DIGITS + 1];

  he_uint64_encode (answer->lease_seconds, lease);
  if (answer->set_cookie != NULL)
    he_request_add_field (decision->request, "Set-Cookie", answer->set_cookie);
  he_request_add_field (decision->request, "Headend-Lease", lease);
}

/* Its playlists stand at its destination; who enters here comes for its keys. */
static void
respond_recording (const HeDecision *decision)
{
  HeRequest *request = decision->request;

  if (decision->answer.kind != HE_ANSWER_MULTIVARIANT) {
    respond_not_found (request);
    return;
  }
  he_request_add_field (request, "Cache-Control", "no-store");
  he_origin_add_session (decision);
  he_request_respond_text (request, 204, "");
}

void
he_origin_respond_playlist (HeOrigin *origin, HeRequest *request, HeChannel *channel,
                            const HeRendition *rendition, const HeListing *listing,
                            const HeDecision *decision)
{
  g_autoptr (GBytes) text = NULL;
  HeListing now;
  HeAnchor anchor;
  gboolean has_anchor;
  gboolean is_filled
      = he_store_listing (origin->store, channel->name, &now.first, &now.last);

  he_request_add_field (request, "Cache-Control",
                        !is_filled || decision != NULL ? "no-store"
                        : listing != NULL
                            ? "public, max-age=60"
                            : "public, max-age=1, stale-while-revalidate=1");
  if (!is_filled) {
    he_request_add_field (request, "Retry-After", "1");
    he_request_respond_text (request, 503, "the channel's window is not filled yet\n");
    return;
  }
  if (listing == NULL)
    listing = &now;
  has_anchor = he_anchors_get (origin->anchors, channel->name, FALSE, &anchor);
  text = he_playlists_get (origin->playlists, channel, rendition,
                           has_anchor ? &anchor : NULL, listing->first, listing->last);
  if (decision != NULL)
    he_origin_add_session (decision);
  he_request_add_field (request, "Headend-Node", origin->node);
  he_request_respond (request, 200, PLAYLIST_TYPE, text);
}

static void
respond_playlist (const HeDecision *decision)
{
  const HeAnswer *answer = &decision->answer;

  if (answer->channel->recording)
    respond_recording (decision);
  else
    he_origin_respond_playlist (decision->origin, decision->request, answer->channel,
                                answer->rendition, NULL, decision);
}

/* Keys of what is held, and of the period that follows, so that a player may be early; of
 * a recording, which is held elsewhere, all. */
static gboolean
has_key (HeOrigin *origin, const HeChannel *channel, guint64 period)
{
  guint64 oldest, newest;

  if (origin->content == NULL || channel->recording)
    return origin->content != NULL;
  return he_store_range (origin->store, channel->name, &oldest, &newest)
         && period >= he_key_period (oldest, channel->key_rotation)
         && period <= he_key_period (newest, channel->key_rotation) + 1;
}

static void
respond_key (const HeDecision *decision)
{
  HeOrigin *origin = decision->origin;
  HeRequest *request = decision->request;
  const HeChannel *channel = decision->answer.channel;
  guint64 period = decision->answer.period;
  g_autoptr (GBytes) body = NULL;
  guint8 key[16];

  if (!has_key (origin, channel, period)) {
    respond_not_found (request);
    return;
  }
  he_content_key (origin->content, channel->key_version, channel->name, channel->tier,
                  period, key);
  body = g_bytes_new (key, sizeof key);
  he_request_add_field (request, "Cache-Control", "no-store");
  he_request_respond (request, 200, "application/octet-stream", body);
}

static void
respond_segment (const HeDecision *decision)
{
  g_autoptr (HeHeld) held
      = he_store_get (decision->origin->store, decision->answer.segment);

  if (held == NULL) {
    respond_not_found (decision->request);
    return;
  }
  he_request_add_field (decision->request, "Cache-Control", "private, no-store");
  he_origin_respond_held (decision->request, held);
}

/* For players that know when their lease ends, and pages with a new token. */
static void
respond_session (const HeDecision *decision)
{
  HeJsonWriter *writer = he_json_writer_new ();

  he_json_writer_open_object (writer, NULL);
  he_json_writer_uint64 (writer, "lease", decision->answer.lease_seconds);
  he_json_writer_int64 (writer, "ends", decision->answer.ends);
  he_origin_add_session (decision);
  he_request_respond_json (decision->request, he_json_writer_end (writer));
}

static void
decided (const HeDecision *decision)
{
  HeRequest *request = decision->request;

  switch (decision->answer.kind) {
    case HE_ANSWER_DENY:
      he_request_set_class (request, "denied");
      he_origin_respond_denied (decision);
      return;
    case HE_ANSWER_NOT_FOUND:
      he_request_set_class (request, "unknown");
      respond_not_found (request);
      return;
    case HE_ANSWER_REDIRECT:
      he_request_set_class (request, "entry");
      he_request_add_field (request, "Cache-Control", "no-store");
      he_request_add_field (request, "Location", decision->answer.location);
      he_request_respond_text (request, 302, "");
      return;
    case HE_ANSWER_MULTIVARIANT:
      he_request_set_class (request,
                            decision->answer.set_cookie != NULL ? "entry" : "playlist");
      respond_playlist (decision);
      return;
    case HE_ANSWER_MEDIA:
      he_request_set_class (request, "playlist");
      respond_playlist (decision);
      return;
    case HE_ANSWER_SESSION:
      he_request_set_class (request, "session");
      respond_session (decision);
      return;
    case HE_ANSWER_KEY:
      he_request_set_class (request, "key");
      respond_key (decision);
      return;
    case HE_ANSWER_SEGMENT:
      he_request_set_class (request, "segment");
      respond_segment (decision);
      return;
  }
}

static void
add_fields (HeRequest *request, const HeCorsField *fields, guint count)
{
  for (guint i = 0; i < count; i++)
    he_request_add_field (request, fields[i].name, fields[i].value);
}

static gboolean
takes_post (HeRequest *request)
{
  return g_str_has_suffix (he_request_path (request), "/session");
}

static void
add_allow (HeRequest *request)
{
  he_request_add_field (request, "Allow",
                        takes_post (request) ? "GET, HEAD, OPTIONS, POST"
                                             : "GET, HEAD, OPTIONS");
}

/* Of the server as a whole (RFC 9110 section 9.3.7). */
static void
respond_options (HeRequest *request)
{
  he_request_set_class (request, "unknown");
  he_request_add_field (request, "Allow", "GET, HEAD, OPTIONS, POST");
  he_request_respond (request, 204, NULL, NULL);
}

static void
respond_preflight (HeOrigin *origin, HeRequest *request)
{
  HeCorsField fields[HE_CORS_FIELDS];
  guint status = 0, count;

  if (g_str_equal (he_request_path (request), "*")) {
    respond_options (request);
    return;
  }
  count = he_cors_preflight (
      (const char *const *)origin->allowed_origins, he_request_field (request, "Origin"),
      he_request_field (request, "Access-Control-Request-Method"), &status, fields);

  he_request_set_class (request, status == 405 ? "unknown" : "preflight");
  add_fields (request, fields, count);
  if (status == 405) /* no preflight: it only asks (RFC 9110 section 9.3.7) */
    add_allow (request);
  if (status == 403)
    he_request_respond_text (request, status, "not for this origin\n");
  else
    he_request_respond (request, 204, NULL, NULL);
}

/* A preflight's answer has fields of its own. */
void
he_viewer_begun (HeRequest *request, gpointer data)
{
  HeOrigin *origin = data;
  HeCorsField fields[HE_CORS_FIELDS];

  if (!g_str_equal (he_request_method (request), "OPTIONS"))
    add_fields (request, fields,
                he_cors_answer ((const char *const *)origin->allowed_origins,
                                he_request_field (request, "Origin"), fields));
}

void
he_viewer_handle (HeRequest *request, gpointer data)
{
  HeOrigin *origin = data;
  const char *method = he_request_method (request);

  if (g_str_equal (method, "OPTIONS")) {
    respond_preflight (origin, request);
    return;
  }
  if (!g_str_equal (method, "GET") && !g_str_equal (method, "HEAD")
      && !(g_str_equal (method, "POST") && takes_post (request))) {
    he_request_set_class (request, "unknown");
    add_allow (request);
    he_request_respond_text (request, 405, "GET or HEAD\n");
    return;
  }
  if (he_pace_is_asked (he_request_path (request))) {
    he_request_set_class (request, "denied");
    he_request_add_field (request, "Cache-Control", "no-store");
    he_request_respond_text (request, 403, "not for devices\n");
    return;
  }
  if (!he_watch_handle (origin, request))
    he_origin_decide (origin, request, he_request_path (request),
                      he_request_query (request), decided);
}
