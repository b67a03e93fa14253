/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include <string.h>

#include "he-authorizer.h"
#include "he-epoch.h"
#include "he-error.h"

#define MAX_STORE_BYTES (G_GUINT64_CONSTANT (2) * 1024 * 1024 * 1024)
#define MAX_SESSIONS 100000
#define TICK_SECONDS 2
#define ANCHOR_SECONDS 5
#define HEAD_SECONDS 10
#define MAX_THREADS 8

static gboolean
check_config (const HeOriginConfig *config, GError **error)
{
  if (config->node == NULL || config->listen == NULL || config->jwks_path == NULL
      || config->codeword == NULL || config->credential == NULL
      || (config->internal != NULL && config->publish == NULL)) {
    g_set_error_literal (
        error, HE_ERROR, HE_ERROR_INVALID,
        "an origin needs a node, an address to listen on, token keys, the "
        "codeword and credential keys, and with an internal listener the "
        "publishing key");
    return FALSE;
  }
  if (config->peers != NULL
      && (config->peer_nodes == NULL
          || g_strv_length ((char **)config->peers)
                 != g_strv_length ((char **)config->peer_nodes))) {
    g_set_error_literal (error, HE_ERROR, HE_ERROR_INVALID,
                         "each peer of an origin needs the name of its node");
    return FALSE;
  }
  return (config->redis == NULL || he_redis_check (error))
         && (config->renewal_uri == NULL
             || he_authorizer_check (config->renewal_uri, error))
         && he_peers_check (config->peers, error);
}

static HeSecret *
ref_secret (HeSecret *secret)
{
  return secret != NULL ? he_secret_ref (secret) : NULL;
}

/* Whose copies are compared, and waited for. */
static void
expect_peers (HeOrigin *origin)
{
  if (origin->peer_addresses == NULL || *origin->peer_addresses == NULL)
    return;
  he_store_set_patient (origin->store);
  he_store_expect (origin->store, origin->node);
  for (guint i = 0; origin->peer_nodes[i] != NULL; i++)
    he_store_expect (origin->store, origin->peer_nodes[i]);
}

static void
say_passed_over (HeOrigin *origin)
{
  const char *why = he_token_keys_passed_over (origin->keys);

  if (why != NULL)
    he_log_state (origin->log, "a token key is passed over: %s: %s", origin->jwks_path,
                  why);
}

HeOrigin *
he_origin_new (const HeOriginConfig *config, GError **error)
{
  g_autoptr (HeTokenKeys) keys = NULL;
  g_autoptr (HeAnchors) anchors = NULL;
  HeOrigin *origin;

  if (!check_config (config, error)
      || (keys = he_token_keys_load (
              config->jwks_path, config->algorithms ? config->algorithms : HE_TOKEN_ES256,
              error))
             == NULL
      || (anchors = he_anchors_new (config->state_dir, error)) == NULL)
    return NULL;
  origin = g_new0 (HeOrigin, 1);
  g_mutex_init (&origin->lock);
  origin->node = g_strdup (config->node);
  origin->listen = g_strdup (config->listen);
  origin->internal = g_strdup (config->internal);
  if (config->gate != NULL)
    origin->gate_socket = g_strconcat ("unix:", config->gate, NULL);
  origin->jwks_path = g_strdup (config->jwks_path);
  origin->issue_key = g_strdup (config->issue_key);
  origin->issuer = g_strdup (config->issuer);
  origin->audience = g_strdup (config->audience);
  origin->peer_addresses = g_strdupv ((char **)config->peers);
  origin->peer_nodes = g_strdupv ((char **)config->peer_nodes);
  origin->trusted = g_strdupv ((char **)config->trusted_proxies);
  origin->allowed_origins = g_strdupv ((char **)config->allowed_origins);
  origin->content = ref_secret (config->content);
  origin->codeword = ref_secret (config->codeword);
  origin->credential = ref_secret (config->credential);
  origin->publish = ref_secret (config->publish);
  origin->tickets = config->publish != NULL ? he_tickets_new (config->publish) : NULL;
  origin->policy = config->policy;
  origin->renewer = he_renew_new (origin, config);
  origin->alarms = he_alarms_new (&config->alarms);
  origin->per_account = config->per_account;
  origin->lease_seconds = config->lease_seconds;
  origin->session_seconds = config->session_seconds;
  origin->keys = g_steal_pointer (&keys);
  origin->anchors = g_steal_pointer (&anchors);
  origin->clips = he_clips_new ();
  origin->inputs = he_inputs_new ();
  origin->store = he_store_new (MAX_STORE_BYTES);
  expect_peers (origin);
  origin->metrics = he_metrics_new ();
  origin->log = he_log_new (config->log, config->log_data);
  say_passed_over (origin);
  origin->playlists = he_playlists_new ();
  origin->channels = g_ptr_array_new_with_free_func ((GDestroyNotify)he_channel_unref);
  if (!he_shared_prepare (origin, config, error)
      || !he_revoke_load (origin, config->state_dir, error)) {
    he_origin_free (origin);
    return NULL;
  }
  if (config->state_dir != NULL) {
    g_autofree char *folder = g_build_filename (config->state_dir, "ledger", NULL);

    origin->ledger = he_ledger_new (folder, NULL, origin->log, error);
    if (origin->ledger == NULL) {
      he_origin_free (origin);
      return NULL;
    }
  }
  return origin;
}

