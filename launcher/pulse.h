/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether a child that is to say something every second stands still, as one that was
 * stopped or hangs does, or only waits for its turn on a busy machine. Counted in looks
 * of the parent, about a second apart, so that who stood still itself blames nobody. */

#define HEADEND_PULSE_STILL 5   /* looks without a sign of life, once it was ready */
#define HEADEND_PULSE_SILENT 30 /* looks without a word */

/* What the kernel says of a process's first thread. */
typedef struct {
  gboolean known;
  guint64 turns;  /* that it got on a processor */
  gboolean waits; /* for one, for a disk, or for a debugger */
} HeadendPulseSample;

typedef struct {
  /*< private >*/
  HeadendPulseSample last;
  guint still, silent;
} HeadendPulse;

/* Zero-initialise when the child starts. It said something. */
void headend_pulse_heard (HeadendPulse *pulse);

/* A look. TRUE: it is dead, and counting begins anew; *ret_looks: after so many. ready:
 * it does nothing lengthy in its first thread any more. Pure. */
gboolean headend_pulse_look (HeadendPulse *pulse, const HeadendPulseSample *sample,
                             gboolean ready, guint *ret_looks);

/* Of a process, by id; not known where /proc does not say. */
HeadendPulseSample headend_pulse_sample (const char *pid);

/* Whether a thread of a process, or of one that it started, waits for a disk. */
gboolean headend_pulse_waits_for_disk (const char *pid);

G_END_DECLS
