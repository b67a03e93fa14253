/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include <string.h>

#include "he-address.h"
#include "he-cors.h"
#include "he-sign.h"

/* How long an opening waits for the peers to know of it. */
#define REPLICATE_MS 250
#define MAX_ASKED 4

static void
log_denial (const HeDecision *decision)
{
  const HeAnswer *answer = &decision->answer;
  g_autofree char *path = he_log_path (decision->path);
  g_autofree char *code = g_strdup_printf ("%03d", answer->code);

  he_metrics_add (decision->origin->metrics, HE_METRIC_DENIALS, code, NULL, 1);
  he_log_event (decision->origin->log, g_get_monotonic_time (),
                "denied code=%s reason=\"%s\" address=%s path=%s session=%.8s", code,
                he_code_reason (answer->code), decision->address, path,
                *answer->session != '\0' ? answer->session : "-");
}

/* Until it is answered. */
typedef struct {
  HeDecision decision;
  HeDecidedFunc done;
  HeCode code; /* what was said of its session */
  gboolean changed;
  guint asked;  /* sessions: a request may show several */
  char texts[]; /* path and query */
} Waiting;

static void
waiting_free (Waiting *waiting)
{
  HeDecision *decision = &waiting->decision;

  he_answer_clear (&decision->answer);
  he_request_unref (decision->request);
  g_free (decision->address);
  g_free (waiting);
}

/* What was granted, and what ended, for whoever traces a copy. Segments are decided on
 * every few seconds for each session: that keeps a stay alive. */
static void
write_ledger (HeOrigin *origin, const HeAnswer *answer, gint64 now)
{
  if (origin->ledger == NULL || *answer->session == '\0')
    return;
  if (answer->account != NULL && answer->channel != NULL)
    he_ledger_note (origin->ledger, answer->session, answer->account,
                    answer->address_hash, answer->channel->name, now);
  else if (answer->code == HE_CODE_EVICTED || answer->code == HE_CODE_REVOKED)
    he_ledger_evict (origin->ledger, answer->session, now);
}

static gboolean
is_secure (HeOrigin *origin, HeRequest *request)
{
  HeAddress peer;

  return (g_str_equal (he_request_peer (request), HE_ADDRESS_LOCAL)
          || (he_address_parse (he_request_peer (request), &peer)
              && he_address_is_listed (&peer, (const char *const *)origin->trusted)))
         && g_strcmp0 (he_request_field (request, "X-Forwarded-Proto"), "https") == 0;
}

static Waiting *
waiting_new (HeOrigin *origin, HeRequest *request, const char *path, const char *query,
             HeDecidedFunc done)
{
  gsize path_size = strlen (path) + 1;
  gsize query_size = query != NULL ? strlen (query) + 1 : 0;
  Waiting *waiting = g_malloc (sizeof *waiting + path_size + query_size);

  *waiting = (Waiting) {
    .decision.request = he_request_ref (request),
    .decision.origin = origin,
    .decision.address = he_gate_client_address (
        he_request_peer (request), he_request_forwarded_for (request),
        (const char *const *)origin->trusted),
    .done = done,
  };
  waiting->decision.path = memcpy (waiting->texts, path, path_size);
  if (query != NULL)
    waiting->decision.query = memcpy (waiting->texts + path_size, query, query_size);
  return waiting;
}

static void
decide (HeDecision *decision)
{
  HeOrigin *origin = decision->origin;
  HeRequest *request = decision->request;
  const HeGateRequest asked = {
    .path = decision->path,
    .query = decision->query,
    .cookie = he_request_cookie (request),
    .authorization = he_request_field (request, "Authorization"),
    .address = decision->address,
    .authority = he_request_field (request, "Host"),
    .secure = is_secure (origin, request),
    .foreign = he_cors_allows ((const char *const *)origin->allowed_origins,
                               he_request_field (request, "Origin")),
  };

  he_answer_clear (&decision->answer);
  decision->now = g_get_real_time ();
  he_gate_decide (origin->gate, &asked, decision->now, &decision->answer);
}

