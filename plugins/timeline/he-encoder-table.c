/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-encoder-table.h"

/* x264 says 2^30 for "infinite". bitrate is in kbit/s unless noted. cabac is said aloud:
 * without it and without B-frames x264 would write a baseline SPS, and CODECS would be
 * wrong. */
static const HeEncoderSetting x264[] = {
  { HE_ROLE_BITRATE, "bitrate", "{kbit}" },
  { HE_ROLE_VBV, "vbv-buf-capacity", "{vbv-ms}" },
  { HE_ROLE_CAPPED, "pass", "qual" },
  { HE_ROLE_QUALITY, "quantizer", "{quality}" },
  { HE_ROLE_PRESET, "speed-preset", "{preset}" },
  { HE_ROLE_THREADS, "threads", "{threads}" },
  { HE_ROLE_LOOKAHEAD, "rc-lookahead", "{lookahead}" },
  { HE_ROLE_B_FRAMES, "bframes", "0" },
  { HE_ROLE_ENTROPY, "cabac", "true" },
  { HE_ROLE_TRANSFORM, "dct8x8", "false" },
  { HE_ROLE_KEYS, "key-int-max", "1073741824" },
  { HE_ROLE_FORMAT, "byte-stream", "true" },
  { HE_ROLE_AUD, "aud", "true" },
  { HE_ROLE_END },
};

static const HeEncoderSetting x265[] = {
  { HE_ROLE_BITRATE, "bitrate", "{kbit}" },
  { HE_ROLE_PRESET, "speed-preset", "{preset}" },
  { HE_ROLE_KEYS, "key-int-max", "1073741824" },
  { HE_ROLE_END },
};

/* bitrate is in bit/s. */
static const HeEncoderSetting openh264[] = {
  { HE_ROLE_BITRATE, "bitrate", "{bit}" },
  { HE_ROLE_MAX_BITRATE, "max-bitrate", "{bit}" },
  { HE_ROLE_RATE_CONTROL, "rate-control", "bitrate" },
  { HE_ROLE_PRESET, "complexity", "{preset}" },
  { HE_ROLE_KEYS, "gop-size", "0" },
  { HE_ROLE_SCENES, "scene-change-detection", "false" },
  { HE_ROLE_THREADS, "multi-thread", "{threads}" },
  { HE_ROLE_SLICES, "num-slices", "{threads}" },
  { HE_ROLE_END },
};

/* NVENC has three generations: nvh264enc of GStreamer 1.22 (rc-mode, bframes,
 * zerolatency), nvcudah264enc and nvautogpuh264enc of 1.22 (rate-control, b-frames,
 * zero-reorder-delay, repeat-sequence-header), and those that have both sets of words
 * under the first one's names, with presets p1 to p7 and tune. A GPU decides whether
 * b-frames, rc-lookahead and vbv-buffer-size exist. */
static const HeEncoderSetting nvenc[] = {
  { HE_ROLE_BITRATE, "bitrate", "{kbit}" },
  { HE_ROLE_RATE_CONTROL, "rate-control", "cbr" },
  { HE_ROLE_RATE_CONTROL, "rc-mode", "cbr" },
  { HE_ROLE_VBV, "vbv-buffer-size", "{vbv-kbit}" },
  { HE_ROLE_PRESET, "preset", "{preset}" },
  { HE_ROLE_TUNE, "tune", "low-latency" },
  { HE_ROLE_KEYS, "gop-size", "-1" },
  { HE_ROLE_SCENES, "i-adapt", "false" },
  { HE_ROLE_B_FRAMES, "b-frames", "0" },
  { HE_ROLE_B_FRAMES, "bframes", "0" },
  { HE_ROLE_LOW_DELAY, "zero-reorder-delay", "true" },
  { HE_ROLE_LOW_DELAY, "zerolatency", "true" },
  { HE_ROLE_LOOKAHEAD, "rc-lookahead", "0" },
  { HE_ROLE_HEADERS, "repeat-sequence-header", "true" },
  { HE_ROLE_AUD, "aud", "true" },
  { HE_ROLE_ENTROPY, "cabac", "true" },
  { HE_ROLE_END },
};

/* 1024 frames are the most that it takes (HeEncoderFamily.longest). Which rate controls
 * there are depends on the driver. */
