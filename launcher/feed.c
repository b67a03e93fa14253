/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "feed.h"

#include <string.h>
#include "backlog.h"
#include "backoff.h"
#include "builder.h"
#include "log.h"
#include "network.h"
#include "skipper.h"
#include "source.h"
#include "stream.h"
#include "twins.h"

#define MAX_LEGS 2
#define LOOK_MS 200

G_STATIC_ASSERT (HEADEND_FEED_KEPT_BYTES
                 < HEADEND_BACKLOG_ROOM / 100 * HEADEND_BACKLOG_FULL);

typedef struct {
  HeadendFeed *feed;
  guint number;
  char *shown; /* the URI as it may be logged */
  gboolean live, calls;
  GstElement *pipeline;
  guint bus_watch, retry; /* sources; 0: none */
  HeadendBackoff backoff;
  gint64 opened_at;
  char *said; /* why it was closed last */
  HeadendNetwork network;

  /* The thread of its pipeline. */
  HeadendStream *stream; /* NULL: no transport stream */
  HeadendTwins *twins;   /* NULL: nothing comes twice */
  GstBuffer *held;       /* by twins, or NULL */

  /* feed->lock */
  HeadendLeg state;
  gboolean fresh; /* opened or taken over: what comes next does not go on from before */
  guint opening;  /* calls of start_leg() on their way */
  HeInput seen;   /* its counts */

  /* feed->turn */
  GQueue kept; /* GstBuffer */
  GQueue kept_at;
  gsize kept_bytes;
} Leg;

struct _HeadendFeed {
  GstElement *intake;
  HeadendSkipper *skipper; /* NULL: nothing may be left out */
  Leg legs[MAX_LEGS];
  guint n;
  guint look; /* source */
  gboolean silent;

  GMutex lock; /* guards what is named above, and these */
  guint current;
  guint64 breaks;
  GCond opened; /* with lock: one opening less */
  GMutex turn;  /* held by who pushes to the intake; never by the main loop */
};

/* --- The thread of a source's pipeline ---------------------------------------------- */

static void
drop_oldest (Leg *leg)
{
  GstBuffer *buffer = g_queue_pop_head (&leg->kept);
  g_free (g_queue_pop_head (&leg->kept_at));
  leg->kept_bytes -= gst_buffer_get_size (buffer);
  gst_buffer_unref (buffer);
}

static void
keep (Leg *leg, GstBuffer *buffer, gint64 now)
{
  const gint64 *oldest;
  g_queue_push_tail (&leg->kept, gst_buffer_ref (buffer));
  g_queue_push_tail (&leg->kept_at, g_memdup2 (&now, sizeof now));
  leg->kept_bytes += gst_buffer_get_size (buffer);
  while (
      (oldest = g_queue_peek_head (&leg->kept_at))
      && (now - *oldest > HEADEND_FEED_KEPT || leg->kept_bytes > HEADEND_FEED_KEPT_BYTES))
    drop_oldest (leg);
}

/* Takes the buffer, and writes down when. */
static void
push (HeadendFeed *feed, GstBuffer *buffer, GstBufferFlags flags)
{
  GstFlowReturn flow;
  buffer = gst_buffer_make_writable (buffer);
  GST_BUFFER_FLAG_SET (buffer, flags);
  GST_BUFFER_OFFSET (buffer) = (guint64)g_get_monotonic_time ();
  g_signal_emit_by_name (feed->intake, "push-buffer", buffer, &flow);
  gst_buffer_unref (buffer);
}

