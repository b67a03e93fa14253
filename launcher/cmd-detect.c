/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include <gst/gst.h>
#include <math.h>
#include <string.h>
#include <unistd.h>
#include "archive.h"
#include "compare.h"
#include "copy.h"
#include "description.h"
#include "detect-options.h"
#include "factory.h"
#include "he-detect.h"
#include "he-epoch.h"
#include "he-error.h"
#include "he-keys.h"
#include "he-sync.h"
#include "plan.h"
#include "wall-offset.h"

#define PROGRESS (200 * GST_MSECOND)
#define BAR 30

/* What is read, and what was found. */
typedef struct {
  const HeadendDetectOptions *options;
  HeSecret *key; /* of the marks */
  char *payload; /* the line of it that is to be written */
  GPtrArray *channels; /* HeadendModelChannel of the model; one after the first symbol */
  GstElement *pipeline, *detector;
  HeadendArchive archive; /* folder is NULL without one */
  GArray *segments; /* HeadendCompared; with an archive, what is to be compared */
  guint64 last; /* MSN */
  guint64 time; /* of the last segment, left out or not */
  guint part;   /* how often that went back */
  guint symbols, clear, left_out;
  char *channel; /* of the first symbol */
  char *missing; /* a format of pictures that GStreamer has no plugin for */
  double searched; /* part of a search that is done; 0: none is on */
  gboolean found, bar;
} Detection;

