/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <unistd.h>
#include "he-error.h"

/* The first picture that there is; sound is not decoded. */
static void
link_video (GstElement *source, GstPad *pad, gpointer user_data)
{
  g_autoptr (GstPad) sink = gst_element_get_static_pad (user_data, "sink");
  if (!gst_pad_is_linked (sink))
    gst_pad_link (pad, sink);
}

/* GStreamer's own words for a file that is not there name no file. */
static char *
copy_uri (const char *copy, GError **error)
{
  if (gst_uri_is_valid (copy))
    return g_strdup (copy);
  /* Not opened: it may be a pipe, which can be read once. */
  gboolean readable = g_access (copy, R_OK) == 0;
  if (!readable || g_file_test (copy, G_FILE_TEST_IS_DIR)) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", copy,
                 g_strerror (readable ? EISDIR : errno));
    return NULL;
  }
  return gst_filename_to_uri (copy, error);
}

/* A telephone that is held upright says in its files how its pictures are turned. */
GstElement *
headend_copy_open (const char *copy, const char *tail, GError **error)
{
  g_autofree char *uri = copy_uri (copy, error);
  if (!uri)
    return NULL;
  g_autofree char *text
      = g_strdup_printf ("uridecodebin name=in caps=video/x-raw(ANY) expose-all-streams=false "
                         "videoconvert name=convert ! videoflip video-direction=auto ! %s",
                         tail);
  GstElement *pipeline = gst_parse_launch (text, error);
  if (!pipeline)
    return NULL;
  gst_object_ref_sink (pipeline);
  g_autoptr (GstElement) in = gst_bin_get_by_name (GST_BIN (pipeline), "in");
  g_autoptr (GstElement) convert = gst_bin_get_by_name (GST_BIN (pipeline), "convert");
  g_object_set (in, "uri", uri, NULL);
  g_signal_connect_object (in, "pad-added", G_CALLBACK (link_video), convert, 0);
  return pipeline;
}

gboolean
headend_copy_fail (const char *copy, GstMessage *message, const char *missing, GError **error)
{
  g_autoptr (GError) reason = NULL;
  gst_message_parse_error (message, &reason, NULL);
  if (!g_error_matches (reason, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN))
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s cannot be read: %s", copy, reason->message);
  else if (missing)
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
                 "%s needs GStreamer's plugin for %s, which is missing; install the Debian package "
                 "gstreamer1.0-libav or gstreamer1.0-plugins-bad",
                 copy, missing);
  else
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID, "%s has no pictures", copy);
  return FALSE;
}
