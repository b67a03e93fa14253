/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-boundary.h"
#include "he-epoch.h"

void
he_boundary_init (HeBoundary *boundary, guint64 duration90)
{
  g_assert (duration90 > 0);
  *boundary = (HeBoundary) { .duration90 = duration90 };
}

static gboolean
begin (HeBoundary *boundary, guint64 msn)
{
  if (boundary->open && msn <= boundary->msn)
    return FALSE;
  boundary->open = TRUE;
  boundary->msn = msn;
  return TRUE;
}

gboolean
he_boundary_announce (HeBoundary *boundary, guint64 msn, guint64 duration90)
{
  gboolean missed = boundary->open && boundary->announced
                    && boundary->announced_msn > boundary->msn
                    && msn > boundary->announced_msn;

  if (missed)
    boundary->has_key_units = FALSE;
  boundary->announced = TRUE;
  boundary->announced_msn = msn;
  boundary->duration90 = duration90;
  /* The first segment begins with its key unit or its first byte, whichever comes. */
  return boundary->open && !boundary->has_key_units && begin (boundary, msn);
}

/* The number with these low 32 bits that is nearest to an estimate. */
static guint64
complete_count (guint32 count, guint64 estimate)
{
  gint32 ahead = (gint32)(count - (guint32)estimate);

  if (ahead < 0 && estimate < (guint64)(-(gint64)ahead))
    return count;
  return estimate + (guint64)(gint64)ahead;
}

static guint64
number_of_key_unit (const HeBoundary *boundary, guint32 count, guint64 running_ns)
{
  if (boundary->announced && (guint32)boundary->announced_msn == count)
    return boundary->announced_msn;
  if (running_ns != HE_BOUNDARY_NO_TIME)
    return he_epoch_msn (he_ticks_from_ns (running_ns), boundary->duration90);
  return boundary->open ? complete_count (count, boundary->msn) : count;
}

gboolean
he_boundary_key_unit (HeBoundary *boundary, guint32 count, guint64 running_ns)
{
  boundary->has_key_units = TRUE;
  return begin (boundary, number_of_key_unit (boundary, count, running_ns));
}

gboolean
he_boundary_data (HeBoundary *boundary, guint64 running_ns)
{
  if (boundary->open)
    return FALSE;
  if (boundary->announced)
    return begin (boundary, boundary->announced_msn);
  if (running_ns == HE_BOUNDARY_NO_TIME)
    return FALSE;
  return begin (boundary,
                he_epoch_msn (he_ticks_from_ns (running_ns), boundary->duration90));
}
