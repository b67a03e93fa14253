/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drill-watch.h"
#include "drill.h"

#define LOOK_MS 250
#define BEGIN_SECONDS 60 /* that a viewer may take to see something */

/* Looks until the nodes are back, for at most seconds. */
static gboolean
wait_back (HeadendWatch *watch, guint seconds)
{
  gint64 end = g_get_monotonic_time () + (gint64)seconds * G_USEC_PER_SEC;
  do {
    headend_watch_look (watch);
    if (watch->recovered)
      return TRUE;
  } while (g_get_monotonic_time () < end && headend_stage_sleep (watch->stage, LOOK_MS));
  return FALSE;
}

/* Looks on for the time that it is to last. */
static void
hold (HeadendWatch *watch, guint seconds)
{
  gint64 end = watch->begin + (gint64)seconds * G_USEC_PER_SEC;
  while (g_get_monotonic_time () < end && headend_stage_sleep (watch->stage, LOOK_MS))
    headend_watch_look (watch);
}

/* FALSE: there is no point in going on. */
static gboolean
strike (HeadendDrillResult *result, const HeadendDrill *drill, HeadendStage *stage,
        guint node)
{
  g_autoptr (GError) error = NULL;
  HeadendWatch watch;
  HeadendStrike *record = g_new0 (HeadendStrike, 1);
  record->node = g_strdup (node == HEADEND_WATCH_ALL ? "feed" : stage->nodes[node].name);
  record->detected = record->recovered = -1;
  g_ptr_array_add (result->strikes, record);
  headend_watch_begin (&watch, stage, node);
  record->msn = watch.first_msn;
  if (!drill->apply (stage, node, drill, &error)) {
    headend_drill_fault (result, "%s: %s", record->node, error->message);
    return FALSE;
  }
  gboolean back = TRUE;
  if (drill->flags & HEADEND_DRILL_LASTS)
    back = wait_back (&watch, drill->patience);
  if (drill->undo) {
    hold (&watch, drill->hold);
    if (!drill->undo (stage, node, drill, &error)) {
      headend_drill_fault (result, "%s: %s", record->node, error->message);
      return FALSE;
    }
    headend_watch_again (&watch);
  }
  back = wait_back (&watch, drill->patience) && back;
  if (watch.detected)
    record->detected = watch.detected - watch.begin;
  if (watch.recovered)
    record->recovered = watch.recovered - watch.begin;
  if (!back && !*stage->options.interrupted)
    headend_drill_fail (result, "%s was not back within %u s", record->node,
                        drill->patience);
  return back && !*stage->options.interrupted;
}

/* Until the viewer has seen so many segments more, of pictures and sound. */
static gboolean
watch_on (HeadendViewer *viewer, HeadendStage *stage, guint segments)
{
  HeadendTally tally;
  guint tracks = stage->channel->audio->len ? 2 : 1;
  headend_viewer_look (viewer, &tally);
  guint64 until = tally.segments + segments * tracks;
  gint64 end = g_get_monotonic_time () + BEGIN_SECONDS * (gint64)G_USEC_PER_SEC;
  while (tally.segments < until) {
    if (g_get_monotonic_time () > end || !headend_stage_sleep (stage, LOOK_MS))
      return FALSE;
    headend_viewer_look (viewer, &tally);
  }
  return TRUE;
}

static void
finish (HeadendDrillResult *result, const HeadendDrill *drill, HeadendStage *stage,
        HeadendViewer *viewer, gint64 begin)
{
  headend_viewer_stop (viewer, &result->tally, &result->notes);
  result->withheld = stage->shortage.longest;
  result->seconds = (double)(g_get_monotonic_time () - begin) / G_USEC_PER_SEC;
  if (*stage->options.interrupted)
    headend_drill_fault (result, "interrupted");
  headend_drill_judge (result, drill, stage->video->frame_rate.n,
                       stage->video->frame_rate.d, stage->channel->duration90);
}

