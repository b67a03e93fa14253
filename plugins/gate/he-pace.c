/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-pace.h"

#include <string.h>

#include "he-cbor.h"
#include "he-codec.h"

#define NAME "WMPaceInfo"

/* Of a sidecar file's maps (clause 5.5.3.2). */
enum { KEY_VERSION = 1, KEY_SEGMENTS = 2, KEY_POSITION = 6 };

gint
he_pace_position (HeVariant variant, guint64 msn)
{
  return variant == HE_VARIANT_NONE ? HE_PACE_UNMARKED : (gint)(msn % HE_PACE_POSITIONS);
}

GBytes *
he_pace_sidecar (gint position)
{
  GByteArray *cbor = g_byte_array_new ();

  g_assert (position >= HE_PACE_UNMARKED && position < HE_PACE_POSITIONS);
  he_cbor_head (cbor, HE_CBOR_MAP, 2);
  he_cbor_pair (cbor, KEY_VERSION, 1);
  he_cbor_head (cbor, HE_CBOR_UNSIGNED, KEY_SEGMENTS);
  he_cbor_head (cbor, HE_CBOR_ARRAY, 1);
  he_cbor_head (cbor, HE_CBOR_MAP, 1);
  he_cbor_head (cbor, HE_CBOR_UNSIGNED, KEY_POSITION);
  if (position == HE_PACE_UNMARKED)
    he_cbor_head (cbor, HE_CBOR_NEGATIVE, 0);
  else
    he_cbor_head (cbor, HE_CBOR_UNSIGNED, (guint64)position);
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
