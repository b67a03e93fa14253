/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "demux-kit.h"

/* --- Tests ----------------------------------------------------------------------------
 */

static void
test_whole (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (Run) run = NULL;
  HeDemuxStats stats;

  write_feed (ts, 1000 * SECOND, 0, 200);
  run = run_whole (ts, 0, WALL);
  g_assert_cmpuint (run->programs, ==, 1);
  g_assert_cmpuint (he_demux_n_streams (run->demux), ==, 2);
  assert_even (run, HE_DEMUX_VIDEO, 200, FRAME);
  /* The first unit came before the first picture was complete. */
  assert_even (run, HE_DEMUX_AUDIO, 93 * SAMPLES_A_UNIT, 1920);
  g_assert_cmpuint (nth (run, HE_DEMUX_VIDEO, 0)->dts90 % HE_PTS_WRAP, ==, 1000 * SECOND);
  g_assert_cmpuint (nth (run, HE_DEMUX_VIDEO, 0)->flags, ==,
                    HE_FRAME_KEY | HE_FRAME_DISCONT);
  g_assert_cmpuint (nth (run, HE_DEMUX_VIDEO, 1)->flags, ==, 0);
  g_assert_cmpuint (nth (run, HE_DEMUX_VIDEO, IDR_EVERY)->flags, ==, HE_FRAME_KEY);
  g_assert_cmpuint (nth (run, HE_DEMUX_AUDIO, 5)->rate, ==, 48000);
  g_assert_cmpuint (nth (run, HE_DEMUX_AUDIO, 5)->channels, ==, 2);
  he_demux_stats (run->demux, &stats);
  g_assert_cmpuint (stats.frames, ==, run->frames->len);
  g_assert_cmpuint (stats.damaged + stats.discontinuities + stats.bad_times, ==, 0);
}

static const HeFrame *
find (const Run *run, const HeFrame *like)
{
  for (guint i = 0; i < run->frames->len; i++) {
    const HeFrame *frame = &g_array_index (run->frames, HeFrame, i);

    if (frame->pts90 == like->pts90 && frame->stream == like->stream)
      return frame;
  }
  return NULL;
}

/* Given two nodes that join a feed at different bytes, with clocks five seconds apart,
 * over a wrap of PTS, then frames that both have are equal and stand at the same time. */
static void
test_two_nodes (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (Run) a = NULL;
  const gsize joins[] = { 1, 100 * 188 + 77, 30000, 47003 };

  write_feed (ts, (gint64)HE_PTS_WRAP - 4 * SECOND, 0, 250);
  a = run_whole (ts, 0, WALL);
  assert_even (a, HE_DEMUX_VIDEO, 250, FRAME);
  for (guint i = 0; i < G_N_ELEMENTS (joins); i++) {
    g_autoptr (Run) b = run_whole (ts, joins[i], WALL + 5 * SECOND);

    g_assert_cmpuint (b->frames->len, >, 100);
    g_assert_cmpuint (b->frames->len, <, a->frames->len);
    for (guint k = 0; k < b->frames->len; k++) {
      const HeFrame *frame = &g_array_index (b->frames, HeFrame, k);
      const HeFrame *other = find (a, frame);

      g_assert_nonnull (other);
      g_assert_true (g_bytes_equal (frame->data, other->data));
      g_assert_cmpuint (frame->dts90, ==, other->dts90);
    }
  }
}

static void
test_begins_with_idr (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (Run) run = NULL;
  HeDemuxStats stats;

  write_feed (ts, 1000 * SECOND, 30, 200);
  run = run_whole (ts, 0, WALL);
  g_assert_cmpuint (nth (run, HE_DEMUX_VIDEO, 0)->dts90 % HE_PTS_WRAP, ==,
                    1000 * SECOND + IDR_EVERY * FRAME);
  g_assert_true (nth (run, HE_DEMUX_VIDEO, 0)->flags & HE_FRAME_KEY);
  he_demux_stats (run->demux, &stats);
  g_assert_cmpuint (stats.skipped, ==, 20);
}

/* Given a source that starts again from another time, then a generation begins whose
 * epoch time goes on, and sound of the old timeline that comes later keeps its place. */
