/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-encoder-flow.h"

#include <gst/audio/audio.h>
#include <gst/video/video.h>

#include "gst-headend.h"
#include "he-align.h"
#include "he-encoder.h"
#include "he-epoch.h"

/* An encoder that works on and gets so many more blocks: its last packets. */
typedef struct {
  GstHeadendPlace *place; /* NULL: there is none */
  guint left;
  guint64 next; /* frame */
} Tail;

struct GstHeadendEncoderFlow {
  GstElement *element;
  GstPad *sink;
  GstHeadendPlaces *places;
  guint64 duration90;
  guint prefill, delay_frames; /* audio, he_encoder_delay() */

  gboolean started, announced, is_audio;
  GstAudioInfo info;
  GstSegment segment;
  guint64 msn;
  GQueue waiting; /* events since the last buffer */

  GstHeadendPlace *place; /* with run */
  GstHeadendRun *run;     /* NULL: no encoder is at work */

  /* Audio. */
  Tail tail;
  guint64 last_frame;
  GstBuffer *heard[HE_ENCODER_PREROLL]; /* the newest blocks, the last one at the end */
};

GstHeadendEncoderFlow *
gst_headend_encoder_flow_new (GstElement *element, GstPad *sink, GstHeadendPlaces *places)
{
  GstHeadendEncoderFlow *self = g_new0 (GstHeadendEncoderFlow, 1);

  self->element = element;
  self->sink = sink;
  self->places = places;
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
  g_free (self);
}

void
gst_headend_encoder_flow_setup (GstHeadendEncoderFlow *self, guint64 duration90,
                                guint delay)
{
  self->duration90 = duration90;
  he_encoder_delay (delay, &self->prefill, &self->delay_frames);
  gst_headend_encoder_flow_reset (self);
}

static void
forget_heard (GstHeadendEncoderFlow *self)
{
  for (guint i = 0; i < HE_ENCODER_PREROLL; i++)
    gst_clear_buffer (&self->heard[i]);
}

void
gst_headend_encoder_flow_reset (GstHeadendEncoderFlow *self)
{
  self->started = self->announced = FALSE;
  gst_segment_init (&self->segment, GST_FORMAT_TIME);
  g_queue_clear_full (&self->waiting, (GDestroyNotify)gst_event_unref);
  g_clear_pointer (&self->run, gst_headend_run_unref);
  self->tail.place = NULL;
  forget_heard (self);
}

/* --- Boundaries -------------------------------------------------------------- */

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

  if (key)
    g_queue_push_head (&self->waiting, gst_headend_key_unit_event_new (boundary));
  if (!g_queue_is_empty (&self->waiting))
    gst_headend_run_mark (self->run, at, key, &self->waiting);
}

/* --- Runs -------------------------------------------------------------------- */

static GstFlowReturn
push (GstHeadendPlace *place, GstBuffer *buffer)
{
  return gst_pad_push (gst_headend_place_feed (place), buffer);
}

static GstFlowReturn
begin_run (GstHeadendEncoderFlow *self)
{
  gboolean alternate = gst_headend_places_alternate (self->places);
  guint rate = self->is_audio ? GST_AUDIO_INFO_RATE (&self->info) : 0;
  guint drop = self->delay_frames + (alternate ? HE_ENCODER_PREROLL : 0);

  return gst_headend_places_begin (self->places, rate, drop, &self->segment, &self->place,
                                   &self->run);
}

static void
finish (GstHeadendPlace *place)
{
  gst_pad_push_event (gst_headend_place_feed (place), gst_event_new_eos ());
}

/* Buffers go in with times two frames late, so that no block has one before zero; what
 * comes out gets its own time. */
static GstFlowReturn
push_block (GstHeadendEncoderFlow *self, GstHeadendPlace *place, GstBuffer *block,
            guint64 frame)
{
  guint rate = GST_AUDIO_INFO_RATE (&self->info);

  block = gst_buffer_make_writable (block);
  GST_BUFFER_FLAG_UNSET (block, GST_BUFFER_FLAG_DISCONT);
  GST_BUFFER_FLAG_UNSET (block, GST_BUFFER_FLAG_DECODE_ONLY);
  GST_BUFFER_PTS (block) = he_audio_frame_ns (frame, rate);
  return push (place, block);
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

/* The next block of the tail: the stream's own, where it goes on there, else silence (and
 * NULL: there is none). Packets that hold nothing else find no frame, and are dropped. */
static void
feed_tail (GstHeadendEncoderFlow *self, GstBuffer *block, guint64 frame)
{
  Tail *tail = &self->tail;
  GstBuffer *next = block != NULL && frame == tail->next
                        ? gst_buffer_copy (block)
                        : make_silence (self, HE_AUDIO_FRAME);

  push_block (self, tail->place, next, tail->next + HE_ENCODER_PREROLL);
  tail->next++;
  if (--tail->left > 0)
    return;
  finish (tail->place);
  tail->place = NULL;
}

static void
end_tail (GstHeadendEncoderFlow *self)
{
  while (self->tail.place != NULL)
    feed_tail (self, NULL, 0);
}

/* Of sound the encoder still gets what its last packets need, which not all of them give
 * at the end of the stream, and one block to look ahead to. */
static void
end_run (GstHeadendEncoderFlow *self)
{
  end_tail (self);
  if (self->run == NULL)
    return;
  g_clear_pointer (&self->run, gst_headend_run_unref);
  if (!self->is_audio) {
    finish (self->place);
    return;
  }
  self->tail = (Tail) { .place = self->place,
                        .left = self->delay_frames + 1,
                        .next = self->last_frame + 1 };
}

/* --- Video ------------------------------------------------------------------- */

static void
request_key (GstHeadendEncoderFlow *self, GstClockTime pts, guint64 msn)
{
  GstClockTime time = gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME, pts);

  gst_pad_push_event (
      gst_headend_place_feed (self->place),
      gst_video_event_new_downstream_force_key_unit (pts, time, time, TRUE, (guint)msn));
}

