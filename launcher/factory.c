/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "factory.h"

#include <gst/gst.h>

gboolean
headend_factory_exists (const char *factory)
{
  if (!gst_is_initialized ())
    gst_init (NULL, NULL);
  g_autoptr (GstElementFactory) found = gst_element_factory_find (factory);
  if (!found)
    return FALSE;
  g_autoptr (GstPluginFeature) loaded
      = gst_plugin_feature_load (GST_PLUGIN_FEATURE (found));
  return loaded != NULL;
}
