/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "encrypted-channel.h"

#include <glib/gstdio.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>

static GstHarness *
harness_new (const char *sink_caps)
{
  g_autoptr (GstElement) element = gst_element_factory_make ("segmentencrypt", NULL);
  g_autoptr (GstCaps) caps
      = gst_caps_from_string ("video/mpegts,systemstream=true,packetsize=188,"
                              "streamheader=(buffer)<47400031,47402030>");
  GstHarness *h;
  GstSegment segment;

  g_assert_nonnull (element);
  g_object_set (element, "secret", SECRET, "channel", "demo", "key-rotation", ROTATION,
                "segment-duration", (guint64)D90, NULL);
  h = gst_harness_new_with_element (element, "sink", "src");
  if (sink_caps != NULL)
    gst_harness_set_sink_caps_str (h, sink_caps);
  gst_harness_play (h);
  gst_harness_push_event (h, gst_event_new_stream_start ("test"));
  gst_harness_push_event (h, gst_event_new_caps (caps));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  return h;
}

static GstFlowReturn
push_text (GstHarness *h, const char *text, GstClockTime pts)
{
  GstBuffer *buffer = gst_buffer_new_memdup (text, strlen (text));

  GST_BUFFER_PTS (buffer) = pts;
  return gst_harness_push (h, buffer);
}

static GstEvent *
key_unit (guint64 msn)
{
  GstHeadendSegment segment = { .msn = msn, .pts90 = msn * D90, .duration90 = D90 };

  return gst_headend_key_unit_event_new (&segment);
}

static GByteArray *
pull_all (GstHarness *h)
{
  GByteArray *bytes = g_byte_array_new ();
  GstBuffer *buffer;

  while ((buffer = gst_harness_try_pull (h)) != NULL) {
    GstMapInfo map;

    g_assert_true (gst_buffer_map (buffer, &map, GST_MAP_READ));
    g_assert_cmpuint (map.size, >, 0);
    g_byte_array_append (bytes, map.data, (guint)map.size);
    gst_buffer_unmap (buffer, &map);
    gst_buffer_unref (buffer);
  }
  return bytes;
}

static void
assert_pulled (GstHarness *h, guint64 msn, const char *expected)
{
  g_autoptr (GByteArray) sealed = pull_all (h);
  g_autoptr (GBytes) plain = decrypt (sealed->data, sealed->len, msn);

  g_assert_cmpmem (g_bytes_get_data (plain, NULL), g_bytes_get_size (plain), expected,
                   strlen (expected));
}

/* Counts the key units that came out so far; *ret_last is the last one's count. */
static guint
pull_key_units (GstHarness *h, guint *ret_last)
{
  GstEvent *event;
  guint n = 0;

  while ((event = gst_harness_try_pull_event (h)) != NULL) {
    if (gst_video_event_is_force_key_unit (event)) {
      gst_video_event_parse_downstream_force_key_unit (event, NULL, NULL, NULL, NULL,
                                                       ret_last);
      n++;
    }
    gst_event_unref (event);
  }
  return n;
}

/* Held when a key unit passes: how many bytes had come out before it. */
static GstPadProbeReturn
bytes_before_event (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  guint64 *bytes = data; /* [0] so far, [1] at the last key unit */

  if ((info->type & GST_PAD_PROBE_TYPE_BUFFER) != 0)
    bytes[0] += gst_buffer_get_size (GST_PAD_PROBE_INFO_BUFFER (info));
  else if (gst_video_event_is_force_key_unit (GST_PAD_PROBE_INFO_EVENT (info)))
    bytes[1] = bytes[0];
  return GST_PAD_PROBE_OK;
}

static void
the_padded_end_precedes_the_event (void)
{
  GstHarness *h = harness_new (NULL);
  g_autoptr (GstPad) pad = gst_element_get_static_pad (h->element, "src");
  guint64 bytes[2] = { 0, 0 };

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
                     bytes_before_event, bytes, NULL);
  gst_harness_push_event (h, key_unit (FIRST));
  push_text (h, "twenty bytes of text", EPOCH);
  g_assert_cmpuint (bytes[0], ==, 16);
  gst_harness_push_event (h, key_unit (FIRST + 1));
  g_assert_cmpuint (bytes[1], ==, 32);
  assert_pulled (h, FIRST, "twenty bytes of text");
  gst_harness_teardown (h);
}

