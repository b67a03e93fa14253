/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include <string.h>

#define PATH "/control/sessions"
#define START_MS 1000
#define BATCH_MS 1500

void
he_sync_handle (HeOrigin *origin, HeRequest *request)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) body = NULL;
  gsize len;
  const char *text;
  char *all;

  he_request_add_field (request, "Cache-Control", "no-store");
  if (!g_str_equal (he_request_method (request), "POST")) {
    all = he_sessions_to_json (origin->sessions);
    if (all == NULL)
      all = g_strdup ("[]");
    body = g_bytes_new_take (all, strlen (all));
    he_request_respond (request, 200, "application/json", body);
    return;
  }
  text = g_bytes_get_data (he_request_body (request), &len);
  if (he_sessions_merge_json (origin->sessions, text != NULL ? text : "", (gssize)len,
                              g_get_real_time (), &error)) {
    he_request_respond (request, 204, NULL, NULL);
    return;
  }
  he_log_event (origin->log, g_get_monotonic_time (), "sessions refused: %s",
                error->message);
  he_request_respond_text (request, 400, "malformed sessions\n");
}

static void
got_tables (const HePeerReply *replies, guint n, gpointer data)
{
  HeOrigin *origin = data;
  guint merged = 0;

  for (guint i = 0; i < n; i++) {
    g_autoptr (GError) error = NULL;
    gsize len;
    const char *text;

    if (replies[i].status != 200 || replies[i].body == NULL)
      continue;
    text = g_bytes_get_data (replies[i].body, &len);
    if (he_sessions_merge_json (origin->sessions, text != NULL ? text : "", (gssize)len,
                                g_get_real_time (), &error))
      merged++;
    else
      he_log_state (origin->log, "sessions of %s refused: %s", replies[i].peer,
                    error->message);
  }
  origin->asking--;
  if (n > 0)
    he_log_state (origin->log, "sessions taken over from %u of %u peers", merged, n);
}

void
he_sync_start (HeOrigin *origin)
{
  origin->asking++;
  he_peers_call (origin->peers, HE_PEERS_ALL, "GET", PATH, NULL, START_MS, got_tables,
                 origin);
}

typedef struct {
  HeOrigin *origin;
  guint64 which;
  gboolean last; /* of this tick */
} Batch;

/* Who missed a batch gets the whole table next time. */
static void
sent (const HePeerReply *replies, guint n, gpointer data)
{
  g_autofree Batch *batch = data;
  HeOrigin *origin = batch->origin;

  for (guint i = 0; i < n; i++) {
    guint64 bit = G_GUINT64_CONSTANT (1) << i;
    gboolean ok = replies[i].status / 100 == 2;

    if (!(batch->which & bit))
      continue;
    he_metrics_add (origin->metrics, HE_METRIC_REPLICATION, replies[i].peer,
                    ok ? "ok" : "failed", 1);
    if (!ok && !(origin->behind & bit))
      he_log_state (origin->log, "peer %s does not take our sessions", replies[i].peer);
    origin->behind = ok ? origin->behind & ~bit : origin->behind | bit;
  }
  if (batch->last)
    origin->replicating = FALSE;
}

static void
send_batch (HeOrigin *origin, guint64 which, char *text, gboolean last)
{
  g_autoptr (GBytes) body = NULL;
  Batch *batch = g_new0 (Batch, 1);

  if (text == NULL || which == 0) {
    which = 0;
    g_clear_pointer (&text, g_free);
  } else
    body = g_bytes_new_take (text, strlen (text));
  batch->origin = origin;
  batch->which = which;
  batch->last = last;
  he_peers_call (origin->peers, which, "POST", PATH, body, BATCH_MS, sent, batch);
}

void
he_sync_tick (HeOrigin *origin)
{
  guint n = he_peers_count (origin->peers);
  guint64 all = n >= 64 ? HE_PEERS_ALL : (G_GUINT64_CONSTANT (1) << n) - 1;
  guint64 behind = origin->behind & all;

  /* A batch that is still under way would be overtaken. */
  if (n == 0 || origin->replicating)
    return;
  origin->replicating = TRUE;
  send_batch (origin, behind, behind != 0 ? he_sessions_to_json (origin->sessions) : NULL,
              FALSE);
  send_batch (origin, all & ~behind, he_sessions_changes_to_json (origin->sessions),
              TRUE);
}
