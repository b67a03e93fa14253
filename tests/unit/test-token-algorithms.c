/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <unistd.h>
#include "he-token-private.h"
#include "he-codec.h"

#define NOW G_GINT64_CONSTANT (1700000000)
#define URI "/live/demo/main.m3u8"
#define EVERY                                                                            \
  (HE_TOKEN_ES256 | HE_TOKEN_EDDSA | HE_TOKEN_RS256 | HE_TOKEN_PS256 | HE_TOKEN_HS256)

/* A pair of every algorithm, made once: RSA takes its time. */
typedef struct {
  const char *algorithm;
  char *private, *jwk;
} Pair;
static Pair pairs[] = { { "ES256", NULL, NULL },
                        { "EdDSA", NULL, NULL },
                        { "RS256", NULL, NULL },
                        { "PS256", NULL, NULL },
                        { "HS256", NULL, NULL } };

static HeTokenKeys *
keys_of (const char *jwk, HeTokenAlgorithms accepted, GError **error)
{
  g_autofree char *jwks = g_strdup_printf ("{\"keys\":[%s]}", jwk);
  return he_token_keys_parse (jwks, -1, accepted, error);
}

static char *
mint (const Pair *pair, const char *algorithm, GError **error)
{
  const char *channels[] = { "demo", NULL };
  const HeTokenRequest request = { .issuer = "headend",
                                   .audience = "headend",
                                   .account = "alice",
                                   .channels = channels,
                                   .now = NOW,
                                   .ttl_seconds = 300,
                                   .algorithm = algorithm };
  return he_token_mint (pair->private, &request, error);
}

static HeCode
verify (HeTokenKeys *keys, const char *text)
{
  const HeTokenRules rules = { keys, "headend", "headend" };
  g_autoptr (HeToken) token = NULL;
  return he_token_verify (&rules, text, strlen (text), URI, NOW, &token);
}

static void
test_every_algorithm (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *text
        = mint (&pairs[i], i == 3 ? "PS256" : NULL, &error);
    g_assert_no_error (error);
    g_test_message ("%s: %s", pairs[i].algorithm, text);
    g_autoptr (HeTokenKeys) keys = keys_of (pairs[i].jwk, EVERY, &error);
    g_assert_no_error (error);
    g_assert_cmpint (verify (keys, text), ==, HE_CODE_OK);
    /* Any other byte of the signature, and any other claim. */
    char *last = strrchr (text, '.') + 1;
    *last = *last == 'A' ? 'B' : 'A';
    g_assert_cmpint (verify (keys, text), ==, HE_CODE_SIGNATURE);
    *last = '\0';
    g_assert_cmpint (verify (keys, text), ==, HE_CODE_SIGNATURE);
  }
}

/* Given a key of one algorithm, when a token names another one for it, then it is refused:
 * above all HS256 with a public key as its secret (RFC 8725 section 2.1). */
static void
test_one_key_one_algorithm (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++) {
    g_autoptr (HeTokenKeys) keys = keys_of (pairs[i].jwk, EVERY, NULL);
    for (guint j = 0; j < G_N_ELEMENTS (pairs); j++) {
      g_autofree char *text = mint (&pairs[j], j == 3 ? "PS256" : NULL, NULL);
      g_assert_cmpint (verify (keys, text), ==, i == j ? HE_CODE_OK : HE_CODE_SIGNATURE);
    }
  }
  /* The same RSA key, the other padding. */
  g_autoptr (HeTokenKeys) pkcs1 = keys_of (pairs[2].jwk, EVERY, NULL);
  g_autofree char *pss = mint (&pairs[2], "PS256", NULL);
  g_assert_nonnull (pss);
  g_assert_cmpint (verify (pkcs1, pss), ==, HE_CODE_SIGNATURE);
  g_autofree char *confused = mint (&pairs[0], "HS256", NULL);
  g_assert_null (confused);
}

static void
test_public_key_as_secret (void)
{
  g_autoptr (HeTokenKeys) keys = keys_of (pairs[2].jwk, EVERY, NULL);
  g_autoptr (HeJson) jwk = he_json_parse (pairs[2].jwk, -1, 8192, 4, NULL);
  const char *kid = NULL, *n = NULL;
  g_assert_true (he_json_get_string (jwk, "kid", TRUE, &kid, NULL));
  g_assert_true (he_json_get_string (jwk, "n", TRUE, &n, NULL));
  g_autofree char *secret = g_strdup_printf (
      "{\"kty\":\"oct\",\"kid\":\"%s\",\"k\":\"%.*s\"}", kid, 64, n);
  const Pair forger = { "HS256", secret, NULL };
  g_autofree char *text = mint (&forger, NULL, NULL);
  g_assert_nonnull (text);
  g_assert_cmpint (verify (keys, text), ==, HE_CODE_SIGNATURE);
}

