/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-redis.h"
#include "redis-kit.h"

/* Servers that are reached by TCP, that ask for a login, and that fail over. */

static gboolean
is_listening (guint port)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection
      = g_socket_client_connect_to_host (client, "127.0.0.1", (guint16)port, NULL, NULL);

  return connection != NULL;
}

/* By TCP, as a user of its own. The first server says that the password is wrong, and is
 * quoted without it. */
static void
a_login_is_shown_by_tcp (void)
{
  guint port = free_port ();
  g_autofree char *text = g_strdup_printf ("%u", port);
  g_autofree char *server = g_strdup_printf ("redis://127.0.0.1:%u/3", port);
  g_autofree char *cookie = NULL;
  g_auto (Store) store;
  const char *more[] = { "--port", text,   "--bind",    "127.0.0.1",      "--user",
                         "headend", "on", ">right-word", "~headend:*", "&headend:*",
                         "+@all",  "--user", "default",   "off", NULL };

  store_prepare_at (&store, HE_SESSIONS_EVICT_OLDEST, server);
  store.pid = server_spawn (store.pair->folder, more);
  for (guint tries = 0; !is_listening (port); tries++) {
    g_assert_cmpuint (tries, <, TRIES);
    g_usleep (10000);
  }
  store.pair->redis_login = he_secret_new ((const guint8 *)"headend:wrong-word", 18);
  pair_start (store.pair, 0);
  wait_logged (&store, "WRONGPASS");
  g_free (open_until (&store, 0, "alice", 503));
  g_assert_false (pair_logged (store.pair, "wrong-word"));
  g_clear_pointer (&store.pair->origin[0], he_origin_free);
  he_secret_unref (store.pair->redis_login);
  store.pair->redis_login = he_secret_new ((const guint8 *)"headend:right-word", 18);
  store_serve (&store);
  cookie = open_until (&store, 0, "alice", 200);
  wait_code (&store, 1, cookie, "200");
  g_assert_false (pair_logged (store.pair, "right-word"));
}

/* Says something to a server; what it answers. */
static char *
say (const char *socket, const char *a, const char *b, const char *c)
{
  char *argv[] = { (char *)"redis-cli", (char *)"-s", (char *)socket, (char *)a,
                   (char *)b,           (char *)c,    NULL };
  g_autoptr (GError) error = NULL;
  char *out = NULL;

  g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                NULL, &out, NULL, NULL, &error);
  g_assert_no_error (error);
  return out;
}

static void
wait_said (const char *socket, const char *a, const char *b, const char *c,
           const char *wanted)
{
  for (guint tries = 0;; tries++) {
    g_autofree char *out = say (socket, a, b, c);

    if (strstr (out, wanted) != NULL)
      return;
    g_assert_cmpuint (tries, <, TRIES);
    g_usleep (10000);
  }
}

static void
point (const char *address, const char *at)
{
  g_autofree char *next = g_strconcat (address, ".next", NULL);

  g_assert_cmpint (symlink (at, next), ==, 0);
  g_assert_cmpint (g_rename (next, address), ==, 0);
}

/* A primary at a TCP port, and a replica at another, or none, that follows it. */
static void
start_two (Store *store, const char *port, const char *replica_port, char **ret_primary)
{
  g_autofree char *follows = g_strconcat ("127.0.0.1 ", port, NULL);
  g_autofree char *folder = g_build_filename (store->pair->folder, "replica", NULL);
  char *primary = g_build_filename (store->pair->folder, "primary.sock", NULL);
  const char *first[] = { "--port",   port,
                          "--bind",   "127.0.0.1",
                          "--repl-diskless-sync-delay", "0",
                          "--unixsocket", primary, NULL };
  const char *second[6 + 1] = { "--port", replica_port, "--bind", "127.0.0.1",
                                "--unixsocket", NULL, NULL };

  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  store->replica = g_build_filename (store->pair->folder, "replica.sock", NULL);
  second[5] = store->replica;
  store->pid = server_spawn (store->pair->folder, first);
  store->replica_pid = server_spawn (folder, second);
  wait_said (primary, "PING", NULL, NULL, "PONG");
  wait_said (store->replica, "REPLICAOF", "127.0.0.1", port, "OK");
  wait_said (store->replica, "INFO", "replication", NULL, "master_link_status:up");
  *ret_primary = primary;
}

/* Given who watches, when the primary dies and its replica takes its address over, then he
 * goes on and holds his place, and others may come in. Before it is promoted, the replica
 * gives nothing. */
