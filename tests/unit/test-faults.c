/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-align.h"
#include "he-demux.h"
#include "he-source-clock.h"

#include "ts-feed.h"

/* Whole feeds through the demultiplexer and the aligner, as epochdemux and epochalign
 * drive them, against what a network does to them: what comes out is numbered without a
 * hole. */

#define DURATION (2 * SECOND)
#define PATIENCE (2 * SECOND)
#define REORDER 4 /* pictures that a decoder holds */

typedef struct {
  HeDemux *demux;
  TsBytes *ts;
  HeAlignVideo align;
  GRand *rand;
  gint64 start; /* of the source's timeline: timestamp of picture 0 */
  guint next;   /* picture */
  guint64 wall90, came90;
  GArray *held; /* guint64: epoch times in a decoder */
  guint generation, jumps;
  guint64 first90, last90, out;
} Line;

static Line *
line_new (guint32 seed, gint64 start)
{
  Line *line = g_new0 (Line, 1);

  line->demux = he_demux_new ("A");
  line->ts = ts_bytes_new ();
  he_align_video_init (&line->align, DURATION);
  he_align_video_set_rate (&line->align, 25, 1);
  line->rand = g_rand_new_with_seed (seed);
  line->start = start;
  line->wall90 = line->came90 = WALL;
  line->held = g_array_new (FALSE, FALSE, sizeof (guint64));
  return line;
}

static void
line_free (Line *line)
{
  he_demux_free (line->demux);
  ts_bytes_free (line->ts);
  g_rand_free (line->rand);
  g_array_unref (line->held);
  g_free (line);
}

/* Every picture stands behind the one before it by its length, give or take half of one
 * where timelines meet, so no segment is left out. */
static void
put_out (Line *line, guint64 t90)
{
  if (line->out++ == 0)
    line->first90 = t90;
  else if (t90 <= line->last90 || t90 - line->last90 > FRAME * 3 / 2)
    g_error ("picture %" G_GUINT64_FORMAT ": %" G_GINT64_FORMAT
             " ticks behind the one before",
             line->out, (gint64)(t90 - line->last90));
  line->last90 = t90;
}

static void
put_fill (Line *line, const HeAlignFill *fill)
{
  for (guint i = fill->first; i < fill->first + fill->count; i++)
    put_out (line, he_align_fill_time (fill, i));
}

static void
show (Line *line, guint64 t90)
{
  HeAlignFill fill;
  gboolean take = he_align_video_frame (&line->align, t90, TRUE, &fill);

  put_fill (line, &fill);
  if (take)
    put_out (line, t90);
}

static int
compare (gconstpointer a, gconstpointer b)
{
  const guint64 *x = a, *y = b;

  return *x < *y ? -1 : *x > *y;
}

static void
decode (Line *line, const HeFrame *frame)
{
  guint hold = frame->generation != line->generation ? 0 : REORDER;

  g_assert_cmpuint (frame->generation, >=, line->generation);
  line->generation = frame->generation;
  while (line->held->len > hold || (hold == 0 && line->held->len > 0)) {
    guint64 t90 = g_array_index (line->held, guint64, 0);

    g_array_remove_index (line->held, 0);
    show (line, t90);
  }
  if (frame->pts90 == HE_DEMUX_NO_TIME)
    return;
  g_array_append_val (line->held, frame->pts90);
  g_array_sort (line->held, compare);
}

static void
take (Line *line)
{
  HeDemuxEvent event;
  HeFrame frame;

  while ((event = he_demux_next (line->demux, &frame)) != HE_DEMUX_NOTHING) {
    if (event == HE_DEMUX_ANCHOR) {
      he_demux_set_anchor (line->demux, he_demux_proposal (line->demux));
    } else if (event == HE_DEMUX_FRAME) {
      if (he_demux_stream (line->demux, frame.stream)->media == HE_DEMUX_VIDEO)
        decode (line, &frame);
      he_frame_clear (&frame);
    }
  }
}

