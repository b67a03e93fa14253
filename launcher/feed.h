/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "he-input.h"
#include "leg.h"
#include "plan.h"

G_BEGIN_DECLS

/* What comes from a channel's sources, into the pipeline that makes the channel. Each
 * source has a pipeline of its own, so that it can fail, end and be opened again while
 * the channel goes on; with a back-off, and when it has said nothing for
 * HEADEND_FEED_STALLED. One is taken (leg.h). Of the others the last
 * HEADEND_FEED_KEPT are kept, and go first when one is taken over: decoding finds an IDR
 * in them, and what was seen already is dropped further on. What waits for the pipeline
 * too long is skipped (backlog.h), where the source goes on meanwhile (source.h): it is
 * left out, or where later input leans on it, flagged DROPPABLE. */

#define HEADEND_FEED_STALLED (15 * G_USEC_PER_SEC)
#define HEADEND_FEED_KEPT (5 * G_USEC_PER_SEC)
#define HEADEND_FEED_KEPT_BYTES (16 * 1024 * 1024)

typedef struct _HeadendFeed HeadendFeed;

/* intake: the appsrc that takes it all, kept. Everything else on the main loop. */
HeadendFeed *headend_feed_new (const HeadendPlan *plan, const char *folder,
                               GstElement *intake, GError **error);
void headend_feed_start (HeadendFeed *feed);
void headend_feed_free (HeadendFeed *feed); /* ends it; takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeadendFeed, headend_feed_free)

/* The source that is taken, as it may be logged; the feed's. */
const char *headend_feed_taken (HeadendFeed *feed);

/* When data came last from any source, monotonic microseconds; 0: never. */
gint64 headend_feed_data_at (HeadendFeed *feed);

/* How often what receives the source that is taken said that something is missing, as
 * RTP's numbers show. */
guint64 headend_feed_breaks (HeadendFeed *feed);

/* How the sources are, and what was skipped; other counts are left alone. */
void headend_feed_report (HeadendFeed *feed, HeInputReport *ret_report);

G_END_DECLS
