/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-crypto.h"
#include "he-codec.h"
#include "he-error.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <string.h>

#define NONCE_LEN 12
#define TAG_LEN 16
#define UPDATE_MAX (1 << 30) /* libcrypto counts in int */

/* Going on without working cryptography would be worse than ending. */
static void
must (int ok, const char *what)
{
  if (G_UNLIKELY (ok != 1))
    g_error ("libcrypto failed: %s", what);
}

void
he_random (guint8 *ret_out, gsize len)
{
  g_assert (len <= G_MAXINT);
  must (RAND_bytes (ret_out, (int)len), "RAND_bytes");
}

void
he_sha256 (const guint8 *data, gsize len, guint8 ret_digest[HE_SHA256_LEN])
{
  must (EVP_Digest (data, len, ret_digest, NULL, EVP_sha256 (), NULL), "SHA-256");
}

gboolean
he_equal_constant_time (const guint8 *a, const guint8 *b, gsize len)
{
  return CRYPTO_memcmp (a, b, len) == 0;
}

HeParts *
he_parts_new (void)
{
  return g_byte_array_new ();
}

void
he_parts_add (HeParts *parts, const void *data, gsize len)
{
  guint8 prefix[4];

  g_assert (len <= G_MAXINT32);
  he_write_be32 (prefix, (guint32)len);
  g_byte_array_append (parts, prefix, sizeof prefix);
  if (len > 0)
    g_byte_array_append (parts, data, (guint)len);
}

void
he_parts_add_string (HeParts *parts, const char *text)
{
  he_parts_add (parts, text, strlen (text));
}

void
he_parts_add_uint64 (HeParts *parts, guint64 value)
{
  guint8 bytes[8];

  he_write_be64 (bytes, value);
  he_parts_add (parts, bytes, sizeof bytes);
}

/* Fetching an algorithm takes a lock and a search, so it is done once. */
static EVP_MAC *
hmac_method (void)
{
  static gsize method;

  if (g_once_init_enter (&method)) {
    EVP_MAC *mac = EVP_MAC_fetch (NULL, "HMAC", NULL);

    must (mac != NULL, "HMAC");
    g_once_init_leave (&method, (gsize)mac);
  }
  return (EVP_MAC *)method;
}

static EVP_KDF *
hkdf_method (void)
{
  static gsize method;

  if (g_once_init_enter (&method)) {
    EVP_KDF *kdf = EVP_KDF_fetch (NULL, "HKDF", NULL);

    must (kdf != NULL, "HKDF");
    g_once_init_leave (&method, (gsize)kdf);
  }
  return (EVP_KDF *)method;
}

void
he_hmac_sha256 (const HeSecret *key, const guint8 *data, gsize len,
                guint8 ret_mac[HE_SHA256_LEN])
{
  char digest[] = "SHA256";
  OSSL_PARAM params[] = {
    OSSL_PARAM_construct_utf8_string (OSSL_MAC_PARAM_DIGEST, digest, 0),
    OSSL_PARAM_construct_end (),
  };
  EVP_MAC_CTX *ctx = EVP_MAC_CTX_new (hmac_method ());

  must (ctx != NULL, "HMAC context");
  must (EVP_MAC_init (ctx, he_secret_data (key), he_secret_len (key), params),
        "HMAC key");
  must (EVP_MAC_update (ctx, data, len), "HMAC update");
  must (EVP_MAC_final (ctx, ret_mac, NULL, HE_SHA256_LEN), "HMAC final");
  EVP_MAC_CTX_free (ctx);
}

void
he_hkdf_sha256 (const HeSecret *key, const HeParts *info, guint8 *ret_out, gsize len)
{
  char digest[] = "SHA256";
  OSSL_PARAM params[4];
  EVP_KDF_CTX *ctx = EVP_KDF_CTX_new (hkdf_method ());
  gsize n = 0;

  g_assert (len >= 1 && len <= 64);
  must (ctx != NULL, "HKDF context");
  params[n++] = OSSL_PARAM_construct_utf8_string (OSSL_KDF_PARAM_DIGEST, digest, 0);
  params[n++] = OSSL_PARAM_construct_octet_string (
      OSSL_KDF_PARAM_KEY, (void *)he_secret_data (key), he_secret_len (key));
  if (info->len > 0)
    params[n++]
        = OSSL_PARAM_construct_octet_string (OSSL_KDF_PARAM_INFO, info->data, info->len);
  params[n] = OSSL_PARAM_construct_end ();
  must (EVP_KDF_derive (ctx, ret_out, len, params), "HKDF");
  EVP_KDF_CTX_free (ctx);
}

