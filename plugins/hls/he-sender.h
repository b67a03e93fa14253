/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "he-segment.h"

G_BEGIN_DECLS

/* Takes segments to one place, in order, on a thread of its own: a queue, bounded in
 * segments and bytes, whose oldest one is dropped when it is full, and retries with
 * back-off while a segment is among the newest. So a place that is slow or away costs
 * memory up to the bound, and nobody else any time. Who must not lose one (a recording)
 * sends patiently: then pushing waits for room, and each segment is retried for a minute;
 * once one has failed, none is. So nobody waits for longer than that minute and the sends
 * in hand. */
typedef struct _HeSender HeSender;

/* Takes one segment there; blocks. On the sender's thread, whose default main context is
 * its own. *ret_again: the same may succeed later. The error's message begins with the
 * place. */
typedef gboolean (*HeSendFunc) (const HeSegment *segment, GBytes *body,
                                GCancellable *cancellable, gboolean *ret_again,
                                GError **error, gpointer user_data);

/* The last word about each segment; error is NULL when it is there. On the sender's
 * thread, or in he_sender_push() and he_sender_stop(), without locks held. */
typedef void (*HeSentFunc) (const HeSegment *segment, const GError *error,
                            gpointer user_data);

/* Of what waits at one place that is not sent to patiently; one segment always may. */
#define HE_SENDER_BYTES (G_GUINT64_CONSTANT (128) * 1024 * 1024)

/* name stands in front of its own messages. */
HeSender *he_sender_new (const char *name, guint queue_limit, gboolean patient,
                         HeSendFunc send, HeSentFunc sent, gpointer user_data);
/* Ends what is under way and drops what is queued, for good: then each segment that was
 * pushed is counted once. Twice is once. */
void he_sender_stop (HeSender *sender);
void he_sender_free (HeSender *sender); /* stops; takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeSender, he_sender_free)

void he_sender_push (HeSender *sender, const HeSegment *segment, GBytes *body);

/* Waits until nothing is queued or under way, or until a monotonic time; a negative one
 * is never. */
void he_sender_drain (HeSender *sender, gint64 deadline);

/* Ends waiting in he_sender_push() and he_sender_drain() for good. */
void he_sender_cancel (HeSender *sender);

/* Each segment ends as one of the first three, in one place. */
typedef struct {
  guint64 published, failed, dropped, bytes;
} HeSenderStats;
void he_sender_get_stats (HeSender *sender, HeSenderStats *ret_stats);
void he_sender_stats_add (HeSenderStats *sum, const HeSenderStats *more);

G_END_DECLS
