/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "he-input.h"

G_BEGIN_DECLS

/* What the elements of a source's pipeline, SRT's or RTP's, say of its network. They
 * begin at zero whenever the pipeline is opened again; what is summed up here does not.
 * Zero-initialise. */
typedef struct {
  /*< private >*/
  guint64 past[HE_INPUT_COUNTS], now[HE_INPUT_COUNTS];
} HeadendNetwork;

/* Asks them, which may take as long as connecting does: only while something comes. */
void headend_network_look (HeadendNetwork *network, GstElement *pipeline);

/* Adds what was heard so far. */
void headend_network_add (const HeadendNetwork *network, HeInput *input);

G_END_DECLS
