/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "detect-options.h"

#include <math.h>
#include "he-error.h"
#include "options.h"

#define DEFAULT_WINDOW 2.0 /* hours */
#define MAX_WINDOW 48.0

int
headend_detect_misuse (const char *message)
{
  g_printerr ("headend detect: %s; headend detect --help says more\n", message);
  return 2;
}

void
headend_detect_options_clear (HeadendDetectOptions *options)
{
  g_free (options->copy);
  g_free (options->description);
  g_free (options->around);
  g_free (options->archive);
  g_strfreev (options->channels);
  g_strfreev (options->states);
}

/* -1 to go on, else the exit code. */
int
headend_detect_options_parse (int argc, char **argv, HeadendDetectOptions *options)
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
    { "archive", 0, 0, G_OPTION_ARG_FILENAME, &options->archive,
      "Both variants of the channel's segments, as VARIANT/CHANNEL/RENDITION/MSN.ts; the copy is "
      "compared with them, and read where the marks alone are too weak",
      "DIR" },
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
    return headend_detect_misuse ("--description is missing");
  if (!(options->window > 0 && options->window <= MAX_WINDOW))
    return headend_detect_misuse ("--window is not above 0 and at most 48 hours");
  if (options->archive
      && g_file_test (options->copy, G_FILE_TEST_EXISTS)
      && !g_file_test (options->copy, G_FILE_TEST_IS_REGULAR))
    return headend_detect_misuse ("--archive reads the copy twice, and this copy is no regular file; save it in one");
  return -1;
}

gboolean
headend_detect_around (const char *text, double *ret_seconds, GError **error)
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

gboolean
headend_detect_reads_payload (const HeadendModelChannel *channel)
{
  return channel->payload != NULL;
}

/* The marked channels that were named, or all with variants, or else all with a payload. */
GPtrArray *
headend_detect_channels (const HeadendModel *model, const HeadendDetectOptions *options, GError **error)
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
    if (channel && (headend_model_channel_has_variants (channel) || headend_detect_reads_payload (channel)))
      continue;
    g_set_error (error, HE_ERROR, HE_ERROR_NOT_FOUND, "%s has no marked channel \"%s\"",
                 options->description, options->channels[i]);
    return NULL;
  }
  for (guint i = 0; !options->channels && !chosen->len && i < model->channels->len; i++)
    if (((HeadendModelChannel *)model->channels->pdata[i])->payload)
      g_ptr_array_add (chosen, model->channels->pdata[i]);
  for (guint i = 0; i < chosen->len; i++)
    if (headend_detect_reads_payload (chosen->pdata[i]) != headend_detect_reads_payload (chosen->pdata[0])) {
      g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                   "some channels have variants and some a payload; name those of one kind");
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
