/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-anchor.h"
#include "he-channel.h"
#include "he-publisher.h"
#include "he-secret.h"
#include "he-segment.h"
#include "he-token.h"

G_BEGIN_DECLS

/* Where a channel's segments go: served by an embedded origin, published to origins,
 * written with playlists of its own to a place that somebody else serves, or several of
 * these. Every function may be called from any thread; none blocks on the network but
 * he_outlet_new() (to bind), he_outlet_drain(), he_outlet_finish(), he_outlet_free(), and
 * he_outlet_push() of a recording. */
typedef struct _HeOutlet HeOutlet;

typedef struct {
  const char *node;
  const char *channel;
  guint window; /* segments in a playlist: sizes the queues too */

  const char *const *origins; /* "http://HOST:PORT", NULL or empty: none */
  HeSecret *publish_key;      /* needed with origins */

  const char *listen; /* "ADDRESS:PORT" of the embedded origin; NULL: none */
  const char *jwks;   /* needed with listen */
  HeTokenAlgorithms algorithms; /* of its keys that are accepted; 0: ES256 alone */
  const char *issuer, *audience;
  HeSecret *content;     /* NULL: segments are clear */
  HeSecret *gate_secret; /* NULL: random, so that sessions end with us */

  const char *destination; /* see he-depot.h; NULL: none */
  HeSecret *credentials;   /* of it, or NULL */
  gboolean recording;      /* the destination gets a finished playlist of everything */
  const char *key_uri;     /* where a gate serves the destination's keys, or NULL */

  /* Once for each segment that a viewer can get: when the embedded origin took it, or the
   * first origin acknowledged it. May run on any thread, without locks held. */
  void (*published) (const HeSegment *segment, gsize bytes, const guint8 digest[32],
                     gpointer user_data);
  /* One line for the log: denials, failed publishing. On any thread. */
  void (*log) (const char *line, gpointer user_data);
  /* The destination refuses, or is back: for people. On any thread. */
  void (*trouble) (const char *line, gpointer user_data);
  /* The recording misses something for good. On any thread. */
  void (*broken) (const GError *error, gpointer user_data);
  gpointer user_data;
} HeOutletConfig;

/* HE_ERROR_INVALID says which setting is missing. */
HeOutlet *he_outlet_new (const HeOutletConfig *config, GError **error);
/* Waits for what is to be published, at most two seconds, and drops the rest: then each
 * place's outcome of each segment is counted. Nothing is pushed afterwards. */
void he_outlet_drain (HeOutlet *outlet);
/* A recording has ended: waits for its segments to arrive, and writes its playlists.
 * Once; nothing where there is no recording. */
gboolean he_outlet_finish (HeOutlet *outlet, GError **error);
/* Whoever waits in he_outlet_push() or he_outlet_finish() of a recording stops waiting,
 * for good. */
void he_outlet_cancel (HeOutlet *outlet);
void he_outlet_free (HeOutlet *outlet); /* drains; takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeOutlet, he_outlet_free)

/* Once, when the renditions are known; what was pushed before waits for it: the newest 64
 * segments, or of a recording 256 MiB, beyond which it is broken. */
gboolean he_outlet_set_channel (HeOutlet *outlet, HeChannel *channel, GError **error);

/* The anchor of the embedded origin's PROGRAM-DATE-TIME. When none was set before the
 * first segment: generation 0 and no offset if the segment ends within a minute of now,
 * else the offset that makes it end now. */
void he_outlet_set_anchor (HeOutlet *outlet, const HeAnchor *anchor);

void he_outlet_push (HeOutlet *outlet, const HeSegment *segment, GBytes *body,
                     const guint8 digest[32]);

guint he_outlet_port (HeOutlet *outlet); /* 0 without listen */

typedef struct {
  guint64 segments;        /* pushed */
  guint64 bytes;           /* of them */
  guint64 last_msn;        /* of the newest */
  HeSenderStats published; /* per origin and destination, summed; and dropped, because
                              the channel was not known */
} HeOutletStats;
void he_outlet_get_stats (HeOutlet *outlet, HeOutletStats *ret_stats);

G_END_DECLS
