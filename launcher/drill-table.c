/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include "drill-apart.h"
#include "drill-watch.h"
#include "drill.h"
#include "he-error.h"

#define S G_GINT64_CONSTANT (90000)

static gboolean
send_signal (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  if (headend_stage_signal (&stage->nodes[node], drill->part, drill->signal))
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_NOT_FOUND, "node %s has no such process",
               stage->nodes[node].name);
  return FALSE;
}

static gboolean
start_node (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  return headend_stage_start_node (stage, &stage->nodes[node], error);
}

static gboolean
go_on (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  headend_stage_signal (&stage->nodes[node], drill->part, SIGCONT);
  return TRUE;
}

static gboolean
impair (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  headend_relay_impair (stage->nodes[node].relay, &drill->impairment);
  return TRUE;
}

static gboolean
mend (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  headend_relay_impair (stage->nodes[node].relay, &(HeadendImpairment) { 0 });
  return TRUE;
}

static gboolean
impair_all (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  for (guint i = 0; i < stage->n_nodes; i++)
    impair (stage, i, drill, error);
  return TRUE;
}

static gboolean
mend_all (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  for (guint i = 0; i < stage->n_nodes; i++)
    mend (stage, i, drill, error);
  return TRUE;
}

static gboolean
set_clock (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  stage->nodes[node].clock = drill->clock;
  return headend_stage_start_node (stage, &stage->nodes[node], error);
}

static gboolean
reset_clock (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  stage->nodes[node].clock = NULL;
  return headend_stage_start_node (stage, &stage->nodes[node], error);
}

static gboolean
silence (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  headend_drill_feed_silence (stage->feed, TRUE);
  return TRUE;
}

/* Where ticks are set, the source comes back with other timestamps. */
static gboolean
sound_again (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  headend_drill_feed_jump (stage->feed, drill->ticks);
  headend_drill_feed_silence (stage->feed, FALSE);
  return TRUE;
}

static gboolean
stand_still (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  headend_drill_feed_pause (stage->feed, TRUE);
  return TRUE;
}

/* Nodes are healthy while they make filler, so it is the viewer who has to see that the
 * source is back: it counts after four seconds. */
static gboolean
go_on_feed (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  headend_drill_feed_pause (stage->feed, FALSE);
  headend_stage_sleep (stage, 12000); /* who is interrupted is asked again */
  return TRUE;
}

static gboolean
jump (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  headend_drill_feed_jump (stage->feed, drill->ticks);
  return TRUE;
}

static gboolean
nothing (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  return TRUE;
}

static gboolean
cut_off (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  return headend_apart_link (node, FALSE, error);
}

static gboolean
connect (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  return headend_apart_link (node, TRUE, error);
}

static gboolean
hide_peers (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  return headend_apart_see_peers (stage, node, FALSE, error);
}

static gboolean
show_peers (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  return headend_apart_see_peers (stage, node, TRUE, error);
}

/* A worker that starts is what has something to write. */
static gboolean
fill_disk (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  return headend_apart_fill (stage, node, TRUE, error)
         && send_signal (stage, node, drill, error);
}

static gboolean
clear_disk (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  return headend_apart_fill (stage, node, FALSE, error);
}

/* A new timeline is what has to be kept. */
static gboolean
stop_disk (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  if (!headend_apart_freeze (stage, node, TRUE, error))
    return FALSE;
  headend_drill_feed_jump (stage->feed, drill->ticks);
  return TRUE;
}

static gboolean
let_disk_go (HeadendStage *stage, guint node, const HeadendDrill *drill, GError **error)
{
  return headend_apart_freeze (stage, node, FALSE, error);
}

#define APART (HEADEND_DRILL_APART | HEADEND_DRILL_ALONE)
#define CLOCK(n, w, c, f)                                                                \
  {                                                                                      \
    .name = "clock-" n, .what = "a node's workers have a clock that is " w,              \
    .flags = HEADEND_DRILL_ALONE | f, .apply = set_clock, .undo = reset_clock,           \
    .clock = c, .hold = 20, .patience = 60                                               \
  }
#define LEG(n, w, ...)                                                                   \
  {                                                                                      \
    .name = "leg-" n, .what = w, .apply = impair, .undo = mend,                          \
    .impairment = { __VA_ARGS__ }, .hold = 10, .patience = 60                            \
  }
/* Where nothing repairs it, what is lost costs filler to the next keyframe, and a damaged
 * picture may show another's number. */
#define LEGS(n, w, fill, other, ...)                                                     \
  {                                                                                      \
    .name = "legs-" n, .what = w, .flags = HEADEND_DRILL_FEED | HEADEND_DRILL_ALONE,     \
    .apply = impair_all, .undo = mend_all, .impairment = { __VA_ARGS__ }, .hold = 10,    \
    .patience = 60, .filler = fill, .jumps = other                                       \
  }
#define SIGNAL(n, w, p, s, ...)                                                          \
  {                                                                                      \
    .name = n, .what = w, .apply = send_signal, .part = HEADEND_PART_##p, .signal = s,   \
    .patience = 120, __VA_ARGS__                                                         \
  }

