/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-source-clock.h"

#define SECOND ((gint64)HE_TICKS_PER_SECOND)
#define FRAME 3600
#define WALL (G_GUINT64_CONSTANT (1795000000) * HE_TICKS_PER_SECOND)

enum { VIDEO, AUDIO };

static guint64
turn (gint64 ticks)
{
  return (guint64)ticks & (HE_PTS_WRAP - 1);
}

/* Anchors the clock at a first unit of both streams, then follows them for some frames.
 * Returns the video's last decoding time. */
static guint64
run (HeSourceClock *clock, gint64 dts, guint frames, guint64 wall90)
{
  HeAnchor anchor;
  guint64 pts90, dts90;

  if (!clock->anchored) {
    he_source_clock_propose (clock, VIDEO, turn (dts), wall90, "A", &anchor);
    he_source_clock_adopt (clock, &anchor);
  }
  for (guint i = 0; i < frames; i++) {
    he_source_clock_place (clock, AUDIO, FALSE, turn (dts), turn (dts), wall90, &pts90,
                           &dts90);
    he_source_clock_place (clock, VIDEO, FALSE, turn (dts + 2 * FRAME), turn (dts),
                           wall90, &pts90, &dts90);
    g_assert_cmpuint (pts90, ==, dts90 + 2 * FRAME);
    dts += FRAME;
    wall90 += FRAME;
  }
  return dts90;
}

static void
test_wrap (void)
{
  HeSourceClock clock = { 0 };
  gint64 dts = (gint64)HE_PTS_WRAP - 10 * FRAME;
  guint64 first = run (&clock, dts, 1, WALL);

  for (guint i = 1; i < 20; i++) {
    g_assert_cmpint (he_source_clock_judge (&clock, VIDEO, turn (dts + i * FRAME), WALL),
                     ==, HE_CLOCK_FITS);
    g_assert_cmpuint (run (&clock, dts + i * FRAME, 1, WALL), ==, first + i * FRAME);
  }
}

static void
test_clocks_apart (void)
{
  HeSourceClock a = { 0 }, b = { 0 };

  /* The other joined three seconds later, with a clock that is eight seconds behind. */
  guint64 last_a = run (&a, 5000 * SECOND, 200, WALL);
  guint64 last_b = run (&b, 5003 * SECOND, 125, WALL - 5 * SECOND);
  g_assert_cmpuint (last_a, ==, last_b);
}