static void
push (Line *line, const guint8 *data, gsize len)
{
  g_autoptr (GError) error = NULL;

  guint64 before = he_demux_now (line->demux, 0, 0);
  he_demux_push (line->demux, data, len, line->wall90, &error);
  g_assert_no_error (error);
  take (line);
  if (he_demux_now (line->demux, 0, 0) != before)
    line->came90 = line->wall90;
}

/* As epochdemux and epochalign do, every so often. */
static void
fill_silence (Line *line)
{
  guint64 silent90 = line->wall90 - line->came90;
  HeAlignFill fill;

  if (line->came90 == 0 || silent90 < (guint64)PATIENCE)
    return;
  guint64 now90 = he_demux_now (line->demux, silent90, PATIENCE);
  if (now90 == 0)
    return;
  he_align_video_silence (&line->align, now90 - PATIENCE, &fill);
  put_fill (line, &fill);
}

/* Time goes by and nothing comes. */
static void
wait_for (Line *line, guint64 ticks)
{
  for (guint64 end = line->wall90 + ticks; line->wall90 < end;) {
    line->wall90 += MIN (9000, end - line->wall90);
    fill_silence (line);
  }
}

typedef void (*Damage) (Line *line, GByteArray *bytes);

/* Pictures at so many times their pace, damaged or not; a gap between two calls begins
 * with an IDR. */
static void
play_fast (Line *line, guint pictures, guint speed, Damage damage)
{
  for (guint end = line->next + pictures; line->next < end; line->next += 5) {
    write_feed (line->ts, line->start, line->next, line->next + 5);
    if (damage)
      damage (line, line->ts->out);
    push (line, line->ts->out->data, line->ts->out->len);
    g_byte_array_set_size (line->ts->out, 0);
    line->wall90 += 5 * FRAME / speed;
    fill_silence (line);
  }
}

static void
play (Line *line, guint pictures, Damage damage)
{
  play_fast (line, pictures, 1, damage);
}

static void
lose (Line *line, GByteArray *bytes)
{
  guint packets = bytes->len / 188;
  guint at = (guint)g_rand_int_range (line->rand, 0, (gint32)packets);
  guint n = (guint)g_rand_int_range (line->rand, 1, 20);

  if (g_rand_int_range (line->rand, 0, 4) == 0)
    g_byte_array_remove_range (bytes, at * 188, MIN (n, packets - at) * 188);
}

static void
duplicate (Line *line, GByteArray *bytes)
{
  guint at = (guint)g_rand_int_range (line->rand, 0, (gint32)(bytes->len / 188)) * 188;
  g_autofree guint8 *tail = g_memdup2 (bytes->data + at, bytes->len - at);
  guint len = bytes->len - at;

  g_byte_array_set_size (bytes, at + 188);
  g_byte_array_append (bytes, tail, len);
}

static void
swap (Line *line, GByteArray *bytes)
{
  guint at
      = (guint)g_rand_int_range (line->rand, 0, (gint32)(bytes->len / 188 - 1)) * 188;
  guint8 packet[188];

  memcpy (packet, bytes->data + at, 188);
  memmove (bytes->data + at, bytes->data + at + 188, 188);
  memcpy (bytes->data + at + 188, packet, 188);
}

/* The source's picture that comes next is an IDR, as an encoder's is that starts. */
static void
skip_to_idr (Line *line, guint pictures)
{
  line->next = (line->next + pictures + IDR_EVERY - 1) / IDR_EVERY * IDR_EVERY;
}

typedef enum {
  LOSS,
  DUPLICATES,
  REORDERING,
  OUTAGE,  /* the source went on meanwhile */
  FREEZE,  /* what it sent comes in a burst */
  PAUSE,   /* it stood still, and goes on where it was */
  RESTART, /* its timestamps begin anew, after a while */
  AHEAD,   /* they jump */
  BACK,
  N_FAULTS,
} Fault;

