/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "demux-kit.h"

/* Programme maps that change. */

#define START (5000 * SECOND)
#define SOUND_B 0x0300
#define SOUND_C 0x0301

static const guint16 maps[][3][2] = {
  { { TS_BYTES_VIDEO, HE_STREAM_TYPE_H264 },
    { TS_BYTES_AUDIO, HE_STREAM_TYPE_AAC_ADTS },
    { SOUND_B, HE_STREAM_TYPE_AAC_ADTS } },
  { { TS_BYTES_VIDEO, HE_STREAM_TYPE_H264 }, { SOUND_B, HE_STREAM_TYPE_AAC_ADTS } },
  { { SOUND_C, HE_STREAM_TYPE_AAC_ADTS }, { TS_BYTES_VIDEO, HE_STREAM_TYPE_H264 } },
};
enum { TWO_SOUNDS, SECOND_SOUND, MOVED };

static Run *
run_expecting (guint video, guint audio)
{
  Run *run = run_new ();

  he_demux_expect (run->demux, video, audio);
  return run;
}

/* Pushes frames first .. last-1, with what a map tells of and sound on a PID. */
static void
push (Run *run, TsBytes *ts, guint first, guint last, const guint16 (*map)[2], guint n,
      guint16 sound)
{
  g_byte_array_set_size (ts->out, 0);
  write_mapped (ts, START, first, last, map, n, sound);
  run_push (run, ts->out, 0, WALL);
}

/* Frames of the n-th stream of sound. */
static guint
count_sound (const Run *run, guint index)
{
  guint n = 0;

  for (guint i = 0; i < run->frames->len; i++) {
    const HeDemuxStream *stream
        = he_demux_stream (run->demux, g_array_index (run->frames, HeFrame, i).stream);

    n += stream->media == HE_DEMUX_AUDIO && stream->index == index;
  }
  return n;
}

/* Given a first map without the sound that is expected, then nothing is told of the
 * program until a map has it, and no picture is lost meanwhile. */
static void
test_sound_comes_later (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (Run) run = run_expecting (1, 1);

  push (run, ts, 0, 40, ts_bytes_both, 1, 0);
  g_assert_cmpuint (run->programs, ==, 0);
  g_assert_cmpuint (run->frames->len, ==, 0);
  push (run, ts, 40, 120, ts_bytes_both, 2, TS_BYTES_AUDIO);
  run_finish (run, WALL);
  g_assert_cmpuint (run->programs, ==, 1);
  g_assert_cmpuint (he_demux_n_streams (run->demux), ==, 2);
  assert_even (run, HE_DEMUX_VIDEO, 120, FRAME);
  assert_even (run, HE_DEMUX_AUDIO, (80 * FRAME + 7679) / 7680 * SAMPLES_A_UNIT, 1920);
  g_assert_cmpuint (nth (run, HE_DEMUX_AUDIO, 0)->pts90, >=,
                    nth (run, HE_DEMUX_VIDEO, 40)->dts90);
}

/* The same of pictures, of a feed that begins with its sound. */
static void
test_video_comes_later (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (Run) run = run_expecting (1, 0);

  ts_bytes_pat (ts, 1, TS_BYTES_PMT);
  ts_bytes_pmt (ts, 1, TS_BYTES_PMT, ts_bytes_both + 1, 1);
  write_audio (ts, START, 0);
  run_push (run, ts->out, 0, WALL);
  g_assert_cmpuint (run->programs, ==, 0);
  push (run, ts, 0, 50, ts_bytes_both, 2, TS_BYTES_AUDIO);
  run_finish (run, WALL);
  assert_even (run, HE_DEMUX_VIDEO, 50, FRAME);
}

/* Given sound that no map ever has, then the program is what two seconds told of, in one
 * piece or in many, and what a later map adds is left out. */
static void
test_sound_never_comes (void)
{
  for (guint piece = 1; piece <= 100; piece += 99) {
    g_autoptr (TsBytes) ts = ts_bytes_new ();
    g_autoptr (Run) run = run_expecting (1, 1);

    for (guint i = 0; i < 100; i += piece) {
      push (run, ts, i, i + piece, ts_bytes_both, 1, 0);
      /* A picture is complete when the next begins. */
      g_assert_cmpuint (run->programs, ==, (i + piece) * FRAME > 2 * SECOND + 2 * FRAME);
    }
    push (run, ts, 100, 150, ts_bytes_both, 2, TS_BYTES_AUDIO);
    run_finish (run, WALL);
    g_assert_cmpuint (run->programs, ==, 1);
    g_assert_cmpuint (he_demux_n_streams (run->demux), ==, 1);
    assert_even (run, HE_DEMUX_VIDEO, 150, FRAME);
  }
}

/* Given sound that is missing in a feed whose timestamps say nothing of how long, or that
 * ends before, then the program is told all the same. */
