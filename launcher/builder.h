/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "job.h"
#include "plan.h"

G_BEGIN_DECLS

/* Makes the plan's pipeline by factory and property names alone, and completes what a
 * text cannot say: the source's properties, secrets, the demuxer's pads, the sink's pads.
 */
GstElement *
headend_builder_build (const HeadendPlan *plan, const HeadendJob *job, GError **error);

/* Sets the properties that an element needs for a source's URI. Relative paths start at
 * folder. */
void headend_builder_set_source (GstElement *source, const char *uri, const char *folder);

G_END_DECLS
