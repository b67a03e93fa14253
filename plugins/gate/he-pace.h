/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-segment.h"

G_BEGIN_DECLS

/* WMPaceInfo of ETSI TS 104 002 V1.1.1 (clause 5.5): what an edge that chooses variants
 * itself has to know of a segment, its position in the watermark pattern.
 *
 * The origin has three paths for a segment whose players know it as /live/CH/REND/FILE
 * (clause 5.7.5.2): /live/CH/REND/WMPaceInfo/FILE, /live/CH/REND/a/FILE and
 * /live/CH/REND/b/FILE. */

/* A position has 15 bits there, a codeword no end: it is the MSN modulo this. */
#define HE_PACE_POSITIONS 32768
#define HE_PACE_UNMARKED -1 /* the position of a segment that is in one variant */

gint he_pace_position (HeVariant variant, guint64 msn);

/* A sidecar file for one discrete segment: CBOR {1: 1, 2: [{6: position}]}. */
GBytes *he_pace_sidecar (gint position);
/* The same as the value of the header "WMPaceInfoEgress": base64url. */
#define HE_PACE_HEADER "WMPaceInfoEgress"
char *he_pace_egress (gint position);

typedef enum {
  HE_PACE_NONE, /* no such path */
  HE_PACE_INFO,
  HE_PACE_SEGMENT, /* a or b */
} HePacePath;

/* The segment is that of the variant, or of a for INFO; free it with he_segment_free().
 */
HePacePath he_pace_parse (const char *path, HeSegment **ret_segment);

/* Whether a viewer's path asks for WMPaceInfo, which no device may have. */
gboolean he_pace_is_asked (const char *path);

G_END_DECLS
