/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include "plan-kit.h"
#include "plan.h"
#include "probe-kit.h"
#include "route.h"

/* Where frames are, on a machine with NVENC. */

/* A machine with NVENC, and all that frames in CUDA memory need, but one element. */
static gboolean
takes_gpu (gpointer user, const char *factory, HeMemory memory, const char *format)
{
  return kit_all_has (user, factory, NULL, NULL)
         && (memory == HE_MEMORY_SYSTEM
             || (memory == HE_MEMORY_CUDA && g_str_has_prefix (factory, "nv")));
}

/* The same where forensicmark finds what it needs of CUDA. */
static gboolean
takes_gpu_and_mark (gpointer user, const char *factory, HeMemory memory,
                    const char *format)
{
  return takes_gpu (user, factory, memory, format)
         || (memory == HE_MEMORY_CUDA && strcmp (factory, "forensicmark") == 0
             && strcmp (format, "NV12") == 0);
}

/* The same where it takes ten bits there as well. */
static gboolean
takes_gpu_and_deep_mark (gpointer user, const char *factory, HeMemory memory,
                         const char *format)
{
  return takes_gpu_and_mark (user, factory, memory, format)
         || (strcmp (factory, "forensicmark") == 0 && strcmp (format, "P010_10LE") == 0);
}

static const char gpu_ladder[]
    = "{\"channels\": [{\"name\": \"demo\", \"source\": \"srt://h:1\", \"watermark\": "
      "%s, \"video\": [{\"width\": 1280, \"height\": 720, \"bitrate\": 3000, "
      "\"encoder\": \"nvenc\"}, {\"width\": 640, \"height\": 360, \"bitrate\": 800, "
      "\"encoder\": \"%s\"}]}]}";

/* What the plan and its route say of a ladder on a machine. */
static char *
plan_probed (const char *watermark, const char *second, HeProbe probe, char **ret_notes)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *json = g_strdup_printf (gpu_ladder, watermark, second);
  g_autoptr (HeadendModel) model = model_of (json);
  g_autoptr (HeadendPlan) plan = headend_plan_new (
      model, model->nodes->pdata[0], model->channels->pdata[0], &probe, &error);
  g_assert_no_error (error);
  g_assert_true (headend_plan_check_factories (model, &probe, &error));
  g_autoptr (HeadendRoute) route
      = headend_route_new (model->channels->pdata[0], &probe, &error);
  g_auto (GStrv) notes = headend_route_notes (route);
  *ret_notes = g_strjoinv ("\n", notes);
  return g_strconcat (plan->decoders[HE_VIDEO_H264], "\n", plan->decoders[HE_VIDEO_H265],
                      "\n", plan->pipeline, NULL);
}

/* The same on one without `missing`. */
static char *
plan_gpu (const char *watermark, const char *second, const char *missing,
          char **ret_notes)
{
  HeProbe probe = { .has = kit_all_has, .takes = takes_gpu, .user = (gpointer)missing };
  return plan_probed (watermark, second, probe, ret_notes);
}

/* Given ten bits on NVENC, then frames have them in CUDA memory too, unless its scaler
 * cannot convert; a codec that CUDA does not decode is uploaded. */
