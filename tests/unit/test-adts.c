/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-adts.h"

#include "ts-bytes.h"

#define NONE HE_ADTS_NO_TIME
#define RATE_48000 3
#define RATE_44100 4

typedef struct {
  guint64 pts90, duration90;
  gsize size;
  guint rate;
  guint8 fill;
  gboolean gap;
} Seen;

typedef struct {
  GArray *seen; /* Seen */
  GByteArray *bytes;
  HeAdtsSplitter *splitter;
} Fixture;

static void
on_frame (const HeAdtsFrame *frame, gpointer user)
{
  Seen seen = {
    .pts90 = frame->pts90,
    .duration90 = frame->duration90,
    .size = frame->header.size,
    .rate = frame->header.rate,
    .fill = frame->data[frame->header.size - 1],
    .gap = frame->gap,
  };

  g_array_append_val ((GArray *)user, seen);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->seen = g_array_new (FALSE, FALSE, sizeof (Seen));
  f->bytes = g_byte_array_new ();
  f->splitter = he_adts_splitter_new (on_frame, f->seen);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  he_adts_splitter_free (f->splitter);
  g_array_unref (f->seen);
  g_byte_array_unref (f->bytes);
}

static const Seen *
seen (const Fixture *f, guint i)
{
  g_assert_cmpuint (i, <, f->seen->len);
  return &g_array_index (f->seen, Seen, i);
}

/* Frames of 100 bytes, filled with their number. */
static void
write_frames (Fixture *f, guint n, guint rate)
{
  for (guint i = 0; i < n; i++)
    ts_bytes_adts (f->bytes, rate, 100, (guint8)i);
}

static void
push (Fixture *f, gsize from, gsize to, guint64 pts)
{
  he_adts_splitter_push (f->splitter, f->bytes->data + from, to - from, pts, FALSE,
                         FALSE);
}

static void
test_header (Fixture *f, gconstpointer data)
{
  HeAdtsHeader header;

  ts_bytes_adts (f->bytes, RATE_44100, 8191, 0);
  g_assert_true (he_adts_read_header (f->bytes->data, 7, &header));
  g_assert_cmpuint (header.rate, ==, 44100);
  g_assert_cmpuint (header.channels, ==, 2);
  g_assert_cmpuint (header.samples, ==, 1024);
  g_assert_cmpuint (header.size, ==, 8191);
  g_assert_false (he_adts_read_header (f->bytes->data, 6, &header));
  f->bytes->data[1] |= 0x06; /* a layer: MPEG audio */
  g_assert_false (he_adts_read_header (f->bytes->data, 7, &header));
  g_byte_array_set_size (f->bytes, 0);
  ts_bytes_adts (f->bytes, 13, 100, 0); /* no such rate */
  g_assert_false (he_adts_read_header (f->bytes->data, 7, &header));
  g_byte_array_set_size (f->bytes, 0);
  ts_bytes_adts (f->bytes, RATE_48000, 7, 0);
  f->bytes->data[4] = f->bytes->data[5] = 0; /* size 0 */
  g_assert_false (he_adts_read_header (f->bytes->data, 7, &header));
}

static void
test_several_a_unit (Fixture *f, gconstpointer data)
{
  write_frames (f, 8, RATE_48000);
  push (f, 0, 800, 900000);
  g_assert_cmpuint (f->seen->len, ==, 8);
  for (guint i = 0; i < 8; i++) {
    g_assert_cmpuint (seen (f, i)->pts90, ==, 900000 + i * 1920);
    g_assert_cmpuint (seen (f, i)->duration90, ==, 1920);
    g_assert_cmpuint (seen (f, i)->fill, ==, i);
  }
}

