/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-cbor.h"

#define IN_HEAD 24 /* values below it need no byte of their own */

void
he_cbor_head (GByteArray *cbor, HeCborMajor major, guint64 value)
{
  guint8 bytes[9];
  guint size = value < IN_HEAD ? 0 : 1, info = (guint)value;

  while (size > 0 && size < 8 && value >> (8 * size))
    size *= 2;
  for (guint i = 0; i < size; i++)
    bytes[1 + i] = (guint8)(value >> (8 * (size - 1 - i)));
  if (size > 0)
    info = IN_HEAD + (guint)g_bit_nth_lsf (size, -1);
  bytes[0] = (guint8)((guint)major << 5 | info);
  g_byte_array_append (cbor, bytes, 1 + size);
}

void
he_cbor_bytes (GByteArray *cbor, const guint8 *data, gsize len)
{
  he_cbor_head (cbor, HE_CBOR_BYTES, len);
  g_byte_array_append (cbor, data, (guint)len);
}

void
he_cbor_pair (GByteArray *cbor, guint64 key, guint64 value)
{
  he_cbor_head (cbor, HE_CBOR_UNSIGNED, key);
  he_cbor_head (cbor, HE_CBOR_UNSIGNED, value);
}
