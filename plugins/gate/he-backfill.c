/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include <string.h>

#include "he-codec.h"
#include "he-json.h"

#define PATH "/control/window/"
#define INDEX_MS 2000
#define FETCH_MS 5000
#define AT_ONCE 4 /* segments that are fetched at a time */
/* A node that could not fill its window by then goes on without. */
#define LIMIT (10 * G_TIME_SPAN_SECOND)
#define MAX_INDEX (32 * 1024 * 1024)

/* A segment that a peer holds and we do not. */
typedef struct {
  HeSegment *segment;
  char *node;
  guint8 digest[HE_SHA256_LEN];
  guint64 peers;   /* by bit, that hold it and were not asked for it yet */
  gboolean listed; /* of the peer's window, or newer: a viewer needs it */
} Want;

/* A channel that is filled. */
typedef struct {
  HeOrigin *origin;
  char *channel;
  gboolean first;    /* the origin is not ready before what is listed has come */
  gint64 deadline;   /* monotonic */
  GHashTable *known; /* path -> Want, of the wants */
  GQueue wants;      /* Want, in the order in which they are fetched */
  guint flying;
  guint listed_left; /* wants, flying ones included, that viewers need */
  guint taken;
} Fill;

typedef struct {
  Fill *fill;
  Want *want;
  guint peer;
} Fetch;

/* ---- what we hold, for a peer ---- */

static void
write_held (HeJsonWriter *writer, const HeHeld *held)
{
  g_autofree char *path = he_segment_path (held->segment);
  g_autofree char *header = he_segment_to_header (held->segment);
  g_autofree char *digest = he_hex_encode (held->digest, sizeof held->digest);

  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, "path", path);
  he_json_writer_string (writer, "segment", header);
  he_json_writer_string (writer, "sha256", digest);
  if (held->node != NULL)
    he_json_writer_string (writer, "node", held->node);
  he_json_writer_close (writer);
}

void
he_backfill_handle (HeOrigin *origin, HeRequest *request)
{
  g_autoptr (HeChannel) channel = he_store_find_channel (
      origin->store, he_request_path (request) + strlen (PATH));
  g_autoptr (GPtrArray) held = NULL;
  HeJsonWriter *writer;
  guint64 first, last;

  if (channel == NULL) {
    he_request_respond_text (request, 404, "no such channel\n");
    return;
  }
  held = he_store_list (origin->store, channel->name);
  writer = he_json_writer_new ();
  he_json_writer_open_object (writer, NULL);
  if (he_store_listing (origin->store, channel->name, &first, &last))
    he_json_writer_uint64 (writer, "first", first);
  he_json_writer_open_array (writer, "segments");
  for (guint i = 0; i < held->len; i++)
    write_held (writer, held->pdata[i]);
  he_request_respond_json (request, he_json_writer_end (writer));
}

/* ---- what a peer holds, for us ---- */

static void
want_free (gpointer data)
{
  Want *want = data;

  he_segment_free (want->segment);
  g_free (want->node);
  g_free (want);
}

static Want *
want_from_json (const HeJson *entry)
{
  const char *path = NULL, *header = NULL, *digest = NULL, *node = NULL;
  g_autoptr (HeSegment) segment = NULL;
  guint8 bytes[HE_SHA256_LEN];
  Want *want;

  if (he_json_type (entry) != HE_JSON_OBJECT
      || !he_json_get_string (entry, "path", TRUE, &path, NULL)
      || !he_json_get_string (entry, "segment", TRUE, &header, NULL)
      || !he_json_get_string (entry, "sha256", TRUE, &digest, NULL)
      || !he_json_get_string (entry, "node", FALSE, &node, NULL)
      || (node != NULL && !he_name_is_valid (node))
      || !he_hex_decode (digest, strlen (digest), bytes, sizeof bytes)
      || (segment = he_segment_from_path (path, NULL)) == NULL
      || !he_segment_read_header (segment, header, NULL))
    return NULL;
  want = g_new0 (Want, 1);
  want->segment = g_steal_pointer (&segment);
  want->node = g_strdup (node);
  memcpy (want->digest, bytes, sizeof bytes);
  return want;
}

