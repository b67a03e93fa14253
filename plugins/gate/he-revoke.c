/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include <string.h>

#include "he-error.h"
#include "he-json.h"

#define TELL_MS 500
#define WHOLE_MS 1500 /* at first */
#define WHOLE_LONGEST_MS 24000
/* An operator wants to know that it is on disk, but not at any price. */
#define KEEP_US (2 * G_USEC_PER_SEC)
#define LOOK_MS 10

static gint64
now_us (void)
{
  return g_get_real_time ();
}

/* Frees the slots; the gate itself looks at what is revoked. */
static void
end_sessions (HeOrigin *origin, const GPtrArray *list)
{
  for (guint i = 0; i < list->len; i++) {
    const HeRevocation *revocation = list->pdata[i];

    if (revocation->account != NULL)
      he_sessions_end_account (origin->sessions, revocation->account, revocation->at,
                               HE_CODE_REVOKED);
    else
      he_sessions_end (origin->sessions, revocation->session, HE_CODE_REVOKED, now_us ());
  }
}

/* Says it when what is revoked is not on disk in time, and when it is again. */
static void
note_kept (HeOrigin *origin, gboolean kept, const char *why)
{
  if (kept && origin->revoked_unkept)
    he_log_state (origin->log, "revocations are kept again");
  else if (!kept && !origin->revoked_unkept)
    he_log_state (origin->log, "revocations hold but are not kept: %s", why);
  origin->revoked_unkept = !kept;
}

/* Nobody waits for most of them: that they are kept is seen later. */
static void
check_kept (HeOrigin *origin)
{
  const gint64 now = g_get_monotonic_time ();
  g_autoptr (GError) error = NULL;
  HeStateResult result
      = he_revocations_saved (origin->revocations, origin->revoked, 0, &error);

  if (result != HE_STATE_WAITS)
    origin->revoked_waits = 0;
  else if (origin->revoked_waits == 0)
    origin->revoked_waits = now;
  if (result != HE_STATE_WAITS || now - origin->revoked_waits >= KEEP_US)
    note_kept (origin, result == HE_STATE_WRITTEN, error != NULL ? error->message : "");
}

/* What is new of a list, carried out and on its way to the disk. NULL when nothing was
 * taken. */
static GPtrArray *
take (HeOrigin *origin, const char *text, gsize len, GError **error)
{
  GPtrArray *news = he_revocations_merge (origin->revocations, text != NULL ? text : "",
                                          (gssize)len, now_us (), error);

  if (news == NULL)
    return NULL;
  end_sessions (origin, news);
  if (news->len > 0)
    origin->revoked = he_revocations_save (origin->revocations);
  return news;
}

gboolean
he_revoke_load (HeOrigin *origin, const char *folder, GError **error)
{
  g_autofree char *aside = NULL;

  origin->revocations
      = he_revocations_new (origin->credential, folder, HE_REVOCATIONS_MAX,
                            g_get_real_time (), &aside, error);
  if (aside != NULL)
    he_log_state (origin->log,
                  "revocations are begun anew, as their file could not be understood; it is "
                  "%s now",
                  aside);
  return origin->revocations != NULL;
}

void
he_revoke_take (HeOrigin *origin, const char *text, gsize len)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) news = take (origin, text, len, &error);

  if (news == NULL)
    he_log_event (origin->log, g_get_monotonic_time (), "revocations refused: %s",
                  error->message);
}

/* --- Who revokes
 * ------------------------------------------------------------------------ */

/* A request that waits until the peers know, and then until the disk does. */
typedef struct {
  HeOrigin *origin;
  HeRequest *request;
  guint64 number; /* of what is to be kept */
  guint sessions, accounts, aware, peers;
  gint64 until; /* monotonic; 0: not at all */
} Waiting;

static void
respond (Waiting *waiting, gboolean kept)
{
  HeJsonWriter *writer = he_json_writer_new ();
  g_autoptr (GBytes) body = NULL;
  char *text;

  he_json_writer_open_object (writer, NULL);
  he_json_writer_uint64 (writer, "sessions", waiting->sessions);
  he_json_writer_uint64 (writer, "accounts", waiting->accounts);
  he_json_writer_boolean (writer, "kept", kept);
  he_json_writer_uint64 (writer, "peers", waiting->peers);
  he_json_writer_uint64 (writer, "aware", waiting->aware);
  text = he_json_writer_end (writer);
  body = g_bytes_new_take (text, strlen (text));
  /* First, so that who has the answer finds it in the log. */
  if (waiting->sessions + waiting->accounts > 0)
    he_log_state (waiting->origin->log,
                  "revoked: %u sessions and %u accounts, told by %s; %u of %u peers know",
                  waiting->sessions, waiting->accounts,
                  he_request_peer (waiting->request), waiting->aware, waiting->peers);
  he_request_respond (waiting->request, 200, "application/json", body);
  he_request_unref (waiting->request);
  g_free (waiting);
}

