/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-align.h"

#define EPOCH (G_GUINT64_CONSTANT (1700000000) * 90000)

/* What a stream of frames became. */
typedef struct {
  HeAlignVideo align;
  GArray *times; /* guint64, in output order */
  guint filled;
} Video;

static void
video_setup (Video *video, guint64 duration90, guint fps_n, guint fps_d)
{
  he_align_video_init (&video->align, duration90);
  he_align_video_set_rate (&video->align, fps_n, fps_d);
  video->times = g_array_new (FALSE, FALSE, sizeof (guint64));
  video->filled = 0;
}

static void
video_teardown (Video *video)
{
  g_array_unref (video->times);
}

static gboolean
video_feed (Video *video, guint64 t90, gboolean clean)
{
  HeAlignFill fill;
  gboolean take = he_align_video_frame (&video->align, t90, clean, &fill);

  for (guint i = fill.first; i < fill.first + fill.count; i++) {
    guint64 time = he_align_fill_time (&fill, i);

    g_array_append_val (video->times, time);
    video->filled++;
  }
  if (take)
    g_array_append_val (video->times, t90);
  return take;
}

static guint64
time_at (Video *video, guint index)
{
  g_assert_cmpuint (index, <, video->times->len);
  return g_array_index (video->times, guint64, index);
}

static guint64
grid (guint64 from, guint64 n, guint fps_n, guint fps_d)
{
  return from + (n * 90000 * fps_d + fps_n / 2) / fps_n;
}

static void
test_video_waits_for_a_boundary (void)
{
  Video video;

  video_setup (&video, 180000, 25, 1);
  for (guint n = 1; n < 50; n++)
    g_assert_false (video_feed (&video, EPOCH + n * 3600, TRUE));
  g_assert_true (video_feed (&video, EPOCH + 180000, TRUE));
  g_assert_cmpuint (time_at (&video, 0), ==, EPOCH + 180000);
  video_teardown (&video);
}

static void
test_video_joins_on_a_boundary_at_once (void)
{
  Video video;

  video_setup (&video, 180000, 25, 1);
  g_assert_true (video_feed (&video, EPOCH, TRUE));
  video_teardown (&video);
}

static void
test_video_joins_behind_a_boundary_between_frames (void)
{
  Video video;
  guint64 boundary = (EPOCH / 180000 + 1) * 180000;
  guint n;

  /* No frame of 30000/1001 stands on the boundary. */
  video_setup (&video, 180000, 30000, 1001);
  for (n = 0; n < 200 && !video_feed (&video, EPOCH + 7 + n * 3003, TRUE); n++)
    ;
  g_assert_cmpuint (time_at (&video, 0), >=, boundary);
  g_assert_cmpuint (time_at (&video, 0), <, boundary + 3003);
  video_teardown (&video);
}

static void
test_video_does_not_join_on_damage (void)
{
  Video video;

  video_setup (&video, 180000, 25, 1);
  g_assert_false (video_feed (&video, EPOCH, FALSE));
  for (guint n = 1; n < 50; n++)
    g_assert_false (video_feed (&video, EPOCH + n * 3600, TRUE));
  g_assert_true (video_feed (&video, EPOCH + 180000, TRUE));
  g_assert_true (video_feed (&video, EPOCH + 183600, FALSE));
  video_teardown (&video);
}

static void
test_video_keeps_times_that_jitter (void)
{
  static const struct {
    guint n, d;
  } rates[] = { { 25, 1 }, { 30000, 1001 }, { 60000, 1001 }, { 50, 1 } };

  for (gsize r = 0; r < G_N_ELEMENTS (rates); r++) {
    Video video;

    video_setup (&video, 180000, rates[r].n, rates[r].d);
    for (guint n = 0; n < 2000; n++) {
      guint64 t90 = grid (EPOCH, n, rates[r].n, rates[r].d) + (n * 7 % 3) - 1;

      video_feed (&video, n == 0 ? EPOCH : t90, TRUE);
    }
    g_assert_cmpuint (video.times->len, ==, 2000);
    g_assert_cmpuint (video.filled, ==, 0);
    g_assert_cmpuint (time_at (&video, 1999), ==,
                      grid (EPOCH, 1999, rates[r].n, rates[r].d) + (1999 * 7 % 3) - 1);
    video_teardown (&video);
  }
}

