/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What is written of CBOR (RFC 8949): deterministic, every head in its shortest form. Who
 * writes a map puts its keys in order. */

typedef enum {
  HE_CBOR_UNSIGNED = 0, /* the value */
  HE_CBOR_NEGATIVE = 1, /* -1 less the value */
  HE_CBOR_BYTES = 2,    /* so many of them follow */
  HE_CBOR_TEXT = 3,     /* so many bytes of UTF-8 follow */
  HE_CBOR_ARRAY = 4,    /* so many items follow */
  HE_CBOR_MAP = 5,      /* so many pairs follow */
  HE_CBOR_TAG = 6,      /* one item follows */
} HeCborMajor;

void he_cbor_head (GByteArray *cbor, HeCborMajor major, guint64 value);
void he_cbor_bytes (GByteArray *cbor, const guint8 *data, gsize len);
/* A pair of a map. */
void he_cbor_pair (GByteArray *cbor, guint64 key, guint64 value);

G_END_DECLS
