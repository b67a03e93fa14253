/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /metrics: counters (he-metrics.h), and gauges of what is now. */
#include "he-origin-private.h"

static void
gauge (GString *text, const char *name, const char *help, guint64 value)
{
  he_metrics_family (text, name, "gauge", help);
  g_string_append_printf (text, "%s %" G_GUINT64_FORMAT "\n", name, value);
}

typedef enum {
  OF_SEGMENTS,
  OF_BYTES,
  OF_NEWEST,
  OF_AGE,
  OF_DIFFERENT,
  OF_FILLER,
  OF_AGREE,
  OF_CONFLICT,
  OF_IDENTICAL,
} Of;

static const struct {
  const char *name, *type, *help;
} channel_families[] = {
  [OF_SEGMENTS] = { "headend_segments_held", "gauge", "Segment files in memory." },
  [OF_BYTES] = { "headend_segments_held_bytes", "gauge", "Their bytes." },
  [OF_NEWEST] = { "headend_newest_msn", "gauge", "Media sequence number listed last." },
  [OF_AGE]
  = { "headend_newest_age_seconds", "gauge", "Since the newest segment was complete." },
  [OF_DIFFERENT] = { "headend_copies_different", "counter",
                     "Second copies of a segment with other bytes." },
  [OF_FILLER] = { "headend_channel_filler", "gauge",
                  "1 while the newest segment holds what was made up for the source." },
  [OF_AGREE] = { "headend_copies_agreeing", "counter",
                 "Copies of other nodes with the same pictures." },
  [OF_CONFLICT] = { "headend_copies_conflicting", "counter",
                    "Copies of other nodes with other pictures, frames or boundaries." },
  [OF_IDENTICAL] = { "headend_identical", "gauge",
                     "1 while the nodes promise the same bytes and keep it." },
};

static void
channel_sample (GString *text, Of of, const char *channel, const HeStoreStatus *status)
{
  const char *name = channel_families[of].name;
  guint64 age = status->has_arrival ? he_status_age (status->newest_arrival) : 0;

  /* Absent rather than wrong: nothing has arrived, nothing is listed. */
  if ((of == OF_AGE && !status->has_arrival) || (of == OF_NEWEST && !status->filled))
    return;
  g_string_append_printf (
      text, "%s%s{channel=\"%s\"} ", name,
      g_str_equal (channel_families[of].type, "counter") ? "_total" : "", channel);
  switch (of) {
    case OF_SEGMENTS:
      g_string_append_printf (text, "%u\n", status->segments);
      break;
    case OF_BYTES:
      g_string_append_printf (text, "%" G_GSIZE_FORMAT "\n", status->bytes);
      break;
    case OF_NEWEST:
      g_string_append_printf (text, "%" G_GUINT64_FORMAT "\n", status->last_msn);
      break;
    case OF_AGE:
      g_string_append_printf (text, "%" G_GUINT64_FORMAT ".%03u\n", age / 1000,
                              (guint)(age % 1000));
      break;
    case OF_DIFFERENT:
      g_string_append_printf (text, "%" G_GUINT64_FORMAT "\n", status->different);
      break;
    case OF_FILLER:
      g_string_append_printf (text, "%d\n",
                              (status->newest_flags & HE_SEGMENT_FILLED) != 0);
      break;
    case OF_AGREE:
      g_string_append_printf (text, "%" G_GUINT64_FORMAT "\n", status->agree);
      break;
    case OF_CONFLICT:
      g_string_append_printf (text, "%" G_GUINT64_FORMAT "\n", status->conflict);
      break;
    case OF_IDENTICAL:
      g_string_append_printf (text, "%d\n", status->identical);
      break;
  }
}

/* Per channel and node: what it did not offer, and how far it is behind the first. */
static void
render_nodes (GString *text, HeOrigin *origin, const GPtrArray *channels)
{
  for (guint lag = 0; lag < 2; lag++) {
    if (lag)
      he_metrics_family (text, "headend_copy_lag_seconds", "gauge",
                         "How far a node's newest copy came behind the first one.");
    else
      he_metrics_family (text, "headend_copies_missing", "counter",
                         "Files that a node had not offered a window later.");
    for (guint i = 0; i < channels->len; i++) {
      const HeChannel *channel = g_ptr_array_index (channels, i);
      HeStoreStatus status = { 0 };

      he_store_get_status (origin->store, channel->name, &status);
      for (guint j = 0; j < status.n_nodes; j++) {
        const HeStoreNode *node = &status.nodes[j];

        if (!lag)
          g_string_append_printf (text,
                                  "headend_copies_missing_total{channel=\"%s\","
                                  "node=\"%s\"} %" G_GUINT64_FORMAT "\n",
                                  channel->name, node->name, node->missing);
        else if (node->puts > 0)
          g_string_append_printf (text,
                                  "headend_copy_lag_seconds{channel=\"%s\",node=\"%s\"} "
                                  "%" G_GINT64_FORMAT ".%03u\n",
                                  channel->name, node->name, node->lag / G_USEC_PER_SEC,
                                  (guint)(node->lag % G_USEC_PER_SEC / 1000));
      }
    }
  }
}