struct _HeCbc {
  EVP_CIPHER_CTX *ctx;
};

HeCbc *
he_cbc_new (const guint8 key[16], const guint8 iv[16])
{
  HeCbc *cbc = g_new0 (HeCbc, 1);

  cbc->ctx = EVP_CIPHER_CTX_new ();
  must (cbc->ctx != NULL, "cipher context");
  must (EVP_EncryptInit_ex2 (cbc->ctx, EVP_aes_128_cbc (), key, iv, NULL), "AES-128-CBC");
  return cbc;
}

void
he_cbc_free (HeCbc *cbc)
{
  if (cbc == NULL)
    return;
  EVP_CIPHER_CTX_free (cbc->ctx); /* wipes the key schedule */
  g_free (cbc);
}

void
he_cbc_update (HeCbc *cbc, const guint8 *data, gsize len, GByteArray *out)
{
  while (len > 0) {
    gsize chunk = MIN (len, (gsize)UPDATE_MAX);
    guint before = out->len;
    int written = 0;

    g_byte_array_set_size (out, before + (guint)chunk + HE_AES_BLOCK);
    must (EVP_EncryptUpdate (cbc->ctx, out->data + before, &written, data, (int)chunk),
          "AES-128-CBC update");
    g_byte_array_set_size (out, before + (guint)written);
    data += chunk;
    len -= chunk;
  }
}

void
he_cbc_finish (HeCbc *cbc, GByteArray *out)
{
  guint before = out->len;
  int written = 0;

  g_byte_array_set_size (out, before + HE_AES_BLOCK);
  must (EVP_EncryptFinal_ex (cbc->ctx, out->data + before, &written),
        "AES-128-CBC final");
  g_byte_array_set_size (out, before + (guint)written);
}

gsize
he_cbc_in_place (HeCbc *cbc, guint8 *data, gsize len)
{
  int head = 0, tail = 0;

  g_assert (len <= UPDATE_MAX);
  must (EVP_EncryptUpdate (cbc->ctx, data, &head, data, (int)len), "AES-128-CBC update");
  must (EVP_EncryptFinal_ex (cbc->ctx, data + head, &tail), "AES-128-CBC final");
  return (gsize)(head + tail);
}

GBytes *
he_aes128_cbc_encrypt (const guint8 key[16], const guint8 iv[16], const guint8 *data,
                       gsize len)
{
  g_autoptr (HeCbc) cbc = he_cbc_new (key, iv);
  GByteArray *out;

  g_assert (len <= UPDATE_MAX);
  out = g_byte_array_sized_new ((guint)len + 2 * HE_AES_BLOCK);
  he_cbc_update (cbc, data, len, out);
  he_cbc_finish (cbc, out);
  return g_byte_array_free_to_bytes (out);
}

GBytes *
he_aes128_cbc_decrypt (const guint8 key[16], const guint8 iv[16], const guint8 *data,
                       gsize len, GError **error)
{
  EVP_CIPHER_CTX *ctx;
  guint8 *out;
  int head = 0, tail = 0;
  gboolean ok;

  if (len == 0 || len % HE_AES_BLOCK != 0 || len > UPDATE_MAX) {
    g_set_error (error, HE_ERROR, HE_ERROR_CRYPTO,
                 "%" G_GSIZE_FORMAT " bytes are not a whole number of AES blocks", len);
    return NULL;
  }
  ctx = EVP_CIPHER_CTX_new ();
  must (ctx != NULL, "cipher context");
  out = g_malloc (len + HE_AES_BLOCK);
  must (EVP_DecryptInit_ex2 (ctx, EVP_aes_128_cbc (), key, iv, NULL), "AES-128-CBC");
  must (EVP_DecryptUpdate (ctx, out, &head, data, (int)len), "AES-128-CBC update");
  ok = EVP_DecryptFinal_ex (ctx, out + head, &tail) == 1;
  EVP_CIPHER_CTX_free (ctx);
  if (!ok) {
    g_free (out);
    g_set_error (error, HE_ERROR, HE_ERROR_CRYPTO,
                 "wrong padding: the key or the data is not the right one");
    return NULL;
  }
  return g_bytes_new_take (out, (gsize)(head + tail));
}

