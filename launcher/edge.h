/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model.h"

G_BEGIN_DECLS

/* A complete nginx configuration for an edge in front of the model's nodes: unprivileged,
 * everything it writes below dir. NULL with HE_ERROR_INVALID when the description names
 * no edge, or when dir cannot stand in an nginx configuration. */
char *headend_edge_nginx (const HeadendModel *model, const char *dir, GError **error);

G_END_DECLS
