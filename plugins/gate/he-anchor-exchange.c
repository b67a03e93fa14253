/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include <string.h>

/* A worker waits for this before its first segment, so a dead peer may cost this much. */
#define ASK_MS 500
#define START_MS 1000
#define PATH "/control/anchor/" /* and the channel's name */

/* A worker's proposal on its way: asking the peers, then telling them. */
typedef struct {
  HeOrigin *origin;
  HeRequest *request;
  char *channel, *path;
  HeAnchor anchor;
} Exchange;

static void
exchange_free (Exchange *exchange)
{
  he_request_unref (exchange->request);
  g_free (exchange->channel);
  g_free (exchange->path);
  g_free (exchange);
}

static void
respond (HeRequest *request, const HeAnchor *anchor)
{
  he_request_respond_json (request, he_anchor_to_json (anchor));
}

/* The records among the peers' answers. */
static GArray *
records_of (const HePeerReply *replies, guint n)
{
  GArray *records = g_array_new (FALSE, FALSE, sizeof (HeAnchor));

  for (guint i = 0; i < n; i++) {
    HeAnchor anchor;
    gsize len;
    const char *text;

    if (replies[i].status != 200 || replies[i].body == NULL)
      continue;
    text = g_bytes_get_data (replies[i].body, &len);
    if (text != NULL && he_anchor_from_json (text, (gssize)len, &anchor, NULL))
      g_array_append_val (records, anchor);
  }
  return records;
}

static void
settle (HeOrigin *origin, const char *channel, const HeAnchor *proposal,
        const HeAnchor *peers, guint n, HeAnchor *ret_anchor)
{
  g_autoptr (GError) error = NULL;

  if (!he_anchors_settle (origin->anchors, channel, proposal, peers, n, ret_anchor,
                          &error))
    he_log_state (origin->log, "anchor of %s holds but is not kept: %s", channel,
                  error->message);
}

static void
told (const HePeerReply *replies, guint n, gpointer data)
{
  Exchange *exchange = data;
  g_autoptr (GArray) records = records_of (replies, n);

  settle (exchange->origin, exchange->channel, &exchange->anchor,
          (const HeAnchor *)records->data, records->len, &exchange->anchor);
  he_log_state (exchange->origin->log,
                "anchor of %s: generation %u, proposed by %s, known to %u of %u peers",
                exchange->channel, exchange->anchor.generation, exchange->anchor.node,
                records->len, n);
  respond (exchange->request, &exchange->anchor);
  exchange_free (exchange);
}

static void
refuse_ahead (Exchange *exchange, guint generation)
{
  g_autofree char *why = g_strdup_printf (
      "generation %u of the anchor holds: the next one may be proposed, not %u\n",
      exchange->anchor.generation, generation);

  he_log_state (exchange->origin->log, "anchor of %s: generation %u refused, %u holds",
                exchange->channel, generation, exchange->anchor.generation);
  he_request_respond_text (exchange->request, 409, why);
  exchange_free (exchange);
}

static void
asked (const HePeerReply *replies, guint n, gpointer data)
{
  Exchange *exchange = data;
  g_autoptr (GArray) records = records_of (replies, n);
  g_autoptr (GBytes) body = NULL;
  guint generation = exchange->anchor.generation;
  char *text;

  settle (exchange->origin, exchange->channel, &exchange->anchor,
          (const HeAnchor *)records->data, records->len, &exchange->anchor);
  if (exchange->anchor.generation < generation) {
    refuse_ahead (exchange, generation);
    return;
  }
  text = he_anchor_to_json (&exchange->anchor);
  body = g_bytes_new_take (text, strlen (text));
  /* Two that propose at once tell each other, and both take the better record. */
  he_peers_call (exchange->origin->peers, HE_PEERS_ALL, "PUT", exchange->path, body,
                 ASK_MS, told, exchange);
}

static void
put (HeOrigin *origin, HeRequest *request, const char *channel, gboolean from_peer)
{
  gsize len;
  const char *text = g_bytes_get_data (he_request_body (request), &len);
  g_autoptr (GError) error = NULL;
  HeAnchor anchor, holds;
  Exchange *exchange;

  if (!he_anchor_from_json (text != NULL ? text : "", (gssize)len, &anchor, &error)) {
    g_autofree char *why = g_strdup_printf ("%s\n", error->message);

    he_request_respond_text (request, 400, why);
    return;
  }
  if (from_peer) {
    settle (origin, channel, NULL, &anchor, 1, &holds);
    respond (request, &holds);
    return;
  }
  exchange = g_new0 (Exchange, 1);
  exchange->origin = origin;
  exchange->request = he_request_ref (request);
  exchange->channel = g_strdup (channel);
  exchange->path = g_strdup (he_request_path (request));
  exchange->anchor = anchor;
  he_peers_call (origin->peers, HE_PEERS_ALL, "GET", exchange->path, NULL, ASK_MS, asked,
                 exchange);
}

void
he_anchor_handle (HeOrigin *origin, HeRequest *request)
{
  g_autoptr (HeChannel) channel = he_store_find_channel (
      origin->store, he_request_path (request) + strlen (PATH));
  gboolean from_peer = he_request_field (request, "Headend-Peer") != NULL;
  HeAnchor anchor;

  if (channel == NULL) {
    he_request_respond_text (request, 404, "no such channel\n");
    return;
  }
  if (g_str_equal (he_request_method (request), "PUT")) {
    put (origin, request, channel->name, from_peer);
    return;
  }
  /* Two that start again at once must not swap what stands on their disks. */
  if (he_anchors_get (origin->anchors, channel->name, from_peer, &anchor))
    respond (request, &anchor);
  else
    he_request_respond_text (request, 404, "no anchor yet\n");
}

typedef struct {
  HeOrigin *origin;
  HeChannel *channel;
  gboolean first;
} Question;

static void
heard (const HePeerReply *replies, guint n, gpointer data)
{
  g_autofree Question *question = data;
  g_autoptr (GArray) records = records_of (replies, n);
  HeAnchor anchor;

  if (records->len > 0)
    settle (question->origin, question->channel->name, NULL,
            (const HeAnchor *)records->data, records->len, &anchor);
  if (question->first)
    question->origin->asking--;
  he_channel_unref (question->channel);
}

static void
ask_peers (HeOrigin *origin, gboolean first)
{
  g_autoptr (GPtrArray) channels = he_origin_channels (origin);

  for (guint i = 0; i < channels->len; i++) {
    Question *question = g_new0 (Question, 1);
    g_autofree char *path = NULL;

    question->origin = origin;
    question->channel = he_channel_ref (g_ptr_array_index (channels, i));
    question->first = first;
    path = g_strconcat (PATH, question->channel->name, NULL);
    if (first)
      origin->asking++;
    he_peers_call (origin->peers, HE_PEERS_ALL, "GET", path, NULL, START_MS, heard,
                   question);
  }
}

/* A worker that outlived its origin does not propose again, and both origins must write
 * the same dates. */
void
he_anchor_start (HeOrigin *origin)
{
  ask_peers (origin, TRUE);
}

/* Origins that did not reach each other may hold different records. */
void
he_anchor_tick (HeOrigin *origin)
{
  ask_peers (origin, FALSE);
}
