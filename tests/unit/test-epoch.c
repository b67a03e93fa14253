/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-epoch.h"

/* 2026-11-21T08:00:00Z, and the year 2500, in ticks. */
#define NOW (G_GUINT64_CONSTANT (1795248000) * HE_TICKS_PER_SECOND)
#define YEAR_2500 (G_GUINT64_CONSTANT (16725225600) * HE_TICKS_PER_SECOND)

static void
ticks_survive_nanoseconds (void)
{
  static const guint64 starts[] = { 0, NOW, YEAR_2500 };

  g_assert_cmpuint (he_ticks_to_ns (1), ==, 11111);
  g_assert_cmpuint (he_ticks_to_ns (9), ==, 100000);
  g_assert_cmpuint (he_ticks_to_ns (NOW), ==, G_GUINT64_CONSTANT (1795248000000000000));
  g_assert_cmpuint (he_ticks_from_ns (5555), ==, 0);
  g_assert_cmpuint (he_ticks_from_ns (5556), ==, 1);
  for (guint i = 0; i < G_N_ELEMENTS (starts); i++)
    for (guint64 t = starts[i]; t < starts[i] + 100000; t++)
      g_assert_cmpuint (he_ticks_from_ns (he_ticks_to_ns (t)), ==, t);
}

static void
nanoseconds_keep_the_side_of_a_boundary (void)
{
  /* A tick before a boundary belongs to the old segment however often it is converted. */
  for (guint64 msn = NOW / 180180; msn < NOW / 180180 + 1000; msn++) {
    guint64 boundary = he_epoch_boundary (msn, 180180);

    for (int delta = -1; delta <= 1; delta++) {
      guint64 t = he_ticks_from_ns (he_ticks_to_ns (boundary + (guint64)(gint64)delta));

      g_assert_cmpuint (he_epoch_msn (t, 180180), ==, delta < 0 ? msn - 1 : msn);
    }
  }
}

/* Walks frames of fps_n/fps_d whose PTS were rounded to ticks, and checks that each
 * segment begins exactly on its boundary and holds the same number of them. */
static void
walk_frames (guint fps_n, guint fps_d, guint64 duration90, guint expected, guint round_up)
{
  guint64 per_segment = duration90 * fps_n / (HE_TICKS_PER_SECOND * fps_d);
  guint64 frame = NOW / duration90 * per_segment; /* starts on a boundary */
  guint64 last = G_MAXUINT64;
  guint held = 0, segments = 0;

  for (; segments < 50; frame++) {
    unsigned __int128 scaled = (unsigned __int128)frame * HE_TICKS_PER_SECOND * fps_d;
    guint64 t = (guint64)((scaled + (round_up ? fps_n - 1 : 0)) / fps_n);
    guint64 msn = he_epoch_msn (t, duration90);

    if (msn != last) {
      g_assert_cmpuint (t, ==, he_epoch_boundary (msn, duration90));
      if (last != G_MAXUINT64) {
        g_assert_cmpuint (held, ==, expected);
        g_assert_cmpuint (msn, ==, last + 1);
      }
      last = msn;
      held = 0;
      segments++;
    }
    held++;
  }
}

static void
segments_hold_the_same_frames_at_every_rate (void)
{
  for (guint round_up = 0; round_up < 2; round_up++) {
    walk_frames (25, 1, 180000, 50, round_up);
    walk_frames (50, 1, 180000, 100, round_up);
    walk_frames (30, 1, 180000, 60, round_up);
    walk_frames (30000, 1001, 180180, 60, round_up);
    walk_frames (60000, 1001, 180180, 120, round_up);
    walk_frames (24000, 1001, 180180, 48, round_up);
    walk_frames (60000, 1001, 360360, 240, round_up);
  }
}

static void
unwrap_keeps_order_across_a_wrap (void)
{
  gint64 reference
      = (gint64)(NOW / HE_PTS_WRAP * HE_PTS_WRAP) + (gint64)HE_PTS_WRAP - 1000;
  gint64 last = reference;

  for (guint i = 1; i < 100; i++) {
    guint64 pts33 = (HE_PTS_WRAP - 1000 + i * 3600) % HE_PTS_WRAP;
    gint64 t = he_epoch_unwrap (pts33, last);

    g_assert_cmpint (t, ==, reference + (gint64)i * 3600);
    last = t;
  }
  /* and backwards, as reordered pictures ask for it */
  g_assert_cmpint (he_epoch_unwrap (HE_PTS_WRAP - 1000, last), ==, reference);
}

static void
unwrap_takes_the_nearest_turn (void)
{
  const gint64 half = (gint64)(HE_PTS_WRAP / 2);

  g_assert_cmpint (he_epoch_unwrap (0, half - 1), ==, 0);
  g_assert_cmpint (he_epoch_unwrap (0, half + 1), ==, (gint64)HE_PTS_WRAP);
  g_assert_cmpint (he_epoch_unwrap (5, 5), ==, 5);
  g_assert_cmpint (he_epoch_unwrap (HE_PTS_WRAP - 1, 0), ==, -1);
  g_assert_cmpint (he_epoch_unwrap (HE_PTS_WRAP - 1, -5), ==, -1);
  for (guint64 pts = 0; pts < HE_PTS_WRAP; pts += HE_PTS_WRAP / 97) {
    gint64 t = he_epoch_unwrap (pts, (gint64)NOW);

    g_assert_cmpuint ((guint64)t % HE_PTS_WRAP, ==, pts);
    g_assert_cmpint (ABS (t - (gint64)NOW), <=, half);
  }
}