void
he_origin_free (HeOrigin *origin)
{
  if (origin == NULL)
    return;
  he_origin_stop (origin);
  he_gate_free (origin->gate);
  he_sessions_free (origin->sessions);
  he_revocations_free (origin->revocations);
  he_store_free (origin->store);
  he_anchors_free (origin->anchors);
  he_ledger_free (origin->ledger);
  he_clips_free (origin->clips);
  he_inputs_free (origin->inputs);
  he_metrics_free (origin->metrics);
  he_log_free (origin->log);
  he_playlists_free (origin->playlists);
  he_token_keys_free (origin->keys);
  g_ptr_array_unref (origin->channels);
  he_secret_unref (origin->content);
  he_secret_unref (origin->codeword);
  he_secret_unref (origin->credential);
  he_secret_unref (origin->publish);
  he_tickets_free (origin->tickets);
  he_shared_clear (origin);
  he_renew_free (origin->renewer);
  he_alarms_free (origin->alarms);
  g_strfreev (origin->peer_addresses);
  g_strfreev (origin->peer_nodes);
  g_strfreev (origin->trusted);
  g_strfreev (origin->allowed_origins);
  g_free (origin->node);
  g_free (origin->listen);
  g_free (origin->internal);
  g_free (origin->gate_socket);
  g_free (origin->jwks_path);
  g_free (origin->issue_key);
  g_free (origin->issuer);
  g_free (origin->audience);
  g_mutex_clear (&origin->lock);
  g_free (origin);
}

gboolean
he_origin_add_channel (HeOrigin *origin, HeChannel *channel, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&origin->lock);

  if (channel->encrypted && origin->content == NULL) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "channel \"%s\" is encrypted, but there is no content key",
                 channel->name);
    return FALSE;
  }
  if (!he_store_add_channel (origin->store, channel, error))
    return FALSE;
  g_ptr_array_add (origin->channels, he_channel_ref (channel));
  if (origin->gate != NULL)
    he_gate_add_channel (origin->gate, channel);
  return TRUE;
}

GPtrArray *
he_origin_channels (HeOrigin *origin)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&origin->lock);
  GPtrArray *channels = g_ptr_array_new_with_free_func ((GDestroyNotify)he_channel_unref);

  for (guint i = 0; i < origin->channels->len; i++)
    g_ptr_array_add (channels, he_channel_ref (g_ptr_array_index (origin->channels, i)));
  return channels;
}

/* A slot is free after three target durations (whole seconds, at least one) of silence. */
static gint64
slot_ttl (HeOrigin *origin)
{
  guint64 target = 1;

  for (guint i = 0; i < origin->channels->len; i++) {
    const HeChannel *channel = g_ptr_array_index (origin->channels, i);

    target = MAX (target,
                  (channel->duration90 + HE_TICKS_PER_SECOND / 2) / HE_TICKS_PER_SECOND);
  }
  return (gint64)(3 * target) * G_USEC_PER_SEC;
}

/* Made at the first start, as only now the channels are known. */
static void
make_gate (HeOrigin *origin)
{
  HeGateRules rules;

  if (origin->gate != NULL)
    return;
  origin->sessions
      = he_sessions_new (origin->policy, (gint64)origin->lease_seconds * G_USEC_PER_SEC,
                         slot_ttl (origin), MAX_SESSIONS);
  if (origin->redis_servers != NULL)
    he_sessions_share (origin->sessions);
  rules = (HeGateRules) {
    .keys = origin->keys,
    .issuer = origin->issuer,
    .audience = origin->audience,
    .codeword = origin->codeword,
    .credential = origin->credential,
    .sessions = origin->sessions,
    .revocations = origin->revocations,
    .session_seconds = origin->session_seconds,
    .per_account = origin->per_account,
  };
  origin->gate = he_gate_new (&rules);
  for (guint i = 0; i < origin->channels->len; i++)
    he_gate_add_channel (origin->gate, g_ptr_array_index (origin->channels, i));
}

