/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-redis-private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "he-codec.h"
#include "he-json.h"
#include "he-token-private.h"

#define KEEP_BATCH 512
#define GIVE_BATCH 8192

/* Behind "redis://" or "rediss://". */
static const char *
authority_of (const char *server)
{
  return strstr (server, "://") + strlen ("://");
}

guint
he_redis_db (const char *server)
{
  const char *slash
      = g_str_has_prefix (server, "unix:") ? NULL : strchr (authority_of (server), '/');
  return slash ? (guint)g_ascii_strtoull (slash + 1, NULL, 10) : 0;
}

/* By TLS, which has as long for the handshake again, with a socket that hears it in the
 * clear. */
static redisContext *
open_secure (HeRedisTls *tls, const char *host, guint16 port, char **ret_why)
{
  int fd = he_redis_tls_open (tls, host, port, 2 * HE_REDIS_TIMEOUT_MS, ret_why);
  return fd < 0 ? NULL : redisConnectFd (fd);
}

/* NULL, and maybe why. */
static redisContext *
open_socket (const HeRedisConfig *config, const char *server, char **ret_why)
{
  struct timeval timeout = { 0, HE_REDIS_TIMEOUT_MS * 1000 };
  if (g_str_has_prefix (server, "unix:"))
    return redisConnectUnixWithTimeout (server + strlen ("unix:"), timeout);
  const char *host = authority_of (server);
  g_autofree char *authority = g_strndup (host, strcspn (host, "/"));
  char *colon = strrchr (authority, ':');
  *colon = '\0';
  /* [::1]:6379 */
  gsize len = strlen (authority);
  if (authority[0] == '[' && authority[len - 1] == ']') {
    memmove (authority, authority + 1, len - 2);
    authority[len - 2] = '\0';
  }
  int port = atoi (colon + 1);
  return g_str_has_prefix (server, "rediss:")
             ? open_secure (config->tls, authority, (guint16)port, ret_why)
             : redisConnectWithTimeout (authority, port, timeout);
}

/* What the system says of a read that took too long is no help to anybody. */
const char *
he_redis_why (const redisContext *redis)
{
  return strcmp (redis->errstr, g_strerror (EAGAIN)) == 0 ? "no answer in time"
                                                          : redis->errstr;
}

/* Bounded in all it waits for, and not logged in; NULL and why not. */
static redisContext *
connect_to (const HeRedisConfig *config, const char *server, char **ret_why)
{
  const struct timeval timeout = { 0, HE_REDIS_TIMEOUT_MS * 1000 };
  redisContext *redis = open_socket (config, server, ret_why);
  if (redis && !redis->err && redisSetTimeout (redis, timeout) == REDIS_OK)
    return redis;
  if (!*ret_why)
    *ret_why = g_strdup (redis ? he_redis_why (redis) : "out of memory");
  g_clear_pointer (&redis, redisFree);
  return NULL;
}

/* Whether the answer is good; frees it. Why not is never more than Redis says, which does
 * not repeat a password. */
