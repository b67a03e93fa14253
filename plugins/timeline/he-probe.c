/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-probe.h"

#include <string.h>

#define CORE "libgstreamer1.0-0"
#define BASE "gstreamer1.0-plugins-base"
#define GOOD "gstreamer1.0-plugins-good"
#define BAD "gstreamer1.0-plugins-bad"
#define UGLY "gstreamer1.0-plugins-ugly"
#define LIBAV "gstreamer1.0-libav"

/* A name that ends with '*' is a prefix. */
static const struct {
  const char *name, *package;
} packages[] = {
  { "queue", CORE },        { "tee", CORE },
  { "fakesink", CORE },     { "filesrc", CORE },
  { "clocksync", CORE },    { "capsfilter", CORE },
  { "identity", CORE },     { "appsrc", BASE },
  { "audioconvert", BASE }, { "audioresample", BASE },
  { "uridecodebin", BASE },
  { "videoconvert", BASE }, { "videoconvertscale", BASE },
  { "videoscale", BASE },   { "videorate", BASE },
  { "tcpclientsrc", BASE }, { "aacparse", GOOD },
  { "udpsrc", GOOD },       { "v4l2*", GOOD },
  { "h264parse", BAD },     { "h265parse", BAD },
  { "srtsrc", BAD },        { "tsdemux", BAD },
  { "x265enc", BAD },       { "openh264enc", BAD },
  { "voaacenc", BAD },      { "nv*", BAD },
  { "cuda*", BAD },         { "vaapi*", "gstreamer1.0-vaapi" },
  { "va*", BAD },           { "qsv*", BAD },
  { "x264enc", UGLY },      { "avdec_*", LIBAV },
  { "avenc_*", LIBAV },
};

static const struct {
  const char *prefix, *device;
} devices[] = {
  { "nv", "an NVIDIA GPU with NVENC and its driver" },
  { "cuda", "an NVIDIA GPU and its driver" },
  { "vaapi", "a GPU with VA-API and its driver" },
  { "va", "a GPU with VA-API and its driver" },
  { "qsv", "an Intel GPU with Quick Sync and its driver" },
  { "v4l2", "a V4L2 encoder device" },
};

const char *
he_memory_feature (HeMemory memory)
{
  return memory == HE_MEMORY_CUDA ? "memory:CUDAMemory" : NULL;
}

static gboolean
matches (const char *pattern, const char *factory)
{
  gsize len = strlen (pattern);

  if (pattern[len - 1] == '*')
    return strncmp (pattern, factory, len - 1) == 0;
  return strcmp (pattern, factory) == 0;
}

const char *
he_element_package (const char *factory)
{
  for (gsize i = 0; i < G_N_ELEMENTS (packages); i++)
    if (matches (packages[i].name, factory))
      return packages[i].package;
  return NULL;
}

const char *
he_element_device (const char *factory)
{
  for (gsize i = 0; i < G_N_ELEMENTS (devices); i++)
    if (g_str_has_prefix (factory, devices[i].prefix))
      return devices[i].device;
  return NULL;
}

/* "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May …", or with "Open
 * Kernel Module for x86_64" before the number: the first word of digits with a point. */
guint
he_nvidia_driver (const char *text)
{
  const char *line = strstr (text, "NVRM version:");
  g_auto (GStrv) words = NULL;

  if (line == NULL)
    return 0;
  words = g_strsplit_set (line, " \t\n", 64);
  for (char **word = words; *word != NULL; word++) {
    char *end;
    guint64 major;

    if (!g_ascii_isdigit ((*word)[0]))
      continue;
    major = g_ascii_strtoull (*word, &end, 10);
    if (*end == '.' && major <= G_MAXUINT)
      return (guint)major;
  }
  return 0;
}
