/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "origin-kit.h"

/* Two origins that are no peers and share a Redis, on a Unix socket in the pair's folder.
 * A slot is free after a minute of silence, so that a busy machine frees none. */

#define TRIES 6000 /* of 10 ms */
#define OPENERS 12

typedef struct {
  Pair *pair;
  char *socket;
  GPid pid;
} Store;

static void
die_with_us (gpointer data)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

static void
store_start (Store *store, gboolean empty)
{
  g_autoptr (GError) error = NULL;
  char *argv[] = {
    (char *)"redis-server", (char *)"--port", (char *)"0",         (char *)"--unixsocket",
    store->socket,          (char *)"--dir",  store->pair->folder, (char *)"--appendonly",
    (char *)"yes",          (char *)"--save", (char *)"",          NULL
  };

  if (empty) {
    g_autofree char *files
        = g_build_filename (store->pair->folder, "appendonlydir", NULL);

    remove_tree (files);
  }
  g_unlink (store->socket);
  g_spawn_async (NULL, argv, NULL,
                 G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD
                     | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                 die_with_us, NULL, &store->pid, &error);
  g_assert_no_error (error);
}

static void
store_kill (Store *store)
{
  if (store->pid == 0)
    return;
  kill (store->pid, SIGKILL);
  waitpid (store->pid, NULL, 0);
  store->pid = 0;
}

static void
store_prepare (Store *store, HeSessionPolicy policy)
{
  g_autofree char *server = NULL;

  *store = (Store) { pair_prepare (policy), NULL, 0 };
  store->socket = g_build_filename (store->pair->folder, "redis.sock", NULL);
  server = g_strconcat ("unix:", store->socket, NULL);
  store->pair->redis = g_strsplit (server, " ", 1);
}

static void
store_init (Store *store, HeSessionPolicy policy)
{
  store_prepare (store, policy);
  store_start (store, FALSE);
  pair_start (store->pair, 0);
  pair_start (store->pair, 1);
  publish_window (store->pair);
}

static void
store_clear (Store *store)
{
  store_kill (store);
  g_free (store->socket);
  pair_free (store->pair);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Store, store_clear)

static Reply *
open_at (Store *store, guint i, const char *account)
{
  g_autofree char *token = mint (store->pair, account);

  return enter (store->pair, i, "127.0.0.1", token, "");
}

/* Enters with new tokens until the answer is this: "Cookie: …\r\n" of a good one. */
static char *
open_until (Store *store, guint i, const char *account, guint status)
{
  for (guint tries = 0;; tries++) {
    g_autoptr (Reply) reply = open_at (store, i, account);
    g_autofree char *value = reply_field (reply, "Set-Cookie");

    if (reply->status == status && value == NULL)
      return NULL;
    if (reply->status == status) {
      value[strcspn (value, ";")] = '\0';
      return g_strdup_printf ("Cookie: %s\r\n", value);
    }
    g_assert_cmpuint (tries, <, TRIES);
    g_usleep (10000);
  }
}

static char *
media_code (Store *store, guint i, const char *cookie)
{
  g_autoptr (Reply) reply
      = get (port_of (store->pair, i), "/live/demo/360p/index.m3u8", cookie);
  char *code = reply_field (reply, "S-Uri-Signing");

  return code != NULL ? code : g_strdup_printf ("%u", reply->status);
}

static void
wait_code (Store *store, guint i, const char *cookie, const char *wanted)
{
  for (guint tries = 0;; tries++) {
    g_autofree char *code = media_code (store, i, cookie);

    if (g_str_equal (code, wanted))
      return;
    g_assert_cmpuint (tries, <, TRIES);
    g_usleep (10000);
  }
}

static void
newer_session_evicts_on_the_other_node (void)
{
  g_auto (Store) store;
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;

  store_init (&store, HE_SESSIONS_EVICT_OLDEST);
  first = open_until (&store, 0, "alice", 200);
  wait_code (&store, 1, first, "200");
  second = open_until (&store, 1, "alice", 200);
  wait_code (&store, 0, first, "604");
  wait_code (&store, 1, first, "604");
  wait_code (&store, 0, second, "200");
}

/* To a node that knows neither: a browser keeps what it got before. */
static void
ended_session_hides_no_other (void)
{
  g_auto (Store) store;
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  g_autofree char *both = NULL;

  store_init (&store, HE_SESSIONS_EVICT_OLDEST);
  first = open_until (&store, 0, "alice", 200);
  second = open_until (&store, 0, "alice", 200);
  first[strcspn (first, "\r")] = '\0';
  both = g_strdup_printf ("%s; %s", first, second + strlen ("Cookie: "));
  g_clear_pointer (&store.pair->origin[1], he_origin_free);
  pair_start (store.pair, 1);
  publish_window (store.pair);
  wait_code (&store, 1, both, "200");
}

