/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-mark-segment.h"

#include "he-epoch.h"
#include "he-keys.h"

GstEvent *
gst_mark_segment_note (GstMarkSegment *self, const GstMarkRule *rule,
                       const GstHeadendSegment *segment, GstEvent *event)
{
  guint64 msn = segment->msn;
  GstEvent *ours;

  *self = (GstMarkSegment) { .announced = TRUE, .segment = *segment, .next = msn + 1 };
  if (rule->sparse == 1)
    return event;
  self->segment.unmarked
      = he_mark_next (rule->key, rule->channel, rule->sparse, msn) != msn;
  if (rule->variant == HE_VARIANT_B)
    self->next = he_mark_next (rule->key, rule->channel, rule->sparse, msn + 1);
  ours = gst_headend_segment_event_new (&self->segment);
  gst_event_set_seqnum (ours, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return ours;
}

gboolean
gst_mark_segment_leaves_out (GstMarkSegment *self, const GstMarkRule *rule, GstPad *pad,
                             GstClockTime pts)
{
  GstClockTime end = he_ticks_to_ns (self->segment.pts90 + self->segment.duration90);

  if (rule->variant != HE_VARIANT_B || !self->announced || !self->segment.unmarked)
    return FALSE;
  if (!self->gap_is_told && GST_CLOCK_TIME_IS_VALID (pts) && pts < end) {
    self->gap_is_told = TRUE;
    gst_pad_push_event (pad, gst_event_new_gap (pts, end - pts));
  }
  return TRUE;
}

gboolean
gst_mark_segment_find (const GstMarkSegment *self, GstBuffer *in, guint64 duration90,
                       guint64 *ret_msn)
{
  if (self->announced)
    *ret_msn = self->segment.msn;
  else if (GST_BUFFER_PTS_IS_VALID (in))
    *ret_msn = he_epoch_msn (he_ticks_from_ns (GST_BUFFER_PTS (in)), duration90);
  else
    return FALSE;
  return TRUE;
}

GType
gst_mark_variant_get_type (void)
{
  static const GEnumValue values[] = {
    { HE_VARIANT_NONE, "No mark: buffers pass through", "none" },
    { HE_VARIANT_A, "The pattern is added", "a" },
    { HE_VARIANT_B, "The pattern is subtracted", "b" },
    { 0, NULL, NULL },
  };
  static gsize type;
  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstForensicMarkVariant", values));
  return type;
}
