/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "status.h"

#include <string.h>
#include "encoder.h"
#include "he-input.h"

#define LAG_SHOWN_MS 100

void
headend_node_status_free (HeadendNodeStatus *status)
{
  if (!status)
    return;
  he_json_free (status->answer);
  g_free (status->error);
  g_free (status);
}

/* One channel in one node's answer; missing numbers are zero. */
typedef struct {
  gboolean known, filled, healthy, filler, clean;
  gboolean recording; /* a worker makes it for a destination: no origin can say how far */
  guint64 last_msn, age_ms, run, window;
  const HeJson *publishers;
  const HeJson *copies; /* how the nodes' copies compare, or NULL */
  HeInputReport inputs; /* of the node's worker; none: it said nothing */
} Verdict;

static const HeJson *
find_channel (const HeJson *answer, const char *name)
{
  const HeJson *channels = he_json_type (answer) == HE_JSON_OBJECT
                               ? he_json_member (answer, "channels")
                               : NULL;
  if (!channels || he_json_type (channels) != HE_JSON_ARRAY)
    return NULL;
  for (guint i = 0; i < he_json_length (channels); i++) {
    const HeJson *channel = he_json_element (channels, i);
    const char *found = NULL;
    if (he_json_type (channel) == HE_JSON_OBJECT
        && he_json_get_string (channel, "name", TRUE, &found, NULL)
        && strcmp (found, name) == 0)
      return channel;
  }
  return NULL;
}

static Verdict
judge (const HeadendNodeStatus *node, const HeadendModelChannel *channel)
{
  Verdict verdict = { .age_ms = G_MAXUINT64, .window = channel->window };
  const HeJson *object = node->answer ? find_channel (node->answer, channel->name) : NULL;
  if (!object)
    return verdict;
  verdict.known = TRUE;
  he_json_get_boolean (object, "filled", FALSE, &verdict.filled, NULL);
  he_json_get_uint64 (object, "last-msn", FALSE, G_MAXINT64, &verdict.last_msn, NULL);
  he_json_get_uint64 (object, "age-ms", FALSE, G_MAXINT64, &verdict.age_ms, NULL);
  const char *newest = NULL;
  if (he_json_get_string (object, "newest", FALSE, &newest, NULL) && newest)
    verdict.filler = strcmp (newest, "filled") == 0;
  verdict.clean = newest && strcmp (newest, "clean") == 0;
  he_json_get_uint64 (object, "run", FALSE, G_MAXINT64, &verdict.run, NULL);
  verdict.recording = channel->recording;
  verdict.publishers = he_json_member (object, "publishers");
  verdict.copies = he_json_member (object, "copies");
  if (verdict.copies && he_json_type (verdict.copies) != HE_JSON_OBJECT)
    verdict.copies = NULL;
  he_input_read (object, &verdict.inputs, NULL);
  verdict.healthy = channel->recording
                    || (verdict.filled && verdict.age_ms < 3 * channel->duration90 / 90);
  return verdict;
}

gboolean
headend_status_healthy (const HeadendModel *model, const GPtrArray *nodes)
{
  guint answers = 0;
  for (guint i = 0; i < nodes->len; i++) {
    const HeadendNodeStatus *node = nodes->pdata[i];
    if (!node->answer)
      continue;
    answers++;
    for (guint j = 0; j < model->channels->len; j++)
      if (!judge (node, model->channels->pdata[j]).healthy)
        return FALSE;
  }
  return answers > 0;
}

/* How the nodes' copies compare; zero where nothing is told. */
typedef struct {
  const char *agreement;
  const char *reason; /* why that, as the node says; or NULL */
  guint64 agree, conflict;
  gboolean conflicting;
} Copies;

static Copies
copies_of (const Verdict *verdict)
{
  Copies copies = { .agreement = "interchangeable" };
  const HeJson *object = verdict->copies;
  if (!object)
    return copies;
  he_json_get_string (object, "agreement", FALSE, &copies.agreement, NULL);
  he_json_get_string (object, "reason", FALSE, &copies.reason, NULL);
  he_json_get_uint64 (object, "agree", FALSE, G_MAXINT64, &copies.agree, NULL);
  he_json_get_uint64 (object, "conflict", FALSE, G_MAXINT64, &copies.conflict, NULL);
  he_json_get_boolean (object, "conflicting", FALSE, &copies.conflicting, NULL);
  return copies;
}

typedef struct {
  const char *node;
  guint64 missing, lag_ms;
} Lack;

