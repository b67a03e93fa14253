/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-pace.h"

#include <string.h>

#include "he-codec.h"

#define NAME "WMPaceInfo"

gint
he_pace_position (HeVariant variant, guint64 msn)
{
  return variant == HE_VARIANT_NONE ? HE_PACE_UNMARKED : (gint)(msn % HE_PACE_POSITIONS);
}

/* The shortest form of an integer, as deterministic CBOR wants it (RFC 8949 section 4.2).
 */
static void
append_int (GByteArray *cbor, gint value)
{
  guint8 bytes[3] = { value < 0 ? 0x20 : 0x00, 0, 0 };
  guint magnitude = (guint)(value < 0 ? -1 - value : value);
  guint len = 1;

  if (magnitude < 24)
    bytes[0] |= (guint8)magnitude;
  else if (magnitude < 256) {
    bytes[0] |= 24;
    bytes[1] = (guint8)magnitude;
    len = 2;
  } else {
    bytes[0] |= 25;
    he_write_be16 (bytes + 1, (guint16)magnitude);
    len = 3;
  }
  g_byte_array_append (cbor, bytes, len);
}

GBytes *
he_pace_sidecar (gint position)
{
  static const guint8 head[] = {
    0xa2, 0x01, 0x01, /* {version: 1, */
    0x02, 0x81,       /* segments: [ */
    0xa1, 0x06,       /* {position: */
  };
  GByteArray *cbor = g_byte_array_new ();

  g_assert (position >= HE_PACE_UNMARKED && position < HE_PACE_POSITIONS);
  g_byte_array_append (cbor, head, sizeof head);
  append_int (cbor, position);
  return g_byte_array_free_to_bytes (cbor);
}

char *
he_pace_egress (gint position)
{
  g_autoptr (GBytes) sidecar = he_pace_sidecar (position);
  gsize len;
  const guint8 *data = g_bytes_get_data (sidecar, &len);

  return he_base64url_encode (data, len);
}

/* /live/CH/REND/WORD/FILE is the internal path /origin/VARIANT/CH/REND/FILE. */
HePacePath
he_pace_parse (const char *path, HeSegment **ret_segment)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", 8);
  g_autofree char *known = NULL;
  gboolean info;

  if (g_strv_length (parts) != 6 || *parts[0] != '\0' || strcmp (parts[1], "live") != 0)
    return HE_PACE_NONE;
  info = strcmp (parts[4], NAME) == 0;
  if (!info && strcmp (parts[4], "a") != 0 && strcmp (parts[4], "b") != 0)
    return HE_PACE_NONE;
  known = g_strdup_printf ("/origin/%s/%s/%s/%s", info ? "a" : parts[4], parts[2],
                           parts[3], parts[5]);
  *ret_segment = he_segment_from_path (known, NULL);
  if (*ret_segment == NULL)
    return HE_PACE_NONE;
  return info ? HE_PACE_INFO : HE_PACE_SEGMENT;
}

gboolean
he_pace_is_asked (const char *path)
{
  return strstr (path, "/" NAME "/") != NULL;
}
