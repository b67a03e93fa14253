/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "standins.h"

#include <string.h>

/* --- Memory that cannot be mapped -------------------------------------------- */

#define MEMORY_TYPE "StandinCudaMemory"

typedef GstAllocator StandinAllocator;
typedef GstAllocatorClass StandinAllocatorClass;
GType standin_allocator_get_type (void);
G_DEFINE_TYPE (StandinAllocator, standin_allocator, GST_TYPE_ALLOCATOR)

static GstMemory *
cuda_alloc (GstAllocator *allocator, gsize size, GstAllocationParams *params)
{
  GstMemory *memory = g_new0 (GstMemory, 1);

  gst_memory_init (memory, 0, allocator, NULL, size, 0, 0, size);
  return memory;
}

static void
cuda_free (GstAllocator *allocator, GstMemory *memory)
{
  g_free (memory);
}

static gpointer
cuda_map (GstMemory *memory, gsize size, GstMapFlags flags)
{
  return NULL;
}

static void
standin_allocator_class_init (StandinAllocatorClass *klass)
{
  klass->alloc = cuda_alloc;
  klass->free = cuda_free;
}

static void
standin_allocator_init (StandinAllocator *self)
{
  self->mem_type = MEMORY_TYPE;
  self->mem_map = cuda_map;
  GST_OBJECT_FLAG_SET (self, GST_ALLOCATOR_FLAG_CUSTOM_ALLOC);
}

GstBuffer *
standin_cuda_frame (GstBuffer *like)
{
  static gsize allocator;
  GstBuffer *frame = gst_buffer_new ();

  if (g_once_init_enter (&allocator))
    g_once_init_leave (&allocator, (gsize)gst_object_ref_sink (g_object_new (
                                       standin_allocator_get_type (), NULL)));
  gst_buffer_append_memory (frame, cuda_alloc ((GstAllocator *)allocator, 16, NULL));
  if (like != NULL)
    gst_buffer_copy_into (frame, like, GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS,
                          0, -1);
  return frame;
}

gboolean
standin_is_cuda_frame (GstBuffer *buffer)
{
  return gst_buffer_n_memory (buffer) == 1
         && gst_memory_is_type (gst_buffer_peek_memory (buffer, 0), MEMORY_TYPE);
}

/* --- Properties -------------------------------------------------------------- */

static GQuark
record_quark (void)
{
  return g_quark_from_static_string ("standin-record");
}

void
standin_set_record (gpointer klass, const StandinRecord *record)
{
  g_type_set_qdata (G_TYPE_FROM_CLASS (klass), record_quark (), (gpointer)record);
}

const StandinRecord *
standin_record (gpointer klass)
{
  return g_type_get_qdata (G_TYPE_FROM_CLASS (klass), record_quark ());
}

void
standin_add_pads (GstElementClass *klass, const StandinRecord *record)
{
  g_autoptr (GstCaps) sink = gst_caps_from_string (record->sink);
  g_autoptr (GstCaps) src = gst_caps_from_string (record->src);

  gst_element_class_add_pad_template (
      klass, gst_pad_template_new ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, sink));
  gst_element_class_add_pad_template (
      klass, gst_pad_template_new ("src", GST_PAD_SRC, GST_PAD_ALWAYS, src));
  gst_element_class_set_metadata (klass, record->factory, "Test/Stand-in",
                                  "Stands in for an element that needs a GPU",
                                  "gst-headend");
}

static GType
enum_type (const char *factory, const StandinProperty *property, GType owner)
{
  g_auto (GStrv) nicks = g_strsplit (property->nicks, " ", -1);
  guint n = g_strv_length (nicks);
  GEnumValue *values = g_new0 (GEnumValue, n + 1); /* the type keeps them */
  g_autofree char *name = g_strdup_printf ("%s-%s", g_type_name (owner), property->name);

  for (guint i = 0; i < n; i++)
    values[i] = (GEnumValue) { (int)i, g_strdup (nicks[i]), g_strdup (nicks[i]) };
  return g_enum_register_static (name, values);
}

static gint
enum_value (GType type, const char *nick)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (type);

  return g_enum_get_value_by_nick (klass, nick)->value;
}

static GParamSpec *
make_pspec (const StandinRecord *record, const StandinProperty *p, GType owner)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  GType type;

  switch (p->type) {
    case STANDIN_BOOLEAN:
      return g_param_spec_boolean (p->name, p->name, p->name,
                                   strcmp (p->value, "true") == 0, flags);
    case STANDIN_INT:
      return g_param_spec_int (p->name, p->name, p->name, (gint)p->min, (gint)p->max,
                               (gint)g_ascii_strtoll (p->value, NULL, 10), flags);
    case STANDIN_UINT:
      return g_param_spec_uint (p->name, p->name, p->name, (guint)p->min, (guint)p->max,
                                (guint)g_ascii_strtoull (p->value, NULL, 10), flags);
    case STANDIN_DOUBLE:
      return g_param_spec_double (p->name, p->name, p->name, p->min, p->max,
                                  g_ascii_strtod (p->value, NULL), flags);
    case STANDIN_ENUM:
    default:
      type = enum_type (record->factory, p, owner);
      return g_param_spec_enum (p->name, p->name, p->name, type,
                                enum_value (type, p->value), flags);
  }
}

