/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include <gst/gst.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "factory.h"
#include "he-error.h"
#include "probe.h"

#define DECODE_TIMEOUT (10 * GST_SECOND)
#define LIFETIME 20 /* seconds; a decoder that hangs must not stay */

static GBytes *
read_segment (GError **error)
{
  g_autoptr (GByteArray) all = g_byte_array_new ();
  guint8 piece[65536];
  gssize got;
  while ((got = read (STDIN_FILENO, piece, sizeof piece)) > 0 && all->len < HEADEND_SEGMENT_MAX)
    g_byte_array_append (all, piece, (guint)got);
  if (got == 0 && all->len > 0)
    return g_byte_array_free_to_bytes (g_steal_pointer (&all));
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
               "the segment is empty, cannot be read, or has more than %d bytes",
               HEADEND_SEGMENT_MAX);
  return NULL;
}

static void
push (GstElement *pipeline, GBytes *clear)
{
  g_autoptr (GstElement) source = gst_bin_get_by_name (GST_BIN (pipeline), "in");
  g_autoptr (GstBuffer) buffer = gst_buffer_new_wrapped_bytes (clear);
  GstFlowReturn flow;
  g_signal_emit_by_name (source, "push-buffer", buffer, &flow);
  g_signal_emit_by_name (source, "end-of-stream", &flow);
}

static gboolean
decode (GBytes *clear, const char *codec, GError **error)
{
  g_autofree char *text
      = g_strdup_printf ("appsrc name=in caps=video/mpegts,systemstream=true ! tsdemux "
                         "! %sparse ! avdec_%s max-threads=1 "
                         "! fakesink name=out sync=false num-buffers=1",
                         codec, codec);
  g_autoptr (GstElement) pipeline = gst_parse_launch (text, error);
  if (!pipeline)
    return FALSE;
  gst_object_ref_sink (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  push (pipeline, clear);

  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (
      bus, DECODE_TIMEOUT, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_autoptr (GstElement) out = gst_bin_get_by_name (GST_BIN (pipeline), "out");
  g_autoptr (GstSample) picture = NULL;
  g_object_get (out, "last-sample", &picture, NULL);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  if (picture)
    return TRUE;
  if (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    gst_message_parse_error (message, error, NULL);
  else
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "no picture comes out of its decoder");
  return FALSE;
}

int
headend_cmd_decode (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  gboolean h265 = argc == 2 && strcmp (argv[1], "h265") == 0;
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  alarm (LIFETIME);
  g_autoptr (GBytes) clear = read_segment (&error);
  headend_gst_init ();
  if (clear && decode (clear, h265 ? "h265" : "h264", &error))
    return 0;
  g_printerr ("%s\n", error->message);
  return 1;
}