static void
pieces_of_any_size_make_one_message (void)
{
  GstHarness *h = harness_new (NULL);
  const char *text = "The quick brown fox jumps over the lazy dog";
  guint last = 0;

  for (const char *p = text; *p != '\0'; p++) {
    char one[2] = { *p, '\0' };

    g_assert_cmpint (push_text (h, one, EPOCH), ==, GST_FLOW_OK);
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  assert_pulled (h, FIRST, text);
  g_assert_cmpuint (pull_key_units (h, &last), ==, 0);
  gst_harness_teardown (h);
}

static void
only_the_first_key_unit_of_a_number_passes (void)
{
  GstHarness *h = harness_new (NULL);
  guint last = 0;

  gst_harness_push_event (h, key_unit (FIRST));
  push_text (h, "one", EPOCH);
  gst_harness_push_event (h, key_unit (FIRST));
  gst_harness_push_event (h, gst_video_event_new_downstream_force_key_unit (
                                 EPOCH + GST_SECOND / 2, EPOCH + GST_SECOND / 2,
                                 EPOCH + GST_SECOND / 2, TRUE, 12345));
  gst_harness_push_event (h, key_unit (FIRST - 1));
  push_text (h, "two", EPOCH);
  g_assert_cmpuint (pull_key_units (h, &last), ==, 1);
  g_assert_cmpuint (last, ==, (guint)FIRST);
  /* A count of the pipeline's own becomes the number, so that no sink drops a repeat. */
  gst_harness_push_event (
      h, gst_video_event_new_downstream_force_key_unit (
             EPOCH + GST_SECOND, EPOCH + GST_SECOND, EPOCH + GST_SECOND, TRUE, 0));
  g_assert_cmpuint (pull_key_units (h, &last), ==, 1);
  g_assert_cmpuint (last, ==, (guint)FIRST + 1);
  assert_pulled (h, FIRST, "onetwo");
  gst_harness_teardown (h);
}

static void
announcements_alone_bring_their_own_key_unit (void)
{
  GstHarness *h = harness_new (NULL);
  GstHeadendSegment segment = { .msn = FIRST, .pts90 = FIRST * D90, .duration90 = D90 };
  guint last = 0;

  gst_harness_push_event (h, gst_headend_segment_event_new (&segment));
  push_text (h, "one", EPOCH);
  segment.msn++;
  segment.pts90 += D90;
  gst_harness_push_event (h, gst_headend_segment_event_new (&segment));
  gst_harness_push_event (h, gst_headend_segment_event_new (&segment));
  assert_pulled (h, FIRST, "one");
  g_assert_cmpuint (pull_key_units (h, &last), ==, 1);
  g_assert_cmpuint (last, ==, (guint)FIRST + 1);
  push_text (h, "two", EPOCH + GST_SECOND);
  gst_harness_push_event (h, gst_event_new_eos ());
  assert_pulled (h, FIRST + 1, "two");
  gst_harness_teardown (h);
}

static void
data_ahead_of_annotations_is_numbered_by_its_time (void)
{
  GstHarness *h = harness_new (NULL);

  push_text (h, "early", EPOCH + 5 * GST_SECOND + GST_SECOND / 2);
  gst_harness_push_event (h, gst_event_new_eos ());
  assert_pulled (h, FIRST + 5, "early");
  gst_harness_teardown (h);
}

static void
a_flush_begins_a_new_stream (void)
{
  GstHarness *h = harness_new (NULL);
  GstSegment segment;

  push_text (h, "lost lost lost lost", EPOCH + 9 * GST_SECOND);
  g_byte_array_unref (pull_all (h));
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  push_text (h, "kept", EPOCH);
  gst_harness_push_event (h, gst_event_new_eos ());
  assert_pulled (h, FIRST, "kept");
  gst_harness_teardown (h);
}

static void
caps_lose_the_streamheader (void)
{
  static const char *const sinks[] = { NULL, "video/mpegts" };
  static const char *const expected[] = { "application/octet-stream", "video/mpegts" };

  for (guint i = 0; i < G_N_ELEMENTS (sinks); i++) {
    GstHarness *h = harness_new (sinks[i]);
    g_autoptr (GstPad) pad = gst_element_get_static_pad (h->element, "src");
    g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
    GstStructure *s = gst_caps_get_structure (caps, 0);

    g_assert_cmpstr (gst_structure_get_name (s), ==, expected[i]);
    g_assert_false (gst_structure_has_field (s, "streamheader"));
    gst_harness_teardown (h);
  }
}

static GError *
first_error (GstBus *bus)
{
  g_autoptr (GstMessage) message
      = gst_bus_timed_pop_filtered (bus, 3600 * GST_SECOND, GST_MESSAGE_ERROR);
  GError *error = NULL;

  g_assert_nonnull (message);
  gst_message_parse_error (message, &error, NULL);
  return error;
}

static void
settings_that_cannot_work_end_in_an_error (void)
{
  static const struct {
    const char *secret, *channel, *tier, *says;
  } cases[] = {
    { NULL, "demo", "base", "property secret is not set" },
    { "1234567890", "demo", "base", "property secret is not set" },
    { "file:/nowhere/secret", "demo", "base", "property secret is not set" },
    { SECRET, NULL, "base", "property channel is not set" },
    { SECRET, "../demo", "base", "property channel is no valid name" },
    { SECRET, "demo", "", "property tier is no valid name" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GstElement) element = gst_element_factory_make ("segmentencrypt", NULL);
    g_autoptr (GstBus) bus = gst_bus_new ();
    g_autoptr (GError) error = NULL;

    g_assert_nonnull (element);
    gst_element_set_bus (element, bus);
    g_object_set (element, "secret", cases[i].secret, "channel", cases[i].channel, "tier",
                  cases[i].tier, NULL);
    g_assert_cmpint (gst_element_set_state (element, GST_STATE_PAUSED), ==,
                     GST_STATE_CHANGE_FAILURE);
    error = first_error (bus);
    g_assert_error (error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS);
    if (!g_str_has_prefix (error->message, cases[i].says))
      g_error ("\"%s\" does not begin with \"%s\"", error->message, cases[i].says);
    if (cases[i].secret != NULL)
      g_assert_null (strstr (error->message, cases[i].secret));
    gst_element_set_state (element, GST_STATE_NULL);
    gst_element_set_bus (element, NULL);
  }
}

static void
data_that_cannot_be_numbered_is_an_error (void)
{
  GstHarness *h = harness_new (NULL);
  g_autoptr (GstBus) bus = gst_bus_new ();
  g_autoptr (GError) error = NULL;

  gst_element_set_bus (h->element, bus);
  g_assert_cmpint (push_text (h, "when?", GST_CLOCK_TIME_NONE), ==, GST_FLOW_ERROR);
  error = first_error (bus);
  g_assert_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT);
  g_assert_nonnull (strstr (error->message, "mpegtsmux alignment=0"));
  gst_element_set_bus (h->element, NULL);
  gst_harness_teardown (h);
}