static void
test_jump (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (Run) run = NULL;
  const HeFrame *frame;

  write_feed (ts, 5000 * SECOND, 0, 100);
  ts_bytes_picture (ts, 20 * SECOND, 20 * SECOND, TRUE, 900);
  write_audio (ts, 5000 * SECOND + 47 * 7680, 188);
  for (guint i = 1; i < 100; i++)
    ts_bytes_picture (ts, turn (20 * SECOND + i * FRAME), turn (20 * SECOND + i * FRAME),
                      FALSE, 900);
  write_audio (ts, 20 * SECOND + 100 * FRAME, 0);
  run = run_whole (ts, 0, WALL);
  g_assert_cmpuint (run->anchors->len, ==, 2);
  g_assert_cmpuint (g_array_index (run->anchors, HeAnchor, 1).generation, ==, 1);
  assert_even (run, HE_DEMUX_VIDEO, 200, FRAME);
  g_assert_cmpuint (nth (run, HE_DEMUX_VIDEO, 99)->generation, ==, 0);
  frame = nth (run, HE_DEMUX_VIDEO, 100);
  g_assert_cmpuint (frame->generation, ==, 1);
  g_assert_true (frame->flags & HE_FRAME_DISCONT);
  frame = nth (run, HE_DEMUX_AUDIO, 46 * SAMPLES_A_UNIT);
  g_assert_cmpuint (frame->generation, ==, 0);
  g_assert_cmpuint (frame->pts90 % HE_PTS_WRAP, ==, 5000 * SECOND + 47 * 7680);
  frame = nth (run, HE_DEMUX_AUDIO, 47 * SAMPLES_A_UNIT);
  g_assert_cmpuint (frame->generation, ==, 1);
  g_assert_cmpuint (frame->pts90, ==, nth (run, HE_DEMUX_VIDEO, 199)->pts90 + FRAME);
}

/* Given a source that starts again with sound ahead of its pictures, then these stay on
 * their grid. */
static void
test_pictures_keep_their_grid (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (Run) run = run_new ();
  guint64 step;

  write_feed (ts, 5000 * SECOND, 0, 100);
  run_push (run, ts->out, 0, WALL);
  he_demux_now (run->demux, 5 * SECOND + 17, 2 * SECOND);
  g_byte_array_set_size (ts->out, 0);
  write_audio (ts, 1000 * SECOND - 2 * 7680, 0);
  write_audio (ts, 1000 * SECOND - 7680, SAMPLES_A_UNIT);
  write_feed (ts, 1000 * SECOND, 0, 100);
  run_push (run, ts->out, 0, WALL + 5 * SECOND);
  run_finish (run, WALL + 9 * SECOND);
  g_assert_cmpuint (run->anchors->len, ==, 2);
  g_assert_cmpuint (count (run, HE_DEMUX_VIDEO), ==, 200);
  step = nth (run, HE_DEMUX_VIDEO, 100)->dts90 - nth (run, HE_DEMUX_VIDEO, 99)->dts90;
  g_assert_cmpuint (step % FRAME, ==, 0);
  g_assert_cmpuint (step, >=, 4 * SECOND);
  g_assert_cmpuint (step, <=, 6 * SECOND);
}

/* Given sound alone that starts again, while pictures are away, then it waits for none.
 */
static void
test_sound_starts_again_alone (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (Run) run = run_new ();

  write_feed (ts, 5000 * SECOND, 0, 100);
  run_push (run, ts->out, 0, WALL);
  g_byte_array_set_size (ts->out, 0);
  for (gint64 i = 0; i < HE_DEMUX_MAX_WAITING + 10; i++)
    write_audio (ts, 1000 * SECOND + i * 7680, (guint8)(i * SAMPLES_A_UNIT));
  run_push (run, ts->out, 0, WALL + SECOND);
  g_assert_cmpuint (run->anchors->len, ==, 2);
}

