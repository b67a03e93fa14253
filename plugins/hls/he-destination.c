/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-destination.h"

#include <string.h>

#include "he-depot.h"
#include "he-error.h"
#include "he-playlist.h"
#include "he-recording.h"
#include "he-store.h"

#define PLAYLIST_TYPE "application/vnd.apple.mpegurl"
#define SEGMENT_TYPE "video/mp2t"
#define PATIENCE (60 * G_TIME_SPAN_SECOND)
#define RETRY (500 * G_TIME_SPAN_MILLISECOND)
#define RECORDING_QUEUE 4 /* segments of each rendition */

struct _HeDestination {
  char *uri, *key_uri;
  HeSecret *credentials;
  gboolean recording;
  HeSentFunc sent;
  void (*trouble) (const char *, gpointer);
  void (*broken) (const GError *, gpointer);
  gpointer user_data;
  HeChannel *channel;
  HeSender *sender;
  GCancellable *cancellable; /* of finishing */

  /* The sender's thread; or, after it is idle, whoever finishes. */
  HeDepot *depot;
  char *arrived;         /* the segment that stands there but whose playlists failed */
  gboolean away;         /* the last thing put there failed */
  gboolean main_stale;   /* main.m3u8 is to be written */
  gboolean *media_stale; /* by rendition */
  HeStore *store;        /* judges what a live channel lists; holds no segments */
  guint64 first, last;   /* listed */
  guint64 trimmed;       /* what is numbered below was removed */
  HeRecording *recorded;

  /* Held while a segment of a recording is queued, and to end it: none slips in behind.
   */
  GMutex entry;
  gboolean finished; /* under entry */

  GMutex lock;
  gboolean has_anchor; /* under lock, as all below */
  HeAnchor anchor;
  guint64 late; /* segments that came behind the end of a recording */
};

static const HeRendition *
rendition (const HeDestination *self, guint index)
{
  return self->channel->renditions->pdata[index];
}

/* ---- one file ---- */

static void
set_stale (HeDestination *self)
{
  for (guint i = 0; i < self->channel->renditions->len; i++)
    self->media_stale[i] = TRUE;
}

static void
say (HeDestination *self, const char *what, const char *more)
{
  g_autofree char *line = g_strconcat (what, more, NULL);

  if (self->trouble != NULL)
    self->trouble (line, self->user_data);
}

