/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "he-error.h"
#include "he-store.h"

/* How the copies of two nodes compare, and what of them is listed. Window 3, one second;
 * two files a segment. */
#define D90 90000
#define SECOND G_USEC_PER_SEC
#define START 1000
#define WINDOW 3
#define FILES 2

typedef struct {
  HeStore *store;
  gint64 now;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (HeChannel) channel = he_channel_new ("demo");
  g_autoptr (GError) error = NULL;

  channel->duration90 = D90;
  channel->window = WINDOW;
  g_ptr_array_add (channel->renditions, he_rendition_new ("360p", HE_MEDIA_VIDEO));
  g_ptr_array_add (channel->renditions, he_rendition_new ("audio", HE_MEDIA_AUDIO));
  f->store = he_store_new (1 << 20);
  f->now = 5 * SECOND;
  g_assert_true (he_store_add_channel (f->store, channel, &error));
  he_store_expect (f->store, "A");
  he_store_expect (f->store, "B");
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  he_store_free (f->store);
}

static HeSegment
name_of (const char *rendition, guint64 msn)
{
  HeSegment segment = {
    .channel = (char *)"demo",
    .rendition = (char *)rendition,
    .msn = msn,
    .pts90 = msn * D90,
    .duration90 = D90,
    .frames = 25,
    .has_signature = g_str_equal (rendition, "360p"),
  };

  memset (segment.signature.fields, (int)(msn & 0x7f), sizeof segment.signature.fields);
  return segment;
}

static void
put (Fixture *f, const HeSegment *segment, const char *text, const char *node)
{
  g_autoptr (GBytes) body = g_bytes_new (text, strlen (text));
  g_autoptr (GError) error = NULL;
  HeStoreOutcome outcome;

  he_store_put (f->store, segment, body, node, f->now, &outcome, &error);
  g_assert_no_error (error);
}

static void
put_all (Fixture *f, guint64 msn, const char *node)
{
  HeSegment video = name_of ("360p", msn), audio = name_of ("audio", msn);

  put (f, &video, node, node); /* each node has bytes of its own */
  put (f, &audio, "sound", node);
}

static HeStoreStatus
status_of (Fixture *f)
{
  HeStoreStatus status;

  g_assert_true (he_store_get_status (f->store, "demo", &status));
  return status;
}

static HeStoreNode
node_of (Fixture *f, const char *name)
{
  HeStoreStatus status = status_of (f);

  for (guint i = 0; i < status.n_nodes; i++)
    if (g_str_equal (status.nodes[i].name, name))
      return status.nodes[i];
  g_assert_not_reached ();
}

static void
same_pictures_agree (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < 4; i++) {
    put_all (f, START + i, "A");
    f->now += SECOND / 4;
    put_all (f, START + i, "B");
    put_all (f, START + i, "B"); /* again: its answer was lost */
    f->now += 3 * SECOND / 4;
  }
  g_assert_cmpuint (status_of (f).agree, ==, 4 * FILES);
  g_assert_cmpuint (status_of (f).conflict, ==, 0);
  g_assert_false (status_of (f).conflicting);
  g_assert_null (he_store_take_news (f->store, "demo"));
  g_assert_cmpint (node_of (f, "A").lag, ==, 0);
  g_assert_cmpint (node_of (f, "B").lag, ==, SECOND / 4);
}