/* Given a peer whose anchor for the new generation differs, then it holds. */
static void
test_agreed_anchor (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (Run) run = run_new ();
  guint64 last;

  write_feed (ts, 5000 * SECOND, 0, 100);
  run_push (run, ts->out, 0, WALL);
  run->answer = g_array_index (run->anchors, HeAnchor, 0);
  run->answer.generation = 1;
  run->answer.offset90 = 4060 * SECOND;
  run->has_answer = TRUE;
  last = nth (run, HE_DEMUX_VIDEO, 98)->dts90;
  g_byte_array_set_size (ts->out, 0);
  write_feed (ts, 1002 * SECOND, 0, 100);
  run_push (run, ts->out, 0, WALL + 4 * SECOND);
  run_finish (run, WALL);
  g_assert_cmpuint (run->anchors->len, ==, 2);
  /* 5062 s by the peer's reckoning, where this node was at 5003.96 s */
  g_assert_cmpuint (nth (run, HE_DEMUX_VIDEO, 100)->dts90, ==,
                    last - 98 * FRAME + 62 * SECOND);
  g_assert_cmpuint (count (run, HE_DEMUX_VIDEO), ==, 200);
}

static void
test_wrong_time (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (Run) run = NULL;
  HeDemuxStats stats;

  ts_bytes_tables (ts);
  ts_bytes_picture (ts, 77, 77, TRUE, 900); /* the very first, too */
  write_feed (ts, 5000 * SECOND, 0, 60);
  ts_bytes_picture (ts, 4 * SECOND, 4 * SECOND, FALSE, 900);
  write_feed (ts, 5000 * SECOND, 60, 100);
  run = run_whole (ts, 0, WALL);
  g_assert_cmpuint (run->anchors->len, ==, 1);
  assert_even (run, HE_DEMUX_VIDEO, 100, FRAME);
  g_assert_true (nth (run, HE_DEMUX_VIDEO, 60)->flags & HE_FRAME_DISCONT);
  he_demux_stats (run->demux, &stats);
  g_assert_cmpuint (stats.bad_times, ==, 2);
}

static void
test_begins_with_whole_idr (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (Run) run = NULL;

  ts_bytes_tables (ts);
  ts_bytes_picture (ts, 1000 * SECOND, 1000 * SECOND, TRUE, 2000);
  g_byte_array_remove_range (ts->out, 4 * 188, 188);
  write_feed (ts, 1000 * SECOND, 1, 100);
  run = run_whole (ts, 0, WALL);
  g_assert_cmpuint (nth (run, HE_DEMUX_VIDEO, 0)->dts90 % HE_PTS_WRAP, ==,
                    1000 * SECOND + IDR_EVERY * FRAME);
}

static void
test_no_time (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (Run) run = NULL;

  write_feed (ts, 5000 * SECOND, 0, 60);
  ts_bytes_picture (ts, TS_BYTES_NO_TIME, TS_BYTES_NO_TIME, FALSE, 900);
  write_feed (ts, 5000 * SECOND, 61, 100);
  run = run_whole (ts, 0, WALL);
  g_assert_cmpuint (count (run, HE_DEMUX_VIDEO), ==, 100);
  g_assert_cmpuint (nth (run, HE_DEMUX_VIDEO, 60)->pts90, ==, HE_DEMUX_NO_TIME);
  g_assert_cmpuint (nth (run, HE_DEMUX_VIDEO, 61)->dts90, ==,
                    nth (run, HE_DEMUX_VIDEO, 59)->dts90 + 2 * FRAME);
}

static void
test_loss (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (Run) run = NULL;
  HeDemuxStats stats;

  write_feed (ts, 5000 * SECOND, 0, 60);
  gsize at = ts->out->len;
  ts_bytes_picture (ts, 5000 * SECOND + 60 * FRAME, 5000 * SECOND + 60 * FRAME, FALSE,
                    2000);
  g_byte_array_remove_range (ts->out, (guint)at + 3 * 188, 2 * 188);
  write_feed (ts, 5000 * SECOND, 61, 100);
  run = run_whole (ts, 0, WALL);
  assert_even (run, HE_DEMUX_VIDEO, 100, FRAME);
  g_assert_cmpuint (nth (run, HE_DEMUX_VIDEO, 60)->flags, ==,
                    HE_FRAME_DAMAGED | HE_FRAME_TORN);
  g_assert_cmpuint (nth (run, HE_DEMUX_VIDEO, 61)->flags, ==,
                    HE_FRAME_DISCONT | HE_FRAME_TORN);
  for (guint n = 62; n < 100; n++)
    g_assert_cmpuint (nth (run, HE_DEMUX_VIDEO, n)->flags, ==,
                      n % IDR_EVERY == 0                           ? HE_FRAME_KEY
                      : n < 60 / IDR_EVERY * IDR_EVERY + IDR_EVERY ? HE_FRAME_TORN
                                                                   : 0);
  he_demux_stats (run->demux, &stats);
  g_assert_cmpuint (stats.damaged, ==, 1);
  g_assert_cmpuint (stats.discontinuities, ==, 1);
}

