/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "candidates.h"
#include "description.h"
#include "he-codeword.h"
#include "he-error.h"
#include "he-keys.h"
#include "options.h"
#include "trace-report.h"
#include "wall-offset.h"

#define PROGRESS_US 100000
#define BAR 30
#define MARGIN_US (60 * 60 * (gint64)G_USEC_PER_SEC)

typedef struct {
  char *symbols, *description, *channel, *candidates, *json, *html;
  char **ledgers; /* state folders, or NULL */
  double false_alarm;
} Options;

static void
options_clear (Options *options)
{
  g_free (options->symbols);
  g_free (options->description);
  g_free (options->channel);
  g_free (options->candidates);
  g_strfreev (options->ledgers);
  g_free (options->json);
  g_free (options->html);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static int
misuse (const char *message)
{
  g_printerr ("headend trace: %s; headend trace --help says more\n", message);
  return 2;
}

/* -1 to go on, else the exit code. */
static int
parse_options (int argc, char **argv, Options *options)
{
  const GOptionEntry entries[] = {
    { "description", 'd', 0, G_OPTION_ARG_FILENAME, &options->description,
      "The description of the channel, with its secret", "FILE" },
    { "channel", 'c', 0, G_OPTION_ARG_STRING, &options->channel,
      "The channel; what the symbols say must agree", "NAME" },
    { "candidates", 0, 0, G_OPTION_ARG_FILENAME, &options->candidates,
      "Accounts that may have made the copy, one in each line", "FILE" },
    { "ledger", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->ledgers,
      "A node's state folder: who watched the channel then; for each node one", "DIR" },
    { "false-alarm", 0, 0, G_OPTION_ARG_DOUBLE, &options->false_alarm,
      "The probability that anybody is accused wrongly (1e-6)", "P" },
    { "json", 'j', 0, G_OPTION_ARG_FILENAME, &options->json, "Write a report in JSON",
      "FILE" },
    { "html", 0, 0, G_OPTION_ARG_FILENAME, &options->html,
      "Write a report as a page with plots", "FILE" },
    G_OPTION_ENTRY_NULL,
  };
  options->false_alarm = HE_TRACE_FALSE_ALARM;
  g_auto (GStrv) words = NULL;
  int code = headend_options_parse_words (argc, argv, entries,
                                          "Says who made a copy, by the symbols that "
                                          "were read from it (a file, or - for standard "
                                          "input), as headend detect writes them.",
                                          "SYMBOLS", &words);
  if (code >= 0)
    return code;
  if (g_strv_length (words) != 1)
    return misuse ("expected one file of symbols, or -");
  options->symbols = g_strdup (words[0]);
  if (!options->description)
    return misuse ("--description is missing");
  if (!options->candidates == !options->ledgers)
    return misuse ("expected either --candidates or --ledger");
  if (strcmp (options->symbols, "-") == 0 && g_strcmp0 (options->candidates, "-") == 0)
    return misuse ("symbols and candidates cannot both come from standard input");
  if (!(options->false_alarm > 0 && options->false_alarm < 1))
    return misuse ("--false-alarm is not a probability between 0 and 1");
  return -1;
}

static HeSymbols *
read_symbols (const char *path, GError **error)
{
  g_autoptr (HeSymbolsReader) reader = he_symbols_reader_new ();
  char line[HE_SYMBOLS_LINE_MAX];
  FILE *file = strcmp (path, "-") == 0 ? stdin : fopen (path, "re");
  gboolean ok = TRUE;
  if (!file) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", path, g_strerror (errno));
    return NULL;
  }
  while (ok && fgets (line, sizeof line, file))
    ok = he_symbols_reader_add (reader, line, -1, error);
  if (ok && ferror (file)) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", path, g_strerror (errno));
    ok = FALSE;
  }
  if (file != stdin)
    fclose (file);
  HeSymbols *symbols = ok ? he_symbols_reader_end (reader, error) : NULL;
  if (!symbols)
    g_prefix_error (error, "%s: ", path);
  return symbols;
}

/* Where a and b are the same file, nothing in a copy speaks for anybody. */
static void
keep_marked (HeSymbols *symbols, const HeadendModelChannel *channel,
             const HeSecret *master)
{
  g_autoptr (HeSecret) mark = he_keys_derive (master, HE_PURPOSE_MARK);
  guint kept = 0;
  for (guint i = 0; i < symbols->symbols->len; i++) {
    const HeSymbol symbol = g_array_index (symbols->symbols, HeSymbol, i);
    if (he_mark_next (mark, channel->name, channel->sparse, symbol.msn) == symbol.msn)
      g_array_index (symbols->symbols, HeSymbol, kept++) = symbol;
  }
  if (kept < symbols->symbols->len)
    g_printerr ("headend trace: %u symbols are of segments without variants, and do not "
                "count\n",
                symbols->symbols->len - kept);
  g_array_set_size (symbols->symbols, kept);
}

/* The code that the channel's viewers had, under the key version that the symbols name.
 */
