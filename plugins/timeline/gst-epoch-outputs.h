/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstflowcombiner.h>
#include <gst/gst.h>

#include "he-demux.h"

G_BEGIN_DECLS

/* The source pads of epochdemux, and what must stand before each buffer on them.
 * Streaming thread only. */
typedef struct {
  GstPad *pad;          /* owned by the element */
  gboolean open;        /* SEGMENT was sent */
  guint generation;     /* of the last buffer */
  guint rate, channels; /* of the caps sent; audio */
  guint64 end90;        /* so far buffers and GAPs went */
  gboolean torn;        /* headend-torn was sent, and not until when */
  guint64 torn90;       /* from then on */
} GstEpochOutput;

typedef struct {
  GstElement *element; /* not owned */
  GstFlowCombiner *flow;
  GstEpochOutput list[HE_DEMUX_MAX_STREAMS]; /* by number of the stream */
  guint n;
  GstSegment segment; /* one for all pads */
  gboolean has_segment;
  guint group_id;
  guint64 start90; /* see gst_headend_timeline_event_new() */
} GstEpochOutputs;

extern GstStaticPadTemplate gst_epoch_video_template;
extern GstStaticPadTemplate gst_epoch_audio_template;

void gst_epoch_outputs_init (GstEpochOutputs *outputs, GstElement *element);
void gst_epoch_outputs_finalize (GstEpochOutputs *outputs);

/* Adds a pad for every stream, then says that there are no more. */
void gst_epoch_outputs_add (GstEpochOutputs *outputs, const HeDemux *demux);
/* Removes them all; the next SEGMENT begins anew. */
void gst_epoch_outputs_remove (GstEpochOutputs *outputs);

/* Returns the combined flow of all pads. */
GstFlowReturn gst_epoch_outputs_push (GstEpochOutputs *outputs, const HeFrame *frame);
/* GAP, up to this time, on every pad that has not come so far. */
void gst_epoch_outputs_gap (GstEpochOutputs *outputs, guint64 until90);
/* EOS on every pad, behind a SEGMENT, so that sinks which never saw a frame end too. */
void gst_epoch_outputs_end (GstEpochOutputs *outputs, GstEvent *eos);
/* A flush emptied what is downstream. */
void gst_epoch_outputs_reopen (GstEpochOutputs *outputs);

G_END_DECLS
