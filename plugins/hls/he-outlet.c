/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-outlet.h"

#include <string.h>

#include "he-crypto.h"
#include "he-destination.h"
#include "he-epoch.h"
#include "he-error.h"
#include "he-keys.h"
#include "he-origin.h"
#include "he-parcel.h"
#include "he-place.h"

#define NEAR_NOW (60 * HE_TICKS_PER_SECOND)
#define FAREWELL (2 * G_TIME_SPAN_SECOND)
/* An origin's queue counts the segments of all renditions: this many of a window's. */
#define QUEUE_WINDOWS 8

struct _HeOutlet {
  char *node, *channel;
  void (*published) (const HeSegment *, gsize, const guint8[32], gpointer);
  void (*log) (const char *, gpointer);
  gpointer user_data;
  HeOrigin *origin;           /* or NULL */
  HePublisher *publisher;     /* or NULL */
  guint n_places;             /* origins that are published to, and the destination */
  HeDestinationConfig to;     /* its strings and secret are ours; uri NULL: none */
  HeDestination *destination; /* once the channel is known */
  gint64 deadline;            /* of draining it, monotonic; 0: not begun */

  GMutex lock;
  gboolean has_channel; /* under lock, as all below */
  gboolean has_anchor;
  HeAnchor anchor;
  gboolean cancelled;    /* whoever waits for a recording stops waiting */
  HeWaiting waiting;     /* for the embedded origin and the destination */
  GHashTable *under_way; /* path -> HeParcel, for the places; bounded by their queues */
  HeOutletStats stats;
};

static void
log_line (HeOutlet *self, const char *text)
{
  if (self->log != NULL)
    self->log (text, self->user_data);
}

static void
tell (HeOutlet *self, const HeSegment *segment, GBytes *body, const guint8 digest[32])
{
  if (self->published != NULL)
    self->published (segment, g_bytes_get_size (body), digest, self->user_data);
}

/* A place's last word about a segment. */
static void
on_published (const HeSegment *segment, const char *origin, const GError *error,
              gpointer user_data)
{
  HeOutlet *self = user_data;
  g_autofree char *path = he_segment_path (segment);
  g_autoptr (GBytes) body = NULL;
  guint8 digest[HE_SHA256_LEN];
  HeParcel *parcel;

  g_mutex_lock (&self->lock);
  parcel = g_hash_table_lookup (self->under_way, path);
  if (parcel != NULL && error == NULL && !parcel->told) {
    parcel->told = TRUE;
    body = g_bytes_ref (parcel->body);
    memcpy (digest, parcel->digest, sizeof digest);
  }
  if (parcel != NULL && --parcel->outcomes == 0)
    g_hash_table_remove (self->under_way, path);
  g_mutex_unlock (&self->lock);

  if (body != NULL)
    tell (self, segment, body, digest);
  if (error != NULL) {
    g_autofree char *line
        = g_strdup_printf ("not published: %s: %s", path, error->message);

    log_line (self, line);
  }
}

static void
on_sent (const HeSegment *segment, const GError *error, gpointer user_data)
{
  HeOutlet *self = user_data;

  on_published (segment, self->to.uri, error, self);
}

static void
on_trouble (const char *line, gpointer user_data)
{
  HeOutlet *self = user_data;

  self->to.trouble (line, self->user_data);
}

static void
on_broken (const GError *error, gpointer user_data)
{
  HeOutlet *self = user_data;

  self->to.broken (error, self->user_data);
}

/* ---- construction ---- */

static HeSecret *
gate_secret_or_random (HeSecret *secret)
{
  guint8 bytes[32];
  HeSecret *random;

  if (secret != NULL)
    return he_secret_ref (secret);
  he_random (bytes, sizeof bytes);
  random = he_secret_new (bytes, sizeof bytes);
  explicit_bzero (bytes, sizeof bytes);
  return random;
}

