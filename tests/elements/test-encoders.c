/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <string.h>

#include "../standins/standins.h"
#include "description.h"
#include "gst-probe.h"
#include "plan.h"
#include "route.h"

/* What the launcher plans for GPUs, on the elements of a GPU where one with an encoder is,
 * else on their stand-ins. */

/* FALSE where the machine's own elements are of another generation than the set's. */
static gboolean
install (const char *set)
{
  if (standins_real (set)) {
    g_test_message ("%s: on this machine's own elements", set);
    return FALSE;
  }
  standins_install (set);
  return TRUE;
}

/* Frames of stand-ins cannot be read, nor marked where they are by a GPU that cannot
 * encode. */
static gboolean
takes_standins (gpointer user, const char *factory, HeMemory memory, const char *format)
{
  return (memory != HE_MEMORY_CUDA || strcmp (factory, "forensicmark") != 0)
         && gst_headend_probe ("/nonexistent").takes (user, factory, memory, format);
}

/* With a driver that knows all presets. */
static HeProbe
probe_here (gboolean stand_in)
{
  HeProbe probe = gst_headend_probe ("/nonexistent");

  if (stand_in)
    probe.takes = takes_standins;
  return probe;
}

static HeadendModel *
load_model (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path
      = g_build_filename (g_getenv ("SRCDIR"), "pipelines", "gpu.json", NULL);
  HeadendModel *model
      = text != NULL ? headend_description_parse (text, -1, "d.json", "/srv", &error)
                     : headend_description_load (path, NULL, &error);

  g_assert_no_error (error);
  return model;
}

/* --- Choice and settings ----------------------------------------------------- */

static char *
property_text (GstElement *element, const char *name)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (element), name);
  g_auto (GValue) value = G_VALUE_INIT;

  if (pspec == NULL)
    return NULL;
  g_value_init (&value, pspec->value_type);
  g_object_get_property (G_OBJECT (element), name, &value);
  return gst_value_serialize (&value);
}

/* Each of "name=value" is what the element has; with lenient, where it has the name. */
static void
assert_properties (GstElement *element, const char *expected, gboolean lenient)
{
  g_auto (GStrv) pairs = g_strsplit (expected, " ", -1);

  for (char **each = pairs; *each != NULL; each++) {
    g_auto (GStrv) pair = g_strsplit (*each, "=", 2);
    g_autofree char *value = property_text (element, pair[0]);

    if (value == NULL && lenient)
      continue;
    g_test_message ("%s=%s", pair[0], value);
    g_assert_cmpstr (value, ==, pair[1]);
  }
}

static GstElement *
find_factory (GstBin *bin, const char *factory)
{
  GstIterator *all = gst_bin_iterate_all_by_element_factory_name (bin, factory);
  g_auto (GValue) item = G_VALUE_INIT;
  GstElement *found = NULL;

  if (gst_iterator_next (all, &item) == GST_ITERATOR_OK)
    found = g_value_dup_object (&item);
  gst_iterator_free (all);
  return found;
}

static const char one_rung[]
    = "{\"channels\": [{\"name\": \"demo\", \"source\": \"srt://h:1\", \"watermark\": "
      "false, \"video\": [{\"width\": 640, \"height\": 360, \"bitrate\": 2000, "
      "\"encoder\": \"%s\", \"preset\": \"%s\"}]}]}";

static const struct {
  const char *path, *set, *encoder, *preset, *factory;
  const char *properties; /* bit rate, rate buffer: 2000 and 1000 kbit */
} branches[] = {
  { "nvenc/old", "old", "nvenc", "p1", "nvh264enc",
    "bitrate=2000 rc-mode=cbr vbv-buffer-size=1000 preset=low-latency-hp gop-size=-1 "
    "bframes=0 zerolatency=true rc-lookahead=0 aud=true i-adapt=false" },
  { "nvenc/1.22", "1.22", "nvenc", "p5", "nvcudah264enc",
    "bitrate=2000 rate-control=cbr vbv-buffer-size=1000 preset=low-latency-hq "
    "gop-size=-1 b-frames=0 zero-reorder-delay=true rc-lookahead=0 aud=true "
    "repeat-sequence-header=true cabac=true i-adapt=false" },
  { "nvenc/1.26", "1.26", "nvenc", "p5", "nvh264enc",
    "bitrate=2000 rc-mode=cbr vbv-buffer-size=1000 preset=p5 tune=low-latency "
    "gop-size=-1 bframes=0 zerolatency=true rc-lookahead=0 aud=true "
    "repeat-sequence-header=true cabac=true i-adapt=false" },
  { "va", "intel", "va", "quality", "vah264enc",
    "bitrate=2000 rate-control=cbr cpb-size=1000 target-usage=1 key-int-max=1024 "
    "b-frames=0 aud=true cabac=true dct8x8=false" },
  { "qsv", "intel", "qsv", "speed", "qsvh264enc",
    "bitrate=2000 rate-control=cbr target-usage=7 gop-size=65535 b-frames=0 "
    "low-latency=true cabac=on" },
};

