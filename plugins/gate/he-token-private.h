/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <openssl/evp.h>
#include "he-token.h"

G_BEGIN_DECLS

/* What the token's files share; nobody else includes this. */

#define HE_P256_BYTES 32
#define HE_ES256_BYTES (2 * HE_P256_BYTES) /* r ‖ s, RFC 7518 section 3.4 */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_PKEY_CTX, EVP_PKEY_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_MD_CTX, EVP_MD_CTX_free)

/* The key of that kid when its one algorithm is alg; a new reference, or NULL. */
EVP_PKEY *he_token_keys_find (HeTokenKeys *keys, const char *kid, const char *alg);

/* Is raw (r ‖ s) key's signature of text? */
gboolean he_token_verify_es256 (EVP_PKEY *key, const guint8 raw[HE_ES256_BYTES],
                                const char *text, gsize len);

/* The rest of verifying: claims of a payload whose signature is good. */
HeCode he_token_check_claims (const HeTokenRules *rules, const char *payload, gsize len,
                              const char *uri, gint64 unix_seconds, HeToken **ret_token);

/* Does a URI container (RFC 9246 section 2.1.15) hold this URI? */
gboolean he_token_uri_matches (const char *container, const char *uri);

/* Limits on what a token may say, so that the credential made of it stays small. */
#define HE_ACCOUNT_MAX 128       /* bytes */
#define HE_RIGHTS_MAX 32         /* channels */
#define HE_RIGHTS_BYTES_MAX 1024 /* all names together */
gboolean he_account_is_valid (const char *account);
gboolean he_rights_are_valid (const char *const *rights);

G_END_DECLS
