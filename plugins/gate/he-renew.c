/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include <string.h>

#include "he-authorizer.h"
#include "he-codec.h"
#include "he-json.h"
#include "he-renewals.h"

/* What the operator's authorizer is asked about leases that are renewed, and what becomes of
 * its answers. A refusal is a revocation of the session: kept, and known to all nodes. */

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
  HeJsonWriter *refused; /* a list of revocations that is being gathered, or NULL */
  GSource *gather;
};

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

static gboolean
tell_refused (gpointer data)
{
  HeRenewer *renewer = data;
  g_autofree char *list = NULL;

  he_json_writer_close (renewer->refused);
  list = he_json_writer_end (g_steal_pointer (&renewer->refused));
  g_clear_pointer (&renewer->gather, g_source_unref);
  he_revoke_tell (renewer->origin, list);
  return G_SOURCE_REMOVE;
}

static void
refuse (HeRenewer *renewer, const Question *question)
{
  g_autofree char *id = he_hex_encode (question->session, sizeof question->session);

  if (renewer->refused == NULL) {
    renewer->refused = he_json_writer_new ();
    he_json_writer_open_array (renewer->refused, NULL);
    renewer->gather = g_timeout_source_new (GATHER_MS);
    g_source_set_callback (renewer->gather, tell_refused, renewer, NULL);
    g_source_attach (renewer->gather, renewer->origin->context);
  }
  he_json_writer_open_object (renewer->refused, NULL);
  he_json_writer_string (renewer->refused, "session", id);
  he_json_writer_int64 (renewer->refused, "until", question->ends + KEEP_US);
  he_json_writer_close (renewer->refused);
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

  if (origin->stopping)
    return;
  note_result (origin, results[answer]);
  if (answer == HE_RENEWAL_REFUSED)
    refuse (renewer, question);
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
  gint64 now = g_get_real_time ();
  guint8 session[16];

  if (renewer == NULL || answer->account == NULL || answer->lease_seconds == 0
      || !he_hex_decode (answer->session, strlen (answer->session), session,
                         sizeof session))
    return;
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
  if (renewer->refused != NULL) {
    g_source_destroy (renewer->gather);
    tell_refused (renewer);
  }
  g_clear_pointer (&renewer->table, he_renewals_free);
}