/* What every NVENC must be set to, by whichever name it has. */
#define ANY_NVENC                                                                        \
  "bitrate=2000 rc-mode=cbr rate-control=cbr vbv-buffer-size=1000 gop-size=-1 "          \
  "bframes=0 b-frames=0 zerolatency=true zero-reorder-delay=true rc-lookahead=0"

/* Each of "name=value" is said, also where it is the default. */
static void
assert_said (const char *description, const char *expected)
{
  g_auto (GStrv) pairs = g_strsplit (expected, " ", -1);

  for (char **pair = pairs; *pair != NULL; pair++) {
    g_autofree char *word = g_strdup_printf (" %s ", *pair);

    if (strstr (description, word) == NULL)
      g_error ("\"%s\" does not say %s", description, *pair);
  }
}

/* Given the elements of a generation, then that one is chosen, and each of its properties
 * has the value that segments need. */
static void
test_branch (gconstpointer data)
{
  const guint i = GPOINTER_TO_UINT (data);
  g_autofree char *text
      = g_strdup_printf (one_rung, branches[i].encoder, branches[i].preset);
  gboolean stand_in = install (branches[i].set);
  g_autoptr (HeadendModel) model = load_model (text);
  HeProbe probe = probe_here (stand_in);
  g_autoptr (GError) error = NULL;
  g_autoptr (HeadendRoute) route
      = headend_route_new (model->channels->pdata[0], &probe, &error);
  g_autoptr (GstElement) bin = NULL;
  g_autoptr (GstElement) encoder = NULL;
  const HeadendRung *rung;

  g_assert_no_error (error);
  rung = route->rungs->pdata[0];
  if (stand_in) {
    g_assert_cmpstr (rung->encoder->factory, ==, branches[i].factory);
    assert_said (rung->description, branches[i].properties);
  }
  bin = gst_parse_bin_from_description (rung->description, TRUE, &error);
  g_assert_no_error (error);
  gst_object_ref_sink (bin);
  encoder = find_factory (GST_BIN (bin), rung->encoder->factory);
  assert_properties (encoder, stand_in ? branches[i].properties : ANY_NVENC, !stand_in);
}

/* Given an encoder that a pipeline names without settings, then segmentencoder sees to it
 * that it places no keyframes of its own; what is set stays. */
static void
test_segmentencoder_adapts (void)
{
  static const struct {
    const char *set, *encoder, *factory, *properties;
  } cases[] = {
    { "old", "nvh264enc", "nvh264enc", "gop-size=-1" },
    { "old", "nvh264enc gop-size=30", "nvh264enc", "gop-size=30" },
    { "1.22", "nvcudah264enc bitrate=100", "nvcudah264enc", "gop-size=-1 bitrate=100" },
    { "1.22", "nvcudah265enc", "nvcudah265enc", "gop-size=-1" },
    { "1.26", "nvh265enc", "nvh265enc", "gop-size=-1" },
    { "intel", "vah265enc", "vah265enc", "key-int-max=1024" },
    { "intel", "qsvh265enc", "qsvh265enc", "gop-size=65535" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GstElement) segment_encoder = NULL;
    g_autoptr (GstElement) encoder = NULL;

    if (!install (cases[i].set))
      continue;
    segment_encoder
        = gst_object_ref_sink (gst_element_factory_make ("segmentencoder", NULL));
    g_object_set (segment_encoder, "encoder", cases[i].encoder, NULL);
    g_assert_cmpint (gst_element_set_state (segment_encoder, GST_STATE_READY), ==,
                     GST_STATE_CHANGE_SUCCESS);
    encoder = find_factory (GST_BIN (segment_encoder), cases[i].factory);
    assert_properties (encoder, cases[i].properties, FALSE);
    gst_element_set_state (segment_encoder, GST_STATE_NULL);
  }
}

