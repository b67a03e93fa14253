/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the decisions by credential (he-gate.c) and by token (he-gate-token.c) share. */

#include "he-gate.h"
#include "he-opened.h"
#include "he-target.h"

G_BEGIN_DECLS

#define HE_GATE_COOKIE "headend"
#define HE_GATE_MAX_COOKIES 4
#define HE_GATE_TOKEN_PARAMETER "URISigningPackage" /* the name that RFC 9246 gives it   \
                                                     */

struct _HeGate {
  HeTokenKeys *keys;
  char *issuer, *audience;
  HeSecret *codeword, *credential, *sealing_key;
  HeSessions *sessions;
  HeRevocations *revocations;
  HeOpenedCache *opened; /* credentials */
  HeOpenedCache *shown;  /* tokens in headers, by their digest */
  guint session_seconds, per_account;
  GRWLock lock;         /* guards channels */
  GHashTable *channels; /* name -> Entry */
};

void he_gate_deny (HeAnswer *answer, HeCode code);
void he_gate_not_found (HeAnswer *answer);
gboolean he_gate_may_watch (char **rights, const char *channel);
gboolean he_gate_is_revoked (HeGate *gate, const HeSessionRecord *contents, gint64 since,
                             gint64 now);
gboolean he_gate_resolve (HeGate *gate, const HeTarget *target, HeAnswer *answer);
void he_gate_grant (HeGate *gate, const HeTarget *target, const HeSessionRecord *contents,
                    HeAnswer *answer);
HeCode he_gate_touch (HeGate *gate, const HeSessionRecord *contents, HeTouch how,
                      gint64 now, HeAnswer *answer);
void
he_gate_note_shown (HeAnswer *answer, const char *account, const guint8 address_hash[16]);
HeOpened *he_gate_open_credential (HeGate *gate, HeSpan text, const char *address,
                                   HeAnswer *answer, HeCode *ret_code);
char *
he_gate_seal_session (HeGate *gate, const HeSessionRecord *contents, gint64 *ret_ends);
char *he_gate_cookie_of (const HeGateRequest *request, const char *credential);

/* A request in a session that goes on. TRUE when that settled it: granted, or not found
 * by somebody who may ask. */
gboolean
he_gate_go_on (HeGate *gate, const HeTarget *target, const HeSessionRecord *session,
               gint64 now, HeAnswer *answer, HeCode *ret_code);

/* The token alone decides, and opens or finds its session. */
void he_gate_by_token (HeGate *gate, const HeGateRequest *request, const HeTarget *target,
                       HeSpan text, gint64 now, HeAnswer *answer);
/* The same of one that is in no URI: it speaks of the channel's main.m3u8. */
void he_gate_by_token_of_channel (HeGate *gate, const HeGateRequest *request,
                                  const HeTarget *target, HeSpan text, gint64 now,
                                  HeAnswer *answer);
/* The token that a player sends with each request: carries the session that it opened,
 * while that lives, as a credential would, and else opens it. */
void
he_gate_by_bearer (HeGate *gate, const HeGateRequest *request, const HeTarget *target,
                   HeSpan text, gint64 now, HeAnswer *answer);

G_END_DECLS