/* Values are kept as data of the object, by the property's name. */
static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GValue *kept = g_new0 (GValue, 1);

  g_value_init (kept, pspec->value_type);
  g_value_copy (value, kept);
  g_object_set_data_full (object, pspec->name, kept, g_free);
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  const GValue *kept = g_object_get_data (object, pspec->name);

  if (kept != NULL)
    g_value_copy (kept, value);
  else
    g_param_value_set_default (pspec, value);
}

void
standin_properties_install (GObjectClass *klass, const StandinRecord *record)
{
  guint id = 1;

  klass->set_property = set_property;
  klass->get_property = get_property;
  for (guint i = 0; i < G_N_ELEMENTS (record->properties); i++)
    for (const StandinProperty *p = record->properties[i]; p && p->name; p++)
      g_object_class_install_property (
          klass, id++, make_pspec (record, p, G_OBJECT_CLASS_TYPE (klass)));
}

/* --- Registration ------------------------------------------------------------ */

static gboolean
is_in (const StandinRecord *record, const char *set)
{
  g_auto (GStrv) sets = g_strsplit (record->sets, " ", -1);

  return g_strv_contains ((const char *const *)sets, set);
}

static gboolean
is_standin (GstElementFactory *factory)
{
  GType type = gst_element_factory_get_element_type (factory);

  /* A real one that is not loaded yet has no type. */
  return type != 0 && g_type_get_qdata (type, g_quark_from_static_string ("standin"));
}

static GType
type_of (const StandinRecord *record, gboolean poses)
{
  g_autofree char *name = g_strdup_printf ("%s%td-%s", poses ? "Poser" : "Standin",
                                           record - standin_records, record->factory);
  GType type = g_type_from_name (name);

  if (type != 0)
    return type;
  type = record->kind == STANDIN_ENCODER   ? standin_encoder_type (record, name)
         : record->kind == STANDIN_DECODER ? standin_decoder_type (record, name)
                                           : standin_transform_type (record, name);
  if (!poses)
    g_type_set_qdata (type, g_quark_from_static_string ("standin"), (gpointer)record);
  return type;
}

gboolean
standins_real (const char *set)
{
  for (const StandinRecord *record = standin_records; record->factory; record++) {
    g_autoptr (GstElementFactory) there
        = record->kind == STANDIN_ENCODER && is_in (record, set)
              ? gst_element_factory_find (record->factory)
              : NULL;

    if (there != NULL && !is_standin (there))
      return TRUE;
  }
  return FALSE;
}

/* A class keeps a pointer to its factory, so each is made once, and put into the registry
 * and taken out of it. */
static void
add (const StandinRecord *record)
{
  static GHashTable *factories;
  GstPluginFeature *factory;

  if (factories == NULL)
    factories = g_hash_table_new (NULL, NULL);
  factory = g_hash_table_lookup (factories, record);
  if (factory != NULL) {
    gst_registry_add_feature (gst_registry_get (), gst_object_ref (factory));
    return;
  }
  gst_element_register (NULL, record->factory, GST_RANK_NONE, type_of (record, FALSE));
  g_hash_table_insert (factories, (gpointer)record,
                       gst_element_factory_find (record->factory));
}

static gboolean
decodes (const char *set)
{
  for (const StandinRecord *record = standin_records; record->factory; record++)
    if (record->kind == STANDIN_DECODER && is_in (record, set))
      return TRUE;
  return FALSE;
}

/* Real encoders of another set stay, and are asked in its turn; a real decoder or scaler
 * may be preferred to those of a set that has some. */
static gboolean
goes (const StandinRecord *record, GstElementFactory *there, const char *set)
{
  return is_standin (there) || is_in (record, set)
         || (record->kind != STANDIN_ENCODER && decodes (set));
}

void
standins_install (const char *set)
{
  for (const StandinRecord *record = standin_records; record->factory; record++) {
    g_autoptr (GstElementFactory) there = gst_element_factory_find (record->factory);

    if (there != NULL && goes (record, there, set))
      gst_registry_remove_feature (gst_registry_get (), GST_PLUGIN_FEATURE (there));
  }
  for (const StandinRecord *record = standin_records; record->factory; record++)
    if (is_in (record, set))
      add (record);
}

void
standins_pose (const char *set, gboolean encoders)
{
  for (const StandinRecord *record = standin_records; record->factory; record++)
    if (is_in (record, set) && (encoders || record->kind != STANDIN_ENCODER))
      gst_element_register (NULL, record->factory, GST_RANK_NONE, type_of (record, TRUE));
}
