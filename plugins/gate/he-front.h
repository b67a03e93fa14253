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
  gsize name_len;
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
  HeField fields[HE_FRONT_MAX_FIELDS]; /* no more is allocated than n_fields */
} HeHead;

void he_head_free (HeHead *head); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeHead, he_head_free)

/* How many bytes stand ahead of the first control character. */
gsize he_head_plain (const char *bytes, gsize len);

/* How far the bytes that came were looked at; zeros before the first. */
typedef struct {
  gsize at;
  gboolean in_fields; /* behind the request line */
} HeHeadScan;

/* Looks for the end of a head in bytes, of which each call sees those of the last and maybe
 * more. Returns the head's length, with the empty line, or 0 while it is not complete. What
 * can be no head any more is told at once, by *ret_status and a static text, and 0: a line
 * that does not end in CRLF, a control character, no HTTP version in the first line, more
 * than HE_FRONT_MAX_HEAD. */
gsize he_head_scan (const char *bytes, gsize len, HeHeadScan *scan, guint *ret_status,
                    const char **ret_why);

/* Reads a head of len bytes, which he_head_scan() found. NULL, with the status that says why
 * not and a static text, when anything is amiss:
 *  - no folding, names are tokens; the method is one of RFC 9110 but CONNECT, or PATCH (501);
 *  - the target is in origin form, or absolute form with scheme http, or "*" of OPTIONS,
 *    printable, within HE_FRONT_MAX_TARGET, its path as RFC 3986 writes it and without
 *    encoded control characters, its query as browsers write it; Host stands exactly once
 *    (HTTP/1.0: at most) and agrees with it;
 *  - fields whose doubling is ambiguous stand once;
 *  - no Transfer-Encoding: 411 of a chunked body, as RFC 9112 section 6.3 lets servers, 501
 *    of another coding ahead of that, else 400; Content-Length is digits only;
 *  - nothing is expected but 100-continue (417). */
HeHead *
he_head_parse (const char *bytes, gsize len, guint *ret_status, const char **ret_why);

/* The first field of a name, or NULL. */
const char *he_head_field (const HeHead *head, const char *name);
guint he_head_count (const HeHead *head, const char *name);
/* All fields of a name, or NULL. */
char *he_head_join (const HeHead *head, const char *name, const char *separator);

G_END_DECLS
