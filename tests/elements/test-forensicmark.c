/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include "gst-headend.h"
#include "he-detect.h"
#include "he-epoch.h"
#include "he-keys.h"
#include "he-mark.h"
#include "forensicmark.h"

/* The encoder shifts early PTS by 1000 hours and the SEGMENT with them. */
static guint64
msn_of (GstSample *sample, GstBuffer *buffer)
{
  guint64 time = gst_segment_to_running_time (gst_sample_get_segment (sample),
                                              GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
  return he_epoch_msn (he_ticks_from_ns (time), 180000);
}

/* How many frames of each segment are read: a few say as much, unless asked to be thorough. */
static guint
frames_read (void)
{
  return g_test_thorough () ? SEGMENT_FRAMES : 2 * SEGMENT_FRAMES / 5;
}

/* Scores the decoded stream segment by segment. */
static void
read_segments (GstElement *pipeline, HeVariant variant, const char *name, guint segments)
{
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), "decoded");
  g_autoptr (HeDetector) detector = he_detector_new ();
  g_autoptr (GString) scores = g_string_new (NULL);
  guint64 msn = 0;
  guint read = 0;
  for (gboolean more = TRUE; more;) {
    g_autoptr (GstSample) sample = gst_app_sink_pull_sample (GST_APP_SINK (sink));
    more = sample != NULL;
    GstBuffer *buffer = more ? gst_sample_get_buffer (sample) : NULL;
    guint64 now = more ? msn_of (sample, buffer) : 0;
    if (he_detector_frames (detector) && (!more || now != msn)) {
      guint8 seed[32];
      seed_of (msn, seed);
      g_assert_cmpuint (he_detector_frames (detector), ==, frames_read ());
      double z = he_detector_score (detector, seed);
      g_string_append_printf (scores, " %+.1f", z);
      if (he_detect_verdict (z) != variant)
        g_error ("%s: segment %u is %s, read with z %+.2f", name, read,
                 he_variant_name (variant), z);
      he_detector_reset (detector);
      read++;
    }
    msn = now;
    if (more) {
      GstVideoFrame frame;
      GstVideoInfo info;
      gst_video_info_from_caps (&info, gst_sample_get_caps (sample));
      g_assert_true (gst_video_frame_map (&frame, &info, buffer, GST_MAP_READ));
      g_assert_true (he_detector_add (detector, GST_VIDEO_FRAME_PLANE_DATA (&frame, 0),
                                      (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0),
                                      (guint)info.width, (guint)info.height, NULL));
      gst_video_frame_unmap (&frame);
    }
  }
  assert_no_error_message (pipeline);
  g_test_message ("%s %s: z%s", name, he_variant_name (variant), scores->str);
  g_assert_cmpuint (read, ==, segments);
}

static void
assert_watched (const Watch *watch, const char *name, guint frames)
{
  g_test_message ("%s: worst PSNR %.2f dB", name, watch->worst);
  g_assert_cmpuint (watch->frames, ==, frames);
  g_assert_cmpfloat (watch->worst, >=, 45);
  g_assert_cmpuint (watch->shared, ==, frames);
}

typedef struct {
  const char *name;
  const char *pattern; /* videotestsrc's, with its properties */
  const char *format;
  HeVariant variant;
  guint segments;
  const char *between; /* what the pirate does ahead of the re-encode */
} Pattern;

static const Pattern patterns[] = {
  { "smpte", "smpte", "I420", HE_VARIANT_A, 2, "" },
  { "ball", "ball", "NV12", HE_VARIANT_B, 2, "" },
  { "gamut", "gamut", "I420", HE_VARIANT_B, 2, "" },
  { "snow", "snow", "NV12", HE_VARIANT_A, 1, "" },
  { "zone-plate", "zone-plate kx2=10 ky2=10 kt=8", "I420", HE_VARIANT_A, 2, "" },
  { "smaller", "smpte horizontal-speed=3", "NV12", HE_VARIANT_B, 2,
    "videoscale ! video/x-raw,width=480,height=270 ! " },
};