/* --- Flow -------------------------------------------------------------------- */

#define SEGMENT_FRAMES 50 /* two seconds of 25 frames */
#define FRAMES (2 * SEGMENT_FRAMES)
#define LOST_FROM (SEGMENT_FRAMES + 10)
#define LOST 5

/* The plan's video, with pictures instead of a source and nothing behind the parsers. */
static char *
video_of (const HeadendPlan *plan)
{
  g_auto (GStrv) lines = g_strsplit (plan->pipeline, "\n", -1);
  GString *text = g_string_new (NULL);

  g_string_printf (text,
                   "videotestsrc name=feed num-buffers=%d ! capsfilter name=feed-caps "
                   "caps=video/x-raw,format=I420,width=320,height=180,framerate=25/1 ! "
                   "x264enc name=feed-encoder speed-preset=ultrafast tune=zerolatency "
                   "key-int-max=25 cabac=true ! video/x-h264,profile=main ! h264parse ! "
                   "%s ! ",
                   FRAMES, plan->decoders[HE_VIDEO_H264]);
  for (char **line = lines; *line != NULL; line++)
    if (g_str_has_prefix (*line, "epochalign name=align")
        || g_str_has_prefix (*line, "video.") || g_str_has_prefix (*line, "video-"))
      g_string_append_printf (text, "%s\n", *line);
  g_string_replace (text, "! sink.video", "! fakesink async=false sync=false name=out",
                    0);
  return g_string_free (text, FALSE);
}

typedef struct {
  guint raw, cuda; /* pads with raw video, and those of them in CUDA memory */
  guint encoders;  /* pads of encoders in CUDA memory */
  guint marks;     /* pads of forensicmark */
  guint gpu_marks; /* those of them in CUDA memory */
} Pads;

static void
count_pad (GstElement *element, GstPad *pad, Pads *pads)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  GstElementFactory *factory = gst_element_get_factory (element);
  const char *name = factory != NULL ? GST_OBJECT_NAME (factory) : "";
  gboolean cuda;

  if (caps == NULL
      || !gst_structure_has_name (gst_caps_get_structure (caps, 0), "video/x-raw"))
    return;
  cuda
      = gst_caps_features_contains (gst_caps_get_features (caps, 0), "memory:CUDAMemory");
  g_test_message ("%s %s: %s", name, GST_PAD_NAME (pad), cuda ? "CUDA" : "system");
  pads->raw++;
  pads->cuda += cuda;
  pads->encoders += cuda && he_encoder_find (name) != NULL;
  if (strcmp (name, "forensicmark") == 0) {
    pads->marks++;
    pads->gpu_marks += cuda;
  }
}

/* All but the feed's. */
static Pads
count_pads (GstElement *pipeline)
{
  Pads pads = { 0 };
  g_autoptr (GstIterator) elements = gst_bin_iterate_recurse (GST_BIN (pipeline));
  g_auto (GValue) item = G_VALUE_INIT;

  while (gst_iterator_next (elements, &item) == GST_ITERATOR_OK) {
    GstElement *element = g_value_get_object (&item);
    gboolean feed = g_str_has_prefix (GST_OBJECT_NAME (element), "feed");

    GST_OBJECT_LOCK (element);
    for (GList *l = feed ? NULL : element->pads; l != NULL; l = l->next)
      count_pad (element, l->data, &pads);
    GST_OBJECT_UNLOCK (element);
    g_value_reset (&item);
  }
  return pads;
}

typedef struct {
  guint frames, keys, misplaced;
} Output;

static GstPadProbeReturn
count_frame (GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
  GstBuffer *buffer = gst_pad_probe_info_get_buffer (info);
  Output *output = user;
  gboolean key = !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);

  output->keys += key;
  output->misplaced += key != (output->frames % SEGMENT_FRAMES == 0);
  output->frames++;
  return GST_PAD_PROBE_OK;
}

