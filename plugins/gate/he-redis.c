/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-redis.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "he-codec.h"
#include "he-redis-private.h"
#include "he-redis-resource.h"

#define SCRIPT "/headend/redis/he-redis.lua"
#define BATCH 256
#define QUEUE_MAX 20000
#define PACE_MS 250
#define OWED_US (G_USEC_PER_SEC / 2)
#define RETRY_MIN_US (G_USEC_PER_SEC / 4)
#define RETRY_MAX_US (2 * G_USEC_PER_SEC)

/* A question, or what the mirror owes (done is NULL). */
typedef struct {
  HeSessionRecord *contents;
  HeTouch how;
  char *replaces;
  HeRedisFunc done;
  gpointer user_data;
} Question;

struct _HeRedis {
  HeRedisConfig config;
  char **servers;
  char *script, *script_sha; /* he-redis.lua */
  GThread *thread;
  int wake;                 /* eventfd */
  int up, was_up, stopping; /* atomic */
  GMutex lock;              /* guards both */
  GQueue questions;
  GQueue revoked; /* lists to tell */

  redisContext *commands, *messages; /* of the thread: NULL while it is away */
  guint next;                        /* server to try */
  char **told; /* why each server is away, as was said since one was there; or NULL */
  guint db;    /* of the one that is there */
  gint64 retry_at, retry_us, owed_at;
};

static void
question_free (Question *question)
{
  he_session_record_free (question->contents);
  g_free (question->replaces);
  g_free (question);
}

static void
answer (Question *question, HeCode code, gboolean changed)
{
  if (question->done)
    question->done (code, changed, question->user_data);
  question_free (question);
}

static const char *
server_of (HeRedis *redis)
{
  return redis->servers[redis->next % g_strv_length (redis->servers)];
}

/* Said once for each server and reason, and not again with each attempt. */
static void
disconnect (HeRedis *redis, const char *reason)
{
  char **told = &redis->told[redis->next % g_strv_length (redis->servers)];
  g_autofree char *why /* the reason may be in what goes now */
      = g_strdup_printf ("%s: %s%s", server_of (redis), reason ? reason : "no answer",
                         he_redis_remedy (reason));
  g_clear_pointer (&redis->commands, redisFree);
  g_clear_pointer (&redis->messages, redisFree);
  redis->retry_at = g_get_monotonic_time () + redis->retry_us;
  redis->retry_us = MIN (redis->retry_us * 2, RETRY_MAX_US);
  redis->next++;
  g_atomic_int_set (&redis->up, FALSE);
  if (g_strcmp0 (*told, why) == 0)
    return;
  redis->config.state (FALSE, why, redis->config.user_data);
  g_free (*told);
  *told = g_steal_pointer (&why);
}

static void
forget_told (HeRedis *redis)
{
  for (guint i = 0; redis->servers[i]; i++)
    g_clear_pointer (&redis->told[i], g_free);
}

/* --- Deciding
 * --------------------------------------------------------------------------- */

static void
append (HeRedis *redis, const Question *question, const char *verb, const char *script)
{
  static const char *const hows[] = { "entry", "playlist", "media", "rejoin" };
  const HeSessionRecord *record = question->contents;
  gint64 now = g_get_real_time ();
  g_autofree char *id = he_hex_encode (record->id, sizeof record->id);
  g_autofree char *address
      = record->has_address
            ? he_hex_encode (record->address_hash, sizeof record->address_hash)
            : g_strdup ("");
  gint64 left
      = record->lease_end ? MAX (record->lease_end - now, 0) : redis->config.lease;
  redisAppendCommand (
      redis->commands,
      "%s %s 1 headend:account:%s %s %s %s %lld %lld %lld %lld %u %s %lld "
      "headend:%u:ended %s",
      verb, script, record->account, id, hows[question->how],
      redis->config.policy == HE_SESSIONS_EVICT_OLDEST ? "evict" : "reject",
      (long long)redis->config.slot_ttl, (long long)redis->config.lease,
      (long long)MAX (now - record->opened, 0),
      (long long)MAX (record->hard_end - now, 0), MAX (record->max_sessions, 1), address,
      (long long)left, redis->db, question->replaces ? question->replaces : "");
}

