/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-gate.h"

#include <string.h>
#include "he-codec.h"
#include "he-codeword.h"
#include "he-credential.h"
#include "he-opened.h"
#include "he-target.h"

#define COOKIE "headend"
#define TOKEN_PARAMETER "URISigningPackage" /* the name that RFC 9246 gives it */
#define MAX_COOKIES 4
#define MAX_QUERY 8192
#define MAX_AUTHORITY 255

struct _HeGate {
  HeTokenKeys *keys;
  char *issuer, *audience;
  HeSecret *codeword, *credential, *sealing_key;
  HeSessions *sessions;
  HeRevocations *revocations;
  HeOpenedCache *opened;
  guint session_seconds, per_account;
  GRWLock lock;         /* guards channels */
  GHashTable *channels; /* name -> Entry */
};

/* A channel, and the code that its viewers' bits follow from. */
typedef struct {
  HeChannel *channel;
  HeCodeword *code;
} Entry;

static void
entry_free (gpointer data)
{
  Entry *entry = data;
  he_channel_unref (entry->channel);
  he_codeword_unref (entry->code);
  g_free (entry);
}

HeGate *
he_gate_new (const HeGateRules *rules)
{
  HeGate *gate = g_new0 (HeGate, 1);
  gate->keys = rules->keys;
  gate->issuer = g_strdup (rules->issuer);
  gate->audience = g_strdup (rules->audience);
  gate->codeword = he_secret_ref (rules->codeword);
  gate->credential = he_secret_ref (rules->credential);
  gate->sealing_key = he_credential_sealing_key (rules->credential);
  gate->sessions = rules->sessions;
  gate->revocations = rules->revocations;
  gate->opened = he_opened_cache_new ();
  gate->session_seconds = rules->session_seconds;
  gate->per_account = MAX (rules->per_account, 1);
  g_rw_lock_init (&gate->lock);
  gate->channels = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, entry_free);
  return gate;
}

void
he_gate_free (HeGate *gate)
{
  if (!gate)
    return;
  g_hash_table_unref (gate->channels);
  he_opened_cache_free (gate->opened);
  g_rw_lock_clear (&gate->lock);
  he_secret_unref (gate->codeword);
  he_secret_unref (gate->credential);
  he_secret_unref (gate->sealing_key);
  g_free (gate->issuer);
  g_free (gate->audience);
  g_free (gate);
}

void
he_gate_add_channel (HeGate *gate, HeChannel *channel)
{
  Entry *entry = g_new (Entry, 1);
  entry->channel = he_channel_ref (channel);
  entry->code = he_codeword_new (gate->codeword, channel->key_version, channel->name,
                                 channel->colluders);
  g_rw_lock_writer_lock (&gate->lock);
  g_hash_table_insert (gate->channels, g_strdup (channel->name), entry);
  g_rw_lock_writer_unlock (&gate->lock);
}

void
he_answer_clear (HeAnswer *answer)
{
  g_clear_pointer (&answer->channel, he_channel_unref);
  g_clear_pointer (&answer->segment, he_segment_free);
  g_clear_pointer (&answer->location, g_free);
  g_clear_pointer (&answer->set_cookie, g_free);
  g_clear_pointer (&answer->replicate, g_free);
  g_clear_pointer (&answer->account, g_free);
  g_clear_pointer (&answer->shown, g_free);
  g_clear_pointer (&answer->ask, he_session_record_free);
  g_clear_pointer (&answer->ask_replaces, g_free);
  answer->rendition = NULL;
}

static void
deny (HeAnswer *answer, HeCode code)
{
  answer->kind = HE_ANSWER_DENY;
  answer->status = code == HE_CODE_NO_CREDENTIAL ? 401
                   : code == HE_CODE_UNAVAILABLE ? 503
                                                 : 403;
  answer->code = code;
}

/* Where a step failed with NOT_FOUND, code stays OK: nobody is at fault. */
static void
not_found (HeAnswer *answer)
{
  answer->kind = HE_ANSWER_NOT_FOUND;
  answer->status = 404;
  answer->code = HE_CODE_NONE;
}

