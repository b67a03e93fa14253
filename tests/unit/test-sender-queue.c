/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-error.h"
#include "he-sender.h"

/* A place that takes one segment at a time, when it is let. */
typedef struct {
  GMutex lock;
  GCond changed;
  gboolean open;    /* under lock, as all below */
  gboolean entered; /* somebody stands at the door */
  gboolean refuse;  /* for now */
  GArray *taken;    /* guint64 MSN */
  GArray *given_up; /* guint64 MSN */
} Place;

static gboolean
take (const HeSegment *segment, GBytes *body, GCancellable *cancellable,
      gboolean *ret_again, GError **error, gpointer data)
{
  Place *place = data;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&place->lock);

  place->entered = TRUE;
  g_cond_broadcast (&place->changed);
  while (!place->open)
    g_cond_wait (&place->changed, &place->lock);
  if (place->refuse) {
    *ret_again = TRUE;
    g_set_error_literal (error, HE_ERROR, HE_ERROR_IO, "place: away");
    return FALSE;
  }
  g_array_append_val (place->taken, segment->msn);
  g_cond_broadcast (&place->changed);
  return TRUE;
}

static void
sent (const HeSegment *segment, const GError *error, gpointer data)
{
  Place *place = data;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&place->lock);

  if (error != NULL)
    g_array_append_val (place->given_up, segment->msn);
}

static void
place_init (Place *place, gboolean open)
{
  *place = (Place) { .open = open,
                     .taken = g_array_new (FALSE, FALSE, sizeof (guint64)),
                     .given_up = g_array_new (FALSE, FALSE, sizeof (guint64)) };
  g_mutex_init (&place->lock);
  g_cond_init (&place->changed);
}

static void
place_clear (Place *place)
{
  g_array_unref (place->taken);
  g_array_unref (place->given_up);
  g_mutex_clear (&place->lock);
  g_cond_clear (&place->changed);
}

static void
let_in (Place *place, gboolean refuse)
{
  g_mutex_lock (&place->lock);
  place->open = TRUE;
  place->refuse = refuse;
  g_cond_broadcast (&place->changed);
  g_mutex_unlock (&place->lock);
}

static void
wait_at_the_door (Place *place)
{
  g_mutex_lock (&place->lock);
  while (!place->entered)
    g_cond_wait (&place->changed, &place->lock);
  g_mutex_unlock (&place->lock);
}

static void
push (HeSender *sender, guint64 msn, GBytes *body)
{
  const HeSegment segment
      = { .channel = (char *)"demo", .rendition = (char *)"360p", .msn = msn };

  he_sender_push (sender, &segment, body);
}

static void
expect (const GArray *msns, guint64 first, guint64 last)
{
  g_assert_cmpuint (msns->len, ==, last + 1 - first);
  for (guint i = 0; i < msns->len; i++)
    g_assert_cmpuint (g_array_index (msns, guint64, i), ==, first + i);
}

/* Given a place that stands still, when more comes than may wait, then the oldest are
 * dropped and counted, nobody waits, and another place has everything. */
static void
a_slow_place_costs_its_oldest (void)
{
  g_autoptr (GBytes) body = g_bytes_new_static ("x", 1);
  Place slow, fast;
  HeSender *to_slow, *to_fast;
  HeSenderStats stats;

  place_init (&slow, FALSE);
  place_init (&fast, TRUE);
  to_slow = he_sender_new ("slow", 4, FALSE, take, sent, &slow);
  to_fast = he_sender_new ("fast", 100, FALSE, take, sent, &fast);
  for (guint64 msn = 0; msn < 10; msn++) {
    push (to_slow, msn, body);
    push (to_fast, msn, body);
    if (msn == 0)
      wait_at_the_door (&slow);
  }
  he_sender_drain (to_fast, -1);
  expect (fast.taken, 0, 9);
  he_sender_get_stats (to_slow, &stats);
  g_assert_cmpuint (stats.dropped, ==, 5); /* 1 .. 5: 0 is on its way, 6 .. 9 wait */
  g_mutex_lock (&slow.lock);
  expect (slow.given_up, 1, 5);
  g_mutex_unlock (&slow.lock);
  let_in (&slow, FALSE);
  he_sender_drain (to_slow, -1);
  g_assert_cmpuint (g_array_index (slow.taken, guint64, 0), ==, 0);
  g_array_remove_index (slow.taken, 0);
  expect (slow.taken, 6, 9);
  he_sender_free (to_slow);
  he_sender_free (to_fast);
  place_clear (&slow);
  place_clear (&fast);
}

