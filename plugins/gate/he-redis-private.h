/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hiredis/hiredis.h>
#include "he-redis.h"

G_BEGIN_DECLS

/* How long Redis may take for an answer. */
#define HE_REDIS_TIMEOUT_MS 500

/* Why a connection failed, for a person. */
const char *he_redis_why (const redisContext *redis);
/* Whether the user may do what the scripts do: of those Redis does not say which command it
 * refuses. Changes nothing. FALSE and why not (owned). */
gboolean he_redis_may_all (redisContext *redis, char **ret_why);
/* What to do about what Redis says, for a person; or "". */
const char *he_redis_remedy (const char *why);
/* The number of its database: it is in the names of channels, which all databases share.
 */
guint he_redis_db (const char *server);
/* The server itself, or the one that it names as the master, where there are Sentinels;
 * NULL and why not (both owned). */
char *
he_redis_find (const HeRedisConfig *config, const char *server, char **ret_why);
/* A connection to a master, logged in; NULL and why not (owned). */
redisContext *
he_redis_connect (const HeRedisConfig *config, const char *server, char **ret_why);
/* One that hears of what others end and revoke. */
redisContext *
he_redis_subscribe (const HeRedisConfig *config, const char *server, char **ret_why);

/* Keeps a list of revocations, the later of what is kept alike, and tells the others.
 * FALSE and why (owned): the connection is of no more use. */
gboolean he_redis_keep_revoked (redisContext *redis, guint db, const char *list,
                                char **ret_why);
/* Keeps ours, and gives what is kept to revoked. */
gboolean he_redis_exchange_revoked (redisContext *redis, guint db, const char *ours,
                                    void (*revoked) (const char *text, gsize len,
                                                     gpointer user_data),
                                    gpointer user_data, char **ret_why);
/* Ends the session whose id the text begins with. */
void he_redis_end (HeSessions *sessions, const char *text, HeCode why);

G_END_DECLS