static void
a_replica_takes_over (void)
{
  g_auto (Store) store;
  g_autofree char *primary = NULL;
  g_autofree char *runner = NULL;
  g_autofree char *port = g_strdup_printf ("%u", free_port ());
  guint turn = 0;

  store_prepare (&store, HE_SESSIONS_REJECT_NEWEST);
  start_two (&store, port, "0", &primary);
  point (store.socket, primary);
  store_serve (&store);
  runner = open_until (&store, 0, "runner", 200);
  wait_code (&store, 1, runner, "200");
  store_kill (&store);
  pair_forget_log (store.pair);
  point (store.socket, store.replica);
  for (guint tries = 0; !pair_logged (store.pair, "it is a replica"); tries++) {
    g_autofree char *media = media_code (&store, tries % 2, runner);

    g_assert_cmpstr (media, ==, "200");
    g_assert_cmpuint (tries, <, TRIES);
    g_usleep (10000);
  }
  g_free (open_until (&store, 0, "newcomer", 503));
  wait_said (store.replica, "REPLICAOF", "NO", "ONE", "OK");
  watch_until_in (&store, runner, &turn, "a replica took over");
  g_free (open_until (&store, 1, "runner", 403));
  wait_code (&store, 0, runner, "200");
}

/* What the server at a socket answers. */
static char *
ask (const char *socket, const char *kind, const char *const *words)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) argv = NULL;
  g_autoptr (GError) error = NULL;
  char *out = NULL;

  g_strv_builder_add_many (builder, "redis-cli", "-s", socket, kind, NULL);
  g_strv_builder_addv (builder, (const char **)words);
  argv = g_strv_builder_end (builder);
  g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL, NULL,
                &error);
  g_assert_no_error (error);
  return out;
}

static void
tell (const char *socket, const char *kind, const char *const *words)
{
  g_autofree char *out = ask (socket, kind, words);

  g_assert_cmpstr (out, ==, "OK\n");
}

/* A Sentinel at a TCP port, and at a socket for us. Its own timers decide nothing here, as
 * it does not trust them on a busy machine. */
static GPid
sentinel_spawn (const char *folder, guint port, const char *socket)
{
  g_autofree char *file = g_build_filename (folder, "sentinel.conf", NULL);
  g_autofree char *text = g_strdup_printf ("port %u\nbind 127.0.0.1\nunixsocket %s\ndir %s\n",
                                           port, socket, folder);
  char *argv[] = { (char *)"redis-server", file, (char *)"--sentinel", NULL };
  g_autoptr (GError) error = NULL;
  GPid pid = 0;

  g_file_set_contents (file, text, -1, &error);
  g_assert_no_error (error);
  g_spawn_async (NULL, argv, NULL,
                 G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD
                     | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                 die_with_us, NULL, &pid, &error);
  g_assert_no_error (error);
  wait_said (socket, "PING", NULL, NULL, "PONG");
  return pid;
}

/* Given a Sentinel that knows no such master, then nobody comes in; once it does, they do;
 * and when the master dies and it names another, who watched goes on and holds his place. */
static void
a_sentinel_is_asked_again (void)
{
  guint port = free_port ();
  g_autofree char *first = g_strdup_printf ("%u", free_port ());
  g_autofree char *second = g_strdup_printf ("%u", free_port ());
  g_autofree char *address = g_strdup_printf ("redis://127.0.0.1:%u/2", port);
  const char *monitor[] = { "MONITOR", "slots", "127.0.0.1", first, "1", NULL };
  const char *next[] = { "MONITOR", "slots", "127.0.0.1", second, "1", NULL };
  const char *remove[] = { "REMOVE", "slots", NULL };
  g_autofree char *primary = NULL;
  g_autofree char *socket = NULL;
  g_autofree char *runner = NULL;
  g_auto (Store) store;
  guint turn = 0;
  GPid sentinel;

  store_prepare_at (&store, HE_SESSIONS_REJECT_NEWEST, address);
  store.pair->redis_master = "slots";
  start_two (&store, first, second, &primary);
  socket = g_build_filename (store.pair->folder, "sentinel.sock", NULL);
  sentinel = sentinel_spawn (store.pair->folder, port, socket);
  store_serve (&store);
  wait_logged (&store, "this Sentinel knows no master slots");
  g_free (open_until (&store, 0, "runner", 503));
  tell (socket, "SENTINEL", monitor);
  runner = open_until (&store, 0, "runner", 200);
  wait_code (&store, 1, runner, "200");
  store_kill (&store);
  wait_said (store.replica, "REPLICAOF", "NO", "ONE", "OK");
  g_free (open_until (&store, 0, "newcomer", 503));
  tell (socket, "SENTINEL", remove);
  tell (socket, "SENTINEL", next);
  watch_until_in (&store, runner, &turn, "a Sentinel named another master");
  g_free (open_until (&store, 1, "runner", 403));
  wait_code (&store, 0, runner, "200");
  end_server (&sentinel);
}

