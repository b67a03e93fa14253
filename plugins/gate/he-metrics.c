/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-metrics.h"

#include <string.h>

static const struct {
  const char *name, *a, *b, *help;
} families[HE_METRIC_LAST] = {
  [HE_METRIC_REQUESTS] = { "headend_requests", "class", "status", "Requests answered." },
  [HE_METRIC_SENT] = { "headend_sent_bytes", "class", NULL, "Bytes of bodies sent." },
  [HE_METRIC_DENIALS]
  = { "headend_denials", "code", NULL,
      "Requests denied, by code (RFC 9246 section 6.4, from 600 our own)." },
  [HE_METRIC_PUTS]
  = { "headend_puts", "node", "outcome", "Segments offered, by publishing node." },
  [HE_METRIC_REPLICATION]
  = { "headend_replications", "peer", "result", "Exchanges with other origins." },
  [HE_METRIC_BACKFILL] = { "headend_backfills", "peer", "result",
                           "Segments fetched from other origins, which held them." },
  [HE_METRIC_RENEWALS] = { "headend_renewals", "result", NULL,
                           "Leases that the authorizer was asked about." },
  [HE_METRIC_ALARMS] = { "headend_alarms", "kind", NULL, "Leak alarms." },
};

struct _HeMetrics {
  GMutex lock;                          /* guards the tables */
  GHashTable *counters[HE_METRIC_LAST]; /* labels -> guint64 */
  guint count;
};

HeMetrics *
he_metrics_new (void)
{
  HeMetrics *metrics = g_new0 (HeMetrics, 1);

  g_mutex_init (&metrics->lock);
  for (guint i = 0; i < HE_METRIC_LAST; i++)
    metrics->counters[i] = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return metrics;
}

void
he_metrics_free (HeMetrics *metrics)
{
  if (metrics == NULL)
    return;
  for (guint i = 0; i < HE_METRIC_LAST; i++)
    g_hash_table_unref (metrics->counters[i]);
  g_mutex_clear (&metrics->lock);
  g_free (metrics);
}

static void
append_label (GString *text, const char *name, const char *value)
{
  if (text->len > 0)
    g_string_append_c (text, ',');
  g_string_append (text, name);
  g_string_append (text, "=\"");
  for (; *value != '\0'; value++)
    if (*value == '\n')
      g_string_append (text, "\\n");
    else {
      if (*value == '"' || *value == '\\')
        g_string_append_c (text, '\\');
      g_string_append_c (text, *value);
    }
  g_string_append_c (text, '"');
}

void
he_metrics_add (HeMetrics *metrics, HeMetric metric, const char *a, const char *b,
                guint64 n)
{
  GString *labels = g_string_sized_new (64);
  guint64 *value;

  append_label (labels, families[metric].a, a);
  if (b != NULL)
    append_label (labels, families[metric].b, b);
  g_mutex_lock (&metrics->lock);
  value = g_hash_table_lookup (metrics->counters[metric], labels->str);
  if (value != NULL)
    *value += n;
  else if (metrics->count < HE_METRICS_MAX) {
    value = g_new (guint64, 1);
    *value = n;
    g_hash_table_insert (metrics->counters[metric], g_strdup (labels->str), value);
    metrics->count++;
  }
  g_mutex_unlock (&metrics->lock);
  g_string_free (labels, TRUE);
}

void
he_metrics_family (GString *text, const char *name, const char *type, const char *help)
{
  g_string_append_printf (text, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

/* In the order of their labels, so that two readings are easily compared. */
static void
render_family (const char *name, GHashTable *counters, GString *text)
{
  g_autoptr (GList) keys
      = g_list_sort (g_hash_table_get_keys (counters), (GCompareFunc)strcmp);

  for (GList *l = keys; l != NULL; l = l->next)
    g_string_append_printf (text, "%s_total{%s} %" G_GUINT64_FORMAT "\n", name,
                            (const char *)l->data,
                            *(guint64 *)g_hash_table_lookup (counters, l->data));
}

void
he_metrics_render (HeMetrics *metrics, GString *text)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&metrics->lock);

  for (guint i = 0; i < HE_METRIC_LAST; i++) {
    he_metrics_family (text, families[i].name, "counter", families[i].help);
    render_family (families[i].name, metrics->counters[i], text);
  }
}
