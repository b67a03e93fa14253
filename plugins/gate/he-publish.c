/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include <string.h>

#include "he-codec.h"
#include "he-error.h"
#include "he-pace.h"
#include "he-sign.h"
#include "he-target.h"

static const char *const outcome_names[] = {
  [HE_STORE_NEW] = "new",
  [HE_STORE_REPLACED] = "replaced",
  [HE_STORE_SAME] = "same",
  [HE_STORE_DIFFERENT] = "different",
};

static guint
status_of (const GError *error)
{
  switch ((HeError)error->code) {
    case HE_ERROR_NOT_FOUND:
      return 404;
    case HE_ERROR_LIMIT:
      return 409; /* of no use to us, now or later */
    default:
      return 400;
  }
}

static void
refuse (HeRequest *request, const GError *error)
{
  g_autofree char *text = g_strdup_printf ("%s\n", error->message);

  he_request_respond_text (request, status_of (error), text);
}

typedef struct {
  HeOrigin *origin;
  char *channel;
} Note;

static gboolean
note (gpointer data)
{
  Note *self = data;

  if (self->origin->peers != NULL)
    he_ack_note (self->origin, self->channel);
  return G_SOURCE_REMOVE;
}

static void
note_free (gpointer data)
{
  Note *self = data;

  g_free (self->channel);
  g_free (self);
}

/* What follows from a segment that was put: on the origin's thread, whoever put it. */
static void
spread (HeOrigin *origin, const char *channel)
{
  g_autofree char *news = he_store_take_news (origin->store, channel);
  gboolean ours;
  Note *self;

  if (news != NULL)
    he_log_state (origin->log, "%s", news);
  if (origin->peer_nodes == NULL || *origin->peer_nodes == NULL)
    return;
  g_mutex_lock (&origin->lock);
  ours = origin->running && g_main_context_is_owner (origin->context);
  if (origin->running && !ours) {
    g_autoptr (GSource) source = g_idle_source_new ();

    self = g_new0 (Note, 1);
    self->origin = origin;
    self->channel = g_strdup (channel);
    g_source_set_priority (source, G_PRIORITY_DEFAULT);
    g_source_set_callback (source, note, self, note_free);
    g_source_attach (source, origin->context);
  }
  g_mutex_unlock (&origin->lock);
  if (ours)
    he_ack_note (origin, channel);
}

gboolean
he_origin_take (HeOrigin *origin, const HeSegment *segment, GBytes *body,
                const char *node, HeStoreOutcome *ret_outcome, GError **error)
{
  gboolean ok = he_store_put (origin->store, segment, body, node, g_get_monotonic_time (),
                              ret_outcome, error);

  he_metrics_add (origin->metrics, HE_METRIC_PUTS, node,
                  ok ? outcome_names[*ret_outcome] : "refused", 1);
  if (ok)
    spread (origin, segment->channel);
  return ok;
}

void
he_publish_put (HeOrigin *origin, HeRequest *request)
{
  const char *header = he_request_field (request, HE_SEGMENT_HEADER);
  const char *node = he_request_field (request, "Headend-Node");
  g_autoptr (HeSegment) segment = NULL;
  g_autoptr (GError) error = NULL;
  HeStoreOutcome outcome;

  if (header == NULL || node == NULL || !he_name_is_valid (node)) {
    he_request_respond_text (
        request, 400, "a segment needs the fields Headend-Segment and Headend-Node\n");
    return;
  }
  segment = he_segment_from_path (he_request_path (request), &error);
  if (segment == NULL || !he_segment_read_header (segment, header, &error)
      || !he_origin_take (origin, segment, he_request_body (request), node, &outcome,
                          &error)) {
    he_log_event (origin->log, g_get_monotonic_time (), "segment refused: %s (from %s)",
                  error->message, node);
    refuse (request, error);
    return;
  }
  if (outcome == HE_STORE_SAME || outcome == HE_STORE_DIFFERENT) {
    he_request_add_field (request, "Headend-Copy", outcome_names[outcome]);
    he_request_respond_text (request, 200, "held already\n");
  } else
    he_request_respond_text (request, 201, "held\n");
}

/* An edge shows a ticket that a gate gave it for this one path; our own processes sign
 * that of the request. */
