/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-token-private.h"

#include <string.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include "he-codec.h"
#include "he-error.h"
#include "he-json.h"

#define MAX_HEADER 512 /* decoded bytes */
#define MAX_DEPTH 4

typedef struct {
  const char *header, *payload, *signature; /* base64url */
  gsize header_len, payload_len, signature_len;
  gsize signed_len; /* header '.' payload */
} Parts;

/* Exactly two dots (RFC 7515 section 7.1). */
static gboolean
split (const char *text, gsize len, Parts *ret_parts)
{
  const char *end = text + len;
  const char *first = memchr (text, '.', len);
  if (!first)
    return FALSE;
  const char *second = memchr (first + 1, '.', end - first - 1);
  if (!second || memchr (second + 1, '.', end - second - 1))
    return FALSE;
  *ret_parts = (Parts) {
    .header = text,
    .header_len = first - text,
    .payload = first + 1,
    .payload_len = second - first - 1,
    .signature = second + 1,
    .signature_len = end - second - 1,
    .signed_len = second - text,
  };
  return TRUE;
}

/* The header is the one thing that is read before the signature is good: bounded, strict,
 * and only to find the key. "jwk", "jku", "x5c" and the like are never looked at
 * (RFC 8725 section 3.10). */
static HeCode
find_key (HeTokenKeys *keys, const Parts *parts, EVP_PKEY **ret_key)
{
  guint8 text[MAX_HEADER];
  gsize len = 0;
  if (!he_base64url_decode (parts->header, parts->header_len, text, sizeof text, &len))
    return HE_CODE_MALFORMED;
  g_autoptr (HeJson) header
      = he_json_parse ((const char *)text, len, sizeof text, MAX_DEPTH, NULL);
  const char *alg = NULL, *typ = NULL, *kid = NULL;
  if (!header || he_json_type (header) != HE_JSON_OBJECT
      || !he_json_get_string (header, "alg", TRUE, &alg, NULL)
      || !he_json_get_string (header, "typ", FALSE, &typ, NULL)
      || !he_json_get_string (header, "kid", FALSE, &kid, NULL))
    return HE_CODE_MALFORMED;
  if (strcmp (alg, "ES256") != 0)
    return HE_CODE_SIGNATURE;
  if (he_json_member (header, "crit"))
    return HE_CODE_CRITICAL;
  if (g_strcmp0 (typ, "JWT") != 0)
    return HE_CODE_MALFORMED;
  *ret_key = kid && keys ? he_token_keys_find (keys, kid, alg) : NULL;
  return *ret_key ? HE_CODE_OK : HE_CODE_SIGNATURE;
}

/* OpenSSL wants DER. The range of r and s is checked by the verification itself, zero
 * included; either of s and n - s is accepted, as FIPS 186-5 does. */
gboolean
he_token_verify_es256 (EVP_PKEY *key, const guint8 raw[HE_ES256_BYTES], const char *text,
                       gsize len)
{
  gboolean good = FALSE;
  g_autoptr (EVP_MD_CTX) ctx = EVP_MD_CTX_new ();
  ECDSA_SIG *pair = ECDSA_SIG_new ();
  BIGNUM *r = BN_bin2bn (raw, HE_P256_BYTES, NULL);
  BIGNUM *s = BN_bin2bn (raw + HE_P256_BYTES, HE_P256_BYTES, NULL);
  guchar *der = NULL;
  int der_len;
  if (!ctx || !pair || !r || !s || ECDSA_SIG_set0 (pair, r, s) != 1) {
    BN_free (r);
    BN_free (s);
  } else if ((der_len = i2d_ECDSA_SIG (pair, &der)) > 0) {
    good = EVP_DigestVerifyInit_ex (ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1
           && EVP_DigestVerify (ctx, der, der_len, (const guchar *)text, len) == 1;
  }
  OPENSSL_free (der);
  ECDSA_SIG_free (pair);
  if (!good)
    ERR_clear_error ();
  return good;
}

HeCode
he_token_verify (const HeTokenRules *rules, const char *text, gsize len, const char *uri,
                 gint64 unix_seconds, HeToken **ret_token)
{
  Parts parts;
  if (len > HE_TOKEN_MAX_BYTES || !split (text, len, &parts))
    return HE_CODE_MALFORMED;
  g_autoptr (EVP_PKEY) key = NULL;
  HeCode code = find_key (rules->keys, &parts, &key);
  if (code != HE_CODE_OK)
    return code;
  guint8 signature[HE_ES256_BYTES];
  gsize signature_len = 0;
  if (!he_base64url_decode (parts.signature, parts.signature_len, signature,
                            sizeof signature, &signature_len)
      || signature_len != sizeof signature
      || !he_token_verify_es256 (key, signature, text, parts.signed_len))
    return HE_CODE_SIGNATURE;
  g_autofree guint8 *payload = g_malloc (HE_TOKEN_MAX_BYTES);
  gsize payload_len = 0;
  if (!he_base64url_decode (parts.payload, parts.payload_len, payload, HE_TOKEN_MAX_BYTES,
                            &payload_len))
    return HE_CODE_MALFORMED;
  return he_token_check_claims (rules, (const char *)payload, payload_len, uri,
                                unix_seconds, ret_token);
}

void
he_token_free (HeToken *token)
{
  if (!token)
    return;
  g_free (token->account);
  g_strfreev (token->rights);
  g_free (token);
}
