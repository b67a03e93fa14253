/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trace-report.h"

#include <math.h>
#include <string.h>

#define WIDTH 760
#define HEIGHT 260
#define LEFT 56
#define BOTTOM 36
#define TOP 12
#define POINTS 60
#define CURVES 5    /* suspects whose evidence is drawn: --c0 and on */
#define COLUMNS 160 /* into which segments are put together, at most */

static const char style[]
    = ":root{color-scheme:light dark;--ink:#222;--paper:#fff;--line:#ddd;--box:#f4f4f4;"
      "--bar:#5d8aa8;--c0:#c0392b;--c1:#2471a3;--c2:#7d3c98;--c3:#b9770e;--c4:#117a65}"
      "@media screen and (prefers-color-scheme:dark){:root{--ink:#ddd;--paper:#16181b;"
      "--line:#3a3d42;--box:#222529;--bar:#6f9fbf;--c0:#ff7b6b;--c1:#6cb4ee;--c2:#c79be0;"
      "--c3:#e5b04b;--c4:#4cc3a5}}"
      "body{font:16px/1.5 sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;"
      "color:var(--ink);background:var(--paper)}"
      "table{border-collapse:collapse}td,th{text-align:left;padding:.2rem 1rem .2rem 0;"
      "border-bottom:1px solid var(--line)}td{overflow-wrap:anywhere}"
      "pre{background:var(--box);padding:1rem;white-space:pre-wrap;overflow-wrap:"
      "anywhere}"
      "svg{max-width:100%;height:auto}text{font:12px sans-serif;fill:var(--ink)}"
      "rect{fill:var(--bar)}h2{break-after:avoid}svg,tr{break-inside:avoid}";

/* A plot's frame: y runs from 0 to its end, and both are named so many times on the way.
 */
typedef struct {
  double x_from, x_to, y_to;
  guint x_steps, y_steps;
} Axes;

static double
at_x (const Axes *axes, double x)
{
  return LEFT + (x - axes->x_from) / (axes->x_to - axes->x_from) * (WIDTH - LEFT - 12);
}

static double
at_y (const Axes *axes, double y)
{
  return HEIGHT - BOTTOM - CLAMP (y / axes->y_to, 0, 1) * (HEIGHT - BOTTOM - TOP);
}

/* y_sign: "", or "10^" or "10^-" where y is a logarithm. */
static void
add_axes (GString *page, const Axes *axes, const char *x_name, const char *y_sign)
{
  g_string_append_printf (page, "<svg viewBox=\"0 0 %d %d\" role=\"img\">", WIDTH,
                          HEIGHT);
  for (guint i = 0; i <= axes->y_steps; i++) {
    double y = axes->y_to * i / axes->y_steps;
    g_string_append_printf (page,
                            "<path d=\"M%d %.1fH%d\" style=\"stroke:var(--line)\"/>"
                            "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
                            LEFT, at_y (axes, y), WIDTH - 12, LEFT - 6,
                            at_y (axes, y) + 4);
    if (*y_sign && i == 0)
      g_string_append (page, "1</text>");
    else
      g_string_append_printf (page, "%s%.3g</text>", y_sign, y);
  }
  for (guint i = 0; i <= axes->x_steps; i++) {
    double x = axes->x_from + (axes->x_to - axes->x_from) * i / axes->x_steps;
    g_string_append_printf (
        page, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.4g</text>",
        at_x (axes, x), HEIGHT - BOTTOM + 16, x);
  }
  g_string_append_printf (page,
                          "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>",
                          WIDTH / 2, HEIGHT - 4, x_name);
}

/* How all candidates score, on a logarithmic scale, by the score that says most. */
static void
add_histogram (GString *page, const HeadendReport *report)
{
  HeScore score = report->n_suspects ? report->suspects[0].score : HE_SCORE_SYMMETRIC;
  guint64 bins[HE_TRACE_BINS], most = 1;
  HeTraceQuality quality;
  he_trace_quality (report->trace, &quality);
  if (!quality.symbols)
    return;
  he_trace_histogram (report->trace, score, bins);
  for (guint i = 0; i < HE_TRACE_BINS; i++)
    most = MAX (most, bins[i]);
  const double top_y = ceil (log10 ((double)most) + 0.3);
  const Axes axes = { -8, 12, top_y, 5, (guint)top_y };
  g_string_append_printf (
      page,
      "<h2>Scores of all candidates</h2><p>Score %s, in deviations of "
      "what somebody scores who had no part in the copy.</p>",
      he_score_name (score));
  add_axes (page, &axes, "deviations (12: or more)", "10^");
  for (guint i = 0; i < HE_TRACE_BINS; i++) {
    double x = -8 + i / 4.0;
    if (!bins[i])
      continue;
    /* One candidate is seen, too. */
    double top = at_y (&axes, log10 ((double)bins[i]) + 0.3);
    g_string_append_printf (page,
                            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">"
                            "<title>%" G_GUINT64_FORMAT "</title></rect>",
                            at_x (&axes, x), top,
                            at_x (&axes, x + 0.25) - at_x (&axes, x) - 1,
                            HEIGHT - BOTTOM - top, bins[i]);
  }
  g_string_append (page, "</svg>");
}

static void
add_curve (GString *page, const HeadendReport *report, const Axes *axes,
           const gsize ends[POINTS], guint which)
{
  double ln_p[POINTS];
  he_trace_history (report->trace, &report->suspects[which], ends, POINTS, ln_p);
  g_string_append_printf (
      page,
      "<polyline fill=\"none\" stroke-width=\"2\" style=\"stroke:var(--c%u)\" points=\"",
      which);
  for (guint i = 0; i < POINTS; i++)
    g_string_append_printf (page, "%.1f,%.1f ", at_x (axes, (double)ends[i]),
                            at_y (axes, -ln_p[i] / G_LN10));
  g_string_append (page, "\"/>");
}

