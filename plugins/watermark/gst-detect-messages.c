/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-detect-messages.h"

#include "he-detect.h"

static void
set_view (GstStructure *fields, const HeView *view)
{
  GValue list = G_VALUE_INIT, value = G_VALUE_INIT;

  g_value_init (&list, GST_TYPE_ARRAY);
  g_value_init (&value, G_TYPE_DOUBLE);
  for (guint i = 0; i < HE_VIEW_VALUES; i++) {
    g_value_set_double (&value, view->m[i]);
    gst_value_array_append_value (&list, &value);
  }
  gst_structure_take_value (fields, "view", &list);
}

GstMessage *
gst_detect_segment (GstObject *element, const HeReading *reading, const char *channel)
{
  GValue weights = G_VALUE_INIT;
  GstStructure *fields = gst_structure_new (
      "forensicdetect-segment", "msn", G_TYPE_UINT64, reading->msn, "channel", G_TYPE_STRING,
      channel, "z", G_TYPE_DOUBLE, reading->z, "variant", G_TYPE_STRING,
      he_variant_name (he_detect_verdict (-reading->z)), "time", G_TYPE_UINT64, reading->time,
      "end", G_TYPE_UINT64, reading->end, "length", G_TYPE_UINT64, reading->length, "frames",
      G_TYPE_UINT, reading->frames, "found", G_TYPE_BOOLEAN, reading->found, NULL);

  set_view (fields, &reading->view);
  if (reading->n_weights) {
    g_value_init (&weights, G_TYPE_BYTES);
    g_value_take_boxed (&weights, g_bytes_new (reading->weights, reading->n_weights));
    gst_structure_take_value (fields, "weights", &weights);
  }
  return gst_message_new_element (element, fields);
}

GstMessage *
gst_detect_payload (GstObject *element, HePayloadSums *sums, const char *channel)
{
  HePayloadReading reading;
  guint segments = 0;

  if (!he_payload_decode (sums, &reading))
    return NULL;
  for (guint i = 0; i < HE_PAYLOAD_SEGMENTS; i++)
    segments += sums->segments[i];
  g_autofree char *text = g_strdup_printf ("%016" G_GINT64_MODIFIER "x", reading.payload);
  GstStructure *fields = gst_structure_new (
      "forensicdetect-payload", "payload", G_TYPE_STRING, text, "channel", G_TYPE_STRING, channel,
      "segments", G_TYPE_UINT, segments, "z", G_TYPE_DOUBLE, reading.z, "log10-p", G_TYPE_DOUBLE,
      reading.log10_p, NULL);
  return gst_message_new_element (element, fields);
}