/* Writes down what was decided, and answers. */
static void
conclude (Waiting *waiting)
{
  HeDecision *decision = &waiting->decision;
  HeOrigin *origin = decision->origin;

  write_ledger (origin, &decision->answer, decision->now);
  he_leaks_note (origin, &decision->answer);
  he_renew_note (origin, &decision->answer);
  if (decision->answer.kind == HE_ANSWER_DENY)
    log_denial (decision);
  waiting->done (decision);
  waiting_free (waiting);
}

/* A peer that gave out a place of the account at the same moment says so. */
static gboolean
learn (HeOrigin *origin, const HePeerReply *reply)
{
  gsize len;
  const char *text = reply->body != NULL ? g_bytes_get_data (reply->body, &len) : NULL;

  return reply->status == 200 && text != NULL
         && he_sessions_merge_json (origin->sessions, text, (gssize)len,
                                    g_get_real_time (), NULL);
}

/* What all know now decides, so that of many who open at once no more get in than may. */
static void
replicated (const HePeerReply *replies, guint n, gpointer data)
{
  Waiting *waiting = data;
  HeDecision *decision = &waiting->decision;
  HeOrigin *origin = decision->origin;
  gboolean learnt = FALSE;

  for (guint i = 0; i < n; i++) {
    gboolean ok = replies[i].status / 100 == 2;

    he_metrics_add (origin->metrics, HE_METRIC_REPLICATION, replies[i].peer,
                    ok ? "ok" : "failed", 1);
    if (!ok)
      origin->behind |= G_GUINT64_CONSTANT (1) << i;
    learnt |= learn (origin, &replies[i]);
  }
  if (learnt && decision->answer.kind != HE_ANSWER_DENY
      && !he_sessions_is_shared (origin->sessions))
    decide (decision);
  conclude (waiting);
}

static gboolean
tell_peers (gpointer data)
{
  Waiting *waiting = data;
  HeOrigin *origin = waiting->decision.origin;
  const char *batch = waiting->decision.answer.replicate;
  g_autoptr (GBytes) body = g_bytes_new (batch, strlen (batch));

  he_peers_call (origin->peers, HE_PEERS_ALL, "POST", "/control/sessions", body,
                 REPLICATE_MS, replicated, waiting);
  return G_SOURCE_REMOVE;
}

/* Who opens waits until the peers know. */
static void
finish (Waiting *waiting)
{
  HeOrigin *origin = waiting->decision.origin;

  if (waiting->decision.answer.replicate != NULL && he_peers_count (origin->peers) > 0)
    g_main_context_invoke (origin->context, tell_peers, waiting);
  else
    conclude (waiting);
}

static void asked_redis (HeCode code, gboolean changed, gpointer data);

/* FALSE: it waits for another session's answer. What ended is known now, and hides no
 * other session that the request shows; of what was refused otherwise that is the answer.
 */
static gboolean
decide_again (Waiting *waiting, const HeSessionRecord *asked)
{
  HeDecision *decision = &waiting->decision;
  HeAnswer *answer = &decision->answer;

  if (waiting->code != HE_CODE_UNAVAILABLE)
    decide (decision);
  if (answer->ask == NULL || waiting->code == HE_CODE_UNAVAILABLE)
    return TRUE;
  if (memcmp (answer->ask->id, asked->id, sizeof asked->id) != 0
      && ++waiting->asked < MAX_ASKED && decision->origin->redis != NULL) {
    he_redis_ask (decision->origin->redis, answer->ask, answer->ask_how,
                  answer->ask_replaces, asked_redis, waiting);
    return FALSE;
  }
  if (waiting->code != HE_CODE_OK) {
    answer->code = waiting->code;
    answer->status = 403;
  }
  return TRUE;
}

static gboolean
settled (gpointer data)
{
  Waiting *waiting = data;
  HeDecision *decision = &waiting->decision;
  HeSessionRecord *asked = g_steal_pointer (&decision->answer.ask);
  gboolean done = decide_again (waiting, asked);

  if (done && waiting->changed && decision->answer.replicate == NULL)
    decision->answer.replicate
        = he_sessions_account_to_json (decision->origin->sessions, asked->account);
  if (done)
    finish (waiting);
  he_session_record_free (asked);
  return G_SOURCE_REMOVE;
}

