/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-redis-private.h"

#include <string.h>

#include "he-codec.h"
#include "he-json.h"

guint
he_redis_db (const char *server)
{
  const char *host = server + strlen ("redis://");
  const char *slash = g_str_has_prefix (server, "unix:") ? NULL : strchr (host, '/');
  return slash ? (guint)g_ascii_strtoull (slash + 1, NULL, 10) : 0;
}

static redisContext *
open_socket (const char *server)
{
  struct timeval timeout = { 0, HE_REDIS_TIMEOUT_MS * 1000 };
  const char *host = server + strlen ("redis://");
  if (g_str_has_prefix (server, "unix:"))
    return redisConnectUnixWithTimeout (server + strlen ("unix:"), timeout);
  const char *slash = strchr (host, '/');
  g_autofree char *authority = slash ? g_strndup (host, slash - host) : g_strdup (host);
  char *colon = strrchr (authority, ':');
  *colon = '\0';
  /* [::1]:6379 */
  gsize len = strlen (authority);
  if (authority[0] == '[' && authority[len - 1] == ']') {
    memmove (authority, authority + 1, len - 2);
    authority[len - 2] = '\0';
  }
  return redisConnectWithTimeout (authority, atoi (colon + 1), timeout);
}

/* Whether the answer is good; frees it. Why not is never more than Redis says, which does not
 * repeat a password. */
static gboolean
is_good (redisContext *redis, redisReply *reply, char **ret_why)
{
  gboolean good = reply && reply->type != REDIS_REPLY_ERROR;
  if (!good)
    *ret_why = g_strdup (reply ? reply->str : redis->errstr);
  g_clear_pointer (&reply, freeReplyObject);
  return good;
}

static gboolean
log_in (redisContext *redis, const HeSecret *login, char **ret_why)
{
  if (!login)
    return TRUE;
  const char *text = (const char *)he_secret_data (login);
  gsize len = he_secret_len (login);
  const char *colon = memchr (text, ':', len);
  gsize user = colon ? (gsize)(colon - text) : 0;
  return is_good (redis,
                  redisCommand (redis, "AUTH %b %b", text, user, text + user + 1,
                                len - user - 1),
                  ret_why);
}

static gboolean
is_master (redisContext *redis, char **ret_why)
{
  redisReply *reply = redisCommand (redis, "ROLE");
  gboolean master = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements > 0
                    && g_strcmp0 (reply->element[0]->str, "master") == 0;
  if (!reply || reply->type == REDIS_REPLY_ERROR)
    return is_good (redis, reply, ret_why);
  if (!master)
    *ret_why = g_strdup ("it is a replica");
  freeReplyObject (reply);
  return master;
}

redisContext *
he_redis_connect (const char *server, const HeSecret *login, char **ret_why)
{
  const struct timeval timeout = { 0, HE_REDIS_TIMEOUT_MS * 1000 };
  redisContext *redis = open_socket (server);
  if (!redis || redis->err) {
    *ret_why = g_strdup (redis ? redis->errstr : "out of memory");
    g_clear_pointer (&redis, redisFree);
    return NULL;
  }
  if (redisSetTimeout (redis, timeout) == REDIS_OK && log_in (redis, login, ret_why)
      && is_good (redis, redisCommand (redis, "SELECT %u", he_redis_db (server)), ret_why)
      && is_master (redis, ret_why))
    return redis;
  redisFree (redis);
  return NULL;
}

redisContext *
he_redis_subscribe (const char *server, const HeSecret *login, char **ret_why)
{
  redisContext *redis = he_redis_connect (server, login, ret_why);
  void *second = NULL;
  guint db = he_redis_db (server);
  if (!redis)
    return NULL;
  /* One answer for each channel. */
  if (is_good (redis,
               redisCommand (redis, "SUBSCRIBE headend:%u:ended headend:%u:revoked", db, db),
               ret_why)
      && redisGetReply (redis, &second) == REDIS_OK
      && is_good (redis, second, ret_why))
    return redis;
  redisFree (redis);
  return NULL;
}

