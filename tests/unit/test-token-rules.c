/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-token-private.h"
#include "token-kit.h"

/* Rules of the JOSE standards that are met one by one. */

#define NOW G_GINT64_CONSTANT (1700000000)
#define URI "/live/demo/main.m3u8"
#define CLAIMS                                                                           \
  "{\"iss\":\"headend\",\"aud\":\"headend\",\"exp\":1700000300,\"nbf\":1699999970,"      \
  "\"iat\":1700000000,\"cdniuc\":\"regex:/live/.*\","                                    \
  "\"headend_tid\":\"AAECAwQFBgcICQoLDA0ODw\",\"headend_acc\":\"alice\","                \
  "\"headend_rights\":[\"demo\"]%s}"

static Signer *signer;

static HeTokenKeys *
keys_from (const char *jwk, GError **error)
{
  g_autofree char *jwks = g_strdup_printf ("{\"keys\":[%s]}", jwk);
  return he_token_keys_parse (jwks, -1, HE_TOKEN_ES256 | HE_TOKEN_EDDSA | HE_TOKEN_RS256,
                              error);
}

static HeCode
verify_at (HeTokenKeys *keys, const char *text, gint64 now)
{
  const HeTokenRules rules = { keys, "headend", "headend" };
  g_autoptr (HeToken) token = NULL;
  return he_token_verify (&rules, text, strlen (text), URI, now, &token);
}

static char *
token_of (const char *header_members, const char *claim_members)
{
  g_autofree char *header = g_strdup_printf ("{\"alg\":\"ES256\",\"kid\":\"%s\"%s}",
                                             signer->kid, header_members);
  g_autofree char *claims = g_strdup_printf (CLAIMS, claim_members);
  return signer_token (signer, header, claims);
}

/* RFC 7515 section 4.1 and RFC 7797: what a header may hold besides what we read. */
static void
test_headers (void)
{
  static const struct {
    HeCode code;
    const char *members;
  } cases[] = {
    { 200, ",\"typ\":\"JWT\"" },
    { 200, ",\"typ\":\"jwt\"" },
    { 200, ",\"typ\":\"application/jwt\"" },
    { 500, ",\"typ\":\"JWT \"" },
    { 500, ",\"typ\":\"text/jwt\"" },
    { 500, ",\"typ\":\"dpop+jwt\"" },
    { 500, ",\"typ\":\"JOSE\"" },
    { 500, ",\"typ\":null" },
    { 500, ",\"typ\":\"JWT\",\"b64\":false" },
    { 500, ",\"typ\":\"JWT\",\"b64\":true" },
    { 409, ",\"typ\":\"JWT\",\"b64\":false,\"crit\":[\"b64\"]" },
    { 409, ",\"typ\":\"JWT\",\"crit\":[]" },
    { 409, ",\"typ\":\"JWT\",\"crit\":null" },
    { 409, ",\"typ\":\"JWT\",\"crit\":[\"exp\"],\"exp\":1" },
    { 200, ",\"typ\":\"JWT\",\"jku\":\"https://evil.example/jwks\"" },
    { 200, ",\"typ\":\"JWT\",\"x5u\":\"https://evil.example/x5u\",\"x5c\":[\"AAAA\"]" },
    { 200, ",\"typ\":\"JWT\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}" },
    { 200, ",\"typ\":\"JWT\",\"zip\":\"DEF\"" },
    { 500, ",\"typ\":\"JWT\",\"jwk\":{\"k\":{\"k\":{\"k\":{}}}}" },
    { 500, ",\"typ\":\"JWT\",\"x\":\"\xff\"" },
    { 500, ",\"typ\":\"JWT\",\"x\":\"\\ud800\"" },
    { 500, ",\"typ\":\"JWT\",\"alg\":\"none\"" },
    { 500, ",\"typ\":\"JWT\",\"x\":01" },
    { 500, ",\"typ\":\"JWT\"," },
  };
  g_autoptr (HeTokenKeys) keys = keys_from (signer->jwk, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *token = token_of (cases[i].members, "");
    g_autofree char *shown = g_strescape (cases[i].members, NULL);
    g_test_message ("%s", shown);
    g_assert_cmpint (verify_at (keys, token, NOW), ==, cases[i].code);
  }
}

