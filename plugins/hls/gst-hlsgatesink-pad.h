/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "he-channel.h"
#include "he-packager.h"

G_BEGIN_DECLS

#define GST_TYPE_HLS_GATE_SINK_PAD (gst_hls_gate_sink_pad_get_type ())
G_DECLARE_FINAL_TYPE (GstHlsGateSinkPad, gst_hls_gate_sink_pad, GST, HLS_GATE_SINK_PAD,
                      GstPad)

/* A stream of the sink: one rendition in one variant. */
struct _GstHlsGateSinkPad {
  GstPad parent;

  /* Set at request, then constant. */
  gboolean is_video;
  guint index;   /* N of video_N, video_b_N, audio_N */
  gboolean is_b; /* video_b_N */

  /* Properties, under the object lock. */
  char *rendition, *codecs, *language;
  guint bandwidth, average_bandwidth;
  gboolean closed_gops;

  /* From caps, under the object lock. */
  HeTsCodec codec;
  const char *video_range; /* static, or NULL */
  guint width, height, fps_n, fps_d, channels;
  char *caps_codecs;
  guint64 lost; /* segments begun and not handed out */

  /* Under the element's object lock. */
  gboolean has_caps, eos;

  /* Streaming thread only, or while there is none. */
  GstSegment segment;
  gboolean on_timeline; /* straight from epochdemux: its stream time is epoch time */
  HePackager *packager;
  gboolean warned; /* a problem was posted since the last good segment */
};

/* The rendition's name: the property, else "video0", "audio0". Free with g_free(). */
char *gst_hls_gate_sink_pad_dup_rendition (GstHlsGateSinkPad *pad);

/* Takes what playlists need from the caps. FALSE: segments were begun in another codec.
 */
gboolean gst_hls_gate_sink_pad_set_caps (GstHlsGateSinkPad *pad, GstCaps *caps);

/* The rendition as properties and caps have it. */
HeRendition *gst_hls_gate_sink_pad_describe (GstHlsGateSinkPad *pad);

/* Epoch ticks of a buffer, as running time: that is PTS behind epochalign, and undoes
 * what encoders add to it. Straight behind epochdemux, where running time is that of the
 * pipeline, as stream time. FALSE when it has no PTS, or none in the segment. */
gboolean gst_hls_gate_sink_pad_times (GstHlsGateSinkPad *pad, GstBuffer *buffer,
                                      HeUnitInfo *ret_info);

G_END_DECLS
