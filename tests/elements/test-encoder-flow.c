/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the frames of what the launcher plans for GPUs are, when they flow. */
#include "encoders.h"

/* --- Flow -------------------------------------------------------------------- */

#define RATE 10
#define SEGMENT_FRAMES (2 * RATE)
#define FRAMES (2 * SEGMENT_FRAMES)
#define LOST_FROM (SEGMENT_FRAMES + 10)
#define LOST 5

/* The plan's video, with pictures instead of a source and nothing behind the parsers. */
static char *
video_of (const HeadendPlan *plan)
{
  GString *text = g_string_new (NULL);

  g_string_printf (text,
                   "videotestsrc name=feed num-buffers=%d ! capsfilter name=feed-caps "
                   "caps=video/x-raw,format=I420,width=320,height=180,framerate=%d/1 ! "
                   "x264enc name=feed-encoder speed-preset=ultrafast tune=zerolatency "
                   "key-int-max=10 cabac=true ! video/x-h264,profile=main ! h264parse ! "
                   "%s ! ",
                   FRAMES, RATE, plan->decoders[HE_VIDEO_H264]);
  append_video (text, plan);
  return g_string_free (text, FALSE);
}

typedef struct {
  guint raw, cuda;  /* pads with raw video, and those of them in CUDA memory */
  guint encoders;   /* pads of encoders in CUDA memory */
  guint deep;       /* pads of encoders with ten bits, in whichever memory */
  guint marks;      /* pads of forensicmark */
  guint gpu_marks;  /* those of them in CUDA memory */
  guint deep_marks; /* those of them with ten bits */
} Pads;

static void
count_pad (GstElement *element, GstPad *pad, Pads *pads)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  GstElementFactory *factory = gst_element_get_factory (element);
  const char *name = factory != NULL ? GST_OBJECT_NAME (factory) : "";
  gboolean cuda, deep;

  if (caps == NULL
      || !gst_structure_has_name (gst_caps_get_structure (caps, 0), "video/x-raw"))
    return;
  cuda
      = gst_caps_features_contains (gst_caps_get_features (caps, 0), "memory:CUDAMemory");
  deep = g_strcmp0 (gst_structure_get_string (gst_caps_get_structure (caps, 0), "format"),
                    "P010_10LE")
         == 0;
  g_test_message ("%s %s: %s%s", name, GST_PAD_NAME (pad), cuda ? "CUDA" : "system",
                  deep ? ", ten bits" : "");
  pads->raw++;
  pads->cuda += cuda;
  pads->encoders += cuda && he_encoder_find (name) != NULL;
  pads->deep += deep && he_encoder_find (name) != NULL;
  if (strcmp (name, "forensicmark") == 0) {
    pads->marks++;
    pads->gpu_marks += cuda;
    pads->deep_marks += deep;
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

/* A quarter of the width and height, and fewer frames: what is proven does not depend on
 * them, and marking takes time. */
static void
lighten (HeadendModelChannel *channel)
{
  for (guint i = 0; i < channel->video->len; i++) {
    HeadendVideo *video = channel->video->pdata[i];

    video->width /= 4;
    video->height /= 4;
    video->frame_rate = (HeadendFraction) { RATE, 1 };
  }
}

/* Probes each output and keys each mark; returns how many outputs there are. */
static guint
prepare (GstElement *pipeline, const HeadendModelChannel *channel, Output *outputs)
{
  const guint variants = channel->watermark ? 2 : 1;

  for (guint i = 0; i < channel->video->len * variants; i++) {
    const gboolean b = i % variants == 1;
    g_autofree char *out = g_strdup_printf (b ? "out_b_%u" : "out_%u", i / variants);
    g_autofree char *name = g_strdup_printf (b ? "mark-b-%u" : "mark-a-%u", i / variants);
    g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), out);
    g_autoptr (GstElement) mark = gst_bin_get_by_name (GST_BIN (pipeline), name);
    g_autoptr (GstPad) pad = gst_element_get_static_pad (sink, "sink");

    outputs[i].distance = SEGMENT_FRAMES;
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, count_frame, &outputs[i], NULL);
    g_assert_true ((mark != NULL) == channel->watermark);
    if (mark != NULL)
      gst_util_set_object_arg (
          G_OBJECT (mark), "key",
          "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  }
  return channel->video->len * variants;
}

/* Runs the video of a description (NULL: pipelines/gpu.json), with a watermark or
 * without, and says where its frames were. Every output has a keyframe at each boundary,
 * and no other. FALSE: the machine's own GPU cannot. */
static gboolean
run_video (const char *description, gboolean watermark, gboolean stand_in, Pads *ret_pads,
           char **ret_text)
{
  g_autoptr (HeadendModel) model = load_model (description);
  HeadendModelChannel *channel = model->channels->pdata[0];
  HeProbe probe = probe_here (stand_in);
  g_autoptr (GError) error = NULL;
  g_autoptr (HeadendPlan) plan = NULL;
  g_autoptr (GstElement) pipeline = NULL;
  Output outputs[6] = { 0 };
  guint decoded = 0, n;

  channel->watermark = watermark;
  lighten (channel);
  plan = headend_plan_new (model, model->nodes->pdata[0], channel, &probe, &error);
  if (plan == NULL && description != NULL && !stand_in) {
    g_test_message ("This GPU cannot: %s", error->message);
    return FALSE;
  }
  g_assert_no_error (error);
  *ret_text = video_of (plan);
  g_test_message ("%s", *ret_text);
  pipeline = gst_parse_launch (*ret_text, &error);
  g_assert_no_error (error);
  gst_object_ref_sink (pipeline);
  g_assert_cmpuint (channel->video->len * 2, <=, G_N_ELEMENTS (outputs));
  n = prepare (pipeline, channel, outputs);
  watch_align (pipeline, &decoded);
  run_to_end (pipeline);
  assert_filled (pipeline);
  *ret_pads = count_pads (pipeline);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  for (guint i = 0; i < n; i++) {
    g_assert_cmpuint (outputs[i].frames, ==, FRAMES);
    g_assert_cmpuint (outputs[i].keys, ==, FRAMES / SEGMENT_FRAMES);
    g_assert_cmpuint (outputs[i].misplaced, ==, 0);
  }
  return TRUE;
}

