/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Which of several feeds of one programme is taken. The first is preferred. All times are
 * microseconds of one monotonic clock. */

#define HEADEND_LEG_SILENT G_USEC_PER_SEC        /* without data for so long */
#define HEADEND_LEG_STEADY (5 * G_USEC_PER_SEC)  /* without fault for so long */
#define HEADEND_LEG_RETURN (30 * G_USEC_PER_SEC) /* so is the first, to be taken back */

typedef struct {
  gint64 data_at;  /* when pictures or sound came last, if there are any; 0: never */
  gint64 fault_at; /* when it was last damaged, or began after a silence */
} HeadendLeg;

void headend_leg_data (HeadendLeg *leg, gboolean damaged, gint64 now);

gboolean headend_leg_is_silent (const HeadendLeg *leg, gint64 now);

/* The leg to take from now on: another than the current one when that is silent and the
 * other is not, when that has just been damaged and the other is steady, or when the
 * other is the first and has long been without fault. n >= 1. */
guint headend_leg_choose (const HeadendLeg *legs, guint n, guint current, gint64 now);

G_END_DECLS
