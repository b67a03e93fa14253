/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-alarms.h"
#include "he-anchor.h"
#include "he-channel.h"
#include "he-secret.h"
#include "he-segment.h"
#include "he-session.h"

G_BEGIN_DECLS

/* An origin: listener -> server -> gate (token, credential, session) -> store -> playlists.
 * One per node in the launcher; hlsgatesink embeds the same. It runs on threads of its own;
 * every function here may be called from any thread.
 *
 * Peers are the origins of other nodes, whose workers publish here too as ours does there.
 * With peers,
 *
 *  - an origin that starts fetches the windows of its channels from them;
 *  - a segment is listed once every peer that answers holds it, or after 250 ms, so that
 *    a viewer who changes over finds what he was told of;
 *  - each copy is compared with the one that is held (he-proof.h).
 *
 * Ready (/readyz) means that viewers may be sent here and will be served on even if all
 * peers die at that instant:
 *
 *  1. the peers have told what they hold (sessions, anchors, windows), or do not answer;
 *  2. of each channel a whole window is listed, and the newest segment is younger than
 *     three durations;
 *  3. our own worker has offered all files of a segment that is listed, no more than three
 *     before the last one, or of the one after that, so that what it makes next follows.
 *
 * 3 counts from each start until it is met once. Afterwards a node whose worker falls
 * silent for three durations stays ready, as it serves the peers' copies, unless a peer
 * has just said that it could do without this node: of two that have each lost something,
 * both go on. Without peers 3 does not count, whoever publishes. */
typedef struct _HeOrigin HeOrigin;

/* Strings and secrets are copied or referenced by he_origin_new(). */
typedef struct {
  const char *node;         /* our name */
  const char *listen;       /* viewers: "ADDRESS:PORT" ("[::1]:8080"); port 0: any */
  const char *internal;     /* publishing, control, metrics; NULL: none (embedded) */
  const char *gate;         /* Unix socket of the gate, for an edge on this machine: decides
                               on requests (/auth) and does nothing else; NULL: none */
  const char *const *peers; /* internal addresses "ADDRESS:PORT" of other nodes, or NULL */
  const char *const *peer_nodes; /* their names, in the same order */
  const char *state_dir;    /* anchors are persisted here; NULL: nowhere */

  const char *jwks_path;    /* public keys that tokens are checked with */
  HeTokenAlgorithms algorithms; /* that are accepted; 0: ES256 alone */
  const char *issue_key;    /* private key that tokens are issued with; NULL: none are */
  const char *issuer;       /* required "iss" */
  const char *audience;     /* required "aud" */

  HeSecret *content;        /* may be NULL when no channel is encrypted */
  HeSecret *codeword;
  HeSecret *credential;
  HeSecret *publish;        /* may be NULL when internal is NULL */

  HeSessionPolicy policy;
  guint per_account;        /* sessions an account may have; a token may lower it */
  guint lease_seconds;      /* 300 */
  guint session_seconds;    /* hard end after opening: 43200 */
  const char *const *trusted_proxies; /* addresses whose X-Forwarded-For counts */

  /* Whose players in browsers may read answers to viewers (he-cors.h), NULL-terminated;
   * NULL: none. */
  const char *const *allowed_origins;

  /* What raises a leak alarm; zeros: nothing does. */
  HeAlarmRules alarms;

  /* The operator's authorizer, asked when leases are renewed (he-authorizer.h); NULL:
   * none. */
  const char *renewal_uri;
  HeSecret *renewal_login;  /* USER:PASSWORD, or NULL */
  guint renewal_timeout_ms; /* 0: two seconds */
  gboolean renewal_ends;    /* without an answer leases end; else they go on */

  /* One line per denial, alarm and change of state, without a newline or a secret; called
   * on the origin's threads. NULL: silent. */
  void (*log) (const char *line, gpointer user_data);
  gpointer log_data;

  /* Where sessions are kept for all nodes, tried in turn: "unix:PATH" or
   * "redis[s]://HOST:PORT[/DB]". NULL: in memory. */
  const char *const *redis;
  const char *redis_master; /* they are Sentinels, to ask for this one; or NULL */
  HeSecret *redis_login;    /* USER:PASSWORD, or NULL */
  /* PEM files, as of he_redis_tls_new(). */
  const char *redis_authorities, *redis_certificate;
} HeOriginConfig;

/* That each listener holds at most; more are closed at once. */
#define HE_ORIGIN_CONNECTIONS 8192

HeOrigin *he_origin_new (const HeOriginConfig *config, GError **error);
void he_origin_free (HeOrigin *origin); /* stops; takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeOrigin, he_origin_free)

/* Before or after start. Refuses a second channel of the same name. */
gboolean he_origin_add_channel (HeOrigin *origin, HeChannel *channel, GError **error);

/* Binds all listeners (HE_ERROR_CONFLICT: port in use, named) and serves. */
gboolean he_origin_start (HeOrigin *origin, GError **error);
void he_origin_stop (HeOrigin *origin);

/* The bound ports; 0 when there is none. */
guint he_origin_port (const HeOrigin *origin);
guint he_origin_internal_port (const HeOrigin *origin);

/* Embedded publishing: the same as a PUT. HE_ERROR_NOT_FOUND for an unknown channel or
 * rendition. A second copy of a name is dropped and is no error. */
gboolean he_origin_put (HeOrigin *origin, const HeSegment *segment, GBytes *body,
                        GError **error);

/* Embedded: the anchor PROGRAM-DATE-TIME is computed from. */
void he_origin_set_anchor (HeOrigin *origin, const char *channel, const HeAnchor *anchor);

G_END_DECLS
