/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-encoder.h"

#include "he-epoch.h"

#include <string.h>

#define BASE "gstreamer1.0-plugins-base"
#define GOOD "gstreamer1.0-plugins-good"
#define BAD "gstreamer1.0-plugins-bad"
#define UGLY "gstreamer1.0-plugins-ugly"
#define LIBAV "gstreamer1.0-libav"

/* Delays were measured with a click through encoder and decoder (Debian 12); the tests
 * measure them again. 2^30 is x264's own "infinite". */
static const HeEncoder encoders[] = {
  { .factory = "x264enc",
    .package = UGLY,
    .settings = { { "key-int-max", "1073741824" } },
    .options = "scenecut=0:open-gop=0" },
  { .factory = "x265enc",
    .package = BAD,
    .settings = { { "key-int-max", "1073741824" } },
    .options = "scenecut=0:open-gop=0" },
  { .factory = "openh264enc",
    .package = BAD,
    .settings = { { "gop-size", "0" }, { "scene-change-detection", "false" } } },
  { .factory = "avenc_aac", .package = LIBAV, .delay = 1024 },
  { .factory = "voaacenc", .package = BAD, .delay = 1600 },
};

static const struct {
  const char *factory, *package;
} packages[] = {
  { "audioconvert", BASE },
  { "audioresample", BASE },
  { "videoconvert", BASE },
  { "videoconvertscale", BASE },
  { "videoscale", BASE },
  { "videorate", BASE },
  { "capsfilter", "libgstreamer1.0-0" },
  { "queue", "libgstreamer1.0-0" },
  { "identity", "libgstreamer1.0-0" },
  { "aacparse", GOOD },
  { "h264parse", BAD },
  { "h265parse", BAD },
  { "nvh264enc", BAD },
  { "nvh265enc", BAD },
  { "nvcudah264enc", BAD },
  { "nvautogpuh264enc", BAD },
  { "vah264enc", BAD },
  { "vah264lpenc", BAD },
  { "qsvh264enc", BAD },
  { "v4l2h264enc", GOOD },
  { "vaapih264enc", "gstreamer1.0-vaapi" },
};

const HeEncoder *
he_encoder_find (const char *factory)
{
  for (gsize i = 0; i < G_N_ELEMENTS (encoders); i++)
    if (strcmp (encoders[i].factory, factory) == 0)
      return &encoders[i];
  return NULL;
}

const char *
he_encoder_package (const char *factory)
{
  const HeEncoder *encoder = he_encoder_find (factory);

  if (encoder != NULL)
    return encoder->package;
  for (gsize i = 0; i < G_N_ELEMENTS (packages); i++)
    if (strcmp (packages[i].factory, factory) == 0)
      return packages[i].package;
  return g_str_has_prefix (factory, "avenc_") ? LIBAV : NULL;
}

const char *
he_encoder_device (const char *factory)
{
  static const struct {
    const char *prefix, *device;
  } devices[] = {
    { "nv", "an NVIDIA GPU with NVENC and its driver" },
    { "vaapi", "a GPU with VA-API and its driver" },
    { "va", "a GPU with VA-API and its driver" },
    { "qsv", "an Intel GPU with Quick Sync and its driver" },
    { "v4l2", "a V4L2 encoder device" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (devices); i++)
    if (g_str_has_prefix (factory, devices[i].prefix))
      return devices[i].device;
  return NULL;
}

/* x264 takes "key", "key=value" and "no-key", and '_' for '-'. */
static char *
option_key (const char *option)
{
  char *key = g_strndup (option, strcspn (option, "="));

  g_strdelimit (key, "_", '-');
  if (g_str_has_prefix (key, "no-"))
    memmove (key, key + strlen ("no-"), strlen (key + strlen ("no-")) + 1);
  return key;
}

static gboolean
has_key (char **options, const char *key)
{
  for (; *options != NULL; options++) {
    g_autofree char *other = option_key (*options);

    if (strcmp (other, key) == 0)
      return TRUE;
  }
  return FALSE;
}

char *
he_encoder_merge_options (const char *given, const char *wanted)
{
  g_auto (GStrv) have = g_strsplit (given != NULL ? given : "", ":", -1);
  g_auto (GStrv) want = g_strsplit (wanted, ":", -1);
  GString *merged = g_string_new (given);

  for (char **option = want; *option != NULL; option++) {
    g_autofree char *key = option_key (*option);

    if (has_key (have, key))
      continue;
    if (merged->len > 0 && merged->str[merged->len - 1] != ':')
      g_string_append_c (merged, ':');
    g_string_append (merged, *option);
  }
  return g_string_free (merged, FALSE);
}

void
he_encoder_delay (guint delay, guint *ret_prefill, guint *ret_frames)
{
  *ret_frames = (delay + HE_AUDIO_FRAME - 1) / HE_AUDIO_FRAME;
  *ret_prefill = *ret_frames * HE_AUDIO_FRAME - delay;
}
