/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "drill-stage.h"
#include "he-json.h"

G_BEGIN_DECLS

/* A drill: something bad is done to a channel on air while a viewer checks every frame,
 * and what that may cost is a part of it. */
typedef struct _HeadendDrill HeadendDrill;

/* Does it to a node (to the feed: node is HEADEND_WATCH_ALL), and undoes it. */
typedef gboolean (*HeadendDrillFunc) (HeadendStage *stage, guint node,
                                      const HeadendDrill *drill, GError **error);

typedef enum {
  HEADEND_DRILL_FEED = 1 << 0,  /* done once, to the feed; else to each node, in turn */
  HEADEND_DRILL_LASTS = 1 << 1, /* the node has to come back while it lasts, too */
  HEADEND_DRILL_WRAP = 1 << 2,  /* a stage whose timestamps wrap soon */
  HEADEND_DRILL_SOAK = 1 << 3,  /* what others do, at random */
  HEADEND_DRILL_ALONE = 1 << 4, /* is no part of that */
  HEADEND_DRILL_APART = 1 << 5, /* each node in namespaces of its own (drill-apart.h) */
  HEADEND_DRILL_DISKS = 1 << 6, /* and with a disk of its own (drill-disk.h) */
} HeadendDrillFlags;

struct _HeadendDrill {
  const char *name;
  const char *what; /* is done, in a few words */
  HeadendDrillFlags flags;
  HeadendDrillFunc apply, undo; /* undo may be NULL */
  HeadendPart part;
  int signal;
  HeadendImpairment impairment;
  const char *clock;
  gint64 ticks;   /* of a jump */
  guint hold;     /* seconds until undo */
  guint patience; /* seconds to come back in */
  /* What it may cost viewers each time, besides standing still for one segment: */
  guint filler; /* seconds */
  guint jumps;
};

extern const HeadendDrill headend_drills[];
extern const guint headend_n_drills;

/* One thing that was done; microseconds since then, -1: never. */
typedef struct {
  char *node;  /* or "feed" */
  guint64 msn; /* the first segment that was not there yet; 0: no node said */
  gint64 detected, recovered;
} HeadendStrike;

typedef struct {
  const char *name;
  gboolean passed;
  gboolean faulty;  /* did not pass for what no lack of time explains */
  gboolean starved; /* did not pass, and has no verdict: the machine withheld its time */
  gint64 withheld;  /* for so many microseconds; see drill-shortage.h */
  double seconds;
  HeadendTally tally;
  GPtrArray *strikes; /* HeadendStrike */
  GPtrArray *reasons; /* char *: why it did not pass */
  char **notes;       /* of the viewer */
} HeadendDrillResult;

HeadendDrillResult *headend_drill_result_new (const char *name); /* name is borrowed */
void headend_drill_result_free (HeadendDrillResult *result);     /* takes NULL */
/* A reason why it does not pass: one that a machine too may be the cause of that has no
 * time for the nodes, and one that it cannot be the cause of. */
void headend_drill_fail (HeadendDrillResult *result, const char *format, ...)
    G_GNUC_PRINTF (2, 3);
void headend_drill_fault (HeadendDrillResult *result, const char *format, ...)
    G_GNUC_PRINTF (2, 3);

/* A thread, or the source, that waits for so long makes what viewers see no proof. */
#define HEADEND_DRILL_WITHHELD (G_USEC_PER_SEC / 2)

/* Runs one on a stage that is on air. Never NULL. */
HeadendDrillResult *headend_drill_run (const HeadendDrill *drill, HeadendStage *stage);

/* Does what the others do, one after the other at random, for so many seconds, while a
 * viewer takes one segment from one node and the next from the next. */
HeadendDrillResult *
headend_drill_soak (const HeadendDrill *soak, HeadendStage *stage, guint seconds);

/* Adds reasons to the result for what viewers may not have seen, and decides. Pure. */
void headend_drill_judge (HeadendDrillResult *result, const HeadendDrill *drill,
                          guint fps_n, guint fps_d, guint64 duration90);

/* A line for people, and an object for programs. */
char *headend_drill_line (const HeadendDrillResult *result);
void headend_drill_write (HeJsonWriter *writer, const HeadendDrillResult *result);

G_END_DECLS
