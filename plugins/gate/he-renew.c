/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include <string.h>

#include "he-authorizer.h"
#include "he-codec.h"
#include "he-json.h"
#include "he-renewals.h"

/* What the operator's authorizer is asked about leases that are renewed, and what becomes of
 * its answers. A refusal ends the session, which the peers learn as they learn of all
 * sessions; and it is a revocation, which outlives the nodes, while there is room for it. */

/* Refusals that come together are written to disk together. */
#define GATHER_MS 200
/* Nobody's lease is longer in memory than its record. */
#define KEEP_US (10 * 60 * (gint64)G_USEC_PER_SEC)

struct _HeRenewer {
  HeOrigin *origin;
  char *uri;
  HeSecret *login; /* or NULL */
  guint timeout_ms;
  gboolean ends;
  /* While it serves: */
  HeRenewals *table;
  /* of the origin's thread. */
  HeAuthorizer *authorizer;
  GArray *refused; /* Refusal, that are being gathered */
  GSource *gather; /* while there are any */
  gboolean full;
};

typedef struct {
  char session[33];
  gint64 until;
} Refusal;

typedef struct {
  HeRenewer *renewer;
  guint8 session[16];
  gint64 ends;
} Question;

static void
note_result (HeOrigin *origin, const char *result)
{
  he_metrics_add (origin->metrics, HE_METRIC_RENEWALS, result, NULL, 1);
}

/* How many more are kept. */
static guint
room (HeOrigin *origin)
{
  HeRevocationsCount count
      = he_revocations_count (origin->revocations, g_get_real_time ());
  guint held = count.sessions + count.accounts;

  return held < HE_REVOCATIONS_REFUSED_MAX ? HE_REVOCATIONS_REFUSED_MAX - held : 0;
}

static gboolean
tell_refused (gpointer data)
{
  HeRenewer *renewer = data;
  guint n = MIN (renewer->refused->len, room (renewer->origin));
  HeJsonWriter *writer = he_json_writer_new ();
  g_autofree char *list = NULL;

  he_json_writer_open_array (writer, NULL);
  for (guint i = 0; i < n; i++) {
    const Refusal *refusal = &g_array_index (renewer->refused, Refusal, i);

    he_json_writer_open_object (writer, NULL);
    he_json_writer_string (writer, "session", refusal->session);
    he_json_writer_int64 (writer, "until", refusal->until);
    he_json_writer_close (writer);
  }
  he_json_writer_close (writer);
  list = he_json_writer_end (writer);
  if (n < renewer->refused->len && !renewer->full)
    he_log_state (renewer->origin->log,
                  "the authorizer refuses more than the %d sessions that are kept as "
                  "revoked: these end, too, but nodes that start again ask about them anew",
                  HE_REVOCATIONS_REFUSED_MAX);
  renewer->full = n < renewer->refused->len;
  g_array_set_size (renewer->refused, 0);
  g_clear_pointer (&renewer->gather, g_source_unref);
  if (n > 0)
    he_revoke_tell (renewer->origin, list);
  return G_SOURCE_REMOVE;
}

static void
refuse (HeRenewer *renewer, const Question *question)
{
  g_autofree char *id = he_hex_encode (question->session, sizeof question->session);
  Refusal refusal = { .until = question->ends + KEEP_US };

  he_sessions_end (renewer->origin->sessions, question->session, HE_CODE_REVOKED,
                   g_get_real_time ());
  g_strlcpy (refusal.session, id, sizeof refusal.session);
  g_array_append_val (renewer->refused, refusal);
  if (renewer->gather == NULL) {
    renewer->gather = g_timeout_source_new (GATHER_MS);
    g_source_set_callback (renewer->gather, tell_refused, renewer, NULL);
    g_source_attach (renewer->gather, renewer->origin->context);
  }
  he_log_event (renewer->origin->log, g_get_monotonic_time (),
                "the authorizer ends the lease of session=%.8s", id);
}

static gboolean pump (gpointer data);

static void
answered (HeRenewalAnswer answer, guint seconds, const char *why, gpointer data)
{
  static const char *const results[] = { "failed", "allowed", "refused" };
  g_autofree Question *question = data;
  HeRenewer *renewer = question->renewer;
  HeOrigin *origin = renewer->origin;
  g_autofree char *id = he_hex_encode (question->session, sizeof question->session);

  if (origin->stopping)
    return;
  note_result (origin, results[answer]);
  if (answer == HE_RENEWAL_REFUSED)
    refuse (renewer, question);
  if (answer == HE_RENEWAL_FAILED)
    he_log_event (origin->log, g_get_monotonic_time (),
                  "the authorizer fails: %s; session=%.8s", why, id);
  if (he_renewals_answer (renewer->table, question->session, answer, seconds,
                          g_get_real_time ())) {
    if (he_renewals_is_broken (renewer->table))
      he_log_state (origin->log, "the authorizer is not asked for a while: %s; leases %s",
                    why, renewer->ends ? "end in time" : "go on");
    else
      he_log_state (origin->log, "the authorizer answers again");
  }
  pump (renewer);
}

