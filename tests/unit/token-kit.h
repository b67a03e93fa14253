/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A signer of its own for tests: signs whatever header and payload it is given, which
 * he_token_mint() would never. */

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include "he-codec.h"
#include "he-json.h"
#include "he-token.h"

typedef struct {
  char *pem, *jwk, *kid;
  EVP_PKEY *key;
} Signer;

static inline Signer *
signer_new (void)
{
  Signer *signer = g_new0 (Signer, 1);
  g_autoptr (GError) error = NULL;
  const char *kid = NULL;
  he_token_keygen ("ES256", &signer->pem, &signer->jwk, &error);
  g_assert_no_error (error);
  g_autoptr (HeJson) jwk = he_json_parse (signer->jwk, -1, 4096, 4, NULL);
  g_assert_true (he_json_get_string (jwk, "kid", TRUE, &kid, NULL));
  signer->kid = g_strdup (kid);
  BIO *bio = BIO_new_mem_buf (signer->pem, -1);
  signer->key = PEM_read_bio_PrivateKey (bio, NULL, NULL, NULL);
  BIO_free (bio);
  g_assert_nonnull (signer->key);
  return signer;
}

static inline void
signer_free (Signer *signer)
{
  EVP_PKEY_free (signer->key);
  g_free (signer->pem);
  g_free (signer->jwk);
  g_free (signer->kid);
  g_free (signer);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Signer, signer_free)

static inline HeTokenKeys *
signer_keys (const Signer *a, const Signer *b)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *jwks
      = g_strdup_printf ("{\"keys\":[%s%s%s]}", a->jwk, b ? "," : "", b ? b->jwk : "");
  HeTokenKeys *keys = he_token_keys_parse (jwks, -1, HE_TOKEN_ES256, &error);
  g_assert_no_error (error);
  return keys;
}

static inline char *
base64url_text (const char *text)
{
  return he_base64url_encode ((const guint8 *)text, strlen (text));
}

/* DER of a signature over text. */
static inline GBytes *
signer_sign_der (const Signer *signer, const char *text)
{
  guint8 der[128];
  gsize len = sizeof der;
  EVP_MD_CTX *ctx = EVP_MD_CTX_new ();
  g_assert_cmpint (
      EVP_DigestSignInit_ex (ctx, NULL, "SHA256", NULL, NULL, signer->key, NULL), ==, 1);
  g_assert_cmpint (EVP_DigestSign (ctx, der, &len, (const guchar *)text, strlen (text)),
                   ==, 1);
  EVP_MD_CTX_free (ctx);
  return g_bytes_new (der, len);
}

static inline void
signer_sign_raw (const Signer *signer, const char *text, guint8 ret_raw[64])
{
  gsize len = 0;
  g_autoptr (GBytes) der = signer_sign_der (signer, text);
  const guchar *p = g_bytes_get_data (der, &len);
  ECDSA_SIG *pair = d2i_ECDSA_SIG (NULL, &p, (long)len);
  BN_bn2binpad (ECDSA_SIG_get0_r (pair), ret_raw, 32);
  BN_bn2binpad (ECDSA_SIG_get0_s (pair), ret_raw + 32, 32);
  ECDSA_SIG_free (pair);
}

static inline char *
signer_token (const Signer *signer, const char *header, const char *payload)
{
  guint8 raw[64];
  g_autofree char *header64 = base64url_text (header);
  g_autofree char *payload64 = base64url_text (payload);
  g_autofree char *text = g_strconcat (header64, ".", payload64, NULL);
  signer_sign_raw (signer, text, raw);
  g_autofree char *signature = he_base64url_encode (raw, sizeof raw);
  return g_strconcat (text, ".", signature, NULL);
}
