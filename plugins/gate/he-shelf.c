/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-shelf.h"

#include <string.h>

#include "he-epoch.h"
#include "he-error.h"

/* After a gap the list begins again with this many: enough for a player to start on. */
#define MIN_RUN 3
/* The range that may be held is as wide as the ring, so msn % capacity is free or holds
 * this very MSN once trim() has run. */
static guint
hold (const HeShelf *shelf)
{
  return 2 * shelf->channel->window;
}

/* Wider than hold: an outage that is too short to start anew must still be jumped over.
 */
static guint
ahead (const HeShelf *shelf)
{
  return 3 * shelf->channel->window;
}

gint64
he_shelf_us (const HeShelf *shelf, guint n)
{
  return (gint64)(n * shelf->channel->duration90 * G_USEC_PER_SEC / HE_TICKS_PER_SECOND);
}

HeShelf *
he_shelf_new (HeChannel *channel)
{
  HeShelf *shelf = g_new0 (HeShelf, 1);

  shelf->channel = he_channel_ref (channel);
  for (guint i = 0; i < channel->renditions->len; i++) {
    const HeRendition *r = g_ptr_array_index (channel->renditions, i);

    shelf->files += r->variants ? 2 : 1;
  }
  shelf->capacity = hold (shelf) + ahead (shelf) + 1;
  shelf->rows = g_new0 (HeShelfRow, shelf->capacity);
  for (guint i = 0; i < shelf->capacity; i++) {
    shelf->rows[i].held = g_new0 (HeHeld *, MAX (shelf->files, 1));
    shelf->rows[i].offered = g_new0 (guint16, MAX (shelf->files, 1));
  }
  return shelf;
}

void
he_shelf_free (HeShelf *shelf)
{
  for (guint i = 0; i < shelf->capacity; i++) {
    for (guint j = 0; j < shelf->files; j++)
      he_held_unref (shelf->rows[i].held[j]);
    g_free (shelf->rows[i].held);
    g_free (shelf->rows[i].offered);
  }
  he_proof_clear (&shelf->proof);
  g_free (shelf->rows);
  he_channel_unref (shelf->channel);
  g_free (shelf);
}

int
he_shelf_place (const HeShelf *shelf, const HeSegment *segment, GError **error)
{
  int place = 0;

  for (guint i = 0; i < shelf->channel->renditions->len; i++) {
    const HeRendition *r = g_ptr_array_index (shelf->channel->renditions, i);

    if (!g_str_equal (r->name, segment->rendition)) {
      place += r->variants ? 2 : 1;
      continue;
    }
    if (r->variants == (segment->variant != HE_VARIANT_NONE))
      return place + (segment->variant == HE_VARIANT_B);
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "rendition \"%s\" of channel \"%s\" is kept %s, not as variant %s",
                 r->name, segment->channel, r->variants ? "as a and b" : "as one file",
                 he_variant_name (segment->variant));
    return -1;
  }
  g_set_error (error, HE_ERROR, HE_ERROR_NOT_FOUND,
               "channel \"%s\" has no rendition \"%s\"", segment->channel,
               segment->rendition);
  return -1;
}

HeShelfRow *
he_shelf_find (HeShelf *shelf, guint64 msn)
{
  HeShelfRow *row = &shelf->rows[msn % shelf->capacity];

  return row->used && row->msn == msn ? row : NULL;
}

void
he_shelf_clear_row (HeShelf *shelf, HeShelfRow *row)
{
  if (!row->used)
    return;
  for (guint i = 0; i < shelf->files; i++)
    if (row->held[i] != NULL) {
      shelf->bytes -= g_bytes_get_size (row->held[i]->body);
      g_clear_pointer (&row->held[i], he_held_unref);
    }
  memset (row->offered, 0, shelf->files * sizeof row->offered[0]);
  row->used = FALSE;
  row->count = 0;
}

gboolean
he_shelf_range (const HeShelf *shelf, guint64 *ret_oldest, guint64 *ret_newest)
{
  gboolean any = FALSE;

  for (guint i = 0; i < shelf->capacity; i++) {
    const HeShelfRow *row = &shelf->rows[i];

    if (!row->used)
      continue;
    if (!any || row->msn < *ret_oldest)
      *ret_oldest = row->msn;
    if (!any || row->msn > *ret_newest)
      *ret_newest = row->msn;
    any = TRUE;
  }
  return any;
}

/* The number that the held range is counted from; FALSE when nothing is held. */
static gboolean
base (const HeShelf *shelf, guint64 *ret_base)
{
  guint64 oldest;

  if (!shelf->has_complete)
    return he_shelf_range (shelf, &oldest, ret_base);
  /* A node that is late must still get in behind one that is ahead of what is listed. */
  *ret_base = shelf->waiting ? shelf->last : shelf->newest_complete;
  return TRUE;
}

static void
trim (HeShelf *shelf)
{
  guint64 at;

  if (!base (shelf, &at))
    return;
  for (guint i = 0; i < shelf->capacity; i++) {
    HeShelfRow *row = &shelf->rows[i];

    if (row->used && (row->msn + hold (shelf) < at || row->msn > at + ahead (shelf)))
      he_shelf_clear_row (shelf, row);
  }
}

