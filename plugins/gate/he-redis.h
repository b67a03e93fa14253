/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-redis-tls.h"
#include "he-revocations.h"
#include "he-secret.h"
#include "he-session.h"

G_BEGIN_DECLS

/* Slots and leases of sessions in Redis, for nodes that are no peers of each other or
 * many. One script decides on Redis' own clock; HeSessions, which must be shared, mirrors
 * what it says, so that only openings wait. A thread of its own talks to Redis: it
 * carries questions and, about once a second, what the mirror owes (heartbeats, leases).
 *
 * When Redis does not answer in half a second, it is away: questions are answered with
 * HE_CODE_UNAVAILABLE at once, until one of the servers is there again and a master. Then
 * all that the mirror knows as running is told first, so that a Redis that lost its data
 * has the slots again before it gives out new ones.
 *
 *   headend:account:ACCOUNT  hash, session's id -> "opened hard-end lease-end last-seen
 * ended max-sessions address", until the last of them is over headend:revoked hash,
 * "session:ID" or "account:ACCOUNT" -> "at until"
 *
 * and two channels, headend:DB:ended ("ID CODE") and headend:DB:revoked (JSON lists),
 * with the number of the database. */
typedef struct _HeRedis HeRedis;

typedef struct {
  /* "unix:PATH" or "redis[s]://HOST:PORT[/DB]"; tried in turn. */
  const char *const *servers;
  /* NULL, or they are Sentinels, which tell where the master of this name is: it is reached
   * as the Sentinel is. */
  const char *master;
  HeSecret *login; /* USER:PASSWORD of the servers, not of Sentinels, or NULL */
  HeRedisTls *tls; /* outlives it; NULL: no server is "rediss://" */
  HeSessionPolicy policy;
  gint64 lease, slot_ttl; /* microseconds */
  HeSessions *sessions;   /* outlives it */
  /* On its thread: somebody revoked (JSON for he_revocations_merge()); it came, or
   * was not to be had, why: at first, and after it came, once for each server and
   * reason. */
  void (*revoked) (const char *text, gsize len, gpointer user_data);
  void (*state) (gboolean up, const char *why, gpointer user_data);
  /* All that is revoked here, for a Redis that came: a list, freed by the caller. */
  char *(*revocations) (gpointer user_data);
  gpointer user_data;
} HeRedisConfig;

/* All that the user needs to be let, who logs in; README has it, too. */
#define HE_REDIS_RULES                                                                   \
  "~headend:* &headend:* +select +role +subscribe +publish +eval +evalsha +time "         \
  "+hget +hgetall +hset +hdel +pexpire +setrange"

/* HE_ERROR_UNAVAILABLE when it was built without hiredis: then nothing else here is
 * called. */
gboolean he_redis_check (GError **error);
/* Connects later, and again. */
HeRedis *he_redis_new (const HeRedisConfig *config);
/* Answers what is open with HE_CODE_UNAVAILABLE. Takes NULL. */
void he_redis_free (HeRedis *redis);

gboolean he_redis_is_up (HeRedis *redis);  /* any thread */
gboolean he_redis_was_up (HeRedis *redis); /* at any time yet; any thread */

/* Opens or takes over a session; the mirror knows of it before done is called, on the
 * thread of redis or at once. changed: the peers should know. replaces: as
 * HeAnswer.ask_replaces. */
typedef void (*HeRedisFunc) (HeCode code, gboolean changed, gpointer user_data);
void he_redis_ask (HeRedis *redis, const HeSessionRecord *contents, HeTouch how,
                   const char *replaces, HeRedisFunc done, gpointer user_data);
/* Tells the other nodes of what is among the revocations already: while it is away this
 * is forgotten, as all is told when it comes. */
void he_redis_revoke (HeRedis *redis, const char *list);

G_END_DECLS
