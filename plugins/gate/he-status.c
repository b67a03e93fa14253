/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include "he-epoch.h"
#include "he-json.h"

#define CROWD_TOLD_US (60 * (gint64)G_USEC_PER_SEC)

/* A channel is fresh while its newest complete segment is younger than this many segment
 * durations: one is being encoded, one may be late. */
#define FRESH_DURATIONS 3

static gint64
duration_us (const HeChannel *channel)
{
  return (gint64)(channel->duration90 * G_USEC_PER_SEC / HE_TICKS_PER_SECOND);
}

guint64
he_status_age (gint64 then)
{
  return (guint64)MAX (g_get_monotonic_time () - then, 0) / 1000;
}

static gboolean
has_peers (const HeOrigin *origin)
{
  return origin->peer_nodes != NULL && *origin->peer_nodes != NULL;
}

static const HeStoreNode *
own_node (const HeOrigin *origin, const HeStoreStatus *status)
{
  for (guint i = 0; i < status->n_nodes; i++)
    if (g_str_equal (status->nodes[i].name, origin->node))
      return &status->nodes[i];
  return NULL;
}

/* Whether what our worker makes next follows what is listed, as it does of one that is
 * steadily behind the peers'. */
static gboolean
is_in_step (const HeStoreNode *own, const HeStoreStatus *status)
{
  guint64 behind = MIN (FRESH_DURATIONS, status->last_msn - status->first_msn);

  return own != NULL && own->has_whole && status->filled
         && own->whole_msn + behind >= status->last_msn
         && own->whole_msn <= status->last_msn + 1;
}

static gboolean
is_silent (const HeStoreNode *own, const HeChannel *channel)
{
  return own == NULL || !own->has_whole
         || g_get_monotonic_time () - own->whole_at
                > FRESH_DURATIONS * duration_us (channel);
}

/* What our own worker lacks; NULL when nothing. */
static char *
worker_reason (HeOrigin *origin, const HeChannel *channel, const HeStoreStatus *status)
{
  const HeStoreNode *own = own_node (origin, status);
  gint64 since = g_get_monotonic_time () - FRESH_DURATIONS * duration_us (channel);

  if (!has_peers (origin))
    return NULL;
  if (is_in_step (own, status))
    g_hash_table_add (origin->joined, g_strdup (channel->name));
  if (!g_hash_table_contains (origin->joined, channel->name))
    return g_strdup_printf ("channel %s: its worker here has not made a segment that "
                            "follows what is listed",
                            channel->name);
  if (is_silent (own, channel) && he_ack_has_sound_peer (origin, channel->name, since))
    return g_strdup_printf ("channel %s: its worker here is silent, and a peer does "
                            "without it",
                            channel->name);
  return NULL;
}

static gboolean
is_fresh (const HeChannel *channel, const HeStoreStatus *status)
{
  return g_get_monotonic_time () - status->newest_arrival
         <= FRESH_DURATIONS * duration_us (channel);
}

gboolean
he_status_is_sound (HeOrigin *origin)
{
  g_autoptr (GPtrArray) channels = he_origin_channels (origin);

  for (guint i = 0; i < channels->len; i++) {
    const HeChannel *channel = channels->pdata[i];
    HeStoreStatus status;

    if (channel->recording
        || !he_store_get_status (origin->store, channel->name, &status))
      continue;
    if (!status.filled || !is_fresh (channel, &status)
        || is_silent (own_node (origin, &status), channel))
      return FALSE;
  }
  return origin->asking == 0;
}

static void
add_channel_reason (HeOrigin *origin, const HeChannel *channel, GPtrArray *reasons)
{
  HeStoreStatus status;
  char *worker;

  if (channel->recording || !he_store_get_status (origin->store, channel->name, &status))
    return;
  if (!status.filled)
    g_ptr_array_add (reasons,
                     g_strdup_printf ("channel %s: %u of %u segments of its window",
                                      channel->name, status.run, channel->window));
  else if (!is_fresh (channel, &status))
    g_ptr_array_add (
        reasons,
        g_strdup_printf ("channel %s: newest segment is %" G_GUINT64_FORMAT " ms old",
                         channel->name, he_status_age (status.newest_arrival)));
  else if ((worker = worker_reason (origin, channel, &status)) != NULL)
    g_ptr_array_add (reasons, worker);
}

