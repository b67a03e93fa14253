/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-headend.h"
#include "he-epoch.h"
#include "he-error.h"

#include <gst/video/video.h>
#include <string.h>

GstEvent *
gst_headend_segment_event_new (const GstHeadendSegment *segment)
{
  GstStructure *s = gst_structure_new (
      GST_HEADEND_SEGMENT, "msn", G_TYPE_UINT64, segment->msn, "generation", G_TYPE_UINT,
      segment->generation, "pts90", G_TYPE_UINT64, segment->pts90, "duration90",
      G_TYPE_UINT64, segment->duration90, NULL);

  if (segment->has_signature) {
    g_autofree char *text = he_signature_to_text (&segment->signature);

    gst_structure_set (s, "signature", G_TYPE_STRING, text, NULL);
  }
  if (segment->unmarked)
    gst_structure_set (s, "marked", G_TYPE_BOOLEAN, FALSE, NULL);
  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, s);
}

gboolean
gst_headend_segment_event_parse (GstEvent *event, GstHeadendSegment *ret_segment)
{
  const GstStructure *s = gst_event_get_structure (event);
  GstHeadendSegment segment = { 0 };
  gboolean marked = TRUE;
  const char *signature;

  if (!gst_event_has_name (event, GST_HEADEND_SEGMENT)
      || !gst_structure_get (s, "msn", G_TYPE_UINT64, &segment.msn, "generation",
                             G_TYPE_UINT, &segment.generation, "pts90", G_TYPE_UINT64,
                             &segment.pts90, "duration90", G_TYPE_UINT64,
                             &segment.duration90, NULL)
      || segment.duration90 == 0)
    return FALSE;
  gst_structure_get_boolean (s, "marked", &marked);
  segment.unmarked = !marked;
  signature = gst_structure_get_string (s, "signature");
  segment.has_signature
      = signature != NULL
        && he_signature_from_text (signature, strlen (signature), &segment.signature);
  *ret_segment = segment;
  return TRUE;
}

GstEvent *
gst_headend_timeline_event_new (guint generation, guint64 start90)
{
  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
                               gst_structure_new (GST_HEADEND_TIMELINE, "generation",
                                                  G_TYPE_UINT, generation, "start",
                                                  G_TYPE_UINT64, start90, NULL));
}

gboolean
gst_headend_timeline_event_parse (GstEvent *event, guint *ret_generation,
                                  guint64 *ret_start90)
{
  return gst_event_has_name (event, GST_HEADEND_TIMELINE)
         && gst_structure_get (gst_event_get_structure (event), "generation", G_TYPE_UINT,
                               ret_generation, "start", G_TYPE_UINT64, ret_start90, NULL);
}

GstEvent *
gst_headend_status_event_new (guint64 msn, HeSegmentFlags flags)
{
  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM,
                               gst_structure_new (GST_HEADEND_STATUS, "msn",
                                                  G_TYPE_UINT64, msn, "flags",
                                                  G_TYPE_UINT, (guint)flags, NULL));
}

gboolean
gst_headend_status_event_parse (GstEvent *event, guint64 *ret_msn,
                                HeSegmentFlags *ret_flags)
{
  const GstStructure *s = gst_event_get_structure (event);
  guint64 msn;
  guint flags;

  if (!gst_event_has_name (event, GST_HEADEND_STATUS)
      || !gst_structure_get (s, "msn", G_TYPE_UINT64, &msn, "flags", G_TYPE_UINT, &flags,
                             NULL))
    return FALSE;
  *ret_msn = msn;
  *ret_flags = (HeSegmentFlags)flags;
  return TRUE;
}

GstEvent *
gst_headend_torn_event_new (guint64 from90, guint64 until90)
{
  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM,
                               gst_structure_new (GST_HEADEND_TORN, "from", G_TYPE_UINT64,
                                                  from90, "until", G_TYPE_UINT64, until90,
                                                  NULL));
}

gboolean
gst_headend_torn_event_parse (GstEvent *event, guint64 *ret_from90, guint64 *ret_until90)
{
  return gst_event_has_name (event, GST_HEADEND_TORN)
         && gst_structure_get (gst_event_get_structure (event), "from", G_TYPE_UINT64,
                               ret_from90, "until", G_TYPE_UINT64, ret_until90, NULL);
}

