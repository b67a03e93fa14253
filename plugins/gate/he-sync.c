/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include <string.h>

#define PATH "/control/sessions" /* GET: a part of the table, "/DIGIT" */
#define START_MS 1000
#define BATCH_MS 1500

void
he_sync_give (HeOrigin *origin, HeRequest *request)
{
  const char *digit = he_request_path (request) + strlen (PATH "/");
  g_autoptr (GBytes) body = NULL;
  char *part;

  he_request_add_field (request, "Cache-Control", "no-store");
  if (!g_ascii_isxdigit (digit[0]) || digit[1] != '\0') {
    he_request_respond_text (request, 404, "expected a hex digit\n");
    return;
  }
  part = he_sessions_part_to_json (origin->sessions,
                                   (guint)g_ascii_xdigit_value (digit[0]));
  body = g_bytes_new_take (part, strlen (part));
  he_request_respond (request, 200, "application/json", body);
}

void
he_sync_take (HeOrigin *origin, HeRequest *request)
{
  g_autoptr (GError) error = NULL;
  gsize len;
  const char *text = g_bytes_get_data (he_request_body (request), &len);
  char *known = NULL;

  if (he_sessions_exchange_json (origin->sessions, text != NULL ? text : "", (gssize)len,
                                 g_get_real_time (), &known, &error)) {
    if (known != NULL)
      he_request_respond_json (request, known);
    else
      he_request_respond (request, 204, NULL, NULL);
    return;
  }
  he_log_event (origin->log, g_get_monotonic_time (), "sessions refused: %s",
                error->message);
  he_request_respond_text (request, 400, "malformed sessions\n");
}

/* Messages that belong together: the parts of the peers' tables, or those of a tick. */
typedef struct {
  HeOrigin *origin;
  guint pending;
  guint64 failed; /* peers, by bit */
} Round;

static void
got_part (const HePeerReply *replies, guint n, gpointer data)
{
  Round *round = data;
  HeOrigin *origin = round->origin;
  guint merged = n;

  for (guint i = 0; i < n; i++) {
    g_autoptr (GError) error = NULL;
    gsize len = 0;
    const char *text
        = replies[i].body != NULL ? g_bytes_get_data (replies[i].body, &len) : NULL;

    if (replies[i].status != 200)
      round->failed |= G_GUINT64_CONSTANT (1) << i;
    else if (!he_sessions_merge_json (origin->sessions, text != NULL ? text : "",
                                      (gssize)len, g_get_real_time (), &error)) {
      round->failed |= G_GUINT64_CONSTANT (1) << i;
      he_log_state (origin->log, "sessions of %s refused: %s", replies[i].peer,
                    error->message);
    }
  }
  if (--round->pending > 0)
    return;
  for (guint i = 0; i < n; i++)
    merged -= round->failed >> i & 1;
  if (n > 0)
    he_log_state (origin->log, "sessions taken over from %u of %u peers", merged, n);
  origin->asking--;
  g_free (round);
}

void
he_sync_start (HeOrigin *origin)
{
  Round *round = g_new0 (Round, 1);

  round->origin = origin;
  round->pending = HE_SESSIONS_PARTS;
  origin->asking++;
  for (guint digit = 0; digit < HE_SESSIONS_PARTS; digit++) {
    g_autofree char *path = g_strdup_printf (PATH "/%x", digit);

    he_peers_call (origin->peers, HE_PEERS_ALL, "GET", path, NULL, START_MS, got_part,
                   round);
  }
}

/* Who missed a message gets the whole table next time. */
static void
round_over (Round *round)
{
  HeOrigin *origin = round->origin;

  for (guint i = 0; i < he_peers_count (origin->peers); i++)
    if (round->failed & ~origin->behind & G_GUINT64_CONSTANT (1) << i)
      he_log_state (origin->log, "peer %s does not take our sessions",
                    origin->peer_addresses[i]);
  origin->behind = round->failed;
  origin->replicating = FALSE;
  g_free (round);
}

typedef struct {
  Round *round;
  guint64 which;
} Batch;

static void
sent (const HePeerReply *replies, guint n, gpointer data)
{
  g_autofree Batch *batch = data;
  Round *round = batch->round;

  for (guint i = 0; i < n; i++) {
    guint64 bit = G_GUINT64_CONSTANT (1) << i;
    gboolean ok = replies[i].status / 100 == 2;

    if (!(batch->which & bit))
      continue;
    he_metrics_add (round->origin->metrics, HE_METRIC_REPLICATION, replies[i].peer,
                    ok ? "ok" : "failed", 1);
    round->failed |= ok ? 0 : bit;
  }
  if (--round->pending == 0)
    round_over (round);
}

/* Takes the text, which may be NULL: then there is nothing to say. */
static void
send_batch (Round *round, guint64 which, char *text)
{
  g_autoptr (GBytes) body = NULL;
  Batch *batch = g_new0 (Batch, 1);

  if (text != NULL)
    body = g_bytes_new_take (text, strlen (text));
  batch->round = round;
  batch->which = text != NULL ? which : 0;
  round->pending++;
  he_peers_call (round->origin->peers, batch->which, "POST", PATH, body, BATCH_MS, sent,
                 batch);
}

void
he_sync_tick (HeOrigin *origin)
{
  guint n = he_peers_count (origin->peers);
  guint64 all = n >= 64 ? HE_PEERS_ALL : (G_GUINT64_CONSTANT (1) << n) - 1;
  guint64 behind = origin->behind & all;
  Round *round;

  /* A batch that is still under way would be overtaken. */
  if (n == 0 || origin->replicating)
    return;
  origin->replicating = TRUE;
  round = g_new0 (Round, 1);
  round->origin = origin;
  for (guint digit = 0; behind != 0 && digit < HE_SESSIONS_PARTS; digit++)
    send_batch (round, behind, he_sessions_part_to_json (origin->sessions, digit));
  send_batch (round, all & ~behind, he_sessions_changes_to_json (origin->sessions));
}
