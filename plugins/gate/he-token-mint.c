/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-token-private.h"

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include "he-codec.h"
#include "he-crypto.h"
#include "he-error.h"
#include "he-json.h"

#define NOT_BEFORE_LAG 30 /* seconds */

/* Coordinates of the public point, base64url. */
static gboolean
public_point (EVP_PKEY *key, char **ret_x, char **ret_y)
{
  guint8 x[HE_P256_BYTES], y[HE_P256_BYTES];
  BIGNUM *bx = NULL, *by = NULL;
  gboolean ok = EVP_PKEY_get_bn_param (key, OSSL_PKEY_PARAM_EC_PUB_X, &bx) == 1
                && EVP_PKEY_get_bn_param (key, OSSL_PKEY_PARAM_EC_PUB_Y, &by) == 1
                && BN_bn2binpad (bx, x, sizeof x) == sizeof x
                && BN_bn2binpad (by, y, sizeof y) == sizeof y;
  BN_free (bx);
  BN_free (by);
  if (!ok)
    return FALSE;
  *ret_x = he_base64url_encode (x, sizeof x);
  *ret_y = he_base64url_encode (y, sizeof y);
  return TRUE;
}

/* RFC 7638 section 3.2: the required members in the order of their names. */
static char *
thumbprint (const char *x, const char *y)
{
  guint8 digest[HE_SHA256_LEN];
  g_autofree char *text = g_strdup_printf (
      "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", x, y);
  he_sha256 ((const guint8 *)text, strlen (text), digest);
  return he_base64url_encode (digest, sizeof digest);
}

static char *
private_to_pem (EVP_PKEY *key)
{
  char *pem = NULL, *data = NULL;
  BIO *bio = BIO_new (BIO_s_mem ());
  if (bio && PEM_write_bio_PKCS8PrivateKey (bio, key, NULL, NULL, 0, NULL, NULL) == 1) {
    long len = BIO_get_mem_data (bio, &data);
    pem = g_strndup (data, len);
    OPENSSL_cleanse (data, len);
  }
  BIO_free (bio);
  return pem;
}

gboolean
he_token_keygen (char **ret_private_pem, char **ret_jwk, GError **error)
{
  g_autofree char *x = NULL, *y = NULL;
  g_autoptr (EVP_PKEY) key = EVP_EC_gen ("P-256");
  char *pem = key && public_point (key, &x, &y) ? private_to_pem (key) : NULL;
  if (!pem) {
    ERR_clear_error ();
    g_set_error (error, HE_ERROR, HE_ERROR_CRYPTO, "no P-256 key could be made");
    return FALSE;
  }
  g_autofree char *kid = thumbprint (x, y);
  HeJsonWriter *writer = he_json_writer_new ();
  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, "kty", "EC");
  he_json_writer_string (writer, "crv", "P-256");
  he_json_writer_string (writer, "x", x);
  he_json_writer_string (writer, "y", y);
  he_json_writer_string (writer, "alg", "ES256");
  he_json_writer_string (writer, "use", "sig");
  he_json_writer_string (writer, "kid", kid);
  *ret_jwk = he_json_writer_end (writer);
  *ret_private_pem = pem;
  return TRUE;
}

/* OpenSSL would ask for the passphrase on the terminal. */
static int
no_passphrase (char *buffer, int size, int writing, void *user_data)
{
  return -1;
}

static EVP_PKEY *
private_from_pem (const char *pem, GError **error)
{
  char group[32] = "";
  BIO *bio = BIO_new_mem_buf (pem, -1);
  g_autoptr (EVP_PKEY) key
      = bio ? PEM_read_bio_PrivateKey (bio, NULL, no_passphrase, NULL) : NULL;
  BIO_free (bio);
  if (!key || !EVP_PKEY_is_a (key, "EC")
      || EVP_PKEY_get_group_name (key, group, sizeof group, NULL) != 1
      || (strcmp (group, "prime256v1") != 0 && strcmp (group, "P-256") != 0)) {
    ERR_clear_error ();
    g_set_error (
        error, HE_ERROR, HE_ERROR_CRYPTO,
        "the signing key is not an unencrypted P-256 private key in PEM; make one "
        "with `headend token keygen --dir DIR`");
    return NULL;
  }
  return g_steal_pointer (&key);
}

/* DER to the fixed-length pair that JWS wants. */
static gboolean
sign_es256 (EVP_PKEY *key, const char *text, guint8 ret_raw[HE_ES256_BYTES])
{
  guint8 der[128];
  gsize der_len = sizeof der;
  const guchar *p = der;
  g_autoptr (EVP_MD_CTX) ctx = EVP_MD_CTX_new ();
  if (!ctx || EVP_DigestSignInit_ex (ctx, NULL, "SHA256", NULL, NULL, key, NULL) != 1
      || EVP_DigestSign (ctx, der, &der_len, (const guchar *)text, strlen (text)) != 1)
    return FALSE;
  ECDSA_SIG *pair = d2i_ECDSA_SIG (NULL, &p, (long)der_len);
  gboolean ok
      = pair
        && BN_bn2binpad (ECDSA_SIG_get0_r (pair), ret_raw, HE_P256_BYTES) == HE_P256_BYTES
        && BN_bn2binpad (ECDSA_SIG_get0_s (pair), ret_raw + HE_P256_BYTES, HE_P256_BYTES)
               == HE_P256_BYTES;
  ECDSA_SIG_free (pair);
  return ok;
}