/* The cookie for a token, shown until it is taken: a late answer holds its place. */
static char *
cookie_of (Store *store, guint i, const char *path, const char *cookie)
{
  g_autofree char *token = mint (store->pair, "alice");
  g_autofree char *fields
      = g_strdup_printf ("%sAuthorization: Bearer %s\r\n", cookie, token);

  for (guint tries = 0;; tries++) {
    g_autoptr (Reply) reply = get (port_of (store->pair, i), path, fields);
    g_autofree char *value = reply_field (reply, "Set-Cookie");

    if (value != NULL) {
      value[strcspn (value, ";")] = '\0';
      return g_strdup_printf ("Cookie: %s\r\n", value);
    }
    g_assert_cmpuint (reply->status, ==, 503);
    g_assert_cmpuint (tries, <, TRIES);
    g_usleep (10000);
  }
}

/* The page's own session is not in its way, another device's is. */
static void
refresh_needs_no_second_place (void)
{
  g_auto (Store) store;
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;

  store_init (&store, HE_SESSIONS_REJECT_NEWEST);
  first = cookie_of (&store, 0, "/live/demo/main.m3u8", "");
  g_free (open_until (&store, 1, "alice", 403));
  second = cookie_of (&store, 1, "/live/demo/session", first);
  wait_code (&store, 0, first, "604");
  wait_code (&store, 1, first, "604");
  wait_code (&store, 0, second, "200");
  g_free (open_until (&store, 0, "alice", 403));
}

/* Each time another account: what was answered too late holds its slot. */
static void
wait_up (Store *store)
{
  for (guint i = 0, tries = 0; i < 2; tries++) {
    g_autofree char *account = g_strdup_printf ("early%u", tries);
    g_autoptr (Reply) reply = open_at (store, i, account);

    i += reply->status == 200;
    g_assert_cmpuint (tries, <, TRIES);
    g_usleep (10000);
  }
}

typedef struct {
  Store *store;
  guint i, status;
  char *cookie;
} Opener;

static gpointer
open_once (gpointer data)
{
  Opener *opener = data;
  g_autoptr (Reply) reply = open_at (opener->store, opener->i, "alice");
  char *value = reply_field (reply, "Set-Cookie");

  opener->status = reply->status;
  if (value != NULL) {
    value[strcspn (value, ";")] = '\0';
    opener->cookie = g_strdup_printf ("Cookie: %s\r\n", value);
    g_free (value);
  }
  return NULL;
}

/* Many at once on both nodes: one gets in, or one stays. The answer of a node that is
 * slow is 503, which lets nobody in and may have taken the slot. */
static void
one_of_many_gets_the_slot (gconstpointer data)
{
  HeSessionPolicy policy = GPOINTER_TO_INT (data);
  g_auto (Store) store;
  Opener openers[OPENERS];
  GThread *threads[OPENERS];
  guint opened = 0, late = 0, alive = OPENERS;

  store_init (&store, policy);
  wait_up (&store);
  for (guint i = 0; i < OPENERS; i++) {
    openers[i] = (Opener) { &store, i % 2, 0, NULL };
    threads[i] = g_thread_new ("opener", open_once, &openers[i]);
  }
  for (guint i = 0; i < OPENERS; i++) {
    g_thread_join (threads[i]);
    opened += openers[i].status == 200;
    late += openers[i].status == 503;
    g_assert_true (openers[i].status == 200 || openers[i].status == 503
                   || openers[i].status == 403);
  }
  if (policy == HE_SESSIONS_REJECT_NEWEST)
    g_assert_cmpuint (opened, <=, 1);
  g_assert_true (opened >= 1 || late > 0);
  /* The other node hears of an eviction a moment later. */
  for (guint tries = 0; alive > 1; tries++) {
    alive = 0;
    for (guint i = 0; i < OPENERS; i++) {
      g_autofree char *code = openers[i].cookie != NULL
                                  ? media_code (&store, i % 2, openers[i].cookie)
                                  : NULL;

      alive += g_strcmp0 (code, "200") == 0;
    }
    g_assert_cmpuint (tries, <, TRIES);
  }
  g_assert_true (alive == 1 || late > 0);
  for (guint i = 0; i < OPENERS; i++)
    g_free (openers[i].cookie);
  g_test_message ("%u opened, %u alive", opened, alive);
}

/* How long an answer took, in ms. */
static double
ms_since (gint64 start)
{
  return (double)(g_get_monotonic_time () - start) / 1000;
}

