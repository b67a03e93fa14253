/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-store.h"

#include <string.h>

#include "he-arena.h"
#include "he-codec.h"
#include "he-epoch.h"
#include "he-error.h"
#include "he-shelf.h"

struct _HeStore {
  GMutex lock; /* guards the shelves and all that stands on them */
  GPtrArray *shelves;
  GPtrArray *expected; /* names of nodes; under the lock */
  gboolean patient;    /* under the lock */
  gsize max_bytes;
  HeArena *arena; /* thread-safe */
};

HeHeld *
he_held_ref (HeHeld *held)
{
  g_atomic_ref_count_inc (&held->refs);
  return held;
}

void
he_held_unref (HeHeld *held)
{
  if (held == NULL || !g_atomic_ref_count_dec (&held->refs))
    return;
  he_segment_free (held->segment);
  g_bytes_unref (held->body);
  g_free (held->node);
  g_free (held);
}

static HeHeld *
held_new (const HeSegment *segment, GBytes *body, const char *node, gint64 now)
{
  HeHeld *held = g_new0 (HeHeld, 1);
  gsize len;
  const guint8 *data = g_bytes_get_data (body, &len);
  g_autofree char *hex = NULL;

  g_atomic_ref_count_init (&held->refs);
  held->segment = he_segment_copy (segment);
  held->body = g_bytes_ref (body);
  held->file = -1;
  held->node = g_strdup (node);
  held->arrived = now;
  he_sha256 (data, len, held->digest);
  hex = he_hex_encode (held->digest, 16);
  g_snprintf (held->etag, sizeof held->etag, "\"%s\"", hex);
  return held;
}

HeStore *
he_store_new (gsize max_bytes)
{
  HeStore *store = g_new0 (HeStore, 1);

  g_mutex_init (&store->lock);
  store->shelves = g_ptr_array_new_with_free_func ((GDestroyNotify)he_shelf_free);
  store->expected = g_ptr_array_new_with_free_func (g_free);
  store->max_bytes = max_bytes;
  store->arena = he_arena_new ();
  return store;
}

void
he_store_free (HeStore *store)
{
  if (store == NULL)
    return;
  g_ptr_array_unref (store->shelves);
  g_ptr_array_unref (store->expected);
  he_arena_unref (store->arena);
  g_mutex_clear (&store->lock);
  g_free (store);
}

static HeShelf *
find (HeStore *store, const char *name)
{
  for (guint i = 0; i < store->shelves->len; i++) {
    HeShelf *shelf = g_ptr_array_index (store->shelves, i);

    if (g_str_equal (shelf->channel->name, name))
      return shelf;
  }
  return NULL;
}

gboolean
he_store_add_channel (HeStore *store, HeChannel *channel, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&store->lock);
  HeShelf *shelf;

  if (find (store, channel->name) != NULL) {
    g_set_error (error, HE_ERROR, HE_ERROR_CONFLICT,
                 "channel \"%s\" exists already; give each channel a name of its own",
                 channel->name);
    return FALSE;
  }
  shelf = he_shelf_new (channel);
  shelf->patient = store->patient;
  for (guint i = 0; i < store->expected->len; i++)
    he_shelf_node (shelf, store->expected->pdata[i]);
  g_ptr_array_add (store->shelves, shelf);
  return TRUE;
}

HeChannel *
he_store_find_channel (HeStore *store, const char *name)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&store->lock);
  HeShelf *shelf = find (store, name);

  return shelf != NULL ? he_channel_ref (shelf->channel) : NULL;
}

static gboolean
check_identity (const HeShelf *shelf, const HeSegment *segment, GBytes *body,
                GError **error)
{
  guint64 duration90 = shelf->channel->duration90;

  if (segment->duration90 != duration90 || segment->msn > G_MAXINT64 / duration90
      || segment->pts90 != he_epoch_boundary (segment->msn, duration90)) {
    g_set_error (
        error, HE_ERROR, HE_ERROR_INVALID,
        "segment %" G_GUINT64_FORMAT " of channel \"%s\" lasts %" G_GUINT64_FORMAT
        " ticks from %" G_GUINT64_FORMAT "; expected %" G_GUINT64_FORMAT
        " ticks from its boundary",
        segment->msn, segment->channel, segment->duration90, segment->pts90, duration90);
    return FALSE;
  }
  if (g_bytes_get_size (body) == 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "segment %" G_GUINT64_FORMAT " of channel \"%s\" is empty", segment->msn,
                 segment->channel);
    return FALSE;
  }
  return TRUE;
}

static gsize
bytes_held (HeStore *store)
{
  gsize bytes = 0;

  for (guint i = 0; i < store->shelves->len; i++)
    bytes += ((HeShelf *)g_ptr_array_index (store->shelves, i))->bytes;
  return bytes;
}

static gint64
row_age (const HeShelf *shelf, const HeShelfRow *row)
{
  gint64 age = G_MAXINT64;

  for (guint i = 0; i < shelf->files; i++)
    if (row->held[i] != NULL)
      age = MIN (age, row->held[i]->arrived);
  return age;
}