/* The rules that README has for a user: "on", ">PASSWORD" and so on. */
static char **
read_rules (void)
{
  static const char start[] = "ACL SETUSER headend ";
  g_autofree char *file = g_build_filename (g_getenv ("SRCDIR"), "README.md", NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  char *line;

  g_file_get_contents (file, &text, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (line = strstr (text, start));
  line[strcspn (line, "\n")] = '\0';
  g_assert_true (g_str_has_suffix (line, HE_REDIS_RULES));
  return g_strsplit (line + strlen (start), " ", -1);
}

static void
change_rule (Store *store, const char *rule, char sign)
{
  g_autofree char *changed = g_strdup_printf ("%c%s", sign, rule + 1);
  const char *words[] = { "SETUSER", "headend", changed, NULL };
  static const char *const kill_all[] = { "KILL", "TYPE", "normal", NULL };

  tell (store->socket, "ACL", words);
  g_free (ask (store->socket, "CLIENT", kill_all));
}

/* Given a user with the rules that README has, then slots and revocations work; without any
 * of the commands among them the log names it, and what the user needs. */
static void
a_user_needs_what_is_said (void)
{
  g_auto (GStrv) rules = read_rules ();
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) words = NULL;
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  g_auto (Store) store;
  guint turn = 0;

  store_prepare (&store, HE_SESSIONS_EVICT_OLDEST);
  store_start (&store, FALSE);
  wait_said (store.socket, "PING", NULL, NULL, "PONG");
  g_strv_builder_add_many (builder, "SETUSER", "headend", NULL);
  g_strv_builder_addv (builder, (const char **)rules);
  words = g_strv_builder_end (builder);
  tell (store.socket, "ACL", (const char *const *)words);
  store.pair->redis_login = he_secret_new ((const guint8 *)"headend:PASSWORD", 16);
  store_serve (&store);
  wait_up (&store);
  first = open_until (&store, 0, "alice", 200);
  second = open_until (&store, 1, "alice", 200);
  wait_code (&store, 0, first, "604");
  revoke_at (&store, 0, "[{\"account\":\"alice\"}]");
  wait_code (&store, 1, second, "607");
  g_assert_false (pair_logged (store.pair, "ACL"));
  g_free (first);
  first = open_until (&store, 0, "runner", 200);
  wait_code (&store, 1, first, "200");
  for (guint i = 0; rules[i] != NULL; i++) {
    g_autofree char *named = g_strdup_printf ("the '%s' command", rules[i] + 1);

    if (*rules[i] != '+')
      continue;
    change_rule (&store, rules[i], '-');
    wait_logged (&store, named);
    wait_logged (&store, "its user needs the ACL rules " HE_REDIS_RULES);
    change_rule (&store, rules[i], '+');
    watch_until_in (&store, first, &turn, named);
    pair_forget_log (store.pair);
  }
}

/* The same rule as in memory: who shares an account by moving it about is stopped. */
static void
moving_is_bounded (void)
{
  g_auto (Store) store;
  guint opened = 0;

  store_init (&store, HE_SESSIONS_EVICT_OLDEST);
  wait_up (&store);
  for (guint i = 0;; i++) {
    g_autofree char *token = mint (store.pair, "alice");
    g_autofree char *from = g_strdup_printf ("127.0.0.%u", 2 + i % 5);
    g_autoptr (Reply) reply = enter (store.pair, i % 2, from, token, "");

    opened += reply->status == 200;
    if (reply->status == 403) {
      assert_denied (reply, 403, "605");
      break;
    }
    g_assert_cmpuint (i, <, TRIES);
  }
  /* A late answer may have counted. */
  g_assert_cmpuint (opened, <=, 13);
  g_assert_cmpuint (opened, >, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  signal (SIGPIPE, SIG_IGN);
  d90 = 20 * 90000;
  g_test_add_func ("/redis-servers/tcp-login", a_login_is_shown_by_tcp);
  g_test_add_func ("/redis-servers/failed-over", a_replica_takes_over);
  g_test_add_func ("/redis-servers/sentinel", a_sentinel_is_asked_again);
  g_test_add_func ("/redis-servers/rules", a_user_needs_what_is_said);
  g_test_add_func ("/redis-servers/moving", moving_is_bounded);
  return g_test_run ();
}
