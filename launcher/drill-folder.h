/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "drill-stage.h"

G_BEGIN_DECLS

/* The private folder of a stage: secrets and token keys of its own, and a description for
 * each node that differs in the source's address alone. */

/* Fills the stage from its options: dir, model, channel, key, nodes, addresses. */
gboolean headend_folder_fill (HeadendStage *stage, GError **error);
/* Removes the folder, and frees what fill() made of the nodes. */
void headend_folder_clear (HeadendStage *stage);

/* n ports of 127.0.0.1 that were free for TCP and UDP a moment ago, all different. */
gboolean headend_folder_ports (guint *ret_ports, guint n, GError **error);

/* A new file that only its owner may read, in a folder that is made where it is missing.
 */
gboolean headend_folder_write (const char *path, const char *text, GError **error);

/* The last lines of a log. */
char *headend_folder_tail (const char *path);

G_END_DECLS
