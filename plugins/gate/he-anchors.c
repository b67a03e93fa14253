/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-anchors.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "he-error.h"
#include "he-state.h"

#define MAX_FILE 4096
/* Whoever is answered finds the record on the disk, unless that stands still: channels do
 * not wait for disks. */
#define PATIENCE (G_USEC_PER_SEC / 2)

typedef struct {
  gboolean known, live;
  HeAnchor anchor;
} Entry;

struct _HeAnchors {
  GMutex lock; /* guards entries */
  char *state_dir;
  HeStateWriter *writer; /* NULL without a folder */
  GHashTable *entries; /* channel -> Entry */
};

static gboolean
set_io_error (GError **error, const char *path, const char *what)
{
  g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: cannot %s: %s", path, what,
               g_strerror (errno));
  return FALSE;
}

HeAnchors *
he_anchors_new (const char *state_dir, GError **error)
{
  g_autoptr (HeAnchors) anchors = g_new0 (HeAnchors, 1);

  g_mutex_init (&anchors->lock);
  anchors->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  anchors->state_dir = g_strdup (state_dir);
  if (state_dir == NULL)
    return g_steal_pointer (&anchors);
  if (g_mkdir_with_parents (state_dir, 0700) != 0) {
    set_io_error (error, state_dir, "make the state folder");
    return NULL;
  }
  /* Tried now, because an anchor that cannot be kept is noticed only at the next start.
   */
  if (!he_state_write (state_dir, ".writable", "", error)) {
    g_prefix_error (error,
                    "state folder %s cannot be written; give it to this user or name "
                    "another: ",
                    state_dir);
    return NULL;
  }
  anchors->writer = he_state_writer_new (state_dir);
  return g_steal_pointer (&anchors);
}

void
he_anchors_free (HeAnchors *anchors)
{
  if (anchors == NULL)
    return;
  he_state_writer_free (anchors->writer, HE_STATE_END);
  g_hash_table_unref (anchors->entries);
  g_mutex_clear (&anchors->lock);
  g_free (anchors->state_dir);
  g_free (anchors);
}

static char *
file_name (const char *channel)
{
  return g_strdup_printf ("anchor-%s.json", channel);
}

/* A file that cannot be read or understood is as good as none: the peer or the wall clock
 * gives a record then. */
static void
load (HeAnchors *anchors, const char *channel, Entry *entry)
{
  g_autofree char *name = file_name (channel);
  g_autofree char *path = NULL;
  g_autofree char *text = NULL;
  gsize len;

  if (anchors->state_dir == NULL)
    return;
  path = g_build_filename (anchors->state_dir, name, NULL);
  entry->known = g_file_get_contents (path, &text, &len, NULL) && len <= MAX_FILE
                 && he_anchor_from_json (text, (gssize)len, &entry->anchor, NULL);
}

static Entry *
entry_of (HeAnchors *anchors, const char *channel)
{
  Entry *entry = g_hash_table_lookup (anchors->entries, channel);

  if (entry == NULL) {
    entry = g_new0 (Entry, 1);
    load (anchors, channel, entry);
    g_hash_table_insert (anchors->entries, g_strdup (channel), entry);
  }
  return entry;
}

gboolean
he_anchors_get (HeAnchors *anchors, const char *channel, gboolean live_only,
                HeAnchor *ret_anchor)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&anchors->lock);
  const Entry *entry = entry_of (anchors, channel);

  if (!entry->known || (live_only && !entry->live))
    return FALSE;
  *ret_anchor = entry->anchor;
  return TRUE;
}

/* With the lock. Returns the number of what is to be kept; 0: nothing. */
static guint64
store (HeAnchors *anchors, const char *channel, Entry *entry, const HeAnchor *anchor)
{
  g_autofree char *name = file_name (channel);
  g_autofree char *old = entry->known ? he_anchor_to_json (&entry->anchor) : NULL;
  g_autofree char *text = he_anchor_to_json (anchor);

  entry->anchor = *anchor;
  entry->known = entry->live = TRUE;
  if (anchors->writer == NULL || g_strcmp0 (old, text) == 0)
    return 0;
  return he_state_writer_put (anchors->writer, name, g_steal_pointer (&text));
}

static gboolean
keep (HeAnchors *anchors, const char *channel, guint64 number, GError **error)
{
  g_autofree char *name = file_name (channel);

  return number == 0
         || he_state_writer_wait (anchors->writer, name, number, PATIENCE, error)
                == HE_STATE_WRITTEN;
}

/* Of records that hold already, a later generation is a later timeline of the source,
 * which its holder has seen and the other not yet; within one, he_anchor_compare()
 * decides. */
static gboolean
is_better (const HeAnchor *a, const HeAnchor *b)
{
  if (a->generation != b->generation)
    return a->generation > b->generation;
  return he_anchor_compare (a, b) < 0;
}

/* With the lock. */
static const HeAnchor *
best_of (const Entry *entry, const HeAnchor *proposal, const HeAnchor *peers,
         guint n_peers)
{
  const HeAnchor *best = entry->live ? &entry->anchor : NULL;

  for (guint i = 0; i < n_peers; i++)
    if (best == NULL || is_better (&peers[i], best))
      best = &peers[i];
  if (best == NULL)
    best = entry->known ? &entry->anchor : proposal;
  /* Who proposes the next generation has seen the source's timeline end. */
  if (proposal != NULL && proposal->generation > best->generation
      && proposal->generation - best->generation == 1)
    best = proposal;
  return best;
}

gboolean
he_anchors_settle (HeAnchors *anchors, const char *channel, const HeAnchor *proposal,
                   const HeAnchor *peers, guint n_peers, HeAnchor *ret_anchor,
                   GError **error)
{
  Entry *entry;
  guint64 number;

  g_mutex_lock (&anchors->lock);
  entry = entry_of (anchors, channel);
  *ret_anchor = *best_of (entry, proposal, peers, n_peers);
  number = store (anchors, channel, entry, ret_anchor);
  g_mutex_unlock (&anchors->lock);
  return keep (anchors, channel, number, error);
}

gboolean
he_anchors_set (HeAnchors *anchors, const char *channel, const HeAnchor *anchor,
                GError **error)
{
  guint64 number;

  g_mutex_lock (&anchors->lock);
  number = store (anchors, channel, entry_of (anchors, channel), anchor);
  g_mutex_unlock (&anchors->lock);
  return keep (anchors, channel, number, error);
}
