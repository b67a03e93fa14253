/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-anchor.h"
#include "renewal.h"

G_BEGIN_DECLS

/* How a worker comes to an anchor with the origins, step by step: pure, so that what asks
 * them and waits is the caller's. */

/* Longer than the legs of nodes are apart, and than a question to a peer takes. */
#define HEADEND_SETTLE_LET_MS 600
#define HEADEND_SETTLE_LOOK_MS 50

typedef struct {
  const char *node;
  guint64 duration90; /* of a segment */
  gboolean alone;     /* there are no other nodes */
  gpointer user;      /* for: */
  /* What the origins hold behind a proposal, or hold (proposal NULL). FALSE with error:
   * the origin does not answer, holds nothing, or refuses. */
  gboolean (*ask) (gpointer user, const HeAnchor *proposal, HeAnchor *ret_anchor,
                   GError **error);
  HeadendPublished (*published) (gpointer user);
  void (*wait) (gpointer user, guint ms);
  gint64 (*now) (gpointer user); /* microseconds, by a clock that nobody sets */
} HeadendSettle;

typedef enum {
  HEADEND_SETTLED,
  HEADEND_SETTLED_ANEW, /* what held did not suit the source, which has begun again */
  HEADEND_SETTLED_LATE, /* the source did not pause, it comes late: *ret_anchor goes on */
  HEADEND_SETTLED_ALONE, /* the origin settles nothing: it is our own; with error */
  HEADEND_SETTLED_ANEW_ALONE, /* the source has begun again, and then that */
} HeadendSettled;

/* The anchor to go on with after this proposal: what the nodes hold, or hold from now on,
 * if it suits the source's present timeline; else the generation after it (renewal.h).
 * Whoever has not seen where the old timeline ended lets the others propose first, for
 * HEADEND_SETTLE_LET_MS. */
HeadendSettled headend_settle (const HeadendSettle *with, const HeAnchor *own,
                               HeAnchor *ret_anchor, GError **error);

G_END_DECLS
