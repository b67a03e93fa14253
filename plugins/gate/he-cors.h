/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Cross-origin requests of players in browsers (the Fetch standard's CORS protocol), for
 * origins that are listed, one by one: with credentials there is no "*". */

/* An origin as browsers write it (RFC 6454 section 6.2): "https://host" or
 * "https://host:port", in lower case, without the scheme's own port, path or user; that of an
 * application with a scheme of its own, such as "capacitor://localhost" or "file://"; or
 * "null", which many share. */
gboolean he_cors_origin_is_valid (const char *text);

typedef struct {
  const char *name, *value;
} HeCorsField;

#define HE_CORS_FIELDS 6

/* The fields that an answer to a request from origin (its Origin field, or NULL) gets; as
 * many as are returned. allowed: NULL-terminated, or NULL: none, and no answer differs by
 * origin. Values are borrowed from allowed, or static. */
guint he_cors_answer (const char *const *allowed, const char *origin,
                      HeCorsField ret_fields[HE_CORS_FIELDS]);

/* The same of an OPTIONS request, a preflight for method (its
 * Access-Control-Request-Method, or NULL). *ret_status is 204 when the browser may go on,
 * else 403; 405 when no origin is allowed here, or this is no preflight and only asks which
 * methods there are. */
guint he_cors_preflight (const char *const *allowed, const char *origin,
                         const char *method, guint *ret_status,
                         HeCorsField ret_fields[HE_CORS_FIELDS]);

/* Whether one is in the list, to the letter. */
gboolean he_cors_allows (const char *const *allowed, const char *origin);

G_END_DECLS
