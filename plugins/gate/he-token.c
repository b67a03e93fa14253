/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-token-private.h"

#include <string.h>
#include "he-codec.h"
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

/* A media type, whose case and "application/" say nothing (RFC 7515 section 4.1.9). */
static gboolean
is_jwt (const char *typ)
{
  return typ
         && (g_ascii_strcasecmp (typ, "JWT") == 0
             || g_ascii_strcasecmp (typ, "application/jwt") == 0);
}

/* The header is the one thing that is read before the signature is good: bounded, strict,
 * and only to find the key. "jwk", "jku", "x5c" and the like are never looked at
 * (RFC 8725 section 3.10); "b64" is not for JWTs (RFC 7797 section 7). */
static HeCode
find_key (HeTokenKeys *keys, const Parts *parts, gint64 unix_seconds,
          const HeTokenAlgorithm **ret_algorithm, EVP_PKEY **ret_key)
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
  *ret_algorithm = he_token_algorithm_find (alg);
  if (!*ret_algorithm)
    return HE_CODE_SIGNATURE;
  if (he_json_member (header, "crit"))
    return HE_CODE_CRITICAL;
  if (!is_jwt (typ) || he_json_member (header, "b64"))
    return HE_CODE_MALFORMED;
  *ret_key
      = kid && keys ? he_token_keys_find (keys, kid, *ret_algorithm, unix_seconds) : NULL;
  return *ret_key ? HE_CODE_OK : HE_CODE_SIGNATURE;
}

static gboolean
signature_is_good (HeTokenKeys *keys, const HeTokenAlgorithm *algorithm, EVP_PKEY *key,
                   const char *text, gsize len, const Parts *parts)
{
  guint8 digest[HE_SHA256_LEN], signature[HE_TOKEN_SIGNATURE_MAX];
  gsize signature_len = 0;
  he_sha256 ((const guint8 *)text, len, digest);
  if (he_token_seen_has (he_token_keys_seen (keys), digest, key))
    return TRUE;
  if (!he_base64url_decode (parts->signature, parts->signature_len, signature,
                            sizeof signature, &signature_len)
      || !he_token_algorithm_verify (algorithm, key, signature, signature_len, text,
                                     parts->signed_len))
    return FALSE;
  he_token_seen_add (he_token_keys_seen (keys), digest, key);
  return TRUE;
}

HeCode
he_token_verify (const HeTokenRules *rules, const char *text, gsize len, const char *uri,
                 gint64 unix_seconds, HeToken **ret_token)
{
  Parts parts;
  if (len > HE_TOKEN_MAX_BYTES || !split (text, len, &parts))
    return HE_CODE_MALFORMED;
  const HeTokenAlgorithm *algorithm = NULL;
  g_autoptr (EVP_PKEY) key = NULL;
  HeCode code = find_key (rules->keys, &parts, unix_seconds, &algorithm, &key);
  if (code != HE_CODE_OK)
    return code;
  if (!signature_is_good (rules->keys, algorithm, key, text, len, &parts))
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
