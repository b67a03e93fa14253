/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the launcher chooses of a machine's encoders, and what it sets them to. */
#include <glib/gstdio.h>

#include "encoders.h"

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

/* Of "p1|low-latency-hp", the first that the property takes. */
static const char *
first_taken (GstElement *element, const char *name, char **words)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (element), name);

  for (; words[1] != NULL; words++) {
    g_auto (GValue) value = G_VALUE_INIT;

    g_value_init (&value, pspec->value_type);
    if (gst_value_deserialize (&value, *words))
      break;
  }
  return *words;
}

/* Each of "name=value" is what the element has; with lenient, where it has the name. */
static void
assert_properties (GstElement *element, const char *expected, gboolean lenient)
{
  g_auto (GStrv) pairs = g_strsplit (expected, " ", -1);

  for (char **each = pairs; *each != NULL; each++) {
    g_auto (GStrv) pair = g_strsplit (*each, "=", 2);
    g_auto (GStrv) words = g_strsplit (pair[1], "|", -1);
    g_autofree char *value = property_text (element, pair[0]);

    if (value == NULL && lenient)
      continue;
    g_test_message ("%s=%s", pair[0], value);
    g_assert_nonnull (value);
    g_assert_cmpstr (value, ==, first_taken (element, pair[0], words));
  }
}

static const char one_rung[]
    = "{\"channels\": [{\"name\": \"demo\", \"source\": \"srt://h:1\", \"watermark\": "
      "false, \"video\": [{\"width\": 640, \"height\": 360, \"bitrate\": 2000, "
      "\"encoder\": \"%s\", \"preset\": \"%s\", \"bit-depth\": %u}]}]}";

/* Bit rate and rate buffer are 2000 and 1000 kbit. */
#define NVENC_OLD                                                                        \
  "bitrate=2000 rc-mode=cbr vbv-buffer-size=1000 gop-size=-1 bframes=0 "                 \
  "zerolatency=true rc-lookahead=0 aud=true i-adapt=false"
#define NVENC_CUDA                                                                       \
  "bitrate=2000 rate-control=cbr vbv-buffer-size=1000 gop-size=-1 b-frames=0 "           \
  "zero-reorder-delay=true rc-lookahead=0 aud=true repeat-sequence-header=true "         \
  "i-adapt=false"
#define NVENC_NEW NVENC_OLD " tune=low-latency repeat-sequence-header=true"
#define VA                                                                               \
  "bitrate=2000 rate-control=cbr cpb-size=1000 key-int-max=1024 b-frames=0 aud=true"
#define QSV "bitrate=2000 rate-control=cbr gop-size=65535 b-frames=0 low-latency=true"

/* What every real one must be set to, by whichever names it has. */
#define ANY_NVENC                                                                        \
  "bitrate=2000 rc-mode=cbr rate-control=cbr vbv-buffer-size=1000 gop-size=-1 "          \
  "bframes=0 b-frames=0 zerolatency=true zero-reorder-delay=true rc-lookahead=0 "        \
  "tune=low-latency aud=true repeat-sequence-header=true i-adapt=false cabac=true "
#define FASTEST ANY_NVENC "preset=p1|low-latency-hp"
#define THOROUGH ANY_NVENC "preset=p5|low-latency-hq"
#define ANY_VA                                                                           \
  "bitrate=2000 rate-control=cbr|vbr cpb-size=1000 key-int-max=1024 b-frames=0 "         \
  "aud=true cabac=true dct8x8=false target-usage=1"
#define ANY_QSV QSV " cabac=on target-usage=7"

