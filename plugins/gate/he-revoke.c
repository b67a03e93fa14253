/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include <string.h>

#include "he-error.h"
#include "he-json.h"

#define TELL_MS 500
#define WHOLE_MS 1500
/* An operator wants to know that it is on disk, but not at any price. */
#define KEEP_US (2 * G_USEC_PER_SEC)

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

/* Whether what has that number is on disk. */
static gboolean
is_kept (HeOrigin *origin, guint64 number, gint64 patience)
{
  g_autoptr (GError) error = NULL;
  HeStateResult result
      = he_revocations_saved (origin->revocations, number, patience, &error);

  if (result == HE_STATE_FAILED || (result == HE_STATE_WAITS && patience > 0))
    he_log_state (origin->log, "revocations hold but are not kept: %s", error->message);
  return result == HE_STATE_WRITTEN;
}

/* What is new of a list, carried out and on its way to the disk; *ret_number is that of
 * he_revocations_save(), or 0. NULL when nothing was taken. */
static GPtrArray *
take (HeOrigin *origin, const char *text, gsize len, guint64 *ret_number, GError **error)
{
  GPtrArray *news = he_revocations_merge (origin->revocations, text != NULL ? text : "",
                                          (gssize)len, now_us (), error);

  *ret_number = 0;
  if (news == NULL)
    return NULL;
  end_sessions (origin, news);
  if (news->len > 0)
    *ret_number = he_revocations_save (origin->revocations);
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
  guint64 number;
  g_autoptr (GPtrArray) news = take (origin, text, len, &number, &error);

  if (news != NULL)
    is_kept (origin, number, 0);
  else
    he_log_event (origin->log, g_get_monotonic_time (), "revocations refused: %s",
                  error->message);
}

/* --- Who revokes
 * ------------------------------------------------------------------------ */

/* A request that waits until the peers know. */
typedef struct {
  HeOrigin *origin;
  HeRequest *request;
  guint64 number; /* of what is to be kept */
  guint sessions, accounts;
} Waiting;

static void
respond (Waiting *waiting, guint aware, guint peers)
{
  HeJsonWriter *writer = he_json_writer_new ();
  g_autoptr (GBytes) body = NULL;
  char *text;

  he_json_writer_open_object (writer, NULL);
  he_json_writer_uint64 (writer, "sessions", waiting->sessions);
  he_json_writer_uint64 (writer, "accounts", waiting->accounts);
  he_json_writer_boolean (writer, "kept",
                          is_kept (waiting->origin, waiting->number, KEEP_US));
  he_json_writer_uint64 (writer, "peers", peers);
  he_json_writer_uint64 (writer, "aware", aware);
  text = he_json_writer_end (writer);
  body = g_bytes_new_take (text, strlen (text));
  /* First, so that who has the answer finds it in the log. */
  if (waiting->sessions + waiting->accounts > 0)
    he_log_state (waiting->origin->log,
                  "revoked: %u sessions and %u accounts, told by %s; %u of %u peers know",
                  waiting->sessions, waiting->accounts,
                  he_request_peer (waiting->request), aware, peers);
  he_request_respond (waiting->request, 200, "application/json", body);
  he_request_unref (waiting->request);
  g_free (waiting);
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
  respond (waiting, aware, n);
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
  guint64 number;
  Waiting *waiting;
  char *json;

  he_request_add_field (request, "Cache-Control", "no-store");
  news = take (origin, text, len, &number, &error);
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
  waiting->number = number;
  count_kinds (news, waiting);
  json = he_revocations_list_to_json (news);
  body = g_bytes_new_take (json, strlen (json));
  if (origin->redis != NULL && news->len > 0)
    he_redis_revoke (origin->redis, json);
  if (news->len == 0 || he_peers_count (origin->peers) == 0) {
    respond (waiting, he_peers_count (origin->peers), he_peers_count (origin->peers));
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
  guint64 number;
  g_autoptr (GPtrArray) news = take (origin, list, strlen (list), &number, &error);
  char *json;

  if (news == NULL)
    he_log_event (origin->log, g_get_monotonic_time (), "revocations refused: %s",
                  error->message);
  if (news == NULL || news->len == 0)
    return;
  is_kept (origin, number, 0);
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
  char *text = he_revocations_to_json (origin->revocations);
  g_autoptr (GBytes) body = g_bytes_new_take (text, strlen (text));

  he_request_add_field (request, "Cache-Control", "no-store");
  he_request_respond (request, 200, "application/json", body);
}

/* --- With peers that missed something
 * ---------------------------------------------------- */

static void
got_all (const HePeerReply *replies, guint n, gpointer data)
{
  HeOrigin *origin = data;

  for (guint i = 0; i < n; i++) {
    g_autoptr (GPtrArray) news = NULL;
    g_autoptr (GError) error = NULL;
    gsize len = 0;
    const char *text
        = replies[i].body != NULL ? g_bytes_get_data (replies[i].body, &len) : NULL;
    guint64 number;

    if (replies[i].status != 200)
      continue;
    news = take (origin, text, len, &number, &error);
    if (news == NULL) {
      he_log_state (origin->log, "revocations of %s refused: %s", replies[i].peer,
                    error->message);
      continue;
    }
    is_kept (origin, number, 0);
    origin->unheard &= ~(G_GUINT64_CONSTANT (1) << i);
  }
  origin->revoking--;
}

static void
got_first (const HePeerReply *replies, guint n, gpointer data)
{
  HeOrigin *origin = data;

  got_all (replies, n, origin);
  origin->asking--;
}

typedef struct {
  HeOrigin *origin;
  guint64 which;
} Telling;

static void
gave_all (const HePeerReply *replies, guint n, gpointer data)
{
  g_autofree Telling *telling = data;

  for (guint i = 0; i < n; i++)
    if (replies[i].status / 100 != 2)
      telling->origin->unaware |= telling->which & G_GUINT64_CONSTANT (1) << i;
  telling->origin->revoking--;
}

static void
give_all (HeOrigin *origin, guint64 which)
{
  char *text = he_revocations_to_json (origin->revocations);
  g_autoptr (GBytes) body = g_bytes_new_take (text, strlen (text));
  Telling *telling = g_new (Telling, 1);

  *telling = (Telling) { origin, which };
  /* Now, as another may be missed while this is under way. */
  origin->unaware &= ~which;
  origin->revoking++;
  he_peers_call (origin->peers, which, "POST", HE_REVOKE_PATH, body, WHOLE_MS, gave_all,
                 telling);
}

static void
get_all (HeOrigin *origin, HePeersFunc got)
{
  origin->revoking++;
  he_peers_call (origin->peers, origin->unheard, "GET", HE_REVOKE_PATH, NULL, WHOLE_MS,
                 got, origin);
}

/* Each may know of something that the other slept through. */
void
he_revoke_start (HeOrigin *origin)
{
  guint n = he_peers_count (origin->peers);

  origin->unheard = n >= 64 ? HE_PEERS_ALL : (G_GUINT64_CONSTANT (1) << n) - 1;
  origin->unaware = origin->unheard;
  origin->asking++;
  get_all (origin, got_first);
}

void
he_revoke_tick (HeOrigin *origin)
{
  if (origin->revoking > 0)
    return;
  if (origin->unheard != 0)
    get_all (origin, got_all);
  if (origin->unaware != 0)
    give_all (origin, origin->unaware);
}
