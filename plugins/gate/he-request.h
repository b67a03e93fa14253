/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-front.h"
#include "he-http.h"
#include "he-link.h"

G_BEGIN_DECLS

/* A request and its answer, between the connection that carries them and the handler. */

struct _HeRequest {
  gatomicrefcount refs;
  HeHead *head;
  GRefString *peer;
  char *cookie, *forwarded; /* joined, once asked for */
  GBytes *body; /* NULL: empty */
  const char *class_name; /* atomic: the connection may break under the handler */

  guint status;    /* 0 until answered */
  GString *fields; /* of the answer: lines that end in CRLF; until its head is rendered */
  GBytes *answer;  /* body as it goes out, or NULL */
  int file;        /* that holds it from offset, or -1 */
  gint64 offset;
  gsize length;    /* for Content-Length; HEAD sends it without a body */
  HePart *part;
  gsize counted_head, counted_body; /* in the part's budget, once nobody waits any more */
  HeLink *link; /* on the part's thread; NULL once nobody waits for the answer any more */
};

/* Takes head. */
HeRequest *
he_request_new (HeHead *head, GRefString *peer, HePart *part, HeLink *link);
/* The client has left, and the handler has these bytes of him still: they count until the
 * request is let go. On the part's thread, once. */
void he_request_count (HeRequest *request, gsize head, gsize body);
/* On the part's thread, once: status line and fields of the answer, with the empty line. now:
 * unix seconds. */
GString *he_request_render_head (HeRequest *request, gboolean keep_alive, gint64 now);
const char *he_http_phrase (guint status);

G_END_DECLS
