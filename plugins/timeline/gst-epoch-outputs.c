/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-epoch-outputs.h"

#include "gst-headend.h"
#include "he-epoch.h"

GstStaticPadTemplate gst_epoch_video_template = GST_STATIC_PAD_TEMPLATE (
    "video_%u", GST_PAD_SRC, GST_PAD_SOMETIMES,
    GST_STATIC_CAPS ("video/x-h264, stream-format = (string) byte-stream; "
                     "video/x-h265, stream-format = (string) byte-stream"));
GstStaticPadTemplate gst_epoch_audio_template = GST_STATIC_PAD_TEMPLATE (
    "audio_%u", GST_PAD_SRC, GST_PAD_SOMETIMES,
    GST_STATIC_CAPS ("audio/mpeg, mpegversion = (int) 4, stream-format = (string) adts, "
                     "framed = (boolean) true"));

void
gst_epoch_outputs_init (GstEpochOutputs *self, GstElement *element)
{
  *self = (GstEpochOutputs) { .element = element, .flow = gst_flow_combiner_new () };
}

void
gst_epoch_outputs_finalize (GstEpochOutputs *self)
{
  gst_flow_combiner_free (self->flow);
}

static GstEvent *
video_caps_event (guint8 stream_type)
{
  const char *name = stream_type == HE_STREAM_TYPE_H265 ? "video/x-h265" : "video/x-h264";
  g_autoptr (GstCaps) caps
      = gst_caps_new_simple (name, "stream-format", G_TYPE_STRING, "byte-stream", NULL);

  return gst_event_new_caps (caps);
}

static void
add_output (GstEpochOutputs *self, const HeDemuxStream *stream)
{
  gboolean video = stream->media == HE_DEMUX_VIDEO;
  GstEpochOutput *output = &self->list[self->n++];
  g_autofree char *name
      = g_strdup_printf (video ? "video_%u" : "audio_%u", stream->index);
  g_autofree char *id = NULL;

  *output = (GstEpochOutput) {
    .pad = gst_pad_new_from_static_template (
        video ? &gst_epoch_video_template : &gst_epoch_audio_template, name),
  };
  gst_pad_use_fixed_caps (output->pad);
  gst_pad_set_active (output->pad, TRUE);
  id = gst_pad_create_stream_id (output->pad, self->element, name);
  GstEvent *start = gst_event_new_stream_start (id);
  gst_event_set_group_id (start, self->group_id);
  gst_pad_push_event (output->pad, start);
  if (video)
    gst_pad_push_event (output->pad, video_caps_event (stream->type));
  gst_flow_combiner_add_pad (self->flow, output->pad);
  gst_element_add_pad (self->element, output->pad);
}

void
gst_epoch_outputs_add (GstEpochOutputs *self, const HeDemux *demux)
{
  for (guint i = 0; i < he_demux_n_streams (demux); i++)
    add_output (self, he_demux_stream (demux, i));
  gst_element_no_more_pads (self->element);
}

void
gst_epoch_outputs_remove (GstEpochOutputs *self)
{
  for (guint i = 0; i < self->n; i++) {
    gst_flow_combiner_remove_pad (self->flow, self->list[i].pad);
    gst_element_remove_pad (self->element, self->list[i].pad);
  }
  self->n = 0;
  self->has_segment = FALSE;
  gst_flow_combiner_reset (self->flow);
}

/* The first frame plays now. In PAUSED the running time has not begun. */
static void
begin_segment (GstEpochOutputs *self, guint64 pts90)
{
  GstClockTime now = GST_CLOCK_TIME_NONE;

  if (GST_STATE (self->element) == GST_STATE_PLAYING)
    now = gst_element_get_current_running_time (self->element);
  gst_segment_init (&self->segment, GST_FORMAT_TIME);
  self->segment.start = self->segment.time = self->segment.position
      = he_ticks_to_ns (pts90);
  self->segment.base = GST_CLOCK_TIME_IS_VALID (now) ? now : 0;
  self->has_segment = TRUE;
}

static void
send_audio_caps (GstEpochOutput *output, const HeFrame *frame)
{
  g_autoptr (GstCaps) caps = gst_static_pad_template_get_caps (&gst_epoch_audio_template);

  caps = gst_caps_make_writable (g_steal_pointer (&caps));
  gst_caps_set_simple (caps, "rate", G_TYPE_INT, (int)frame->rate, NULL);
  if (frame->channels > 0)
    gst_caps_set_simple (caps, "channels", G_TYPE_INT, (int)frame->channels, NULL);
  gst_pad_push_event (output->pad, gst_event_new_caps (caps));
  output->rate = frame->rate;
  output->channels = frame->channels;
}