/* Whether a copy like this is of use: none is held, or one that is not clean. */
static gboolean
is_wanted (Fill *fill, const HeSegment *segment)
{
  g_autoptr (HeHeld) held = NULL;

  if (!g_str_equal (segment->channel, fill->channel))
    return FALSE;
  held = he_store_get (fill->origin->store, segment);
  return held == NULL
         || (held->segment->flags != HE_SEGMENT_CLEAN
             && segment->flags == HE_SEGMENT_CLEAN);
}

static void
add_want (Fill *fill, Want *want, guint peer)
{
  g_autofree char *path = he_segment_path (want->segment);
  Want *known = g_hash_table_lookup (fill->known, path);
  guint64 bit = G_GUINT64_CONSTANT (1) << peer;

  /* Peers may hold different copies: each goes with the digest it was told with. */
  if (known != NULL || !is_wanted (fill, want->segment)) {
    if (known != NULL && memcmp (known->digest, want->digest, sizeof known->digest) == 0)
      known->peers |= bit;
    want_free (want);
    return;
  }
  want->peers = bit;
  fill->listed_left += want->listed;
  g_hash_table_insert (fill->known, g_steal_pointer (&path), want);
  g_queue_push_tail (&fill->wants, want);
}

static void
read_index (Fill *fill, guint peer, GBytes *body)
{
  gsize len = 0;
  const char *text = g_bytes_get_data (body, &len);
  g_autoptr (HeJson) root
      = text != NULL ? he_json_parse (text, (gssize)len, MAX_INDEX, 4, NULL) : NULL;
  const HeJson *list;
  guint64 first = G_MAXUINT64;

  if (root == NULL || he_json_type (root) != HE_JSON_OBJECT
      || (list = he_json_member (root, "segments")) == NULL
      || he_json_type (list) != HE_JSON_ARRAY)
    return;
  he_json_get_uint64 (root, "first", FALSE, G_MAXINT64, &first, NULL);
  for (guint i = 0; i < he_json_length (list); i++) {
    Want *want = want_from_json (he_json_element (list, i));

    if (want == NULL)
      continue;
    want->listed = want->segment->msn >= first;
    add_want (fill, want, peer);
  }
}

/* What viewers need first, and of that the oldest, so that the list grows forward. */
static gint
by_need (gconstpointer a, gconstpointer b, gpointer data)
{
  const Want *x = a, *y = b;

  if (x->listed != y->listed)
    return x->listed ? -1 : 1;
  return (x->segment->msn > y->segment->msn) - (x->segment->msn < y->segment->msn);
}

/* ---- fetching ---- */

static void
no_longer_awaited (Fill *fill)
{
  if (!fill->first)
    return;
  fill->first = FALSE;
  fill->origin->asking--;
}

static void
fill_over (Fill *fill)
{
  no_longer_awaited (fill);
  if (fill->taken > 0)
    he_log_state (fill->origin->log, "channel %s: %u segments taken over from peers",
                  fill->channel, fill->taken);
  g_hash_table_remove (fill->origin->fills, fill->channel);
}

static void
fill_free (gpointer data)
{
  Fill *fill = data;

  g_queue_clear_full (&fill->wants, want_free);
  g_hash_table_unref (fill->known);
  g_free (fill->channel);
  g_free (fill);
}

static void fetch_more (Fill *fill);

static const char *
take (Fill *fill, Want *want, const HePeerReply *reply)
{
  HeOrigin *origin = fill->origin;
  g_autoptr (GError) error = NULL;
  guint8 digest[HE_SHA256_LEN];
  HeStoreOutcome outcome;

  if (reply->status != 200 || reply->body == NULL)
    return "failed";
  he_sha256 (g_bytes_get_data (reply->body, NULL), g_bytes_get_size (reply->body),
             digest);
  if (memcmp (digest, want->digest, sizeof digest) != 0) {
    he_log_event (origin->log, g_get_monotonic_time (),
                  "segment %" G_GUINT64_FORMAT
                  " of channel %s came from peer %s with other bytes than it told of",
                  want->segment->msn, fill->channel, reply->peer);
    return "damaged";
  }
  if (!he_store_restore (origin->store, want->segment, reply->body, want->node,
                         g_get_monotonic_time (), &outcome, &error))
    return "refused";
  if (outcome != HE_STORE_NEW && outcome != HE_STORE_REPLACED)
    return "held";
  fill->taken++;
  he_ack_note (origin, fill->channel);
  return "ok";
}