static void
take (Leg *leg, GstBuffer *buffer)
{
  HeadendFeed *feed = leg->feed;
  gint64 now = g_get_monotonic_time ();
  gboolean damaged = FALSE, counts = TRUE;
  GstMapInfo map;
  if (leg->stream && gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    counts = headend_stream_push (leg->stream, map.data, map.size, &damaged);
    gst_buffer_unmap (buffer, &map);
  }
  g_mutex_lock (&feed->turn);
  g_mutex_lock (&feed->lock);
  if (counts || feed->n == 1) /* without another leg it is no worse than nothing */
    headend_leg_data (&leg->state, damaged, now);
  leg->seen.counts[HE_INPUT_BYTES] += gst_buffer_get_size (buffer);
  if (leg->stream)
    headend_stream_count (leg->stream, &leg->seen);
  gboolean ours = feed->current == leg->number;
  feed->breaks += ours && GST_BUFFER_IS_DISCONT (buffer);
  GstBufferFlags flags = 0;
  if (ours && leg->fresh) {
    flags = GST_BUFFER_FLAG_DISCONT;
    if (feed->n > 1)
      flags |= GST_BUFFER_FLAG_RESYNC;
    leg->fresh = FALSE;
  }
  g_mutex_unlock (&feed->lock);
  if (!ours) {
    keep (leg, buffer, now);
  } else {
    while (!g_queue_is_empty (&leg->kept)) {
      GstBuffer *kept = gst_buffer_ref (g_queue_peek_head (&leg->kept));
      drop_oldest (leg);
      push (feed, kept, flags);
      flags = 0;
    }
    push (feed, gst_buffer_ref (buffer), flags);
  }
  g_mutex_unlock (&feed->turn);
}

static void
take_once (Leg *leg, GstBuffer *buffer)
{
  GstMapInfo map;
  HeadendTwinsVerdict held, verdict;
  if (!leg->twins || !gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    take (leg, buffer);
    return;
  }
  verdict = headend_twins_look (leg->twins, map.data, map.size, g_get_monotonic_time (),
                                &held);
  gst_buffer_unmap (buffer, &map);
  g_mutex_lock (&leg->feed->lock);
  leg->seen.counts[HE_INPUT_TWICE]
      += (held == HEADEND_TWINS_DROP) + (verdict == HEADEND_TWINS_DROP);
  g_mutex_unlock (&leg->feed->lock);
  if (held == HEADEND_TWINS_TAKE)
    take (leg, leg->held);
  if (held != HEADEND_TWINS_HOLD)
    gst_clear_buffer (&leg->held);
  if (verdict == HEADEND_TWINS_TAKE)
    take (leg, buffer);
  else if (verdict == HEADEND_TWINS_HOLD)
    leg->held = gst_buffer_ref (buffer);
}

static gboolean
take_one (GstBuffer **buffer, guint index, gpointer user_data)
{
  take_once (user_data, *buffer);
  return TRUE;
}

static GstPadProbeReturn
on_data (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST)
    gst_buffer_list_foreach (GST_PAD_PROBE_INFO_BUFFER_LIST (info), take_one, user_data);
  else
    take_once (user_data, GST_PAD_PROBE_INFO_BUFFER (info));
  return GST_PAD_PROBE_OK;
}

/* --- The main loop ------------------------------------------------------------------ */

static gboolean on_retry (gpointer user_data);

/* again: it is to be opened at once, as a file that is read over and over is. */
static void
close_leg (Leg *leg, const char *why, gboolean again)
{
  guint64 lived = (guint64)(g_get_monotonic_time () - leg->opened_at) / 1000;
  if (again)
    leg->backoff = (HeadendBackoff) { 0 };
  if (lived >= HEADEND_BACKOFF_HEALTHY || g_strcmp0 (leg->said, why) != 0)
    headend_log ("source %s: %s", leg->shown, why);
  g_free (leg->said);
  leg->said = g_strdup (why);
  gst_element_set_state (leg->pipeline, GST_STATE_NULL);
  gst_clear_buffer (&leg->held);
  if (leg->twins)
    headend_twins_forget (leg->twins);
  if (!leg->retry)
    leg->retry
        = g_timeout_add (headend_backoff_next (&leg->backoff, lived), on_retry, leg);
}

static void
start_leg (GstElement *pipeline, gpointer user_data)
{
  Leg *leg = user_data;
  /* A failure comes by the bus. */
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_mutex_lock (&leg->feed->lock);
  leg->opening--;
  g_cond_signal (&leg->feed->opened);
  g_mutex_unlock (&leg->feed->lock);
}

static void
open_leg (Leg *leg)
{
  leg->opened_at = g_get_monotonic_time ();
  g_mutex_lock (&leg->feed->lock);
  leg->fresh = TRUE;
  leg->opening++;
  g_mutex_unlock (&leg->feed->lock);
  /* Who calls waits for who may not answer, which the main loop must not. */
  if (leg->calls)
    gst_element_call_async (leg->pipeline, start_leg, leg, NULL);
  else
    start_leg (leg->pipeline, leg);
}