/* RFC 8259 in claims that nobody reads: whole tokens are refused for it. */
static void
test_claims_are_json (void)
{
  static const struct {
    HeCode code;
    const char *members;
  } cases[] = {
    { 200, ",\"x\":\"\\ud83d\\ude00\"" },
    { 200, ",\"x\":-0.5E+3" },
    { 200, ",\"x\":[[1],{\"y\":null}]" },
    { 200, " ,\n\t\r\"\" : true " },
    { 500, ",\"x\":\"\\ude00\"" },
    { 500, ",\"x\":\"\\ud83d\\u0041\"" },
    { 500, ",\"x\":\"\x01\"" },
    { 500, ",\"x\":\"\\x\"" },
    { 500, ",\"x\":+1" },
    { 500, ",\"x\":.5" },
    { 500, ",\"x\":1." },
    { 500, ",\"x\":1e" },
    { 500, ",\"x\":1e999" },
    { 500, ",\"x\":0x10" },
    { 500, ",\"x\":NaN" },
    { 500, ",\"x\":'a'" },
    { 500, ",\"x\":[1,]" },
    { 500, ",\"x\":[[[[[1]]]]]" },
    { 500, ",\"x\":1}{\"y\":2" },
    { 500, ",\"x\":1/* */" },
    { 500, ",\"x\":1,\"x\":1" },
    { 500, ",\"x\":1,\"\\u0078\":1" }, /* the same name */
    { 500, ",\"\\u0065xp\":1900000000" },
    { 500, "\xef\xbb\xbf" },
    { 500, "\v" },
  };
  g_autoptr (HeTokenKeys) keys = keys_from (signer->jwk, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *token = token_of (",\"typ\":\"JWT\"", cases[i].members);
    g_autofree char *shown = g_strescape (cases[i].members, NULL);
    g_test_message ("%s", shown);
    g_assert_cmpint (verify_at (keys, token, NOW), ==, cases[i].code);
  }
}

/* RFC 7517, RFC 7518 section 6 and RFC 8037: keys that must not be taken. */
static void
test_keys (void)
{
  static const char *const points[] = {
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* y = 0, 1, and so on */
    "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA",
    "7P________________________________________8",
    "7f________________________________________8",
    "7v_______________________________________38",
    "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU",
    "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_IU",
    "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o",
    "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* y = 2 is of no point */
    "8P________________________________________38", /* p + 3, which is y = 3 again */
    "__________________________________________8",
  };
  for (guint i = 0; i < G_N_ELEMENTS (points); i++) {
    g_autofree char *jwk = g_strdup_printf (
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"x\":\"%s\"}", points[i]);
    g_test_message ("%s", points[i]);
    g_autoptr (HeTokenKeys) none = keys_from (jwk, NULL);
    g_assert_null (none);
  }
  g_autoptr (HeTokenKeys) good
      = keys_from ("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\","
                   "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
                   NULL);
  g_assert_nonnull (good);
}

/* Base64urlUInt is of the fewest bytes (RFC 7518 section 2). */
static void
test_rsa_numbers (void)
{
  guint8 n[512];
  char *pem = NULL, *text = NULL;
  gsize len = 0;
  g_assert_true (he_token_keygen ("RS256", &pem, &text, NULL));
  g_autoptr (HeJson) jwk = he_json_parse (text, -1, 8192, 4, NULL);
  const char *n64 = NULL;
  g_assert_true (he_json_get_string (jwk, "n", TRUE, &n64, NULL));
  g_assert_true (he_base64url_decode (n64, strlen (n64), n + 1, sizeof n - 1, &len));
  n[0] = 0;
  g_autofree char *padded = he_base64url_encode (n, len + 1);
  const struct {
    gboolean good;
    const char *n, *e;
  } cases[] = { { TRUE, n64, "AQAB" }, { FALSE, padded, "AQAB" }, { FALSE, n64, "AAEAAQ" } };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *key
        = g_strdup_printf ("{\"kty\":\"RSA\",\"kid\":\"k\",\"alg\":\"RS256\",\"n\":\"%s\","
                           "\"e\":\"%s\"}",
                           cases[i].n, cases[i].e);
    g_autoptr (HeTokenKeys) keys = keys_from (key, NULL);
    g_assert_true ((keys != NULL) == cases[i].good);
  }
  he_string_wipe_free (pem);
  he_string_wipe_free (text);
}

/* Given a key with an end, when it has come, then its tokens are good no more, even one
 * that was a moment ago; and the end is a number. */
