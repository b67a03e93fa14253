/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-token-private.h"

#include <string.h>
#include <sys/stat.h>
#include "he-error.h"
#include "he-json.h"
#include "he-secret.h"

#define MAX_KEYS 64
#define MAX_FILE (64 * 1024)
#define MAX_KID 128

struct _HeTokenKeys {
  char *path; /* NULL: from text */
  HeTokenAlgorithms accepted;
  GRWLock lock;        /* guards by_name, which reload swaps */
  GHashTable *by_name; /* name_of() its algorithm and kid -> Key */
  char *passed_over;   /* NULL: nothing was */
  HeTokenSeen *good;
  struct stat seen;   /* of the file, when he_token_keys_changed() last looked */
};

/* One key, one algorithm (RFC 8725 section 3.1). */
typedef struct {
  const HeTokenAlgorithm *algorithm;
  EVP_PKEY *key;
  gint64 end; /* unix seconds */
} Key;

static void
key_free (Key *key)
{
  EVP_PKEY_free (key->key);
  g_free (key);
}

/* Keys of different kinds may share a kid (RFC 7517 section 4.5). */
static char *
name_of (const HeTokenAlgorithm *algorithm, const char *kid)
{
  return g_strconcat (algorithm->name, " ", kid, NULL);
}

/* Of those accepted the one that a key is for, or NULL. What an EC or OKP key says by its
 * curve and a secret by its kind, an RSA key must say where both of its algorithms are
 * accepted: *ret_count is 2. */
static const HeTokenAlgorithm *
algorithm_of (HeTokenAlgorithms accepted, const char *kty, const char *crv,
              const char *alg, guint *ret_count)
{
  const HeTokenAlgorithm *found = NULL;
  *ret_count = 0;
  for (const char *const *name = he_token_algorithm_names (); *name; name++) {
    const HeTokenAlgorithm *algorithm = he_token_algorithm_find (*name);
    if ((accepted & he_token_algorithm_bit (algorithm))
        && strcmp (algorithm->kty, kty) == 0
        && (!algorithm->crv || g_strcmp0 (algorithm->crv, crv) == 0)
        && (!alg || he_token_algorithm_find (alg) == algorithm)) {
      found = algorithm;
      (*ret_count)++;
    }
  }
  return found;
}

/* Operations of RFC 7517 section 4.3 that are none of a key whose "use" is "sig". */
static gboolean
is_of_other_use (const char *op)
{
  static const char *const others[]
      = { "encrypt", "decrypt", "wrapKey", "unwrapKey", "deriveKey", "deriveBits", NULL };
  return g_strv_contains (others, op);
}

static gboolean
is_for_verifying (const HeJson *jwk, gboolean *ret_is, GError **error)
{
  const char *use = NULL;
  const HeJson *ops = he_json_member (jwk, "key_ops");
  *ret_is = FALSE;
  if (!he_json_get_string (jwk, "use", FALSE, &use, error))
    return FALSE;
  if (use && strcmp (use, "sig") != 0)
    return TRUE;
  *ret_is = !ops;
  if (!ops)
    return TRUE;
  if (he_json_type (ops) != HE_JSON_ARRAY)
    return he_json_set_error (error, ops, "\"key_ops\" must be an array");
  for (guint i = 0; i < he_json_length (ops); i++) {
    const HeJson *op = he_json_element (ops, i);
    if (he_json_type (op) != HE_JSON_STRING)
      return he_json_set_error (error, op, "\"key_ops\" must hold strings");
    for (guint j = 0; j < i; j++)
      if (strcmp (he_json_string (he_json_element (ops, j)), he_json_string (op)) == 0)
        return he_json_set_error (error, op, "stands a second time in \"key_ops\"");
    if (use && is_of_other_use (he_json_string (op)))
      return he_json_set_error (error, op, "in \"key_ops\" contradicts the \"use\"");
    *ret_is |= strcmp (he_json_string (op), "verify") == 0;
  }
  return TRUE;
}

/* RFC 7518 sections 6.2.2 and 6.3.2, and RFC 8037 section 2. */
static gboolean
is_private (const HeJson *jwk)
{
  static const char *const members[] = { "d", "p", "q", "dp", "dq", "qi", "oth" };
  for (guint i = 0; i < G_N_ELEMENTS (members); i++)
    if (he_json_member (jwk, members[i]))
      return TRUE;
  return FALSE;
}

/* *ret_algorithm is NULL for a key of a kind, for a use or an algorithm that is not ours.
 */
