/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of hlsgatesink share: pipelines that run to their end, and players. */

#include <glib/gstdio.h>
#include <gst/gst.h>
#include <string.h>

#define CONTENT "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define PUBLISH "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
#define D90 G_GUINT64_CONSTANT (180000)
#define MSN G_GUINT64_CONSTANT (892500000)
#define EPOCH_NS G_GUINT64_CONSTANT (1785000000000000000) /* MSN * D90 */

typedef struct {
  guint segments;
  guint warnings;
  char *error; /* the error message with its debug text, or NULL */
  GPtrArray *digests;
} Result;

static G_GNUC_UNUSED void
result_clear (Result *result)
{
  g_free (result->error);
  g_clear_pointer (&result->digests, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Result, result_clear)

static G_GNUC_UNUSED void
take_message (Result *result, GstMessage *message)
{
  const GstStructure *s = gst_message_get_structure (message);
  g_autofree char *debug = NULL;
  g_autoptr (GError) error = NULL;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, &debug);
    g_free (result->error);
    result->error = g_strconcat (error->message, " ", debug, NULL);
  } else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING) {
    gst_message_parse_warning (message, &error, &debug);
    g_test_message ("warning: %s", error->message);
    result->warnings++;
  } else if (s != NULL && gst_structure_has_name (s, "hlsgatesink-segment")) {
    result->segments++;
    g_ptr_array_add (result->digests, g_strdup (gst_structure_get_string (s, "digest")));
  }
}

#define MESSAGES                                                                         \
  (GST_MESSAGE_ERROR | GST_MESSAGE_EOS | GST_MESSAGE_WARNING | GST_MESSAGE_ELEMENT)

/* Whether something is there that is waited for. */
typedef gboolean (*IsThere) (gpointer data);

/* Plays to the end or an error, waits for what is to be there, and stops. */
static G_GNUC_UNUSED void
run_until (GstElement *pipeline, Result *result, IsThere is_there, gpointer data)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  gboolean done = FALSE;

  result->digests = g_ptr_array_new_with_free_func (g_free);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (!done) {
    g_autoptr (GstMessage) message
        = gst_bus_timed_pop_filtered (bus, 3600 * GST_SECOND, MESSAGES);

    g_assert_nonnull (message);
    take_message (result, message);
    done = GST_MESSAGE_TYPE (message) & (GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  }
  for (guint tries = 0; is_there != NULL && result->error == NULL && !is_there (data);
       tries++) {
    g_assert_cmpuint (tries, <, 6000);
    g_usleep (20 * 1000);
  }
  /* READY waits for what is queued, and NULL would flush the bus. */
  gst_element_set_state (pipeline, GST_STATE_READY);
  for (;;) {
    g_autoptr (GstMessage) message = gst_bus_pop_filtered (bus, MESSAGES);

    if (message == NULL)
      break;
    take_message (result, message);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

/* How many segments a sink handed on, and how many outcomes there were at its places. */
static G_GNUC_UNUSED void
count_outcomes (gpointer sink, guint64 *ret_segments, guint64 *ret_outcomes)
{
  g_autoptr (GstStructure) stats = NULL;
  guint64 published, failed, dropped;

  g_object_get (sink, "stats", &stats, NULL);
  g_assert_true (gst_structure_get (stats, "segments", G_TYPE_UINT64, ret_segments,
                                    "published", G_TYPE_UINT64, &published, "failed",
                                    G_TYPE_UINT64, &failed, "dropped", G_TYPE_UINT64,
                                    &dropped, NULL));
  *ret_outcomes = published + failed + dropped;
}

/* Whether each segment that a sink handed on got somewhere, or nowhere. */
static G_GNUC_UNUSED gboolean
are_settled (gpointer sink)
{
  guint64 segments, outcomes;

  count_outcomes (sink, &segments, &outcomes);
  return outcomes >= segments;
}

/* Stopping gives what is queued two seconds, in which a slow machine may not send it all. */
static G_GNUC_UNUSED void
run (GstElement *pipeline, Result *result)
{
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_autofree char *origins = NULL;

  if (sink != NULL)
    g_object_get (sink, "origins", &origins, NULL);
  run_until (pipeline, result, origins != NULL ? are_settled : NULL, sink);
}

/* Video on the epoch from seconds on, encoded as asked, behind a queue or "". */
static G_GNUC_UNUSED char *
video_of (const char *format, guint frames, guint seconds, const char *encoder,
          const char *queue, const char *pad)
{
  return g_strdup_printf (
      " videotestsrc pattern=ball num-buffers=%u timestamp-offset=%" G_GUINT64_FORMAT
      " ! video/x-raw,format=%s,width=128,height=64,framerate=25/1 ! %s"
      " ! %s config-interval=-1 ! %ssink.%s ",
      frames, EPOCH_NS + seconds * GST_SECOND, format, encoder,
      g_str_has_prefix (encoder, "x265") ? "h265parse" : "h264parse", queue, pad);
}

static G_GNUC_UNUSED char *
video (guint frames, guint seconds, const char *encoder, const char *pad)
{
  return video_of ("I420", frames, seconds, encoder, "", pad);
}

#define X264 "x264enc key-int-max=50 option-string=scenecut=0 speed-preset=ultrafast"
#define X265                                                                             \
  "x265enc key-int-max=50 speed-preset=ultrafast"                                        \
  " option-string=scenecut=0:open-gop=0:min-keyint=50"
#define AUDIO_BEHIND(queue)                                                              \
  " audiotestsrc num-buffers=380 samplesperbuffer=1024"                                  \
  " timestamp-offset=1785000000000000000"                                                \
  " ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse ! " queue "sink.audio_0 "
#define AUDIO AUDIO_BEHIND ("")

static G_GNUC_UNUSED GstElement *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (text, &error);

  g_assert_no_error (error);
  return pipeline;
}

/* The output of a command: what it prints to stderr is to be nothing. */
static G_GNUC_UNUSED char *
spawn (const char *const *argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *err = NULL;
  char *out = NULL;
  int status;

  g_assert_true (g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
                               &out, &err, &status, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (err, ==, "");
  g_assert_true (g_spawn_check_wait_status (status, NULL));
  return out;
}
