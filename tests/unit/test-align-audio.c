/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-align.h"
#include "he-epoch.h"

#include <string.h>

#define EPOCH (G_GUINT64_CONSTANT (1700000000) * 90000)

typedef enum { EXACT, TICKS_NEAREST, TICKS_DOWN, MILLISECONDS } Rounding;

/* Time of a sample of a feed that began `phase` ticks behind EPOCH, in integers. */
static guint64
stamp (guint64 sample, guint64 phase, guint rate, Rounding rounding)
{
  switch (rounding) {
    case TICKS_NEAREST:
      return he_ticks_to_ns (EPOCH + phase + (sample * 90000 + rate / 2) / rate);
    case TICKS_DOWN:
      return he_ticks_to_ns (EPOCH + phase + sample * 90000 / rate);
    case MILLISECONDS:
      return he_ticks_to_ns (EPOCH
                             + 90 * (phase / 90 + (sample * 1000 + rate / 2) / rate));
    default:
      return he_ticks_to_ns (EPOCH + phase) + sample * 1000000000 / rate;
  }
}

/* The output as a map: which sample of the feed (or SILENCE) stands at start + i. */
#define SILENCE G_MININT64
typedef struct {
  HeAlignAudio align;
  GQueue held; /* gint64 *: first sample of the block */
  guint64 start;
  GArray *map; /* gint64 */
  gboolean filled, started;
} Audio;

static void
audio_setup (Audio *audio, guint rate, guint64 duration90, guint skip)
{
  memset (audio, 0, sizeof (*audio));
  he_align_audio_init (&audio->align, rate, duration90, skip);
  g_queue_init (&audio->held);
  audio->map = g_array_new (FALSE, FALSE, sizeof (gint64));
}

static void
audio_teardown (Audio *audio)
{
  he_align_audio_clear (&audio->align);
  g_queue_clear_full (&audio->held, g_free);
  g_array_unref (audio->map);
}

static void
audio_drain (Audio *audio)
{
  HeAlignStep step;

  while (he_align_audio_pull (&audio->align, &step)) {
    g_autofree gint64 *first = g_queue_pop_head (&audio->held);
    gint64 silence = SILENCE;

    for (guint64 i = 0; i < step.fill; i++)
      g_array_append_val (audio->map, silence);
    audio->filled |= step.filled;
    if (step.restart && !audio->started) {
      audio->start = step.start;
      audio->started = TRUE;
    } else if (step.restart) {
      g_assert_cmpuint ((audio->start + audio->map->len) % HE_AUDIO_FRAME, ==, 0);
      while (audio->start + audio->map->len < step.start)
        g_array_append_val (audio->map, silence);
    }
    for (guint i = 0; i < step.take; i++) {
      gint64 sample = *first + step.skip + i;

      g_array_append_val (audio->map, sample);
    }
  }
}

static void
audio_feed (Audio *audio, guint64 ns, gint64 first, guint samples)
{
  if (he_align_audio_push (&audio->align, ns, samples))
    g_queue_push_tail (&audio->held, g_memdup2 (&first, sizeof (first)));
  audio_drain (audio);
}

static gint64
audio_at (const Audio *audio, guint64 sample)
{
  g_assert_cmpuint (sample, >=, audio->start);
  g_assert_cmpuint (sample, <, audio->start + audio->map->len);
  return g_array_index (audio->map, gint64, sample - audio->start);
}

/* Feeds blocks first .. last - 1 of 1024 samples. */
static void
feed_blocks (Audio *audio, guint first, guint last, guint64 phase, guint rate,
             Rounding rounding)
{
  for (guint n = first; n < last; n++)
    audio_feed (audio, stamp (n * 1024, phase, rate, rounding), n * 1024, 1024);
}

static void
assert_same (const Audio *early, const Audio *late)
{
  guint64 end = MIN (early->start + early->map->len, late->start + late->map->len);

  g_assert_cmpuint (late->start, <, end);
  for (guint64 s = late->start; s < end; s++)
    if (audio_at (early, s) != audio_at (late, s))
      g_error ("sample %" G_GUINT64_FORMAT ": %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT,
               s, audio_at (early, s), audio_at (late, s));
}

