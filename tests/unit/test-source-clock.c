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

  he_source_clock_silence (&clock, 20 * SECOND, 0);
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

/* A silence of so many ticks, of which the last but two seconds were made up. */
static void
be_silent (HeSourceClock *clock, guint64 ticks)
{
  he_source_clock_silence (clock, ticks, 2 * SECOND);
}

/* The verdicts on pictures that go on where the source was, so much later, and so many
 * times as fast as they were made: how many fit before the first that does not; 1000: all
 * do. While they are behind what is made up, that goes on. */
static guint
go_on (HeSourceClock *clock, gint64 dts, guint64 later, guint speed)
{
  const guint64 since = WALL + 100 * FRAME;
  guint64 pts90, dts90;

  for (guint i = 0; i < 1000; i++) {
    guint64 wall90 = since + later + i * (guint64)FRAME / speed;
    guint64 at = turn (dts + (gint64)i * FRAME), ahead90 = clock->ahead90;

    if (he_source_clock_judge (clock, VIDEO, at, wall90) != HE_CLOCK_FITS)
      return i;
    he_source_clock_place (clock, VIDEO, FALSE, at, at, wall90, &pts90, &dts90);
    if (clock->ahead90 == ahead90)
      be_silent (clock, wall90 - since);
  }
  return 1000;
}

/* Given a source that stood still for a minute, when it goes on where it was, then that
 * is a new timeline, which begins where the silence was filled to; what comes of the
 * other streams belongs to it. */
static void
test_pause (void)
{
  HeSourceClock clock = { 0 };
  const gint64 next = 5000 * SECOND + 100 * FRAME;
  guint64 last = run (&clock, 5000 * SECOND, 100, WALL), pts90, dts90;
  HeAnchor before, after;

  be_silent (&clock, 60 * SECOND);
  guint fit = go_on (&clock, next, 60 * SECOND, 1);
  g_assert_cmpuint (fit, >=, HE_CLOCK_PAUSE / FRAME);
  g_assert_cmpuint (fit, <=, HE_CLOCK_PAUSE / FRAME + 2);
  const guint64 at = turn (next + (gint64)fit * FRAME);
  const guint64 wall90 = WALL + (100 + fit) * (guint64)FRAME + 60 * SECOND;
  before = clock.anchor;
  he_source_clock_propose (&clock, VIDEO, at, wall90, "A", &after);
  g_assert_cmpint (after.end, ==, HE_ANCHOR_END_PAUSED);
  he_source_clock_adopt (&clock, &after);
  he_source_clock_place (&clock, VIDEO, FALSE, at, at, wall90, &pts90, &dts90);
  g_assert_cmpint ((gint64)(dts90 - last), >=, 60 * SECOND + ((gint64)fit - 2) * FRAME);
  g_assert_cmpint ((gint64)(dts90 - last), <=, 60 * SECOND + (gint64)(fit + 2) * FRAME);
  g_assert_cmpint (after.offset90, !=, before.offset90);
  g_assert_cmpint (he_source_clock_judge (&clock, AUDIO, at, wall90), ==, HE_CLOCK_FITS);
  g_assert_cmpuint (
      he_source_clock_place (&clock, AUDIO, FALSE, at, at, wall90, &pts90, &dts90), ==,
      1);
  /* And so it stays. */
  g_assert_cmpuint (go_on (&clock, (gint64)at + FRAME, wall90 - WALL - 99 * FRAME, 1), ==,
                    1000);
}

/* Given a wall clock that is set back, or on, by an hour while a paused source or a burst
 * comes, then the one is a pause as soon as ever, and the other none. */
static void
test_clock_set (void)
{
  for (gint sign = -1; sign <= 1; sign += 2)
    for (guint speed = 1; speed <= 8; speed += 7) {
      HeSourceClock clock = { 0 };
      const gint64 next = 5000 * SECOND + 100 * FRAME;
      guint64 pts90, dts90;
      guint i, n = 8 * SECOND / FRAME;

      run (&clock, 5000 * SECOND, 100, WALL);
      be_silent (&clock, 30 * SECOND);
      for (i = 0; i < n; i++) {
        const guint64 at = turn (next + (gint64)i * FRAME);
        const guint64 elapsed = 30 * SECOND + i * (guint64)FRAME / speed;
        const guint64 wall90
            = WALL + 100 * FRAME + elapsed + (guint64)(i < 10 ? 0 : sign * 3600 * SECOND);
        if (he_source_clock_judge (&clock, VIDEO, at, wall90) != HE_CLOCK_FITS)
          break;
        he_source_clock_place (&clock, VIDEO, FALSE, at, at, wall90, &pts90, &dts90);
        be_silent (&clock, elapsed);
      }
      if (speed > 1)
        g_assert_cmpuint (i, ==, n);
      else
        g_assert_cmpuint (i, <=, HE_CLOCK_PAUSE / FRAME + 2);
    }
}

