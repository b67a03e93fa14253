/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "status.h"

#include <string.h>

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
  gboolean known, filled, healthy, filler;
  gboolean recording; /* a worker makes it for a destination: no origin can say how far */
  guint64 last_msn, age_ms, run, window;
  const HeJson *publishers;
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
  he_json_get_uint64 (object, "run", FALSE, G_MAXINT64, &verdict.run, NULL);
  verdict.recording = channel->recording;
  verdict.publishers = he_json_member (object, "publishers");
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

static void
append_publishers (GString *text, const HeJson *publishers)
{
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
    g_string_append_printf (text, "%s%s (%.1f s ago)", separator, name,
                            (double)age / 1000);
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

char *
headend_status_text (const HeadendModel *model, const GPtrArray *nodes)
{
  GString *text = g_string_new (NULL);
  g_string_append_printf (text, "%-12s %-16s %-8s %8s %8s  %s\n", "NODE", "CHANNEL",
                          "STATE", "SEGMENTS", "AGE", "PUBLISHED BY");
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
      g_string_append_printf (text, "%-12s %-16s %-8s %3u of %-2u %7s   ",
                              node->node->name, channel->name, word_of (&verdict),
                              (guint)MIN (verdict.run, verdict.window),
                              (guint)verdict.window, age);
      append_publishers (text, verdict.publishers);
      g_string_append_c (text, '\n');
    }
  }
  return g_string_free (text, FALSE);
}

static void
write_channel (HeJsonWriter *writer, const char *name, const Verdict *verdict)
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
      write_channel (writer, channel->name, &verdict);
    }
    he_json_writer_close (writer);
    he_json_writer_close (writer);
  }
  return he_json_writer_end (writer);
}

gboolean
headend_status_epoch (const char *answer, gsize len, const HeadendModelChannel *channel,
                      guint64 *ret_end90, guint64 *ret_now90)
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
  return TRUE;
}
