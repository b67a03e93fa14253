/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "drill-feed.h"
#include "drill-relay.h"
#include "drill-shortage.h"
#include "model.h"
#include "viewer/viewer.h"

G_BEGIN_DECLS

/* A channel of a description on air, with everything around it, in a private folder and
 * on addresses of its own: the feed, a relay on each node's leg, the nodes as "headend
 * run" has them, nginx as the edge. Nothing that it starts outlives it. For the main
 * thread. */
#define HEADEND_STAGE_NODES 16

typedef enum { HEADEND_PART_WORKER, HEADEND_PART_ORIGIN, HEADEND_PART_NODE } HeadendPart;

typedef struct {
  char *name;
  char *address;             /* its listeners are on this one */
  char *listen, *internal;   /* "ADDRESS:PORT" */
  char *file, *log;          /* its description; where it says what it does */
  const char *const *prefix; /* words ahead of its command line, borrowed; NULL: none */
  const char *clock;         /* by how much the clock of its workers is off, or NULL */
  GSubprocess *process;      /* the node, or its origin alone; NULL: not started */
  GSubprocess *workers;      /* these alone, where their clock is another */
  GSubprocess *frozen;       /* keeps its disk from being written to, or NULL */
  HeadendRelay *relay;
  guint leg; /* port: of the relay (SRT), or of the node itself (UDP) */
} HeadendStageNode;

typedef struct {
  const char *file;          /* the description that is rehearsed */
  const char *channel;       /* of it; NULL: the first */
  const char *program;       /* headend itself */
  guint64 seed;              /* of all chance */
  guint64 start90;           /* of the feed's timestamps */
  gboolean keep;             /* the private folder is left behind */
  const char *folder;        /* where the private folder is made; NULL: as TMPDIR says */
  gboolean apart;            /* each node in a network namespace; see drill-apart.h */
  gboolean disks;            /* and with a disk that can stand still; see drill-disk.h */
  volatile int *interrupted; /* becomes true when a person wants us to end */
} HeadendStageOptions;

typedef struct {
  HeadendStageOptions options;
  char *dir;
  HeadendModel *model;                /* of what runs */
  const HeadendModelChannel *channel; /* of model */
  const HeadendVideo *video;          /* what viewers watch, of model */
  gboolean udp, rtp; /* legs, as the description has them; else SRT. RTP is over UDP */
  HeadendStageNode nodes[HEADEND_STAGE_NODES];
  guint n_nodes;
  HeadendDrillFeed *feed;
  GSubprocess *edge;
  char *edge_address;
  char *key;     /* private, of tokens */
  guint viewers; /* that entered so far */
  HeadendShortage shortage;
} HeadendStage;

/* Makes everything ready, but starts nothing. */
HeadendStage *headend_stage_new (const HeadendStageOptions *options, GError **error);
void headend_stage_free (HeadendStage *stage); /* ends what runs; takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeadendStage, headend_stage_free)

/* Starts feed, relays, nodes and edge, and waits until all nodes are ready; not longer
 * than seconds. */
gboolean headend_stage_on_air (HeadendStage *stage, guint seconds, GError **error);

gboolean
headend_stage_start_node (HeadendStage *stage, HeadendStageNode *node, GError **error);
void headend_stage_end_node (HeadendStageNode *node);
/* FALSE: it is not there. */
gboolean headend_stage_signal (HeadendStageNode *node, HeadendPart part, int number);

/* Waits, and looks meanwhile; FALSE as soon as the stage is interrupted. */
gboolean headend_stage_sleep (HeadendStage *stage, guint milliseconds);

/* Whether nodes and feed get the time that they need, from now on (begins), and so far:
 * what threads waited between two looks counts as in one second. */
void headend_stage_look (HeadendStage *stage, gboolean begins);

/* A viewer with an account of his own: through the edge, or of the nodes in turn. */
HeadendViewer *
headend_stage_view (HeadendStage *stage, gboolean edge, gboolean decode, GError **error);

G_END_DECLS