static gboolean
start_origin (HeOutlet *self, const HeOutletConfig *config, GError **error)
{
  g_autoptr (HeSecret) gate = gate_secret_or_random (config->gate_secret);
  g_autoptr (HeSecret) codeword = he_keys_derive (gate, HE_PURPOSE_CODEWORD);
  g_autoptr (HeSecret) credential = he_keys_derive (gate, HE_PURPOSE_CREDENTIAL);
  HeOriginConfig origin = {
    .node = config->node,
    .listen = config->listen,
    .jwks_path = config->jwks,
    .algorithms = config->algorithms,
    .issuer = config->issuer,
    .audience = config->audience,
    .content = config->content,
    .codeword = codeword,
    .credential = credential,
    .policy = HE_SESSIONS_EVICT_OLDEST,
    .per_account = 1,
    .lease_seconds = 300,
    .session_seconds = 43200,
    .log = config->log,
    .log_data = config->user_data,
  };

  self->origin = he_origin_new (&origin, error);
  return self->origin != NULL && he_origin_start (self->origin, error);
}

static gboolean
check_config (const HeOutletConfig *config, GError **error)
{
  const char *missing = NULL;
  gboolean publishes = config->origins != NULL && *config->origins != NULL;

  if (config->destination != NULL && !he_place_check (config->destination, error))
    return FALSE;
  if (config->listen == NULL && !publishes && config->destination == NULL)
    missing = "none of listen, origins and destination is set, so nobody could get a "
              "segment: set listen=127.0.0.1:8080 to serve from here, "
              "origins=http://HOST:PORT to publish, or destination=file:DIR";
  else if (config->recording && config->destination == NULL)
    missing = "playlist-type is vod, and only a destination gets such a playlist: set "
              "destination=file:DIR, or playlist-type=live";
  else if (config->recording && (config->listen != NULL || publishes))
    missing = "playlist-type is vod, which goes to the destination alone: leave listen "
              "and origins out";
  else if (config->listen != NULL && config->jwks == NULL)
    missing = "listen is set and jwks is not, so no viewer could be let in: create keys "
              "with \"headend token keygen --dir .\" and set jwks=tokens.jwks";
  else if (publishes && config->publish_key == NULL)
    missing
        = "origins is set and publish-key is not, so they would refuse every segment: "
          "set publish-key to the secret the origins have, or to file:PATH";
  if (missing == NULL)
    return TRUE;
  g_set_error_literal (error, HE_ERROR, HE_ERROR_INVALID, missing);
  return FALSE;
}

static void
keep_destination (HeOutlet *self, const HeOutletConfig *config)
{
  self->to = (HeDestinationConfig) {
    .uri = g_strdup (config->destination),
    .credentials
    = config->credentials != NULL ? he_secret_ref (config->credentials) : NULL,
    .recording = config->recording,
    .key_uri = g_strdup (config->key_uri),
    .sent = on_sent,
    .trouble = config->trouble,
    .broken = config->broken,
  };
  self->n_places += config->destination != NULL;
}

HeOutlet *
he_outlet_new (const HeOutletConfig *config, GError **error)
{
  g_autoptr (HeOutlet) self = NULL;

  if (!check_config (config, error))
    return NULL;
  self = g_new0 (HeOutlet, 1);
  g_mutex_init (&self->lock);
  self->waiting.recording = config->recording;
  self->under_way
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, he_parcel_free);
  self->node = g_strdup (config->node);
  self->channel = g_strdup (config->channel);
  self->published = config->published;
  self->log = config->log;
  self->user_data = config->user_data;
  if (config->listen != NULL && !start_origin (self, config, error))
    return NULL;
  if (config->origins != NULL && *config->origins != NULL) {
    self->n_places = g_strv_length ((char **)config->origins);
    self->publisher
        = he_publisher_new (config->origins, config->publish_key, config->node,
                            QUEUE_WINDOWS * config->window, on_published, self, error);
    if (self->publisher == NULL)
      return NULL;
  }
  keep_destination (self, config);
  return g_steal_pointer (&self);
}

/* NULL while there is none. Once there is one, it stays. */
static HeDestination *
destination_of (HeOutlet *self)
{
  HeDestination *destination;

  g_mutex_lock (&self->lock);
  destination = self->destination;
  g_mutex_unlock (&self->lock);
  return destination;
}

static void
set_overfull (const HeOutlet *self, GError **error)
{
  g_set_error (
      error, HE_ERROR, HE_ERROR_LIMIT,
      "%s: %u MiB of segments wait for a pad that has no caps: let every pad get "
      "its stream, or release it",
      self->to.uri, (guint)(HE_WAITING_BYTES >> 20));
}

