/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-encoder-places.h"

#include "gst-headend.h"
#include "gst-slot.h"

#define PLACES 2

/* An encoder that does not end within so many seconds never will; those in which who is
 * behind us takes nothing do not count. */
#define PATIENCE 120

typedef enum { FRESH, BUSY, SPENT, RENEWING } State;

struct GstHeadendPlace {
  GstHeadendPlaces *places;
  GstHeadendSlot *slot;

  /* The lock of all places. */
  State state;
  guint job; /* the renewal that is meant by RENEWING */
  GstHeadendRun *run;
};

struct GstHeadendPlaces {
  GstElement *element;
  GstPad *sink, *src;
  GstHeadendOrder *order;
  GstHeadendPlace place[PLACES];
  guint n, turn; /* turn: sink side */
  gint warned;   /* atomic */

  GMutex lock;
  GCond changed;
  gboolean flushing, failed, settled;
};

/* --- Renewal ----------------------------------------------------------------- */

typedef struct {
  GstHeadendPlace *place;
  guint job, serial;
} Renewal;

static void
refuse (GstHeadendPlaces *places)
{
  gst_headend_places_fail (places);
  GST_ELEMENT_ERROR (places->element, LIBRARY, INIT,
                     ("the encoder does not start again for the next segment; use "
                      "another encoder, or agreement=interchangeable"),
                     (NULL));
}

static void
renew (GstElement *element, gpointer data)
{
  Renewal *renewal = data;
  GstHeadendPlace *place = renewal->place;
  GstHeadendPlaces *places = place->places;
  gboolean refused;
  gboolean done = gst_headend_slot_renew (place->slot, renewal->serial, &refused);

  if (refused)
    refuse (places);
  g_mutex_lock (&places->lock);
  if (done && place->state == RENEWING && place->job == renewal->job) {
    place->state = FRESH;
    g_cond_broadcast (&places->changed);
  }
  g_mutex_unlock (&places->lock);
}

/* The run's end came out of the encoder: in the encoder's thread, which a renewal waits
 * for. */
static void
retire (GstHeadendPlace *place)
{
  GstHeadendPlaces *places = place->places;
  Renewal *renewal = NULL;

  g_mutex_lock (&places->lock);
  g_clear_pointer (&place->run, gst_headend_run_unref);
  places->settled = TRUE;
  place->state = SPENT;
  if (places->n > 1) {
    place->state = RENEWING;
    renewal = g_new0 (Renewal, 1);
    renewal->place = place;
    renewal->job = ++place->job;
    renewal->serial = gst_headend_slot_serial (place->slot);
  }
  g_cond_broadcast (&places->changed);
  g_mutex_unlock (&places->lock);
  if (renewal != NULL)
    gst_element_call_async (places->element, renew, renewal, g_free);
}

/* --- Out of an encoder ------------------------------------------------------- */

static GstHeadendRun *
run_of (GstHeadendPlace *place)
{
  GstHeadendRun *run;

  g_mutex_lock (&place->places->lock);
  run = place->run != NULL ? gst_headend_run_ref (place->run) : NULL;
  g_mutex_unlock (&place->places->lock);
  return run;
}

static void
warn_missing_key (GstHeadendPlaces *places)
{
  GST_ELEMENT_WARNING (places->element, STREAM, ENCODE,
                       ("the encoder ignores forced keyframes: a segment begins without "
                        "one; use another encoder or other settings"),
                       (NULL));
}

static GstFlowReturn
drain_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstHeadendPlace *place = gst_headend_slot_user (pad);
  GstHeadendRun *run = run_of (place);
  gboolean missing_key;
  GstFlowReturn ret;

  if (run == NULL) {
    gst_buffer_unref (buffer);
    return GST_FLOW_FLUSHING;
  }
  ret = gst_headend_run_buffer (run, buffer, &missing_key);
  if (missing_key && g_atomic_int_compare_and_exchange (&place->places->warned, 0, 1))
    warn_missing_key (place->places);
  gst_headend_run_unref (run);
  return ret;
}

static GstFlowReturn
drain_chain_list (GstPad *pad, GstObject *parent, GstBufferList *list)
{
  GstFlowReturn ret = GST_FLOW_OK;

  for (guint i = 0; i < gst_buffer_list_length (list) && ret == GST_FLOW_OK; i++)
    ret = drain_chain (pad, parent, gst_buffer_ref (gst_buffer_list_get (list, i)));
  gst_buffer_list_unref (list);
  return ret;
}

