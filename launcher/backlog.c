/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backlog.h"

gboolean
headend_backlog_skips (HeadendBacklog *backlog, gint64 waited, guint percent)
{
  gboolean begun = backlog->skipping || percent > HEADEND_BACKLOG_FULL;
  backlog->skipping = waited > (begun ? HEADEND_BACKLOG_GOOD : HEADEND_BACKLOG_MAX);
  return backlog->skipping;
}
