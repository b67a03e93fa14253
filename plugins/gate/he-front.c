/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-front.h"

#include <string.h>

#include "he-codec.h"

#define TOKEN                                                                            \
  "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define NAME "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
#define LITERAL "0123456789abcdefABCDEF:."

/* Fields that must not come twice: two readers could each believe another one. */
static const char *const single[] = {
  "Host",
  "Origin",
  "Content-Length",
  "Transfer-Encoding",
  "Range",
  "Authorization",
  "X-Original-URI",
  "Headend-Segment",
  "Headend-Node",
  "Headend-Ticket",
  "Headend-Peer",
  "Expect",
};

typedef struct {
  HeHead *head;
  guint status;
  const char *why;
  const char *authority; /* of a target in absolute form, or NULL */
} Reader;

static gboolean
refuse (Reader *reader, guint status, const char *why)
{
  reader->status = status;
  reader->why = why;
  return FALSE;
}

void
he_head_free (HeHead *head)
{
  if (head == NULL)
    return;
  g_free (head->text);
  g_free (head);
}

const char *
he_head_field (const HeHead *head, const char *name)
{
  for (guint i = 0; i < head->n_fields; i++)
    if (g_ascii_strcasecmp (head->fields[i].name, name) == 0)
      return head->fields[i].value;
  return NULL;
}

char *
he_head_join (const HeHead *head, const char *name, const char *separator)
{
  GString *text = NULL;

  for (guint i = 0; i < head->n_fields; i++) {
    if (g_ascii_strcasecmp (head->fields[i].name, name) != 0)
      continue;
    if (text == NULL)
      text = g_string_new (NULL);
    else
      g_string_append (text, separator);
    g_string_append (text, head->fields[i].value);
  }
  return text != NULL ? g_string_free (text, FALSE) : NULL;
}

static gboolean
is_token (const char *text)
{
  return *text != '\0' && text[strspn (text, TOKEN)] == '\0';
}

/* VCHAR only: what a URI may not hold raw has been percent-encoded by an honest client.
 */
static gboolean
is_visible (const char *text)
{
  for (; *text != '\0'; text++)
    if (*text <= 0x20 || *text > 0x7e)
      return FALSE;
  return TRUE;
}

/* "http://AUTHORITY/PATH" becomes AUTHORITY and "/PATH", of which "/" may be left out;
 * the text has room, because what went before is longer than the two bytes that are
 * added. */
static gboolean
read_absolute (Reader *reader, char **target)
{
  gsize skip = strlen ("http://");
  char *start = *target + skip, *path;

  if (g_ascii_strncasecmp (*target, "http://", skip) != 0)
    return refuse (reader, 400, "malformed target");
  path = start + strcspn (start, "/?");
  if (path == start)
    return refuse (reader, 400, "malformed target");
  memmove (start - 2, start, (gsize)(path - start));
  reader->authority = start - 2;
  path[-2] = '\0';
  if (*path != '/')
    *--path = '/';
  *target = path;
  return TRUE;
}

static gboolean
read_target (Reader *reader, char *target)
{
  char *mark;

  if (strlen (target) > HE_FRONT_MAX_TARGET)
    return refuse (reader, 414, "target too long");
  if (!is_visible (target) || strchr (target, '#') != NULL)
    return refuse (reader, 400, "malformed target");
  if (*target != '/' && !read_absolute (reader, &target))
    return FALSE;
  if ((mark = strchr (target, '?')) != NULL) {
    *mark = '\0';
    reader->head->query = mark + 1;
  }
  reader->head->path = target;
  return TRUE;
}

/* A higher minor version is answered as the highest that we know (RFC 9110 section 2.5).
 */