/* Answers whose text is on disk, or is not in time. */
static gboolean
respond_kept (gpointer data)
{
  HeOrigin *origin = data;

  for (GList *link = origin->keeping.head, *next; link != NULL; link = next) {
    Waiting *waiting = link->data;
    g_autoptr (GError) error = NULL;
    HeStateResult result
        = he_revocations_saved (origin->revocations, waiting->number, 0, &error);

    next = link->next;
    if (result == HE_STATE_WAITS && g_get_monotonic_time () < waiting->until
        && !origin->stopping)
      continue;
    g_queue_delete_link (&origin->keeping, link);
    if (result != HE_STATE_WAITS || waiting->until > 0)
      note_kept (origin, result == HE_STATE_WRITTEN, error != NULL ? error->message : "");
    respond (waiting, result == HE_STATE_WRITTEN);
  }
  if (origin->keeping.length > 0)
    return G_SOURCE_CONTINUE;
  g_clear_pointer (&origin->keeper, g_source_unref);
  return G_SOURCE_REMOVE;
}

static void
respond_later (Waiting *waiting, guint aware, guint peers)
{
  HeOrigin *origin = waiting->origin;

  waiting->aware = aware;
  waiting->peers = peers;
  /* A peer asks whether it is known, not more. */
  if (he_request_field (waiting->request, "Headend-Peer") == NULL)
    waiting->until = g_get_monotonic_time () + KEEP_US;
  g_queue_push_tail (&origin->keeping, waiting);
  if (origin->keeper != NULL)
    return;
  origin->keeper = g_timeout_source_new (LOOK_MS);
  g_source_set_callback (origin->keeper, respond_kept, origin, NULL);
  g_source_attach (origin->keeper, origin->context);
}

void
he_revoke_stop (HeOrigin *origin)
{
  if (origin->keeper == NULL)
    return;
  g_source_destroy (origin->keeper);
  respond_kept (origin);
}

static void
told (const HePeerReply *replies, guint n, gpointer data)
{
  Waiting *waiting = data;
  guint aware = 0;

  for (guint i = 0; i < n; i++)
    if (replies[i].status / 100 == 2)
      aware++;
    else
      waiting->origin->unaware |= G_GUINT64_CONSTANT (1) << i;
  respond_later (waiting, aware, n);
}

static void
count_kinds (const GPtrArray *news, Waiting *waiting)
{
  for (guint i = 0; i < news->len; i++) {
    const HeRevocation *revocation = news->pdata[i];

    if (revocation->account != NULL)
      waiting->accounts++;
    else
      waiting->sessions++;
  }
}

/* What is new is passed on, whoever told it: a third origin may not be known to who did.
 * What is known ends here, so that nothing goes round. */
void
he_revoke_handle (HeOrigin *origin, HeRequest *request)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) news = NULL;
  g_autoptr (GBytes) body = NULL;
  gsize len;
  const char *text = g_bytes_get_data (he_request_body (request), &len);
  Waiting *waiting;
  char *json;

  he_request_add_field (request, "Cache-Control", "no-store");
  news = take (origin, text, len, &error);
  if (news == NULL) {
    g_autofree char *line = g_strdup_printf ("%s\n", error->message);
    gboolean full = g_error_matches (error, HE_ERROR, HE_ERROR_LIMIT);

    he_log_event (origin->log, g_get_monotonic_time (), "revocations refused: %s",
                  error->message);
    he_request_respond_text (request, full ? 507 : 400, line);
    return;
  }
  waiting = g_new0 (Waiting, 1);
  waiting->origin = origin;
  waiting->request = he_request_ref (request);
  waiting->number = origin->revoked;
  count_kinds (news, waiting);
  json = he_revocations_list_to_json (news);
  body = g_bytes_new_take (json, strlen (json));
  if (origin->redis != NULL && news->len > 0)
    he_redis_revoke (origin->redis, json);
  if (news->len == 0 || he_peers_count (origin->peers) == 0) {
    respond_later (waiting, he_peers_count (origin->peers), he_peers_count (origin->peers));
    return;
  }
  he_peers_call (origin->peers, HE_PEERS_ALL, "POST", HE_REVOKE_PATH, body, TELL_MS, told,
                 waiting);
}

static void
passed_on (const HePeerReply *replies, guint n, gpointer data)
{
  HeOrigin *origin = data;

  for (guint i = 0; i < n; i++)
    if (replies[i].status / 100 != 2)
      origin->unaware |= G_GUINT64_CONSTANT (1) << i;
}

void
he_revoke_tell (HeOrigin *origin, const char *list)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) body = NULL;
  g_autoptr (GPtrArray) news = take (origin, list, strlen (list), &error);
  char *json;

  if (news == NULL)
    he_log_event (origin->log, g_get_monotonic_time (), "revocations refused: %s",
                  error->message);
  if (news == NULL || news->len == 0)
    return;
  json = he_revocations_list_to_json (news);
  body = g_bytes_new_take (json, strlen (json));
  if (origin->redis != NULL)
    he_redis_revoke (origin->redis, json);
  if (he_peers_count (origin->peers) > 0)
    he_peers_call (origin->peers, HE_PEERS_ALL, "POST", HE_REVOKE_PATH, body, TELL_MS,
                   passed_on, origin);
}

