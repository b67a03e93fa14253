/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-channel.h"
#include "he-crypto.h"
#include "he-segment.h"

G_BEGIN_DECLS

/* Segments held in memory, and what of them may be listed. Pure: time (microseconds of
 * any clock that only goes forward) and the publishing node's name are passed in.
 * Thread-safe.
 *
 * What is held, per channel, around the newest complete MSN n (all renditions and
 * variants held; before there is one: the newest held MSN):
 *
 *     n - 2 * window  ..  n + 3 * window
 *
 * so that a number far ahead cannot push the live window out, nor one far behind enter. A
 * channel that took nothing for 2 * window durations starts anew at whatever comes. All
 * channels together hold at most max_bytes; beyond that the oldest segments that no
 * playlist lists go first, then new ones are refused. */
typedef struct _HeStore HeStore;

/* One held segment; immutable. */
typedef struct {
  gatomicrefcount refs;
  HeSegment *segment;
  GBytes *body;
  int file; /* body, from offset; -1: nowhere */
  gint64 offset;
  guint8 digest[HE_SHA256_LEN];
  char etag[2 + 32 + 1]; /* strong, quoted: the digest's first 16 bytes in hex */
  char *node;            /* who published this copy, or NULL */
  gint64 arrived;
} HeHeld;

HeHeld *he_held_ref (HeHeld *held);
void he_held_unref (HeHeld *held); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeHeld, he_held_unref)

HeStore *he_store_new (gsize max_bytes);
void he_store_free (HeStore *store); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeStore, he_store_free)

/* HE_ERROR_CONFLICT for a second channel of the same name. References the channel. */
gboolean he_store_add_channel (HeStore *store, HeChannel *channel, GError **error);
HeChannel *
he_store_find_channel (HeStore *store, const char *name); /* a reference or NULL */

typedef enum {
  HE_STORE_NEW,       /* held now */
  HE_STORE_REPLACED,  /* a clean copy took a damaged or filled one's place */
  HE_STORE_SAME,      /* held already, same bytes: dropped */
  HE_STORE_DIFFERENT, /* held already, other bytes: dropped and counted */
} HeStoreOutcome;

/* The first clean copy wins: clean replaces what is damaged or filled, which never
 * replaces clean. HE_ERROR_NOT_FOUND: unknown channel or rendition; HE_ERROR_INVALID:
 * variant, duration or boundary are not the channel's, or the body is empty;
 * HE_ERROR_LIMIT: too far ahead, too old, or no room. node may be NULL. */
gboolean
he_store_put (HeStore *store, const HeSegment *segment, GBytes *body, const char *node,
              gint64 now, HeStoreOutcome *ret_outcome, GError **error);

/* A reference to what is held under (channel, rendition, variant, msn), or NULL. */
HeHeld *he_store_get (HeStore *store, const HeSegment *segment);

/* The same for what another origin gave us: it is held, but says nothing about what the
 * node offers and how its copy compares. */
gboolean he_store_restore (HeStore *store, const HeSegment *segment, GBytes *body,
                           const char *node, gint64 now, HeStoreOutcome *ret_outcome,
                           GError **error);

/* Of all channels: what is complete is listed only up to where he_store_release() allows.
 * Before anything is put. */
void he_store_set_patient (HeStore *store);
/* Segments up to and with msn may be listed, from now on. */
void he_store_release (HeStore *store, const char *channel, guint64 msn);
/* The newest complete MSN that nothing better is waited for, which does not go back: one
 * that is damaged or filled is held back, and what is behind it, until every node that is
 * alive has offered its copy, unless it, or one behind it, was given already. It is held
 * for at most half a duration less he_store_ack_us(), which it may have to wait for the
 * other origins then: RFC 8216 (section 6.2.2) allows a playlist to change one and a half
 * durations after the change before. FALSE when there is none. *ret_until: when more will
 * be there without a further copy; 0: never. */
gboolean he_store_newest (HeStore *store, const char *channel, gint64 now,
                          guint64 *ret_msn, gint64 *ret_until);

/* How long a segment that may be shown waits until the other origins hold it, too. */
gint64 he_store_ack_us (const HeChannel *channel);

/* References to everything that is held of a channel, oldest MSN first. */
GPtrArray *he_store_list (HeStore *store, const char *channel);

/* What playlists list, first .. last inclusive. FALSE until a whole window of complete
 * segments was held in a row. Afterwards it moves on whenever the newest complete segment
 * ends a run of three or more, lists at most a window of that run, and otherwise stays;
 * it goes over a gap only when no node that is alive is still below it, or when the gap
 * has grown to three windows. */
gboolean he_store_listing (HeStore *store, const char *channel, guint64 *ret_first,
                           guint64 *ret_last);

/* The same of a channel that is live: FALSE, too, when no segment became complete for
 * three durations. */
gboolean he_store_live_listing (HeStore *store, const char *channel, gint64 now,
                                guint64 *ret_first, guint64 *ret_last);

/* Oldest and newest MSN of which anything is held; FALSE when nothing is. */
gboolean he_store_range (HeStore *store, const char *channel, guint64 *ret_oldest,
                         guint64 *ret_newest);

#define HE_STORE_MAX_NODES 16 /* publishers remembered per channel */

/* A node that is to offer every file of every channel, from the start on. */
void he_store_expect (HeStore *store, const char *node);
/* Whether a channel's nodes promise the same bytes; before that they do not. */
void he_store_promise (HeStore *store, const char *channel, gboolean identical);
/* What changed about the agreement of a channel's copies, as a line for people; NULL when
 * nothing did. To be asked after each put. */
char *he_store_take_news (HeStore *store, const char *channel);

typedef struct {
  char name[65];
  guint64 last_msn; /* newest it offered, held or dropped */
  gint64 last_seen;
  guint64 puts;
  gboolean has_whole; /* it offered all files of an MSN */
  guint64 whole_msn;  /* the newest such */
  gint64 whole_at;    /* when the last file of it came */
  guint64 missing; /* files that it never offered, counted when they are a window old */
  gint64 lag;      /* microseconds that its newest copy came behind the first one */
} HeStoreNode;

typedef struct {
  gboolean filled; /* a playlist exists */
  guint64 first_msn, last_msn;
  guint run; /* complete segments in a row up to the newest one */
  gboolean has_arrival;
  gint64 newest_arrival;       /* when the newest complete MSN became complete */
  HeSegmentFlags newest_flags; /* of any of its files */
  guint segments;              /* files held */
  gsize bytes;
  guint64 different;       /* second copies with other bytes */
  guint64 agree, conflict; /* copies of other nodes, see he-proof.h */
  gboolean identical, conflicting;
  HeStoreNode nodes[HE_STORE_MAX_NODES];
  guint n_nodes;
} HeStoreStatus;

/* FALSE for an unknown channel. */
gboolean
he_store_get_status (HeStore *store, const char *channel, HeStoreStatus *ret_status);

G_END_DECLS
