/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-encoder.h"
#include "he-error.h"
#include "probe-kit.h"

/* What the elements of each generation have, shortened to what the table asks for;
 * tests/standins has them whole, and says where they were read. */
#define NVENC_OLD_PRESETS "preset=default,hp,hq,low-latency,low-latency-hq,low-latency-hp"
#define NVENC_NEW_PRESETS NVENC_OLD_PRESETS ",p1,p2,p3,p4,p5,p6,p7"
#define NVENC_OLD                                                                        \
  "bitrate=* rc-mode=default,constqp,cbr,vbr vbv-buffer-size=* " NVENC_OLD_PRESETS       \
  " gop-size=* i-adapt=* bframes=* zerolatency=* rc-lookahead=* aud=*"
#define NVENC_CUDA                                                                       \
  "bitrate=* rate-control=cqp,vbr,cbr vbv-buffer-size=* " NVENC_OLD_PRESETS              \
  " gop-size=* i-adapt=* b-frames=* zero-reorder-delay=* rc-lookahead=* "                \
  "repeat-sequence-header=* aud=* cabac=*"
#define NVENC_1_26                                                                       \
  "bitrate=* rc-mode=default,constqp,cbr,vbr vbv-buffer-size=* " NVENC_NEW_PRESETS       \
  " tune=default,high-quality,low-latency gop-size=* i-adapt=* bframes=* "               \
  "zerolatency=* rc-lookahead=* repeat-sequence-header=* aud=* cabac=*"

static const KitElement gpu_1_22[] = {
  { "nvh264enc", NVENC_OLD, HE_MEMORY_CUDA, "NV12,I420" },
  { "nvcudah264enc", NVENC_CUDA, HE_MEMORY_CUDA, "NV12" },
  { "nvautogpuh264enc", NVENC_CUDA, HE_MEMORY_CUDA, "NV12" },
  { NULL },
};

static const KitElement gpu_1_26[] = {
  { "nvh264enc", NVENC_1_26, HE_MEMORY_CUDA, "NV12" },
  { "nvautogpuh264enc", NVENC_1_26, HE_MEMORY_CUDA, "NV12" },
  { "nvh265enc", NVENC_1_26, HE_MEMORY_CUDA, "NV12,P010_10LE" },
  { NULL },
};

static const KitElement intel[] = {
  { "vah264lpenc",
    "bitrate=* rate-control=cbr,vbr cpb-size=* target-usage=1,4,7 key-int-max=1024 "
    "b-frames=* aud=* cabac=* dct8x8=*",
    HE_MEMORY_SYSTEM, "NV12" },
  { "qsvh264enc",
    "bitrate=* rate-control=cbr,vbr target-usage=1,4,7 gop-size=* b-frames=* "
    "low-latency=* cabac=unknown,on,off",
    HE_MEMORY_SYSTEM, "NV12" },
  { NULL },
};

static HeEncoderRequest request
    = { .kbits = 3000, .vbv_ms = 500, .threads = 2, .depth = 8, .level = "3.1" };

static char *
describe (const KitElement *machine, const char *name, const char *preset)
{
  const HeEncoderFamily *family = he_encoder_family (name);
  HeProbe probe = machine != NULL ? kit_probe (machine) : kit_all_but (NULL);
  HeEncoderRequest ours = request;
  GError *error = NULL;
  const HeEncoder *encoder = he_encoder_choose (family, 8, &probe, &error);
  char *text;

  g_assert_no_error (error);
  ours.preset = preset != NULL ? preset : family->preset;
  text = he_encoder_describe (family, encoder, &ours, &probe, &error);
  g_assert_no_error (error);
  return text;
}

/* Given the table, then every element that a family names stands in it, with what keeps
 * it from placing keyframes, a bit rate, a format and a package. */
