/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "he-reader.h"

G_BEGIN_DECLS

/* What forensicdetect posts, as its documentation has it. Owned by the caller. */
GstMessage *gst_detect_segment (GstObject *element, const HeReading *reading, const char *channel);
/* NULL when no payload is clear from the sums. */
GstMessage *
gst_detect_payload (GstObject *element, HePayloadSums *sums, const char *channel);

G_END_DECLS
