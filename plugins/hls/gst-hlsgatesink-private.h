/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gst-hlsgatesink-pad.h"
#include "gst-hlsgatesink-settings.h"
#include "gst-hlsgatesink.h"
#include "he-outlet.h"

G_BEGIN_DECLS

GST_DEBUG_CATEGORY_EXTERN (gst_hls_gate_sink_debug);
#define GST_CAT_DEFAULT gst_hls_gate_sink_debug

struct _GstHlsGateSink {
  GstElement parent;

  /* Under the object lock. */
  GstHlsGateSettings settings;
  HeOutlet *outlet; /* between READY and PAUSED; streaming threads need no lock for it */
  HeOutletStats last_stats;
  gboolean described; /* the outlet knows the channel: no more pads */
  gboolean eos_posted;
};

/* Pad functions. */
GstFlowReturn gst_hls_gate_sink_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer);
gboolean gst_hls_gate_sink_event (GstPad *pad, GstObject *parent, GstEvent *event);

/* Tells the outlet what it serves, when every pad but those of variants b has caps or has
 * ended. FALSE after an
 * error was posted. */
gboolean gst_hls_gate_sink_try_describe (GstHlsGateSink *self);

/* Posts EOS when every pad has it, and a recording is complete. */
void gst_hls_gate_sink_try_eos (GstHlsGateSink *self, guint32 seqnum);

/* The outlet's callbacks; user_data is the sink. */
void gst_hls_gate_sink_on_published (const HeSegment *segment, gsize bytes,
                                     const guint8 digest[32], gpointer user_data);
void gst_hls_gate_sink_on_log (const char *line, gpointer user_data);
void gst_hls_gate_sink_on_trouble (const char *line, gpointer user_data);
void gst_hls_gate_sink_on_broken (const GError *error, gpointer user_data);

G_END_DECLS
