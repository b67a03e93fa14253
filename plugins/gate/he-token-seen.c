/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-token-seen.h"

#include <string.h>

#define GENERATION (HE_TOKEN_SEEN_MAX / 2)

/* New ones are young; when these are many, the old ones are given up for them. */
struct _HeTokenSeen {
  GMutex lock;             /* guards both */
  GHashTable *young, *old; /* digest -> EVP_PKEY, referenced */
};

/* Digests: any four bytes of them are a hash. */
static guint
digest_hash (gconstpointer digest)
{
  guint hash;
  memcpy (&hash, digest, sizeof hash);
  return hash;
}

static gboolean
digest_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, HE_SHA256_LEN) == 0;
}

static GHashTable *
generation_new (void)
{
  return g_hash_table_new_full (digest_hash, digest_equal, g_free,
                                (GDestroyNotify)EVP_PKEY_free);
}

HeTokenSeen *
he_token_seen_new (void)
{
  HeTokenSeen *seen = g_new0 (HeTokenSeen, 1);
  g_mutex_init (&seen->lock);
  seen->young = generation_new ();
  seen->old = generation_new ();
  return seen;
}

void
he_token_seen_free (HeTokenSeen *seen)
{
  if (!seen)
    return;
  g_hash_table_unref (seen->young);
  g_hash_table_unref (seen->old);
  g_mutex_clear (&seen->lock);
  g_free (seen);
}

gboolean
he_token_seen_has (HeTokenSeen *seen, const guint8 digest[HE_SHA256_LEN],
                   const EVP_PKEY *key)
{
  g_mutex_lock (&seen->lock);
  const EVP_PKEY *found = g_hash_table_lookup (seen->young, digest);
  if (!found)
    found = g_hash_table_lookup (seen->old, digest);
  g_mutex_unlock (&seen->lock);
  return found && found == key;
}

void
he_token_seen_add (HeTokenSeen *seen, const guint8 digest[HE_SHA256_LEN], EVP_PKEY *key)
{
  EVP_PKEY_up_ref (key);
  g_mutex_lock (&seen->lock);
  if (g_hash_table_size (seen->young) >= GENERATION) {
    g_hash_table_unref (seen->old);
    seen->old = seen->young;
    seen->young = generation_new ();
  }
  g_hash_table_replace (seen->young, g_memdup2 (digest, HE_SHA256_LEN), key);
  g_mutex_unlock (&seen->lock);
}

void
he_token_seen_clear (HeTokenSeen *seen)
{
  g_mutex_lock (&seen->lock);
  g_hash_table_remove_all (seen->young);
  g_hash_table_remove_all (seen->old);
  g_mutex_unlock (&seen->lock);
}