/* Seconds for each channel, with commas between; by what nodes have written down. */
static char *
wall_offsets (const Detection *detection, const HeadendModel *model)
{
  const HeadendDetectOptions *options = detection->options;
  g_autoptr (GPtrArray) states = g_ptr_array_new ();
  g_autoptr (GString) text = g_string_new (NULL);
  char word[G_ASCII_DTOSTR_BUF_SIZE];
  for (guint i = 0; i < model->nodes->len; i++)
    g_ptr_array_add (states, ((HeadendNode *)model->nodes->pdata[i])->state);
  g_ptr_array_add (states, NULL);
  for (guint i = 0; i < detection->channels->len; i++) {
    const char *name = ((HeadendModelChannel *)detection->channels->pdata[i])->name;
    gint64 offset90 = 0;
    if (!headend_wall_offset (options->states ? options->states : (char **)states->pdata, name,
                              &offset90)
        && !options->epoch)
      g_printerr ("headend detect: no state folder has a readable anchor-%s.json: --around is taken "
                  "for the channel's epoch time, from which the wall clock may be 13 hours away; "
                  "name a node's state folder with --state, or search with --window 27\n",
                  name);
    g_string_append_printf (text, "%s%s", i ? "," : "",
                            g_ascii_dtostr (word, sizeof word, (double)offset90 / HE_TICKS_PER_SECOND));
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static gboolean
set_up_detector (Detection *detection, const HeadendModel *model, const HeSecret *master,
                 GError **error)
{
  const HeadendDetectOptions *options = detection->options;
  const HeadendModelChannel *first = detection->channels->pdata[0];
  g_autoptr (GString) names = g_string_new (NULL);
  double around = 0;
  if (options->around && !headend_detect_around (options->around, &around, error))
    return FALSE;
  for (guint i = 0; i < detection->channels->len; i++)
    g_string_append_printf (names, "%s%s", i ? "," : "",
                            ((HeadendModelChannel *)detection->channels->pdata[i])->name);
  detection->key = he_keys_derive (master, HE_PURPOSE_MARK);
  char *hex = he_secret_to_hex (detection->key);
  g_autofree char *offsets = wall_offsets (detection, model);
  g_object_set (detection->detector, "key", hex, "channels", names->str, "segment-duration",
                first->duration90, "around", around, "window",
                options->epoch ? 0.0 : options->window, "wall-offsets", offsets, "views",
                !options->whole, "payload", headend_detect_reads_payload (first), "weights",
                detection->segments != NULL, NULL);
  he_string_wipe_free (hex);
  return TRUE;
}

static gboolean
build (Detection *detection, const HeadendModel *model, const HeSecret *master, GError **error)
{
  static const char *const needed[]
      = { "uridecodebin", "videoconvert", "videoflip", "forensicdetect", "fakesink", NULL };
  const HeProbe probe = headend_factory_probe ();
  if (!headend_plan_check_elements ("detection", needed, &probe, error))
    return FALSE;
  detection->pipeline = headend_copy_open (detection->options->copy,
                                           "forensicdetect name=detector ! fakesink sync=false", error);
  if (!detection->pipeline)
    return FALSE;
  detection->detector = gst_bin_get_by_name (GST_BIN (detection->pipeline), "detector");
  return set_up_detector (detection, model, master, error);
}

/* Whether variants differ there: where they do not, the copy says nothing of a viewer. */
static gboolean
is_marked (const Detection *detection, const char *name, guint64 msn)
{
  for (guint i = 0; i < detection->channels->len; i++) {
    const HeadendModelChannel *channel = detection->channels->pdata[i];
    if (strcmp (channel->name, name) == 0)
      return he_mark_next (detection->key, name, channel->sparse, msn) == msn;
  }
  return FALSE;
}

static void
print_head (Detection *detection, const char *name)
{
  for (guint i = 0; i < detection->channels->len; i++) {
    const HeadendModelChannel *channel = detection->channels->pdata[i];
    if (strcmp (channel->name, name) == 0)
      g_print ("{\"channel\":\"%s\",\"key-version\":%u,\"segment-duration\":%" G_GUINT64_FORMAT
               "}\n",
               channel->name, channel->key_version, channel->duration90);
  }
}

static void
print_symbol (Detection *detection, const HeadendCompared *segment)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  g_print ("{\"msn\":%" G_GUINT64_FORMAT ",\"z\":%s%s}\n", segment->msn,
           g_ascii_formatd (text, sizeof text, "%.3f", segment->z),
           segment->informed ? ",\"informed\":true" : "");
  detection->clear += fabs (segment->z) >= HE_DETECT_CLEAR;
}

static HeView
view_of (const GstStructure *fields)
{
  HeView view = he_view_identity;
  const GValue *list = gst_structure_get_value (fields, "view");
  for (guint i = 0; list && i < MIN (gst_value_array_get_size (list), HE_VIEW_VALUES); i++)
    view.m[i] = g_value_get_double (gst_value_array_get_value (list, i));
  return view;
}

/* Times go on, so that no segment is written twice, whatever the copy repeats; and symbols of
 * another channel, which a part of the copy may show, are no evidence with these. */
static void
take_symbol (Detection *detection, const GstStructure *fields)
{
  HeadendCompared segment = { .view = view_of (fields) };
  gboolean found = FALSE;
  gst_structure_get (fields, "msn", G_TYPE_UINT64, &segment.msn, "z", G_TYPE_DOUBLE, &segment.z,
                     "time", G_TYPE_UINT64, &segment.time, "end", G_TYPE_UINT64, &segment.end,
                     "length", G_TYPE_UINT64, &segment.length, "found", G_TYPE_BOOLEAN, &found,
                     NULL);
  const char *channel = gst_structure_get_string (fields, "channel");
  detection->found |= found;
  detection->part += segment.time < detection->time;
  detection->time = segment.time;
  segment.part = detection->part;
  if (!is_marked (detection, channel, segment.msn))
    return;
  if (detection->symbols
      && (segment.msn <= detection->last || strcmp (channel, detection->channel) != 0)) {
    detection->left_out++;
    return;
  }
  if (!detection->symbols)
    detection->channel = g_strdup (channel);
  if (!detection->symbols && !detection->segments)
    print_head (detection, channel);
  detection->last = segment.msn;
  detection->symbols++;
  if (detection->segments) {
    gst_structure_get (fields, "weights", G_TYPE_BYTES, &segment.weights, NULL);
    g_array_append_val (detection->segments, segment);
  } else {
    print_symbol (detection, &segment);
  }
}

/* The last one rests on most segments. */
static void
take_payload (Detection *detection, const GstStructure *fields)
{
  double log10_p = 0;
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  gst_structure_get (fields, "segments", G_TYPE_UINT, &detection->symbols, "log10-p",
                     G_TYPE_DOUBLE, &log10_p, NULL);
  g_free (detection->payload);
  detection->payload = g_strdup_printf (
      "{\"channel\":\"%s\",\"payload\":\"%s\",\"segments\":%u,\"log10-p\":%s}\n",
      gst_structure_get_string (fields, "channel"),
      gst_structure_get_string (fields, "payload"), detection->symbols,
      g_ascii_formatd (text, sizeof text, "%.1f", log10_p));
}

static void
show_progress (const Detection *detection)
{
  gint64 position = 0, duration = 0;
  if (!detection->bar
      || !gst_element_query_position (detection->pipeline, GST_FORMAT_TIME, &position)
      || !gst_element_query_duration (detection->pipeline, GST_FORMAT_TIME, &duration)
      || duration <= 0)
    return;
  const double done = CLAMP ((double)position / (double)duration, 0.0, 1.0);
  const int full = (int)(done * BAR);
  g_printerr ("\r\033[K[%.*s%*s] %3.0f %%  %u segments read", full, "##############################",
              BAR - full, "", done * 100, detection->symbols);
  if (detection->searched > 0)
    g_printerr ("; looking for view and time, %.0f %%", detection->searched * 100);
}

/* Sound is asked for nowhere, and so it is missing too. */
static void
take_missing (Detection *detection, const GstStructure *fields)
{
  g_autoptr (GstCaps) caps = NULL;
  gst_structure_get (fields, "detail", GST_TYPE_CAPS, &caps, NULL);
  const char *type = caps && gst_caps_get_size (caps)
                         ? gst_structure_get_name (gst_caps_get_structure (caps, 0))
                         : "";
  if (!detection->missing && !g_str_has_prefix (type, "audio/"))
    detection->missing = g_strdup (gst_structure_get_string (fields, "name"));
}

static void
take_search (Detection *detection, const GstStructure *fields)
{
  gst_structure_get (fields, "done", G_TYPE_DOUBLE, &detection->searched, NULL);
  show_progress (detection);
  detection->searched = 0;
}

/* To the end of the copy. */
static gboolean
run (Detection *detection, GError **error)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (detection->pipeline);
  gst_element_set_state (detection->pipeline, GST_STATE_PLAYING);
  for (;;) {
    g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (
        bus, PROGRESS, GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT);
    if (!message) {
      show_progress (detection);
      continue;
    }
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS)
      return TRUE;
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
      return headend_copy_fail (detection->options->copy, message, detection->missing, error);
    const GstStructure *fields = gst_message_get_structure (message);
    if (gst_message_has_name (message, "missing-plugin"))
      take_missing (detection, fields);
    if (gst_message_has_name (message, "forensicdetect-segment"))
      take_symbol (detection, fields);
    if (gst_message_has_name (message, "forensicdetect-payload"))
      take_payload (detection, fields);
    if (gst_message_has_name (message, "forensicdetect-search"))
      take_search (detection, fields);
  }
}

