/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-revocations.h"

G_BEGIN_DECLS

/* Tokens for the operator's middleware: POST HE_ISSUE_PATH, signed as all control
 * requests are (he-sign.h), on the internal listener.
 *
 *   {"account":TEXT, "channels":[NAME,…] or ["*"],
 *    "ttl":SECONDS (300), "session":SECONDS, "max-sessions":N, "address":TEXT,
 *    "url":BASE, "transport":"cookie" or "path", "page":BOOLEAN}
 *
 * The first two are required; what else stands there is refused. The token's session can
 * only be opened from the address, if there is one. 200 with
 *
 *   {"token":TEXT, "expires":UNIX_SECONDS, "urls":[TEXT,…]}
 *
 * one URL a channel, below the base or from "/" on, none for "*"; 400 with what is wrong;
 * 404 where no private key is named; 503 when it cannot be used, or our own gate would
 * refuse the token. No answer may be kept, and tokens are not logged. */
#define HE_ISSUE_PATH "/control/token"
#define HE_ISSUE_BODY_MAX (16 * 1024)
/* What is revoked is remembered for as long, unless somebody says otherwise. */
#define HE_ISSUE_TTL_MAX HE_REVOCATION_KEEP

G_END_DECLS
