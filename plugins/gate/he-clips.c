/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-clips.h"

#include <string.h>

typedef struct {
  char *own;
  GHashTable *peers;  /* address -> digest */
  char *verdict;      /* the last one's reason */
  gboolean identical; /* what it said */
} Entry;

struct _HeClips {
  GMutex lock; /* guards entries */
  GHashTable *entries;
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_free (entry->own);
  g_free (entry->verdict);
  g_hash_table_unref (entry->peers);
  g_free (entry);
}

HeClips *
he_clips_new (void)
{
  HeClips *clips = g_new0 (HeClips, 1);

  g_mutex_init (&clips->lock);
  clips->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, entry_free);
  return clips;
}

void
he_clips_free (HeClips *clips)
{
  if (clips == NULL)
    return;
  g_hash_table_unref (clips->entries);
  g_mutex_clear (&clips->lock);
  g_free (clips);
}

static Entry *
entry_of (HeClips *clips, const char *channel)
{
  Entry *entry = g_hash_table_lookup (clips->entries, channel);

  if (entry == NULL) {
    entry = g_new0 (Entry, 1);
    entry->peers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_insert (clips->entries, g_strdup (channel), entry);
  }
  return entry;
}

static gboolean
is_digest (const char *text, gsize len)
{
  if (text == NULL || len != HE_CLIP_LEN)
    return FALSE;
  for (gsize i = 0; i < len; i++)
    if (!g_ascii_isxdigit (text[i]))
      return FALSE;
  return TRUE;
}

gboolean
he_clips_set_own (HeClips *clips, const char *channel, const char *digest, gsize len)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&clips->lock);
  Entry *entry;

  if (!is_digest (digest, len))
    return FALSE;
  entry = entry_of (clips, channel);
  g_free (entry->own);
  entry->own = g_ascii_strdown (digest, (gssize)len);
  return TRUE;
}

char *
he_clips_get_own (HeClips *clips, const char *channel)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&clips->lock);

  return g_strdup (entry_of (clips, channel)->own);
}

gboolean
he_clips_hear (HeClips *clips, const char *channel, const char *peer, const char *digest,
               gsize len)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&clips->lock);

  if (!is_digest (digest, len))
    return FALSE;
  g_hash_table_replace (entry_of (clips, channel)->peers, g_strdup (peer),
                        g_ascii_strdown (digest, (gssize)len));
  return TRUE;
}

static gboolean
all_equal (const Entry *entry)
{
  GHashTableIter iter;
  gpointer digest;

  g_hash_table_iter_init (&iter, entry->peers);
  while (g_hash_table_iter_next (&iter, NULL, &digest))
    if (strcmp (digest, entry->own) != 0)
      return FALSE;
  return TRUE;
}

gboolean
he_clips_judge (HeClips *clips, const char *channel, guint n_peers,
                gboolean *ret_identical, char **ret_reason)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&clips->lock);
  Entry *entry = entry_of (clips, channel);
  gboolean identical = FALSE;
  const char *reason;

  if (entry->own == NULL)
    reason = "no worker of this node has encoded the clip that tells encoders apart";
  else if (g_hash_table_size (entry->peers) < n_peers)
    reason = "not every other node has told what it makes of the clip";
  else if (!all_equal (entry))
    reason = "the nodes' encoders make different bytes of the same clip (other versions "
             "or another processor)";
  else {
    reason = "the nodes' encoders make the same bytes of the same clip";
    identical = TRUE;
  }
  if (g_strcmp0 (reason, entry->verdict) == 0)
    return FALSE;
  g_free (entry->verdict);
  entry->verdict = g_strdup (reason);
  entry->identical = identical;
  *ret_identical = identical;
  *ret_reason = g_strdup (reason);
  return TRUE;
}

char *
he_clips_verdict (HeClips *clips, const char *channel, gboolean *ret_identical)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&clips->lock);
  const Entry *entry = entry_of (clips, channel);

  *ret_identical = entry->identical;
  return g_strdup (entry->verdict);
}
