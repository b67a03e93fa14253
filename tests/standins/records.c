/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "standins.h"

/* What the real elements said of themselves.
 *
 * NVIDIA: gst-inspect-1.0 on Debian's own libgstnvcodec.so, 1.22.0-4+deb12u8 and
 * 1.26.2-3+deb13u3, over a libcuda.so.1, libnvidia-encode.so.1, libnvcuvid.so.1 and
 * libnvrtc.so that answer every call with success, one device, 4 B-frames, no field
 * encoding and all input formats. Every writable property of the elements themselves is
 * here, in their order; formats that nobody here uses are left out of caps.
 *
 * VA-API and Quick Sync: their modules cannot be asked without a device. From GStreamer's
 * sources (sys/va/gstvah264enc.c, gstvah265enc.c and gstvabaseenc.c, sys/qsv/
 * gstqsvh264enc.cpp, gstqsvh265enc.cpp and gstqsvencoder.cpp of gst-plugins-bad) and
 * their reference pages (documentation/va/vah264enc.html,
 * documentation/qsv/qsvh264enc.html); every one of these names also stands in Debian 12's
 * libgstva.so and libgstqsv.so. The low-power ones are of the same classes as the others,
 * and so is nvautogpuh265enc as nvcudah265enc, or as nvh265enc in 1.26. */

/* nvh264enc and nvh265enc of 1.22. */
static const StandinProperty nvenc_1_22[] = {
  { "aq-strength", STANDIN_UINT, "0", 0, 15 },
  { "aud", STANDIN_BOOLEAN, "true" },
  { "b-adapt", STANDIN_BOOLEAN, "false" },
  { "bframes", STANDIN_UINT, "0", 0, 4 },
  { "bitrate", STANDIN_UINT, "0", 0, 2048000 },
  { "const-quality", STANDIN_DOUBLE, "0", 0, 51 },
  { "gop-size", STANDIN_INT, "75", -1, 2147483647 },
  { "i-adapt", STANDIN_BOOLEAN, "false" },
  { "max-bitrate", STANDIN_UINT, "0", 0, 2048000 },
  { "nonref-p", STANDIN_BOOLEAN, "false" },
  { "preset", STANDIN_ENUM, "default",
    .nicks
    = "default hp hq low-latency low-latency-hq low-latency-hp lossless lossless-hp" },
  { "qp-const", STANDIN_INT, "-1", -1, 51 },
  { "qp-const-b", STANDIN_INT, "-1", -1, 51 },
  { "qp-const-i", STANDIN_INT, "-1", -1, 51 },
  { "qp-const-p", STANDIN_INT, "-1", -1, 51 },
  { "qp-max", STANDIN_INT, "-1", -1, 51 },
  { "qp-max-b", STANDIN_INT, "-1", -1, 51 },
  { "qp-max-i", STANDIN_INT, "-1", -1, 51 },
  { "qp-max-p", STANDIN_INT, "-1", -1, 51 },
  { "qp-min", STANDIN_INT, "-1", -1, 51 },
  { "qp-min-b", STANDIN_INT, "-1", -1, 51 },
  { "qp-min-i", STANDIN_INT, "-1", -1, 51 },
  { "qp-min-p", STANDIN_INT, "-1", -1, 51 },
  { "rc-lookahead", STANDIN_UINT, "0", 0, 32 },
  { "rc-mode", STANDIN_ENUM, "default",
    .nicks = "default constqp cbr vbr vbr-minqp cbr-ld-hq cbr-hq vbr-hq" },
  { "spatial-aq", STANDIN_BOOLEAN, "false" },
  { "strict-gop", STANDIN_BOOLEAN, "false" },
  { "temporal-aq", STANDIN_BOOLEAN, "false" },
  { "vbv-buffer-size", STANDIN_UINT, "0", 0, 4294967295 },
  { "weighted-pred", STANDIN_BOOLEAN, "false" },
  { "zerolatency", STANDIN_BOOLEAN, "false" },
  { NULL },
};

