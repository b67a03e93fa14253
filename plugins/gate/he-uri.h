/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* An http or https URI, or the path and query of one, as tokens are checked against it
 * (RFC 9246 refers to RFC 3986 sections 6.2.2 and 6.2.3, and RFC 9110 section 4.2.3):
 * scheme and host in lower case, the scheme's own port and an empty one left out, "/" for
 * an empty path, no dot segments, percent-encodings in upper case, and none of characters
 * that need none. NULL for what has a malformed percent-encoding, no host, brackets where
 * no address is, a port that is no number, or "user@" before it, which no request has (RFC
 * 9110 section 4.2.4). */
char *he_uri_normalise (const char *uri);

G_END_DECLS
