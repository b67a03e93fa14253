/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz-demux.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (HeDemux) demux = he_demux_new ("node");
  gboolean ok = TRUE;

  he_demux_expect (demux, size & 1, size >> 1 & 1);
  for (size_t at = 0; ok && at < size; at += 1316) {
    ok = he_demux_push (demux, data + at, MIN (1316, size - at), WALL + at * 9, NULL);
    take (demux);
  }
  if (ok && he_demux_finish (demux, WALL, NULL))
    take (demux);
  return 0;
}
