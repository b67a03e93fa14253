/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-token-private.h"

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include "he-codec.h"
#include "he-crypto.h"

#define P256_BYTES 32
#define ED25519_BYTES 32
#define RSA_BYTES_MAX HE_TOKEN_SIGNATURE_MAX
#define MAC_KEY_MAX 256 /* bytes */

/* ---- reading: a JWKS from elsewhere must not smuggle in a weak key ---- */

/* A member in base64url of min to max bytes. */
static gboolean
read_bytes (const HeJson *jwk, const char *name, gsize min, gsize max, guint8 *ret_out,
            gsize *ret_len, GError **error)
{
  const char *text = NULL;
  if (!he_json_get_string (jwk, name, TRUE, &text, error))
    return FALSE;
  if (he_base64url_decode (text, strlen (text), ret_out, max, ret_len) && *ret_len >= min)
    return TRUE;
  if (min == max)
    return he_json_set_error (error, jwk, "\"%s\" is not %" G_GSIZE_FORMAT
                              " bytes in base64url", name, min);
  return he_json_set_error (error, jwk,
                            "\"%s\" is not %" G_GSIZE_FORMAT " to %" G_GSIZE_FORMAT
                            " bytes in base64url",
                            name, min, max);
}

static EVP_PKEY *
public_key_new (const char *kind, OSSL_PARAM *params)
{
  EVP_PKEY *loaded = NULL;
  g_autoptr (EVP_PKEY_CTX) make = EVP_PKEY_CTX_new_from_name (NULL, kind, NULL);
  if (!make || EVP_PKEY_fromdata_init (make) != 1
      || EVP_PKEY_fromdata (make, &loaded, EVP_PKEY_PUBLIC_KEY, params) != 1)
    return NULL;
  g_autoptr (EVP_PKEY) key = loaded;
  g_autoptr (EVP_PKEY_CTX) check = EVP_PKEY_CTX_new_from_pkey (NULL, key, NULL);
  if (!check || EVP_PKEY_public_check (check) != 1)
    return NULL;
  return g_steal_pointer (&key);
}

