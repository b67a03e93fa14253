/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-stopgap.h"

#include "gst-black.h"
#include "he-epoch.h"

void
gst_headend_stopgap_clear (GstHeadendStopgap *stopgap)
{
  gst_clear_buffer (&stopgap->last);
  gst_clear_buffer (&stopgap->black);
}

void
gst_headend_stopgap_keep (GstHeadendStopgap *stopgap, GstBuffer *buffer)
{
  gst_buffer_replace (&stopgap->last, buffer);
}

/* NULL: in memory that cannot be written to here. */
static GstBuffer *
black_of (GstHeadendStopgap *stopgap, const GstCaps *caps)
{
  if (stopgap->black == NULL)
    stopgap->black = caps != NULL ? gst_headend_black_new (caps) : NULL;
  return stopgap->black;
}

GstBuffer *
gst_headend_stopgap_at (GstHeadendStopgap *stopgap, const GstCaps *caps, guint64 t90,
                        gboolean black, GstBuffer *next)
{
  GstBuffer *frame = stopgap->last != NULL ? stopgap->last : next;

  if ((black || frame == NULL) && black_of (stopgap, caps) != NULL)
    frame = stopgap->black;
  if (frame == NULL)
    return NULL;
  frame = gst_buffer_copy (frame);
  GST_BUFFER_PTS (frame) = he_ticks_to_ns (t90);
  GST_BUFFER_DTS (frame) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_FLAG_UNSET (frame, GST_BUFFER_FLAG_CORRUPTED);
  return frame;
}
