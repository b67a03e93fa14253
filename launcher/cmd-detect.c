/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "description.h"
#include "factory.h"
#include "he-epoch.h"
#include "he-error.h"
#include "he-keys.h"
#include "options.h"
#include "plan.h"
#include "wall-offset.h"

#define DEFAULT_WINDOW 2.0 /* hours */
#define MAX_WINDOW 48.0
#define PROGRESS (200 * GST_MSECOND)
#define BAR 30

typedef struct {
  char *copy, *description, *around;
  char **channels, **states;
  double window;
  gboolean epoch, whole;
} Options;

static void
options_clear (Options *options)
{
  g_free (options->copy);
  g_free (options->description);
  g_free (options->around);
  g_strfreev (options->channels);
  g_strfreev (options->states);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

/* What is read, and what was found. */
typedef struct {
  const Options *options;
  HeSecret *key; /* of the marks */
  GPtrArray *channels; /* HeadendModelChannel of the model; one after the first symbol */
  GstElement *pipeline, *detector;
  guint64 last; /* MSN */
  guint symbols, clear, left_out;
  char *channel; /* of the first symbol */
  char *missing; /* a format of pictures that GStreamer has no plugin for */
  double searched; /* part of a search that is done; 0: none is on */
  gboolean found, bar;
} Detection;

static int
misuse (const char *message)
{
  g_printerr ("headend detect: %s; headend detect --help says more\n", message);
  return 2;
}

/* -1 to go on, else the exit code. */
static int
parse_options (int argc, char **argv, Options *options)
{
  const GOptionEntry entries[] = {
    { "description", 'd', 0, G_OPTION_ARG_FILENAME, &options->description,
      "The description of the channels, with its secret", "FILE" },
    { "channel", 'c', 0, G_OPTION_ARG_STRING_ARRAY, &options->channels,
      "A channel that the copy may show; without one, all marked ones", "NAME" },
    { "around", 0, 0, G_OPTION_ARG_STRING, &options->around,
      "When its first picture was on air, about: 2026-11-21T20:15:00Z, or seconds since "
      "1970; without it, now", "TIME" },
    { "window", 0, 0, G_OPTION_ARG_DOUBLE, &options->window,
      "Hours around that time that are searched (2)", "HOURS" },
    { "state", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->states,
      "A node's state folder, which says how its wall clock and the source's timestamps went "
      "together; without one, those that the description names", "DIR" },
    { "epoch", 0, 0, G_OPTION_ARG_NONE, &options->epoch,
      "The copy's timestamps are epoch time; no search of the time", NULL },
    { "whole", 0, 0, G_OPTION_ARG_NONE, &options->whole,
      "The copy shows whole frames, flipped at most; no search for crops and other views",
      NULL },
    G_OPTION_ENTRY_NULL,
  };
  options->window = DEFAULT_WINDOW;
  int code = headend_options_parse (
      argc, argv, entries,
      "Reads the marks of a copy (FILE or URI), and writes a line of JSON for each segment, "
      "as headend trace takes them. Exit code 1 when no mark was found.",
      &options->copy);
  if (code >= 0)
    return code;
  if (!options->description)
    return misuse ("--description is missing");
  if (!(options->window > 0 && options->window <= MAX_WINDOW))
    return misuse ("--window is not above 0 and at most 48 hours");
  return -1;
}

static gboolean
parse_around (const char *text, double *ret_seconds, GError **error)
{
  char *end;
  *ret_seconds = g_ascii_strtod (text, &end);
  if (*text && !*end && isfinite (*ret_seconds) && *ret_seconds > 0)
    return TRUE;
  g_autoptr (GDateTime) time = g_date_time_new_from_iso8601 (text, NULL);
  if (time) {
    *ret_seconds = (double)g_date_time_to_unix (time);
    return TRUE;
  }
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
               "--around \"%s\" is no time; write 2026-11-21T20:15:00Z, or seconds since "
               "1970-01-01 UTC",
               text);
  return FALSE;
}

