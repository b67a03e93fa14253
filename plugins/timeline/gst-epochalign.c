/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-epochalign
 * @title: epochalign
 * @short_description: starts a raw stream at a segment boundary and keeps it whole
 *
 * Takes decoded video or audio whose PTS count from the Unix epoch (as `epochdemux` makes
 * them; any other PTS are as good, segment numbers are then small) and
 *
 * * drops everything up to the first segment boundary: with `segment-duration` D, segment
 *   n holds the frames with n * D <= PTS < (n + 1) * D, counted in 90 kHz ticks;
 *   of a programme of its own (see `epochdemux`) nothing: its sound begins with silence
 *   where the first sample comes late;
 * * fills lost frames, up to ten seconds, with the frame before them, or silence, and
 *   drops frames that are there twice; a longer gap is filled to the end of its segment,
 *   and the stream starts anew at the first boundary behind it;
 * * goes on through a silence of the source that GAP events tell (see `epochdemux`'s
 *   property `silence`): the last picture for ten seconds, then black, and silence;
 * * cuts audio into buffers of exactly 1024 samples on a grid that starts at the epoch,
 *   so that the AAC frames of all nodes hold the same samples;
 * * replaces the SEGMENT by the identity, so that running time, stream time and PTS are
 *   one;
 * * announces each segment ahead of its first buffer: a force-key-unit event (video),
 *   then the sticky event `headend-segment` with msn, generation, pts90, duration90 and,
 *   of video in memory, a signature of its first picture.
 *
 * Audio segment n begins with the first frame of the grid at or behind the boundary.
 * Filler and damage are announced when noticed as `headend-status` with msn and flags.
 * Damaged is what the decoder flags, and what lies between the times of an event
 * `headend-torn` from upstream: pictures that may refer to lost ones, and sound that a
 * decoder gives behind a gap. Filler or damage of sound
 * less than 0.4 s ahead of a segment counts as damage in it, too: what decoders and
 * encoders hear there is in its bytes.
 *
 * With `preroll`, sound is preceded by so many buffers of before the first segment,
 * flagged DECODE_ONLY: what an encoder hears that is made new for each segment
 * (`segmentencoder`). The first segment is then one that the stream was heard 0.25 s
 * ahead of.
 *
 * The generation is that of the sticky event `headend-timeline` from upstream, or 0.
 *
 * `stats` is a structure `epochalign-stats`: joined (gboolean), msn (guint64, of the last
 * buffer), and as guint64 the buffers in, out, dropped, filled (buffers put out that are,
 * or hold, filler) and damaged (put out although the decoder flagged them).
 *
 * ## Example
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=100 \
 *   ! video/x-raw,width=320,height=180,framerate=25/1 \
 *   ! epochalign ! segmentencoder encoder="x264enc speed-preset=ultrafast" \
 *   ! h264parse ! fakesink silent=false -v
 * ]|
 */
#include "gst-epochalign.h"

#include "gst-headend.h"
#include "gst-picture.h"
#include "gst-reblock.h"
#include "gst-stopgap.h"
#include "he-align.h"
#include "he-damage.h"
#include "he-epoch.h"

#define DEFAULT_DURATION 180000
/* A decoder that starts in the middle of AAC needs the overlap of the frame before, and
 * its first PTS may belong to a frame of which only the tail came. */
#define AUDIO_SKIP 3

GST_DEBUG_CATEGORY_STATIC (epochalign_debug);
#define GST_CAT_DEFAULT epochalign_debug

enum { PROP_0, PROP_SEGMENT_DURATION, PROP_PREROLL, PROP_STATS, N_PROPS };
static GParamSpec *props[N_PROPS];

struct _GstEpochAlign {
  GstElement parent;
  GstPad *sinkpad, *srcpad;
  guint64 duration90; /* object lock; fixed from READY to PAUSED on */
  guint preroll;      /* likewise */

  /* Streaming thread. */
  gboolean is_audio, sent_segment;
  GstAudioInfo info;
  GstHeadendPicture picture;
  guint generation;
  guint64 start90; /* of a programme of its own; 0: the stream is joined */
  HeAlignVideo video;
  GstHeadendStopgap stopgap; /* of pictures */
  HeDamage damage;
  GstHeadendReblock *audio;
  HeSegmentFlags announced; /* flags told of the running segment */

