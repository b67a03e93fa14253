/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-front.h"

#include <arpa/inet.h>
#include <string.h>

#include "he-codec.h"

/* What a byte may stand in: a token (RFC 9110 section 5.6.2), a host's name, a path (RFC
 * 3986 section 3.3, besides percent-encodings). */
#define TOKEN 1
#define NAME 2
#define PATH 4

static const guint8 classes[256] = {
  ['A' ... 'Z'] = TOKEN | NAME | PATH,
  ['a' ... 'z'] = TOKEN | NAME | PATH,
  ['0' ... '9'] = TOKEN | NAME | PATH,
  ['-'] = TOKEN | NAME | PATH,
  ['.'] = TOKEN | NAME | PATH,
  ['_'] = TOKEN | NAME | PATH,
  ['~'] = TOKEN | NAME | PATH,
  ['!'] = TOKEN | PATH,
  ['$'] = TOKEN | PATH,
  ['&'] = TOKEN | PATH,
  ['\''] = TOKEN | PATH,
  ['*'] = TOKEN | PATH,
  ['+'] = TOKEN | PATH,
  ['#'] = TOKEN,
  ['%'] = TOKEN,
  ['^'] = TOKEN,
  ['`'] = TOKEN,
  ['|'] = TOKEN,
  ['('] = PATH,
  [')'] = PATH,
  [','] = PATH,
  [';'] = PATH,
  ['='] = PATH,
  [':'] = PATH,
  ['@'] = PATH,
  ['/'] = PATH,
};

/* Behind those bytes of text that are of a class. */
static const char *
skip (const char *text, guint8 class)
{
  while (classes[(guint8)*text] & class)
    text++;
  return text;
}

/* RFC 9110 section 9 without CONNECT, which is for proxies, and RFC 5789. */
static const char *const methods[]
    = { "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", NULL };

