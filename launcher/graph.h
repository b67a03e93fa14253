/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model.h"

G_BEGIN_DECLS

/* What flows where in a description: sources, the steps of each rendition, origins, edge,
 * viewers. The same graph as an indented text and for Graphviz. */
char *headend_graph_text (const HeadendModel *model);
char *headend_graph_dot (const HeadendModel *model);

G_END_DECLS