/* On the thread of redis, or at once on that of the request. */
static void
asked_redis (HeCode code, gboolean changed, gpointer data)
{
  Waiting *waiting = data;

  waiting->code = code;
  waiting->changed |= changed;
  g_main_context_invoke (waiting->decision.origin->context, settled, waiting);
}

void
he_origin_decide (HeOrigin *origin, HeRequest *request, const char *path,
                  const char *query, HeDecidedFunc done)
{
  Waiting *waiting = waiting_new (origin, request, path, query, done);
  HeDecision *decision = &waiting->decision;

  decide (decision);
  if (decision->answer.ask != NULL && origin->redis != NULL)
    he_redis_ask (origin->redis, decision->answer.ask, decision->answer.ask_how,
                  decision->answer.ask_replaces, asked_redis, waiting);
  else
    finish (waiting);
}

void
he_origin_respond_denied (const HeDecision *decision)
{
  HeRequest *request = decision->request;
  const HeAnswer *answer = &decision->answer;
  g_autofree char *code = g_strdup_printf ("%03d", answer->code);
  g_autofree char *text = g_strdup_printf ("%s\n", he_code_reason (answer->code));

  he_request_add_field (request, "S-Uri-Signing", code);
  he_request_add_field (request, "S-Uri-Signing-Deny-Reason",
                        he_code_reason (answer->code));
  he_request_add_field (request, "Cache-Control", "no-store");
  /* A 401 says how one gets in (RFC 9110 section 11.6.1). */
  if (answer->status == 401)
    he_request_add_field (request, "WWW-Authenticate", "Bearer");
  if (answer->status == 503)
    he_request_add_field (request, "Retry-After", "1");
  he_request_respond_text (request, answer->status, text);
}

void
he_origin_refuse_signature (HeOrigin *origin, HeRequest *request, const GError *why)
{
  g_autofree char *path = he_log_path (he_request_path (request));

  he_metrics_add (origin->metrics, HE_METRIC_DENIALS, "signature", NULL, 1);
  he_log_event (origin->log, g_get_monotonic_time (),
                "refused reason=\"%s\" address=%s method=%s path=%s", why->message,
                he_request_peer (request), he_request_method (request), path);
  he_request_add_field (request, "Cache-Control", "no-store");
  he_request_respond_text (request, 403, "not authenticated\n");
}

gboolean
he_origin_check_signature (HeOrigin *origin, HeRequest *request)
{
  g_autoptr (GError) error = NULL;
  gsize len;
  const guint8 *data = g_bytes_get_data (he_request_body (request), &len);

  if (he_sign_verify (origin->publish, he_request_field (request, "Authorization"),
                      he_request_method (request), he_request_path (request), data, len,
                      g_get_real_time () / G_USEC_PER_SEC, &error))
    return TRUE;
  he_origin_refuse_signature (origin, request, error);
  return FALSE;
}

typedef struct {
  HeOrigin *origin;
  HeRequest *request;
  HeHandler handle;
} Deferred;

static gboolean
handle_deferred (gpointer data)
{
  Deferred *deferred = data;

  /* Else its listener has ended while it was on its way. */
  if (deferred->origin->viewers != NULL)
    deferred->handle (deferred->origin, deferred->request);
  return G_SOURCE_REMOVE;
}

static void
deferred_free (gpointer data)
{
  Deferred *deferred = data;

  he_request_unref (deferred->request);
  g_free (deferred);
}

void
he_origin_defer (HeOrigin *origin, HeRequest *request, HeHandler handle)
{
  Deferred *deferred = g_new (Deferred, 1);

  *deferred = (Deferred) { origin, he_request_ref (request), handle };
  g_main_context_invoke_full (origin->context, G_PRIORITY_DEFAULT, handle_deferred,
                              deferred, deferred_free);
}
