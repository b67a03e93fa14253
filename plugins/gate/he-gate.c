/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-gate-private.h"

#include <string.h>
#include "he-codec.h"
#include "he-codeword.h"
#include "he-credential.h"

#define MAX_QUERY 8192

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
  gate->shown = he_opened_cache_new ();
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
  he_opened_cache_free (gate->shown);
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

void
he_gate_deny (HeAnswer *answer, HeCode code)
{
  answer->kind = HE_ANSWER_DENY;
  answer->status = code == HE_CODE_NO_CREDENTIAL ? 401
                   : code == HE_CODE_UNAVAILABLE ? 503
                                                 : 403;
  answer->code = code;
}

/* Where a step failed with NOT_FOUND, code stays OK: nobody is at fault. */
void
he_gate_not_found (HeAnswer *answer)
{
  answer->kind = HE_ANSWER_NOT_FOUND;
  answer->status = 404;
  answer->code = HE_CODE_NONE;
}

gboolean
he_gate_may_watch (char **rights, const char *channel)
{
  return rights
         && (g_strv_contains ((const char *const *)rights, channel)
             || g_strv_contains ((const char *const *)rights, "*"));
}

/* Does what the target names exist? Sets channel and rendition of the answer. */
gboolean
he_gate_resolve (HeGate *gate, const HeTarget *target, HeAnswer *answer)
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
void
he_gate_grant (HeGate *gate, const HeTarget *target, const HeSessionRecord *contents,
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
gboolean
he_gate_is_revoked (HeGate *gate, const HeSessionRecord *contents, gint64 since,
                    gint64 now)
{
  return gate->revocations
         && he_revocations_match (gate->revocations, contents->id, contents->account,
                                  since, now);
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

HeCode
he_gate_touch (HeGate *gate, const HeSessionRecord *contents, HeTouch how, gint64 now,
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

void
he_gate_note_shown (HeAnswer *answer, const char *account, const guint8 address_hash[16])
{
  g_free (answer->shown);
  answer->shown = g_strdup (account);
  memcpy (answer->shown_at, address_hash, sizeof answer->shown_at);
}

/* What the credential says, or NULL and why it is not good for this address. */
HeOpened *
he_gate_open_credential (HeGate *gate, HeSpan text, const char *address, HeAnswer *answer,
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
    he_gate_note_shown (answer, contents.account, hash);
    return NULL;
  }
  return he_opened_keep (gate->opened, text.text, text.len, address, &contents);
}

/* The session's credential, from the record that holds: a token shown again finds the
 * session as it was opened, and does not prolong it. */
char *
he_gate_seal_session (HeGate *gate, const HeSessionRecord *contents, gint64 *ret_ends)
{
  g_auto (HeSessionRecord) record = { 0 };
  gboolean known = he_sessions_lookup (gate->sessions, contents->id, &record);
  *ret_ends = (known ? &record : contents)->hard_end / G_USEC_PER_SEC;
  return he_credential_seal (gate->sealing_key, known ? &record : contents);
}

char *
he_gate_cookie_of (const HeGateRequest *request, const char *credential)
{
  return g_strconcat (HE_GATE_COOKIE "=", credential,
                      "; Path=/live/; HttpOnly; SameSite=",
                      request->secure && request->foreign ? "None" : "Lax",
                      request->secure ? "; Secure" : NULL, NULL);
}

gboolean
he_gate_go_on (HeGate *gate, const HeTarget *target, const HeSessionRecord *session,
               gint64 now, HeAnswer *answer, HeCode *ret_code)
{
  if (he_gate_is_revoked (gate, session, session->opened, now)) {
    name_session (session, answer);
    *ret_code = HE_CODE_REVOKED;
    return FALSE;
  }
  if (!he_gate_may_watch (session->rights, target->channel)) {
    *ret_code = HE_CODE_RIGHTS;
    return FALSE;
  }
  HeCode code = he_gate_touch (gate, session, touch_of (gate, target), now, answer);
  if (code != HE_CODE_OK) {
    *ret_code = code;
    return FALSE;
  }
  if (he_gate_resolve (gate, target, answer))
    he_gate_grant (gate, target, session, answer);
  else
    he_gate_not_found (answer);
  return TRUE;
}

/* One credential of possibly several; as he_gate_go_on(). */
static gboolean
try_credential (HeGate *gate, const HeGateRequest *request, const HeTarget *target,
                HeSpan text, gint64 now, HeAnswer *answer, HeCode *ret_code)
{
  g_autoptr (HeOpened) opened
      = he_gate_open_credential (gate, text, request->address, answer, ret_code);
  if (!opened)
    return FALSE;
  const HeSessionRecord *contents = &opened->contents;
  if (!he_gate_go_on (gate, target, contents, now, answer, ret_code))
    return FALSE;
  if (answer->kind == HE_ANSWER_SESSION) {
    g_autofree char *credential = he_gate_seal_session (gate, contents, &answer->ends);
    if (!target->credential.text && credential)
      answer->set_cookie = he_gate_cookie_of (request, credential);
  }
  return TRUE;
}

/* Of the prefix, else of cookies. */
static void
decide_by_credential (HeGate *gate, const HeGateRequest *request, const HeTarget *target,
                      gint64 now, HeAnswer *answer)
{
  HeSpan texts[HE_GATE_MAX_COOKIES];
  HeCode code = HE_CODE_NO_CREDENTIAL;
  guint count;
  if (target->credential.text) {
    texts[0] = target->credential;
    count = 1;
  } else {
    count = he_cookie_find (request->cookie, HE_GATE_COOKIE, texts, HE_GATE_MAX_COOKIES);
  }
  if (count && !request->address) {
    he_gate_deny (answer, HE_CODE_ADDRESS);
    return;
  }
  for (guint i = 0; i < count; i++)
    if (try_credential (gate, request, target, texts[i], now, answer, &code))
      return;
    else if (code == HE_CODE_UNAVAILABLE)
      break;
  he_gate_deny (answer, code);
}

/* By the prefix, else by a cookie that we sealed, else by the token of the header. */
static void
decide_by_transport (HeGate *gate, const HeGateRequest *request, const HeTarget *target,
                     HeSpan bearer, gint64 now, HeAnswer *answer)
{
  decide_by_credential (gate, request, target, now, answer);
  if (bearer.text && !target->credential.text && answer->kind == HE_ANSWER_DENY
      && (answer->code == HE_CODE_NO_CREDENTIAL || answer->code == HE_CODE_CREDENTIAL)) {
    he_answer_clear (answer);
    he_gate_by_bearer (gate, request, target, bearer, now, answer);
  }
}

/* token: of the path, from which it has been taken out. Only an entry's may have one: all
 * else has one spelling, by which caches know it. */
static void
decide (HeGate *gate, const HeGateRequest *request, HeSpan token, gint64 now,
        HeAnswer *answer)
{
  HeTarget target;
  HeSpan in_query = { NULL, 0 };
  HeSpan bearer = he_bearer_find (request->authorization);
  if (!he_target_parse (request->path, &target)
      || (token.text
          && (target.kind != HE_TARGET_MULTIVARIANT || target.credential.text))) {
    he_gate_not_found (answer);
  } else if (request->query && strnlen (request->query, MAX_QUERY + 1) > MAX_QUERY) {
    he_gate_deny (answer, HE_CODE_MALFORMED);
  } else if (target.credential.text) {
    decide_by_credential (gate, request, &target, now, answer);
  } else if (target.kind == HE_TARGET_SESSION && bearer.text) {
    he_gate_by_token_of_channel (gate, request, &target, bearer, now, answer);
  } else if (target.kind != HE_TARGET_MULTIVARIANT) {
    decide_by_transport (gate, request, &target, bearer, now, answer);
  } else if (!he_query_find (request->query, HE_GATE_TOKEN_PARAMETER, &in_query)
             || (token.text && in_query.text)) {
    he_gate_deny (answer, HE_CODE_MALFORMED);
  } else if (token.text || in_query.text) {
    he_gate_by_token (gate, request, &target, token.text ? token : in_query, now, answer);
  } else if (bearer.text) {
    he_gate_by_token (gate, request, &target, bearer, now, answer);
    if (answer->code == HE_CODE_EXPIRED) {
      he_answer_clear (answer);
      he_gate_by_bearer (gate, request, &target, bearer, now, answer);
    }
  } else {
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
  if (!he_path_find (request->path, HE_GATE_TOKEN_PARAMETER, &token, &path)) {
    he_gate_deny (&answer, HE_CODE_MALFORMED);
  } else {
    plain.path = path ? path : request->path;
    decide (gate, &plain, token, now, &answer);
  }
  *ret_answer = answer;
}