GstEvent *
gst_headend_key_unit_event_new (const GstHeadendSegment *segment)
{
  /* Behind epochalign the three times are one: its segment is the identity. */
  GstClockTime time = he_ticks_to_ns (segment->pts90);

  return gst_video_event_new_downstream_force_key_unit (time, time, time, TRUE,
                                                        (guint)segment->msn);
}

void
gst_headend_element_error (GstElement *element, GError *error)
{
  static const struct {
    GQuark (*domain) (void);
    int code;
  } map[] = {
    [HE_ERROR_INVALID] = { gst_library_error_quark, GST_LIBRARY_ERROR_SETTINGS },
    [HE_ERROR_LIMIT] = { gst_stream_error_quark, GST_STREAM_ERROR_FORMAT },
    [HE_ERROR_DENIED] = { gst_resource_error_quark, GST_RESOURCE_ERROR_NOT_AUTHORIZED },
    [HE_ERROR_NOT_FOUND] = { gst_resource_error_quark, GST_RESOURCE_ERROR_NOT_FOUND },
    [HE_ERROR_CONFLICT] = { gst_resource_error_quark, GST_RESOURCE_ERROR_BUSY },
    [HE_ERROR_IO] = { gst_resource_error_quark, GST_RESOURCE_ERROR_FAILED },
    [HE_ERROR_CRYPTO] = { gst_stream_error_quark, GST_STREAM_ERROR_DECRYPT },
    [HE_ERROR_UNAVAILABLE] = { gst_library_error_quark, GST_LIBRARY_ERROR_INIT },
  };
  GQuark domain = error->domain;
  int code = error->code;

  if (domain == HE_ERROR && code >= 0 && code < (int)G_N_ELEMENTS (map)) {
    domain = map[code].domain ();
    code = map[code].code;
  } else if (domain != GST_RESOURCE_ERROR && domain != GST_STREAM_ERROR
             && domain != GST_CORE_ERROR && domain != GST_LIBRARY_ERROR) {
    domain = GST_LIBRARY_ERROR;
    code = GST_LIBRARY_ERROR_FAILED;
  }
  gst_element_message_full (element, GST_MESSAGE_ERROR, domain, code,
                            g_strdup (error->message), NULL, __FILE__, G_STRFUNC,
                            __LINE__);
  g_error_free (error);
}

gboolean
gst_headend_may_set (GstElement *element, const GParamSpec *pspec)
{
  if (MAX (GST_STATE (element), GST_STATE_NEXT (element)) <= GST_STATE_READY)
    return TRUE;
  GST_WARNING_OBJECT (element, "property %s can change below PAUSED only", pspec->name);
  return FALSE;
}

HeSecret *
gst_headend_secret_from_value (GObject *object, const GParamSpec *pspec,
                               const GValue *value)
{
  const char *text = g_value_get_string (value);
  g_autoptr (GError) error = NULL;
  HeSecret *secret;

  if (text == NULL)
    return NULL;
  if (g_str_has_prefix (text, "file:"))
    secret = he_secret_from_file (text + strlen ("file:"), pspec->name, &error);
  else
    secret = he_secret_from_hex (text, pspec->name, &error);
  if (secret == NULL)
    GST_WARNING_OBJECT (object, "property %s: %s", pspec->name, error->message);
  return secret;
}

const char *
gst_headend_video_range (const GstStructure *caps)
{
  const char *text = gst_structure_get_string (caps, "colorimetry");
  GstVideoColorimetry colorimetry;

  if (text == NULL || !gst_video_colorimetry_from_string (&colorimetry, text))
    return NULL;
  switch (colorimetry.transfer) {
    case GST_VIDEO_TRANSFER_SMPTE2084:
      return "PQ";
    case GST_VIDEO_TRANSFER_ARIB_STD_B67:
      return "HLG";
    case GST_VIDEO_TRANSFER_UNKNOWN:
      return NULL;
    default:
      return "SDR";
  }
}