static HeCodeword *
code_of (const Options *options, HeSymbols *symbols, guint *ret_colluders,
         GError **error)
{
  g_autoptr (HeadendModel) model
      = headend_description_load (options->description, NULL, error);
  if (!model)
    return NULL;
  if (options->channel && strcmp (options->channel, symbols->channel) != 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "the symbols are of channel \"%s\", not of \"%s\"; detect the copy with "
                 "that channel's key, or name the other",
                 symbols->channel, options->channel);
    return NULL;
  }
  const HeadendModelChannel *channel = headend_model_channel (model, symbols->channel);
  if (!channel || !headend_model_channel_has_variants (channel)) {
    g_set_error (error, HE_ERROR, HE_ERROR_NOT_FOUND,
                 "%s has no marked channel with variants \"%s\", of which the symbols are",
                 options->description, symbols->channel);
    return NULL;
  }
  g_autoptr (HeSecret) master = headend_model_load_secret (model, error);
  if (!master)
    return NULL;
  g_autoptr (HeSecret) secret = he_keys_derive (master, HE_PURPOSE_CODEWORD);
  *ret_colluders = channel->colluders;
  keep_marked (symbols, channel, master);
  return he_codeword_new (secret, symbols->key_version, channel->name,
                          channel->colluders);
}

typedef struct {
  HeTrace *trace;
  gboolean shown;
  gint64 next;
} Scan;

static void
show_progress (Scan *scan, double done)
{
  char bar[BAR + 1];
  guint filled = (guint)(done * BAR);
  gint64 now = g_get_monotonic_time ();
  if (!scan->shown || (now < scan->next && done < 1))
    return;
  scan->next = now + PROGRESS_US;
  memset (bar, '.', BAR);
  memset (bar, '#', MIN (filled, BAR));
  bar[BAR] = '\0';
  fprintf (stderr, "\r[%s] %3.0f %%  %" G_GUINT64_FORMAT " candidates", bar, done * 100,
           he_trace_candidates (scan->trace));
  fflush (stderr);
}

static void
on_candidate (const char *account, double done, gpointer user_data)
{
  Scan *scan = user_data;
  he_trace_add (scan->trace, account);
  if (he_trace_candidates (scan->trace) % 1024 == 0)
    show_progress (scan, done);
}

/* What the wall clock showed when epoch time was 0; without an anchor of the channel, epoch time is as good as any, and may miss who watched. */
static gint64
wall_offset_us (char **states, const char *channel)
{
  gint64 offset90;
  if (headend_wall_offset (states, channel, &offset90))
    return offset90 * 100 / 9;
  g_printerr ("headend trace: no --ledger folder has a readable anchor-%s.json; segments' numbers are taken "
              "for wall clock time, and who watched may be missed if they are not\n",
              channel);
  return 0;
}

/* Those who watched from an hour before the copy's first segment to an hour after its last: they
 * fetch it before it plays, or later from its window. */
static gboolean
scan_ledgers (const Options *options, const HeSymbols *symbols, Scan *scan,
              GError **error)
{
  const GArray *list = symbols->symbols;
  gint64 offset = wall_offset_us (options->ledgers, symbols->channel);
  guint64 damaged = 0, first = list->len ? g_array_index (list, HeSymbol, 0).msn : 0;
  guint64 last = list->len ? g_array_index (list, HeSymbol, list->len - 1).msn : 0;
  double us = (double)symbols->duration90 * 100 / 9;
  if (!headend_candidates_from_ledgers (
          options->ledgers, symbols->channel, (gint64)((double)first * us) + offset - MARGIN_US,
          (gint64)((double)(last + 1) * us) + offset + MARGIN_US, on_candidate, scan,
          &damaged, error))
    return FALSE;
  if (damaged)
    g_printerr ("headend trace: %" G_GUINT64_FORMAT
                " damaged lines of the ledger do not count\n",
                damaged);
  return TRUE;
}

static gboolean
scan_candidates (const Options *options, const HeSymbols *symbols, HeTrace *trace,
                 GError **error)
{
  Scan scan = { trace, isatty (STDERR_FILENO) == 1, 0 };
  if (options->ledgers ? !scan_ledgers (options, symbols, &scan, error)
                       : !headend_candidates_read (options->candidates, on_candidate,
                                                   &scan, error))
    return FALSE;
  if (he_trace_candidates (trace) == 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID, "%s",
                 options->ledgers
                     ? "by the ledger nobody watched the channel then"
                     : "there is no candidate in the file");
    return FALSE;
  }
  show_progress (&scan, 1);
  if (scan.shown)
    fputc ('\n', stderr);
  return TRUE;
}

/* Reports name people: they are the user's alone. */
static gboolean
write_report (const char *path, char *(*render) (const HeadendReport *),
              const HeadendReport *report, GError **error)
{
  if (!path)
    return TRUE;
  g_autofree char *text = render (report);
  return g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600,
                                   error);
}

static gboolean
trace (const Options *options, GError **error)
{
  guint colluders = 0;
  HeadendReport report;
  g_autoptr (HeSymbols) symbols = read_symbols (options->symbols, error);
  if (!symbols)
    return FALSE;
  g_autoptr (HeCodeword) code = code_of (options, symbols, &colluders, error);
  if (!code)
    return FALSE;
  g_autoptr (HeTrace) found = he_trace_new (
      code, (const HeSymbol *)symbols->symbols->data, symbols->symbols->len);
  if (!scan_candidates (options, symbols, found, error))
    return FALSE;
  headend_report_init (&report, symbols, found, colluders, options->false_alarm,
                       options->symbols);
  g_autofree char *text = headend_report_text (&report);
  g_print ("%s", text);
  return write_report (options->json, headend_report_json, &report, error)
         && write_report (options->html, headend_report_html, &report, error);
}

int
headend_cmd_trace (int argc, char **argv)
{
  g_auto (Options) options = { 0 };
  g_autoptr (GError) error = NULL;
  int code = parse_options (argc, argv, &options);
  if (code >= 0)
    return code;
  if (trace (&options, &error))
    return 0;
  g_printerr ("headend trace: %s\n", error->message);
  return 1;
}