static gboolean
may_watch (char **rights, const char *channel)
{
  return rights
         && (g_strv_contains ((const char *const *)rights, channel)
             || g_strv_contains ((const char *const *)rights, "*"));
}

/* Does what the target names exist? Sets channel and rendition of the answer. */
static gboolean
resolve (HeGate *gate, const HeTarget *target, HeAnswer *answer)
{
  g_rw_lock_reader_lock (&gate->lock);
  Entry *entry = g_hash_table_lookup (gate->channels, target->channel);
  if (entry)
    answer->channel = he_channel_ref (entry->channel);
  g_rw_lock_reader_unlock (&gate->lock);
  if (!entry)
    return FALSE;
  switch (target->kind) {
    case HE_TARGET_MULTIVARIANT:
    case HE_TARGET_SESSION:
      return TRUE;
    case HE_TARGET_KEY:
      return answer->channel->encrypted
             && strcmp (answer->channel->tier, target->tier) == 0;
    case HE_TARGET_MEDIA:
    case HE_TARGET_SEGMENT:
      answer->rendition = he_channel_find (answer->channel, target->rendition);
      return answer->rendition != NULL;
  }
  return FALSE;
}

/* What this viewer gets of a segment that there is in two variants. */
static HeVariant
variant_for (HeGate *gate, const char *channel, const char *account, guint64 msn)
{
  g_rw_lock_reader_lock (&gate->lock);
  Entry *entry = g_hash_table_lookup (gate->channels, channel);
  g_autoptr (HeCodeword) code = entry ? he_codeword_ref (entry->code) : NULL;
  g_rw_lock_reader_unlock (&gate->lock);
  return code ? he_codeword_variant (code, account, msn) : HE_VARIANT_A;
}

/* What is granted, once everything agreed. */
static void
grant (HeGate *gate, const HeTarget *target, const HeSessionRecord *contents,
       HeAnswer *answer)
{
  const char *account = contents->account;
  answer->status = 200;
  answer->code = HE_CODE_OK;
  answer->account = g_strdup (account);
  memcpy (answer->address_hash, contents->address_hash, sizeof answer->address_hash);
  switch (target->kind) {
    case HE_TARGET_MULTIVARIANT:
      answer->kind = HE_ANSWER_MULTIVARIANT;
      break;
    case HE_TARGET_MEDIA:
      answer->kind = HE_ANSWER_MEDIA;
      break;
    case HE_TARGET_SESSION:
      answer->kind = HE_ANSWER_SESSION;
      break;
    case HE_TARGET_KEY:
      answer->kind = HE_ANSWER_KEY;
      answer->period = target->number;
      break;
    case HE_TARGET_SEGMENT: {
      HeChannel *channel = answer->channel;
      const HeSegment segment = {
        .channel = channel->name,
        .rendition = answer->rendition->name,
        .variant = answer->rendition->variants
                       ? variant_for (gate, channel->name, account, target->number)
                       : HE_VARIANT_NONE,
        .msn = target->number,
      };
      answer->kind = HE_ANSWER_SEGMENT;
      answer->segment = he_segment_copy (&segment);
      break;
    }
  }
}

/* Asked with every request, as what was opened before may be revoked since. */
static gboolean
is_revoked (HeGate *gate, const HeSessionRecord *contents, gint64 since, gint64 now)
{
  return gate->revocations
         && he_revocations_match (gate->revocations, contents->id, contents->account, since,
                                  now);
}

static void
name_session (const HeSessionRecord *contents, HeAnswer *answer)
{
  he_hex_write (contents->id, sizeof contents->id, answer->session);
}

static guint
lease_left (HeGate *gate, const guint8 id[16], gint64 now)
{
  gint64 end = he_sessions_lease_end (gate->sessions, id);
  return (guint)(MAX (end - now, 0) / G_USEC_PER_SEC);
}

