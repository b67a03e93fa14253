/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a viewer reads: playlists, and a segment as pictures and as sound. */
#include "fuzz.h"
#include "viewer-playlist.h"
#include "viewer-streams.h"

const char *const fuzz_seeds[] = {
  "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:8\n"
  "#EXT-X-KEY:METHOD=AES-128,URI=\"../k\",IV=0x000102030405060708090a0b0c0d0e0f\n"
  "#EXTINF:2.000,\n8.ts\n#EXT-X-ENDLIST\n",
  "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"en/i.m3u8\"\n"
  "#EXT-X-STREAM-INF:BANDWIDTH=800,AUDIO=\"a\"\nv/i.m3u8\n",
  NULL,
};

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *video = NULL, *audio = NULL;
  g_autoptr (HeadendPlaylist) playlist
      = headend_playlist_parse ((const char *)data, size, NULL);
  headend_playlist_choose ((const char *)data, size, &video, &audio, NULL);

  g_autoptr (GBytes) segment = g_bytes_new (data, size);
  for (guint track = 0; track < HEADEND_TRACKS; track++) {
    HeadendLedger ledger;
    headend_ledger_init (
        &ledger, &(HeadendLedgerRules) {
                     .fps_n = 25, .fps_d = 1, .rate = 48000, .duration90 = 180000 });
    g_autoptr (HeadendStreams) streams = headend_streams_new (&ledger, track, NULL, NULL);
    headend_streams_push (streams, 7, segment);
  }
  return 0;
}
