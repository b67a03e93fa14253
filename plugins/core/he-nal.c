/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-nal.h"

#include <string.h>

const guint8 *
he_nal_next (const guint8 *at, const guint8 *end)
{
  while (end - at >= 4) {
    const guint8 *one = memchr (at + 2, 1, (gsize)(end - at - 3));

    if (one == NULL)
      return NULL;
    if (one[-1] == 0 && one[-2] == 0)
      return one + 1;
    at = one - 1;
  }
  return NULL;
}

const guint8 *
he_nal_end (const guint8 *nal, const guint8 *end)
{
  const guint8 *next = he_nal_next (nal, end);

  return next != NULL ? next - 3 : end;
}

/* Both numbers of a message are written as bytes of 255 and a last one. */
static gboolean
read_number (const guint8 **at, const guint8 *end, guint *ret_number)
{
  guint number = 0;

  while (*at < end && **at == 0xff && number < 0x100000) {
    number += 255;
    *at += 1;
  }
  if (*at >= end)
    return FALSE;
  *ret_number = number + **at;
  *at += 1;
  return TRUE;
}

gboolean
he_nal_sei_has (const guint8 *at, const guint8 *end, guint type)
{
  while (end - at >= 2) {
    guint found, size;

    if (!read_number (&at, end, &found) || !read_number (&at, end, &size))
      return FALSE;
    if (found == type)
      return TRUE;
    if (size > (gsize)(end - at))
      return FALSE;
    at += size;
  }
  return FALSE;
}
