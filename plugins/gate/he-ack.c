/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include <string.h>

#include "he-json.h"

#define PATH "/control/complete/"
#define ANSWER_MS 250
#define MAX_MESSAGE 1024

/* What a peer last said of a channel. */
typedef struct {
  gboolean heard;
  guint64 newest; /* complete */
  gboolean sound; /* the peer could do without us */
  gint64 at;      /* monotonic */
} Word;

typedef struct {
  HeOrigin *origin;
  char *channel;
  guint wait_ms; /* a player waits so much longer for a segment while a peer is away */
  Word *peers;
  gint64 asked_at; /* monotonic, when the peers were asked last */
  gboolean any;
  guint64 completed;  /* the newest complete segment, once there is any */
  gboolean telling;   /* one question is under way */
  guint64 told;       /* the newest that peers were told of */
  GQueue pending;     /* Pending, oldest first */
  GSource *held_back; /* until what is held back will be; NULL: nothing is */
} Acks;

/* A complete segment that is not listed yet. */
typedef struct {
  Acks *acks;
  guint64 msn;
  guint64 silent; /* peers, by bit, that are not waited for */
  GSource *timer;
} Pending;

static void
pending_free (gpointer data)
{
  Pending *pending = data;

  g_source_destroy (pending->timer);
  g_source_unref (pending->timer);
  g_free (pending);
}

static void
stop_waiting (Acks *acks)
{
  if (acks->held_back != NULL)
    g_source_destroy (acks->held_back);
  g_clear_pointer (&acks->held_back, g_source_unref);
}

static void
acks_free (gpointer data)
{
  Acks *acks = data;

  stop_waiting (acks);
  g_queue_clear_full (&acks->pending, pending_free);
  g_free (acks->channel);
  g_free (acks->peers);
  g_free (acks);
}

static Acks *
acks_of (HeOrigin *origin, const char *name)
{
  Acks *acks;

  if (origin->acks == NULL)
    origin->acks = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, acks_free);
  acks = g_hash_table_lookup (origin->acks, name);
  if (acks == NULL) {
    g_autoptr (HeChannel) channel = he_store_find_channel (origin->store, name);

    acks = g_new0 (Acks, 1);
    acks->origin = origin;
    acks->channel = g_strdup (name);
    acks->wait_ms = (guint)(he_store_ack_us (channel) / 1000);
    acks->peers = g_new0 (Word, MAX (he_peers_count (origin->peers), 1));
    g_hash_table_insert (origin->acks, acks->channel, acks);
  }
  return acks;
}

static gboolean
is_acknowledged (const Pending *pending)
{
  Acks *acks = pending->acks;

  for (guint i = 0; i < he_peers_count (acks->origin->peers); i++)
    if (!(pending->silent >> i & 1)
        && !(acks->peers[i].heard && acks->peers[i].newest >= pending->msn))
      return FALSE;
  return TRUE;
}

/* Lists what nobody needs to be waited for any more. */
static void
settle (Acks *acks)
{
  for (GList *l = acks->pending.head; l != NULL;) {
    GList *next = l->next;
    Pending *pending = l->data;

    if (is_acknowledged (pending)) {
      he_store_release (acks->origin->store, acks->channel, pending->msn);
      pending_free (pending);
      g_queue_delete_link (&acks->pending, l);
    }
    l = next;
  }
}

static gboolean
waited_enough (gpointer data)
{
  Pending *pending = data;

  pending->silent = G_MAXUINT64;
  settle (pending->acks);
  return G_SOURCE_REMOVE;
}

static void
hear (Word *word, const HeJson *message)
{
  he_json_get_uint64 (message, "msn", FALSE, G_MAXINT64, &word->newest, NULL);
  he_json_get_boolean (message, "sound", FALSE, &word->sound, NULL);
  word->heard = he_json_member (message, "msn") != NULL;
  word->at = g_get_monotonic_time ();
}

/* What a peer told of itself while we waited for its answer may be newer than that. */
static void
hear_answer (Acks *acks, Word *word, const HeJson *message)
{
  const Word before = *word;

  hear (word, message);
  if (!before.heard || before.at < acks->asked_at)
    return;
  word->newest = word->heard ? MAX (word->newest, before.newest) : before.newest;
  word->heard = TRUE;
}

static HeJson *
parse (GBytes *body)
{
  gsize len = 0;
  const char *text = body != NULL ? g_bytes_get_data (body, &len) : NULL;
  g_autoptr (HeJson) message
      = text != NULL ? he_json_parse (text, (gssize)len, MAX_MESSAGE, 2, NULL) : NULL;

  if (message == NULL || he_json_type (message) != HE_JSON_OBJECT)
    return NULL;
  return g_steal_pointer (&message);
}

static GBytes *
message_of (HeOrigin *origin, const char *channel)
{
  HeJsonWriter *writer = he_json_writer_new ();
  guint64 newest;
  gint64 until;
  char *text;

  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, "node", origin->node);
  if (he_store_newest (origin->store, channel, g_get_monotonic_time (), &newest, &until))
    he_json_writer_uint64 (writer, "msn", newest);
  he_json_writer_boolean (writer, "sound", he_status_is_sound (origin));
  text = he_json_writer_end (writer);
  return g_bytes_new_take (text, strlen (text));
}

static void tell_peers (Acks *acks, guint64 msn);

