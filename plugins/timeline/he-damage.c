/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-damage.h"

#include "he-align.h"
#include "he-epoch.h"

/* Frames that a decoder of a segment, or its encoder, hears ahead of what it gives. */
#define HEARD 4

gboolean
he_damage_is_torn (const HeDamage *damage, guint64 begin90, guint64 end90)
{
  return end90 > damage->torn_from && begin90 < damage->torn_until;
}

HeSegmentFlags
he_damage_of_sound (HeDamage *damage, guint64 frame, guint rate, guint64 msn,
                    guint64 duration90, HeSegmentFlags flags)
{
  if (he_damage_is_torn (damage, he_audio_frame_ticks (frame, rate),
                         he_audio_frame_ticks (frame + 1, rate)))
    flags |= HE_SEGMENT_DAMAGED;
  if (flags != HE_SEGMENT_CLEAN) {
    guint64 heard
        = (guint64)HE_ALIGN_LEAD * rate / HE_TICKS_PER_SECOND / HE_AUDIO_FRAME + HEARD;

    damage->hurt = msn;
    damage->hurt_until = he_align_audio_msn (frame + heard, rate, duration90) + 1;
  } else if (msn > damage->hurt && msn < damage->hurt_until) {
    flags = HE_SEGMENT_DAMAGED;
  }
  return flags;
}