/* Which of boundaries, frames and picture differs, and by how much. */
static void
other_pictures_conflict (Fixture *f, gconstpointer data)
{
  HeSegment a = name_of ("360p", START), b = a;
  g_autofree char *news = NULL;
  g_autofree char *more = NULL;
  g_autofree char *again = NULL;

  b.signature.fields[77] += HE_SIGNATURE_TOLERANCE;
  put (f, &a, "a", "A");
  put (f, &b, "b", "B");
  g_assert_cmpuint (status_of (f).agree, ==, 1);

  a = b = name_of ("360p", START + 1);
  b.signature.fields[77] += HE_SIGNATURE_TOLERANCE + 1;
  put (f, &a, "a", "A");
  put (f, &b, "b", "B");
  g_assert_cmpuint (status_of (f).conflict, ==, 1);
  g_assert_true (status_of (f).conflicting);
  news = he_store_take_news (f->store, "demo");
  /* sha256 of "a" and of "b" */
  g_assert_nonnull (strstr (news, "ALARM, the nodes' copies conflict, another picture: "
                                  "360p/none/1001 is sha256 ca978112"));
  g_assert_nonnull (strstr (news, "25 frames of node A; and sha256 3e23e816"));

  a = b = name_of ("audio", START + 2);
  b.frames--;
  put (f, &a, "a", "A");
  put (f, &b, "b", "B");
  g_assert_cmpuint (status_of (f).conflict, ==, 2);
  more = he_store_take_news (f->store, "demo");
  g_assert_null (more); /* told once */

  for (guint i = 3; i < 3 + WINDOW; i++) {
    g_assert_true (status_of (f).conflicting);
    put_all (f, START + i, "A");
    put_all (f, START + i, "B");
  }
  g_assert_false (status_of (f).conflicting);
  again = he_store_take_news (f->store, "demo");
  g_assert_cmpstr (again, ==, "channel demo: the nodes' copies agree again");
}

static void
a_promise_of_the_same_bytes_is_taken_back (Fixture *f, gconstpointer data)
{
  g_autofree char *news = NULL;

  he_store_promise (f->store, "demo", TRUE);
  put_all (f, START, "A");
  g_assert_true (status_of (f).identical);
  put_all (f, START, "B");
  g_assert_false (status_of (f).identical);
  g_assert_cmpuint (status_of (f).agree, ==, FILES);
  g_assert_cmpuint (status_of (f).different, ==, 1);
  news = he_store_take_news (f->store, "demo");
  g_assert_nonnull (strstr (news, "interchangeable and no longer identical"));
  /* sha256 of "A" and of "B" */
  g_assert_nonnull (strstr (news, "559aead08264d5795d3909718cdd05abd49572e84fe55590eef31a"
                                  "88a08fdffd"));
  g_assert_nonnull (strstr (news, "df7e70e5021544f4834bbee64a9e3789febc4be81470df629cad6d"
                                  "db03320a5c"));
  put_all (f, START + 1, "A");
  put_all (f, START + 1, "B");
  g_assert_null (he_store_take_news (f->store, "demo"));
}

/* Both lost something of the feed, or one did: that says nothing. */
static void
flagged_copies_are_excused (Fixture *f, gconstpointer data)
{
  HeSegment a = name_of ("360p", START), b = a;
  g_autoptr (HeHeld) held = NULL;

  b.flags = HE_SEGMENT_FILLED;
  memset (b.signature.fields, 200, sizeof b.signature.fields);
  put (f, &a, "a", "A");
  put (f, &b, "b", "B");
  a = b = name_of ("360p", START + 1);
  a.flags = HE_SEGMENT_DAMAGED;
  b.frames = 7;
  put (f, &a, "a", "A");
  put (f, &b, "b", "B");
  g_assert_cmpuint (status_of (f).agree + status_of (f).conflict, ==, 0);
  /* The clean one is held, whichever came first. */
  for (guint i = 0; i < 2; i++) {
    HeSegment name = name_of ("360p", START + i);

    g_clear_pointer (&held, he_held_unref);
    held = he_store_get (f->store, &name);
    g_assert_cmpstr (held->node, ==, i == 0 ? "A" : "B");
    g_assert_cmpint (held->segment->flags, ==, HE_SEGMENT_CLEAN);
  }
}