/* A channel that took nothing for as long as it holds has no live window to protect. */
static void
start_anew_when_stale (HeShelf *shelf, guint64 msn, gint64 now)
{
  if (!shelf->has_accept || now - shelf->last_accept <= he_shelf_us (shelf, hold (shelf)))
    return;
  for (guint i = 0; i < shelf->capacity; i++)
    he_shelf_clear_row (shelf, &shelf->rows[i]);
  shelf->has_accept = shelf->has_complete = FALSE;
  shelf->has_released = shelf->has_shown = FALSE;
  shelf->has_judged = shelf->waiting = FALSE;
  /* What a node made under numbers that come again says nothing of the new ones. */
  for (guint i = 0; i < shelf->n_nodes; i++)
    if (shelf->nodes[i].last_msn >= msn) {
      shelf->nodes[i].last_msn = shelf->nodes[i].whole_msn = 0;
      shelf->nodes[i].has_whole = FALSE;
    }
  /* Players stop at a media sequence that goes backwards, so a lower one is a new start.
   */
  if (msn <= shelf->last)
    shelf->filled = FALSE;
}

gboolean
he_shelf_admit (HeShelf *shelf, guint64 msn, gint64 now, GError **error)
{
  guint64 at;

  start_anew_when_stale (shelf, msn, now);
  /* Who was late and is silent now no longer holds up who is ahead. */
  if (shelf->waiting && now - shelf->last_accept > he_shelf_us (shelf, HE_SHELF_FRESH))
    shelf->waiting = FALSE;
  if (!base (shelf, &at) || (msn <= at + ahead (shelf) && msn + hold (shelf) >= at))
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_LIMIT,
               "segment %" G_GUINT64_FORMAT " of channel \"%s\" is too far %s "
               "%" G_GUINT64_FORMAT ", the newest one held",
               msn, shelf->channel->name, msn > at ? "ahead of" : "behind", at);
  return FALSE;
}

guint
he_shelf_run (HeShelf *shelf, guint64 msn, guint64 *ret_first)
{
  guint run = 0;

  for (;; msn--) {
    const HeShelfRow *row = he_shelf_find (shelf, msn);

    if (row == NULL || row->count < shelf->files)
      return run;
    *ret_first = msn;
    run++;
    if (msn == 0)
      return run;
  }
}

/* The newest complete segment that may be listed; FALSE when there is none. */
static gboolean
newest_to_list (const HeShelf *shelf, guint64 *ret_newest)
{
  gboolean any = FALSE;

  *ret_newest = shelf->newest_complete;
  if (!shelf->patient)
    return shelf->has_complete;
  for (guint i = 0; i < shelf->capacity && shelf->has_released; i++) {
    const HeShelfRow *row = &shelf->rows[i];

    if (!row->used || row->count < shelf->files || row->msn > shelf->released)
      continue;
    *ret_newest = any ? MAX (*ret_newest, row->msn) : row->msn;
    any = TRUE;
  }
  return any;
}

/* Whether a node that is late is still on its way through the gap below a segment. Its
 * sound may be beyond it: what counts is where it is with all its files. */
static gboolean
is_coming (const HeShelf *shelf, guint64 first)
{
  gint64 fresh = he_shelf_us (shelf, HE_SHELF_FRESH);

  for (guint i = 0; i < shelf->n_nodes; i++) {
    const HeStoreNode *node = &shelf->nodes[i];
    gboolean whole = node->has_whole && shelf->last_accept - node->whole_at <= 2 * fresh;

    if (node->puts > 0 && (whole ? node->whole_msn : node->last_msn) < first
        && shelf->last_accept - node->last_seen <= fresh)
      return TRUE;
  }
  return FALSE;
}

static guint64
end_of_run (HeShelf *shelf, guint64 msn)
{
  for (;; msn++) {
    const HeShelfRow *next = he_shelf_find (shelf, msn + 1);

    if (next == NULL || next->count < shelf->files)
      return msn;
  }
}

static void
update_listing (HeShelf *shelf)
{
  guint64 newest, first;
  guint window = shelf->channel->window, run;
  gboolean gap;

  if (!newest_to_list (shelf, &newest))
    return;
  run = he_shelf_run (shelf, newest, &first);
  if (shelf->filled && newest < shelf->last)
    return;
  gap = shelf->filled && first > shelf->last + 1;
  shelf->waiting
      = gap && newest < shelf->last + ahead (shelf) && is_coming (shelf, first);
  if (gap && (run < MIN_RUN || shelf->waiting)) {
    newest = end_of_run (shelf, shelf->last);
    first = shelf->first;
  } else if (run < (shelf->filled ? MIN_RUN : window))
    return;
  /* What was listed before a gap may be missing now, but no entry may come back. */
  if (shelf->filled)
    first = MAX (first, shelf->first);
  shelf->first = MAX (first, newest - MIN (newest, window - 1));
  shelf->last = newest;
  shelf->filled = TRUE;
}

