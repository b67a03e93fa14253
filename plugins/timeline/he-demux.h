/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "he-anchor.h"
#include "he-epoch.h"
#include "he-rtp.h"
#include "he-ts-parser.h"

G_BEGIN_DECLS

/* The whole demultiplexer: bytes of a transport stream, or FLV, in, frames on the epoch
 * out.
 *
 * Pictures begin with the first that decoding can begin at (he-video-entry.h), sound with
 * the first picture.
 *
 *   he_demux_push()                                       as bytes come
 *   while ((event = he_demux_next()) != HE_DEMUX_NOTHING) …
 *
 * Memory is bounded: the input, one unit a stream, and as many units as the limits below
 * that wait for one to confirm their time, or for streams that are missing yet. Not
 * thread-safe. */

#define HE_DEMUX_MAX_STREAMS 16
#define HE_DEMUX_MAX_PENDING (2 * 8 * 1024 * 1024) /* bytes */
#define HE_DEMUX_MAX_WAITING 100                   /* units */
#define HE_DEMUX_MAX_MISSING90 (2 * HE_TICKS_PER_SECOND)
#define HE_DEMUX_NO_TIME G_MAXUINT64

typedef enum {
  HE_DEMUX_VIDEO, /* H.264, H.265 byte stream; a frame is what one PES packet holds */
  HE_DEMUX_AUDIO, /* AAC; a frame is one ADTS frame */
} HeDemuxMedia;

typedef struct {
  HeDemuxMedia media;
  guint8 type; /* HE_STREAM_TYPE_… */
  guint index; /* among the streams of this media, from 0 */
  guint16 pid; /* at present: a later PMT may move the stream; 0: leaves it out */
} HeDemuxStream;

typedef enum {
  HE_FRAME_KEY = 1 << 0,     /* decoding can begin here; always set on audio */
  HE_FRAME_DISCONT = 1 << 1, /* first one, or something was lost before it */
  HE_FRAME_DAMAGED = 1 << 2, /* truncated */
  HE_FRAME_TORN = 1 << 3,    /* a picture that may refer to what was lost or damaged */
} HeFrameFlags;

typedef struct {
  guint stream;
  GBytes *data;
  guint64 pts90, dts90; /* epoch ticks, or HE_DEMUX_NO_TIME (video only) */
  guint64 duration90;   /* audio; 0: unknown */
  guint generation;     /* of the timeline that its time belongs to */
  guint rate, channels; /* audio */
  HeFrameFlags flags;
} HeFrame;

void he_frame_clear (HeFrame *frame);

typedef enum {
  HE_DEMUX_NOTHING, /* push more */
  HE_DEMUX_PROGRAM, /* once, ahead of all else: the streams are known, and stay */
  HE_DEMUX_ANCHOR,  /* he_demux_proposal() awaits he_demux_set_anchor() */
  HE_DEMUX_FRAME,
} HeDemuxEvent;

typedef struct {
  HeTsStats ts;
  guint64 frames;
  guint64 damaged; /* units truncated, or dropped as malformed; lost audio framing */
  guint64 discontinuities;
  guint64 bad_times; /* units dropped for a time that nothing confirmed */
  guint64 skipped;   /* pictures that came too late, or that decoding cannot begin at */
} HeDemuxStats;

typedef struct _HeDemux HeDemux;

/* node signs proposals; an anchor may be set before the first timestamp already. */
HeDemux *he_demux_new (const char *node);
void he_demux_free (HeDemux *demux); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeDemux, he_demux_free)

/* wall90: the wall clock in ticks since the epoch. Errors: see he_ts_parser_push(), and
 * HE_ERROR_INVALID when a later PMT gives a stream another codec. */
gboolean he_demux_push (HeDemux *demux, const guint8 *data, gsize len, guint64 wall90,
                        GError **error);
/* The feed ends: he_demux_next() gives what is left. Errors: he_ts_parser_finish(). */
gboolean he_demux_finish (HeDemux *demux, guint64 wall90, GError **error);
/* What is pushed from now on came too late, where skip is true: of FLV, which cannot go
 * without, only what later input leans on is read (he_flv_reader_skip()), and pictures go
 * on with the next that decoding can begin at. Others leave such input out themselves. */
void he_demux_skip (HeDemux *demux, gboolean skip);
/* Bytes are missing between the last input and the next; FLV begins with its header. */
void he_demux_mark_gap (HeDemux *demux);
/* What comes next is another feed of the same programme: pictures go on with the next
 * that decoding can begin at. Times up to HE_CLOCK_MAX_STEP back or ahead are of the same
 * timeline. */
void he_demux_switch (HeDemux *demux);

/* Before the first input: the program of the transport stream (0: the first); that it is
 * FLV instead (he-flv.h), of so many pictures a second (fps_n 0: unknown). */
void he_demux_set_program (HeDemux *demux, guint16 program);
void he_demux_set_flv (HeDemux *demux, guint fps_n, guint fps_d);
/* Before the first input: so many streams are waited for when the first PMT has fewer,
 * and what comes meanwhile is kept; for no more of the feed than HE_DEMUX_MAX_MISSING90
 * by its own timestamps, or than the limits below hold. */
void he_demux_expect (HeDemux *demux, guint video, guint audio);
/* That it is RTP, each push a packet; errors of he_rtp_reader_new(). */
gboolean he_demux_set_rtp (HeDemux *demux, const HeRtpSession *session, GError **error);

/* Where the feed's timeline is, in epoch ticks, when nothing has come for so long (0:
 * something has just come), and what is silent is made up to waited90 behind it. What
 * comes and is behind that (he-source-clock.h) counts as nothing. A new timeline that
 * comes next goes on there. 0: nothing was placed yet. */
guint64 he_demux_now (HeDemux *demux, guint64 silent90, guint64 waited90);

/* ret_frame is written at HE_DEMUX_FRAME only; clear it with he_frame_clear(). */
HeDemuxEvent he_demux_next (HeDemux *demux, HeFrame *ret_frame);

guint he_demux_n_streams (const HeDemux *demux);
const HeDemuxStream *he_demux_stream (const HeDemux *demux, guint number);

/* The feed is a programme of its own, as a file is: its first picture (its first sound
 * where it has none) stands at this epoch time, nothing comes before, and no anchor is
 * asked for until its timestamps jump. start90 >= 10 s; before the first input. */
void he_demux_set_start (HeDemux *demux, guint64 start90);

/* What this node would take as the anchor; a later generation at every jump. */
const HeAnchor *he_demux_proposal (const HeDemux *demux);
/* Instead of he_demux_set_anchor() behind a proposal that says HE_ANCHOR_END_PAUSED: the
 * source did not pause, so the present anchor goes on. */
void he_demux_go_on (HeDemux *demux);
void he_demux_set_anchor (HeDemux *demux, const HeAnchor *anchor);

void he_demux_stats (const HeDemux *demux, HeDemuxStats *ret_stats);

G_END_DECLS
