/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-forensicdetect
 * @title: forensicdetect
 * @short_description: reads the marks of forensicmark back from a copy
 *
 * Passes pictures through, and posts an element message for each segment whose mark it
 * read:
 *
 * * `forensicdetect-segment`: `msn` (guint64), `channel` (string), `z` (double; above 0
 *   speaks for variant b, below for a, and a key that did not make the mark gives a mean
 *   of 0 and a deviation of 1), `variant` (string: a or b from |z| 4 on, else none),
 *   `time` and `end` (guint64, nanoseconds: PTS at which the segment begins and ends in the
 *   copy), `length` (guint64: between them if all of it is there), `view` (array of 8 doubles: the projective map from points of
 *   the marked frame to the copy's, in which -0.5 to 0.5 is the frame), `frames`
 *   (guint), `found` (boolean: FALSE while the copy's time and view are taken on trust),
 *   and with the property `weights` a field of that name (GBytes: with which keyed numbers are
 *   summed up to `z`, as headend detect --archive needs them).
 * * `forensicdetect-search`: `done` (double, 0 to 1): what part of a search is done, a few
 *   times a second while there is one.
 *
 * With `payload`, these messages are not posted, but for every five segments that were
 * read, and at the end, when the payload of forensicmark is clear from all that were read:
 *
 * * `forensicdetect-payload`: `payload` (string: 16 hex digits), `channel` (string),
 *   `segments` (guint: that it was read from), `z` (double), `log10-p` (double: of the
 *   probability that a copy without it shows any payload so well).
 *
 * A segment counts once for a payload, whatever the copy repeats, and a flush ends what was
 * gathered of it.
 *
 * It needs no original, and finds by itself which of the `channels` it is, how the copy
 * shows the pictures (scaled, cropped, flipped, turned a little, seen at an angle, between
 * black bars, with other frame rates; with `views` off, whole or flipped), and within `window` hours around `around` when
 * they were made, at a speed of 96 to 104 %. Both are in a channel's epoch time, unless
 * `wall-offsets` says by how much the wall clock is ahead of it. With a `window` of 0 the PTS of buffers are
 * epoch time, as they are behind `epochalign`. Where PTS jump, it begins anew. It searches
 * for whole frames when 8 segments are there, then 16, 24, 36 and so on until it has found the
 * mark, for other views after 16, 32 and so on, and for all at the end of a shorter copy. A search holds up the stream for seconds, and with `views` and
 * a `window` for minutes: in a live pipeline put it in a branch behind a leaky queue. A
 * flush, and going to READY, end it.
 *
 * `segment-duration` is that of the mark. The key is best kept in a file that only its
 * owner can read: `key=file:mark.key`.
 *
 * ## Example
 * |[
 * gst-launch-1.0 -m videotestsrc num-buffers=500 pattern=ball \
 *   ! video/x-raw,format=I420,width=640,height=360,framerate=25/1 \
 *   ! forensicmark key=$(printf %064d 7) channel=demo variant=a \
 *   ! forensicdetect key=$(printf %064d 7) channels=demo ! fakesink
 * ]|
 */
#include "gst-forensicdetect.h"

#include <gst/video/video.h>
#include <math.h>

#include "gst-detect-messages.h"
#include "gst-headend.h"
#include "he-codec.h"
#include "he-epoch.h"
#include "he-error.h"

#define DEFAULT_DURATION 180000
#define MAX_WINDOW 48.0
#define MAX_AHEAD 1e9 /* seconds */
#define SECONDS_PER_HOUR 3600.0
#define SEARCH_MESSAGES (G_USEC_PER_SEC / 5)

GST_DEBUG_CATEGORY_STATIC (forensicdetect_debug);
#define GST_CAT_DEFAULT forensicdetect_debug

enum {
  PROP_0,
  PROP_KEY,
  PROP_CHANNELS,
  PROP_SEGMENT_DURATION,
  PROP_AROUND,
  PROP_WINDOW,
  PROP_WALL_OFFSETS,
  PROP_VIEWS,
  PROP_PAYLOAD,
  PROP_WEIGHTS,
  N_PROPS
};
static GParamSpec *props[N_PROPS];

struct _GstForensicDetect {
  GstBaseTransform parent;

  /* Under the object lock; fixed from READY to PAUSED on. */
  HeSecret *key;
  char *channels;
  guint64 duration90;
  double around, window; /* seconds since the epoch, hours */
  char *wall_offsets;
  gboolean views, payload, weights;

  /* Streaming thread. */
  GstVideoInfo info;
  char **names;
  HeReader *reader;
  guint8 *narrow; /* a frame's luma in 8 bits; NULL where it comes so */
  HePayloadSums sums;    /* with payload: of what was read of a channel */
  guint channel, unread; /* segments in sums since it was last tried */
  gint64 next_search; /* monotonic time of the next message of a search */

  guint halted; /* atomic: the reasons to end a search */
};

enum { HALTED_STOPPING = 1, HALTED_FLUSHING = 2 };

#define gst_forensic_detect_parent_class parent_class
G_DEFINE_FINAL_TYPE (GstForensicDetect, gst_forensic_detect, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (forensicdetect, "forensicdetect", GST_RANK_NONE,
                             GST_TYPE_FORENSIC_DETECT)

#define FORMATS \
  "{ I420, NV12, YV12, NV21, Y42B, Y444, GRAY8, I420_10LE, I422_10LE, Y444_10LE, P010_10LE }"
static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE (
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (FORMATS)));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE (
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (FORMATS)));

static gboolean
check_names (char *const *names, GError **error)
{
  for (guint i = 0; names && names[i]; i++)
    if (!he_name_is_valid (names[i])) {
      g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                   "\"%s\" is no channel's name; names are 1 to 64 letters, digits, - and _",
                   names[i]);
      return FALSE;
    }
  if (names && names[0])
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
               "no channel is named; set \"channels\" to the names of those that the copy "
               "may show, with commas between them");
  return FALSE;
}

