/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "drill-stage.h"

G_BEGIN_DECLS

/* Nodes in network namespaces of their own, joined by a bridge: a process that was
 * started in new network and mount namespaces (headend_apart_words()) makes them, and all
 * of it is gone when that process and its children are. Needs root and iproute2. */

char *headend_apart_address (guint node); /* owned */
const char *headend_apart_hub (void);     /* where feed, edge and viewers are */

/* What to put ahead of a command line that is to run in new namespaces. NULL-terminated.
 */
const char *const *headend_apart_words (void);

/* In there, before any node: the bridge. */
gboolean headend_apart_enter (GError **error);
/* The namespace of a node, and what its processes may write to: a small disk each. */
gboolean headend_apart_add (HeadendStage *stage, guint node, GError **error);

void headend_apart_remove (HeadendStage *stage, guint node);

/* Cuts the node off from everybody. */
gboolean headend_apart_link (guint node, gboolean up, GError **error);
/* Cuts the node off from all other nodes, but from nobody else. */
gboolean headend_apart_see_peers (const HeadendStage *stage, guint node, gboolean see,
                                  GError **error);
/* With stage->options.disks: its disk stands still, or goes on. */
gboolean
headend_apart_freeze (HeadendStage *stage, guint node, gboolean still, GError **error);
/* Fills the disk that the node keeps its state on, or makes room again. */
gboolean
headend_apart_fill (const HeadendStage *stage, guint node, gboolean full, GError **error);

G_END_DECLS
