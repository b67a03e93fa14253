/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "supervisor.h"

G_BEGIN_DECLS

/* Says to the service manager that started us how the processes below a supervisor are:
 *
 *   alive  the supervisor's loop turns, no child has resisted being killed, and every
 *          origin has just answered an HTTP request. Not that it has anything to serve:
 *          a new process brings no lost source back.
 *   ready  with serving: every origin's /readyz says so, or where there is none, every
 *          child has said that it is ready. Without: every origin answers.
 *
 * Asks in a thread; everything else runs on the main loop. */
typedef struct _HeadendVitals HeadendVitals;

/* origins: internal addresses, NULL-terminated, copied. The supervisor must live longer.
 * NULL when no service manager asked. */
HeadendVitals *headend_vitals_new (HeadendSupervisor *supervisor,
                                   const char *const *origins, gboolean serving);
void headend_vitals_free (HeadendVitals *vitals); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeadendVitals, headend_vitals_free)

G_END_DECLS