static void
test_families_are_complete (void)
{
  const char *const *names = he_encoder_family_names ();
  HeProbe probe = kit_all_but (NULL);

  g_assert_cmpuint (g_strv_length ((char **)names), >=, 9);
  for (; *names != NULL; names++) {
    const HeEncoderFamily *family = he_encoder_family (*names);
    g_autofree const char **presets = he_encoder_family_presets (family);

    for (const char *const *name = family->factories; *name != NULL; name++) {
      const HeEncoder *encoder = he_encoder_find (*name);

      g_assert_nonnull (encoder);
      g_assert_nonnull (he_encoder_setting (encoder, HE_ROLE_KEYS, &probe));
      g_assert_nonnull (he_encoder_setting (encoder, HE_ROLE_BITRATE, &probe));
      g_assert_nonnull (encoder->formats[0]);
      g_assert_nonnull (he_element_package (*name));
      g_assert_true (g_strv_contains (presets, family->preset));
    }
  }
  g_assert_null (he_encoder_family ("x263"));
  g_assert_null (he_encoder_find ("x263enc"));
}

/* Given encoders on the CPU, then their lines are these. */
static void
test_cpu_encoders (void)
{
  g_autofree char *x264 = describe (NULL, "x264", NULL);
  g_autofree char *x265 = describe (NULL, "x265", "fast");
  g_autofree char *openh264 = describe (NULL, "openh264", "high");

  g_assert_cmpstr (x264, ==,
                   "x264enc bitrate=3000 vbv-buf-capacity=500 speed-preset=superfast "
                   "threads=2 bframes=0 cabac=true dct8x8=false key-int-max=1073741824 "
                   "byte-stream=true aud=true "
                   "option-string=scenecut=0:open-gop=0:mbtree=0 "
                   "! capsfilter caps=video/x-h264,profile=(string)main,"
                   "stream-format=(string)byte-stream,level=(string)3.1");
  g_assert_cmpstr (x265, ==,
                   "x265enc bitrate=3000 speed-preset=fast key-int-max=1073741824 "
                   "option-string=scenecut=0:open-gop=0:bframes=0:repeat-headers=1:aud=1:"
                   "annexb=1:vbv-maxrate=3000:vbv-bufsize=1500:pools=2:frame-threads=1:"
                   "level-idc=3.1:high-tier=0 "
                   "! capsfilter caps=video/x-h265,profile=(string)main,"
                   "stream-format=(string)byte-stream");
  g_assert_cmpstr (openh264, ==,
                   "openh264enc bitrate=3000000 max-bitrate=3000000 rate-control=bitrate "
                   "complexity=high gop-size=0 scene-change-detection=false "
                   "multi-thread=2 num-slices=2 "
                   "! capsfilter caps=video/x-h264,profile=(string)main,"
                   "stream-format=(string)byte-stream");
}

/* Given a request with a quality and a start of its rate buffer, then x264 is as good
 * as that where the rate allows it, and others do what they do without. */
static void
test_quality (void)
{
  g_autofree char *before = describe (NULL, "openh264", NULL);

  request.quality = 10;
  request.vbv_start = 1350;
  g_autofree char *x264 = describe (NULL, "x264", NULL);
  g_autofree char *x265 = describe (NULL, "x265", "fast");
  g_autofree char *openh264 = describe (NULL, "openh264", NULL);
  request.quality = request.vbv_start = 0;

  g_assert_nonnull (
      strstr (x264, " bitrate=3000 vbv-buf-capacity=500 pass=qual quantizer=10 "));
  g_assert_nonnull (strstr (x264, ":mbtree=0:vbv-init=1350 "));
  g_assert_nonnull (strstr (x265, ":vbv-maxrate=3000:vbv-bufsize=1500:pools=2:"));
  g_assert_cmpstr (openh264, ==, before);
}

/* Given a request to look ahead, then x264 is told to where its preset does not look as
 * far by itself. */
