/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model.h"

G_BEGIN_DECLS

/* What an edge is like besides what the description says. */
typedef struct {
  const char *dir;         /* absolute: all it writes lies below */
  const char *node;        /* on whose machine it runs; NULL: on that of all nodes */
  const char *certificate; /* TLS: files; both or neither */
  const char *key;
} HeadendEdgeChoice;

/* Complete configurations for an edge in front of the model's nodes, which run as they
 * are. NULL with HE_ERROR_INVALID when the description names no edge or not this node, or
 * when one of the paths cannot stand in a configuration. */
char *headend_edge_nginx (const HeadendModel *model, const HeadendEdgeChoice *choice,
                          GError **error);
char *headend_edge_varnish (const HeadendModel *model, const HeadendEdgeChoice *choice,
                            GError **error);

G_END_DECLS
