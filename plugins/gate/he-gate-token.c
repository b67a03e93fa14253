/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-gate-private.h"

#include <string.h>
#include "he-codec.h"
#include "he-credential.h"
#include "he-crypto.h"

#define MAX_AUTHORITY 255

/* The URI as the token's issuer knew it: without the token. Characters that are in no
 * host and port would let a client write a path into its Host header. */
static char *
signed_uri (const HeGateRequest *request)
{
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789.-_:[]";
  const char *authority = request->authority;
  if (!authority || !*authority || authority[strspn (authority, allowed)]
      || strlen (authority) > MAX_AUTHORITY)
    return g_strdup (request->path);
  g_autofree char *rest = he_query_without (request->query, HE_GATE_TOKEN_PARAMETER);
  return g_strconcat (request->secure ? "https://" : "http://", authority, request->path,
                      rest ? "?" : NULL, rest, NULL);
}

/* What the token says; with HE_CODE_EXPIRED, too, when nothing else is wrong. uri: as for
 * he_token_verify(). */
static HeCode
contents_from_token (HeGate *gate, const HeGateRequest *request, HeSpan text,
                     const char *uri, gint64 now, HeSessionRecord *contents)
{
  const HeTokenRules rules = { gate->keys, gate->issuer, gate->audience };
  g_autoptr (HeToken) token = NULL;
  HeCode code
      = he_token_verify (&rules, text.text, text.len, uri, now / G_USEC_PER_SEC, &token);
  if (!token)
    return code;
  if (!he_address_hash (gate->credential, request->address, contents->address_hash)
      || (token->has_address
          && memcmp (token->address_hash, contents->address_hash, 16) != 0))
    return code == HE_CODE_OK ? HE_CODE_ADDRESS : code;
  guint seconds = gate->session_seconds;
  if (token->session_seconds)
    seconds = MIN (seconds, token->session_seconds);
  he_credential_session_id (gate->credential, token->id, contents->id);
  contents->has_address = TRUE;
  contents->account = g_steal_pointer (&token->account);
  contents->rights = g_steal_pointer (&token->rights);
  contents->max_sessions = gate->per_account;
  if (token->max_sessions)
    contents->max_sessions = MIN (contents->max_sessions, token->max_sessions);
  contents->opened = now;
  contents->hard_end = now + (gint64)seconds * G_USEC_PER_SEC;
  if (code == HE_CODE_OK
      && he_gate_is_revoked (gate, contents, token->issued * G_USEC_PER_SEC, now))
    return HE_CODE_REVOKED;
  return code;
}

/* A page that refreshes with a new token leaves its session for the token's: where an
 * account has one place, it must not stand in its own way. With a token whose session may
 * not be had, it stays where it is. Returns the ids of those that are to be ended
 * elsewhere, where slots are given out. */
static char *
end_replaced (HeGate *gate, const HeGateRequest *request, const HeSessionRecord *by,
              gint64 now, HeAnswer *answer)
{
  HeSpan texts[HE_GATE_MAX_COOKIES];
  HeCode code = HE_CODE_NO_CREDENTIAL;
  gboolean shared = he_sessions_is_shared (gate->sessions);
  g_autoptr (GString) elsewhere = g_string_new (NULL);
  if (!shared && he_sessions_may_enter (gate->sessions, by, now) != HE_CODE_OK)
    return NULL;
  guint count
      = he_cookie_find (request->cookie, HE_GATE_COOKIE, texts, HE_GATE_MAX_COOKIES);
  for (guint i = 0; i < count; i++) {
    g_autoptr (HeOpened) old
        = he_gate_open_credential (gate, texts[i], request->address, answer, &code);
    if (!old || strcmp (old->contents.account, by->account) != 0
        || memcmp (old->contents.id, by->id, sizeof by->id) == 0)
      continue;
    g_autofree char *id = he_hex_encode (old->contents.id, sizeof old->contents.id);
    if (shared)
      g_string_append_printf (elsewhere, "%s,", id);
    else
      he_sessions_end (gate->sessions, old->contents.id, HE_CODE_EVICTED, now);
  }
  return g_strdup (elsewhere->str);
}

