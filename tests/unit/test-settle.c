/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-anchors.h"
#include "he-demux.h"
#include "he-error.h"
#include "settle.h"

#include "ts-feed.h"

/* Two nodes with demultiplexers of their own, each on a leg of its own to one source that
 * begins a new timeline. What they do takes turns by one clock that stands still
 * meanwhile, so that the same comes of it every time. */

#define D90 (2 * HE_TICKS_PER_SECOND)
#define OLD (5000 * SECOND)
#define JUMP 100 /* number of the first picture of the new timeline */
#define MOST 320
#define SIZE 60 /* of a picture, and its number more */
#define SILENCE_MS 2000
#define HOP 3 /* ms from an origin to the other */
#define NEVER G_MAXINT64

typedef struct World World;

typedef struct {
  World *world;
  const char *name;
  HeAnchors *anchors; /* of its origin, which outlives its worker */
  GThread *thread;
  gint64 wake; /* ms; NEVER: it has ended */

  gint64 delay;         /* ms, of its leg */
  guint lost, lost_end; /* pictures from lost up to lost_end do not come */
  guint held;           /* this picture and all behind it come held_ms later */
  gint64 held_ms;
  gint64 dies, lives; /* ms: nothing runs in between, and then another worker */
  gboolean damaged;   /* what was published last, as its origin sees it */

  HeDemux *demux;
  gint64 data_at; /* ms: when something came that was no filler's */
  HeAnchorEnd proposed;
  HeadendSettled settled; /* how the last question ended, */
  gint64 took;            /* and ms that it took */
  guint questions;
  guint64 placed[MOST]; /* epoch time of each picture; 0: none */
} Node;

struct World {
  GMutex lock;
  GCond turn;
  gint64 now; /* ms */
  Node *at_work;
  Node nodes[2];
  gint64 starts; /* of the new timeline */
  guint pictures;
};

/* --- Turns ------------------------------------------------------------------- */

static gboolean
is_dead (const Node *node)
{
  return node->world->now >= node->dies && node->world->now < node->lives;
}

/* With the lock: who wakes first is at work, of two the first. */
static void
pass_turn (World *world)
{
  Node *first = &world->nodes[0];

  if (world->nodes[1].wake < first->wake)
    first = &world->nodes[1];
  if (first->wake != NEVER)
    world->now = MAX (world->now, first->wake);
  world->at_work = first;
  g_cond_broadcast (&world->turn);
}

/* With the lock. */
static void
wait_for_turn (Node *node)
{
  while (node->world->at_work != node)
    g_cond_wait (&node->world->turn, &node->world->lock);
}

static void
begin_turns (Node *node)
{
  g_mutex_lock (&node->world->lock);
  wait_for_turn (node);
  g_mutex_unlock (&node->world->lock);
}

static void
sleep_until (Node *node, gint64 ms)
{
  World *world = node->world;

  g_mutex_lock (&world->lock);
  node->wake = MAX (ms, world->now);
  pass_turn (world);
  wait_for_turn (node);
  g_mutex_unlock (&world->lock);
}

static void
end_turns (Node *node)
{
  g_mutex_lock (&node->world->lock);
  node->wake = NEVER;
  pass_turn (node->world);
  g_mutex_unlock (&node->world->lock);
}

/* --- The origins, as he-anchor-exchange.c talks ------------------------------- */

static Node *
peer_of (Node *node)
{
  return &node->world->nodes[node == &node->world->nodes[0]];
}

static gboolean
ask (gpointer user, const HeAnchor *proposal, HeAnchor *ret_anchor, GError **error)
{
  Node *node = user, *peer = peer_of (node);
  HeAnchor theirs;
  gboolean has;

  if (is_dead (node)
      || (!proposal && !he_anchors_get (node->anchors, "demo", FALSE, ret_anchor))) {
    g_set_error_literal (error, HE_ERROR, HE_ERROR_UNAVAILABLE, "no answer");
    return FALSE;
  }
  if (!proposal)
    return TRUE;
  sleep_until (node, node->world->now + HOP);
  has = he_anchors_get (peer->anchors, "demo", TRUE, &theirs);
  sleep_until (node, node->world->now + HOP);
  he_anchors_settle (node->anchors, "demo", proposal, &theirs, has, ret_anchor, NULL);
  if (ret_anchor->generation < proposal->generation) {
    g_set_error_literal (error, HE_ERROR, HE_ERROR_CONFLICT, "409");
    return FALSE;
  }
  sleep_until (node, node->world->now + HOP);
  he_anchors_settle (peer->anchors, "demo", NULL, ret_anchor, 1, &theirs, NULL);
  sleep_until (node, node->world->now + HOP);
  he_anchors_settle (node->anchors, "demo", ret_anchor, &theirs, 1, ret_anchor, NULL);
  return TRUE;
}