static gboolean
on_retry (gpointer user_data)
{
  Leg *leg = user_data;
  leg->retry = 0;
  g_mutex_lock (&leg->feed->lock);
  leg->seen.counts[HE_INPUT_REOPENED]++;
  g_mutex_unlock (&leg->feed->lock);
  open_leg (leg);
  return G_SOURCE_REMOVE;
}

static gboolean
on_message (GstBus *bus, GstMessage *message, gpointer user_data)
{
  Leg *leg = user_data;
  g_autoptr (GError) error = NULL;
  if (leg->retry)
    return G_SOURCE_CONTINUE; /* of what is closed already */
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, NULL);
    close_leg (leg, error->message, FALSE);
  } else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS) {
    close_leg (leg, "has ended; it is opened again", !leg->live);
  }
  return G_SOURCE_CONTINUE;
}

static void
reopen_stalled (Leg *leg, gint64 data_at, gboolean opening, gint64 now)
{
  /* Who waits to be called gains nothing by it; what is being opened cannot be closed. */
  if (leg->retry || opening || (!leg->calls && data_at < leg->opened_at)
      || now - MAX (data_at, leg->opened_at) < HEADEND_FEED_STALLED)
    return;
  close_leg (leg, "says nothing; it is opened again", FALSE);
}

static void
tell_silence (HeadendFeed *feed, const HeadendLeg *leg, gint64 now)
{
  gboolean silent = leg->data_at != 0 && headend_leg_is_silent (leg, now);
  if (silent != feed->silent && leg->data_at != 0)
    headend_log (silent ? "no data from %s" : "data from %s again",
                 feed->legs[feed->current].shown);
  feed->silent = silent;
}

static gboolean
on_look (gpointer user_data)
{
  HeadendFeed *feed = user_data;
  HeadendLeg states[MAX_LEGS];
  gboolean opening[MAX_LEGS];
  gint64 now = g_get_monotonic_time ();
  g_mutex_lock (&feed->lock);
  for (guint i = 0; i < feed->n; i++) {
    states[i] = feed->legs[i].state;
    opening[i] = feed->legs[i].opening > 0;
  }
  guint next = headend_leg_choose (states, feed->n, feed->current, now);
  gboolean changed = next != feed->current;
  feed->current = next;
  if (changed)
    feed->legs[next].fresh = TRUE;
  g_mutex_unlock (&feed->lock);
  if (changed)
    headend_log ("takes %s now", feed->legs[next].shown);
  else
    tell_silence (feed, &states[next], now);
  for (guint i = 0; i < feed->n; i++)
    reopen_stalled (&feed->legs[i], states[i].data_at, opening[i], now);
  return G_SOURCE_CONTINUE;
}

static gboolean
add_leg (HeadendFeed *feed, const char *uri, const char *folder, GError **error)
{
  Leg *leg = &feed->legs[feed->n];
  g_autofree char *message = NULL;
  const HeadendSource *source = headend_source_find (uri, &message);
  g_autofree char *text = headend_source_pipeline (source, uri);
  leg->pipeline = gst_parse_launch_full (text, NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);
  if (!leg->pipeline)
    return FALSE;
  gst_object_ref_sink (leg->pipeline);
  feed->n++;
  leg->feed = feed;
  leg->number = feed->n - 1;
  leg->live = source->live;
  leg->calls = source->calls;
  leg->twins = source->bare ? headend_twins_new () : NULL;
  leg->shown = headend_source_display (uri);
  g_queue_init (&leg->kept);
  g_queue_init (&leg->kept_at);
  g_autoptr (GstElement) element
      = gst_bin_get_by_name (GST_BIN (leg->pipeline), "source");
  headend_builder_set_source (element, uri, folder);
  g_autoptr (GstElement) out = gst_bin_get_by_name (GST_BIN (leg->pipeline), "out");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (out, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST,
                     on_data, leg, NULL);
  g_autoptr (GstBus) bus = gst_element_get_bus (leg->pipeline);
  leg->bus_watch = gst_bus_add_watch (bus, on_message, leg);
  return TRUE;
}