static gboolean
goes_on (gpointer data, double done)
{
  GstForensicDetect *self = data;
  const gint64 now = g_get_monotonic_time ();
  if (now >= self->next_search) {
    self->next_search = now + SEARCH_MESSAGES;
    gst_element_post_message (
        GST_ELEMENT (self),
        gst_message_new_element (GST_OBJECT (self),
                                 gst_structure_new ("forensicdetect-search", "done",
                                                    G_TYPE_DOUBLE, done, NULL)));
  }
  return g_atomic_int_get (&self->halted) == 0;
}

/* In segments; as many as there are channels. */
static gboolean
read_wall_offsets (GstForensicDetect *self, double *ret_ahead, GError **error)
{
  const guint n = g_strv_length (self->names);
  g_auto (GStrv) words = g_strsplit (self->wall_offsets ? self->wall_offsets : "", ",", -1);
  if (!*words)
    return TRUE;
  for (guint i = 0; i < n && words[i]; i++) {
    char *end;
    const double seconds = g_ascii_strtod (words[i], &end);
    if (!*words[i] || *end || !(fabs (seconds) <= MAX_AHEAD))
      break;
    ret_ahead[i] = seconds * HE_TICKS_PER_SECOND / (double)self->duration90;
    if (i + 1 == n && !words[n])
      return TRUE;
  }
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
               "\"wall-offsets\" is \"%s\"; expected seconds, one for each of the %u channels, "
               "with commas between them",
               self->wall_offsets, n);
  return FALSE;
}

static HeReader *
new_reader (GstForensicDetect *self, GError **error)
{
  if (!self->key) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "there is no key; set \"key\" to 64 hex digits, or to file:PATH of a file "
                 "that holds them and that only its owner can read");
    return NULL;
  }
  if (!check_names (self->names, error))
    return NULL;
  const double segment = (double)self->duration90 / HE_TICKS_PER_SECOND;
  const double half = self->window * SECONDS_PER_HOUR / 2;
  const double around
      = self->around > 0 ? self->around : (double)g_get_real_time () / G_USEC_PER_SEC;
  g_autofree double *ahead = g_new0 (double, g_strv_length (self->names));
  if (!read_wall_offsets (self, ahead, error))
    return NULL;
  HeReaderSettings settings = { .key = self->key,
                                .channels = (const char *const *)self->names,
                                .duration90 = self->duration90,
                                .time_known = self->window <= 0,
                                .ahead = ahead,
                                .views = self->views,
                                .payload = self->payload,
                                .weights = self->weights,
                                .progress = goes_on,
                                .data = self };
  if (!settings.time_known) {
    settings.first = MAX (around - half, 0) / segment;
    settings.last = (around + half) / segment;
  }
  return he_reader_new (&settings, error);
}