static void
test_verdicts (void)
{
  HeSourceClock clock = { 0 };
  const gint64 first = 5000 * SECOND, last = first + 99 * FRAME;
  const guint64 now = WALL + 99 * FRAME;
  const struct {
    gint64 step;
    gint64 elapsed;
    HeClockVerdict verdict;
  } cases[] = {
    { FRAME, FRAME, HE_CLOCK_FITS },
    { 0, 0, HE_CLOCK_FITS },
    { -SECOND / 2, 0, HE_CLOCK_FITS },
    { 5 * SECOND, 0, HE_CLOCK_HOLE },
    { 15 * SECOND, 0, HE_CLOCK_JUMP },
    { -2 * SECOND, 0, HE_CLOCK_JUMP },
    { -3000 * SECOND, FRAME, HE_CLOCK_JUMP },
    /* The feed was away for a minute and its timeline went on ... */
    { 60 * SECOND, 58 * SECOND, HE_CLOCK_HOLE },
    /* ... or began anew. */
    { -3000 * SECOND, 60 * SECOND, HE_CLOCK_JUMP },
    { 600 * SECOND, 60 * SECOND, HE_CLOCK_JUMP },
  };

  g_assert_cmpint (he_source_clock_judge (&clock, VIDEO, 1, WALL), ==, HE_CLOCK_FIRST);
  run (&clock, first, 100, WALL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpint (he_source_clock_judge (&clock, VIDEO, turn (last + cases[i].step),
                                            now + (guint64)cases[i].elapsed),
                     ==, cases[i].verdict);
}

static void
test_jump_is_contiguous (void)
{
  HeSourceClock clock = { 0 };
  guint64 last = run (&clock, 5000 * SECOND, 100, WALL), pts90, dts90;
  const guint64 now = WALL + 100 * FRAME;
  HeAnchor before = clock.anchor, after;

  he_source_clock_propose (&clock, VIDEO, 77, now, "B", &after);
  g_assert_cmpuint (after.generation, ==, before.generation + 1);
  g_assert_cmpstr (after.node, ==, "B");
  g_assert_cmpint (after.wall_offset90, ==, before.wall_offset90);
  he_source_clock_adopt (&clock, &after);
  g_assert_cmpuint (
      he_source_clock_place (&clock, VIDEO, FALSE, 77, 77, now, &pts90, &dts90), ==, 1);
  g_assert_cmpuint (dts90, ==, last + FRAME);
}

/* Given two nodes that joined at different times, when they see a jump, then their
 * proposals differ in the name alone. */
static void
test_jump_is_agreed (void)
{
  HeSourceClock a = { 0 }, b = { 0 };
  HeAnchor to_a, to_b;

  run (&a, 5000 * SECOND, 200, WALL);
  run (&b, 5003 * SECOND, 125, WALL + 3 * SECOND + 4000);
  b.anchor.wall_offset90 = a.anchor.wall_offset90; /* as agreed at start */
  he_source_clock_propose (&a, VIDEO, 77, WALL + 8 * SECOND, "A", &to_a);
  he_source_clock_propose (&b, VIDEO, 77, WALL + 8 * SECOND + 4000, "B", &to_b);
  g_assert_cmpint (to_a.offset90, ==, to_b.offset90);
  g_assert_cmpint (to_a.wall_offset90, ==, to_b.wall_offset90);
}

static void
test_jump_after_silence_moves_the_wall (void)
{
  HeSourceClock clock = { 0 };
  HeAnchor after;

  run (&clock, 5000 * SECOND, 100, WALL);
  he_source_clock_propose (&clock, VIDEO, 77, WALL + 100 * FRAME + 30 * SECOND, "A",
                           &after);
  g_assert_cmpint (after.wall_offset90 - clock.anchor.wall_offset90, ==, 30 * SECOND);
}

static void
test_late_units (void)
{
  HeSourceClock clock = { 0 };
  gint64 next = 5000 * SECOND + 100 * FRAME;
  guint64 last = run (&clock, 5000 * SECOND, 100, WALL), pts90, dts90;
  HeAnchor after;

  he_source_clock_propose (&clock, VIDEO, 77, WALL + 100 * FRAME, "A", &after);
  he_source_clock_adopt (&clock, &after);
  he_source_clock_place (&clock, VIDEO, FALSE, 77, 77, WALL + 100 * FRAME, &pts90,
                         &dts90);
  g_assert_cmpint (he_source_clock_judge (&clock, AUDIO, turn (next), WALL), ==,
                   HE_CLOCK_FITS_PREVIOUS);
  g_assert_cmpuint (he_source_clock_place (&clock, AUDIO, TRUE, turn (next), turn (next),
                                           WALL, &pts90, &dts90),
                    ==, 0);
  g_assert_cmpuint (pts90, ==, last + FRAME);
  g_assert_cmpint (he_source_clock_judge (&clock, AUDIO, 100, WALL), ==, HE_CLOCK_FITS);
  g_assert_cmpuint (
      he_source_clock_place (&clock, AUDIO, FALSE, 100, 100, WALL, &pts90, &dts90), ==,
      1);
  g_assert_cmpint (he_source_clock_judge (&clock, AUDIO, turn (next + FRAME), WALL), ==,
                   HE_CLOCK_JUMP);
}

/* Given a process that stood still for 12 s, when it reads at once what had come before,
 * and then what comes now, then that is no jump; 12 s that the source itself left out
 * are, and so are they after a wall clock that was set. */
static void
test_stood_still (void)
{
  for (guint kind = 0; kind < 3; kind++) {
    HeSourceClock clock = { 0 };
    const guint64 still = kind == 1 ? 0 : kind == 2 ? 3600 * SECOND : 12 * SECOND;
    guint64 pts90, dts90;
    gint64 next = 5000 * SECOND + 100 * FRAME;
    run (&clock, 5000 * SECOND, 100, WALL);
    for (gint64 i = 0; i < 10; i++, next += FRAME)
      he_source_clock_place (&clock, VIDEO, FALSE, turn (next), turn (next),
                             WALL + 100 * FRAME + still, &pts90, &dts90);
    g_assert_cmpint (he_source_clock_judge (&clock, VIDEO, turn (next + 12 * SECOND),
                                            WALL + 110 * FRAME + still),
                     ==, kind == 0 ? HE_CLOCK_HOLE : HE_CLOCK_JUMP);
  }
}

/* Given a source that stalled for 12 s and went on from there, when it is away for half a
 * minute later, then that is a hole. */
static void
test_stalled_and_away (void)
{
  HeSourceClock clock = { 0 };
  const gint64 next = 5000 * SECOND + 100 * FRAME;

  run (&clock, 5000 * SECOND, 100, WALL);
  run (&clock, next, 100, WALL + 100 * FRAME + 12 * SECOND);
  for (guint stream = VIDEO; stream <= AUDIO + 1; stream++) /* the last one is new */
    g_assert_cmpint (he_source_clock_judge (&clock, stream,
                                            turn (next + 100 * FRAME + 30 * SECOND),
                                            WALL + 200 * FRAME + 42 * SECOND),
                     ==, HE_CLOCK_HOLE);
}

/* Given a stream that was silent for long, when it comes back, then it is no jump. */
static void
test_sparse_stream (void)
{
  HeSourceClock clock = { 0 };
  guint64 pts90, dts90;

  run (&clock, 5000 * SECOND, 10, WALL);
  for (gint64 i = 10; i < 2000; i++)
    he_source_clock_place (&clock, VIDEO, FALSE, turn (5000 * SECOND + i * FRAME),
                           turn (5000 * SECOND + i * FRAME), WALL, &pts90, &dts90);
  g_assert_cmpint (
      he_source_clock_judge (&clock, AUDIO, turn (5000 * SECOND + 2000 * FRAME), WALL),
      ==, HE_CLOCK_HOLE);
}

/* Given an agreed anchor that lies a minute off, then late units still find their place.
 */
static void
test_distant_answer (void)
{
  for (gint64 off = -60; off <= 60; off += 120) {
    HeSourceClock clock = { 0 };
    gint64 next = 5000 * SECOND + 100 * FRAME;
    guint64 last = run (&clock, 5000 * SECOND, 100, WALL), pts90, dts90;
    HeAnchor after;

    he_source_clock_propose (&clock, VIDEO, 77, WALL, "A", &after);
    after.offset90 += off * SECOND;
    he_source_clock_adopt (&clock, &after);
    he_source_clock_place (&clock, VIDEO, FALSE, 77, 77, WALL, &pts90, &dts90);
    g_assert_cmpuint (dts90, ==, last + FRAME + (guint64)(off * SECOND));
    g_assert_cmpint (he_source_clock_judge (&clock, AUDIO, turn (next), WALL), ==,
                     HE_CLOCK_FITS_PREVIOUS);
    g_assert_cmpint (he_source_clock_judge (&clock, AUDIO, 200, WALL), ==, HE_CLOCK_FITS);
    g_assert_cmpint (he_source_clock_judge (&clock, VIDEO, 77 + FRAME, WALL), ==,
                     HE_CLOCK_FITS);
  }
}

/* Given a stream that was never seen, when it comes behind an outage, then it fits. */
static void
test_new_stream_after_outage (void)
{
  HeSourceClock clock = { 0 };
  gint64 later = 5000 * SECOND + 60 * SECOND;

  run (&clock, 5000 * SECOND, 1, WALL);
  g_assert_cmpint (he_source_clock_judge (&clock, 2, turn (later), WALL + 60 * SECOND),
                   ==, HE_CLOCK_HOLE);
  g_assert_cmpint (he_source_clock_judge (&clock, 2, turn (later), WALL), ==,
                   HE_CLOCK_JUMP);
}

static void
test_follows (void)
{
  g_assert_true (he_source_clock_follows (HE_PTS_WRAP - 100, 3500));
  g_assert_true (he_source_clock_follows (100, HE_PTS_WRAP - 100));
  g_assert_true (he_source_clock_follows (0, 10 * SECOND));
  g_assert_false (he_source_clock_follows (0, 10 * SECOND + 1));
  g_assert_false (he_source_clock_follows (2 * SECOND, 0));
}

/* Given a silence that was filled, when another timeline begins, then it does where the
 * filler stands, and the next jump is contiguous again. */
static void
test_jump_after_silence_goes_on_behind_it (void)
{
  HeSourceClock clock = { 0 };
  HeAnchor anchor;
  guint64 pts90, dts90, last = run (&clock, 5000 * SECOND, 200, WALL);

  he_source_clock_silence (&clock, 20 * SECOND);
  last += 2 * FRAME; /* was under way when the silence began */
  he_source_clock_place (&clock, VIDEO, FALSE, turn (5000 * SECOND + 200 * FRAME),
                         turn (5000 * SECOND + 200 * FRAME), WALL, &pts90, &dts90);
  last = dts90 - FRAME;
  he_source_clock_propose (&clock, VIDEO, 0, WALL, "A", &anchor);
  he_source_clock_adopt (&clock, &anchor);
  he_source_clock_place (&clock, VIDEO, FALSE, 0, 0, WALL, &pts90, &dts90);
  g_assert_cmpuint (dts90, ==, last + 20 * SECOND);
  he_source_clock_propose (&clock, VIDEO, 100 * SECOND, WALL, "A", &anchor);
  he_source_clock_adopt (&clock, &anchor);
  he_source_clock_place (&clock, VIDEO, FALSE, 100 * SECOND, 100 * SECOND, WALL, &pts90,
                         &dts90);
  g_assert_cmpuint (dts90, ==, last + 20 * SECOND + FRAME);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/source-clock/place/keeps-order-across-a-wrap", test_wrap);
  g_test_add_func ("/source-clock/place/does-not-depend-on-the-wall-clock",
                   test_clocks_apart);
  g_test_add_func ("/source-clock/judge/holes-and-jumps", test_verdicts);
  g_test_add_func ("/source-clock/judge/silent-stream-comes-back", test_sparse_stream);
  g_test_add_func ("/source-clock/judge/who-stood-still-sees-no-jump", test_stood_still);
  g_test_add_func ("/source-clock/judge/outage-behind-a-stall", test_stalled_and_away);
  g_test_add_func ("/source-clock/judge/follows", test_follows);
  g_test_add_func ("/source-clock/jump/goes-on-with-the-same-step",
                   test_jump_is_contiguous);
  g_test_add_func ("/source-clock/jump/nodes-propose-the-same", test_jump_is_agreed);
  g_test_add_func ("/source-clock/jump/after-silence-moves-the-wall-offset",
                   test_jump_after_silence_moves_the_wall);
  g_test_add_func ("/source-clock/jump/late-units-belong-to-the-old-timeline",
                   test_late_units);
  g_test_add_func ("/source-clock/jump/answer-may-lie-far-off", test_distant_answer);
  g_test_add_func ("/source-clock/judge/new-stream-behind-an-outage",
                   test_new_stream_after_outage);
  g_test_add_func ("/source-clock/jump/after-a-silence-goes-on-behind-it",
                   test_jump_after_silence_goes_on_behind_it);
  return g_test_run ();
}