static gboolean
is_good (redisContext *redis, redisReply *reply, char **ret_why)
{
  gboolean good = reply && reply->type != REDIS_REPLY_ERROR;
  if (!good)
    *ret_why = g_strdup (reply ? reply->str : he_redis_why (redis));
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
  return is_good (
      redis,
      redisCommand (redis, "AUTH %b %b", text, user, text + user + 1, len - user - 1),
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

/* What a Sentinel answered, as an address of its own kind, with the database that stands
 * with the Sentinel's. NULL: no host and port. */
static char *
read_master (const char *sentinel, const redisReply *reply)
{
  if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
      || reply->element[0]->type != REDIS_REPLY_STRING
      || reply->element[1]->type != REDIS_REPLY_STRING)
    return NULL;
  const char *host = reply->element[0]->str;
  guint64 port;
  if (!*host || strlen (host) > 255
      || host[strspn (host, G_CSET_a_2_z G_CSET_A_2_Z "0123456789.:-")]
      || !he_uint64_decode (reply->element[1]->str, strlen (reply->element[1]->str),
                            G_MAXUINT16, &port)
      || port == 0)
    return NULL;
  gboolean v6 = strchr (host, ':') != NULL;
  return g_strdup_printf (
      "%s://%s%s%s:%u/%u", g_str_has_prefix (sentinel, "rediss:") ? "rediss" : "redis",
      v6 ? "[" : "", host, v6 ? "]" : "", (guint)port, he_redis_db (sentinel));
}

char *
he_redis_find (const HeRedisConfig *config, const char *server, char **ret_why)
{
  if (!config->master)
    return g_strdup (server);
  redisContext *redis = connect_to (config, server, ret_why);
  if (!redis)
    return NULL;
  char *found = NULL;
  redisReply *reply
      = redisCommand (redis, "SENTINEL get-master-addr-by-name %s", config->master);
  if (!reply || reply->type == REDIS_REPLY_ERROR)
    *ret_why = g_strdup (reply ? reply->str : he_redis_why (redis));
  else if (!(found = read_master (server, reply)))
    *ret_why = g_strdup_printf ("this Sentinel knows no master %s", config->master);
  g_clear_pointer (&reply, freeReplyObject);
  redisFree (redis);
  return found;
}

redisContext *
he_redis_connect (const HeRedisConfig *config, const char *server, char **ret_why)
{
  redisContext *redis = connect_to (config, server, ret_why);
  if (!redis)
    return NULL;
  if (log_in (redis, config->login, ret_why)
      && is_good (redis, redisCommand (redis, "SELECT %u", he_redis_db (server)), ret_why)
      && is_master (redis, ret_why))
    return redis;
  redisFree (redis);
  char *why = config->tls ? he_redis_tls_take_why (config->tls) : NULL;
  if (why) {
    g_free (*ret_why);
    *ret_why = why;
  }
  return NULL;
}

gboolean
he_redis_may_all (redisContext *redis, char **ret_why)
{
  static const char *const commands[] = {
    "TIME",
    "HSET headend:probe:hash a b",
    "HGET headend:probe:hash a",
    "PEXPIRE headend:probe:hash 60000",
    "HDEL headend:probe:hash a",
    "PUBLISH headend:probe a",
    "EVAL return(1) 0",
    "EVALSHA 0000000000000000000000000000000000000000 0",
  };
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++) {
    g_autofree char *why = NULL;
    if (!is_good (redis, redisCommand (redis, commands[i]), &why)
        && !g_str_has_prefix (why, "NOSCRIPT")) {
      *ret_why = g_steal_pointer (&why);
      return FALSE;
    }
  }
  return TRUE;
}

const char *
he_redis_remedy (const char *why)
{
  return why && (strstr (why, "NOPERM") || strstr (why, "The user executing the script"))
             ? "; its user needs the ACL rules " HE_REDIS_RULES
             : "";
}

redisContext *
he_redis_subscribe (const HeRedisConfig *config, const char *server, char **ret_why)
{
  redisContext *redis = he_redis_connect (config, server, ret_why);
  void *second = NULL;
  guint db = he_redis_db (server);
  if (!redis)
    return NULL;
  /* One answer for each channel. */
  if (is_good (
          redis,
          redisCommand (redis, "SUBSCRIBE headend:%u:ended headend:%u:revoked", db, db),
          ret_why)
      && redisGetReply (redis, &second) == REDIS_OK && is_good (redis, second, ret_why))
    return redis;
  redisFree (redis);
  return NULL;
}

/* KEYS[1] the hash. ARGV: name, at, until; and again. Of what is kept alike the later
 * stays. */
static const char keep_script[]
    = "for i = 1, #ARGV, 3 do\n"
      "  local at, last = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])\n"
      "  local kept = redis.call('HGET', KEYS[1], ARGV[i]) or ''\n"
      "  local a, l = string.match(kept, '^(%d+) (%d+)$')\n"
      "  if a then at, last = math.max(at, tonumber(a)), math.max(last, tonumber(l)) "
      "end\n"
      "  redis.call('HSET', KEYS[1], ARGV[i], string.format('%.0f %.0f', at, last))\n"
      "end\n"
      "return 1\n";

/* The element's name and times, for the script. */
static void
add_arguments (GPtrArray *arguments, const HeJson *node)
{
  const char *session = NULL, *account = NULL;
  guint64 at = 0, until = 0;
  he_json_get_string (node, "session", FALSE, &session, NULL);
  he_json_get_string (node, "account", FALSE, &account, NULL);
  he_json_get_uint64 (node, "at", FALSE, G_MAXINT64, &at, NULL);
  he_json_get_uint64 (node, "until", FALSE, G_MAXINT64, &until, NULL);
  g_ptr_array_add (arguments, g_strconcat (session ? "session:" : "account:",
                                           session ? session : account, NULL));
  g_ptr_array_add (arguments, g_strdup_printf ("%" G_GUINT64_FORMAT, at));
  g_ptr_array_add (arguments, g_strdup_printf ("%" G_GUINT64_FORMAT, until));
}