/* What the script says, told to the mirror. FALSE: it is no such answer. */
static gboolean
settle (HeRedis *redis, Question *question, const redisReply *reply)
{
  gint64 now = g_get_real_time (), numbers[4] = { 0 };
  if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 1)
    return FALSE;
  for (gsize i = 0; i < MIN (reply->elements, 4); i++) {
    if (reply->element[i]->type != REDIS_REPLY_INTEGER)
      return FALSE;
    numbers[i] = reply->element[i]->integer;
  }
  for (gsize i = 4; i < reply->elements; i++)
    he_redis_end (redis->config.sessions, reply->element[i]->str, HE_CODE_EVICTED);
  const HeSessionVerdict verdict = {
    .code = (HeCode)numbers[0],
    .opened = now - numbers[1],
    .hard_end = now + numbers[2],
    .lease_end = now + numbers[3],
  };
  HeCode code
      = he_sessions_settle (redis->config.sessions, question->contents, &verdict, now);
  answer (question, code, question->how == HE_TOUCH_ENTRY || reply->elements > 4);
  return TRUE;
}

static redisReply *
take_reply (HeRedis *redis)
{
  void *reply = NULL;
  return redisGetReply (redis->commands, &reply) == REDIS_OK ? reply : NULL;
}

/* A Redis that forgot the script gets it with the question. */
static redisReply *
ask_whole (HeRedis *redis, const Question *question)
{
  append (redis, question, "EVAL", redis->script);
  return take_reply (redis);
}

/* What Redis says against a question, without the script's digest and line, so that the
 * log has each reason once. */
static char *
refusal (const redisReply *reply)
{
  const char *text = reply && reply->str ? reply->str : "an answer that is none";
  const char *script = strstr (text, " script: ");
  return g_strndup (text, script ? (gsize)(script - text) : strlen (text));
}

/* Takes the questions. */
static void
decide (HeRedis *redis, GPtrArray *batch)
{
  g_autoptr (GPtrArray) again = g_ptr_array_new ();
  g_autofree char *why = NULL;
  for (guint i = 0; i < batch->len; i++)
    append (redis, batch->pdata[i], "EVALSHA", redis->script_sha);
  for (guint i = 0; i < batch->len; i++) {
    Question *question = batch->pdata[i];
    redisReply *reply = why ? NULL : take_reply (redis);
    if (!reply && !why)
      why = g_strdup (he_redis_why (redis->commands));
    if (reply && reply->type == REDIS_REPLY_ERROR
        && g_str_has_prefix (reply->str, "NOSCRIPT"))
      g_ptr_array_add (again, question);
    else if (!reply || !settle (redis, question, reply)) {
      if (reply && !why)
        why = refusal (reply);
      answer (question, HE_CODE_UNAVAILABLE, FALSE);
    }
    g_clear_pointer (&reply, freeReplyObject);
  }
  for (guint i = 0; i < again->len; i++) {
    redisReply *reply = why ? NULL : ask_whole (redis, again->pdata[i]);
    if (!reply || !settle (redis, again->pdata[i], reply)) {
      if (!why)
        why = reply ? refusal (reply) : g_strdup (he_redis_why (redis->commands));
      answer (again->pdata[i], HE_CODE_UNAVAILABLE, FALSE);
    }
    g_clear_pointer (&reply, freeReplyObject);
  }
  if (why)
    disconnect (redis, why);
}

/* What the mirror owes: heartbeats, leases; all that runs, when Redis came. */
static void
pay (HeRedis *redis, gboolean everything)
{
  g_autoptr (GPtrArray) owed
      = he_sessions_take_owed (redis->config.sessions, everything, g_get_real_time ());
  redis->owed_at = g_get_monotonic_time () + OWED_US;
  for (guint i = 0; i < owed->len && redis->commands;) {
    g_autoptr (GPtrArray) batch = g_ptr_array_new ();
    for (; i < owed->len && batch->len < BATCH; i++) {
      Question *question = g_new0 (Question, 1);
      question->contents = g_steal_pointer (&owed->pdata[i]);
      question->how
          = question->contents->wants_lease ? HE_TOUCH_PLAYLIST : HE_TOUCH_MEDIA;
      g_ptr_array_add (batch, question);
    }
    decide (redis, batch);
  }
  /* Whether it still takes what is written, where nothing is owed: this changes nothing,
   * and is refused where a session would be, such as for want of memory or of replicas.
   */
  if (owed->len == 0 && redis->commands) {
    redisReply *reply = redisCommand (redis->commands, "SETRANGE headend:probe 0 %s", "");
    if (!reply || reply->type == REDIS_REPLY_ERROR)
      disconnect (redis, reply ? reply->str : he_redis_why (redis->commands));
    g_clear_pointer (&reply, freeReplyObject);
  }
}