static void
a_secret_goes_in_and_never_out (void)
{
  g_autoptr (GstElement) element = gst_element_factory_make ("segmentencrypt", NULL);
  GParamSpec *pspec
      = g_object_class_find_property (G_OBJECT_GET_CLASS (element), "secret");

  g_assert_cmpuint (pspec->flags & G_PARAM_READABLE, ==, 0);
  g_assert_cmpuint (pspec->flags & G_PARAM_WRITABLE, !=, 0);
}

static void
a_secret_may_come_from_a_private_file (void)
{
  g_autofree char *folder = g_dir_make_tmp ("headend-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "secret", NULL);
  g_autofree char *value = g_strconcat ("file:", path, NULL);
  g_autoptr (GstElement) element = gst_element_factory_make ("segmentencrypt", NULL);

  g_assert_true (g_file_set_contents_full (path, SECRET "\n", -1,
                                           G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  g_object_set (element, "secret", value, "channel", "demo", NULL);
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_PAUSED), !=,
                   GST_STATE_CHANGE_FAILURE);
  gst_element_set_state (element, GST_STATE_NULL);
  g_unlink (path);
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  g_test_add_func ("/segmentencrypt/the-padded-end-precedes-the-event",
                   the_padded_end_precedes_the_event);
  g_test_add_func ("/segmentencrypt/pieces-of-any-size-make-one-message",
                   pieces_of_any_size_make_one_message);
  g_test_add_func ("/segmentencrypt/only-the-first-key-unit-of-a-number-passes",
                   only_the_first_key_unit_of_a_number_passes);
  g_test_add_func ("/segmentencrypt/announcements-alone-bring-their-own-key-unit",
                   announcements_alone_bring_their_own_key_unit);
  g_test_add_func ("/segmentencrypt/data-ahead-of-annotations-is-numbered-by-its-time",
                   data_ahead_of_annotations_is_numbered_by_its_time);
  g_test_add_func ("/segmentencrypt/a-flush-begins-a-new-stream",
                   a_flush_begins_a_new_stream);
  g_test_add_func ("/segmentencrypt/caps-lose-the-streamheader",
                   caps_lose_the_streamheader);
  g_test_add_func ("/segmentencrypt/errors/settings-that-cannot-work",
                   settings_that_cannot_work_end_in_an_error);
  g_test_add_func ("/segmentencrypt/errors/data-that-cannot-be-numbered",
                   data_that_cannot_be_numbered_is_an_error);
  g_test_add_func ("/segmentencrypt/secret/goes-in-and-never-out",
                   a_secret_goes_in_and_never_out);
  g_test_add_func ("/segmentencrypt/secret/may-come-from-a-private-file",
                   a_secret_may_come_from_a_private_file);
  return g_test_run ();
}
