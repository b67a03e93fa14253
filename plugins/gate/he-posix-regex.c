/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-posix-regex.h"

#include <string.h>

/* At "[:"; returns what follows the class, or NULL. */
static const char *
skip_class (const char *p)
{
  static const char *const names[]
      = { "alnum", "alpha", "blank", "cntrl", "digit",  "graph", "lower",
          "print", "punct", "space", "upper", "xdigit", NULL };
  gsize len = strcspn (p + 2, ":]");
  g_autofree char *name = g_strndup (p + 2, len);
  if (!g_strv_contains (names, name) || !g_str_has_prefix (p + 2 + len, ":]"))
    return NULL;
  return p + 2 + len + 2;
}

/* At "[." or "[="; returns what follows ".]" or "=]", or NULL. In the POSIX locale each
 * holds one character, and no equivalence class begins or ends a range. */
static const char *
copy_element (GString *out, const char *p)
{
  char kind = p[1], c = p[2];
  if (!c || p[3] != kind || p[4] != ']')
    return NULL;
  if (kind == '=' && (p[-1] == '-' || (p[5] == '-' && p[6] != ']')))
    return NULL;
  if (g_ascii_ispunct (c))
    g_string_append_c (out, '\\');
  g_string_append_c (out, c);
  return p + 5;
}

/* At "["; returns what follows the bracket expression, or NULL. In it a backslash stands
 * for itself. */
static const char *
copy_bracket (GString *out, const char *p)
{
  gsize begin = p[1] == '^' ? 2 : 1;
  if (p[begin] == ']')
    begin++;
  g_string_append_len (out, p, (gssize)begin);
  for (p += begin; *p && *p != ']';) {
    const char *next = p + 1;
    if (*p == '[' && (p[1] == '.' || p[1] == '=')) {
      if (!(p = copy_element (out, p)))
        return NULL;
      continue;
    }
    if (*p == '[' && p[1] == ':' && !(next = skip_class (p)))
      return NULL;
    if (strchr ("\\.:=", *p)) /* PCRE takes "[.a.]" for an error */
      g_string_append_c (out, '\\');
    g_string_append_len (out, p, next - p);
    p = next;
  }
  if (!*p)
    return NULL;
  g_string_append_c (out, ']');
  return p + 1;
}

/* At "{"; returns what follows "{m}", "{m,}" or "{m,n}", or NULL. */
static const char *
skip_interval (const char *p)
{
  gsize digits = strspn (++p, "0123456789");
  if (digits == 0)
    return NULL;
  p += digits;
  if (*p == ',')
    p += 1 + strspn (p + 1, "0123456789");
  return *p == '}' ? p + 1 : NULL;
}

char *
he_posix_regex (const char *pattern)
{
  g_autoptr (GString) out = g_string_new (NULL);
  for (const char *p = pattern; *p;) {
    const char *next = p + 1;
    if (*p == '[') {
      if (!(p = copy_bracket (out, p)))
        return NULL;
      continue;
    }
    if (*p == '\\') {
      if (!*next || g_ascii_isalnum (*next))
        return NULL;
      next++;
    } else if (*p == '(' && (p[1] == '?' || p[1] == '*')) {
      return NULL;
    } else if (strchr ("*+?{", *p)) {
      if (*p == '{' && !(next = skip_interval (p)))
        return NULL;
      if (*next && strchr ("*+?{", *next))
        return NULL;
    }
    g_string_append_len (out, p, next - p);
    p = next;
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}