/* The marked channels that were named, or all. */
static GPtrArray *
choose_channels (const HeadendModel *model, const Options *options, GError **error)
{
  g_autoptr (GPtrArray) chosen = g_ptr_array_new ();
  for (guint i = 0; i < model->channels->len; i++) {
    const HeadendModelChannel *channel = model->channels->pdata[i];
    if (options->channels ? g_strv_contains ((const char *const *)options->channels, channel->name)
                          : headend_model_channel_has_variants (channel))
      g_ptr_array_add (chosen, model->channels->pdata[i]);
  }
  for (guint i = 0; options->channels && options->channels[i]; i++) {
    const HeadendModelChannel *channel = headend_model_channel (model, options->channels[i]);
    if (channel && headend_model_channel_has_variants (channel))
      continue;
    g_set_error (error, HE_ERROR, HE_ERROR_NOT_FOUND, "%s has no marked channel \"%s\"",
                 options->description, options->channels[i]);
    return NULL;
  }
  for (guint i = 0; i < chosen->len; i++)
    if (((HeadendModelChannel *)chosen->pdata[i])->duration90
        != ((HeadendModelChannel *)chosen->pdata[0])->duration90) {
      g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                   "channels differ in segment-duration; name one with --channel");
      return NULL;
    }
  if (chosen->len)
    return g_steal_pointer (&chosen);
  g_set_error (error, HE_ERROR, HE_ERROR_NOT_FOUND, "%s has no marked channel",
               options->description);
  return NULL;
}

/* The first picture that there is; sound is not decoded. */
static void
link_video (GstElement *source, GstPad *pad, gpointer user_data)
{
  g_autoptr (GstPad) sink = gst_element_get_static_pad (user_data, "sink");
  if (!gst_pad_is_linked (sink))
    gst_pad_link (pad, sink);
}

/* Seconds for each channel, with commas between; by what nodes have written down. */
static char *
wall_offsets (const Detection *detection, const HeadendModel *model)
{
  const Options *options = detection->options;
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
  const Options *options = detection->options;
  const HeadendModelChannel *first = detection->channels->pdata[0];
  g_autoptr (GString) names = g_string_new (NULL);
  double around = 0;
  if (options->around && !parse_around (options->around, &around, error))
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
                !options->whole, NULL);
  he_string_wipe_free (hex);
  return TRUE;
}

/* GStreamer's own words for a file that is not there name no file. */
static char *
copy_uri (const char *copy, GError **error)
{
  if (gst_uri_is_valid (copy))
    return g_strdup (copy);
  /* Not opened: it may be a pipe, which can be read once. */
  gboolean readable = g_access (copy, R_OK) == 0;
  if (!readable || g_file_test (copy, G_FILE_TEST_IS_DIR)) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", copy,
                 g_strerror (readable ? EISDIR : errno));
    return NULL;
  }
  return gst_filename_to_uri (copy, error);
}