static const struct {
  const char *path, *set, *encoder, *preset;
  guint depth;
  const char *hidden; /* elements that are missing */
  const char *factory, *properties, *real;
} branches[] = {
  { "nvenc/old", "old", "nvenc", "p1", 8, "", "nvh264enc",
    NVENC_OLD " preset=low-latency-hp", FASTEST },
  { "nvenc/1.22", "1.22", "nvenc", "p5", 8, "", "nvcudah264enc",
    NVENC_CUDA " cabac=true preset=low-latency-hq", THOROUGH },
  { "nvenc/1.22-auto", "1.22", "nvenc", "p5", 8, "nvcudah264enc nvh264enc",
    "nvautogpuh264enc", NVENC_CUDA " cabac=true preset=low-latency-hq", THOROUGH },
  { "nvenc/1.26", "1.26", "nvenc", "p5", 8, "", "nvh264enc",
    NVENC_NEW " cabac=true preset=p5", THOROUGH },
  { "nvenc/1.26-auto", "1.26", "nvenc", "p5", 8, "nvh264enc", "nvautogpuh264enc",
    NVENC_NEW " cabac=true preset=p5", THOROUGH },
  { "nvenc-h265/old", "old", "nvenc-h265", "p1", 8, "", "nvh265enc",
    NVENC_OLD " preset=low-latency-hp", FASTEST },
  { "nvenc-h265/old-ten-bits", "old", "nvenc-h265", "p1", 10, "", "nvh265enc",
    NVENC_OLD " preset=low-latency-hp", FASTEST },
  { "nvenc-h265/1.22", "1.22", "nvenc-h265", "p5", 8, "", "nvcudah265enc",
    NVENC_CUDA " preset=low-latency-hq", THOROUGH },
  { "nvenc-h265/1.22-ten-bits", "1.22", "nvenc-h265", "p5", 10, "", "nvcudah265enc",
    NVENC_CUDA " preset=low-latency-hq", THOROUGH },
  { "nvenc-h265/1.22-auto", "1.22", "nvenc-h265", "p5", 10, "nvcudah265enc nvh265enc",
    "nvautogpuh265enc", NVENC_CUDA " preset=low-latency-hq", THOROUGH },
  { "nvenc-h265/1.26", "1.26", "nvenc-h265", "p5", 8, "", "nvh265enc",
    NVENC_NEW " preset=p5", THOROUGH },
  { "nvenc-h265/1.26-ten-bits", "1.26", "nvenc-h265", "p5", 10, "", "nvh265enc",
    NVENC_NEW " preset=p5", THOROUGH },
  { "nvenc-h265/1.26-auto", "1.26", "nvenc-h265", "p5", 10, "nvh265enc",
    "nvautogpuh265enc", NVENC_NEW " preset=p5", THOROUGH },
  { "va", "va", "va", "quality", 8, "", "vah264enc",
    VA " target-usage=1 cabac=true dct8x8=false", ANY_VA },
  { "va/low-power", "va", "va", "quality", 8, "vah264enc", "vah264lpenc",
    VA " target-usage=1 cabac=true dct8x8=false", ANY_VA },
  { "va-h265", "va", "va-h265", "quality", 8, "", "vah265enc", VA " target-usage=1",
    ANY_VA },
  { "va-h265/ten-bits", "va", "va-h265", "quality", 10, "", "vah265enc",
    VA " target-usage=1", ANY_VA },
  { "va-h265/low-power", "va", "va-h265", "quality", 10, "vah265enc", "vah265lpenc",
    VA " target-usage=1", ANY_VA },
  { "qsv", "qsv", "qsv", "speed", 8, "", "qsvh264enc", QSV " target-usage=7 cabac=on",
    ANY_QSV },
  { "qsv-h265", "qsv", "qsv-h265", "speed", 8, "", "qsvh265enc", QSV " target-usage=7",
    ANY_QSV },
  { "qsv-h265/ten-bits", "qsv", "qsv-h265", "speed", 10, "", "qsvh265enc",
    QSV " target-usage=7", ANY_QSV },
};

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

/* user: names of missing elements. */
static gboolean
has_but (gpointer user, const char *factory, const char *property, const char *value)
{
  g_auto (GStrv) hidden = g_strsplit (user, " ", -1);

  return !g_strv_contains ((const char *const *)hidden, factory)
         && gst_headend_probe ("/nonexistent").has (NULL, factory, property, value);
}

#define RATE 5
#define SECONDS 4

/* Two segments of frames go through it: as many come out, in the profile of their depth,
 * with a keyframe at each boundary alone. */