static void
missing_copies_are_counted_a_window_later (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < 10; i++) {
    HeSegment audio = name_of ("audio", START + i);

    f->now += SECOND;
    put_all (f, START + i, "A");
    if (i == 4)
      put (f, &audio, "sound", "B"); /* without its pictures */
    else if (i != 5)
      put_all (f, START + i, "B");
    g_assert_cmpuint (node_of (f, "B").missing, ==, i < 7 ? 0 : i == 7 ? 1 : 1 + FILES);
  }
  g_assert_cmpuint (node_of (f, "A").missing, ==, 0);
}

/* What was fetched from a peer is nobody's offer. */
static void
restored_segments_prove_nothing (Fixture *f, gconstpointer data)
{
  g_autoptr (GBytes) body = g_bytes_new_static ("x", 1);

  for (guint i = 0; i < 6; i++) {
    HeSegment video = name_of ("360p", START + i), audio = name_of ("audio", START + i);
    HeStoreOutcome outcome;

    g_assert_true (
        he_store_restore (f->store, &video, body, "B", f->now, &outcome, NULL));
    g_assert_true (
        he_store_restore (f->store, &audio, body, "B", f->now, &outcome, NULL));
    g_assert_cmpint (outcome, ==, HE_STORE_NEW);
  }
  g_assert_cmpuint (node_of (f, "A").missing + node_of (f, "B").missing, ==, 0);
  g_assert_false (node_of (f, "B").has_whole);
  g_assert_cmpuint (node_of (f, "B").puts, ==, 0);
  put_all (f, START + 5, "A");
  g_assert_true (node_of (f, "A").has_whole);
  g_assert_cmpuint (node_of (f, "A").whole_msn, ==, START + 5);
  g_assert_cmpuint (status_of (f).agree, ==, FILES);
}

static void
a_node_is_whole_with_all_its_files (Fixture *f, gconstpointer data)
{
  HeSegment video = name_of ("360p", START + 1), audio = name_of ("audio", START + 1);

  put_all (f, START, "A");
  put (f, &video, "v", "B");
  put (f, &audio, "a", "A");
  g_assert_false (node_of (f, "B").has_whole);
  g_assert_cmpuint (node_of (f, "A").whole_msn, ==, START);
  f->now += SECOND;
  put (f, &video, "v", "A");
  g_assert_cmpuint (node_of (f, "A").whole_msn, ==, START + 1);
  g_assert_cmpint (node_of (f, "A").whole_at, ==, f->now);
}

static void
assert_last (Fixture *f, guint64 expected)
{
  guint64 first, last;

  g_assert_true (he_store_listing (f->store, "demo", &first, &last));
  g_assert_cmpuint (last, ==, expected);
  g_assert_cmpuint (first, ==, last - WINDOW + 1);
}

static void
assert_newest (Fixture *f, guint64 expected, gint64 expected_until)
{
  guint64 newest;
  gint64 until;

  g_assert_true (he_store_newest (f->store, "demo", f->now, &newest, &until));
  g_assert_cmpuint (newest, ==, expected);
  g_assert_cmpint (until, ==, expected_until);
}

static void
a_patient_store_lists_what_was_released (Fixture *f, gconstpointer data)
{
  guint64 first, last;

  he_store_set_patient (f->store);
  for (guint i = 0; i < 5; i++)
    put_all (f, START + i, "A");
  g_assert_false (he_store_listing (f->store, "demo", &first, &last));
  he_store_release (f->store, "demo", START + 1);
  g_assert_false (he_store_listing (f->store, "demo", &first, &last));
  he_store_release (f->store, "demo", START + 3);
  assert_last (f, START + 3);
  he_store_release (f->store, "demo", START + 2); /* late */
  assert_last (f, START + 3);
  /* Released ahead: it is listed when it comes. */
  he_store_release (f->store, "demo", START + 6);
  assert_last (f, START + 4);
  put_all (f, START + 5, "A");
  assert_last (f, START + 5);
  put_all (f, START + 6, "A");
  put_all (f, START + 7, "A");
  assert_last (f, START + 6);
  assert_newest (f, START + 7, 0);
}