static void
test_audio_same_place_whenever_joined (void)
{
  static const struct {
    guint rate;
    Rounding rounding;
  } cases[] = {
    { 48000, TICKS_NEAREST }, { 48000, TICKS_DOWN }, { 48000, EXACT },
    { 44100, TICKS_NEAREST }, { 44100, TICKS_DOWN }, { 44100, EXACT },
    { 32000, TICKS_NEAREST }, { 22050, TICKS_DOWN },
  };

  for (gsize c = 0; c < G_N_ELEMENTS (cases); c++) {
    for (guint p = 0; p < 40; p++) {
      guint64 phase = p * 97;
      Audio early, late;

      audio_setup (&early, cases[c].rate, 180000, 3);
      audio_setup (&late, cases[c].rate, 180000, 3);
      feed_blocks (&early, 0, 300, phase, cases[c].rate, cases[c].rounding);
      feed_blocks (&late, 31 + p, 300, phase, cases[c].rate, cases[c].rounding);
      assert_same (&early, &late);
      g_assert_false (early.filled);
      audio_teardown (&early);
      audio_teardown (&late);
    }
  }
}

static void
test_audio_place_is_the_time (void)
{
  static const Rounding roundings[] = { EXACT, TICKS_NEAREST, TICKS_DOWN, MILLISECONDS };
  static const guint rates[] = { 48000, 44100 };
  static const double most[]
      = { 1, 9, 9, 90 }; /* samples: half the rounding, and a bit */

  for (gsize r = 0; r < G_N_ELEMENTS (rates); r++) {
    for (gsize i = 0; i < G_N_ELEMENTS (roundings); i++) {
      Audio audio;
      double place, sample;

      audio_setup (&audio, rates[r], 180000, 3);
      feed_blocks (&audio, 0, 300, 12345, rates[r], roundings[i]);
      sample = audio_at (&audio, audio.start + 5000);
      place = (audio.start + 5000. - (double)(EPOCH / 90000) * rates[r])
              - 12345 / 90000. * rates[r];
      g_assert_cmpfloat (ABS (place - sample), <=, most[i]);
      audio_teardown (&audio);
    }
  }
}

static void
test_audio_millisecond_times_stay_contiguous (void)
{
  Audio audio;

  audio_setup (&audio, 44100, 180000, 3);
  feed_blocks (&audio, 0, 3000, 777, 44100, MILLISECONDS);
  g_assert_cmpuint (audio.map->len, >, 2800 * 1024);
  for (guint64 s = audio.start + 1; s < audio.start + audio.map->len; s++)
    g_assert_cmpint (audio_at (&audio, s), ==, audio_at (&audio, s - 1) + 1);
  audio_teardown (&audio);
}

static void
test_audio_starts_with_a_segment (void)
{
  Audio audio;

  audio_setup (&audio, 44100, 180000, 3);
  feed_blocks (&audio, 0, 200, 500, 44100, TICKS_NEAREST);
  /* The first blocks are gone, so segment 0 of the feed is not whole. */
  g_assert_cmpuint (audio.start, ==,
                    he_audio_frame_at_or_after (EPOCH + 180000, 44100) * 1024);
  g_assert_cmpint (audio_at (&audio, audio.start), >=, 3 * 1024);
  audio_teardown (&audio);
}

static void
test_audio_takes_blocks_of_any_size (void)
{
  guint sizes[] = { 441, 1, 2048, 1152, 333, 4096 };
  Audio audio;
  gint64 sample = 0;

  audio_setup (&audio, 48000, 180000, 0);
  for (guint n = 0; n < 200; n++) {
    guint size = sizes[n % G_N_ELEMENTS (sizes)];

    audio_feed (&audio, stamp (sample, 0, 48000, EXACT), sample, size);
    sample += size;
  }
  g_assert_cmpuint (audio.start, ==, EPOCH / 90000 * 48000);
  g_assert_cmpuint (audio.map->len, ==, sample);
  for (guint64 s = 0; s < audio.map->len; s++)
    g_assert_cmpint (audio_at (&audio, audio.start + s), ==, (gint64)s);
  audio_teardown (&audio);
}