static GstFlowReturn
chain_video (GstHeadendEncoderFlow *self, GstBuffer *buffer)
{
  GstClockTime pts = GST_BUFFER_PTS (buffer);
  guint64 msn = he_epoch_msn (he_ticks_from_ns (pts), self->duration90);
  GstHeadendSegment boundary;
  gboolean begins = at_boundary (self, msn, &boundary), first;

  if (begins && gst_headend_places_alternate (self->places))
    end_run (self);
  first = self->run == NULL;
  if (first) {
    GstFlowReturn ret = begin_run (self);

    if (ret != GST_FLOW_OK) {
      gst_buffer_unref (buffer);
      return ret;
    }
  }
  set_mark (self, pts, begins ? &boundary : NULL);
  /* The first frame is a keyframe unasked, and a request ahead of it is what breaks the
   * later ones where the encoder shifts its times (GStreamer 1.22, PTS below 1000 h). */
  if (begins && !first)
    request_key (self, pts, boundary.msn);
  self->started = TRUE;
  self->msn = begins ? msn : self->msn;
  return push (self->place, buffer);
}

/* --- Audio ------------------------------------------------------------------- */

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

static void
hear (GstHeadendEncoderFlow *self, GstBuffer *block, guint64 frame)
{
  if (frame != self->last_frame + 1)
    forget_heard (self);
  gst_clear_buffer (&self->heard[0]);
  for (guint i = 1; i < HE_ENCODER_PREROLL; i++)
    self->heard[i - 1] = self->heard[i];
  self->heard[HE_ENCODER_PREROLL - 1] = gst_buffer_ref (block);
  self->last_frame = frame;
}

/* What every node's encoder hears first: the blocks ahead of its first frame, or silence
 * where the stream begins. */
static GstFlowReturn
push_preroll (GstHeadendEncoderFlow *self, guint64 frame)
{
  gboolean alternate = gst_headend_places_alternate (self->places);
  gboolean goes_on = frame == self->last_frame + 1;
  GstFlowReturn ret = GST_FLOW_OK;

  for (guint i = 0; alternate && i < HE_ENCODER_PREROLL && ret == GST_FLOW_OK; i++) {
    GstBuffer *block = goes_on && self->heard[i] != NULL
                           ? gst_buffer_copy (self->heard[i])
                           : make_silence (self, HE_AUDIO_FRAME);

    if (i == 0 && self->prefill > 0)
      block = gst_buffer_append (make_silence (self, self->prefill), block);
    ret = push_block (self, self->place, block, frame + i);
  }
  return ret;
}

static GstFlowReturn
begin_audio (GstHeadendEncoderFlow *self, guint64 frame, GstBuffer **block)
{
  GstFlowReturn ret = begin_run (self);

  if (ret == GST_FLOW_OK)
    ret = push_preroll (self, frame);
  if (ret == GST_FLOW_OK && !gst_headend_places_alternate (self->places)
      && self->prefill > 0)
    *block = gst_buffer_append (make_silence (self, self->prefill), *block);
  return ret;
}

static GstFlowReturn
encode_audio (GstHeadendEncoderFlow *self, GstBuffer *buffer, guint64 frame)
{
  guint rate = GST_AUDIO_INFO_RATE (&self->info);
  guint64 msn = he_align_audio_msn (frame, rate, self->duration90);
  GstBuffer *block = gst_buffer_copy (buffer);
  GstHeadendSegment boundary;
  gboolean begins = at_boundary (self, msn, &boundary);
  GstFlowReturn ret = GST_FLOW_OK;

  if (begins && gst_headend_places_alternate (self->places))
    end_run (self);
  if (self->tail.place != NULL)
    feed_tail (self, buffer, frame);
  if (self->run == NULL)
    ret = begin_audio (self, frame, &block);
  if (ret != GST_FLOW_OK) {
    gst_buffer_unref (block);
    return ret;
  }
  set_mark (self, GST_BUFFER_PTS (buffer), begins ? &boundary : NULL);
  gst_headend_run_frame (self->run, frame);
  self->started = TRUE;
  self->msn = begins ? msn : self->msn;
  return push_block (self, self->place, block, frame + HE_ENCODER_PREROLL);
}