static void
test_never_waits_for_ever (void)
{
  enum { NO_TIME, STANDS_STILL, JUMPS, LARGE, ENDS, N };

  for (guint kind = 0; kind < N; kind++) {
    g_autoptr (TsBytes) ts = ts_bytes_new ();
    g_autoptr (Run) run = run_expecting (1, 1);
    const guint most = kind == JUMPS   ? 3
                       : kind == LARGE ? 2 * HE_DEMUX_MAX_PENDING / 1000000
                       : kind == ENDS  ? 10
                                       : HE_DEMUX_MAX_STREAMS * HE_DEMUX_MAX_WAITING + 2;
    guint n = 0;

    for (; n < most && run->programs == 0; n++) {
      guint64 time = kind == NO_TIME               ? TS_BYTES_NO_TIME
                     : kind == JUMPS && n % 2 == 0 ? 0
                                                   : HE_PTS_WRAP / 2;

      g_byte_array_set_size (ts->out, 0);
      ts_bytes_pat (ts, 1, TS_BYTES_PMT);
      ts_bytes_pmt (ts, 1, TS_BYTES_PMT, ts_bytes_both, 1);
      ts_bytes_picture (ts, time, time, TRUE, kind == LARGE ? 1000000 : 300);
      run_push (run, ts->out, 0, WALL);
    }
    if (kind == ENDS) {
      g_assert_cmpuint (run->programs, ==, 0);
      run_finish (run, WALL);
    }
    g_assert_cmpuint (run->programs, ==, 1);
    g_assert_cmpuint (n, ==, kind == LARGE ? HE_DEMUX_MAX_PENDING / 1000000 + 2 : most);
  }
}

/* Given sound that moves to another PID, and streams that change places in the map, then
 * it is the same sound. */
static void
test_moved (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (Run) run = run_expecting (1, 1);

  push (run, ts, 0, 60, ts_bytes_both, 2, TS_BYTES_AUDIO);
  push (run, ts, 60, 120, maps[MOVED], 2, SOUND_C);
  run_finish (run, WALL);
  g_assert_cmpuint (run->programs, ==, 1);
  g_assert_cmpuint (he_demux_n_streams (run->demux), ==, 2);
  assert_even (run, HE_DEMUX_VIDEO, 120, FRAME);
  /* But the unit that was complete before the first picture was. */
  assert_even (run, HE_DEMUX_AUDIO, 120 * FRAME / 7680 * SAMPLES_A_UNIT, 1920);
}

/* Given sound that a map leaves out for a while, then it is the same sound that comes
 * again, on its PID or on another, and what is missing is told of. */
static void
test_away (void)
{
  for (guint again = 0; again < 2; again++) {
    g_autoptr (TsBytes) ts = ts_bytes_new ();
    g_autoptr (Run) run = run_expecting (1, 1);
    HeDemuxStats stats;

    push (run, ts, 0, 60, ts_bytes_both, 2, TS_BYTES_AUDIO);
    guint before = count (run, HE_DEMUX_AUDIO);
    /* It has no place in the map, and so it counts for nothing that comes on its PID. */
    push (run, ts, 60, 120, ts_bytes_both, 1, TS_BYTES_AUDIO);
    g_assert_cmpuint (count (run, HE_DEMUX_AUDIO), <=, before + SAMPLES_A_UNIT);
    before = count (run, HE_DEMUX_AUDIO);
    if (again)
      push (run, ts, 120, 180, maps[MOVED], 2, SOUND_C);
    else
      push (run, ts, 120, 180, ts_bytes_both, 2, TS_BYTES_AUDIO);
    run_finish (run, WALL);
    g_assert_cmpuint (run->programs, ==, 1);
    assert_even (run, HE_DEMUX_VIDEO, 180, FRAME);
    const HeFrame *first = nth (run, HE_DEMUX_AUDIO, before);
    g_assert_cmpuint (first->pts90, >=, nth (run, HE_DEMUX_VIDEO, 119)->dts90);
    g_assert_true (first->flags & HE_FRAME_DISCONT);
    he_demux_stats (run->demux, &stats);
    g_assert_cmpuint (stats.discontinuities, ==, 1);
    g_assert_cmpuint (run->anchors->len, ==, 1);
  }
}

/* Given two streams of sound of which a map leaves out the first, then the n-th of the
 * map is the n-th, and no stream is given twice. */
static void
test_first_of_two_is_away (void)
{
  g_autoptr (TsBytes) ts = ts_bytes_new ();
  g_autoptr (Run) run = run_expecting (1, 2);

  push (run, ts, 0, 50, maps[TWO_SOUNDS], 3, SOUND_B);
  g_assert_cmpuint (count_sound (run, 0), ==, 0);
  guint second = count_sound (run, 1);
  g_assert_cmpuint (second, >, 0);
  push (run, ts, 50, 100, maps[SECOND_SOUND], 2, SOUND_B);
  run_finish (run, WALL);
  g_assert_cmpuint (count_sound (run, 0), >, 0);
  g_assert_cmpuint (count_sound (run, 1), <=, second + SAMPLES_A_UNIT);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/demux/program/sound-that-comes-later", test_sound_comes_later);
  g_test_add_func ("/demux/program/video-that-comes-later", test_video_comes_later);
  g_test_add_func ("/demux/program/sound-that-never-comes", test_sound_never_comes);
  g_test_add_func ("/demux/program/never-waits-for-ever", test_never_waits_for_ever);
  g_test_add_func ("/demux/program/moved-stream-stays-the-same-stream", test_moved);
  g_test_add_func ("/demux/program/stream-that-is-away-for-a-while", test_away);
  g_test_add_func ("/demux/program/first-of-two-is-away", test_first_of_two_is_away);
  return g_test_run ();
}
