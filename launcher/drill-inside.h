/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-json.h"

G_BEGIN_DECLS

/* Runs headend drill once more in new namespaces (drill-apart.h), with the same output.
 * argv: what follows "drill", options and drills, without --report. SIGTERM is passed on
 * once *interrupted. Returns the report,
 * or NULL with HE_ERROR_UNAVAILABLE: not root, or not allowed. */
HeJson *headend_drill_inside (const char *program, const char *const *argv,
                              const volatile int *interrupted, GError **error);

G_END_DECLS
