/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-encoder-flow.h"

#include <gst/audio/audio.h>
#include <gst/video/video.h>

#include "gst-headend.h"
#include "he-align.h"
#include "he-encoder.h"
#include "he-epoch.h"

/* Events that go out ahead of the first buffer whose PTS is `at` or later. Exact for
 * segments, as no frame of the one before follows the keyframe. */
typedef struct {
  GstClockTime at;
  gboolean key; /* that buffer has to be a keyframe */
  GQueue events;
} Mark;

struct GstHeadendEncoderFlow {
  GstElement *element;
  GstPad *into, *out;
  guint64 duration90;
  guint prefill, delay_frames; /* audio, he_encoder_delay() */

  /* Sink side. */
  gboolean started, announced;
  GstAudioInfo info;
  GstSegment segment;
  guint64 msn;
  guint64 last_frame; /* audio */
  GQueue waiting;     /* events since the last buffer */

  /* Set by caps, which no buffer of before outruns. */
  gboolean is_audio;
  guint rate;

  /* Both sides. */
  GMutex lock;
  GQueue marks;  /* Mark, in order */
  GQueue frames; /* audio: guint64 *, numbers of the frames in the encoder */

  /* Source side. */
  guint preroll; /* audio: packets still to drop */
  GstClockTime shift, last_dts;
  gboolean warned;
};

static void
mark_free (Mark *mark)
{
  g_queue_clear_full (&mark->events, (GDestroyNotify)gst_event_unref);
  g_free (mark);
}

GstHeadendEncoderFlow *
gst_headend_encoder_flow_new (GstElement *element, GstPad *into, GstPad *out)
{
  GstHeadendEncoderFlow *self = g_new0 (GstHeadendEncoderFlow, 1);

  self->element = element;
  self->into = into;
  self->out = out;
  g_mutex_init (&self->lock);
  gst_audio_info_init (&self->info);
  gst_headend_encoder_flow_reset (self);
  return self;
}

void
gst_headend_encoder_flow_free (GstHeadendEncoderFlow *self)
{
  if (self == NULL)
    return;
  gst_headend_encoder_flow_reset (self);
  g_mutex_clear (&self->lock);
  g_free (self);
}

void
gst_headend_encoder_flow_setup (GstHeadendEncoderFlow *self, guint64 duration90,
                                guint delay)
{
  self->duration90 = duration90;
  self->warned = FALSE;
  he_encoder_delay (delay, &self->prefill, &self->delay_frames);
  gst_headend_encoder_flow_reset (self);
}

void
gst_headend_encoder_flow_reset (GstHeadendEncoderFlow *self)
{
  self->started = self->announced = FALSE;
  gst_segment_init (&self->segment, GST_FORMAT_TIME);
  g_queue_clear_full (&self->waiting, (GDestroyNotify)gst_event_unref);
  g_mutex_lock (&self->lock);
  g_queue_clear_full (&self->marks, (GDestroyNotify)mark_free);
  g_queue_clear_full (&self->frames, g_free);
  self->preroll = self->delay_frames;
  self->shift = 0;
  self->last_dts = GST_CLOCK_TIME_NONE;
  g_mutex_unlock (&self->lock);
}

/* --- Into the encoder -------------------------------------------------------- */

/* The segment that the waiting events announce, if they do. */
static gboolean
waiting_segment (GstHeadendEncoderFlow *self, GstHeadendSegment *ret_segment)
{
  for (GList *l = self->waiting.tail; l != NULL; l = l->prev)
    if (gst_headend_segment_event_parse (l->data, ret_segment))
      return TRUE;
  return FALSE;
}

/* Whether a segment begins with the buffer at hand, of segment msn by its PTS. */
static gboolean
at_boundary (GstHeadendEncoderFlow *self, guint64 msn, GstHeadendSegment *ret_segment)
{
  if (waiting_segment (self, ret_segment)) {
    self->announced = TRUE;
    return TRUE;
  }
  *ret_segment = (GstHeadendSegment) {
    .msn = msn,
    .pts90 = he_epoch_boundary (msn, self->duration90),
    .duration90 = self->duration90,
  };
  return !self->announced && (!self->started || msn != self->msn);
}

