/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-front.h"

#include <string.h>

#define MAX_METHOD 64 /* before it is no method that anybody has */

static gboolean
is_end_of_line (const char *bytes, gsize i)
{
  return bytes[i] == '\n' && i > 0 && bytes[i - 1] == '\r';
}

/* Why byte i, which is no printing one, can stand in no head, or NULL. */
static const char *
why_not (const char *bytes, gsize len, gsize i)
{
  if (bytes[i] == '\t' || is_end_of_line (bytes, i)
      || (bytes[i] == '\r' && (i + 1 == len || bytes[i + 1] == '\n')))
    return NULL;
  return bytes[i] == '\n' || bytes[i] == '\r' ? "a line that does not end in CRLF"
                                              : "control character in the head";
}

/* RFC 9112 section 3: what is longer than any that we have is none that we know, where it is
 * one (RFC 9110 section 5.6.2). */
static guint
check_long_method (const char *bytes, gsize len, const char **ret_why)
{
  for (gsize i = 0; i < len; i++)
    if (!g_ascii_isgraph (bytes[i]) || strchr ("\"(),/:;<=>?@[\\]{}", bytes[i]) != NULL) {
      *ret_why = "malformed method";
      return 400;
    }
  *ret_why = "no such method";
  return 501;
}

/* A request line of len bytes so far, or whole: what is refused does not depend on how it
 * came. */
static guint
check_line (const char *bytes, gsize len, gboolean whole, const char **ret_why)
{
  if (len > MAX_METHOD && memchr (bytes, ' ', MAX_METHOD + 1) == NULL)
    return check_long_method (bytes, MAX_METHOD + 1, ret_why);
  if (whole && memmem (bytes, len, " HTTP/", 6) == NULL) {
    *ret_why = "malformed request line";
    return 400;
  }
  if (len <= MAX_METHOD + HE_FRONT_MAX_TARGET + 16)
    return 0;
  *ret_why = "target too long";
  return 414;
}

/* How many of eight bytes stand ahead of the first control character. */
static guint
plain (const char *bytes)
{
  const guint64 each = G_GUINT64_CONSTANT (0x0101010101010101);
  guint64 word, del, found;

  memcpy (&word, bytes, sizeof word);
  word = GUINT64_FROM_LE (word);
  del = word ^ each * 0x7f;
  /* Above a byte that is one, others may be taken for some. */
  found = (((word - each * ' ') & ~word) | ((del - each) & ~del)) & each * 0x80;
  return found == 0 ? 8 : (guint)__builtin_ctzll (found) / 8;
}

gsize
he_head_plain (const char *bytes, gsize len)
{
  gsize i = 0;

  for (guint n = 8; n == 8 && i + 8 <= len; i += n)
    n = plain (bytes + i);
  while (i < len && (guint8)bytes[i] >= ' ' && bytes[i] != 0x7f)
    i++;
  return i;
}

gsize
he_head_scan (const char *bytes, gsize len, HeHeadScan *scan, guint *ret_status,
              const char **ret_why)
{
  const char *why = NULL;
  guint status = 0;
  gsize i;

  for (i = scan->at; (i += he_head_plain (bytes + i, len - i)) < len; i++) {
    if ((why = why_not (bytes, len, i)) != NULL) {
      status = 400;
      break;
    }
    if (bytes[i] == '\r' && i + 1 == len)
      break;
    if (bytes[i] != '\n')
      continue;
    if (!scan->in_fields && (status = check_line (bytes, i, TRUE, &why)) != 0)
      break;
    if (scan->in_fields && bytes[i - 2] == '\n' && i < HE_FRONT_MAX_HEAD)
      return i + 1;
    scan->in_fields = TRUE;
  }
  scan->at = i;
  if (why == NULL && !scan->in_fields)
    status = check_line (bytes, len, FALSE, &why);
  if (why == NULL && len > HE_FRONT_MAX_HEAD) {
    status = 431;
    why = "head too large";
  }
  *ret_status = status;
  *ret_why = why;
  return 0;
}
