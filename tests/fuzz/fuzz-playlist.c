/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Playlists are written from descriptions (fuzz-viewer reads some): whatever a description
 * may hold, each line of them is a tag or one of our relative URIs. */
#include <string.h>
#include "description.h"
#include "fuzz.h"
#include "he-playlist.h"
#include "plan.h"

const char *const fuzz_seeds[] = {
  "{\"channels\":[{\"name\":\"demo\",\"source\":\"srt://h:1\",\"video\":[{\"width\":640,"
  "\"height\":360,\"bitrate\":800,\"name\":\"low\"},{\"width\":1280,\"height\":720,"
  "\"bitrate\":2500}],\"audio\":[{\"name\":\"en\",\"language\":\"en-GB\"},{\"track\":1,"
  "\"name\":\"de\",\"language\":\"de\",\"channels\":1}],\"tier\":\"hd\",\"key-rotation\":2}]}",
  "{\"channels\":[{\"name\":\"radio\",\"source\":\"udp://127.0.0.1:1\",\"encryption\":"
  "\"none\",\"segment-duration\":{\"ticks\":180180},\"window\":3,\"video\":[{\"width\":"
  "640,\"height\":360,\"bitrate\":800,\"frame-rate\":\"30000/1001\"}],\"audio\":[{}]}]}",
  NULL,
};

static void
check (const char *playlist)
{
  g_auto (GStrv) lines = g_strsplit (playlist, "\n", -1);
  guint n = g_strv_length (lines);

  if (n < 3 || strcmp (lines[0], "#EXTM3U") != 0 || *lines[n - 1])
    g_abort ();
  for (guint i = 0; i + 1 < n; i++) {
    guint quotes = 0;

    if (*lines[i] == '#' ? !g_str_has_prefix (lines[i], "#EXT")
                         : !g_ascii_isalnum (*lines[i]) || strstr (lines[i], "..") != NULL)
      g_abort ();
    for (const char *c = lines[i]; *c; c++) {
      quotes += *c == '"';
      if (*c < ' ' || *c > '~')
        g_abort ();
    }
    if (quotes % 2)
      g_abort ();
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (HeadendModel) model = headend_description_parse (
      (const char *)data, (gssize)size, "d.json", "/srv", NULL);
  const HeAnchor anchor = { .generation = 1, .offset90 = -90000, .wall_offset90 = 12345 };

  for (guint i = 0; model && i < model->channels->len; i++) {
    g_autoptr (HeChannel) channel = headend_plan_channel (model->channels->pdata[i]);
    g_autofree char *main = he_playlist_multivariant (channel);

    check (main);
    for (guint j = 0; j < channel->renditions->len; j++) {
      g_autofree char *media
          = he_playlist_media (channel, channel->renditions->pdata[j], &anchor, 850000000,
                               850000000 + channel->window - 1);
      check (media);
    }
  }
  return 0;
}