static HeCode
touch (HeGate *gate, const HeSessionRecord *contents, HeTouch how, gint64 now,
       HeAnswer *answer)
{
  gboolean changed = FALSE;
  name_session (contents, answer);
  HeCode code = he_sessions_touch (gate->sessions, contents, how, now, &changed);
  if (code == HE_CODE_UNAVAILABLE) {
    he_session_record_free (answer->ask);
    answer->ask = he_session_record_copy (contents);
    answer->ask_how = how;
  }
  if (code == HE_CODE_OK && how != HE_TOUCH_MEDIA)
    answer->lease_seconds = lease_left (gate, contents->id, now);
  if (changed) {
    g_free (answer->replicate);
    answer->replicate = he_sessions_account_to_json (gate->sessions, contents->account);
  }
  return code;
}

/* What extends the lease: playlists, and the keys of a recording, whose playlists stand
 * elsewhere. */
static HeTouch
touch_of (HeGate *gate, const HeTarget *target)
{
  if (target->kind != HE_TARGET_KEY)
    return target->kind == HE_TARGET_SEGMENT ? HE_TOUCH_MEDIA : HE_TOUCH_PLAYLIST;
  g_rw_lock_reader_lock (&gate->lock);
  const Entry *entry = g_hash_table_lookup (gate->channels, target->channel);
  gboolean recording = entry && entry->channel->recording;
  g_rw_lock_reader_unlock (&gate->lock);
  return recording ? HE_TOUCH_PLAYLIST : HE_TOUCH_MEDIA;
}

static void
note_shown (HeAnswer *answer, const char *account, const guint8 address_hash[16])
{
  g_free (answer->shown);
  answer->shown = g_strdup (account);
  memcpy (answer->shown_at, address_hash, sizeof answer->shown_at);
}

/* What the credential says, or NULL and why it is not good for this address. */
static HeOpened *
open_credential (HeGate *gate, HeSpan text, const char *address, HeAnswer *answer,
                 HeCode *ret_code)
{
  HeOpened *opened = he_opened_find (gate->opened, text.text, text.len, address);
  g_auto (HeSessionRecord) contents = { 0 };
  guint8 hash[16] = { 0 };
  if (opened)
    return opened;
  if (!he_credential_open (gate->sealing_key, text.text, text.len, &contents)) {
    /* The first that we did seal says more than one that we did not. */
    if (*ret_code == HE_CODE_NO_CREDENTIAL)
      *ret_code = HE_CODE_CREDENTIAL;
    return NULL;
  }
  if (!contents.has_address || !he_address_hash (gate->credential, address, hash)
      || memcmp (contents.address_hash, hash, 16) != 0) {
    *ret_code = HE_CODE_ADDRESS;
    note_shown (answer, contents.account, hash);
    return NULL;
  }
  return he_opened_keep (gate->opened, text.text, text.len, address, &contents);
}

/* The session's credential, from the record that holds: a token shown again finds the
 * session as it was opened, and does not prolong it. */
static char *
seal_session (HeGate *gate, const HeSessionRecord *contents, gint64 *ret_ends)
{
  g_auto (HeSessionRecord) record = { 0 };
  gboolean known = he_sessions_lookup (gate->sessions, contents->id, &record);
  *ret_ends = (known ? &record : contents)->hard_end / G_USEC_PER_SEC;
  return he_credential_seal (gate->sealing_key, known ? &record : contents);
}

static char *
cookie_of (const HeGateRequest *request, const char *credential)
{
  return g_strconcat (COOKIE "=", credential, "; Path=/live/; HttpOnly; SameSite=",
                      request->secure && request->foreign ? "None" : "Lax",
                      request->secure ? "; Secure" : NULL, NULL);
}

/* One credential of possibly several. TRUE when it settled the request: granted, or not
 * found by somebody who may ask. */
static gboolean
try_credential (HeGate *gate, const HeGateRequest *request, const HeTarget *target,
                HeSpan text, gint64 now, HeAnswer *answer, HeCode *ret_code)
{
  g_autoptr (HeOpened) opened = open_credential (gate, text, request->address, answer, ret_code);
  if (!opened)
    return FALSE;
  const HeSessionRecord *contents = &opened->contents;
  if (is_revoked (gate, contents, contents->opened, now)) {
    name_session (contents, answer);
    *ret_code = HE_CODE_REVOKED;
    return FALSE;
  }
  if (!may_watch (contents->rights, target->channel)) {
    *ret_code = HE_CODE_RIGHTS;
    return FALSE;
  }
  HeCode code = touch (gate, contents, touch_of (gate, target), now, answer);
  if (code != HE_CODE_OK) {
    *ret_code = code;
    return FALSE;
  }
  if (!resolve (gate, target, answer)) {
    not_found (answer);
    return TRUE;
  }
  grant (gate, target, contents, answer);
  if (answer->kind == HE_ANSWER_SESSION) {
    g_autofree char *credential = seal_session (gate, contents, &answer->ends);
    if (!target->credential.text && credential)
      answer->set_cookie = cookie_of (request, credential);
  }
  return TRUE;
}

