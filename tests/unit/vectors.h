/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <string.h>
#include "he-codec.h"
#include "he-secret.h"

G_BEGIN_DECLS

/* Published vectors are hex; this ends the test where one is mistyped. */
static inline GBytes *
from_hex (const char *hex)
{
  gsize len = strlen (hex) / 2;
  guint8 *data = g_malloc (len + 1);

  g_assert_true (he_hex_decode (hex, strlen (hex), data, len));
  return g_bytes_new_take (data, len);
}

static inline HeSecret *
secret_from_hex_of_any_length (const char *hex)
{
  g_autoptr (GBytes) bytes = from_hex (hex);

  return he_secret_new (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

/* Bytes 00 01 … 1f. */
static inline HeSecret *
counting_secret (void)
{
  guint8 bytes[32];

  for (guint i = 0; i < sizeof bytes; i++)
    bytes[i] = (guint8)i;
  return he_secret_new (bytes, sizeof bytes);
}

#define assert_hex(data, len, hex)                                                       \
  G_STMT_START                                                                           \
  {                                                                                      \
    g_autofree char *_text = he_hex_encode ((data), (len));                              \
    g_assert_cmpstr (_text, ==, (hex));                                                  \
  }                                                                                      \
  G_STMT_END

G_END_DECLS