static void
put_flagged (Fixture *f, guint64 msn, const char *node)
{
  HeSegment video = name_of ("360p", msn), audio = name_of ("audio", msn);

  video.flags = HE_SEGMENT_FILLED;
  put (f, &video, node, node);
  put (f, &audio, "sound", node);
}

static void
put_both (Fixture *f, guint64 msn)
{
  put_all (f, msn, "A");
  put_all (f, msn, "B");
}

/* Given a node whose copy has filler, when the other's clean one may come, then nobody is
 * shown the segment, nor what is behind it, before that came, or half a duration is over,
 * less the quarter of a second that it may wait for the other origin. */
static void
filler_yields_to_a_clean_copy (Fixture *f, gconstpointer data)
{
  put_both (f, START);
  put_flagged (f, START + 1, "A");
  assert_newest (f, START, f->now + SECOND / 4);
  put_all (f, START + 2, "A");
  assert_newest (f, START, f->now + SECOND / 4);
  put_all (f, START + 1, "B");
  assert_newest (f, START + 2, 0);

  put_flagged (f, START + 3, "A");
  f->now += SECOND / 4 - 1;
  assert_newest (f, START + 2, f->now + 1);
  f->now += 1;
  assert_newest (f, START + 3, 0);
  /* What was shown is not taken back when more of it comes. */
  he_store_set_patient (f->store);
  he_store_release (f->store, "demo", START + 4);
  put_flagged (f, START + 4, "A");
  assert_newest (f, START + 4, 0);
}

/* Given a segment that comes late and may be bettered, when one behind it was shown
 * already, then nothing is taken back. */
static void
what_was_shown_is_not_taken_back (Fixture *f, gconstpointer data)
{
  put_both (f, START);
  put_all (f, START + 2, "A");
  assert_newest (f, START + 2, 0);
  put_flagged (f, START + 1, "A");
  assert_newest (f, START + 2, 0);
  put_flagged (f, START + 3, "A");
  assert_newest (f, START + 2, f->now + SECOND / 4);
}

/* However short segments are, a list may change one and a half durations after the change
 * before: what is held back and then waits for the other origin takes half of one. */
static void
all_waiting_together_is_half_a_duration (Fixture *f, gconstpointer data)
{
  static const guint64 durations[] = { 45000, 90000, 180180, 540000 };

  for (guint i = 0; i < G_N_ELEMENTS (durations); i++) {
    g_autoptr (HeStore) store = he_store_new (G_MAXSIZE);
    g_autoptr (HeChannel) channel = he_channel_new ("demo");
    g_autoptr (GBytes) body = g_bytes_new_static ("x", 1);
    HeSegment segment = { .channel = "demo",
                          .rendition = "audio",
                          .msn = START,
                          .pts90 = START * durations[i],
                          .duration90 = durations[i] };
    gint64 half = (gint64)durations[i] * SECOND / 90000 / 2, until;
    HeStoreOutcome outcome;
    guint64 newest;

    channel->duration90 = durations[i];
    channel->window = WINDOW;
    g_ptr_array_add (channel->renditions, he_rendition_new ("audio", HE_MEDIA_AUDIO));
    g_assert_true (he_store_add_channel (store, channel, NULL));
    g_assert_true (he_store_put (store, &segment, body, "B", 0, &outcome, NULL));
    segment.msn++;
    segment.pts90 += durations[i];
    segment.flags = HE_SEGMENT_FILLED;
    g_assert_true (he_store_put (store, &segment, body, "A", 0, &outcome, NULL));
    g_assert_true (he_store_newest (store, "demo", 0, &newest, &until));
    g_assert_cmpuint (newest, ==, START);
    g_assert_cmpint (until, >=, half / 2);
    g_assert_cmpint (until + he_store_ack_us (channel), ==, half);
  }
}

