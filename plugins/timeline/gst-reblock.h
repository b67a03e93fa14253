/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/audio/audio.h>
#include <gst/base/gstadapter.h>

#include "he-align.h"
#include "he-segment.h"

G_BEGIN_DECLS

/* Blocks of interleaved samples in, frames of exactly 1024 samples on the epoch's grid
 * out. he-align-audio.c decides; this moves the bytes. */
typedef struct GstHeadendReblock GstHeadendReblock;

/* Takes the frame. frame: its number on the grid, from which its time follows. */
typedef GstFlowReturn (*GstHeadendReblockEmit) (gpointer user, guint64 frame,
                                                GstBuffer *buffer, HeSegmentFlags flags);

/* skip: decoded blocks to drop first. */
GstHeadendReblock *
gst_headend_reblock_new (const GstAudioInfo *info, guint64 duration90, guint skip,
                         GstHeadendReblockEmit emit, gpointer user);
void gst_headend_reblock_free (GstHeadendReblock *reblock); /* takes NULL */

/* Frames that are put out ahead of the segment that is joined, flagged DECODE_ONLY.
 * Before the first block. */
void gst_headend_reblock_preroll (GstHeadendReblock *reblock, guint frames);

/* The output begins at this epoch time, whatever the first block's: before the first. */
void gst_headend_reblock_begin (GstHeadendReblock *reblock, guint64 start90);

/* Takes the buffer, which has a PTS. FALSE in ret_taken: dropped, not held. */
GstFlowReturn gst_headend_reblock_push (GstHeadendReblock *reblock, GstBuffer *buffer,
                                        gboolean *ret_taken);
/* Nothing has come up to this time: what is held goes, and then silence. */
GstFlowReturn gst_headend_reblock_silence (GstHeadendReblock *reblock, guint64 until90);
/* At the end: emits every whole frame that is held. What is less than a frame goes. */
GstFlowReturn gst_headend_reblock_finish (GstHeadendReblock *reblock);

G_END_DECLS
