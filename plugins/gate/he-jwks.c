/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-token-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include "he-codec.h"
#include "he-error.h"
#include "he-json.h"

#define MAX_KEYS 64
#define MAX_FILE (64 * 1024)
#define MAX_KID 128

struct _HeTokenKeys {
  char *path;         /* NULL: from text */
  GRWLock lock;       /* guards by_kid, which reload swaps */
  GHashTable *by_kid; /* kid -> EVP_PKEY; every key is for ES256 */
  struct stat seen;   /* of the file, when he_token_keys_changed() last looked */
};

/* A point given by its coordinates, checked to be on the curve: a JWKS from elsewhere
 * must not smuggle in a weak key. */
static EVP_PKEY *
p256_from_point (const guint8 x[HE_P256_BYTES], const guint8 y[HE_P256_BYTES])
{
  guint8 point[1 + 2 * HE_P256_BYTES] = { 0x04 };
  memcpy (point + 1, x, HE_P256_BYTES);
  memcpy (point + 1 + HE_P256_BYTES, y, HE_P256_BYTES);
  OSSL_PARAM params[] = {
    OSSL_PARAM_construct_utf8_string (OSSL_PKEY_PARAM_GROUP_NAME, (char *)"prime256v1",
                                      0),
    OSSL_PARAM_construct_octet_string (OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
    OSSL_PARAM_construct_end (),
  };
  EVP_PKEY *loaded = NULL;
  g_autoptr (EVP_PKEY_CTX) make = EVP_PKEY_CTX_new_from_name (NULL, "EC", NULL);
  if (!make || EVP_PKEY_fromdata_init (make) != 1
      || EVP_PKEY_fromdata (make, &loaded, EVP_PKEY_PUBLIC_KEY, params) != 1)
    return NULL;
  g_autoptr (EVP_PKEY) key = loaded;
  g_autoptr (EVP_PKEY_CTX) check = EVP_PKEY_CTX_new_from_pkey (NULL, key, NULL);
  if (!check || EVP_PKEY_public_check (check) != 1)
    return NULL;
  return g_steal_pointer (&key);
}

static gboolean
read_coordinate (const HeJson *jwk, const char *name, guint8 ret_out[HE_P256_BYTES],
                 GError **error)
{
  const char *text = NULL;
  gsize len = 0;
  if (!he_json_get_string (jwk, name, TRUE, &text, error))
    return FALSE;
  if (!he_base64url_decode (text, strlen (text), ret_out, HE_P256_BYTES, &len)
      || len != HE_P256_BYTES)
    return he_json_set_error (error, jwk, "\"%s\" is not 32 bytes in base64url", name);
  return TRUE;
}

/* RFC 7517 section 5: keys of kinds and for uses that we do not serve are passed over. */
static gboolean
is_for_us (const HeJson *jwk, GError **error)
{
  const char *kty = NULL, *crv = NULL, *alg = NULL, *use = NULL;
  if (!he_json_get_string (jwk, "kty", TRUE, &kty, error)
      || !he_json_get_string (jwk, "crv", FALSE, &crv, error)
      || !he_json_get_string (jwk, "alg", FALSE, &alg, error)
      || !he_json_get_string (jwk, "use", FALSE, &use, error))
    return FALSE;
  if (strcmp (kty, "EC") != 0 || g_strcmp0 (crv, "P-256") != 0
      || (alg && strcmp (alg, "ES256") != 0) || (use && strcmp (use, "sig") != 0))
    return FALSE;
  const HeJson *ops = he_json_member (jwk, "key_ops");
  if (!ops)
    return TRUE;
  if (he_json_type (ops) != HE_JSON_ARRAY)
    return he_json_set_error (error, ops, "\"key_ops\" must be an array");
  for (guint i = 0; i < he_json_length (ops); i++) {
    const HeJson *op = he_json_element (ops, i);
    if (he_json_type (op) == HE_JSON_STRING
        && strcmp (he_json_string (op), "verify") == 0)
      return TRUE;
  }
  return FALSE;
}

static gboolean
add_key (GHashTable *by_kid, const HeJson *jwk, GError **error)
{
  if (he_json_type (jwk) != HE_JSON_OBJECT)
    return he_json_set_error (error, jwk, "a key must be an object");
  if (he_json_member (jwk, "d"))
    return he_json_set_error (error, jwk,
                              "this is a private key; a JWKS file holds public keys, so "
                              "remove the member \"d\" and make a new key pair");
  GError *local = NULL;
  if (!is_for_us (jwk, &local)) {
    if (!local)
      return TRUE;
    g_propagate_error (error, local);
    return FALSE;
  }
  const char *kid = NULL;
  guint8 x[HE_P256_BYTES], y[HE_P256_BYTES];
  if (!he_json_get_string (jwk, "kid", TRUE, &kid, error)
      || !read_coordinate (jwk, "x", x, error) || !read_coordinate (jwk, "y", y, error))
    return FALSE;
  if (!*kid || strlen (kid) > MAX_KID)
    return he_json_set_error (error, jwk, "\"kid\" must have 1 to %d bytes", MAX_KID);
  if (g_hash_table_contains (by_kid, kid))
    return he_json_set_error (error, jwk, "the kid \"%s\" is used twice", kid);
  EVP_PKEY *key = p256_from_point (x, y);
  if (!key)
    return he_json_set_error (error, jwk, "\"x\" and \"y\" are not a point of P-256");
  g_hash_table_insert (by_kid, g_strdup (kid), key);
  return TRUE;
}

static GHashTable *
parse_jwks (const char *text, gssize len, GError **error)
{
  g_autoptr (HeJson) root = he_json_parse (text, len, MAX_FILE, 8, error);
  if (!root)
    return NULL;
  const HeJson *list
      = he_json_type (root) == HE_JSON_OBJECT ? he_json_member (root, "keys") : NULL;
  if (!list || he_json_type (list) != HE_JSON_ARRAY) {
    he_json_set_error (error, root, "a JWKS is an object with an array \"keys\"");
    return NULL;
  }
  if (he_json_length (list) > MAX_KEYS) {
    g_set_error (error, HE_ERROR, HE_ERROR_LIMIT, "%u keys, at most %d are taken",
                 he_json_length (list), MAX_KEYS);
    return NULL;
  }
  g_autoptr (GHashTable) by_kid = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                                         (GDestroyNotify)EVP_PKEY_free);
  for (guint i = 0; i < he_json_length (list); i++)
    if (!add_key (by_kid, he_json_element (list, i), error))
      return NULL;
  if (g_hash_table_size (by_kid) == 0) {
    he_json_set_error (error, list,
                       "no key for ES256 (kty EC, crv P-256); make one with `headend "
                       "token keygen --dir DIR`");
    return NULL;
  }
  return g_steal_pointer (&by_kid);
}

