/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gst-encoder-run.h"

G_BEGIN_DECLS

/* The encoders of a segmentencoder, in slots: one, or two that take turns. While one
 * works, the other ends and is made new on a thread of its own. */
typedef struct GstHeadendPlaces GstHeadendPlaces;
typedef struct GstHeadendPlace GstHeadendPlace;

GstHeadendPlaces *gst_headend_places_new (GstBin *element, GstPad *sink, GstPad *src);
void gst_headend_places_free (GstHeadendPlaces *places); /* takes NULL */

/* Takes floating references; the second NULL: one place; both: none. In state NULL. */
void
gst_headend_places_fill (GstHeadendPlaces *places, GstElement *first, GstElement *second);
gboolean gst_headend_places_alternate (const GstHeadendPlaces *places); /* two */

/* Follows the element: upwards before its pads, downwards too. */
GstStateChangeReturn
gst_headend_places_set_state (GstHeadendPlaces *places, GstState state);
/* Forgets what flowed. In state READY. */
void gst_headend_places_forget (GstHeadendPlaces *places);
/* An encoder reported an error: nobody waits for it. Any thread. */
void gst_headend_places_fail (GstHeadendPlaces *places);
/* Whether an encoder has come to an end: what the next one says of itself is known then.
 * Any thread. */
gboolean gst_headend_places_settled (GstHeadendPlaces *places);
void gst_headend_places_flush_start (GstHeadendPlaces *places);
/* Nothing is in any encoder, and all are new. With the event for downstream (taken). */
void gst_headend_places_flush_stop (GstHeadendPlaces *places, GstEvent *event);

GstHeadendOrder *gst_headend_places_order (GstHeadendPlaces *places);

/* Waits for the next place, which only flushing and errors delay, and begins a run on it;
 * rate, preroll and segment as for gst_headend_run_new(). The encoder gets the sticky
 * events of the element's sink pad. Release the run. */
GstFlowReturn
gst_headend_places_begin (GstHeadendPlaces *places, guint rate, guint preroll,
                          const GstSegment *segment, GstHeadendPlace **ret_place,
                          GstHeadendRun **ret_run);

/* Leads into the place's encoder. */
GstPad *gst_headend_place_feed (GstHeadendPlace *place);
/* Into and out of the encoder of the first place. */
GstPad *gst_headend_places_feed (GstHeadendPlaces *places);
GstPad *gst_headend_places_drain (GstHeadendPlaces *places);

G_END_DECLS