static guint64
wall (const World *world)
{
  return WALL + (guint64)world->now * 90;
}

/* The newest segment of the old timeline came when the source was at its end, and 0.3 s
 * later. */
static HeadendPublished
published (gpointer user)
{
  Node *node = user;
  HeAnchor first;
  guint64 begun90, now90;

  he_anchor_propose (OLD, WALL, "A", &first);
  begun90 = he_anchor_epoch (&first, OLD, 0, WALL);
  now90 = begun90 + (guint64)node->world->now * 90 - 3 * HE_TICKS_PER_SECOND / 10;
  return (HeadendPublished) { .wall90 = wall (node->world),
                              .known = TRUE,
                              .end90 = now90 / D90 * D90,
                              .now90 = now90,
                              .clean = !node->damaged };
}

static void
wait_ms (gpointer user, guint ms)
{
  Node *node = user;

  sleep_until (node, node->world->now + ms);
}

static gint64
now (gpointer user)
{
  return ((Node *)user)->world->now * 1000;
}

/* --- The worker --------------------------------------------------------------- */

static void
settle (Node *node)
{
  const HeadendSettle with = {
    .node = node->name,
    .duration90 = D90,
    .user = node,
    .ask = ask,
    .published = published,
    .wait = wait_ms,
    .now = now,
  };
  const HeAnchor *own = he_demux_proposal (node->demux);
  const gint64 before = node->world->now;
  HeAnchor anchor;

  node->proposed = own->end;
  node->settled = headend_settle (&with, own, &anchor, NULL);
  node->took = node->world->now - before;
  node->questions++;
  if (node->settled == HEADEND_SETTLED_LATE)
    he_demux_go_on (node->demux);
  else
    he_demux_set_anchor (node->demux, &anchor);
}

static void
take (Node *node)
{
  HeDemuxEvent event;
  HeFrame frame;

  while ((event = he_demux_next (node->demux, &frame)) != HE_DEMUX_NOTHING) {
    if (event == HE_DEMUX_ANCHOR) {
      settle (node);
    } else if (event == HE_DEMUX_FRAME) {
      gsize size = g_bytes_get_size (frame.data);

      g_assert_true (size >= SIZE && size < SIZE + MOST);
      if (!is_dead (node))
        node->placed[size - SIZE] = frame.dts90;
      he_frame_clear (&frame);
    }
  }
}

static void
push_picture (Node *node, TsBytes *ts, guint n)
{
  World *world = node->world;
  gint64 dts = n < JUMP ? OLD + n * FRAME : world->starts + (n - JUMP) * FRAME;
  guint from = ts->out->len;
  guint64 before = he_demux_now (node->demux, 0, 0);
  gint64 idle = world->now - node->data_at;
  g_autoptr (GError) error = NULL;

  if (n % 5 == 0)
    ts_bytes_tables (ts);
  ts_bytes_picture (ts, turn (dts), turn (dts), n % 10 == 0, SIZE + n);
  if (n >= node->lost && n < node->lost_end)
    return;
  if (idle >= SILENCE_MS)
    he_demux_now (node->demux, (guint64)idle * 90, SILENCE_MS * 90);
  he_demux_push (node->demux, ts->out->data + from, ts->out->len - from, wall (world),
                 &error);
  g_assert_no_error (error);
  take (node);
  if (he_demux_now (node->demux, 0, 0) != before)
    node->data_at = world->now;
}

static gpointer
run_node (gpointer user)
{
  Node *node = user;
  const World *world = node->world;
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  gboolean died = FALSE;

  node->demux = he_demux_new (node->name);
  begin_turns (node);
  for (guint n = 0; n < world->pictures; n++) {
    sleep_until (node, n * 40 + node->delay + (n >= node->held ? node->held_ms : 0));
    if (!died && node->world->now >= node->dies) {
      died = TRUE;
      sleep_until (node, node->lives);
      n = (guint)(node->world->now - node->delay) / 40;
      he_demux_free (node->demux);
      node->demux = he_demux_new (node->name);
    }
    push_picture (node, ts, n);
  }
  he_demux_finish (node->demux, wall (node->world), NULL);
  take (node);
  he_demux_free (node->demux);
  end_turns (node);
  return NULL;
}