/* nvcudah264enc, nvcudah265enc, nvautogpuh264enc and nvautogpuh265enc of 1.22. */
static const StandinProperty nvenc_cuda_1_22[] = {
  { "aq-strength", STANDIN_UINT, "0", 0, 15 },
  { "aud", STANDIN_BOOLEAN, "true" },
  { "b-adapt", STANDIN_BOOLEAN, "false" },
  { "b-frames", STANDIN_UINT, "0", 0, 4 },
  { "bitrate", STANDIN_UINT, "0", 0, 2048000 },
  { "const-quality", STANDIN_DOUBLE, "0", 0, 51 },
  { "gop-size", STANDIN_INT, "30", -1, 2147483647 },
  { "i-adapt", STANDIN_BOOLEAN, "false" },
  { "max-bitrate", STANDIN_UINT, "0", 0, 2048000 },
  { "max-qp-b", STANDIN_INT, "-1", -1, 51 },
  { "max-qp-i", STANDIN_INT, "-1", -1, 51 },
  { "max-qp-p", STANDIN_INT, "-1", -1, 51 },
  { "min-qp-b", STANDIN_INT, "-1", -1, 51 },
  { "min-qp-i", STANDIN_INT, "-1", -1, 51 },
  { "min-qp-p", STANDIN_INT, "-1", -1, 51 },
  { "nonref-p", STANDIN_BOOLEAN, "false" },
  { "preset", STANDIN_ENUM, "default",
    .nicks
    = "default hp hq low-latency low-latency-hq low-latency-hp lossless lossless-hp" },
  { "qp-b", STANDIN_INT, "-1", -1, 51 },
  { "qp-i", STANDIN_INT, "-1", -1, 51 },
  { "qp-p", STANDIN_INT, "-1", -1, 51 },
  { "rate-control", STANDIN_ENUM, "vbr", .nicks = "cqp vbr cbr cbr-ld-hq cbr-hq vbr-hq" },
  { "rc-lookahead", STANDIN_UINT, "0", 0, 32 },
  { "repeat-sequence-header", STANDIN_BOOLEAN, "false" },
  { "spatial-aq", STANDIN_BOOLEAN, "false" },
  { "strict-gop", STANDIN_BOOLEAN, "false" },
  { "temporal-aq", STANDIN_BOOLEAN, "false" },
  { "vbv-buffer-size", STANDIN_UINT, "0", 0, 4294967295 },
  { "weighted-pred", STANDIN_BOOLEAN, "false" },
  { "zero-reorder-delay", STANDIN_BOOLEAN, "false" },
  { NULL },
};