static void
runner_stays_and_nobody_enters (Store *store, const char *runner, const char *how)
{
  gint64 start = g_get_monotonic_time (), second;

  g_free (open_until (store, 1, "newcomer", 503));
  g_test_message ("%s: the first refusal took %.1f ms", how, ms_since (start));
  second = g_get_monotonic_time ();
  for (guint i = 0; i < 20; i++) {
    g_autoptr (Reply) reply = open_at (store, i % 2, "newcomer");
    g_autofree char *code = reply_field (reply, "S-Uri-Signing");
    g_autofree char *later = reply_field (reply, "Retry-After");
    g_autofree char *media = media_code (store, i % 2, runner);

    g_assert_cmpuint (reply->status, ==, 503);
    g_assert_cmpstr (code, ==, "608");
    g_assert_cmpstr (later, ==, "1");
    g_assert_cmpstr (media, ==, "200");
  }
  g_test_message ("%s: a refusal and a playlist took %.1f ms", how,
                  ms_since (second) / 20);
}

static void
watch_until_in (Store *store, const char *runner, guint *turn, const char *how)
{
  gint64 start = g_get_monotonic_time ();

  for (guint tries = 0;; tries++) {
    g_autofree char *account = g_strdup_printf ("late%u", (*turn)++);
    g_autoptr (Reply) reply = open_at (store, tries % 2, account);
    g_autofree char *media = media_code (store, tries % 2, runner);

    g_assert_cmpstr (media, ==, "200");
    if (reply->status == 200)
      break;
    g_assert_cmpuint (tries, <, TRIES);
    g_usleep (10000);
  }
  g_test_message ("%s: somebody was in after %.0f ms", how, ms_since (start));
}

static void
redis_may_go_and_come_back (void)
{
  g_auto (Store) store;
  g_autofree char *runner = NULL;
  guint turn = 0;

  store_init (&store, HE_SESSIONS_EVICT_OLDEST);
  runner = open_until (&store, 0, "runner", 200);
  wait_code (&store, 1, runner, "200");
  pair_forget_log (store.pair);
  g_assert_cmpint (kill (store.pid, SIGSTOP), ==, 0);
  runner_stays_and_nobody_enters (&store, runner, "stopped");
  g_assert_cmpint (kill (store.pid, SIGCONT), ==, 0);
  watch_until_in (&store, runner, &turn, "continued");

  store_kill (&store);
  runner_stays_and_nobody_enters (&store, runner, "killed");
  store_start (&store, FALSE);
  watch_until_in (&store, runner, &turn, "restarted with its data");

  store_kill (&store);
  runner_stays_and_nobody_enters (&store, runner, "killed again");
  store_start (&store, TRUE);
  watch_until_in (&store, runner, &turn, "restarted without data");
  g_assert_true (pair_logged (store.pair, "Redis is away ("));
  g_assert_true (pair_logged (store.pair, "sessions are in Redis, unix:"));
}

/* No peers: by Redis alone, to a node that runs and to one that starts. */
static void
revocations_go_by_redis (void)
{
  g_auto (Store) store;
  g_autofree char *alice = NULL;
  g_autofree char *bob = NULL;
  g_autoptr (GBytes) body = g_bytes_new_static ("[{\"account\":\"alice\"}]", 21);
  g_autoptr (Reply) reply = NULL;
  g_autofree char *file = NULL;
  gint64 start;

  store_init (&store, HE_SESSIONS_EVICT_OLDEST);
  alice = open_until (&store, 0, "alice", 200);
  bob = open_until (&store, 0, "bob", 200);
  wait_code (&store, 1, alice, "200");
  start = g_get_monotonic_time ();
  reply = call_signed (store.pair, 0, "POST", "/control/revocations", NULL, body);
  g_assert_cmpuint (reply->status, ==, 200);
  wait_code (&store, 1, alice, "607");
  g_test_message ("the other node refused after %.1f ms", ms_since (start));
  wait_code (&store, 1, bob, "200");

  g_clear_pointer (&store.pair->origin[1], he_origin_free);
  file = g_build_filename (store.pair->folder, "b", "revocations.json", NULL);
  g_assert_cmpint (g_unlink (file), ==, 0);
  pair_start (store.pair, 1);
  wait_code (&store, 1, alice, "607");
}

static void
revoke_at (Store *store, guint i, const char *list)
{
  g_autoptr (GBytes) body = g_bytes_new (list, strlen (list));
  g_autoptr (Reply) reply
      = call_signed (store->pair, i, "POST", "/control/revocations", NULL, body);

  g_assert_cmpuint (reply->status, ==, 200);
}

static char *
revoked_at (Store *store, guint i)
{
  g_autoptr (Reply) reply
      = call_signed (store->pair, i, "GET", "/control/revocations", NULL, NULL);

  g_assert_cmpuint (reply->status, ==, 200);
  return reply_text (reply);
}

static void
wait_revoked (Store *store, guint i, const char *wanted)
{
  for (guint tries = 0;; tries++) {
    g_autofree char *text = revoked_at (store, i);

    if (g_str_equal (text, wanted))
      return;
    g_assert_cmpuint (tries, <, TRIES);
    g_usleep (10000);
  }
}

