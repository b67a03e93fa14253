/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-conditions.h"

#include <string.h>

gboolean
he_etags_have (const char *list, const char *etag, gboolean weak)
{
  gsize len = etag != NULL ? strlen (etag) : 0;

  if (list == NULL || strcmp (list, "*") == 0)
    return list != NULL;
  while (len > 0) {
    gboolean is_weak = g_str_has_prefix (list += strspn (list, ", \t"), "W/");
    const char *end;

    list += is_weak ? 2 : 0;
    if (*list != '"' || (end = strchr (list + 1, '"')) == NULL)
      return FALSE;
    if ((gsize)(++end - list) == len && memcmp (list, etag, len) == 0
        && (weak || !is_weak))
      return TRUE;
    list = end;
  }
  return FALSE;
}

/* However large a number is, it is one (RFC 9110 section 14.1.2): what is beyond
 * G_MAXINT64 is that. */
static gboolean
read_position (const char *text, gsize len, guint64 *ret_position)
{
  guint64 position = 0;

  if (len == 0)
    return FALSE;
  for (gsize i = 0; i < len; i++) {
    if (!g_ascii_isdigit (text[i]))
      return FALSE;
    position = MIN (position, G_MAXINT64 / 10) * 10 + (guint64)(text[i] - '0');
  }
  *ret_position = MIN (position, G_MAXINT64);
  return TRUE;
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
    if (!read_position (dash + 1, strlen (dash + 1), &last))
      return HE_RANGE_NONE;
    if (last == 0 || size == 0)
      return HE_RANGE_UNSATISFIABLE;
    *ret_first = size - MIN (last, size);
    *ret_last = size - 1;
    return HE_RANGE_ONE;
  }
  if (!read_position (text, (gsize)(dash - text), &first)
      || (dash[1] != '\0' && !read_position (dash + 1, strlen (dash + 1), &last))
      || last < first)
    return HE_RANGE_NONE;
  if (first >= size)
    return HE_RANGE_UNSATISFIABLE;
  *ret_first = first;
  *ret_last = MIN (last, size - 1);
  return HE_RANGE_ONE;
}
