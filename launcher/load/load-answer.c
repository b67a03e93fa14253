/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load-answer.h"

#include <string.h>
#include "he-codec.h"

#define MAX_LINE 4096

void
headend_answer_clear (HeadendAnswer *answer)
{
  g_clear_pointer (&answer->location, g_free);
  g_clear_pointer (&answer->cookie, g_free);
  g_clear_pointer (&answer->body, g_byte_array_unref);
  g_clear_pointer (&answer->line, g_byte_array_unref);
}

void
headend_answer_begin (HeadendAnswer *answer, gboolean keep)
{
  headend_answer_clear (answer);
  *answer = (HeadendAnswer) { .body = keep ? g_byte_array_new () : NULL };
}

void
headend_answer_break (HeadendAnswer *answer)
{
  answer->state = HEADEND_ANSWER_BROKEN;
  answer->closes = TRUE;
}

/* Whether a comma-separated list ends with a token. */
static gboolean
ends_with (const char *list, const char *token)
{
  gsize len = strlen (list), size = strlen (token);
  return len >= size && g_ascii_strcasecmp (list + len - size, token) == 0
         && (len == size || strchr (", \t", list[len - size - 1]) != NULL);
}

static gboolean
read_field (HeadendAnswer *answer, char *line, gboolean *chunked, gboolean *sized)
{
  char *value = strchr (line, ':');
  if (!value || value == line)
    return FALSE;
  *value++ = '\0';
  g_strstrip (value);
  if (g_ascii_strcasecmp (line, "Content-Length") == 0) {
    *sized = TRUE;
    return he_uint64_decode (value, strlen (value), G_MAXINT64, &answer->rest);
  }
  if (g_ascii_strcasecmp (line, "Transfer-Encoding") == 0) {
    *chunked = TRUE;
    return ends_with (value, "chunked");
  }
  if (g_ascii_strcasecmp (line, "Connection") == 0) {
    if (ends_with (value, "close"))
      answer->closes = TRUE;
  } else if (g_ascii_strcasecmp (line, "Location") == 0) {
    g_free (answer->location);
    answer->location = g_strdup (value);
  } else if (g_ascii_strcasecmp (line, "Set-Cookie") == 0) {
    g_free (answer->cookie);
    answer->cookie = g_strndup (value, strcspn (value, "; \t"));
  }
  return TRUE;
}

static gboolean
read_status (HeadendAnswer *answer, const char *line)
{
  guint64 status = 0;
  if (strlen (line) < 12 || !g_str_has_prefix (line, "HTTP/1.") || line[8] != ' '
      || !he_uint64_decode (line + 9, 3, 599, &status) || status < 100)
    return FALSE;
  answer->status = (guint)status;
  answer->closes = line[7] == '0';
  return TRUE;
}

/* The whole head, with its empty line. */
static void
read_head (HeadendAnswer *answer, char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\r\n", 0);
  gboolean chunked = FALSE, sized = FALSE;
  if (!read_status (answer, lines[0])) {
    headend_answer_break (answer);
    return;
  }
  for (guint i = 1; lines[i] && *lines[i]; i++)
    if (!read_field (answer, lines[i], &chunked, &sized)) {
      headend_answer_break (answer);
      return;
    }
  if (answer->status / 100 == 1) /* the answer proper follows */
    answer->state = HEADEND_ANSWER_HEAD;
  else if (answer->status == 204 || answer->status == 304)
    answer->state = HEADEND_ANSWER_DONE;
  else if (chunked)
    answer->state = HEADEND_ANSWER_CHUNK_SIZE;
  else if (sized)
    answer->state = answer->rest > 0 ? HEADEND_ANSWER_BODY : HEADEND_ANSWER_DONE;
  else {
    answer->state = HEADEND_ANSWER_UNTIL_CLOSE;
    answer->closes = TRUE;
  }
}

/* Bytes up to and with the end of a head; all of them when it does not end here. */
static gsize
push_head (HeadendAnswer *answer, const char *data, gsize len)
{
  guint before;
  if (!answer->line)
    answer->line = g_byte_array_new ();
  before = answer->line->len;
  g_byte_array_append (answer->line, (const guint8 *)data, (guint)len);
  char *end = memmem (answer->line->data, answer->line->len, "\r\n\r\n", 4);
  if (!end) {
    if (answer->line->len > HEADEND_ANSWER_MAX_HEAD)
      headend_answer_break (answer);
    return len;
  }
  gsize size = (gsize)(end - (char *)answer->line->data) + 4;
  end[2] = '\0';
  if (memchr (answer->line->data, '\0', size - 2) || size > HEADEND_ANSWER_MAX_HEAD)
    headend_answer_break (answer);
  else
    read_head (answer, (char *)answer->line->data);
  g_clear_pointer (&answer->line, g_byte_array_unref);
  return size - before;
}