static void
fetched (const HePeerReply *replies, guint n, gpointer data)
{
  g_autofree Fetch *fetch = data;
  Fill *fill = fetch->fill;
  Want *want = fetch->want;
  const char *result = take (fill, want, &replies[fetch->peer]);
  gboolean again = (g_str_equal (result, "failed") || g_str_equal (result, "damaged"))
                   && want->peers != 0;

  he_metrics_add (fill->origin->metrics, HE_METRIC_BACKFILL, replies[fetch->peer].peer,
                  result, 1);
  fill->flying--;
  if (again)
    g_queue_push_head (&fill->wants, want);
  else {
    fill->listed_left -= want->listed;
    want_free (want);
  }
  fetch_more (fill);
}

static void
fetch_one (Fill *fill, Want *want)
{
  Fetch *fetch = g_new0 (Fetch, 1);
  g_autofree char *path = he_segment_path (want->segment);

  fetch->fill = fill;
  fetch->want = want;
  fetch->peer = (guint)__builtin_ctzll (want->peers);
  want->peers &= want->peers - 1;
  fill->flying++;
  he_peers_call (fill->origin->peers, G_GUINT64_CONSTANT (1) << fetch->peer, "GET", path,
                 NULL, FETCH_MS, fetched, fetch);
}

static void
fetch_more (Fill *fill)
{
  gboolean late = fill->origin->stopping || g_get_monotonic_time () > fill->deadline;

  while (!late && fill->flying < AT_ONCE && fill->wants.length > 0) {
    Want *want = g_queue_pop_head (&fill->wants);

    /* Workers publish all the while. */
    if (is_wanted (fill, want->segment)) {
      fetch_one (fill, want);
      continue;
    }
    fill->listed_left -= want->listed;
    want_free (want);
  }
  if (fill->listed_left == 0 || late)
    no_longer_awaited (fill);
  if (fill->flying == 0 && (late || fill->wants.length == 0))
    fill_over (fill);
}

static void
got_index (const HePeerReply *replies, guint n, gpointer data)
{
  Fill *fill = data;

  for (guint i = 0; i < n; i++)
    if (replies[i].status == 200 && replies[i].body != NULL)
      read_index (fill, i, replies[i].body);
  g_hash_table_remove_all (fill->known);
  g_queue_sort (&fill->wants, by_need, NULL);
  fetch_more (fill);
}

static void
begin (HeOrigin *origin, const HeChannel *channel, gboolean first)
{
  g_autofree char *path = NULL;
  Fill *fill;

  if (channel->recording || g_hash_table_contains (origin->fills, channel->name))
    return;
  fill = g_new0 (Fill, 1);
  fill->origin = origin;
  fill->channel = g_strdup (channel->name);
  fill->first = first;
  fill->deadline = g_get_monotonic_time () + LIMIT;
  fill->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_insert (origin->fills, fill->channel, fill);
  origin->asking += first;
  path = g_strconcat (PATH, channel->name, NULL);
  he_peers_call (origin->peers, HE_PEERS_ALL, "GET", path, NULL, INDEX_MS, got_index,
                 fill);
}

void
he_backfill_start (HeOrigin *origin)
{
  g_autoptr (GPtrArray) channels = he_origin_channels (origin);

  origin->fills = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, fill_free);
  for (guint i = 0; i < channels->len; i++)
    begin (origin, channels->pdata[i], TRUE);
}

/* Whether viewers of a peer get what ours do not: a hole in what is listed or follows it,
 * that the peer's newest segment has left behind. */
static gboolean
is_behind (HeOrigin *origin, const HeChannel *channel)
{
  HeStoreStatus status;
  guint64 newest = 0;

  if (!he_store_get_status (origin->store, channel->name, &status)
      || !he_ack_peer_newest (origin, channel->name, &newest))
    return FALSE;
  return !status.filled || newest > status.last_msn + 1 || status.run < channel->window;
}

void
he_backfill_tick (HeOrigin *origin)
{
  g_autoptr (GPtrArray) channels = he_origin_channels (origin);

  for (guint i = 0; i < channels->len; i++)
    if (is_behind (origin, channels->pdata[i]))
      begin (origin, channels->pdata[i], FALSE);
}

void
he_backfill_stop (HeOrigin *origin)
{
  g_clear_pointer (&origin->fills, g_hash_table_unref);
}
