/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* forensicmark in CUDA memory: the element and GStreamer's own gstcuda as they are, over
 * a double of NVIDIA's driver (tests/standins/cuda-double.c), which has no GPU. */
#include <gmodule.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <string.h>

#include "../unit/mark-clips.h"
#include "encoders.h"
#include "he-keys.h"
#include "he-mark.h"

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
/* No whole blocks. An odd height would not do: the planes of gstcuda's own I420 of 1.22
 * overlap then. */
#define WIDTH 175
#define HEIGHT 102

static gpointer
symbol (const char *name)
{
  static GModule *module;
  gpointer found = NULL;
  if (!module)
    module = g_module_open ("libgstcuda-1.0.so.0", G_MODULE_BIND_LAZY);
  g_assert_nonnull (module);
  g_assert_true (g_module_symbol (module, name, &found));
  return found;
}

static GstBufferPool *
pool_of (GstCaps *caps)
{
  gboolean (*load) (void) = (gboolean (*) (void))symbol ("gst_cuda_load_library");
  void (*prepare) (void) = (void (*) (void))symbol ("gst_cuda_memory_init_once");
  GstObject *(*context_new) (guint)
      = (GstObject * (*)(guint)) symbol ("gst_cuda_context_new");
  GstBufferPool *(*pool_new) (GstObject *)
      = (GstBufferPool * (*)(GstObject *)) symbol ("gst_cuda_buffer_pool_new");
  g_assert_true (load ());
  prepare ();
  g_autoptr (GstObject) context = context_new (0);
  g_assert_nonnull (context);
  GstBufferPool *pool = pool_new (context);
  GstStructure *config = gst_buffer_pool_get_config (pool);
  gst_buffer_pool_config_set_params (config, caps, 1, 0, 0);
  g_assert_true (gst_buffer_pool_set_config (pool, config));
  g_assert_true (gst_buffer_pool_set_active (pool, TRUE));
  return pool;
}

static gboolean
is_cuda (GstBuffer *buffer)
{
  return gst_memory_is_type (gst_buffer_peek_memory (buffer, 0), "gst.cuda.memory");
}

