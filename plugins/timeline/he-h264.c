/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-h264.h"

#include "he-nal.h"

enum {
  NAL_SLICE = 1,
  NAL_SLICE_PARTITION_C = 4,
  NAL_IDR = 5,
  NAL_SEI = 6,
  NAL_SPS = 7,
};

HeH264Entry
he_h264_entry (const guint8 *data, gsize len)
{
  const guint8 *end = data + len;
  HeH264Entry entry = HE_H264_NONE;

  for (const guint8 *nal = he_nal_next (data, end); nal; nal = he_nal_next (nal, end)) {
    guint type = he_nal_h264_type (nal);

    if (type == NAL_IDR)
      return entry | HE_H264_IDR;
    if (type >= NAL_SLICE && type <= NAL_SLICE_PARTITION_C)
      return entry;
    if (type == NAL_SPS)
      entry |= HE_H264_SPS;
    if (type == NAL_SEI
        && he_nal_sei_has (nal + 1, he_nal_end (nal, end), HE_SEI_RECOVERY_POINT))
      entry |= HE_H264_RECOVERY;
  }
  return entry;
}
