/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model.h"

G_BEGIN_DECLS

/* H.264 levels (ITU-T H.264 table A-1), for profile main and progressive frames. */
typedef struct {
  const char *name; /* as GStreamer's caps write it: "3", "3.1" */
  guint idc;        /* 30, 31 */
} HeadendLevel;

/* The lowest level that takes these frames, this rate and max_kbits (of the VBV), with
 * room for four reference frames. NULL when none does. */
const HeadendLevel *
headend_level_find (guint width, guint height, HeadendFraction rate, guint max_kbits);

/* RFC 6381 and ISO/IEC 14496-15 section E.3: "avc1.4D401E". */
char *headend_level_codec (const HeadendLevel *level);
/* The same for pictures that nobody here encoded: profile high, which holds the others
 * that broadcast uses: "avc1.64001E". */
char *headend_level_codec_high (const HeadendLevel *level);

G_END_DECLS
