/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-channel.h"
#include "he-revocations.h"
#include "he-secret.h"
#include "he-segment.h"
#include "he-session.h"
#include "he-token.h"

G_BEGIN_DECLS

/* The decision: (request, credential or token, session, now) -> answer. No socket, no clock.
 * The server feeds it and carries out its answers; an edge's auth request passes through the
 * same function. Thread-safe. */
typedef struct _HeGate HeGate;

/* Strings are copied and secrets referenced. */
typedef struct {
  HeTokenKeys *keys; /* owned by the caller, outlives the gate; NULL: no token is good */
  const char *issuer, *audience;
  HeSecret *codeword, *credential;
  HeSessions *sessions; /* owned by the caller, outlives the gate */
  guint session_seconds; /* longest session; a token may shorten it */
  guint per_account;     /* most sessions of an account; a token may lower it */
  HeRevocations *revocations; /* owned by the caller, outlives the gate; or NULL */
} HeGateRules;

HeGate *he_gate_new (const HeGateRules *rules);
void he_gate_free (HeGate *gate); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeGate, he_gate_free)
/* References it. A second channel of the same name replaces the first. */
void he_gate_add_channel (HeGate *gate, HeChannel *channel);

typedef struct {
  const char *path;          /* raw request path, percent-encodings untouched, no query */
  const char *query;         /* without '?', or NULL */
  const char *cookie;        /* Cookie header or NULL */
  const char *authorization; /* Authorization header or NULL */
  const char *address;       /* the client's, textual */
  const char *authority;     /* Host header, for tokens whose URI container speaks of the
                                absolute URI; or NULL */
  gboolean secure;           /* the client came by https */
  gboolean foreign;          /* a page of another origin, which may, asks */
} HeGateRequest;

typedef enum {
  HE_ANSWER_DENY,         /* status 401 or 403, code */
  HE_ANSWER_NOT_FOUND,    /* 404: no such path, channel, rendition or tier */
  HE_ANSWER_REDIRECT,     /* 302 to location */
  HE_ANSWER_MULTIVARIANT, /* main.m3u8 of channel */
  HE_ANSWER_MEDIA,        /* index.m3u8 of channel, rendition */
  HE_ANSWER_KEY,          /* key of channel, tier, period */
  HE_ANSWER_SESSION,      /* the session goes on: lease_seconds, ends */
  HE_ANSWER_SEGMENT,      /* segment, its variant chosen for this viewer */
} HeAnswerKind;

typedef struct {
  HeAnswerKind kind;
  guint status; /* 200, 302, 401, 403, 404, 503 */
  HeCode code;
  HeChannel *channel;           /* reference, or NULL */
  const HeRendition *rendition; /* of channel, or NULL */
  HeSegment *segment;           /* SEGMENT: channel, rendition, variant, msn */
  guint64 period;               /* KEY: the server gives keys of held segments only */
  char *location;               /* REDIRECT */
  char *set_cookie;             /* value of Set-Cookie, or NULL */
  char *replicate;              /* JSON batch that peers must get before the answer, or NULL */
  char session[33];             /* hex id for the log, or "" */
  char *account;                /* whose request was granted, or NULL */
  guint8 address_hash[16];      /* of the session; with account */
  char *shown;                  /* DENY, HE_CODE_ADDRESS: the account whose credential or token
                                   was shown from elsewhere, where it is known; or NULL */
  guint8 shown_at[16];          /* with shown: a hash of that address */
  HeSessionRecord *ask;         /* DENY, HE_CODE_UNAVAILABLE: whose session is to be settled
                                   (he_sessions_settle()), and the request decided again */
  HeTouch ask_how;              /* with ask */
  char *ask_replaces;           /* with ask: hex ids of sessions that end once it has its slot,
                                   and are in its way no more than that; or NULL */
  guint lease_seconds;          /* MULTIVARIANT, MEDIA, SESSION: what the lease has left */
  gint64 ends;                  /* SESSION: when it ends for good, unix seconds */
} HeAnswer;

void he_answer_clear (HeAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HeAnswer, he_answer_clear)

/* now: unix microseconds. Fills *ret_answer completely.
 *
 * main.m3u8 with a token (URISigningPackage as a parameter of the query or of the path,
 * else a bearer header) and without a path prefix is an entry: the token alone decides,
 * and opens or finds its session. So does "session" with a bearer token, which is judged
 * as for main.m3u8; the session of a cookie beside it, of the same account, then ends: it
 * is the same player's. In a path, a token is nothing that any other request may have.
 * Every other request is carried by the path prefix, else by the cookie "headend", else,
 * where none of those cookies was sealed here, by a bearer token. That is the session it opened,
 * as a credential would be, and when there is none, opens it as at main.m3u8. While that
 * session's lease runs, the token may expire; then it opens none and revives none. Such a token
 * at main.m3u8, too, goes on in its session.
 * Sessions are bound to the address that opened them, whatever carries the credential.
 * What does not exist is NOT_FOUND only to who may know; to others it is denied like what
 * does. */
void he_gate_decide (HeGate *gate, const HeGateRequest *request, gint64 now,
                     HeAnswer *ret_answer);

/* The client's address: the rightmost entry of X-Forwarded-For that is not a trusted proxy,
 * when the peer is one, or HE_ADDRESS_LOCAL; else the peer. Entries that are no addresses
 * end the walk. */
char *he_gate_client_address (const char *peer, const char *x_forwarded_for,
                              const char *const *trusted_proxies);

G_END_DECLS
