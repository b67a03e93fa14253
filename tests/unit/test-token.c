/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <unistd.h>
#include "he-codec.h"
#include "he-crypto.h"
#include "he-token-private.h"
#include "token-kit.h"

#define NOW G_GINT64_CONSTANT (1700000000)
#define URI "/live/demo/main.m3u8"

static Signer *signer, *other;
static HeTokenKeys *keys;

typedef struct {
  const char *name, *json;
} Claim;

static const Claim good_claims[] = {
  { "iss", "\"headend\"" },
  { "aud", "\"headend\"" },
  { "exp", "1700000300" },
  { "nbf", "1700000000" },
  { "iat", "1700000000" },
  { "cdniv", "1" },
  { "cdniuc", "\"regex:/live/demo/.*\"" },
  { "headend_tid", "\"AAECAwQFBgcICQoLDA0ODw\"" },
  { "headend_acc", "\"alice\"" },
  { "headend_rights", "[\"demo\"]" },
};

/* The good claims, name replaced by json (NULL: left out), or added. */
static char *
claims_with (const char *name, const char *json)
{
  gboolean replaced = FALSE;
  GString *out = g_string_new ("{");
  for (guint i = 0; i < G_N_ELEMENTS (good_claims); i++) {
    const char *value = good_claims[i].json;
    if (g_strcmp0 (name, good_claims[i].name) == 0) {
      value = json;
      replaced = TRUE;
    }
    if (value)
      g_string_append_printf (out, "%s\"%s\":%s", out->len > 1 ? "," : "",
                              good_claims[i].name, value);
  }
  if (name && !replaced && json)
    g_string_append_printf (out, ",\"%s\":%s", name, json);
  g_string_append_c (out, '}');
  return g_string_free (out, FALSE);
}

static char *
good_header (void)
{
  return g_strdup_printf ("{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
                          signer->kid);
}

static char *
token_with (const char *name, const char *json)
{
  g_autofree char *header = good_header ();
  g_autofree char *claims = claims_with (name, json);
  return signer_token (signer, header, claims);
}

static HeCode
verify_at (const char *token, const char *uri, gint64 now)
{
  const HeTokenRules rules = { keys, "headend", "headend" };
  HeToken *out = NULL;
  HeCode code = he_token_verify (&rules, token, strlen (token), uri, now, &out);
  g_assert_true (code == HE_CODE_EXPIRED || (code == HE_CODE_OK) == (out != NULL));
  he_token_free (out);
  return code;
}

static HeCode
verify (const char *token)
{
  return verify_at (token, URI, NOW);
}

static HeCode
verify_with (const char *name, const char *json)
{
  g_autofree char *token = token_with (name, json);
  HeCode code = verify (token);
  g_test_message ("%s = %s: %d", name, json ? json : "(absent)", code);
  return code;
}

static HeCode
verify_header (const char *header)
{
  g_autofree char *claims = claims_with (NULL, NULL);
  g_autofree char *token = signer_token (signer, header, claims);
  return verify (token);
}

static void
test_good (void)
{
  const HeTokenRules rules = { keys, "headend", "headend" };
  g_autofree char *text = token_with ("headend_max", "3");
  g_autoptr (HeToken) token = NULL;
  g_assert_cmpint (he_token_verify (&rules, text, strlen (text), URI, NOW, &token), ==,
                   HE_CODE_OK);
  g_assert_cmpstr (token->account, ==, "alice");
  g_assert_cmpstr (token->rights[0], ==, "demo");
  g_assert_null (token->rights[1]);
  g_assert_cmpint (token->id[15], ==, 15);
  g_assert_cmpint (token->expires, ==, NOW + 300);
  g_assert_cmpuint (token->max_sessions, ==, 3);
  g_assert_cmpuint (token->session_seconds, ==, 0);
  g_assert_false (token->has_address);
}