/* nvh264enc, nvh265enc, nvautogpuh264enc and nvautogpuh265enc of 1.26. */
static const StandinProperty nvenc_1_26[] = {
  { "aq-strength", STANDIN_UINT, "0", 0, 15 },
  { "aud", STANDIN_BOOLEAN, "true" },
  { "b-adapt", STANDIN_BOOLEAN, "false" },
  { "bframes", STANDIN_UINT, "0", 0, 4 },
  { "bitrate", STANDIN_UINT, "0", 0, 2048000 },
  { "cc-insert", STANDIN_ENUM, "insert", .nicks = "insert insert-and-drop disabled" },
  { "const-quality", STANDIN_DOUBLE, "0", 0, 51 },
  { "gop-size", STANDIN_INT, "75", -1, 2147483647 },
  { "i-adapt", STANDIN_BOOLEAN, "false" },
  { "max-bitrate", STANDIN_UINT, "0", 0, 2048000 },
  { "multi-pass", STANDIN_ENUM, "default",
    .nicks = "default disabled two-pass-quarter two-pass" },
  { "nonref-p", STANDIN_BOOLEAN, "false" },
  { "preset", STANDIN_ENUM, "default",
    .nicks = "default hp hq low-latency low-latency-hq low-latency-hp lossless "
             "lossless-hp p1 p2 p3 p4 p5 p6 p7" },
  { "qp-const", STANDIN_INT, "-1", -1, 51 },
  { "qp-const-b", STANDIN_INT, "-1", -1, 51 },
  { "qp-const-i", STANDIN_INT, "-1", -1, 51 },
  { "qp-const-p", STANDIN_INT, "-1", -1, 51 },
  { "qp-max", STANDIN_INT, "-1", -1, 51 },
  { "qp-max-b", STANDIN_INT, "-1", -1, 51 },
  { "qp-max-i", STANDIN_INT, "-1", -1, 51 },
  { "qp-max-p", STANDIN_INT, "-1", -1, 51 },
  { "qp-min", STANDIN_INT, "-1", -1, 51 },
  { "qp-min-b", STANDIN_INT, "-1", -1, 51 },
  { "qp-min-i", STANDIN_INT, "-1", -1, 51 },
  { "qp-min-p", STANDIN_INT, "-1", -1, 51 },
  { "rc-lookahead", STANDIN_UINT, "0", 0, 32 },
  { "rc-mode", STANDIN_ENUM, "default",
    .nicks = "default constqp cbr vbr vbr-minqp cbr-ld-hq cbr-hq vbr-hq" },
  { "repeat-sequence-header", STANDIN_BOOLEAN, "false" },
  { "spatial-aq", STANDIN_BOOLEAN, "false" },
  { "strict-gop", STANDIN_BOOLEAN, "false" },
  { "temporal-aq", STANDIN_BOOLEAN, "false" },
  { "tune", STANDIN_ENUM, "default",
    .nicks = "default high-quality low-latency ultra-low-latency lossless" },
  { "vbv-buffer-size", STANDIN_UINT, "0", 0, 4294967295 },
  { "weighted-pred", STANDIN_BOOLEAN, "false" },
  { "zerolatency", STANDIN_BOOLEAN, "false" },
  { NULL },
};

/* H.264 has one more, but not in the oldest. */
static const StandinProperty nvenc_h264[] = {
  { "cabac", STANDIN_BOOLEAN, "true" },
  { NULL },
};

/* nvh264dec of 1.22. */
static const StandinProperty nvdec_1_22[] = {
  { "max-display-delay", STANDIN_INT, "-1", -1, 2147483647 },
  { NULL },
};

/* nvh264dec of 1.26. */
static const StandinProperty nvdec_1_26[] = {
  { "init-max-height", STANDIN_UINT, "0", 0, 8192 },
  { "init-max-width", STANDIN_UINT, "0", 0, 8192 },
  { "max-display-delay", STANDIN_INT, "-1", -1, 16 },
  { "num-output-surfaces", STANDIN_UINT, "1", 0, 64 },
  { NULL },
};

/* The converters. */
static const StandinProperty cuda_scale[] = {
  { "add-borders", STANDIN_BOOLEAN, "true" },
  { "cuda-device-id", STANDIN_INT, "-1", -1, 2147483647 },
  { NULL },
};

static const StandinProperty cuda_copy[] = {
  { "cuda-device-id", STANDIN_INT, "-1", -1, 2147483647 },
  { NULL },
};

static const StandinProperty va[] = {
  { "aud", STANDIN_BOOLEAN, "false" },
  { "b-frames", STANDIN_UINT, "0", 0, 31 },
  { "bitrate", STANDIN_UINT, "0", 0, 2048000 },
  { "cpb-size", STANDIN_UINT, "0", 0, 2048000 },
  { "key-int-max", STANDIN_UINT, "0", 0, 1024 },
  { "max-qp", STANDIN_UINT, "51", 0, 51 },
  { "min-qp", STANDIN_UINT, "1", 0, 51 },
  { "num-slices", STANDIN_UINT, "1", 1, 200 },
  { "rate-control", STANDIN_ENUM, "cbr", .nicks = "cbr vbr cqp" },
  { "ref-frames", STANDIN_UINT, "3", 0, 16 },
  { "target-percentage", STANDIN_UINT, "66", 50, 100 },
  { "target-usage", STANDIN_UINT, "4", 1, 7 },
  { "trellis", STANDIN_BOOLEAN, "false" },
  { NULL },
};

