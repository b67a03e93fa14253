/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "he-secret.h"
#include "he-segment.h"

G_BEGIN_DECLS

/* What our elements say to each other and share as shells. Cores never include this. */

/* The boundary annotation: a sticky downstream custom event that precedes the first
 * buffer of a segment, and survives encoders and parsers.
 *
 *   headend-segment, msn=(guint64), generation=(uint), pts90=(guint64),
 *   duration90=(guint64), signature=(string) of its first picture where that was seen,
 *   and marked=(boolean)false where variants a and b are the same there, and b's encoder
 *   gets no pictures (sparse marking: forensicmark says so)
 */
#define GST_HEADEND_SEGMENT "headend-segment"

typedef struct {
  guint64 msn;
  guint generation;
  guint64 pts90; /* msn * duration90 */
  guint64 duration90;
  gboolean has_signature;
  HeSignature signature; /* he-signature.h */
  gboolean unmarked;
} GstHeadendSegment;

GstEvent *gst_headend_segment_event_new (const GstHeadendSegment *segment);
/* FALSE when the event is anything else. */
gboolean
gst_headend_segment_event_parse (GstEvent *event, GstHeadendSegment *ret_segment);

/* Which of the source's timelines a frame belongs to: sticky, from epochdemux through the
 * decoders to epochalign.
 *   headend-timeline, generation=(uint), start=(guint64)
 * start: the epoch time in ticks at which it begins, for a programme of its own; 0: it is
 * joined in the middle. */
#define GST_HEADEND_TIMELINE "headend-timeline"
GstEvent *gst_headend_timeline_event_new (guint generation, guint64 start90);
gboolean gst_headend_timeline_event_parse (GstEvent *event, guint *ret_generation,
                                           guint64 *ret_start90);

/* Pictures that may refer to what was lost or damaged, and sound behind a gap, which no
 * decoder tells of: from epochdemux through the decoder to epochalign, ahead of the first
 * of them, and again when their end is known. Serialized, not sticky; times in ticks.
 *   headend-torn, from=(guint64), until=(guint64), which is G_MAXUINT64 at first */
#define GST_HEADEND_TORN "headend-torn"
GstEvent *gst_headend_torn_event_new (guint64 from90, guint64 until90);
gboolean
gst_headend_torn_event_parse (GstEvent *event, guint64 *ret_from90, guint64 *ret_until90);

/* Damage and filler, when noticed: serialized, not sticky.
 *   headend-status, msn=(guint64), flags=(uint HeSegmentFlags) */
#define GST_HEADEND_STATUS "headend-status"
GstEvent *gst_headend_status_event_new (guint64 msn, HeSegmentFlags flags);
gboolean gst_headend_status_event_parse (GstEvent *event, guint64 *ret_msn,
                                         HeSegmentFlags *ret_flags);

/* The force-key-unit event of a boundary: all headers, count = msn mod 2^32. */
GstEvent *gst_headend_key_unit_event_new (const GstHeadendSegment *segment);

/* The one mapping of a core's GError to an element error (and frees it). */
void gst_headend_element_error (GstElement *element, GError *error);

/* Whether a property that is read when streaming begins may be set: below PAUSED. Above,
 * FALSE and a warning. With the element's object lock held. */
gboolean gst_headend_may_set (GstElement *element, const GParamSpec *pspec);

/* Write-only secret properties take 64 hex digits or "file:PATH". Logs a warning that
 * does not quote the value, and returns NULL, when it is neither; NULL value: NULL. */
HeSecret *gst_headend_secret_from_value (GObject *object, const GParamSpec *pspec,
                                         const GValue *value);

/* The VIDEO-RANGE that playlists tell (RFC 8216bis section 4.4.6.2), by the transfer
 * characteristics of caps: "SDR", "HLG", "PQ", a literal; NULL when they do not say. */
const char *gst_headend_video_range (const GstStructure *caps);

G_END_DECLS
