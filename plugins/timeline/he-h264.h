/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Where an H.264 byte stream can be entered: ITU-T H.264 annex B and section 7.4.1. */
typedef enum {
  HE_H264_NONE = 0,
  HE_H264_IDR = 1 << 0,      /* the first slice belongs to an IDR picture */
  HE_H264_SPS = 1 << 1,      /* a sequence parameter set comes before it */
  HE_H264_RECOVERY = 1 << 2, /* so does a recovery point message (section D.2.8) */
} HeH264Entry;

/* Looks at the NAL units up to and including the first slice. */
HeH264Entry he_h264_entry (const guint8 *data, gsize len);

G_END_DECLS