static void
test_gpu_ten_bits (void)
{
  static const char text[]
      = "{\"channels\": [{\"name\": \"demo\", \"source\": \"srt://h:1\", \"watermark\": "
        "false, \"video\": [{\"width\": 640, \"height\": 360, \"bitrate\": 600, "
        "\"encoder\": \"nvenc-h265\", \"bit-depth\": 10}]}]}";
  static const struct {
    const char *missing, *decoder, *scaled;
  } rows[] = {
    { "nothing", "h265parse ! nvh265sldec ! video/x-raw(memory:CUDAMemory)",
      "cudaconvertscale ! video/x-raw(memory:CUDAMemory),format=P010_10LE,width=640" },
    { "nvh265sldec,nvh265dec", "videoconvert ! video/x-raw,format=P010_10LE ! cudaupload",
      "cudaconvertscale ! video/x-raw(memory:CUDAMemory),format=P010_10LE,width=640" },
    { "cudaconvertscale", "h265parse ! avdec_h265 ",
      "videoscale ! videoconvert ! video/x-raw,format=P010_10LE,width=640" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (HeadendModel) model = model_of (text);
    g_autoptr (GError) error = NULL;
    HeProbe probe = kit_all_but (rows[i].missing);
    g_autoptr (HeadendPlan) plan = headend_plan_new (
        model, model->nodes->pdata[0], model->channels->pdata[0], &probe, &error);
    g_assert_no_error (error);
    g_assert_nonnull (strstr (plan->decoders[HE_VIDEO_H265], rows[i].decoder));
    g_assert_nonnull (strstr (plan->pipeline, rows[i].scaled));
  }
}

/* Given NVENC and no watermark, then frames are decoded once, scaled once a rung, and
 * never leave CUDA memory. */
static void
test_gpu_keeps_frames (void)
{
  g_autofree char *notes = NULL;
  g_autofree char *text = plan_gpu ("false", "nvenc", NULL, &notes);
  g_assert_cmpuint (count (text, "h264parse ! nvh264sldec ! "
                                 "video/x-raw(memory:CUDAMemory)\n"),
                    ==, 1);
  g_assert_cmpuint (count (text, "h265parse ! nvh265sldec ! "
                                 "video/x-raw(memory:CUDAMemory)\n"),
                    ==, 1);
  g_assert_cmpuint (count (text, "cudaconvertscale ! video/x-raw(memory:CUDAMemory),"
                                 "format=NV12,width="),
                    ==, 2);
  g_assert_cmpuint (count (text, "\"nvcudah264enc "), ==, 2);
  g_assert_null (strstr (text, "cudadownload"));
  g_assert_null (strstr (text, "cudaupload"));
  g_assert_null (strstr (text, "videoscale"));
  g_assert_null (strstr (text, "avdec_h264"));
  g_assert_nonnull (strstr (notes, "stay in the GPU's memory"));
}

/* Given a watermark, then each rung is downloaded once, and uploaded for each variant. */
static void
test_gpu_marks_on_the_cpu (void)
{
  g_autofree char *notes = NULL;
  g_autofree char *text = plan_gpu ("true", "nvenc", NULL, &notes);
  g_assert_cmpuint (count (text, "cudadownload ! video/x-raw,format=NV12 ! tee "), ==, 2);
  g_assert_cmpuint (count (text, " ! cudaupload ! video/x-raw(memory:CUDAMemory),"
                                 "format=NV12 ! segmentencoder "),
                    ==, 4);
  g_assert_cmpuint (count (text, "cudaconvertscale"), ==, 2);
  g_assert_nonnull (strstr (notes, "watermark is put in on the CPU"));
}

/* Given a watermark where CUDA memory can be marked, then frames do not leave it, but
 * those of an encoder on the CPU. */
static void
test_gpu_marks_on_the_gpu (void)
{
  HeProbe probe = { .has = kit_all_has, .takes = takes_gpu_and_mark };
  g_autofree char *notes = NULL, *mixed_notes = NULL;
  g_autofree char *text = plan_probed ("true", "nvenc", probe, &notes);
  g_assert_cmpuint (count (text, "video/x-raw(memory:CUDAMemory),format=NV12,width="), ==,
                    2);
  g_assert_cmpuint (count (text, "pixel-aspect-ratio=1/1 ! tee name=video-"), ==, 2);
  g_assert_cmpuint (count (text, " ! forensicmark "), ==, 4);
  g_assert_null (strstr (text, "cudadownload"));
  g_assert_null (strstr (text, "cudaupload"));
  g_assert_nonnull (strstr (notes, "stay in the GPU's memory"));

  g_autofree char *mixed = plan_probed ("true", "x264", probe, &mixed_notes);
  g_assert_cmpuint (count (mixed, "cudadownload ! videoconvert ! "
                                  "video/x-raw,format=I420 ! tee name=video-1"),
                    ==, 1);
  g_assert_cmpuint (count (mixed, "cudadownload"), ==, 1);
  g_assert_null (strstr (mixed, "cudaupload"));
}

/* Given ten bits and a watermark, then frames of ten bits are marked in CUDA memory where
 * that can be, else downloaded and uploaded in ten bits. */
static void
test_gpu_marks_ten_bits (void)
{
  static const struct {
    HeProbe probe;
    guint downloads, uploads;
  } rows[] = {
    { { .has = kit_all_has, .takes = takes_gpu_and_deep_mark }, 0, 0 },
    { { .has = kit_all_has, .takes = takes_gpu_and_mark }, 1, 2 },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *notes = NULL;
    g_autofree char *text = plan_probed (
        "true", "nvenc-h265\", \"bit-depth\": 10, \"preset\": \"p1", rows[i].probe, &notes);
    g_assert_cmpuint (count (text, "cudaconvertscale ! video/x-raw(memory:CUDAMemory),"
                                   "format=P010_10LE,width=640"),
                      ==, 1);
    g_assert_cmpuint (count (text, "cudadownload ! video/x-raw,format=P010_10LE ! tee "),
                      ==, rows[i].downloads);
    g_assert_cmpuint (count (text, "cudaupload ! video/x-raw(memory:CUDAMemory),"
                                   "format=P010_10LE ! segmentencoder "),
                      ==, rows[i].uploads);
    g_assert_cmpuint (count (text, "cudadownload"), ==, rows[i].downloads);
    g_assert_cmpuint (count (text, " ! forensicmark "), ==, 4);
  }
}

/* Given a rung of x264 beside one of NVENC, then both share the GPU's decoder, and the
 * one of x264 is downloaded when it is scaled. */
static void
test_gpu_beside_cpu (void)
{
  g_autofree char *notes = NULL;
  g_autofree char *text = plan_gpu ("false", "x264", NULL, &notes);
  g_assert_cmpuint (count (text, "nvh264sldec"), ==, 1);
  g_assert_cmpuint (count (text, "width=640,height=360,pixel-aspect-ratio=1/1 ! "
                                 "cudadownload ! videoconvert ! video/x-raw,format=I420 "
                                 "! segmentencoder "),
                    ==, 1);
  g_assert_cmpuint (count (text, "cudadownload"), ==, 1);
}

/* Given the decoder of later versions, then it is taken; given no scaler for CUDA memory,
 * then the CPU decodes and scales, and a note says why. */
static void
test_gpu_parts (void)
{
  g_autofree char *notes = NULL, *why = NULL;
  g_autofree char *later = plan_gpu ("false", "nvenc", "nvh264sldec", &notes);
  g_assert_nonnull (strstr (later, "nvh264dec ! video/x-raw(memory:CUDAMemory)"));
  g_autofree char *text = plan_gpu ("false", "nvenc", "cudaupload", &why);
  g_assert_null (strstr (text, "CUDAMemory"));
  g_assert_nonnull (strstr (text, "avdec_h264"));
  g_assert_nonnull (strstr (text, "videoconvert ! video/x-raw,format=NV12,width=1280"));
  g_assert_nonnull (strstr (why, "cudaupload is missing"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plan/gpu-keeps-frames", test_gpu_keeps_frames);
  g_test_add_func ("/plan/gpu-marks-on-the-cpu", test_gpu_marks_on_the_cpu);
  g_test_add_func ("/plan/gpu-marks-on-the-gpu", test_gpu_marks_on_the_gpu);
  g_test_add_func ("/plan/gpu-beside-cpu", test_gpu_beside_cpu);
  g_test_add_func ("/plan/gpu-parts", test_gpu_parts);
  g_test_add_func ("/plan/gpu-ten-bits", test_gpu_ten_bits);
  g_test_add_func ("/plan/gpu-marks-ten-bits", test_gpu_marks_ten_bits);
  return g_test_run ();
}