const HeadendDrill headend_drills[] = {
  SIGNAL ("kill-worker", "SIGKILL of a node's worker", WORKER, SIGKILL),
  SIGNAL ("kill-origin", "SIGKILL of a node's origin", ORIGIN, SIGKILL),
  SIGNAL ("kill-node", "SIGKILL of all of a node, which is started again after 5 s", NODE,
          SIGKILL, .undo = start_node, .hold = 5),
  SIGNAL ("stop-worker", "SIGSTOP of a node's worker", WORKER, SIGSTOP),
  SIGNAL ("stop-origin", "SIGSTOP of a node's origin", ORIGIN, SIGSTOP),
  SIGNAL ("stop-node", "SIGSTOP of all of a node, SIGCONT after 10 s", NODE, SIGSTOP,
          .undo = go_on, .hold = 10),
  LEG ("loss", "10 % of a node's datagrams are lost for 10 s", .loss = 100),
  LEG ("delay", "300 to 400 ms of delay on a node's leg for 10 s", .delay_ms = 300,
       .jitter_ms = 100),
  LEG ("reorder", "10 % of a node's datagrams are overtaken for 10 s", .reorder = 100),
  LEG ("duplicate", "10 % of a node's datagrams come twice for 10 s", .duplicate = 100),
  LEG ("cut", "a node's leg is dead for 10 s", .cut = TRUE),
  LEGS ("loss", "10 % of all nodes' datagrams are lost for 10 s", 14, 28, .loss = 100),
  LEGS ("duplicate", "10 % of all nodes' datagrams come twice for 10 s", 0, 0,
        .duplicate = 100),
  CLOCK ("ahead", "5 s ahead", "+5s", HEADEND_DRILL_LASTS),
  CLOCK ("behind", "5 s behind", "-5s", HEADEND_DRILL_LASTS),
  CLOCK ("far-ahead", "13 h ahead", "+13h", 0),
  CLOCK ("far-behind", "13 h behind", "-13h", 0),
  { .name = "feed-jump",
    .what = "the source's timestamps jump 1000 s ahead",
    .flags = HEADEND_DRILL_FEED,
    .apply = jump,
    .ticks = 1000 * S,
    .patience = 90,
    .filler = 4,
    .jumps = 1 },
  { .name = "feed-jump-back",
    .what = "the source's timestamps jump 1000 s back",
    .flags = HEADEND_DRILL_FEED,
    .apply = jump,
    .ticks = -1000 * S,
    .patience = 90,
    .filler = 4,
    .jumps = 1 },
  { .name = "feed-loss",
    .what = "the source is silent for 4 s",
    .flags = HEADEND_DRILL_FEED,
    .apply = silence,
    .undo = sound_again,
    .hold = 4,
    .patience = 90,
    .filler = 6 },
  { .name = "feed-restart",
    .what = "the source is silent for 5 s and starts with other timestamps",
    .flags = HEADEND_DRILL_FEED,
    .apply = silence,
    .undo = sound_again,
    .ticks = 12345 * S,
    .hold = 5,
    .patience = 90,
    .filler = 8,
    .jumps = 1 },
  { .name = "feed-pause",
    .what = "the source stands still for 8 s and goes on where it was",
    .flags = HEADEND_DRILL_FEED,
    .apply = stand_still,
    .undo = go_on_feed,
    .hold = 8,
    .patience = 90,
    .filler = 20,
    .jumps = 2 },
  { .name = "feed-wrap",
    .what = "the source's timestamps wrap at 2^33",
    .flags = HEADEND_DRILL_FEED | HEADEND_DRILL_WRAP,
    .apply = nothing,
    .undo = nothing,
    .hold = 30,
    .patience = 60 },
  { .name = "partition-node",
    .what = "a node is cut off from everybody for 15 s",
    .flags = APART,
    .apply = cut_off,
    .undo = connect,
    .hold = 15,
    .patience = 90 },
  { .name = "partition-peers",
    .what = "a node does not see the others for 20 s, but feed, edge and viewers",
    .flags = APART,
    .apply = hide_peers,
    .undo = show_peers,
    .hold = 20,
    .patience = 90 },
  { .name = "disk-full",
    .what = "a node's disk is full, and its worker is killed",
    .flags = APART | HEADEND_DRILL_LASTS,
    .apply = fill_disk,
    .undo = clear_disk,
    .part = HEADEND_PART_WORKER,
    .signal = SIGKILL,
    .patience = 90 },
  { .name = "disk-slow",
    .what = "a node's disk stands still for 8 s, and the source's timestamps jump",
    .flags = APART | HEADEND_DRILL_DISKS | HEADEND_DRILL_LASTS,
    .apply = stop_disk,
    .undo = let_disk_go,
    .ticks = 1000 * S,
    .hold = 8,
    .patience = 90,
    .filler = 4,
    .jumps = 1 },
  { .name = "soak",
    .what = "what the others do, at random, for --seconds; by name only",
    .flags = HEADEND_DRILL_SOAK },
};

const guint headend_n_drills = G_N_ELEMENTS (headend_drills);