/* --- Questions and revocations of other threads
 * ------------------------------------------ */

static GPtrArray *
take_questions (HeRedis *redis)
{
  GPtrArray *batch = g_ptr_array_new ();
  g_mutex_lock (&redis->lock);
  while (batch->len < BATCH && !g_queue_is_empty (&redis->questions))
    g_ptr_array_add (batch, g_queue_pop_head (&redis->questions));
  g_mutex_unlock (&redis->lock);
  return batch;
}

static void
tell_revoked (HeRedis *redis)
{
  for (;;) {
    g_mutex_lock (&redis->lock);
    g_autofree char *list = g_queue_pop_head (&redis->revoked);
    g_mutex_unlock (&redis->lock);
    if (!list)
      return;
    g_autofree char *why = NULL;
    if (redis->commands
        && !he_redis_keep_revoked (redis->commands, redis->db, list, &why))
      disconnect (redis, why);
  }
}

static void
serve (HeRedis *redis)
{
  for (;;) {
    g_autoptr (GPtrArray) batch = take_questions (redis);
    if (batch->len == 0)
      break;
    if (redis->commands) {
      decide (redis, batch);
      continue;
    }
    for (guint i = 0; i < batch->len; i++)
      answer (batch->pdata[i], HE_CODE_UNAVAILABLE, FALSE);
  }
  tell_revoked (redis);
}

/* --- Messages
 * ---------------------------------------------------------------------------- */

static void
hear (HeRedis *redis, const redisReply *message)
{
  if (message->type != REDIS_REPLY_ARRAY || message->elements != 3
      || message->element[2]->type != REDIS_REPLY_STRING)
    return;
  const char *text = message->element[2]->str;
  if (g_str_has_suffix (message->element[1]->str, ":revoked"))
    redis->config.revoked (text, message->element[2]->len, redis->config.user_data);
  else if (strlen (text) > 33)
    he_redis_end (redis->config.sessions, text,
                  (HeCode)g_ascii_strtoull (text + 33, NULL, 10));
}

static void
listen_once (HeRedis *redis)
{
  void *message = NULL;
  gboolean ok = redisBufferRead (redis->messages) == REDIS_OK;
  while (ok && (ok = redisGetReplyFromReader (redis->messages, &message) == REDIS_OK)
         && message) {
    hear (redis, message);
    freeReplyObject (message);
    message = NULL;
  }
  if (!ok)
    disconnect (redis, he_redis_why (redis->messages));
}

/* --- The thread
 * --------------------------------------------------------------------------- */

static void
connect_next (HeRedis *redis)
{
  g_autofree char *why = NULL;
  g_autofree char *server = he_redis_find (&redis->config, server_of (redis), &why);
  redis->db = server ? he_redis_db (server) : 0;
  if (server)
    redis->commands = he_redis_connect (&redis->config, server, &why);
  if (redis->commands)
    redis->messages = he_redis_subscribe (&redis->config, server, &why);
  g_autofree char *ours = redis->config.revocations (redis->config.user_data);
  if (!redis->messages || !he_redis_may_all (redis->commands, &why)
      || !he_redis_exchange_revoked (redis->commands, redis->db, ours,
                                     redis->config.revoked, redis->config.user_data,
                                     &why)) {
    g_autofree char *whose
        = redis->config.master && server
              ? g_strconcat (server, ": ", why ? why : "no answer", NULL)
              : NULL;
    disconnect (redis, whose ? whose : why);
    return;
  }
  /* Before anybody may open: who runs keeps his slot. */
  pay (redis, TRUE);
  if (!redis->commands)
    return;
  redis->retry_us = RETRY_MIN_US;
  forget_told (redis);
  g_atomic_int_set (&redis->was_up, TRUE);
  g_atomic_int_set (&redis->up, TRUE);
  redis->config.state (TRUE, server, redis->config.user_data);
}

static void
wait_for_work (HeRedis *redis)
{
  struct pollfd fds[3] = { { redis->wake, POLLIN, 0 },
                           { redis->messages ? redis->messages->fd : -1, POLLIN, 0 },
                           { redis->commands ? redis->commands->fd : -1, POLLIN, 0 } };
  guint64 count;
  if (poll (fds, G_N_ELEMENTS (fds), PACE_MS) <= 0)
    return;
  if (fds[0].revents && read (redis->wake, &count, sizeof count) < 0)
    g_usleep (PACE_MS * 1000);
  if (fds[1].revents)
    listen_once (redis);
  /* Nothing was asked: it hangs up. */
  if (redis->commands && fds[2].revents)
    disconnect (redis, "it closed the connection");
}