/* Of the node with this index; FALSE behind the last. */
static gboolean
lack_of (const Verdict *verdict, guint index, Lack *ret_lack)
{
  const HeJson *nodes
      = verdict->copies ? he_json_member (verdict->copies, "nodes") : NULL;
  const HeJson *node;
  if (!nodes || he_json_type (nodes) != HE_JSON_ARRAY || index >= he_json_length (nodes))
    return FALSE;
  node = he_json_element (nodes, index);
  *ret_lack = (Lack) { .node = "?" };
  if (he_json_type (node) != HE_JSON_OBJECT)
    return TRUE;
  he_json_get_string (node, "node", FALSE, &ret_lack->node, NULL);
  he_json_get_uint64 (node, "missing", FALSE, G_MAXINT64, &ret_lack->missing, NULL);
  he_json_get_uint64 (node, "lag-ms", FALSE, G_MAXINT64, &ret_lack->lag_ms, NULL);
  return TRUE;
}

static void
append_lack (GString *text, const Verdict *verdict, const char *name)
{
  Lack lack;
  for (guint i = 0; lack_of (verdict, i, &lack); i++) {
    if (strcmp (lack.node, name) != 0)
      continue;
    if (lack.lag_ms >= LAG_SHOWN_MS)
      g_string_append_printf (text, ", %.1f s behind", (double)lack.lag_ms / 1000);
    if (lack.missing > 0)
      g_string_append_printf (text, ", %" G_GUINT64_FORMAT " files missing",
                              lack.missing);
  }
}

static void
append_publishers (GString *text, const Verdict *verdict)
{
  const HeJson *publishers = verdict->publishers;
  const char *separator = "";
  if (!publishers || he_json_type (publishers) != HE_JSON_ARRAY)
    return;
  for (guint i = 0; i < he_json_length (publishers); i++) {
    const HeJson *publisher = he_json_element (publishers, i);
    const char *name = "?";
    guint64 age = 0;
    if (he_json_type (publisher) != HE_JSON_OBJECT)
      continue;
    he_json_get_string (publisher, "node", FALSE, &name, NULL);
    he_json_get_uint64 (publisher, "age-ms", FALSE, G_MAXINT64, &age, NULL);
    g_string_append_printf (text, "%s%s (%.1f s ago", separator, name,
                            (double)age / 1000);
    append_lack (text, verdict, name);
    g_string_append_c (text, ')');
    separator = ", ";
  }
}

static const char *
word_of (const Verdict *verdict)
{
  return verdict->recording                    ? "vod"
         : verdict->filler && verdict->healthy ? "filler"
         : verdict->healthy                    ? "healthy"
         : !verdict->known                     ? "unknown"
         : !verdict->filled                    ? "filling"
                                               : "stale";
}

/* "-": no second copy came. */
static const char *
copies_word (const Verdict *verdict)
{
  Copies copies = copies_of (verdict);
  return copies.agree + copies.conflict == 0 ? "-"
         : copies.conflicting                ? "CONFLICT"
                                             : copies.agreement;
}

/* "  source: on air, 0.1 s ago, 12 gaps", what is zero left out. */
static void
append_inputs (GString *text, const HeInputReport *report)
{
  for (guint i = 0; i < report->n; i++) {
    const HeInput *input = &report->inputs[i];
    g_string_append_printf (text, "%-12s   %s: %s", "", he_input_name (input),
                            !input->up     ? "silent"
                            : input->taken ? "on air"
                                           : "in reserve");
    if (input->heard)
      g_string_append_printf (text, ", %.1f s ago", (double)input->age_ms / 1000);
    for (guint of = HE_INPUT_REOPENED; of < HE_INPUT_COUNTS; of++)
      if (input->counts[of] > 0)
        g_string_append_printf (text, ", %" G_GUINT64_FORMAT " %s", input->counts[of],
                                he_input_count_name (of));
    g_string_append_c (text, '\n');
  }
}

/* Why copies are called what they are, or NULL. Only of what the description leaves to
 * the nodes do they know. */
static const char *
reason_of (const HeadendModel *model, const HeadendModelChannel *channel,
           const Verdict *verdict)
{
  if (model->nodes->len < 2 || !verdict->copies)
    return NULL;
  if (channel->identical)
    return copies_of (verdict).reason;
  return headend_encoder_would_repeat (channel)
             ? "the description says so"
             : "an encoder of the description cannot repeat itself, or not on one core";
}

static void
append_reason (GString *text, const char *reason, const Verdict *verdict)
{
  if (reason && strcmp (copies_of (verdict).agreement, "identical") != 0)
    g_string_append_printf (text, "%-12s copies are interchangeable: %s\n", "", reason);
}

