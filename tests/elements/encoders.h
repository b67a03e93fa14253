/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <string.h>

#include "../standins/standins.h"
#include "description.h"
#include "gst-probe.h"
#include "plan.h"
#include "route.h"

/* What tests of GPUs have in common: they run on the elements of a GPU where one with an
 * encoder is, else on their stand-ins. */

/* FALSE where the machine's own elements are of another generation than the set's. */
static inline gboolean
install (const char *set)
{
  if (standins_real (set)) {
    g_test_message ("%s: on this machine's own elements", set);
    return FALSE;
  }
  standins_install (set);
  return TRUE;
}

/* Frames of stand-ins cannot be read, nor marked where they are by a GPU that cannot
 * encode. */
static inline gboolean
takes_standins (gpointer user, const char *factory, HeMemory memory, const char *format)
{
  return (memory != HE_MEMORY_CUDA || strcmp (factory, "forensicmark") != 0)
         && gst_headend_probe ("/nonexistent").takes (user, factory, memory, format);
}

/* With a driver that knows all presets. */
static inline HeProbe
probe_here (gboolean stand_in)
{
  HeProbe probe = gst_headend_probe ("/nonexistent");

  if (stand_in)
    probe.takes = takes_standins;
  return probe;
}

/* text NULL: pipelines/gpu.json. */
static inline HeadendModel *
load_model (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path
      = g_build_filename (g_getenv ("SRCDIR"), "pipelines", "gpu.json", NULL);
  HeadendModel *model
      = text != NULL ? headend_description_parse (text, -1, "d.json", "/srv", &error)
                     : headend_description_load (path, NULL, &error);

  g_assert_no_error (error);
  return model;
}

static inline GstElement *
find_factory (GstBin *bin, const char *factory)
{
  GstIterator *all = gst_bin_iterate_all_by_element_factory_name (bin, factory);
  g_auto (GValue) item = G_VALUE_INIT;
  GstElement *found = NULL;

  if (gst_iterator_next (all, &item) == GST_ITERATOR_OK)
    found = g_value_dup_object (&item);
  gst_iterator_free (all);
  return found;
}

static inline gboolean
is_there (const char *name)
{
  g_autoptr (GstElementFactory) factory = gst_element_factory_find (name);

  return factory != NULL;
}

static inline guint
count_text (const char *text, const char *part)
{
  guint n = 0;

  for (const char *p = text; (p = strstr (p, part)) != NULL; p++)
    n++;
  return n;
}

static inline void
run_to_end (GstElement *pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = NULL;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 3600 * GST_SECOND,
                                        GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    g_autoptr (GError) error = NULL;
    g_autofree char *debug = NULL;

    gst_message_parse_error (message, &error, &debug);
    g_test_message ("%s: %s", error->message, debug);
    g_assert_no_error (error);
  }
}

/* The plan's video behind its decoder, with nothing behind the parsers. */
static inline void
append_video (GString *text, const HeadendPlan *plan)
{
  g_auto (GStrv) lines = g_strsplit (plan->pipeline, "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    if (g_str_has_prefix (*line, "epochalign name=align")
        || g_str_has_prefix (*line, "video.") || g_str_has_prefix (*line, "video-"))
      g_string_append_printf (text, "%s\n", *line);
  g_string_replace (text, "! sink.video", "! fakesink async=false sync=false name=out",
                    0);
}

/* What came out of an encoder that is to place a keyframe each so many frames. */
typedef struct {
  guint distance;
  guint frames, keys, misplaced;
} Output;

static inline GstPadProbeReturn
count_frame (GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
  GstBuffer *buffer = gst_pad_probe_info_get_buffer (info);
  Output *output = user;
  gboolean key = !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);

  output->keys += key;
  output->misplaced += key != (output->frames % output->distance == 0);
  output->frames++;
  return GST_PAD_PROBE_OK;
}