static GBytes *
write_question (HeOrigin *origin, const HeSessionRecord *record)
{
  HeJsonWriter *writer = he_json_writer_new ();
  g_autofree char *id = he_hex_encode (record->id, sizeof record->id);
  char *text;

  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, "account", record->account);
  he_json_writer_string (writer, "session", id);
  he_json_writer_string (writer, "node", origin->node);
  he_json_writer_int64 (writer, "opened", record->opened / G_USEC_PER_SEC);
  he_json_writer_int64 (writer, "ends", record->hard_end / G_USEC_PER_SEC);
  he_json_writer_close (writer);
  text = he_json_writer_end (writer);
  return g_bytes_new_take (text, strlen (text));
}

/* On the origin's thread. */
static gboolean
pump (gpointer data)
{
  HeRenewer *renewer = data;
  guint8 session[16];

  while (he_renewals_take (renewer->table, session)) {
    g_auto (HeSessionRecord) record = { 0 };
    g_autoptr (GBytes) body = NULL;
    Question *question;

    if (!he_sessions_lookup (renewer->origin->sessions, session, &record)
        || record.ended != HE_CODE_NONE) {
      he_renewals_drop (renewer->table, session);
      continue;
    }
    question = g_new (Question, 1);
    question->renewer = renewer;
    memcpy (question->session, session, sizeof session);
    question->ends = record.hard_end;
    body = write_question (renewer->origin, &record);
    he_authorizer_ask (renewer->authorizer, body, answered, question);
  }
  return G_SOURCE_REMOVE;
}

void
he_renew_note (HeOrigin *origin, const HeAnswer *answer)
{
  HeRenewer *renewer = origin->renewer;
  guint8 session[16];
  gint64 now;

  if (renewer == NULL || answer->account == NULL || answer->lease_seconds == 0
      || !he_hex_decode (answer->session, strlen (answer->session), session,
                         sizeof session))
    return;
  now = g_get_real_time ();
  switch (he_renewals_note (renewer->table, session, now)) {
    case HE_RENEWAL_GOES_ON:
      return;
    case HE_RENEWAL_DUE:
      g_main_context_invoke (origin->context, pump, renewer);
      return;
    case HE_RENEWAL_LAPSED:
      note_result (origin, "lapsed");
      he_sessions_end (origin->sessions, session, HE_CODE_LEASE, now);
      return;
  }
}

gboolean
he_renew_is_broken (HeOrigin *origin)
{
  return origin->renewer != NULL && origin->renewer->table != NULL
         && he_renewals_is_broken (origin->renewer->table);
}

HeRenewer *
he_renew_new (HeOrigin *origin, const HeOriginConfig *config)
{
  HeRenewer *renewer;

  if (config->renewal_uri == NULL)
    return NULL;
  renewer = g_new0 (HeRenewer, 1);
  renewer->origin = origin;
  renewer->uri = g_strdup (config->renewal_uri);
  renewer->login
      = config->renewal_login != NULL ? he_secret_ref (config->renewal_login) : NULL;
  renewer->timeout_ms = config->renewal_timeout_ms > 0 ? config->renewal_timeout_ms : 2000;
  renewer->ends = config->renewal_ends;
  return renewer;
}

void
he_renew_free (HeRenewer *renewer)
{
  if (renewer == NULL)
    return;
  he_secret_unref (renewer->login);
  g_free (renewer->uri);
  g_free (renewer);
}

void
he_renew_start (HeOrigin *origin)
{
  HeRenewer *renewer = origin->renewer;

  if (renewer == NULL)
    return;
  renewer->table = he_renewals_new ((gint64)origin->lease_seconds * G_USEC_PER_SEC,
                                    renewer->ends);
  renewer->refused = g_array_new (FALSE, FALSE, sizeof (Refusal));
  renewer->authorizer
      = he_authorizer_new (renewer->uri, renewer->login, renewer->timeout_ms);
}

void
he_renew_stop (HeOrigin *origin)
{
  HeRenewer *renewer = origin->renewer;

  if (renewer == NULL)
    return;
  g_clear_pointer (&renewer->authorizer, he_authorizer_free);
  if (renewer->gather != NULL) {
    g_source_destroy (renewer->gather);
    tell_refused (renewer);
  }
  g_clear_pointer (&renewer->refused, g_array_unref);
  g_clear_pointer (&renewer->table, he_renewals_free);
}