static void
test_key_ends (void)
{
  g_autofree char *head = g_strndup (signer->jwk, strlen (signer->jwk) - 1);
  g_autofree char *ending = g_strdup_printf ("%s,\"exp\":%" G_GINT64_FORMAT "}", head,
                                             NOW + 10);
  g_autofree char *odd = g_strdup_printf ("%s,\"exp\":\"soon\"}", head);
  g_autofree char *token = token_of (",\"typ\":\"JWT\"", "");
  g_autoptr (HeTokenKeys) keys = keys_from (ending, NULL);
  g_assert_cmpint (verify_at (keys, token, NOW + 9), ==, HE_CODE_OK);
  g_assert_cmpint (verify_at (keys, token, NOW + 10), ==, HE_CODE_SIGNATURE);
  g_autoptr (GError) error = NULL;
  g_autoptr (HeTokenKeys) none = keys_from (odd, &error);
  g_assert_null (none);
  g_assert_nonnull (strstr (error->message, "exp"));
}

/* Given a token that was verified, when it comes again, then its signature is not checked
 * again, but its claims are, and to the letter. */
static void
test_seen (void)
{
  guint8 digest[HE_SHA256_LEN];
  g_autofree char *token = token_of (",\"typ\":\"JWT\"", "");
  g_autofree char *altered = g_strdup (token);
  g_autoptr (HeTokenKeys) keys = keys_from (signer->jwk, NULL);
  g_autoptr (HeTokenKeys) again = keys_from (signer->jwk, NULL);
  const HeTokenAlgorithm *es256 = he_token_algorithm_find ("ES256");
  g_autoptr (EVP_PKEY) key = he_token_keys_find (keys, signer->kid, es256, NOW);
  g_autoptr (EVP_PKEY) other = he_token_keys_find (again, signer->kid, es256, NOW);
  he_sha256 ((const guint8 *)token, strlen (token), digest);
  g_assert_false (he_token_seen_has (he_token_keys_seen (keys), digest, key));
  g_assert_cmpint (verify_at (keys, token, NOW), ==, HE_CODE_OK);
  g_assert_true (he_token_seen_has (he_token_keys_seen (keys), digest, key));
  g_assert_false (he_token_seen_has (he_token_keys_seen (keys), digest, other));
  g_assert_cmpint (verify_at (keys, token, NOW), ==, HE_CODE_OK);
  g_assert_cmpint (verify_at (keys, token, NOW + 300), ==, HE_CODE_EXPIRED);
  char *last = strrchr (altered, '.') + 1;
  *last = *last == 'A' ? 'B' : 'A';
  g_assert_cmpint (verify_at (keys, altered, NOW), ==, HE_CODE_SIGNATURE);
  g_assert_cmpint (verify_at (keys, altered, NOW), ==, HE_CODE_SIGNATURE);
}

/* Many tokens do not make it grow, and the newest are there. */
static void
test_seen_is_bounded (void)
{
  guint8 digest[HE_SHA256_LEN] = { 0 };
  HeTokenSeen *seen = he_token_seen_new ();
  guint held = 0;
  for (guint i = 0; i < 3 * HE_TOKEN_SEEN_MAX; i++) {
    memcpy (digest, &i, sizeof i);
    he_token_seen_add (seen, digest, signer->key);
    g_assert_true (he_token_seen_has (seen, digest, signer->key));
  }
  for (guint i = 0; i < 3 * HE_TOKEN_SEEN_MAX; i++) {
    memcpy (digest, &i, sizeof i);
    held += he_token_seen_has (seen, digest, signer->key) ? 1 : 0;
  }
  g_assert_cmpuint (held, >=, HE_TOKEN_SEEN_MAX / 2);
  g_assert_cmpuint (held, <=, HE_TOKEN_SEEN_MAX);
  he_token_seen_clear (seen);
  g_assert_false (he_token_seen_has (seen, digest, signer->key));
  he_token_seen_free (seen);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  signer = signer_new ();
  g_test_add_func ("/token/rules/headers", test_headers);
  g_test_add_func ("/token/rules/claims-are-json", test_claims_are_json);
  g_test_add_func ("/token/rules/keys-of-small-order-are-none", test_keys);
  g_test_add_func ("/token/rules/numbers-have-no-leading-zero", test_rsa_numbers);
  g_test_add_func ("/token/rules/a-key-ends", test_key_ends);
  g_test_add_func ("/token/seen/signature-is-checked-once", test_seen);
  g_test_add_func ("/token/seen/is-bounded", test_seen_is_bounded);
  int result = g_test_run ();
  signer_free (signer);
  return result;
}