static gboolean
find_algorithm (const HeJson *jwk, HeTokenAlgorithms accepted,
                const HeTokenAlgorithm **ret_algorithm, GError **error)
{
  const char *kty = NULL, *crv = NULL, *alg = NULL;
  gboolean verifies = FALSE;
  guint count = 0;
  *ret_algorithm = NULL;
  if (!he_json_get_string (jwk, "kty", TRUE, &kty, error)
      || !he_json_get_string (jwk, "crv", FALSE, &crv, error)
      || !he_json_get_string (jwk, "alg", FALSE, &alg, error)
      || !is_for_verifying (jwk, &verifies, error))
    return FALSE;
  if (!verifies)
    return TRUE;
  *ret_algorithm = algorithm_of (accepted, kty, crv, alg, &count);
  return count < 2
         || he_json_set_error (error, jwk,
                               "an RSA key must say its \"alg\", RS256 or PS256: one key "
                               "has one algorithm");
}

/* *ret_key is NULL for a key that is not for us; FALSE for one that cannot be used. */
static gboolean
read_key (const HeJson *jwk, HeTokenAlgorithms accepted, Key **ret_key, char **ret_name,
          GError **error)
{
  const HeTokenAlgorithm *algorithm = NULL;
  const char *kid = NULL;
  guint64 end = G_MAXINT64; /* of keys that a rotation has replaced */
  if (!find_algorithm (jwk, accepted, &algorithm, error))
    return FALSE;
  *ret_key = NULL;
  if (!algorithm)
    return TRUE;
  if (!he_json_get_string (jwk, "kid", TRUE, &kid, error))
    return FALSE;
  if (!*kid || strlen (kid) > MAX_KID)
    return he_json_set_error (error, jwk, "\"kid\" must have 1 to %d bytes", MAX_KID);
  if (!he_json_get_uint64 (jwk, "exp", FALSE, G_MAXINT64, &end, error))
    return FALSE;
  EVP_PKEY *key = he_token_jwk_read (jwk, algorithm, error);
  if (!key)
    return FALSE;
  *ret_key = g_new (Key, 1);
  **ret_key = (Key) { algorithm, key, (gint64)end };
  *ret_name = name_of (algorithm, kid);
  return TRUE;
}

/* RFC 7517 section 5: what is not understood, lacks members or is out of range is passed
 * over, and *unusable says why. FALSE for what no set of public keys may hold. */
static gboolean
add_key (GHashTable *by_name, const HeJson *jwk, HeTokenAlgorithms accepted,
         GError **unusable, GError **error)
{
  Key *key = NULL;
  g_autofree char *name = NULL;
  if (he_json_type (jwk) != HE_JSON_OBJECT)
    return he_json_set_error (error, jwk, "a key must be an object");
  if (is_private (jwk))
    return he_json_set_error (
        error, jwk,
        "this is a private key; a JWKS file holds public keys, so "
        "remove the members \"d\", \"p\", \"q\" and their like, and "
        "make a new key pair");
  if (!read_key (jwk, accepted, &key, &name, unusable) || !key)
    return TRUE;
  if (g_hash_table_contains (by_name, name)) {
    key_free (key);
    return he_json_set_error (error, jwk, "this kid is used twice (%s)", name);
  }
  g_hash_table_insert (by_name, g_steal_pointer (&name), key);
  return TRUE;
}

static char *
names_of (HeTokenAlgorithms accepted)
{
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  for (const char *const *name = he_token_algorithm_names (); *name; name++)
    if (accepted & he_token_algorithm_bit (he_token_algorithm_find (*name)))
      g_strv_builder_add (list, *name);
  g_auto (GStrv) names = g_strv_builder_end (list);
  return g_strjoinv (", ", names);
}

static GHashTable *
parse_jwks (const char *text, gssize len, HeTokenAlgorithms accepted,
            char **ret_passed_over, GError **error)
{
  g_autoptr (GError) unusable = NULL;
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
  g_autoptr (GHashTable) by_name
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)key_free);
  for (guint i = 0; i < he_json_length (list); i++)
    if (!add_key (by_name, he_json_element (list, i), accepted,
                  unusable ? NULL : &unusable, error))
      return NULL;
  if (g_hash_table_size (by_name) == 0 && unusable) {
    g_propagate_error (error, g_steal_pointer (&unusable));
    return NULL;
  }
  if (g_hash_table_size (by_name) == 0) {
    g_autofree char *names = names_of (accepted);
    he_json_set_error (error, list,
                       "no key for %s among them; make one with `headend token keygen "
                       "--dir DIR`, or accept another algorithm",
                       names);
    return NULL;
  }
  *ret_passed_over = unusable ? g_strdup (unusable->message) : NULL;
  return g_steal_pointer (&by_name);
}

static gboolean
holds_secret (GHashTable *by_name)
{
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, by_name);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (he_token_algorithm_bit (((Key *)value)->algorithm) == HE_TOKEN_HS256)
      return TRUE;
  return FALSE;
}