static gboolean
may_read (HeOrigin *origin, HeRequest *request, const char *path)
{
  const char *ticket = he_request_field (request, "Headend-Ticket");
  g_autoptr (GError) error = NULL;

  if (ticket == NULL)
    return he_origin_check_signature (origin, request);
  if (he_ticket_verify (origin->publish, ticket, path,
                        g_get_real_time () / G_USEC_PER_SEC, &error))
    return TRUE;
  he_origin_refuse_signature (origin, request, error);
  return FALSE;
}

void
he_origin_respond_held (HeRequest *request, const HeHeld *held)
{
  if (held->node != NULL)
    he_request_add_field (request, "Headend-Node", held->node);
  /* Audio renditions are transport streams too. */
  if (held->file >= 0)
    he_request_set_file (request, held->file, held->offset);
  he_request_respond_range (request, "video/mp2t", held->body, held->etag);
}

/* A segment as edges get it: the same bytes for everybody who gets this variant, so that
 * they may share them. */
static void
respond_segment (HeOrigin *origin, HeRequest *request, const HeSegment *segment)
{
  g_autoptr (HeHeld) held
      = segment != NULL ? he_store_get (origin->store, segment) : NULL;
  g_autofree char *pace = NULL;

  if (held == NULL) {
    he_request_add_field (request, "Cache-Control", "no-store");
    he_request_respond_text (request, 404, "not held\n");
    return;
  }
  pace = he_pace_egress (he_pace_position (segment->variant, segment->msn));
  he_request_add_field (request, HE_PACE_HEADER, pace);
  he_request_add_field (request, "Cache-Control", "public, max-age=60");
  he_origin_respond_held (request, held);
}

void
he_publish_get (HeOrigin *origin, HeRequest *request)
{
  g_autoptr (HeSegment) segment = NULL;

  if (!may_read (origin, request, he_request_path (request)))
    return;
  segment = he_segment_from_path (he_request_path (request), NULL);
  respond_segment (origin, request, segment);
}

/* What is in one variant alone is served as a (ETSI TS 104 002 clause 5.7.5.1). */
static gboolean
is_held (HeOrigin *origin, HeSegment *segment)
{
  g_autoptr (HeHeld) held = he_store_get (origin->store, segment);

  if (held == NULL && segment->variant == HE_VARIANT_A) {
    segment->variant = HE_VARIANT_NONE;
    held = he_store_get (origin->store, segment);
  }
  return held != NULL;
}

void
he_publish_pace (HeOrigin *origin, HeRequest *request)
{
  g_autoptr (HeSegment) segment = NULL;
  g_autoptr (GBytes) sidecar = NULL;
  HePacePath kind;

  if (!may_read (origin, request, he_request_path (request)))
    return;
  kind = he_pace_parse (he_request_path (request), &segment);
  if (kind == HE_PACE_NONE || !is_held (origin, segment)) {
    he_request_add_field (request, "Cache-Control", "no-store");
    he_request_respond_text (request, 404, "not held\n");
    return;
  }
  if (kind == HE_PACE_SEGMENT) {
    respond_segment (origin, request, segment);
    return;
  }
  sidecar = he_pace_sidecar (he_pace_position (segment->variant, segment->msn));
  he_request_add_field (request, "Cache-Control", "public, max-age=60");
  he_request_respond (request, 200, "application/cbor", sidecar);
}

void
he_publish_playlist (HeOrigin *origin, HeRequest *request)
{
  HeListing listing;
  g_autofree char *index = he_listing_take (he_request_path (request), &listing);
  const char *path = index != NULL ? index : he_request_path (request);
  g_autoptr (HeChannel) channel = NULL;
  const HeRendition *rendition = NULL;
  HeTarget target;

  if (!may_read (origin, request, path))
    return;
  if (he_target_parse (path + strlen ("/playlists"), &target)
      && target.kind == HE_TARGET_MEDIA && target.credential.text == NULL
      && (channel = he_store_find_channel (origin->store, target.channel)) != NULL && !channel->recording
      && (index == NULL || listing.last - listing.first < channel->window))
    rendition = he_channel_find (channel, target.rendition);
  if (rendition != NULL) {
    he_origin_respond_playlist (origin, request, channel, rendition,
                                index != NULL ? &listing : NULL, NULL);
    return;
  }
  he_request_add_field (request, "Cache-Control", "no-store");
  he_request_respond_text (request, 404, "not found\n");
}
