/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-encoder-run.h"

#include <gst/video/video.h>

#include "he-epoch.h"

/* Exact for segments, as no frame of the one before follows the keyframe. */
typedef struct {
  GstClockTime at;
  gboolean key;
  GQueue events;
} Mark;

struct GstHeadendRun {
  gatomicrefcount refs;
  GstHeadendOrder *order;
  GstHeadendTurn *turn;
  guint rate;
  GstSegment segment;

  GMutex lock;
  GQueue marks;  /* Mark, in order */
  GQueue frames; /* audio: guint64 *, numbers of the frames in the encoder */

  /* Source side. */
  guint preroll; /* audio: packets still to drop */
  GstClockTime shift, last_dts;
};

static void
mark_free (Mark *mark)
{
  g_queue_clear_full (&mark->events, (GDestroyNotify)gst_event_unref);
  g_free (mark);
}

GstHeadendRun *
gst_headend_run_new (GstHeadendOrder *order, guint rate, guint preroll,
                     const GstSegment *segment)
{
  GstHeadendRun *run = g_new0 (GstHeadendRun, 1);

  g_atomic_ref_count_init (&run->refs);
  g_mutex_init (&run->lock);
  run->order = order;
  run->turn = gst_headend_order_begin (order);
  run->rate = rate;
  run->preroll = preroll;
  run->segment = *segment;
  run->last_dts = GST_CLOCK_TIME_NONE;
  return run;
}

GstHeadendRun *
gst_headend_run_ref (GstHeadendRun *run)
{
  g_atomic_ref_count_inc (&run->refs);
  return run;
}

void
gst_headend_run_unref (GstHeadendRun *run)
{
  if (run == NULL || !g_atomic_ref_count_dec (&run->refs))
    return;
  gst_headend_turn_unref (run->turn);
  g_queue_clear_full (&run->marks, (GDestroyNotify)mark_free);
  g_queue_clear_full (&run->frames, g_free);
  g_mutex_clear (&run->lock);
  g_free (run);
}

void
gst_headend_run_mark (GstHeadendRun *run, GstClockTime at, gboolean key, GQueue *events)
{
  Mark *mark = g_new0 (Mark, 1);

  mark->at = at;
  mark->key = key;
  mark->events = *events;
  g_queue_init (events);
  g_mutex_lock (&run->lock);
  g_queue_push_tail (&run->marks, mark);
  g_mutex_unlock (&run->lock);
}

void
gst_headend_run_frame (GstHeadendRun *run, guint64 frame)
{
  g_mutex_lock (&run->lock);
  g_queue_push_tail (&run->frames, g_memdup2 (&frame, sizeof (frame)));
  g_mutex_unlock (&run->lock);
}

/* --- Out --------------------------------------------------------------------- */

static void
give_marks (GstHeadendRun *run, GstBuffer *buffer, gboolean *ret_missing_key)
{
  GstClockTime pts = GST_BUFFER_PTS (buffer);

  while (TRUE) {
    Mark *mark;
    GstEvent *event;

    g_mutex_lock (&run->lock);
    mark = g_queue_peek_head (&run->marks);
    if (mark != NULL && mark->at <= pts)
      g_queue_pop_head (&run->marks);
    else
      mark = NULL;
    g_mutex_unlock (&run->lock);
    if (mark == NULL)
      return;

    if (mark->key && GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT))
      *ret_missing_key = TRUE;
    while ((event = g_queue_pop_head (&mark->events)) != NULL)
      gst_headend_order_give (run->order, run->turn, event);
    mark_free (mark);
  }
}

/* The packet becomes the frame that it holds. FALSE: it holds none. */
static gboolean
restamp_audio (GstHeadendRun *run, GstBuffer *buffer)
{
  g_autofree guint64 *frame = NULL;

  g_mutex_lock (&run->lock);
  if (run->preroll > 0)
    run->preroll--;
  else
    frame = g_queue_pop_head (&run->frames);
  g_mutex_unlock (&run->lock);
  if (frame == NULL)
    return FALSE;

  GST_BUFFER_PTS (buffer) = he_audio_frame_ns (*frame, run->rate);
  GST_BUFFER_DTS (buffer) = GST_BUFFER_PTS (buffer);
  GST_BUFFER_DURATION (buffer)
      = he_audio_frame_ns (*frame + 1, run->rate) - GST_BUFFER_PTS (buffer);
  return TRUE;
}

static void
restamp_video (GstHeadendRun *run, GstBuffer *buffer)
{
  GstClockTime dts = GST_BUFFER_DTS (buffer);

  if (run->shift == 0)
    return;
  if (GST_BUFFER_PTS_IS_VALID (buffer))
    GST_BUFFER_PTS (buffer) -= MIN (GST_BUFFER_PTS (buffer), run->shift);
  if (!GST_CLOCK_TIME_IS_VALID (dts))
    return;
  /* Times before zero cannot be told, and parsers want them to grow: with B-frames and
   * PTS from zero, the first few count ticks. */
  dts -= MIN (dts, run->shift);
  if (GST_CLOCK_TIME_IS_VALID (run->last_dts) && dts <= run->last_dts)
    dts = run->last_dts + he_ticks_to_ns (1) + 1;
  GST_BUFFER_DTS (buffer) = run->last_dts = dts;
}

GstFlowReturn
gst_headend_run_buffer (GstHeadendRun *run, GstBuffer *buffer, gboolean *ret_missing_key)
{
  *ret_missing_key = FALSE;
  buffer = gst_buffer_make_writable (buffer);
  if (run->rate == 0) {
    restamp_video (run, buffer);
  } else if (!restamp_audio (run, buffer)) {
    gst_buffer_unref (buffer);
    return GST_FLOW_OK;
  }
  if (GST_BUFFER_PTS_IS_VALID (buffer))
    give_marks (run, buffer, ret_missing_key);
  return gst_headend_order_give (run->order, run->turn, buffer);
}

/* Encoders move the segment instead of letting DTS fall below zero; ours are the times
 * that came in. */
static GstEvent *
unshift (GstHeadendRun *run, GstEvent *event)
{
  GstSegment segment;
  GstEvent *ours;

  gst_event_copy_segment (event, &segment);
  if (segment.format != GST_FORMAT_TIME || segment.start <= run->segment.start)
    return event;
  run->shift = segment.start - run->segment.start;
  ours = gst_event_new_segment (&run->segment);
  gst_event_set_seqnum (ours, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return ours;
}

gboolean
gst_headend_run_event (GstHeadendRun *run, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS) {
    gst_event_unref (event);
    gst_headend_order_end (run->order, run->turn);
    return TRUE;
  }
  /* Ours goes with the mark, and flushes go around the encoder. */
  if (gst_video_event_is_force_key_unit (event)
      || GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START
      || GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP) {
    gst_event_unref (event);
    return FALSE;
  }
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT && run->rate == 0)
    event = unshift (run, event);
  gst_headend_order_give (run->order, run->turn, event);
  return FALSE;
}
