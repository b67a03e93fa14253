/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <openssl/evp.h>
#include "he-crypto.h"

G_BEGIN_DECLS

/* Tokens whose signature was good, by their digest and the key that it was good with: a
 * player that enters again, or a page that refreshes, costs no second check. Claims are
 * read anew each time, so nothing here keeps a token good that has expired. Bounded, and
 * thread-safe. */
#define HE_TOKEN_SEEN_MAX 8192
typedef struct _HeTokenSeen HeTokenSeen;

HeTokenSeen *he_token_seen_new (void);
void he_token_seen_free (HeTokenSeen *seen); /* takes NULL */

gboolean he_token_seen_has (HeTokenSeen *seen, const guint8 digest[HE_SHA256_LEN],
                            const EVP_PKEY *key);
/* References key, so that no other one gets its address. */
void he_token_seen_add (HeTokenSeen *seen, const guint8 digest[HE_SHA256_LEN],
                        EVP_PKEY *key);
void he_token_seen_clear (HeTokenSeen *seen);

G_END_DECLS
