/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-token-private.h"

#include <string.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include "he-crypto.h"
#include "he-error.h"

#define P256_BYTES 32
#define ES256_BYTES (2 * P256_BYTES) /* r ‖ s, RFC 7518 section 3.4 */
#define RSA_BITS 3072                /* of new keys */

/* ---- what OpenSSL does itself: RS256, PS256, EdDSA ---- */

/* RFC 7518 section 3.5: the salt is as long as the digest, and nothing else is taken. */
static gboolean
set_padding (const HeTokenAlgorithm *algorithm, EVP_PKEY_CTX *ctx)
{
  return !algorithm->pss
         || (EVP_PKEY_CTX_set_rsa_padding (ctx, RSA_PKCS1_PSS_PADDING) == 1
             && EVP_PKEY_CTX_set_rsa_pss_saltlen (ctx, RSA_PSS_SALTLEN_DIGEST) == 1);
}

static gboolean
verify_plain (const HeTokenAlgorithm *algorithm, EVP_PKEY *key, const guint8 *signature,
              gsize signature_len, const char *text, gsize len)
{
  EVP_PKEY_CTX *settings = NULL; /* owned by ctx */
  g_autoptr (EVP_MD_CTX) ctx = EVP_MD_CTX_new ();
  return ctx
         && EVP_DigestVerifyInit_ex (ctx, &settings, algorithm->digest, NULL, NULL, key,
                                     NULL)
                == 1
         && set_padding (algorithm, settings)
         && EVP_DigestVerify (ctx, signature, signature_len, (const guchar *)text, len)
                == 1;
}

static gboolean
sign_plain (const HeTokenAlgorithm *algorithm, EVP_PKEY *key, const char *text, gsize len,
            guint8 *ret_signature, gsize *ret_len)
{
  EVP_PKEY_CTX *settings = NULL;
  g_autoptr (EVP_MD_CTX) ctx = EVP_MD_CTX_new ();
  *ret_len = HE_TOKEN_SIGNATURE_MAX;
  return ctx
         && EVP_DigestSignInit_ex (ctx, &settings, algorithm->digest, NULL, NULL, key,
                                   NULL)
                == 1
         && set_padding (algorithm, settings)
         && EVP_DigestSign (ctx, ret_signature, ret_len, (const guchar *)text, len) == 1;
}

/* ---- ES256: JWS wants r ‖ s, OpenSSL DER ---- */

/* The range of r and s is checked by the verification itself, zero included; either of s
 * and n - s is accepted, as FIPS 186-5 does. */
static gboolean
verify_es256 (const HeTokenAlgorithm *algorithm, EVP_PKEY *key, const guint8 *signature,
              gsize signature_len, const char *text, gsize len)
{
  gboolean good = FALSE;
  ECDSA_SIG *pair = ECDSA_SIG_new ();
  BIGNUM *r = BN_bin2bn (signature, P256_BYTES, NULL);
  BIGNUM *s = BN_bin2bn (signature + P256_BYTES, P256_BYTES, NULL);
  guchar *der = NULL;
  int der_len;
  if (!pair || !r || !s || ECDSA_SIG_set0 (pair, r, s) != 1) {
    BN_free (r);
    BN_free (s);
  } else if ((der_len = i2d_ECDSA_SIG (pair, &der)) > 0) {
    good = verify_plain (algorithm, key, der, (gsize)der_len, text, len);
  }
  OPENSSL_free (der);
  ECDSA_SIG_free (pair);
  return good;
}

static gboolean
sign_es256 (const HeTokenAlgorithm *algorithm, EVP_PKEY *key, const char *text, gsize len,
            guint8 *ret_signature, gsize *ret_len)
{
  guint8 der[HE_TOKEN_SIGNATURE_MAX];
  gsize der_len = 0;
  const guchar *p = der;
  if (!sign_plain (algorithm, key, text, len, der, &der_len))
    return FALSE;
  ECDSA_SIG *pair = d2i_ECDSA_SIG (NULL, &p, (long)der_len);
  gboolean ok
      = pair
        && BN_bn2binpad (ECDSA_SIG_get0_r (pair), ret_signature, P256_BYTES) == P256_BYTES
        && BN_bn2binpad (ECDSA_SIG_get0_s (pair), ret_signature + P256_BYTES, P256_BYTES)
               == P256_BYTES;
  ECDSA_SIG_free (pair);
  *ret_len = ES256_BYTES;
  return ok;
}

/* ---- HS256: a MAC, compared in constant time ---- */