void
he_shelf_release (HeShelf *shelf, guint64 msn)
{
  if (shelf->has_released && msn <= shelf->released)
    return;
  shelf->has_released = TRUE;
  shelf->released = msn;
  update_listing (shelf);
}

/* Counts what a node did not offer of a row. A row that nobody offered came from another
 * origin, and says nothing. */
static void
judge_row (HeShelf *shelf, const HeShelfRow *row)
{
  guint any = 0;

  for (guint j = 0; j < shelf->files; j++)
    any |= row->offered[j];
  for (guint i = 0; i < shelf->n_nodes && any != 0; i++)
    for (guint j = 0; j < shelf->files; j++)
      shelf->nodes[i].missing += !(row->offered[j] >> i & 1);
}

/* What is a window old has all the copies that it will get. */
static void
judge (HeShelf *shelf)
{
  guint64 newest = shelf->newest_complete;
  guint64 old = newest - MIN (newest, shelf->channel->window);

  if (!shelf->has_judged) {
    shelf->has_judged = TRUE;
    shelf->judged = newest - MIN (newest, 1);
  }
  /* No further back than what is held. */
  if (old > hold (shelf))
    shelf->judged = MAX (shelf->judged, old - hold (shelf));
  while (shelf->judged < old) {
    const HeShelfRow *row = he_shelf_find (shelf, ++shelf->judged);

    if (row != NULL)
      judge_row (shelf, row);
  }
}

void
he_shelf_insert (HeShelf *shelf, int place, HeHeld *held, gint64 now)
{
  guint64 msn = held->segment->msn;
  HeShelfRow *row = he_shelf_find (shelf, msn);

  if (row == NULL) {
    row = &shelf->rows[msn % shelf->capacity];
    he_shelf_clear_row (shelf, row);
    row->used = TRUE;
    row->msn = msn;
  }
  if (row->held[place] != NULL) {
    shelf->bytes -= g_bytes_get_size (row->held[place]->body);
    he_held_unref (row->held[place]);
  } else {
    row->count++;
    row->complete = now;
  }
  row->held[place] = held;
  shelf->bytes += g_bytes_get_size (held->body);
  shelf->has_accept = TRUE;
  shelf->last_accept = now;
  if (row->count == shelf->files) {
    if (!shelf->has_complete || msn > shelf->newest_complete) {
      shelf->has_complete = TRUE;
      shelf->newest_complete = msn;
      shelf->newest_arrival = now;
      judge (shelf);
    }
    update_listing (shelf);
  }
  trim (shelf);
}

int
he_shelf_node (HeShelf *shelf, const char *name)
{
  for (guint i = 0; i < shelf->n_nodes; i++)
    if (g_str_equal (shelf->nodes[i].name, name))
      return (int)i;
  if (shelf->n_nodes == HE_STORE_MAX_NODES)
    return -1;
  g_strlcpy (shelf->nodes[shelf->n_nodes].name, name, sizeof shelf->nodes[0].name);
  return (int)shelf->n_nodes++;
}

void
he_shelf_offer (HeShelf *shelf, int place, const HeHeld *copy)
{
  const HeShelfRow *row = he_shelf_find (shelf, copy->segment->msn);
  const HeHeld *held = row != NULL ? row->held[place] : NULL;
  int i = copy->node != NULL ? he_shelf_node (shelf, copy->node) : -1;
  HeStoreNode *node;

  /* What a node sends twice is compared once, and nothing with what it sent itself. */
  if (i < 0 || (row != NULL && (row->offered[place] >> i & 1)))
    return;
  node = &shelf->nodes[i];
  if (copy->segment->msn >= node->last_msn)
    node->lag = held != NULL ? MAX (copy->arrived - held->arrived, 0) : 0;
  if (held == NULL || g_strcmp0 (held->node, copy->node) == 0)
    return;
  he_proof_compare (&shelf->proof,
                    &(HeProofCopy) { held->segment, held->digest, held->node },
                    &(HeProofCopy) { copy->segment, copy->digest, copy->node },
                    (guint64)shelf->channel->window * shelf->files);
}

void
he_shelf_note_offer (HeShelf *shelf, int place, guint64 msn, const char *name, gint64 now)
{
  HeShelfRow *row = he_shelf_find (shelf, msn);
  int i = name != NULL ? he_shelf_node (shelf, name) : -1;
  HeStoreNode *node;
  gboolean whole = row != NULL;

  if (i < 0)
    return;
  node = &shelf->nodes[i];
  node->last_msn = MAX (node->last_msn, msn);
  node->last_seen = now;
  node->puts++;
  if (row != NULL)
    row->offered[place] |= (guint16)(1 << i);
  for (guint j = 0; j < shelf->files && whole; j++)
    whole = row->offered[j] >> i & 1;
  if (!whole || (node->has_whole && msn <= node->whole_msn))
    return;
  node->has_whole = TRUE;
  node->whole_msn = msn;
  node->whole_at = now;
}
