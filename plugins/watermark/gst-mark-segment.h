/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gst-headend.h"

G_BEGIN_DECLS

/* Which segment forensicmark is in, and with sparse marking, whether variant b has it.
 * Zeroed at first; used by the streaming thread. */
typedef struct {
  gboolean announced; /* segment is that of a headend-segment event */
  GstHeadendSegment segment;
  guint64 next; /* segment after it to be marked */
  gboolean gap_is_told;
} GstMarkSegment;

/* How a channel is marked. */
typedef struct {
  const HeSecret *key; /* HE_PURPOSE_MARK */
  const char *channel;
  HeVariant variant; /* a or b */
  guint sparse;      /* he_mark_next() */
} GstMarkRule;

/* Takes what was parsed from a headend-segment event, and the event; returns the one to
 * send on, which says whether the segment is marked. */
GstEvent *gst_mark_segment_note (GstMarkSegment *self, const GstMarkRule *rule,
                                 const GstHeadendSegment *segment, GstEvent *event);

/* Whether a frame of the segment is left out. The first of them at pts becomes a GAP
 * event on pad, to the end of the segment. */
gboolean gst_mark_segment_leaves_out (GstMarkSegment *self, const GstMarkRule *rule,
                                      GstPad *pad, GstClockTime pts);

/* The number of the segment that a frame belongs to: what was announced, else what its
 * PTS tells with segments of so many ticks. FALSE: neither is there. */
gboolean gst_mark_segment_find (const GstMarkSegment *self, GstBuffer *in,
                                guint64 duration90, guint64 *ret_msn);

/* HeVariant, as a property has it. */
#define GST_TYPE_MARK_VARIANT (gst_mark_variant_get_type ())
GType gst_mark_variant_get_type (void);

G_END_DECLS