/* Bytes up to and with the end of a line, which *ret_line then is; all of them, and NULL,
 * when it does not end here. */
static gsize
push_line (HeadendAnswer *answer, const char *data, gsize len, char **ret_line)
{
  const char *end = memchr (data, '\n', len);
  gsize used = end ? (gsize)(end - data) + 1 : len;
  *ret_line = NULL;
  if (!answer->line)
    answer->line = g_byte_array_new ();
  g_byte_array_append (answer->line, (const guint8 *)data, (guint)used);
  if (answer->line->len > MAX_LINE)
    headend_answer_break (answer);
  else if (end) {
    *ret_line
        = g_strchomp (g_strndup ((char *)answer->line->data, answer->line->len - 1));
    g_clear_pointer (&answer->line, g_byte_array_unref);
  }
  return used;
}

static gsize
push_chunk_size (HeadendAnswer *answer, const char *data, gsize len)
{
  g_autofree char *line = NULL;
  gsize used = push_line (answer, data, len, &line);
  if (!line)
    return used;
  gsize digits = strspn (line, "0123456789abcdefABCDEF");
  if (digits == 0 || digits > 15 || (line[digits] && !strchr ("; \t", line[digits]))) {
    headend_answer_break (answer);
    return used;
  }
  answer->rest = g_ascii_strtoull (line, NULL, 16);
  answer->state = answer->rest > 0 ? HEADEND_ANSWER_CHUNK : HEADEND_ANSWER_TRAILER;
  return used;
}

/* The line behind a chunk, which is empty, or one of those at the end. */
static gsize
push_end (HeadendAnswer *answer, const char *data, gsize len)
{
  g_autofree char *line = NULL;
  gsize used = push_line (answer, data, len, &line);
  if (!line)
    return used;
  if (answer->state == HEADEND_ANSWER_CHUNK_END) {
    if (*line)
      headend_answer_break (answer);
    else
      answer->state = HEADEND_ANSWER_CHUNK_SIZE;
  } else if (!*line)
    answer->state = HEADEND_ANSWER_DONE;
  return used;
}

static void
count (HeadendAnswer *answer, guint64 len)
{
  answer->bytes += len;
  if (answer->state == HEADEND_ANSWER_UNTIL_CLOSE)
    return;
  answer->rest -= len;
  if (answer->rest == 0)
    answer->state = answer->state == HEADEND_ANSWER_CHUNK ? HEADEND_ANSWER_CHUNK_END
                                                          : HEADEND_ANSWER_DONE;
}

static gsize
push_body (HeadendAnswer *answer, const char *data, gsize len)
{
  if (answer->state != HEADEND_ANSWER_UNTIL_CLOSE)
    len = (gsize)MIN (len, answer->rest);
  if (answer->body && answer->body->len + len > HEADEND_ANSWER_MAX_BODY) {
    headend_answer_break (answer);
    return len;
  }
  if (answer->body)
    g_byte_array_append (answer->body, (const guint8 *)data, (guint)len);
  count (answer, len);
  return len;
}

gsize
headend_answer_push (HeadendAnswer *answer, const char *data, gsize len)
{
  gsize done = 0;
  while (done < len)
    switch (answer->state) {
      case HEADEND_ANSWER_HEAD:
        done += push_head (answer, data + done, len - done);
        break;
      case HEADEND_ANSWER_BODY:
      case HEADEND_ANSWER_CHUNK:
      case HEADEND_ANSWER_UNTIL_CLOSE:
        done += push_body (answer, data + done, len - done);
        break;
      case HEADEND_ANSWER_CHUNK_SIZE:
        done += push_chunk_size (answer, data + done, len - done);
        break;
      case HEADEND_ANSWER_CHUNK_END:
      case HEADEND_ANSWER_TRAILER:
        done += push_end (answer, data + done, len - done);
        break;
      case HEADEND_ANSWER_DONE:
      case HEADEND_ANSWER_BROKEN:
        return done;
    }
  return done;
}

guint64
headend_answer_blind (const HeadendAnswer *answer)
{
  return !answer->body
                 && (answer->state == HEADEND_ANSWER_BODY
                     || answer->state == HEADEND_ANSWER_CHUNK)
             ? answer->rest
             : 0;
}

void
headend_answer_skip (HeadendAnswer *answer, guint64 len)
{
  g_return_if_fail (len <= headend_answer_blind (answer));
  if (len > 0)
    count (answer, len);
}

gboolean
headend_answer_closed (HeadendAnswer *answer)
{
  if (answer->state == HEADEND_ANSWER_UNTIL_CLOSE)
    answer->state = HEADEND_ANSWER_DONE;
  return answer->state == HEADEND_ANSWER_DONE;
}
