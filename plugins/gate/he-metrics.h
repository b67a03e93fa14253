/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Counters by label, and OpenMetrics 1.0 text. Labels come from small sets (our own
 * words, names of nodes); beyond HE_METRICS_MAX of them new ones are not counted.
 * Thread-safe. */
#define HE_METRICS_MAX 2048

typedef enum {
  HE_METRIC_REQUESTS,    /* class, status */
  HE_METRIC_SENT,        /* class: bytes of body */
  HE_METRIC_DENIALS,     /* code */
  HE_METRIC_PUTS,        /* node, outcome */
  HE_METRIC_REPLICATION, /* peer, result: exchanges with other origins */
  HE_METRIC_BACKFILL,    /* peer, result: segments fetched from other origins */
  HE_METRIC_RENEWALS,    /* result: what the operator's authorizer was asked */
  HE_METRIC_ALARMS,      /* kind: leak alarms */
  HE_METRIC_LAST,
} HeMetric;

typedef struct _HeMetrics HeMetrics;
HeMetrics *he_metrics_new (void);
void he_metrics_free (HeMetrics *metrics); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeMetrics, he_metrics_free)

/* b is NULL for a counter with one label. */
void he_metrics_add (HeMetrics *metrics, HeMetric metric, const char *a, const char *b,
                     guint64 n);

/* Appends all counters. The caller adds gauges and, last, "# EOF\n". */
void he_metrics_render (HeMetrics *metrics, GString *text);
/* Appends the head of a family: type "gauge" or "counter". */
void
he_metrics_family (GString *text, const char *name, const char *type, const char *help);

G_END_DECLS
