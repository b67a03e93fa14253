/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "redis-kit.h"

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

/* A node that has heard of no session finds there what an expired token opened, and opens
 * nothing by one. */
static void
expired_token_goes_on_elsewhere (void)
{
  g_auto (Store) store;
  g_autofree char *fields = NULL;
  g_autofree char *never = NULL;
  g_autofree char *code = NULL;
  gint64 minted;

  store_init (&store, HE_SESSIONS_EVICT_OLDEST);
  wait_up (&store);
  for (guint tries = 0; g_strcmp0 (code, "200") != 0; tries++) {
    g_autofree char *token = mint_for (store.pair, "alice", 2);

    g_free (fields);
    g_free (code);
    fields = g_strdup_printf ("Authorization: Bearer %s\r\n", token);
    code = media_code (&store, 0, fields);
    g_assert_cmpuint (tries, <, TRIES);
  }
  {
    g_autofree char *token = mint_for (store.pair, "bob", 1);

    never = g_strdup_printf ("Authorization: Bearer %s\r\n", token);
    minted = g_get_real_time () / G_USEC_PER_SEC;
  }
  while (g_get_real_time () / G_USEC_PER_SEC <= minted + 2)
    g_usleep (50000);
  wait_code (&store, 1, fields, "200");
  wait_code (&store, 1, never, "404");
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

#define MOVERS 30

typedef struct {
  Store *store;
  guint number;
  char *code; /* or NULL */
} Mover;

static gpointer
move_once (gpointer data)
{
  Mover *mover = data;
  g_autofree char *token = mint (mover->store->pair, "alice");
  g_autofree char *from = g_strdup_printf ("127.0.0.%u", 10 + mover->number);
  g_autoptr (Reply) reply
      = enter (mover->store->pair, mover->number % 2, from, token, "");

  mover->code = reply_field (reply, "S-Uri-Signing");
  return NULL;
}

/* From as many addresses at once, at both nodes. */
static void
moves_are_bounded (void)
{
  g_auto (Store) store;
  Mover movers[MOVERS];
  GThread *threads[MOVERS];
  guint refused = 0, late = 0;

  store_init (&store, HE_SESSIONS_EVICT_OLDEST);
  wait_up (&store);
  for (guint i = 0; i < MOVERS; i++) {
    movers[i] = (Mover) { &store, i, NULL };
    threads[i] = g_thread_new ("mover", move_once, &movers[i]);
  }
  for (guint i = 0; i < MOVERS; i++) {
    g_thread_join (threads[i]);
    refused += g_strcmp0 (movers[i].code, "605") == 0;
    late += g_strcmp0 (movers[i].code, "608") == 0;
    g_free (movers[i].code);
  }
  g_test_message ("%u refused, %u too late", refused, late);
  g_assert_cmpuint (refused + late, >=, MOVERS - 13);
  g_assert_cmpuint (refused, <=, MOVERS - 13);
}

/* An edge is told what a viewer would be, so that it asks another node, and then has the
 * player come again. */
static void
edges_are_told (Store *store)
{
  g_autofree char *token = mint (store->pair, "newcomer");
  g_autofree char *fields
      = g_strdup_printf ("Authorization: Bearer %s\r\nX-Original-URI: "
                         "/live/demo/360p/index.m3u8\r\n", token);
  g_autoptr (Reply) reply = get (store->pair->internal[0], "/auth", fields);
  g_autofree char *code = reply_field (reply, "S-Uri-Signing");

  g_assert_cmpuint (reply->status, ==, 503);
  g_assert_cmpstr (code, ==, "608");
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
  edges_are_told (store);
  g_test_message ("%s: a refusal and a playlist took %.1f ms", how,
                  ms_since (second) / 20);
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
  g_assert_true (pair_logged (store.pair, "no answer in time"));

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

static gboolean
says (Store *store, guint i, const char *path, const char *text)
{
  g_autoptr (Reply) reply = get (store->pair->internal[i], path, NULL);
  g_autofree char *got = reply_text (reply);

  return strstr (got, text) != NULL;
}

static void
wait_says (Store *store, guint i, const char *path, const char *text, gboolean wanted)
{
  for (guint tries = 0; says (store, i, path, text) != wanted; tries++) {
    g_assert_cmpuint (tries, <, TRIES);
    g_usleep (10000);
  }
}

static void
configure (Store *store, const char *name, const char *value)
{
  char *argv[] = { (char *)"redis-cli", (char *)"-s", store->socket, (char *)"config",
                   (char *)"set",       (char *)name, (char *)value, NULL };
  g_autofree char *said = NULL;
  g_autoptr (GError) error = NULL;

  g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &said, NULL, NULL,
                &error);
  g_assert_no_error (error);
  g_assert_cmpstr (said, ==, "OK\n");
}

static guint
times_logged (Store *store, const char *text)
{
  guint times = 0;

  g_mutex_lock (&store->pair->lock);
  for (const char *at = store->pair->log->str; (at = strstr (at, text));
       at += strlen (text))
    times++;
  g_mutex_unlock (&store->pair->lock);
  return times;
}

/* One that is there and takes nothing, be it full or short of replicas, is away: also for
 * a node with nobody to keep, which says so once and not with each that comes. */
static void
redis_may_take_nothing (void)
{
  static const struct {
    const char *name, *value, *back, *why;
  } tries[] = {
    { "maxmemory", "1", "0", "OOM command not allowed" },
    { "min-replicas-to-write", "1", "0", "NOREPLICAS Not enough good replicas" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (tries); i++) {
    g_auto (Store) store;
    g_autofree char *runner = NULL;
    g_autoptr (Reply) at_once = NULL;
    guint turn = 0;

    store_init (&store, HE_SESSIONS_EVICT_OLDEST);
    wait_up (&store);
    configure (&store, tries[i].name, tries[i].value);
    wait_logged (&store, tries[i].why);
    for (guint j = 0; j < 2; j++)
      wait_says (&store, j, "/metrics", "headend_redis_up 0\n", TRUE);
    for (guint j = 0; j < 100; j++)
      g_free (open_until (&store, j % 2, "newcomer", 503));
    g_assert_cmpuint (times_logged (&store, tries[i].why), ==, 2);
    configure (&store, tries[i].name, tries[i].back);
    runner = open_until (&store, 0, "runner", 200);
    wait_code (&store, 1, runner, "200");
    configure (&store, tries[i].name, tries[i].value);
    at_once = open_at (&store, 0, "another");
    g_assert_cmpuint (at_once->status, ==, 503);
    runner_stays_and_nobody_enters (&store, runner, tries[i].why);
    configure (&store, tries[i].name, tries[i].back);
    watch_until_in (&store, runner, &turn, "taking again");
  }
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
tell (Store *store, ...)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  char *word = (char *)"redis-cli";
  va_list words;

  va_start (words, store);
  for (; word != NULL; word = va_arg (words, char *)) {
    g_ptr_array_add (argv, word);
    if (argv->len == 1) {
      g_ptr_array_add (argv, (char *)"-s");
      g_ptr_array_add (argv, store->socket);
    }
  }
  va_end (words);
  g_ptr_array_add (argv, NULL);
  g_spawn_sync (NULL, (char **)argv->pdata, NULL,
                G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL,
                NULL, &error);
  g_assert_no_error (error);
}

/* What stands under an account's name and is not ours keeps that account out, or is put
 * right; nobody else notices. */
static void
odd_entries_concern_one_account (void)
{
  g_auto (Store) store;
  g_autofree char *in = NULL;

  store_init (&store, HE_SESSIONS_EVICT_OLDEST);
  wait_up (&store);
  tell (&store, "set", "headend:account:text", "x", NULL);
  tell (&store, "hset", "headend:account:fields", "x", "y", NULL);
  for (guint i = 0; i < 4; i++)
    g_free (open_until (&store, i % 2, "text", 503));
  in = open_until (&store, 1, "fields", 200);
  wait_code (&store, 0, in, "200");
  g_assert_false (pair_logged (store.pair, "WRONGTYPE"));
  g_assert_false (pair_logged (store.pair, "ERR "));
  tell (&store, "del", "headend:account:text", NULL);
  g_free (open_until (&store, 1, "text", 200));
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
  tell (&store, "publish", "headend:7:revoked", "[{\"account\":\"alice\"}]", NULL);
  tell (&store, "publish", "headend:revoked", "[{\"account\":\"alice\"}]", NULL);
  tell (&store, "publish", "headend:0:revoked", "[{\"account\":\"bob\"}]", NULL);
  wait_code (&store, 0, bob, "607");
  wait_code (&store, 0, alice, "200");
}

static void
is_said_when_it_was_never_there (void)
{
  g_auto (Store) store;

  store_prepare (&store, HE_SESSIONS_EVICT_OLDEST);
  pair_start (store.pair, 0);
  wait_says (&store, 0, "/readyz", "Redis has not been reached yet", TRUE);
  wait_says (&store, 0, "/status", "\"redis\":false", TRUE);
  for (guint tries = 0; !pair_logged (store.pair, "Redis is away (unix:"); tries++) {
    g_assert_cmpuint (tries, <, TRIES);
    g_usleep (10000);
  }
  store_start (&store, FALSE);
  wait_says (&store, 0, "/readyz", "Redis", FALSE);
  wait_says (&store, 0, "/metrics", "headend_redis_up 1\n", TRUE);
  store_kill (&store);
  wait_says (&store, 0, "/metrics", "headend_redis_up 0\n", TRUE);
  g_assert_false (says (&store, 0, "/readyz", "Redis"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  signal (SIGPIPE, SIG_IGN);
  d90 = 20 * 90000;
  g_test_add_func ("/redis/evicts", newer_session_evicts_on_the_other_node);
  g_test_add_func ("/redis/expired-token", expired_token_goes_on_elsewhere);
  g_test_add_func ("/redis/refresh", refresh_needs_no_second_place);
  g_test_add_func ("/redis/two-cookies", ended_session_hides_no_other);
  g_test_add_data_func ("/redis/race/reject", GINT_TO_POINTER (HE_SESSIONS_REJECT_NEWEST),
                        one_of_many_gets_the_slot);
  g_test_add_data_func ("/redis/race/evict", GINT_TO_POINTER (HE_SESSIONS_EVICT_OLDEST),
                        one_of_many_gets_the_slot);
  g_test_add_func ("/redis/moves", moves_are_bounded);
  g_test_add_func ("/redis/away", redis_may_go_and_come_back);
  g_test_add_func ("/redis/takes-nothing", redis_may_take_nothing);
  g_test_add_func ("/redis/revoked", revocations_go_by_redis);
  g_test_add_func ("/redis/revoked-away", revocations_outlast_an_outage);
  g_test_add_func ("/redis/odd-entries", odd_entries_concern_one_account);
  g_test_add_func ("/redis/databases", other_databases_are_others);
  g_test_add_func ("/redis/never", is_said_when_it_was_never_there);
  return g_test_run ();
}