static gboolean
drain_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstHeadendPlace *place = gst_headend_slot_user (pad);
  GstHeadendRun *run = run_of (place);

  if (run == NULL) {
    gst_event_unref (event);
    return TRUE;
  }
  if (gst_headend_run_event (run, event))
    retire (place);
  gst_headend_run_unref (run);
  return TRUE;
}

/* --- Object ------------------------------------------------------------------ */

GstHeadendPlaces *
gst_headend_places_new (GstBin *element, GstPad *sink, GstPad *src)
{
  GstHeadendPlaces *places = g_new0 (GstHeadendPlaces, 1);

  places->element = GST_ELEMENT (element);
  places->sink = sink;
  places->src = src;
  places->order = gst_headend_order_new (src);
  g_mutex_init (&places->lock);
  g_cond_init (&places->changed);
  places->flushing = TRUE;
  for (guint i = 0; i < PLACES; i++) {
    GstHeadendPlace *place = &places->place[i];
    GstPad *drain;

    place->places = places;
    place->slot = gst_headend_slot_new (element, sink, src, place);
    drain = gst_headend_slot_drain (place->slot);
    gst_pad_set_chain_function (drain, drain_chain);
    gst_pad_set_chain_list_function (drain, drain_chain_list);
    gst_pad_set_event_function (drain, drain_event);
  }
  return places;
}

static void
reset (GstHeadendPlaces *places)
{
  g_mutex_lock (&places->lock);
  for (guint i = 0; i < PLACES; i++) {
    g_clear_pointer (&places->place[i].run, gst_headend_run_unref);
    places->place[i].state = FRESH;
    places->place[i].job++;
  }
  places->failed = FALSE;
  g_mutex_unlock (&places->lock);
  places->turn = 0;
  gst_headend_order_reset (places->order);
}

void
gst_headend_places_free (GstHeadendPlaces *places)
{
  if (places == NULL)
    return;
  reset (places);
  for (guint i = 0; i < PLACES; i++)
    gst_headend_slot_free (places->place[i].slot);
  gst_headend_order_free (places->order);
  g_cond_clear (&places->changed);
  g_mutex_clear (&places->lock);
  g_free (places);
}

void
gst_headend_places_fill (GstHeadendPlaces *places, GstElement *first, GstElement *second)
{
  gst_headend_slot_fill (places->place[0].slot, first);
  gst_headend_slot_fill (places->place[1].slot, second);
  places->n = second != NULL ? 2 : first != NULL ? 1 : 0;
  places->warned = 0;
  /* What two encoders are told while one still waits for its turn is not to be asked for.
   */
  gst_headend_slot_allocate (places->place[0].slot, places->n == 1);
}

gboolean
gst_headend_places_alternate (const GstHeadendPlaces *places)
{
  return places->n > 1;
}

GstHeadendOrder *
gst_headend_places_order (GstHeadendPlaces *places)
{
  return places->order;
}

GstPad *
gst_headend_place_feed (GstHeadendPlace *place)
{
  return gst_headend_slot_feed (place->slot);
}

GstPad *
gst_headend_places_feed (GstHeadendPlaces *places)
{
  return gst_headend_slot_feed (places->place[0].slot);
}

GstPad *
gst_headend_places_drain (GstHeadendPlaces *places)
{
  return gst_headend_slot_drain (places->place[0].slot);
}

/* --- State ------------------------------------------------------------------- */

static void
set_flushing (GstHeadendPlaces *places, gboolean flushing)
{
  g_mutex_lock (&places->lock);
  places->flushing = flushing;
  g_cond_broadcast (&places->changed);
  g_mutex_unlock (&places->lock);
}

GstStateChangeReturn
gst_headend_places_set_state (GstHeadendPlaces *places, GstState state)
{
  GstStateChangeReturn ret = GST_STATE_CHANGE_SUCCESS;

  if (state < GST_STATE_PAUSED)
    set_flushing (places, TRUE);
  for (guint i = 0; i < places->n && ret != GST_STATE_CHANGE_FAILURE; i++)
    ret = gst_headend_slot_set_state (places->place[i].slot, state);
  if (ret == GST_STATE_CHANGE_FAILURE)
    return ret;
  if (state >= GST_STATE_PAUSED)
    set_flushing (places, FALSE);
  return GST_STATE_CHANGE_SUCCESS;
}