  /* Object lock: read by `stats`, written by the streaming thread. */
  gboolean joined;
  guint64 msn;
  guint64 in, out, dropped, filled, damaged;
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE (
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw(ANY); audio/x-raw, layout=(string)interleaved"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE (
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw(ANY); audio/x-raw, layout=(string)interleaved"));

G_DEFINE_FINAL_TYPE (GstEpochAlign, gst_epoch_align, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (
    epochalign, "epochalign", GST_RANK_NONE, GST_TYPE_EPOCH_ALIGN,
    GST_DEBUG_CATEGORY_INIT (epochalign_debug, "epochalign", 0, "segment boundaries"));

static void
reset (GstEpochAlign *self)
{
  he_align_video_init (&self->video, self->duration90);
  gst_headend_stopgap_clear (&self->stopgap);
  g_clear_pointer (&self->audio, gst_headend_reblock_free);
  self->sent_segment = FALSE;
  self->start90 = 0;
  self->damage = (HeDamage) { 0 };
  GST_OBJECT_LOCK (self);
  self->joined = FALSE;
  GST_OBJECT_UNLOCK (self);
}

/* --- Out --------------------------------------------------------------------- */

static void
announce_segment (GstEpochAlign *self, guint64 msn, GstBuffer *first)
{
  GstHeadendSegment segment = {
    .msn = msn,
    .generation = self->generation,
    .pts90 = he_epoch_boundary (msn, self->duration90),
    .duration90 = self->duration90,
  };

  GST_LOG_OBJECT (self, "segment %" G_GUINT64_FORMAT, msn);
  if (!self->is_audio) {
    segment.has_signature
        = gst_headend_picture_signature (&self->picture, first, &segment.signature);
    gst_pad_push_event (self->srcpad, gst_headend_key_unit_event_new (&segment));
  }
  gst_pad_push_event (self->srcpad, gst_headend_segment_event_new (&segment));
}

/* Takes the buffer, the next of segment msn. */
static GstFlowReturn
push (GstEpochAlign *self, guint64 msn, GstBuffer *buffer, HeSegmentFlags flags)
{
  gboolean first = !self->joined || msn != self->msn;

  if (first) {
    announce_segment (self, msn, buffer);
    self->announced = HE_SEGMENT_CLEAN;
  }
  if (flags & ~self->announced) {
    self->announced |= flags;
    GST_INFO_OBJECT (self, "segment %" G_GUINT64_FORMAT " is%s%s", msn,
                     flags & HE_SEGMENT_FILLED ? " filled" : "",
                     flags & HE_SEGMENT_DAMAGED ? " damaged" : "");
    gst_pad_push_event (self->srcpad,
                        gst_headend_status_event_new (msn, self->announced));
  }

  GST_OBJECT_LOCK (self);
  self->joined = TRUE;
  self->msn = msn;
  self->out++;
  if (flags & HE_SEGMENT_FILLED)
    self->filled++;
  if (flags & HE_SEGMENT_DAMAGED)
    self->damaged++;
  GST_OBJECT_UNLOCK (self);
  return gst_pad_push (self->srcpad, buffer);
}

/* --- Video ------------------------------------------------------------------- */

/* Repeats the frame before the gap; where the format changed since, next, the one behind
 * it, or black while there is none (NULL). */
static GstFlowReturn
push_repeats (GstEpochAlign *self, const HeAlignFill *fill, GstBuffer *next)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (self->sinkpad);
  GstFlowReturn ret = GST_FLOW_OK;

  for (guint i = fill->first; i < fill->first + fill->count && ret == GST_FLOW_OK; i++) {
    guint64 t90 = he_align_fill_time (fill, i);
    GstBuffer *repeat = gst_headend_stopgap_at (&self->stopgap, caps, t90,
                                                he_align_fill_is_black (fill, i), next);

    if (repeat == NULL)
      return GST_FLOW_OK;
    ret = push (self, he_epoch_msn (t90, self->duration90), repeat, HE_SEGMENT_FILLED);
  }
  return ret;
}

static GstFlowReturn
chain_video (GstEpochAlign *self, GstBuffer *buffer)
{
  guint64 t90 = he_ticks_from_ns (GST_BUFFER_PTS (buffer));
  gboolean clean = !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_CORRUPTED)
                   && !he_damage_is_torn (&self->damage, t90, t90 + 1);
  GstFlowReturn ret;
  HeAlignFill fill;
  gboolean take;

  /* On the tick: encoders compare nanoseconds with the boundary's. */
  buffer = gst_buffer_make_writable (buffer);
  GST_BUFFER_PTS (buffer) = he_ticks_to_ns (t90);
  GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;

  take = he_align_video_frame (&self->video, t90, clean, &fill);
  ret = push_repeats (self, &fill, buffer);
  /* Of a channel that goes on, what is dropped stands behind what went out. */
  if (take || !self->joined)
    gst_headend_stopgap_keep (&self->stopgap, buffer);
  if (!take || ret != GST_FLOW_OK) {
    GST_OBJECT_LOCK (self);
    self->dropped++;
    GST_OBJECT_UNLOCK (self);
    gst_buffer_unref (buffer);
    return ret;
  }
  return push (self, he_epoch_msn (t90, self->duration90), buffer,
               clean ? HE_SEGMENT_CLEAN : HE_SEGMENT_DAMAGED);
}

/* --- Audio ------------------------------------------------------------------- */

static GstFlowReturn
emit_frame (gpointer user, guint64 frame, GstBuffer *buffer, HeSegmentFlags flags)
{
  GstEpochAlign *self = user;
  guint rate = GST_AUDIO_INFO_RATE (&self->info);

  buffer = gst_buffer_make_writable (buffer);
  GST_BUFFER_PTS (buffer) = he_audio_frame_ns (frame, rate);
  GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DURATION (buffer)
      = he_audio_frame_ns (frame + 1, rate) - GST_BUFFER_PTS (buffer);
  GST_BUFFER_OFFSET (buffer) = frame * HE_AUDIO_FRAME;
  GST_BUFFER_OFFSET_END (buffer) = (frame + 1) * HE_AUDIO_FRAME;
  if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DECODE_ONLY))
    return gst_pad_push (self->srcpad, buffer);
  guint64 msn = he_align_audio_msn (frame, rate, self->duration90);
  flags = he_damage_of_sound (&self->damage, frame, rate, msn, self->duration90, flags);
  return push (self, msn, buffer, flags);
}