static void
show_compared (gpointer data, guint compared)
{
  const Detection *detection = data;
  if (detection->bar)
    g_printerr ("\r\033[K%u of %u segments compared with the archive", compared,
                detection->segments->len);
}

/* How the copy lies upon the originals was found without the marks: so many and strong ones
 * would be there by chance as he_chi_squared_log_tail() says. */
static void
believe (Detection *detection)
{
  double squares = 0;
  guint n = 0;
  for (guint i = 0; i < detection->segments->len; i++) {
    const HeadendCompared *segment = &g_array_index (detection->segments, HeadendCompared, i);
    if (!segment->informed)
      continue;
    squares += segment->z * segment->z;
    n++;
  }
  if (he_chi_squared_log_tail (n, squares) <= HE_SYNC_LOG_P)
    detection->found = TRUE;
}

/* Before the copy is read, which may take minutes; the folder has one channel at least. */
static gboolean
check_archive (Detection *detection, GError **error)
{
  g_autoptr (GError) reason = NULL;
  for (guint i = 0; i < detection->channels->len; i++) {
    g_clear_error (&reason);
    detection->archive.channel = detection->channels->pdata[i];
    if (headend_archive_check (&detection->archive, &reason))
      return TRUE;
  }
  g_propagate_error (error, g_steal_pointer (&reason));
  return FALSE;
}

static void
tell_left (const Detection *detection, const HeadendComparison *comparison)
{
  const char *clear = detection->bar ? "\r\033[K" : "";
  if (comparison->missing || comparison->unlike || comparison->unseen)
    g_printerr ("%s%u segments are not in the archive in both variants, %u show something else "
                "than it has, and %u were not found in the copy again: these were read without it\n",
                clear, comparison->missing, comparison->unlike, comparison->unseen);
  if (comparison->broken)
    g_printerr ("%s%u segments of the archive cannot be read, and were read without it; the first: "
                "%s\n",
                clear, comparison->broken, comparison->why);
}

