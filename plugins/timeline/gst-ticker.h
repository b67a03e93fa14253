/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Calls a function every so often from a thread of its own, under the stream lock of a
 * sink pad, as if data had come: it may push on the element's source pads. While data is
 * being taken, or waits for room downstream, it is not called. */
typedef struct GstHeadendTicker GstHeadendTicker;

GstHeadendTicker *gst_headend_ticker_new (GstPad *pad, gint64 interval_us,
                                          void (*func) (gpointer user), gpointer user);
/* Waits for a call to end: with the element's pads inactive. Takes NULL. */
void gst_headend_ticker_free (GstHeadendTicker *ticker);

G_END_DECLS