static GstFlowReturn
chain_audio (GstEpochAlign *self, GstBuffer *buffer)
{
  gboolean taken;
  GstFlowReturn ret = gst_headend_reblock_push (self->audio, buffer, &taken);

  if (!taken) {
    GST_OBJECT_LOCK (self);
    self->dropped++;
    GST_OBJECT_UNLOCK (self);
  }
  return ret;
}

/* --- In ---------------------------------------------------------------------- */

static GstFlowReturn
chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstEpochAlign *self = GST_EPOCH_ALIGN (parent);
  gboolean timed = GST_BUFFER_PTS_IS_VALID (buffer);

  GST_OBJECT_LOCK (self);
  self->in++;
  if (!timed)
    self->dropped++;
  GST_OBJECT_UNLOCK (self);

  if (!gst_pad_has_current_caps (pad)) {
    gst_buffer_unref (buffer);
    return GST_FLOW_NOT_NEGOTIATED;
  }
  if (!timed) {
    GST_DEBUG_OBJECT (self, "dropped a buffer without PTS");
    gst_buffer_unref (buffer);
    return GST_FLOW_OK;
  }
  return self->is_audio ? chain_audio (self, buffer) : chain_video (self, buffer);
}

/* A programme of its own: every sample from its start on is wanted. Before the first. */
static void
begin_at_start (GstEpochAlign *self)
{
  if (self->start90 > 0 && self->audio != NULL && self->in == 0)
    gst_headend_reblock_begin (self->audio, self->start90);
}

static gboolean
set_audio_caps (GstEpochAlign *self, GstCaps *caps)
{
  GstAudioInfo info;
  /* A new format in a running stream comes from a decoder that has settled. */
  guint skip = self->audio == NULL ? AUDIO_SKIP : 0;

  if (!gst_audio_info_from_caps (&info, caps) || GST_AUDIO_INFO_RATE (&info) <= 0)
    return FALSE;
  if (self->audio != NULL && gst_audio_info_is_equal (&info, &self->info))
    return TRUE;
  if (self->audio != NULL)
    gst_headend_reblock_finish (self->audio);
  gst_headend_reblock_free (self->audio);
  self->info = info;
  self->audio = gst_headend_reblock_new (&info, self->duration90, skip, emit_frame, self);
  gst_headend_reblock_preroll (self->audio, self->preroll);
  begin_at_start (self);
  return TRUE;
}

