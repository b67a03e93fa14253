/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Somebody else's application: builds a pipeline around our elements through the GStreamer API
 * alone, serves it through the embedded gate, and lives on the messages that they post. Speaks
 * TAP. */
#include <gst/gst.h>
#include <gio/gio.h>

#define SECRET "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

typedef struct {
  GMainLoop *loop;
  guint video, audio;
  guint64 last_msn;
  gboolean in_order;
  char *error;
} Application;

static gboolean
on_message (GstBus *bus, GstMessage *message, gpointer user_data)
{
  Application *app = user_data;
  const GstStructure *s = gst_message_get_structure (message);
  guint64 msn = 0;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ELEMENT:
      if (!gst_structure_has_name (s, "hlsgatesink-segment"))
        break;
      gst_structure_get_uint64 (s, "msn", &msn);
      if (g_str_has_prefix (gst_structure_get_string (s, "rendition"), "video")) {
        if (app->video++ > 0 && msn != app->last_msn + 1)
          app->in_order = FALSE;
        app->last_msn = msn;
      } else {
        app->audio++;
      }
      break;
    case GST_MESSAGE_ERROR: {
      g_autoptr (GError) error = NULL;
      gst_message_parse_error (message, &error, NULL);
      app->error = g_strdup (error->message);
      g_main_loop_quit (app->loop);
      break;
    }
    case GST_MESSAGE_EOS:
      g_main_loop_quit (app->loop);
      break;
    default:
      break;
  }
  return TRUE;
}

static gboolean
on_timeout (gpointer user_data)
{
  Application *app = user_data;
  app->error = g_strdup ("no end of stream within 60 s");
  g_main_loop_quit (app->loop);
  return G_SOURCE_REMOVE;
}

/* What a stranger gets from the embedded gate: the status line. */
static char *
knock (guint port)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection
      = g_socket_client_connect_to_host (client, "127.0.0.1", (guint16) port, NULL, NULL);
  if (!connection)
    return NULL;
  const char *request = "GET /live/embedded/main.m3u8 HTTP/1.1\r\nHost: localhost\r\n"
                        "Connection: close\r\n\r\n";
  g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (connection)), request,
                             strlen (request), NULL, NULL, NULL);
  g_autoptr (GDataInputStream) in
      = g_data_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (connection)));
  g_data_input_stream_set_newline_type (in, G_DATA_STREAM_NEWLINE_TYPE_CR_LF);
  return g_data_input_stream_read_line (in, NULL, NULL, NULL);
}

static int
check (gboolean good, int number, const char *what)
{
  g_print ("%sok %d - %s\n", good ? "" : "not ", number, what);
  return good ? 0 : 1;
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_print ("1..5\n");

  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch (
      "hlsgatesink name=sink channel=embedded listen=127.0.0.1:0 jwks=tokens.jwks "
      "  secret=" SECRET " gate-secret=" SECRET " "
      "videotestsrc num-buffers=260 ! video/x-raw,format=I420,width=320,height=180,framerate=25/1 "
      "  ! epochalign ! forensicmark variant=a channel=embedded key=" SECRET " "
      "  ! segmentencoder encoder=\"x264enc speed-preset=ultrafast\" ! h264parse ! sink.video_0 "
      "audiotestsrc num-buffers=500 ! audio/x-raw,rate=48000,channels=2 ! epochalign "
      "  ! segmentencoder encoder=avenc_aac ! aacparse ! sink.audio_0", &error);
  if (!pipeline) {
    g_print ("Bail out! %s\n", error->message);
    return 1;
  }
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Application app = { .loop = loop, .in_order = TRUE };
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  guint watch = gst_bus_add_watch (bus, on_message, &app);
  guint timeout = g_timeout_add_seconds (60, on_timeout, &app);

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_main_loop_run (loop);

  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  guint port = 0;
  g_object_get (sink, "port", &port, NULL);
  g_autofree char *status = knock (port);

  int failed = check (app.error == NULL, 1, "the pipeline runs to its end");
  if (app.error)
    g_print ("# %s\n", app.error);
  failed += check (app.video >= 4, 2, "a message for every video segment");
  failed += check (app.audio >= 4, 3, "a message for every audio segment");
  failed += check (app.in_order, 4, "segments come in order");
  failed += check (status && g_str_has_prefix (status, "HTTP/1.1 401"), 5,
                   "a stranger is refused by the embedded gate");
  g_print ("# %u video and %u audio segments, stranger: %s\n", app.video, app.audio,
           status ? status : "no answer");

  gst_element_set_state (pipeline, GST_STATE_NULL);
  g_source_remove (watch);
  if (timeout && g_main_context_find_source_by_id (NULL, timeout))
    g_source_remove (timeout);
  g_free (app.error);
  return failed ? 1 : 0;
}