static const HeEncoderSetting va[] = {
  { HE_ROLE_BITRATE, "bitrate", "{kbit}" },
  { HE_ROLE_RATE_CONTROL, "rate-control", "cbr" },
  { HE_ROLE_RATE_CONTROL, "rate-control", "vbr" },
  { HE_ROLE_VBV, "cpb-size", "{vbv-kbit}" },
  { HE_ROLE_PRESET, "target-usage", "{preset}" },
  { HE_ROLE_KEYS, "key-int-max", "1024" },
  { HE_ROLE_B_FRAMES, "b-frames", "0" },
  { HE_ROLE_AUD, "aud", "true" },
  { HE_ROLE_ENTROPY, "cabac", "true" },
  { HE_ROLE_TRANSFORM, "dct8x8", "false" },
  { HE_ROLE_END },
};

/* The property takes more, but the library has 16 bits for it. */
static const HeEncoderSetting qsv[] = {
  { HE_ROLE_BITRATE, "bitrate", "{kbit}" },
  { HE_ROLE_RATE_CONTROL, "rate-control", "cbr" },
  { HE_ROLE_PRESET, "target-usage", "{preset}" },
  { HE_ROLE_KEYS, "gop-size", "65535" },
  { HE_ROLE_B_FRAMES, "b-frames", "0" },
  { HE_ROLE_LOW_DELAY, "low-latency", "true" },
  { HE_ROLE_ENTROPY, "cabac", "on" },
  { HE_ROLE_END },
};

#define KEYS_ONLY_FORCED "scenecut=0:open-gop=0"

/* The same pictures on every machine: how many threads x265 uses follows from the
 * description, not from where it runs. */
#define X265_MORE                                                                        \
  "bframes=0:repeat-headers=1:aud=1:annexb=1:vbv-maxrate={kbit}:"                        \
  "vbv-bufsize={vbv-kbit}:pools={threads}:frame-threads=1:level-idc={level}:high-tier=0"

#define NVENC(name, ten_bit)                                                             \
  {                                                                                      \
    .factory = name, .settings = nvenc, .formats = { "NV12", ten_bit },                  \
    .memory = HE_MEMORY_CUDA                                                             \
  }
/* They upload frames themselves. */
#define VA(name, ten_bit)                                                                \
  {                                                                                      \
    .factory = name, .settings = va, .formats = { "NV12", ten_bit }                      \
  }
#define QSV(name, ten_bit)                                                               \
  {                                                                                      \
    .factory = name, .settings = qsv, .formats = { "NV12", ten_bit }                     \
  }

/* Delays were measured with a click through encoder and decoder (Debian 12); the tests
 * measure them again. */
static const HeEncoder encoders[] = {
  { .factory = "x264enc",
    .settings = x264,
    .options = KEYS_ONLY_FORCED,
    .more_options = "mbtree=0:vbv-init={vbv-start}",
    .formats = { "I420" },
    .pins_level = TRUE },
  { .factory = "x265enc",
    .settings = x265,
    .options = KEYS_ONLY_FORCED,
    .more_options = X265_MORE,
    .formats = { "I420", "I420_10LE" } },
  { .factory = "openh264enc", .settings = openh264, .formats = { "I420" } },
  NVENC ("nvh264enc", NULL),
  NVENC ("nvcudah264enc", NULL),
  NVENC ("nvautogpuh264enc", NULL),
  NVENC ("nvh265enc", "P010_10LE"),
  NVENC ("nvcudah265enc", "P010_10LE"),
  NVENC ("nvautogpuh265enc", "P010_10LE"),
  VA ("vah264enc", NULL),
  VA ("vah264lpenc", NULL),
  VA ("vah265enc", "P010_10LE"),
  VA ("vah265lpenc", "P010_10LE"),
  QSV ("qsvh264enc", NULL),
  QSV ("qsvh265enc", "P010_10LE"),
  { .factory = "avenc_aac", .delay = 1024 },
  { .factory = "voaacenc", .delay = 1600 },
  { .factory = NULL },
};

#define SAME(name)                                                                       \
  {                                                                                      \
    name,                                                                                \
    {                                                                                    \
      name                                                                               \
    }                                                                                    \
  }

#define SPEED(own, mega, ahead)                                                          \
  {                                                                                      \
    .name = own, .values = { own }, .speed = mega, .lookahead = ahead                    \
  }

