/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-signature.h"

#include <string.h>

#include "he-codec.h"

static guint64
sum_row (const HeLuma *luma, guint y, guint from, guint to)
{
  const guint8 *row = luma->data + y * luma->stride;
  guint64 sum = 0;

  for (guint x = from; x < to; x++) {
    guint16 sample;

    if (luma->sample_bytes == 1) {
      sum += row[x];
      continue;
    }
    memcpy (&sample, row + 2 * x, sizeof sample);
    sum += sample >> luma->shift & 0xff;
  }
  return sum;
}

static guint8
mean (const HeLuma *luma, guint column, guint row)
{
  guint left = luma->width * column / HE_SIGNATURE_COLUMNS;
  guint right = luma->width * (column + 1) / HE_SIGNATURE_COLUMNS;
  guint top = luma->height * row / HE_SIGNATURE_ROWS;
  guint bottom = luma->height * (row + 1) / HE_SIGNATURE_ROWS;
  guint64 count = (guint64)(right - left) * (bottom - top), sum = 0;

  for (guint y = top; y < bottom; y++)
    sum += sum_row (luma, y, left, right);
  return (guint8)((sum + count / 2) / count);
}

gboolean
he_signature_take (const HeLuma *luma, HeSignature *ret_signature)
{
  if (luma->width < HE_SIGNATURE_COLUMNS || luma->height < HE_SIGNATURE_ROWS)
    return FALSE;
  for (guint row = 0; row < HE_SIGNATURE_ROWS; row++)
    for (guint column = 0; column < HE_SIGNATURE_COLUMNS; column++)
      ret_signature->fields[row * HE_SIGNATURE_COLUMNS + column]
          = mean (luma, column, row);
  return TRUE;
}

gboolean
he_signature_alike (const HeSignature *a, const HeSignature *b)
{
  for (guint i = 0; i < HE_SIGNATURE_FIELDS; i++)
    if (ABS (a->fields[i] - b->fields[i]) > HE_SIGNATURE_TOLERANCE)
      return FALSE;
  return TRUE;
}

char *
he_signature_to_text (const HeSignature *signature)
{
  return he_base64url_encode (signature->fields, sizeof signature->fields);
}

gboolean
he_signature_from_text (const char *text, gsize len, HeSignature *ret_signature)
{
  HeSignature signature;
  gsize got;

  if (len != HE_SIGNATURE_TEXT
      || !he_base64url_decode (text, len, signature.fields, sizeof signature.fields, &got)
      || got != sizeof signature.fields)
    return FALSE;
  *ret_signature = signature;
  return TRUE;
}
