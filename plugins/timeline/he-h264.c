/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-h264.h"

#include <string.h>

enum {
  NAL_SLICE = 1,
  NAL_SLICE_PARTITION_C = 4,
  NAL_IDR = 5,
  NAL_SEI = 6,
  NAL_SPS = 7,
};

#define SEI_RECOVERY_POINT 6

/* The byte behind the next start code, or NULL. */
static const guint8 *
next_nal (const guint8 *at, const guint8 *end)
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

/* Whether a message of an SEI NAL unit is a recovery point. Emulation prevention is not
 * undone: type and size bytes of a message this short are not touched by it, and what a
 * long one in front could hide is only a place to enter. */
static gboolean
has_recovery_point (const guint8 *at, const guint8 *end)
{
  while (end - at >= 2) {
    guint type = 0, size = 0;

    while (at < end && *at == 0xff && type < 0x10000) {
      type += 255;
      at++;
    }
    if (at >= end)
      return FALSE;
    type += *at++;
    while (at < end && *at == 0xff && size < 0x100000) {
      size += 255;
      at++;
    }
    if (at >= end)
      return FALSE;
    size += *at++;
    if (type == SEI_RECOVERY_POINT)
      return TRUE;
    if (size > (gsize)(end - at))
      return FALSE;
    at += size;
  }
  return FALSE;
}

HeH264Entry
he_h264_entry (const guint8 *data, gsize len)
{
  const guint8 *end = data + len;
  const guint8 *nal = next_nal (data, end);
  HeH264Entry entry = HE_H264_NONE;

  while (nal) {
    guint type = *nal & 0x1f;
    const guint8 *next = next_nal (nal, end);

    if (type == NAL_IDR)
      return entry | HE_H264_IDR;
    if (type >= NAL_SLICE && type <= NAL_SLICE_PARTITION_C)
      return entry;
    if (type == NAL_SPS)
      entry |= HE_H264_SPS;
    if (type == NAL_SEI && has_recovery_point (nal + 1, next ? next - 3 : end))
      entry |= HE_H264_RECOVERY;
    nal = next;
  }
  return entry;
}
