/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <gst/gst.h>

#include "he-json.h"

/* plugin-cache MODULE...: what the elements of these plugin modules say of themselves, as
 * one line of JSON in the manner of GStreamer's gst_plugins_cache.json. Only what is the
 * elements' own: what they inherit depends on GStreamer's version.
 */

static const char *
mutable_name (GParamFlags flags)
{
  return flags & GST_PARAM_MUTABLE_PLAYING  ? "playing"
         : flags & GST_PARAM_MUTABLE_PAUSED ? "paused"
         : flags & GST_PARAM_MUTABLE_READY  ? "ready"
                                            : "null";
}

static void
write_limits (HeJsonWriter *json, GParamSpec *pspec)
{
  g_autofree char *min = NULL, *max = NULL;

#define LIMITS(Type, TYPE, format)                                                       \
  if (G_IS_PARAM_SPEC_##TYPE (pspec)) {                                                  \
    min = g_strdup_printf ("%" format, ((GParamSpec##Type *)pspec)->minimum);            \
    max = g_strdup_printf ("%" format, ((GParamSpec##Type *)pspec)->maximum);            \
  }
  LIMITS (UInt, UINT, "u")
  LIMITS (Int, INT, "d")
  LIMITS (UInt64, UINT64, G_GUINT64_FORMAT)
  LIMITS (Int64, INT64, G_GINT64_FORMAT)
  LIMITS (Double, DOUBLE, "g")
#undef LIMITS
  if (min == NULL)
    return;
  he_json_writer_string (json, "min", min);
  he_json_writer_string (json, "max", max);
}

static gboolean
write_field (GQuark id, const GValue *value, gpointer json)
{
  he_json_writer_string (json, g_quark_to_string (id), G_VALUE_TYPE_NAME (value));
  return TRUE;
}

/* What a new object has, and of a structure its fields; without an object, what the class
 * declares. */
static void
write_default (HeJsonWriter *json, GObject *object, GParamSpec *pspec)
{
  g_auto (GValue) value = G_VALUE_INIT;
  g_autofree char *text = NULL;

  g_value_init (&value, pspec->value_type);
  if (object != NULL)
    g_object_get_property (object, pspec->name, &value);
  else
    g_param_value_set_default (pspec, &value);
  if (GST_VALUE_HOLDS_STRUCTURE (&value)) {
    const GstStructure *fields = gst_value_get_structure (&value);
    if (fields == NULL)
      return;
    he_json_writer_open_object (json, "fields");
    gst_structure_foreach (fields, write_field, json);
    he_json_writer_close (json);
    return;
  }
  if (G_VALUE_HOLDS_STRING (&value))
    text = g_value_dup_string (&value);
  else if (G_VALUE_HOLDS_ENUM (&value))
    text = g_strdup (g_enum_get_value (g_type_class_peek (pspec->value_type),
                                       g_value_get_enum (&value))
                         ->value_nick);
  else
    text = gst_value_serialize (&value);
  he_json_writer_string (json, "default", text != NULL ? text : "NULL");
}

static void
write_values (HeJsonWriter *json, GType type)
{
  GEnumClass *klass = g_type_class_ref (type);

  he_json_writer_open_array (json, "values");
  for (guint i = 0; i < klass->n_values; i++) {
    he_json_writer_open_object (json, NULL);
    he_json_writer_string (json, "name", klass->values[i].value_nick);
    he_json_writer_string (json, "desc", klass->values[i].value_name);
    he_json_writer_close (json);
  }
  he_json_writer_close (json);
  g_type_class_unref (klass);
}

static void
write_property (HeJsonWriter *json, GObject *object, GParamSpec *pspec)
{
  he_json_writer_open_object (json, pspec->name);
  he_json_writer_string (json, "type", g_type_name (pspec->value_type));
  he_json_writer_string (json, "blurb", g_param_spec_get_blurb (pspec));
  he_json_writer_string (json, "mutable", mutable_name (pspec->flags));
  he_json_writer_boolean (json, "readable", (pspec->flags & G_PARAM_READABLE) != 0);
  he_json_writer_boolean (json, "writable", (pspec->flags & G_PARAM_WRITABLE) != 0);
  he_json_writer_boolean (json, "construct-only",
                          (pspec->flags & G_PARAM_CONSTRUCT_ONLY) != 0);
  write_limits (json, pspec);
  if (G_TYPE_IS_ENUM (pspec->value_type))
    write_values (json, pspec->value_type);
  if (pspec->flags & G_PARAM_READABLE)
    write_default (json, object, pspec);
  he_json_writer_close (json);
}

static void
write_properties (HeJsonWriter *json, GObjectClass *klass, GObject *object)
{
  guint n = 0;
  g_autofree GParamSpec **list = g_object_class_list_properties (klass, &n);

  he_json_writer_open_object (json, "properties");
  for (guint i = 0; i < n; i++)
    if (list[i]->owner_type == G_OBJECT_CLASS_TYPE (klass))
      write_property (json, object, list[i]);
  he_json_writer_close (json);
}

static void
write_signals (HeJsonWriter *json, GType type)
{
  guint n = 0;
  g_autofree guint *ids = g_signal_list_ids (type, &n);

  he_json_writer_open_object (json, "signals");
  for (guint i = 0; i < n; i++) {
    GSignalQuery query;

    g_signal_query (ids[i], &query);
    he_json_writer_open_object (json, query.signal_name);
    he_json_writer_string (json, "return-type", g_type_name (query.return_type));
    he_json_writer_boolean (json, "action", (query.signal_flags & G_SIGNAL_ACTION) != 0);
    he_json_writer_open_array (json, "args");
    for (guint k = 0; k < query.n_params; k++)
      he_json_writer_string (json, NULL, g_type_name (query.param_types[k]));
    he_json_writer_close (json);
    he_json_writer_close (json);
  }
  he_json_writer_close (json);
}

static const char *
presence_name (GstPadPresence presence)
{
  return presence == GST_PAD_ALWAYS      ? "always"
         : presence == GST_PAD_SOMETIMES ? "sometimes"
                                         : "request";
}

static void
write_pads (HeJsonWriter *json, GstElementFactory *factory, GstElement *element)
{
  const GList *l = gst_element_factory_get_static_pad_templates (factory);

  he_json_writer_open_object (json, "pad-templates");
  for (; l != NULL; l = l->next) {
    GstStaticPadTemplate *known = l->data;
    GstPadTemplate *template
        = gst_element_get_pad_template (element, known->name_template);
    g_autoptr (GstCaps) caps = gst_pad_template_get_documentation_caps (template);
    g_autofree char *text = gst_caps_to_string (caps);
    GType type = G_TYPE_NONE;

    g_object_get (template, "gtype", &type, NULL);
    he_json_writer_open_object (json, known->name_template);
    he_json_writer_string (json, "caps", text);
    he_json_writer_string (json, "direction",
                           known->direction == GST_PAD_SRC ? "src" : "sink");
    he_json_writer_string (json, "presence", presence_name (known->presence));
    if (type != GST_TYPE_PAD && type != G_TYPE_NONE) {
      GObjectClass *klass = g_type_class_ref (type);
      he_json_writer_string (json, "type", g_type_name (type));
      write_properties (json, klass, NULL);
      g_type_class_unref (klass);
    }
    he_json_writer_close (json);
  }
  he_json_writer_close (json);
}

static void
write_element (HeJsonWriter *json, GstElementFactory *factory)
{
  static const char *const metadata[]
      = { GST_ELEMENT_METADATA_LONGNAME, GST_ELEMENT_METADATA_KLASS,
          GST_ELEMENT_METADATA_DESCRIPTION, GST_ELEMENT_METADATA_AUTHOR };
  GstElement *element = gst_element_factory_create (factory, NULL);

  g_assert_nonnull (element);
  gst_object_ref_sink (element);
  he_json_writer_open_object (json, GST_OBJECT_NAME (factory));
  for (guint i = 0; i < G_N_ELEMENTS (metadata); i++)
    he_json_writer_string (json, metadata[i],
                           gst_element_factory_get_metadata (factory, metadata[i]));
  he_json_writer_uint64 (json, "rank",
                         gst_plugin_feature_get_rank (GST_PLUGIN_FEATURE (factory)));
  write_pads (json, factory, element);
  write_properties (json, G_OBJECT_GET_CLASS (element), G_OBJECT (element));
  write_signals (json, G_OBJECT_TYPE (element));
  he_json_writer_close (json);
  gst_object_unref (element);
}

static void
write_plugin (HeJsonWriter *json, GstPlugin *plugin)
{
  const char *name = gst_plugin_get_name (plugin);
  GList *features = gst_registry_get_feature_list_by_plugin (gst_registry_get (), name);

  he_json_writer_open_object (json, name);
  he_json_writer_string (json, "description", gst_plugin_get_description (plugin));
  he_json_writer_string (json, "license", gst_plugin_get_license (plugin));
  he_json_writer_string (json, "package", gst_plugin_get_package (plugin));
  he_json_writer_string (json, "source", gst_plugin_get_source (plugin));
  he_json_writer_open_object (json, "elements");
  for (GList *l = features; l != NULL; l = l->next)
    if (GST_IS_ELEMENT_FACTORY (l->data))
      write_element (json, l->data);
  he_json_writer_close (json);
  he_json_writer_close (json);
  gst_plugin_feature_list_free (features);
}

int
main (int argc, char **argv)
{
  HeJsonWriter *json = he_json_writer_new ();
  g_autofree char *text = NULL;

  g_setenv ("GST_REGISTRY_DISABLE", "yes", TRUE); /* these modules, not installed ones */
  gst_init (NULL, NULL);
  he_json_writer_open_object (json, NULL);
  for (int i = 1; i < argc; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GstPlugin) plugin = gst_plugin_load_file (argv[i], &error);

    if (plugin == NULL) {
      g_printerr ("%s: %s\n", argv[i], error->message);
      he_json_writer_free (json);
      return 1;
    }
    write_plugin (json, plugin);
  }
  text = he_json_writer_end (json);
  puts (text); /* UTF-8, whatever the locale */
  return 0;
}