static void
assert_flows (const HeadendRung *rung, HeVideoCodec codec)
{
  const gboolean deep = rung->video->bit_depth > 8;
  g_autofree char *text = g_strdup_printf (
      "videotestsrc num-buffers=%d ! video/x-raw,format=%s,width=320,height=180,"
      "framerate=%d/1 ! segmentencoder name=segments segment-duration=180000 "
      "encoder=\"%s\" ! fakesink name=out async=false sync=false",
      RATE * SECONDS, rung->format, RATE, rung->description);
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch (text, &error);
  g_autoptr (GstElement) out = NULL;
  g_autoptr (GstPad) pad = NULL;
  g_autoptr (GstCaps) caps = NULL;
  Output output = { .distance = 2 * RATE };

  g_assert_no_error (error);
  gst_object_ref_sink (pipeline);
  out = gst_bin_get_by_name (GST_BIN (pipeline), "out");
  pad = gst_element_get_static_pad (out, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, count_frame, &output, NULL);
  run_to_end (pipeline);
  caps = gst_pad_get_current_caps (pad);
  g_assert_cmpuint (output.frames, ==, RATE * SECONDS);
  g_assert_cmpuint (output.keys, ==, SECONDS / 2);
  g_assert_cmpuint (output.misplaced, ==, 0);
  g_assert_cmpstr (gst_structure_get_name (gst_caps_get_structure (caps, 0)), ==,
                   codec == HE_VIDEO_H265 ? "video/x-h265" : "video/x-h264");
  g_assert_cmpstr (gst_structure_get_string (gst_caps_get_structure (caps, 0), "profile"),
                   ==, deep ? "main-10" : "main");
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

/* Given the elements of a generation, then that one is chosen, each of its properties has
 * the value that segments need, and frames of its depth go through it. Of a GPU's own
 * elements the first that is there is asked the same. */
static void
test_branch (gconstpointer data)
{
  const guint i = GPOINTER_TO_UINT (data);
  g_autofree char *text = g_strdup_printf (one_rung, branches[i].encoder,
                                           branches[i].preset, branches[i].depth);
  gboolean stand_in = install (branches[i].set);
  g_autoptr (HeadendModel) model = load_model (text);
  HeProbe probe = probe_here (stand_in);
  const HeEncoderFamily *family = he_encoder_family (branches[i].encoder);
  g_autoptr (GError) error = NULL;
  g_autoptr (HeadendRoute) route = NULL;
  g_autoptr (GstElement) bin = NULL;
  g_autoptr (GstElement) encoder = NULL;
  const HeadendRung *rung;

  probe.has = has_but;
  probe.user = (gpointer)(stand_in ? branches[i].hidden : "");
  route = headend_route_new (model->channels->pdata[0], &probe, &error);
  if (!stand_in && route == NULL && family->codec == HE_VIDEO_H265) {
    g_test_message ("This GPU cannot: %s", error->message);
    return;
  }
  g_assert_no_error (error);
  rung = route->rungs->pdata[0];
  g_assert_cmpstr (rung->format, ==, branches[i].depth > 8 ? "P010_10LE" : "NV12");
  if (stand_in) {
    g_assert_cmpstr (rung->encoder->factory, ==, branches[i].factory);
    assert_said (rung->description, branches[i].properties);
  }
  bin = gst_parse_bin_from_description (rung->description, TRUE, &error);
  g_assert_no_error (error);
  gst_object_ref_sink (bin);
  encoder = find_factory (GST_BIN (bin), rung->encoder->factory);
  assert_properties (encoder, stand_in ? branches[i].properties : branches[i].real,
                     !stand_in);
  assert_flows (rung, family->codec);
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
    { "va", "vah265enc", "vah265enc", "key-int-max=1024" },
    { "qsv", "qsvh265enc", "qsvh265enc", "gop-size=65535" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GstElement) segment_encoder = NULL;
    g_autoptr (GstElement) encoder = NULL;

    if (!install (cases[i].set) && !is_there (cases[i].factory))
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

/* --- Machines ---------------------------------------------------------------- */

/* In a process of its own, whose registry has what such a machine has. Given a GPU with
 * NVENC, then the tests take its own elements and no stand-ins of NVENC; given one that
 * has no encoder, then all are stand-ins. */
static void
test_machine (gconstpointer data)
{
  const gboolean encodes = GPOINTER_TO_INT (data);
  static const char *const sets_of_nvenc[] = { "old", "1.22", "1.26", NULL };

  if (!g_test_subprocess ()) {
    g_test_trap_subprocess (NULL, 0, 0);
    g_test_trap_assert_passed ();
    return;
  }
  standins_pose ("1.26", encodes);
  for (guint i = 0; i < G_N_ELEMENTS (branches); i++) {
    test_branch (GUINT_TO_POINTER (i));
    if (g_strv_contains (sets_of_nvenc, branches[i].set))
      g_assert_cmpint (standins_real (branches[i].set), ==, encodes);
    else
      g_assert_false (standins_real (branches[i].set));
  }
  test_segmentencoder_adapts ();
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
  g_test_add_func ("/encoders/driver-without-old-presets", test_driver);
  g_test_add_data_func ("/encoders/machine/with-nvenc", GINT_TO_POINTER (TRUE),
                        test_machine);
  g_test_add_data_func ("/encoders/machine/without-nvenc", GINT_TO_POINTER (FALSE),
                        test_machine);
  return g_test_run ();
}
