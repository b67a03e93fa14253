/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-encoder.h"
#include "model.h"

G_BEGIN_DECLS

/* Levels of H.264 (ITU-T H.264 table A-1, for profile main) and H.265 (ITU-T H.265 tables
 * A.8 and A.9, main tier), for progressive frames. */
typedef struct {
  const char *name; /* as GStreamer's caps write it: "3", "3.1" */
  guint idc;        /* H.264: 30, 31; H.265: 90, 93 */
} HeadendLevel;

/* The lowest level that takes these frames, this rate and max_kbits (of the VBV), with
 * room for four reference frames. NULL when none does. */
const HeadendLevel *headend_level_find (HeVideoCodec codec, guint width, guint height,
                                        HeadendFraction rate, guint max_kbits);

/* The same for a rendition: of its encoder's codec. */
const HeadendLevel *headend_level_of (const HeadendVideo *video);

/* RFC 6381 and ISO/IEC 14496-15 section E.3: "avc1.4D401E"; of H.265 the profile is main
 * 10 for a depth of 10 bits: "hvc1.1.6.L90.90", "hvc1.2.4.L90.90". */
char *headend_level_codec (HeVideoCodec codec, const HeadendLevel *level, guint depth);
/* The same for pictures that nobody here encoded: profile high, which holds the others
 * that broadcast uses: "avc1.64001E". */
char *headend_level_codec_copied (HeVideoCodec codec, const HeadendLevel *level);

G_END_DECLS