/* Given a node whose copy has filler, when no clean one will come, because the other's
 * has filler, too, or is further on, or is silent, then nothing is waited for. */
static void
filler_waits_for_no_copy_that_will_not_come (Fixture *f, gconstpointer data)
{
  put_flagged (f, START, "A"); /* B has never offered anything */
  assert_newest (f, START, 0);
  put_all (f, START + 1, "B");
  put_flagged (f, START + 2, "A");
  assert_newest (f, START + 1, f->now + SECOND / 4);
  put_flagged (f, START + 2, "B");
  assert_newest (f, START + 2, 0);

  put_all (f, START + 5, "B");
  put_flagged (f, START + 3, "A");
  assert_newest (f, START + 5, 0);
  f->now += 3 * SECOND + 1;
  put_flagged (f, START + 6, "A");
  assert_newest (f, START + 6, 0);
}

/* A copy that another origin gave us is not waited for from who made it. */
static void
filler_that_was_restored_is_not_waited_for (Fixture *f, gconstpointer data)
{
  HeSegment video = name_of ("360p", START + 1), audio = name_of ("audio", START + 1);
  g_autoptr (GBytes) body = g_bytes_new_static ("x", 1);
  HeStoreOutcome outcome;

  video.flags = HE_SEGMENT_DAMAGED;
  put_all (f, START, "A");
  g_assert_true (he_store_restore (f->store, &video, body, "A", f->now, &outcome, NULL));
  g_assert_true (he_store_restore (f->store, &audio, body, "A", f->now, &outcome, NULL));
  assert_newest (f, START + 1, 0);
}

/* Given numbers that begin anew, what was released before does not count. */
static void
a_new_start_is_released_anew (Fixture *f, gconstpointer data)
{
  guint64 first, last;

  he_store_set_patient (f->store);
  for (guint i = 0; i < 3; i++)
    put_all (f, START + i, "A");
  he_store_release (f->store, "demo", START + 2);
  f->now += 100 * SECOND;
  for (guint i = 0; i < 3; i++)
    put_all (f, 10 + i, "A");
  g_assert_false (he_store_listing (f->store, "demo", &first, &last));
  he_store_release (f->store, "demo", 12);
  assert_last (f, 12);
}

/* Given a node that is late, when one that just joined is far ahead of it, then the list
 * waits for what comes in between; when the late one falls silent, it goes on without. */
static void
a_gap_waits_for_a_late_node (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < 4; i++)
    put_all (f, START + i, "B");
  assert_last (f, START + 3);
  put_all (f, START + 8, "A");
  put_all (f, START + 4, "B");
  assert_last (f, START + 4);
  for (guint i = 9; i < 12; i++)
    put_all (f, START + i, "A"); /* more than held behind what it made */
  assert_last (f, START + 4);
  for (guint i = 5; i < 7; i++) {
    f->now += SECOND;
    put_all (f, START + i, "B");
    put_all (f, START + 7 + i, "A");
    assert_last (f, START + i);
  }
  put_all (f, START + 7, "B");
  f->now += SECOND;
  put_all (f, START + 8, "B");
  assert_last (f, START + 13); /* the rest was there */

  put_all (f, START + 18, "A");
  put_all (f, START + 19, "A");
  put_all (f, START + 20, "A");
  assert_last (f, START + 13);
  f->now += 4 * SECOND;
  put_all (f, START + 21, "A");
  assert_last (f, START + 21);
}

/* Given a node that is late, when one is too far ahead of it, then that is refused as
 * long as the late one goes on, and gets in soon when it does no more. */