char *
headend_status_text (const HeadendModel *model, const GPtrArray *nodes)
{
  GString *text = g_string_new (NULL);
  g_string_append_printf (text, "%-12s %-16s %-8s %8s %8s  %-15s  %s\n", "NODE",
                          "CHANNEL", "STATE", "SEGMENTS", "AGE", "COPIES",
                          "PUBLISHED BY");
  for (guint i = 0; i < nodes->len; i++) {
    const HeadendNodeStatus *node = nodes->pdata[i];
    if (!node->answer) {
      g_string_append_printf (text, "%-12s does not answer: %s\n", node->node->name,
                              node->error);
      continue;
    }
    for (guint j = 0; j < model->channels->len; j++) {
      const HeadendModelChannel *channel = model->channels->pdata[j];
      Verdict verdict = judge (node, channel);
      g_autofree char *age
          = verdict.age_ms == G_MAXUINT64
                ? g_strdup ("-")
                : g_strdup_printf ("%.1f s", (double)verdict.age_ms / 1000);
      g_string_append_printf (text, "%-12s %-16s %-8s %3u of %-2u %7s   %-15s  ",
                              node->node->name, channel->name, word_of (&verdict),
                              (guint)MIN (verdict.run, verdict.window),
                              (guint)verdict.window, age, copies_word (&verdict));
      append_publishers (text, &verdict);
      g_string_append_c (text, '\n');
      append_inputs (text, &verdict.inputs);
      append_reason (text, reason_of (model, channel, &verdict), &verdict);
    }
  }
  return g_string_free (text, FALSE);
}

static void
write_copies (HeJsonWriter *writer, const char *reason, const Verdict *verdict)
{
  Copies copies = copies_of (verdict);
  Lack lack;
  he_json_writer_open_object (writer, "copies");
  he_json_writer_string (writer, "agreement", copies.agreement);
  if (reason)
    he_json_writer_string (writer, "reason", reason);
  he_json_writer_uint64 (writer, "agree", copies.agree);
  he_json_writer_uint64 (writer, "conflict", copies.conflict);
  he_json_writer_boolean (writer, "conflicting", copies.conflicting);
  he_json_writer_open_array (writer, "nodes");
  for (guint i = 0; lack_of (verdict, i, &lack); i++) {
    he_json_writer_open_object (writer, NULL);
    he_json_writer_string (writer, "node", lack.node);
    he_json_writer_uint64 (writer, "missing", lack.missing);
    he_json_writer_uint64 (writer, "lag-ms", lack.lag_ms);
    he_json_writer_close (writer);
  }
  he_json_writer_close (writer);
  he_json_writer_close (writer);
}

static void
write_channel (HeJsonWriter *writer, const char *name, const char *reason,
               const Verdict *verdict)
{
  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, "name", name);
  he_json_writer_boolean (writer, "healthy", verdict->healthy);
  he_json_writer_string (writer, "state", word_of (verdict));
  he_json_writer_uint64 (writer, "segments", verdict->run);
  he_json_writer_uint64 (writer, "window", verdict->window);
  if (verdict->filled)
    he_json_writer_uint64 (writer, "last-msn", verdict->last_msn);
  if (verdict->age_ms != G_MAXUINT64)
    he_json_writer_uint64 (writer, "age-ms", verdict->age_ms);
  if (verdict->copies)
    write_copies (writer, reason, verdict);
  if (verdict->inputs.n > 0)
    he_input_write (writer, &verdict->inputs);
  he_json_writer_close (writer);
}

char *
headend_status_json (const HeadendModel *model, const GPtrArray *nodes)
{
  HeJsonWriter *writer = he_json_writer_new ();
  he_json_writer_open_object (writer, NULL);
  he_json_writer_boolean (writer, "healthy", headend_status_healthy (model, nodes));
  he_json_writer_open_array (writer, "nodes");
  for (guint i = 0; i < nodes->len; i++) {
    const HeadendNodeStatus *node = nodes->pdata[i];
    he_json_writer_open_object (writer, NULL);
    he_json_writer_string (writer, "name", node->node->name);
    he_json_writer_boolean (writer, "answers", node->answer != NULL);
    if (node->error)
      he_json_writer_string (writer, "error", node->error);
    he_json_writer_open_array (writer, "channels");
    for (guint j = 0; node->answer && j < model->channels->len; j++) {
      const HeadendModelChannel *channel = model->channels->pdata[j];
      Verdict verdict = judge (node, channel);
      write_channel (writer, channel->name, reason_of (model, channel, &verdict),
                     &verdict);
    }
    he_json_writer_close (writer);
    he_json_writer_close (writer);
  }
  return he_json_writer_end (writer);
}

gboolean
headend_status_epoch (const char *answer, gsize len, const HeadendModelChannel *channel,
                      guint64 *ret_end90, guint64 *ret_now90, gboolean *ret_clean)
{
  const HeadendNodeStatus node = {
    .answer = he_json_parse (answer, (gssize)len, HEADEND_STATUS_MAX, 8, NULL),
  };
  Verdict verdict = judge (&node, channel);
  he_json_free (node.answer);
  if (!verdict.filled || verdict.age_ms == G_MAXUINT64)
    return FALSE;
  *ret_end90 = (verdict.last_msn + 1) * channel->duration90;
  *ret_now90 = *ret_end90 + verdict.age_ms * 90;
  *ret_clean = verdict.clean;
  return TRUE;
}