/* Given large segments, then bytes bound what waits; one that is larger waits alone. */
static void
bytes_are_bounded_too (void)
{
  /* Nobody reads them. */
  g_autoptr (GBytes) quarter
      = g_bytes_new_static (place_clear, (gsize)HE_SENDER_BYTES / 4);
  g_autoptr (GBytes) huge = g_bytes_new_static (place_clear, (gsize)HE_SENDER_BYTES + 1);
  Place place;
  HeSender *sender;
  HeSenderStats stats;

  place_init (&place, FALSE);
  sender = he_sender_new ("place", 100, FALSE, take, sent, &place);
  push (sender, 0, quarter);
  wait_at_the_door (&place);
  for (guint64 msn = 1; msn <= 6; msn++)
    push (sender, msn, quarter);
  he_sender_get_stats (sender, &stats);
  g_assert_cmpuint (stats.dropped, ==, 2);
  push (sender, 7, huge);
  he_sender_get_stats (sender, &stats);
  g_assert_cmpuint (stats.dropped, ==, 6);
  let_in (&place, FALSE);
  he_sender_drain (sender, -1);
  g_assert_cmpuint (place.taken->len, ==, 2);
  g_assert_cmpuint (g_array_index (place.taken, guint64, 1), ==, 7);
  he_sender_free (sender);
  place_clear (&place);
}

/* Given a place that is away for a while, then what still waits is there afterwards, in
 * order, and the newest among it. */
static void
a_place_that_comes_back_gets_the_newest (void)
{
  g_autoptr (GBytes) body = g_bytes_new_static ("x", 1);
  Place place;
  HeSender *sender;

  place_init (&place, TRUE);
  place.refuse = TRUE;
  sender = he_sender_new ("place", 3, FALSE, take, sent, &place);
  for (guint64 msn = 0; msn < 8; msn++)
    push (sender, msn, body);
  let_in (&place, FALSE);
  he_sender_drain (sender, -1);
  g_assert_cmpuint (place.taken->len, >=, 3);
  g_assert_cmpuint (place.taken->len + place.given_up->len, ==, 8);
  for (guint i = 1; i < place.taken->len; i++)
    g_assert_cmpuint (g_array_index (place.taken, guint64, i), >,
                      g_array_index (place.taken, guint64, i - 1));
  g_assert_cmpuint (g_array_index (place.taken, guint64, place.taken->len - 1), ==, 7);
  he_sender_free (sender);
  place_clear (&place);
}

/* Given a sender that is stopped while its place stands still, then each segment is
 * counted once: the one on its way, and those that wait. */
static void
a_stopped_sender_has_counted_all (void)
{
  g_autoptr (GBytes) body = g_bytes_new_static ("x", 1);
  Place place;
  HeSender *sender;
  HeSenderStats stats;

  place_init (&place, FALSE);
  place.refuse = TRUE;
  sender = he_sender_new ("place", 3, FALSE, take, sent, &place);
  push (sender, 0, body);
  wait_at_the_door (&place);
  for (guint64 msn = 1; msn < 6; msn++)
    push (sender, msn, body);
  he_sender_drain (sender, 0);
  he_sender_cancel (sender);
  let_in (&place, TRUE);
  he_sender_stop (sender);
  he_sender_stop (sender);
  he_sender_get_stats (sender, &stats);
  g_assert_cmpuint (stats.published, ==, 0);
  /* Between the two calls others may have come to the door, too. */
  g_assert_cmpuint (stats.failed, >=, 1);
  g_assert_cmpuint (stats.failed + stats.dropped, ==, 6);
  g_assert_cmpuint (place.given_up->len, ==, 6);
  he_sender_free (sender);
  place_clear (&place);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sender-queue/a-slow-place-costs-its-oldest",
                   a_slow_place_costs_its_oldest);
  g_test_add_func ("/sender-queue/bytes-are-bounded-too", bytes_are_bounded_too);
  g_test_add_func ("/sender-queue/a-place-that-comes-back-gets-the-newest",
                   a_place_that_comes_back_gets_the_newest);
  g_test_add_func ("/sender-queue/a-stopped-sender-has-counted-all",
                   a_stopped_sender_has_counted_all);
  return g_test_run ();
}
