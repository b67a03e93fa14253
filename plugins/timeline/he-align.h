/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Which frames and samples become part of the channel, and where they stand on the epoch.
 * Every decision is a function of the feed alone, so that nodes which joined at different
 * times decide alike. Not thread-safe; one object per stream. */

/* Gaps up to this are filled. A longer one fills the running segment to its end, and the
 * stream joins again at the first boundary behind the gap. */
#define HE_ALIGN_MAX_FILL (10 * G_GUINT64_CONSTANT (90000))

/* --- Video ------------------------------------------------------------------------- */

/* Repeats of the previous frame that go before the one at hand: those with the indices
 * first .. first + count - 1, at the times he_align_fill_time() says. */
typedef struct {
  guint64 from;  /* epoch ticks of the frame that is repeated */
  guint64 span;  /* ticks ... */
  guint64 steps; /* ... that hold so many frames */
  guint first, count;
} HeAlignFill;

guint64 he_align_fill_time (const HeAlignFill *fill, guint index); /* nearest tick */
/* Whether black stands there: a picture is repeated for HE_ALIGN_MAX_FILL and no longer.
 */
gboolean he_align_fill_is_black (const HeAlignFill *fill, guint index);

typedef struct {
  /*< private >*/
  guint64 duration90;
  guint fps_n, fps_d;
  gboolean seen, joined;
  guint64 last90;
  guint made; /* repeats since then that he_align_video_silence() asked for */
} HeAlignVideo;

/* Unknown frame rate (fps_n == 0): nothing is filled. duration90 > 0. */
void he_align_video_init (HeAlignVideo *align, guint64 duration90);
void he_align_video_set_rate (HeAlignVideo *align, guint fps_n, guint fps_d);

/* Decides on the frame at t90. TRUE: it belongs to the channel, in segment
 * he_epoch_msn(t90). FALSE: drop it: before the first boundary, or closer to the frame
 * before it than half a frame, or behind it.
 *
 * The stream joins with a clean frame that stands on a boundary tick or is the first
 * behind one; ret_fill is set in both cases and refers to the frame of the last call
 * (taken or not), and its frames go first. */
gboolean he_align_video_frame (HeAlignVideo *align, guint64 t90, gboolean clean,
                               HeAlignFill *ret_fill);

/* Nothing has come up to this time, and nothing is waited for any longer: ret_fill is the
 * repeats that stand before it, on the nominal grid. A frame that comes for one of their
 * places after all is dropped. Beyond HE_ALIGN_MAX_FILL at once, as after a machine stood
 * still, the segment is filled to its end, and the stream has to join again. */
void he_align_video_silence (HeAlignVideo *align, guint64 until90, HeAlignFill *ret_fill);

/* --- Audio ------------------------------------------------------------------------- */

/* Re-blocks the blocks of a decoder onto the epoch-wide grid of frames of 1024 samples.
 *
 * Block times are only roughly where the samples are: at 44.1 kHz a frame of 1024 samples
 * lasts 2089.796 ticks, so that PTS are off by up to a tick = 0.49 samples, and feeds
 * that came through RTMP carry milliseconds. A sample's place is therefore
 *
 *   origin + number of samples so far
 *
 * where the origin is estimated as the mean of (time - samples so far) over a window of
 * blocks that holds whole periods of the rounding: 49 blocks when rate/90000 has the
 * denominator 49 (the 44.1 kHz family: any constant block size repeats its rounding
 * after 49 blocks), otherwise 24 (periods 8, 3 and 1). The mean of a whole period is the
 * same wherever the window starts, to the last bit, and so is the origin. Where blocks
 * are not so regular, estimates scatter by less than a sample, or a few for millisecond
 * feeds; the origin is then rounded to a multiple of 16 or 128 samples (off by at most
 * 0.2 or 1.5 ms), so that two nodes agree unless their estimates straddle a multiple.
 * Blocks are held, not lost, until the window is full: about a second, at a join only.
 *
 * Afterwards a block whose time is within half a frame of its place is contiguous. Beyond
 * that, a whole number of lost blocks keeps the phase; any other jump estimates anew. A
 * feed that drifts against its own sample clock is followed in steps of the rounding. */

/* How long before a segment begins a decoder of sound is made new for it
 * (segmentdecoder), in ticks: time enough for what is placed and heard ahead of the
 * segment. */
#define HE_ALIGN_LEAD 22500

#define HE_ALIGN_WINDOW 49
#define HE_ALIGN_JITTER 512 /* samples */

/* What to do with the oldest held block, in this order. */
typedef struct {
  guint64 fill;     /* samples of silence to append first */
  gboolean filled;  /* they stand for lost sound, and are not just a correction */
  gboolean restart; /* then continue the output at sample `start`, a multiple of 1024; all
                     * before it is whole frames */
  guint64 start;
  guint preroll; /* the first so many samples are before the segment that is joined */
  guint skip;    /* drop so many samples of the block's head */
  guint take;    /* append so many after them; what is left is dropped too */
} HeAlignStep;

typedef struct {
  /*< private >*/
  guint rate;
  guint64 duration90;
  guint skip, window, preroll;
  gboolean locked, joined;
  gint64 count;         /* samples so far, the block at hand excluded */
  gint64 origin, grain; /* samples */
  guint64 next;         /* next sample of the output */
  guint last_samples;
  __int128 ring[HE_ALIGN_WINDOW]; /* time - samples so far, see he-align-audio.c */
  guint ring_len, ring_at;
  GArray *held;
  guint ready; /* so many of the held blocks have a place */
} HeAlignAudio;

/* skip: number of blocks to drop first, because a decoder that starts in the middle has
 * not settled. rate > 0, duration90 > 0. Initialised anew by a second call. */
void
he_align_audio_init (HeAlignAudio *align, guint rate, guint64 duration90, guint skip);
void he_align_audio_clear (HeAlignAudio *align); /* takes one that is all zero */

/* A join puts out so many frames ahead of its segment, too, and waits for a segment ahead
 * of which HE_ALIGN_LEAD was heard. Before the first block. */
void he_align_audio_preroll (HeAlignAudio *align, guint frames);

/* The output begins with the first frame of the grid at or behind this time instead of at
 * the first boundary, with silence where blocks come late (up to HE_ALIGN_MAX_FILL), and
 * no block is dropped for a decoder to settle. Before the first block. Returns the first
 * sample. */
guint64 he_align_audio_begin (HeAlignAudio *align, guint64 start90);

/* A block of samples at a time in nanoseconds (of a tick where the source has ticks).
 * FALSE: drop it now. TRUE: the caller holds it, and calls pull until that is FALSE. */
gboolean he_align_audio_push (HeAlignAudio *align, guint64 ns, guint samples);
gboolean he_align_audio_pull (HeAlignAudio *align, HeAlignStep *ret_step);
/* The segment that a frame of the grid belongs to: segment n begins with the first frame
 * at or behind boundary n (he_audio_frame_at_or_after). */
guint64 he_align_audio_msn (guint64 frame, guint rate, guint64 duration90);

/* No more blocks come: places what is held with what is known. */
void he_align_audio_finish (HeAlignAudio *align);

/* As he_align_video_silence(); with nothing held. Returns how many samples of silence to
 * append. */
guint64 he_align_audio_silence (HeAlignAudio *align, guint64 until90);

G_END_DECLS