static void
test_video_fills_a_gap_on_the_grid (void)
{
  Video video;

  video_setup (&video, 180000, 60000, 1001);
  for (guint n = 0; n < 400; n++)
    if (n < 100 || n >= 250)
      video_feed (&video, grid (EPOCH, n, 60000, 1001), TRUE);
  g_assert_cmpuint (video.times->len, ==, 400);
  g_assert_cmpuint (video.filled, ==, 150);
  for (guint n = 0; n < 400; n++)
    g_assert_cmpint (ABS ((gint64)(time_at (&video, n) - grid (EPOCH, n, 60000, 1001))),
                     <=, 1);
  video_teardown (&video);
}

static void
test_video_fills_alike_after_another_join (void)
{
  Video early, late;

  /* Frames are lost on both sides of the boundary with which the late node joins. */
  video_setup (&early, 180000, 25, 1);
  video_setup (&late, 180000, 25, 1);
  for (guint n = 0; n < 150; n++) {
    if (n >= 48 && n < 53)
      continue;
    video_feed (&early, EPOCH + n * 3600, TRUE);
    if (n >= 20)
      video_feed (&late, EPOCH + n * 3600, TRUE);
  }
  g_assert_cmpuint (early.times->len, ==, 150);
  g_assert_cmpuint (late.times->len, ==, 100);
  g_assert_cmpuint (late.filled, ==, 3);
  for (guint n = 0; n < 100; n++)
    g_assert_cmpuint (time_at (&late, n), ==, time_at (&early, n + 50));
  video_teardown (&early);
  video_teardown (&late);
}

static void
test_video_long_gap_ends_its_segment (void)
{
  Video video;
  guint64 behind = EPOCH + 20 * 90000 + 3600;

  video_setup (&video, 180000, 25, 1);
  for (guint n = 0; n < 60; n++)
    video_feed (&video, EPOCH + n * 3600, TRUE);
  for (guint n = 0; n < 60; n++)
    video_feed (&video, behind + n * 3600, TRUE);
  /* Two whole segments, then from the next boundary on. */
  g_assert_cmpuint (video.filled, ==, 40);
  g_assert_cmpuint (time_at (&video, 99), ==, EPOCH + 99 * 3600);
  g_assert_cmpuint (time_at (&video, 100), ==, EPOCH + 22 * 90000);
  video_teardown (&video);
}

static void
test_video_drops_what_comes_twice_or_late (void)
{
  Video video;

  video_setup (&video, 180000, 25, 1);
  g_assert_true (video_feed (&video, EPOCH, TRUE));
  g_assert_true (video_feed (&video, EPOCH + 3600, TRUE));
  g_assert_false (video_feed (&video, EPOCH + 3600, TRUE));
  g_assert_false (video_feed (&video, EPOCH, TRUE));
  g_assert_false (video_feed (&video, EPOCH + 3601, TRUE));
  g_assert_true (video_feed (&video, EPOCH + 7200, TRUE));
  g_assert_cmpuint (video.filled, ==, 0);
  video_teardown (&video);
}

static void
test_video_unknown_rate_fills_nothing (void)
{
  Video video;

  video_setup (&video, 180000, 0, 1);
  video_feed (&video, EPOCH, TRUE);
  g_assert_true (video_feed (&video, EPOCH + 90000, TRUE));
  g_assert_cmpuint (video.filled, ==, 0);
  video_teardown (&video);
}

/* What a silence up to a time became, behind what is there. */
static guint
video_silence (Video *video, guint64 until90)
{
  HeAlignFill fill;

  he_align_video_silence (&video->align, until90, &fill);
  for (guint i = fill.first; i < fill.first + fill.count; i++) {
    guint64 time = he_align_fill_time (&fill, i);

    g_array_append_val (video->times, time);
    video->filled++;
  }
  return fill.count;
}

/* Given a source that falls silent, then pictures go on on the grid whatever the pieces
 * in which it is told, and a feed that returns goes on behind them. */
static void
test_video_silence_goes_on_on_the_grid (void)
{
  for (guint piece = 1000; piece <= 180000; piece += 44750) {
    Video video;
    guint back = 3000;

    video_setup (&video, 180000, 60000, 1001);
    for (guint n = 0; n < 100; n++)
      video_feed (&video, grid (EPOCH, n, 60000, 1001), TRUE);
    for (guint64 t = EPOCH + 150000; t < grid (EPOCH, back, 60000, 1001) - 90000;
         t += piece)
      video_silence (&video, t);
    g_assert_cmpuint (video.filled, >, back - 400);
    /* Late ones come for places that are taken. */
    g_assert_false (video_feed (&video, grid (EPOCH, 100, 60000, 1001), TRUE));
    g_assert_false (video_feed (&video, grid (EPOCH, 2000, 60000, 1001), TRUE));
    for (guint n = back; n < back + 10; n++)
      g_assert_true (video_feed (&video, grid (EPOCH, n, 60000, 1001), TRUE));
    g_assert_cmpuint (video.times->len, ==, back + 10);
    for (guint n = 0; n < back + 10; n++) /* half ticks are rounded from the last one */
      g_assert_cmpuint (time_at (&video, n) + 1 - grid (EPOCH, n, 60000, 1001), <=, 2);
    video_teardown (&video);
  }
}

