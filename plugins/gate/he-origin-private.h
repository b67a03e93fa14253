/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-alarms.h"
#include "he-anchors.h"
#include "he-clips.h"
#include "he-gate.h"
#include "he-http.h"
#include "he-inputs.h"
#include "he-json.h"
#include "he-ledger.h"
#include "he-listing.h"
#include "he-log.h"
#include "he-tickets.h"
#include "he-metrics.h"
#include "he-origin.h"
#include "he-peers.h"
#include "he-playlists.h"
#include "he-redis.h"
#include "he-store.h"

G_BEGIN_DECLS

typedef struct _HeRenewer HeRenewer;

/* What the parts of an origin share. Requests are handled on the threads that serve them.
 * What stands in the first half is safe from any; the second half belongs to the origin's
 * own thread, which is asked by he_origin_defer() or g_main_context_invoke(). */
#define HE_ORIGIN_LISTENERS 3 /* at most */

struct _HeOrigin {
  char *node, *listen, *internal, *gate_socket, *issuer, *audience, *jwks_path, *issue_key;
  char **peer_addresses, **peer_nodes, **trusted, **allowed_origins;
  HeSecret *content, *codeword, *credential, *publish;
  HeTickets *tickets; /* NULL without publish */
  HeSessionPolicy policy;
  char **redis_servers; /* NULL: none */
  char *redis_master;   /* or NULL */
  HeRedisTls *redis_tls; /* where one of them is reached by TLS, or NULL */
  HeSecret *redis_login;
  guint per_account, lease_seconds, session_seconds;
  HeAlarms *alarms;
  HeRenewer *renewer; /* where there is an authorizer, or NULL */
  HeTokenKeys *keys;
  HeStore *store;
  HeAnchors *anchors;
  HeClips *clips;
  HeInputs *inputs;
  HeMetrics *metrics;
  HeLog *log;
  HeLedger *ledger; /* NULL without a state folder */
  HeRevocations *revocations;
  HePlaylists *playlists;

  GMutex lock;         /* guards the next four */
  GPtrArray *channels; /* HeChannel; the gate learns them when it is made */
  gboolean running;
  HeSessions *sessions; /* from the first start on */
  HeGate *gate;

  GThread *thread;
  GMainContext *context;
  GMainLoop *loop;
  /* Until the thread takes them. */
  HeListener *viewer_listener, *internal_listener, *gate_listener;
  guint viewer_port, internal_port;

  HeThreads *threads;
  HeHttp *viewers, *control, *door;
  HePeers *peers; /* their number may be asked for from any thread */
  gint64 started; /* monotonic microseconds */
  guint asking;   /* questions to the peers that must be answered, or given up, first */
  gboolean stopping;
  GHashTable *acks;   /* of he-ack.c */
  GHashTable *fills;  /* of he-backfill.c */
  GHashTable *joined; /* names of channels that our own worker was in step with once */
  gboolean was_ready;
  struct {
    guint64 refused, failures; /* as they were when it was told */
    gint64 told_at;
  } crowds[HE_ORIGIN_LISTENERS];
  guint64 behind; /* peers, by bit, that must get all sessions next time */
  HeRedis *redis;  /* while it runs, where sessions are shared; or NULL */
  guint64 unaware; /* peers, by bit, that must get all revocations */
  guint64 unheard; /* peers, by bit, whose revocations we have not got since our start */
  struct {
    guint under_way; /* such exchanges */
    guint whole_ms;  /* that the next may take */
  } revoking[HE_PEERS_MAX];
  GQueue keeping; /* answers of he-revoke.c that wait for the disk */
  GSource *keeper; /* while there are any */
  guint64 revoked; /* number of the newest he_revocations_save() */
  gint64 revoked_waits; /* monotonic, since when that waits for the disk; 0: it does not */
  gboolean revoked_unkept;
  gboolean replicating;
};

/* A viewer's request, decided. */
typedef struct {
  HeRequest *request;
  HeOrigin *origin;
  const char *path, *query; /* that was decided on; query may be NULL */
  char *address;
  gint64 now; /* unix microseconds, as it was decided */
  HeAnswer answer;
} HeDecision;

/* Decides, and calls done once the peers know what they must know: at once, or within
 * 250 ms. Denials are logged and counted. query, cookie and path as in HeGateRequest. */
