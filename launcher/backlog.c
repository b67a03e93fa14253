/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backlog.h"

gboolean
headend_backlog_skips (HeadendBacklog *backlog, gint64 waited)
{
  backlog->skipping
      = waited > (backlog->skipping ? HEADEND_BACKLOG_GOOD : HEADEND_BACKLOG_MAX);
  return backlog->skipping;
}