static void
exchange_finished (HeRequest *request, guint status, guint64 sent, gpointer data)
{
  HeOrigin *origin = data;
  const char *class_name = request != NULL ? he_request_class (request) : "refused";
  const char text[] = { (char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
                        (char)('0' + status % 10), '\0' };

  if (class_name == NULL)
    class_name = "unknown";
  he_metrics_add (origin->metrics, HE_METRIC_REQUESTS, class_name, text, 1);
  if (sent > 0)
    he_metrics_add (origin->metrics, HE_METRIC_SENT, class_name, NULL, sent);
}

static guint64
no_body (const char *method, const char *path, gpointer data)
{
  return 0;
}

/* An operator rotates keys by writing the file anew; a bad one leaves those in use. */
static void
reload_keys (HeOrigin *origin)
{
  g_autoptr (GError) error = NULL;

  if (!he_token_keys_changed (origin->keys))
    return;
  if (!he_token_keys_reload (origin->keys, &error)) {
    he_log_state (origin->log, "token keys stay as they were: %s", error->message);
    return;
  }
  he_log_state (origin->log, "token keys read again");
  say_passed_over (origin);
}

static gboolean
tick (gpointer data)
{
  HeOrigin *origin = data;

  he_sync_tick (origin);
  he_revoke_tick (origin);
  he_backfill_tick (origin);
  reload_keys (origin);
  if (origin->ledger != NULL)
    he_ledger_tick (origin->ledger, g_get_real_time ());
  return G_SOURCE_CONTINUE;
}

static gboolean
compare_anchors (gpointer data)
{
  he_anchor_tick (data);
  he_clip_tick (data);
  return G_SOURCE_CONTINUE;
}

static gboolean
watch_readiness (gpointer data)
{
  he_status_tick (data);
  return G_SOURCE_CONTINUE;
}

static GSource *
every (HeOrigin *origin, guint seconds, GSourceFunc func)
{
  GSource *source = g_timeout_source_new_seconds (seconds);

  g_source_set_callback (source, func, origin, NULL);
  g_source_attach (source, origin->context);
  return source;
}

static void
drop_source (GSource *source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

static void
drain (GMainContext *context)
{
  while (g_main_context_iteration (context, FALSE))
    ;
}

static gpointer
run (gpointer data)
{
  static const HeHttpFuncs viewer_funcs
      = { no_body, he_viewer_handle, exchange_finished, he_viewer_begun };
  static const HeHttpFuncs control_funcs
      = { he_control_body_limit, he_control_handle, exchange_finished, NULL };
  static const HeHttpFuncs door_funcs
      = { no_body, he_door_handle, exchange_finished, NULL };
  HeOrigin *origin = data;
  GSource *ticks[3];

  g_main_context_push_thread_default (origin->context);
  origin->peers
      = he_peers_new ((const char *const *)origin->peer_addresses, origin->publish);
  he_shared_start (origin, slot_ttl (origin));
  he_renew_start (origin);
  origin->threads
      = he_threads_new ("serving", CLAMP (g_get_num_processors (), 1, MAX_THREADS));
  origin->viewers = he_http_new (g_steal_pointer (&origin->viewer_listener),
                                 origin->threads, &viewer_funcs, origin);
  if (origin->internal_listener != NULL)
    origin->control = he_http_new (g_steal_pointer (&origin->internal_listener),
                                   origin->threads, &control_funcs, origin);
  if (origin->gate_listener != NULL)
    origin->door = he_http_new (g_steal_pointer (&origin->gate_listener), origin->threads,
                                &door_funcs, origin);
  ticks[0] = every (origin, TICK_SECONDS, tick);
  ticks[1] = every (origin, 1, watch_readiness);
  ticks[2] = every (origin, ANCHOR_SECONDS, compare_anchors);
  he_sync_start (origin);
  he_revoke_start (origin);
  he_anchor_start (origin);
  he_backfill_start (origin);
  g_main_loop_run (origin->loop);
  for (guint i = 0; i < G_N_ELEMENTS (ticks); i++)
    drop_source (ticks[i]);
  /* First the exchanges end, then what would have answered them. */
  g_clear_pointer (&origin->viewers, he_http_free);
  g_clear_pointer (&origin->control, he_http_free);
  g_clear_pointer (&origin->door, he_http_free);
  drain (origin->context);
  origin->stopping = TRUE;
  he_shared_stop (origin); /* what it leaves open is answered by the next line */
  drain (origin->context);
  he_renew_stop (origin);
  he_peers_free (origin->peers); /* its last callbacks still look at it */
  origin->peers = NULL;
  he_revoke_stop (origin);
  he_backfill_stop (origin);
  he_ack_stop (origin);
  g_clear_pointer (&origin->threads, he_threads_free);
  drain (origin->context);
  g_clear_pointer (&origin->joined, g_hash_table_unref);
  g_main_context_pop_thread_default (origin->context);
  return NULL;
}

static gboolean
bind_listeners (HeOrigin *origin, GError **error)
{
  const HeListenerLimits viewers = {
    .max_connections = HE_ORIGIN_CONNECTIONS,
    .max_per_address = 256,
    .exempt = (const char *const *)origin->trusted,
    .head_seconds = HEAD_SECONDS,
  };
  /* Edges ask for each of their viewers. */
  const HeListenerLimits internal
      = { .max_connections = viewers.max_connections, .head_seconds = HEAD_SECONDS };
  g_autoptr (HeListener) viewer = NULL;
  g_autoptr (HeListener) control = NULL;
  g_autoptr (HeListener) gate = NULL;

  viewer = he_listener_new (origin->listen, "viewers", &viewers, error);
  if (viewer == NULL
      || (origin->internal != NULL
          && (control = he_listener_new (origin->internal, "internal", &internal, error))
                 == NULL)
      || (origin->gate_socket != NULL
          && (gate = he_listener_new (origin->gate_socket, "gate", &internal, error))
                 == NULL))
    return FALSE;
  origin->viewer_port = he_listener_port (viewer);
  origin->internal_port = control != NULL ? he_listener_port (control) : 0;
  origin->viewer_listener = g_steal_pointer (&viewer);
  origin->internal_listener = g_steal_pointer (&control);
  origin->gate_listener = g_steal_pointer (&gate);
  return TRUE;
}

static gboolean
start_once (HeOrigin *origin, gboolean *ret_started, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&origin->lock);

  *ret_started = FALSE;
  if (origin->running)
    return TRUE;
  if (!bind_listeners (origin, error))
    return FALSE;
  make_gate (origin);
  origin->started = g_get_monotonic_time ();
  origin->was_ready = origin->replicating = origin->stopping = FALSE;
  origin->joined = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  origin->asking = 0;
  origin->behind = 0;
  origin->context = g_main_context_new ();
  origin->loop = g_main_loop_new (origin->context, FALSE);
  origin->thread = g_thread_new ("origin", run, origin);
  origin->running = *ret_started = TRUE;
  return TRUE;
}

gboolean
he_origin_start (HeOrigin *origin, GError **error)
{
  gboolean started;

  if (!start_once (origin, &started, error))
    return FALSE;
  if (started)
    he_log_state (origin->log, "origin %s listens on %s (port %u)%s%s%s%s", origin->node,
                  origin->listen, origin->viewer_port,
                  origin->internal != NULL ? " and for our own processes on " : "",
                  origin->internal != NULL ? origin->internal : "",
                  origin->gate_socket != NULL ? ", its gate on " : "",
                  origin->gate_socket != NULL ? origin->gate_socket : "");
  if (started)
    he_issue_start (origin);
  return TRUE;
}

static gboolean
quit (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

void
he_origin_stop (HeOrigin *origin)
{
  g_autoptr (GSource) source = NULL;

  g_mutex_lock (&origin->lock);
  if (!origin->running) {
    g_mutex_unlock (&origin->lock);
    return;
  }
  origin->running = FALSE;
  g_mutex_unlock (&origin->lock);
  /* From within the loop: quitting one that does not run yet would be forgotten. */
  source = g_idle_source_new ();
  g_source_set_priority (source, G_PRIORITY_HIGH);
  g_source_set_callback (source, quit, origin->loop, NULL);
  g_source_attach (source, origin->context);
  g_thread_join (g_steal_pointer (&origin->thread));
  g_clear_pointer (&origin->loop, g_main_loop_unref);
  g_clear_pointer (&origin->context, g_main_context_unref);
  origin->viewer_port = origin->internal_port = 0;
}

guint
he_origin_port (const HeOrigin *origin)
{
  return origin->viewer_port;
}

guint
he_origin_internal_port (const HeOrigin *origin)
{
  return origin->internal_port;
}

gboolean
he_origin_put (HeOrigin *origin, const HeSegment *segment, GBytes *body, GError **error)
{
  HeStoreOutcome outcome;

  return he_origin_take (origin, segment, body, origin->node, &outcome, error);
}

void
he_origin_set_anchor (HeOrigin *origin, const char *channel, const HeAnchor *anchor)
{
  g_autoptr (GError) error = NULL;

  if (!he_anchors_set (origin->anchors, channel, anchor, &error))
    he_log_state (origin->log, "anchor of %s holds but is not kept: %s", channel,
                  error->message);
}
