/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "compare.h"

#include <gst/app/app.h>
#include <gst/video/video.h>
#include "copy.h"
#include "he-both.h"
#include "he-error.h"
#include "he-informed.h"
#include "he-keys.h"

#define WAIT (30 * G_USEC_PER_SEC) /* for a picture, of a decoder that may hang */
#define POLL (100 * GST_MSECOND)   /* for one that failed */
#define PICTURES "videoconvert ! video/x-raw,format=I420 ! "
#define TO_SINK "appsink name=out sync=false max-buffers=4"

/* Takes one picture; FALSE to end. */
typedef gboolean (*TakePicture) (gpointer data, const GstVideoFrame *frame, guint64 time,
                                 GError **error);

static gboolean
pass_picture (GstSample *sample, TakePicture take, gpointer data, GError **error)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  GstVideoInfo info;
  GstVideoFrame frame;
  if (!GST_BUFFER_PTS_IS_VALID (buffer))
    return TRUE;
  if (!gst_video_info_from_caps (&info, gst_sample_get_caps (sample))
      || !gst_video_frame_map (&frame, &info, buffer, GST_MAP_READ)) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "a decoded picture cannot be read");
    return FALSE;
  }
  const gboolean ok = take (data, &frame, GST_BUFFER_PTS (buffer), error);
  gst_video_frame_unmap (&frame);
  return ok;
}

/* The next picture, owned; NULL at the end, after an error, and when none comes. */
static GstSample *
next_picture (GstAppSink *out, GstBus *bus, GstMessage **ret_failure)
{
  const gint64 since = g_get_monotonic_time ();
  while (!*ret_failure && !gst_app_sink_is_eos (out) && g_get_monotonic_time () - since < WAIT) {
    GstSample *sample = gst_app_sink_try_pull_sample (out, POLL);
    if (sample)
      return sample;
    *ret_failure = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  }
  return NULL;
}

/* Every picture that a pipeline decodes. name: of what, for errors. */
static gboolean
play (GstElement *pipeline, const char *name, TakePicture take, gpointer data, GError **error)
{
  g_autoptr (GstElement) out = gst_bin_get_by_name (GST_BIN (pipeline), "out");
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = NULL;
  GstSample *sample;
  gboolean ok = TRUE;
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (ok && (sample = next_picture (GST_APP_SINK (out), bus, &message)) != NULL) {
    ok = pass_picture (sample, take, data, error);
    gst_sample_unref (sample);
  }
  if (!message)
    message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  if (ok && message) {
    ok = headend_copy_fail (name, message, NULL, error);
  } else if (ok && !gst_app_sink_is_eos (GST_APP_SINK (out))) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: the decoder stands still", name);
    ok = FALSE;
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return ok;
}

/* ---- originals ---- */

typedef struct {
  HeInformed *informed;
  HeVariant variant;
} Originals;

static gboolean
take_original (gpointer data, const GstVideoFrame *frame, guint64 time, GError **error)
{
  const Originals *originals = data;
  return he_informed_add_original (originals->informed, originals->variant,
                                   GST_VIDEO_FRAME_PLANE_DATA (frame, 0),
                                   (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0),
                                   (guint)GST_VIDEO_FRAME_WIDTH (frame),
                                   (guint)GST_VIDEO_FRAME_HEIGHT (frame), error);
}

static gboolean
decode (HeInformed *informed, HeVariant variant, guint64 msn, GBytes *segment, GError **error)
{
  Originals originals = { informed, variant };
  g_autofree char *name = g_strdup_printf ("the archive's segment %" G_GUINT64_FORMAT " of %s",
                                           msn, he_variant_name (variant));
  g_autoptr (GstElement) pipeline
      = gst_parse_launch ("appsrc name=in ! decodebin ! " PICTURES TO_SINK, error);
  if (!pipeline)
    return FALSE;
  gst_object_ref_sink (pipeline);
  g_autoptr (GstElement) in = gst_bin_get_by_name (GST_BIN (pipeline), "in");
  gst_app_src_set_max_bytes (GST_APP_SRC (in), 0);
  gst_app_src_push_buffer (GST_APP_SRC (in), gst_buffer_new_wrapped_bytes (segment));
  gst_app_src_end_of_stream (GST_APP_SRC (in));
  return play (pipeline, name, take_original, &originals, error);
}

