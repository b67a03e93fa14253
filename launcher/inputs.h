/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "feed.h"
#include "job.h"

G_BEGIN_DECLS

/* Tells a node's origin how the sources of a channel are (he-input.h), again and again:
 * an origin that was started again has forgotten. */
typedef struct _HeadendInputs HeadendInputs;

/* job and feed must outlive it; demux is kept. On the main loop, as what follows. */
HeadendInputs *
headend_inputs_new (const HeadendJob *job, HeadendFeed *feed, GstElement *demux);

/* To be called every second; waits for nobody. An origin that takes long is told less
 * often. Never freed: a telling may be on its way until the process ends. */
void headend_inputs_tell (HeadendInputs *inputs);

G_END_DECLS