/* Of the accused, or else of the most suspect, who is not named. */
static void
add_history (GString *page, const HeadendReport *report)
{
  HeTraceQuality quality;
  gsize ends[POINTS];
  double needed = -he_trace_ln_needed (report->trace, report->false_alarm) / G_LN10;
  he_trace_quality (report->trace, &quality);
  if (!quality.symbols || !report->n_suspects)
    return;
  double most = MAX (needed, -report->suspects[0].ln_p / G_LN10);
  const Axes axes = { 0, (double)quality.symbols, ceil (most * 1.1 / 4) * 4, 4, 4 };
  for (guint i = 0; i < POINTS; i++)
    ends[i] = quality.symbols * (i + 1) / POINTS;
  g_string_append (page, "<h2>Evidence as the copy went on</h2><p>Bound of p of ");
  g_string_append (page, report->n_accused
                             ? "each accused"
                             : "the most suspect candidate, who is not accused");
  g_string_append (page, "; dashed: what it takes to be accused.</p>");
  add_axes (page, &axes, "segments", "10^-");
  g_string_append_printf (page,
                          "<path d=\"M%d %.1fH%d\" style=\"stroke:var(--ink)\" "
                          "stroke-dasharray=\"6 4\"/>",
                          LEFT, at_y (&axes, needed), WIDTH - 12);
  for (guint i = 0; i < CLAMP (report->n_accused, 1, CURVES); i++)
    add_curve (page, report, &axes, ends, i);
  g_string_append (page, "</svg>");
}

/* How clearly the copy was read from its first segment to its last. */
static void
add_segments (GString *page, const HeadendReport *report)
{
  const GArray *list = report->symbols->symbols;
  double sums[COLUMNS] = { 0 }, most = 1;
  guint counts[COLUMNS] = { 0 };
  if (!list->len)
    return;
  const guint64 first = g_array_index (list, HeSymbol, 0).msn;
  const guint64 span = g_array_index (list, HeSymbol, list->len - 1).msn - first + 1;
  const guint columns = (guint)MIN (span, COLUMNS);
  for (guint i = 0; i < list->len; i++) {
    const HeSymbol *symbol = &g_array_index (list, HeSymbol, i);
    /* A number so large may round up to the end. */
    const guint column = MIN (
        (guint)((double)(symbol->msn - first) / (double)span * columns), columns - 1);
    if (isnan (symbol->z))
      continue;
    sums[column] += fabs (symbol->z);
    counts[column]++;
  }
  for (guint i = 0; i < columns; i++)
    most = counts[i] ? MAX (most, sums[i] / counts[i]) : most;
  const Axes axes = { 0, (double)span, ceil (most / 4) * 4, 4, 4 };
  g_string_append_printf (page,
                          "<h2>Segments used</h2><p>How clearly they were read: mean of "
                          "|z|, from segment %" G_GUINT64_FORMAT
                          " on; empty: erased or not there.</p>",
                          first);
  add_axes (page, &axes, "segments", "");
  for (guint i = 0; i < columns; i++) {
    if (!counts[i])
      continue;
    const double x = at_x (&axes, (double)span * i / columns);
    const double top = at_y (&axes, sums[i] / counts[i]);
    g_string_append_printf (
        page, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", x, top,
        MAX (at_x (&axes, (double)span * (i + 1) / columns) - x - 1, 0.5),
        HEIGHT - BOTTOM - top);
  }
  g_string_append (page, "</svg>");
}

static void
add_escaped (GString *page, const char *text)
{
  g_autofree char *escaped = g_markup_escape_text (text, -1);
  g_string_append (page, escaped);
}

static void
add_table (GString *page, const HeadendReport *report)
{
  double all = log ((double)he_trace_candidates (report->trace));
  g_string_append (page, "<table><tr><th>account</th><th>p</th><th>p over all candidates"
                         "</th><th>score</th></tr>");
  for (guint i = 0; i < report->n_accused; i++) {
    const HeSuspect *suspect = &report->suspects[i];
    g_autofree char *one = headend_report_probability (suspect->ln_p);
    g_autofree char *total = headend_report_probability (MIN (suspect->ln_p + all, 0));
    if (i < CURVES)
      g_string_append_printf (page, "<tr><td style=\"color:var(--c%u)\">", i);
    else
      g_string_append (page, "<tr><td>");
    add_escaped (page, suspect->account);
    g_string_append_printf (page, "</td><td>%s</td><td>%s</td><td>%s</td></tr>", one,
                            total, he_score_name (suspect->score));
  }
  g_string_append (page, "</table>");
}

char *
headend_report_html (const HeadendReport *report)
{
  GString *page = g_string_new (
      "<!DOCTYPE html><html lang=\"en\"><head><meta "
      "charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>Trace of a copy</title><style>");
  g_autofree char *text = headend_report_text (report);
  g_string_append (page, style);
  g_string_append (page, "</style></head><body><h1>");
  if (report->n_accused)
    g_string_append_printf (page, "%u accused", report->n_accused);
  else
    g_string_append (page, "Nobody is accused");
  g_string_append (page, "</h1><p>Symbols from <code>");
  add_escaped (page, report->source);
  g_string_append_printf (
      page,
      "</code>. Whatever the copy is: the probability that anybody is "
      "accused wrongly is at most %g.</p>",
      report->false_alarm);
  if (report->n_accused)
    add_table (page, report);
  add_history (page, report);
  add_histogram (page, report);
  add_segments (page, report);
  g_string_append (page, "<h2>In words</h2><pre>");
  add_escaped (page, text);
  g_string_append (page, "</pre></body></html>\n");
  return g_string_free (page, FALSE);
}