/* Pictures behind this one, too, are shown no earlier than it is decoded. */
static void
tell_torn (GstEpochOutput *output, const HeFrame *frame)
{
  gboolean torn = (frame->flags & HE_FRAME_TORN) != 0;

  if (torn == output->torn || (!torn && frame->pts90 == HE_DEMUX_NO_TIME))
    return;
  output->torn = torn;
  if (torn)
    output->torn90 = frame->dts90 != HE_DEMUX_NO_TIME ? frame->dts90 : 0;
  gst_pad_push_event (
      output->pad,
      gst_headend_torn_event_new (output->torn90, torn ? G_MAXUINT64 : frame->pts90));
}

/* A decoder of AAC needs the frame before: what it gives behind a gap is not whole. */
#define TORN_FRAMES 2

static void
tell_gap_of_sound (GstEpochOutput *output, const HeFrame *frame)
{
  if (output->rate > 0 && (frame->flags & HE_FRAME_DISCONT)
      && frame->pts90 != HE_DEMUX_NO_TIME)
    gst_pad_push_event (
        output->pad,
        gst_headend_torn_event_new (
            frame->pts90, frame->pts90 + TORN_FRAMES * MAX (frame->duration90, 1)));
}

/* What must stand before this frame on its pad. */
static void
prepare_output (GstEpochOutputs *self, GstEpochOutput *output, const HeFrame *frame)
{
  if (frame->rate != output->rate || frame->channels != output->channels)
    send_audio_caps (output, frame);
  if (!self->has_segment)
    begin_segment (self, frame->pts90);
  if (!output->open)
    gst_pad_push_event (output->pad, gst_event_new_segment (&self->segment));
  if (!output->open || frame->generation != output->generation)
    gst_pad_push_event (
        output->pad, gst_headend_timeline_event_new (frame->generation, self->start90));
  if (output->open)
    tell_gap_of_sound (output, frame);
  output->open = TRUE;
  output->generation = frame->generation;
  tell_torn (output, frame);
}

GstFlowReturn
gst_epoch_outputs_push (GstEpochOutputs *self, const HeFrame *frame)
{
  GstEpochOutput *output = &self->list[frame->stream];
  GstBuffer *buffer;

  if (!self->has_segment && frame->pts90 == HE_DEMUX_NO_TIME)
    return GST_FLOW_OK; /* nothing to begin a SEGMENT with */
  buffer = gst_buffer_new_wrapped_bytes (frame->data);
  if (frame->pts90 != HE_DEMUX_NO_TIME) {
    GST_BUFFER_PTS (buffer) = he_ticks_to_ns (frame->pts90);
    GST_BUFFER_DTS (buffer) = he_ticks_to_ns (frame->dts90);
    if (frame->duration90 > 0)
      GST_BUFFER_DURATION (buffer)
          = he_ticks_to_ns (frame->pts90 + frame->duration90) - GST_BUFFER_PTS (buffer);
  }
  if (!(frame->flags & HE_FRAME_KEY))
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  if (frame->flags & HE_FRAME_DISCONT)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  if (frame->flags & HE_FRAME_DAMAGED)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_CORRUPTED);

  prepare_output (self, output, frame);
  if (frame->pts90 != HE_DEMUX_NO_TIME)
    output->end90 = MAX (output->end90, frame->pts90 + frame->duration90);
  return gst_flow_combiner_update_pad_flow (self->flow, output->pad,
                                            gst_pad_push (output->pad, buffer));
}

void
gst_epoch_outputs_gap (GstEpochOutputs *self, guint64 until90)
{
  for (guint i = 0; i < self->n; i++) {
    GstEpochOutput *output = &self->list[i];

    if (!output->open || output->end90 >= until90)
      continue;
    GstClockTime start = he_ticks_to_ns (output->end90);
    gst_pad_push_event (output->pad,
                        gst_event_new_gap (start, he_ticks_to_ns (until90) - start));
    output->end90 = until90;
  }
}

void
gst_epoch_outputs_end (GstEpochOutputs *self, GstEvent *eos)
{
  if (!self->has_segment)
    gst_segment_init (&self->segment, GST_FORMAT_TIME);
  for (guint i = 0; i < self->n; i++) {
    if (!self->list[i].open)
      gst_pad_push_event (self->list[i].pad, gst_event_new_segment (&self->segment));
    gst_pad_push_event (self->list[i].pad, gst_event_ref (eos));
  }
}

void
gst_epoch_outputs_reopen (GstEpochOutputs *self)
{
  gst_flow_combiner_reset (self->flow);
  self->has_segment = FALSE;
  for (guint i = 0; i < self->n; i++)
    self->list[i].open = self->list[i].torn = FALSE;
}