static const StandinProperty va_h264[] = {
  { "cabac", STANDIN_BOOLEAN, "true" },
  { "dct8x8", STANDIN_BOOLEAN, "true" },
  { NULL },
};

static const StandinProperty qsv[] = {
  { "b-frames", STANDIN_UINT, "0", 0, G_MAXUINT16 },
  { "bitrate", STANDIN_UINT, "2000", 0, G_MAXUINT16 },
  { "gop-size", STANDIN_UINT, "30", 0, G_MAXUINT16 },
  { "idr-interval", STANDIN_UINT, "0", 0, G_MAXUINT16 },
  { "low-latency", STANDIN_BOOLEAN, "false" },
  { "max-bitrate", STANDIN_UINT, "0", 0, G_MAXUINT16 },
  { "rate-control", STANDIN_ENUM, "vbr", .nicks = "cbr vbr cqp" },
  { "ref-frames", STANDIN_UINT, "2", 0, 16 },
  { "target-usage", STANDIN_UINT, "4", 1, 7 },
  { NULL },
};

static const StandinProperty qsv_h264[] = {
  { "cabac", STANDIN_ENUM, "unknown", .nicks = "unknown on off" },
  { NULL },
};

#define RAW(feature, formats, more)                                                      \
  "video/x-raw" feature ", format=(string){ " formats " }, width=(int)[ 16, 8192 ], "    \
  "height=(int)[ 16, 8192 ]" more "; "
#define CUDA "(memory:CUDAMemory)"
#define VAMEMORY "(memory:VAMemory)"
#define PROGRESSIVE ", interlace-mode=(string)progressive"
#define RATE ", framerate=(fraction)[ 0/1, 2147483647/1 ]"
#define CODED(codec, profiles, streams)                                                  \
  "video/x-" codec ", width=(int)[ 16, 8192 ], height=(int)[ 16, 8192 ], "               \
  "profile=(string){ " profiles " }, stream-format=(string){ " streams " }, "            \
  "alignment=(string)au"
#define H264_PROFILES "main, high, constrained-baseline, baseline"
#define ALL_RAW(feature)                                                                 \
  RAW (feature, "I420, YV12, NV12, P010_10LE, I420_10LE, Y444", RATE)
#define DECODED(feature) RAW (feature, "NV12, P010_10LE", RATE)

#define OLD_SINK(formats)                                                                \
  RAW ("", formats, RATE PROGRESSIVE) RAW (CUDA, formats, RATE PROGRESSIVE)
#define CUDA_SINK(formats) RAW (CUDA, formats, PROGRESSIVE) RAW ("", formats, PROGRESSIVE)
#define VA_SINK(formats) RAW (VAMEMORY, formats, RATE) RAW ("", formats, RATE)

#define ENCODER(sets, name, sink, src, ...)                                              \
  {                                                                                      \
    sets, name, STANDIN_ENCODER, sink, src,                                              \
    {                                                                                    \
      __VA_ARGS__                                                                        \
    }                                                                                    \
  }

