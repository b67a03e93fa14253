/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An application that shows its token with each request that GStreamer lets it have a
 * word in, as a set-top box does: to no end, or to the first error, which is exit code 1.
 * Tells of each picture as gst-launch-1.0 -v does.
 *
 *   BEARER=TOKEN header-player uridecodebin|uridecodebin3 URI */
#include <gst/gst.h>

static void
set_header (GstBin *bin, GstBin *sub_bin, GstElement *element, gpointer value)
{
  (void)bin, (void)sub_bin;
  if (!g_object_class_find_property (G_OBJECT_GET_CLASS (element), "extra-headers"))
    return;
  g_autoptr (GstStructure) headers
      = gst_structure_new ("headers", "Authorization", G_TYPE_STRING, value, NULL);
  g_object_set (element, "extra-headers", headers, NULL);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  const char *token = g_getenv ("BEARER");
  if (argc != 3 || !token) {
    g_printerr ("usage: BEARER=TOKEN header-player DECODER URI\n");
    return 2;
  }
  g_autofree char *value = g_strconcat ("Bearer ", token, NULL);
  g_autofree char *line = g_strdup_printf (
      "%s name=d d. ! video/x-raw ! queue ! fakesink sync=true silent=false "
      "d. ! audio/x-raw ! queue ! fakesink sync=true",
      argv[1]);
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch (line, &error);
  if (!pipeline) {
    g_printerr ("ERROR: %s\n", error->message);
    return 2;
  }
  g_autoptr (GstElement) decoder = gst_bin_get_by_name (GST_BIN (pipeline), "d");
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);

  g_object_set (decoder, "uri", argv[2], NULL);
  g_signal_connect (pipeline, "deep-element-added", G_CALLBACK (set_header), value);
  g_signal_connect (pipeline, "deep-notify", G_CALLBACK (gst_object_default_deep_notify),
                    NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (
      bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, NULL);
    g_print ("ERROR: %s\n", error->message);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return 1;
}
