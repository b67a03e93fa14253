/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* By how many ticks of 90 kHz the wall clock is ahead of a channel's epoch time: half a
 * wrap of the source's timestamps (13 hours) at most, at first. By the first of these
 * state folders of nodes that has a readable anchor of it; FALSE when none has. */
gboolean headend_wall_offset (char *const *states, const char *channel, gint64 *ret_offset90);

G_END_DECLS