/* Speeds were measured at 1920x1080 on a Xeon of 2.x GHz that others used, too: with one
 * thread, at 5 Mbit/s. */
static const HeEncoderPreset x264_presets[] = {
  SPEED ("ultrafast", 230, 0), SPEED ("superfast", 105, 0),
  SPEED ("veryfast", 72, 10),  SPEED ("faster", 40, 20),
  SPEED ("fast", 27, 30),      SPEED ("medium", 23, 40),
  SPEED ("slow", 15, 50),      SPEED ("slower", 10, 60),
  SPEED ("veryslow", 7, 60),   { NULL },
};

static const HeEncoderPreset x265_presets[] = {
  SPEED ("ultrafast", 33, 0), SPEED ("superfast", 18, 0),
  SPEED ("veryfast", 15, 0),  SPEED ("faster", 9, 0),
  SPEED ("fast", 8, 0),       SPEED ("medium", 8, 0),
  SPEED ("slow", 4, 0),       SPEED ("slower", 2, 0),
  SPEED ("veryslow", 1, 0),   { NULL },
};

/* It repeats itself, too, but complains on standard error each time that it ends. */
static const HeEncoderPreset openh264_presets[]
    = { SAME ("low"), SAME ("medium"), SAME ("high"), { NULL } };

/* GStreamer 1.22 knows the presets that NVENC had before p1 to p7. */
static const HeEncoderPreset nvenc_presets[] = {
  { "p1", { "p1", "low-latency-hp" } }, { "p2", { "p2", "low-latency-hp" } },
  { "p3", { "p3", "low-latency" } },    { "p4", { "p4", "low-latency" } },
  { "p5", { "p5", "low-latency-hq" } }, { "p6", { "p6", "low-latency-hq" } },
  { "p7", { "p7", "low-latency-hq" } }, { NULL },
};

/* Target usage: 1 is best, 7 fastest. */
static const HeEncoderPreset intel_presets[] = {
  { "speed", { "7" } },
  { "balanced", { "4" } },
  { "quality", { "1" } },
  { NULL },
};

static const char *const x264_factories[] = { "x264enc", NULL };
static const char *const x265_factories[] = { "x265enc", NULL };
static const char *const openh264_factories[] = { "openh264enc", NULL };
static const char *const nvenc_factories[]
    = { "nvcudah264enc", "nvh264enc", "nvautogpuh264enc", NULL };
static const char *const nvenc_h265_factories[]
    = { "nvcudah265enc", "nvh265enc", "nvautogpuh265enc", NULL };
static const char *const va_factories[] = { "vah264enc", "vah264lpenc", NULL };
static const char *const va_h265_factories[] = { "vah265enc", "vah265lpenc", NULL };
static const char *const qsv_factories[] = { "qsvh264enc", NULL };
static const char *const qsv_h265_factories[] = { "qsvh265enc", NULL };
static const char *const no_factories[] = { NULL };

static const HeEncoderFamily families[] = {
  { "x264", HE_VIDEO_H264, x264_factories, x264_presets, "superfast" },
  { "x265", HE_VIDEO_H265, x265_factories, x265_presets, "superfast" },
  { "openh264", HE_VIDEO_H264, openh264_factories, openh264_presets, "low" },
  { "nvenc", HE_VIDEO_H264, nvenc_factories, nvenc_presets, "p4" },
  { "nvenc-h265", HE_VIDEO_H265, nvenc_h265_factories, nvenc_presets, "p4" },
  { "va", HE_VIDEO_H264, va_factories, intel_presets, "balanced", 1024 },
  { "va-h265", HE_VIDEO_H265, va_h265_factories, intel_presets, "balanced", 1024 },
  { "qsv", HE_VIDEO_H264, qsv_factories, intel_presets, "balanced", 65535 },
  { "qsv-h265", HE_VIDEO_H265, qsv_h265_factories, intel_presets, "balanced", 65535 },
  { "copy", HE_VIDEO_H264, no_factories, x264_presets, "superfast" },
  { "copy-h265", HE_VIDEO_H265, no_factories, x264_presets, "superfast" },
  { NULL },
};

const HeEncoder *
he_encoder_table (void)
{
  return encoders;
}

const HeEncoderFamily *
he_encoder_family_table (void)
{
  return families;
}