/* The element as a list of one, and a name for whom it bars. */
static char *
list_of_one (const HeJson *node, char **ret_name)
{
  const char *session = NULL, *account = NULL;
  guint64 at = 0, until = 0;
  he_json_get_string (node, "session", FALSE, &session, NULL);
  he_json_get_string (node, "account", FALSE, &account, NULL);
  he_json_get_uint64 (node, "at", FALSE, G_MAXINT64, &at, NULL);
  he_json_get_uint64 (node, "until", FALSE, G_MAXINT64, &until, NULL);
  HeJsonWriter *writer = he_json_writer_new ();
  he_json_writer_open_array (writer, NULL);
  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, session ? "session" : "account",
                         session ? session : account);
  he_json_writer_uint64 (writer, "at", at);
  he_json_writer_uint64 (writer, "until", until);
  *ret_name = g_strconcat (session ? "session:" : "account:", session ? session : account,
                           NULL);
  return he_json_writer_end (writer);
}

gboolean
he_redis_keep_revoked (redisContext *redis, guint db, const char *list, gboolean replace)
{
  g_autofree char *why = NULL;
  g_autoptr (HeJson) root = he_json_parse (list, -1, HE_REVOCATIONS_JSON_MAX, 3, NULL);
  if (!root || he_json_length (root) == 0)
    return TRUE;
  for (guint i = 0; i < he_json_length (root); i++) {
    g_autofree char *name = NULL;
    g_autofree char *one = list_of_one (he_json_element (root, i), &name);
    if (!is_good (redis,
                  redisCommand (redis, "%s headend:revoked %s %s",
                                replace ? "HSET" : "HSETNX", name, one),
                  &why))
      return FALSE;
  }
  return is_good (redis, redisCommand (redis, "PUBLISH headend:%u:revoked %s", db, list), &why);
}

/* Forgets it when it is over. */
static gboolean
is_over (redisContext *redis, const redisReply *name, const redisReply *list)
{
  g_autoptr (HeJson) root
      = he_json_parse (list->str, (gssize)list->len, HE_REVOCATIONS_JSON_MAX, 3, NULL);
  guint64 until = 0;
  g_autofree char *why = NULL;
  if (root && he_json_type (root) == HE_JSON_ARRAY && he_json_length (root) == 1
      && he_json_type (he_json_element (root, 0)) == HE_JSON_OBJECT)
    he_json_get_uint64 (he_json_element (root, 0), "until", TRUE, G_MAXINT64, &until, NULL);
  if (until > (guint64)g_get_real_time ())
    return FALSE;
  is_good (redis, redisCommand (redis, "HDEL headend:revoked %b", name->str, name->len),
           &why);
  return TRUE;
}

gboolean
he_redis_exchange_revoked (redisContext *redis, guint db, const char *ours,
                           void (*revoked) (const char *text, gsize len,
                                            gpointer user_data),
                           gpointer user_data)
{
  redisReply *reply = redisCommand (redis, "HGETALL headend:revoked");
  gboolean ok = reply && reply->type == REDIS_REPLY_ARRAY;
  for (gsize i = 0; ok && i + 1 < reply->elements; i += 2) {
    const redisReply *list = reply->element[i + 1];
    if (!is_over (redis, reply->element[i], list))
      revoked (list->str, list->len, user_data);
  }
  g_clear_pointer (&reply, freeReplyObject);
  return ok && he_redis_keep_revoked (redis, db, ours, FALSE);
}

void
he_redis_end (HeSessions *sessions, const char *text, HeCode why)
{
  guint8 id[16];
  if (strlen (text) >= 32 && he_hex_decode (text, 32, id, sizeof id))
    he_sessions_end (sessions, id, why, g_get_real_time ());
}
