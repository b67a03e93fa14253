/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
/* What GST_PLUGIN_DEFINE names the source module. */
#define PACKAGE PACKAGE_NAME

#include <gst/gst.h>

#include "gst-forensicdetect.h"
#include "gst-forensicmark.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  /* Which memory forensicmark takes is looked at again when a driver comes or goes. */
  gst_plugin_add_dependency_simple (
      plugin, NULL,
      "/usr/lib/x86_64-linux-gnu:/usr/lib/aarch64-linux-gnu:/usr/lib64:/usr/lib",
      "libcuda.so.1,libnvrtc.so,libgstcuda-1.0.so.0", GST_PLUGIN_DEPENDENCY_FLAG_NONE);
  return GST_ELEMENT_REGISTER (forensicmark, plugin)
         && GST_ELEMENT_REGISTER (forensicdetect, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, headendwatermark,
                   "Marks pictures so that a leak names the viewer it came from",
                   plugin_init, PACKAGE_VERSION, "LGPL", PACKAGE_NAME, PACKAGE_ORIGIN)
