/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* A place in a bin for an element that is made new now and then while the bin streams:
 * the element between two pads of ours, kept out of the bin's own state changes.
 *
 * `feed` (a source pad) leads into the element, `drain` (a sink pad) takes what comes out
 * of it; neither has a parent. The owner sets the drain's functions, and pushes to feed.
 * Queries of the element go on to the bin's pads. */
typedef struct GstHeadendSlot GstHeadendSlot;

/* user: found again by gst_headend_slot_user() from either pad. sink, src: pads of bin
 * that queries go on to, and upstream events. All must outlive the slot. */
GstHeadendSlot *
gst_headend_slot_new (GstBin *bin, GstPad *sink, GstPad *src, gpointer user);
void gst_headend_slot_free (GstHeadendSlot *slot); /* takes NULL */

GstPad *gst_headend_slot_feed (GstHeadendSlot *slot);
GstPad *gst_headend_slot_drain (GstHeadendSlot *slot);
gpointer gst_headend_slot_user (GstPad *pad);

/* Puts an element with pads "sink" and "src" in, in state NULL, or takes it out (NULL).
 * While nothing flows. */
void gst_headend_slot_fill (GstHeadendSlot *slot, GstElement *element);

/* Whether ALLOCATION queries are answered by the neighbours. While nothing flows. */
void gst_headend_slot_allocate (GstHeadendSlot *slot, gboolean through);

/* Follows the bin. Any thread, also while the element streams and renews. */
GstStateChangeReturn gst_headend_slot_set_state (GstHeadendSlot *slot, GstState state);

/* Grows when the element is made new, or leaves PAUSED: what was meant for it as it was is
 * out of date. */
guint gst_headend_slot_serial (GstHeadendSlot *slot);

/* A new life for the element: by READY, which waits for what it is doing. It forgets all,
 * sticky events too. Any thread but the element's own. FALSE: serial is out of date, or
 * the bin is below PAUSED, or the element refuses (ret_refused). */
gboolean
gst_headend_slot_renew (GstHeadendSlot *slot, guint serial, gboolean *ret_refused);

G_END_DECLS