static gboolean
put (HeDestination *self, const char *path, const char *type, GBytes *body,
     GCancellable *cancellable, gboolean *ret_again, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (he_depot_put (self->depot, path, type, body, cancellable, ret_again, &local)) {
    if (self->away)
      say (self, self->uri, " takes segments again");
    self->away = FALSE;
    return TRUE;
  }
  if (!self->away && !g_cancellable_is_cancelled (cancellable))
    say (self, local->message, *ret_again ? "; trying again" : "");
  self->away = TRUE;
  /* Who comes back may have lost everything. */
  self->main_stale = TRUE;
  if (self->last > 0)
    set_stale (self);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
put_text (HeDestination *self, const char *path, char *text, GCancellable *cancellable,
          gboolean *ret_again, GError **error)
{
  g_autoptr (GBytes) body = g_bytes_new_take (text, strlen (text));

  return put (self, path, PLAYLIST_TYPE, body, cancellable, ret_again, error);
}

static gboolean
put_media (HeDestination *self, guint i, GCancellable *cancellable, gboolean *ret_again,
           GError **error)
{
  g_autofree char *path = g_strdup_printf ("%s/%s/index.m3u8", self->channel->name,
                                           rendition (self, i)->name);
  HePlaylistStyle style = { .key_uri = self->key_uri, .finished = self->recording };
  guint64 first = self->first, last = self->last;
  gboolean has_anchor;
  HeAnchor anchor;

  g_mutex_lock (&self->lock);
  has_anchor = self->has_anchor && !self->recording;
  anchor = self->anchor;
  g_mutex_unlock (&self->lock);
  if (self->recording) {
    const HeTrack *track = he_recording_track (self->recorded, i);

    first = track->first;
    last = track->last;
    style.last90 = track->last90;
  }
  return put_text (self, path,
                   he_playlist_media_styled (self->channel, rendition (self, i),
                                             has_anchor ? &anchor : NULL, first, last,
                                             &style),
                   cancellable, ret_again, error);
}

/* Writes what is stale, main.m3u8 last. */
static gboolean
put_playlists (HeDestination *self, GCancellable *cancellable, gboolean *ret_again,
               GError **error)
{
  g_autofree char *main = g_strconcat (self->channel->name, "/main.m3u8", NULL);

  for (guint i = 0; i < self->channel->renditions->len; i++) {
    if (self->media_stale[i] && !put_media (self, i, cancellable, ret_again, error))
      return FALSE;
    self->media_stale[i] = FALSE;
  }
  if (self->main_stale
      && !put_text (self, main, he_playlist_multivariant (self->channel), cancellable,
                    ret_again, error))
    return FALSE;
  self->main_stale = FALSE;
  return TRUE;
}

/* ---- a live channel ---- */

/* What left the window a window ago, and nobody who is late reads any more. At first also
 * what one that ran before us would have removed next. */
static void
trim (HeDestination *self, GCancellable *cancellable)
{
  guint64 kept = 2 * self->channel->window;
  guint64 below = self->last - MIN (self->last, kept);

  if (self->trimmed == 0)
    self->trimmed = below - MIN (below, kept);
  for (guint i = 0; i < self->channel->renditions->len && below > self->trimmed; i++) {
    g_autofree char *folder
        = g_strdup_printf ("%s/%s", self->channel->name, rendition (self, i)->name);

    he_depot_trim (self->depot, folder, self->trimmed, below, cancellable);
  }
  self->trimmed = MAX (self->trimmed, below);
}

static gboolean
list (HeDestination *self, const HeSegment *segment, GCancellable *cancellable,
      gboolean *ret_again, GError **error)
{
  /* The store's rules are about numbers; what it need not keep is not given to it. */
  g_autoptr (GBytes) token = g_bytes_new_static ("", 1);
  HeStoreOutcome outcome;
  guint64 first, last;

  he_store_put (self->store, segment, token, NULL, g_get_monotonic_time (), &outcome,
                NULL);
  if (!he_store_listing (self->store, self->channel->name, &first, &last))
    return TRUE;
  if (first != self->first || last != self->last)
    set_stale (self);
  self->first = first;
  self->last = last;
  if (!put_playlists (self, cancellable, ret_again, error))
    return FALSE;
  trim (self, cancellable);
  return TRUE;
}

/* ---- the sender's side ---- */

static gboolean
send (const HeSegment *segment, GBytes *body, GCancellable *cancellable,
      gboolean *ret_again, GError **error, gpointer user_data)
{
  HeDestination *self = user_data;
  g_autofree char *path
      = g_strdup_printf ("%s/%s/%" G_GUINT64_FORMAT ".ts", self->channel->name,
                         segment->rendition, segment->msn);

  if (g_strcmp0 (path, self->arrived) != 0) {
    if (!put (self, path, SEGMENT_TYPE, body, cancellable, ret_again, error))
      return FALSE;
    g_free (self->arrived);
    self->arrived = g_steal_pointer (&path);
  }
  if (!self->recording)
    return list (self, segment, cancellable, ret_again, error);
  he_recording_add (self->recorded, segment);
  return TRUE;
}

static void
on_sent (const HeSegment *segment, const GError *error, gpointer user_data)
{
  HeDestination *self = user_data;

  if (error != NULL)
    he_recording_lose (self->recorded, segment);
  if (error != NULL && self->recording && self->broken != NULL
      && !g_cancellable_is_cancelled (self->cancellable))
    self->broken (error, self->user_data);
  if (self->sent != NULL)
    self->sent (segment, error, self->user_data);
}

/* ---- construction ---- */

static gboolean
check (const HeDestinationConfig *config, const HeChannel *channel, GError **error)
{
  for (guint i = 0; i < channel->renditions->len; i++) {
    const HeRendition *r = channel->renditions->pdata[i];

    if (r->variants) {
      g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                   "rendition %s has variants a and b, and at %s nobody chooses between "
                   "them: leave the watermark out, or publish to origins only",
                   r->name, config->uri);
      return FALSE;
    }
  }
  if (!channel->encrypted || config->key_uri != NULL)
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
               "segments are encrypted, and nobody serves their keys at %s: set key-uri "
               "to where a gate does (https://GATE/live/%s/keys/), or leave the "
               "encryption out",
               config->uri, channel->name);
  return FALSE;
}

HeDestination *
he_destination_new (const HeDestinationConfig *config, HeChannel *channel, GError **error)
{
  g_autoptr (HeDepot) depot = NULL;
  HeDestination *self;
  guint n = channel->renditions->len;

  if (!check (config, channel, error))
    return NULL;
  depot = he_depot_new (config->uri, config->credentials, error);
  if (depot == NULL)
    return NULL;
  self = g_new0 (HeDestination, 1);
  self->uri = g_strdup (config->uri);
  self->key_uri = g_strdup (config->key_uri);
  if (config->credentials != NULL)
    self->credentials = he_secret_ref (config->credentials);
  self->recording = config->recording;
  self->sent = config->sent;
  self->trouble = config->trouble;
  self->broken = config->broken;
  self->user_data = config->user_data;
  self->channel = he_channel_ref (channel);
  self->cancellable = g_cancellable_new ();
  self->depot = g_steal_pointer (&depot);
  self->main_stale = TRUE;
  self->media_stale = g_new0 (gboolean, n);
  self->recorded = he_recording_new (channel);
  self->store = he_store_new (1024 * 1024);
  he_store_add_channel (self->store, channel, NULL);
  g_mutex_init (&self->entry);
  g_mutex_init (&self->lock);
  self->sender = he_sender_new (self->uri,
                                n * (self->recording ? RECORDING_QUEUE : channel->window),
                                self->recording, send, on_sent, self);
  return self;
}

