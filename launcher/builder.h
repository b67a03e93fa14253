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

G_END_DECLS
