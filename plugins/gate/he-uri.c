/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-uri.h"

#include <string.h>

/* RFC 3986 section 2.3. */
static gboolean
is_unreserved (char c)
{
  return g_ascii_isalnum (c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static gboolean
append_decoded (GString *out, const char *text, gsize len)
{
  for (gsize i = 0; i < len; i++) {
    if (text[i] != '%') {
      g_string_append_c (out, text[i]);
      continue;
    }
    if (len - i < 3 || !g_ascii_isxdigit (text[i + 1]) || !g_ascii_isxdigit (text[i + 2]))
      return FALSE;
    char c = (char)(g_ascii_xdigit_value (text[i + 1]) << 4
                    | g_ascii_xdigit_value (text[i + 2]));
    if (is_unreserved (c))
      g_string_append_c (out, c);
    else
      g_string_append_printf (out, "%%%02X", (guint8)c);
    i += 2;
  }
  return TRUE;
}

/* RFC 3986 section 5.2.4, of an absolute path. */
static void
append_without_dots (GString *out, const char *path)
{
  gsize floor = out->len;
  for (const char *p = path; *p;) {
    const char *segment = p + 1; /* *p is '/' */
    gsize len = strcspn (segment, "/");
    gboolean last = segment[len] == '\0';
    gboolean up = len == 2 && segment[0] == '.' && segment[1] == '.';
    if (up) {
      while (out->len > floor && out->str[out->len - 1] != '/')
        g_string_truncate (out, out->len - 1);
      if (out->len > floor)
        g_string_truncate (out, out->len - 1);
    }
    if (up || (len == 1 && segment[0] == '.')) {
      if (last)
        g_string_append_c (out, '/');
    } else {
      g_string_append_len (out, p, (gssize)len + 1);
    }
    p = segment + len;
  }
  if (out->len == floor)
    g_string_append_c (out, '/');
}

/* Behind a name or "[ADDRESS]" (RFC 3986 section 3.2.2), which has colons of its own; or
 * NULL. */
static char *
skip_host (char *text)
{
  gsize len;
  if (*text != '[')
    return (len = strcspn (text, ":[]")) > 0 ? text + len : NULL;
  len = strcspn (text + 1, "[]");
  return len > 0 && text[1 + len] == ']' ? text + 1 + len + 1 : NULL;
}

/* "http://" or "https://" and the authority at *rest, which is moved behind it. */
static gboolean
append_authority (GString *out, const char **rest)
{
  static const struct {
    const char *scheme, *port;
  } schemes[] = { { "http://", "80" }, { "https://", "443" } };
  for (guint i = 0; i < G_N_ELEMENTS (schemes); i++) {
    gsize len = strlen (schemes[i].scheme);
    if (g_ascii_strncasecmp (*rest, schemes[i].scheme, len) != 0)
      continue;
    const char *authority = *rest + len;
    gsize all = strcspn (authority, "/?#");
    g_autoptr (GString) host = g_string_new (NULL);
    if (memchr (authority, '@', all) || !append_decoded (host, authority, all))
      return FALSE;
    /* Decoded first: "%41" is an "a"; and once more, as encodings are in upper case. */
    g_string_ascii_down (host);
    char *port = skip_host (host->str);
    if (!port || (*port == ':' ? port[1 + strspn (port + 1, "0123456789")] : *port))
      return FALSE;
    if (*port && (port[1] == '\0' || strcmp (port + 1, schemes[i].port) == 0))
      g_string_truncate (host, port - host->str);
    g_string_append (out, schemes[i].scheme);
    *rest = authority + all;
    return append_decoded (out, host->str, host->len);
  }
  return **rest == '/';
}

char *
he_uri_normalise (const char *uri)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autoptr (GString) path = g_string_new (NULL);
  if (!append_authority (out, &uri))
    return NULL;
  gsize len = strcspn (uri, "?#");
  /* Decoded first: "%2e%2e" is two dots. */
  if (!append_decoded (path, uri, len))
    return NULL;
  append_without_dots (out, path->str);
  if (uri[len] == '?') {
    const char *query = uri + len;
    if (!append_decoded (out, query, strcspn (query, "#")))
      return NULL;
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}