static GHashTable *
load_jwks (const char *path, HeTokenAlgorithms accepted, char **ret_passed_over,
           GError **error)
{
  g_autofree char *passed_over = NULL;
  gboolean private = FALSE;
  g_autoptr (HeSecret) text = he_secret_read_file (path, MAX_FILE, &private, error);
  if (!text) {
    g_prefix_error (error, "no tokens.jwks as `headend token keygen --dir DIR` writes: ");
    return NULL;
  }
  g_autoptr (GHashTable) by_name
      = parse_jwks ((const char *)he_secret_data (text), (gssize)he_secret_len (text),
                    accepted, &passed_over, error);
  if (!by_name) {
    g_prefix_error (error, "%s: ", path);
    return NULL;
  }
  if (!private && holds_secret (by_name)) {
    g_set_error (error, HE_ERROR, HE_ERROR_DENIED,
                 "%s: others may read or write this file, and its HS256 key can sign "
                 "tokens; mend it with `chmod 600` and think of a new key",
                 path);
    return NULL;
  }
  *ret_passed_over = g_steal_pointer (&passed_over);
  return g_steal_pointer (&by_name);
}

static HeTokenKeys *
keys_new (const char *path, HeTokenAlgorithms accepted, GHashTable *by_name,
          char *passed_over)
{
  HeTokenKeys *keys = g_new0 (HeTokenKeys, 1);
  keys->path = g_strdup (path);
  keys->accepted = accepted;
  keys->by_name = by_name;
  keys->passed_over = passed_over;
  keys->good = he_token_seen_new ();
  g_rw_lock_init (&keys->lock);
  return keys;
}

HeTokenKeys *
he_token_keys_load (const char *jwks_path, HeTokenAlgorithms accepted, GError **error)
{
  char *passed_over = NULL;
  GHashTable *by_name = load_jwks (jwks_path, accepted, &passed_over, error);
  if (!by_name)
    return NULL;
  HeTokenKeys *keys = keys_new (jwks_path, accepted, by_name, passed_over);
  if (stat (jwks_path, &keys->seen) != 0)
    memset (&keys->seen, 0, sizeof keys->seen);
  return keys;
}

gboolean
he_token_keys_changed (HeTokenKeys *keys)
{
  struct stat st;
  if (!keys->path)
    return FALSE;
  if (stat (keys->path, &st) != 0)
    memset (&st, 0, sizeof st); /* gone: another one, too */
  gboolean same = st.st_dev == keys->seen.st_dev && st.st_ino == keys->seen.st_ino
                  && st.st_size == keys->seen.st_size
                  && st.st_mtim.tv_sec == keys->seen.st_mtim.tv_sec
                  && st.st_mtim.tv_nsec == keys->seen.st_mtim.tv_nsec;
  keys->seen = st;
  return !same;
}

HeTokenKeys *
he_token_keys_parse (const char *jwks, gssize len, HeTokenAlgorithms accepted,
                     GError **error)
{
  char *passed_over = NULL;
  GHashTable *by_name = parse_jwks (jwks, len, accepted, &passed_over, error);
  return by_name ? keys_new (NULL, accepted, by_name, passed_over) : NULL;
}

gboolean
he_token_keys_reload (HeTokenKeys *keys, GError **error)
{
  if (!keys->path)
    return TRUE;
  char *passed_over = NULL;
  GHashTable *fresh = load_jwks (keys->path, keys->accepted, &passed_over, error);
  if (!fresh)
    return FALSE;
  g_free (keys->passed_over);
  keys->passed_over = passed_over;
  g_rw_lock_writer_lock (&keys->lock);
  g_autoptr (GHashTable) old = keys->by_name;
  keys->by_name = fresh;
  g_rw_lock_writer_unlock (&keys->lock);
  he_token_seen_clear (keys->good); /* what it holds are keys that nobody finds any more */
  return TRUE;
}

void
he_token_keys_free (HeTokenKeys *keys)
{
  if (!keys)
    return;
  g_hash_table_unref (keys->by_name);
  he_token_seen_free (keys->good);
  g_rw_lock_clear (&keys->lock);
  g_free (keys->path);
  g_free (keys->passed_over);
  g_free (keys);
}

const char *
he_token_keys_passed_over (const HeTokenKeys *keys)
{
  return keys->passed_over;
}

EVP_PKEY *
he_token_keys_find (HeTokenKeys *keys, const char *kid, const HeTokenAlgorithm *algorithm,
                    gint64 unix_seconds)
{
  EVP_PKEY *found = NULL;
  g_autofree char *name = name_of (algorithm, kid);
  g_rw_lock_reader_lock (&keys->lock);
  const Key *key = g_hash_table_lookup (keys->by_name, name);
  if (key && unix_seconds < key->end) {
    found = key->key;
    EVP_PKEY_up_ref (found);
  }
  g_rw_lock_reader_unlock (&keys->lock);
  return found;
}

HeTokenSeen *
he_token_keys_seen (HeTokenKeys *keys)
{
  return keys->good;
}