GBytes *
he_aead_seal (const HeSecret *key, const guint8 *aad, gsize aad_len, const guint8 *data,
              gsize len)
{
  EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new ();
  guint8 *out;
  int n = 0;

  g_assert (he_secret_len (key) == 32 && aad_len <= UPDATE_MAX && len <= UPDATE_MAX);
  must (ctx != NULL, "cipher context");
  out = g_malloc (len + HE_AEAD_OVERHEAD);
  he_random (out, NONCE_LEN);
  must (EVP_EncryptInit_ex2 (ctx, EVP_aes_256_gcm (), he_secret_data (key), out, NULL),
        "AES-256-GCM");
  if (aad_len > 0)
    must (EVP_EncryptUpdate (ctx, NULL, &n, aad, (int)aad_len), "AES-256-GCM aad");
  if (len > 0)
    must (EVP_EncryptUpdate (ctx, out + NONCE_LEN, &n, data, (int)len),
          "AES-256-GCM update");
  must (EVP_EncryptFinal_ex (ctx, out + NONCE_LEN + len, &n), "AES-256-GCM final");
  must (EVP_CIPHER_CTX_ctrl (ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, out + NONCE_LEN + len),
        "AES-256-GCM tag");
  EVP_CIPHER_CTX_free (ctx);
  return g_bytes_new_take (out, len + HE_AEAD_OVERHEAD);
}

GBytes *
he_aead_open (const HeSecret *key, const guint8 *aad, gsize aad_len, const guint8 *sealed,
              gsize len, GError **error)
{
  EVP_CIPHER_CTX *ctx;
  guint8 tag[TAG_LEN];
  guint8 *out;
  gsize plain;
  int n = 0;
  gboolean ok;

  g_assert (he_secret_len (key) == 32 && aad_len <= UPDATE_MAX);
  if (len < HE_AEAD_OVERHEAD || len > UPDATE_MAX) {
    g_set_error (error, HE_ERROR, HE_ERROR_DENIED,
                 "%" G_GSIZE_FORMAT " bytes cannot be a sealed message", len);
    return NULL;
  }
  plain = len - HE_AEAD_OVERHEAD;
  memcpy (tag, sealed + NONCE_LEN + plain, TAG_LEN);
  out = g_malloc (plain + 1);
  ctx = EVP_CIPHER_CTX_new ();
  must (ctx != NULL, "cipher context");
  must (EVP_DecryptInit_ex2 (ctx, EVP_aes_256_gcm (), he_secret_data (key), sealed, NULL),
        "AES-256-GCM");
  if (aad_len > 0)
    must (EVP_DecryptUpdate (ctx, NULL, &n, aad, (int)aad_len), "AES-256-GCM aad");
  if (plain > 0)
    must (EVP_DecryptUpdate (ctx, out, &n, sealed + NONCE_LEN, (int)plain),
          "AES-256-GCM update");
  must (EVP_CIPHER_CTX_ctrl (ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag),
        "AES-256-GCM tag");
  ok = EVP_DecryptFinal_ex (ctx, out + plain, &n) == 1;
  EVP_CIPHER_CTX_free (ctx);
  if (!ok) {
    OPENSSL_cleanse (out, plain);
    g_free (out);
    g_set_error (error, HE_ERROR, HE_ERROR_DENIED,
                 "not sealed with this key, or altered");
    return NULL;
  }
  return g_bytes_new_take (out, plain);
}

struct _HeKeystream {
  EVP_CIPHER_CTX *ctx;
};

HeKeystream *
he_keystream_new (const guint8 key[32])
{
  static const guint8 zero[16];
  HeKeystream *stream = g_new0 (HeKeystream, 1);

  stream->ctx = EVP_CIPHER_CTX_new ();
  must (stream->ctx != NULL, "cipher context");
  must (EVP_EncryptInit_ex2 (stream->ctx, EVP_aes_256_ctr (), key, zero, NULL),
        "AES-256-CTR");
  return stream;
}

void
he_keystream_free (HeKeystream *stream)
{
  if (stream == NULL)
    return;
  EVP_CIPHER_CTX_free (stream->ctx);
  g_free (stream);
}

void
he_keystream_read (HeKeystream *stream, guint8 *ret_out, gsize len)
{
  int n = 0;

  g_assert (len <= UPDATE_MAX);
  if (len == 0)
    return;
  memset (ret_out, 0, len);
  must (EVP_EncryptUpdate (stream->ctx, ret_out, &n, ret_out, (int)len), "AES-256-CTR");
}
