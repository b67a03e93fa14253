/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Writes whole MPEG-TS segments (ISO/IEC 13818-1) of one elementary stream. A segment is
 * a pure function of its access units: it begins with PAT and PMT, every PID's continuity
 * counter begins at 0, and every PID holds a multiple of 16 packets with payload. So the
 * counters meet at every seam, whichever nodes the segments before and after come from.
 */

typedef enum {
  HE_TS_H264, /* byte stream (Annex B), one access unit each */
  HE_TS_H265, /* the same */
  HE_TS_ADTS, /* AAC, whole ADTS frames */
} HeTsCodec;

static inline gboolean
he_ts_is_video (HeTsCodec codec)
{
  return codec != HE_TS_ADTS;
}

typedef struct {
  guint64 pts90, dts90; /* epoch ticks, dts90 <= pts90; written modulo 2^33 */
  const guint8 *data;   /* borrowed */
  gsize len;
  gboolean keyframe;
} HeAccessUnit;

#define HE_TS_PACKET 188
#define HE_TS_PMT_PID 0x1000
#define HE_TS_VIDEO_PID 0x100
#define HE_TS_AUDIO_PID 0x101

/* PCR = DTS - HE_TS_PCR_DELAY, so that a unit has arrived before it is decoded. */
#define HE_TS_PCR_DELAY 45000 /* ticks: half a second */
/* Between two PCRs of a segment lie at most 90 ms; the standard says 100. */
#define HE_TS_PCR_INTERVAL 8100 /* ticks */

/* Bytes behind a segment that may be written to: what encryption adds. */
#define HE_TS_ROOM 16

/* Units in decoding order; a video unit without access unit delimiter gets one. Fails
 * with HE_ERROR_INVALID when there is no unit, the first is no keyframe, a time runs
 * backwards, or there are too few bytes to fill 16 packets of at least one byte each. */
GBytes *he_ts_write_segment (HeTsCodec codec, const HeAccessUnit *units, guint n_units,
                             GError **error);

G_END_DECLS
