/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"
#include "he-demux.h"

#define WALL (G_GUINT64_CONSTANT (1795000000) * 90000)

static void
take (HeDemux *demux)
{
  HeFrame frame = { 0 };
  HeDemuxEvent event;

  while ((event = he_demux_next (demux, &frame)) != HE_DEMUX_NOTHING) {
    if (event == HE_DEMUX_ANCHOR)
      he_demux_set_anchor (demux, he_demux_proposal (demux));
    he_frame_clear (&frame);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (HeDemux) demux = he_demux_new ("node");
  gboolean ok = TRUE;

  he_demux_set_flv (demux, 30000, 1001);
  for (size_t at = 0; ok && at < size; at += 1316) {
    ok = he_demux_push (demux, data + at, MIN (1316, size - at), WALL + at * 9, NULL);
    take (demux);
  }
  if (ok && he_demux_finish (demux, WALL, NULL))
    take (demux);
  return 0;
}
