/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "origin-kit.h"

/* What an origin and its peers owe each other about segments: a window for who comes
 * back, acknowledgement before listing, and who is ready meanwhile. */

/* Two seconds, so that nothing is stale however slow the machine is. */
#define SLOW_D90 180000

/* All files of one MSN, as a worker of that node offers them to one origin. */
static void
offer_flagged (Pair *pair, guint i, const char *node, guint64 msn, HeSegmentFlags flags)
{
  HeSegment files[]
      = { segment_of ("360p", HE_VARIANT_A, msn), segment_of ("360p", HE_VARIANT_B, msn),
          segment_of ("audio", HE_VARIANT_NONE, msn) };

  for (guint j = 0; j < G_N_ELEMENTS (files); j++) {
    files[j].flags = flags;
    g_autoptr (GBytes) body = encrypted (pair, &files[j]);
    g_autofree char *path = he_segment_path (&files[j]);
    g_autofree char *fields = segment_fields (&files[j], node);
    g_autoptr (Reply) reply = call_signed (pair, i, "PUT", path, fields, body);

    g_assert_cmpuint (reply->status / 100, ==, 2);
  }
}

static void
offer (Pair *pair, guint i, const char *node, guint64 msn)
{
  offer_flagged (pair, i, node, msn, HE_SEGMENT_CLEAN);
}

static void
offer_both (Pair *pair, const char *node, guint64 msn)
{
  offer (pair, 0, node, msn);
  offer (pair, 1, node, msn);
}

/* What /readyz says. */
static char *
reasons_of (Pair *pair, guint i)
{
  g_autoptr (Reply) reply = get (pair->internal[i], "/readyz", NULL);

  return reply_text (reply);
}

/* Given an origin with a window, when its peer starts with nothing, then the peer lists
 * the same without a worker's help, byte for byte, and is ready once its own worker goes
 * on from there. */
