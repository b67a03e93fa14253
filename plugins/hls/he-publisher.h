/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-secret.h"
#include "he-segment.h"
#include "he-sender.h"

G_BEGIN_DECLS

/* Publishes segments by authenticated HTTP PUT to every origin's internal listener. Each
 * origin has a sender of its own, so a dead one never delays the others. */
typedef struct _HePublisher HePublisher;

/* Called on the origin's own thread after each final outcome; error is NULL when the
 * origin has the segment. */
typedef void (*HePublishedFunc) (const HeSegment *segment, const char *origin,
                                 const GError *error, gpointer user_data);

/* origins: "http://HOST:PORT", at least one. node names us in the "Headend-Node" header.
 */
HePublisher *
he_publisher_new (const char *const *origins, HeSecret *publish_key, const char *node,
                  guint queue_limit, HePublishedFunc published, gpointer user_data,
                  GError **error);
/* Waits for what is queued, at most two seconds, and drops the rest. Nothing is pushed
 * afterwards. */
void he_publisher_drain (HePublisher *publisher);
void he_publisher_free (HePublisher *publisher); /* drains; takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HePublisher, he_publisher_free)

/* Queues; never blocks. */
void he_publisher_push (HePublisher *publisher, const HeSegment *segment, GBytes *body);

/* Summed over the origins. */
void he_publisher_get_stats (HePublisher *publisher, HeSenderStats *ret_stats);

G_END_DECLS
