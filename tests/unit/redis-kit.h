/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

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
  /* Of a second server, in a folder of its own; or NULL and 0. */
  char *replica;
  GPid replica_pid;
} Store;

static inline void
die_with_us (gpointer data)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

/* redis-server with what every one of ours has, and more. */
static inline GPid
server_spawn (const char *folder, const char *const *more)
{
  static const char *const common[]
      = { "redis-server", "--appendonly", "yes", "--save", "", "--dir", NULL };
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) argv = NULL;
  g_autoptr (GError) error = NULL;
  GPid pid = 0;

  g_strv_builder_addv (builder, (const char **)common);
  g_strv_builder_add (builder, folder);
  g_strv_builder_addv (builder, (const char **)more);
  argv = g_strv_builder_end (builder);
  g_spawn_async (NULL, argv, NULL,
                 G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD
                     | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                 die_with_us, NULL, &pid, &error);
  g_assert_no_error (error);
  return pid;
}

static inline void
store_start (Store *store, gboolean empty)
{
  const char *more[] = { "--port", "0", "--unixsocket", store->socket, NULL };

  if (empty) {
    g_autofree char *files
        = g_build_filename (store->pair->folder, "appendonlydir", NULL);

    remove_tree (files);
  }
  g_unlink (store->socket);
  store->pid = server_spawn (store->pair->folder, more);
}

static inline void
end_server (GPid *pid)
{
  if (*pid == 0)
    return;
  kill (*pid, SIGKILL);
  waitpid (*pid, NULL, 0);
  *pid = 0;
}

static inline void
store_kill (Store *store)
{
  end_server (&store->pid);
}

static inline void
store_prepare_at (Store *store, HeSessionPolicy policy, const char *server)
{
  *store = (Store) { .pair = pair_prepare (policy) };
  store->socket = g_build_filename (store->pair->folder, "redis.sock", NULL);
  store->pair->redis = g_new0 (char *, 2);
  *store->pair->redis
      = server != NULL ? g_strdup (server) : g_strconcat ("unix:", store->socket, NULL);
}

static inline void
store_prepare (Store *store, HeSessionPolicy policy)
{
  store_prepare_at (store, policy, NULL);
}

static inline void
store_serve (Store *store)
{
  pair_start (store->pair, 0);
  pair_start (store->pair, 1);
  publish_window (store->pair);
}

static inline void
store_init (Store *store, HeSessionPolicy policy)
{
  store_prepare (store, policy);
  store_start (store, FALSE);
  store_serve (store);
}

static inline void
store_clear (Store *store)
{
  store_kill (store);
  end_server (&store->replica_pid);
  g_free (store->socket);
  g_free (store->replica);
  pair_free (store->pair);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Store, store_clear)

static inline Reply *
open_at (Store *store, guint i, const char *account)
{
  g_autofree char *token = mint (store->pair, account);

  return enter (store->pair, i, "127.0.0.1", token, "");
}

/* Enters with new tokens until the answer is this: "Cookie: …\r\n" of a good one. */
static inline char *
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

static inline char *
media_code (Store *store, guint i, const char *cookie)
{
  g_autoptr (Reply) reply
      = get (port_of (store->pair, i), "/live/demo/360p/index.m3u8", cookie);
  char *code = reply_field (reply, "S-Uri-Signing");

  return code != NULL ? code : g_strdup_printf ("%u", reply->status);
}

static inline void
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

/* Each time another account: what was answered too late holds its slot. */
static inline void
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

static inline void
revoke_at (Store *store, guint i, const char *list)
{
  g_autoptr (GBytes) body = g_bytes_new (list, strlen (list));
  g_autoptr (Reply) reply
      = call_signed (store->pair, i, "POST", "/control/revocations", NULL, body);

  g_assert_cmpuint (reply->status, ==, 200);
}

/* How long an answer took, in ms. */
static inline double
ms_since (gint64 start)
{
  return (double)(g_get_monotonic_time () - start) / 1000;
}

/* Until the origins have logged this. */
static inline void
wait_logged (Store *store, const char *text)
{
  for (guint tries = 0; !pair_logged (store->pair, text); tries++) {
    if (tries == TRIES)
      g_error ("no \"%s\" in: %s", text, store->pair->log->str);
    g_usleep (10000);
  }
}

static inline void
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
