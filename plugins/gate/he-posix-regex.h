/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A POSIX extended regular expression (as RFC 9246 section 2.1.15.2 has them) as one for
 * PCRE, whose match limit bounds the time that any pattern can take. NULL for what POSIX
 * leaves undefined and PCRE gives a meaning of its own: "(?", "(*", "\\d",
 * back-references, a second repetition behind the first, "{" that begins no interval,
 * classes that POSIX does not name; and for collating symbols of several characters. */
char *he_posix_regex (const char *pattern);

G_END_DECLS