/* --- What comes of it --------------------------------------------------------- */

/* The seer, which is on a leg without fault, and the other one. */
#define SEER 0
#define GUESSER 1

/* Which of both has the better name, if both propose at once. */
static World *
world_new (gboolean seer_wins, gint64 starts)
{
  World *world = g_new0 (World, 1);

  g_mutex_init (&world->lock);
  g_cond_init (&world->turn);
  world->starts = starts;
  world->pictures = 160;
  for (guint i = 0; i < 2; i++) {
    Node *node = &world->nodes[i];

    node->world = world;
    node->name = (i == SEER) == seer_wins ? "A" : "B";
    node->anchors = he_anchors_new (NULL, NULL);
    node->dies = node->lives = NEVER;
    node->held = G_MAXUINT;
  }
  return world;
}

static void
world_free (World *world)
{
  for (guint i = 0; i < 2; i++)
    he_anchors_free (world->nodes[i].anchors);
  g_mutex_clear (&world->lock);
  g_cond_clear (&world->turn);
  g_free (world);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (World, world_free)

static void
run_world (World *world)
{
  world->at_work = &world->nodes[0];
  for (guint i = 0; i < 2; i++)
    world->nodes[i].thread = g_thread_new ("node", run_node, &world->nodes[i]);
  for (guint i = 0; i < 2; i++)
    g_thread_join (world->nodes[i].thread);
}

/* Both gave every picture that both have the same time; returns how many of the new
 * timeline both have. */
static guint
assert_agree (const World *world)
{
  const guint64 *a = world->nodes[SEER].placed, *b = world->nodes[GUESSER].placed;
  guint common = 0;

  for (guint n = 0; n < world->pictures; n++) {
    if (a[n] == 0 || b[n] == 0)
      continue;
    g_assert_cmpuint (a[n], ==, b[n]);
    common += n >= JUMP;
  }
  return common;
}

/* The timelines join without a gap. */
static void
assert_joined (const Node *node)
{
  const World *world = node->world;
  const guint64 *placed = node->placed;
  guint first = 0;

  while (placed[first] == 0)
    first++;
  for (guint n = first; n < world->pictures; n++)
    if (placed[n] != 0)
      g_assert_cmpuint (placed[n], ==, placed[first] + (n - first) * FRAME);
}

static const gint64 beginnings[] = { OLD - 3000 * SECOND, OLD + 20000 * SECOND };

/* Given two nodes at a jump, when one has lost what was just before it, just behind it,
 * or all around it, and published damage for it, then it takes what the other has seen,
 * though that one's leg is slower, and whoever has the better name. */
static void
test_lossy_leg (void)
{
  static const guint losses[][2] = {
    { JUMP - 38, JUMP }, { JUMP, JUMP + 12 }, { JUMP - 30, JUMP + 5 }, { JUMP - 1, JUMP }
  };

  for (guint i = 0; i < 2 * 2 * 2 * 4 * G_N_ELEMENTS (losses); i++) {
    g_autoptr (World) world = world_new (i % 2, beginnings[i / 2 % 2]);
    Node *guesser = &world->nodes[GUESSER];

    guesser->damaged = i / 4 % 2;
    world->nodes[SEER].delay = i / 8 % 4 * 150;
    guesser->lost = losses[i / 32][0];
    guesser->lost_end = losses[i / 32][1];
    run_world (world);
    g_assert_cmpint (guesser->proposed, ==, HE_ANCHOR_END_MISSED);
    g_assert_cmpint (guesser->settled, ==, HEADEND_SETTLED);
    g_assert_cmpint (world->nodes[SEER].proposed, ==, HE_ANCHOR_END_SEEN);
    g_assert_cmpint (world->nodes[SEER].took, ==, 4 * HOP);
    g_assert_cmpuint (assert_agree (world), >, 30);
    assert_joined (&world->nodes[SEER]);
    assert_joined (guesser);
  }
}

/* Given a node that waits for what the other has seen, when its worker is started again
 * at any moment of that, then the new one comes to the same. */
static void
test_restart_of_who_waits (void)
{
  for (guint i = 0; i < 4 * 16; i++) {
    g_autoptr (World) world = world_new (i % 2, beginnings[i / 2 % 2]);
    Node *guesser = &world->nodes[GUESSER];

    world->nodes[SEER].delay = 500;
    guesser->lost = JUMP - 38;
    guesser->lost_end = JUMP;
    guesser->dies = JUMP * 40 + i / 4 * 50;
    guesser->lives = guesser->dies + 60;
    run_world (world);
    g_assert_cmpuint (guesser->questions, >=, 2);
    g_assert_cmpuint (assert_agree (world), >, 20);
    assert_joined (&world->nodes[SEER]);
  }
}

/* Given a jump, when the worker that saw it is started again before it could say so, then
 * what the other guesses holds for both, soon. */
static void
test_restart_of_who_saw (void)
{
  for (guint i = 0; i < 4 * 8; i++) {
    g_autoptr (World) world = world_new (i % 2, beginnings[i / 2 % 2]);
    Node *seer = &world->nodes[SEER], *guesser = &world->nodes[GUESSER];

    seer->delay = 100;
    seer->dies = (JUMP - 5) * 40 + i / 4 * 45;
    seer->lives = seer->dies + 700;
    guesser->lost = JUMP - 38;
    guesser->lost_end = JUMP;
    run_world (world);
    g_assert_cmpint (guesser->took, <, HEADEND_SETTLE_LET_MS + 100);
    g_assert_cmpuint (assert_agree (world), >, 20);
  }
}

/* Given losses at a jump on both legs, then both guess, and one guess holds for both. */
static void
test_nobody_saw (void)
{
  for (guint i = 0; i < 4 * 8; i++) {
    g_autoptr (World) world = world_new (i % 2, beginnings[i / 2 % 2]);
    const guint64 *placed = world->nodes[SEER].placed;

    for (guint j = 0; j < 2; j++) {
      Node *node = &world->nodes[j];

      node->delay = j * (i / 4 % 4) * 10;
      node->lost = JUMP - 10 - j * (i / 16) * 5;
      node->lost_end = JUMP + 3 * j;
    }
    run_world (world);
    for (guint j = 0; j < 2; j++) {
      g_assert_cmpint (world->nodes[j].proposed, ==, HE_ANCHOR_END_MISSED);
      g_assert_cmpint (world->nodes[j].took, >=, 4 * HOP);
      g_assert_cmpint (world->nodes[j].took, <, HEADEND_SETTLE_LET_MS + 100);
    }
    g_assert_cmpuint (assert_agree (world), >, 40);
    g_assert_cmpuint (placed[world->pictures - 1], >,
                      placed[0] + (world->pictures - 40) * FRAME);
    g_assert_cmpuint (placed[world->pictures - 1], <,
                      placed[0] + (world->pictures + 40) * FRAME);
  }
}

/* Given a source that stands still for five seconds, then nodes agree where it goes on;
 * given a leg that comes five seconds late from some moment on, then the source did not
 * stand still, and its pictures keep their times. */
static void
test_late_leg (void)
{
  for (guint i = 0; i < 4; i++) {
    const gboolean paused = i / 2;
    g_autoptr (World) world = world_new (i % 2, OLD + JUMP * FRAME);
    world->pictures = MOST;

    for (guint j = 0; j < 2; j++) {
      Node *node = &world->nodes[j];

      node->damaged = paused;
      if (paused || j == GUESSER) {
        node->held = 50;
        node->held_ms = 5000;
      }
    }
    run_world (world);
    g_assert_cmpint (world->nodes[GUESSER].proposed, ==, HE_ANCHOR_END_PAUSED);
    g_assert_cmpint (world->nodes[GUESSER].settled, ==,
                     paused ? HEADEND_SETTLED : HEADEND_SETTLED_LATE);
    g_assert_cmpuint (assert_agree (world), ==, world->pictures - JUMP);
    if (!paused)
      assert_joined (&world->nodes[GUESSER]);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/settle/jump/who-lost-its-end-takes-what-the-other-saw",
                   test_lossy_leg);
  g_test_add_func ("/settle/jump/who-waits-is-started-again", test_restart_of_who_waits);
  g_test_add_func ("/settle/jump/who-saw-it-is-started-again", test_restart_of_who_saw);
  g_test_add_func ("/settle/jump/nobody-saw-its-end", test_nobody_saw);
  g_test_add_func ("/settle/pause/a-late-leg-is-none", test_late_leg);
  return g_test_run ();
}
