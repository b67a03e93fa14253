/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Pictures that stand for lost ones: the last that was seen again, or black.
 * Zero-initialise. */
typedef struct {
  GstBuffer *last;
  GstBuffer *black; /* NULL: not needed yet */
} GstHeadendStopgap;

/* At the end, and where the format changes. */
void gst_headend_stopgap_clear (GstHeadendStopgap *stopgap);

/* buffer, kept, is the last from now on. */
void gst_headend_stopgap_keep (GstHeadendStopgap *stopgap, GstBuffer *buffer);

/* A picture of these caps for an epoch time in 90 kHz ticks, which shares its bytes with
 * others: black where that is wanted and can be made, else the last, else next (may be
 * NULL), else black. NULL: none of them. */
GstBuffer *gst_headend_stopgap_at (GstHeadendStopgap *stopgap, const GstCaps *caps,
                                   guint64 t90, gboolean black, GstBuffer *next);

G_END_DECLS
