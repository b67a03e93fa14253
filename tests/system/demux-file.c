/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Demuxes a file to its end or to the first error: exit code 0 or 1, 3 when neither comes. What
 * gst-launch-1.0 would do, but that of 1.22 may itself wait for ever where an error meets the
 * start, with stock elements alone as well.
 *
 *   demux-file FILE */
#include <gst/gst.h>

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch (
      "filesrc name=file ! epochdemux name=d d.video_0 ! queue ! fakesink "
      "d.audio_0 ! queue ! fakesink",
      &error);
  if (!pipeline || argc != 2) {
    g_printerr ("%s\n", error ? error->message : "usage: demux-file FILE");
    return 2;
  }
  g_autoptr (GstElement) file = gst_bin_get_by_name (GST_BIN (pipeline), "file");
  g_object_set (file, "location", argv[1], NULL);
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (
      bus, 30 * GST_SECOND, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  int code = 0;
  if (!message) {
    code = 3;
  } else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, NULL);
    g_printerr ("ERROR: %s\n", error->message);
    code = 1;
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return code;
}
