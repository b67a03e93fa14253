/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-anchor.h"
#include "he-channel.h"
#include "he-secret.h"
#include "he-sender.h"

G_BEGIN_DECLS

/* A channel as files that somebody else serves, in a place that he-depot.h knows:
 *
 *   CHANNEL/main.m3u8   CHANNEL/RENDITION/index.m3u8   CHANNEL/RENDITION/MSN.ts
 *
 * Each segment stands there before any playlist names it, the media playlists before
 * main.m3u8. A live channel lists what an origin would list of what arrived; while the
 * place is away the newest window waits, so that it goes on at the live edge. A recording
 * waits for the place instead, and its playlists come at the end. Thread-safe. */
typedef struct _HeDestination HeDestination;

typedef struct {
  const char *uri;
  HeSecret *credentials; /* or NULL */
  gboolean recording;    /* list everything, and that it is finished */
  const char *key_uri;   /* or NULL, see HePlaylistStyle */

  HeSentFunc sent; /* the last word about each segment, and user_data */
  /* Once when the place begins to refuse, or is back: for people. */
  void (*trouble) (const char *line, gpointer user_data);
  /* A recording misses something for good; error belongs to the caller. */
  void (*broken) (const GError *error, gpointer user_data);
  gpointer user_data; /* callbacks run on the sender's thread, but see push */
} HeDestinationConfig;

/* HE_ERROR_INVALID says what is wrong with the URI, or with the channel: variants need a
 * gate that chooses, and encryption somebody who serves the keys. References the
 * channel. */
HeDestination *he_destination_new (const HeDestinationConfig *config, HeChannel *channel,
                                   GError **error);
void he_destination_free (HeDestination *destination); /* takes NULL; drops the rest */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeDestination, he_destination_free)

/* For PROGRAM-DATE-TIME of a live channel. */
void he_destination_set_anchor (HeDestination *destination, const HeAnchor *anchor);

/* Queues; waits for room when recording. After the end of a recording it is not queued:
 * `broken` and `sent` say so, on this thread. */
void
he_destination_push (HeDestination *destination, const HeSegment *segment, GBytes *body);

/* Waits for what is queued, until a monotonic time. */
void he_destination_drain (HeDestination *destination, gint64 deadline);
/* Ends what is under way and drops the rest, for good. */
void he_destination_stop (HeDestination *destination);

/* A recording has all its segments: waits for them to arrive, then writes the playlists.
 * Once; nothing for a live channel. HE_ERROR_INVALID: there is no rendition, or not every
 * one has every segment. */
gboolean he_destination_finish (HeDestination *destination, GError **error);

/* Whoever waits in any of these stops waiting, for good. */
void he_destination_cancel (HeDestination *destination);

void he_destination_get_stats (HeDestination *destination, HeSenderStats *ret_stats);

G_END_DECLS
