/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "leg.h"

void
headend_leg_data (HeadendLeg *leg, gboolean damaged, gint64 now)
{
  if (damaged || headend_leg_is_silent (leg, now))
    leg->fault_at = now;
  leg->data_at = now;
}

gboolean
headend_leg_is_silent (const HeadendLeg *leg, gint64 now)
{
  return leg->data_at == 0 || now - leg->data_at > HEADEND_LEG_SILENT;
}

static gboolean
is_without_fault (const HeadendLeg *leg, gint64 seconds_us, gint64 now)
{
  return !headend_leg_is_silent (leg, now) && now - leg->fault_at >= seconds_us;
}

guint
headend_leg_choose (const HeadendLeg *legs, guint n, guint current, gint64 now)
{
  const HeadendLeg *leg = &legs[current];
  gboolean silent = headend_leg_is_silent (leg, now);
  gboolean damaged = now - leg->fault_at < HEADEND_LEG_STEADY;
  guint best = current;
  for (guint i = 0; i < n; i++) {
    gint64 wanted = silent ? 0 : damaged ? HEADEND_LEG_STEADY : HEADEND_LEG_RETURN;
    if (i == current || (i > 0 && !silent && !damaged)
        || !is_without_fault (&legs[i], wanted, now))
      continue;
    if (best == current || legs[i].fault_at < legs[best].fault_at)
      best = i;
  }
  return best;
}
