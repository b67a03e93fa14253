/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <unistd.h>
#include "he-address.h"
#include "he-crypto.h"
#include "he-token-private.h"
#include "token-kit.h"

#define NOW G_GINT64_CONSTANT (1700000000)
#define URI "/live/demo/main.m3u8"

static Signer *signer, *other;
static HeTokenKeys *keys;

/* A token of signer's that is good now. */
static char *
good_token (void)
{
  const char *channels[] = { "demo", NULL };
  const HeTokenRequest request = { .issuer = "headend",
                                   .audience = "headend",
                                   .account = "alice",
                                   .channels = channels,
                                   .now = NOW,
                                   .ttl_seconds = 300 };
  return he_token_mint (signer->pem, &request, NULL);
}

static HeCode
verify_at (const char *token, const char *uri, gint64 now)
{
  const HeTokenRules rules = { keys, "headend", "headend" };
  g_autoptr (HeToken) out = NULL;
  return he_token_verify (&rules, token, strlen (token), uri, now, &out);
}

/* RFC 7515 appendix A.3. */
static void
test_published_vector (void)
{
  static const char jwk[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"a3\","
                            "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                            "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
  static const char text[]
      = "eyJhbGciOiJFUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
  static const char signature[]
      = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djx"
        "La8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
  guint8 raw[64];
  gsize len = 0;
  const HeTokenAlgorithm *es256 = he_token_algorithm_find ("ES256");
  g_autoptr (HeTokenKeys) set = he_token_keys_parse (jwk, -1, HE_TOKEN_ES256, NULL);
  g_assert_nonnull (set);
  g_autoptr (EVP_PKEY) key = he_token_keys_find (set, "a3", es256, NOW);
  g_assert_nonnull (key);
  g_assert_true (he_base64url_decode (signature, strlen (signature), raw, 64, &len));
  g_assert_true (he_token_algorithm_verify (es256, key, raw, 64, text, strlen (text)));
  raw[63] ^= 1;
  g_assert_false (he_token_algorithm_verify (es256, key, raw, 64, text, strlen (text)));
  raw[63] ^= 1;
  g_assert_false (
      he_token_algorithm_verify (es256, key, raw, 64, text, strlen (text) - 1));
}

static void
test_mint (void)
{
  const char *channels[] = { "demo", "news", NULL };
  const guint8 hash[16] = { 1, 2, 3 };
  HeTokenRequest request = {
    .issuer = "headend",
    .audience = "headend",
    .account = "bob",
    .channels = channels,
    .now = NOW,
    .ttl_seconds = 60,
    .session_seconds = 600,
    .max_sessions = 2,
    .address_hash = hash,
  };
  const HeTokenRules rules = { keys, "headend", "headend" };
  g_autoptr (GError) error = NULL;
  g_autofree char *text = he_token_mint (signer->pem, &request, &error);
  g_assert_no_error (error);
  g_autoptr (HeToken) token = NULL;
  g_assert_cmpint (he_token_verify (&rules, text, strlen (text), URI, NOW, &token), ==,
                   200);
  g_assert_cmpuint (token->session_seconds, ==, 600);
  g_assert_cmpuint (token->max_sessions, ==, 2);
  g_assert_true (token->has_address);
  g_assert_cmpmem (token->address_hash, 16, hash, 16);
  g_assert_cmpstr (token->rights[1], ==, "news");
  g_assert_cmpint (verify_at (text, "/live/news/main.m3u8", NOW), ==, 200);
  g_assert_cmpint (verify_at (text, "https://tv.example:8443/live/news/main.m3u8", NOW),
                   ==, 200);
  g_assert_cmpint (verify_at (text, "/live/sport/main.m3u8", NOW), ==, HE_CODE_URI);
  g_assert_cmpint (verify_at (text, URI, NOW + 60), ==, HE_CODE_EXPIRED);
  g_autofree char *again = he_token_mint (signer->pem, &request, NULL);
  g_assert_cmpstr (text, !=, again);
}

static void
test_mint_refuses (void)
{
  const char *bad[] = { "no/slash", NULL }, *good[] = { "demo", NULL };
  HeTokenRequest request = { .issuer = "headend",
                             .audience = "headend",
                             .account = "bob",
                             .channels = bad,
                             .now = NOW,
                             .ttl_seconds = 60 };
  g_assert_null (he_token_mint (signer->pem, &request, NULL));
  request.channels = good;
  request.account = "";
  g_assert_null (he_token_mint (signer->pem, &request, NULL));
  request.account = "bob";
  g_assert_null (he_token_mint ("-----BEGIN PRIVATE KEY-----\nAA==\n", &request, NULL));
  g_autofree char *text = he_token_mint (signer->pem, &request, NULL);
  g_assert_nonnull (text);
}

/* RFC 7518 section 3.3: no verifier takes what a shorter RSA key has signed. */
static void
test_mint_refuses_short_keys (void)
{
  const char *channels[] = { "demo", NULL };
  const HeTokenRequest request = { .issuer = "headend",
                                   .audience = "headend",
                                   .account = "bob",
                                   .channels = channels,
                                   .now = NOW,
                                   .ttl_seconds = 60 };
  for (guint bits = 1024; bits <= 2048; bits *= 2) {
    g_autoptr (GError) error = NULL;
    char *pem = NULL;
    EVP_PKEY *key = EVP_RSA_gen (bits);
    BIO *bio = BIO_new (BIO_s_mem ());
    g_assert_cmpint (PEM_write_bio_PrivateKey (bio, key, NULL, NULL, 0, NULL, NULL), ==,
                     1);
    g_assert_cmpint (BIO_write (bio, "", 1), ==, 1);
    BIO_get_mem_data (bio, &pem);
    g_autofree char *text = he_token_mint (pem, &request, &error);
    g_assert_true ((text == NULL) == (bits < 2048));
    if (text == NULL)
      g_assert_nonnull (strstr (error->message, "RSA of 2048 to 4096 bits"));
    BIO_free (bio);
    EVP_PKEY_free (key);
  }
}

static HeTokenKeys *
parse_jwks (const char *text)
{
  return he_token_keys_parse (text, -1, HE_TOKEN_ES256, NULL);
}

static void
test_jwks (void)
{
  static const char x[] = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
  static const char y[] = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
  static const struct {
    gboolean good;
    const char *members;
  } cases[] = {
    { TRUE, "\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"%x\",\"y\":\"%y\"" },
    { TRUE, "\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"%x\",\"y\":\"%y\","
            "\"use\":\"sig\",\"alg\":\"ES256\",\"key_ops\":[\"verify\"]" },
    { FALSE, "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%x\",\"y\":\"%y\"" },
    { FALSE, "\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"\",\"x\":\"%x\",\"y\":\"%y\"" },
    { FALSE, "\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"%x\",\"y\":\"%x\"" },
    { FALSE,
      "\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"%x\",\"y\":\"%yA\"" },
    { FALSE, "\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"%x\"" },
    { FALSE, "\"kty\":\"EC\",\"crv\":\"P-384\",\"kid\":\"k\",\"x\":\"%x\",\"y\":\"%y\"" },
    { FALSE, "\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"%x\",\"y\":\"%y\","
             "\"use\":\"enc\"" },
    { FALSE, "\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"%x\",\"y\":\"%y\","
             "\"alg\":\"ES512\"" },
    { FALSE, "\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"%x\",\"y\":\"%y\","
             "\"key_ops\":[\"sign\"]" },
    { FALSE, "\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"%x\",\"y\":\"%y\","
             "\"d\":\"AA\"" },
    { FALSE, "\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"%x\",\"y\":\"%y\","
             "\"dp\":\"AA\"" },
    { FALSE, "\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"%x\",\"y\":\"%y\","
             "\"key_ops\":[\"verify\",\"verify\"]" },
    { FALSE, "\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"%x\",\"y\":\"%y\","
             "\"key_ops\":[\"verify\",1]" },
    { FALSE, "\"kty\":\"oct\",\"kid\":\"k\",\"k\":\"AA\"" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    GString *text = g_string_new ("{\"keys\":[{");
    g_string_append (text, cases[i].members);
    g_string_append (text, "}]}");
    g_string_replace (text, "%x", x, 0);
    g_string_replace (text, "%y", y, 0);
    g_test_message ("%s", text->str);
    g_autoptr (HeTokenKeys) set = parse_jwks (text->str);
    g_assert_true ((set != NULL) == cases[i].good);
    g_string_free (text, TRUE);
  }
  const char *bad[]
      = { "", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]}", "{\"keys\":[1]}" };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_null (parse_jwks (bad[i]));
  g_autofree char *twice
      = g_strdup_printf ("{\"keys\":[%s,%s]}", signer->jwk, signer->jwk);
  g_assert_null (parse_jwks (twice));
}

/* Given a running verifier, when the file turns bad, then the old keys stay; when it
 * names others, then the old ones go; when it goes, then that is said, and they stay. */
static void
test_reload (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp ("headend-jwks-XXXXXX", &path, &error);
  g_assert_no_error (error);
  close (fd);
  g_autofree char *first = g_strdup_printf ("{\"keys\":[%s]}", signer->jwk);
  g_autofree char *second = g_strdup_printf ("{\"keys\":[%s]}", other->jwk);
  g_assert_true (g_file_set_contents (path, first, -1, NULL));
  g_autoptr (HeTokenKeys) set = he_token_keys_load (path, HE_TOKEN_ES256, &error);
  g_assert_no_error (error);
  const HeTokenRules rules = { set, "headend", "headend" };
  g_autofree char *text = good_token ();
  g_assert_false (he_token_keys_changed (set));
  g_assert_true (g_file_set_contents (path, "{\"keys\":[", -1, NULL));
  g_assert_true (he_token_keys_changed (set));
  g_assert_false (he_token_keys_changed (set));
  g_assert_false (he_token_keys_reload (set, &error));
  g_assert_nonnull (strstr (error->message, path));
  g_autoptr (HeToken) token = NULL, none = NULL;
  g_assert_cmpint (he_token_verify (&rules, text, strlen (text), URI, NOW, &token), ==,
                   200);
  g_assert_true (g_file_set_contents (path, second, -1, NULL));
  g_assert_true (he_token_keys_reload (set, NULL));
  g_assert_cmpint (he_token_verify (&rules, text, strlen (text), URI, NOW, &none), ==,
                   400);
  g_assert_true (he_token_keys_changed (set));
  g_unlink (path);
  g_assert_true (he_token_keys_changed (set)); /* said once */
  g_assert_false (he_token_keys_changed (set));
  g_assert_false (he_token_keys_reload (set, NULL));
  g_assert_null (he_token_keys_load (path, HE_TOKEN_ES256, NULL));
  g_assert_true (g_file_set_contents (path, first, -1, NULL));
  g_assert_true (he_token_keys_changed (set));
  g_assert_true (he_token_keys_reload (set, NULL));
  g_unlink (path);
  g_assert_null (he_token_keys_load ("/dev/zero", HE_TOKEN_ES256, NULL));
}

static void
test_inspect (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *token = signer_token (signer, "{\"alg\":\"none\"}",
                                         "{\"exp\":1700000300,\"x\":\"q\\\"\\u0001\"}");
  g_autofree char *text = he_token_inspect (token, &error);
  g_assert_no_error (error);
  g_autoptr (HeJson) root = he_json_parse (text, -1, 65536, 8, &error);
  g_assert_no_error (error);
  const HeJson *claims = he_json_member (root, "claims");
  g_assert_cmpstr (he_json_string (he_json_member (claims, "x")), ==, "q\"\x01");
  g_assert_cmpint (he_json_integer (he_json_member (claims, "exp")), ==, NOW + 300);
  const char *bad[] = { "", "a.b", "a.b.c", "e30.e30.x.y" };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_null (he_token_inspect (bad[i], NULL));
}

static void
test_uri_container (void)
{
  static const struct {
    gboolean matches;
    const char *container, *uri;
  } cases[] = {
    { TRUE, "regex:/live/demo/main\\.m3u8", URI },
    { TRUE, "regex:/live/[^/]*/.*", URI },
    { TRUE, "regex:/live/(demo|news)/.*", URI },
    { TRUE, "regex:.*", URI },
    { FALSE, "regex:/live/demo", URI },       /* whole, not a prefix */
    { FALSE, "regex:demo/main\\.m3u8", URI }, /* nor a suffix */
    { FALSE, "regex:/live/demo/main.m3u", URI },
    { FALSE, "regex:", URI },
    { FALSE, "regex:x)|(.*", URI }, /* no way out of our group */
    { FALSE, "regex:x)|(?:.*", URI },
    { FALSE, "regex:(", URI },
    { FALSE, "regex:[", URI },
    { FALSE, "regex:(?i)/LIVE/.*", URI },
    { FALSE, "regex:(*ACCEPT)", URI },
    { FALSE, "regex:\\Q/live", URI },
    { FALSE, "regex:(/)\\1", "//" },
    /* POSIX gives them a meaning, which is not PCRE's ... */
    { TRUE, "regex:/live[\\/]demo[\\.][^\\]*", "/live/demo.m3u8" },
    { FALSE, "regex:/[\\w]*", "/live" },
    { TRUE, "regex:/[]a[:digit:]-]{2,3}", "/-a7" },
    { TRUE, "regex:/[^]/]*\\.[[:alnum:]]+", "/a.m3u8" },
    { TRUE, "regex:/a{2}b{1,}", "/aab" },
    { TRUE, "regex:/[.a.][:b:][=c=][a-]", "/.:=-" },
    { TRUE, "regex:/[[.a.]][[=b=]][^[.-.]]", "/abc" },
    { TRUE, "regex:/[[.-.]a]*[[.].]][[.+.]-[.-.]]", "/-a]," },
    { FALSE, "regex:/[^[.-.]]", "/-" },
    /* ... or none, which is not PCRE's either */
    { FALSE, "regex:/a*+", "/a" },
    { FALSE, "regex:/a+?", "/a" },
    { FALSE, "regex:/a{2", "/a%7B2" },
    { FALSE, "regex:/a{,2}", "/a" },
    { FALSE, "regex:/[[:<:]]a", "/a" },
    { FALSE, "regex:/[[:^digit:]]", "/a" },
    { FALSE, "regex:/[[:word:]]", "/a" },
    { FALSE, "regex:/[[.ab.]]", "/ab" },
    { FALSE, "regex:/[[.hyphen.]]", "/-" },
    { FALSE, "regex:/[[=a=]-c]", "/b" },
    { FALSE, "regex:/[a-[=c=]]", "/b" },
    { FALSE, "regex:/[[.a", "/a" },
    { FALSE, "regex:/[[..]]", "/." },
    { FALSE, "regex:/[[:alpha]", "/a" },
    { FALSE, "/live/demo/main.m3u8", URI },
    { FALSE, "uri:/live/demo/main.m3u8", URI },
    { FALSE, "", URI },
    { TRUE, "regex:[^:]*\\://[^/]*/live/demo/.*",
      "https://tv.example/live/demo/main.m3u8" },
    { FALSE, "regex:[^:]*\\://[^/]*/live/demo/.*", URI },
    { FALSE, "regex:https\\://tv.example/.*",
      "https://evil.example/live/demo/main.m3u8" },
    { TRUE, "regex:/live/demo/.*", "https://tv.example/live/demo/main.m3u8?a=b" },
    { TRUE, "regex:https\\://tv.example/.*", "HTTPS://TV.Example:443/live/demo/main.m3u8" },
    { FALSE, "regex:https\\://tv.example/.*", "https://tv.example:8443/live/demo/x" },
    { FALSE, "regex:.*", "https://tv.example/live/demo/main.m3u8?a=%zz" },
    { FALSE, "regex:/live/demo/.*", "/live/demo/../news/main.m3u8" },
    { TRUE, "hash:sha-256;%H", "http://tv.example:80/live/demo/main.m3u8?a" },
    { TRUE, "hash:sha-256;%H", "/live/%64emo/./main.m3u8" },
    /* RFC 9246, section 2.1.15 and appendix A; base64url alone */
    { TRUE,
      "regex:[^:]*\\://[^/]*/folder/content/quality_[^/]*/segment.{3}\\.mp4(\\?.*)?$",
      "https://tv.example/folder/content/quality_hi/segment123.mp4?a=b" },
    { TRUE, "regex:http://cdni\\.example/foo/bar/[0-9]{3}\\.png",
      "http://cdni.example/foo/bar/123.png" },
    { FALSE, "regex:http://cdni\\.example/foo/bar/[0-9]{3}\\.png",
      "http://cdni.example/foo/bar/1234.png" },
    { TRUE, "hash:sha-256;2tderfWPa86Ku7YnzW51YUp7dGUjBS_3SW3ELx4hmWY",
      "HTTP://CDNI.example:80/foo/./bar" },
    { FALSE, "hash:sha-256;2tderfWPa86Ku7YnzW51YUp7dGUjBS/3SW3ELx4hmWY",
      "http://cdni.example/foo/bar" },
    /* sha-256 of the text "/live/demo/main.m3u8" */
    { TRUE, "hash:sha-256;%H", URI },
    { FALSE, "hash:sha-256;%H", "/live/news/main.m3u8" },
    { FALSE, "hash:%H", URI },
    { FALSE, "hash:md5;%H", URI },
    { FALSE, "hash:sha-256;", URI },
  };
  guint8 digest[32];
  he_sha256 ((const guint8 *)URI, strlen (URI), digest);
  g_autofree char *hash = he_base64url_encode (digest, 32);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (GStrv) halves = g_strsplit (cases[i].container, "%H", 2);
    g_autofree char *container = g_strjoinv (hash, halves);
    g_test_message ("%s on %s", container, cases[i].uri);
    g_assert_true (he_token_uri_matches (container, cases[i].uri) == cases[i].matches);
  }
}

