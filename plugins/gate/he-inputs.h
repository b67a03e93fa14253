/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-input.h"

G_BEGIN_DECLS

/* What this node's workers said last of their channels' sources. Times are microseconds
 * of a monotonic clock. Thread-safe. */

/* A worker that says nothing for so long has no source that is up. */
#define HE_INPUTS_STALE (10 * G_USEC_PER_SEC)

typedef struct _HeInputs HeInputs;

HeInputs *he_inputs_new (void);
void he_inputs_free (HeInputs *inputs); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeInputs, he_inputs_free)

void he_inputs_set (HeInputs *inputs, const char *channel, const HeInputReport *report,
                    gint64 now);
/* As it is now: ages have grown since. FALSE: nothing was said. */
gboolean he_inputs_get (HeInputs *inputs, const char *channel, gint64 now,
                        HeInputReport *ret_report);

G_END_DECLS