void
he_revoke_give (HeOrigin *origin, HeRequest *request)
{
  he_request_respond_json (request, he_revocations_to_json (origin->revocations));
}

/* --- With peers that missed something
 * ---------------------------------------------------- */

/* All that is revoked, from a peer or to it. */
typedef struct {
  HeOrigin *origin;
  guint peer;
  guint limit_ms;
  gboolean first; /* we are not ready before it is over */
} Exchange;

static Exchange *
exchange_new (HeOrigin *origin, guint peer)
{
  Exchange *exchange = g_new0 (Exchange, 1);

  exchange->origin = origin;
  exchange->peer = peer;
  exchange->limit_ms = origin->revoking[peer].whole_ms;
  origin->revoking[peer].under_way++;
  return exchange;
}

/* A list that took too long would take as long again: who was not done with it in time gets
 * more, or a slow node would make it over and over, and answer nobody else. Who is away is
 * asked again as soon as ever. */
static void
exchange_over (Exchange *exchange, const HePeerReply *reply)
{
  HeOrigin *origin = exchange->origin;
  const guint64 bit = G_GUINT64_CONSTANT (1) << exchange->peer;
  guint *whole_ms = &origin->revoking[exchange->peer].whole_ms;

  if (reply->late)
    *whole_ms = MAX (*whole_ms, MIN (2 * exchange->limit_ms, WHOLE_LONGEST_MS));
  else if (((origin->unheard | origin->unaware) & bit) == 0)
    *whole_ms = WHOLE_MS;
  origin->revoking[exchange->peer].under_way--;
  origin->asking -= exchange->first;
  g_free (exchange);
}

static void
got_all (const HePeerReply *replies, guint n, gpointer data)
{
  Exchange *exchange = data;
  HeOrigin *origin = exchange->origin;
  const HePeerReply *reply = &replies[exchange->peer];
  g_autoptr (GPtrArray) news = NULL;
  g_autoptr (GError) error = NULL;
  gsize len = 0;
  const char *text = reply->body != NULL ? g_bytes_get_data (reply->body, &len) : NULL;

  if (reply->status == 200) {
    news = take (origin, text, len, &error);
    if (news == NULL)
      he_log_state (origin->log, "revocations of %s refused: %s", reply->peer,
                    error->message);
    else
      origin->unheard &= ~(G_GUINT64_CONSTANT (1) << exchange->peer);
  }
  exchange_over (exchange, reply);
}

static void
gave_all (const HePeerReply *replies, guint n, gpointer data)
{
  Exchange *exchange = data;
  const HePeerReply *reply = &replies[exchange->peer];

  if (reply->status / 100 != 2)
    exchange->origin->unaware |= G_GUINT64_CONSTANT (1) << exchange->peer;
  exchange_over (exchange, reply);
}

static void
give_all (HeOrigin *origin, guint peer, GBytes *body)
{
  const guint64 bit = G_GUINT64_CONSTANT (1) << peer;
  Exchange *exchange = exchange_new (origin, peer);

  /* Now, as another may be missed while this is under way. */
  origin->unaware &= ~bit;
  he_peers_call (origin->peers, bit, "POST", HE_REVOKE_PATH, body, exchange->limit_ms,
                 gave_all, exchange);
}

static void
get_all (HeOrigin *origin, guint peer, gboolean first)
{
  Exchange *exchange = exchange_new (origin, peer);

  exchange->first = first;
  origin->asking += first;
  he_peers_call (origin->peers, G_GUINT64_CONSTANT (1) << peer, "GET", HE_REVOKE_PATH,
                 NULL, exchange->limit_ms, got_all, exchange);
}

/* Each may know of something that the other slept through. */
void
he_revoke_start (HeOrigin *origin)
{
  const guint n = he_peers_count (origin->peers);

  origin->unheard = n >= 64 ? HE_PEERS_ALL : (G_GUINT64_CONSTANT (1) << n) - 1;
  origin->unaware = origin->unheard;
  for (guint i = 0; i < n; i++) {
    origin->revoking[i].under_way = 0;
    origin->revoking[i].whole_ms = WHOLE_MS;
    get_all (origin, i, TRUE);
  }
}

void
he_revoke_tick (HeOrigin *origin)
{
  const guint n = he_peers_count (origin->peers);
  g_autoptr (GBytes) body = NULL;

  check_kept (origin);
  for (guint i = 0; i < n; i++) {
    if (origin->revoking[i].under_way > 0)
      continue;
    if (origin->unheard >> i & 1)
      get_all (origin, i, FALSE);
    if (!(origin->unaware >> i & 1))
      continue;
    if (body == NULL) {
      char *text = he_revocations_to_json (origin->revocations);

      body = g_bytes_new_take (text, strlen (text));
    }
    give_all (origin, i, body);
  }
}
