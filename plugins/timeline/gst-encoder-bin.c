/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-encoder-bin.h"

#include "gst-probe.h"
#include "he-encoder.h"

static char *
remedy_for (const char *factory)
{
  const char *package = he_element_package (factory);
  const char *device = he_element_device (factory);

  if (package == NULL)
    return g_strdup ("install the plugin that has it, or name another encoder "
                     "(gst-inspect-1.0 lists those there are)");
  if (device == NULL)
    return g_strdup_printf ("install the Debian package %s", package);
  return g_strdup_printf ("it takes %s and the Debian package %s; without, use x264enc",
                          device, package);
}

static gboolean
say_missing (const char *description, GstParseContext *context, GError **error)
{
  g_auto (GStrv) missing = gst_parse_context_get_missing_elements (context);
  g_autofree char *remedy = NULL;

  if (missing == NULL)
    return FALSE;
  remedy = remedy_for (missing[0]);

  g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
               "encoder \"%s\": there is no element \"%s\"; %s", description, missing[0],
               remedy);
  return TRUE;
}

static gboolean
has_pad (GstElement *bin, const char *name)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (bin, name);

  return pad != NULL;
}

static void
adapt_setting (GstElement *element, const HeEncoderSetting *setting)
{
  GParamSpec *pspec
      = g_object_class_find_property (G_OBJECT_GET_CLASS (element), setting->property);
  g_auto (GValue) value = G_VALUE_INIT;

  g_value_init (&value, pspec->value_type);
  g_object_get_property (G_OBJECT (element), setting->property, &value);
  if (g_param_value_defaults (pspec, &value))
    gst_util_set_object_arg (G_OBJECT (element), setting->property, setting->value);
}

static void
adapt_options (GstElement *element, const char *options)
{
  g_autofree char *given = NULL;
  g_autofree char *merged = NULL;

  if (g_object_class_find_property (G_OBJECT_GET_CLASS (element), "option-string")
      == NULL)
    return;
  g_object_get (element, "option-string", &given, NULL);
  merged = he_encoder_merge_options (given, options);
  g_object_set (element, "option-string", merged, NULL);
}

typedef struct {
  HeProbe probe;
  guint delay;
  GError *error;
} Adapting;

static void
adapt (const GValue *item, gpointer user)
{
  static const HeEncoderRole roles[] = { HE_ROLE_KEYS, HE_ROLE_SCENES };
  GstElement *element = g_value_get_object (item);
  GstElementFactory *factory = gst_element_get_factory (element);
  Adapting *adapting = user;
  const HeEncoder *encoder;

  if (factory == NULL || adapting->error != NULL)
    return;
  encoder = he_encoder_find (GST_OBJECT_NAME (factory));
  if (encoder == NULL
      || !he_encoder_check_driver (encoder, &adapting->probe, &adapting->error))
    return;
  adapting->delay += encoder->delay;
  for (gsize i = 0; i < G_N_ELEMENTS (roles); i++) {
    const HeEncoderSetting *setting
        = he_encoder_setting (encoder, roles[i], &adapting->probe);

    if (setting != NULL)
      adapt_setting (element, setting);
  }
  if (encoder->options != NULL)
    adapt_options (element, encoder->options);
}

/* Few buffers: it is there for the thread, and pictures are large. */
static void
add_queue (GstElement *bin)
{
  GstElement *queue = gst_element_factory_make ("queue", NULL);
  g_autoptr (GstPad) ghost = gst_element_get_static_pad (bin, "sink");
  g_autoptr (GstPad) target = gst_ghost_pad_get_target (GST_GHOST_PAD (ghost));
  g_autoptr (GstPad) sink = gst_element_get_static_pad (queue, "sink");
  g_autoptr (GstPad) src = gst_element_get_static_pad (queue, "src");

  g_object_set (queue, "max-size-buffers", 8u, "max-size-bytes", 0u, "max-size-time",
                (guint64)0, NULL);
  gst_bin_add (GST_BIN (bin), queue);
  gst_ghost_pad_set_target (GST_GHOST_PAD (ghost), sink);
  gst_pad_link (src, target);
}

GstElement *
gst_headend_encoder_bin_new (const char *description, gboolean queued, guint *ret_delay,
                             GError **error)
{
  g_autoptr (GstParseContext) context = gst_parse_context_new ();
  g_autoptr (GError) parse_error = NULL;
  g_autoptr (GstElement) bin = NULL;
  Adapting adapting = { .probe = gst_headend_probe (HE_NVIDIA_VERSION_PATH) };
  GstIterator *elements;

  bin = gst_parse_bin_from_description_full (description, TRUE, context,
                                             GST_PARSE_FLAG_FATAL_ERRORS, &parse_error);
  if (bin != NULL)
    gst_object_ref_sink (bin);
  /* The list of missing elements also names those with a wrong property. */
  if (g_error_matches (parse_error, GST_PARSE_ERROR, GST_PARSE_ERROR_NO_SUCH_ELEMENT)
      && say_missing (description, context, error))
    return NULL;
  if (bin == NULL || parse_error != NULL) {
    g_set_error (error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS,
                 "encoder \"%s\": %s; write it as for gst-launch-1.0, for example "
                 "\"x264enc bitrate=800\"",
                 description, parse_error != NULL ? parse_error->message : "not a bin");
    return NULL;
  }
  if (!has_pad (bin, "sink") || !has_pad (bin, "src")) {
    g_set_error (error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS,
                 "encoder \"%s\": it must leave one sink pad and one source pad free, as "
                 "\"x264enc bitrate=800\" does",
                 description);
    return NULL;
  }

  elements = gst_bin_iterate_recurse (GST_BIN (bin));
  gst_iterator_foreach (elements, adapt, &adapting);
  gst_iterator_free (elements);
  if (adapting.error != NULL) {
    g_propagate_prefixed_error (error, adapting.error, "encoder \"%s\": ", description);
    return NULL;
  }
  if (queued)
    add_queue (bin);
  *ret_delay = adapting.delay;
  g_object_force_floating (G_OBJECT (bin));
  return g_steal_pointer (&bin);
}
