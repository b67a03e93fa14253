/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Where an H.265 byte stream can be entered: ITU-T H.265 annex B and section 7.4.2.2. */
typedef enum {
  HE_H265_NONE = 0,
  /* A picture begins here from which on all are decodable in the order of their display:
   * IDR, BLA or CRA. */
  HE_H265_IRAP = 1 << 0,
  /* The picture is shown before its IRAP picture and may refer to what stands before that
   * (RASL): who enters there leaves it out. */
  HE_H265_RASL = 1 << 1,
  HE_H265_SPS = 1 << 2,      /* a sequence parameter set comes before it */
  HE_H265_RECOVERY = 1 << 3, /* so does a recovery point message (section D.2.8) */
} HeH265Entry;

/* Looks at the NAL units of the base layer up to and including the first slice segment.
 * One that does not begin a picture, because it continues that of the unit before, is no
 * IRAP. */
HeH265Entry he_h265_entry (const guint8 *data, gsize len);

G_END_DECLS