static void
test_audio_fills_lost_blocks_in_phase (void)
{
  static const guint rates[] = { 48000, 44100 };

  for (gsize r = 0; r < G_N_ELEMENTS (rates); r++) {
    Audio audio, late;
    gint64 before;

    audio_setup (&audio, rates[r], 180000, 3);
    feed_blocks (&audio, 0, 200, 4321, rates[r], TICKS_NEAREST);
    feed_blocks (&audio, 207, 500, 4321, rates[r], TICKS_NEAREST);
    audio_setup (&late, rates[r], 180000, 3);
    feed_blocks (&late, 220, 500, 4321, rates[r], TICKS_NEAREST);

    g_assert_true (audio.filled);
    before = audio_at (&audio, audio.start);
    for (guint64 i = 0; i < audio.map->len; i++) {
      gint64 expected = before + (gint64)i;

      if (expected >= 200 * 1024 && expected < 207 * 1024)
        expected = SILENCE;
      g_assert_cmpint (audio_at (&audio, audio.start + i), ==, expected);
    }
    assert_same (&audio, &late);
    audio_teardown (&audio);
    audio_teardown (&late);
  }
}

static void
test_audio_drops_blocks_that_come_twice (void)
{
  Audio audio;

  audio_setup (&audio, 48000, 180000, 0);
  feed_blocks (&audio, 0, 150, 0, 48000, TICKS_NEAREST);
  feed_blocks (&audio, 148, 300, 0, 48000, TICKS_NEAREST);
  g_assert_false (audio.filled);
  g_assert_cmpuint (audio.map->len, ==, 300 * 1024);
  for (guint64 s = 0; s < audio.map->len; s++)
    g_assert_cmpint (audio_at (&audio, audio.start + s), ==, (gint64)s);
  audio_teardown (&audio);
}

static void
test_audio_new_phase_is_found (void)
{
  Audio audio;
  guint64 join;

  /* The source restarts 300.3 ms later, at another phase of its frames. */
  audio_setup (&audio, 48000, 180000, 0);
  feed_blocks (&audio, 0, 150, 0, 48000, TICKS_NEAREST);
  for (guint n = 150; n < 300; n++)
    audio_feed (&audio, stamp (n * 1024, 27027, 48000, TICKS_NEAREST), n * 1024, 1024);
  g_assert_true (audio.filled);
  join = audio.start + 150 * 1024;
  g_assert_cmpint (audio_at (&audio, join - 1), ==, 150 * 1024 - 1);
  g_assert_cmpint (audio_at (&audio, join), ==, SILENCE);
  g_assert_cmpint (audio_at (&audio, join + 14414 - 1), ==, SILENCE);
  g_assert_cmpint (audio_at (&audio, join + 14414), ==, 150 * 1024);
  audio_teardown (&audio);
}

static void
test_audio_long_gap_ends_its_segment (void)
{
  Audio audio;
  guint64 first_end, second;

  audio_setup (&audio, 48000, 180000, 0);
  feed_blocks (&audio, 0, 120, 0, 48000, TICKS_NEAREST);
  feed_blocks (&audio, 1000, 1200, 0, 48000, TICKS_NEAREST);
  first_end = he_audio_frame_at_or_after (EPOCH + 2 * 180000, 48000) * 1024;
  second = he_audio_frame_at_or_after (EPOCH + 11 * 180000, 48000) * 1024;
  g_assert_cmpint (audio_at (&audio, first_end - 1), ==, SILENCE);
  g_assert_cmpint (audio_at (&audio, second - 1), ==, SILENCE);
  g_assert_cmpint (audio_at (&audio, second), ==,
                   (gint64)(second - EPOCH / 90000 * 48000));
  audio_teardown (&audio);
}

static void
test_audio_follows_drift_in_small_steps (void)
{
  Audio audio;
  gint64 last;
  guint64 worst = 0;

  /* 100 ppm: after 3000 blocks 307 samples. */
  audio_setup (&audio, 48000, 180000, 0);
  for (guint n = 0; n < 3000; n++)
    audio_feed (&audio, stamp (n * 1024, 0, 48000, EXACT) + n * 2133, n * 1024, 1024);
  g_assert_false (audio.filled);
  last = audio_at (&audio, audio.start + audio.map->len - 1);
  worst = audio.start + audio.map->len - 1 - EPOCH / 90000 * 48000 - last;
  g_assert_cmpint (ABS ((gint64)worst - 307), <=, 48);
  audio_teardown (&audio);
}