static void
test_outage (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (Run) run = run_new ();

  write_feed (ts, 5000 * SECOND, 0, 60);
  run_push (run, ts->out, 0, WALL);
  g_byte_array_set_size (ts->out, 0);
  he_demux_mark_gap (run->demux);
  write_feed (ts, 5000 * SECOND, 1060, 1120);
  run_push (run, ts->out, 0, WALL + 40 * SECOND);
  run_finish (run, WALL);
  g_assert_cmpuint (run->anchors->len, ==, 1);
  g_assert_cmpuint (nth (run, HE_DEMUX_VIDEO, count (run, HE_DEMUX_VIDEO) - 1)->dts90, ==,
                    nth (run, HE_DEMUX_VIDEO, 0)->dts90 + 1119 * FRAME);
}

/* Given one unit of sound whose time no other confirms, then pictures wait for it no more
 * than HE_DEMUX_MAX_WAITING units. */
static void
test_bounded (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (Run) run = run_new ();
  HeDemuxStats stats;

  for (guint i = 0; i < 2 * HE_DEMUX_MAX_WAITING; i++) {
    g_byte_array_set_size (ts->out, 0);
    ts_bytes_tables (ts);
    if (i == 0)
      write_audio (ts, 77, 0);
    ts_bytes_picture (ts, 90000 + i * FRAME, 90000 + i * FRAME, i == 0, 1000);
    run_push (run, ts->out, 0, WALL);
    g_assert_cmpint (run->frames->len > 0, ==, i >= HE_DEMUX_MAX_WAITING);
  }
  run_finish (run, WALL);
  assert_even (run, HE_DEMUX_VIDEO, 2 * HE_DEMUX_MAX_WAITING, FRAME);
  he_demux_stats (run->demux, &stats);
  g_assert_cmpuint (stats.bad_times, ==, 1);
}

/* Given a program whose pictures never come, then its sound is given all the same. */
static void
test_sound_alone (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (Run) run = NULL;

  ts_bytes_tables (ts);
  for (guint i = 0; i < 300; i++)
    write_audio (ts, 1000 * SECOND + i * 7680, 0);
  run = run_whole (ts, 0, WALL);
  /* 300 units are 25.6 s. */
  g_assert_cmpuint (count (run, HE_DEMUX_AUDIO), >, 9 * 47);
  g_assert_cmpuint (count (run, HE_DEMUX_AUDIO), <, 12 * 47);
}

static void
test_preset_anchor (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (Run) run = run_new ();
  HeAnchor anchor = { .generation = 3, .offset90 = 100 * SECOND, .node = "B" };

  write_feed (ts, 5000 * SECOND, 0, 60);
  he_demux_set_anchor (run->demux, &anchor);
  run_push (run, ts->out, 0, WALL);
  run_finish (run, WALL);
  g_assert_cmpuint (run->anchors->len, ==, 0);
  g_assert_cmpuint (nth (run, HE_DEMUX_VIDEO, 0)->dts90 % HE_PTS_WRAP, ==, 5100 * SECOND);
  g_assert_cmpuint (nth (run, HE_DEMUX_VIDEO, 0)->generation, ==, 3);
}

/* Given a programme of its own, then its first picture stands at the start, sound and
 * pictures before it are left out, nobody is asked for an anchor, and the wall clock has
 * no part in it. */
