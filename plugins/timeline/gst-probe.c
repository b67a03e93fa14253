/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-probe.h"

static GstElementFactory *
load (const char *name)
{
  g_autoptr (GstElementFactory) found = NULL;

  if (!gst_is_initialized ())
    gst_init (NULL, NULL);
  found = gst_element_factory_find (name);
  return found != NULL
             ? (GstElementFactory *)gst_plugin_feature_load (GST_PLUGIN_FEATURE (found))
             : NULL;
}

/* As gst-launch would set it, and unchanged by the property's range. */
static gboolean
takes_value (GParamSpec *pspec, const char *text)
{
  g_auto (GValue) value = G_VALUE_INIT;

  g_value_init (&value, pspec->value_type);
  return gst_value_deserialize_with_pspec (&value, text, pspec)
         && !g_param_value_validate (pspec, &value);
}

static gboolean
has (gpointer user, const char *factory, const char *property, const char *value)
{
  g_autoptr (GstElementFactory) loaded = load (factory);
  g_autoptr (GTypeClass) klass = NULL;
  GParamSpec *pspec;

  if (loaded == NULL || property == NULL)
    return loaded != NULL;
  klass = g_type_class_ref (gst_element_factory_get_element_type (loaded));
  pspec = g_object_class_find_property (G_OBJECT_CLASS (klass), property);
  if (pspec == NULL || value == NULL)
    return pspec != NULL;
  return takes_value (pspec, value);
}

/* The class knows this machine as it is; the factory, as it was when the registry was
 * written. */
static gboolean
can_sink (GstElementFactory *loaded, const GstCaps *caps)
{
  g_autoptr (GTypeClass) klass
      = g_type_class_ref (gst_element_factory_get_element_type (loaded));
  GList *at = gst_element_class_get_pad_template_list (GST_ELEMENT_CLASS (klass));

  for (; at != NULL; at = at->next) {
    g_autoptr (GstCaps) own = gst_pad_template_get_caps (at->data);

    if (GST_PAD_TEMPLATE_DIRECTION (at->data) == GST_PAD_SINK
        && gst_caps_can_intersect (own, caps))
      return TRUE;
  }
  return FALSE;
}

static gboolean
takes (gpointer user, const char *factory, HeMemory memory, const char *format)
{
  g_autoptr (GstElementFactory) loaded = load (factory);
  const char *feature = he_memory_feature (memory);
  g_autoptr (GstCaps) caps = NULL;

  if (loaded == NULL)
    return FALSE;
  caps = gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, format,
                              "interlace-mode", G_TYPE_STRING, "progressive", NULL);
  if (feature != NULL)
    gst_caps_set_features (caps, 0, gst_caps_features_new (feature, NULL));
  return can_sink (loaded, caps);
}

HeProbe
gst_headend_probe (const char *nvidia_version_path)
{
  g_autofree char *text = NULL;

  g_file_get_contents (nvidia_version_path, &text, NULL, NULL);
  return (HeProbe) {
    .has = has,
    .takes = takes,
    .nvidia_driver = text != NULL ? he_nvidia_driver (text) : 0,
  };
}
