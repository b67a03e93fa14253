/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inputs.h"

#include <gio/gio.h>

#include "agreement.h"

#define TELL_SECONDS 2

struct _HeadendInputs {
  const HeadendJob *job;
  HeadendFeed *feed;
  GstElement *demux;
  guint ticks;
  gboolean telling;
};

HeadendInputs *
headend_inputs_new (const HeadendJob *job, HeadendFeed *feed, GstElement *demux)
{
  HeadendInputs *inputs = g_new0 (HeadendInputs, 1);
  inputs->job = job;
  inputs->feed = feed;
  inputs->demux = gst_object_ref (demux);
  return inputs;
}

static void
tell_run (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const HeadendJob *job = g_object_get_data (G_OBJECT (task), "job");
  g_task_return_boolean (task, headend_agreement_tell_inputs (job, data));
}

static void
on_told (GObject *source, GAsyncResult *result, gpointer user_data)
{
  HeadendInputs *inputs = user_data;
  inputs->telling = FALSE;
}

void
headend_inputs_tell (HeadendInputs *inputs)
{
  static const char *const counted[HE_SOURCE_COUNTS] = {
    [HE_SOURCE_DAMAGED] = "damaged",
    [HE_SOURCE_BAD_TIMES] = "bad-times",
    [HE_SOURCE_SKIPPED_PICTURES] = "skipped",
  };
  HeInputReport report = { 0 };
  g_autoptr (GstStructure) stats = NULL;
  if (inputs->telling || inputs->ticks++ % TELL_SECONDS != 0)
    return;
  headend_feed_report (inputs->feed, &report);
  g_object_get (inputs->demux, "stats", &stats, NULL);
  for (guint i = 0; stats && i < HE_SOURCE_COUNTS; i++)
    if (counted[i])
      gst_structure_get_uint64 (stats, counted[i], &report.counts[i]);
  inputs->telling = TRUE;
  g_autoptr (GTask) task = g_task_new (NULL, NULL, on_told, inputs);
  g_object_set_data (G_OBJECT (task), "job", (gpointer)inputs->job);
  g_task_set_task_data (task, he_input_to_json (&report), g_free);
  g_task_run_in_thread (task, tell_run);
}