/* Given a source that went on behind what was made up, when it begins another timeline
 * before or after it counts as paused, then that is a jump whose end was missed, and late
 * units of the timeline before have their place. */
static void
test_jump_behind_filler (void)
{
  for (guint behind = 1; behind <= 100; behind += 99) {
    HeSourceClock clock = { 0 };
    const gint64 next = 5000 * SECOND + 100 * FRAME;
    guint64 pts90, dts90, wall90 = WALL + 100 * FRAME + 20 * SECOND;
    HeAnchor after;

    run (&clock, 5000 * SECOND, 100, WALL);
    be_silent (&clock, 20 * SECOND);
    for (guint i = 0; i < behind; i++, wall90 += FRAME) {
      const guint64 at = turn (next + (gint64)i * FRAME);
      g_assert_cmpint (he_source_clock_judge (&clock, VIDEO, at, wall90), ==,
                       HE_CLOCK_FITS);
      he_source_clock_place (&clock, VIDEO, FALSE, at, at, wall90, &pts90, &dts90);
      be_silent (&clock, 20 * SECOND + i * (guint64)FRAME);
    }
    be_silent (&clock, 20 * SECOND + HE_CLOCK_PAUSE);
    g_assert_cmpint (he_source_clock_judge (&clock, VIDEO, 77, wall90), ==,
                     HE_CLOCK_JUMP);
    he_source_clock_propose (&clock, VIDEO, 77, wall90, "A", &after);
    g_assert_cmpint (after.end, ==, HE_ANCHOR_END_MISSED);
    he_source_clock_adopt (&clock, &after);
    g_assert_true (clock.has_previous);
  }
}

/* Given a silence, when what was held up comes in a burst, or the source lags by less
 * than a second behind what was made up, then it is the same timeline. */
static void
test_burst (void)
{
  for (guint kind = 0; kind < 2; kind++) {
    HeSourceClock clock = { 0 };
    guint64 silence = kind == 0 ? 30 * SECOND : 2 * SECOND + 9 * SECOND / 10;

    run (&clock, 5000 * SECOND, 100, WALL);
    be_silent (&clock, silence);
    g_assert_cmpuint (
        go_on (&clock, 5000 * SECOND + 100 * FRAME, silence, kind == 0 ? 8 : 1), ==,
        1000);
  }
}

/* Given a pause that the others did not see, then the source is late and nothing else:
 * what comes counts again. */
static void
test_late_source (void)
{
  HeSourceClock clock = { 0 };
  const gint64 next = 5000 * SECOND + 100 * FRAME;

  run (&clock, 5000 * SECOND, 100, WALL);
  be_silent (&clock, 10 * SECOND);
  guint fit = go_on (&clock, next, 10 * SECOND, 1);
  g_assert_cmpuint (fit, <, 1000);
  he_source_clock_go_on (&clock);
  g_assert_cmpuint (clock.ahead90, ==, clock.reference90);
  g_assert_cmpuint (
      go_on (&clock, next + (gint64)fit * FRAME, 10 * SECOND + fit * (guint64)FRAME, 1),
      ==, 1000);
}

/* Given a jump, then whoever saw the last unit before it says so, and who missed some, or
 * made something up, says that. */
static void
test_who_saw_the_end (void)
{
  for (guint kind = 0; kind < 3; kind++) {
    HeSourceClock clock = { 0 };
    guint64 wall90 = WALL + 100 * FRAME;
    HeAnchor after;

    run (&clock, 5000 * SECOND, 100, WALL);
    if (kind == 1)
      wall90 += 3 * SECOND / 2;
    else if (kind == 2)
      be_silent (&clock, 3 * SECOND);
    he_source_clock_propose (&clock, VIDEO, 77, wall90, "A", &after);
    g_assert_cmpint (after.end, ==,
                     kind == 0 ? HE_ANCHOR_END_SEEN : HE_ANCHOR_END_MISSED);
  }
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
  g_test_add_func ("/source-clock/pause/begins-a-generation-behind-the-filler",
                   test_pause);
  g_test_add_func ("/source-clock/pause/a-burst-or-a-small-lag-is-none", test_burst);
  g_test_add_func ("/source-clock/pause/does-not-depend-on-the-wall-clock",
                   test_clock_set);
  g_test_add_func ("/source-clock/pause/a-jump-meanwhile-is-a-jump",
                   test_jump_behind_filler);
  g_test_add_func ("/source-clock/pause/that-others-did-not-see", test_late_source);
  g_test_add_func ("/source-clock/jump/says-whether-the-end-was-seen",
                   test_who_saw_the_end);
  return g_test_run ();
}