static guint
count_text (const char *text, const char *part)
{
  guint n = 0;

  for (const char *p = text; (p = strstr (p, part)) != NULL; p++)
    n++;
  return n;
}

static void
run_to_end (GstElement *pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = NULL;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 3600 * GST_SECOND,
                                        GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    g_autoptr (GError) error = NULL;
    g_autofree char *debug = NULL;

    gst_message_parse_error (message, &error, &debug);
    g_test_message ("%s: %s", error->message, debug);
    g_assert_no_error (error);
  }
}

/* Loses some frames of the second segment. */
static GstPadProbeReturn
lose_frame (GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
  guint frame = (*(guint *)user)++;

  return frame >= LOST_FROM && frame < LOST_FROM + LOST ? GST_PAD_PROBE_DROP
                                                        : GST_PAD_PROBE_OK;
}

static void
watch_align (GstElement *pipeline, guint *decoded)
{
  g_autoptr (GstElement) align = gst_bin_get_by_name (GST_BIN (pipeline), "align");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (align, "sink");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, lose_frame, decoded, NULL);
}

/* Epochalign repeats frames without reading them. */
static void
assert_filled (GstElement *pipeline)
{
  g_autoptr (GstElement) align = gst_bin_get_by_name (GST_BIN (pipeline), "align");
  g_autoptr (GstStructure) stats = NULL;
  guint64 filled = 0;

  g_object_get (align, "stats", &stats, NULL);
  g_assert_true (gst_structure_get_uint64 (stats, "filled", &filled));
  g_assert_cmpuint (filled, ==, LOST);
}

/* A quarter of the width and height: what is proven does not depend on them, and marking
 * takes time. */
static void
lighten (HeadendModelChannel *channel)
{
  for (guint i = 0; i < channel->video->len; i++) {
    HeadendVideo *video = channel->video->pdata[i];

    video->width /= 4;
    video->height /= 4;
  }
}

/* Runs the video of pipelines/gpu.json, with a watermark or without, and says where its
 * frames were. Every output has a keyframe at each boundary, and no other. */
