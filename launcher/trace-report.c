/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trace-report.h"

#include <math.h>
#include "he-json.h"

#define TICKS 90000.0

static const guint coalitions[] = { 1, 2, 3, 5 };

void
headend_report_init (HeadendReport *report, const HeSymbols *symbols, HeTrace *trace,
                     guint colluders, double false_alarm, const char *source)
{
  double needed = he_trace_ln_needed (trace, false_alarm);
  *report = (HeadendReport) {
    .symbols = symbols,
    .trace = trace,
    .colluders = colluders,
    .false_alarm = false_alarm,
    .source = source,
  };
  report->n_suspects = he_trace_suspects (trace, report->suspects);
  while (report->n_accused < report->n_suspects
         && report->suspects[report->n_accused].ln_p <= needed)
    report->n_accused++;
}

char *
headend_report_probability (double ln_p)
{
  double exponent = floor (ln_p / G_LN10);
  double mantissa = exp (ln_p - exponent * G_LN10);
  if (ln_p > log (1e-3))
    return g_strdup_printf ("%.2g", exp (ln_p));
  if (mantissa >= 9.95) {
    mantissa = 1;
    exponent += 1;
  }
  return g_strdup_printf ("%.1fe%.0f", mantissa, exponent);
}

static double
minutes (const HeadendReport *report, guint64 segments)
{
  return (double)segments * (double)report->symbols->duration90 / TICKS / 60;
}

static const HeSymbol *
symbol (const HeadendReport *report, guint i)
{
  return &g_array_index (report->symbols->symbols, HeSymbol, i);
}

static void
add_accused (GString *text, const HeadendReport *report)
{
  double all = log ((double)he_trace_candidates (report->trace));
  g_string_append_printf (text, "accused: %u\n", report->n_accused);
  for (guint i = 0; i < report->n_accused; i++) {
    const HeSuspect *suspect = &report->suspects[i];
    g_autofree char *one = headend_report_probability (suspect->ln_p);
    g_autofree char *total = headend_report_probability (MIN (suspect->ln_p + all, 0));
    g_string_append_printf (text, "  %s  p %s, over all candidates %s (%s)\n",
                            suspect->account, one, total, he_score_name (suspect->score));
  }
}

static void
add_nobody (GString *text, const HeadendReport *report)
{
  g_autofree char *needed = headend_report_probability (
      he_trace_ln_needed (report->trace, report->false_alarm));
  g_string_append (text, "accused: nobody\n");
  if (report->n_suspects) {
    g_autofree char *best = headend_report_probability (report->suspects[0].ln_p);
    g_string_append_printf (
        text, "  the least p of any candidate is %s, and it takes %s\n", best, needed);
  }
}

/* Of what there is, or is still missing, for coalitions of several sizes. */
static void
add_estimate (GString *text, const HeadendReport *report)
{
  HeTraceQuality quality;
  he_trace_quality (report->trace, &quality);
  if (!he_trace_needed (report->trace, 1, report->false_alarm)) {
    g_string_append (text,
                     "  the symbols are what a wrong key or an unmarked copy gives: "
                     "more of them would not help\n");
    return;
  }
  for (guint i = 0; i < G_N_ELEMENTS (coalitions); i++) {
    guint64 needed = he_trace_needed (report->trace, coalitions[i], report->false_alarm);
    g_string_append_printf (text,
                            "  %u who made it would need %" G_GUINT64_FORMAT
                            " such segments (%.1f minutes)",
                            coalitions[i], needed, minutes (report, needed));
    if (needed > quality.symbols)
      g_string_append_printf (text, ": %" G_GUINT64_FORMAT " more (%.1f minutes)\n",
                              needed - quality.symbols,
                              minutes (report, needed - quality.symbols));
    else
      g_string_append (text, ", which are there\n");
  }
}

