/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Workers' words of their channels' sources: taken, and told in /status and /metrics. */
#include "he-origin-private.h"

#include <string.h>

#define PATH "/control/inputs/"

void
he_input_handle (HeOrigin *origin, HeRequest *request)
{
  g_autoptr (HeChannel) channel
      = he_store_find_channel (origin->store, he_request_path (request) + strlen (PATH));
  g_autoptr (GError) error = NULL;
  HeInputReport report;
  gsize len;
  const char *text = g_bytes_get_data (he_request_body (request), &len);

  if (channel == NULL) {
    he_request_respond_text (request, 404, "no such channel\n");
  } else if (!he_input_from_json (text != NULL ? text : "", (gssize)len, &report,
                                  &error)) {
    g_autofree char *why = g_strconcat (error->message, "\n", NULL);

    he_request_respond_text (request, 400, why);
  } else {
    he_inputs_set (origin->inputs, channel->name, &report, g_get_monotonic_time ());
    he_request_respond_text (request, 200, "ok\n");
  }
}

void
he_input_status (HeJsonWriter *writer, HeOrigin *origin, const char *channel)
{
  HeInputReport report;

  if (he_inputs_get (origin->inputs, channel, g_get_monotonic_time (), &report))
    he_input_write (writer, &report);
}

typedef enum {
  OF_UP,
  OF_TAKEN,
  OF_AGE,
  OF_COUNTS, /* and behind it, by HeInputCount */
} Of;

static const struct {
  const char *name, *type, *help;
} families[OF_COUNTS + HE_INPUT_COUNTS] = {
  [OF_UP] = { "headend_input_up", "gauge", "1 while pictures or sound come." },
  [OF_TAKEN] = { "headend_input_taken", "gauge", "1 for the source that is on air." },
  [OF_AGE] = { "headend_input_age_seconds", "gauge", "Since something came." },
  [OF_COUNTS + HE_INPUT_BYTES] = { "headend_input_bytes", "counter", "Bytes that came." },
  [OF_COUNTS + HE_INPUT_REOPENED]
  = { "headend_input_reopened", "counter", "Times that a source was opened again." },
  [OF_COUNTS + HE_INPUT_GAPS] = { "headend_input_gaps", "counter",
                                  "Continuity counter errors of a transport stream." },
  [OF_COUNTS + HE_INPUT_BROKEN]
  = { "headend_input_broken", "counter",
      "Transport errors, and places where no packet begins." },
  [OF_COUNTS + HE_INPUT_LOST]
  = { "headend_input_lost", "counter",
      "Packets that the network lost, as SRT says before it repairs, or RTP after." },
  [OF_COUNTS + HE_INPUT_LATE]
  = { "headend_input_late", "counter", "Packets that came too late for RTP." },
  [OF_COUNTS + HE_INPUT_TWICE]
  = { "headend_input_twice", "counter", "Packets dropped because they came twice." },
};

static const struct {
  const char *name, *help;
} source_families[HE_SOURCE_COUNTS] = {
  [HE_SOURCE_DAMAGED]
  = { "headend_source_damaged", "Pictures and sound that came cut short or malformed." },
  [HE_SOURCE_BAD_TIMES]
  = { "headend_source_bad_times", "Pictures and sound with a time that is wrong." },
  [HE_SOURCE_SKIPPED_MS] = { "headend_source_skipped_seconds",
                             "Of the source, left out by a machine that is too slow." },
  [HE_SOURCE_SKIPPED_PICTURES]
  = { "headend_source_skipped_pictures",
      "Pictures of RTMP left out so, and those that decoding cannot begin with." },
};

static void
append_seconds (GString *text, guint64 ms)
{
  g_string_append_printf (text, "%" G_GUINT64_FORMAT ".%03u\n", ms / 1000,
                          (guint)(ms % 1000));
}

static void
sample (GString *text, guint of, const char *channel, const HeInput *input)
{
  if (of == OF_AGE && !input->heard)
    return;
  g_string_append_printf (text, "%s%s{channel=\"%s\",input=\"%s\"} ", families[of].name,
                          of >= OF_COUNTS ? "_total" : "", channel,
                          he_input_name (input));
  if (of == OF_AGE)
    append_seconds (text, input->age_ms);
  else
    g_string_append_printf (text, "%" G_GUINT64_FORMAT "\n",
                            of == OF_UP      ? (guint64)input->up
                            : of == OF_TAKEN ? (guint64)input->taken
                                             : input->counts[of - OF_COUNTS]);
}

void
he_input_metrics (GString *text, HeOrigin *origin, const GPtrArray *channels)
{
  const gint64 now = g_get_monotonic_time ();
  HeInputReport report;

  for (guint of = 0; of < G_N_ELEMENTS (families); of++) {
    he_metrics_family (text, families[of].name, families[of].type, families[of].help);
    for (guint i = 0; i < channels->len; i++) {
      const char *channel = ((const HeChannel *)channels->pdata[i])->name;

      if (he_inputs_get (origin->inputs, channel, now, &report))
        for (guint j = 0; j < report.n; j++)
          sample (text, of, channel, &report.inputs[j]);
    }
  }
  for (guint of = 0; of < HE_SOURCE_COUNTS; of++) {
    he_metrics_family (text, source_families[of].name, "counter",
                       source_families[of].help);
    for (guint i = 0; i < channels->len; i++) {
      const char *channel = ((const HeChannel *)channels->pdata[i])->name;

      if (!he_inputs_get (origin->inputs, channel, now, &report))
        continue;
      g_string_append_printf (text, "%s_total{channel=\"%s\"} ", source_families[of].name,
                              channel);
      if (of == HE_SOURCE_SKIPPED_MS)
        append_seconds (text, report.counts[of]);
      else
        g_string_append_printf (text, "%" G_GUINT64_FORMAT "\n", report.counts[of]);
    }
  }
}
