/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Answers of an HTTP/1.1 server to GET (RFC 9112), one after the other on a connection,
 * as the bytes come. Pure and bounded: heads of at most HEADEND_ANSWER_MAX_HEAD bytes,
 * bodies that are kept of at most HEADEND_ANSWER_MAX_BODY. */
#define HEADEND_ANSWER_MAX_HEAD (16 * 1024)
#define HEADEND_ANSWER_MAX_BODY (1024 * 1024)

typedef enum {
  HEADEND_ANSWER_HEAD,
  HEADEND_ANSWER_BODY,
  HEADEND_ANSWER_CHUNK_SIZE,
  HEADEND_ANSWER_CHUNK,
  HEADEND_ANSWER_CHUNK_END,
  HEADEND_ANSWER_TRAILER,
  HEADEND_ANSWER_UNTIL_CLOSE,
  HEADEND_ANSWER_DONE,
  HEADEND_ANSWER_BROKEN,
} HeadendAnswerState;

typedef struct {
  HeadendAnswerState state;
  guint status;
  gboolean closes;  /* the connection is of no use afterwards */
  guint64 bytes;    /* of the body, so far */
  char *location;   /* of the field of that name, or NULL */
  char *cookie;     /* "NAME=VALUE" of the last Set-Cookie, or NULL */
  GByteArray *body; /* NULL: its bytes are only counted */
  /* Inside: */
  GByteArray *line; /* the head, or a line that is not complete */
  guint64 rest;     /* of the body or the chunk */
} HeadendAnswer;

/* For the next answer; with keep, its body is kept. */
void headend_answer_begin (HeadendAnswer *answer, gboolean keep);
void headend_answer_clear (HeadendAnswer *answer);

/* Takes what belongs to the answer and returns how many bytes that were: fewer than len
 * only when it is DONE or BROKEN. */
gsize headend_answer_push (HeadendAnswer *answer, const char *data, gsize len);

/* How many of the next bytes are only counted, and may be thrown away unseen; then say so
 * with headend_answer_skip(). */
guint64 headend_answer_blind (const HeadendAnswer *answer);
void headend_answer_skip (HeadendAnswer *answer, guint64 len);

/* What came is not an answer after all. */
void headend_answer_break (HeadendAnswer *answer);

/* The server has closed: whether the answer is complete by that. */
gboolean headend_answer_closed (HeadendAnswer *answer);

G_END_DECLS
