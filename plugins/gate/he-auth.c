/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include <string.h>

#include "he-target.h"

/* What an edge asks a node's internal listener for, once this viewer may have it. Where
 * nothing is, the node that it asks says so. */
static char *
shared_path (const HeDecision *decision)
{
  const HeAnswer *answer = &decision->answer;
  HeSegment segment = { .variant = HE_VARIANT_NONE };
  HeTarget target;

  if (answer->kind == HE_ANSWER_MEDIA)
    return g_strconcat ("/playlists/live/", answer->channel->name, "/",
                        answer->rendition->name, "/index.m3u8", NULL);
  if (answer->segment != NULL)
    return he_segment_path (answer->segment);
  he_target_parse (decision->path, &target); /* as when it was asked for */
  if (target.kind == HE_TARGET_MEDIA)
    return g_strconcat ("/playlists", target.live, NULL);
  segment.channel = target.channel;
  segment.rendition = target.rendition;
  segment.msn = target.number;
  return he_segment_path (&segment);
}

/* The playlist that an edge is to ask for: what this node lists now, where the channel is
 * live, so that the viewer gets no older one; else whatever the node that it asks lists.
 */
static char *
playlist_name (HeOrigin *origin, const char *channel)
{
  HeListing listing;

  if (!he_store_live_listing (origin->store, channel, g_get_monotonic_time (),
                              &listing.first, &listing.last))
    return g_strdup ("index");
  return he_listing_print (&listing);
}

static void
add_playlist (const HeDecision *decision)
{
  g_autofree char *name
      = playlist_name (decision->origin, decision->answer.channel->name);

  he_request_add_field (decision->request, "Headend-Playlist", name);
  he_origin_add_session (decision);
}

static void
decided (const HeDecision *decision)
{
  HeRequest *request = decision->request;
  const HeAnswer *answer = &decision->answer;
  g_autofree char *path = NULL;
  g_autofree char *ticket = NULL;

  if (answer->kind == HE_ANSWER_DENY) {
    he_origin_respond_denied (decision);
    return;
  }
  path = shared_path (decision);
  ticket = he_tickets_get (decision->origin->tickets, path,
                           decision->now / G_USEC_PER_SEC);
  he_request_add_field (request, "Cache-Control", "no-store");
  if (answer->kind == HE_ANSWER_MEDIA)
    add_playlist (decision);
  else
    he_request_add_field (
        request, "X-Variant",
        he_variant_name (answer->segment ? answer->segment->variant : HE_VARIANT_NONE));
  he_request_add_field (request, "Headend-Ticket", ticket);
  he_request_respond (request, 204, NULL, NULL);
}

/* For nginx's auth_request: it fails with 500 on anything but 2xx, 401 and 403, of which our
 * configuration makes 503, after other nodes were asked. Segments
 * and media playlists are decided here, whose bytes an edge shares among those who may
 * have them. Entries and keys are one viewer's, and go to a node. */
void
he_auth_handle (HeOrigin *origin, HeRequest *request)
{
  const char *uri = he_request_field (request, "X-Original-URI");
  g_autofree char *path = NULL;
  const char *query = NULL;
  HeTarget target;
  char *mark;

  if (uri != NULL) {
    path = g_strdup (uri);
    if ((mark = strchr (path, '?')) != NULL) {
      *mark = '\0';
      query = mark + 1;
    }
  }
  if (path == NULL || !he_target_parse (path, &target)
      || (target.kind != HE_TARGET_SEGMENT && target.kind != HE_TARGET_MEDIA)) {
    he_request_add_field (request, "Cache-Control", "no-store");
    he_request_respond_text (request, 403, "not authorised here\n");
    return;
  }
  he_origin_decide (origin, request, path, query, decided);
}
