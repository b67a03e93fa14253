/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-headend.h"
#include "he-epoch.h"
#include "he-error.h"

#include <gst/video/video.h>

#define MSN ((G_GUINT64_CONSTANT (1) << 32) + 7)

static const GstHeadendSegment segment
    = { .msn = MSN, .generation = 3, .pts90 = MSN * 180180, .duration90 = 180180 };

static void
a_segment_event_keeps_every_field (void)
{
  g_autoptr (GstEvent) event = gst_headend_segment_event_new (&segment);
  GstHeadendSegment back = { 0 };

  g_assert_true (GST_EVENT_IS_STICKY (event));
  g_assert_true (GST_EVENT_IS_SERIALIZED (event));
  g_assert_true (gst_headend_segment_event_parse (event, &back));
  g_assert_cmpuint (back.msn, ==, segment.msn);
  g_assert_cmpuint (back.generation, ==, 3);
  g_assert_cmpuint (back.pts90, ==, segment.pts90);
  g_assert_cmpuint (back.duration90, ==, 180180);
  g_assert_false (back.has_signature);
  g_assert_false (back.unmarked);
}

static void
a_segment_event_says_what_is_not_marked (void)
{
  GstHeadendSegment unmarked = segment, back = { 0 };
  g_autoptr (GstEvent) event = NULL;

  unmarked.unmarked = TRUE;
  event = gst_headend_segment_event_new (&unmarked);
  g_assert_true (gst_headend_segment_event_parse (event, &back));
  g_assert_true (back.unmarked);
}

static void
a_segment_event_carries_a_signature (void)
{
  GstHeadendSegment signed_segment = segment, back = { 0 };
  g_autoptr (GstEvent) event = NULL;

  signed_segment.has_signature = TRUE;
  for (guint i = 0; i < HE_SIGNATURE_FIELDS; i++)
    signed_segment.signature.fields[i] = (guint8)(200 - i);
  event = gst_headend_segment_event_new (&signed_segment);
  g_assert_true (gst_headend_segment_event_parse (event, &back));
  g_assert_true (back.has_signature);
  g_assert_cmpmem (&back.signature, sizeof back.signature, &signed_segment.signature,
                   sizeof signed_segment.signature);
}

static void
a_status_event_keeps_every_field (void)
{
  g_autoptr (GstEvent) event = gst_headend_status_event_new (MSN, HE_SEGMENT_DAMAGED);
  guint64 msn = 0;
  HeSegmentFlags flags = HE_SEGMENT_CLEAN;

  g_assert_false (GST_EVENT_IS_STICKY (event));
  g_assert_true (GST_EVENT_IS_SERIALIZED (event));
  g_assert_true (gst_headend_status_event_parse (event, &msn, &flags));
  g_assert_cmpuint (msn, ==, MSN);
  g_assert_cmpint (flags, ==, HE_SEGMENT_DAMAGED);
}

static void
other_events_are_not_taken_for_ours (void)
{
  GstEvent *events[] = {
    gst_event_new_eos (),
    gst_event_new_flush_start (),
    gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
                          gst_structure_new_empty (GST_HEADEND_SEGMENT)),
    gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM,
                          gst_structure_new_empty (GST_HEADEND_STATUS)),
    gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
                          gst_structure_new (GST_HEADEND_SEGMENT, "msn", G_TYPE_INT, 1,
                                             "generation", G_TYPE_UINT, 0, "pts90",
                                             G_TYPE_UINT64, MSN, "duration90",
                                             G_TYPE_UINT64, MSN, NULL)),
    gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
                          gst_structure_new (GST_HEADEND_SEGMENT, "msn", G_TYPE_UINT64,
                                             MSN, "generation", G_TYPE_UINT, 0, "pts90",
                                             G_TYPE_UINT64, MSN, "duration90",
                                             G_TYPE_UINT64, (guint64)0, NULL)),
    gst_headend_key_unit_event_new (&segment),
  };
  GstHeadendSegment back = { .msn = 5 };
  guint64 msn = 5;
  HeSegmentFlags flags = HE_SEGMENT_CLEAN;

  for (guint i = 0; i < G_N_ELEMENTS (events); i++) {
    g_assert_false (gst_headend_segment_event_parse (events[i], &back));
    g_assert_false (gst_headend_status_event_parse (events[i], &msn, &flags));
    gst_event_unref (events[i]);
  }
  g_assert_cmpuint (back.msn, ==, 5);
  g_assert_cmpuint (msn, ==, 5);
}

static void
a_key_unit_carries_the_boundary_and_the_low_bits (void)
{
  g_autoptr (GstEvent) event = gst_headend_key_unit_event_new (&segment);
  GstClockTime time, stream, running;
  gboolean all_headers;
  guint count;

  g_assert_true (gst_video_event_parse_downstream_force_key_unit (
      event, &time, &stream, &running, &all_headers, &count));
  g_assert_cmpuint (time, ==, he_ticks_to_ns (segment.pts90));
  g_assert_cmpuint (stream, ==, time);
  g_assert_cmpuint (running, ==, time);
  g_assert_true (all_headers);
  g_assert_cmpuint (count, ==, 7);
}

/* Posts an error through the one mapping and returns what the application sees. */
static GError *
seen_by_application (GError *error)
{
  g_autoptr (GstElement) element = gst_element_factory_make ("fakesink", NULL);
  g_autoptr (GstBus) bus = gst_bus_new ();
  g_autoptr (GstMessage) message = NULL;
  GError *seen = NULL;

  gst_element_set_bus (element, bus);
  gst_headend_element_error (element, error);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  gst_message_parse_error (message, &seen, NULL);
  gst_element_set_bus (element, NULL);
  return seen;
}

static void
errors_reach_the_application_with_their_text (void)
{
  for (int code = HE_ERROR_INVALID; code <= HE_ERROR_UNAVAILABLE; code++) {
    g_autoptr (GError) seen
        = seen_by_application (g_error_new (HE_ERROR, code, "100%% odd"));

    g_assert_true (seen->domain != HE_ERROR);
    g_assert_cmpstr (seen->message, ==, "100% odd");
  }
}

static void
errors_of_gstreamer_stay_what_they_are (void)
{
  g_autoptr (GError) ours = seen_by_application (
      g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT, "full"));
  g_autoptr (GError) foreign
      = seen_by_application (g_error_new (G_FILE_ERROR, G_FILE_ERROR_ACCES, "closed"));
  g_autoptr (GError) denied
      = seen_by_application (g_error_new (HE_ERROR, HE_ERROR_DENIED, "no"));

  g_assert_error (ours, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT);
  g_assert_error (foreign, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED);
  g_assert_error (denied, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  g_test_add_func ("/events/segment/keeps-every-field",
                   a_segment_event_keeps_every_field);
  g_test_add_func ("/events/segment/says-what-is-not-marked",
                   a_segment_event_says_what_is_not_marked);
  g_test_add_func ("/events/segment/segment-carries-a-signature",
                   a_segment_event_carries_a_signature);
  g_test_add_func ("/events/status/keeps-every-field", a_status_event_keeps_every_field);
  g_test_add_func ("/events/others-are-not-taken-for-ours",
                   other_events_are_not_taken_for_ours);
  g_test_add_func ("/events/key-unit/carries-the-boundary-and-the-low-bits",
                   a_key_unit_carries_the_boundary_and_the_low_bits);
  g_test_add_func ("/errors/reach-the-application-with-their-text",
                   errors_reach_the_application_with_their_text);
  g_test_add_func ("/errors/of-gstreamer-stay-what-they-are",
                   errors_of_gstreamer_stay_what_they_are);
  return g_test_run ();
}