void
he_gate_by_token (HeGate *gate, const HeGateRequest *request, const HeTarget *target,
                  HeSpan text, gint64 now, HeAnswer *answer)
{
  HeSpan transport = { NULL, 0 };
  g_auto (HeSessionRecord) contents = { 0 };
  if (!he_query_find (request->query, "transport", &transport)) {
    he_gate_deny (answer, HE_CODE_MALFORMED);
    return;
  }
  gboolean by_path = transport.len == 4 && memcmp (transport.text, "path", 4) == 0;
  gboolean by_cookie
      = !transport.text
        || (transport.len == 6 && memcmp (transport.text, "cookie", 6) == 0);
  g_autofree char *uri = signed_uri (request);
  HeCode code = by_path || by_cookie
                    ? contents_from_token (gate, request, text, uri, now, &contents)
                    : HE_CODE_MALFORMED;
  if (code == HE_CODE_OK && !he_gate_may_watch (contents.rights, target->channel))
    code = HE_CODE_RIGHTS;
  if (code != HE_CODE_OK) {
    he_gate_deny (answer, code);
    return;
  }
  if (!he_gate_resolve (gate, target, answer)) {
    he_gate_not_found (answer);
    return;
  }
  g_autofree char *replaces = target->kind == HE_TARGET_SESSION
                                  ? end_replaced (gate, request, &contents, now, answer)
                                  : NULL;
  code = he_gate_touch (gate, &contents, HE_TOUCH_ENTRY, now, answer);
  if (code == HE_CODE_ADDRESS)
    he_gate_note_shown (answer, contents.account, contents.address_hash);
  if (answer->ask)
    answer->ask_replaces = g_steal_pointer (&replaces);
  g_autofree char *credential
      = code == HE_CODE_OK ? he_gate_seal_session (gate, &contents, &answer->ends) : NULL;
  if (!credential) {
    g_clear_pointer (&answer->channel, he_channel_unref);
    answer->rendition = NULL;
    he_gate_deny (answer, code == HE_CODE_OK ? HE_CODE_MALFORMED : code);
    return;
  }
  he_gate_grant (gate, target, &contents, answer);
  if (by_path) {
    answer->kind = HE_ANSWER_REDIRECT;
    answer->status = 302;
    answer->location = g_strconcat ("/s/", credential, target->live, NULL);
  } else if (target->kind == HE_TARGET_MULTIVARIANT
             || target->kind == HE_TARGET_SESSION) {
    answer->set_cookie = he_gate_cookie_of (request, credential);
  }
}

void
he_gate_by_token_of_channel (HeGate *gate, const HeGateRequest *request,
                             const HeTarget *target, HeSpan text, gint64 now,
                             HeAnswer *answer)
{
  g_autofree char *path = g_strdup_printf ("/live/%s/main.m3u8", target->channel);
  HeGateRequest entry = *request;
  entry.path = path;
  entry.query = NULL;
  he_gate_by_token (gate, &entry, target, text, now, answer);
}

#define DIGEST (2 * HE_SHA256_LEN)

static void
digest_of (HeSpan text, char ret_digest[DIGEST + 1])
{
  guint8 bytes[HE_SHA256_LEN];
  he_sha256 ((const guint8 *)text.text, text.len, bytes);
  he_hex_write (bytes, sizeof bytes, ret_digest);
}

/* What is known here of the session that a token opened from this address. */
static gboolean
find_session (HeGate *gate, const HeSessionRecord *contents, HeSessionRecord *ret_session)
{
  g_auto (HeSessionRecord) known = { 0 };
  if (!he_sessions_lookup (gate->sessions, contents->id, &known)
      || strcmp (known.account, contents->account) != 0 || !known.has_address
      || memcmp (known.address_hash, contents->address_hash, 16) != 0)
    return FALSE;
  *ret_session = known;
  known = (HeSessionRecord) { 0 };
  return TRUE;
}

static gboolean
is_alive (const HeSessionRecord *session, gint64 now)
{
  return session->ended == HE_CODE_NONE
         && now < MIN (session->lease_end, session->hard_end);
}

/* The session of a token that is good, or that opened one which lives: then it need not
 * be good any more, as whatever else carries that session need not be. The first request
 * costs a look at the token, later ones its digest. */
static HeCode
session_of_token (HeGate *gate, const HeGateRequest *request, HeSpan text, gint64 now,
                  HeSessionRecord *contents, HeSessionRecord *ret_session)
{
  char digest[DIGEST + 1];
  digest_of (text, digest);
  g_autoptr (HeOpened) seen
      = he_opened_find (gate->shown, digest, DIGEST, request->address);
  if (seen && find_session (gate, &seen->contents, ret_session)) {
    if (is_alive (ret_session, now))
      return HE_CODE_OK;
    he_session_record_clear (ret_session);
  }
  HeCode code = contents_from_token (gate, request, text, NULL, now, contents);
  if (!contents->account || (code != HE_CODE_OK && code != HE_CODE_EXPIRED))
    return code;
  if (!find_session (gate, contents, ret_session))
    return code;
  if (!is_alive (ret_session, now)) {
    if (code == HE_CODE_EXPIRED)
      he_session_record_clear (ret_session);
    return code;
  }
  if (!seen) {
    g_autoptr (HeSessionRecord) copy = he_session_record_copy (contents);
    he_opened_unref (
        he_opened_keep (gate->shown, digest, DIGEST, request->address, copy));
  }
  return HE_CODE_OK;
}

void
he_gate_by_bearer (HeGate *gate, const HeGateRequest *request, const HeTarget *target,
                   HeSpan text, gint64 now, HeAnswer *answer)
{
  g_auto (HeSessionRecord) contents = { 0 }, session = { 0 };
  HeCode code = request->address
                    ? session_of_token (gate, request, text, now, &contents, &session)
                    : HE_CODE_ADDRESS;
  if (session.account) {
    if (!he_gate_go_on (gate, target, &session, now, answer, &code))
      he_gate_deny (answer, code);
    return;
  }
  if (code == HE_CODE_OK) {
    he_gate_by_token_of_channel (gate, request, target, text, now, answer);
    return;
  }
  /* Where sessions are kept elsewhere, it may live there. */
  if (code == HE_CODE_EXPIRED && contents.account) {
    code = he_gate_touch (gate, &contents, HE_TOUCH_REJOIN, now, answer);
    if (code != HE_CODE_UNAVAILABLE)
      code = HE_CODE_EXPIRED;
  }
  he_gate_deny (answer, code);
}
