/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model.h"
#include "route.h"
#include "source.h"

G_BEGIN_DECLS

/* The pipeline of a channel as text, from left to right as it flows; plan.h says which of
 * its elements are completed in code. */
char *
headend_pipeline_text (const HeadendModelChannel *channel, const HeadendSource *source,
                       const HeadendRoute *route, const char *node);

/* What leads from the source's video of a codec to raw frames; NULL: it is copied. */
char *
headend_pipeline_decoder (const HeadendModelChannel *channel, const HeadendSource *source,
                          const HeadendRoute *route, HeVideoCodec codec);

G_END_DECLS