void
he_destination_free (HeDestination *self)
{
  if (self == NULL)
    return;
  he_destination_stop (self);
  he_sender_free (self->sender);
  he_depot_free (self->depot);
  he_store_free (self->store);
  he_channel_unref (self->channel);
  he_secret_unref (self->credentials);
  g_object_unref (self->cancellable);
  g_mutex_clear (&self->entry);
  g_mutex_clear (&self->lock);
  g_free (self->media_stale);
  he_recording_free (self->recorded);
  g_free (self->arrived);
  g_free (self->key_uri);
  g_free (self->uri);
  g_free (self);
}

void
he_destination_set_anchor (HeDestination *self, const HeAnchor *anchor)
{
  g_mutex_lock (&self->lock);
  self->has_anchor = TRUE;
  self->anchor = *anchor;
  g_mutex_unlock (&self->lock);
}

void
he_destination_push (HeDestination *self, const HeSegment *segment, GBytes *body)
{
  g_autoptr (GError) error = NULL;
  gboolean finished;

  if (!self->recording) {
    he_sender_push (self->sender, segment, body);
    return;
  }
  g_mutex_lock (&self->entry);
  finished = self->finished;
  if (!finished)
    he_sender_push (self->sender, segment, body);
  g_mutex_unlock (&self->entry);
  if (!finished)
    return;
  g_mutex_lock (&self->lock);
  self->late++;
  g_mutex_unlock (&self->lock);
  g_set_error (&error, HE_ERROR, HE_ERROR_INVALID,
               "%s: segment %" G_GUINT64_FORMAT " of %s comes after the recording's end: "
               "begin another from READY",
               self->uri, segment->msn, segment->rendition);
  on_sent (segment, error, self);
}

void
he_destination_drain (HeDestination *self, gint64 deadline)
{
  he_sender_drain (self->sender, deadline);
}

void
he_destination_stop (HeDestination *self)
{
  g_cancellable_cancel (self->cancellable);
  he_sender_stop (self->sender);
}

void
he_destination_cancel (HeDestination *self)
{
  g_cancellable_cancel (self->cancellable);
  he_sender_cancel (self->sender);
}

void
he_destination_get_stats (HeDestination *self, HeSenderStats *ret_stats)
{
  he_sender_get_stats (self->sender, ret_stats);
  g_mutex_lock (&self->lock);
  ret_stats->dropped += self->late;
  g_mutex_unlock (&self->lock);
}

/* ---- the end of a recording ---- */

static gboolean
write_playlists (HeDestination *self, GError **error)
{
  gint64 until = g_get_monotonic_time () + PATIENCE;

  for (;;) {
    gboolean again = FALSE;

    g_clear_error (error);
    if (put_playlists (self, self->cancellable, &again, error))
      return TRUE;
    if (!again || g_get_monotonic_time () > until
        || g_cancellable_is_cancelled (self->cancellable))
      return FALSE;
    g_usleep (RETRY);
  }
}

/* Nothing is queued from now on. */
static gboolean
end (HeDestination *self, GError **error)
{
  gboolean finished;

  g_mutex_lock (&self->entry);
  finished = self->finished;
  self->finished = TRUE;
  g_mutex_unlock (&self->entry);
  if (finished)
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "%s: the recording has ended before: begin another from READY",
                 self->uri);
  return !finished;
}

gboolean
he_destination_finish (HeDestination *self, GError **error)
{
  g_autoptr (GMainContext) context = NULL;
  g_autoptr (GError) local = NULL;
  HeDepot *depot;
  gboolean good;

  if (!self->recording)
    return TRUE;
  if (!end (self, error))
    return FALSE;
  he_sender_drain (self->sender, -1);
  if (g_cancellable_is_cancelled (self->cancellable)) {
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE, "%s: stopped before the end",
                 self->uri);
    return FALSE;
  }
  if (!he_recording_check (self->recorded, self->uri, error))
    return FALSE;
  /* The sender is idle; its connection belongs to its own thread. */
  depot = he_depot_new (self->uri, self->credentials, error);
  if (depot == NULL)
    return FALSE;
  he_depot_free (self->depot);
  self->depot = depot;
  context = g_main_context_new ();
  g_main_context_push_thread_default (context);
  set_stale (self);
  good = write_playlists (self, &local);
  g_clear_pointer (&self->depot, he_depot_free);
  g_main_context_pop_thread_default (context);
  if (local != NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  return good;
}