static void
test_pattern_survives (gconstpointer data)
{
  const Pattern *p = data;
  const guint segments = g_test_thorough () ? p->segments : 1;
  const guint frames = segments * frames_read ();
  Watch watch;
  g_autofree char *description = g_strdup_printf (
      "videotestsrc num-buffers=%u pattern=%s ! "
      "video/x-raw,format=%s,width=%d,height=%d,framerate=%d/1 ! " MARK
      "variant=%s ! %s%s%s" TO_SINK,
      frames, p->pattern, p->format, WIDTH, HEIGHT, FPS, he_variant_name (p->variant),
      coded (OPERATOR), p->between, coded (PIRATE));
  g_autoptr (GstElement) pipeline = parse (description);
  watch_element (pipeline, &watch);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  read_segments (pipeline, p->variant, p->name, segments);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  assert_watched (&watch, p->name, frames);
}

/* Panning texture with grain, as a camera sees it; the pirate sells it at half the size.
 */
static void
test_scene_survives (void)
{
  const guint segments = g_test_thorough () ? 2 : 1;
  const guint frames = segments * frames_read ();
  Watch watch;
  g_autofree char *description = g_strdup_printf (
      "appsrc name=scene format=time max-bytes=0 "
      "caps=video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1 ! " MARK
      "variant=b ! %s%s" TO_SINK,
      WIDTH, HEIGHT, FPS, coded (OPERATOR), coded (PIRATE));
  g_autoptr (GstElement) pipeline = parse (description);
  g_autoptr (GstElement) scene = gst_bin_get_by_name (GST_BIN (pipeline), "scene");
  watch_element (pipeline, &watch);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  push_scene (GST_APP_SRC (scene), frames);
  read_segments (pipeline, HE_VARIANT_B, "scene", segments);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  assert_watched (&watch, "scene", frames);
}

static GstHarness *
harness_of (const char *properties, const char *caps)
{
  g_autofree char *text = g_strconcat (MARK, properties, NULL);
  GstHarness *harness = gst_harness_new_parse (text);
  gst_harness_set_src_caps_str (harness, caps);
  return harness;
}

/* 64x64 of a clip, in one memory, or with each plane in its own and odd padding. */
static GstBuffer *
frame_of (GstVideoFormat format, gboolean many)
{
  GstVideoInfo info;
  gst_video_info_set_format (&info, format, 64, 64);
  GstBuffer *buffer = gst_buffer_new ();
  gsize offsets[GST_VIDEO_MAX_PLANES] = { 0 };
  gint strides[GST_VIDEO_MAX_PLANES] = { 0 };
  if (many) {
    for (guint i = 0; i < GST_VIDEO_INFO_N_PLANES (&info); i++) {
      strides[i] = info.stride[i] + 24;
      offsets[i] = gst_buffer_get_size (buffer);
      gst_buffer_append_memory (
          buffer, gst_allocator_alloc (NULL, (gsize)strides[i] * (i ? 32 : 64), NULL));
    }
    gst_buffer_add_video_meta_full (buffer, GST_VIDEO_FRAME_FLAG_NONE, format, 64, 64,
                                    GST_VIDEO_INFO_N_PLANES (&info), offsets, strides);
  } else
    gst_buffer_append_memory (buffer, gst_allocator_alloc (NULL, info.size, NULL));

  GstVideoFrame frame;
  g_assert_true (gst_video_frame_map (&frame, &info, buffer, GST_MAP_WRITE));
  for (guint i = 0; i < GST_VIDEO_INFO_N_PLANES (&info); i++)
    clip_fill (CLIP_NOISE, i, GST_VIDEO_FRAME_PLANE_DATA (&frame, i),
               (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (&frame, i),
               (guint)GST_VIDEO_INFO_COMP_WIDTH (&info, i)
                   * (guint)GST_VIDEO_INFO_COMP_PSTRIDE (&info, i),
               (guint)GST_VIDEO_INFO_COMP_HEIGHT (&info, i));
  gst_video_frame_unmap (&frame);
  GST_BUFFER_PTS (buffer) = 0;
  GST_BUFFER_DURATION (buffer) = GST_SECOND / FPS;
  GST_BUFFER_OFFSET (buffer) = 17;
  GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_MARKER);
  g_autoptr (GstCaps) reference = gst_caps_new_empty_simple ("timestamp/x-unix");
  gst_buffer_add_reference_timestamp_meta (buffer, reference, 5, GST_CLOCK_TIME_NONE);
  return buffer;
}