/* Matches the path alone, as our gate sees it, and the absolute URI, as other verifiers
 * of RFC 9246 do. Names need no escapes. */
static char *
uri_container (const char *const *channels)
{
  g_autofree char *names = g_strjoinv ("|", (char **)channels);
  if (strcmp (names, "*") == 0)
    return g_strdup ("regex:([^:]*://[^/]*)?/live/.*");
  return g_strdup_printf ("regex:([^:]*://[^/]*)?/live/(%s)/.*", names);
}

static gboolean
check_request (const HeTokenRequest *request, GError **error)
{
  if (!he_account_is_valid (request->account)) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "an account has 1 to %d bytes of UTF-8 without control characters",
                 HE_ACCOUNT_MAX);
    return FALSE;
  }
  if (!he_rights_are_valid (request->channels)) {
    g_set_error (
        error, HE_ERROR, HE_ERROR_INVALID,
        "a token names 1 to %d channels of letters, digits, '_' and '-' (at most %d "
        "bytes together), or \"*\" alone",
        HE_RIGHTS_MAX, HE_RIGHTS_BYTES_MAX);
    return FALSE;
  }
  if (request->ttl_seconds == 0 || request->max_sessions > 1000
      || request->session_seconds > G_MAXINT32) {
    g_set_error (
        error, HE_ERROR, HE_ERROR_INVALID,
        "a token lives at least a second, and allows at most 1000 sessions of at "
        "most %d seconds",
        G_MAXINT32);
    return FALSE;
  }
  return TRUE;
}

static char *
claims_to_json (const HeTokenRequest *request)
{
  guint8 id[16];
  he_random (id, sizeof id);
  g_autofree char *tid = he_base64url_encode (id, sizeof id);
  g_autofree char *container = uri_container (request->channels);
  HeJsonWriter *writer = he_json_writer_new ();
  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, "iss", request->issuer);
  he_json_writer_string (writer, "aud", request->audience);
  he_json_writer_int64 (writer, "exp", request->now + request->ttl_seconds);
  he_json_writer_int64 (writer, "nbf", request->now - NOT_BEFORE_LAG);
  he_json_writer_int64 (writer, "iat", request->now);
  he_json_writer_uint64 (writer, "cdniv", 1);
  he_json_writer_string (writer, "cdniuc", container);
  he_json_writer_string (writer, "headend_tid", tid);
  he_json_writer_string (writer, "headend_acc", request->account);
  he_json_writer_open_array (writer, "headend_rights");
  for (guint i = 0; request->channels[i]; i++)
    he_json_writer_string (writer, NULL, request->channels[i]);
  he_json_writer_close (writer);
  if (request->max_sessions)
    he_json_writer_uint64 (writer, "headend_max", request->max_sessions);
  if (request->session_seconds)
    he_json_writer_uint64 (writer, "headend_len", request->session_seconds);
  if (request->address_hash) {
    g_autofree char *ip = he_base64url_encode (request->address_hash, 16);
    he_json_writer_string (writer, "headend_ip", ip);
  }
  return he_json_writer_end (writer);
}

static char *
header_to_json (const char *kid)
{
  HeJsonWriter *writer = he_json_writer_new ();
  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, "alg", "ES256");
  he_json_writer_string (writer, "typ", "JWT");
  he_json_writer_string (writer, "kid", kid);
  return he_json_writer_end (writer);
}

char *
he_token_mint (const char *private_pem, const HeTokenRequest *request, GError **error)
{
  g_autofree char *x = NULL, *y = NULL;
  if (!check_request (request, error))
    return NULL;
  g_autoptr (EVP_PKEY) key = private_from_pem (private_pem, error);
  if (!key)
    return NULL;
  if (!public_point (key, &x, &y)) {
    g_set_error (error, HE_ERROR, HE_ERROR_CRYPTO, "the signing key has no public point");
    return NULL;
  }
  g_autofree char *kid = thumbprint (x, y);
  g_autofree char *header = header_to_json (kid);
  g_autofree char *claims = claims_to_json (request);
  g_autofree char *header64 = he_base64url_encode ((guint8 *)header, strlen (header));
  g_autofree char *claims64 = he_base64url_encode ((guint8 *)claims, strlen (claims));
  g_autofree char *text = g_strconcat (header64, ".", claims64, NULL);
  guint8 raw[HE_ES256_BYTES];
  if (!sign_es256 (key, text, raw)) {
    ERR_clear_error ();
    g_set_error (error, HE_ERROR, HE_ERROR_CRYPTO, "the token could not be signed");
    return NULL;
  }
  g_autofree char *signature = he_base64url_encode (raw, sizeof raw);
  char *token = g_strconcat (text, ".", signature, NULL);
  if (strlen (token) > HE_TOKEN_MAX_BYTES) {
    g_free (token);
    g_set_error (error, HE_ERROR, HE_ERROR_LIMIT,
                 "the token is longer than %d bytes; name fewer channels",
                 HE_TOKEN_MAX_BYTES);
    return NULL;
  }
  return token;
}