/* The destination's last word about what never got there. */
static void
drop (HeOutlet *self, GQueue *dropped, gboolean broke)
{
  g_autoptr (GError) error = NULL;
  HeParcel *parcel;

  if (broke)
    set_overfull (self, &error);
  if (broke && self->to.broken != NULL)
    self->to.broken (error, self->user_data);
  if (error == NULL)
    g_set_error (&error, HE_ERROR, HE_ERROR_LIMIT,
                 "dropped, because a pad has no caps yet");
  while ((parcel = g_queue_pop_head (dropped)) != NULL) {
    if (self->to.uri != NULL)
      on_published (parcel->segment, self->to.uri, error, self);
    he_parcel_free (parcel);
  }
}

void
he_outlet_drain (HeOutlet *self)
{
  HeDestination *destination = destination_of (self);
  GQueue dropped = G_QUEUE_INIT;
  HeParcel *parcel;

  if (self->deadline == 0)
    self->deadline = g_get_monotonic_time () + FAREWELL;
  if (self->publisher != NULL)
    he_publisher_drain (self->publisher);
  if (destination != NULL) {
    he_destination_drain (destination, self->deadline);
    he_destination_stop (destination);
  }
  g_mutex_lock (&self->lock);
  while ((parcel = he_waiting_pop (&self->waiting)) != NULL)
    g_queue_push_tail (&dropped, parcel);
  self->stats.published.dropped += dropped.length;
  g_mutex_unlock (&self->lock);
  drop (self, &dropped, FALSE);
}

gboolean
he_outlet_finish (HeOutlet *self, GError **error)
{
  HeDestination *destination = destination_of (self);
  gboolean overfull;

  g_mutex_lock (&self->lock);
  overfull = self->waiting.overfull;
  g_mutex_unlock (&self->lock);
  if (overfull) {
    set_overfull (self, error);
    return FALSE;
  }
  return destination == NULL || he_destination_finish (destination, error);
}

void
he_outlet_cancel (HeOutlet *self)
{
  HeDestination *destination;

  g_mutex_lock (&self->lock);
  self->cancelled = TRUE;
  destination = self->destination;
  g_mutex_unlock (&self->lock);
  if (destination != NULL && self->to.recording)
    he_destination_cancel (destination);
}

void
he_outlet_free (HeOutlet *self)
{
  if (self == NULL)
    return;
  he_outlet_drain (self);
  he_destination_free (self->destination);
  he_publisher_free (self->publisher);
  he_origin_free (self->origin);
  he_waiting_clear (&self->waiting);
  g_hash_table_unref (self->under_way);
  g_mutex_clear (&self->lock);
  g_free ((char *)self->to.uri);
  g_free ((char *)self->to.key_uri);
  he_secret_unref (self->to.credentials);
  g_free (self->node);
  g_free (self->channel);
  g_free (self);
}

/* ---- the embedded origin, and the destination ---- */

void
he_outlet_set_anchor (HeOutlet *self, const HeAnchor *anchor)
{
  g_mutex_lock (&self->lock);
  self->has_anchor = TRUE;
  self->anchor = *anchor;
  if (self->destination != NULL)
    he_destination_set_anchor (self->destination, anchor);
  g_mutex_unlock (&self->lock);
  if (self->origin != NULL)
    he_origin_set_anchor (self->origin, self->channel, anchor);
}

/* Without an anchor from upstream the first segment's end is taken for now, unless its
 * timestamps are on the epoch already. */
static void
guess_anchor (HeOutlet *self, const HeSegment *segment)
{
  guint64 now = (guint64)g_get_real_time () * 9 / 100;
  gint64 ahead = (gint64)(now - segment->pts90 - segment->duration90);
  HeAnchor anchor = { .wall_offset90 = ABS (ahead) <= (gint64)NEAR_NOW ? 0 : ahead };

  g_strlcpy (anchor.node, self->node, sizeof anchor.node);
  he_outlet_set_anchor (self, &anchor);
}