void
gst_headend_places_forget (GstHeadendPlaces *places)
{
  reset (places);
  places->settled = FALSE;
}

void
gst_headend_places_fail (GstHeadendPlaces *places)
{
  g_mutex_lock (&places->lock);
  places->failed = TRUE;
  g_cond_broadcast (&places->changed);
  g_mutex_unlock (&places->lock);
}

gboolean
gst_headend_places_settled (GstHeadendPlaces *places)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&places->lock);

  return places->settled;
}

/* Downstream first, so that who pushes there comes back. */
void
gst_headend_places_flush_start (GstHeadendPlaces *places)
{
  set_flushing (places, TRUE);
  for (guint i = 0; i < places->n; i++)
    gst_pad_push_event (gst_headend_slot_feed (places->place[i].slot),
                        gst_event_new_flush_start ());
}

void
gst_headend_places_flush_stop (GstHeadendPlaces *places, GstEvent *event)
{
  for (guint i = 0; i < places->n; i++) {
    GstHeadendSlot *slot = places->place[i].slot;
    gboolean refused;

    /* Not every encoder forgets all when it is flushed. */
    gst_headend_slot_renew (slot, gst_headend_slot_serial (slot), &refused);
    if (refused)
      refuse (places);
  }
  reset (places);
  gst_pad_push_event (places->src, event);
  set_flushing (places, FALSE);
}

/* --- Into an encoder --------------------------------------------------------- */

/* FALSE: no place. *ret_spent: it has to be made new first. */
static GstFlowReturn
wait_for (GstHeadendPlaces *places, GstHeadendPlace *place, gboolean *ret_spent)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&places->lock);
  guint left = PATIENCE;

  while (!places->flushing && !places->failed && left > 0
         && (place->state == BUSY || place->state == RENEWING)) {
    gint64 until = g_get_monotonic_time () + G_TIME_SPAN_SECOND;

    if (!g_cond_wait_until (&places->changed, &places->lock, until)
        && !gst_headend_order_is_pushing (places->order))
      left--;
  }
  if (places->flushing)
    return GST_FLOW_FLUSHING;
  if (places->failed)
    return GST_FLOW_ERROR;
  if (left == 0)
    return GST_FLOW_CUSTOM_ERROR;
  *ret_spent = place->state == SPENT;
  place->state = BUSY;
  return GST_FLOW_OK;
}

static gboolean
push_sticky (GstPad *pad, GstEvent **event, gpointer user)
{
  if (GST_EVENT_TYPE (*event) != GST_EVENT_EOS
      && !gst_event_has_name (*event, GST_HEADEND_SEGMENT))
    gst_pad_push_event (user, gst_event_ref (*event));
  return TRUE;
}

GstFlowReturn
gst_headend_places_begin (GstHeadendPlaces *places, guint rate, guint preroll,
                          const GstSegment *segment, GstHeadendPlace **ret_place,
                          GstHeadendRun **ret_run)
{
  GstHeadendPlace *place = &places->place[places->turn++ % places->n];
  guint serial = gst_headend_slot_serial (place->slot);
  gboolean spent = FALSE, refused = FALSE;
  GstFlowReturn ret = wait_for (places, place, &spent);

  if (ret == GST_FLOW_CUSTOM_ERROR) {
    GST_ELEMENT_ERROR (places->element, STREAM, ENCODE,
                       ("the encoder does not end: it took its end of stream and gave "
                        "none; use another encoder, or agreement=interchangeable"),
                       (NULL));
    return GST_FLOW_ERROR;
  }
  if (ret != GST_FLOW_OK)
    return ret;
  if (spent && !gst_headend_slot_renew (place->slot, serial, &refused)) {
    if (refused)
      refuse (places);
    return refused ? GST_FLOW_ERROR : GST_FLOW_FLUSHING;
  }
  *ret_place = place;
  *ret_run = gst_headend_run_new (places->order, rate, preroll, segment);
  g_mutex_lock (&places->lock);
  place->run = gst_headend_run_ref (*ret_run);
  g_mutex_unlock (&places->lock);
  gst_pad_sticky_events_foreach (places->sink, push_sticky,
                                 gst_headend_slot_feed (place->slot));
  return GST_FLOW_OK;
}
