/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
/* What GST_PLUGIN_DEFINE names the source module. */
#define PACKAGE PACKAGE_NAME

#include <gst/gst.h>

#include "gst-hlsgatesink.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  return GST_ELEMENT_REGISTER (hlsgatesink, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, headendhls,
                   "Writes HLS segments, serves them through a gate and publishes them",
                   plugin_init, PACKAGE_VERSION, "LGPL", PACKAGE_NAME, PACKAGE_ORIGIN)