static gboolean
set_caps (GstEpochAlign *self, GstCaps *caps)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  g_autoptr (GstCaps) before = gst_pad_get_current_caps (self->sinkpad);
  gint fps_n = 0, fps_d = 1;

  self->is_audio = gst_structure_has_name (s, "audio/x-raw");
  if (self->is_audio)
    return set_audio_caps (self, caps);
  if (before == NULL || !gst_caps_is_equal (before, caps))
    gst_headend_stopgap_clear (&self->stopgap);
  gst_headend_picture_init (&self->picture, caps);
  gst_structure_get_fraction (s, "framerate", &fps_n, &fps_d);
  he_align_video_set_rate (&self->video, MAX (fps_n, 0), MAX (fps_d, 1));
  return TRUE;
}

static gboolean
identity_segment (GstEpochAlign *self, GstEvent *event)
{
  GstSegment segment;
  GstEvent *identity;

  if (self->sent_segment) {
    gst_event_unref (event);
    return TRUE;
  }
  gst_segment_init (&segment, GST_FORMAT_TIME);
  identity = gst_event_new_segment (&segment);
  gst_event_set_seqnum (identity, gst_event_get_seqnum (event));
  gst_event_unref (event);
  self->sent_segment = TRUE;
  return gst_pad_push_event (self->srcpad, identity);
}

/* Takes the event, which says that nothing comes up to its end. */
static void
fill_silence (GstEpochAlign *self, GstEvent *event)
{
  GstClockTime start, duration;
  HeAlignFill fill;

  gst_event_parse_gap (event, &start, &duration);
  gst_event_unref (event);
  if (!GST_CLOCK_TIME_IS_VALID (start) || !GST_CLOCK_TIME_IS_VALID (duration))
    return;
  guint64 until90 = he_ticks_from_ns (start + duration);
  if (self->is_audio && self->audio != NULL) {
    gst_headend_reblock_silence (self->audio, until90);
  } else if (!self->is_audio) {
    he_align_video_silence (&self->video, until90, &fill);
    push_repeats (self, &fill, NULL);
  }
}

static gboolean
custom_event (GstEpochAlign *self, GstPad *pad, GstEvent *event)
{
  guint generation;
  guint64 start90;

  if (gst_headend_torn_event_parse (event, &self->damage.torn_from,
                                    &self->damage.torn_until)) {
    gst_event_unref (event);
    return TRUE;
  }
  if (gst_headend_timeline_event_parse (event, &generation, &start90)) {
    self->generation = generation;
    self->start90 = start90;
    begin_at_start (self);
  }
  /* Boundaries are announced here and nowhere else. */
  if (gst_event_has_name (event, GST_HEADEND_SEGMENT)
      || gst_event_has_name (event, "GstForceKeyUnit")) {
    gst_event_unref (event);
    return TRUE;
  }
  return gst_pad_event_default (pad, GST_OBJECT (self), event);
}

static gboolean
sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstEpochAlign *self = GST_EPOCH_ALIGN (parent);
  g_autoptr (GstCaps) current = NULL;
  GstCaps *caps;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      if (!set_caps (self, caps)) {
        GST_ERROR_OBJECT (self, "cannot use caps %" GST_PTR_FORMAT, caps);
        gst_event_unref (event);
        return FALSE;
      }
      break;
    case GST_EVENT_SEGMENT:
      return identity_segment (self, event);
    case GST_EVENT_GAP:
      fill_silence (self, event);
      return TRUE;
    case GST_EVENT_CUSTOM_DOWNSTREAM:
    case GST_EVENT_CUSTOM_DOWNSTREAM_STICKY:
      return custom_event (self, pad, event);
    case GST_EVENT_EOS:
      if (self->audio != NULL)
        gst_headend_reblock_finish (self->audio);
      break;
    case GST_EVENT_FLUSH_STOP:
      reset (self);
      current = gst_pad_get_current_caps (pad); /* which outlive a flush */
      if (current != NULL)
        set_caps (self, current);
      break;
    default:
      break;
  }
  return gst_pad_event_default (pad, parent, event);
}

