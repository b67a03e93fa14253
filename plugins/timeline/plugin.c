/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
/* What GST_PLUGIN_DEFINE names the source module. */
#define PACKAGE PACKAGE_NAME

#include <gst/gst.h>

#include "gst-epochalign.h"
#include "gst-epochdemux.h"
#include "gst-segmentdecoder.h"
#include "gst-segmentencoder.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  gboolean ok = FALSE;

  ok |= GST_ELEMENT_REGISTER (epochdemux, plugin);
  ok |= GST_ELEMENT_REGISTER (epochalign, plugin);
  ok |= GST_ELEMENT_REGISTER (segmentdecoder, plugin);
  ok |= GST_ELEMENT_REGISTER (segmentencoder, plugin);
  return ok;
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, headendtimeline,
                   "Places a live feed on the epoch and cuts it into numbered segments",
                   plugin_init, PACKAGE_VERSION, "LGPL", PACKAGE_NAME, PACKAGE_ORIGIN)