static void
serve (HeOutlet *self, const HeSegment *segment, GBytes *body, const guint8 digest[32])
{
  g_autoptr (GError) error = NULL;

  if (self->destination != NULL)
    he_destination_push (self->destination, segment, body);
  if (self->origin == NULL)
    return;
  if (he_origin_put (self->origin, segment, body, &error))
    tell (self, segment, body, digest);
  else
    log_line (self, error->message);
}

static gboolean
open_destination (HeOutlet *self, HeChannel *channel, GError **error)
{
  HeDestinationConfig config = self->to;
  HeDestination *destination;
  gboolean cancelled;

  if (config.uri == NULL)
    return TRUE;
  config.user_data = self;
  config.trouble = self->to.trouble != NULL ? on_trouble : NULL;
  config.broken = self->to.broken != NULL ? on_broken : NULL;
  destination = he_destination_new (&config, channel, error);
  if (destination == NULL)
    return FALSE;
  g_mutex_lock (&self->lock);
  self->destination = destination;
  if (self->has_anchor)
    he_destination_set_anchor (destination, &self->anchor);
  cancelled = self->cancelled && self->to.recording;
  g_mutex_unlock (&self->lock);
  if (cancelled)
    he_destination_cancel (destination);
  return TRUE;
}

gboolean
he_outlet_set_channel (HeOutlet *self, HeChannel *channel, GError **error)
{
  HeParcel *parcel;

  if (!open_destination (self, channel, error))
    return FALSE;
  if (self->origin != NULL && !he_origin_add_channel (self->origin, channel, error))
    return FALSE;
  for (;;) {
    g_mutex_lock (&self->lock);
    parcel = he_waiting_pop (&self->waiting);
    self->has_channel = parcel == NULL;
    g_mutex_unlock (&self->lock);
    if (parcel == NULL)
      return TRUE;
    serve (self, parcel->segment, parcel->body, parcel->digest);
    he_parcel_free (parcel);
  }
}

/* ---- segments ---- */

void
he_outlet_push (HeOutlet *self, const HeSegment *segment, GBytes *body,
                const guint8 digest[32])
{
  gboolean now = FALSE, broke = FALSE, guess;
  GQueue dropped = G_QUEUE_INIT;

  g_mutex_lock (&self->lock);
  self->stats.segments++;
  self->stats.bytes += g_bytes_get_size (body);
  self->stats.last_msn = MAX (self->stats.last_msn, segment->msn);
  guess = (self->origin != NULL || self->to.uri != NULL) && !self->has_anchor;
  self->has_anchor |= guess; /* by one thread only */
  if (self->n_places > 0) {
    HeParcel *parcel = he_parcel_new (segment, body, digest);

    parcel->outcomes = self->n_places;
    parcel->told = self->origin != NULL;
    g_hash_table_replace (self->under_way, he_segment_path (segment), parcel);
  }
  if (self->origin != NULL || self->to.uri != NULL) {
    now = self->has_channel;
    broke = self->waiting.overfull;
    if (!now)
      he_waiting_put (&self->waiting, he_parcel_new (segment, body, digest), &dropped);
    broke = self->waiting.overfull && !broke;
    self->stats.published.dropped += dropped.length;
  }
  g_mutex_unlock (&self->lock);

  drop (self, &dropped, broke);
  if (guess)
    guess_anchor (self, segment);
  if (now)
    serve (self, segment, body, digest);
  if (self->publisher != NULL)
    he_publisher_push (self->publisher, segment, body);
}

guint
he_outlet_port (HeOutlet *self)
{
  return self->origin != NULL ? he_origin_port (self->origin) : 0;
}

void
he_outlet_get_stats (HeOutlet *self, HeOutletStats *ret_stats)
{
  HeDestination *destination = destination_of (self);
  HeSenderStats to_origins = { 0 }, to_destination = { 0 };

  if (self->publisher != NULL)
    he_publisher_get_stats (self->publisher, &to_origins);
  if (destination != NULL)
    he_destination_get_stats (destination, &to_destination);
  g_mutex_lock (&self->lock);
  *ret_stats = self->stats;
  g_mutex_unlock (&self->lock);
  he_sender_stats_add (&ret_stats->published, &to_origins);
  he_sender_stats_add (&ret_stats->published, &to_destination);
}