/* At 44.1 kHz a frame lasts 2089.796 ticks: no error may add up, and durations join. */
static void
test_fractions (Fixture *f, gconstpointer data)
{
  write_frames (f, 200, RATE_44100);
  push (f, 0, f->bytes->len, 0);
  g_assert_cmpuint (f->seen->len, ==, 200);
  for (guint i = 0; i < 200; i++) {
    double exact = i * 1024 * 90000.0 / 44100;

    g_assert_cmpfloat_with_epsilon ((double)seen (f, i)->pts90, exact, 0.501);
    if (i > 0)
      g_assert_cmpuint (seen (f, i - 1)->pts90 + seen (f, i - 1)->duration90, ==,
                        seen (f, i)->pts90);
  }
}

/* A unit's time is that of the first frame that begins in it, not of the rest of one. */
static void
test_straddling (Fixture *f, gconstpointer data)
{
  write_frames (f, 5, RATE_48000);
  push (f, 0, 250, 1000000);
  push (f, 250, 270, NONE); /* nothing begins in it */
  push (f, 270, 500, 1000000 + 3 * 1920 + 1);
  g_assert_cmpuint (f->seen->len, ==, 5);
  g_assert_cmpuint (seen (f, 2)->pts90, ==, 1000000 + 2 * 1920);
  g_assert_cmpuint (seen (f, 3)->pts90, ==, 1000000 + 3 * 1920 + 1);
  g_assert_cmpuint (seen (f, 4)->pts90, ==, 1000000 + 4 * 1920 + 1);
}

/* Given one stream read from two places, then common frames have common times. */
static void
test_pure (Fixture *f, gconstpointer data)
{
  const gsize cuts[] = { 0, 330, 650, 980, 1310, 1640, 2000 };
  g_autoptr (GArray) late = g_array_new (FALSE, FALSE, sizeof (Seen));
  g_autoptr (HeAdtsSplitter) other = he_adts_splitter_new (on_frame, late);

  write_frames (f, 20, RATE_44100);
  for (guint i = 0; i + 1 < G_N_ELEMENTS (cuts); i++) {
    guint64 first = (cuts[i] + 99) / 100;              /* begins in the unit */
    guint64 pts = 5000 + first * 1024 * 90000 / 44100; /* a muxer that rounds down */

    push (f, cuts[i], cuts[i + 1], pts);
    if (i >= 2)
      he_adts_splitter_push (other, f->bytes->data + cuts[i], cuts[i + 1] - cuts[i], pts,
                             FALSE, FALSE);
  }
  he_adts_splitter_flush (f->splitter);
  he_adts_splitter_flush (other);
  g_assert_cmpuint (f->seen->len, ==, 20);
  g_assert_cmpuint (late->len, ==, 13);
  for (guint i = 0; i < late->len; i++) {
    const Seen *here = &g_array_index (late, Seen, i);

    g_assert_cmpuint (here->fill, ==, i + 7);
    g_assert_cmpuint (here->pts90, ==, seen (f, i + 7)->pts90);
  }
}

static void
test_no_time_yet (Fixture *f, gconstpointer data)
{
  write_frames (f, 4, RATE_48000);
  push (f, 0, 200, NONE);
  push (f, 200, 400, 77);
  g_assert_cmpuint (f->seen->len, ==, 2);
  g_assert_cmpuint (seen (f, 0)->fill, ==, 2);
  g_assert_cmpuint (seen (f, 0)->pts90, ==, 77);
}

static void
test_gap (Fixture *f, gconstpointer data)
{
  write_frames (f, 6, RATE_48000);
  he_adts_splitter_push (f->splitter, f->bytes->data, 250, 1000, FALSE, TRUE);
  /* The rest of frame 2 is lost with frame 3's beginning. */
  he_adts_splitter_push (f->splitter, f->bytes->data + 350, 250, 9000, TRUE, FALSE);
  he_adts_splitter_flush (f->splitter);
  g_assert_cmpuint (f->seen->len, ==, 4);
  g_assert_false (seen (f, 1)->gap);
  g_assert_cmpuint (seen (f, 2)->fill, ==, 4);
  g_assert_true (seen (f, 2)->gap);
  g_assert_cmpuint (seen (f, 2)->pts90, ==, 9000);
  g_assert_false (seen (f, 3)->gap);
}