static gboolean
read_version (Reader *reader, const char *text)
{
  if (strlen (text) != 8 || !g_str_has_prefix (text, "HTTP/")
      || !g_ascii_isdigit (text[5]) || text[6] != '.' || !g_ascii_isdigit (text[7]))
    return refuse (reader, 400, "expected HTTP/1.1");
  if (text[5] != '1')
    return refuse (reader, 505, "expected HTTP/1.1");
  reader->head->http11 = text[7] != '0';
  return TRUE;
}

static gboolean
read_request_line (Reader *reader, char *line)
{
  char *target = strchr (line, ' ');
  char *version = target != NULL ? strchr (target + 1, ' ') : NULL;

  if (version == NULL)
    return refuse (reader, 400, "malformed request line");
  *target++ = '\0';
  *version++ = '\0';
  if (!is_token (line))
    return refuse (reader, 400, "malformed method");
  reader->head->method = line;
  return read_version (reader, version) && read_target (reader, target);
}

static gboolean
read_field (Reader *reader, char *line)
{
  char *colon = strchr (line, ':'), *value, *end;
  HeHead *head = reader->head;

  if (colon == NULL)
    return refuse (reader, 400, "malformed field");
  *colon = '\0';
  if (!is_token (line)) /* a blank before the colon, folding, no name */
    return refuse (reader, 400, "malformed field name");
  value = colon + 1 + strspn (colon + 1, " \t");
  for (end = value + strlen (value); end > value && (end[-1] == ' ' || end[-1] == '\t');)
    *--end = '\0';
  for (const char *p = value; *p != '\0'; p++)
    if (g_ascii_iscntrl (*p) && *p != '\t')
      return refuse (reader, 400, "control character in a field");
  if (head->n_fields == HE_FRONT_MAX_FIELDS)
    return refuse (reader, 431, "too many fields");
  head->fields[head->n_fields++] = (HeField) { line, value };
  return TRUE;
}

/* Cuts the text at each CRLF. */
static gboolean
read_lines (Reader *reader, char *text)
{
  char *line = text, *end;
  gsize bytes = 0;

  for (guint i = 0; (end = strstr (line, "\r\n")) != line; i++) {
    if (end == NULL || memchr (line, '\n', (gsize)(end - line)) != NULL)
      return refuse (reader, 400, "a line that does not end in CRLF");
    *end = '\0';
    bytes += i > 0 ? (gsize)(end - line) : 0;
    if (bytes > HE_FRONT_MAX_FIELD_BYTES)
      return refuse (reader, 431, "fields too large");
    if (!(i == 0 ? read_request_line (reader, line) : read_field (reader, line)))
      return FALSE;
    line = end + 2;
  }
  return line != text || refuse (reader, 400, "no request line");
}

static gboolean
check_single (Reader *reader)
{
  for (guint i = 0; i < G_N_ELEMENTS (single); i++) {
    guint n = 0;

    for (guint j = 0; j < reader->head->n_fields; j++)
      n += g_ascii_strcasecmp (reader->head->fields[j].name, single[i]) == 0;
    if (n > 1)
      return refuse (reader, 400, "a field that must not come twice came twice");
  }
  return TRUE;
}

static gboolean
check_framing (Reader *reader)
{
  HeHead *head = reader->head;
  const char *length = he_head_field (head, "Content-Length");

  /* Ambiguity between the two is how requests are smuggled; none of our clients encodes.
   */
  if (he_head_field (head, "Transfer-Encoding") != NULL)
    return refuse (reader, length != NULL ? 400 : 411, "Transfer-Encoding in a request");
  if (length != NULL
      && !he_uint64_decode (length, strlen (length), G_MAXINT64, &head->content_length))
    return refuse (reader, 400, "malformed Content-Length");
  return TRUE;
}

/* uri-host [":" port] (RFC 9110 section 7.2): a name or an address, not what URIs may
 * spell besides, which no host is called. */
