/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a bad network does to datagrams. Pure and seeded: the same seed and the same
 * number of a datagram meet the same fate. */
typedef struct {
  guint loss, duplicate, reorder; /* of a thousand datagrams */
  guint delay_ms, jitter_ms;      /* of each: delay, and up to jitter more */
  gboolean cut;                   /* nothing goes through */
} HeadendImpairment;

/* That a datagram comes late which others overtake: longer than a picture lasts, of which
 * small ones fill one datagram each. */
#define HEADEND_REORDER_MS 60
#define HEADEND_COPIES 2

typedef struct {
  guint64 state; /* the seed at first */
} HeadendDice;

guint32 headend_dice_roll (HeadendDice *dice); /* SplitMix64, upper half */

/* How many copies of the next datagram go out, and after how many microseconds each. */
guint headend_fate (HeadendDice *dice, const HeadendImpairment *impairment,
                    gint64 ret_delays[HEADEND_COPIES]);

G_END_DECLS
