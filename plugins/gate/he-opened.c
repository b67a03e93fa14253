/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-opened.h"

#include <string.h>

/* Each with a lock of its own, so that threads seldom meet. */
#define SHARDS 16
#define GENERATION (HE_OPENED_MAX / SHARDS / 2)

/* Used entries move to the young generation; when that is full, the old one is given up. */
typedef struct {
  GMutex lock; /* guards both */
  GHashTable *young, *old; /* text -> HeOpened */
} Shard;

struct _HeOpenedCache {
  Shard shards[SHARDS];
};

HeOpened *
he_opened_ref (HeOpened *opened)
{
  g_atomic_ref_count_inc (&opened->refs);
  return opened;
}

void
he_opened_unref (HeOpened *opened)
{
  if (!opened || !g_atomic_ref_count_dec (&opened->refs))
    return;
  he_session_record_clear (&opened->contents);
  g_free (opened->text);
  g_free (opened->address);
  g_free (opened);
}

/* A credential begins with its nonce, which is random, and which we chose of each that is
 * kept. */
#define NONCE 16

static guint
nonce_hash (gconstpointer text)
{
  const char *nonce = text;
  guint hash = 5381;
  for (guint i = 0; i < NONCE && nonce[i]; i++)
    hash = hash * 33 + (guint8)nonce[i];
  return hash;
}

static GHashTable *
generation_new (void)
{
  return g_hash_table_new_full (nonce_hash, g_str_equal, NULL,
                                (GDestroyNotify)he_opened_unref);
}

HeOpenedCache *
he_opened_cache_new (void)
{
  HeOpenedCache *cache = g_new0 (HeOpenedCache, 1);
  for (guint i = 0; i < SHARDS; i++) {
    g_mutex_init (&cache->shards[i].lock);
    cache->shards[i].young = generation_new ();
    cache->shards[i].old = generation_new ();
  }
  return cache;
}

void
he_opened_cache_free (HeOpenedCache *cache)
{
  if (!cache)
    return;
  for (guint i = 0; i < SHARDS; i++) {
    g_hash_table_unref (cache->shards[i].young);
    g_hash_table_unref (cache->shards[i].old);
    g_mutex_clear (&cache->shards[i].lock);
  }
  g_free (cache);
}

static Shard *
shard_of (HeOpenedCache *cache, const char *text)
{
  return &cache->shards[(guint8)(text[0] * 7 + text[1]) % SHARDS];
}

/* Below, the shard is locked. */

static void
keep_young (Shard *shard, HeOpened *opened)
{
  he_opened_ref (opened); /* it may stand in what is given up */
  if (g_hash_table_size (shard->young) >= GENERATION) {
    GHashTable *emptied = shard->old;
    g_hash_table_remove_all (emptied);
    shard->old = shard->young;
    shard->young = emptied;
  }
  g_hash_table_replace (shard->young, opened->text, opened);
}

static HeOpened *
find (Shard *shard, const char *text)
{
  HeOpened *opened = g_hash_table_lookup (shard->young, text);
  if (opened)
    return opened;
  opened = g_hash_table_lookup (shard->old, text);
  if (opened)
    keep_young (shard, opened);
  return opened;
}

HeOpened *
he_opened_find (HeOpenedCache *cache, const char *text, gsize len, const char *address)
{
  char copy[512];
  if (len < 2 || len >= sizeof copy)
    return NULL;
  memcpy (copy, text, len);
  copy[len] = '\0';
  Shard *shard = shard_of (cache, copy);
  g_mutex_lock (&shard->lock);
  HeOpened *opened = find (shard, copy);
  if (opened && strcmp (opened->address, address) == 0)
    he_opened_ref (opened);
  else
    opened = NULL;
  g_mutex_unlock (&shard->lock);
  return opened;
}

HeOpened *
he_opened_keep (HeOpenedCache *cache, const char *text, gsize len, const char *address,
                HeSessionRecord *contents)
{
  HeOpened *opened = g_new0 (HeOpened, 1);
  g_atomic_ref_count_init (&opened->refs);
  opened->contents = *contents;
  *contents = (HeSessionRecord){ 0 };
  opened->text = g_strndup (text, len);
  opened->address = g_strdup (address);
  Shard *shard = shard_of (cache, opened->text);
  g_mutex_lock (&shard->lock);
  keep_young (shard, opened);
  g_mutex_unlock (&shard->lock);
  return opened;
}