typedef void (*HeDecidedFunc) (const HeDecision *decision);
void he_origin_decide (HeOrigin *origin, HeRequest *request, const char *path,
                       const char *query, HeDecidedFunc done);
/* Answers a denial with its code and reason. */
void he_origin_respond_denied (const HeDecision *decision);

/* Handles the request on the origin's own thread. */
typedef void (*HeHandler) (HeOrigin *origin, HeRequest *request);
void he_origin_defer (HeOrigin *origin, HeRequest *request, HeHandler handle);

/* The client's 403 for a request between our own processes, logged. */
void he_origin_refuse_signature (HeOrigin *origin, HeRequest *request, const GError *why);
/* Whether the request is signed with the publishing key; answers it when it is not. */
gboolean he_origin_check_signature (HeOrigin *origin, HeRequest *request);

/* Answers with a segment, or the range of it that is asked for, and with the name of the
 * node that made this copy. Nothing of it is one viewer's. */
void he_origin_respond_held (HeRequest *request, const HeHeld *held);

/* The handlers, one per file. */
void he_viewer_begun (HeRequest *request, gpointer origin);
void he_viewer_handle (HeRequest *request, gpointer origin);
/* The watch page and its files, for anyone; FALSE: not answered, as it is no path of
 * theirs or no channel's. */
gboolean he_watch_handle (HeOrigin *origin, HeRequest *request);
void he_control_handle (HeRequest *request, gpointer origin);
/* Of the gate's own socket: what of the internal listener an edge asks with each request. */
void he_door_handle (HeRequest *request, gpointer origin);
guint64 he_control_body_limit (const char *method, const char *path, gpointer origin);
void he_publish_put (HeOrigin *origin, HeRequest *request);
void he_publish_get (HeOrigin *origin, HeRequest *request);
/* What an edge that chooses variants itself asks for: he-pace.h. */
void he_publish_pace (HeOrigin *origin, HeRequest *request);
/* A media playlist, the same for all its viewers. */
void he_publish_playlist (HeOrigin *origin, HeRequest *request);
void he_auth_handle (HeOrigin *origin, HeRequest *request);
/* What a session's viewer is told with a playlist: his cookie, what the lease has left. */
void he_origin_add_session (const HeDecision *decision);
/* The playlist, rendition NULL: main.m3u8; 503 while the channel has none. listing: what
 * it lists, at most a window; NULL: what is listed now. decision: of the one viewer it is
 * for; NULL: for all who may have it, to be cached. */
void he_origin_respond_playlist (HeOrigin *origin, HeRequest *request, HeChannel *channel,
                                 const HeRendition *rendition, const HeListing *listing,
                                 const HeDecision *decision);
void he_anchor_handle (HeOrigin *origin, HeRequest *request);
void he_clip_handle (HeOrigin *origin, HeRequest *request);
void he_input_handle (HeOrigin *origin, HeRequest *request);
/* What our worker said of a channel's sources: members of its object; families. */
void he_input_status (HeJsonWriter *writer, HeOrigin *origin, const char *channel);
void he_input_metrics (GString *text, HeOrigin *origin, const GPtrArray *channels);
void he_sync_give (HeOrigin *origin, HeRequest *request);
void he_sync_take (HeOrigin *origin, HeRequest *request);
void he_revoke_handle (HeOrigin *origin, HeRequest *request);
void he_revoke_give (HeOrigin *origin, HeRequest *request);
/* Tokens for the operator: he-issue.h. */
void he_issue_handle (HeOrigin *origin, HeRequest *request);
void he_ack_handle (HeOrigin *origin, HeRequest *request);
void he_backfill_handle (HeOrigin *origin, HeRequest *request);
void he_status_healthz (HeOrigin *origin, HeRequest *request);
void he_status_readyz (HeOrigin *origin, HeRequest *request);
void he_status_metrics (HeOrigin *origin, HeRequest *request);
void he_status_json (HeOrigin *origin, HeRequest *request);

/* Takes over the anchors that the peers run on: at start, and every few seconds. */
void he_anchor_start (HeOrigin *origin);
void he_anchor_tick (HeOrigin *origin);
/* Asks the peers what they make of the clip, and promises what follows: every few
 * seconds.
 */
