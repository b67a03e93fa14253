/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <openssl/evp.h>
#include "he-json.h"
#include "he-token-seen.h"
#include "he-token.h"

G_BEGIN_DECLS

/* What the token's files share; nobody else includes this. */

#define HE_TOKEN_SIGNATURE_MAX 512 /* bytes: RSA of 4096 bits */
#define HE_TOKEN_RSA_BITS_MIN 2048 /* RFC 7518 section 3.3 */
#define HE_TOKEN_MAC_KEY_MIN 32    /* bytes: as long as the digest, RFC 7518 section 3.2 */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_PKEY_CTX, EVP_PKEY_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_MD_CTX, EVP_MD_CTX_free)

/* An algorithm of RFC 7518 section 3.1 or RFC 8037, and the one kind of key it takes. */
typedef struct _HeTokenAlgorithm HeTokenAlgorithm;
struct _HeTokenAlgorithm {
  const char *name;    /* the header's "alg" */
  const char *kty;     /* of its JWK */
  const char *crv;     /* NULL: none */
  const char *digest;  /* NULL: its own */
  gsize signature_len; /* 0: that of the key */
  gboolean pss;
  gboolean (*verify) (const HeTokenAlgorithm *algorithm, EVP_PKEY *key,
                      const guint8 *signature, gsize signature_len, const char *text,
                      gsize len);
  gboolean (*sign) (const HeTokenAlgorithm *algorithm, EVP_PKEY *key, const char *text,
                    gsize len, guint8 *ret_signature, gsize *ret_len);
  EVP_PKEY *(*generate) (void);
};

const HeTokenAlgorithm *he_token_algorithm_find (const char *name); /* NULL: unknown */
HeTokenAlgorithms he_token_algorithm_bit (const HeTokenAlgorithm *algorithm);

/* Is signature key's signature of text? The length is checked first. */
gboolean he_token_algorithm_verify (const HeTokenAlgorithm *algorithm, EVP_PKEY *key,
                                    const guint8 *signature, gsize signature_len,
                                    const char *text, gsize len);
gboolean he_token_algorithm_sign (const HeTokenAlgorithm *algorithm, EVP_PKEY *key,
                                  const char *text, gsize len,
                                  guint8 ret_signature[HE_TOKEN_SIGNATURE_MAX],
                                  gsize *ret_len);

/* A key for verifying from its JWK (RFC 7517, RFC 8037), checked: a point of the curve
 * that is not of small order, RSA of 2048 to 4096 bits, a secret of 32 to 256 bytes. A
 * new reference, or NULL. */
EVP_PKEY *he_token_jwk_read (const HeJson *jwk, const HeTokenAlgorithm *algorithm,
                             GError **error);
/* The JWK of a public key (of a secret for HS256: he_string_wipe_free()), or NULL. */
char *he_token_jwk_write (const HeTokenAlgorithm *algorithm, EVP_PKEY *key,
                          const char *kid);
/* The RFC 7638 thumbprint; a random name for a secret. NULL when key is of another kind. */
char *he_token_jwk_kid (const HeTokenAlgorithm *algorithm, EVP_PKEY *key);

/* The key of that kid when its one algorithm is this, unless its "exp" has passed; a new
 * reference, or NULL. */
EVP_PKEY *he_token_keys_find (HeTokenKeys *keys, const char *kid,
                              const HeTokenAlgorithm *algorithm, gint64 unix_seconds);
/* Signatures found good with these keys. */
HeTokenSeen *he_token_keys_seen (HeTokenKeys *keys);

/* The rest of verifying: claims of a payload whose signature is good. */
HeCode he_token_check_claims (const HeTokenRules *rules, const char *payload, gsize len,
                              const char *uri, gint64 unix_seconds, HeToken **ret_token);

/* Does a URI container (RFC 9246 section 2.1.15) hold this URI, normalised? */
gboolean he_token_uri_matches (const char *container, const char *uri);

/* Limits on what a token may say, so that the credential made of it stays small. */
#define HE_ACCOUNT_MAX 128       /* bytes */
#define HE_RIGHTS_BYTES_MAX 1024 /* all names together */
gboolean he_account_is_valid (const char *account);
gboolean he_rights_are_valid (const char *const *rights);

G_END_DECLS
