/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-stamp.h"

typedef enum { NEAREST, DOWN, UP } Rounding;

/* Frame n of num/den ms each, from a phase in 1/1000 ms, rounded to milliseconds. */
static gint64
rounded (gint64 n, guint64 num, guint64 den, gint64 phase, Rounding how)
{
  __int128 exact = (__int128)n * (gint64)num * 1000 + (__int128)phase * (gint64)den;
  __int128 unit = (__int128)1000 * (gint64)den;

  return (gint64)((exact
                   + (how == NEAREST ? unit / 2
                      : how == UP    ? unit - 1
                                     : 0))
                  / unit);
}

static const struct {
  guint64 num, den;
  guint period;
} frames[] = {
  { 40, 1, 1 },
  { 1001 * 1000, 30000, 30 },
  { 1001 * 1000, 60000, 60 },
  { 1000, 30, 3 },
  { 1001 * 1000, 24000, 24 },
  { 1024 * 1000, 48000, 3 },
  { 1024 * 1000, 44100, 441 },
  { 1024 * 1000, 32000, 1 },
};

/* Given frames whose times were rounded, when two join at different moments, then both
 * know them after one period, give every frame the same time, and it is right. */
static void
test_period (void)
{
  for (gsize f = 0; f < G_N_ELEMENTS (frames); f++)
    for (Rounding how = NEAREST; how <= UP; how++)
      for (gint64 phase = 0; phase < 1000; phase += 333) {
        HeStamp a = { 0 }, b = { 0 };
        gint64 from = 1000000, join = from + 1 + (gint64)(f * 17), n;
        guint64 num = frames[f].num, den = frames[f].den;

        he_stamp_init (&a, num, den);
        he_stamp_init (&b, num, den);
        for (n = from; n < join + frames[f].period + 5; n++) {
          gint64 ms = rounded (n, num, den, phase, how);

          g_assert_true (he_stamp_take (&a, ms));
          g_assert_true (n < join || he_stamp_take (&b, ms));
          g_assert_cmpint (he_stamp_is_ready (&a), ==, n - from + 1 >= frames[f].period);
          g_assert_cmpint (he_stamp_is_ready (&b), ==, n - join + 1 >= frames[f].period);
        }
        for (gint64 last = 0; n < join + 5000; n++) {
          gint64 ms = rounded (n, num, den, phase, how), time;
          double exact = 90. * ((double)n * (double)num / (double)den + phase / 1000.);

          g_assert_true (he_stamp_take (&a, ms) && he_stamp_take (&b, ms));
          time = he_stamp_time (&a, ms);
          g_assert_cmpint (time, ==, he_stamp_time (&b, ms));
          g_assert_cmpfloat (ABS ((double)time - exact), <=, 91);
          /* On a grid of its own, to the tick. */
          g_assert_true (last == 0
                         || ABS ((double)(time - last) - 90. * (double)num / (double)den)
                                < 1);
          last = time;
        }
        he_stamp_clear (&a);
        he_stamp_clear (&b);
      }
}

/* Given lost frames, then the period is complete a little later, and says the same. */
static void
test_loss (void)
{
  HeStamp a = { 0 }, b = { 0 };
  gint64 ms = 0;

  he_stamp_init (&a, 1001 * 1000, 30000);
  he_stamp_init (&b, 1001 * 1000, 30000);
  for (gint64 n = 100; n < 170; n++) {
    ms = rounded (n, 1001 * 1000, 30000, 250, NEAREST);
    g_assert_true (he_stamp_take (&a, ms));
    g_assert_true (n % 7 == 0 || he_stamp_take (&b, ms));
  }
  g_assert_true (he_stamp_is_ready (&b));
  g_assert_cmpint (he_stamp_time (&a, ms), ==, he_stamp_time (&b, ms));
  he_stamp_clear (&a);
  he_stamp_clear (&b);
}

/* Given times that are not of such frames, then they are taken as they are. */
static void
test_stray (void)
{
  HeStamp stamp = { 0 };

  he_stamp_init (&stamp, 40, 1);
  for (gint64 n = 0; n < 1000; n++)
    g_assert_true (he_stamp_take (&stamp, rounded (n, 1001 * 1000, 24000, 0, NEAREST)));
  g_assert_cmpint (he_stamp_time (&stamp, 41667), ==, 41667 * 90);
  /* But behind a jump they may be. */
  g_assert_false (he_stamp_take (&stamp, 100000));
  g_assert_false (he_stamp_is_ready (&stamp));
  g_assert_true (he_stamp_take (&stamp, 100000) && he_stamp_take (&stamp, 100041));
  g_assert_cmpint (he_stamp_time (&stamp, 100041), ==, 100040 * 90);
  he_stamp_init (&stamp, 0, 1);
  g_assert_true (he_stamp_take (&stamp, 41) && he_stamp_is_ready (&stamp));
  g_assert_cmpint (he_stamp_time (&stamp, 41), ==, 41 * 90);
  he_stamp_clear (&stamp);
}

/* Given a jump, then the phase behind it is found anew. */
static void
test_jump (void)
{
  HeStamp stamp = { 0 };

  he_stamp_init (&stamp, 1000, 30);
  for (gint64 n = 0; n < 10; n++)
    g_assert_true (he_stamp_take (&stamp, rounded (n, 1000, 30, 0, NEAREST)));
  g_assert_cmpint (he_stamp_time (&stamp, 300), ==, 27000);
  g_assert_false (he_stamp_take (&stamp, 5013));
  g_assert_false (he_stamp_is_ready (&stamp));
  for (gint64 n = 0; n < 3; n++)
    g_assert_true (he_stamp_take (&stamp, 5013 + rounded (n, 1000, 30, 0, NEAREST)));
  g_assert_cmpint (he_stamp_time (&stamp, 5013), ==, 5013 * 90);
  he_stamp_clear (&stamp);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/stamp/a-period-gives-frames-their-own-times", test_period);
  g_test_add_func ("/stamp/loss-does-not-change-them", test_loss);
  g_test_add_func ("/stamp/times-of-no-grid-are-kept", test_stray);
  g_test_add_func ("/stamp/a-jump-has-a-phase-of-its-own", test_jump);
  return g_test_run ();
}
