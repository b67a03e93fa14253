/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Puts the output of several threads on one pad, strictly by turns: what is given to a
 * turn goes out behind all that is given to earlier ones, whenever it comes. Nobody waits
 * for his turn: what comes early is kept, and pushed by whoever comes when its time has
 * come. Pushes never overlap. Thread-safe.
 *
 * Sticky events of which the pad holds the like already (stream, caps, segment, tags) are
 * dropped: each turn may begin with its own. */
typedef struct GstHeadendOrder GstHeadendOrder;
typedef struct GstHeadendTurn GstHeadendTurn;

GstHeadendOrder *gst_headend_order_new (GstPad *out); /* which outlives it */
void gst_headend_order_free (GstHeadendOrder *order); /* takes NULL */

/* The next turn. Release it with gst_headend_turn_unref(), which does not end it. */
GstHeadendTurn *gst_headend_order_begin (GstHeadendOrder *order);
GstHeadendTurn *gst_headend_turn_ref (GstHeadendTurn *turn);
void gst_headend_turn_unref (GstHeadendTurn *turn); /* takes NULL */

/* Takes a buffer or an event. What the pad's peer returned for the newest buffer;
 * GST_FLOW_FLUSHING when the turn ended or was forgotten. */
GstFlowReturn
gst_headend_order_give (GstHeadendOrder *order, GstHeadendTurn *turn, gpointer item);
/* Nothing more comes. */
void gst_headend_order_end (GstHeadendOrder *order, GstHeadendTurn *turn);
/* Takes an event, which is a turn of its own: behind all turns there are. */
void gst_headend_order_event (GstHeadendOrder *order, GstEvent *event);

/* Whether somebody pushes, or waits for who is behind the pad. */
gboolean gst_headend_order_is_pushing (GstHeadendOrder *order);

/* Forgets all turns and what was given to them. While nobody pushes. */
void gst_headend_order_reset (GstHeadendOrder *order);

G_END_DECLS