static void
decide_by_credential (HeGate *gate, const HeGateRequest *request, const HeTarget *target,
                      gint64 now, HeAnswer *answer)
{
  HeSpan texts[MAX_COOKIES];
  HeCode code = HE_CODE_NO_CREDENTIAL;
  guint count;
  if (target->credential.text) {
    texts[0] = target->credential;
    count = 1;
  } else {
    count = he_cookie_find (request->cookie, COOKIE, texts, MAX_COOKIES);
  }
  if (count && !request->address) {
    deny (answer, HE_CODE_ADDRESS);
    return;
  }
  for (guint i = 0; i < count; i++)
    if (try_credential (gate, request, target, texts[i], now, answer, &code))
      return;
    else if (code == HE_CODE_UNAVAILABLE)
      break;
  deny (answer, code);
}

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
  g_autofree char *rest = he_query_without (request->query, TOKEN_PARAMETER);
  return g_strconcat (request->secure ? "https://" : "http://", authority, request->path,
                      rest ? "?" : NULL, rest, NULL);
}

static HeCode
contents_from_token (HeGate *gate, const HeGateRequest *request, HeSpan text, gint64 now,
                     HeSessionRecord *contents)
{
  const HeTokenRules rules = { gate->keys, gate->issuer, gate->audience };
  g_autoptr (HeToken) token = NULL;
  g_autofree char *uri = signed_uri (request);
  HeCode code
      = he_token_verify (&rules, text.text, text.len, uri, now / G_USEC_PER_SEC, &token);
  if (code != HE_CODE_OK)
    return code;
  if (!he_address_hash (gate->credential, request->address, contents->address_hash)
      || (token->has_address
          && memcmp (token->address_hash, contents->address_hash, 16) != 0))
    return HE_CODE_ADDRESS;
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
  return is_revoked (gate, contents, token->issued * G_USEC_PER_SEC, now) ? HE_CODE_REVOKED
                                                                          : HE_CODE_OK;
}

/* A page that refreshes with a new token leaves its session for the token's: where an
 * account has one place, it must not stand in its own way. With a token whose session may
 * not be had, it stays where it is. Returns the ids of those that are to be ended elsewhere,
 * where slots are given out. */