static void
suffer (Line *line, Fault fault)
{
  guint seconds = (guint)g_rand_int_range (line->rand, 1, 40);

  switch (fault) {
    case LOSS:
      play (line, 100, lose);
      break;
    case DUPLICATES:
      play (line, 100, duplicate);
      break;
    case REORDERING:
      play (line, 100, swap);
      break;
    case OUTAGE: {
      guint before = line->next;

      skip_to_idr (line, seconds * 25);
      wait_for (line, (line->next - before) * FRAME);
      break;
    }
    case FREEZE:
      wait_for (line, seconds * (guint64)SECOND);
      /* With what is sent meanwhile. */
      play_fast (line, seconds * 25 * 10 / 9, 10, NULL);
      break;
    case PAUSE:
      /* What is not longer than our own patience is caught up. */
      seconds = MAX (seconds, 6);
      wait_for (line, seconds * (guint64)SECOND);
      line->jumps++;
      break;
    case RESTART:
      wait_for (line, seconds * (guint64)SECOND);
      skip_to_idr (line, 0);
      /* Not where the old timeline happens to be. */
      line->start
          = (20000 + 5000 * (line->jumps % 10)) * SECOND - (gint64)line->next * FRAME;
      line->jumps++;
      break;
    default:
      skip_to_idr (line, 0);
      line->start += (fault == AHEAD ? 1 : -1) * (gint64)(1000 + seconds) * SECOND;
      line->jumps++;
  }
}

/* Given a feed near the wrap of its timestamps, when everything a network and a source do
 * happens to it in any order, then pictures go on without a hole, generations only count
 * real jumps, and in the end the output is where the feed is. */
static void
test_everything (gconstpointer data)
{
  Line *line = line_new (GPOINTER_TO_UINT (data), (gint64)HE_PTS_WRAP - 60 * SECOND);

  play (line, 200, NULL);
  g_assert_cmpuint (line->out, >, 100);
  for (guint i = 0; i < 60; i++) {
    suffer (line, (Fault)g_rand_int_range (line->rand, 0, N_FAULTS));
    play (line, 250, NULL);
    /* Nothing waits for ever: the newest picture is not far behind the newest unit. */
    g_assert_cmpuint (line->last90 + 3 * SECOND, >, he_demux_now (line->demux, 0, 0));
  }
  g_assert_cmpuint (line->generation, ==, line->jumps);
  g_assert_cmpuint (he_epoch_msn (line->last90, DURATION)
                        - he_epoch_msn (line->first90, DURATION),
                    >, 300);
  line_free (line);
}

/* Given a source whose clock is 30 ppm off, and wraps, when a day and more goes by, then
 * nothing happens: one generation, and times that are the source's own. */
static void
test_a_day (void)
{
  HeSourceClock clock = { 0 };
  guint64 dts33 = 12345, wall90 = WALL, pts90, dts90, first90 = 0;
  HeAnchor anchor;

  for (guint64 n = 0; n < 27 * 3600 * 2; n++) {
    guint64 dts = (dts33 + n * 45000) & (HE_PTS_WRAP - 1);

    if (n == 0) {
      he_source_clock_propose (&clock, 0, dts, wall90, "A", &anchor);
      he_source_clock_adopt (&clock, &anchor);
    } else {
      g_assert_cmpint (he_source_clock_judge (&clock, 0, dts, wall90), ==, HE_CLOCK_FITS);
    }
    g_assert_cmpuint (
        he_source_clock_place (&clock, 0, FALSE, dts, dts, wall90, &pts90, &dts90), ==,
        0);
    first90 = n == 0 ? dts90 : first90;
    g_assert_cmpuint (dts90, ==, first90 + n * 45000);
    /* Who starts now, with the record of then, is of the same opinion. */
    g_assert_cmpuint (he_anchor_epoch (&anchor, dts, 0, wall90), ==, dts90);
    wall90 += n % 100 < 33 ? 45001 : n % 100 < 66 ? 45001 : 45002; /* 30 ppm */
  }
  g_assert_cmpuint (wall90 - WALL - (27 * 3600 * 2) * (guint64)45000, >, 2 * SECOND);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint seed = 1; seed <= 3; seed++) {
    g_autofree char *path = g_strdup_printf ("/faults/numbering-has-no-hole/%u", seed);

    g_test_add_data_func (path, GUINT_TO_POINTER (seed), test_everything);
  }
  g_test_add_func ("/faults/a-day-at-30-ppm-changes-nothing", test_a_day);
  return g_test_run ();
}
