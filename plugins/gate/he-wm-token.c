/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-wm-token.h"

#include <string.h>

#include "he-cbor.h"
#include "he-codec.h"
#include "he-crypto.h"

#define TAG_MAC0 17

/* Registered for CWT, and those of ETSI TS 104 002 table 1. */
enum {
  CLAIM_EXP = 4,
  CLAIM_IAT = 6,
  CLAIM_VERSION = 300,
  CLAIM_VENDOR = 301,
  CLAIM_PATTERN_LENGTH = 302,
  CLAIM_SEGMENT_DURATION = 303,
  CLAIM_PATTERN = 304,
};

static const guint8 protected[] = { 0xa1, 0x01, 0x05 }; /* {alg: HMAC 256/256} */

GByteArray *
he_wm_token_seal (const HeSecret *key, const guint8 *payload, gsize len)
{
  static const char context[] = "MAC0";
  g_autoptr (GByteArray) sealed = g_byte_array_new ();
  GByteArray *cose = g_byte_array_new ();
  guint8 mac[HE_SHA256_LEN];

  he_cbor_head (sealed, HE_CBOR_ARRAY, 4);
  he_cbor_head (sealed, HE_CBOR_TEXT, strlen (context));
  g_byte_array_append (sealed, (const guint8 *)context, sizeof context - 1);
  he_cbor_bytes (sealed, protected, sizeof protected);
  he_cbor_bytes (sealed, NULL, 0);
  he_cbor_bytes (sealed, payload, len);
  he_hmac_sha256 (key, sealed->data, sealed->len, mac);

  he_cbor_head (cose, HE_CBOR_TAG, TAG_MAC0);
  he_cbor_head (cose, HE_CBOR_ARRAY, 4);
  he_cbor_bytes (cose, protected, sizeof protected);
  he_cbor_head (cose, HE_CBOR_MAP, 0);
  he_cbor_bytes (cose, payload, len);
  he_cbor_bytes (cose, mac, sizeof mac);
  return cose;
}

/* The most significant bit of a byte comes first. */
static void
fill_pattern (const HeWmTokenRequest *request, guint8 pattern[HE_PACE_POSITIONS / 8])
{
  memset (pattern, 0, HE_PACE_POSITIONS / 8);
  for (guint64 msn = request->first; msn < request->first + HE_PACE_POSITIONS; msn++) {
    const HeVariant variant = he_codeword_variant (request->code, request->account, msn);
    const guint position = (guint)he_pace_position (variant, msn);

    if (variant == HE_VARIANT_B)
      pattern[position / 8] |= (guint8)(0x80 >> position % 8);
  }
}

char *
he_wm_token_mint (const HeSecret *key, const HeWmTokenRequest *request)
{
  g_autoptr (GByteArray) claims = g_byte_array_new ();
  guint8 pattern[HE_PACE_POSITIONS / 8];

  fill_pattern (request, pattern);
  he_cbor_head (claims, HE_CBOR_MAP, 7);
  he_cbor_pair (claims, CLAIM_EXP, (guint64)request->expires);
  he_cbor_pair (claims, CLAIM_IAT, (guint64)request->issued);
  he_cbor_pair (claims, CLAIM_VERSION, HE_WM_TOKEN_VERSION);
  he_cbor_pair (claims, CLAIM_VENDOR, request->vendor);
  he_cbor_pair (claims, CLAIM_PATTERN_LENGTH, HE_PACE_POSITIONS);
  he_cbor_head (claims, HE_CBOR_UNSIGNED, CLAIM_SEGMENT_DURATION);
  he_cbor_head (claims, HE_CBOR_ARRAY, 2);
  he_cbor_head (claims, HE_CBOR_UNSIGNED, request->duration90);
  he_cbor_head (claims, HE_CBOR_UNSIGNED, 90000);
  he_cbor_head (claims, HE_CBOR_UNSIGNED, CLAIM_PATTERN);
  he_cbor_bytes (claims, pattern, sizeof pattern);

  g_autoptr (GByteArray) token = he_wm_token_seal (key, claims->data, claims->len);
  return he_base64url_encode (token->data, token->len);
}
