/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-adts.h"
#include "he-demux.h"
#include "he-flv.h"
#include "he-rtp.h"
#include "he-pes.h"
#include "he-source-clock.h"
#include "he-video-entry.h"

G_BEGIN_DECLS

/* What the two halves of a demuxer share: he-demux.c takes units of streams from the
 * container, he-demux-place.c finds their places on the epoch and makes frames of them.
 */

G_STATIC_ASSERT (HE_DEMUX_MAX_STREAMS <= HE_CLOCK_MAX_STREAMS);

typedef struct {
  HeDemux *demux;
  guint number;
  HeDemuxStream info;
  HePesAssembler *pes;
  HeAdtsSplitter *adts;
  HeVideoEntry entry;
  guint64 wall90;   /* when the unit at hand began to come, */
  guint64 gaps;     /* and how many there had been in the input by then */
  gboolean started; /* a frame was given */
  gboolean lost;    /* a unit before the next one was lost, or ended a timeline */
  gboolean discont; /* owed to the next frame */
  gboolean torn;    /* what a unit ahead of the next one held was lost */
  gboolean timed;   /* first33 is valid; until the program is told */
  guint64 first33;
  guint generation; /* of the last frame placed */
} HeDemuxTrack;

/* A PES packet that waits to be placed. */
typedef struct {
  guint stream;
  HePes *pes;
  guint64 wall90, gaps; /* as above */
} HeDemuxUnit;

struct _HeDemux {
  char *node;
  HeTsParser *parser;
  HeFlvReader *flv; /* instead of it */
  HeRtpReader *rtp; /* the same */
  HeDemuxTrack streams[HE_DEMUX_MAX_STREAMS];
  guint n_streams;
  guint expected[2]; /* streams, by HeDemuxMedia */
  gboolean known;    /* the streams are, and stay */
  gboolean program_pending;
  guint8 changed; /* the stream type that a stream has turned into; 0: none */
  GQueue units;   /* HeDemuxUnit */
  gsize pending;  /* bytes in them */
  GQueue frames;  /* HeFrame, heap */
  HeSourceClock clock;
  HeAnchor proposal;
  gboolean proposed; /* for the first unit; he_demux_set_anchor() is awaited */
  gboolean decided;  /* the first unit opens the generation just adopted */
  gboolean finished;
  guint64 wall90;
  guint64 start90; /* of the first picture; 0: as the anchor says */
  guint64 first90; /* epoch time of the first unit placed; 0: none yet */
  guint64 gaps;    /* of the last unit placed */
  HeDemuxStats stats;
};

void he_demux_unit_free (gpointer unit);

/* HeAdtsFunc of a stream of sound: gives the frame. */
void he_demux_on_adts (const HeAdtsFrame *adts, gpointer stream);

/* Deals with the first unit. FALSE: it stays, until there are more, or until an anchor
 * that was proposed is set. */
gboolean he_demux_take_unit (HeDemux *demux);

G_END_DECLS