/* Given a broken header inside a unit, then later frames of the unit have no known time,
 * and the next unit brings one. */
static void
test_lost_framing (Fixture *f, gconstpointer data)
{
  write_frames (f, 9, RATE_48000);
  f->bytes->data[300] = 0;
  push (f, 0, 200, 1000);
  push (f, 200, 600, 1000 + 2 * 1920);
  push (f, 600, 900, 1000 + 6 * 1920);
  g_assert_cmpuint (f->seen->len, ==, 6);
  g_assert_cmpuint (seen (f, 2)->fill, ==, 2);
  g_assert_cmpuint (seen (f, 3)->fill, ==, 6);
  g_assert_cmpuint (seen (f, 3)->pts90, ==, 1000 + 6 * 1920);
  g_assert_true (seen (f, 3)->gap);
  g_assert_cmpuint (he_adts_splitter_errors (f->splitter), ==, 1);
}

/* Given a unit whose first header is broken, then its time is not given to its second. */
static void
test_broken_first (Fixture *f, gconstpointer data)
{
  write_frames (f, 6, RATE_48000);
  f->bytes->data[200] = 0;
  push (f, 0, 200, 1000);
  push (f, 200, 400, 1000 + 2 * 1920);
  push (f, 400, 600, 1000 + 4 * 1920);
  g_assert_cmpuint (f->seen->len, ==, 4);
  g_assert_cmpuint (seen (f, 2)->fill, ==, 4);
  g_assert_cmpuint (seen (f, 2)->pts90, ==, 1000 + 4 * 1920);
}

static void
test_noise (Fixture *f, gconstpointer data)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);
  guint8 noise[1000];

  for (guint round = 0; round < 200; round++) {
    for (guint i = 0; i < sizeof noise; i++)
      noise[i] = g_rand_int (rand) & 3 ? (guint8)g_rand_int (rand) : 0xff;
    he_adts_splitter_push (f->splitter, noise, sizeof noise, 90000, round % 7 == 0,
                           round % 5 == 0);
  }
  he_adts_splitter_push (f->splitter, noise, 1, 1, FALSE, TRUE);
  g_array_set_size (f->seen, 0);
  write_frames (f, 8, RATE_48000);
  push (f, 0, 800, 1000);
  g_assert_cmpuint (f->seen->len, ==, 8);
}

static void
test_rate_change (Fixture *f, gconstpointer data)
{
  write_frames (f, 2, RATE_48000);
  write_frames (f, 2, RATE_44100);
  push (f, 0, 400, 1000);
  g_assert_cmpuint (f->seen->len, ==, 4);
  g_assert_cmpuint (seen (f, 2)->rate, ==, 44100);
  g_assert_cmpuint (seen (f, 2)->pts90, ==, 1000 + 2 * 1920);
  g_assert_cmpuint (seen (f, 3)->pts90, ==, 1000 + 2 * 1920 + 2090);
}

int
main (int argc, char **argv)
{
  static const struct {
    const char *path;
    void (*func) (Fixture *f, gconstpointer data);
  } tests[] = {
    { "/adts/header/fields-and-refusals", test_header },
    { "/adts/time/several-frames-a-unit", test_several_a_unit },
    { "/adts/time/fractions-do-not-add-up", test_fractions },
    { "/adts/time/frames-straddle-units", test_straddling },
    { "/adts/time/does-not-depend-on-where-reading-began", test_pure },
    { "/adts/time/frames-without-any-are-dropped", test_no_time_yet },
    { "/adts/time/goes-on-over-a-change-of-rate", test_rate_change },
    { "/adts/damage/loss-between-units", test_gap },
    { "/adts/damage/framing-lost-within-a-unit", test_lost_framing },
    { "/adts/damage/broken-first-frame-takes-its-time-along", test_broken_first },
    { "/adts/damage/recovers-from-noise", test_noise },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, Fixture, NULL, set_up, tests[i].func, tear_down);
  return g_test_run ();
}