static void
test_lookahead (void)
{
  static const struct {
    const char *preset;
    guint lookahead;
    gboolean told;
  } cases[] = {
    { "superfast", 0, FALSE }, { "superfast", 8, TRUE }, { "veryfast", 8, FALSE },
    { "veryfast", 10, FALSE }, { "veryfast", 19, TRUE }, { "veryslow", 19, FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *wanted = g_strdup_printf (" rc-lookahead=%u ", cases[i].lookahead);
    g_autofree char *text = NULL;

    request.lookahead = cases[i].lookahead;
    text = describe (NULL, "x264", cases[i].preset);
    request.lookahead = 0;
    g_assert_true ((strstr (text, "rc-lookahead") != NULL) == cases[i].told);
    g_assert_true ((strstr (text, wanted) != NULL) == cases[i].told);
  }
}

#define H264                                                                             \
  " ! capsfilter caps=video/x-h264,profile=(string)main,stream-format=(string)"          \
  "byte-stream"

/* Given each generation of NVENC's elements, then each gets the words that it knows. */
static void
test_nvenc_generations (void)
{
  static const KitElement old_alone[] = {
    { "nvh264enc", NVENC_OLD, HE_MEMORY_CUDA, "NV12" },
    { NULL },
  };
  g_autofree char *old = describe (old_alone, "nvenc", "p1");
  g_autofree char *cuda = describe (gpu_1_22, "nvenc", "p7");
  g_autofree char *newest = describe (gpu_1_26, "nvenc", NULL);

  g_assert_cmpstr (old, ==,
                   "nvh264enc bitrate=3000 rc-mode=cbr vbv-buffer-size=1500 "
                   "preset=low-latency-hp gop-size=-1 i-adapt=false bframes=0 "
                   "zerolatency=true rc-lookahead=0 aud=true" H264);
  g_assert_cmpstr (cuda, ==,
                   "nvcudah264enc bitrate=3000 rate-control=cbr vbv-buffer-size=1500 "
                   "preset=low-latency-hq gop-size=-1 i-adapt=false b-frames=0 "
                   "zero-reorder-delay=true rc-lookahead=0 repeat-sequence-header=true "
                   "aud=true cabac=true" H264);
  g_assert_cmpstr (newest, ==,
                   "nvh264enc bitrate=3000 rc-mode=cbr vbv-buffer-size=1500 preset=p4 "
                   "tune=low-latency gop-size=-1 i-adapt=false bframes=0 "
                   "zerolatency=true rc-lookahead=0 repeat-sequence-header=true "
                   "aud=true cabac=true" H264);
}

static void
test_nvenc_h265 (void)
{
  g_autofree char *text = describe (gpu_1_26, "nvenc-h265", NULL);

  g_assert_true (g_str_has_prefix (text, "nvh265enc bitrate=3000 rc-mode=cbr "));
  g_assert_true (g_str_has_suffix (text,
                                   " ! capsfilter caps=video/x-h265,profile=(string)main,"
                                   "stream-format=(string)byte-stream"));
}

static void
test_intel_encoders (void)
{
  g_autofree char *va = describe (intel, "va", "quality");
  g_autofree char *qsv = describe (intel, "qsv", NULL);

  g_assert_cmpstr (va, ==,
                   "vah264lpenc bitrate=3000 rate-control=cbr cpb-size=1500 "
                   "target-usage=1 key-int-max=1024 b-frames=0 aud=true cabac=true "
                   "dct8x8=false" H264);
  g_assert_cmpstr (qsv, ==,
                   "qsvh264enc bitrate=3000 rate-control=cbr target-usage=4 "
                   "gop-size=65535 b-frames=0 low-latency=true cabac=on" H264);
}

/* Given a property that an element cannot do without, when it is missing, then that is
 * said; one that only improves things is left out. */
static void
test_lacking_properties (void)
{
  static const KitElement machine[] = {
    { "nvh264enc", "bitrate=* rc-mode=vbr preset=p4 gop-size=*", 0, "NV12" },
    { "qsvh264enc", "bitrate=100,2000 rate-control=cbr target-usage=4 gop-size=65535", 0,
      "NV12" },
    { "vah264enc", "bitrate=* rate-control=vbr target-usage=4 key-int-max=1024", 0,
      "NV12" },
    { NULL },
  };
  const HeEncoderFamily *nvenc = he_encoder_family ("nvenc");
  HeProbe probe = kit_probe (machine);
  HeEncoderRequest ours = request;
  g_autofree char *va = describe (machine, "va", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (strstr (va, "vah264enc bitrate=3000 rate-control=vbr target-usage=4 "
                                "key-int-max=1024 ! "));
  ours.preset = "p4";
  g_assert_null (
      he_encoder_describe (nvenc, he_encoder_find ("nvh264enc"), &ours, &probe, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE);
  g_assert_nonnull (strstr (error->message, "nvh264enc"));
  g_assert_nonnull (strstr (error->message, "\"rate-control\""));
  g_clear_error (&error);

  ours.preset = "balanced";
  g_assert_null (he_encoder_describe (
      he_encoder_family ("qsv"), he_encoder_find ("qsvh264enc"), &ours, &probe, &error));
  g_assert_nonnull (strstr (error->message, "\"bitrate\" that takes what we set"));
}

/* Given a preset that the element does not know under any of its names, then that is
 * said. */
static void
test_unknown_preset (void)
{
  static const KitElement machine[] = {
    { "x264enc", "bitrate=* speed-preset=fast key-int-max=*", 0, "I420" },
    { NULL },
  };
  HeProbe probe = kit_probe (machine);
  HeEncoderRequest ours = request;
  g_autoptr (GError) error = NULL;

  ours.preset = "slow";
  g_assert_null (he_encoder_describe (
      he_encoder_family ("x264"), he_encoder_find ("x264enc"), &ours, &probe, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE);
  g_assert_nonnull (strstr (error->message, "speed-preset"));
}

/* Given elements that exist but take no progressive frames (a GPU with field encoding, in
 * GStreamer 1.22), then the next one is chosen. */
static void
test_choice (void)
{
  static const KitElement fields[] = {
    { "nvcudah264enc", NVENC_CUDA, HE_MEMORY_CUDA, NULL },
    { "nvh264enc", NVENC_OLD, HE_MEMORY_CUDA, "NV12" },
    { NULL },
  };
  static const KitElement useless[] = {
    { "nvcudah264enc", NVENC_CUDA, HE_MEMORY_CUDA, NULL },
    { NULL },
  };
  static const KitElement nothing[] = { { NULL } };
  const HeEncoderFamily *nvenc = he_encoder_family ("nvenc");
  const HeEncoderFamily *h265 = he_encoder_family ("nvenc-h265");
  HeProbe both = kit_probe (fields), none = kit_probe (nothing);
  HeProbe bad = kit_probe (useless), newest = kit_probe (gpu_1_26);
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (he_encoder_choose (nvenc, 8, &both, &error)->factory, ==, "nvh264enc");
  g_assert_cmpstr (he_encoder_choose (h265, 10, &newest, &error)->factory, ==,
                   "nvh265enc");
  g_assert_no_error (error);

  g_assert_null (he_encoder_choose (nvenc, 10, &newest, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE);
  g_assert_nonnull (strstr (error->message, "10-bit"));
  g_clear_error (&error);

  g_assert_null (he_encoder_choose (nvenc, 8, &bad, &error));
  g_assert_nonnull (strstr (error->message, "nvcudah264enc takes no progressive 8-bit"));
  g_clear_error (&error);

  g_assert_null (he_encoder_choose (nvenc, 8, &none, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE);
  g_assert_nonnull (strstr (error->message, "nvcudah264enc or nvh264enc"));
  g_assert_nonnull (strstr (error->message, "an NVIDIA GPU with NVENC"));
  g_assert_nonnull (strstr (error->message, "gstreamer1.0-plugins-bad"));
  g_assert_nonnull (strstr (error->message, "\"x264\""));
}

static void
test_driver_version (void)
{
  g_assert_cmpuint (
      he_nvidia_driver ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun "
                        "May 12 19:39:15 UTC 2024\nGCC version:  gcc version 12.2.0\n"),
      ==, 535);
  g_assert_cmpuint (
      he_nvidia_driver ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  "
                        "590.44.01  Release Build  (x@y)\n"),
      ==, 590);
  g_assert_cmpuint (he_nvidia_driver ("NVRM version: none\n"), ==, 0);
  g_assert_cmpuint (he_nvidia_driver ("GCC version:  gcc version 12.2.0\n"), ==, 0);
  g_assert_cmpuint (he_nvidia_driver (""), ==, 0);
}

/* Given a driver without the presets of GStreamer 1.22, then 1.22's elements are refused
 * with the reason and what to do; later ones are not, nor other drivers. */
static void
test_driver_without_old_presets (void)
{
  HeProbe old = kit_probe (gpu_1_22), newest = kit_probe (gpu_1_26);
  g_autoptr (GError) error = NULL;

  old.nvidia_driver = 580;
  g_assert_true (he_encoder_check_driver (he_encoder_find ("nvh264enc"), &old, &error));
  old.nvidia_driver = newest.nvidia_driver = 590;
  g_assert_true (
      he_encoder_check_driver (he_encoder_find ("nvh264enc"), &newest, &error));
  g_assert_true (he_encoder_check_driver (he_encoder_find ("x264enc"), &old, &error));
  g_assert_no_error (error);
  g_assert_false (
      he_encoder_check_driver (he_encoder_find ("nvcudah264enc"), &old, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE);
  g_assert_nonnull (strstr (error->message, "nvcudah264enc"));
  g_assert_nonnull (strstr (error->message, "version 590 is loaded"));
  g_assert_nonnull (strstr (error->message, "Debian 13"));
}

static void
test_delay_becomes_whole_frames (void)
{
  guint prefill, frames;

  he_encoder_delay (0, &prefill, &frames);
  g_assert_cmpuint (prefill, ==, 0);
  g_assert_cmpuint (frames, ==, 0);
  he_encoder_delay (1024, &prefill, &frames);
  g_assert_cmpuint (prefill, ==, 0);
  g_assert_cmpuint (frames, ==, 1);
  he_encoder_delay (1600, &prefill, &frames);
  g_assert_cmpuint (prefill, ==, 448);
  g_assert_cmpuint (frames, ==, 2);
}

static void
test_options_of_the_user_stand (void)
{
  static const struct {
    const char *given, *merged;
  } cases[] = {
    { NULL, "scenecut=0:open-gop=0" },
    { "", "scenecut=0:open-gop=0" },
    { "bframes=2", "bframes=2:scenecut=0:open-gop=0" },
    { "open_gop=0:me=hex", "open_gop=0:me=hex:scenecut=0" },
    { "no-scenecut:x=1", "no-scenecut:x=1:open-gop=0" },
    { "scenecut=40:open-gop=1", "scenecut=40:open-gop=1" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *merged
        = he_encoder_merge_options (cases[i].given, "scenecut=0:open-gop=0");

    g_assert_cmpstr (merged, ==, cases[i].merged);
  }
}

static void
test_package_is_known (void)
{
  g_assert_cmpstr (he_element_package ("x264enc"), ==, "gstreamer1.0-plugins-ugly");
  g_assert_cmpstr (he_element_package ("avenc_aac"), ==, "gstreamer1.0-libav");
  g_assert_cmpstr (he_element_package ("avenc_mpeg2video"), ==, "gstreamer1.0-libav");
  g_assert_null (he_element_package ("nosuchenc"));
  g_assert_cmpstr (he_element_package ("nvh264enc"), ==, "gstreamer1.0-plugins-bad");
  g_assert_nonnull (strstr (he_element_device ("nvh264enc"), "NVENC"));
  g_assert_null (he_element_device ("x264enc"));
}

#define ADD(path, name) g_test_add_func ("/encoder/" path, test_##name)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("families-are-complete", families_are_complete);
  ADD ("cpu-encoders", cpu_encoders);
  ADD ("looks-ahead-where-the-preset-does-not", lookahead);
  ADD ("is-no-better-than-asked-where-it-can", quality);
  ADD ("nvenc-generations", nvenc_generations);
  ADD ("nvenc-h265", nvenc_h265);
  ADD ("intel-encoders", intel_encoders);
  ADD ("lacking-properties", lacking_properties);
  ADD ("unknown-preset", unknown_preset);
  ADD ("choice", choice);
  ADD ("driver-version", driver_version);
  ADD ("driver-without-old-presets", driver_without_old_presets);
  ADD ("delay-becomes-whole-frames", delay_becomes_whole_frames);
  ADD ("options-of-the-user-stand", options_of_the_user_stand);
  ADD ("package-is-known", package_is_known);
  return g_test_run ();
}