/* Those from an index on, as many as go at a time. */
static gboolean
keep_some (redisContext *redis, const HeJson *root, guint from, char **ret_why)
{
  g_autoptr (GPtrArray) arguments = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (arguments, g_strdup ("EVAL"));
  g_ptr_array_add (arguments, g_strdup (keep_script));
  g_ptr_array_add (arguments, g_strdup ("1"));
  g_ptr_array_add (arguments, g_strdup ("headend:revoked"));
  for (guint i = from; i < MIN (from + KEEP_BATCH, he_json_length (root)); i++)
    add_arguments (arguments, he_json_element (root, i));
  return is_good (redis,
                  redisCommandArgv (redis, (int)arguments->len,
                                    (const char **)arguments->pdata, NULL),
                  ret_why);
}

gboolean
he_redis_keep_revoked (redisContext *redis, guint db, const char *list, char **ret_why)
{
  g_autoptr (HeJson) root = he_json_parse (list, -1, HE_REVOCATIONS_JSON_MAX, 3, NULL);
  if (!root || he_json_length (root) == 0)
    return TRUE;
  for (guint i = 0; i < he_json_length (root); i += KEEP_BATCH)
    if (!keep_some (redis, root, i, ret_why))
      return FALSE;
  return is_good (redis, redisCommand (redis, "PUBLISH headend:%u:revoked %s", db, list),
                  ret_why);
}

/* Writes what is kept under a name as he_revocations_merge() takes it: it would refuse a
 * list for the sake of one element. FALSE: it is over, or nothing that is understood. */
static gboolean
write_kept (HeJsonWriter *writer, const redisReply *name, const redisReply *times)
{
  gboolean account = g_str_has_prefix (name->str, "account:");
  guint8 id[16];
  unsigned long long at, until;
  if ((!account && !g_str_has_prefix (name->str, "session:"))
      || strlen (name->str) != name->len
      || sscanf (times->str, "%llu %llu", &at, &until) != 2
      || until <= (guint64)g_get_real_time () || MAX (at, until) > G_MAXINT64 / 2)
    return FALSE;
  const char *who = name->str + strlen ("account:");
  if (account ? !he_account_is_valid (who)
              : !he_hex_decode (who, strlen (who), id, sizeof id))
    return FALSE;
  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, account ? "account" : "session", who);
  he_json_writer_uint64 (writer, "at", at);
  he_json_writer_uint64 (writer, "until", until);
  he_json_writer_close (writer);
  return TRUE;
}

/* Gives what is kept, as few lists as possible: each is written to disk at once. Forgets
 * what is over. */
static gboolean
give_kept (redisContext *redis, const redisReply *kept,
           void (*revoked) (const char *text, gsize len, gpointer user_data),
           gpointer user_data, char **ret_why)
{
  gboolean ok = TRUE;
  for (gsize from = 0; from < kept->elements; from += 2 * GIVE_BATCH) {
    HeJsonWriter *writer = he_json_writer_new ();
    he_json_writer_open_array (writer, NULL);
    for (gsize i = from; i + 1 < MIN (kept->elements, from + 2 * GIVE_BATCH); i += 2) {
      const redisReply *name = kept->element[i];
      if (!write_kept (writer, name, kept->element[i + 1]))
        ok = ok
             && is_good (
                 redis,
                 redisCommand (redis, "HDEL headend:revoked %b", name->str, name->len),
                 ret_why);
    }
    g_autofree char *list = he_json_writer_end (writer);
    revoked (list, strlen (list), user_data);
  }
  return ok;
}

gboolean
he_redis_exchange_revoked (redisContext *redis, guint db, const char *ours,
                           void (*revoked) (const char *text, gsize len,
                                            gpointer user_data),
                           gpointer user_data, char **ret_why)
{
  if (!he_redis_keep_revoked (redis, db, ours, ret_why))
    return FALSE;
  redisReply *reply = redisCommand (redis, "HGETALL headend:revoked");
  if (!reply || reply->type != REDIS_REPLY_ARRAY)
    return is_good (redis, reply, ret_why) && FALSE;
  gboolean ok = give_kept (redis, reply, revoked, user_data, ret_why);
  freeReplyObject (reply);
  return ok;
}

void
he_redis_end (HeSessions *sessions, const char *text, HeCode why)
{
  guint8 id[16];
  if (strlen (text) >= 32 && he_hex_decode (text, 32, id, sizeof id))
    he_sessions_end (sessions, id, why, g_get_real_time ());
}
