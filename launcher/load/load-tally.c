/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load-tally.h"

#define SUB_BITS 4 /* buckets to each doubling: 16 */
#define SHARE 1000
#define LATE_US 250000

/* Exact below 16 us, then 16 to each doubling. */
static guint
bucket_of (gint64 us)
{
  guint64 value = (guint64)MAX (us, 0);
  guint bits = g_bit_storage ((gulong)value);
  if (bits <= SUB_BITS)
    return (guint)value;
  guint shift = bits - SUB_BITS - 1;
  guint bucket = ((shift + 1) << SUB_BITS) + (guint)(value >> shift) - (1 << SUB_BITS);
  return MIN (bucket, HEADEND_TIMES_BUCKETS - 1);
}

/* The greatest time of a bucket. */
static gint64
top_of (guint bucket)
{
  if (bucket < 1 << SUB_BITS)
    return bucket;
  guint shift = (bucket >> SUB_BITS) - 1;
  gint64 low = (gint64)((bucket & ((1 << SUB_BITS) - 1)) + (1 << SUB_BITS)) << shift;
  return low + ((G_GINT64_CONSTANT (1) << shift) - 1);
}

void
headend_times_add (HeadendTimes *times, gint64 us)
{
  times->n++;
  times->counts[bucket_of (us)]++;
}

gint64
headend_times_quantile (const HeadendTimes *times, double share)
{
  guint64 seen = 0;
  double wanted = share * (double)times->n;
  for (guint i = 0; i < HEADEND_TIMES_BUCKETS && times->n > 0; i++) {
    seen += times->counts[i];
    if (seen > 0 && (double)seen >= wanted)
      return top_of (i);
  }
  return 0;
}

guint64
headend_load_errors (const HeadendLoadTally *tally)
{
  guint64 sum = 0;
  for (guint i = 0; i < HEADEND_LOAD_ERRORS; i++)
    sum += tally->errors[i];
  return sum;
}

static double
rebuffering (const HeadendLoadTally *tally)
{
  guint64 all = tally->played + tally->stalled;
  return all > 0 ? (double)tally->stalled / (double)all : 0;
}

char *
headend_load_verdict (const HeadendLoadTally *tally, gint64 duration)
{
  guint64 errors = headend_load_errors (tally) + tally->lost;
  gint64 slow = headend_times_quantile (&tally->segments, 0.99);
  gint64 late = headend_times_quantile (&tally->late, 0.99);
  if (late > LATE_US)
    return g_strdup_printf (
        "saturation: this client was %.2f s late or more for one thing "
        "in a hundred; give it a processor of its own",
        (double)late / G_USEC_PER_SEC);
  if (errors * SHARE > tally->requests)
    return g_strdup_printf ("errors: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                            " requests",
                            errors, tally->requests);
  if (tally->viewers > 0 && tally->played + tally->stalled == 0)
    return g_strdup ("start: nobody saw a picture");
  if (tally->stalled * SHARE > tally->played + tally->stalled)
    return g_strdup_printf ("rebuffering: %.2f %% of the time",
                            100 * rebuffering (tally));
  if (slow > duration)
    return g_strdup_printf ("latency: one segment in a hundred took %.2f s or more and "
                            "plays for %.2f s",
                            (double)slow / G_USEC_PER_SEC,
                            (double)duration / G_USEC_PER_SEC);
  return NULL;
}

const char headend_load_heading[]
    = "viewers requests/s Mbit/s  start p50/p95 s  playlist p50/p95/p99 ms  segment "
      "p50/p95/p99 ms  rebuffering  errors";

static double
per_second (const HeadendLoadTally *tally, guint64 count)
{
  return tally->elapsed > 0 ? (double)count * G_USEC_PER_SEC / (double)tally->elapsed : 0;
}

static double
seconds (const HeadendTimes *times, double share)
{
  return (double)headend_times_quantile (times, share) / G_USEC_PER_SEC;
}