/* Lets go of the oldest row that no playlist lists. FALSE when there is none. */
static gboolean
drop_oldest (HeStore *store)
{
  HeShelf *of = NULL;
  HeShelfRow *oldest = NULL;
  gint64 age = G_MAXINT64;

  for (guint i = 0; i < store->shelves->len; i++) {
    HeShelf *shelf = g_ptr_array_index (store->shelves, i);

    for (guint j = 0; j < shelf->capacity; j++) {
      HeShelfRow *row = &shelf->rows[j];

      if (row->used && shelf->filled && row->msn < shelf->first
          && row_age (shelf, row) < age) {
        age = row_age (shelf, row);
        oldest = row;
        of = shelf;
      }
    }
  }
  if (oldest != NULL)
    he_shelf_clear_row (of, oldest);
  return oldest != NULL;
}

static gboolean
make_room (HeStore *store, gsize need, GError **error)
{
  while (bytes_held (store) + need > store->max_bytes)
    if (!drop_oldest (store)) {
      g_set_error (error, HE_ERROR, HE_ERROR_LIMIT,
                   "no room: %" G_GSIZE_FORMAT " bytes are held, %" G_GSIZE_FORMAT
                   " are allowed; lower the bitrates or the windows",
                   bytes_held (store), store->max_bytes);
      return FALSE;
    }
  return TRUE;
}

/* Moves the body to memory that is sent without copying it, unless a copy of the name is
 * held already, which most likely stays. */
static HeHeld *
share (HeStore *store, HeHeld *held)
{
  g_autoptr (HeHeld) other = he_store_get (store, held->segment);
  g_autoptr (GBytes) body = NULL;

  if (other != NULL)
    return held;
  body = g_steal_pointer (&held->body);
  held->body = he_arena_keep (store->arena, body, &held->offset);
  held->file = held->offset >= 0 ? he_arena_file (store->arena) : -1;
  return held;
}

/* What becomes of a copy: held stays when it is clean or when the copy is no better. */
static HeStoreOutcome
compare (const HeShelfRow *row, int place, const HeHeld *copy)
{
  const HeHeld *old = row != NULL ? row->held[place] : NULL;

  if (old == NULL)
    return HE_STORE_NEW;
  if (memcmp (old->digest, copy->digest, sizeof old->digest) == 0)
    return HE_STORE_SAME;
  return old->segment->flags != HE_SEGMENT_CLEAN
                 && copy->segment->flags == HE_SEGMENT_CLEAN
             ? HE_STORE_REPLACED
             : HE_STORE_DIFFERENT;
}

static gboolean
take (HeStore *store, const HeSegment *segment, GBytes *body, const char *node,
      gboolean offered, gint64 now, HeStoreOutcome *ret_outcome, GError **error)
{
  /* Hashed and shared before the lock is taken, so that readers do not wait for it. */
  g_autoptr (HeHeld) held = share (store, held_new (segment, body, node, now));
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&store->lock);
  HeShelf *shelf = find (store, segment->channel);
  HeStoreOutcome outcome;
  int place;

  if (shelf == NULL) {
    g_set_error (error, HE_ERROR, HE_ERROR_NOT_FOUND, "no channel \"%s\"",
                 segment->channel);
    return FALSE;
  }
  if ((place = he_shelf_place (shelf, segment, error)) < 0
      || !check_identity (shelf, segment, body, error)
      || !he_shelf_admit (shelf, segment->msn, now, error))
    return FALSE;
  if (offered)
    he_shelf_offer (shelf, place, held);
  outcome = compare (he_shelf_find (shelf, segment->msn), place, held);
  shelf->different += outcome == HE_STORE_DIFFERENT || outcome == HE_STORE_REPLACED;
  if (outcome == HE_STORE_NEW || outcome == HE_STORE_REPLACED) {
    if (!make_room (store, g_bytes_get_size (body), error))
      return FALSE;
    he_shelf_insert (shelf, place, g_steal_pointer (&held), now);
  }
  if (offered)
    he_shelf_note_offer (shelf, place, segment->msn, node, now);
  *ret_outcome = outcome;
  return TRUE;
}

gboolean
he_store_put (HeStore *store, const HeSegment *segment, GBytes *body, const char *node,
              gint64 now, HeStoreOutcome *ret_outcome, GError **error)
{
  return take (store, segment, body, node, TRUE, now, ret_outcome, error);
}

gboolean
he_store_restore (HeStore *store, const HeSegment *segment, GBytes *body,
                  const char *node, gint64 now, HeStoreOutcome *ret_outcome,
                  GError **error)
{
  return take (store, segment, body, node, FALSE, now, ret_outcome, error);
}

void
he_store_set_patient (HeStore *store)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&store->lock);

  store->patient = TRUE;
  for (guint i = 0; i < store->shelves->len; i++)
    ((HeShelf *)store->shelves->pdata[i])->patient = TRUE;
}

void
he_store_release (HeStore *store, const char *channel, guint64 msn)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&store->lock);
  HeShelf *shelf = find (store, channel);

  if (shelf != NULL)
    he_shelf_release (shelf, msn);
}