GPtrArray *
he_status_reasons (HeOrigin *origin)
{
  GPtrArray *reasons = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) channels = he_origin_channels (origin);

  if (origin->asking > 0)
    g_ptr_array_add (reasons, g_strdup ("the peers have not been heard yet"));
  if (he_shared_reason (origin) != NULL)
    g_ptr_array_add (reasons, g_strdup (he_shared_reason (origin)));
  if (channels->len == 0)
    g_ptr_array_add (reasons, g_strdup ("no channel"));
  for (guint i = 0; i < channels->len; i++)
    add_channel_reason (origin, g_ptr_array_index (channels, i), reasons);
  return reasons;
}

/* At most once a minute for each listener. */
static void
tell_crowds (HeOrigin *origin)
{
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < HE_ORIGIN_LISTENERS; i++) {
    const char *name;
    HeListenerStats stats;
    guint64 refused, failures;

    if (!he_status_listener (origin, i, &name, &stats)
        || (origin->crowds[i].told_at != 0
            && now < origin->crowds[i].told_at + CROWD_TOLD_US))
      continue;
    refused = stats.refused - origin->crowds[i].refused;
    failures = stats.failures - origin->crowds[i].failures;
    if (refused == 0 && failures == 0)
      continue;
    he_log_state (
        origin->log,
        "listener %s: %" G_GUINT64_FORMAT " connections over a cap were closed; "
        "accepting failed %" G_GUINT64_FORMAT " times%s",
        name, refused, failures,
        failures > 0 ? ", as it does without a free file descriptor (LimitNOFILE "
                       "of the service, \"ulimit -n\")"
                     : "");
    origin->crowds[i].refused = stats.refused;
    origin->crowds[i].failures = stats.failures;
    origin->crowds[i].told_at = now;
  }
}

void
he_status_tick (HeOrigin *origin)
{
  g_autoptr (GPtrArray) reasons = he_status_reasons (origin);
  gboolean ready = reasons->len == 0;

  tell_crowds (origin);
  if (ready == origin->was_ready)
    return;
  origin->was_ready = ready;
  if (ready)
    he_log_state (origin->log, "ready");
  else
    he_log_state (origin->log, "not ready: %s", (char *)g_ptr_array_index (reasons, 0));
}

void
he_status_healthz (HeOrigin *origin, HeRequest *request)
{
  he_request_add_field (request, "Cache-Control", "no-store");
  he_request_respond_text (request, 200, "ok\n");
}

void
he_status_readyz (HeOrigin *origin, HeRequest *request)
{
  g_autoptr (GPtrArray) reasons = he_status_reasons (origin);
  GString *text = g_string_new (reasons->len == 0 ? "ready\n" : NULL);

  for (guint i = 0; i < reasons->len; i++)
    g_string_append_printf (text, "%s\n", (char *)g_ptr_array_index (reasons, i));
  he_request_add_field (request, "Cache-Control", "no-store");
  he_request_respond_text (request, reasons->len == 0 ? 200 : 503, text->str);
  g_string_free (text, TRUE);
}

static void
write_publishers (HeJsonWriter *writer, const HeStoreStatus *status)
{
  he_json_writer_open_array (writer, "publishers");
  for (guint i = 0; i < status->n_nodes; i++) {
    const HeStoreNode *node = &status->nodes[i];

    if (node->puts == 0)
      continue;
    he_json_writer_open_object (writer, NULL);
    he_json_writer_string (writer, "node", node->name);
    he_json_writer_uint64 (writer, "last-msn", node->last_msn);
    he_json_writer_uint64 (writer, "age-ms", he_status_age (node->last_seen));
    he_json_writer_uint64 (writer, "segments", node->puts);
    he_json_writer_close (writer);
  }
  he_json_writer_close (writer);
}

/* Why copies are called what they are: the clip's verdict, unless copies that came since
 * spoke against it. */
static void
write_reason (HeJsonWriter *writer, HeOrigin *origin, const char *channel,
              gboolean identical)
{
  gboolean promised;
  g_autofree char *reason = he_clips_verdict (origin->clips, channel, &promised);

  if (reason != NULL)
    he_json_writer_string (writer, "reason",
                           promised && !identical
                               ? "copies of a segment had different bytes, although the "
                                 "nodes' encoders make the same of the clip"
                               : reason);
}

