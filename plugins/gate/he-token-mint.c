/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-token-private.h"

#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include "he-codec.h"
#include "he-crypto.h"
#include "he-error.h"
#include "he-json.h"
#include "he-secret.h"

#define NOT_BEFORE_LAG 30 /* seconds */
#define MAX_JWK 4096
#define MAX_PRIVATE_KEY 16384

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
he_token_keygen (const char *algorithm, char **ret_private, char **ret_jwk,
                 GError **error)
{
  HeTokenAlgorithms bit = 0;
  const char *names[] = { algorithm, NULL };
  if (!he_token_algorithms_parse (names, &bit, error))
    return FALSE;
  const HeTokenAlgorithm *found = he_token_algorithm_find (algorithm);
  g_autoptr (EVP_PKEY) key = found->generate ();
  g_autofree char *kid = key ? he_token_jwk_kid (found, key) : NULL;
  char *jwk = kid ? he_token_jwk_write (found, key, kid) : NULL;
  char *private = !jwk ? NULL : bit == HE_TOKEN_HS256 ? g_strdup (jwk)
                                                      : private_to_pem (key);
  if (!private) {
    he_string_wipe_free (jwk);
    ERR_clear_error ();
    g_set_error (error, HE_ERROR, HE_ERROR_CRYPTO, "no key for %s could be made",
                 algorithm);
    return FALSE;
  }
  *ret_jwk = jwk;
  *ret_private = private;
  return TRUE;
}

/* OpenSSL would ask for the passphrase on the terminal. */
static int
no_passphrase (char *buffer, int size, int writing, void *user_data)
{
  return -1;
}

/* What signs: a key, its algorithm and its name. */
typedef struct {
  EVP_PKEY *key;
  const HeTokenAlgorithm *algorithm;
  char *kid;
} Signer;

static void
signer_clear (Signer *signer)
{
  EVP_PKEY_free (signer->key);
  g_free (signer->kid);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Signer, signer_clear)

static const char *
default_algorithm (EVP_PKEY *key)
{
  char group[32] = "";
  if (EVP_PKEY_is_a (key, "ED25519"))
    return "EdDSA";
  if (EVP_PKEY_is_a (key, "RSA"))
    return "RS256";
  if (EVP_PKEY_is_a (key, "EC")
      && EVP_PKEY_get_group_name (key, group, sizeof group, NULL) == 1
      && (strcmp (group, "prime256v1") == 0 || strcmp (group, "P-256") == 0))
    return "ES256";
  return NULL;
}

static gboolean
signer_from_pem (Signer *signer, const char *pem, GError **error)
{
  BIO *bio = BIO_new_mem_buf (pem, -1);
  signer->key = bio ? PEM_read_bio_PrivateKey (bio, NULL, no_passphrase, NULL) : NULL;
  BIO_free (bio);
  signer->algorithm
      = he_token_algorithm_find (signer->key ? default_algorithm (signer->key) : NULL);
  gboolean weak = signer->algorithm && strcmp (signer->algorithm->kty, "RSA") == 0
                  && EVP_PKEY_get_bits (signer->key) < HE_TOKEN_RSA_BITS_MIN;
  if (signer->algorithm && !weak
      && EVP_PKEY_get_size (signer->key) <= HE_TOKEN_SIGNATURE_MAX)
    return TRUE;
  ERR_clear_error ();
  g_set_error (error, HE_ERROR, HE_ERROR_CRYPTO,
               "the signing key is not an unencrypted private key in PEM of P-256, "
               "Ed25519 or RSA of 2048 to 4096 bits; make one with `headend token keygen "
               "--dir DIR`");
  return FALSE;
}

static gboolean
signer_from_jwk (Signer *signer, const char *text, GError **error)
{
  const char *kty = NULL, *kid = NULL;
  g_autoptr (HeJson) jwk = he_json_parse (text, -1, MAX_JWK, 4, error);
  if (!jwk || !he_json_get_string (jwk, "kty", TRUE, &kty, error)
      || !he_json_get_string (jwk, "kid", TRUE, &kid, error))
    return FALSE;
  if (strcmp (kty, "oct") != 0)
    return he_json_set_error (error, jwk,
                              "a signing key in JWK is a secret (kty oct); give other "
                              "keys in PEM");
  signer->algorithm = he_token_algorithm_find ("HS256");
  signer->kid = g_strdup (kid);
  signer->key = he_token_jwk_read (jwk, signer->algorithm, error);
  return signer->key != NULL;
}

