/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-playlists.h"

#include <string.h>

#include "he-playlist.h"

typedef struct {
  HeChannel *channel; /* keeps the rendition, which is the key, alive */
  guint64 first, last;
  gboolean has_anchor;
  HeAnchor anchor;
  GBytes *text;
} Entry;

struct _HePlaylists {
  GMutex lock;         /* guards the rest */
  GHashTable *entries; /* HeRendition, or HeChannel for main.m3u8 -> Entry */
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  he_channel_unref (entry->channel);
  g_clear_pointer (&entry->text, g_bytes_unref);
  g_free (entry);
}

HePlaylists *
he_playlists_new (void)
{
  HePlaylists *playlists = g_new0 (HePlaylists, 1);

  g_mutex_init (&playlists->lock);
  playlists->entries = g_hash_table_new_full (NULL, NULL, NULL, entry_free);
  return playlists;
}

void
he_playlists_free (HePlaylists *playlists)
{
  if (playlists == NULL)
    return;
  g_hash_table_unref (playlists->entries);
  g_mutex_clear (&playlists->lock);
  g_free (playlists);
}

static gboolean
is_current (const Entry *entry, const HeAnchor *anchor, guint64 first, guint64 last)
{
  return entry->text != NULL && entry->first == first && entry->last == last
         && entry->has_anchor == (anchor != NULL)
         && (anchor == NULL || he_anchor_compare (&entry->anchor, anchor) == 0);
}

GBytes *
he_playlists_get (HePlaylists *playlists, HeChannel *channel,
                  const HeRendition *rendition, const HeAnchor *anchor, guint64 first_msn,
                  guint64 last_msn)
{
  gconstpointer key = rendition != NULL ? (gconstpointer)rendition : channel;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&playlists->lock);
  Entry *entry = g_hash_table_lookup (playlists->entries, key);
  char *text;

  if (entry == NULL) {
    entry = g_new0 (Entry, 1);
    entry->channel = he_channel_ref (channel);
    g_hash_table_insert (playlists->entries, (gpointer)key, entry);
  }
  if (rendition == NULL && entry->text != NULL)
    return g_bytes_ref (entry->text); /* nothing in it changes */
  if (!is_current (entry, anchor, first_msn, last_msn)) {
    text = rendition != NULL
               ? he_playlist_media (channel, rendition, anchor, first_msn, last_msn)
               : he_playlist_multivariant (channel);
    g_clear_pointer (&entry->text, g_bytes_unref);
    entry->text = g_bytes_new_take (text, strlen (text));
    entry->first = first_msn;
    entry->last = last_msn;
    entry->has_anchor = anchor != NULL;
    if (anchor != NULL)
      entry->anchor = *anchor;
  }
  return g_bytes_ref (entry->text);
}
