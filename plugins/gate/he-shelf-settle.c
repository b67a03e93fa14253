/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which complete segment may be shown to others: what is held back for a better copy. */
#include "he-shelf.h"

#include "he-epoch.h"

#define ACK_US (G_GINT64_CONSTANT (250) * 1000)

gint64
he_store_ack_us (const HeChannel *channel)
{
  gint64 duration = (gint64)(channel->duration90 * G_USEC_PER_SEC / HE_TICKS_PER_SECOND);

  return MIN (ACK_US, duration / 4);
}

/* What is held back waits for its acknowledgement behind that. */
static gint64
hold_us (const HeShelf *shelf)
{
  return he_shelf_us (shelf, 1) / 2 - he_store_ack_us (shelf->channel);
}

/* Whether a node that is alive may offer another copy of what is held in a place. */
static gboolean
may_be_bettered (const HeShelf *shelf, const HeShelfRow *row, guint place, gint64 now)
{
  const HeHeld *held = row->held[place];

  if (held->segment->flags == HE_SEGMENT_CLEAN)
    return FALSE;
  for (guint i = 0; i < shelf->n_nodes; i++) {
    const HeStoreNode *node = &shelf->nodes[i];

    /* Sound comes ahead of its pictures; who is further on has left this one out. */
    if (node->puts > 0 && !(row->offered[place] >> i & 1)
        && node->last_msn <= row->msn + 1
        && !(node->has_whole && node->whole_msn > row->msn)
        && g_strcmp0 (held->node, node->name) != 0
        && now - node->last_seen <= he_shelf_us (shelf, HE_SHELF_FRESH))
      return TRUE;
  }
  return FALSE;
}

static gboolean
is_held_back (const HeShelf *shelf, const HeShelfRow *row, gint64 now)
{
  if (!row->used || row->count < shelf->files
      || (shelf->has_shown && row->msn <= shelf->shown)
      || (shelf->has_released && row->msn <= shelf->released)
      || now - row->complete >= hold_us (shelf))
    return FALSE;
  for (guint i = 0; i < shelf->files; i++)
    if (may_be_bettered (shelf, row, i, now))
      return TRUE;
  return FALSE;
}

gboolean
he_shelf_settled (HeShelf *shelf, gint64 now, guint64 *ret_msn, gint64 *ret_until)
{
  guint64 below = G_MAXUINT64;
  gboolean any = FALSE;

  *ret_until = 0;
  for (guint i = 0; i < shelf->capacity; i++) {
    const HeShelfRow *row = &shelf->rows[i];

    if (row->msn < below && is_held_back (shelf, row, now)) {
      below = row->msn;
      *ret_until = row->complete + hold_us (shelf);
    }
  }
  for (guint i = 0; i < shelf->capacity; i++) {
    const HeShelfRow *row = &shelf->rows[i];

    if (!row->used || row->count < shelf->files || row->msn >= below)
      continue;
    *ret_msn = any ? MAX (*ret_msn, row->msn) : row->msn;
    any = TRUE;
  }
  if (any && (!shelf->has_shown || *ret_msn > shelf->shown)) {
    shelf->has_shown = TRUE;
    shelf->shown = *ret_msn;
  }
  return any;
}