static EVP_PKEY *
read_ec (const HeJson *jwk, GError **error)
{
  guint8 point[1 + 2 * P256_BYTES] = { 0x04 };
  gsize len = 0;
  if (!read_bytes (jwk, "x", P256_BYTES, P256_BYTES, point + 1, &len, error)
      || !read_bytes (jwk, "y", P256_BYTES, P256_BYTES, point + 1 + P256_BYTES, &len,
                      error))
    return NULL;
  OSSL_PARAM params[] = {
    OSSL_PARAM_construct_utf8_string (OSSL_PKEY_PARAM_GROUP_NAME, (char *)"prime256v1",
                                      0),
    OSSL_PARAM_construct_octet_string (OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
    OSSL_PARAM_construct_end (),
  };
  EVP_PKEY *key = public_key_new ("EC", params);
  if (!key)
    he_json_set_error (error, jwk, "\"x\" and \"y\" are not a point of P-256");
  return key;
}

/* Points of small order in every encoding: with such a key, a signature can be good for
 * any text. The sign bit does not count. */
static gboolean
is_small_order (const guint8 x[ED25519_BYTES])
{
  static const guint8 octic[2][ED25519_BYTES]
      = { { 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
            0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
            0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
          { 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
            0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
            0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a } };
  guint8 y[ED25519_BYTES];
  memcpy (y, x, sizeof y);
  y[ED25519_BYTES - 1] &= 0x7f;
  if (memcmp (y, octic[0], sizeof y) == 0 || memcmp (y, octic[1], sizeof y) == 0)
    return TRUE;
  /* y is 0 or 1; or p - 1, p or p + 1, which end in 0x7f and are 0xff in between. */
  guint8 fill = y[1], top = fill == 0xff ? 0x7f : 0;
  if (fill != 0 && fill != 0xff)
    return FALSE;
  for (guint i = 1; i < ED25519_BYTES - 1; i++)
    if (y[i] != fill)
      return FALSE;
  return y[ED25519_BYTES - 1] == top && (fill ? y[0] >= 0xec : y[0] <= 1);
}

/* RFC 8032 section 5.1.3: y is less than p = 2^255 - 19, and (y^2 - 1) / (d y^2 + 1) is a
 * square, where d = -121665 / 121666. */
static gboolean
is_on_curve (const guint8 x[ED25519_BYTES])
{
  guint8 bytes[ED25519_BYTES];
  gboolean is = FALSE;
  BN_CTX *ctx = BN_CTX_new ();
  memcpy (bytes, x, sizeof bytes);
  bytes[ED25519_BYTES - 1] &= 0x7f;
  if (!ctx)
    return FALSE;
  BN_CTX_start (ctx);
  BIGNUM *p = BN_CTX_get (ctx), *y = BN_CTX_get (ctx), *u = BN_CTX_get (ctx);
  BIGNUM *v = BN_CTX_get (ctx); /* the last tells whether all are there */
  if (v && BN_set_bit (p, 255) && BN_sub_word (p, 19)
      && BN_lebin2bn (bytes, sizeof bytes, y) && BN_cmp (y, p) < 0
      && BN_mod_sqr (y, y, p, ctx)
      /* As only squares count: u / v is one when u v is, and so with 121666 times each. */
      && BN_copy (u, y) && BN_sub_word (u, 1) && BN_mul_word (u, 121666) && BN_copy (v, y)
      && BN_mul_word (v, 121665) && BN_set_word (y, 121666) && BN_sub (v, y, v)
      && BN_mod_mul (u, u, v, p, ctx))
    is = BN_kronecker (u, p, ctx) == 1;
  BN_CTX_end (ctx);
  BN_CTX_free (ctx);
  return is;
}

static EVP_PKEY *
read_okp (const HeJson *jwk, GError **error)
{
  guint8 x[ED25519_BYTES];
  gsize len = 0;
  if (!read_bytes (jwk, "x", sizeof x, sizeof x, x, &len, error))
    return NULL;
  EVP_PKEY *key = !is_small_order (x) && is_on_curve (x)
                      ? EVP_PKEY_new_raw_public_key_ex (NULL, "ED25519", NULL, x, sizeof x)
                      : NULL;
  if (!key)
    he_json_set_error (error, jwk, "\"x\" is not a public key of Ed25519");
  return key;
}

/* Of a key that the chips of CVE-2017-15361 made, which gives its private half away:
 * their primes, and so what they multiply to, are powers of 65537 modulo each small
 * prime. Modulo these, of other numbers one in 2^27 is. */
static gboolean
is_of_weak_chip (const BIGNUM *modulus)
{
  static const guint8 primes[]
      = { 11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157 };
  for (guint i = 0; i < G_N_ELEMENTS (primes); i++) {
    BN_ULONG rest = BN_mod_word (modulus, primes[i]), power = 1;
    do
      power = power * 65537 % primes[i];
    while (power != rest && power != 1);
    if (power != rest)
      return FALSE;
  }
  return TRUE;
}

static EVP_PKEY *
read_rsa (const HeJson *jwk, GError **error)
{
  guint8 n[RSA_BYTES_MAX], e[4];
  gsize n_len = 0, e_len = 0;
  if (!read_bytes (jwk, "n", HE_TOKEN_RSA_BITS_MIN / 8, sizeof n, n, &n_len, error)
      || !read_bytes (jwk, "e", 1, sizeof e, e, &e_len, error))
    return NULL;
  BIGNUM *modulus = BN_new (), *exponent = BN_new ();
  EVP_PKEY *key = NULL;
  /* Base64urlUInt has no leading zero (RFC 7518 section 2). */
  if (modulus && exponent && n[0] && e[0] && BN_bin2bn (n, (int)n_len, modulus)
      && BN_bin2bn (e, (int)e_len, exponent)
      && BN_num_bits (modulus) >= HE_TOKEN_RSA_BITS_MIN
      && BN_is_odd (exponent) && !BN_is_one (exponent) && !is_of_weak_chip (modulus)
      && BN_bn2nativepad (modulus, n, (int)n_len) == (int)n_len
      && BN_bn2nativepad (exponent, e, (int)e_len) == (int)e_len) {
    OSSL_PARAM params[] = {
      OSSL_PARAM_construct_BN (OSSL_PKEY_PARAM_RSA_N, n, n_len),
      OSSL_PARAM_construct_BN (OSSL_PKEY_PARAM_RSA_E, e, e_len),
      OSSL_PARAM_construct_end (),
    };
    key = public_key_new ("RSA", params);
  }
  BN_free (modulus);
  BN_free (exponent);
  if (!key)
    he_json_set_error (error, jwk,
                       "\"n\" and \"e\" are not a public key of RSA of at least %d bits, "
                       "or one that gives itself away (CVE-2017-15361)",
                       HE_TOKEN_RSA_BITS_MIN);
  return key;
}

static EVP_PKEY *
read_oct (const HeJson *jwk, GError **error)
{
  guint8 k[MAC_KEY_MAX];
  gsize len = 0;
  EVP_PKEY *key = NULL;
  if (read_bytes (jwk, "k", HE_TOKEN_MAC_KEY_MIN, sizeof k, k, &len, error)
      && !(key = EVP_PKEY_new_raw_private_key_ex (NULL, "HMAC", NULL, k, len)))
    he_json_set_error (error, jwk, "\"k\" cannot be used");
  OPENSSL_cleanse (k, sizeof k);
  return key;
}

/* ---- writing: members in the order of their names, as RFC 7638 section 3.3 hashes them
 * ---- */

static gboolean
write_ec (EVP_PKEY *key, HeJsonWriter *writer)
{
  guint8 x[P256_BYTES], y[P256_BYTES];
  BIGNUM *bx = NULL, *by = NULL;
  gboolean ok = EVP_PKEY_get_bn_param (key, OSSL_PKEY_PARAM_EC_PUB_X, &bx) == 1
                && EVP_PKEY_get_bn_param (key, OSSL_PKEY_PARAM_EC_PUB_Y, &by) == 1
                && BN_bn2binpad (bx, x, sizeof x) == sizeof x
                && BN_bn2binpad (by, y, sizeof y) == sizeof y;
  BN_free (bx);
  BN_free (by);
  if (!ok)
    return FALSE;
  g_autofree char *text_x = he_base64url_encode (x, sizeof x);
  g_autofree char *text_y = he_base64url_encode (y, sizeof y);
  he_json_writer_string (writer, "crv", "P-256");
  he_json_writer_string (writer, "kty", "EC");
  he_json_writer_string (writer, "x", text_x);
  he_json_writer_string (writer, "y", text_y);
  return TRUE;
}

static gboolean
write_okp (EVP_PKEY *key, HeJsonWriter *writer)
{
  guint8 x[ED25519_BYTES];
  gsize len = sizeof x;
  if (EVP_PKEY_get_raw_public_key (key, x, &len) != 1)
    return FALSE;
  g_autofree char *text = he_base64url_encode (x, len);
  he_json_writer_string (writer, "crv", "Ed25519");
  he_json_writer_string (writer, "kty", "OKP");
  he_json_writer_string (writer, "x", text);
  return TRUE;
}

static char *
rsa_number (EVP_PKEY *key, const char *name)
{
  guint8 bytes[RSA_BYTES_MAX];
  BIGNUM *number = NULL;
  char *text = NULL;
  if (EVP_PKEY_get_bn_param (key, name, &number) == 1
      && BN_num_bytes (number) <= (int)sizeof bytes)
    text = he_base64url_encode (bytes, (gsize)BN_bn2bin (number, bytes));
  BN_free (number);
  return text;
}

static gboolean
write_rsa (EVP_PKEY *key, HeJsonWriter *writer)
{
  g_autofree char *e = rsa_number (key, OSSL_PKEY_PARAM_RSA_E);
  g_autofree char *n = rsa_number (key, OSSL_PKEY_PARAM_RSA_N);
  if (!e || !n)
    return FALSE;
  he_json_writer_string (writer, "e", e);
  he_json_writer_string (writer, "kty", "RSA");
  he_json_writer_string (writer, "n", n);
  return TRUE;
}

static gboolean
write_oct (EVP_PKEY *key, HeJsonWriter *writer)
{
  guint8 k[MAC_KEY_MAX];
  gsize len = sizeof k;
  if (EVP_PKEY_get_raw_private_key (key, k, &len) != 1)
    return FALSE;
  char *text = he_base64url_encode (k, len);
  he_json_writer_string (writer, "k", text);
  he_json_writer_string (writer, "kty", "oct");
  OPENSSL_cleanse (k, sizeof k);
  he_string_wipe_free (text);
  return TRUE;
}

static const struct {
  const char *kty;
  EVP_PKEY *(*read) (const HeJson *jwk, GError **error);
  gboolean (*write) (EVP_PKEY *key, HeJsonWriter *writer);
} kinds[] = {
  { "EC", read_ec, write_ec },
  { "OKP", read_okp, write_okp },
  { "RSA", read_rsa, write_rsa },
  { "oct", read_oct, write_oct },
};

static guint
kind_of (const HeTokenAlgorithm *algorithm)
{
  guint i = 0;
  while (strcmp (kinds[i].kty, algorithm->kty) != 0)
    i++;
  return i;
}

EVP_PKEY *
he_token_jwk_read (const HeJson *jwk, const HeTokenAlgorithm *algorithm, GError **error)
{
  EVP_PKEY *key = kinds[kind_of (algorithm)].read (jwk, error);
  if (!key)
    ERR_clear_error ();
  return key;
}

/* RFC 7638. The kid of a secret is a random name: no hash of a secret leaves the file. */
char *
he_token_jwk_kid (const HeTokenAlgorithm *algorithm, EVP_PKEY *key)
{
  guint8 digest[HE_SHA256_LEN];
  if (he_token_algorithm_bit (algorithm) == HE_TOKEN_HS256) {
    he_random (digest, 16);
    return he_base64url_encode (digest, 16);
  }
  HeJsonWriter *writer = he_json_writer_new ();
  he_json_writer_open_object (writer, NULL);
  gboolean ok = kinds[kind_of (algorithm)].write (key, writer);
  g_autofree char *text = he_json_writer_end (writer);
  if (!ok)
    return NULL;
  he_sha256 ((const guint8 *)text, strlen (text), digest);
  return he_base64url_encode (digest, sizeof digest);
}

char *
he_token_jwk_write (const HeTokenAlgorithm *algorithm, EVP_PKEY *key, const char *kid)
{
  HeJsonWriter *writer = he_json_writer_new ();
  he_json_writer_open_object (writer, NULL);
  gboolean ok = kinds[kind_of (algorithm)].write (key, writer);
  he_json_writer_string (writer, "alg", algorithm->name);
  he_json_writer_string (writer, "use", "sig");
  he_json_writer_string (writer, "kid", kid);
  char *text = he_json_writer_end (writer);
  if (!ok)
    g_clear_pointer (&text, he_string_wipe_free);
  return text;
}