void he_clip_tick (HeOrigin *origin);
/* Says so when no token can be issued. */
void he_issue_start (HeOrigin *origin);
/* Sessions shared with the peers: at start, and every two seconds. */
void he_sync_start (HeOrigin *origin);
void he_sync_tick (HeOrigin *origin);

/* Revocations shared with the peers: at start, and every two seconds with those that were
 * missed. */
/* At the first: reads what the folder, which may be NULL, has kept. */
gboolean he_revoke_load (HeOrigin *origin, const char *folder, GError **error);
void he_revoke_start (HeOrigin *origin);
void he_revoke_tick (HeOrigin *origin);
void he_revoke_stop (HeOrigin *origin); /* after the peers, who are still answered */
/* What is new of such a list holds from now on, and is kept; not told on. */
void he_revoke_take (HeOrigin *origin, const char *text, gsize len);

/* The same as POST HE_REVOKE_PATH with this list, answered by nobody. */
void he_revoke_tell (HeOrigin *origin, const char *list);

/* Leases that an authorizer is asked about (he-renewals.h). */
HeRenewer *he_renew_new (HeOrigin *origin, const HeOriginConfig *config);
void he_renew_free (HeRenewer *renewer); /* takes NULL */
void he_renew_start (HeOrigin *origin);
void he_renew_stop (HeOrigin *origin);
/* A request was decided: any thread. */
void he_renew_note (HeOrigin *origin, const HeAnswer *answer);
gboolean he_renew_is_broken (HeOrigin *origin);

/* Raises leak alarms (he-alarms.h) by what was decided: any thread. */
void he_leaks_note (HeOrigin *origin, const HeAnswer *answer);

/* What is told of Redis; files for TLS are read. */
gboolean
he_shared_prepare (HeOrigin *origin, const HeOriginConfig *config, GError **error);
void he_shared_clear (HeOrigin *origin);
/* Redis, where the description names one: between the thread's start and its end. */
void he_shared_start (HeOrigin *origin, gint64 slot_ttl);
void he_shared_stop (HeOrigin *origin);
/* Why this node, which serves nobody before it has heard Redis, is not ready; or NULL. Later
 * who watches is served on without it. */
const char *he_shared_reason (HeOrigin *origin);
gboolean he_shared_is_away (HeOrigin *origin);

/* The peers' part in a listing: a complete segment is listed once every peer that answers
 * holds it too, or after 250 ms. he_ack_note(): something was put, and the newest
 * complete segment may be another. */
void he_ack_note (HeOrigin *origin, const char *channel);
/* The newest segment that is complete with a peer; FALSE when none said so. */
gboolean he_ack_peer_newest (HeOrigin *origin, const char *channel, guint64 *ret_newest);
/* Whether a peer has said since then (monotonic) that it could do without us. */
gboolean he_ack_has_sound_peer (HeOrigin *origin, const char *channel, gint64 since);
void he_ack_stop (HeOrigin *origin);

/* Fetches from the peers what they hold of each channel and we do not: at start, before
 * the origin is ready (he_origin.asking), and whenever we are behind them. Bounded: ten
 * seconds, four segments at once; each is checked against the digest that it was told
 * with. */
void he_backfill_start (HeOrigin *origin);
void he_backfill_tick (HeOrigin *origin);
void he_backfill_stop (HeOrigin *origin);

/* References to all channels. */
GPtrArray *he_origin_channels (HeOrigin *origin);

/* Why not ready, as lines; empty when ready (he-origin.h says what that means). */
GPtrArray *he_status_reasons (HeOrigin *origin);
/* Whether all channels would go on without the peers. */
gboolean he_status_is_sound (HeOrigin *origin);
/* Milliseconds since then (monotonic microseconds). */
guint64 he_status_age (gint64 then);
/* Logs when readiness changed. */
void he_status_tick (HeOrigin *origin);
/* FALSE: it has no such one. i: below HE_ORIGIN_LISTENERS. */
gboolean he_status_listener (HeOrigin *origin, guint i, const char **ret_name,
                             HeListenerStats *ret_stats);

/* The same as he_origin_put(), counted, with who published. */
gboolean he_origin_take (HeOrigin *origin, const HeSegment *segment, GBytes *body,
                         const char *node, HeStoreOutcome *ret_outcome, GError **error);

G_END_DECLS
