/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-target.h"

#include <string.h>
#include "he-codec.h"
#include "he-credential.h"

#define MAX_SEGMENTS 6
#define MAX_NUMBER ((guint64)G_MAXINT64)

/* Splits at '/', the first character of path. FALSE for more than MAX_SEGMENTS. */
static gboolean
split (const char *path, HeSpan ret_segments[MAX_SEGMENTS], guint *ret_count)
{
  guint count = 0;
  const char *p = path;
  while (*p == '/') {
    p++;
    gsize len = (gsize)(strchrnul (p, '/') - p);
    if (count == MAX_SEGMENTS)
      return FALSE;
    ret_segments[count++] = (HeSpan) { p, len };
    p += len;
  }
  *ret_count = count;
  return TRUE;
}

static gboolean
span_is (HeSpan span, const char *text)
{
  return span.len == strlen (text) && memcmp (span.text, text, span.len) == 0;
}

static gboolean
span_to_name (HeSpan span, char ret_name[65])
{
  if (span.len > 64)
    return FALSE;
  memcpy (ret_name, span.text, span.len);
  ret_name[span.len] = '\0';
  return he_name_is_valid (ret_name);
}

/* "/s/CREDENTIAL" ahead of the rest, which *path then is. */
static gboolean
take_prefix (const char **path, HeSpan *ret_credential)
{
  if (!g_str_has_prefix (*path, "/s/"))
    return TRUE;
  const char *text = *path + 3;
  gsize len = strcspn (text, "/;"); /* what follows ';' is no path of ours */
  if (len == 0 || len > HE_CREDENTIAL_MAX)
    return FALSE;
  *ret_credential = (HeSpan) { text, len };
  *path = text + len;
  return TRUE;
}

static gboolean
parse_number (HeSpan span, const char *suffix, guint64 *ret_number)
{
  gsize suffix_len = strlen (suffix);
  return span.len > suffix_len
         && memcmp (span.text + span.len - suffix_len, suffix, suffix_len) == 0
         && he_uint64_decode (span.text, span.len - suffix_len, MAX_NUMBER, ret_number);
}

gboolean
he_target_parse (const char *path, HeTarget *ret_target)
{
  HeTarget target = { 0 };
  HeSpan part[MAX_SEGMENTS];
  guint count = 0;
  if (!path || strnlen (path, HE_TARGET_MAX_PATH + 1) > HE_TARGET_MAX_PATH
      || !take_prefix (&path, &target.credential) || !split (path, part, &count)
      || count < 3 || !span_is (part[0], "live")
      || !span_to_name (part[1], target.channel))
    return FALSE;
  target.live = path;
  if (count == 3 && span_is (part[2], "main.m3u8")) {
    target.kind = HE_TARGET_MULTIVARIANT;
  } else if (count == 3 && span_is (part[2], "session")) {
    target.kind = HE_TARGET_SESSION;
  } else if (count == 4 && span_to_name (part[2], target.rendition)) {
    if (span_is (part[3], "index.m3u8"))
      target.kind = HE_TARGET_MEDIA;
    else if (parse_number (part[3], ".ts", &target.number))
      target.kind = HE_TARGET_SEGMENT;
    else
      return FALSE;
  } else if (count == 5 && span_is (part[2], "keys")
             && span_to_name (part[3], target.tier)
             && parse_number (part[4], "", &target.number)) {
    target.kind = HE_TARGET_KEY;
  } else {
    return FALSE;
  }
  *ret_target = target;
  return TRUE;
}

/* The next ";NAME=" in path, or NULL. */
static const char *
next_in_path (const char *path, const char *name)
{
  gsize len = strlen (name);
  while (path && (path = strchr (path, ';'))
         && (strncmp (path + 1, name, len) != 0 || path[1 + len] != '='))
    path++;
  return path;
}

/* What a JWS in compact form is made of. */
static const char token_alphabet[]
    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
      "0123456789-_.";

gboolean
he_path_find (const char *path, const char *name, HeSpan *ret_value, char **ret_rest)
{
  const char *start = next_in_path (path, name);
  *ret_value = (HeSpan) { NULL, 0 };
  *ret_rest = NULL;
  if (!start)
    return TRUE;
  const char *value = start + strlen (name) + 2;
  const char *end = value + strspn (value, token_alphabet);
  if ((*end && *end != ';' && *end != '/') || next_in_path (end, name))
    return FALSE;
  *ret_value = (HeSpan) { value, end - value };
  /* One of the two semicolons stays. */
  *ret_rest = g_strdup_printf ("%.*s%s", (int)(start - path), path, end);
  return TRUE;
}

/* One parameter at *p, moved to the next; FALSE at the end. */
static gboolean
next_parameter (const char **p, HeSpan *ret_name, HeSpan *ret_value)
{
  if (!**p)
    return FALSE;
  gsize len = strcspn (*p, "&");
  const char *equals = memchr (*p, '=', len);
  gsize name_len = equals ? (gsize)(equals - *p) : len;
  *ret_name = (HeSpan) { *p, name_len };
  *ret_value
      = equals ? (HeSpan) { equals + 1, len - name_len - 1 } : (HeSpan) { *p + len, 0 };
  *p += len;
  if (**p == '&')
    (*p)++;
  return TRUE;
}

gboolean
he_query_find (const char *query, const char *name, HeSpan *ret_value)
{
  HeSpan key, value, found = { NULL, 0 };
  const char *p = query ? query : "";
  while (next_parameter (&p, &key, &value)) {
    if (!span_is (key, name))
      continue;
    if (found.text)
      return FALSE;
    found = value;
  }
  *ret_value = found;
  return TRUE;
}

char *
he_query_without (const char *query, const char *name)
{
  HeSpan key, value;
  const char *p = query ? query : "", *start = p;
  g_autoptr (GString) out = g_string_new (NULL);
  for (; next_parameter (&p, &key, &value); start = p) {
    if (span_is (key, name))
      continue;
    if (out->len)
      g_string_append_c (out, '&');
    g_string_append_len (out, start, strcspn (start, "&"));
  }
  return out->len ? g_string_free (g_steal_pointer (&out), FALSE) : NULL;
}

guint
he_cookie_find (const char *header, const char *name, HeSpan *ret_values, guint max)
{
  guint count = 0;
  for (const char *p = header ? header : ""; *p && count < max;) {
    p += strspn (p, "; \t");
    gsize len = (gsize)(strchrnul (p, ';') - p);
    const char *equals = memchr (p, '=', len);
    if (equals && span_is ((HeSpan) { p, equals - p }, name)) {
      gsize value_len = len - (equals + 1 - p);
      while (value_len && (equals[value_len] == ' ' || equals[value_len] == '\t'))
        value_len--;
      /* Some quote what came unquoted (RFC 6265 section 4.1.1). */
      if (value_len >= 2 && equals[1] == '"' && equals[value_len] == '"') {
        equals++;
        value_len -= 2;
      }
      ret_values[count++] = (HeSpan) { equals + 1, value_len };
    }
    p += len;
  }
  return count;
}

HeSpan
he_bearer_find (const char *header)
{
  static const char scheme[] = "Bearer ";
  if (!header || g_ascii_strncasecmp (header, scheme, strlen (scheme)) != 0)
    return (HeSpan) { NULL, 0 };
  const char *text = header + strlen (scheme);
  text += strspn (text, " ");
  gsize len = strlen (text);
  while (len && (text[len - 1] == ' ' || text[len - 1] == '\t'))
    len--;
  return (HeSpan) { text, len };
}