static Pads
run_gpu (gboolean watermark, gboolean stand_in, char **ret_text)
{
  g_autoptr (HeadendModel) model = load_model (NULL);
  HeadendModelChannel *channel = model->channels->pdata[0];
  HeProbe probe = probe_here (stand_in);
  g_autoptr (GError) error = NULL;
  g_autoptr (HeadendPlan) plan = NULL;
  g_autoptr (GstElement) pipeline = NULL;
  Output outputs[6] = { 0 };
  guint decoded = 0;
  const guint n = channel->video->len * (watermark ? 2 : 1);
  Pads pads;

  channel->watermark = watermark;
  lighten (channel);
  plan = headend_plan_new (model, model->nodes->pdata[0], channel, &probe, &error);
  g_assert_no_error (error);
  *ret_text = video_of (plan);
  g_test_message ("%s", *ret_text);
  pipeline = gst_parse_launch (*ret_text, &error);
  g_assert_no_error (error);
  gst_object_ref_sink (pipeline);
  g_assert_cmpuint (n, <=, G_N_ELEMENTS (outputs));
  for (guint i = 0; i < n; i++) {
    g_autofree char *name = watermark && i % 2 ? g_strdup_printf ("out_b_%u", i / 2)
                            : watermark        ? g_strdup_printf ("out_%u", i / 2)
                                               : g_strdup_printf ("out_%u", i);
    g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), name);
    g_autoptr (GstPad) pad = gst_element_get_static_pad (sink, "sink");

    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, count_frame, &outputs[i], NULL);
  }
  for (guint i = 0; watermark && i < channel->video->len; i++)
    for (guint v = 0; v < 2; v++) {
      g_autofree char *name = g_strdup_printf ("mark-%s-%u", v ? "b" : "a", i);
      g_autoptr (GstElement) mark = gst_bin_get_by_name (GST_BIN (pipeline), name);

      gst_util_set_object_arg (
          G_OBJECT (mark), "key",
          "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    }
  watch_align (pipeline, &decoded);
  run_to_end (pipeline);
  assert_filled (pipeline);
  pads = count_pads (pipeline);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  for (guint i = 0; i < n; i++) {
    g_assert_cmpuint (outputs[i].frames, ==, FRAMES);
    g_assert_cmpuint (outputs[i].keys, ==, FRAMES / SEGMENT_FRAMES);
    g_assert_cmpuint (outputs[i].misplaced, ==, 0);
  }
  return pads;
}

/* Given gpu.json, then every pad from the decoder to the three encoders has caps in CUDA
 * memory, and no frame was read by a CPU (a stand-in's cannot be). */
static void
test_frames_stay (gconstpointer set)
{
  g_autofree char *text = NULL;
  gboolean stand_in = install (set);
  Pads pads = run_gpu (FALSE, stand_in, &text);

  g_assert_cmpuint (pads.encoders, ==, 3);
  g_assert_cmpuint (pads.cuda, ==, pads.raw);
  g_assert_cmpuint (count_text (text, "avdec_h264"), ==, 0);
  if (stand_in)
    g_assert_nonnull (strstr (text, strcmp (set, "1.22") == 0
                                        ? "h264parse ! nvh264sldec ! "
                                        : "h264parse ! nvh264dec ! "));
  g_assert_cmpuint (count_text (text, "cudaconvertscale"), ==, 3);
  g_assert_cmpuint (count_text (text, "epochalign"), ==, 1);
}

/* Given a watermark as well, then each rendition is downloaded once and uploaded for each
 * of its variants, which the encoders get in CUDA memory; a real GPU that can mark them
 * keeps them all. */
static void
test_frames_are_marked (gconstpointer set)
{
  g_autofree char *text = NULL;
  gboolean stand_in = install (set);
  Pads pads = run_gpu (TRUE, stand_in, &text);
  gboolean stays = !stand_in && pads.gpu_marks > 0;

  g_assert_cmpuint (pads.encoders, ==, 6);
  g_assert_cmpuint (pads.marks, ==, 12);
  g_assert_cmpuint (pads.gpu_marks, ==, stays ? 12 : 0);
  g_assert_cmpuint (count_text (text, "cudadownload"), ==, stays ? 0 : 3);
  g_assert_cmpuint (count_text (text, "cudaupload"), ==, stays ? 0 : 6);
}

/* Given NVIDIA's driver 590 and the elements of 1.22, then the plan is refused with the
 * reason; with those of 1.26 or an older driver it is not. */
static void
test_driver (void)
{
  static const struct {
    const char *set, *version;
    gboolean works;
  } cases[] = { { "1.22", "590.44.01", FALSE },
                { "old", "595.10", FALSE },
                { "1.22", "580.65.06", TRUE },
                { "1.26", "590.44.01", TRUE } };
  g_autofree char *folder = g_dir_make_tmp ("headend-test-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "version", NULL);
  g_autoptr (HeadendModel) model = load_model (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = g_strdup_printf (
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  %s  Release Build\n",
        cases[i].version);
    g_autoptr (HeadendRoute) route = NULL;
    g_autoptr (GError) error = NULL;
    HeProbe probe;

    if (!install (cases[i].set))
      continue;
    g_assert_true (g_file_set_contents (path, text, -1, NULL));
    probe = gst_headend_probe (path);
    route = headend_route_new (model->channels->pdata[0], &probe, &error);
    g_assert_cmpint (route != NULL, ==, cases[i].works);
    if (!cases[i].works)
      g_assert_nonnull (strstr (error->message, "take GStreamer 1.24 or later"));
  }
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (branches); i++) {
    g_autofree char *path = g_strdup_printf ("/encoders/%s", branches[i].path);

    g_test_add_data_func (path, GUINT_TO_POINTER (i), test_branch);
  }
  g_test_add_func ("/encoders/segmentencoder-adapts-them", test_segmentencoder_adapts);
  g_test_add_data_func ("/encoders/frames-stay-in-cuda-memory/1.22", "1.22",
                        test_frames_stay);
  g_test_add_data_func ("/encoders/frames-stay-in-cuda-memory/1.26", "1.26",
                        test_frames_stay);
  g_test_add_data_func ("/encoders/frames-are-marked", "1.22", test_frames_are_marked);
  g_test_add_func ("/encoders/driver-without-old-presets", test_driver);
  return g_test_run ();
}
