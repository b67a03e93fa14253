/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-codec.h"

#include <string.h>

/* By character: its value + 1, or 0. */
static const guint8 base64url_values[256] = {
  ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,
  ['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14,
  ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21,
  ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28,
  ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35,
  ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
  ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49,
  ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
  ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63,
  ['_'] = 64,
};

static int
base64url_value (char c)
{
  return base64url_values[(guint8)c] - 1;
}

/* A value has one spelling: the bits that no byte takes are zero. */
static gboolean
base64url_is_canonical (const char *text, gsize len)
{
  for (gsize i = 0; i < len; i++)
    if (base64url_value (text[i]) < 0)
      return FALSE;
  if (len % 4 == 1)
    return FALSE;
  if (len % 4 == 2)
    return (base64url_value (text[len - 1]) & 0x0f) == 0;
  if (len % 4 == 3)
    return (base64url_value (text[len - 1]) & 0x03) == 0;
  return TRUE;
}

gboolean
he_base64url_decode (const char *text, gsize len, guint8 *ret_out, gsize cap,
                     gsize *ret_len)
{
  gsize bytes = len / 4 * 3 + (len % 4 > 1 ? len % 4 - 1 : 0);
  guint32 bits = 0;
  guint held = 0;
  gsize n = 0;

  /* Length before characters: what cannot fit is not even read. */
  if (bytes > cap || !base64url_is_canonical (text, len))
    return FALSE;

  for (gsize i = 0; i < len; i++) {
    bits = bits << 6 | (guint32)base64url_value (text[i]);
    held += 6;
    if (held >= 8) {
      held -= 8;
      ret_out[n++] = (guint8)(bits >> held);
    }
  }
  *ret_len = n;
  return TRUE;
}

char *
he_base64url_encode (const guint8 *data, gsize len)
{
  static const char digits[]
      = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  char *text = g_malloc (len / 3 * 4 + 5);
  char *p = text;
  guint32 bits = 0;
  guint held = 0;

  for (gsize i = 0; i < len; i++) {
    bits = bits << 8 | data[i];
    for (held += 8; held >= 6; held -= 6)
      *p++ = digits[bits >> (held - 6) & 63];
  }
  if (held > 0)
    *p++ = digits[bits << (6 - held) & 63];
  *p = '\0';
  return text;
}

gboolean
he_hex_decode (const char *text, gsize len, guint8 *ret_out, gsize bytes)
{
  if (len % 2 != 0 || len / 2 != bytes)
    return FALSE;
  for (gsize i = 0; i < len; i++)
    if (!g_ascii_isxdigit (text[i]))
      return FALSE;

  for (gsize i = 0; i < bytes; i++)
    ret_out[i] = (guint8)(g_ascii_xdigit_value (text[2 * i]) << 4
                          | g_ascii_xdigit_value (text[2 * i + 1]));
  return TRUE;
}

void
he_hex_write (const guint8 *data, gsize len, char *ret_text)
{
  static const char digits[] = "0123456789abcdef";

  for (gsize i = 0; i < len; i++) {
    ret_text[2 * i] = digits[data[i] >> 4];
    ret_text[2 * i + 1] = digits[data[i] & 15];
  }
  ret_text[2 * len] = '\0';
}

char *
he_hex_encode (const guint8 *data, gsize len)
{
  char *text = g_malloc (len * 2 + 1);

  he_hex_write (data, len, text);
  return text;
}

char *
he_uint64_encode (guint64 value, char ret_text[HE_UINT64_DIGITS + 1])
{
  char digits[HE_UINT64_DIGITS];
  guint n = 0;

  do
    digits[n++] = (char)('0' + value % 10);
  while ((value /= 10) > 0);
  while (n > 0)
    *ret_text++ = digits[--n];
  *ret_text = '\0';
  return ret_text;
}

gboolean
he_uint64_decode (const char *text, gsize len, guint64 max, guint64 *ret_value)
{
  guint64 value = 0;

  if (len == 0 || (text[0] == '0' && len > 1))
    return FALSE;
  for (gsize i = 0; i < len; i++) {
    if (!g_ascii_isdigit (text[i]))
      return FALSE;
    if (!g_uint64_checked_mul (&value, value, 10)
        || !g_uint64_checked_add (&value, value, (guint64)(text[i] - '0')))
      return FALSE;
  }
  if (value > max)
    return FALSE;
  *ret_value = value;
  return TRUE;
}

gboolean
he_name_is_valid (const char *name)
{
  gsize len = name != NULL ? strnlen (name, 65) : 0;

  if (len < 1 || len > 64 || !g_ascii_isalnum (name[0]))
    return FALSE;
  for (gsize i = 1; i < len; i++)
    if (!g_ascii_isalnum (name[i]) && name[i] != '-' && name[i] != '_')
      return FALSE;
  return TRUE;
}

guint32
he_crc32_mpeg (const guint8 *data, gsize len)
{
  guint32 crc = 0xffffffff;

  for (gsize i = 0; i < len; i++) {
    crc ^= (guint32)data[i] << 24;
    for (guint bit = 0; bit < 8; bit++)
      crc = crc & 0x80000000 ? crc << 1 ^ 0x04c11db7 : crc << 1;
  }
  return crc;
}
