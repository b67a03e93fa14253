/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-sender.h"

#include "he-error.h"

#define SEGMENTS 6

/* A place that refuses its first segment for good, and is away from then on. */
typedef struct {
  gint sends, lost; /* atomic */
} Place;

static gboolean
send (const HeSegment *segment, GBytes *body, GCancellable *cancellable,
      gboolean *ret_again, GError **error, gpointer user_data)
{
  Place *place = user_data;

  *ret_again = g_atomic_int_add (&place->sends, 1) > 0;
  g_set_error (error, HE_ERROR, HE_ERROR_IO, "away");
  return FALSE;
}

static void
on_sent (const HeSegment *segment, const GError *error, gpointer user_data)
{
  g_assert_error (error, HE_ERROR, HE_ERROR_IO);
  g_atomic_int_inc (&((Place *)user_data)->lost);
}

/* Given a patient sender that has lost a segment, then it retries no other: each is tried
 * once, and who pushes or drains waits for no minute of each. */
static void
test_patience_ends (void)
{
  Place place = { 0 };
  g_autoptr (HeSender) sender = he_sender_new ("there", 2, TRUE, send, on_sent, &place);
  g_autoptr (GBytes) body = g_bytes_new_static ("segment", 7);
  HeSegment segment = { .channel = (char *)"demo", .rendition = (char *)"v" };
  HeSenderStats stats;

  for (segment.msn = 0; segment.msn < SEGMENTS; segment.msn++)
    he_sender_push (sender, &segment, body);
  he_sender_drain (sender, -1);
  he_sender_get_stats (sender, &stats);
  g_assert_cmpint (g_atomic_int_get (&place.sends), ==, SEGMENTS);
  g_assert_cmpint (g_atomic_int_get (&place.lost), ==, SEGMENTS);
  g_assert_cmpuint (stats.failed, ==, SEGMENTS);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sender/patience-ends-with-the-first-loss", test_patience_ends);
  return g_test_run ();
}