char *
headend_report_text (const HeadendReport *report)
{
  const HeSymbols *symbols = report->symbols;
  GString *text = g_string_new (NULL);
  HeTraceQuality quality;
  he_trace_quality (report->trace, &quality);
  g_string_append_printf (text,
                          "channel %s, key version %u: %" G_GSIZE_FORMAT
                          " segments of %g s used, %" G_GSIZE_FORMAT " erased",
                          symbols->channel, symbols->key_version, quality.symbols,
                          (double)symbols->duration90 / TICKS,
                          symbols->symbols->len - quality.symbols);
  if (symbols->symbols->len)
    g_string_append_printf (text, ", within %" G_GUINT64_FORMAT "..%" G_GUINT64_FORMAT,
                            symbol (report, 0)->msn,
                            symbol (report, symbols->symbols->len - 1)->msn);
  g_string_append_printf (
      text, "\n%" G_GUINT64_FORMAT " candidates, false alarm %g in total, p %s\n",
      he_trace_candidates (report->trace), report->false_alarm,
      quality.exact ? "exact" : "by Chernoff's bound");
  if (report->n_accused) {
    add_accused (text, report);
  } else {
    add_nobody (text, report);
    add_estimate (text, report);
  }
  return g_string_free (text, FALSE);
}

static void
write_suspect (HeJsonWriter *writer, const HeadendReport *report, guint i)
{
  const HeSuspect *suspect = &report->suspects[i];
  double all = log ((double)he_trace_candidates (report->trace));
  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, "account", suspect->account);
  he_json_writer_number (writer, "log10-p", suspect->ln_p / G_LN10);
  he_json_writer_number (writer, "log10-p-of-all", MIN (suspect->ln_p + all, 0) / G_LN10);
  he_json_writer_string (writer, "score", he_score_name (suspect->score));
  he_json_writer_close (writer);
}

static void
write_needed (HeJsonWriter *writer, const HeadendReport *report)
{
  he_json_writer_open_array (writer, "needed");
  for (guint i = 0; i < G_N_ELEMENTS (coalitions); i++) {
    guint64 needed = he_trace_needed (report->trace, coalitions[i], report->false_alarm);
    if (!needed)
      continue;
    he_json_writer_open_object (writer, NULL);
    he_json_writer_uint64 (writer, "colluders", coalitions[i]);
    he_json_writer_uint64 (writer, "segments", needed);
    he_json_writer_number (writer, "minutes", minutes (report, needed));
    he_json_writer_close (writer);
  }
  he_json_writer_close (writer);
}

/* MSNs as runs: [first, last], … */
static void
write_segments (HeJsonWriter *writer, const HeadendReport *report)
{
  const GArray *list = report->symbols->symbols;
  he_json_writer_open_array (writer, "segments");
  for (guint i = 0; i < list->len;) {
    guint end = i;
    if (isnan (symbol (report, i)->z)) {
      i++;
      continue;
    }
    while (end + 1 < list->len && !isnan (symbol (report, end + 1)->z)
           && symbol (report, end + 1)->msn == symbol (report, end)->msn + 1)
      end++;
    he_json_writer_open_array (writer, NULL);
    he_json_writer_uint64 (writer, NULL, symbol (report, i)->msn);
    he_json_writer_uint64 (writer, NULL, symbol (report, end)->msn);
    he_json_writer_close (writer);
    i = end + 1;
  }
  he_json_writer_close (writer);
}

char *
headend_report_json (const HeadendReport *report)
{
  HeJsonWriter *writer = he_json_writer_new ();
  HeTraceQuality quality;
  he_trace_quality (report->trace, &quality);
  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, "channel", report->symbols->channel);
  he_json_writer_uint64 (writer, "key-version", report->symbols->key_version);
  he_json_writer_uint64 (writer, "segment-duration", report->symbols->duration90);
  he_json_writer_uint64 (writer, "code-colluders", report->colluders);
  he_json_writer_uint64 (writer, "candidates", he_trace_candidates (report->trace));
  he_json_writer_number (writer, "false-alarm", report->false_alarm);
  he_json_writer_number (writer, "log10-p-needed",
                         he_trace_ln_needed (report->trace, report->false_alarm)
                             / G_LN10);
  he_json_writer_boolean (writer, "exact", quality.exact);
  he_json_writer_uint64 (writer, "used", quality.symbols);
  he_json_writer_uint64 (writer, "erased",
                         report->symbols->symbols->len - quality.symbols);
  he_json_writer_number (writer, "bits-per-segment", quality.bits);
  he_json_writer_open_array (writer, "accused");
  for (guint i = 0; i < report->n_accused; i++)
    write_suspect (writer, report, i);
  he_json_writer_close (writer);
  if (report->n_suspects)
    he_json_writer_number (writer, "log10-least-p", report->suspects[0].ln_p / G_LN10);
  write_needed (writer, report);
  write_segments (writer, report);
  return he_json_writer_end (writer);
}
