/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-slot.h"

struct GstHeadendSlot {
  GstBin *bin;
  GstPad *sink, *src; /* of the bin */
  GstPad *feed, *drain;
  gpointer user;
  gboolean allocate;

  GMutex lock; /* held while the element changes its state; guards what follows */
  GstElement *element;
  GstState state;
  gint serial; /* atomic, too */
};

static GstHeadendSlot *
slot_of (GstPad *pad)
{
  return gst_pad_get_element_private (pad);
}

/* --- Pads -------------------------------------------------------------------- */

static gboolean
feed_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  return gst_pad_peer_query (slot_of (pad)->sink, query);
}

static gboolean
drain_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstHeadendSlot *slot = slot_of (pad);

  if (GST_QUERY_TYPE (query) == GST_QUERY_ALLOCATION && !slot->allocate)
    return FALSE;
  return gst_pad_peer_query (slot->src, query);
}

static gboolean
feed_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  return gst_pad_push_event (slot_of (pad)->sink, event);
}

static GstPad *
make_pad (GstHeadendSlot *slot, const char *name, GstPadDirection direction,
          GstPadQueryFunction query)
{
  GstPad *pad = gst_object_ref_sink (gst_pad_new (name, direction));

  gst_pad_set_element_private (pad, slot);
  gst_pad_set_query_function (pad, query);
  return pad;
}

/* --- Object ------------------------------------------------------------------ */

GstHeadendSlot *
gst_headend_slot_new (GstBin *bin, GstPad *sink, GstPad *src, gpointer user)
{
  GstHeadendSlot *slot = g_new0 (GstHeadendSlot, 1);

  slot->bin = bin;
  slot->sink = sink;
  slot->src = src;
  slot->user = user;
  slot->state = GST_STATE_NULL;
  g_mutex_init (&slot->lock);
  slot->feed = make_pad (slot, "feed", GST_PAD_SRC, feed_query);
  gst_pad_set_event_function (slot->feed, feed_event);
  slot->drain = make_pad (slot, "drain", GST_PAD_SINK, drain_query);
  return slot;
}

void
gst_headend_slot_free (GstHeadendSlot *slot)
{
  if (slot == NULL)
    return;
  gst_headend_slot_fill (slot, NULL);
  gst_object_unref (slot->feed);
  gst_object_unref (slot->drain);
  g_mutex_clear (&slot->lock);
  g_free (slot);
}

GstPad *
gst_headend_slot_feed (GstHeadendSlot *slot)
{
  return slot->feed;
}

GstPad *
gst_headend_slot_drain (GstHeadendSlot *slot)
{
  return slot->drain;
}

gpointer
gst_headend_slot_user (GstPad *pad)
{
  return slot_of (pad)->user;
}

void
gst_headend_slot_allocate (GstHeadendSlot *slot, gboolean through)
{
  slot->allocate = through;
}

static void
take_out (GstHeadendSlot *slot)
{
  if (slot->element == NULL)
    return;
  gst_element_set_state (slot->element, GST_STATE_NULL);
  gst_bin_remove (slot->bin, slot->element); /* unlinks it */
  slot->element = NULL;
}

void
gst_headend_slot_fill (GstHeadendSlot *slot, GstElement *element)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&slot->lock);
  g_autoptr (GstPad) sink = NULL;
  g_autoptr (GstPad) src = NULL;

  take_out (slot);
  if (element == NULL)
    return;
  slot->element = element;
  gst_element_set_locked_state (element, TRUE);
  gst_bin_add (slot->bin, element);
  sink = gst_element_get_static_pad (element, "sink");
  src = gst_element_get_static_pad (element, "src");
  gst_pad_link_full (slot->feed, sink, GST_PAD_LINK_CHECK_NOTHING);
  gst_pad_link_full (src, slot->drain, GST_PAD_LINK_CHECK_NOTHING);
}

/* --- State ------------------------------------------------------------------- */

/* The element first, so that its threads end; then what the pads remember goes. */
static GstStateChangeReturn
change (GstHeadendSlot *slot, GstState state)
{
  GstStateChangeReturn ret = GST_STATE_CHANGE_SUCCESS;

  if (state >= GST_STATE_PAUSED) {
    gst_pad_set_active (slot->drain, TRUE);
    gst_pad_set_active (slot->feed, TRUE);
  }
  if (slot->element != NULL)
    ret = gst_element_set_state (slot->element, state);
  if (state < GST_STATE_PAUSED) {
    gst_pad_set_active (slot->feed, FALSE);
    gst_pad_set_active (slot->drain, FALSE);
  }
  return ret;
}

GstStateChangeReturn
gst_headend_slot_set_state (GstHeadendSlot *slot, GstState state)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&slot->lock);

  if (state < GST_STATE_PAUSED)
    g_atomic_int_inc (&slot->serial);
  slot->state = state;
  return change (slot, state);
}

guint
gst_headend_slot_serial (GstHeadendSlot *slot)
{
  return (guint)g_atomic_int_get (&slot->serial);
}

gboolean
gst_headend_slot_renew (GstHeadendSlot *slot, guint serial, gboolean *ret_refused)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&slot->lock);

  *ret_refused = FALSE;
  if (slot->state < GST_STATE_PAUSED || serial != gst_headend_slot_serial (slot))
    return FALSE;
  g_atomic_int_inc (&slot->serial);
  *ret_refused = change (slot, GST_STATE_READY) == GST_STATE_CHANGE_FAILURE
                 || change (slot, slot->state) == GST_STATE_CHANGE_FAILURE;
  return !*ret_refused;
}
