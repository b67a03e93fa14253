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
};

struct _HeMetrics {
  GMutex lock;                     /* guards the tables */
  GTree *counters[HE_METRIC_LAST]; /* labels -> guint64 */
  guint count;
};

static gint
compare (gconstpointer a, gconstpointer b, gpointer data)
{
  return strcmp (a, b);
}

HeMetrics *
he_metrics_new (void)
{
  HeMetrics *metrics = g_new0 (HeMetrics, 1);

  g_mutex_init (&metrics->lock);
  for (guint i = 0; i < HE_METRIC_LAST; i++)
    metrics->counters[i] = g_tree_new_full (compare, NULL, g_free, g_free);
  return metrics;
}

void
he_metrics_free (HeMetrics *metrics)
{
  if (metrics == NULL)
    return;
  for (guint i = 0; i < HE_METRIC_LAST; i++)
    g_tree_unref (metrics->counters[i]);
  g_mutex_clear (&metrics->lock);
  g_free (metrics);
}

static void
append_label (GString *text, const char *name, const char *value)
{
  g_string_append_printf (text, "%s%s=\"", text->len > 0 ? "," : "", name);
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
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&metrics->lock);
  GString *labels = g_string_sized_new (64);
  guint64 *value;

  append_label (labels, families[metric].a, a);
  if (b != NULL)
    append_label (labels, families[metric].b, b);
  value = g_tree_lookup (metrics->counters[metric], labels->str);
  if (value != NULL)
    *value += n;
  else if (metrics->count < HE_METRICS_MAX) {
    value = g_new (guint64, 1);
    *value = n;
    g_tree_insert (metrics->counters[metric], g_strdup (labels->str), value);
    metrics->count++;
  }
  g_string_free (labels, TRUE);
}

void
he_metrics_family (GString *text, const char *name, const char *type, const char *help)
{
  g_string_append_printf (text, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

typedef struct {
  GString *text;
  const char *name;
} Render;

static gboolean
render_one (gpointer labels, gpointer value, gpointer data)
{
  Render *render = data;

  g_string_append_printf (render->text, "%s_total{%s} %" G_GUINT64_FORMAT "\n",
                          render->name, (const char *)labels, *(guint64 *)value);
  return FALSE;
}

void
he_metrics_render (HeMetrics *metrics, GString *text)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&metrics->lock);

  for (guint i = 0; i < HE_METRIC_LAST; i++) {
    Render render = { text, families[i].name };

    he_metrics_family (text, families[i].name, "counter", families[i].help);
    g_tree_foreach (metrics->counters[i], render_one, &render);
  }
}
