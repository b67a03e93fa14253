/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ts-bytes.h"
#include "twins.h"

#define MS G_GINT64_CONSTANT (1000)
#define PACKETS 7
#define BYTES (PACKETS * 188)
#define N 400

/* A sender's datagrams, and which of them a receiver was given, in this order. */
typedef struct {
  TsBytes *ts;
  HeadendTwins *twins;
  GArray *taken; /* guint */
  guint held, dropped;
} Way;

static void
way_clear (Way *way)
{
  ts_bytes_free (way->ts);
  headend_twins_free (way->twins);
  g_array_unref (way->taken);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Way, way_clear)

static Way
way_new (void)
{
  return (Way) { ts_bytes_new (), headend_twins_new (),
                 g_array_new (FALSE, FALSE, sizeof (guint)), 0, 0 };
}

/* The next datagram is packets of this PID: the same filling again and again, or another
 * one each time. */
static void
send (Way *way, guint16 pid, gboolean same)
{
  guint8 payload[184];
  for (guint i = 0; i < PACKETS; i++) {
    guint number = same ? 0 : way->ts->out->len;
    memset (payload, 0xff, sizeof payload);
    memcpy (payload, &number, sizeof number);
    ts_bytes_packet (way->ts, pid, FALSE, payload, sizeof payload);
  }
}

static void
receive (Way *way, guint number, gint64 now)
{
  HeadendTwinsVerdict held;
  HeadendTwinsVerdict verdict = headend_twins_look (
      way->twins, way->ts->out->data + (gsize)number * BYTES, BYTES, now, &held);
  if (held == HEADEND_TWINS_TAKE)
    g_array_append_val (way->taken, way->held);
  way->dropped += held == HEADEND_TWINS_DROP;
  if (verdict == HEADEND_TWINS_HOLD)
    way->held = number;
  if (verdict == HEADEND_TWINS_TAKE)
    g_array_append_val (way->taken, number);
  way->dropped += verdict == HEADEND_TWINS_DROP;
}

/* All of them once, in the order that they were sent in. */
static void
assert_all (const Way *way, guint n)
{
  g_assert_cmpuint (way->taken->len, ==, n);
  for (guint i = 0; i < n; i++)
    g_assert_cmpuint (g_array_index (way->taken, guint, i), ==, i);
}

/* Given a network that doubles each fifth datagram, the copy so many places later (of 16
 * places all counters are the same again), then each is taken once and in order. */
static void
test_copies_are_dropped (void)
{
  for (guint late = 0; late <= 64; late++) {
    g_auto (Way) way = way_new ();
    for (guint i = 0; i < N; i++)
      send (&way, TS_BYTES_VIDEO, FALSE);
    for (guint i = 0; i < N; i++) {
      receive (&way, i, i * MS);
      if (i >= late && (i - late) % 5 == 0 && i < N - 1)
        receive (&way, i - late, i * MS);
    }
    assert_all (&way, N);
    g_assert_cmpuint (way.dropped, ==, (N - 2 - late) / 5 + 1);
  }
}

/* Given a sender that stuffs for long, so that its datagrams repeat every 16, then
 * nothing of it is dropped; and copies are, even then. */
static void
test_stuffing_is_kept (void)
{
  for (guint doubled = 0; doubled < 2; doubled++) {
    g_auto (Way) way = way_new ();
    for (guint i = 0; i < N; i++)
      send (&way, TS_BYTES_VIDEO, i >= 20 && i < N - 20);
    for (guint i = 0; i < N; i++) {
      receive (&way, i, i * MS);
      if (doubled && i % 10 == 3)
        receive (&way, i - 2, i * MS);
    }
    assert_all (&way, N);
    g_assert_cmpuint (way.dropped, ==, doubled * N / 10);
  }
}

/* Given a copy that by chance goes on, and sound behind it, which knows nothing of it,
 * then the sound is taken and the copy is not. */
static void
test_others_say_nothing_of_it (void)
{
  g_auto (Way) way = way_new ();
  for (guint i = 0; i < 20; i++)
    send (&way, i >= 16 && i < 19 ? TS_BYTES_AUDIO : TS_BYTES_VIDEO, FALSE);
  for (guint i = 0; i < 20; i++) {
    receive (&way, i, i * MS);
    if (i == 15)
      receive (&way, 0, i * MS);
  }
  assert_all (&way, 20);
  g_assert_cmpuint (way.dropped, ==, 1);
}

/* Given a sender that begins again with the same bytes, later than any copy comes, or
 * after others than are remembered, then they are taken. */
static void
test_what_is_long_ago_is_forgotten (void)
{
  for (guint by_number = 0; by_number < 2; by_number++) {
    g_auto (Way) way = way_new ();
    guint n = by_number ? HEADEND_TWINS_MAX + 3 : 3;
    for (guint i = 0; i < n; i++)
      send (&way, TS_BYTES_VIDEO, FALSE);
    for (guint i = 0; i < n; i++)
      receive (&way, i, 0);
    receive (&way, 0, by_number ? 0 : HEADEND_TWINS_AGE);
    g_assert_cmpuint (way.taken->len, ==, n + by_number);
    receive (&way, 1, by_number ? 0 : HEADEND_TWINS_AGE + 1);
    g_assert_cmpuint (way.taken->len, ==, n + by_number + 1);
  }
}

/* Given padding, and a source that is opened again, then nothing is dropped. */
static void
test_padding_and_another_begin (void)
{
  g_auto (Way) way = way_new ();
  for (guint i = 0; i < 2; i++)
    send (&way, i ? TS_BYTES_VIDEO : 0x1fff, TRUE);
  for (guint i = 0; i < 100; i++)
    receive (&way, 0, i * MS);
  receive (&way, 1, 0);
  headend_twins_forget (way.twins);
  receive (&way, 1, 0);
  g_assert_cmpuint (way.taken->len, ==, 102);
  g_assert_cmpuint (way.dropped, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/twins/copies-are-dropped-however-late", test_copies_are_dropped);
  g_test_add_func ("/twins/stuffing-is-kept", test_stuffing_is_kept);
  g_test_add_func ("/twins/others-say-nothing-of-it", test_others_say_nothing_of_it);
  g_test_add_func ("/twins/what-is-long-ago-is-forgotten",
                   test_what_is_long_ago_is_forgotten);
  g_test_add_func ("/twins/padding-and-another-begin-are-kept",
                   test_padding_and_another_begin);
  return g_test_run ();
}
