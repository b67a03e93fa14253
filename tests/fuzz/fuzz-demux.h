/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fuzz.h"
#include "he-demux.h"

#define WALL (G_GUINT64_CONSTANT (1795000000) * 90000)

/* Takes all that it has, and agrees to what it proposes. */
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
