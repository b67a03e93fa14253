/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-codeword.h"
#include "he-pace.h"
#include "he-secret.h"

G_BEGIN_DECLS

/* The WM token of ETSI TS 104 002 V1.1.1 (clause 5.4), in direct mode: what an edge that
 * chooses variants itself needs of a viewer, his codeword at the positions of
 * HE_PACE_POSITIONS segments. A CWT (RFC 8392) with the claims exp, iat, wmver, wmvnd,
 * wmpatlen, wmsegduration and wmpattern, sealed with HMAC 256/256. The pattern is not
 * encrypted: a bit of it is 1 where the viewer gets b. */
#define HE_WM_TOKEN_VERSION 1

typedef struct {
  const HeCodeword *code;
  const char *account;
  guint64
      first; /* MSN of the first segment that it is for; HE_PACE_POSITIONS from it on */
  guint64 duration90;
  gint64 issued, expires; /* unix seconds */
  guint8 vendor;          /* wmvnd: says to the edge which key it is */
} HeWmTokenRequest;

/* key is shared with the edge. base64url. */
char *he_wm_token_mint (const HeSecret *key, const HeWmTokenRequest *request);

/* COSE_Mac0 (RFC 9052 section 6.2) with HMAC 256/256, tagged. */
GByteArray *he_wm_token_seal (const HeSecret *key, const guint8 *payload, gsize len);

G_END_DECLS