/* RFC 7515 appendices A.1 and A.2, RFC 8037 appendix A.4. */
static void
test_published_vectors (void)
{
  static const struct {
    const char *algorithm, *jwk, *text, *signature;
  } vectors[] = {
    { "HS256",
      "{\"kty\":\"oct\",\"kid\":\"k\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-"
      "EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}",
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19y"
      "b290Ijp0cnVlfQ",
      "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" },
    { "RS256",
      "{\"kty\":\"RSA\",\"kid\":\"k\",\"alg\":\"RS256\",\"e\":\"AQAB\",\"n\":"
      "\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddx"
      "HmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs"
      "D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSH"
      "SXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV"
      "MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8"
      "NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\"}",
      "eyJhbGciOiJSUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19y"
      "b290Ijp0cnVlfQ",
      "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
      "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
      "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
      "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
      "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
      "p0igcN_IoypGlUPQGe77Rw" },
    { "EdDSA",
      "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\","
      "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_"
      "MuM0KAg" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (vectors); i++) {
    guint8 raw[HE_TOKEN_SIGNATURE_MAX];
    gsize len = 0;
    g_autoptr (GError) error = NULL;
    const HeTokenAlgorithm *algorithm = he_token_algorithm_find (vectors[i].algorithm);
    g_autoptr (HeTokenKeys) keys = keys_of (vectors[i].jwk, EVERY, &error);
    g_assert_no_error (error);
    g_autoptr (EVP_PKEY) key = he_token_keys_find (keys, "k", algorithm, NOW);
    g_assert_nonnull (key);
    const char *text = vectors[i].text, *signature = vectors[i].signature;
    g_assert_true (
        he_base64url_decode (signature, strlen (signature), raw, sizeof raw, &len));
    g_assert_true (
        he_token_algorithm_verify (algorithm, key, raw, len, text, strlen (text)));
    g_assert_false (
        he_token_algorithm_verify (algorithm, key, raw, len, text, strlen (text) - 1));
    raw[len / 2] ^= 1;
    g_assert_false (
        he_token_algorithm_verify (algorithm, key, raw, len, text, strlen (text)));
  }
}

/* RFC 8037 appendix A.3. */
static void
test_thumbprint (void)
{
  static const char jwk[] = "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\","
                            "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}";
  const HeTokenAlgorithm *eddsa = he_token_algorithm_find ("EdDSA");
  g_autoptr (HeTokenKeys) keys = keys_of (jwk, HE_TOKEN_EDDSA, NULL);
  g_autoptr (EVP_PKEY) key = he_token_keys_find (keys, "k", eddsa, NOW);
  g_autofree char *kid = he_token_jwk_kid (eddsa, key);
  g_assert_cmpstr (kid, ==, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

static void
test_only_what_is_accepted (void)
{
  g_autofree char *jwks
      = g_strdup_printf ("{\"keys\":[%s,%s]}", pairs[0].jwk, pairs[1].jwk);
  g_autofree char *text = mint (&pairs[1], NULL, NULL);
  g_autoptr (HeTokenKeys) one = he_token_keys_parse (jwks, -1, HE_TOKEN_ES256, NULL);
  g_autoptr (HeTokenKeys) both
      = he_token_keys_parse (jwks, -1, HE_TOKEN_ES256 | HE_TOKEN_EDDSA, NULL);
  g_assert_cmpint (verify (one, text), ==, HE_CODE_SIGNATURE);
  g_assert_cmpint (verify (both, text), ==, HE_CODE_OK);
  g_autoptr (GError) error = NULL;
  g_assert_null (keys_of (pairs[1].jwk, HE_TOKEN_RS256 | HE_TOKEN_PS256, &error));
  g_assert_nonnull (strstr (error->message, "RS256, PS256"));
}

/* Given a key and tokens that call EdDSA by RFC 9864's name or by RFC 8037's, when one is
 * verified with the other, then it is good; and descriptions know one name. */
static void
test_two_names_of_eddsa (void)
{
  static const char *const names[] = { "EdDSA", "Ed25519" };
  const char *configured[] = { "Ed25519", NULL };
  HeTokenAlgorithms bits = 0;
  g_autofree char *minted = mint (&pairs[1], NULL, NULL);
  g_autoptr (HeJson) jwk = he_json_parse (pairs[1].jwk, -1, 8192, 4, NULL);
  const char *kid = NULL;
  g_assert_true (he_json_get_string (jwk, "kid", TRUE, &kid, NULL));
  BIO *bio = BIO_new_mem_buf (pairs[1].private, -1);
  g_autoptr (EVP_PKEY) private = PEM_read_bio_PrivateKey (bio, NULL, NULL, NULL);
  BIO_free (bio);
  for (guint i = 0; i < 4; i++) {
    GString *key = g_string_new (pairs[1].jwk);
    g_assert_cmpuint (
        g_string_replace (key, "\"EdDSA\"", i & 1 ? "\"Ed25519\"" : "\"EdDSA\"", 0), ==,
        1);
    g_autofree char *jwk_text = g_string_free (key, FALSE);
    g_autoptr (HeTokenKeys) keys = keys_of (jwk_text, HE_TOKEN_EDDSA, NULL);
    g_assert_nonnull (keys);
    g_autofree char *header = g_strdup_printf (
        "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%s\"}", names[i / 2], kid);
    g_autofree char *header64
        = he_base64url_encode ((const guint8 *)header, strlen (header));
    const char *payload = strchr (minted, '.');
    g_autofree char *text = g_strdup_printf (
        "%s%.*s", header64, (int)(strrchr (minted, '.') - payload), payload);
    guint8 raw[HE_TOKEN_SIGNATURE_MAX];
    gsize len = 0;
    g_assert_true (he_token_algorithm_sign (he_token_algorithm_find (names[i / 2]),
                                            private, text, strlen (text), raw, &len));
    g_autofree char *signature = he_base64url_encode (raw, len);
    g_autofree char *token = g_strconcat (text, ".", signature, NULL);
    g_assert_cmpint (verify (keys, token), ==, HE_CODE_OK);
  }
  g_assert_false (he_token_algorithms_parse (configured, &bits, NULL));
}

static void
test_weak_keys (void)
{
  static const char *const bad[] = {
    /* 1024 bits; an even exponent; an exponent of one; no algorithm */
    "{\"kty\":\"RSA\",\"kid\":\"k\",\"alg\":\"RS256\",\"e\":\"AQAB\",\"n\":\"%1024\"}",
    "{\"kty\":\"RSA\",\"kid\":\"k\",\"alg\":\"RS256\",\"e\":\"AQAA\",\"n\":\"%n\"}",
    "{\"kty\":\"RSA\",\"kid\":\"k\",\"alg\":\"RS256\",\"e\":\"AQ\",\"n\":\"%n\"}",
    "{\"kty\":\"RSA\",\"kid\":\"k\",\"e\":\"AQAB\",\"n\":\"%n\"}",
    "{\"kty\":\"RSA\",\"kid\":\"k\",\"alg\":\"RS512\",\"e\":\"AQAB\",\"n\":\"%n\"}",
    /* CVE-2017-15361: rejectsKeyWithRocaVulnerability of Wycheproof's json_web_key_test.
     */
    ("{\"kty\":\"RSA\",\"kid\":\"k\",\"alg\":\"RS256\",\"e\":\"AQAB\",\"n\":\""
     "AanFpofbj7KjD4Lf-"
     "N2hVMKR7yewSyXhhbirIMTGpfYEhZ_lnt5UoK98DnKIgArXGTu3MaW_HhFw16HGaTDUHqP"
     "rId7fe4r11CqRw09yBFuW79V8sYIwHdzCaWflUI6auImYbVfoN9_nD5n8N8SY9DwXw7mwZ"
     "M9wREPXoDPgOoIWl6q_MPsp7n0zs3Z5ZaiQWOOzl1S9OhwAfSiiOwz6efnXEaxuTEtPd7B"
     "jSx7NaFka8Dx9U7YqXy2RFj1O9PjyaDGuRh7YXsX3iMUSP_wSyHQg_c_qHRtKUsNSGCT7O"
     "Zg0hzm2KphtjnayKJvC64vAbROBR4Ubg6Bxg9IQVZ-QYyE"
     "\"}"),
    "{\"kty\":\"oct\",\"kid\":\"k\",\"k\":"
    "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
    "{\"kty\":\"oct\",\"kid\":\"k\",\"k\":\"\"}",
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"x\":\"AAAA\"}",
    "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"kid\":\"k\",\"x\":\"AAAA\"}",
    ("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"kid\":\"k\","
     "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"),
  };
  g_autoptr (HeJson) jwk = he_json_parse (pairs[2].jwk, -1, 8192, 4, NULL);
  const char *n = NULL;
  g_assert_true (he_json_get_string (jwk, "n", TRUE, &n, NULL));
  g_autofree char *half = g_strndup (n, 171);
  half[170] = 'A'; /* no stray bits: 128 bytes */
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    GString *text = g_string_new (bad[i]);
    g_string_replace (text, "%1024", half, 0);
    g_string_replace (text, "%n", n, 0);
    g_test_message ("%s", text->str);
    g_assert_null (keys_of (text->str, EVERY, NULL));
    g_string_free (text, TRUE);
  }
}

/* RFC 7517 section 5: given a good key and one that is not understood, lacks members or
 * is out of range, then the good one verifies, and why the other one does not is known.
 */
static void
test_unusable_keys_are_passed_over (void)
{
  static const struct {
    const char *other, *why;
  } cases[] = {
    { "{\"kid\":\"o\",\"x\":\"AA\"}", "\"kty\"" },
    { "{\"kty\":5,\"kid\":\"o\"}", "kty" },
    { "{\"kty\":\"LWE\",\"kid\":\"o\",\"n\":[1]}", NULL },
    { "{\"kty\":\"EC\",\"crv\":\"P-521\",\"kid\":\"o\",\"x\":\"AA\",\"y\":\"AA\"}",
      NULL },
    { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"o\",\"use\":\"enc\"}", NULL },
    { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"o\",\"use\":1}", "use" },
    { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"o\",\"y\":\"AA\"}", "\"x\"" },
    { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"o\",\"x\":\"%z\",\"y\":\"%z\"}",
      "point" },
    { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%z\",\"y\":\"%z\"}", "\"kid\"" },
    { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"o\",\"use\":\"sig\","
      "\"key_ops\":[\"verify\",\"encrypt\"]}",
      "contradicts" },
    { "{\"kty\":\"RSA\",\"kid\":\"o\",\"alg\":\"RS256\",\"e\":\"AQAB\",\"n\":\"AAAA\"}",
      "\"n\"" },
    { "{\"kty\":\"RSA\",\"kid\":\"o\",\"e\":\"AQAB\",\"n\":\"AAAA\"}", "one algorithm" },
    { "{\"kty\":\"oct\",\"kid\":\"o\",\"k\":\"AAAA\"}", "\"k\"" },
  };
  static const char zeros[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  g_autofree char *text = mint (&pairs[0], NULL, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    GString *both = g_string_new (cases[i].other);
    g_string_replace (both, "%z", zeros, 0);
    g_test_message ("%s", both->str);
    g_assert_null (keys_of (both->str, EVERY, NULL));
    g_string_append_printf (both, ",%s", pairs[0].jwk);
    g_autoptr (HeTokenKeys) keys = keys_of (both->str, EVERY, &error);
    g_assert_no_error (error);
    g_assert_cmpint (verify (keys, text), ==, HE_CODE_OK);
    const char *why = he_token_keys_passed_over (keys);
    g_assert_true ((why == NULL) == (cases[i].why == NULL));
    g_assert_true (why == NULL || strstr (why, cases[i].why) != NULL);
    g_string_free (both, TRUE);
  }
}

/* RFC 7517 section 4.5: given keys of different kinds that share a kid, then each
 * verifies what it has signed. */
static void
test_one_kid_of_two_kinds (void)
{
  g_autoptr (HeJson) jwk = he_json_parse (pairs[1].jwk, -1, 8192, 4, NULL);
  const char *x = NULL, *kid = NULL;
  g_assert_true (he_json_get_string (jwk, "x", TRUE, &x, NULL));
  g_autoptr (HeJson) ec = he_json_parse (pairs[0].jwk, -1, 8192, 4, NULL);
  g_assert_true (he_json_get_string (ec, "kid", TRUE, &kid, NULL));
  g_autofree char *both = g_strdup_printf (
      "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"%s\",\"x\":\"%s\"},%s", kid, x,
      pairs[0].jwk);
  g_autoptr (GError) error = NULL;
  g_autoptr (HeTokenKeys) keys = keys_of (both, EVERY, &error);
  g_assert_no_error (error);
  g_autofree char *text = mint (&pairs[0], NULL, NULL);
  g_assert_cmpint (verify (keys, text), ==, HE_CODE_OK);
  g_autoptr (EVP_PKEY) other
      = he_token_keys_find (keys, kid, he_token_algorithm_find ("EdDSA"), NOW);
  g_assert_nonnull (other);
  g_assert_null (he_token_keys_find (keys, kid, he_token_algorithm_find ("HS256"), NOW));
}

/* Given an RSA key that says no algorithm, as those of many issuers, when one of its two
 * is accepted, then it is for that one. */
static void
test_rsa_without_algorithm (void)
{
  GString *bare = g_string_new (pairs[2].jwk);
  g_assert_cmpuint (g_string_replace (bare, "\"alg\":\"RS256\",", "", 0), ==, 1);
  g_autofree char *jwk = g_string_free (bare, FALSE);
  g_autofree char *text = mint (&pairs[2], NULL, NULL);
  g_autofree char *pss = mint (&pairs[2], "PS256", NULL);
  g_autoptr (HeTokenKeys) rs256 = keys_of (jwk, HE_TOKEN_ES256 | HE_TOKEN_RS256, NULL);
  g_autoptr (HeTokenKeys) ps256 = keys_of (jwk, HE_TOKEN_PS256, NULL);
  g_assert_cmpint (verify (rs256, text), ==, HE_CODE_OK);
  g_assert_cmpint (verify (rs256, pss), ==, HE_CODE_SIGNATURE);
  g_assert_cmpint (verify (ps256, pss), ==, HE_CODE_OK);
  g_assert_cmpint (verify (ps256, text), ==, HE_CODE_SIGNATURE);
  g_assert_null (keys_of (jwk, EVERY, NULL));
}

/* Given a file with a secret that others can read, then it is refused. */
static void
test_secret_file (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp ("headend-jwks-XXXXXX", &path, &error);
  g_assert_no_error (error);
  close (fd);
  g_autofree char *jwks = g_strdup_printf ("{\"keys\":[%s]}", pairs[4].jwk);
  g_assert_true (g_file_set_contents (path, jwks, -1, NULL));
  g_assert_cmpint (g_chmod (path, 0600), ==, 0);
  g_autoptr (HeTokenKeys) keys = he_token_keys_load (path, EVERY, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_chmod (path, 0640), ==, 0);
  g_assert_null (he_token_keys_load (path, EVERY, &error));
  g_assert_nonnull (strstr (error->message, "chmod 600"));
  g_unlink (path);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++) {
    g_autoptr (GError) error = NULL;
    he_token_keygen (pairs[i].algorithm, &pairs[i].private, &pairs[i].jwk, &error);
    g_assert_no_error (error);
  }
  g_test_add_func ("/token/algorithms/each-signs-and-verifies", test_every_algorithm);
  g_test_add_func ("/token/algorithms/one-key-has-one", test_one_key_one_algorithm);
  g_test_add_func ("/token/algorithms/a-public-key-is-no-secret",
                   test_public_key_as_secret);
  g_test_add_func ("/token/algorithms/verify-published-vectors", test_published_vectors);
  g_test_add_func ("/token/algorithms/thumbprint-is-that-of-rfc-8037", test_thumbprint);
  g_test_add_func ("/token/algorithms/unusable-keys-are-passed-over",
                   test_unusable_keys_are_passed_over);
  g_test_add_func ("/token/algorithms/one-kid-of-two-kinds", test_one_kid_of_two_kinds);
  g_test_add_func ("/token/algorithms/rsa-without-algorithm", test_rsa_without_algorithm);
  g_test_add_func ("/token/algorithms/others-are-passed-over",
                   test_only_what_is_accepted);
  g_test_add_func ("/token/algorithms/eddsa-has-two-names", test_two_names_of_eddsa);
  g_test_add_func ("/token/algorithms/weak-keys-are-refused", test_weak_keys);
  g_test_add_func ("/token/algorithms/a-file-with-a-secret-is-private",
                   test_secret_file);
  int result = g_test_run ();
  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++) {
    g_free (pairs[i].private);
    g_free (pairs[i].jwk);
  }
  return result;
}