static gboolean
verify_hs256 (const HeTokenAlgorithm *algorithm, EVP_PKEY *key, const guint8 *signature,
              gsize signature_len, const char *text, gsize len)
{
  guint8 mac[HE_TOKEN_SIGNATURE_MAX];
  gsize mac_len = 0;
  return sign_plain (algorithm, key, text, len, mac, &mac_len) && mac_len == signature_len
         && he_equal_constant_time (mac, signature, mac_len);
}

/* ---- making keys ---- */

static EVP_PKEY *
generate_es256 (void)
{
  return EVP_EC_gen ("P-256");
}

static EVP_PKEY *
generate_eddsa (void)
{
  return EVP_PKEY_Q_keygen (NULL, NULL, "ED25519");
}

static EVP_PKEY *
generate_rsa (void)
{
  return EVP_RSA_gen (RSA_BITS);
}

static EVP_PKEY *
generate_hs256 (void)
{
  guint8 bytes[HE_TOKEN_MAC_KEY_MIN];
  he_random (bytes, sizeof bytes);
  EVP_PKEY *key = EVP_PKEY_new_raw_private_key_ex (NULL, "HMAC", NULL, bytes,
                                                   sizeof bytes);
  OPENSSL_cleanse (bytes, sizeof bytes);
  return key;
}

/* RFC 7518 section 3.1 and RFC 8037. Bits in the order of HeTokenAlgorithms. */
static const HeTokenAlgorithm algorithms[] = {
  { "ES256", "EC", "P-256", "SHA256", ES256_BYTES, FALSE, verify_es256, sign_es256,
    generate_es256 },
  { "EdDSA", "OKP", "Ed25519", NULL, 64, FALSE, verify_plain, sign_plain,
    generate_eddsa },
  { "RS256", "RSA", NULL, "SHA256", 0, FALSE, verify_plain, sign_plain, generate_rsa },
  { "PS256", "RSA", NULL, "SHA256", 0, TRUE, verify_plain, sign_plain, generate_rsa },
  { "HS256", "oct", NULL, "SHA256", HE_SHA256_LEN, FALSE, verify_hs256, sign_plain,
    generate_hs256 },
};

static const char *const names[]
    = { "ES256", "EdDSA", "RS256", "PS256", "HS256", NULL };
G_STATIC_ASSERT (G_N_ELEMENTS (names) == G_N_ELEMENTS (algorithms) + 1);
G_STATIC_ASSERT (HE_TOKEN_HS256 == 1 << (G_N_ELEMENTS (algorithms) - 1));

/* As tokens and keys have it: RFC 9864 calls EdDSA with this curve by the curve's name. */
const HeTokenAlgorithm *
he_token_algorithm_find (const char *name)
{
  if (g_strcmp0 (name, "Ed25519") == 0)
    name = "EdDSA";
  for (guint i = 0; name && i < G_N_ELEMENTS (algorithms); i++)
    if (strcmp (algorithms[i].name, name) == 0)
      return &algorithms[i];
  return NULL;
}

HeTokenAlgorithms
he_token_algorithm_bit (const HeTokenAlgorithm *algorithm)
{
  return 1u << (algorithm - algorithms);
}

const char *const *
he_token_algorithm_names (void)
{
  return names;
}

gboolean
he_token_algorithms_parse (const char *const *given, HeTokenAlgorithms *ret_algorithms,
                           GError **error)
{
  HeTokenAlgorithms bits = 0;
  for (guint i = 0; given[i]; i++) {
    if (!g_strv_contains (names, given[i])) {
      g_autofree char *known = g_strjoinv (", ", (char **)names);
      g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                   "\"%s\" is no algorithm for tokens; expected one of %s", given[i],
                   known);
      return FALSE;
    }
    bits |= he_token_algorithm_bit (he_token_algorithm_find (given[i]));
  }
  *ret_algorithms = bits;
  return TRUE;
}

gboolean
he_token_algorithm_verify (const HeTokenAlgorithm *algorithm, EVP_PKEY *key,
                           const guint8 *signature, gsize signature_len, const char *text,
                           gsize len)
{
  gsize expected = algorithm->signature_len ? algorithm->signature_len
                                            : (gsize)EVP_PKEY_get_size (key);
  gboolean good = signature_len == expected
                  && algorithm->verify (algorithm, key, signature, signature_len, text,
                                        len);
  if (!good)
    ERR_clear_error ();
  return good;
}

gboolean
he_token_algorithm_sign (const HeTokenAlgorithm *algorithm, EVP_PKEY *key,
                         const char *text, gsize len,
                         guint8 ret_signature[HE_TOKEN_SIGNATURE_MAX], gsize *ret_len)
{
  gboolean good = algorithm->sign (algorithm, key, text, len, ret_signature, ret_len);
  if (!good)
    ERR_clear_error ();
  return good;
}
