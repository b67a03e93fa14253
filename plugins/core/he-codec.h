/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Bounded, strict decoders: every one takes the input's length and the output's capacity,
 * accepts one spelling of a value only, and leaves its outputs untouched on failure. */

/* Base64url without padding (RFC 7515 section 2). Rejects '=', whitespace and non-zero
 * trailing bits. ret_len receives the number of bytes written, at most cap. */
gboolean he_base64url_decode (const char *text, gsize len, guint8 *ret_out, gsize cap,
                              gsize *ret_len);

/* Returns a NUL-terminated string without padding. */
char *he_base64url_encode (const guint8 *data, gsize len);

/* Lower- or upper-case hex, exactly 2 * bytes digits. */
gboolean he_hex_decode (const char *text, gsize len, guint8 *ret_out, gsize bytes);

/* Lower-case hex, NUL-terminated. */
char *he_hex_encode (const guint8 *data, gsize len);
/* The same into a buffer of 2 * len + 1. */
void he_hex_write (const guint8 *data, gsize len, char *ret_text);

/* The digits of a number, NUL-terminated; returns their end. */
#define HE_UINT64_DIGITS 20
char *he_uint64_encode (guint64 value, char ret_text[HE_UINT64_DIGITS + 1]);

/* Decimal digits only: no sign, blank, leading zero (but "0") or overflow past max. */
gboolean he_uint64_decode (const char *text, gsize len, guint64 max, guint64 *ret_value);

/* CRC of ISO/IEC 13818-1 annex A over len bytes; 0 over a section and the CRC behind it,
 * where they are intact. */
guint32 he_crc32_mpeg (const guint8 *data, gsize len);

/* A name usable as one path component and as a metrics label: 1..64 characters of
 * [A-Za-z0-9_-], first one alphanumeric. Channels, renditions, nodes and tiers. */
gboolean he_name_is_valid (const char *name);

static inline guint16
he_read_be16 (const guint8 *p)
{
  return (guint16) (p[0] << 8 | p[1]);
}

static inline guint32
he_read_be32 (const guint8 *p)
{
  return (guint32) p[0] << 24 | (guint32) p[1] << 16 | (guint32) p[2] << 8 | p[3];
}

static inline guint64
he_read_be64 (const guint8 *p)
{
  return (guint64) he_read_be32 (p) << 32 | he_read_be32 (p + 4);
}

static inline void
he_write_be16 (guint8 *p, guint16 v)
{
  p[0] = (guint8) (v >> 8);
  p[1] = (guint8) v;
}

static inline void
he_write_be32 (guint8 *p, guint32 v)
{
  he_write_be16 (p, (guint16) (v >> 16));
  he_write_be16 (p + 2, (guint16) v);
}

static inline void
he_write_be64 (guint8 *p, guint64 v)
{
  he_write_be32 (p, (guint32) (v >> 32));
  he_write_be32 (p + 4, (guint32) v);
}

G_END_DECLS