static void
test_header (void)
{
  const char *kid = signer->kid;
  static const struct {
    HeCode code;
    const char *format;
  } cases[] = {
    { 200, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"x\":1}" },
    { 400, "{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"%s\"}" },
    { 400, "{\"alg\":\"None\",\"typ\":\"JWT\",\"kid\":\"%s\"}" },
    { 400, "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}" },
    { 400, "{\"alg\":\"es256\",\"typ\":\"JWT\",\"kid\":\"%s\"}" },
    { 400, "{\"alg\":\"ES384\",\"typ\":\"JWT\",\"kid\":\"%s\"}" },
    { 400, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s0\"}" },
    { 500, "{\"typ\":\"JWT\",\"kid\":\"%s\"}" },
    { 500, "{\"alg\":[\"ES256\"],\"typ\":\"JWT\",\"kid\":\"%s\"}" },
    { 500, "{\"alg\":\"ES256\",\"kid\":\"%s\"}" },
    { 500, "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}" },
    { 500, "{\"alg\":\"ES256\",\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}" },
    { 500, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"} "
           "{}" },
    { 500, "[\"ES256\",\"%s\"]" },
    { 409, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"crit\":[\"exp\"]}" },
    { 409, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"crit\":[]}" },
    { 409, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"b64\":false,"
           "\"crit\":[\"b64\"]}" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (GStrv) halves = g_strsplit (cases[i].format, "%s", 2);
    g_autofree char *header = g_strjoinv (kid, halves);
    g_test_message ("%s", header);
    g_assert_cmpint (verify_header (header), ==, cases[i].code);
  }
  g_assert_cmpint (verify_header ("{\"alg\":\"ES256\",\"typ\":\"JWT\"}"), ==, 400);
}

/* Given the attacker's key in the header, when it is verified, then only our own counts.
 */
static void
test_key_in_header (void)
{
  g_autofree char *header
      = g_strdup_printf ("{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"jwk\":%s}",
                         signer->kid, other->jwk);
  g_autofree char *claims = claims_with (NULL, NULL);
  g_autofree char *token = signer_token (other, header, claims);
  g_assert_cmpint (verify (token), ==, HE_CODE_SIGNATURE);
}

static void
test_kid_confusion (void)
{
  g_autoptr (HeTokenKeys) both = signer_keys (signer, other);
  const HeTokenRules rules = { both, "headend", "headend" };
  g_autofree char *claims = claims_with (NULL, NULL);
  g_autofree char *mine = good_header ();
  g_autofree char *theirs = g_strdup_printf (
      "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", other->kid);
  g_autofree char *crossed = signer_token (other, mine, claims);
  g_autofree char *straight = signer_token (other, theirs, claims);
  g_autoptr (HeToken) token = NULL;
  g_assert_cmpint (he_token_verify (&rules, crossed, strlen (crossed), URI, NOW, &token),
                   ==, 400);
  g_assert_null (token);
  g_assert_cmpint (
      he_token_verify (&rules, straight, strlen (straight), URI, NOW, &token), ==, 200);
}

static void
test_altered (void)
{
  g_autofree char *token = token_with (NULL, NULL);
  gsize len = strlen (token);
  /* Any character of any part, changed to another of the alphabet. */
  for (gsize i = 0; i < len; i++) {
    g_autofree char *bad = g_strdup (token);
    if (bad[i] == '.')
      continue;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    g_assert_cmpint (verify (bad), !=, HE_CODE_OK);
  }
}

static char *
with_signature (const char *token, const guint8 *signature, gsize len)
{
  g_autofree char *text = g_strndup (token, strrchr (token, '.') - token);
  g_autofree char *encoded = he_base64url_encode (signature, len);
  return g_strconcat (text, ".", encoded, NULL);
}

static void
test_signature_shapes (void)
{
  g_autofree char *token = token_with (NULL, NULL);
  g_autofree char *text = g_strndup (token, strrchr (token, '.') - token);
  guint8 raw[65], bad[65];
  signer_sign_raw (signer, text, raw);
  raw[64] = 0;
  g_autofree char *good = with_signature (token, raw, 64);
  g_assert_cmpint (verify (good), ==, HE_CODE_OK);
  g_autofree char *longer = with_signature (token, raw, 65);
  g_assert_cmpint (verify (longer), ==, HE_CODE_SIGNATURE);
  g_autofree char *shorter = with_signature (token, raw, 63);
  g_assert_cmpint (verify (shorter), ==, HE_CODE_SIGNATURE);
  g_autofree char *empty = g_strconcat (text, ".", NULL);
  g_assert_cmpint (verify (empty), ==, HE_CODE_SIGNATURE);
  for (guint zero = 0; zero < 3; zero++) {
    memcpy (bad, raw, 64);
    if (zero != 1)
      memset (bad, 0, 32);
    if (zero != 0)
      memset (bad + 32, 0, 32);
    g_autofree char *zeroed = with_signature (token, bad, 64);
    g_assert_cmpint (verify (zeroed), ==, HE_CODE_SIGNATURE);
  }
  memset (bad, 0xff, 64);
  g_autofree char *beyond = with_signature (token, bad, 64);
  g_assert_cmpint (verify (beyond), ==, HE_CODE_SIGNATURE);
  g_autoptr (GBytes) der = signer_sign_der (signer, text);
  gsize der_len = 0;
  const guint8 *der_data = g_bytes_get_data (der, &der_len);
  g_autofree char *as_der = with_signature (token, der_data, der_len);
  g_assert_cmpint (verify (as_der), ==, HE_CODE_SIGNATURE);
}

/* Both s and n - s are valid: the standard has no low-s rule. */
static void
test_high_s (void)
{
  static const char order[]
      = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";
  g_autofree char *token = token_with (NULL, NULL);
  g_autofree char *text = g_strndup (token, strrchr (token, '.') - token);
  guint8 raw[64];
  BIGNUM *n = NULL;
  signer_sign_raw (signer, text, raw);
  BN_hex2bn (&n, order);
  BIGNUM *s = BN_bin2bn (raw + 32, 32, NULL);
  BN_sub (s, n, s);
  BN_bn2binpad (s, raw + 32, 32);
  BN_free (s);
  BN_free (n);
  g_autofree char *mirrored = with_signature (token, raw, 64);
  g_assert_cmpint (verify (mirrored), ==, HE_CODE_OK);
}

static void
test_shape (void)
{
  g_autofree char *token = token_with (NULL, NULL);
  const char *bad[] = { "", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d" };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_cmpint (verify (bad[i]), ==, HE_CODE_MALFORMED);
  g_autofree char *four = g_strconcat (token, ".AAAA", NULL);
  g_assert_cmpint (verify (four), ==, HE_CODE_MALFORMED);
  const char *trailing[] = { "=", " ", "\n", ".", ".AAAA", "%3D" };
  for (guint i = 0; i < G_N_ELEMENTS (trailing); i++) {
    g_autofree char *text = g_strconcat (token, trailing[i], NULL);
    g_assert_cmpint (verify (text), !=, HE_CODE_OK);
    g_autofree char *leading = g_strconcat (trailing[i], token, NULL);
    g_assert_cmpint (verify (leading), !=, HE_CODE_OK);
  }
}

/* 64 bytes end in a character of which four bits count for nothing. */
static void
test_non_canonical (void)
{
  static const char alphabet[]
      = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  g_autofree char *token = token_with (NULL, NULL);
  gsize last = strlen (token) - 1;
  guint value = (guint)(strchr (alphabet, token[last]) - alphabet);
  for (guint i = 1; i < 16; i++) {
    token[last] = alphabet[value | i];
    g_assert_cmpint (verify (token), ==, HE_CODE_SIGNATURE);
  }
}

static void
test_oversize (void)
{
  g_autofree char *filler = g_strnfill (2200, 'x');
  g_autofree char *fits = g_strdup_printf ("\"%s\"", filler);
  g_assert_cmpint (verify_with ("note", fits), ==, HE_CODE_OK);
  g_autofree char *more = g_strnfill (HE_TOKEN_MAX_BYTES, 'x');
  g_autofree char *too_long = g_strdup_printf ("\"%s\"", more);
  g_assert_cmpint (verify_with ("note", too_long), ==, HE_CODE_MALFORMED);
  g_autofree char *header = g_strdup_printf (
      "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"x\":\"%.600s\"}", signer->kid,
      more);
  g_assert_cmpint (verify_header (header), ==, HE_CODE_MALFORMED);
  g_assert_cmpint (verify_with ("deep", "[[[[[[1]]]]]]"), ==, HE_CODE_MALFORMED);
}

static void
test_time (void)
{
  g_autofree char *token = token_with (NULL, NULL);
  g_assert_cmpint (verify_at (token, URI, NOW + 299), ==, HE_CODE_OK);
  g_assert_cmpint (verify_at (token, URI, NOW + 300), ==, HE_CODE_EXPIRED);
  g_assert_cmpint (verify_at (token, URI, NOW - 1), ==, HE_CODE_NOT_BEFORE);
  g_assert_cmpint (verify_with ("exp", "1700000000.9"), ==, HE_CODE_EXPIRED);
  g_assert_cmpint (verify_with ("exp", "1700000001.5"), ==, HE_CODE_OK);
  g_assert_cmpint (verify_with ("nbf", "1699999999.5"), ==, HE_CODE_OK);
  g_assert_cmpint (verify_with ("nbf", "1700000000.1"), ==, HE_CODE_NOT_BEFORE);
}

/* {"alg":"dir","enc":"A128GCM"} */
#define JWE_HEADER "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0"

static const struct {
  HeCode code;
  const char *name, *json;
} claim_cases[] = {
  { 401, "iss", NULL },
  { 401, "iss", "\"headend2\"" },
  { 401, "iss", "\"Headend\"" },
  { 401, "iss", "\"\"" },
  { 500, "iss", "[\"headend\"]" },
  { 403, "aud", NULL },
  { 403, "aud", "\"other\"" },
  { 403, "aud", "[]" },
  { 403, "aud", "[\"other\"]" },
  { 200, "aud", "[\"other\",\"headend\"]" },
  { 500, "aud", "[\"headend\",1]" },
  { 500, "aud", "{\"headend\":true}" },
  { 404, "exp", NULL },
  { 404, "exp", "1699999999" },
  { 404, "exp", "0" },
  { 500, "exp", "\"1700000300\"" },
  { 500, "exp", "null" },
  { 500, "exp", "true" },
  { 500, "exp", "-1" },
  { 500, "exp", "1e300" },
  { 500, "exp", "99999999999999999999" },
  { 405, "nbf", NULL },
  { 405, "nbf", "1700000001" },
  { 500, "nbf", "\"0\"" },
  { 500, "iat", NULL },
  { 500, "iat", "\"1700000000\"" },
  { 200, "cdniv", NULL },
  { 408, "cdniv", "2" },
  { 408, "cdniv", "0" },
  { 500, "cdniv", "\"1\"" },
  { 500, "cdniv", "1.0" },
  { 411, "cdniuc", NULL },
  { 411, "cdniuc", "\"regex:/live/news/.*\"" },
  { 500, "cdniuc", "1" },
  { 407, "jti", "\"x\"" },
  { 410, "cdniip", "\"x\"" },
  { 402, "sub", "\"alice\"" },
  { 402, "sub", "\"\"" },
  { 402, "sub", "\"....\"" },
  { 402, "sub", "\"a.b.c.d.e\"" },
  { 200, "sub", "\"" JWE_HEADER "..AAAA.AAAA.AAAA\"" },
  { 200, "sub", "\"" JWE_HEADER ".AAAA.AAAA..AAAA\"" },
  { 402, "sub", "\"" JWE_HEADER "..AAAA.AAAA.\"" },
  { 402, "sub", "\"" JWE_HEADER "...AAAA.AAAA\"" },
  { 402, "sub", "\"" JWE_HEADER ".AAAA.AAAA.AAAA\"" },
  { 402, "sub", "\"" JWE_HEADER ".AAAA.AAAA.AAAA.AAAA.AAAA\"" },
  { 402, "sub", "\"" JWE_HEADER ".AAAA.AAAA.AAAA.AB\"" },
  { 402, "sub", "\"" JWE_HEADER "=.AAAA.AAAA.AAAA.AAAA\"" },
  { 402, "sub", "\"eyJhbGciOiJFUzI1NiJ9.AAAA.AAAA.AAAA.AAAA\"" }, /* a JWS' */
  { 500, "sub", "1" },
  { 409, "cdnicrit", "\"foo\"" },
  { 409, "cdnicrit", "\"\"" },
  { 409, "cdnicrit", "[\"foo\"]" },
  { 409, "cdnicrit", "\"exp\"" },
  { 409, "cdnicrit", "\"headend_max\"" },
  { 409, "cdnicrit", "\"headend_acc,headend_acc\"" },
  { 200, "cdnicrit", "\"headend_acc,headend_tid\"" },
  { 406, "cdniets", "30" },
  { 406, "cdnistt", "1" },
  { 500, "headend_tid", NULL },
  { 500, "headend_tid", "\"AAECAwQFBgcICQoLDA0ODx\"" },
  { 500, "headend_tid", "\"AAECAwQFBgcICQoLDA0O\"" },
  { 500, "headend_tid", "\"AAECAwQFBgcICQoLDA0ODxAR\"" },
  { 500, "headend_acc", NULL },
  { 500, "headend_acc", "\"\"" },
  { 500, "headend_acc", "7" },
  { 500, "headend_acc", "\"a\\u0000b\"" },
  { 500, "headend_acc", "\"a\\nb\"" },
  { 500, "headend_rights", NULL },
  { 500, "headend_rights", "[]" },
  { 500, "headend_rights", "\"demo\"" },
  { 500, "headend_rights", "[\"demo\",\"*\"]" },
  { 500, "headend_rights", "[\"../x\"]" },
  { 500, "headend_rights", "[1]" },
  { 200, "headend_rights", "[\"*\"]" },
  { 500, "headend_max", "0" },
  { 500, "headend_max", "-1" },
  { 500, "headend_max", "1001" },
  { 500, "headend_len", "0" },
  { 500, "headend_len", "\"60\"" },
  { 200, "headend_len", "60" },
  { 500, "headend_ip", "\"AAEC\"" },
  { 200, "headend_ip", "\"AAECAwQFBgcICQoLDA0ODw\"" },
  { 200, "unknown", "{\"a\":[1,2]}" },
  /* A member said twice, and what follows the document. */
  { 500, "x", "1,\"iss\":\"headend\"" },
  { 500, "x", "1}{" },
};

static void
test_claims (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (claim_cases); i++)
    g_assert_cmpint (verify_with (claim_cases[i].name, claim_cases[i].json), ==,
                     claim_cases[i].code);
}

/* As with a key or a chain of certificates in it. */
static void
test_subject_with_a_long_header (void)
{
  g_autofree char *filler = g_strnfill (900, 'x');
  g_autofree char *header
      = g_strdup_printf ("{\"alg\":\"dir\",\"enc\":\"A128GCM\",\"x\":\"%s\"}", filler);
  g_autofree char *text = he_base64url_encode ((const guint8 *)header, strlen (header));
  g_autofree char *subject = g_strdup_printf ("\"%s..AAAA.AAAA.AAAA\"", text);
  g_assert_cmpint (verify_with ("sub", subject), ==, HE_CODE_OK);
}

/* RFC 9246 sections 2.1.12 to 2.1.14, 3.2.1 and 6.5. */
static void
test_renewal_pair (void)
{
  static const struct {
    HeCode code;
    const char *members;
  } cases[] = {
    { 200, "\"cdniets\":30,\"cdnistt\":1" },
    { 200, "\"cdniets\":30,\"cdnistt\":2" },
    { 200, "\"cdniets\":30,\"cdnistt\":0" },
    { 200, "\"cdniets\":0,\"cdnistt\":0" },
    { 200, "\"cdniets\":2.5,\"cdnistt\":1,\"cdnistd\":2" },
    { 406, "\"cdniets\":30,\"cdnistt\":3" },
    { 406, "\"cdniets\":30,\"cdnistt\":-1" },
    { 406, "\"cdniets\":0,\"cdnistt\":1" },
    { 406, "\"cdniets\":-0.5,\"cdnistt\":1" },
    { 406, "\"cdnistt\":0" },
    { 500, "\"cdniets\":\"30\",\"cdnistt\":0" },
    { 500, "\"cdniets\":30,\"cdnistt\":\"1\"" },
    { 500, "\"cdniets\":30,\"cdnistt\":1.0" },
    { 500, "\"cdnistd\":-1" },
    { 500, "\"cdnistd\":1.5" },
    { 200, "\"cdnistd\":0" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *json = g_strconcat ("1,", cases[i].members, NULL);
    g_test_message ("%s", json);
    g_assert_cmpint (verify_with ("x", json), ==, cases[i].code);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  signer = signer_new ();
  other = signer_new ();
  keys = signer_keys (signer, NULL);
  g_test_add_func ("/token/verify/good-token-tells-its-claims", test_good);
  g_test_add_func ("/token/verify/header-is-pinned", test_header);
  g_test_add_func ("/token/verify/key-in-the-header-counts-for-nothing",
                   test_key_in_header);
  g_test_add_func ("/token/verify/kid-names-the-one-key", test_kid_confusion);
  g_test_add_func ("/token/verify/any-altered-character-is-refused", test_altered);
  g_test_add_func ("/token/verify/signature-is-two-numbers-in-range",
                   test_signature_shapes);
  g_test_add_func ("/token/verify/high-s-is-accepted", test_high_s);
  g_test_add_func ("/token/verify/three-parts-and-nothing-else", test_shape);
  g_test_add_func ("/token/verify/one-spelling-of-base64", test_non_canonical);
  g_test_add_func ("/token/verify/oversize-and-deep-are-refused", test_oversize);
  g_test_add_func ("/token/verify/time-without-leeway", test_time);
  g_test_add_func ("/token/verify/each-claim-has-its-code", test_claims);
  g_test_add_func ("/token/verify/subject-with-a-long-header",
                   test_subject_with_a_long_header);
  g_test_add_func ("/token/verify/renewal-claims-come-together", test_renewal_pair);
  int result = g_test_run ();
  he_token_keys_free (keys);
  signer_free (signer);
  signer_free (other);
  return result;
}