/* Bounded, and only from a regular file: a pipe or a device must not stall a reload. */
static char *
read_file (const char *path, gsize *ret_len, GError **error)
{
  struct stat st;
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 || fstat (fd, &st) != 0) {
    g_set_error (error, HE_ERROR, errno == ENOENT ? HE_ERROR_NOT_FOUND : HE_ERROR_IO,
                 "%s: %s; `headend token keygen --dir DIR` writes a tokens.jwks", path,
                 g_strerror (errno));
    if (fd >= 0)
      close (fd);
    return NULL;
  }
  if (!S_ISREG (st.st_mode) || st.st_size > MAX_FILE) {
    g_set_error (error, HE_ERROR, HE_ERROR_LIMIT,
                 "%s: a JWKS file is a regular file of at most %d bytes", path, MAX_FILE);
    close (fd);
    return NULL;
  }
  g_autofree char *text = g_malloc (MAX_FILE + 1);
  gsize len = 0;
  gssize n;
  do {
    n = read (fd, text + len, MAX_FILE - len);
    if (n > 0)
      len += n;
  } while ((n > 0 && len < MAX_FILE) || (n < 0 && errno == EINTR));
  int read_errno = errno;
  close (fd);
  if (n < 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", path, g_strerror (read_errno));
    return NULL;
  }
  text[len] = '\0';
  *ret_len = len;
  return g_steal_pointer (&text);
}

static GHashTable *
load_jwks (const char *path, GError **error)
{
  gsize len = 0;
  g_autofree char *text = read_file (path, &len, error);
  if (!text)
    return NULL;
  GHashTable *by_kid = parse_jwks (text, len, error);
  if (!by_kid)
    g_prefix_error (error, "%s: ", path);
  return by_kid;
}

static HeTokenKeys *
keys_new (const char *path, GHashTable *by_kid)
{
  HeTokenKeys *keys = g_new0 (HeTokenKeys, 1);
  keys->path = g_strdup (path);
  keys->by_kid = by_kid;
  g_rw_lock_init (&keys->lock);
  return keys;
}

HeTokenKeys *
he_token_keys_load (const char *jwks_path, GError **error)
{
  GHashTable *by_kid = load_jwks (jwks_path, error);
  if (!by_kid)
    return NULL;
  HeTokenKeys *keys = keys_new (jwks_path, by_kid);
  if (stat (jwks_path, &keys->seen) != 0)
    memset (&keys->seen, 0, sizeof keys->seen);
  return keys;
}

gboolean
he_token_keys_changed (HeTokenKeys *keys)
{
  struct stat st;
  if (!keys->path || stat (keys->path, &st) != 0)
    return FALSE; /* a file on its way is looked at again */
  gboolean same = st.st_dev == keys->seen.st_dev && st.st_ino == keys->seen.st_ino
                  && st.st_size == keys->seen.st_size
                  && st.st_mtim.tv_sec == keys->seen.st_mtim.tv_sec
                  && st.st_mtim.tv_nsec == keys->seen.st_mtim.tv_nsec;
  keys->seen = st;
  return !same;
}

HeTokenKeys *
he_token_keys_parse (const char *jwks, gssize len, GError **error)
{
  GHashTable *by_kid = parse_jwks (jwks, len, error);
  return by_kid ? keys_new (NULL, by_kid) : NULL;
}

gboolean
he_token_keys_reload (HeTokenKeys *keys, GError **error)
{
  if (!keys->path)
    return TRUE;
  GHashTable *fresh = load_jwks (keys->path, error);
  if (!fresh)
    return FALSE;
  g_rw_lock_writer_lock (&keys->lock);
  g_autoptr (GHashTable) old = keys->by_kid;
  keys->by_kid = fresh;
  g_rw_lock_writer_unlock (&keys->lock);
  return TRUE;
}

void
he_token_keys_free (HeTokenKeys *keys)
{
  if (!keys)
    return;
  g_hash_table_unref (keys->by_kid);
  g_rw_lock_clear (&keys->lock);
  g_free (keys->path);
  g_free (keys);
}

EVP_PKEY *
he_token_keys_find (HeTokenKeys *keys, const char *kid, const char *alg)
{
  if (strcmp (alg, "ES256") != 0)
    return NULL;
  g_rw_lock_reader_lock (&keys->lock);
  EVP_PKEY *key = g_hash_table_lookup (keys->by_kid, kid);
  if (key)
    EVP_PKEY_up_ref (key);
  g_rw_lock_reader_unlock (&keys->lock);
  return key;
}