const StandinRecord standin_records[] = {
  ENCODER ("old 1.22", "nvh264enc", OLD_SINK ("NV12, YV12, I420, BGRA"),
           CODED ("h264", H264_PROFILES, "byte-stream"), nvenc_1_22),
  ENCODER ("old 1.22", "nvh265enc", OLD_SINK ("NV12, YV12, I420, BGRA, P010_10LE"),
           CODED ("h265", "main, main-10", "byte-stream"), nvenc_1_22),
  ENCODER ("1.22", "nvcudah264enc", CUDA_SINK ("NV12, Y444"),
           CODED ("h264", H264_PROFILES, "avc, byte-stream"), nvenc_cuda_1_22,
           nvenc_h264),
  ENCODER ("1.22", "nvautogpuh264enc", CUDA_SINK ("NV12, Y444"),
           CODED ("h264", H264_PROFILES, "avc, byte-stream"), nvenc_cuda_1_22,
           nvenc_h264),
  ENCODER ("1.22", "nvcudah265enc", CUDA_SINK ("NV12, P010_10LE, Y444"),
           CODED ("h265", "main, main-10", "hvc1, hev1, byte-stream"), nvenc_cuda_1_22),
  ENCODER ("1.22", "nvautogpuh265enc", CUDA_SINK ("NV12, P010_10LE, Y444"),
           CODED ("h265", "main, main-10", "hvc1, hev1, byte-stream"), nvenc_cuda_1_22),
  ENCODER ("1.26", "nvh264enc", CUDA_SINK ("NV12, Y444, RGBA, BGRA"),
           CODED ("h264", H264_PROFILES, "byte-stream, avc"), nvenc_1_26, nvenc_h264),
  ENCODER ("1.26", "nvautogpuh264enc", CUDA_SINK ("NV12, Y444, RGBA, BGRA"),
           CODED ("h264", H264_PROFILES, "byte-stream, avc"), nvenc_1_26, nvenc_h264),
  ENCODER ("1.26", "nvh265enc", CUDA_SINK ("NV12, P010_10LE, Y444, RGBA, BGRA"),
           CODED ("h265", "main, main-10", "byte-stream, hvc1, hev1"), nvenc_1_26),
  ENCODER ("1.26", "nvautogpuh265enc", CUDA_SINK ("NV12, P010_10LE, Y444, RGBA, BGRA"),
           CODED ("h265", "main, main-10", "byte-stream, hvc1, hev1"), nvenc_1_26),
  ENCODER ("va", "vah264enc", VA_SINK ("NV12"),
           CODED ("h264", "main, high, constrained-baseline", "byte-stream"), va,
           va_h264),
  ENCODER ("va", "vah264lpenc", VA_SINK ("NV12"),
           CODED ("h264", "main, high, constrained-baseline", "byte-stream"), va,
           va_h264),
  ENCODER ("va", "vah265enc", VA_SINK ("NV12, P010_10LE"),
           CODED ("h265", "main, main-10", "byte-stream"), va),
  ENCODER ("va", "vah265lpenc", VA_SINK ("NV12, P010_10LE"),
           CODED ("h265", "main, main-10", "byte-stream"), va),
  ENCODER ("qsv", "qsvh264enc", VA_SINK ("NV12"),
           CODED ("h264", H264_PROFILES, "avc, byte-stream"), qsv, qsv_h264),
  ENCODER ("qsv", "qsvh265enc", VA_SINK ("NV12, P010_10LE"),
           CODED ("h265", "main, main-10", "byte-stream"), qsv),
  { "old 1.22",
    "nvh264dec",
    STANDIN_DECODER,
    CODED ("h264", H264_PROFILES ", high-10, constrained-high", "byte-stream"),
    DECODED ("") DECODED (CUDA),
    { nvdec_1_22 } },
  { "1.22", "nvh264sldec", STANDIN_DECODER,
    CODED ("h264", H264_PROFILES ", constrained-high", "avc, avc3, byte-stream"),
    DECODED ("") DECODED (CUDA) },
  { "1.26",
    "nvh264dec",
    STANDIN_DECODER,
    CODED ("h264", H264_PROFILES ", constrained-high, progressive-high",
           "avc, avc3, byte-stream"),
    DECODED (CUDA) DECODED (""),
    { nvdec_1_26 } },
  { "1.22 1.26",
    "cudaconvertscale",
    STANDIN_SCALER,
    ALL_RAW (CUDA),
    ALL_RAW (CUDA),
    { cuda_scale } },
  { "old 1.22 1.26",
    "cudascale",
    STANDIN_SCALER,
    ALL_RAW (CUDA),
    ALL_RAW (CUDA),
    { cuda_scale } },
  { "old 1.22 1.26",
    "cudaupload",
    STANDIN_COPIER,
    ALL_RAW ("") ALL_RAW (CUDA),
    ALL_RAW (CUDA) ALL_RAW (""),
    { cuda_copy } },
  { "old 1.22 1.26",
    "cudadownload",
    STANDIN_COPIER,
    ALL_RAW (CUDA) ALL_RAW (""),
    ALL_RAW ("") ALL_RAW (CUDA),
    { cuda_copy } },
  { NULL },
};
