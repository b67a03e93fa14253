/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "edge.h"

G_BEGIN_DECLS

/* What the writers of configurations share. A text is a file of launcher/edge in which
 * each @WORD@ is replaced: why a line is as it is stands in the text itself, since an
 * operator reads the output. */

/* Paths of ours, behind a session's prefix, as logs may have them: a regular expression of
 * nginx and Varnish. What headend origin logs is in he-log.h. */
#define HEADEND_EDGE_PATHS                                                               \
  "/live/[\\w-]{1,64}/(?:main\\.m3u8|session|[\\w-]{1,64}/(?:index\\.m3u8|\\d{1,19}\\.ts)|"  \
  "keys/[\\w-]{1,64}/\\d{1,19})"

/* A Host: a name or an address, and a port. */
#define HEADEND_EDGE_HOST                                                                \
  "(?:[A-Za-z0-9._~-]+|\\[[0-9A-Fa-f:.]+\\])"                                       \
  "(?::(?:[0-5]?\\d{1,4}|6[0-4]\\d{3}|65[0-4]\\d\\d|655[0-2]\\d|6553[0-5])?)?"

/* The text, once the choice is found good. */
GString *headend_edge_text (const char *name, const HeadendModel *model,
                            const HeadendEdgeChoice *choice, GError **error);
/* Replaces @WORD@. A trailing newline of with is left out, as the text has its own. */
void headend_edge_fill (GString *text, const char *word, const char *with);
/* Replaces whole lines of @WORD@ by whole lines, or none. */
void headend_edge_fill_lines (GString *text, const char *word, const char *lines);

/* The Unix socket of the node's gate, when the edge runs on the same machine; or NULL. */
const char *
headend_edge_gate (const HeadendEdgeChoice *choice, const HeadendNode *node);

G_END_DECLS
