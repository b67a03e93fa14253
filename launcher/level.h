/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-encoder.h"
#include "model.h"

G_BEGIN_DECLS

/* Levels of H.264 (ITU-T H.264 table A-1, for profile main) and H.265 (ITU-T H.265 tables
 * A.8 and A.9, main tier), for progressive frames, as GStreamer's caps write them: "3",
 * "3.1". */

/* The lowest level that takes these frames, this rate and max_kbits (of the VBV), with
 * room for four reference frames. NULL when none does. */
const char *headend_level_find (HeVideoCodec codec, guint width, guint height,
                                HeadendFraction rate, guint max_kbits);

/* The same for a rendition: of its encoder's codec. */
const char *headend_level_of (const HeadendVideo *video);

/* Its RFC 6381 name (he-codecs.h): of profile main, of main 10 where it has 10 bits. What
 * nobody here encoded is called high in H.264, which holds the others that broadcast
 * uses. NULL without a level. */
char *headend_level_codecs (const HeadendVideo *video);

G_END_DECLS