static gboolean
build (Detection *detection, const HeadendModel *model, const HeSecret *master, GError **error)
{
  static const char *const needed[]
      = { "uridecodebin", "videoconvert", "forensicdetect", "fakesink", NULL };
  const HeProbe probe = headend_factory_probe ();
  g_autofree char *uri = copy_uri (detection->options->copy, error);
  if (!uri || !headend_plan_check_elements ("detection", needed, &probe, error))
    return FALSE;
  detection->pipeline = gst_parse_launch (
      "uridecodebin name=in caps=video/x-raw(ANY) expose-all-streams=false "
      "videoconvert name=convert ! forensicdetect name=detector ! fakesink sync=false",
      error);
  if (!detection->pipeline)
    return FALSE;
  gst_object_ref_sink (detection->pipeline);
  g_autoptr (GstElement) in = gst_bin_get_by_name (GST_BIN (detection->pipeline), "in");
  g_autoptr (GstElement) convert
      = gst_bin_get_by_name (GST_BIN (detection->pipeline), "convert");
  detection->detector = gst_bin_get_by_name (GST_BIN (detection->pipeline), "detector");
  g_object_set (in, "uri", uri, NULL);
  g_signal_connect_object (in, "pad-added", G_CALLBACK (link_video), convert, 0);
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

/* Times go on, so that no segment is written twice, whatever the copy repeats; and symbols of
 * another channel, which a part of the copy may show, are no evidence with these. */
static void
take_symbol (Detection *detection, const GstStructure *fields)
{
  guint64 msn = 0;
  double z = 0;
  gboolean found = FALSE;
  gst_structure_get (fields, "msn", G_TYPE_UINT64, &msn, "z", G_TYPE_DOUBLE, &z, "found",
                     G_TYPE_BOOLEAN, &found, NULL);
  const char *channel = gst_structure_get_string (fields, "channel");
  detection->found |= found;
  if (!is_marked (detection, channel, msn))
    return;
  if (detection->symbols
      && (msn <= detection->last || strcmp (channel, detection->channel) != 0)) {
    detection->left_out++;
    return;
  }
  if (!detection->symbols) {
    print_head (detection, channel);
    detection->channel = g_strdup (channel);
  }
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  g_print ("{\"msn\":%" G_GUINT64_FORMAT ",\"z\":%s}\n", msn,
           g_ascii_formatd (text, sizeof text, "%.3f", z));
  detection->last = msn;
  detection->symbols++;
  detection->clear += fabs (z) >= 4;
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

/* What GStreamer says of a copy that it cannot play, with the copy's name and what would help. */
static gboolean
fail (const Detection *detection, GstMessage *message, GError **error)
{
  const char *copy = detection->options->copy;
  g_autoptr (GError) reason = NULL;
  gst_message_parse_error (message, &reason, NULL);
  if (!g_error_matches (reason, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN))
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s cannot be read: %s", copy, reason->message);
  else if (detection->missing)
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
                 "%s needs GStreamer's plugin for %s, which is missing; install the Debian package "
                 "gstreamer1.0-libav or gstreamer1.0-plugins-bad",
                 copy, detection->missing);
  else
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID, "%s has no pictures", copy);
  return FALSE;
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
      return fail (detection, message, error);
    const GstStructure *fields = gst_message_get_structure (message);
    if (gst_message_has_name (message, "missing-plugin"))
      take_missing (detection, fields);
    if (gst_message_has_name (message, "forensicdetect-segment"))
      take_symbol (detection, fields);
    if (gst_message_has_name (message, "forensicdetect-search"))
      take_search (detection, fields);
  }
}

static gboolean
detect (const Options *options, GError **error)
{
  g_autoptr (HeadendModel) model = headend_description_load (options->description, NULL, error);
  g_autoptr (HeSecret) master = model ? headend_model_load_secret (model, error) : NULL;
  g_autoptr (GPtrArray) channels = master ? choose_channels (model, options, error) : NULL;
  if (!channels)
    return FALSE;
  Detection detection
      = { .options = options, .channels = channels, .bar = isatty (STDERR_FILENO) == 1 };
  headend_gst_init ();
  gboolean ok = build (&detection, model, master, error) && run (&detection, error);
  if (detection.pipeline)
    gst_element_set_state (detection.pipeline, GST_STATE_NULL);
  g_clear_object (&detection.detector);
  g_clear_object (&detection.pipeline);
  g_free (detection.channel);
  he_secret_unref (detection.key);
  g_free (detection.missing);
  if (!ok)
    return FALSE;
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
  g_auto (Options) options = { 0 };
  g_autoptr (GError) error = NULL;
  int code = parse_options (argc, argv, &options);
  if (code >= 0)
    return code;
  if (detect (&options, &error))
    return 0;
  g_printerr ("headend detect: %s\n", error->message);
  return 1;
}
