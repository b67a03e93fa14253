/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What comes as a token: unsigned text first, then the claims as if their signature were
 * good, a JWKS, a URI container and a batch of sessions, which other readers share. */
#include <string.h>
#include "fuzz.h"
#include "he-credential.h"
#include "he-session.h"
#include "he-token-private.h"

#define EVERY                                                                            \
  (HE_TOKEN_ES256 | HE_TOKEN_EDDSA | HE_TOKEN_RS256 | HE_TOKEN_PS256 | HE_TOKEN_HS256)

static const char jwks[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"a\","
                           "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                           "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";

const char *const fuzz_seeds[] = {
  /* {"alg":"ES256","typ":"JWT","kid":"a"} . {} . 64 bytes */
  "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImEifQ.e30."
  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
  "A",
  "{\"iss\":\"headend\",\"aud\":[\"headend\"],\"exp\":1700000300,\"nbf\":1700000000,"
  "\"iat\":1700000000.5,\"cdniv\":1,\"cdniuc\":\"regex:/live/(demo|news)/[^/]*\","
  "\"cdnicrit\":\"headend_acc\",\"headend_tid\":\"AAECAwQFBgcICQoLDA0ODw\","
  "\"headend_acc\":\"alice\",\"headend_rights\":[\"demo\",\"news\"],\"headend_max\":2}",
  jwks,
  "regex:[^:]*\\://[^/]*/live/[[:alnum:]]{1,8}(/.*)?",
  "regex:/live[\\/][]a-f[:digit:]-]{2,}\\.[^]/]*",
  "hash:sha-256;kpWXxkiQV4zWoPeQjGfRQACIN-PT0xhrw2lFegntaRY",
  "[{\"id\":\"000102030405060708090a0b0c0d0e0f\",\"account\":\"alice\",\"rights\":[\"*\"]"
  ","
  "\"address\":\"000102030405060708090a0b0c0d0e0f\",\"max-sessions\":1,\"opened\":1,"
  "\"hard-end\":99,\"lease-end\":9,\"last-seen\":5,\"ended\":0}]",
  NULL,
};

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const guint8 bytes[32];
  static HeTokenKeys *keys; /* the same for all: checking a point takes its time */
  const char *uri = "/live/demo/main.m3u8";
  g_autofree char *text = g_strndup ((const char *)data, size);
  g_autoptr (HeTokenKeys) read = he_token_keys_parse (text, (gssize)size, EVERY, NULL);
  g_autoptr (HeSecret) secret = he_secret_new (bytes, sizeof bytes);
  g_autoptr (HeSessions) sessions = he_sessions_new (HE_SESSIONS_EVICT_OLDEST, 9, 9, 8);
  g_autoptr (HeToken) unsigned_token = NULL, token = NULL;
  g_auto (HeSessionRecord) record = { 0 };
  if (!keys)
    keys = he_token_keys_parse (jwks, -1, HE_TOKEN_ES256, NULL);
  const HeTokenRules rules = { keys, "headend", "headend" };
  g_autofree char *printed = he_token_inspect (text, NULL);

  /* Nobody here can sign. */
  if (he_token_verify (&rules, text, size, uri, 1700000000, &unsigned_token) == HE_CODE_OK
      || he_credential_open (secret, text, size, &record))
    g_abort ();
  he_token_check_claims (&rules, text, size, uri, 1700000000, &token);
  he_token_uri_matches (text, uri);
  if (he_sessions_merge_json (sessions, text, (gssize)size, 10, NULL)) {
    g_autofree char *batch = he_sessions_to_json (sessions);
    if (!he_sessions_merge_json (sessions, batch, -1, 10, NULL))
      g_abort ();
  }
  return 0;
}
