/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gst-epoch-outputs.h"
#include "gst-epochdemux.h"
#include "gst-ticker.h"
#include "he-demux.h"

G_BEGIN_DECLS

struct _GstEpochDemux {
  GstElement parent;
  GstPad *sink;

  /* Streaming thread, or stopped. */
  HeDemux *demux;
  GstEpochOutputs outputs;
  gboolean fed;
  gint64 data_at;    /* monotonic, when a unit came last that has a time; 0: none yet */
  guint idle_ticks;  /* in a row, without one */
  gint64 silence_us; /* of the property, while running */

  /* Under the object lock. */
  char *anchor_text; /* as set */
  char *node;
  guint64 start90;
  guint silence; /* milliseconds */
  guint program;
  guint expect_video, expect_audio;
  gint fps_n, fps_d;
  HeAnchor anchor; /* that holds */
  gboolean has_anchor;
  HeDemuxStats stats;

  GstHeadendTicker *ticker; /* changed while stopped */
};

/* Properties: what is under the object lock above. */
void gst_epoch_demux_install_settings (GObjectClass *object_class);
void gst_epoch_demux_settings_init (GstEpochDemux *self);
void gst_epoch_demux_settings_clear (GstEpochDemux *self);

G_END_DECLS
