/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Where segments begin in a multiplexed stream, from the two annotations that survive a
 * muxer: the announcement of a segment (its number, exact) and the key unit (its place).
 *
 * mpegtsmux passes an announcement on while packets of the old segment are still to come,
 * and a key unit immediately before the PAT, PMT and IDR picture of the new one. So where
 * a stream has key units, they cut, and announcements only tell their numbers; in a
 * stream without video, or whose key units stay away for a whole segment, announcements
 * cut. The first annotation of a number that may cut wins; repeats and numbers that go
 * back never cut. */
typedef struct {
  guint64 duration90; /* ticks; an announcement's own replaces the given one */
  gboolean open;      /* a segment has begun */
  guint64 msn;        /* its number */
  gboolean has_key_units;
  gboolean announced;
  guint64 announced_msn;
} HeBoundary;

#define HE_BOUNDARY_NO_TIME G_MAXUINT64

/* duration90 > 0 */
void he_boundary_init (HeBoundary *boundary, guint64 duration90);

/* These return TRUE when a segment begins here: boundary->msn is its number. */
gboolean he_boundary_announce (HeBoundary *boundary, guint64 msn, guint64 duration90);

/* count: the low 32 bits of the number, or a count of the pipeline's own; running_ns: the
 * key unit's running time, or HE_BOUNDARY_NO_TIME. An announcement that the count matches
 * decides, else time, else the count. */
gboolean he_boundary_key_unit (HeBoundary *boundary, guint32 count, guint64 running_ns);

/* Data: begins the first segment where no key unit did. FALSE with boundary->open FALSE
 * when nothing says which it is. */
gboolean he_boundary_data (HeBoundary *boundary, guint64 running_ns);

G_END_DECLS