static void
test_start (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  const guint64 start90 = 10 * HE_TICKS_PER_SECOND;

  write_feed (ts, 77777, IDR_EVERY - 10, 3 * IDR_EVERY);
  for (guint i = 0; i < 2; i++) {
    g_autoptr (Run) run = run_new ();
    guint64 wall90 = i == 0 ? WALL : 12345;

    he_demux_set_start (run->demux, start90);
    run_push (run, ts->out, 0, wall90);
    run_finish (run, wall90);
    g_assert_cmpuint (run->anchors->len, ==, 0);
    g_assert_cmpuint (nth (run, HE_DEMUX_VIDEO, 0)->pts90, ==, start90);
    g_assert_true (nth (run, HE_DEMUX_VIDEO, 0)->flags & HE_FRAME_KEY);
    assert_even (run, HE_DEMUX_VIDEO, 2 * IDR_EVERY, FRAME);
    g_assert_cmpuint (nth (run, HE_DEMUX_AUDIO, 0)->pts90, >=, start90);
    g_assert_cmpuint (nth (run, HE_DEMUX_AUDIO, 0)->pts90, <, start90 + FRAME + 7680);
  }
}

/* Given a backup that overlaps with what came, when it is taken over in the middle of
 * both, then it goes on in the same timeline, from its next IDR on. */
static void
test_switch (void)
{
  g_autoptr (TsBytes) first = ts_bytes_new (), second = ts_bytes_new ();
  g_autoptr (Run) run = run_new ();
  guint64 last = 0;
  guint n;

  write_feed (first, 5000 * SECOND, 0, 177);
  write_feed (second, 5000 * SECOND, 77, 300);
  run_push (run, first->out, 0, WALL);
  n = count (run, HE_DEMUX_VIDEO);
  he_demux_switch (run->demux);
  /* In the middle of a unit, as a feed is that is joined anywhere. */
  run_push (run, second->out, 3 * 188, WALL + SECOND);
  run_finish (run, WALL + SECOND);
  g_assert_cmpuint (run->anchors->len, ==, 1);
  g_assert_cmpuint (count (run, HE_DEMUX_VIDEO), ==, n + 200);
  g_assert_true (nth (run, HE_DEMUX_VIDEO, n)->flags & HE_FRAME_KEY);
  g_assert_true (nth (run, HE_DEMUX_VIDEO, n)->flags & HE_FRAME_DISCONT);
  last = nth (run, HE_DEMUX_VIDEO, 0)->dts90;
  g_assert_cmpuint (nth (run, HE_DEMUX_VIDEO, n)->dts90, ==, last + 100 * FRAME);
  g_assert_cmpuint (nth (run, HE_DEMUX_VIDEO, n + 199)->dts90, ==, last + 299 * FRAME);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/demux/frames/all-in-order-with-their-times", test_whole);
  g_test_add_func ("/demux/frames/two-nodes-agree-over-a-wrap", test_two_nodes);
  g_test_add_func ("/demux/frames/video-begins-with-an-idr-picture",
                   test_begins_with_idr);
  g_test_add_func ("/demux/frames/sound-waits-for-video-but-not-for-ever",
                   test_sound_alone);
  g_test_add_func ("/demux/frames/video-does-not-begin-with-a-damaged-one",
                   test_begins_with_whole_idr);
  g_test_add_func ("/demux/frames/unit-without-time", test_no_time);
  g_test_add_func ("/demux/anchor/preset-one-holds", test_preset_anchor);
  g_test_add_func ("/demux/anchor/jump-starts-a-generation-that-goes-on", test_jump);
  g_test_add_func ("/demux/anchor/pictures-keep-their-grid",
                   test_pictures_keep_their_grid);
  g_test_add_func ("/demux/anchor/sound-starts-again-alone",
                   test_sound_starts_again_alone);
  g_test_add_func ("/demux/anchor/agreed-one-holds-after-a-jump", test_agreed_anchor);
  g_test_add_func ("/demux/anchor/wrong-time-starts-nothing", test_wrong_time);
  g_test_add_func ("/demux/anchor/outage-starts-nothing", test_outage);
  g_test_add_func ("/demux/damage/loss-is-flagged", test_loss);
  g_test_add_func ("/demux/damage/unconfirmed-time-does-not-block", test_bounded);
  g_test_add_func ("/demux/switch/backup-goes-on-in-the-same-timeline", test_switch);
  g_test_add_func ("/demux/start/first-picture-stands-there", test_start);
  return g_test_run ();
}
