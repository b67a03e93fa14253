/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The head of a request (RFC 9112), read strictly: whatever two readers could understand
 * differently is refused. Pure, and bounded by what is handed in. */

#define HE_FRONT_MAX_HEAD (48 * 1024)
#define HE_FRONT_MAX_TARGET 8192
#define HE_FRONT_MAX_FIELDS 100
#define HE_FRONT_MAX_FIELD_BYTES (32 * 1024)

typedef struct {
  const char *name, *value; /* value without blanks around it */
} HeField;

typedef struct {
  char *text; /* what the pointers below point into */
  const char *method;
  gboolean http11;   /* else HTTP/1.0 */
  const char *path;  /* raw; of a target in absolute form, too */
  const char *query; /* raw, without '?', or NULL */
  guint64 content_length;
  gboolean keep_alive;      /* as the client wants it */
  gboolean expect_continue; /* it waits before it sends the body */
  guint n_fields;
  HeField fields[HE_FRONT_MAX_FIELDS];
} HeHead;

void he_head_free (HeHead *head); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeHead, he_head_free)

/* Reads the len bytes up to and with the empty line. NULL, with the status that says why
 * not and a static text, when anything is amiss:
 *  - lines end in CRLF; no folding, no control characters, names are tokens;
 *  - the target is in origin form, or absolute form with scheme http, printable, within
 *    HE_FRONT_MAX_TARGET; Host stands exactly once (HTTP/1.0: at most) and agrees with
 * it;
 *  - fields whose doubling is ambiguous stand once;
 *  - no Transfer-Encoding; Content-Length is digits only. */
HeHead *
he_head_parse (const char *bytes, gsize len, guint *ret_status, const char **ret_why);

/* The first field of a name, or NULL. */
const char *he_head_field (const HeHead *head, const char *name);
/* All fields of a name, or NULL. */
char *he_head_join (const HeHead *head, const char *name, const char *separator);

typedef enum {
  HE_RANGE_NONE, /* none, several or not understood: send everything (RFC 9110 14.2) */
  HE_RANGE_ONE,
  HE_RANGE_UNSATISFIABLE,
} HeRange;

/* Of a Range field (or NULL) on size bytes: first .. last, inclusive. */
HeRange
he_range_parse (const char *text, guint64 size, guint64 *ret_first, guint64 *ret_last);

G_END_DECLS