/* How the nodes' copies compare. */
static void
write_copies (HeJsonWriter *writer, HeOrigin *origin, const char *channel,
              const HeStoreStatus *status)
{
  he_json_writer_open_object (writer, "copies");
  he_json_writer_string (writer, "agreement",
                         status->identical ? "identical" : "interchangeable");
  write_reason (writer, origin, channel, status->identical);
  he_json_writer_uint64 (writer, "agree", status->agree);
  he_json_writer_uint64 (writer, "conflict", status->conflict);
  he_json_writer_boolean (writer, "conflicting", status->conflicting);
  he_json_writer_uint64 (writer, "different", status->different);
  he_json_writer_open_array (writer, "nodes");
  for (guint i = 0; i < status->n_nodes; i++) {
    const HeStoreNode *node = &status->nodes[i];

    he_json_writer_open_object (writer, NULL);
    he_json_writer_string (writer, "node", node->name);
    he_json_writer_uint64 (writer, "missing", node->missing);
    he_json_writer_uint64 (writer, "lag-ms", (guint64)node->lag / 1000);
    he_json_writer_close (writer);
  }
  he_json_writer_close (writer);
  he_json_writer_close (writer);
}

static void
write_channel (HeJsonWriter *writer, HeOrigin *origin, const HeChannel *channel)
{
  HeStoreStatus status = { 0 };
  HeAnchor anchor;

  he_store_get_status (origin->store, channel->name, &status);
  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, "name", channel->name);
  he_json_writer_boolean (writer, "filled", status.filled);
  if (status.filled) {
    he_json_writer_uint64 (writer, "first-msn", status.first_msn);
    he_json_writer_uint64 (writer, "last-msn", status.last_msn);
  }
  if (status.has_arrival)
    he_json_writer_string (writer, "newest",
                           status.newest_flags & HE_SEGMENT_FILLED    ? "filled"
                           : status.newest_flags & HE_SEGMENT_DAMAGED ? "damaged"
                                                                      : "clean");
  if (status.has_arrival)
    he_json_writer_uint64 (writer, "age-ms", he_status_age (status.newest_arrival));
  he_json_writer_uint64 (writer, "run", status.run);
  he_json_writer_uint64 (writer, "window", channel->window);
  he_json_writer_uint64 (writer, "segments", status.segments);
  he_json_writer_uint64 (writer, "bytes", status.bytes);
  he_json_writer_uint64 (writer, "copies-different", status.different);
  write_publishers (writer, &status);
  write_copies (writer, origin, channel->name, &status);
  he_input_status (writer, origin, channel->name);
  if (he_anchors_get (origin->anchors, channel->name, FALSE, &anchor)) {
    he_json_writer_open_object (writer, "anchor");
    he_json_writer_uint64 (writer, "generation", anchor.generation);
    he_json_writer_int64 (writer, "offset90", anchor.offset90);
    he_json_writer_int64 (writer, "wall-offset90", anchor.wall_offset90);
    he_json_writer_string (writer, "node", anchor.node);
    he_json_writer_close (writer);
  }
  he_json_writer_close (writer);
}

void
he_status_json (HeOrigin *origin, HeRequest *request)
{
  g_autoptr (GPtrArray) reasons = he_status_reasons (origin);
  g_autoptr (GPtrArray) channels = he_origin_channels (origin);
  HeJsonWriter *writer = he_json_writer_new ();

  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, "node", origin->node);
  he_json_writer_boolean (writer, "ready", reasons->len == 0);
  he_json_writer_open_array (writer, "reasons");
  for (guint i = 0; i < reasons->len; i++)
    he_json_writer_string (writer, NULL, g_ptr_array_index (reasons, i));
  he_json_writer_close (writer);
  he_json_writer_uint64 (writer, "uptime", he_status_age (origin->started) / 1000);
  he_json_writer_uint64 (writer, "sessions",
                         he_sessions_count (origin->sessions, g_get_real_time ()));
  if (origin->redis != NULL)
    he_json_writer_boolean (writer, "redis", !he_shared_is_away (origin));
  he_json_writer_open_array (writer, "channels");
  for (guint i = 0; i < channels->len; i++)
    write_channel (writer, origin, g_ptr_array_index (channels, i));
  he_json_writer_close (writer);
  he_request_respond_json (request, he_json_writer_end (writer));
}
