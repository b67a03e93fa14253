/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-probe.h"
#include "model.h"

G_BEGIN_DECLS

/* What this machine's encoders make of a built-in clip with the channel's settings, as a
 * digest in hex: ten pictures and as many blocks of sound for each rendition, encoded as
 * the channel's are. Nodes with equal digests make equal segments. Takes as long as that
 * takes, a fraction of a second for a usual ladder; any thread. The caller frees it. */
char *headend_clip_digest (const HeadendModelChannel *channel, const HeProbe *probe,
                           GError **error);

G_END_DECLS
