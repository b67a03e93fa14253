/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include "gst-headend.h"

/* What came out of a harness, buffers and our events in their order. */

typedef enum { RECORD_BUFFER, RECORD_SEGMENT, RECORD_STATUS, RECORD_KEY_UNIT } RecordKind;

typedef struct {
  RecordKind kind;
  GstBuffer *buffer;
  GstHeadendSegment segment;
  guint64 msn;
  HeSegmentFlags flags;
  guint count;
  gboolean all_headers;
} RecordItem;

typedef struct {
  GMutex lock;
  GArray *items; /* RecordItem */
} Record;

static inline GstPadProbeReturn
record_probe (GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
  Record *record = user;
  RecordItem item = { .kind = RECORD_BUFFER };
  gboolean keep = TRUE;

  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    item.buffer = gst_buffer_ref (GST_PAD_PROBE_INFO_BUFFER (info));
  } else {
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);

    if (gst_headend_segment_event_parse (event, &item.segment))
      item.kind = RECORD_SEGMENT;
    else if (gst_headend_status_event_parse (event, &item.msn, &item.flags))
      item.kind = RECORD_STATUS;
    else if (gst_video_event_is_force_key_unit (event)
             && gst_video_event_parse_downstream_force_key_unit (
                 event, NULL, NULL, NULL, &item.all_headers, &item.count))
      item.kind = RECORD_KEY_UNIT;
    else
      keep = FALSE;
  }
  g_mutex_lock (&record->lock);
  if (keep)
    g_array_append_val (record->items, item);
  g_mutex_unlock (&record->lock);
  return GST_PAD_PROBE_OK;
}

static inline void
record_item_clear (gpointer item)
{
  gst_clear_buffer (&((RecordItem *)item)->buffer);
}

static inline Record *
record_new (GstHarness *harness)
{
  Record *record = g_new0 (Record, 1);

  g_mutex_init (&record->lock);
  record->items = g_array_new (FALSE, FALSE, sizeof (RecordItem));
  g_array_set_clear_func (record->items, record_item_clear);
  gst_pad_add_probe (harness->sinkpad,
                     GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
                     record_probe, record, NULL);
  return record;
}

static inline void
record_free (Record *record)
{
  g_array_unref (record->items);
  g_mutex_clear (&record->lock);
  g_free (record);
}

static inline RecordItem *
record_at (Record *record, guint index)
{
  g_assert_cmpuint (index, <, record->items->len);
  return &g_array_index (record->items, RecordItem, index);
}

static inline guint
record_count (Record *record, RecordKind kind)
{
  guint n = 0;

  for (guint i = 0; i < record->items->len; i++)
    n += record_at (record, i)->kind == kind;
  return n;
}

/* The n-th buffer, not owned. */
static inline GstBuffer *
record_buffer (Record *record, guint n)
{
  for (guint i = 0; i < record->items->len; i++)
    if (record_at (record, i)->kind == RECORD_BUFFER && n-- == 0)
      return record_at (record, i)->buffer;
  g_error ("there is no buffer %u", n);
}

/* The segment that the index-th status is of, whose flags are as expected. */
static inline guint64
record_flagged (Record *record, guint index, HeSegmentFlags expected)
{
  for (guint i = 0; i < record->items->len; i++)
    if (record_at (record, i)->kind == RECORD_STATUS && index-- == 0) {
      g_assert_cmpint (record_at (record, i)->flags, ==, expected);
      return record_at (record, i)->msn;
    }
  g_assert_not_reached ();
}

/* Ends the stream and waits until the end came out. */
static inline void
record_finish (GstHarness *harness)
{
  gst_harness_push_event (harness, gst_event_new_eos ());
  for (guint i = 0; i < 60; i++) {
    GstEvent *event = gst_harness_pull_event (harness);
    gboolean end = event != NULL && GST_EVENT_TYPE (event) == GST_EVENT_EOS;

    g_assert_nonnull (event);
    gst_event_unref (event);
    if (end)
      return;
    i = 0;
  }
}