/* With both variants at hand: every segment once more. */
static gboolean
compare (Detection *detection, GError **error)
{
  HeadendComparison comparison = { .copy = detection->options->copy,
                                   .archive = &detection->archive,
                                   .mark = detection->key,
                                   .segments = detection->segments,
                                   .progress = show_compared,
                                   .data = detection };
  if (!detection->symbols)
    return TRUE;
  for (guint i = 0; i < detection->channels->len; i++)
    if (strcmp (((HeadendModelChannel *)detection->channels->pdata[i])->name, detection->channel) == 0)
      detection->archive.channel = detection->channels->pdata[i];
  if (!headend_compare (&comparison, error)) {
    g_free (comparison.why);
    return FALSE;
  }
  believe (detection);
  print_head (detection, detection->channel);
  for (guint i = 0; i < detection->segments->len; i++)
    print_symbol (detection, &g_array_index (detection->segments, HeadendCompared, i));
  tell_left (detection, &comparison);
  g_free (comparison.why);
  return TRUE;
}

/* What was read of a payload, once. */
static gboolean
tell_payload (Detection *detection, GError **error)
{
  g_autofree char *payload = g_steal_pointer (&detection->payload);
  if (detection->bar)
    g_printerr ("\r\033[K");
  if (payload) {
    g_print ("%s", payload);
    return TRUE;
  }
  g_set_error (error, HE_ERROR, HE_ERROR_NOT_FOUND,
               "no payload was found; name another time, a wider window, or a longer copy");
  return FALSE;
}

static gboolean
detect (const HeadendDetectOptions *options, const HeadendModel *model, const HeSecret *master,
        GPtrArray *channels, GError **error)
{
  Detection detection
      = { .options = options, .channels = channels, .bar = isatty (STDERR_FILENO) == 1 };
  headend_gst_init ();
  g_autoptr (HeSecret) content = he_keys_derive (master, HE_PURPOSE_CONTENT);
  if (options->archive) {
    detection.archive = (HeadendArchive) { .folder = options->archive, .content = content };
    detection.segments = g_array_new (FALSE, FALSE, sizeof (HeadendCompared));
    g_array_set_clear_func (detection.segments, (GDestroyNotify)headend_compared_clear);
  }
  gboolean ok = (!detection.segments || check_archive (&detection, error))
                && build (&detection, model, master, error) && run (&detection, error)
                && (!detection.segments || compare (&detection, error));
  if (detection.pipeline)
    gst_element_set_state (detection.pipeline, GST_STATE_NULL);
  g_clear_object (&detection.detector);
  g_clear_object (&detection.pipeline);
  g_free (detection.channel);
  he_secret_unref (detection.key);
  g_free (detection.missing);
  g_clear_pointer (&detection.segments, g_array_unref);
  if (!ok) {
    g_free (detection.payload);
    return FALSE;
  }
  if (headend_detect_reads_payload (channels->pdata[0]))
    return tell_payload (&detection, error);
  if (detection.left_out)
    g_printerr ("%s%u segments left out: of earlier times, or of another channel\n",
                detection.bar ? "\r\033[K" : "", detection.left_out);
  g_printerr ("%s%u segments read, %u of them clearly; view and time %s\n",
              detection.bar ? "\r\033[K" : "", detection.symbols, detection.clear,
              detection.found ? "found" : "not found");
  if (detection.found)
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_NOT_FOUND,
               "no mark of the channel was found; name another time, a wider window, or a "
               "longer copy");
  return FALSE;
}

int
headend_cmd_detect (int argc, char **argv)
{
  g_auto (HeadendDetectOptions) options = { 0 };
  g_autoptr (GError) error = NULL;
  int code = headend_detect_options_parse (argc, argv, &options);
  if (code >= 0)
    return code;
  g_autoptr (HeadendModel) model = headend_description_load (options.description, NULL, &error);
  g_autoptr (HeSecret) master = model ? headend_model_load_secret (model, &error) : NULL;
  g_autoptr (GPtrArray) channels = master ? headend_detect_channels (model, &options, &error) : NULL;
  if (channels && options.archive && headend_detect_reads_payload (channels->pdata[0]))
    return headend_detect_misuse ("--archive is for variants, and this channel has a payload; leave "
                                  "it out");
  if (channels && detect (&options, model, master, channels, &error))
    return 0;
  g_printerr ("headend detect: %s\n", error->message);
  return 1;
}