static void
audio_frames_of_48000_are_1920_ticks (void)
{
  guint64 first = NOW / 1920;

  g_assert_cmpuint (he_audio_frame_at_or_after (0, 48000), ==, 0);
  g_assert_cmpuint (he_audio_frame_at_or_after (1, 48000), ==, 1);
  g_assert_cmpuint (he_audio_frame_at_or_after (1920, 48000), ==, 1);
  g_assert_cmpuint (he_audio_frame_at_or_after (1921, 48000), ==, 2);
  for (guint64 f = first; f < first + 1000; f++) {
    g_assert_cmpuint (he_audio_frame_ticks (f, 48000), ==, f * 1920);
    g_assert_cmpuint (he_audio_frame_at_or_after (f * 1920, 48000), ==, f);
    g_assert_cmpuint (he_audio_frame_at_or_after (f * 1920 - 1, 48000), ==, f);
  }
}

/* Compared as fractions: frame f begins at f * 1024 * 90000 / rate ticks. */
static void
audio_segments_begin_at_the_first_frame (void)
{
  static const guint rates[] = { 44100, 48000, 32000, 22050, 96000 };
  static const guint64 durations[] = { 180000, 180180, 360000 };

  for (guint i = 0; i < G_N_ELEMENTS (rates) * G_N_ELEMENTS (durations); i++) {
    guint rate = rates[i % G_N_ELEMENTS (rates)];
    guint64 duration90 = durations[i / G_N_ELEMENTS (rates)];
    guint64 least = duration90 * rate / HE_TICKS_PER_SECOND / HE_AUDIO_FRAME;
    guint64 last = he_audio_frame_at_or_after (NOW / duration90 * duration90, rate);

    for (guint64 msn = NOW / duration90 + 1; msn < NOW / duration90 + 200; msn++) {
      guint64 boundary = he_epoch_boundary (msn, duration90);
      guint64 f = he_audio_frame_at_or_after (boundary, rate);
      const unsigned __int128 unit = HE_AUDIO_FRAME * HE_TICKS_PER_SECOND;

      g_assert_true (f * unit >= (unsigned __int128)boundary * rate);
      g_assert_true ((f - 1) * unit < (unsigned __int128)boundary * rate);
      g_assert_true (f - last == least || f - last == least + 1);
      last = f;
    }
  }
}

static void
audio_samples_survive_nanoseconds (void)
{
  static const guint rates[] = { 44100, 48000, 32000, 22050, 96000 };

  for (guint i = 0; i < G_N_ELEMENTS (rates); i++) {
    guint rate = rates[i];
    guint64 first = he_audio_frame_at_or_after (NOW, rate);

    for (guint64 f = first; f < first + 5000; f++) {
      guint64 ns = he_audio_frame_ns (f, rate);

      g_assert_cmpuint (he_audio_sample_from_ns (ns, rate), ==, f * HE_AUDIO_FRAME);
      g_assert_cmpuint (he_audio_sample_to_ns (f * HE_AUDIO_FRAME, rate), ==, ns);
      g_assert_cmpuint (he_audio_frame_ticks (f, rate), ==, he_ticks_from_ns (ns));
    }
    for (guint64 s = first * 1024; s < first * 1024 + 5000; s++)
      g_assert_cmpuint (he_audio_sample_from_ns (he_audio_sample_to_ns (s, rate), rate),
                        ==, s);
  }
  g_assert_cmpuint (he_audio_frame_ticks (1, 44100), ==, 2090); /* 2089.795… */
  g_assert_cmpuint (he_audio_frame_ns (1, 44100), ==, 23219954);
}

static void
assert_date (guint64 t90, const char *expected)
{
  g_autofree char *text = he_epoch_to_rfc3339 (t90);

  g_assert_cmpstr (text, ==, expected);
}

static void
dates_are_utc_with_milliseconds (void)
{
  assert_date (0, "1970-01-01T00:00:00.000Z");
  assert_date (NOW + 3600, "2026-11-21T08:00:00.040Z");
  assert_date (NOW - 46, "2026-11-21T07:59:59.999Z");
  assert_date (NOW - 45, "2026-11-21T08:00:00.000Z"); /* half a millisecond rounds up */
  assert_date (NOW + 44, "2026-11-21T08:00:00.000Z");
  assert_date (G_GUINT64_CONSTANT (951782400) * 90000, "2000-02-29T00:00:00.000Z");
  assert_date (YEAR_2500, "2500-01-01T00:00:00.000Z");
  g_free (he_epoch_to_rfc3339 (G_MAXUINT64));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/epoch/ticks/survive-nanoseconds", ticks_survive_nanoseconds);
  g_test_add_func ("/epoch/ticks/keep-the-side-of-a-boundary",
                   nanoseconds_keep_the_side_of_a_boundary);
  g_test_add_func ("/epoch/msn/segments-hold-the-same-frames-at-every-rate",
                   segments_hold_the_same_frames_at_every_rate);
  g_test_add_func ("/epoch/unwrap/keeps-order-across-a-wrap",
                   unwrap_keeps_order_across_a_wrap);
  g_test_add_func ("/epoch/unwrap/takes-the-nearest-turn", unwrap_takes_the_nearest_turn);
  g_test_add_func ("/epoch/audio/frames-of-48000-are-1920-ticks",
                   audio_frames_of_48000_are_1920_ticks);
  g_test_add_func ("/epoch/audio/segments-begin-at-the-first-frame",
                   audio_segments_begin_at_the_first_frame);
  g_test_add_func ("/epoch/audio/samples-survive-nanoseconds",
                   audio_samples_survive_nanoseconds);
  g_test_add_func ("/epoch/rfc3339/is-utc-with-milliseconds",
                   dates_are_utc_with_milliseconds);
  return g_test_run ();
}
