/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-crypto.h"
#include "he-error.h"
#include "vectors.h"

#include <glib/gstdio.h>
#include <sys/stat.h>

#define KEY "2b7e151628aed2a6abf7158809cf4f3c"
#define IV "000102030405060708090a0b0c0d0e0f"
#define PLAIN                                                                            \
  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"                     \
  "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
#define CIPHER                                                                           \
  "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"                     \
  "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"

static void
sha256_knows_fips180 (void)
{
  guint8 digest[HE_SHA256_LEN];

  he_sha256 ((const guint8 *)"abc", 3, digest);
  assert_hex (digest, sizeof digest,
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  he_sha256 (NULL, 0, digest);
  assert_hex (digest, sizeof digest,
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void
hmac_knows_rfc4231 (void)
{
  static const struct {
    const char *key, *data, *mac;
  } cases[] = {
    { "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
    { "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (HeSecret) key = secret_from_hex_of_any_length (cases[i].key);
    g_autoptr (GBytes) data = from_hex (cases[i].data);
    guint8 mac[HE_SHA256_LEN];

    he_hmac_sha256 (key, g_bytes_get_data (data, NULL), g_bytes_get_size (data), mac);
    assert_hex (mac, sizeof mac, cases[i].mac);
  }
}

static void
hkdf_knows_rfc5869 (void)
{
  /* Test case 3 is the one with an empty salt. */
  g_autoptr (HeSecret) key
      = secret_from_hex_of_any_length ("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
  g_autoptr (GByteArray) empty = he_parts_new ();
  g_autoptr (GByteArray) info = he_parts_new ();
  g_autoptr (GBytes) raw = from_hex ("f0f1f2f3f4f5f6f7f8f9");
  guint8 out[64];

  he_hkdf_sha256 (key, empty, out, 42);
  assert_hex (out, 42,
              "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
              "9d201395faa4b61a96c8");
  /* With the info of test case 1, computed by another implementation. */
  g_byte_array_append (info, g_bytes_get_data (raw, NULL), (guint)g_bytes_get_size (raw));
  he_hkdf_sha256 (key, info, out, 64);
  assert_hex (out, 64,
              "abbafb13f5c1bc489d4203135817956dd521b39e3bd61d1cc85cef884d1f8e2e"
              "2ca9c19f23df620dd394b45cb724b6a13b65f2be0e062b21837ac04ce8b9c037");
}

static void
parts_cannot_be_shifted (void)
{
  g_autoptr (GByteArray) a = he_parts_new ();
  g_autoptr (GByteArray) b = he_parts_new ();

  he_parts_add_string (a, "ab");
  he_parts_add_string (a, "c");
  he_parts_add_string (b, "a");
  he_parts_add_string (b, "bc");
  assert_hex (a->data, a->len, "0000000261620000000163");
  assert_hex (b->data, b->len, "0000000161000000026263");
  g_byte_array_set_size (a, 0);
  he_parts_add_uint64 (a, 258);
  he_parts_add (a, NULL, 0);
  assert_hex (a->data, a->len, "00000008000000000000010200000000");
}

static GBytes *
cbc_encrypt (const char *plain_hex)
{
  g_autoptr (GBytes) key = from_hex (KEY);
  g_autoptr (GBytes) iv = from_hex (IV);
  g_autoptr (GBytes) plain = from_hex (plain_hex);

  return he_aes128_cbc_encrypt (g_bytes_get_data (key, NULL), g_bytes_get_data (iv, NULL),
                                g_bytes_get_data (plain, NULL), g_bytes_get_size (plain));
}

static GBytes *
cbc_decrypt (const guint8 *data, gsize len, GError **error)
{
  g_autoptr (GBytes) key = from_hex (KEY);
  g_autoptr (GBytes) iv = from_hex (IV);

  return he_aes128_cbc_decrypt (g_bytes_get_data (key, NULL), g_bytes_get_data (iv, NULL),
                                data, len, error);
}

static void
cbc_knows_sp800_38a (void)
{
  g_autoptr (GBytes) sealed = cbc_encrypt (PLAIN);
  gsize len;
  const guint8 *data = g_bytes_get_data (sealed, &len);

  g_assert_cmpuint (len, ==, 80); /* a whole block of padding behind whole blocks */
  assert_hex (data, 64, CIPHER);
}

static void
cbc_decrypts_every_length (void)
{
  static const char hex[] = PLAIN;

  for (gsize n = 0; n <= 64; n++) {
    g_autofree char *plain_hex = g_strndup (hex, 2 * n);
    g_autoptr (GBytes) sealed = cbc_encrypt (plain_hex);
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) plain = cbc_decrypt (g_bytes_get_data (sealed, NULL),
                                            g_bytes_get_size (sealed), &error);

    g_assert_no_error (error);
    g_assert_cmpuint (g_bytes_get_size (sealed), ==, n / 16 * 16 + 16);
    g_assert_cmpuint (g_bytes_get_size (plain), ==, n);
    if (n > 0)
      assert_hex (g_bytes_get_data (plain, NULL), n, plain_hex);
  }
}

static void
cbc_in_pieces_is_the_same (void)
{
  g_autoptr (GBytes) key = from_hex (KEY);
  g_autoptr (GBytes) iv = from_hex (IV);
  g_autoptr (GBytes) plain = from_hex (PLAIN);
  g_autoptr (GBytes) whole = cbc_encrypt (PLAIN);

  for (gsize piece = 1; piece <= 64; piece++) {
    g_autoptr (HeCbc) cbc
        = he_cbc_new (g_bytes_get_data (key, NULL), g_bytes_get_data (iv, NULL));
    g_autoptr (GByteArray) out = g_byte_array_new ();
    const guint8 *data = g_bytes_get_data (plain, NULL);

    for (gsize at = 0; at < 64; at += piece) {
      he_cbc_update (cbc, data + at, MIN (piece, 64 - at), out);
      g_assert_cmpuint (out->len, ==, MIN (at + piece, 64) / 16 * 16);
    }
    he_cbc_finish (cbc, out);
    g_assert_cmpmem (out->data, out->len, g_bytes_get_data (whole, NULL),
                     g_bytes_get_size (whole));
  }
}

static void
cbc_refuses_what_is_not_padded (void)
{
  g_autoptr (GBytes) cipher = from_hex (CIPHER);
  const guint8 *data = g_bytes_get_data (cipher, NULL);
  g_autoptr (GBytes) plain = NULL;
  GError *error = NULL;

  static const gsize lengths[]
      = { 64, 63, 0, 15 }; /* 64: whole blocks, padding cut off */

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++) {
    plain = cbc_decrypt (data, lengths[i], &error);
    g_assert_null (plain);
    g_assert_error (error, HE_ERROR, HE_ERROR_CRYPTO);
    g_clear_error (&error);
  }
}

static void
aead_opens_what_nist_sealed (void)
{
  /* GCM specification, test case 16: nonce, ciphertext and tag in our order. */
  g_autoptr (HeSecret) key = secret_from_hex_of_any_length (
      "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  g_autoptr (GBytes) aad = from_hex ("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  g_autoptr (GBytes) sealed
      = from_hex ("cafebabefacedbaddecaf888"
                  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                  "76fc6ece0f4e1768cddf8853bb2d551b");
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) plain
      = he_aead_open (key, g_bytes_get_data (aad, NULL), g_bytes_get_size (aad),
                      g_bytes_get_data (sealed, NULL), g_bytes_get_size (sealed), &error);

  g_assert_no_error (error);
  assert_hex (g_bytes_get_data (plain, NULL), g_bytes_get_size (plain),
              "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
              "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
}

static void
aead_refuses_any_changed_bit (void)
{
  g_autoptr (HeSecret) key = counting_secret ();
  g_autoptr (GBytes) sealed
      = he_aead_seal (key, (const guint8 *)"aad", 3, (const guint8 *)"secret", 6);
  gsize len = g_bytes_get_size (sealed);
  g_autofree guint8 *copy = g_memdup2 (g_bytes_get_data (sealed, NULL), len);
  g_autoptr (GBytes) plain
      = he_aead_open (key, (const guint8 *)"aad", 3, copy, len, NULL);

  g_assert_cmpuint (len, ==, 6 + HE_AEAD_OVERHEAD);
  g_assert_cmpmem (g_bytes_get_data (plain, NULL), g_bytes_get_size (plain), "secret", 6);
  for (gsize bit = 0; bit < len * 8; bit++) {
    g_autoptr (GError) error = NULL;

    copy[bit / 8] ^= (guint8)(1 << bit % 8);
    g_assert_null (he_aead_open (key, (const guint8 *)"aad", 3, copy, len, &error));
    g_assert_error (error, HE_ERROR, HE_ERROR_DENIED);
    copy[bit / 8] ^= (guint8)(1 << bit % 8);
  }
  for (gsize n = 0; n < len; n++)
    g_assert_null (he_aead_open (key, (const guint8 *)"aad", 3, copy, n, NULL));
  g_assert_null (he_aead_open (key, (const guint8 *)"aae", 3, copy, len, NULL));
  g_assert_null (he_aead_open (key, NULL, 0, copy, len, NULL));
}

static void
aead_never_repeats_itself (void)
{
  g_autoptr (HeSecret) key = counting_secret ();
  g_autoptr (GBytes) a = he_aead_seal (key, NULL, 0, NULL, 0);
  g_autoptr (GBytes) b = he_aead_seal (key, NULL, 0, NULL, 0);
  g_autoptr (GBytes) plain = he_aead_open (key, NULL, 0, g_bytes_get_data (a, NULL),
                                           g_bytes_get_size (a), NULL);

  g_assert_false (g_bytes_equal (a, b));
  g_assert_nonnull (plain);
  g_assert_cmpuint (g_bytes_get_size (plain), ==, 0);
}

static void
keystream_is_aes256_ctr_whatever_the_pieces (void)
{
  static const guint8 key[32];
  g_autoptr (HeKeystream) whole = he_keystream_new (key);
  g_autoptr (HeKeystream) pieces = he_keystream_new (key);
  guint8 a[96], b[96];

  he_keystream_read (whole, a, sizeof a);
  assert_hex (a, 32, "dc95c078a2408989ad48a21492842087530f8afbc74536b9a963b4f1c4cb738b");
  he_keystream_read (pieces, b, 1);
  he_keystream_read (pieces, b + 1, 0);
  he_keystream_read (pieces, b + 1, 30);
  he_keystream_read (pieces, b + 31, 65);
  g_assert_cmpmem (a, sizeof a, b, sizeof b);
}

static void
equality_sees_the_last_byte (void)
{
  g_assert_true (
      he_equal_constant_time ((const guint8 *)"abcd", (const guint8 *)"abcd", 4));
  g_assert_false (
      he_equal_constant_time ((const guint8 *)"abcd", (const guint8 *)"abce", 4));
  g_assert_false (
      he_equal_constant_time ((const guint8 *)"abcd", (const guint8 *)"bbcd", 4));
}

static void
random_bytes_differ (void)
{
  guint8 a[32] = { 0 }, b[32] = { 0 };

  he_random (a, sizeof a);
  he_random (b, sizeof b);
  g_assert_false (he_equal_constant_time (a, b, sizeof a));
}

#define HEX64 "000102030405060708090A0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void
secret_is_64_hex_digits (void)
{
  static const char *const bad[] = { "",
                                     "00",
                                     HEX64 "0",
                                     HEX64 "00",
                                     "zz",
                                     "0x" HEX64,
                                     "00010203040506070809 a0b0c0d0e0f"
                                     "101112131415161718191a1b1c1d1e1f" };
  g_autoptr (HeSecret) secret = he_secret_from_hex (" \n" HEX64 "\r\n", "secret", NULL);
  g_autoptr (HeSecret) expected = counting_secret ();
  char *hex;

  g_assert_nonnull (secret);
  g_assert_cmpmem (he_secret_data (secret), he_secret_len (secret),
                   he_secret_data (expected), 32);
  hex = he_secret_to_hex (secret);
  g_assert_cmpint (g_ascii_strcasecmp (hex, HEX64), ==, 0);
  he_string_wipe_free (hex);
  he_string_wipe_free (NULL);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (he_secret_from_hex (bad[i], "channel secret", &error));
    g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
    g_assert_nonnull (strstr (error->message, "channel secret"));
    if (strlen (bad[i]) > 2) /* what was typed may be nearly the secret */
      g_assert_null (strstr (error->message, bad[i]));
  }
}

static void
assert_file_refused (const char *path, HeError code, const char *says)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (he_secret_from_file (path, "secret", &error));
  g_assert_error (error, HE_ERROR, (int)code);
  if (strstr (error->message, says) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, says);
}

static void
secret_file_is_private_small_and_regular (void)
{
  g_autofree char *folder = g_dir_make_tmp ("headend-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "secret", NULL);
  g_autofree char *fifo = g_build_filename (folder, "fifo", NULL);
  g_autofree char *large = g_strnfill (4097, ' ');
  g_autoptr (HeSecret) secret = NULL;

  assert_file_refused (path, HE_ERROR_NOT_FOUND, "cannot open");
  g_assert_true (g_file_set_contents (path, HEX64 "\n", -1, NULL));
  for (guint bit = 0; bit < 6; bit++) {
    g_assert_cmpint (g_chmod (path, 0600 | 1 << bit), ==, 0);
    assert_file_refused (path, HE_ERROR_DENIED, "run: chmod 600 ");
  }
  g_assert_cmpint (g_chmod (path, 0600), ==, 0);
  secret = he_secret_from_file (path, "secret", NULL);
  g_assert_nonnull (secret);
  g_assert_cmpuint (he_secret_data (secret)[31], ==, 0x1f);
  g_assert_true (
      g_file_set_contents_full (path, large, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  assert_file_refused (path, HE_ERROR_LIMIT, "larger");
  g_assert_cmpint (truncate (path, 4096), ==, 0);
  assert_file_refused (path, HE_ERROR_INVALID, "64 hexadecimal digits");
  assert_file_refused (folder, HE_ERROR_INVALID, "regular");
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  assert_file_refused (fifo, HE_ERROR_INVALID, "regular");
  g_unlink (fifo);
  g_unlink (path);
  g_rmdir (folder);
}

/* Without a colon a server would say no more than 401. */
static void
login_is_one_line_of_user_and_password (void)
{
  static const char *const bad[]
      = { "verysecret\n", "", "\n", "me:verysecret\nmore\n", "me:very\tsecret" };
  g_autofree char *folder = g_dir_make_tmp ("headend-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "login", NULL);
  g_autoptr (GError) none = NULL;
  HeSecret *login;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_true (g_file_set_contents_full (path, bad[i], -1,
                                             G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
    g_assert_null (he_secret_login_from_file (path, "credentials", &error));
    g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
    g_assert_nonnull (strstr (error->message, "USER:PASSWORD"));
    g_assert_null (strstr (error->message, "secret"));
  }
  g_assert_true (g_file_set_contents_full (path, "me:very:secret\r\n", -1,
                                           G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
  login = he_secret_login_from_file (path, "credentials", &none);
  g_assert_no_error (none);
  g_assert_cmpmem (he_secret_data (login), he_secret_len (login), "me:very:secret", 14);
  he_secret_unref (login);
  g_unlink (path);
  g_rmdir (folder);
}

static void
secret_lives_until_the_last_reference (void)
{
  HeSecret *secret = he_secret_new ((const guint8 *)"abc", 3);
  HeSecret *second = he_secret_ref (secret);

  he_secret_unref (secret);
  g_assert_cmpmem (he_secret_data (second), he_secret_len (second), "abc", 3);
  he_secret_unref (second);
  he_secret_unref (NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/crypto/sha256/knows-fips180", sha256_knows_fips180);
  g_test_add_func ("/crypto/hmac/knows-rfc4231", hmac_knows_rfc4231);
  g_test_add_func ("/crypto/hkdf/knows-rfc5869", hkdf_knows_rfc5869);
  g_test_add_func ("/crypto/parts/cannot-be-shifted", parts_cannot_be_shifted);
  g_test_add_func ("/crypto/cbc/knows-sp800-38a", cbc_knows_sp800_38a);
  g_test_add_func ("/crypto/cbc/decrypts-every-length", cbc_decrypts_every_length);
  g_test_add_func ("/crypto/cbc/in-pieces-is-the-same", cbc_in_pieces_is_the_same);
  g_test_add_func ("/crypto/cbc/refuses-what-is-not-padded",
                   cbc_refuses_what_is_not_padded);
  g_test_add_func ("/crypto/aead/opens-what-nist-sealed", aead_opens_what_nist_sealed);
  g_test_add_func ("/crypto/aead/refuses-any-changed-bit", aead_refuses_any_changed_bit);
  g_test_add_func ("/crypto/aead/never-repeats-itself", aead_never_repeats_itself);
  g_test_add_func ("/crypto/keystream/is-aes256-ctr-whatever-the-pieces",
                   keystream_is_aes256_ctr_whatever_the_pieces);
  g_test_add_func ("/crypto/equality/sees-the-last-byte", equality_sees_the_last_byte);
  g_test_add_func ("/crypto/random/bytes-differ", random_bytes_differ);
  g_test_add_func ("/secret/is-64-hex-digits", secret_is_64_hex_digits);
  g_test_add_func ("/secret/file-is-private-small-and-regular",
                   secret_file_is_private_small_and_regular);
  g_test_add_func ("/secret/login-is-one-line-of-user-and-password",
                   login_is_one_line_of_user_and_password);
  g_test_add_func ("/secret/lives-until-the-last-reference",
                   secret_lives_until_the_last_reference);
  return g_test_run ();
}
