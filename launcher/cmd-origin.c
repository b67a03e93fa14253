/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>
#include "he-origin.h"
#include "job.h"
#include "log.h"
#include "plan.h"

/* Besides what viewers and edges hold: peers, 16 connections each, files, Redis. */
#define OTHER_DESCRIPTORS 2048
#define ALIVE_SECONDS 1

static void
on_log (const char *line, gpointer user_data)
{
  headend_log ("%s", line);
}

static gboolean
on_signal (gpointer user_data)
{
  g_main_loop_quit (user_data);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_alive (gpointer user_data)
{
  g_print ("{\"event\":\"alive\"}\n");
  fflush (stdout);
  return G_SOURCE_CONTINUE;
}

/* A connection is a descriptor, and the usual limit of 1024 is less than what the
 * listeners admit: it would be reached first, and then no file opens any more either. */
static void
raise_descriptor_limit (const HeadendNode *node)
{
  const rlim_t listeners = 1 + (node->internal != NULL) + (node->gate != NULL);
  const rlim_t enough = listeners * HE_ORIGIN_CONNECTIONS + OTHER_DESCRIPTORS;
  struct rlimit limit;
  if (getrlimit (RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= enough)
    return;
  limit.rlim_cur = MIN (limit.rlim_max, enough);
  if (setrlimit (RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < enough)
    headend_log ("only %lu files may be open here, so fewer connections fit than the "
                 "listeners admit; raise the hard limit (ulimit -Hn) to %lu",
                 (unsigned long)limit.rlim_cur, (unsigned long)enough);
}

/* Addresses and names of the other nodes, in the same order. */
static char **
peers_of (const HeadendJob *job, gboolean names)
{
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  for (guint i = 0; i < job->model->nodes->len; i++) {
    const HeadendNode *node = job->model->nodes->pdata[i];
    if (node != job->node)
      g_strv_builder_add (list, names ? node->name : node->internal);
  }
  return g_strv_builder_end (list);
}

static HeOrigin *
origin_of (const HeadendJob *job, GError **error)
{
  const HeadendModel *model = job->model;
  g_auto (GStrv) peers = peers_of (job, FALSE);
  g_auto (GStrv) names = peers_of (job, TRUE);
  g_autoptr (HeSecret) login = NULL;
  g_autoptr (HeSecret) renewal_login = NULL;
  if (model->sessions.redis_credentials
      && !(login = he_secret_login_from_file (model->sessions.redis_credentials,
                                              "the login of Redis", error)))
    return NULL;
  if (model->gate.renewal_credentials
      && !(renewal_login = he_secret_login_from_file (
               model->gate.renewal_credentials, "the login of the authorizer", error)))
    return NULL;
  const HeOriginConfig config = {
    .node = job->node->name,
    .listen = job->node->listen,
    .internal = job->node->internal,
    .gate = job->node->gate,
    .peers = (const char *const *)peers,
    .peer_nodes = (const char *const *)names,
    .state_dir = job->node->state,
    .jwks_path = model->tokens.keys,
    .issue_key = model->tokens.issuing_key,
    .algorithms = model->tokens.algorithms,
    .issuer = model->tokens.issuer,
    .audience = model->tokens.audience,
    .content = job->secrets[HE_PURPOSE_CONTENT],
    .codeword = job->secrets[HE_PURPOSE_CODEWORD],
    .credential = job->secrets[HE_PURPOSE_CREDENTIAL],
    .publish = job->secrets[HE_PURPOSE_PUBLISH],
    .policy = model->sessions.reject_newest ? HE_SESSIONS_REJECT_NEWEST
                                            : HE_SESSIONS_EVICT_OLDEST,
    .per_account = model->sessions.per_account,
    .lease_seconds = model->sessions.lease,
    .session_seconds = model->sessions.length,
    .allowed_origins = (const char *const *)model->gate.allowed_origins,
    .trusted_proxies = (const char *const *)model->edge.trusted,
    .alarms = { model->gate.alarm_addresses, model->gate.alarm_fetches },
    .renewal_uri = model->gate.renewal_uri,
    .renewal_login = renewal_login,
    .renewal_timeout_ms = model->gate.renewal_timeout,
    .renewal_ends = model->gate.renewal_ends,
    .log = on_log,
    .redis = (const char *const *)model->sessions.redis,
    .redis_master = model->sessions.redis_master,
    .redis_login = login,
    .redis_authorities = model->sessions.redis_authorities,
    .redis_certificate = model->sessions.redis_certificate,
  };
  g_autoptr (HeOrigin) origin = he_origin_new (&config, error);
  if (!origin)
    return NULL;
  for (guint i = 0; i < model->channels->len; i++) {
    g_autoptr (HeChannel) channel = headend_plan_channel (model->channels->pdata[i]);
    if (!he_origin_add_channel (origin, channel, error))
      return NULL;
  }
  return he_origin_start (origin, error) ? g_steal_pointer (&origin) : NULL;
}

int
headend_cmd_origin (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  headend_log_init (NULL, "origin");
  g_autoptr (HeadendJob) job = headend_job_read (STDIN_FILENO, &error);
  if (!job) {
    headend_log ("%s", error->message);
    return 1;
  }
  headend_log_init (job->node->name, "origin");
  raise_descriptor_limit (job->node);
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_unix_signal_add (SIGTERM, on_signal, loop);
  signal (SIGINT, SIG_IGN);  /* of a terminal: the supervisor decides */
  signal (SIGPIPE, SIG_IGN); /* sendfile() to who has gone has no flag against it */
  g_autoptr (HeOrigin) origin = origin_of (job, &error);
  if (!origin) {
    headend_log ("%s", error->message);
    return 1;
  }
  headend_log ("serves viewers on %s, nodes and edges on %s", job->node->listen,
               job->node->internal);
  g_print ("{\"event\":\"ready\",\"port\":%u,\"internal\":%u}\n", he_origin_port (origin),
           he_origin_internal_port (origin));
  fflush (stdout);
  g_timeout_add_seconds (ALIVE_SECONDS, on_alive, NULL);
  g_main_loop_run (loop);
  return 0;
}