HeadendFeed *
headend_feed_new (const HeadendPlan *plan, const char *folder, GstElement *intake,
                  GError **error)
{
  const HeadendModelChannel *channel = plan->description;
  g_autofree char *message = NULL;
  g_autoptr (HeadendFeed) feed = g_new0 (HeadendFeed, 1);
  g_mutex_init (&feed->lock);
  g_mutex_init (&feed->turn);
  g_cond_init (&feed->opened);
  feed->intake = gst_object_ref (intake);
  if (!add_leg (feed, channel->source, folder, error)
      || (channel->backup && !add_leg (feed, channel->backup, folder, error)))
    return NULL;
  /* A backup is of the same kind. */
  const HeadendSource *source = headend_source_find (channel->source, &message);
  for (guint i = 0; i < feed->n && strcmp (source->caps, HEADEND_SOURCE_TS) == 0; i++)
    feed->legs[i].stream = headend_stream_new (channel->program);
  if (source->skips)
    feed->skipper = headend_skipper_new (intake, source->leans);
  return g_steal_pointer (&feed);
}

void
headend_feed_start (HeadendFeed *feed)
{
  for (guint i = 0; i < feed->n; i++)
    open_leg (&feed->legs[i]);
  feed->look = g_timeout_add (LOOK_MS, on_look, feed);
}

static void
leg_clear (Leg *leg)
{
  g_mutex_lock (&leg->feed->lock);
  while (leg->opening)
    g_cond_wait (&leg->feed->opened, &leg->feed->lock);
  g_mutex_unlock (&leg->feed->lock);
  gst_element_set_state (leg->pipeline, GST_STATE_NULL);
  g_clear_handle_id (&leg->bus_watch, g_source_remove);
  g_clear_handle_id (&leg->retry, g_source_remove);
  gst_object_unref (leg->pipeline);
  headend_stream_free (leg->stream);
  headend_twins_free (leg->twins);
  gst_clear_buffer (&leg->held);
  while (!g_queue_is_empty (&leg->kept))
    drop_oldest (leg);
  g_free (leg->shown);
  g_free (leg->said);
}

void
headend_feed_free (HeadendFeed *feed)
{
  if (!feed)
    return;
  g_clear_handle_id (&feed->look, g_source_remove);
  for (guint i = 0; i < feed->n; i++)
    leg_clear (&feed->legs[i]);
  headend_skipper_free (feed->skipper);
  gst_object_unref (feed->intake);
  g_mutex_clear (&feed->lock);
  g_mutex_clear (&feed->turn);
  g_cond_clear (&feed->opened);
  g_free (feed);
}

const char *
headend_feed_taken (HeadendFeed *feed)
{
  g_mutex_lock (&feed->lock);
  const char *shown = feed->legs[feed->current].shown;
  g_mutex_unlock (&feed->lock);
  return shown;
}

gint64
headend_feed_data_at (HeadendFeed *feed)
{
  gint64 data_at = 0;
  g_mutex_lock (&feed->lock);
  for (guint i = 0; i < feed->n; i++)
    data_at = MAX (data_at, feed->legs[i].state.data_at);
  g_mutex_unlock (&feed->lock);
  return data_at;
}

guint64
headend_feed_breaks (HeadendFeed *feed)
{
  g_mutex_lock (&feed->lock);
  guint64 breaks = feed->breaks;
  g_mutex_unlock (&feed->lock);
  return breaks;
}

static void
report_leg (Leg *leg, const HeadendLeg *state, gint64 now, HeInput *input)
{
  input->backup = leg->number > 0;
  input->up = !headend_leg_is_silent (state, now);
  input->heard = state->data_at != 0;
  input->age_ms = (guint64)(now - state->data_at) / 1000;
  if (input->up)
    headend_network_look (&leg->network, leg->pipeline);
  headend_network_add (&leg->network, input);
}

void
headend_feed_report (HeadendFeed *feed, HeInputReport *ret_report)
{
  HeadendLeg states[MAX_LEGS];
  g_mutex_lock (&feed->lock);
  gint64 now = g_get_monotonic_time (); /* no data is later than that */
  ret_report->n = feed->n;
  for (guint i = 0; i < feed->n; i++) {
    states[i] = feed->legs[i].state;
    ret_report->inputs[i] = feed->legs[i].seen;
    ret_report->inputs[i].taken = i == feed->current;
  }
  g_mutex_unlock (&feed->lock);
  ret_report->counts[HE_SOURCE_SKIPPED_MS] = headend_skipper_ms (feed->skipper);
  for (guint i = 0; i < feed->n; i++)
    report_leg (&feed->legs[i], &states[i], now, &ret_report->inputs[i]);
}