/* A picture whose planes differ, and whose words of 10 bits are in range. */
static void
fill (GstBuffer *buffer, const GstVideoInfo *info)
{
  GstVideoFrame frame;
  g_assert_true (gst_video_frame_map (&frame, info, buffer, GST_MAP_WRITE));
  const gboolean wide = GST_VIDEO_INFO_COMP_DEPTH (info, 0) > 8;
  const guint shift = GST_VIDEO_FORMAT_INFO_SHIFT (info->finfo, 0);
  for (guint p = 0; p < GST_VIDEO_INFO_N_PLANES (info); p++) {
    const guint bytes = (guint)(GST_VIDEO_FRAME_COMP_WIDTH (&frame, p)
                                * GST_VIDEO_FRAME_COMP_PSTRIDE (&frame, p));
    for (guint y = 0; y < (guint)GST_VIDEO_FRAME_COMP_HEIGHT (&frame, p); y++) {
      guint8 *line = (guint8 *)GST_VIDEO_FRAME_PLANE_DATA (&frame, p)
                     + y * (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (&frame, p);
      for (guint x = 0; x < bytes / (wide ? 2 : 1); x++) {
        const guint8 level = clip_pixel (p ? CLIP_GRADIENT : CLIP_SCENE, p, x, y,
                                         (guint)info->width, (guint)info->height);
        const guint16 word = (guint16)((level * 4u + x % 4) << shift);
        if (wide)
          memcpy (line + 2 * x, &word, 2);
        else
          line[x] = level;
      }
    }
  }
  gst_video_frame_unmap (&frame);
}

static HeMarkLayout
layout_of (const GstVideoInfo *info)
{
  if (GST_VIDEO_INFO_COMP_DEPTH (info, 0) == 8)
    return HE_MARK_8;
  return GST_VIDEO_FORMAT_INFO_SHIFT (info->finfo, 0) ? HE_MARK_10_HIGH : HE_MARK_10_LOW;
}

static void
assert_plane (const GstVideoFrame *frame, guint plane, const guint8 *wanted, gsize stride)
{
  const gsize bytes = (gsize)GST_VIDEO_FRAME_COMP_WIDTH (frame, plane)
                      * (gsize)GST_VIDEO_FRAME_COMP_PSTRIDE (frame, plane);
  for (guint y = 0; y < (guint)GST_VIDEO_FRAME_COMP_HEIGHT (frame, plane); y++)
    g_assert_cmpmem ((guint8 *)GST_VIDEO_FRAME_PLANE_DATA (frame, plane)
                         + y * (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane),
                     bytes, wanted + y * stride, bytes);
}

/* out is in, with the mark of segment msn that the CPU's reference writes. */
static void
assert_marked (const GstVideoInfo *info, GstBuffer *in, GstBuffer *out, guint64 msn,
               HeVariant variant)
{
  GstVideoFrame before, after;
  guint8 seed[32];
  guint n;
  g_autoptr (HeSecret) key = he_secret_from_hex (KEY, "key", NULL);
  he_mark_seed (key, "demo", msn, seed);
  g_autoptr (HeMark) mark
      = he_mark_new (seed, (guint)info->width, (guint)info->height, NULL);
  g_assert_true (gst_video_frame_map (&before, info, in, GST_MAP_READ));
  g_assert_true (gst_video_frame_map (&after, info, out, GST_MAP_READ));
  const gsize stride = (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (&before, 0);
  g_autofree guint8 *luma = g_malloc (stride * (gsize)info->height);
  he_mark_embed_at (mark, &he_mark_levels (&n)[0], layout_of (info), variant,
                    GST_VIDEO_FRAME_PLANE_DATA (&before, 0), stride, luma, stride);
  assert_plane (&after, 0, luma, stride);
  for (guint p = 1; p < GST_VIDEO_INFO_N_PLANES (info); p++)
    assert_plane (&after, p, GST_VIDEO_FRAME_PLANE_DATA (&before, p),
                  (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (&before, p));
  gst_video_frame_unmap (&after);
  gst_video_frame_unmap (&before);
}

/* Given frames of a format in CUDA memory over a segment's end, when the element marks
 * them, then others in CUDA memory come out, with their times, the chroma as it was, and
 * the luma of the reference on the CPU. */
static void
test_marks_in_cuda_memory (gconstpointer format)
{
  g_autofree char *text = g_strdup_printf (
      "video/x-raw(memory:CUDAMemory),format=%s,width=%d,height=%d,framerate=1/1",
      (const char *)format, WIDTH, HEIGHT);
  g_autoptr (GstCaps) caps = gst_caps_from_string (text);
  g_autoptr (GstBufferPool) pool = pool_of (caps);
  GstVideoInfo info;
  g_assert_true (gst_video_info_from_caps (&info, caps));
  for (HeVariant variant = HE_VARIANT_A; variant <= HE_VARIANT_B; variant++) {
    g_autofree char *element = g_strdup_printf (
        "forensicmark key=" KEY " channel=demo variant=%s", he_variant_name (variant));
    GstHarness *harness = gst_harness_new_parse (element);
    gst_harness_set_caps (harness, gst_caps_ref (caps), gst_caps_ref (caps));
    for (guint64 i = 0; i < 3; i++) {
      g_autoptr (GstBuffer) in = NULL;
      g_assert_cmpint (gst_buffer_pool_acquire_buffer (pool, &in, NULL), ==, GST_FLOW_OK);
      fill (in, &info);
      GST_BUFFER_PTS (in) = i * GST_SECOND;
      g_autoptr (GstBuffer) out
          = gst_harness_push_and_pull (harness, gst_buffer_ref (in));
      g_assert_nonnull (out);
      g_assert_true (is_cuda (in));
      g_assert_true (is_cuda (out));
      g_assert_cmpuint (GST_BUFFER_PTS (out), ==, i * GST_SECOND);
      assert_marked (&info, in, out, i / 2, variant);
    }
    gst_harness_teardown (harness);
  }
  gst_buffer_pool_set_active (pool, FALSE);
}

/* Given a frame of the CPU that says it is in CUDA memory, then it is refused in words.
 */
static void
test_refuses_other_memory (void)
{
  GstHarness *harness
      = gst_harness_new_parse ("forensicmark key=" KEY " channel=demo variant=a");
  g_autoptr (GstBus) bus = gst_bus_new ();
  g_autoptr (GError) error = NULL;
  gst_element_set_bus (harness->element, bus);
  gst_harness_set_src_caps_str (harness, "video/x-raw(memory:CUDAMemory),format=NV12,"
                                         "width=64,height=64,framerate=1/1");
  GstBuffer *in = gst_buffer_new_allocate (NULL, 64 * 96, NULL);
  GST_BUFFER_PTS (in) = 0;
  g_assert_cmpint (gst_harness_push (harness, in), ==, GST_FLOW_ERROR);
  g_autoptr (GstMessage) message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  gst_message_parse_error (message, &error, NULL);
  g_assert_nonnull (strstr (error->message, "cudaupload"));
  gst_element_set_bus (harness->element, NULL); /* it keeps messages that keep it */
  gst_harness_teardown (harness);
}

/* --- The chain of a channel -------------------------------------------------- */

#define CHAIN_WIDTH 128
#define CHAIN_HEIGHT 64
#define CHAIN_FRAMES 4 /* of a second: two segments */
#define CHAIN_CAPS                                                                       \
  "video/x-raw(memory:CUDAMemory),format=%s,width=128,height=64,framerate=1/1,"          \
  "pixel-aspect-ratio=1/1,interlace-mode=progressive"

typedef struct {
  const GstVideoInfo *info;
  GstBuffer *const *frames;
  HeVariant variant;
  guint marked, encoded;
} Chain;

static GstPadProbeReturn
check_marked (GstPad *pad, GstPadProbeInfo *probe, gpointer user)
{
  Chain *chain = user;
  GstBuffer *buffer = gst_pad_probe_info_get_buffer (probe);
  const guint64 second = GST_BUFFER_PTS (buffer) / GST_SECOND;
  g_assert_cmpuint (second, <, CHAIN_FRAMES);
  assert_marked (chain->info, chain->frames[second], buffer, second / 2, chain->variant);
  chain->marked++;
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
check_encoded (GstPad *pad, GstPadProbeInfo *probe, gpointer user)
{
  guint *encoded = user;
  g_assert_true (is_cuda (gst_pad_probe_info_get_buffer (probe)));
  g_atomic_int_inc (encoded); /* by two streaming threads */
  return GST_PAD_PROBE_OK;
}

static void
probe_pad (GstElement *element, const char *name, GstPadProbeCallback callback,
           gpointer user)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, name);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, callback, user, NULL);
}

/* The plan of a rung that NVENC encodes, from frames in CUDA memory in its decoder's
 * place. Its scaler and encoder are stand-ins, which have nothing to scale or to read. */
static GstElement *
chain_of (const char *encoder, guint depth, const char *caps)
{
  g_autofree char *json = g_strdup_printf (
      "{\"channels\": [{\"name\": \"demo\", \"source\": \"srt://h:1\", \"video\": "
      "[{\"width\": %d, \"height\": %d, \"bitrate\": 90, \"frame-rate\": 1, "
      "\"encoder\": \"%s\", \"bit-depth\": %u}]}]}",
      CHAIN_WIDTH, CHAIN_HEIGHT, encoder, depth);
  g_autoptr (HeadendModel) model = load_model (json);
  HeProbe probe = gst_headend_probe ("/nonexistent");
  g_autoptr (GError) error = NULL;
  g_autoptr (HeadendPlan) plan = headend_plan_new (
      model, model->nodes->pdata[0], model->channels->pdata[0], &probe, &error);
  g_assert_no_error (error);
  GString *text = g_string_new (NULL);
  g_string_printf (text, "appsrc name=feed format=time caps=\"%s\" ! ", caps);
  append_video (text, plan);
  g_autofree char *words = g_string_free (text, FALSE);
  g_test_message ("%s", words);
  g_assert_null (strstr (words, "cudadownload"));
  g_assert_null (strstr (words, "cudaupload"));
  GstElement *pipeline = gst_parse_launch (words, &error);
  g_assert_no_error (error);
  return gst_object_ref_sink (pipeline);
}

/* Given a channel with a watermark on NVENC where CUDA memory can be marked, then its
 * frames come to both variants' encoders in it, with the marks of the CPU's reference. */
static void
test_chain_stays (gconstpointer data)
{
  const gboolean deep = GPOINTER_TO_INT (data);
  g_autofree char *text = g_strdup_printf (CHAIN_CAPS, deep ? "P010_10LE" : "NV12");
  g_autoptr (GstCaps) caps = gst_caps_from_string (text);
  GstVideoInfo info;
  GstBuffer *frames[CHAIN_FRAMES];
  Chain chains[2] = { { &info, frames, HE_VARIANT_A }, { &info, frames, HE_VARIANT_B } };
  guint encoded = 0;
  standins_install ("1.26");
  g_autoptr (GstBufferPool) pool = pool_of (caps);
  g_assert_true (gst_video_info_from_caps (&info, caps));
  g_autoptr (GstElement) pipeline
      = chain_of (deep ? "nvenc-h265" : "nvenc", deep ? 10 : 8, text);
  for (guint i = 0; i < 2; i++) {
    g_autofree char *name
        = g_strdup_printf ("mark-%s-0", he_variant_name (chains[i].variant));
    g_autoptr (GstElement) mark = gst_bin_get_by_name (GST_BIN (pipeline), name);
    gst_util_set_object_arg (G_OBJECT (mark), "key", KEY);
    probe_pad (mark, "src", check_marked, &chains[i]);
  }
  g_autoptr (GstElement) feed = gst_bin_get_by_name (GST_BIN (pipeline), "feed");
  g_autoptr (GstIterator) encoders = gst_bin_iterate_all_by_element_factory_name (
      GST_BIN (pipeline), "segmentencoder");
  g_auto (GValue) item = G_VALUE_INIT;
  for (; gst_iterator_next (encoders, &item) == GST_ITERATOR_OK; g_value_reset (&item))
    probe_pad (g_value_get_object (&item), "sink", check_encoded, &encoded);
  for (guint i = 0; i < CHAIN_FRAMES; i++) {
    GstFlowReturn flow;
    g_assert_cmpint (gst_buffer_pool_acquire_buffer (pool, &frames[i], NULL), ==,
                     GST_FLOW_OK);
    fill (frames[i], &info);
    GST_BUFFER_PTS (frames[i]) = i * GST_SECOND;
    g_signal_emit_by_name (feed, "push-buffer", frames[i], &flow);
  }
  GstFlowReturn end;
  g_signal_emit_by_name (feed, "end-of-stream", &end);
  run_to_end (pipeline);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  g_assert_cmpuint (chains[0].marked, ==, CHAIN_FRAMES);
  g_assert_cmpuint (chains[1].marked, ==, CHAIN_FRAMES);
  g_assert_cmpuint (encoded, ==, 2 * CHAIN_FRAMES);
  for (guint i = 0; i < CHAIN_FRAMES; i++)
    gst_buffer_unref (frames[i]);
  gst_buffer_pool_set_active (pool, FALSE);
}

static gboolean
offers_cuda (void)
{
  g_autoptr (GstElement) element = gst_element_factory_make ("forensicmark", NULL);
  g_assert_nonnull (element);
  gst_object_ref_sink (element);
  GstPadTemplate *template
      = gst_element_class_get_pad_template (GST_ELEMENT_GET_CLASS (element), "sink");
  g_autoptr (GstCaps) caps = gst_pad_template_get_caps (template);
  for (guint i = 0; i < gst_caps_get_size (caps); i++)
    if (gst_caps_features_contains (gst_caps_get_features (caps, i), "memory:CUDAMemory"))
      return TRUE;
  return FALSE;
}

/* Given an NVRTC that does not compile for what gstcuda asks it to, then CUDA memory is
 * not offered, so that frames are marked where they can be. */
static void
test_offered_where_kernels_compile (void)
{
  if (g_test_subprocess ()) {
    g_assert_true (g_setenv ("CUDA_DOUBLE_REFUSES", "1", TRUE));
    g_assert_false (offers_cuda ());
    return;
  }
  g_assert_true (offers_cuda ());
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_passed ();
}

int
main (int argc, char **argv)
{
  static const char *const formats[] = { "NV12", "I420", "P010_10LE", "I420_10LE" };
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    g_autofree char *name = g_strconcat ("/forensicmark-cuda/marks/", formats[i], NULL);
    g_test_add_data_func (name, formats[i], test_marks_in_cuda_memory);
  }
  g_test_add_data_func ("/forensicmark-cuda/chain-stays", GINT_TO_POINTER (FALSE),
                        test_chain_stays);
  g_test_add_data_func ("/forensicmark-cuda/chain-of-ten-bits-stays",
                        GINT_TO_POINTER (TRUE), test_chain_stays);
  g_test_add_func ("/forensicmark-cuda/offered-where-kernels-compile",
                   test_offered_where_kernels_compile);
  g_test_add_func ("/forensicmark-cuda/refuses-frames-of-the-cpu",
                   test_refuses_other_memory);
  return g_test_run ();
}