static HeMarkLayout
layout_of (GstVideoFormat format)
{
  return format == GST_VIDEO_FORMAT_P010_10LE   ? HE_MARK_10_HIGH
         : format == GST_VIDEO_FORMAT_I420_10LE ? HE_MARK_10_LOW
                                                : HE_MARK_8;
}

/* The luma that the core makes of the same frame. */
static void
assert_marked (const GstVideoInfo *info, GstBuffer *in, GstBuffer *out, HeVariant variant,
               guint64 msn)
{
  guint8 seed[32], wanted[64 * 128];
  const HeMarkLayout layout = layout_of (info->finfo->format);
  const guint bytes = layout == HE_MARK_8 ? 1 : 2;
  GstVideoFrame x, y;
  seed_of (msn, seed);
  g_autoptr (HeMark) mark = he_mark_new (seed, 64, 64, NULL);
  g_assert_true (gst_video_frame_map (&x, info, in, GST_MAP_READ));
  g_assert_true (gst_video_frame_map (&y, info, out, GST_MAP_READ));
  he_mark_embed_layout (mark, layout, variant, GST_VIDEO_FRAME_PLANE_DATA (&x, 0),
                        (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (&x, 0), wanted, 64 * bytes);
  for (guint row = 0; row < 64; row++)
    g_assert_cmpmem ((guint8 *)GST_VIDEO_FRAME_PLANE_DATA (&y, 0)
                         + row * (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (&y, 0),
                     64 * bytes, wanted + row * 64 * bytes, 64 * bytes);
  for (guint i = 1; i < GST_VIDEO_INFO_N_PLANES (info); i++)
    for (guint row = 0; row < 32; row++)
      g_assert_cmpmem ((guint8 *)GST_VIDEO_FRAME_PLANE_DATA (&x, i)
                           + row * (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (&x, i),
                       (info->finfo->n_planes == 2 ? 64 : 32) * bytes,
                       (guint8 *)GST_VIDEO_FRAME_PLANE_DATA (&y, i)
                           + row * (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (&y, i),
                       (info->finfo->n_planes == 2 ? 64 : 32) * bytes);
  gst_video_frame_unmap (&y);
  gst_video_frame_unmap (&x);
}

/* Given input in one or many memories, with and without a downstream that knows
 * GstVideoMeta, when a frame is marked, then luma, chroma, times, flags and metas are
 * right, and memory is shared exactly where that is allowed. */
static void
test_memory_layouts (void)
{
  static const GstVideoFormat formats[]
      = { GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_I420_10LE,
          GST_VIDEO_FORMAT_P010_10LE };
  for (guint i = 0; i < 16; i++) {
    const GstVideoFormat format = formats[i & 3];
    const gboolean many = i >> 2 & 1, knows = i >> 3 & 1;
    g_autofree char *caps
        = g_strdup_printf ("video/x-raw,format=%s,width=64,height=64,framerate=25/1",
                           gst_video_format_to_string (format));
    g_autofree char *text = g_strconcat (MARK, "variant=a", NULL);
    GstHarness *harness = gst_harness_new_parse (text);
    GstVideoInfo info;
    gst_video_info_set_format (&info, format, 64, 64);
    if (knows)
      gst_harness_add_propose_allocation_meta (harness, GST_VIDEO_META_API_TYPE, NULL);
    gst_harness_set_src_caps_str (harness, caps);

    GstBuffer *in = frame_of (format, many);
    gst_harness_push (harness, gst_buffer_ref (in));
    GstBuffer *out = gst_harness_pull (harness);
    assert_marked (&info, in, out, HE_VARIANT_A, 0);
    g_assert_cmpint (shares_chroma (&info, in, out), ==, knows);
    g_assert_cmpint (gst_buffer_get_video_meta (out) != NULL, ==, knows);
    if (!knows)
      g_assert_cmpuint (gst_buffer_get_size (out), ==, info.size);
    g_assert_cmpuint (GST_BUFFER_PTS (out), ==, GST_BUFFER_PTS (in));
    g_assert_cmpuint (GST_BUFFER_DURATION (out), ==, GST_BUFFER_DURATION (in));
    g_assert_true (GST_BUFFER_FLAG_IS_SET (out, GST_BUFFER_FLAG_MARKER));
    g_assert_nonnull (gst_buffer_get_reference_timestamp_meta (out, NULL));
    gst_buffer_unref (out);
    gst_buffer_unref (in);
    gst_harness_teardown (harness);
  }
}

static GstBuffer *
mark_one (GstHarness *harness, GstBuffer *in)
{
  gst_harness_push (harness, gst_buffer_ref (in));
  return gst_harness_pull (harness);
}

#define CAPS64 "video/x-raw,format=I420,width=64,height=64,framerate=25/1"

/* The event tells the segment, whatever the PTS; without one the PTS does. */
static void
test_segment_number (void)
{
  GstHeadendSegment segment
      = { .msn = 4711, .pts90 = 4711 * 180000, .duration90 = 180000 };
  GstVideoInfo info;
  GstHarness *harness = harness_of ("variant=b segment-duration=90000", CAPS64);
  g_autoptr (GstBuffer) in = frame_of (GST_VIDEO_FORMAT_I420, FALSE);
  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_I420, 64, 64);

  GST_BUFFER_PTS (in) = 3 * GST_SECOND + 5;
  g_autoptr (GstBuffer) by_pts = mark_one (harness, in);
  assert_marked (&info, in, by_pts, HE_VARIANT_B, 3);

  g_assert_true (
      gst_harness_push_event (harness, gst_headend_segment_event_new (&segment)));
  g_autoptr (GstBuffer) by_event = mark_one (harness, in);
  assert_marked (&info, in, by_event, HE_VARIANT_B, 4711);

  /* The annotation goes on to the encoder. */
  g_autoptr (GstEvent) event = gst_pad_get_sticky_event (
      harness->sinkpad, GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, 0);
  GstHeadendSegment seen;
  g_assert_true (event && gst_headend_segment_event_parse (event, &seen));
  g_assert_cmpuint (seen.msn, ==, 4711);
  gst_harness_teardown (harness);
}

static void
test_none_passes_the_buffer_itself (void)
{
  GstHarness *harness = gst_harness_new ("forensicmark");
  gst_harness_set_src_caps_str (harness, "video/x-raw,format=NV12,width=32,height=2,"
                                         "interlace-mode=interleaved,framerate=25/1");
  GstBuffer *in = gst_buffer_new_allocate (NULL, 32 * 4, NULL),
            *kept = gst_buffer_ref (in);
  gst_harness_push (harness, in);
  GstBuffer *out = gst_harness_pull (harness);
  g_assert_true (out == kept);
  gst_buffer_unref (out);
  gst_buffer_unref (kept);
  gst_harness_teardown (harness);
}

/* The first error message of a pipeline that must fail. */
static char *
error_of (const char *description)
{
  g_autoptr (GstElement) pipeline = parse (description);
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GError) error = NULL;
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (
      bus, 3600 * GST_SECOND, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  g_assert_nonnull (message);
  g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_ERROR);
  gst_message_parse_error (message, &error, NULL);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return g_strdup (error->message);
}

static void
test_says_what_is_missing (void)
{
  static const struct {
    const char *caps, *element, *expected;
  } cases[] = {
    { "width=64,height=64", "forensicmark channel=x variant=a", "key" },
    { "width=64,height=64", "forensicmark variant=b key=" KEY, "channel" },
    { "width=64,height=64", "forensicmark channel=a/b variant=b key=" KEY, "channel" },
    { "width=62,height=64", MARK "variant=a", "62x64" },
    { "width=64,height=64", MARK "variant=a payload=0123", "16 hex digits" },
    { "width=64,height=64,interlace-mode=interleaved", MARK "variant=a", "deinterlacer" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *description = g_strdup_printf (
        "videotestsrc num-buffers=2 ! video/x-raw,format=I420,%s ! %s ! "
        "fakesink",
        cases[i].caps, cases[i].element);
    g_autofree char *message = error_of (description);
    g_test_message ("%s", message);
    g_assert_nonnull (strstr (message, cases[i].expected));
  }
}

static void
test_no_time_is_an_error (void)
{
  GstHarness *harness = harness_of ("variant=a", CAPS64);
  GstBuffer *in = frame_of (GST_VIDEO_FORMAT_I420, FALSE);
  GST_BUFFER_PTS (in) = GST_CLOCK_TIME_NONE;
  g_assert_cmpint (gst_harness_push (harness, in), ==, GST_FLOW_ERROR);
  gst_harness_teardown (harness);
}

/* Given settings that somebody changes in a running pipeline, when caps come anew, then
 * frames are still marked with those that the stream began with. */
static void
test_settings_are_fixed_while_it_runs (void)
{
  GstHarness *harness = harness_of ("variant=a", CAPS64);
  g_autoptr (GstElement) mark = gst_bin_get_by_name (GST_BIN (harness->element), "mark");
  g_autoptr (GstBuffer) in = frame_of (GST_VIDEO_FORMAT_I420, FALSE);
  GstVideoInfo info;
  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_I420, 64, 64);

  g_object_set (mark, "variant", HE_VARIANT_NONE, "channel", "other", "key", NULL, NULL);
  gst_harness_set_src_caps_str (
      harness, "video/x-raw,format=I420,width=64,height=64,framerate=50/1");
  g_autoptr (GstBuffer) out = mark_one (harness, in);
  assert_marked (&info, in, out, HE_VARIANT_A, 0);
  gst_harness_teardown (harness);
}

static void
test_key_cannot_be_read (void)
{
  g_autoptr (GstElement) mark = gst_element_factory_make ("forensicmark", NULL);
  static const char *const names[] = { "key", "payload" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    GParamSpec *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (mark), names[i]);
    g_assert_nonnull (spec);
    g_assert_cmpuint (spec->flags & G_PARAM_READABLE, ==, 0);
  }
  gst_object_ref_sink (mark);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (patterns); i++) {
    g_autofree char *name = g_strconcat ("/forensicmark/mark-survives-a-re-encode/",
                                         patterns[i].name, NULL);
    g_test_add_data_func (name, &patterns[i], test_pattern_survives);
  }
  g_test_add_func ("/forensicmark/mark-survives-a-re-encode/scene", test_scene_survives);
  g_test_add_func ("/forensicmark/every-memory-layout", test_memory_layouts);
  g_test_add_func ("/forensicmark/event-tells-the-segment-else-pts", test_segment_number);
  g_test_add_func ("/forensicmark/none-passes-the-buffer-itself",
                   test_none_passes_the_buffer_itself);
  g_test_add_func ("/forensicmark/says-what-is-missing", test_says_what_is_missing);
  g_test_add_func ("/forensicmark/a-frame-without-time-is-an-error",
                   test_no_time_is_an_error);
  g_test_add_func ("/forensicmark/settings-are-fixed-while-it-runs",
                   test_settings_are_fixed_while_it_runs);
  g_test_add_func ("/forensicmark/key-cannot-be-read", test_key_cannot_be_read);
  return g_test_run ();
}
