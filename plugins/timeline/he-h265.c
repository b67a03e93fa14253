/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-h265.h"

#include "he-nal.h"

enum {
  NAL_RASL_N = 8,
  NAL_RASL_R = 9,
  NAL_BLA_W_LP = 16, /* the first IRAP type */
  NAL_CRA = 21,      /* and the last; 22 and 23 are reserved, and decoders drop them */
  NAL_FIRST_NON_VCL = 32,
  NAL_SPS = 33,
  NAL_PREFIX_SEI = 39,
};

#define HEADER 2

static HeH265Entry
slice_entry (guint type, const guint8 *nal, const guint8 *end)
{
  if (type == NAL_RASL_N || type == NAL_RASL_R)
    return HE_H265_RASL;
  if (type < NAL_BLA_W_LP || type > NAL_CRA || end - nal <= HEADER)
    return HE_H265_NONE;
  /* first_slice_segment_in_pic_flag */
  return nal[HEADER] & 0x80 ? HE_H265_IRAP : HE_H265_NONE;
}

static gboolean
is_base_layer (const guint8 *nal, const guint8 *end)
{
  /* forbidden_zero_bit, and nuh_layer_id across both bytes */
  return end - nal >= HEADER && (nal[0] & 0x81) == 0 && nal[1] >> 3 == 0;
}

HeH265Entry
he_h265_entry (const guint8 *data, gsize len)
{
  const guint8 *end = data + len;
  HeH265Entry entry = HE_H265_NONE;

  for (const guint8 *nal = he_nal_next (data, end); nal; nal = he_nal_next (nal, end)) {
    guint type = he_nal_h265_type (nal);

    if (!is_base_layer (nal, end))
      continue;
    if (type < NAL_FIRST_NON_VCL)
      return entry | slice_entry (type, nal, end);
    if (type == NAL_SPS)
      entry |= HE_H265_SPS;
    if (type == NAL_PREFIX_SEI
        && he_nal_sei_has (nal + HEADER, he_nal_end (nal, end), HE_SEI_RECOVERY_POINT))
      entry |= HE_H265_RECOVERY;
  }
  return entry;
}
