/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-symbols.h"
#include "he-trace.h"

G_BEGIN_DECLS

/* What a trace found, as text, as JSON, and as a page of HTML that needs no other file.
 * Only who is accused is named. */
typedef struct {
  const HeSymbols *symbols;
  HeTrace *trace;
  guint colluders;    /* that the code is made for */
  double false_alarm; /* in total */
  const char *source; /* of the symbols, as the user named it */
  HeSuspect suspects[HE_TRACE_SUSPECTS];
  guint n_suspects, n_accused; /* the accused come first */
} HeadendReport;

/* The trace has had all its candidates. Borrows everything. */
void headend_report_init (HeadendReport *report, const HeSymbols *symbols, HeTrace *trace,
                          guint colluders, double false_alarm, const char *source);

char *headend_report_text (const HeadendReport *report);
char *headend_report_json (const HeadendReport *report);
char *headend_report_html (const HeadendReport *report);

/* A probability from its logarithm, however small: "3.1e-420". */
char *headend_report_probability (double ln_p);

G_END_DECLS
