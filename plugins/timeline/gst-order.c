/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-order.h"

#include <string.h>

struct GstHeadendTurn {
  gatomicrefcount refs;
  GQueue items;        /* GstBuffer and GstEvent */
  gboolean ended, out; /* out: not in the order any more */
};

struct GstHeadendOrder {
  GstPad *pad;
  GMutex lock;  /* guards what follows, and all turns */
  GQueue turns; /* the first one's items may go */
  gboolean pushing;
  GstFlowReturn flow;
};

static GstHeadendTurn *
turn_new (void)
{
  GstHeadendTurn *turn = g_new0 (GstHeadendTurn, 1);

  g_atomic_ref_count_init (&turn->refs);
  return turn;
}

GstHeadendTurn *
gst_headend_turn_ref (GstHeadendTurn *turn)
{
  g_atomic_ref_count_inc (&turn->refs);
  return turn;
}

void
gst_headend_turn_unref (GstHeadendTurn *turn)
{
  if (turn == NULL || !g_atomic_ref_count_dec (&turn->refs))
    return;
  g_queue_clear_full (&turn->items, (GDestroyNotify)gst_mini_object_unref);
  g_free (turn);
}

GstHeadendOrder *
gst_headend_order_new (GstPad *out)
{
  GstHeadendOrder *order = g_new0 (GstHeadendOrder, 1);

  order->pad = out;
  g_mutex_init (&order->lock);
  g_queue_init (&order->turns);
  order->flow = GST_FLOW_OK;
  return order;
}

void
gst_headend_order_free (GstHeadendOrder *order)
{
  if (order == NULL)
    return;
  gst_headend_order_reset (order);
  g_mutex_clear (&order->lock);
  g_free (order);
}

void
gst_headend_order_reset (GstHeadendOrder *order)
{
  GstHeadendTurn *turn;

  g_mutex_lock (&order->lock);
  while ((turn = g_queue_pop_head (&order->turns)) != NULL) {
    turn->out = TRUE;
    gst_headend_turn_unref (turn);
  }
  order->flow = GST_FLOW_OK;
  g_mutex_unlock (&order->lock);
}

/* --- Out --------------------------------------------------------------------- */

static gboolean
same_event (GstEvent *a, GstEvent *b)
{
  const char *stream[2];
  GstCaps *caps[2];
  const GstSegment *segment[2];
  GstTagList *tags[2];

  switch (GST_EVENT_TYPE (a)) {
    case GST_EVENT_STREAM_START:
      gst_event_parse_stream_start (a, &stream[0]);
      gst_event_parse_stream_start (b, &stream[1]);
      return strcmp (stream[0], stream[1]) == 0;
    case GST_EVENT_CAPS:
      gst_event_parse_caps (a, &caps[0]);
      gst_event_parse_caps (b, &caps[1]);
      return gst_caps_is_equal (caps[0], caps[1]);
    case GST_EVENT_SEGMENT:
      gst_event_parse_segment (a, &segment[0]);
      gst_event_parse_segment (b, &segment[1]);
      return gst_segment_is_equal (segment[0], segment[1]);
    case GST_EVENT_TAG:
      gst_event_parse_tag (a, &tags[0]);
      gst_event_parse_tag (b, &tags[1]);
      return gst_tag_list_is_equal (tags[0], tags[1]);
    default:
      return FALSE;
  }
}

static gboolean
is_known (GstPad *pad, GstEvent *event)
{
  g_autoptr (GstEvent) held = NULL;
  g_autoptr (GstEvent) eos = NULL;

  if (!GST_EVENT_IS_STICKY (event))
    return FALSE;
  held = gst_pad_get_sticky_event (pad, GST_EVENT_TYPE (event), 0);
  eos = gst_pad_get_sticky_event (pad, GST_EVENT_EOS, 0);
  return held != NULL && eos == NULL && same_event (held, event);
}

/* The item whose time has come, or NULL. With the lock. */
static gpointer
next_item (GstHeadendOrder *order)
{
  GstHeadendTurn *turn;

  while ((turn = g_queue_peek_head (&order->turns)) != NULL) {
    gpointer item = g_queue_pop_head (&turn->items);

    if (item != NULL || !turn->ended)
      return item;
    turn->out = TRUE;
    gst_headend_turn_unref (g_queue_pop_head (&order->turns));
  }
  return NULL;
}

/* With the lock, which it releases while it pushes. */
static void
push_items (GstHeadendOrder *order)
{
  gpointer item;

  if (order->pushing)
    return; /* who pushes takes the new ones, too */
  order->pushing = TRUE;
  while ((item = next_item (order)) != NULL) {
    GstFlowReturn flow = order->flow;

    g_mutex_unlock (&order->lock);
    if (GST_IS_BUFFER (item))
      flow = gst_pad_push (order->pad, item);
    else if (is_known (order->pad, item))
      gst_event_unref (item);
    else
      gst_pad_push_event (order->pad, item);
    g_mutex_lock (&order->lock);
    order->flow = flow;
  }
  order->pushing = FALSE;
}

gboolean
gst_headend_order_is_pushing (GstHeadendOrder *order)
{
  gboolean pushing;

  g_mutex_lock (&order->lock);
  pushing = order->pushing;
  g_mutex_unlock (&order->lock);
  return pushing;
}

/* --- In ---------------------------------------------------------------------- */

static GstHeadendTurn *
append (GstHeadendOrder *order)
{
  GstHeadendTurn *turn = turn_new ();

  g_queue_push_tail (&order->turns, turn);
  return turn;
}

GstHeadendTurn *
gst_headend_order_begin (GstHeadendOrder *order)
{
  GstHeadendTurn *turn;

  g_mutex_lock (&order->lock);
  turn = gst_headend_turn_ref (append (order));
  g_mutex_unlock (&order->lock);
  return turn;
}

GstFlowReturn
gst_headend_order_give (GstHeadendOrder *order, GstHeadendTurn *turn, gpointer item)
{
  GstFlowReturn flow;

  g_mutex_lock (&order->lock);
  if (turn->ended || turn->out) {
    g_mutex_unlock (&order->lock);
    gst_mini_object_unref (item);
    return GST_FLOW_FLUSHING;
  }
  g_queue_push_tail (&turn->items, item);
  push_items (order);
  flow = order->flow;
  g_mutex_unlock (&order->lock);
  return flow;
}

void
gst_headend_order_end (GstHeadendOrder *order, GstHeadendTurn *turn)
{
  g_mutex_lock (&order->lock);
  turn->ended = TRUE;
  push_items (order);
  g_mutex_unlock (&order->lock);
}

void
gst_headend_order_event (GstHeadendOrder *order, GstEvent *event)
{
  GstHeadendTurn *turn;

  g_mutex_lock (&order->lock);
  turn = append (order);
  g_queue_push_tail (&turn->items, event);
  turn->ended = TRUE;
  push_items (order);
  g_mutex_unlock (&order->lock);
}