/* "-" for each when there was nothing to measure. */
static void
append_times (GString *text, const HeadendTimes *times, const double *shares, guint n,
              double unit, int precision)
{
  g_string_append_c (text, ' ');
  for (guint i = 0; i < n; i++)
    if (times->n > 0)
      g_string_append_printf (text, " %7.*f", precision,
                              unit * seconds (times, shares[i]));
    else
      g_string_append_printf (text, " %7s", "-");
}

char *
headend_load_line (const HeadendLoadTally *tally)
{
  static const double shares[] = { 0.5, 0.95, 0.99 };
  GString *text = g_string_new (NULL);
  g_string_append_printf (text, "%7u %10.0f %6.0f", tally->viewers,
                          per_second (tally, tally->requests),
                          per_second (tally, tally->bytes) * 8 / 1e6);
  append_times (text, &tally->starts, shares, 2, 1, 2);
  append_times (text, &tally->playlists, shares, 3, 1e3, 1);
  append_times (text, &tally->segments, shares, 3, 1e3, 1);
  g_string_append_printf (text, "  %9.3f %%  %" G_GUINT64_FORMAT,
                          100 * rebuffering (tally),
                          headend_load_errors (tally) + tally->lost);
  return g_string_free (text, FALSE);
}

static char *
error_name (guint code)
{
  static const char *const names[]
      = { "no connection", "broken", "timeout", "senseless" };
  return code < HEADEND_LOAD_STATUSES ? g_strdup_printf ("%u", code)
                                      : g_strdup (names[code - HEADEND_LOAD_STATUSES]);
}

char *
headend_load_error_text (const HeadendLoadTally *tally)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < HEADEND_LOAD_ERRORS; i++) {
    g_autofree char *name = tally->errors[i] > 0 ? error_name (i) : NULL;
    if (name)
      g_string_append_printf (text, "%s%s: %u", text->len > 0 ? ", " : "", name,
                              tally->errors[i]);
  }
  return g_string_free (text, text->len == 0);
}

static void
write_times (HeJsonWriter *writer, const char *name, const HeadendTimes *times)
{
  he_json_writer_open_object (writer, name);
  he_json_writer_uint64 (writer, "count", times->n);
  he_json_writer_number (writer, "p50", seconds (times, 0.5));
  he_json_writer_number (writer, "p95", seconds (times, 0.95));
  he_json_writer_number (writer, "p99", seconds (times, 0.99));
  he_json_writer_close (writer);
}

void
headend_load_write (HeJsonWriter *writer, const HeadendLoadTally *tally,
                    const char *verdict)
{
  he_json_writer_open_object (writer, NULL);
  he_json_writer_uint64 (writer, "viewers", tally->viewers);
  he_json_writer_number (writer, "seconds", (double)tally->elapsed / G_USEC_PER_SEC);
  he_json_writer_uint64 (writer, "requests", tally->requests);
  he_json_writer_uint64 (writer, "bytes", tally->bytes);
  write_times (writer, "start", &tally->starts);
  write_times (writer, "playlist", &tally->playlists);
  write_times (writer, "segment", &tally->segments);
  write_times (writer, "client-late", &tally->late);
  he_json_writer_number (writer, "rebuffering", rebuffering (tally));
  he_json_writer_uint64 (writer, "stalls", tally->stalls);
  he_json_writer_uint64 (writer, "segments-lost", tally->lost);
  he_json_writer_open_object (writer, "errors");
  for (guint i = 0; i < HEADEND_LOAD_ERRORS; i++) {
    g_autofree char *name = tally->errors[i] > 0 ? error_name (i) : NULL;
    if (name)
      he_json_writer_uint64 (writer, name, tally->errors[i]);
  }
  he_json_writer_close (writer);
  he_json_writer_boolean (writer, "holds", verdict == NULL);
  if (verdict)
    he_json_writer_string (writer, "signal", verdict);
  he_json_writer_close (writer);
}