/* Keeps the waiting events, and at a boundary the key unit, for the way out. */
static void
set_mark (GstHeadendEncoderFlow *self, GstClockTime at, const GstHeadendSegment *boundary)
{
  gboolean key = boundary != NULL && !self->is_audio;
  Mark *mark;

  if (!key && g_queue_is_empty (&self->waiting))
    return;
  mark = g_new0 (Mark, 1);
  mark->at = at;
  mark->key = key;
  mark->events = self->waiting;
  g_queue_init (&self->waiting);
  if (key)
    g_queue_push_head (&mark->events, gst_headend_key_unit_event_new (boundary));

  g_mutex_lock (&self->lock);
  g_queue_push_tail (&self->marks, mark);
  g_mutex_unlock (&self->lock);
}

static GstFlowReturn
chain_video (GstHeadendEncoderFlow *self, GstBuffer *buffer)
{
  GstClockTime pts = GST_BUFFER_PTS (buffer);
  guint64 msn = he_epoch_msn (he_ticks_from_ns (pts), self->duration90);
  GstHeadendSegment boundary;

  if (!at_boundary (self, msn, &boundary)) {
    set_mark (self, pts, NULL);
    return gst_pad_push (self->into, buffer);
  }
  set_mark (self, pts, &boundary);
  /* The first frame is a keyframe unasked, and a request ahead of it is what breaks the
   * later ones where the encoder shifts its times (GStreamer 1.22, PTS below 1000 h). */
  if (self->started) {
    GstClockTime time
        = gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME, pts);

    gst_pad_push_event (self->into, gst_video_event_new_downstream_force_key_unit (
                                        pts, time, time, TRUE, (guint)boundary.msn));
  }
  self->started = TRUE;
  self->msn = msn;
  return gst_pad_push (self->into, buffer);
}

/* The number of the frame that a buffer is, if it is one. */
static gboolean
frame_of (GstHeadendEncoderFlow *self, GstBuffer *buffer, guint64 *ret_frame)
{
  guint rate = GST_AUDIO_INFO_RATE (&self->info);
  guint64 sample = he_audio_sample_from_ns (GST_BUFFER_PTS (buffer), rate);

  *ret_frame = sample / HE_AUDIO_FRAME;
  return sample % HE_AUDIO_FRAME == 0
         && gst_buffer_get_size (buffer)
                == (gsize)HE_AUDIO_FRAME * GST_AUDIO_INFO_BPF (&self->info);
}

static GstBuffer *
make_silence (GstHeadendEncoderFlow *self, guint samples)
{
  gsize size = (gsize)samples * GST_AUDIO_INFO_BPF (&self->info);
  GstBuffer *silence = gst_buffer_new_allocate (NULL, size, NULL);
  GstMapInfo map;

  gst_buffer_map (silence, &map, GST_MAP_WRITE);
  gst_audio_format_info_fill_silence (self->info.finfo, map.data, map.size);
  gst_buffer_unmap (silence, &map);
  return silence;
}

static GstBuffer *
prepend_silence (GstHeadendEncoderFlow *self, GstBuffer *buffer, guint samples)
{
  GstClockTime pts = GST_BUFFER_PTS (buffer);

  buffer = gst_buffer_append (make_silence (self, samples), buffer);
  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_DURATION (buffer) = GST_CLOCK_TIME_NONE;
  return buffer;
}

/* What the encoder still holds comes out by pushing silence behind it: not all of them
 * give it at the end. Packets of the silence itself find no frame, and are dropped. */
static void
push_out (GstHeadendEncoderFlow *self)
{
  for (guint i = 0; i < self->delay_frames; i++) {
    GstBuffer *silence = make_silence (self, HE_AUDIO_FRAME);

    GST_BUFFER_PTS (silence)
        = he_audio_frame_ns (self->last_frame + 1 + i, GST_AUDIO_INFO_RATE (&self->info));
    if (gst_pad_push (self->into, silence) != GST_FLOW_OK)
      return;
  }
}

