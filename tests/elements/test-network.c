/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network.h"

/* Elements that say what the test put into their mouths, under the names of others. */

static void
say (GstElement *teller, GstStructure *stats)
{
  g_object_set_data_full (G_OBJECT (teller), "said", stats,
                          (GDestroyNotify)gst_structure_free);
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_boxed (value, g_object_get_data (object, "said"));
}

static void
class_init (gpointer klass, gpointer data)
{
  gst_element_class_set_static_metadata (klass, "Teller", "Source", "For tests",
                                         "nobody");
  G_OBJECT_CLASS (klass)->get_property = get_property;
  g_object_class_install_property (klass, 1,
                                   g_param_spec_boxed ("stats", "Stats", "What was said",
                                                       GST_TYPE_STRUCTURE,
                                                       G_PARAM_READABLE));
}

static void
register_teller (const char *factory)
{
  g_autofree char *name = g_strdup_printf ("Test-%s", factory);
  GType type
      = g_type_register_static_simple (GST_TYPE_ELEMENT, name, sizeof (GstElementClass),
                                       class_init, sizeof (GstElement), NULL, 0);
  g_assert_true (gst_element_register (NULL, factory, GST_RANK_NONE, type));
}

static GstElement *
add_teller (GstElement *pipeline, const char *factory)
{
  GstElement *teller = gst_element_factory_make (factory, NULL);
  g_assert_nonnull (teller);
  g_assert_cmpstr (g_type_name_from_instance ((GTypeInstance *)teller), ==,
                   factory[0] == 's' ? "Test-srtsrc" : "Test-rtpjitterbuffer");
  gst_bin_add (GST_BIN (pipeline), teller);
  return teller;
}

static GstStructure *
lost (GType type, int number)
{
  GstStructure *stats = gst_structure_new_empty ("stats");
  if (type == G_TYPE_INT64)
    gst_structure_set (stats, "packets-received-lost", type, (gint64)number, NULL);
  else
    gst_structure_set (stats, "packets-received-lost", type, number, NULL);
  return stats;
}

static GstStructure *
jitter (guint64 n_lost, guint64 late, guint64 twice)
{
  return gst_structure_new ("stats", "num-lost", G_TYPE_UINT64, n_lost, "num-late",
                            G_TYPE_UINT64, late, "num-duplicates", G_TYPE_UINT64, twice,
                            NULL);
}

/* Takes stats. */
static GstStructure *
of_caller (GstStructure *stats)
{
  GstStructure *all = gst_structure_new_empty ("stats");
  GValue caller = G_VALUE_INIT, list = G_VALUE_INIT;
  g_value_init (&caller, GST_TYPE_STRUCTURE);
  g_value_take_boxed (&caller, stats);
  G_GNUC_BEGIN_IGNORE_DEPRECATIONS
  GValueArray *callers = g_value_array_new (1);
  g_value_array_append (callers, &caller);
  g_value_init (&list, g_value_array_get_type ());
  G_GNUC_END_IGNORE_DEPRECATIONS
  g_value_take_boxed (&list, callers);
  gst_structure_take_value (all, "callers", &list);
  g_value_unset (&caller);
  return all;
}

static guint64
count_of (HeadendNetwork *network, GstElement *pipeline, HeInputCount count)
{
  HeInput input = { .counts = { [HE_INPUT_TWICE] = 1000 } };
  headend_network_look (network, pipeline);
  headend_network_add (network, &input);
  return input.counts[count];
}

/* Given SRT that calls or is called, of either type of number, then what it lost is
 * counted, over all times that it was opened; and nothing while nobody has called. */
static void
test_srt (void)
{
  g_autoptr (GstElement) pipeline = gst_object_ref_sink (gst_pipeline_new (NULL));
  GstElement *teller = add_teller (pipeline, "srtsrc");
  HeadendNetwork network = { 0 };
  g_assert_cmpuint (count_of (&network, pipeline, HE_INPUT_LOST), ==, 0);
  say (teller, lost (G_TYPE_INT, 7));
  g_assert_cmpuint (count_of (&network, pipeline, HE_INPUT_LOST), ==, 7);
  say (teller, lost (G_TYPE_INT64, 9));
  g_assert_cmpuint (count_of (&network, pipeline, HE_INPUT_LOST), ==, 9);
  say (teller, gst_structure_new_empty ("stats"));
  g_assert_cmpuint (count_of (&network, pipeline, HE_INPUT_LOST), ==, 9);
  say (teller, of_caller (lost (G_TYPE_INT, 3)));
  g_assert_cmpuint (count_of (&network, pipeline, HE_INPUT_LOST), ==, 12);
  say (teller, of_caller (lost (G_TYPE_INT, 2)));
  g_assert_cmpuint (count_of (&network, pipeline, HE_INPUT_LOST), ==, 14);
  g_assert_cmpuint (count_of (&network, pipeline, HE_INPUT_TWICE), ==, 1000);
}

/* Given pictures and sound that come by RTP each for itself, then they are added up, to
 * what was counted elsewhere too. */
static void
test_rtp (void)
{
  g_autoptr (GstElement) pipeline = gst_object_ref_sink (gst_pipeline_new (NULL));
  GstElement *pictures = add_teller (pipeline, "rtpjitterbuffer");
  GstElement *sound = add_teller (pipeline, "rtpjitterbuffer");
  HeadendNetwork network = { 0 };
  say (pictures, jitter (1, 20, 300));
  say (sound, jitter (4, 50, 600));
  g_assert_cmpuint (count_of (&network, pipeline, HE_INPUT_LOST), ==, 5);
  g_assert_cmpuint (count_of (&network, pipeline, HE_INPUT_LATE), ==, 70);
  g_assert_cmpuint (count_of (&network, pipeline, HE_INPUT_TWICE), ==, 1900);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  register_teller ("srtsrc");
  register_teller ("rtpjitterbuffer");
  g_test_add_func ("/network/srt-calls-or-is-called", test_srt);
  g_test_add_func ("/network/rtp-of-pictures-and-sound", test_rtp);
  return g_test_run ();
}