static void
test_pattern_time (void)
{
  g_autofree char *text = g_strnfill (3000, 'a');
  text[0] = '/';
  gint64 start = g_get_monotonic_time ();
  for (guint i = 0; i < 20; i++) {
    g_assert_false (he_token_uri_matches ("regex:/(a+a+)+[bc]", text));
    g_assert_false (he_token_uri_matches ("regex:/(a|a|aa)*[bc]", text));
  }
  g_assert_cmpint (g_get_monotonic_time () - start, <, 60 * G_USEC_PER_SEC);
}

static void
test_address_hash (void)
{
  const guint8 bytes[32] = { 7 };
  g_autoptr (HeSecret) secret = he_secret_new (bytes, sizeof bytes);
  static const struct {
    gboolean same;
    const char *a, *b;
  } pairs[] = {
    { TRUE, "192.0.2.1", "192.0.2.1" },
    { FALSE, "192.0.2.1", "192.0.2.2" },
    { TRUE, "192.0.2.1", "::ffff:192.0.2.1" },
    { TRUE, "2001:db8:1:2::1", "2001:db8:1:2:ffff::9" },
    { FALSE, "2001:db8:1:2::1", "2001:db8:1:3::1" },
    { TRUE, "fe80::1%eth0", "fe80::1" },
  };
  guint8 a[16], b[16];
  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++) {
    g_assert_true (he_address_hash (secret, pairs[i].a, a));
    g_assert_true (he_address_hash (secret, pairs[i].b, b));
    g_assert_true ((memcmp (a, b, 16) == 0) == pairs[i].same);
  }
  const char *bad[]
      = { "",         "localhost", "1.2.3",        "1.2.3.4.5", "1.2.3.4:80",
          "01.2.3.4", "::g",       "1.2.3.4%eth0", " 1.2.3.4" };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (he_address_hash (secret, bad[i], a));
  g_assert_false (he_address_hash (secret, NULL, a));
}

