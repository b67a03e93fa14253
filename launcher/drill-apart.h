/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Addresses of a stage whose nodes are in network namespaces of their own
 * (drill-apart.c). */
char *headend_apart_address (guint node); /* owned */
const char *headend_apart_hub (void);     /* where feed, edge and viewers are */

G_END_DECLS
