/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-anchor.h"

G_BEGIN_DECLS

/* The anchors an origin holds, one per channel, kept in STATE/anchor-CHANNEL.json so that
 * they outlive it. A record is live once this process has agreed on it: what only stands
 * on disk yields to a peer's live record. Thread-safe.
 *
 * How origins come to one record (he-anchor-exchange.c does the talking). A worker
 * proposes to its own origin, which
 *   1. asks its peers what they hold,
 *   2. settles that, its own record and the proposal, and so holds what it settled,
 *   3. tells its peers, each of which settles it against its own and answers with the
 *      result,
 *   4. settles the answers, and only then answers the worker.
 * Records are in a total order, and a holder only ever goes up in it: the higher
 * generation (a jump of the source is newer knowledge), then he_anchor_compare(). A
 * proposal is accepted in step 2 only as the next generation of what is held, or as the
 * first record of all; of one generation, that which is held stays.
 *
 * Say that A and B propose records a and b of one generation at the same time, each to
 * its own origin, and that A's name is lower.
 *   - B tells A of b before A is in step 2: A holds b then, its own proposal is not of a
 *     next generation any more, and both workers get b.
 *   - A is past step 2: A answers a, and B's worker gets a. A's worker gets a as well,
 *     whether A tells B before B is in step 2 (B drops b), after it (B goes over to a)
 *     or only after step 4 of B (B holds a from A's answer).
 * With any number of nodes: who answers record r to its worker has heard from all peers
 * that they hold r or worse. None of them can accept a better one of that generation
 * afterwards, since it holds one, and had one done so before, it would have answered
 * that. So no worker goes on with a record that loses, as long as the origins reach each
 * other.
 *
 * Origins that do not reach each other may settle differently. They compare again every
 * few seconds, which brings the same record to all; workers watch what their origin
 * holds, and one that runs on another record starts again. */
typedef struct _HeAnchors HeAnchors;

/* state_dir is made when it is missing; NULL: nothing is kept. HE_ERROR_IO, naming the
 * folder, when nothing can be written there. */
HeAnchors *he_anchors_new (const char *state_dir, GError **error);
void he_anchors_free (HeAnchors *anchors); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeAnchors, he_anchors_free)

/* What holds for a channel, from memory or disk. */
gboolean he_anchors_get (HeAnchors *anchors, const char *channel, gboolean live_only,
                         HeAnchor *ret_anchor);

/* Settles what holds, makes it live and persists it: the better of the peers' live
 * records and our own live one (the higher generation, then he_anchor_compare()); else
 * the one on our disk; else the proposal (may be NULL when there are peers' records). A
 * proposal of the generation after what holds replaces it; one further ahead does not,
 * because nobody can have seen more than one jump that no origin heard of. FALSE when it
 * could not be written, or the disk takes longer than half a second; it holds all the
 * same, and is written when it can be. */
gboolean he_anchors_settle (HeAnchors *anchors, const char *channel,
                            const HeAnchor *proposal, const HeAnchor *peers,
                            guint n_peers, HeAnchor *ret_anchor, GError **error);

/* Sets it, whatever held before. */
gboolean he_anchors_set (HeAnchors *anchors, const char *channel, const HeAnchor *anchor,
                         GError **error);

G_END_DECLS
