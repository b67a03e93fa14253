/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "he-segment.h"

G_BEGIN_DECLS

/* Which segments count as damaged though what is in them decodes: pictures that may refer
 * to lost ones, sound that was decoded behind a gap, and sound that a decoder or encoder
 * hears filler or damage ahead of, whose trace is in its bytes. Times are 90 kHz ticks
 * on the epoch. Zero-initialise. */
typedef struct {
  guint64 torn_from, torn_until; /* both 0: nothing is */
  guint64 hurt, hurt_until;      /* sound of segments between these is damaged */
} HeDamage;

gboolean he_damage_is_torn (const HeDamage *damage, guint64 begin90, guint64 end90);

/* flags of an AAC frame of segment msn, and what follows for it from what came before.
 * Frames in order. */
HeSegmentFlags he_damage_of_sound (HeDamage *damage, guint64 frame, guint rate,
                                   guint64 msn, guint64 duration90, HeSegmentFlags flags);

G_END_DECLS