/* Running time is another upstream: a decoder would take all it does for too late. */
static gboolean
src_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) != GST_EVENT_QOS)
    return gst_pad_event_default (pad, parent, event);
  gst_event_unref (event);
  return TRUE;
}

static GstStateChangeReturn
change_state (GstElement *element, GstStateChange transition)
{
  GstEpochAlign *self = GST_EPOCH_ALIGN (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    reset (self);
    GST_OBJECT_LOCK (self);
    self->in = self->out = self->dropped = self->filled = self->damaged = self->msn = 0;
    GST_OBJECT_UNLOCK (self);
    self->generation = 0;
  }
  ret = GST_ELEMENT_CLASS (gst_epoch_align_parent_class)
            ->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    reset (self);
  return ret;
}

/* --- Object ------------------------------------------------------------------ */

static GstStructure *
make_stats (GstEpochAlign *self)
{
  GstStructure *stats;

  GST_OBJECT_LOCK (self);
  stats = gst_structure_new ("epochalign-stats", "joined", G_TYPE_BOOLEAN, self->joined,
                             "msn", G_TYPE_UINT64, self->msn, "in", G_TYPE_UINT64,
                             self->in, "out", G_TYPE_UINT64, self->out, "dropped",
                             G_TYPE_UINT64, self->dropped, "filled", G_TYPE_UINT64,
                             self->filled, "damaged", G_TYPE_UINT64, self->damaged, NULL);
  GST_OBJECT_UNLOCK (self);
  return stats;
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstEpochAlign *self = GST_EPOCH_ALIGN (object);

  if (id == PROP_STATS) {
    g_value_take_boxed (value, make_stats (self));
  } else if (id == PROP_SEGMENT_DURATION) {
    GST_OBJECT_LOCK (self);
    g_value_set_uint64 (value, self->duration90);
    GST_OBJECT_UNLOCK (self);
  } else if (id == PROP_PREROLL) {
    GST_OBJECT_LOCK (self);
    g_value_set_uint (value, self->preroll);
    GST_OBJECT_UNLOCK (self);
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstEpochAlign *self = GST_EPOCH_ALIGN (object);

  GST_OBJECT_LOCK (self);
  if (id != PROP_SEGMENT_DURATION && id != PROP_PREROLL)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  else if (!gst_headend_may_set (GST_ELEMENT (self), pspec))
    ; /* said */
  else if (id == PROP_PREROLL)
    self->preroll = g_value_get_uint (value);
  else
    self->duration90 = g_value_get_uint64 (value);
  GST_OBJECT_UNLOCK (self);
}

static void
finalize (GObject *object)
{
  GstEpochAlign *self = GST_EPOCH_ALIGN (object);

  gst_headend_stopgap_clear (&self->stopgap);
  gst_headend_reblock_free (self->audio);
  G_OBJECT_CLASS (gst_epoch_align_parent_class)->finalize (object);
}

static void
gst_epoch_align_class_init (GstEpochAlignClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->get_property = get_property;
  object_class->set_property = set_property;
  object_class->finalize = finalize;
  element_class->change_state = change_state;

  props[PROP_SEGMENT_DURATION] = g_param_spec_uint64 (
      "segment-duration", "Segment duration", "Duration of a segment in 90 kHz ticks", 1,
      G_MAXUINT32, DEFAULT_DURATION,
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  props[PROP_PREROLL] = g_param_spec_uint (
      "preroll", "Preroll",
      "Buffers of sound ahead of the first segment, to be decoded only", 0, 16, 0,
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  props[PROP_STATS] = g_param_spec_boxed (
      "stats", "Statistics", "What came in, went out, was dropped, filled or damaged",
      GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, props);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (
      element_class, "Epoch aligner", "Filter/Video/Audio",
      "Starts a raw stream at a segment boundary, fills its gaps, blocks its audio",
      "gst-headend");
}

static void
gst_epoch_align_init (GstEpochAlign *self)
{
  self->duration90 = DEFAULT_DURATION;
  gst_audio_info_init (&self->info);

  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, chain);
  gst_pad_set_event_function (self->sinkpad, sink_event);
  GST_PAD_SET_PROXY_CAPS (self->sinkpad);
  GST_PAD_SET_PROXY_ALLOCATION (self->sinkpad);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_event_function (self->srcpad, src_event);
  gst_pad_use_fixed_caps (self->srcpad);
  GST_PAD_SET_PROXY_CAPS (self->srcpad);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);
}