static gboolean
gst_forensic_detect_start (GstBaseTransform *trans)
{
  GstForensicDetect *self = GST_FORENSIC_DETECT (trans);
  GError *error = NULL;

  self->names = self->channels ? g_strsplit (self->channels, ",", -1) : NULL;
  self->reader = new_reader (self, &error);
  if (self->reader)
    return TRUE;
  g_clear_pointer (&self->names, g_strfreev); /* stop is not called */
  gst_headend_element_error (GST_ELEMENT (self), error);
  return FALSE;
}

static gboolean
gst_forensic_detect_stop (GstBaseTransform *trans)
{
  GstForensicDetect *self = GST_FORENSIC_DETECT (trans);

  self->sums = (HePayloadSums) { 0 };
  self->unread = 0;
  g_clear_pointer (&self->reader, he_reader_free);
  g_clear_pointer (&self->names, g_strfreev);
  g_clear_pointer (&self->narrow, g_free);
  return TRUE;
}

static gboolean
gst_forensic_detect_set_caps (GstBaseTransform *trans, GstCaps *incaps, GstCaps *outcaps)
{
  GstForensicDetect *self = GST_FORENSIC_DETECT (trans);

  if (!gst_video_info_from_caps (&self->info, incaps))
    return FALSE;
  g_clear_pointer (&self->narrow, g_free);
  if (GST_VIDEO_INFO_COMP_DEPTH (&self->info, 0) > 8)
    self->narrow = g_malloc ((gsize)GST_VIDEO_INFO_WIDTH (&self->info)
                             * (gsize)GST_VIDEO_INFO_HEIGHT (&self->info));
  return TRUE;
}

/* Of words of more than 8 bits the upper 8: what the mark is read from are averages. */
static const guint8 *
luma_of (GstForensicDetect *self, const GstVideoFrame *frame, gsize *ret_stride)
{
  const guint8 *plane = GST_VIDEO_FRAME_PLANE_DATA (frame, 0);
  const gsize stride = (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0);
  const gsize width = (gsize)GST_VIDEO_FRAME_WIDTH (frame);
  const gsize height = (gsize)GST_VIDEO_FRAME_HEIGHT (frame);
  const guint shift = GST_VIDEO_FORMAT_INFO_SHIFT (frame->info.finfo, 0)
                      + GST_VIDEO_FORMAT_INFO_DEPTH (frame->info.finfo, 0) - 8;
  *ret_stride = self->narrow ? width : stride;
  for (gsize y = 0; self->narrow && y < height; y++)
    for (gsize x = 0; x < width; x++)
      self->narrow[y * width + x]
          = (guint8)(GST_READ_UINT16_LE (plane + y * stride + 2 * x) >> shift);
  return self->narrow ? self->narrow : plane;
}

static void
try_payload (GstForensicDetect *self)
{
  GstMessage *message
      = gst_detect_payload (GST_OBJECT (self), &self->sums, self->names[self->channel]);

  self->unread = 0;
  if (message)
    gst_element_post_message (GST_ELEMENT (self), message);
}

static void
add_to_payload (GstForensicDetect *self, const HeReading *reading)
{
  if (reading->channel != self->channel) {
    self->sums = (HePayloadSums) { 0 };
    self->unread = 0;
  }
  self->channel = reading->channel;
  if (he_payload_add (&self->sums, reading->msn, reading->soft)
      && ++self->unread == HE_PAYLOAD_SEGMENTS)
    try_payload (self);
}

static void
post_readings (GstForensicDetect *self)
{
  HeReading reading;

  while (he_reader_take (self->reader, &reading))
    if (self->payload)
      add_to_payload (self, &reading);
    else
      gst_element_post_message (
          GST_ELEMENT (self),
          gst_detect_segment (GST_OBJECT (self), &reading, self->names[reading.channel]));
}

