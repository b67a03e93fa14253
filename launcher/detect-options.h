/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model.h"

G_BEGIN_DECLS

/* What headend detect is asked for. */
typedef struct {
  char *copy, *description, *around, *archive;
  char **channels, **states;
  double window; /* hours */
  gboolean epoch, whole;
} HeadendDetectOptions;

void headend_detect_options_clear (HeadendDetectOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HeadendDetectOptions, headend_detect_options_clear)

/* -1 to go on, else the exit code: help and misuse are dealt with. */
int headend_detect_options_parse (int argc, char **argv, HeadendDetectOptions *options);

/* Says on standard error what is wrong with the options; returns the exit code. */
int headend_detect_misuse (const char *message);

/* Seconds since 1970, written so or as in ISO 8601. */
gboolean headend_detect_around (const char *text, double *ret_seconds, GError **error);

/* Whether its mark is one recipient's payload instead of variants. */
gboolean headend_detect_reads_payload (const HeadendModelChannel *channel);

/* The marked channels that were named, or all with variants, or else all with a payload;
 * HeadendModelChannel of the model. */
GPtrArray *headend_detect_channels (const HeadendModel *model, const HeadendDetectOptions *options, GError **error);

G_END_DECLS
