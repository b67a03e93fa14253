/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "skipper.h"

#include <gst/app/app.h>
#include "backlog.h"
#include "log.h"

struct _HeadendSkipper {
  GstAppSrc *intake;
  GstPad *pad;
  gulong probe;
  gboolean leans;
  GMutex lock;
  guint64 skipped_us; /* by lock */
  /* The thread of the intake: */
  HeadendBacklog backlog;
  gint64 since;        /* came what is skipped */
  GstBufferFlags owed; /* to the next buffer */
};

static guint
percent_taken (HeadendSkipper *skipper)
{
  guint64 room = gst_app_src_get_max_bytes (skipper->intake);
  guint64 taken = gst_app_src_get_current_level_bytes (skipper->intake);
  return (guint)(taken * 100 / MAX (room, 1));
}

static void
mark (GstPadProbeInfo *info, GstBufferFlags flags)
{
  GstBuffer *buffer = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER (info));
  GST_BUFFER_FLAG_SET (buffer, flags);
  GST_PAD_PROBE_INFO_DATA (info) = buffer;
}

static GstPadProbeReturn
skip (HeadendSkipper *skipper, GstPadProbeInfo *info, gboolean begins)
{
  if (skipper->leans) {
    mark (info, GST_BUFFER_FLAG_DROPPABLE);
    return GST_PAD_PROBE_OK;
  }
  if (begins)
    skipper->owed = GST_BUFFER_FLAG_DISCONT;
  skipper->owed |= GST_BUFFER_FLAGS (info->data) & GST_BUFFER_FLAG_RESYNC;
  return GST_PAD_PROBE_DROP;
}

static GstPadProbeReturn
on_taken (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  HeadendSkipper *skipper = user_data;
  gint64 came = (gint64)GST_BUFFER_OFFSET (GST_PAD_PROBE_INFO_BUFFER (info));
  gboolean was_skipping = skipper->backlog.skipping;
  if (headend_backlog_skips (&skipper->backlog, g_get_monotonic_time () - came,
                             percent_taken (skipper))) {
    if (!was_skipping)
      skipper->since = came;
    return skip (skipper, info, !was_skipping);
  }
  if (!was_skipping)
    return GST_PAD_PROBE_OK;
  headend_log ("this machine is too slow: %" G_GINT64_FORMAT
               " ms of the source had waited for too long, and were skipped",
               (came - skipper->since) / 1000);
  g_mutex_lock (&skipper->lock);
  skipper->skipped_us += (guint64)(came - skipper->since);
  g_mutex_unlock (&skipper->lock);
  mark (info, skipper->owed);
  return GST_PAD_PROBE_OK;
}

HeadendSkipper *
headend_skipper_new (GstElement *intake, gboolean leans)
{
  HeadendSkipper *skipper = g_new0 (HeadendSkipper, 1);
  g_mutex_init (&skipper->lock);
  skipper->intake = gst_object_ref (GST_APP_SRC (intake));
  skipper->leans = leans;
  skipper->pad = gst_element_get_static_pad (intake, "src");
  skipper->probe = gst_pad_add_probe (skipper->pad, GST_PAD_PROBE_TYPE_BUFFER, on_taken,
                                      skipper, NULL);
  return skipper;
}

void
headend_skipper_free (HeadendSkipper *skipper)
{
  if (!skipper)
    return;
  gst_pad_remove_probe (skipper->pad, skipper->probe);
  gst_object_unref (skipper->pad);
  gst_object_unref (skipper->intake);
  g_mutex_clear (&skipper->lock);
  g_free (skipper);
}

guint64
headend_skipper_ms (HeadendSkipper *skipper)
{
  if (!skipper)
    return 0;
  g_mutex_lock (&skipper->lock);
  guint64 ms = skipper->skipped_us / 1000;
  g_mutex_unlock (&skipper->lock);
  return ms;
}
