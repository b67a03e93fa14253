/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drill.h"

static void
strike_free (gpointer data)
{
  HeadendStrike *strike = data;
  g_free (strike->node);
  g_free (strike);
}

HeadendDrillResult *
headend_drill_result_new (const char *name)
{
  HeadendDrillResult *result = g_new0 (HeadendDrillResult, 1);
  result->name = name;
  result->strikes = g_ptr_array_new_with_free_func (strike_free);
  result->reasons = g_ptr_array_new_with_free_func (g_free);
  return result;
}

void
headend_drill_result_free (HeadendDrillResult *result)
{
  if (!result)
    return;
  g_ptr_array_unref (result->strikes);
  g_ptr_array_unref (result->reasons);
  g_strfreev (result->notes);
  g_free (result);
}

void
headend_drill_fail (HeadendDrillResult *result, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_ptr_array_add (result->reasons, g_strdup_vprintf (format, args));
  va_end (args);
}

void
headend_drill_fault (HeadendDrillResult *result, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_ptr_array_add (result->reasons, g_strdup_vprintf (format, args));
  va_end (args);
  result->faulty = TRUE;
}

static void
over (HeadendDrillResult *result, const char *what, guint64 number, guint64 limit)
{
  if (number > limit)
    headend_drill_fail (result, "%" G_GUINT64_FORMAT " %s; at most %" G_GUINT64_FORMAT,
                        number, what, limit);
}

/* Nodes that come too late never make these. */
static void
never (HeadendDrillResult *result, const char *what, guint64 number)
{
  over (result, what, number, 0);
  result->faulty |= number > 0;
}

void
headend_drill_judge (HeadendDrillResult *result, const HeadendDrill *drill, guint fps_n,
                     guint fps_d, guint64 duration90)
{
  const HeadendTally *tally = &result->tally;
  over (result, "frames lost", tally->lost, 0);
  never (result, "frames repeated", tally->repeated);
  over (result, "frames of filler", tally->filler,
        (guint64)drill->filler * fps_n / fps_d);
  over (result, "jumps of the pictures", tally->jumps, drill->jumps);
  over (result, "AAC frames lost", tally->sounds_lost, 0);
  never (result, "AAC frames repeated", tally->sounds_repeated);
  never (result, "frames outside of their segment", tally->misplaced);
  never (result, "frames that are not whole frames behind the one before", tally->uneven);
  never (result, "places where the transport stream does not go on", tally->broken);
  never (result, "pictures that cannot be decoded", tally->undecoded);
  over (result, "ms that a player stands still", (guint64)tally->longest_stall / 1000,
        duration90 / 90);
  if (tally->frames == 0)
    headend_drill_fail (result, "no picture at all");
  result->passed = result->reasons->len == 0;
  result->starved
      = !result->passed && !result->faulty && result->withheld > HEADEND_DRILL_WITHHELD;
  if (result->starved)
    headend_drill_fail (
        result,
        "this machine let the nodes or the source wait for %" G_GINT64_FORMAT
        " ms, so nothing is proved; run it again with less beside it",
        result->withheld / 1000);
}

/* The worst of what was done; -1: one was never seen, or none. */
static gint64
worst (const HeadendDrillResult *result, gboolean recovered)
{
  gint64 most = -1;
  for (guint i = 0; i < result->strikes->len; i++) {
    const HeadendStrike *strike = result->strikes->pdata[i];
    gint64 time = recovered ? strike->recovered : strike->detected;
    if (time < 0)
      return -1;
    most = MAX (most, time);
  }
  return most;
}

static void
append_time (GString *text, const char *name, gint64 time)
{
  if (time < 0)
    g_string_append_printf (text, "  %s -", name);
  else
    g_string_append_printf (text, "  %s %.1f s", name, (double)time / G_USEC_PER_SEC);
}