static void
a_late_node_that_dies_holds_nobody_up (Fixture *f, gconstpointer data)
{
  HeSegment video = name_of ("360p", START + 13);
  g_autoptr (GBytes) body = g_bytes_new_static ("x", 1);
  HeStoreOutcome outcome;

  for (guint i = 0; i < 4; i++)
    put_all (f, START + i, "B");
  put_all (f, START + 8, "A");
  f->now += 3 * SECOND;
  g_assert_false (he_store_put (f->store, &video, body, "A", f->now, &outcome, NULL));
  f->now += 1;
  for (guint i = 13; i < 16; i++)
    put_all (f, START + i, "A");
  assert_last (f, START + 15);
}

/* Given a node whose pictures are late and whose sound is not, when the other has left a
 * segment out, then the list waits for it, but not for pictures that come no more. */
static void
a_gap_waits_for_late_pictures (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < 4; i++)
    put_both (f, START + i);
  for (guint i = 4; i < 8; i++) {
    HeSegment audio = name_of ("audio", START + i);

    put (f, &audio, "sound", "A");
    put_all (f, START + i + 1, "B");
    assert_last (f, START + 3);
    f->now += SECOND / 2;
  }
  put_all (f, START + 4, "A");
  assert_last (f, START + 8);

  for (guint i = 10; i < 20; i++) {
    HeSegment audio = name_of ("audio", START + i);

    put (f, &audio, "sound", "A");
    put_all (f, START + i, "B");
    f->now += SECOND;
  }
  assert_last (f, START + 19);
}

static void
everything_held_is_told (Fixture *f, gconstpointer data)
{
  g_autoptr (GPtrArray) list = NULL;

  for (guint i = 4; i > 0; i--)
    put_all (f, START + i - 1, "A");
  list = he_store_list (f->store, "demo");
  g_assert_cmpuint (list->len, ==, 4 * FILES);
  for (guint i = 0; i < list->len; i++)
    g_assert_cmpuint (((HeHeld *)list->pdata[i])->segment->msn, ==, START + i / FILES);
}

int
main (int argc, char *argv[])
{
  static const struct {
    const char *path;
    void (*run) (Fixture *, gconstpointer);
  } tests[] = {
    { "/proof/same-pictures-agree", same_pictures_agree },
    { "/proof/other-pictures-conflict", other_pictures_conflict },
    { "/proof/a-promise-of-the-same-bytes-is-taken-back",
      a_promise_of_the_same_bytes_is_taken_back },
    { "/proof/flagged-copies-are-excused", flagged_copies_are_excused },
    { "/proof/missing-copies-are-counted-a-window-later",
      missing_copies_are_counted_a_window_later },
    { "/proof/restored-segments-prove-nothing", restored_segments_prove_nothing },
    { "/proof/a-node-is-whole-with-all-its-files", a_node_is_whole_with_all_its_files },
    { "/proof/listing/what-was-released", a_patient_store_lists_what_was_released },
    { "/proof/listing/a-new-start-is-released-anew", a_new_start_is_released_anew },
    { "/proof/listing/a-gap-waits-for-a-late-node", a_gap_waits_for_a_late_node },
    { "/proof/listing/a-late-node-that-dies-holds-nobody-up",
      a_late_node_that_dies_holds_nobody_up },
    { "/proof/listing/a-gap-waits-for-late-pictures", a_gap_waits_for_late_pictures },
    { "/proof/listing/everything-held-is-told", everything_held_is_told },
    { "/proof/listing/filler-yields-to-a-clean-copy", filler_yields_to_a_clean_copy },
    { "/proof/listing/what-was-shown-is-not-taken-back",
      what_was_shown_is_not_taken_back },
    { "/proof/listing/all-waiting-together-is-half-a-duration",
      all_waiting_together_is_half_a_duration },
    { "/proof/listing/filler-waits-for-no-copy-that-will-not-come",
      filler_waits_for_no_copy_that_will_not_come },
    { "/proof/listing/filler-that-was-restored-is-not-waited-for",
      filler_that_was_restored_is_not_waited_for },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, Fixture, NULL, set_up, tests[i].run, tear_down);
  return g_test_run ();
}
