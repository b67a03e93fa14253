/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* AAC in ADTS (ISO/IEC 14496-3 section 1.A.3.2): one frame at a time, each with its time,
 * however frames lie in the units that carry them. */

#define HE_ADTS_MAX_FRAME 8191
#define HE_ADTS_NO_TIME G_MAXUINT64

typedef struct {
  guint rate;     /* of the core coder, Hz */
  guint channels; /* 0: described inside the frame */
  guint samples;  /* 1024 times the raw data blocks */
  gsize header;   /* 7, or 9 with a CRC */
  gsize size;     /* whole frame, header included, bytes */
} HeAdtsHeader;

/* FALSE when these are not the first bytes of a frame; len >= 7 is needed. */
gboolean he_adts_read_header (const guint8 *data, gsize len, HeAdtsHeader *ret);

/* Makes ADTS of bare frames, as an AudioSpecificConfig (ISO/IEC 14496-3 section 1.6.2.1)
 * tells of them. */
typedef struct {
  guint rate;
  guint8 header[7]; /* without a length */
} HeAdtsMaker;

#define HE_ADTS_EXPECTED                                                                 \
  "expected AAC main, LC, SSR or LTP with a rate from the table, 1024 samples a frame "  \
  "and one of the channel configurations 1 to 7"

/* FALSE when ADTS cannot say what it says, HE_ADTS_EXPECTED. */
gboolean he_adts_maker_init (HeAdtsMaker *maker, const guint8 *config, gsize len);
/* NULL when the frame is too long. */
GBytes *he_adts_maker_frame (const HeAdtsMaker *maker, const guint8 *data, gsize len);

typedef struct {
  HeAdtsHeader header;
  const guint8 *data; /* header.size bytes, valid during the call */
  guint64 pts90;      /* ticks, nearest */
  guint64 duration90; /* to the next frame's pts90, so that durations add up */
  gboolean gap;       /* something was lost before this frame */
} HeAdtsFrame;

typedef struct _HeAdtsSplitter HeAdtsSplitter;
typedef void (*HeAdtsFunc) (const HeAdtsFrame *frame, gpointer user);

HeAdtsSplitter *he_adts_splitter_new (HeAdtsFunc func, gpointer user);
void he_adts_splitter_free (HeAdtsSplitter *splitter); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeAdtsSplitter, he_adts_splitter_free)

/* Takes a unit's bytes. pts90 is the time of the first frame that begins in it, or
 * HE_ADTS_NO_TIME. Later frames are that time plus whole frames, rounded once and never
 * summed up, so their times depend on the feed alone and not on where reading began.
 * Frames before the first time are dropped, as are incomplete ones.
 * gap: bytes were lost before the unit; damaged: the unit is truncated. */
void he_adts_splitter_push (HeAdtsSplitter *splitter, const guint8 *data, gsize len,
                            guint64 pts90, gboolean gap, gboolean damaged);
/* The stream ends: gives the frames that were held back to confirm the framing. */
void he_adts_splitter_flush (HeAdtsSplitter *splitter);

/* Times that framing was lost within the data. */
guint64 he_adts_splitter_errors (const HeAdtsSplitter *splitter);

G_END_DECLS
