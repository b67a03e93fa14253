/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-rtp-picture.h"

#include "he-codec.h"
#include "he-pes.h"

#define NAL_SPS 7
#define NAL_AUD 9
#define NAL_STAP_A 24
#define NAL_FU_A 28
#define FU_START 0x80
#define FU_END 0x40

static void
append (HeRtpPicture *picture, const guint8 *data, gsize len)
{
  if (picture->data->len + len <= HE_PES_MAX)
    g_byte_array_append (picture->data, data, (guint)len);
  else
    picture->torn = TRUE;
}

static void
begin_nal (HeRtpPicture *picture, guint8 header)
{
  const guint8 start[] = { 0, 0, 0, 1, header };

  append (picture, start, sizeof start);
}

static void
read_stap (HeRtpPicture *picture, const guint8 *data, gsize len)
{
  while (len > 2) {
    gsize size = he_read_be16 (data);

    if (size == 0 || size > len - 2)
      break;
    begin_nal (picture, data[2]);
    append (picture, data + 3, size - 1);
    data += 2 + size;
    len -= 2 + size;
  }
  picture->torn |= len > 0;
}

static void
read_fragment (HeRtpPicture *picture, const guint8 *data, gsize len)
{
  if (data[1] & FU_START)
    begin_nal (picture, (guint8)((data[0] & 0xe0) | (data[1] & 0x1f)));
  else if (!picture->in_fu) {
    picture->torn = TRUE;
    return;
  }
  append (picture, data + 2, len - 2);
  picture->in_fu = !(data[1] & FU_END);
}

gboolean
he_rtp_picture_begins (const guint8 *data, gsize len)
{
  gsize at = len > 0 && (data[0] & 0x1f) == NAL_STAP_A ? 3 : 0;
  guint type = at < len ? data[at] & 0x1f : 0;

  return type == NAL_AUD || type == NAL_SPS;
}

void
he_rtp_picture_read (HeRtpPicture *picture, const guint8 *data, gsize len)
{
  guint type = data[0] & 0x1f;

  if (type != NAL_FU_A)
    picture->in_fu = FALSE;
  if (type >= 1 && type < NAL_STAP_A) {
    begin_nal (picture, data[0]);
    append (picture, data + 1, len - 1);
  } else if (type == NAL_STAP_A) {
    read_stap (picture, data + 1, len - 1);
  } else if (type == NAL_FU_A && len > 2) {
    read_fragment (picture, data, len);
  }
}
