/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Options and the one positional FILE that most commands take. Returns -1 to go on, else
 * the exit code: help and misuse are dealt with. entries may be NULL. *ret_file is owned.
 */
int headend_options_parse (int argc, char **argv, const GOptionEntry *entries,
                           const char *summary, char **ret_file);

/* The same with any number of words, none included. *ret_words is owned. usage says
 * them, such as "FILE [NAME...]". */
int
headend_options_parse_words (int argc, char **argv, const GOptionEntry *entries,
                             const char *summary, const char *usage, char ***ret_words);

G_END_DECLS
