/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-channel.h"
#include "he-secret.h"
#include "he-segment.h"

G_BEGIN_DECLS

#define HEADEND_SEGMENT_MAX (128 * 1024 * 1024) /* bytes of one that is probed */

/* Whether a published segment can be watched: fetches it from an origin's internal
 * listener, decrypts it and decodes its first picture. Blocks for at most some seconds,
 * so it belongs on a thread of its own. segment needs channel, rendition, variant and
 * msn. */
gboolean headend_probe_segment (const char *origin, const HeChannel *channel,
                                const HeSegment *segment, const HeSecret *publish,
                                const HeSecret *content, GError **error);

G_END_DECLS