static void
test_audio_finish_places_what_is_held (void)
{
  Audio audio;

  audio_setup (&audio, 48000, 180000, 0);
  feed_blocks (&audio, 0, 5, 0, 48000, TICKS_NEAREST);
  g_assert_cmpuint (audio.map->len, ==, 0);
  he_align_audio_finish (&audio.align);
  audio_drain (&audio);
  g_assert_cmpuint (audio.map->len, ==, 5 * 1024);
  audio_teardown (&audio);
}

static void
test_audio_msn_matches_segment_starts (void)
{
  static const guint rates[] = { 48000, 44100 };

  for (gsize r = 0; r < G_N_ELEMENTS (rates); r++) {
    for (guint64 msn = EPOCH / 180000; msn < EPOCH / 180000 + 500; msn++) {
      guint64 first = he_audio_frame_at_or_after (msn * 180000, rates[r]);

      g_assert_cmpuint (he_align_audio_msn (first, rates[r], 180000), ==, msn);
      g_assert_cmpuint (he_align_audio_msn (first - 1, rates[r], 180000), ==, msn - 1);
    }
  }
}

static guint64
audio_silence (Audio *audio, guint64 until90)
{
  gint64 silence = SILENCE;

  he_align_audio_finish (&audio->align);
  audio_drain (audio);
  guint64 fill = he_align_audio_silence (&audio->align, until90);
  for (guint64 i = 0; i < fill; i++)
    g_array_append_val (audio->map, silence);
  return fill;
}

/* Given a source that falls silent and comes back, then every sample stands where its
 * time says, those of a place that is taken are dropped, and all between is silence. */
static void
test_audio_silence_is_filled (void)
{
  Audio audio;

  audio_setup (&audio, 48000, 180000, 0);
  g_assert_cmpuint (audio_silence (&audio, EPOCH + 90000), ==, 0);
  feed_blocks (&audio, 0, 100, 0, 48000, EXACT);
  for (guint64 t = 200000; t < 3000000; t += 7777)
    audio_silence (&audio, EPOCH + t);
  feed_blocks (&audio, 1000, 1700, 0, 48000, EXACT);
  for (gint64 s = 0; s < 1600 * 1024; s++) {
    gint64 at = audio_at (&audio, EPOCH / 90000 * 48000 + (guint64)s);

    if (s < 100 * 1024 || s > 1599850)
      g_assert_cmpint (at, ==, s);
    else if (s < 1599850 - 7777)
      g_assert_cmpint (at, ==, SILENCE);
  }
  g_assert_cmpuint (audio_silence (&audio, EPOCH + 90000 * 3600), <, 96000 + 1024);
  g_assert_cmpuint (audio_silence (&audio, EPOCH + 90000 * 3601), ==, 0);
  audio_teardown (&audio);
}

#define ADD(path, name) g_test_add_func ("/align-audio/" path, test_##name)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("same-place-whenever-joined", audio_same_place_whenever_joined);
  ADD ("place-is-the-time", audio_place_is_the_time);
  ADD ("millisecond-times-stay-contiguous", audio_millisecond_times_stay_contiguous);
  ADD ("starts-with-a-segment", audio_starts_with_a_segment);
  ADD ("takes-blocks-of-any-size", audio_takes_blocks_of_any_size);
  ADD ("fills-lost-blocks-in-phase", audio_fills_lost_blocks_in_phase);
  ADD ("drops-blocks-that-come-twice", audio_drops_blocks_that_come_twice);
  ADD ("new-phase-is-found", audio_new_phase_is_found);
  ADD ("long-gap-ends-its-segment", audio_long_gap_ends_its_segment);
  ADD ("follows-drift-in-small-steps", audio_follows_drift_in_small_steps);
  ADD ("finish-places-what-is-held", audio_finish_places_what_is_held);
  ADD ("msn-matches-segment-starts", audio_msn_matches_segment_starts);
  ADD ("silence-is-filled", audio_silence_is_filled);
  return g_test_run ();
}