static gboolean
is_authority (const char *text)
{
  const char *end
      = text + (*text == '[' ? 1 + strspn (text + 1, LITERAL) : strspn (text, NAME));
  gsize digits;

  if (*text == '[' && (end == text + 1 || *end++ != ']'))
    return FALSE;
  if (end == text || *end == '\0')
    return end > text;
  digits = strspn (end + 1, "0123456789");
  return *end == ':' && end[1 + digits] == '\0' && digits <= 5
         && g_ascii_strtoull (end + 1, NULL, 10) <= G_MAXUINT16;
}

static gboolean
check_host (Reader *reader)
{
  const char *host = he_head_field (reader->head, "Host");

  if (host == NULL)
    return !reader->head->http11 || refuse (reader, 400, "no Host");
  if (!is_authority (host))
    return refuse (reader, 400, "malformed Host");
  if (reader->authority != NULL && g_ascii_strcasecmp (reader->authority, host) != 0)
    return refuse (reader, 400, "Host and target differ");
  return TRUE;
}

/* Whether a comma-separated list names a token. */
static gboolean
list_has (const char *list, const char *token)
{
  gsize len = strlen (token);

  while (list != NULL && *list != '\0') {
    gsize item = strcspn (list, ", \t");

    if (item == len && g_ascii_strncasecmp (list, token, len) == 0)
      return TRUE;
    list += item;
    list += strspn (list, ", \t");
  }
  return FALSE;
}

static void
read_wishes (HeHead *head)
{
  const char *expect = he_head_field (head, "Expect");

  head->keep_alive = head->http11;
  for (guint i = 0; i < head->n_fields; i++) {
    if (g_ascii_strcasecmp (head->fields[i].name, "Connection") != 0)
      continue;
    if (list_has (head->fields[i].value, "close"))
      head->keep_alive = FALSE;
    else if (!head->http11 && list_has (head->fields[i].value, "keep-alive"))
      head->keep_alive = TRUE;
  }
  head->expect_continue = head->http11 && expect != NULL
                          && g_ascii_strcasecmp (expect, "100-continue") == 0;
}

HeHead *
he_head_parse (const char *bytes, gsize len, guint *ret_status, const char **ret_why)
{
  g_autoptr (HeHead) head = g_new0 (HeHead, 1);
  Reader reader = { .head = head };

  head->text = g_strndup (bytes, len);
  if ((memchr (bytes, '\0', len) != NULL && !refuse (&reader, 400, "NUL in the head"))
      || !read_lines (&reader, head->text) || !check_single (&reader)
      || !check_framing (&reader) || !check_host (&reader)) {
    *ret_status = reader.status;
    *ret_why = reader.why;
    return NULL;
  }
  read_wishes (head);
  return g_steal_pointer (&head);
}

HeRange
he_range_parse (const char *text, guint64 size, guint64 *ret_first, guint64 *ret_last)
{
  const char *dash;
  guint64 first, last = G_MAXINT64;

  if (text == NULL || g_ascii_strncasecmp (text, "bytes=", 6) != 0)
    return HE_RANGE_NONE;
  text += 6;
  if ((dash = strchr (text, '-')) == NULL)
    return HE_RANGE_NONE;
  if (dash == text) { /* the last n bytes */
    if (!he_uint64_decode (dash + 1, strlen (dash + 1), G_MAXINT64, &last))
      return HE_RANGE_NONE;
    if (last == 0 || size == 0)
      return HE_RANGE_UNSATISFIABLE;
    *ret_first = size - MIN (last, size);
    *ret_last = size - 1;
    return HE_RANGE_ONE;
  }
  if (!he_uint64_decode (text, (gsize)(dash - text), G_MAXINT64, &first)
      || (dash[1] != '\0'
          && !he_uint64_decode (dash + 1, strlen (dash + 1), G_MAXINT64, &last))
      || last < first)
    return HE_RANGE_NONE;
  if (first >= size)
    return HE_RANGE_UNSATISFIABLE;
  *ret_first = first;
  *ret_last = MIN (last, size - 1);
  return HE_RANGE_ONE;
}