/* Fields that must not come twice: two readers could each believe another one. */
#define NAMED(name) { name, NULL, sizeof name - 1 }
static const HeField single[] = {
  NAMED ("Host"),
  NAMED ("Origin"),
  NAMED ("Content-Length"),
  NAMED ("Transfer-Encoding"),
  NAMED ("Range"),
  NAMED ("Authorization"),
  NAMED ("X-Original-URI"),
  NAMED ("Headend-Segment"),
  NAMED ("Headend-Node"),
  NAMED ("Headend-Ticket"),
  NAMED ("Headend-Peer"),
  NAMED ("Expect"),
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

/* Most names differ in their length or first letter, and most of the others are spelt as
 * here. */
static gboolean
is_named (const HeField *field, const char *name, gsize len)
{
  return field->name_len == len && ((*field->name ^ *name) & ~0x20) == 0
         && (memcmp (field->name, name, len) == 0
             || g_ascii_strncasecmp (field->name, name, len) == 0);
}

/* The next of that name behind field, NULL: the first; or NULL. */
static const HeField *
next (const HeHead *head, const HeField *field, const char *name)
{
  gsize len = strlen (name);

  for (field = field != NULL ? field + 1 : head->fields;
       field < head->fields + head->n_fields; field++)
    if (is_named (field, name, len))
      return field;
  return NULL;
}

const char *
he_head_field (const HeHead *head, const char *name)
{
  const HeField *field = next (head, NULL, name);

  return field != NULL ? field->value : NULL;
}

guint
he_head_count (const HeHead *head, const char *name)
{
  guint n = 0;

  for (const HeField *field = NULL; (field = next (head, field, name)) != NULL;)
    n++;
  return n;
}

char *
he_head_join (const HeHead *head, const char *name, const char *separator)
{
  GString *text = NULL;

  for (const HeField *field = NULL; (field = next (head, field, name)) != NULL;) {
    if (text == NULL)
      text = g_string_new (NULL);
    else
      g_string_append (text, separator);
    g_string_append (text, field->value);
  }
  return text != NULL ? g_string_free (text, FALSE) : NULL;
}

static gboolean
is_token (const char *text)
{
  const char *end = skip (text, TOKEN);

  return end > text && *end == '\0';
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

/* RFC 3986 section 3.3; of control characters not even the encodings, which something
 * behind us might decode. */
static gboolean
is_path (const char *text)
{
  while (*(text = skip (text, PATH)) == '%') {
    int high = g_ascii_xdigit_value (text[1]);
    int low = high < 0 ? -1 : g_ascii_xdigit_value (text[2]);

    if (low < 0 || high < 2 || (high == 7 && low == 15))
      return FALSE;
    text += 3;
  }
  return *text == '\0';
}

/* Browsers leave there some of what they should encode, but not these. */
static gboolean
is_query (const char *text)
{
  return strpbrk (text, "\"<>") == NULL;
}

static gboolean
read_target (Reader *reader, char *target)
{
  gboolean is_all = strcmp (target, "*") == 0;
  char *mark;

  if (strlen (target) > HE_FRONT_MAX_TARGET)
    return refuse (reader, 414, "target too long");
  if (!is_visible (target) || strchr (target, '#') != NULL
      || (is_all && strcmp (reader->head->method, "OPTIONS") != 0))
    return refuse (reader, 400, "malformed target");
  if (*target != '/' && !is_all && !read_absolute (reader, &target))
    return FALSE;
  if ((mark = strchr (target, '?')) != NULL) {
    *mark = '\0';
    reader->head->query = mark + 1;
  }
  reader->head->path = target;
  return (is_path (target) && (mark == NULL || is_query (mark + 1)))
         || refuse (reader, 400, "malformed target");
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
  return read_version (reader, version)
         && (g_strv_contains (methods, line) || refuse (reader, 501, "no such method"))
         && read_target (reader, target);
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
  if (head->n_fields == HE_FRONT_MAX_FIELDS)
    return refuse (reader, 431, "too many fields");
  head->fields[head->n_fields++] = (HeField) { line, value, (gsize)(colon - line) };
  return TRUE;
}

/* Cuts the text at each CRLF; there is no other CR. */
static gboolean
read_lines (Reader *reader, char *text)
{
  char *line = text, *end;
  gsize bytes = 0;

  for (guint i = 0; (end = strchr (line, '\r')) != line; i++) {
    *end = '\0';
    bytes += i > 0 ? (gsize)(end - line) : 0;
    if (bytes > HE_FRONT_MAX_FIELD_BYTES)
      return refuse (reader, 431, "fields too large");
    if (!(i == 0 ? read_request_line (reader, line) : read_field (reader, line)))
      return FALSE;
    line = end + 2;
  }
  return TRUE;
}

static gboolean
check_single (Reader *reader)
{
  guint seen[G_N_ELEMENTS (single)] = { 0 };

  for (guint i = 0; i < reader->head->n_fields; i++)
    for (guint j = 0; j < G_N_ELEMENTS (single); j++)
      if (is_named (&reader->head->fields[i], single[j].name, single[j].name_len)
          && ++seen[j] > 1)
        return refuse (reader, 400, "a field that must not come twice came twice");
  return TRUE;
}

/* What refuses a request with this Transfer-Encoding: 400 where its end cannot be told (RFC
 * 9112 section 6.3). None of our clients encodes. */
static guint
status_of_coding (const char *list)
{
  g_auto (GStrv) codings = g_strsplit (list, ",", 16);
  guint n = 0, chunked = 0;
  gboolean ends = FALSE;

  for (guint i = 0; codings[i] != NULL; i++) {
    char *coding = g_strstrip (codings[i]);

    if (*coding == '\0')
      continue;
    if (!is_token (coding))
      return 400;
    ends = g_ascii_strcasecmp (coding, "chunked") == 0;
    chunked += ends;
    n++;
  }
  if (!ends || chunked > 1)
    return 400;
  return n == 1 ? 411 : 501;
}

static gboolean
check_framing (Reader *reader)
{
  HeHead *head = reader->head;
  const char *length = he_head_field (head, "Content-Length");
  const char *coding = he_head_field (head, "Transfer-Encoding");

  /* Ambiguity between the two is how requests are smuggled. */
  if (coding != NULL)
    return refuse (reader,
                   length != NULL || !head->http11 ? 400 : status_of_coding (coding),
                   "Transfer-Encoding in a request");
  if (length != NULL
      && !he_uint64_decode (length, strlen (length), G_MAXINT64, &head->content_length))
    return refuse (reader, 400, "malformed Content-Length");
  return TRUE;
}

/* Behind "[ADDRESS]", or NULL where that is no IPv6 address (RFC 3986 section 3.2.2). */
static const char *
skip_literal (const char *text)
{
  char address[INET6_ADDRSTRLEN];
  struct in6_addr parsed;
  gsize len = strcspn (text + 1, "]");

  if (text[1 + len] == '\0' || len >= sizeof address)
    return NULL;
  memcpy (address, text + 1, len);
  address[len] = '\0';
  return inet_pton (AF_INET6, address, &parsed) == 1 ? text + 1 + len + 1 : NULL;
}

/* uri-host [":" port] (RFC 9110 section 7.2): a name or an address, not what URIs may
 * spell besides, which no host is called. */
static gboolean
is_authority (const char *text)
{
  const char *end = *text == '[' ? skip_literal (text) : skip (text, NAME);
  gsize digits;

  if (end == NULL)
    return FALSE;
  if (end == text || *end == '\0')
    return end > text;
  digits = strspn (end + 1, "0123456789");
  return *end == ':' && end[1 + digits] == '\0' && digits <= 5
         && g_ascii_strtoull (end + 1, NULL, 10) <= G_MAXUINT16;
}

/* Length without the port that http has anyway (RFC 3986 section 6.2.3). */
static gsize
bare_len (const char *authority)
{
  static const char *const ports[] = { ":80", ":" };

  for (guint i = 0; i < G_N_ELEMENTS (ports); i++)
    if (g_str_has_suffix (authority, ports[i]))
      return strlen (authority) - strlen (ports[i]);
  return strlen (authority);
}

static gboolean
is_same_host (const char *one, const char *other)
{
  gsize len = bare_len (one);

  return len == bare_len (other) && g_ascii_strncasecmp (one, other, len) == 0;
}

static gboolean
check_host (Reader *reader)
{
  const char *host = he_head_field (reader->head, "Host");

  if (host == NULL && reader->head->http11)
    return refuse (reader, 400, "no Host");
  if (host == NULL)
    host = reader->authority;
  if (host != NULL && !is_authority (host))
    return refuse (reader, 400, "malformed Host");
  if (reader->authority != NULL && !is_same_host (reader->authority, host))
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

/* RFC 9110 section 10.1.1; of HTTP/1.0 nothing is expected. */
static gboolean
check_expect (Reader *reader)
{
  HeHead *head = reader->head;
  const char *expect = he_head_field (head, "Expect");

  head->expect_continue = head->http11 && expect != NULL;
  return !head->expect_continue || g_ascii_strcasecmp (expect, "100-continue") == 0
         || refuse (reader, 417, "no such expectation");
}

static void
read_wishes (HeHead *head)
{
  head->keep_alive = head->http11;
  for (const HeField *field = NULL; (field = next (head, field, "Connection")) != NULL;) {
    if (list_has (field->value, "close"))
      head->keep_alive = FALSE;
    else if (!head->http11 && list_has (field->value, "keep-alive"))
      head->keep_alive = TRUE;
  }
}

HeHead *
he_head_parse (const char *bytes, gsize len, guint *ret_status, const char **ret_why)
{
  g_autofree char *text = g_strndup (bytes, len);
  HeHead head; /* as long as any; what is kept is as long as it must be */
  Reader reader = { .head = &head };

  memset (&head, 0, G_STRUCT_OFFSET (HeHead, fields));
  if (!read_lines (&reader, text) || !check_single (&reader) || !check_framing (&reader)
      || !check_host (&reader) || !check_expect (&reader)) {
    *ret_status = reader.status;
    *ret_why = reader.why;
    return NULL;
  }
  read_wishes (&head);
  head.text = g_steal_pointer (&text);
  return g_memdup2 (&head, G_STRUCT_OFFSET (HeHead, fields)
                               + head.n_fields * sizeof *head.fields);
}
