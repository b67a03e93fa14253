/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "drill-stage.h"

G_BEGIN_DECLS

/* What the nodes of a stage say of themselves and each other while something is done to
 * one of them. All times are monotonic microseconds. */
typedef struct {
  gboolean answers, ready, misses; /* the last: a node has long published nothing to it */
  guint64 last_msn;                /* that viewers are shown; 0: none */
  guint64 published[HEADEND_STAGE_NODES]; /* the newest segment from each node; 0: none */
} HeadendNodeView;

#define HEADEND_WATCH_ALL G_MAXUINT /* it is done to all nodes */

typedef struct {
  HeadendStage *stage;
  guint node; /* it is done to, or HEADEND_WATCH_ALL */
  gint64 begin;
  guint64 first_msn;                 /* newer than anything at the beginning */
  gsize log_at[HEADEND_STAGE_NODES]; /* the lengths of the nodes' logs then */
  gint64 detected;                   /* 0: not yet */
  gint64 recovered;                  /* 0: not yet */
} HeadendWatch;

/* Just before something is done. */
void headend_watch_begin (HeadendWatch *watch, HeadendStage *stage, guint node);

/* What was done has ended: what counts as back is made after this. */
void headend_watch_again (HeadendWatch *watch);

/* Asks all nodes once. Detected: a node that it is done to does not answer or is not
 * ready, misses another's segments, or its log speaks of the end of a part, or of a
 * source that is silent, damaged or begins a new timeline. Recovered: it is ready and
 * every node, itself included, holds segments that it made since. */
void headend_watch_look (HeadendWatch *watch);

G_END_DECLS