/* FALSE without an error where the archive has not both. */
static gboolean
load (const HeadendComparison *comparison, HeInformed *informed, guint64 msn, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autoptr (GBytes) a = NULL, b = NULL;
  if (headend_archive_read (comparison->archive, msn, &a, &b, &reason))
    return decode (informed, HE_VARIANT_A, msn, a, error)
           && decode (informed, HE_VARIANT_B, msn, b, error);
  if (!g_error_matches (reason, HE_ERROR, HE_ERROR_NOT_FOUND))
    g_propagate_error (error, g_steal_pointer (&reason));
  return FALSE;
}

/* ---- the copy ---- */

typedef struct {
  HeadendComparison *comparison;
  HeInformed *informed;
  guint next;     /* segment that is being gathered */
  guint gathered; /* its frames */
  guint done;
  guint64 time; /* of the last picture */
  guint part;   /* how often that went back */
} Pass;

void
headend_compared_clear (HeadendCompared *segment)
{
  g_clear_pointer (&segment->weights, g_bytes_unref);
}

/* Which of the two says more, only the pictures know. */
static double
read_both (HeInformed *informed, const HeadendCompared *segment, const guint8 seed[32])
{
  gint8 weights[HE_DETECT_WEIGHTS];
  gsize n = 0;
  const gint8 *blind = segment->weights ? g_bytes_get_data (segment->weights, &n) : NULL;
  const double z = -he_informed_score (informed, seed);
  if (he_informed_weights (informed, weights) != n)
    return z;
  return he_both_score (z, segment->z, he_both_correlation (weights, blind, n));
}

static void
finish_segment (Pass *pass)
{
  HeadendComparison *comparison = pass->comparison;
  HeadendCompared *segment = &g_array_index (comparison->segments, HeadendCompared, pass->next++);
  g_autoptr (GError) reason = NULL;
  guint8 seed[32];
  if (!pass->gathered) {
    comparison->unseen++;
    return;
  }
  pass->gathered = 0;
  if (!load (comparison, pass->informed, segment->msn, &reason)) {
    comparison->missing += !reason;
    comparison->broken += reason != NULL;
    if (reason && !comparison->why)
      comparison->why = g_strdup (reason->message);
  } else if (!he_informed_register (pass->informed, &segment->view)) {
    comparison->unlike++;
  } else {
    he_mark_seed (comparison->mark, comparison->archive->channel->name, segment->msn, seed);
    segment->z = read_both (pass->informed, segment, seed);
    segment->informed = TRUE;
  }
  he_informed_reset (pass->informed);
  if (comparison->progress)
    comparison->progress (comparison->data, ++pass->done);
}

/* Parts that were joined begin anew in time: what has a segment's time in another part is not
 * its. */
static gboolean
take_copy (gpointer data, const GstVideoFrame *frame, guint64 time, GError **error)
{
  Pass *pass = data;
  const GArray *segments = pass->comparison->segments;
  const HeadendCompared *segment = NULL;
  if (pass->next < segments->len
      && time + g_array_index (segments, HeadendCompared, pass->next).length < pass->time)
    pass->part++;
  pass->time = time;
  for (;; finish_segment (pass)) {
    if (pass->next >= segments->len)
      return TRUE;
    segment = &g_array_index (segments, HeadendCompared, pass->next);
    if (pass->part < segment->part)
      return TRUE;
    if (pass->part == segment->part && time < segment->end)
      break;
  }
  if (time < segment->time)
    return TRUE;
  pass->gathered++;
  return he_informed_add_copy (pass->informed, GST_VIDEO_FRAME_PLANE_DATA (frame, 0),
                               (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0),
                               (guint)GST_VIDEO_FRAME_WIDTH (frame),
                               (guint)GST_VIDEO_FRAME_HEIGHT (frame),
                               1 - (double)(segment->end - time) / (double)segment->length, error);
}

gboolean
headend_compare (HeadendComparison *comparison, GError **error)
{
  g_autoptr (HeInformed) informed = he_informed_new ();
  Pass pass = { .comparison = comparison, .informed = informed };
  g_autoptr (GstElement) pipeline
      = headend_copy_open (comparison->copy, "video/x-raw,format=I420 ! " TO_SINK, error);
  if (!pipeline || !play (pipeline, comparison->copy, take_copy, &pass, error))
    return FALSE;
  while (pass.next < comparison->segments->len)
    finish_segment (&pass);
  return TRUE;
}
