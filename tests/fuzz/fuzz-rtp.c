/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz-demux.h"

/* Packets of up to 255 bytes, each behind its length. */
int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const HeRtpSession session
      = { .video = 96, .audio = 97, .config = { 0x11, 0x90 }, .config_len = 2 };
  g_autoptr (HeDemux) demux = he_demux_new ("node");
  guint64 wall90 = WALL;

  if (!he_demux_set_rtp (demux, &session, NULL))
    g_abort ();
  while (size > 1) {
    size_t len = MIN (data[0], size - 1);
    g_autofree guint8 *packet = g_memdup2 (data + 1, len);

    he_demux_push (demux, packet, len, wall90, NULL);
    take (demux);
    wall90 += 3600;
    data += 1 + len;
    size -= 1 + len;
  }
  if (he_demux_finish (demux, wall90, NULL))
    take (demux);
  return 0;
}
