/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Options and the one positional FILE that most commands take. Returns -1 to go on, else
 * the exit code: help and misuse are dealt with. entries may be NULL. *ret_file is owned.
 */
int headend_options_parse (int argc, char **argv, const GOptionEntry *entries,
                           const char *summary, char **ret_file);

G_END_DECLS