char *
headend_drill_line (const HeadendDrillResult *result)
{
  const HeadendTally *tally = &result->tally;
  GString *text = g_string_new (NULL);
  g_string_append_printf (text,
                          "%-16s %s  frames %" G_GUINT64_FORMAT
                          "  lost %" G_GUINT64_FORMAT "  repeated %" G_GUINT64_FORMAT
                          "  filler %" G_GUINT64_FORMAT "  stall %.1f s",
                          result->name,
                          result->passed    ? "pass"
                          : result->starved ? "starved"
                                            : "FAIL",
                          tally->frames, tally->lost, tally->repeated, tally->filler,
                          (double)tally->longest_stall / G_USEC_PER_SEC);
  append_time (text, "detect", worst (result, FALSE));
  append_time (text, "recover", worst (result, TRUE));
  g_string_append_printf (text, "  retries %" G_GUINT64_FORMAT, tally->retries);
  for (guint i = 0; i < result->reasons->len; i++)
    g_string_append_printf (text, "\n  %s", (char *)result->reasons->pdata[i]);
  for (guint i = 0; !result->passed && result->notes && result->notes[i] && i < 5; i++)
    g_string_append_printf (text, "\n  viewer: %s", result->notes[i]);
  return g_string_free (text, FALSE);
}

static void
write_strikes (HeJsonWriter *writer, const HeadendDrillResult *result)
{
  he_json_writer_open_array (writer, "strikes");
  for (guint i = 0; i < result->strikes->len; i++) {
    const HeadendStrike *strike = result->strikes->pdata[i];
    he_json_writer_open_object (writer, NULL);
    he_json_writer_string (writer, "node", strike->node);
    he_json_writer_uint64 (writer, "segment", strike->msn);
    if (strike->detected >= 0)
      he_json_writer_int64 (writer, "detect-ms", strike->detected / 1000);
    if (strike->recovered >= 0)
      he_json_writer_int64 (writer, "recover-ms", strike->recovered / 1000);
    he_json_writer_close (writer);
  }
  he_json_writer_close (writer);
}

static void
write_texts (HeJsonWriter *writer, const char *name, char **texts, guint n)
{
  he_json_writer_open_array (writer, name);
  for (guint i = 0; i < n; i++)
    he_json_writer_string (writer, NULL, texts[i]);
  he_json_writer_close (writer);
}

void
headend_drill_write (HeJsonWriter *writer, const HeadendDrillResult *result)
{
  const HeadendTally *t = &result->tally;
  const struct {
    const char *name;
    guint64 value;
  } numbers[] = {
    { "segments", t->segments },
    { "frames", t->frames },
    { "frames-lost", t->lost },
    { "frames-repeated", t->repeated },
    { "frames-filler", t->filler },
    { "frames-undecoded", t->undecoded },
    { "jumps", t->jumps },
    { "aac-frames", t->sounds },
    { "aac-frames-lost", t->sounds_lost },
    { "aac-frames-repeated", t->sounds_repeated },
    { "misplaced", t->misplaced },
    { "uneven", t->uneven },
    { "broken", t->broken },
    { "retries", t->retries },
    { "stalls", t->stalls },
    { "longest-stall-ms", (guint64)t->longest_stall / 1000 },
    { "longest-wait-ms", (guint64)t->longest_wait / 1000 },
  };
  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, "name", result->name);
  he_json_writer_boolean (writer, "passed", result->passed);
  he_json_writer_boolean (writer, "starved", result->starved);
  he_json_writer_uint64 (writer, "withheld-ms", (guint64)result->withheld / 1000);
  he_json_writer_uint64 (writer, "milliseconds", (guint64)(result->seconds * 1000));
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    he_json_writer_uint64 (writer, numbers[i].name, numbers[i].value);
  write_strikes (writer, result);
  write_texts (writer, "reasons", (char **)result->reasons->pdata, result->reasons->len);
  write_texts (writer, "notes", result->notes,
               result->notes ? g_strv_length (result->notes) : 0);
  he_json_writer_close (writer);
}