HeadendDrillResult *
headend_drill_run (const HeadendDrill *drill, HeadendStage *stage)
{
  g_autoptr (GError) error = NULL;
  HeadendDrillResult *result = headend_drill_result_new (drill->name);
  gint64 begin = g_get_monotonic_time ();
  HeadendViewer *viewer = headend_stage_view (stage, TRUE, TRUE, &error);
  if (!viewer) {
    headend_drill_fail (result, "%s", error->message);
    return result;
  }
  headend_stage_look (stage, TRUE);
  gboolean good = watch_on (viewer, stage, 4);
  if (!good)
    headend_drill_fail (result, "the viewer saw no four segments within %d s",
                        BEGIN_SECONDS);
  if (good && drill->flags & HEADEND_DRILL_FEED)
    good = strike (result, drill, stage, HEADEND_WATCH_ALL);
  for (guint i = 0; good && !(drill->flags & HEADEND_DRILL_FEED) && i < stage->n_nodes;
       i++)
    good = strike (result, drill, stage, i);
  if (good && !watch_on (viewer, stage, 4))
    headend_drill_fail (result, "the viewer saw nothing more for %d s", BEGIN_SECONDS);
  HeadendDrill allowed = *drill;
  if (!(drill->flags & HEADEND_DRILL_FEED)) {
    allowed.filler *= stage->n_nodes;
    allowed.jumps *= stage->n_nodes;
  }
  finish (result, &allowed, stage, viewer, begin);
  return result;
}

/* One thing at a time, and the next when the one before is over: that viewers see nothing
 * is promised for one fault. Returns what it may cost. */
static gboolean
strike_at_random (HeadendDrillResult *result, HeadendStage *stage, HeadendDice *dice,
                  HeadendDrill *allowed)
{
  const HeadendDrill *drill;
  do
    drill = &headend_drills[headend_dice_roll (dice) % headend_n_drills];
  while (drill->flags & (HEADEND_DRILL_SOAK | HEADEND_DRILL_WRAP | HEADEND_DRILL_ALONE));
  guint node = headend_dice_roll (dice) % stage->n_nodes;
  if (drill->flags & HEADEND_DRILL_FEED)
    node = HEADEND_WATCH_ALL;
  allowed->filler += drill->filler;
  allowed->jumps += drill->jumps;
  gboolean good = strike (result, drill, stage, node);
  HeadendStrike *record = result->strikes->pdata[result->strikes->len - 1];
  g_autofree char *name = record->node;
  record->node = g_strdup_printf ("%s: %s", name, drill->name);
  return good && headend_stage_sleep (stage, 1000 + headend_dice_roll (dice) % 5000);
}

HeadendDrillResult *
headend_drill_soak (const HeadendDrill *soak, HeadendStage *stage, guint seconds)
{
  g_autoptr (GError) error = NULL;
  HeadendDrillResult *result = headend_drill_result_new (soak->name);
  HeadendDrill allowed = *soak;
  HeadendDice dice = { stage->options.seed };
  gint64 begin = g_get_monotonic_time ();
  gint64 end = begin + (gint64)seconds * G_USEC_PER_SEC;
  HeadendViewer *viewer = headend_stage_view (stage, FALSE, TRUE, &error);
  if (!viewer) {
    headend_drill_fail (result, "%s", error->message);
    return result;
  }
  headend_stage_look (stage, TRUE);
  gboolean good = watch_on (viewer, stage, 4);
  if (!good)
    headend_drill_fail (result, "the viewer saw no four segments within %d s",
                        BEGIN_SECONDS);
  while (good && g_get_monotonic_time () < end)
    good = strike_at_random (result, stage, &dice, &allowed);
  if (good && !watch_on (viewer, stage, 4))
    headend_drill_fail (result, "the viewer saw nothing more for %d s", BEGIN_SECONDS);
  finish (result, &allowed, stage, viewer, begin);
  return result;
}
