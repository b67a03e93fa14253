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
  GHashTable *counters[HE_METRIC_LAST]; /* Counter, sets */
  guint count;
};

/* Of one value of each label; b NULL: the family has one label. */
typedef struct {
  char *a, *b;
  guint64 n;
} Counter;

static guint
counter_hash (gconstpointer data)
{
  const Counter *counter = data;

  return g_str_hash (counter->a) * 31 + (counter->b != NULL ? g_str_hash (counter->b) : 0);
}

static gboolean
counter_equal (gconstpointer one, gconstpointer other)
{
  const Counter *x = one, *y = other;

  return strcmp (x->a, y->a) == 0 && g_strcmp0 (x->b, y->b) == 0;
}

static void
counter_free (gpointer data)
{
  Counter *counter = data;

  g_free (counter->a);
  g_free (counter->b);
  g_free (counter);
}

HeMetrics *
he_metrics_new (void)
{
  HeMetrics *metrics = g_new0 (HeMetrics, 1);

  g_mutex_init (&metrics->lock);
  for (guint i = 0; i < HE_METRIC_LAST; i++)
    metrics->counters[i]
        = g_hash_table_new_full (counter_hash, counter_equal, counter_free, NULL);
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
  const Counter like = { (char *)a, (char *)b, 0 };
  Counter *counter;

  g_mutex_lock (&metrics->lock);
  counter = g_hash_table_lookup (metrics->counters[metric], &like);
  if (counter != NULL)
    counter->n += n;
  else if (metrics->count < HE_METRICS_MAX) {
    counter = g_new (Counter, 1);
    *counter = (Counter) { g_strdup (a), g_strdup (b), n };
    g_hash_table_add (metrics->counters[metric], counter);
    metrics->count++;
  }
  g_mutex_unlock (&metrics->lock);
}

void
he_metrics_family (GString *text, const char *name, const char *type, const char *help)
{
  g_string_append_printf (text, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

static int
compare (gconstpointer one, gconstpointer other)
{
  const Counter *x = one, *y = other;
  int order = strcmp (x->a, y->a);

  return order != 0 ? order : g_strcmp0 (x->b, y->b);
}

/* In the order of their labels, so that two readings are easily compared. */
static void
render_family (HeMetric metric, GHashTable *counters, GString *text)
{
  g_autoptr (GList) all = g_list_sort (g_hash_table_get_keys (counters), compare);

  for (GList *l = all; l != NULL; l = l->next) {
    const Counter *counter = l->data;

    g_string_append_printf (text, "%s_total{", families[metric].name);
    append_label (text, families[metric].a, counter->a);
    if (counter->b != NULL) {
      g_string_append_c (text, ',');
      append_label (text, families[metric].b, counter->b);
    }
    g_string_append_printf (text, "} %" G_GUINT64_FORMAT "\n", counter->n);
  }
}

void
he_metrics_render (HeMetrics *metrics, GString *text)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&metrics->lock);

  for (guint i = 0; i < HE_METRIC_LAST; i++) {
    he_metrics_family (text, families[i].name, "counter", families[i].help);
    render_family (i, metrics->counters[i], text);
  }
}
