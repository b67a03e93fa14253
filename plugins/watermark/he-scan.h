/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-sync-evidence.h"

G_BEGIN_DECLS

/* Where neither the view nor the time is known: two windows are compared with every segment
 * of the task by each view, at all shifts. What stands out is looked at in the windows
 * around, and the best of that in all windows at all times near; guesses are what comes of
 * it. Costs some microseconds for each view and segment, and 16 KB a window for each view
 * while it lasts. */
#define HE_SCAN_WINDOWS 2
void he_scan (HeSyncSearch *search, const HeSyncTask *task, const HeView *views, guint n_views,
              HeSyncGuesses *guesses);

G_END_DECLS