static gboolean
signer_choose (Signer *signer, const char *algorithm, GError **error)
{
  const HeTokenAlgorithm *wanted = he_token_algorithm_find (algorithm);
  if (algorithm && (!wanted || strcmp (wanted->kty, signer->algorithm->kty) != 0)) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "the signing key is for %s, it cannot sign with %s",
                 signer->algorithm->name, algorithm);
    return FALSE;
  }
  if (wanted)
    signer->algorithm = wanted;
  if (!signer->kid)
    signer->kid = he_token_jwk_kid (signer->algorithm, signer->key);
  if (!signer->kid)
    g_set_error (error, HE_ERROR, HE_ERROR_CRYPTO, "the signing key has no public key");
  return signer->kid != NULL;
}

static gboolean
signer_read (Signer *signer, const char *private_key, const char *algorithm,
             GError **error)
{
  gboolean is_jwk = *private_key == '{';
  return (is_jwk ? signer_from_jwk (signer, private_key, error)
                 : signer_from_pem (signer, private_key, error))
         && signer_choose (signer, algorithm, error);
}

char *
he_token_kid (const char *private_key, const char *algorithm, GError **error)
{
  g_auto (Signer) signer = { 0 };
  return signer_read (&signer, private_key, algorithm, error)
             ? g_steal_pointer (&signer.kid)
             : NULL;
}

char *
he_token_public_jwk (const char *private_key, const char *algorithm, GError **error)
{
  g_auto (Signer) signer = { 0 };
  if (!signer_read (&signer, private_key, algorithm, error))
    return NULL;
  char *jwk = he_token_jwk_write (signer.algorithm, signer.key, signer.kid);
  if (!jwk)
    g_set_error (error, HE_ERROR, HE_ERROR_CRYPTO, "the signing key has no public key");
  return jwk;
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
header_to_json (const Signer *signer)
{
  HeJsonWriter *writer = he_json_writer_new ();
  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, "alg", signer->algorithm->name);
  he_json_writer_string (writer, "typ", "JWT");
  he_json_writer_string (writer, "kid", signer->kid);
  return he_json_writer_end (writer);
}

char *
he_token_mint (const char *private_key, const HeTokenRequest *request, GError **error)
{
  g_auto (Signer) signer = { 0 };
  if (!check_request (request, error)
      || !signer_read (&signer, private_key, request->algorithm, error))
    return NULL;
  g_autofree char *header = header_to_json (&signer);
  g_autofree char *claims = claims_to_json (request);
  g_autofree char *header64 = he_base64url_encode ((guint8 *)header, strlen (header));
  g_autofree char *claims64 = he_base64url_encode ((guint8 *)claims, strlen (claims));
  g_autofree char *text = g_strconcat (header64, ".", claims64, NULL);
  guint8 raw[HE_TOKEN_SIGNATURE_MAX];
  gsize raw_len = 0;
  if (!he_token_algorithm_sign (signer.algorithm, signer.key, text, strlen (text), raw,
                                &raw_len)) {
    g_set_error (error, HE_ERROR, HE_ERROR_CRYPTO, "the token could not be signed");
    return NULL;
  }
  g_autofree char *signature = he_base64url_encode (raw, raw_len);
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

char *
he_token_url (const char *base, const char *channel, const char *token, guint kind)
{
  int len = (int)strlen (base);
  while (len && base[len - 1] == '/')
    len--;
  const char *more = kind & HE_TOKEN_URL_PATH ? "&transport=path" : "";
  return kind & HE_TOKEN_URL_PAGE
             ? g_strdup_printf ("%.*s/watch/%s#URISigningPackage=%s%s", len, base, channel,
                                token, more)
             : g_strdup_printf ("%.*s/live/%s/main.m3u8?URISigningPackage=%s%s", len, base,
                                channel, token, more);
}

/* One that others can read is as good as published. */
HeSecret *
he_token_private_key_load (const char *path, GError **error)
{
  gboolean private = FALSE;
  g_autoptr (HeSecret) key = he_secret_read_file (path, MAX_PRIVATE_KEY, &private, error);
  if (!key)
    g_prefix_error (error, "no key as `headend token keygen --dir DIR` makes: ");
  if (!key || private)
    return g_steal_pointer (&key);
  g_set_error (error, HE_ERROR, HE_ERROR_DENIED,
               "%s: others may read or write this key; mend it with `chmod 600` and "
               "think of a new key",
               path);
  return NULL;
}
