/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long pictures of a live source take through segmentencoder: a line for each, with
 * its number and the microseconds from its going in to its coming out.
 *
 *   boundary-delay AGREEMENT ENCODER WIDTH HEIGHT PICTURES */
#include <gst/gst.h>

#define FPS 25

static gint64 went_in[100000]; /* each element written before the picture goes on */

/* A live source begins between two places of the grid: rounded down, the first picture of
 * a segment has its boundary's number. */
static guint64
number_of (GstPadProbeInfo *info)
{
  return gst_util_uint64_scale (GST_BUFFER_PTS (GST_PAD_PROBE_INFO_BUFFER (info)), FPS,
                                GST_SECOND);
}

static GstPadProbeReturn
on_in (GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
  guint64 number = number_of (info);

  if (number < G_N_ELEMENTS (went_in))
    went_in[number] = g_get_monotonic_time ();
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
on_out (GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
  guint64 number = number_of (info);

  if (number < G_N_ELEMENTS (went_in) && went_in[number] > 0)
    g_print ("%" G_GUINT64_FORMAT " %" G_GINT64_FORMAT "\n", number,
             g_get_monotonic_time () - went_in[number]);
  return GST_PAD_PROBE_OK;
}

static void
probe (GstElement *encoder, const char *pad, GstPadProbeCallback callback)
{
  g_autoptr (GstPad) found = gst_element_get_static_pad (encoder, pad);

  gst_pad_add_probe (found, GST_PAD_PROBE_TYPE_BUFFER, callback, NULL, NULL);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  gst_init (&argc, &argv);
  if (argc != 6) {
    g_printerr ("usage: boundary-delay AGREEMENT ENCODER WIDTH HEIGHT PICTURES\n");
    return 2;
  }
  text = g_strdup_printf (
      "videotestsrc is-live=true pattern=ball num-buffers=%s ! "
      "video/x-raw,format=I420,width=%s,height=%s,framerate=%d/1 ! queue ! epochalign ! "
      "segmentencoder name=encoder agreement=%s ! fakesink sync=false",
      argv[5], argv[3], argv[4], FPS, argv[1]);
  g_autoptr (GstElement) pipeline = gst_parse_launch (text, &error);
  if (error) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  g_autoptr (GstElement) encoder = gst_bin_get_by_name (GST_BIN (pipeline), "encoder");
  g_object_set (encoder, "encoder", argv[2], NULL);
  probe (encoder, "sink", on_in);
  probe (encoder, "src", on_out);
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (
      bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS)
    return 0;
  gst_message_parse_error (message, &error, NULL);
  g_printerr ("%s\n", error->message);
  return 1;
}