static GstFlowReturn
chain_audio (GstHeadendEncoderFlow *self, GstBuffer *buffer)
{
  guint64 frame;

  if (!frame_of (self, buffer, &frame)) {
    GST_ELEMENT_ERROR (self->element, STREAM, FORMAT,
                       ("audio must come in frames of 1024 samples on the grid that "
                        "starts at PTS 0; put epochalign before segmentencoder"),
                       ("%" GST_PTR_FORMAT, buffer));
    gst_buffer_unref (buffer);
    return GST_FLOW_ERROR;
  }
  set_mark (self, GST_BUFFER_PTS (buffer), NULL);
  g_mutex_lock (&self->lock);
  g_queue_push_tail (&self->frames, g_memdup2 (&frame, sizeof (frame)));
  g_mutex_unlock (&self->lock);

  buffer = gst_buffer_make_writable (buffer);
  GST_BUFFER_FLAG_UNSET (buffer, GST_BUFFER_FLAG_DISCONT);
  if (!self->started && self->prefill > 0)
    buffer = prepend_silence (self, buffer, self->prefill);
  self->started = TRUE;
  self->last_frame = frame;
  return gst_pad_push (self->into, buffer);
}

GstFlowReturn
gst_headend_encoder_flow_in (GstHeadendEncoderFlow *self, GstBuffer *buffer)
{
  if (!GST_BUFFER_PTS_IS_VALID (buffer)) {
    GST_ELEMENT_ERROR (self->element, STREAM, FORMAT,
                       ("a buffer without PTS cannot belong to a segment"), (NULL));
    gst_buffer_unref (buffer);
    return GST_FLOW_ERROR;
  }
  return self->is_audio ? chain_audio (self, buffer) : chain_video (self, buffer);
}

static gboolean
set_caps (GstHeadendEncoderFlow *self, GstCaps *caps)
{
  self->is_audio
      = gst_structure_has_name (gst_caps_get_structure (caps, 0), "audio/x-raw");
  if (!self->is_audio)
    return TRUE;
  if (!gst_audio_info_from_caps (&self->info, caps))
    return FALSE;
  g_mutex_lock (&self->lock);
  self->rate = GST_AUDIO_INFO_RATE (&self->info);
  g_mutex_unlock (&self->lock);
  return TRUE;
}

GstEvent *
gst_headend_encoder_flow_in_event (GstHeadendEncoderFlow *self, GstEvent *event,
                                   gboolean *ret_ok)
{
  GstCaps *caps;

  *ret_ok = TRUE;
  if (gst_event_has_name (event, GST_HEADEND_SEGMENT)
      || gst_event_has_name (event, GST_HEADEND_STATUS)) {
    g_queue_push_tail (&self->waiting, event);
    return NULL;
  }
  if (gst_video_event_is_force_key_unit (event)) {
    gst_event_unref (event);
    return NULL;
  }
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      *ret_ok = set_caps (self, caps);
      if (!*ret_ok)
        g_clear_pointer (&event, gst_event_unref);
      break;
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (event, &self->segment);
      break;
    case GST_EVENT_EOS:
      if (self->is_audio && self->started)
        push_out (self);
      break;
    case GST_EVENT_FLUSH_STOP:
      gst_headend_encoder_flow_reset (self);
      break;
    default:
      break;
  }
  return event;
}

/* --- Out of the encoder ------------------------------------------------------ */

static void
check_key (GstHeadendEncoderFlow *self, const Mark *mark, GstBuffer *buffer)
{
  if (!mark->key || self->warned
      || !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT))
    return;
  self->warned = TRUE;
  GST_ELEMENT_WARNING (self->element, STREAM, ENCODE,
                       ("the encoder ignores forced keyframes: a segment begins without "
                        "one; use another encoder or other settings"),
                       ("at %" GST_TIME_FORMAT, GST_TIME_ARGS (mark->at)));
}

