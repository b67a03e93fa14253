/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-proof.h"
#include "he-store.h"

G_BEGIN_DECLS

/* One channel of the store: a ring of MSNs, and what of them may be listed. Not
 * thread-safe; the store's lock guards it. */
typedef struct {
  gboolean used;
  guint64 msn;
  guint count;
  gint64 complete;  /* when the last place was taken */
  HeHeld **held;    /* a place per rendition and variant */
  guint16 *offered; /* to each place: by which nodes, as bits */
} HeShelfRow;

typedef struct {
  HeChannel *channel;
  guint files; /* per MSN */
  guint capacity;
  HeShelfRow *rows; /* msn % capacity */
  gboolean has_complete;
  guint64 newest_complete;
  gint64 newest_arrival; /* when it became complete */
  gboolean has_accept;
  gint64 last_accept;
  gboolean filled;
  guint64 first, last; /* listed, once filled */
  gboolean waiting;    /* for who is to fill a gap behind last */
  gboolean patient, has_released;
  guint64 released; /* listed no further, if patient */
  gboolean has_shown;
  guint64 shown; /* he_shelf_settled() gave so much */
  gsize bytes;
  guint64 different;
  HeProof proof;
  gboolean has_judged;
  guint64 judged; /* what is missing was counted up to here */
  HeStoreNode nodes[HE_STORE_MAX_NODES];
  guint n_nodes;
} HeShelf;

/* A node that offered nothing for more durations has nothing on its way. */
#define HE_SHELF_FRESH 3

HeShelf *he_shelf_new (HeChannel *channel);
void he_shelf_free (HeShelf *shelf);

/* The file's place in its row, or -1 with an error. */
int he_shelf_place (const HeShelf *shelf, const HeSegment *segment, GError **error);
HeShelfRow *he_shelf_find (HeShelf *shelf, guint64 msn); /* or NULL */

/* May this number be held? Starts anew when the shelf is stale. */
gboolean he_shelf_admit (HeShelf *shelf, guint64 msn, gint64 now, GError **error);
/* Takes held, in place of what stands there, and moves the listing on. */
void he_shelf_insert (HeShelf *shelf, int place, HeHeld *held, gint64 now);
void he_shelf_clear_row (HeShelf *shelf, HeShelfRow *row);
void he_shelf_release (HeShelf *shelf, guint64 msn);
/* The node of a name, made when there is room; or -1. */
int he_shelf_node (HeShelf *shelf, const char *name);
/* A node offers a file, which is compared with the one that is held, if one is. */
void he_shelf_offer (HeShelf *shelf, int place, const HeHeld *copy);
/* Notes it, once it is decided what of the file is held. */
void he_shelf_note_offer (HeShelf *shelf, int place, guint64 msn, const char *name,
                          gint64 now);

gboolean he_shelf_range (const HeShelf *shelf, guint64 *ret_oldest, guint64 *ret_newest);
gint64 he_shelf_us (const HeShelf *shelf, guint n); /* microseconds of n durations */
/* he_store_newest(). */
gboolean
he_shelf_settled (HeShelf *shelf, gint64 now, guint64 *ret_msn, gint64 *ret_until);
/* Complete segments in a row up to and with msn; *ret_first is set when there are any. */
guint he_shelf_run (HeShelf *shelf, guint64 msn, guint64 *ret_first);

G_END_DECLS