static gpointer
run (gpointer data)
{
  HeRedis *redis = data;
  sigset_t pipes;
  sigemptyset (&pipes);
  sigaddset (&pipes, SIGPIPE);
  pthread_sigmask (SIG_BLOCK, &pipes, NULL);
  while (!g_atomic_int_get (&redis->stopping)) {
    gint64 now = g_get_monotonic_time ();
    if (!redis->commands && now >= redis->retry_at)
      connect_next (redis);
    serve (redis);
    if (redis->commands && now >= redis->owed_at)
      pay (redis, FALSE);
    wait_for_work (redis);
  }
  g_clear_pointer (&redis->commands, redisFree);
  g_clear_pointer (&redis->messages, redisFree);
  g_mutex_lock (&redis->lock);
  g_atomic_int_set (&redis->up, FALSE);
  g_mutex_unlock (&redis->lock);
  serve (redis);
  return NULL;
}

gboolean
he_redis_check (GError **error)
{
  return TRUE;
}

HeRedis *
he_redis_new (const HeRedisConfig *config)
{
  HeRedis *redis = g_new0 (HeRedis, 1);
  he_redis_register_resource ();
  g_autoptr (GBytes) script = g_resource_lookup_data (he_redis_get_resource (), SCRIPT,
                                                      G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  redis->script = g_strndup (g_bytes_get_data (script, NULL), g_bytes_get_size (script));
  redis->script_sha = g_compute_checksum_for_string (G_CHECKSUM_SHA1, redis->script, -1);
  redis->config = *config;
  redis->servers = g_strdupv ((char **)config->servers);
  redis->config.servers = (const char *const *)redis->servers;
  redis->config.master = g_strdup (config->master);
  redis->told = g_new0 (char *, g_strv_length (redis->servers));
  if (config->login)
    he_secret_ref (config->login);
  redis->wake = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  g_mutex_init (&redis->lock);
  redis->retry_us = RETRY_MIN_US;
  redis->thread = g_thread_new ("redis", run, redis);
  return redis;
}

static void
wake (HeRedis *redis)
{
  guint64 one = 1;
  /* Full means that it is awake. */
  if (write (redis->wake, &one, sizeof one) < 0)
    return;
}

void
he_redis_free (HeRedis *redis)
{
  if (!redis)
    return;
  g_atomic_int_set (&redis->stopping, TRUE);
  wake (redis);
  g_thread_join (redis->thread);
  close (redis->wake);
  g_queue_clear_full (&redis->revoked, g_free);
  g_mutex_clear (&redis->lock);
  he_secret_unref (redis->config.login);
  forget_told (redis);
  g_free ((char *)redis->config.master);
  g_free (redis->told);
  g_free (redis->script);
  g_free (redis->script_sha);
  g_strfreev (redis->servers);
  g_free (redis);
}

gboolean
he_redis_is_up (HeRedis *redis)
{
  return g_atomic_int_get (&redis->up);
}

gboolean
he_redis_was_up (HeRedis *redis)
{
  return g_atomic_int_get (&redis->was_up);
}

void
he_redis_ask (HeRedis *redis, const HeSessionRecord *contents, HeTouch how,
              const char *replaces, HeRedisFunc done, gpointer user_data)
{
  Question *question = NULL;
  g_mutex_lock (&redis->lock);
  if (he_redis_is_up (redis) && redis->questions.length < QUEUE_MAX) {
    question = g_new (Question, 1);
    *question = (Question) { he_session_record_copy (contents), how, g_strdup (replaces),
                             done, user_data };
    g_queue_push_tail (&redis->questions, question);
  }
  g_mutex_unlock (&redis->lock);
  if (question)
    wake (redis);
  else
    done (HE_CODE_UNAVAILABLE, FALSE, user_data);
}

void
he_redis_revoke (HeRedis *redis, const char *list)
{
  /* Before it is up, too: what was taken for it may have been written down already. */
  g_mutex_lock (&redis->lock);
  g_queue_push_tail (&redis->revoked, g_strdup (list));
  g_mutex_unlock (&redis->lock);
  wake (redis);
}