/* Given a silence that is told of all at once, longer than what is filled, then its
 * segment is whole and the stream waits for a boundary. */
static void
test_video_silence_is_bounded (void)
{
  Video video;

  video_setup (&video, 180000, 25, 1);
  g_assert_cmpuint (video_silence (&video, EPOCH), ==, 0);
  for (guint n = 0; n < 10; n++)
    video_feed (&video, EPOCH + n * 3600, TRUE);
  g_assert_cmpuint (video_silence (&video, EPOCH + 3600 * G_GUINT64_CONSTANT (90000)), ==,
                    40);
  g_assert_cmpuint (video_silence (&video, EPOCH + 3601 * G_GUINT64_CONSTANT (90000)), ==,
                    0);
  g_assert_false (video_feed (&video, EPOCH + 3601 * G_GUINT64_CONSTANT (90000), TRUE));
  g_assert_true (video_feed (&video, EPOCH + 3602 * G_GUINT64_CONSTANT (90000), TRUE));
  g_assert_cmpuint (video.times->len, ==, 51);
  video_teardown (&video);
}

static void
test_video_repeats_turn_black (void)
{
  Video video;
  HeAlignFill fill;

  video_setup (&video, 180000, 25, 1);
  video_feed (&video, EPOCH, TRUE);
  he_align_video_silence (&video.align, EPOCH + 9 * 90000, &fill);
  g_assert_false (he_align_fill_is_black (&fill, fill.first + fill.count - 1));
  he_align_video_silence (&video.align, EPOCH + 11 * 90000, &fill);
  g_assert_false (he_align_fill_is_black (&fill, 250));
  g_assert_true (he_align_fill_is_black (&fill, 251));
  video_teardown (&video);
}

/* Given a silence, when the source comes back at another rate, or at none it tells of,
 * then the repeats stay where they are and pictures go on behind them. */
static void
test_video_rate_changes_in_a_silence (void)
{
  static const guint rates[] = { 0, 50 };

  for (gsize r = 0; r < G_N_ELEMENTS (rates); r++) {
    Video video;

    video_setup (&video, 180000, 25, 1);
    video_feed (&video, EPOCH, TRUE);
    g_assert_cmpuint (video_silence (&video, EPOCH + 90000), ==, 24);
    he_align_video_set_rate (&video.align, rates[r], 1);
    g_assert_false (video_feed (&video, EPOCH + 24 * 3600, TRUE));
    g_assert_true (video_feed (&video, EPOCH + 24 * 3600 + 1800, TRUE));
    g_assert_cmpuint (video.times->len, ==, 26);
    video_teardown (&video);
  }
}

#define ADD(path, name) g_test_add_func ("/align/" path, test_##name)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("video/waits-for-a-boundary", video_waits_for_a_boundary);
  ADD ("video/joins-on-a-boundary-at-once", video_joins_on_a_boundary_at_once);
  ADD ("video/joins-behind-a-boundary-between-frames",
       video_joins_behind_a_boundary_between_frames);
  ADD ("video/does-not-join-on-damage", video_does_not_join_on_damage);
  ADD ("video/keeps-times-that-jitter", video_keeps_times_that_jitter);
  ADD ("video/fills-a-gap-on-the-grid", video_fills_a_gap_on_the_grid);
  ADD ("video/fills-alike-after-another-join", video_fills_alike_after_another_join);
  ADD ("video/long-gap-ends-its-segment", video_long_gap_ends_its_segment);
  ADD ("video/drops-what-comes-twice-or-late", video_drops_what_comes_twice_or_late);
  ADD ("video/unknown-rate-fills-nothing", video_unknown_rate_fills_nothing);
  ADD ("video/silence-goes-on-on-the-grid", video_silence_goes_on_on_the_grid);
  ADD ("video/silence-is-bounded", video_silence_is_bounded);
  ADD ("video/repeats-turn-black", video_repeats_turn_black);
  ADD ("video/rate-changes-in-a-silence", video_rate_changes_in_a_silence);
  return g_test_run ();
}
