/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drill-fate.h"

guint32
headend_dice_roll (HeadendDice *dice)
{
  guint64 z = dice->state += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return (guint32)((z ^ (z >> 31)) >> 32);
}

static gboolean
happens (HeadendDice *dice, guint of_thousand)
{
  return headend_dice_roll (dice) % 1000 < of_thousand;
}

guint
headend_fate (HeadendDice *dice, const HeadendImpairment *impairment,
              gint64 ret_delays[HEADEND_COPIES])
{
  /* Always as many rolls, so that one kind of fault does not change another's places. */
  gboolean lost = happens (dice, impairment->loss);
  gboolean twice = happens (dice, impairment->duplicate);
  gboolean late = happens (dice, impairment->reorder);
  guint jitter = headend_dice_roll (dice) % (impairment->jitter_ms * 1000 + 1);
  if (lost || impairment->cut)
    return 0;
  ret_delays[0] = (gint64)impairment->delay_ms * 1000 + jitter
                  + (late ? HEADEND_REORDER_MS * 1000 : 0);
  ret_delays[1] = ret_delays[0] + HEADEND_REORDER_MS * 1000;
  return twice ? 2 : 1;
}