static void
a_window_is_taken_over (void)
{
  g_autoptr (Pair) pair = pair_prepare (HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *why = NULL;
  guint64 msn = MSN + 5;

  pair_start (pair, 0);
  for (guint i = 0; i < 5; i++)
    offer (pair, 0, "A", MSN + i);
  wait_listed (pair, MSN + 4);
  pair_start (pair, 1);
  wait_listed (pair, MSN + 4);
  for (guint i = 0; i < 5; i++) {
    HeSegment segment = segment_of ("360p", HE_VARIANT_B, MSN + i);
    g_autofree char *path = he_segment_path (&segment);
    g_autoptr (GBytes) expected = encrypted (pair, &segment);
    g_autoptr (Reply) reply = NULL;
    g_autofree char *node = NULL;

    /* What left the window comes behind it. */
    for (guint tries = 0; reply == NULL || reply->status == 404; tries++) {
      g_assert_cmpuint (tries, <, 6000);
      g_clear_pointer (&reply, reply_free);
      reply = call_signed (pair, 1, "GET", path, NULL, NULL);
      g_usleep (1000);
    }
    node = reply_field (reply, "Headend-Node");
    g_assert_true (g_bytes_equal (reply->body, expected));
    g_assert_cmpstr (node, ==, "A");
  }
  g_assert_true (pair_logged (pair, "segments taken over from peers"));

  /* Fresh segments of the peer alone make it no more than a mirror. */
  for (guint i = 0; i < 3; i++, msn++) {
    offer_both (pair, "A", msn);
    wait_listed (pair, msn);
    g_free (why);
    why = reasons_of (pair, 1);
    g_assert_cmpstr (why, !=, "ready\n");
  }
  for (guint tries = 0; !g_str_equal (why, "ready\n"); tries++, msn++) {
    g_assert_cmpuint (tries, <, 1000);
    offer_both (pair, "A", msn);
    offer_both (pair, "B", msn);
    wait_listed (pair, msn);
    g_free (why);
    why = reasons_of (pair, 1);
  }
}

/* Given a worker that is far behind what is listed, or beyond a gap, when it offers
 * segments, then its node is not ready, and is once they follow. */
static void
a_worker_must_follow_what_is_listed (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  guint64 msn = MSN;
  gboolean ready = FALSE;

  for (; msn < MSN + 5; msn++)
    offer_both (pair, "B", msn);
  wait_listed (pair, msn - 1);
  for (guint i = 0; i < 20; i++, msn++) {
    g_autofree char *why = NULL;

    offer_both (pair, "B", msn);
    wait_listed (pair, msn); /* before it, msn - 4 is no more than three behind */
    offer (pair, 0, "A", i % 2 == 0 ? msn - 4 : msn + 4);
    why = reasons_of (pair, 0);
    g_assert_cmpstr (why, !=, "ready\n");
    /* What is listed goes on so far behind the gap that A is not in step for a moment, and
     * no further than three windows, as what is beyond is refused while B is late. */
    msn += i % 2 == 0 ? 0 : 5;
    if (i % 2 == 0)
      continue;
    for (guint j = 0; j < 4; j++)
      offer_both (pair, "B", ++msn);
    wait_listed (pair, msn);
  }
  for (guint tries = 0; !ready; tries++, msn++) {
    g_autofree char *why = NULL;

    g_assert_cmpuint (tries, <, 1000);
    offer_both (pair, "B", msn);
    offer (pair, 0, "A", msn - 2); /* steadily behind */
    wait_listed (pair, msn);
    why = reasons_of (pair, 0);
    ready = g_str_equal (why, "ready\n");
  }
}

#define LISTINGS 20

/* How long origin 0, or both, take to list a segment that is offered to the first. */
static gint64
listing_takes (Pair *pair, guint64 msn, gboolean by_both)
{
  gint64 start = g_get_monotonic_time ();

  offer (pair, 0, "A", msn);
  wait_listed_by (pair, 0, msn);
  if (by_both)
    wait_listed_by (pair, 1, msn);
  return g_get_monotonic_time () - start;
}

/* Whether most of some listings are prompt, which those that wait 250 ms are not. A busy
 * machine has two minutes to be quick enough. */
static gboolean
listings_get_prompt (Pair *pair, gboolean to_peer_first, guint64 msn)
{
  gint64 end = g_get_monotonic_time () + 120 * G_USEC_PER_SEC;
  guint prompt;

  do {
    prompt = 0;
    for (guint i = 0; i < LISTINGS; i++, msn++) {
      /* B, which waits, hears from A what it waits for. */
      if (to_peer_first)
        offer (pair, 1, "A", msn);
      prompt += listing_takes (pair, msn, TRUE) < 240000;
    }
  } while (prompt <= LISTINGS / 2 && g_get_monotonic_time () < end);
  g_test_message ("%u of %u listings were prompt", prompt, LISTINGS);
  return prompt > LISTINGS / 2;
}

/* Given a segment that only one of two origins holds, then it lists it after 250 ms; one
 * that both hold is listed at once. */
static void
a_listing_waits_for_the_peer (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  gint64 end = g_get_monotonic_time () + 120 * G_USEC_PER_SEC;
  guint64 msn = MSN + WINDOW;
  guint waited;

  publish_window (pair);
  /* Now and then B looks what A has, fetches it, and need not be waited for. */
  do {
    waited = 0;
    for (guint i = 0; i < LISTINGS / 2; i++, msn++) {
      waited += listing_takes (pair, msn, FALSE) >= 245000;
      offer (pair, 1, "A", msn);
    }
  } while (waited <= LISTINGS / 4 && g_get_monotonic_time () < end);
  g_test_message ("%u of %u listings waited", waited, LISTINGS / 2);
  g_assert_cmpuint (waited, >, LISTINGS / 4);
  g_assert_true (listings_get_prompt (pair, TRUE, msn));
}

/* Given a peer that is gone, nobody waits for it. */
static void
a_dead_peer_is_not_waited_for (void)
{
  g_autoptr (Pair) pair = pair_prepare (HE_SESSIONS_EVICT_OLDEST);

  pair_start (pair, 0);
  publish_window (pair);
  g_assert_true (listings_get_prompt (pair, FALSE, MSN + WINDOW));
}

/* Given a node that offers filler, when no clean copy comes from the other, then it is
 * listed some of half a duration later, though nothing else happens. */
static void
filler_is_listed_in_the_end (void)
{
  g_autoptr (Pair) pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  gint64 start;

  for (guint i = 0; i < WINDOW; i++) {
    offer_both (pair, "A", MSN + i);
    offer_both (pair, "B", MSN + i);
  }
  wait_listed (pair, MSN + WINDOW - 1);
  start = g_get_monotonic_time ();
  offer_both (pair, "B", MSN + WINDOW - 1); /* again: it is alive */
  for (guint i = 0; i < 2; i++)
    offer_flagged (pair, i, "A", MSN + WINDOW, HE_SEGMENT_FILLED);
  wait_listed (pair, MSN + WINDOW);
  /* On a machine that stood still meanwhile, B may pass for dead. */
  if (g_get_monotonic_time () - start < 5 * G_USEC_PER_SEC)
    g_assert_cmpint (g_get_monotonic_time () - start, >=, 740000);
}

/* Offers segments of these nodes to both origins until origin 0 says what is expected. */
static guint64
offer_until (Pair *pair, const char *nodes, guint64 msn, const char *expected)
{
  for (guint tries = 0;; tries++, msn++) {
    g_autofree char *why = NULL;

    for (const char *node = nodes; *node != '\0'; node++)
      offer_both (pair, (const char[]) { *node, '\0' }, msn);
    why = reasons_of (pair, 0);
    if (strstr (why, expected) != NULL)
      return msn + 1;
    g_assert_cmpuint (tries, <, 3000);
    g_usleep (20000);
  }
}

/* Given two nodes that are ready, when one's worker falls silent, then it is not ready as
 * long as the other goes on by itself; when both are silent, and a third fills them, then
 * both are ready. */
static void
a_node_steps_back_only_for_a_sound_peer (void)
{
  g_autoptr (Pair) pair = NULL;
  guint64 msn;

  d90 = D90;
  pair = pair_new (HE_SESSIONS_EVICT_OLDEST);
  msn = offer_until (pair, "AB", MSN, "ready\n");

  msn = offer_until (pair, "B", msn, "its worker here is silent, and a peer does");
  msn = offer_until (pair, "C", msn, "ready\n");
  msn = offer_until (pair, "B", msn, "its worker here is silent, and a peer does");
  offer_until (pair, "AB", msn, "ready\n");
  d90 = SLOW_D90;
}

/* A peer that is none of ours: it tells of segments, and gives other bytes than it told
 * of. */
typedef struct {
  GSocketListener *listener;
  GCancellable *cancellable;
  char *index;
  gint asked;
} Liar;

static void
lie (Liar *liar, GSocketConnection *connection)
{
  GInputStream *in = g_io_stream_get_input_stream (G_IO_STREAM (connection));
  GOutputStream *out = g_io_stream_get_output_stream (G_IO_STREAM (connection));
  g_autofree char *answer = NULL;
  char head[4096] = "";
  gsize len = 0;
  const char *body = "other bytes";

  while (strstr (head, "\r\n\r\n") == NULL && len < sizeof head - 1) {
    gssize n = g_input_stream_read (in, head + len, sizeof head - 1 - len,
                                    liar->cancellable, NULL);

    if (n <= 0)
      return;
    len += (gsize)n;
  }
  if (g_str_has_prefix (head, "GET /control/window/demo "))
    body = liar->index;
  else if (g_str_has_prefix (head, "GET /origin/"))
    g_atomic_int_inc (&liar->asked);
  answer = g_strdup_printf ("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n"
                            "Connection: close\r\n\r\n%s",
                            strlen (body), body);
  g_output_stream_write_all (out, answer, strlen (answer), NULL, liar->cancellable, NULL);
}

static gpointer
run_liar (gpointer data)
{
  Liar *liar = data;
  GSocketConnection *connection;

  while ((connection
          = g_socket_listener_accept (liar->listener, NULL, liar->cancellable, NULL))
         != NULL) {
    lie (liar, connection);
    g_object_unref (connection);
  }
  return NULL;
}

static char *
lies_of_a_window (Pair *pair)
{
  GString *text = g_string_new ("{\"first\":9000000000,\"segments\":[");

  for (guint64 msn = MSN; msn < MSN + WINDOW; msn++) {
    HeSegment segment = segment_of ("audio", HE_VARIANT_NONE, msn);
    g_autofree char *path = he_segment_path (&segment);
    g_autofree char *header = he_segment_to_header (&segment);
    g_autoptr (GBytes) body = encrypted (pair, &segment);
    guint8 digest[HE_SHA256_LEN];
    g_autofree char *hex = NULL;

    he_sha256 (g_bytes_get_data (body, NULL), g_bytes_get_size (body), digest);
    hex = he_hex_encode (digest, sizeof digest);
    g_string_append_printf (text,
                            "{\"path\":\"%s\",\"segment\":\"%s\",\"sha256\":\"%s\"},",
                            path, header, hex);
  }
  g_string_append (text, "{\"path\":\"/origin/none/demo/audio/9000000009.ts\","
                         "\"segment\":\"nonsense\",\"sha256\":\"00\"},7]}");
  return g_string_free (text, FALSE);
}

/* Given a peer that gives other bytes than it told of, then nothing of that is held, and
 * the origin goes on without. */
static void
damaged_segments_are_not_taken_over (void)
{
  g_autoptr (Pair) pair = pair_prepare (HE_SESSIONS_EVICT_OLDEST);
  Liar liar = { .listener = g_socket_listener_new (),
                .cancellable = g_cancellable_new (),
                .index = lies_of_a_window (pair) };
  GThread *thread;

  g_assert_true (g_socket_listener_add_inet_port (
      liar.listener, (guint16)pair->internal[1], NULL, NULL));
  thread = g_thread_new ("liar", run_liar, &liar);
  /* On a slow machine the liar may be late, and is asked once. */
  for (guint starts = 0; !pair_logged (pair, "other bytes than it told of"); starts++) {
    g_assert_cmpuint (starts, <, 20);
    g_clear_pointer (&pair->origin[0], he_origin_free);
    pair_start (pair, 0);
    for (guint i = 0; i < 500 && !pair_logged (pair, "other bytes than it told of"); i++)
      g_usleep (10000);
  }
  for (guint tries = 0;; tries++) {
    g_autofree char *why = reasons_of (pair, 0);

    if (strstr (why, "not been heard") == NULL)
      break;
    g_assert_cmpuint (tries, <, 6000);
    g_usleep (10000);
  }
  g_assert_cmpint (g_atomic_int_get (&liar.asked), >, 0);
  {
    g_autofree char *status = status_of (pair, 0);

    g_assert_nonnull (strstr (status, "\"segments\":0,\"bytes\":0,"));
  }
  offer (pair, 0, "A", MSN + 1);
  g_clear_pointer (&pair->origin[0], he_origin_free);
  g_cancellable_cancel (liar.cancellable);
  g_thread_join (thread);
  g_object_unref (liar.listener);
  g_object_unref (liar.cancellable);
  g_free (liar.index);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  d90 = SLOW_D90;
  g_test_add_func ("/backfill/a-window-is-taken-over", a_window_is_taken_over);
  g_test_add_func ("/backfill/filler-is-listed-in-the-end", filler_is_listed_in_the_end);
  g_test_add_func ("/backfill/a-worker-must-follow-what-is-listed",
                   a_worker_must_follow_what_is_listed);
  g_test_add_func ("/backfill/damaged-segments-are-not-taken-over",
                   damaged_segments_are_not_taken_over);
  g_test_add_func ("/backfill/a-node-steps-back-only-for-a-sound-peer",
                   a_node_steps_back_only_for_a_sound_peer);
  g_test_add_func ("/backfill/listing/waits-for-the-peer", a_listing_waits_for_the_peer);
  g_test_add_func ("/backfill/listing/not-for-a-dead-one", a_dead_peer_is_not_waited_for);
  return g_test_run ();
}
