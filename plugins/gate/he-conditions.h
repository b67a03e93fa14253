/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a request asks of the answer (RFC 9110 sections 13 and 14). Pure. */

/* Whether a field with entity tags (RFC 9110 section 8.8.3; NULL: none) names etag, which
 * is strong and quoted, or is "*". weak: W/ says nothing (section 8.8.3.2). What is no
 * list of tags names what stands ahead of the mistake. etag NULL: there is none, so "*"
 * alone is it. */
gboolean he_etags_have (const char *list, const char *etag, gboolean weak);

typedef enum {
  HE_RANGE_NONE, /* none, several or not understood: send everything (RFC 9110 14.2) */
  HE_RANGE_ONE,
  HE_RANGE_UNSATISFIABLE,
} HeRange;

/* Of a Range field (or NULL) on size bytes: first .. last, inclusive. */
HeRange
he_range_parse (const char *text, guint64 size, guint64 *ret_first, guint64 *ret_last);

G_END_DECLS