/* Who does not answer serves nobody now, and is not waited for. */
static void
told (const HePeerReply *replies, guint n, gpointer data)
{
  Acks *acks = data;
  guint64 silent = 0, newest;
  gint64 until;

  for (guint i = 0; i < n; i++) {
    g_autoptr (HeJson) message
        = replies[i].status == 200 ? parse (replies[i].body) : NULL;

    if (message != NULL)
      hear_answer (acks, &acks->peers[i], message);
    else {
      silent |= G_GUINT64_CONSTANT (1) << i;
      acks->peers[i].sound = FALSE;
    }
  }
  for (GList *l = acks->pending.head; l != NULL; l = l->next)
    if (((Pending *)l->data)->msn <= acks->told)
      ((Pending *)l->data)->silent |= silent;
  acks->telling = FALSE;
  settle (acks);
  if (!acks->origin->stopping
      && he_store_newest (acks->origin->store, acks->channel, g_get_monotonic_time (),
                          &newest, &until)
      && newest != acks->told)
    tell_peers (acks, newest);
}

static void
tell_peers (Acks *acks, guint64 msn)
{
  g_autofree char *path = g_strconcat (PATH, acks->channel, NULL);
  g_autoptr (GBytes) body = message_of (acks->origin, acks->channel);

  acks->telling = TRUE;
  acks->told = msn;
  acks->asked_at = g_get_monotonic_time ();
  he_peers_call (acks->origin->peers, HE_PEERS_ALL, "POST", path, body, ANSWER_MS, told,
                 acks);
}

static gboolean
waited_for_better (gpointer data)
{
  Acks *acks = data;

  stop_waiting (acks);
  he_ack_note (acks->origin, acks->channel);
  return G_SOURCE_REMOVE;
}

/* Looks again when what is held back will be so no longer, unless a copy comes first. */
static void
wait_for_better (Acks *acks, gint64 until, gint64 now)
{
  stop_waiting (acks);
  if (until == 0 || acks->origin->stopping)
    return;
  acks->held_back = g_timeout_source_new ((guint)(MAX (until - now, 0) / 1000 + 1));
  g_source_set_callback (acks->held_back, waited_for_better, acks, NULL);
  g_source_attach (acks->held_back, acks->origin->context);
}

void
he_ack_note (HeOrigin *origin, const char *channel)
{
  Acks *acks = acks_of (origin, channel);
  gint64 now = g_get_monotonic_time (), until;
  Pending *pending;
  guint64 msn;
  gboolean any = he_store_newest (origin->store, channel, now, &msn, &until);

  wait_for_better (acks, until, now);
  if (!any || (acks->any && acks->completed == msn))
    return;
  acks->any = TRUE;
  acks->completed = msn;
  pending = g_new0 (Pending, 1);
  pending->acks = acks;
  pending->msn = msn;
  pending->timer = g_timeout_source_new (acks->wait_ms);
  g_source_set_callback (pending->timer, waited_enough, pending, NULL);
  g_source_attach (pending->timer, origin->context);
  g_queue_push_tail (&acks->pending, pending);
  settle (acks);
  /* A window that comes at once is told once. */
  if (!acks->telling)
    tell_peers (acks, msn);
}

void
he_ack_handle (HeOrigin *origin, HeRequest *request)
{
  g_autoptr (HeChannel) channel
      = he_store_find_channel (origin->store, he_request_path (request) + strlen (PATH));
  g_autoptr (HeJson) message = parse (he_request_body (request));
  g_autoptr (GBytes) answer = NULL;
  const char *node = NULL;

  if (channel == NULL) {
    he_request_respond_text (request, 404, "no such channel\n");
    return;
  }
  if (message == NULL || !he_json_get_string (message, "node", TRUE, &node, NULL)) {
    he_request_respond_text (request, 400, "malformed message\n");
    return;
  }
  for (guint i = 0; i < he_peers_count (origin->peers); i++)
    if (g_strcmp0 (origin->peer_nodes[i], node) == 0) {
      Acks *acks = acks_of (origin, channel->name);

      hear (&acks->peers[i], message);
      settle (acks);
    }
  answer = message_of (origin, channel->name);
  he_request_add_field (request, "Cache-Control", "no-store");
  he_request_respond (request, 200, "application/json", answer);
}

gboolean
he_ack_peer_newest (HeOrigin *origin, const char *channel, guint64 *ret_newest)
{
  Acks *acks = origin->acks != NULL ? g_hash_table_lookup (origin->acks, channel) : NULL;
  gboolean any = FALSE;

  for (guint i = 0; acks != NULL && i < he_peers_count (origin->peers); i++)
    if (acks->peers[i].heard) {
      *ret_newest
          = any ? MAX (*ret_newest, acks->peers[i].newest) : acks->peers[i].newest;
      any = TRUE;
    }
  return any;
}

gboolean
he_ack_has_sound_peer (HeOrigin *origin, const char *channel, gint64 since)
{
  Acks *acks = origin->acks != NULL ? g_hash_table_lookup (origin->acks, channel) : NULL;

  for (guint i = 0; acks != NULL && i < he_peers_count (origin->peers); i++)
    if (acks->peers[i].sound && acks->peers[i].at >= since)
      return TRUE;
  return FALSE;
}

void
he_ack_stop (HeOrigin *origin)
{
  g_clear_pointer (&origin->acks, g_hash_table_unref);
}