static void
push_marks (GstHeadendEncoderFlow *self, GstBuffer *buffer)
{
  GstClockTime pts = GST_BUFFER_PTS (buffer);

  while (TRUE) {
    Mark *mark;
    GstEvent *event;

    g_mutex_lock (&self->lock);
    mark = g_queue_peek_head (&self->marks);
    if (mark != NULL && mark->at <= pts)
      g_queue_pop_head (&self->marks);
    else
      mark = NULL;
    g_mutex_unlock (&self->lock);
    if (mark == NULL)
      return;

    check_key (self, mark, buffer);
    while ((event = g_queue_pop_head (&mark->events)) != NULL)
      gst_pad_push_event (self->out, event);
    mark_free (mark);
  }
}

/* The packet becomes the frame that it holds. FALSE: it holds none. */
static gboolean
restamp_audio (GstHeadendEncoderFlow *self, GstBuffer *buffer)
{
  g_autofree guint64 *frame = NULL;
  guint rate;

  g_mutex_lock (&self->lock);
  if (self->preroll > 0)
    self->preroll--;
  else
    frame = g_queue_pop_head (&self->frames);
  rate = self->rate;
  g_mutex_unlock (&self->lock);
  if (frame == NULL)
    return FALSE;

  GST_BUFFER_PTS (buffer) = he_audio_frame_ns (*frame, rate);
  GST_BUFFER_DTS (buffer) = GST_BUFFER_PTS (buffer);
  GST_BUFFER_DURATION (buffer)
      = he_audio_frame_ns (*frame + 1, rate) - GST_BUFFER_PTS (buffer);
  return TRUE;
}

static void
restamp_video (GstHeadendEncoderFlow *self, GstBuffer *buffer)
{
  GstClockTime dts = GST_BUFFER_DTS (buffer);

  if (self->shift == 0)
    return;
  if (GST_BUFFER_PTS_IS_VALID (buffer))
    GST_BUFFER_PTS (buffer) -= MIN (GST_BUFFER_PTS (buffer), self->shift);
  if (!GST_CLOCK_TIME_IS_VALID (dts))
    return;
  /* Times before zero cannot be told, and parsers want them to grow: with B-frames and
   * PTS from zero, the first few count ticks. */
  dts -= MIN (dts, self->shift);
  if (GST_CLOCK_TIME_IS_VALID (self->last_dts) && dts <= self->last_dts)
    dts = self->last_dts + he_ticks_to_ns (1) + 1;
  GST_BUFFER_DTS (buffer) = self->last_dts = dts;
}

GstFlowReturn
gst_headend_encoder_flow_out (GstHeadendEncoderFlow *self, GstBuffer *buffer)
{
  buffer = gst_buffer_make_writable (buffer);
  if (!self->is_audio) {
    restamp_video (self, buffer);
  } else if (!restamp_audio (self, buffer)) {
    gst_buffer_unref (buffer);
    return GST_FLOW_OK;
  }
  if (GST_BUFFER_PTS_IS_VALID (buffer))
    push_marks (self, buffer);
  return gst_pad_push (self->out, buffer);
}

/* Encoders move the segment instead of letting DTS fall below zero; ours are the times
 * that came in. */
static GstEvent *
unshift (GstHeadendEncoderFlow *self, GstEvent *event)
{
  GstSegment segment;
  GstEvent *ours;

  gst_event_copy_segment (event, &segment);
  if (segment.format != GST_FORMAT_TIME || segment.start <= self->segment.start)
    return event;
  self->shift = segment.start - self->segment.start;
  ours = gst_event_new_segment (&self->segment);
  gst_event_set_seqnum (ours, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return ours;
}

GstEvent *
gst_headend_encoder_flow_out_event (GstHeadendEncoderFlow *self, GstEvent *event)
{
  if (gst_video_event_is_force_key_unit (event)) {
    gst_event_unref (event); /* ours goes with the mark */
    return NULL;
  }
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT && !self->is_audio)
    event = unshift (self, event);
  return event;
}