static void
test_addresses_in_any_spelling (void)
{
  const char *const list[] = { "192.0.2.1", "2001:db8::1", "nonsense", NULL };
  static const struct {
    gboolean listed;
    const char *address, *subscriber;
  } cases[] = {
    { TRUE, "192.0.2.1", "192.0.2.1" },
    { TRUE, "::ffff:192.0.2.1", "192.0.2.1" },
    { TRUE, "2001:db8:0:0::0001", "2001:db8::" },
    { FALSE, "2001:db8::2", "2001:db8::" },
    { FALSE, "2001:db8:0:1::1", "2001:db8:0:1::" },
    { FALSE, "192.0.2.2", "192.0.2.2" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    HeAddress address, subscriber;
    g_assert_true (he_address_parse (cases[i].address, &address));
    g_assert_true (he_address_is_listed (&address, list) == cases[i].listed);
    g_assert_false (he_address_is_listed (&address, NULL));
    subscriber = he_address_subscriber (&address);
    g_autofree char *text = he_address_to_string (&subscriber);
    g_assert_cmpstr (text, ==, cases[i].subscriber);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  signer = signer_new ();
  other = signer_new ();
  keys = signer_keys (signer, NULL);
  g_test_add_func ("/token/signature/verifies-the-vector-of-rfc-7515",
                   test_published_vector);
  g_test_add_func ("/token/mint/verifies", test_mint);
  g_test_add_func ("/token/mint/refuses-what-would-not-verify", test_mint_refuses);
  g_test_add_func ("/token/mint/refuses-short-keys", test_mint_refuses_short_keys);
  g_test_add_func ("/token/keys/only-sound-public-keys-load", test_jwks);
  g_test_add_func ("/token/keys/reload-is-all-or-nothing", test_reload);
  g_test_add_func ("/token/inspect/prints-json", test_inspect);
  g_test_add_func ("/token/uri/pattern-cannot-take-for-ever", test_pattern_time);
  g_test_add_func ("/token/uri/container-matches-the-whole-uri", test_uri_container);
  g_test_add_func ("/token/address/hash-is-of-the-subscriber", test_address_hash);
  g_test_add_func ("/token/address/is-found-in-any-spelling",
                   test_addresses_in_any_spelling);
  int result = g_test_run ();
  he_token_keys_free (keys);
  signer_free (signer);
  signer_free (other);
  return result;
}