/* What was gathered is read at the end, and when other pictures follow, if it is known by
 * then how. */
static gboolean
gst_forensic_detect_sink_event (GstBaseTransform *trans, GstEvent *event)
{
  GstForensicDetect *self = GST_FORENSIC_DETECT (trans);

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START)
    g_atomic_int_or (&self->halted, HALTED_FLUSHING);
  if (self->reader
      && (GST_EVENT_TYPE (event) == GST_EVENT_EOS
          || GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)) {
    he_reader_finish (self->reader);
    post_readings (self);
    if (self->unread)
      try_payload (self);
  }
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    self->sums = (HePayloadSums) { 0 };
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    g_atomic_int_and (&self->halted, ~(guint)HALTED_FLUSHING);
  return GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event (trans, event);
}

static GstFlowReturn
gst_forensic_detect_transform_ip (GstBaseTransform *trans, GstBuffer *buffer)
{
  GstForensicDetect *self = GST_FORENSIC_DETECT (trans);
  GstVideoFrame frame;
  GError *error = NULL;

  if (!GST_BUFFER_PTS_IS_VALID (buffer))
    return GST_FLOW_OK; /* it cannot be placed */
  if (!gst_video_frame_map (&frame, &self->info, buffer, GST_MAP_READ)) {
    GST_ELEMENT_ERROR (self, RESOURCE, READ, (NULL), ("cannot map a frame"));
    return GST_FLOW_ERROR;
  }
  gsize stride;
  const guint8 *luma = luma_of (self, &frame, &stride);
  he_reader_add (self->reader, luma, stride, (guint)GST_VIDEO_FRAME_WIDTH (&frame),
                 (guint)GST_VIDEO_FRAME_HEIGHT (&frame), GST_BUFFER_PTS (buffer), &error);
  gst_video_frame_unmap (&frame);
  post_readings (self);
  if (!error)
    return GST_FLOW_OK;
  gst_headend_element_error (GST_ELEMENT (self), error);
  return GST_FLOW_ERROR;
}

/* The streaming thread may be searching, and going to READY waits for it. */
static GstStateChangeReturn
gst_forensic_detect_change_state (GstElement *element, GstStateChange transition)
{
  GstForensicDetect *self = GST_FORENSIC_DETECT (element);

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
    g_atomic_int_set (&self->halted, 0);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    g_atomic_int_or (&self->halted, HALTED_STOPPING);
  return GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);
}

