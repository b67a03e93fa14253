/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-json.h"
#include "model.h"

G_BEGIN_DECLS

/* A description as a drill may run it: one channel of it, with what makes its segments as
 * it stands there, and everything that reaches beyond the drill's own folder and
 * addresses replaced or left out: secret, token keys, listeners, state, edge, source,
 * destination. */
typedef struct {
  const char *name, *listen, *internal;
} HeadendDrillNode;

typedef struct {
  const char *channel;
  const HeadendDrillNode *nodes;
  guint n_nodes;
  const char *edge;    /* "ADDRESS:PORT" */
  const char *trusted; /* address of the edge as nodes see it */
  const char *source;  /* of the node that this text is for */
} HeadendDrillPlaces;

/* text is a description that is valid (description.h). Returns JSON. */
char *headend_drill_rewrite (const char *text, const HeadendDrillPlaces *places,
                             GError **error);

/* Writes what was read. Leaves out members that a drill has no use for ("track"). */
void headend_drill_copy (HeJsonWriter *writer, const char *name, const HeJson *node);

G_END_DECLS
