/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Finds what a network doubled among the datagrams of a transport stream that nothing
 * puts in order. A copy comes a moment after the first one and behind others, where its
 * continuity counters look like a loss. It is known by two things: the same bytes came
 * within HEADEND_TWINS_AGE, and its counters do not go on from what came last. A sender
 * may say the same twice itself (stuffing, tables, silence): then they do go on. So do
 * those of one copy in 16, by chance; hence what was there and yet goes on is held until
 * the next datagram of these PIDs shows which of the two it goes on from. Padding alone
 * is always taken. Memory is bounded, and 64 bits stand for the bytes. Times are
 * microseconds of a monotonic clock. Pure. */

#define HEADEND_TWINS_AGE (G_USEC_PER_SEC / 2)
#define HEADEND_TWINS_MAX 4096 /* datagrams that are remembered */

typedef enum {
  HEADEND_TWINS_TAKE,
  HEADEND_TWINS_DROP,
  HEADEND_TWINS_HOLD,
} HeadendTwinsVerdict;

typedef struct _HeadendTwins HeadendTwins;

HeadendTwins *headend_twins_new (void);
void headend_twins_free (HeadendTwins *twins); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeadendTwins, headend_twins_free)

/* What to do with the next datagram, and with the one that is held: *ret_held is
 * HEADEND_TWINS_HOLD when that stays, or there is none; else it is taken, ahead of this
 * one, or dropped. At most one is held. */
HeadendTwinsVerdict
headend_twins_look (HeadendTwins *twins, const guint8 *data, gsize len, gint64 now,
                    HeadendTwinsVerdict *ret_held);

/* What comes next goes on from nothing, and nothing is held any more. */
void headend_twins_forget (HeadendTwins *twins);

G_END_DECLS