/* What is revoked again meanwhile, later, is what Redis keeps from then on. */
static void
revocations_outlast_an_outage (void)
{
  g_auto (Store) store;
  g_autofree char *file = NULL;
  g_autofree char *first = NULL;
  g_autofree char *wanted = NULL;

  store_init (&store, HE_SESSIONS_EVICT_OLDEST);
  wait_up (&store);
  revoke_at (&store, 0, "[{\"account\":\"alice\"}]");
  first = revoked_at (&store, 0);
  wait_revoked (&store, 1, first);
  store_kill (&store);
  revoke_at (&store, 0, "[{\"account\":\"alice\"}]");
  wanted = revoked_at (&store, 0);
  g_clear_pointer (&store.pair->origin[1], he_origin_free);
  file = g_build_filename (store.pair->folder, "b", "revocations.json", NULL);
  g_assert_cmpint (g_unlink (file), ==, 0);
  store_start (&store, FALSE);
  g_free (open_until (&store, 0, "carol", 200));
  pair_start (store.pair, 1);
  wait_revoked (&store, 1, wanted);
}

static void
tell (Store *store, const char *channel, const char *list)
{
  char *argv[] = { (char *)"redis-cli", (char *)"-s", store->socket, (char *)"publish",
                   (char *)channel,     (char *)list, NULL };
  g_autoptr (GError) error = NULL;

  g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
                NULL, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
}

/* Channels know no databases: another deployment's names are others. */
static void
other_databases_are_others (void)
{
  g_auto (Store) store;
  g_autofree char *alice = NULL;
  g_autofree char *bob = NULL;

  store_init (&store, HE_SESSIONS_EVICT_OLDEST);
  alice = open_until (&store, 0, "alice", 200);
  bob = open_until (&store, 0, "bob", 200);
  tell (&store, "headend:7:revoked", "[{\"account\":\"alice\"}]");
  tell (&store, "headend:revoked", "[{\"account\":\"alice\"}]");
  tell (&store, "headend:0:revoked", "[{\"account\":\"bob\"}]");
  wait_code (&store, 0, bob, "607");
  wait_code (&store, 0, alice, "200");
}

static gboolean
says (Store *store, const char *path, const char *text)
{
  g_autoptr (Reply) reply = get (store->pair->internal[0], path, NULL);
  g_autofree char *got = reply_text (reply);

  return strstr (got, text) != NULL;
}

static void
wait_says (Store *store, const char *path, const char *text, gboolean wanted)
{
  for (guint tries = 0; says (store, path, text) != wanted; tries++) {
    g_assert_cmpuint (tries, <, TRIES);
    g_usleep (10000);
  }
}

static void
is_said_when_it_was_never_there (void)
{
  g_auto (Store) store;

  store_prepare (&store, HE_SESSIONS_EVICT_OLDEST);
  pair_start (store.pair, 0);
  wait_says (&store, "/readyz", "Redis has not been reached yet", TRUE);
  wait_says (&store, "/status", "\"redis\":false", TRUE);
  for (guint tries = 0; !pair_logged (store.pair, "Redis is away (unix:"); tries++) {
    g_assert_cmpuint (tries, <, TRIES);
    g_usleep (10000);
  }
  store_start (&store, FALSE);
  wait_says (&store, "/readyz", "Redis", FALSE);
  wait_says (&store, "/metrics", "headend_redis_up 1\n", TRUE);
  store_kill (&store);
  wait_says (&store, "/metrics", "headend_redis_up 0\n", TRUE);
  g_assert_false (says (&store, "/readyz", "Redis"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  signal (SIGPIPE, SIG_IGN);
  d90 = 20 * 90000;
  g_test_add_func ("/redis/evicts", newer_session_evicts_on_the_other_node);
  g_test_add_func ("/redis/refresh", refresh_needs_no_second_place);
  g_test_add_func ("/redis/two-cookies", ended_session_hides_no_other);
  g_test_add_data_func ("/redis/race/reject", GINT_TO_POINTER (HE_SESSIONS_REJECT_NEWEST),
                        one_of_many_gets_the_slot);
  g_test_add_data_func ("/redis/race/evict", GINT_TO_POINTER (HE_SESSIONS_EVICT_OLDEST),
                        one_of_many_gets_the_slot);
  g_test_add_func ("/redis/away", redis_may_go_and_come_back);
  g_test_add_func ("/redis/revoked", revocations_go_by_redis);
  g_test_add_func ("/redis/revoked-away", revocations_outlast_an_outage);
  g_test_add_func ("/redis/databases", other_databases_are_others);
  g_test_add_func ("/redis/never", is_said_when_it_was_never_there);
  return g_test_run ();
}