static void
gst_forensic_detect_set_property (GObject *object, guint id, const GValue *value,
                                  GParamSpec *pspec)
{
  GstForensicDetect *self = GST_FORENSIC_DETECT (object);
  HeSecret *key = NULL;

  if (id == PROP_KEY) /* reads a file: not under the lock */
    key = gst_headend_secret_from_value (object, pspec, value);
  GST_OBJECT_LOCK (self);
  if (!gst_headend_may_set (GST_ELEMENT (self), pspec))
    id = PROP_0;
  switch (id) {
    case PROP_0:
      he_secret_unref (key);
      break;
    case PROP_KEY:
      he_secret_unref (self->key);
      self->key = key;
      break;
    case PROP_CHANNELS:
      g_free (self->channels);
      self->channels = g_value_dup_string (value);
      break;
    case PROP_SEGMENT_DURATION:
      self->duration90 = g_value_get_uint64 (value);
      break;
    case PROP_AROUND:
      self->around = g_value_get_double (value);
      break;
    case PROP_WINDOW:
      self->window = g_value_get_double (value);
      break;
    case PROP_WALL_OFFSETS:
      g_free (self->wall_offsets);
      self->wall_offsets = g_value_dup_string (value);
      break;
    case PROP_VIEWS:
      self->views = g_value_get_boolean (value);
      break;
    case PROP_PAYLOAD:
      self->payload = g_value_get_boolean (value);
      break;
    case PROP_WEIGHTS:
      self->weights = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_forensic_detect_get_property (GObject *object, guint id, GValue *value,
                                  GParamSpec *pspec)
{
  GstForensicDetect *self = GST_FORENSIC_DETECT (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_CHANNELS:
      g_value_set_string (value, self->channels);
      break;
    case PROP_SEGMENT_DURATION:
      g_value_set_uint64 (value, self->duration90);
      break;
    case PROP_AROUND:
      g_value_set_double (value, self->around);
      break;
    case PROP_WINDOW:
      g_value_set_double (value, self->window);
      break;
    case PROP_WALL_OFFSETS:
      g_value_set_string (value, self->wall_offsets);
      break;
    case PROP_VIEWS:
      g_value_set_boolean (value, self->views);
      break;
    case PROP_PAYLOAD:
      g_value_set_boolean (value, self->payload);
      break;
    case PROP_WEIGHTS:
      g_value_set_boolean (value, self->weights);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_forensic_detect_finalize (GObject *object)
{
  GstForensicDetect *self = GST_FORENSIC_DETECT (object);

  he_secret_unref (self->key);
  g_free (self->channels);
  g_free (self->wall_offsets);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
install_properties (GObjectClass *object_class)
{
  const GParamFlags flags
      = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  props[PROP_KEY] = g_param_spec_string (
      "key", "Key", "Mark key: 64 hex digits, or file:PATH", NULL,
      G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  props[PROP_CHANNELS] = g_param_spec_string (
      "channels", "Channels", "Names of the channels that it may be, with commas between",
      NULL, flags);
  props[PROP_SEGMENT_DURATION] = g_param_spec_uint64 (
      "segment-duration", "Segment duration", "Duration of a segment in 90 kHz ticks", 1,
      G_MAXINT64, DEFAULT_DURATION, flags);
  props[PROP_AROUND] = g_param_spec_double (
      "around", "Around",
      "Seconds since 1970-01-01 UTC, the middle of the window; 0: now", 0, 1e11, 0, flags);
  props[PROP_WINDOW] = g_param_spec_double (
      "window", "Window",
      "Hours within which the copy's first picture was on air; 0: PTS are epoch time", 0,
      MAX_WINDOW, 0, flags);
  props[PROP_WALL_OFFSETS] = g_param_spec_string (
      "wall-offsets", "Wall offsets",
      "For each of the channels, by how many seconds the clock of around is ahead of its epoch "
      "time, with commas between; none: 0",
      NULL, flags);
  props[PROP_VIEWS] = g_param_spec_boolean (
      "views", "Views",
      "Whether crops, scales, turns and other views are searched, not just whole and "
      "flipped frames",
      TRUE, flags);
  props[PROP_PAYLOAD] = g_param_spec_boolean (
      "payload", "Payload",
      "Whether a payload is read, of whole or flipped frames, instead of variants", FALSE,
      flags);
  props[PROP_WEIGHTS] = g_param_spec_boolean (
      "weights", "Weights",
      "Whether messages of segments have the weights that their z was summed up with", FALSE,
      flags);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
gst_forensic_detect_class_init (GstForensicDetectClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (forensicdetect_debug, "forensicdetect", 0,
                           "forensic watermark detection");
  object_class->set_property = gst_forensic_detect_set_property;
  object_class->get_property = gst_forensic_detect_get_property;
  object_class->finalize = gst_forensic_detect_finalize;
  install_properties (object_class);
  element_class->change_state = gst_forensic_detect_change_state;

  gst_element_class_set_static_metadata (
      element_class, "Forensic watermark detector", "Filter/Analyzer/Video",
      "Reads from a copy which variant, a or b, each segment was made of", "gst-headend");
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);

  trans_class->start = gst_forensic_detect_start;
  trans_class->stop = gst_forensic_detect_stop;
  trans_class->set_caps = gst_forensic_detect_set_caps;
  trans_class->sink_event = gst_forensic_detect_sink_event;
  trans_class->transform_ip = gst_forensic_detect_transform_ip;
  trans_class->transform_ip_on_passthrough = TRUE;
}

static void
gst_forensic_detect_init (GstForensicDetect *self)
{
  self->duration90 = DEFAULT_DURATION;
  self->views = TRUE;
  gst_base_transform_set_passthrough (GST_BASE_TRANSFORM (self), TRUE);
}