static char *
end_replaced (HeGate *gate, const HeGateRequest *request, const HeSessionRecord *by,
              gint64 now, HeAnswer *answer)
{
  HeSpan texts[MAX_COOKIES];
  HeCode code = HE_CODE_NO_CREDENTIAL;
  gboolean shared = he_sessions_is_shared (gate->sessions);
  g_autoptr (GString) elsewhere = g_string_new (NULL);
  if (!shared && he_sessions_may_enter (gate->sessions, by, now) != HE_CODE_OK)
    return NULL;
  guint count = he_cookie_find (request->cookie, COOKIE, texts, MAX_COOKIES);
  for (guint i = 0; i < count; i++) {
    g_autoptr (HeOpened) old = open_credential (gate, texts[i], request->address, answer, &code);
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

static void
decide_by_token (HeGate *gate, const HeGateRequest *request, const HeTarget *target,
                 HeSpan text, gint64 now, HeAnswer *answer)
{
  HeSpan transport = { NULL, 0 };
  g_auto (HeSessionRecord) contents = { 0 };
  if (!he_query_find (request->query, "transport", &transport)) {
    deny (answer, HE_CODE_MALFORMED);
    return;
  }
  gboolean by_path = transport.len == 4 && memcmp (transport.text, "path", 4) == 0;
  gboolean by_cookie
      = !transport.text
        || (transport.len == 6 && memcmp (transport.text, "cookie", 6) == 0);
  HeCode code = by_path || by_cookie
                    ? contents_from_token (gate, request, text, now, &contents)
                    : HE_CODE_MALFORMED;
  if (code == HE_CODE_OK && !may_watch (contents.rights, target->channel))
    code = HE_CODE_RIGHTS;
  if (code != HE_CODE_OK) {
    deny (answer, code);
    return;
  }
  if (!resolve (gate, target, answer)) {
    not_found (answer);
    return;
  }
  g_autofree char *replaces = target->kind == HE_TARGET_SESSION
                                  ? end_replaced (gate, request, &contents, now, answer)
                                  : NULL;
  code = touch (gate, &contents, HE_TOUCH_ENTRY, now, answer);
  if (code == HE_CODE_ADDRESS)
    note_shown (answer, contents.account, contents.address_hash);
  if (answer->ask)
    answer->ask_replaces = g_steal_pointer (&replaces);
  g_autofree char *credential
      = code == HE_CODE_OK ? seal_session (gate, &contents, &answer->ends) : NULL;
  if (!credential) {
    g_clear_pointer (&answer->channel, he_channel_unref);
    deny (answer, code == HE_CODE_OK ? HE_CODE_MALFORMED : code);
    return;
  }
  grant (gate, target, &contents, answer);
  if (by_path) {
    answer->kind = HE_ANSWER_REDIRECT;
    answer->status = 302;
    answer->location = g_strconcat ("/s/", credential, target->live, NULL);
  } else {
    answer->set_cookie = cookie_of (request, credential);
  }
}

/* Its token is in no URI, and speaks of the channel's. */
static void
decide_session (HeGate *gate, const HeGateRequest *request, const HeTarget *target,
                gint64 now, HeAnswer *answer)
{
  HeSpan token = he_bearer_find (request->authorization);
  if (target->credential.text || !token.text) {
    decide_by_credential (gate, request, target, now, answer);
    return;
  }
  g_autofree char *path = g_strdup_printf ("/live/%s/main.m3u8", target->channel);
  HeGateRequest entry = *request;
  entry.path = path;
  entry.query = NULL;
  decide_by_token (gate, &entry, target, token, now, answer);
}

/* token: of the path, from which it has been taken out. Only an entry's may have one: all
 * else has one spelling, by which caches know it. */
static void
decide (HeGate *gate, const HeGateRequest *request, HeSpan token, gint64 now,
        HeAnswer *answer)
{
  HeTarget target;
  HeSpan in_query = { NULL, 0 };
  if (!he_target_parse (request->path, &target)
      || (token.text
          && (target.kind != HE_TARGET_MULTIVARIANT || target.credential.text))) {
    not_found (answer);
  } else if (request->query && strnlen (request->query, MAX_QUERY + 1) > MAX_QUERY) {
    deny (answer, HE_CODE_MALFORMED);
  } else if (target.kind == HE_TARGET_SESSION) {
    decide_session (gate, request, &target, now, answer);
  } else if (target.kind != HE_TARGET_MULTIVARIANT || target.credential.text) {
    decide_by_credential (gate, request, &target, now, answer);
  } else if (!he_query_find (request->query, TOKEN_PARAMETER, &in_query)
             || (token.text && in_query.text)) {
    deny (answer, HE_CODE_MALFORMED);
  } else {
    if (!token.text)
      token = in_query.text ? in_query : he_bearer_find (request->authorization);
    if (token.text)
      decide_by_token (gate, request, &target, token, now, answer);
    else
      decide_by_credential (gate, request, &target, now, answer);
  }
}

void
he_gate_decide (HeGate *gate, const HeGateRequest *request, gint64 now,
                HeAnswer *ret_answer)
{
  HeAnswer answer = { 0 };
  HeGateRequest plain = *request;
  HeSpan token;
  g_autofree char *path = NULL;
  if (!he_path_find (request->path, TOKEN_PARAMETER, &token, &path)) {
    deny (&answer, HE_CODE_MALFORMED);
  } else {
    plain.path = path ? path : request->path;
    decide (gate, &plain, token, now, &answer);
  }
  *ret_answer = answer;
}
