/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network.h"

static const struct {
  const char *factory, *field;
  HeInputCount count;
} told[] = {
  { "srtsrc", "packets-received-lost", HE_INPUT_LOST },
  { "rtpjitterbuffer", "num-lost", HE_INPUT_LOST },
  { "rtpjitterbuffer", "num-late", HE_INPUT_LATE },
  { "rtpjitterbuffer", "num-duplicates", HE_INPUT_TWICE },
};

/* SRT's are of another type in every second version. */
static guint64
number_of (const GstStructure *stats, const char *field)
{
  const GValue *value = gst_structure_get_value (stats, field);
  GValue number = G_VALUE_INIT;
  g_value_init (&number, G_TYPE_INT64);
  gboolean good = value && g_value_transform (value, &number);
  gint64 result = good ? g_value_get_int64 (&number) : 0;
  g_value_unset (&number);
  return (guint64)MAX (result, 0);
}

/* One that is called tells of each caller. */
static guint64
number_of_callers (const GstStructure *stats, const char *field)
{
  const GValue *value = gst_structure_get_value (stats, "callers");
  guint64 sum = 0;
  G_GNUC_BEGIN_IGNORE_DEPRECATIONS
  const GValueArray *callers = value && G_VALUE_HOLDS (value, g_value_array_get_type ())
                                   ? g_value_get_boxed (value)
                                   : NULL;
  G_GNUC_END_IGNORE_DEPRECATIONS
  for (guint i = 0; callers && i < callers->n_values; i++)
    if (GST_VALUE_HOLDS_STRUCTURE (&callers->values[i]))
      sum += number_of (gst_value_get_structure (&callers->values[i]), field);
  return sum;
}

static void
sum_up (GstElement *element, guint64 *sums)
{
  g_autoptr (GstStructure) stats = NULL;
  GstElementFactory *factory = gst_element_get_factory (element);
  g_object_get (element, "stats", &stats, NULL);
  for (guint i = 0; stats && i < G_N_ELEMENTS (told); i++)
    if (g_str_equal (GST_OBJECT_NAME (factory), told[i].factory))
      sums[told[i].count]
          += number_of (stats, told[i].field) + number_of_callers (stats, told[i].field);
}

void
headend_network_look (HeadendNetwork *network, GstElement *pipeline)
{
  static const char *const factories[] = { "srtsrc", "rtpjitterbuffer" };
  guint64 sums[HE_INPUT_COUNTS] = { 0 };
  for (guint i = 0; i < G_N_ELEMENTS (factories); i++) {
    GstIterator *iterator
        = gst_bin_iterate_all_by_element_factory_name (GST_BIN (pipeline), factories[i]);
    GValue item = G_VALUE_INIT;
    while (gst_iterator_next (iterator, &item) == GST_ITERATOR_OK) {
      sum_up (g_value_get_object (&item), sums);
      g_value_reset (&item);
    }
    g_value_unset (&item);
    gst_iterator_free (iterator);
  }
  for (guint i = 0; i < HE_INPUT_COUNTS; i++) {
    if (sums[i] < network->now[i])
      network->past[i] += network->now[i];
    network->now[i] = sums[i];
  }
}

void
headend_network_add (const HeadendNetwork *network, HeInput *input)
{
  for (guint i = 0; i < HE_INPUT_COUNTS; i++)
    input->counts[i] += network->past[i] + network->now[i];
}