gboolean
he_store_newest (HeStore *store, const char *channel, gint64 now, guint64 *ret_msn,
                 gint64 *ret_until)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&store->lock);
  HeShelf *shelf = find (store, channel);

  *ret_until = 0;
  return shelf != NULL && he_shelf_settled (shelf, now, ret_msn, ret_until);
}

void
he_store_expect (HeStore *store, const char *node)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&store->lock);

  g_ptr_array_add (store->expected, g_strdup (node));
  for (guint i = 0; i < store->shelves->len; i++)
    he_shelf_node (store->shelves->pdata[i], node);
}

void
he_store_promise (HeStore *store, const char *channel, gboolean identical)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&store->lock);
  HeShelf *shelf = find (store, channel);

  if (shelf != NULL)
    he_proof_promise (&shelf->proof, identical);
}

char *
he_store_take_news (HeStore *store, const char *channel)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&store->lock);
  HeShelf *shelf = find (store, channel);

  return shelf != NULL ? he_proof_take_news (&shelf->proof) : NULL;
}

static gint
by_msn (gconstpointer a, gconstpointer b)
{
  const HeHeld *x = *(HeHeld *const *)a, *y = *(HeHeld *const *)b;

  return (x->segment->msn > y->segment->msn) - (x->segment->msn < y->segment->msn);
}

GPtrArray *
he_store_list (HeStore *store, const char *channel)
{
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify)he_held_unref);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&store->lock);
  HeShelf *shelf = find (store, channel);

  for (guint i = 0; shelf != NULL && i < shelf->capacity; i++)
    for (guint j = 0; j < shelf->files; j++)
      if (shelf->rows[i].used && shelf->rows[i].held[j] != NULL)
        g_ptr_array_add (list, he_held_ref (shelf->rows[i].held[j]));
  g_ptr_array_sort (list, by_msn);
  return list;
}

HeHeld *
he_store_get (HeStore *store, const HeSegment *segment)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&store->lock);
  HeShelf *shelf = find (store, segment->channel);
  HeShelfRow *row = shelf != NULL ? he_shelf_find (shelf, segment->msn) : NULL;
  int place = row != NULL ? he_shelf_place (shelf, segment, NULL) : -1;

  return place >= 0 && row->held[place] != NULL ? he_held_ref (row->held[place]) : NULL;
}

gboolean
he_store_listing (HeStore *store, const char *channel, guint64 *ret_first,
                  guint64 *ret_last)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&store->lock);
  HeShelf *shelf = find (store, channel);

  if (shelf == NULL || !shelf->filled)
    return FALSE;
  *ret_first = shelf->first;
  *ret_last = shelf->last;
  return TRUE;
}

gboolean
he_store_live_listing (HeStore *store, const char *channel, gint64 now,
                       guint64 *ret_first, guint64 *ret_last)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&store->lock);
  HeShelf *shelf = find (store, channel);

  if (shelf == NULL || !shelf->filled
      || now - shelf->newest_arrival > he_shelf_us (shelf, HE_SHELF_FRESH))
    return FALSE;
  *ret_first = shelf->first;
  *ret_last = shelf->last;
  return TRUE;
}

gboolean
he_store_range (HeStore *store, const char *channel, guint64 *ret_oldest,
                guint64 *ret_newest)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&store->lock);
  HeShelf *shelf = find (store, channel);

  return shelf != NULL && he_shelf_range (shelf, ret_oldest, ret_newest);
}

static HeSegmentFlags
newest_flags (HeShelf *shelf)
{
  const HeShelfRow *row
      = shelf->has_complete ? he_shelf_find (shelf, shelf->newest_complete) : NULL;
  HeSegmentFlags flags = HE_SEGMENT_CLEAN;

  for (guint i = 0; row != NULL && i < shelf->files; i++)
    if (row->held[i] != NULL)
      flags |= row->held[i]->segment->flags;
  return flags;
}

gboolean
he_store_get_status (HeStore *store, const char *channel, HeStoreStatus *ret_status)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&store->lock);
  HeShelf *shelf = find (store, channel);
  guint64 first;

  if (shelf == NULL)
    return FALSE;
  *ret_status = (HeStoreStatus) {
    .filled = shelf->filled,
    .first_msn = shelf->first,
    .last_msn = shelf->last,
    .run = shelf->has_complete ? he_shelf_run (shelf, shelf->newest_complete, &first) : 0,
    .has_arrival = shelf->has_complete,
    .newest_arrival = shelf->newest_arrival,
    .bytes = shelf->bytes,
    .different = shelf->different,
    .agree = shelf->proof.agree,
    .conflict = shelf->proof.conflict,
    .identical = shelf->proof.identical,
    .conflicting = shelf->proof.conflicting,
    .n_nodes = shelf->n_nodes,
  };
  ret_status->newest_flags = newest_flags (shelf);
  memcpy (ret_status->nodes, shelf->nodes, sizeof shelf->nodes);
  for (guint i = 0; i < shelf->capacity; i++)
    ret_status->segments += shelf->rows[i].used ? shelf->rows[i].count : 0;
  return TRUE;
}
