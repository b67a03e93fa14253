/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-secret.h"
#include "he-session.h"

G_BEGIN_DECLS

/* The credential: a session's contents, sealed under a key that all gates share, so that
 * any of them rebuilds the session from it. base64url, at most HE_CREDENTIAL_MAX
 * characters: fit for a cookie and for a path component. It stays good for the session's
 * life; what is short-lived is the lease, which is not in it.
 *
 *   AES-256-GCM(sealing key, aad = "headend-credential-1",
 *     version 1 (8 bits) ‖ id (16 bytes) ‖ has_address (8) ‖ address_hash (16 bytes) ‖
 *     max_sessions (32) ‖ opened (64) ‖ hard_end (64) ‖ account ‖ count (16) ‖ rights…)
 *
 * with integers big-endian and each string preceded by its 16-bit length. */
#define HE_CREDENTIAL_MAX 2048

/* A token's session: HMAC(credential key, {"session", token id}), first 16 bytes, so that
 * the same token opens the same session on every node. */
void he_credential_session_id (const HeSecret *credential, const guint8 token_id[16],
                               guint8 ret_id[16]);

/* What credentials are sealed under, 32 bytes: HKDF(credential key, {"seal"}). */
HeSecret *he_credential_sealing_key (const HeSecret *credential);

/* Of record, only what the layout above names. NULL when it would be too long, which the
 * limits on tokens exclude. */
char *he_credential_seal (const HeSecret *sealing_key, const HeSessionRecord *record);

/* Fills *ret_record, the rest zero, or leaves it untouched: FALSE for anything that
 * he_credential_seal() did not make with this key. */
gboolean he_credential_open (const HeSecret *sealing_key, const char *text, gsize len,
                             HeSessionRecord *ret_record);

G_END_DECLS