/* Given gpu.json, then every pad from the decoder to the three encoders has caps in CUDA
 * memory, and no frame was read by a CPU (a stand-in's cannot be). */
static void
test_frames_stay (gconstpointer set)
{
  g_autofree char *text = NULL;
  gboolean stand_in = install (set);
  Pads pads;

  g_assert_true (run_video (NULL, FALSE, stand_in, &pads, &text));
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
  gboolean stays;
  Pads pads;

  g_assert_true (run_video (NULL, TRUE, stand_in, &pads, &text));
  stays = !stand_in && pads.gpu_marks > 0;
  g_assert_cmpuint (pads.encoders, ==, 6);
  g_assert_cmpuint (pads.marks, ==, 12);
  g_assert_cmpuint (pads.gpu_marks, ==, stays ? 12 : 0);
  g_assert_cmpuint (count_text (text, "cudadownload"), ==, stays ? 0 : 3);
  g_assert_cmpuint (count_text (text, "cudaupload"), ==, stays ? 0 : 6);
}

/* Given a rung of ten bits beside one of eight, then each encoder gets its own depth in
 * CUDA memory. */
static void
test_ten_bits_stay (gconstpointer set)
{
  static const char description[]
      = "{\"channels\": [{\"name\": \"demo\", \"source\": \"srt://h:1\", \"video\": "
        "[{\"width\": 1920, \"height\": 1080, \"bitrate\": 3000, \"encoder\": "
        "\"nvenc-h265\", \"bit-depth\": 10}, {\"width\": 1280, \"height\": 720, "
        "\"bitrate\": 3000, \"encoder\": \"nvenc\"}]}]}";
  g_autofree char *text = NULL;
  gboolean stand_in = install (set);
  Pads pads;

  if (!run_video (description, FALSE, stand_in, &pads, &text))
    return;
  g_assert_cmpuint (pads.encoders, ==, 2);
  g_assert_cmpuint (pads.deep, ==, 1);
  g_assert_cmpuint (pads.cuda, ==, pads.raw);
}

/* Given VA-API or Quick Sync and a watermark, then frames are decoded, scaled and marked
 * by the CPU, in the depth of each rung, and the encoder takes them from there. */
static void
test_intel (gconstpointer data)
{
  const char *family = data;
  static const char description[]
      = "{\"channels\": [{\"name\": \"demo\", \"source\": \"srt://h:1\", \"video\": "
        "[{\"width\": 960, \"height\": 544, \"bitrate\": 3000, \"encoder\": "
        "\"%s-h265\", \"bit-depth\": 10}, {\"width\": 640, \"height\": 544, "
        "\"bitrate\": 3000, \"name\": \"eight\", \"encoder\": \"%s\"}]}]}";
  g_autofree char *json = g_strdup_printf (description, family, family);
  g_autofree char *text = NULL;
  gboolean stand_in = install (family);
  Pads pads;

  if (!run_video (json, TRUE, stand_in, &pads, &text))
    return;
  g_assert_cmpuint (pads.cuda, ==, 0);
  g_assert_cmpuint (pads.deep, ==, 2);
  g_assert_cmpuint (pads.marks, ==, 8);
  g_assert_cmpuint (pads.deep_marks, ==, 4);
  g_assert_cmpuint (count_text (text, "avdec_h264"), ==, 1);
}

/* In a process of its own, whose registry has what such a machine has. Given a GPU with
 * NVENC, then its own elements take the frames; given one that has no encoder, then none
 * of its own does, though a decoder that would be preferred is there. */
static void
test_machine (gconstpointer data)
{
  const gboolean encodes = GPOINTER_TO_INT (data);

  if (!g_test_subprocess ()) {
    g_test_trap_subprocess (NULL, 0, 0);
    g_test_trap_assert_passed ();
    return;
  }
  standins_pose ("1.22", encodes);
  test_frames_stay ("1.26");
  g_assert_cmpint (standins_real ("1.26"), ==, encodes);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/encoder-flow/frames-stay-in-cuda-memory/1.22", "1.22",
                        test_frames_stay);
  g_test_add_data_func ("/encoder-flow/frames-stay-in-cuda-memory/1.26", "1.26",
                        test_frames_stay);
  g_test_add_data_func ("/encoder-flow/frames-are-marked", "1.22",
                        test_frames_are_marked);
  g_test_add_data_func ("/encoder-flow/ten-bits-stay", "1.26", test_ten_bits_stay);
  g_test_add_data_func ("/encoder-flow/va", "va", test_intel);
  g_test_add_data_func ("/encoder-flow/qsv", "qsv", test_intel);
  g_test_add_data_func ("/encoder-flow/machine/with-nvenc", GINT_TO_POINTER (TRUE),
                        test_machine);
  g_test_add_data_func ("/encoder-flow/machine/without-nvenc", GINT_TO_POINTER (FALSE),
                        test_machine);
  return g_test_run ();
}