static GstFlowReturn
chain_audio (GstHeadendEncoderFlow *self, GstBuffer *buffer)
{
  GstFlowReturn ret = GST_FLOW_OK;
  guint64 frame;

  if (!frame_of (self, buffer, &frame)) {
    GST_ELEMENT_ERROR (self->element, STREAM, FORMAT,
                       ("audio must come in frames of 1024 samples on the grid that "
                        "starts at PTS 0; put epochalign before segmentencoder"),
                       ("%" GST_PTR_FORMAT, buffer));
    gst_buffer_unref (buffer);
    return GST_FLOW_ERROR;
  }
  /* What is to be decoded only is heard, and not put out. */
  if (!GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DECODE_ONLY))
    ret = encode_audio (self, buffer, frame);
  hear (self, buffer, frame);
  gst_buffer_unref (buffer);
  return ret;
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

/* --- Events ------------------------------------------------------------------ */

/* Other pictures or sound: the encoder that works on them is a new one. */
static gboolean
set_caps (GstHeadendEncoderFlow *self, GstCaps *caps)
{
  g_autoptr (GstCaps) before = gst_pad_get_current_caps (self->sink);
  GstAudioInfo info;
  gboolean is_audio
      = gst_structure_has_name (gst_caps_get_structure (caps, 0), "audio/x-raw");

  if (before != NULL && gst_caps_is_equal (before, caps))
    return TRUE;
  if (is_audio && !gst_audio_info_from_caps (&info, caps))
    return FALSE;
  end_run (self);
  end_tail (self);
  forget_heard (self);
  self->is_audio = is_audio;
  if (is_audio)
    self->info = info;
  return TRUE;
}

static gboolean
introduce (GstPad *pad, GstEvent **event, gpointer order)
{
  if (GST_EVENT_TYPE (*event) == GST_EVENT_STREAM_START
      || GST_EVENT_TYPE (*event) == GST_EVENT_SEGMENT)
    gst_headend_order_event (order, gst_event_ref (*event));
  return TRUE;
}

/* An event for downstream while no encoder is at work. */
static void
pass_by (GstHeadendEncoderFlow *self, GstEvent *event)
{
  GstHeadendOrder *order = gst_headend_places_order (self->places);

  gst_pad_sticky_events_foreach (self->sink, introduce, order);
  gst_headend_order_event (order, event);
}

static void
pass (GstHeadendEncoderFlow *self, GstEvent *event)
{
  if (self->run != NULL)
    gst_pad_push_event (gst_headend_place_feed (self->place), event);
  else if (GST_EVENT_IS_STICKY (event))
    gst_event_unref (event); /* the next encoder gets it from our pad */
  else
    pass_by (self, event);
}

/* A GAP event where a segment is announced: no picture of it comes, and the next one is
 * for a new encoder. Who is behind us learns that the segment at work is over; the GAP
 * makes parsers pass that on. What is told of other segments waits for the next picture.
 */
static void
leave_out (GstHeadendEncoderFlow *self, GstEvent *gap)
{
  gboolean told = self->run != NULL;

  self->announced = TRUE;
  end_run (self);
  for (GList *l = self->waiting.head, *next; l != NULL; l = next) {
    next = l->next;
    if (!gst_event_has_name (l->data, GST_HEADEND_SEGMENT))
      continue;
    if (told)
      pass_by (self, gst_event_ref (l->data));
    gst_event_unref (l->data);
    g_queue_delete_link (&self->waiting, l);
  }
  if (told)
    pass_by (self, gst_event_ref (gap));
  gst_event_unref (gap);
}

gboolean
gst_headend_encoder_flow_event (GstHeadendEncoderFlow *self, GstEvent *event)
{
  GstHeadendSegment segment;
  GstCaps *caps;
  gboolean ok = TRUE;

  if (gst_event_has_name (event, GST_HEADEND_SEGMENT)
      || gst_event_has_name (event, GST_HEADEND_STATUS)) {
    g_queue_push_tail (&self->waiting, event);
    return TRUE;
  }
  if (gst_video_event_is_force_key_unit (event)) {
    gst_event_unref (event);
    return TRUE;
  }
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      ok = set_caps (self, caps);
      gst_event_unref (event);
      return ok;
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (event, &self->segment);
      break;
    case GST_EVENT_GAP:
      if (self->is_audio || !waiting_segment (self, &segment))
        break;
      leave_out (self, event);
      return TRUE;
    case GST_EVENT_EOS:
      end_run (self);
      end_tail (self);
      self->started = FALSE;
      pass_by (self, event);
      return TRUE;
    default:
      break;
  }
  pass (self, event);
  return TRUE;
}