static void
render_revocations (GString *text, HeOrigin *origin)
{
  HeRevocationsCount count
      = he_revocations_count (origin->revocations, g_get_real_time ());

  he_metrics_family (text, "headend_revocations", "gauge", "Revocations that hold.");
  g_string_append_printf (text, "headend_revocations{kind=\"session\"} %u\n", count.sessions);
  g_string_append_printf (text, "headend_revocations{kind=\"account\"} %u\n", count.accounts);
}

static void
render_ledger (GString *text, HeOrigin *origin)
{
  HeLedgerStats stats;

  if (origin->ledger == NULL)
    return;
  he_ledger_get_stats (origin->ledger, &stats);
  gauge (text, "headend_ledger_waiting", "Lines of the session ledger not on disk yet.",
         stats.waiting);
  he_metrics_family (text, "headend_ledger_written", "counter",
                     "Lines of the session ledger on disk.");
  g_string_append_printf (text, "headend_ledger_written_total %" G_GUINT64_FORMAT "\n",
                          stats.written);
  he_metrics_family (text, "headend_ledger_lost", "counter",
                     "Lines of the session ledger that could not be written in time.");
  g_string_append_printf (text, "headend_ledger_lost_total %" G_GUINT64_FORMAT "\n",
                          stats.lost);
}

static void
append_ended (GString *text, const char *listener, const char *why, guint64 count)
{
  g_string_append_printf (
      text,
      "headend_connections_ended_total{listener=\"%s\",why=\"%s\"} %" G_GUINT64_FORMAT
      "\n",
      listener, why, count);
}

gboolean
he_status_listener (HeOrigin *origin, guint i, const char **ret_name,
                    HeListenerStats *ret_stats)
{
  static const char *const names[HE_ORIGIN_LISTENERS] = { "viewers", "internal", "gate" };
  HeHttp *const servers[HE_ORIGIN_LISTENERS]
      = { origin->viewers, origin->control, origin->door };

  if (servers[i] == NULL)
    return FALSE;
  *ret_name = names[i];
  he_listener_get_stats (he_http_listener (servers[i]), ret_stats);
  return TRUE;
}

static void
render_connections (GString *text, HeOrigin *origin)
{
  g_autoptr (GString) accepted = g_string_new (NULL);
  g_autoptr (GString) ended = g_string_new (NULL);

  he_metrics_family (text, "headend_connections", "gauge", "Open connections.");
  for (guint i = 0; i < HE_ORIGIN_LISTENERS; i++) {
    const char *name;
    HeListenerStats stats;

    if (!he_status_listener (origin, i, &name, &stats))
      continue;
    g_string_append_printf (text, "headend_connections{listener=\"%s\"} %u\n", name,
                            stats.open);
    g_string_append_printf (
        accepted,
        "headend_connections_accepted_total{listener=\"%s\"} %" G_GUINT64_FORMAT "\n",
        name, stats.accepted);
    append_ended (ended, name, "cap", stats.refused);
    append_ended (ended, name, "deadline", stats.expired);
    append_ended (ended, name, "accept", stats.failures);
  }
  he_metrics_family (text, "headend_connections_accepted", "counter",
                     "Connections taken.");
  g_string_append (text, accepted->str);
  he_metrics_family (text, "headend_connections_ended", "counter",
                     "Connections over a cap or past a deadline, and failed accepts.");
  g_string_append (text, ended->str);
}

void
he_status_metrics (HeOrigin *origin, HeRequest *request)
{
  g_autoptr (GPtrArray) channels = he_origin_channels (origin);
  g_autoptr (GPtrArray) reasons = he_status_reasons (origin);
  g_autoptr (GBytes) body = NULL;
  GString *text = g_string_new (NULL);
  HeStoreStatus status;

  for (guint of = 0; of < G_N_ELEMENTS (channel_families); of++) {
    he_metrics_family (text, channel_families[of].name, channel_families[of].type,
                       channel_families[of].help);
    for (guint i = 0; i < channels->len; i++) {
      const HeChannel *channel = g_ptr_array_index (channels, i);

      if (he_store_get_status (origin->store, channel->name, &status))
        channel_sample (text, of, channel->name, &status);
    }
  }
  render_nodes (text, origin, channels);
  he_input_metrics (text, origin, channels);
  he_metrics_render (origin->metrics, text);
  gauge (text, "headend_sessions", "Sessions that hold a slot.",
         he_sessions_count (origin->sessions, g_get_real_time ()));
  render_revocations (text, origin);
  if (origin->redis != NULL)
    gauge (text, "headend_redis_up", "1 while Redis answers.", !he_shared_is_away (origin));
  if (origin->renewer != NULL)
    gauge (text, "headend_renewal_up", "0 while the authorizer is not asked, as it fails.",
           !he_renew_is_broken (origin));
  gauge (text, "headend_ready", "1 when ready to serve.", reasons->len == 0);
  render_ledger (text, origin);
  render_connections (text, origin);
  g_string_append (text, "# EOF\n");
  body = g_string_free_to_bytes (text);
  he_request_add_field (request, "Cache-Control", "no-store");
  he_request_respond (request, 200,
                      "application/openmetrics-text; version=1.0.0; charset=utf-8", body);
}
