/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-epoch.h"
#include "he-error.h"
#include "renewal.h"
#include "settle.h"

#define S G_GINT64_CONSTANT (90000)

static const guint64 wall = G_GUINT64_CONSTANT (1790000000) * 90000;

/* What is held: the newest segment came age seconds ago, and the source was ahead of its
 * end by 2 s then. */
static HeadendPublished
held (gint64 epoch_now, gint64 age)
{
  return (HeadendPublished) { .wall90 = wall,
                              .known = TRUE,
                              .end90 = (guint64)(epoch_now - (age + 2) * S),
                              .now90 = (guint64)(epoch_now - 2 * S) };
}

static HeAnchor
first_of (guint64 pts33, const char *node)
{
  HeAnchor anchor;
  he_anchor_propose (pts33, wall, node, &anchor);
  return anchor;
}

static guint64
place (const HeAnchor *anchor, guint64 pts33)
{
  return he_anchor_epoch (anchor, pts33, 0, wall);
}

/* Given a source that goes on, when a worker starts on it, then the anchor holds, however
 * far the source has drifted from the wall clock, and without segments too. */
static void
a_source_that_goes_on (void)
{
  HeAnchor agreed = first_of (5000000, "A"), own, next = { .generation = 7 };
  for (gint64 drift = -600; drift <= 600; drift += 600) {
    guint64 pts = (guint64)(5000000 + drift * S) & (HE_PTS_WRAP - 1);
    HeadendPublished so_far = held ((gint64)place (&agreed, 5000000) + drift * S, 300);
    own = first_of (pts, "B");
    g_assert_false (headend_anchor_renew (&own, &agreed, &so_far, "B", &next));
    so_far.known = FALSE;
    g_assert_true (headend_anchor_renew (&own, &agreed, &so_far, "B", &next)
                   == (drift != 0));
  }
  own = first_of (5000000 + 59 * S, "B");
  next.generation = 7;
  HeadendPublished nothing = { .wall90 = wall };
  g_assert_false (headend_anchor_renew (&own, &agreed, &nothing, "B", &next));
  g_assert_cmpuint (next.generation, ==, 7);
}

/* Given a source that goes on, when machines hardly keep up, so that its segments came
 * much later than they are from, then the anchor holds all the same; of a source that
 * began again and is as far ahead, it does not. */
static void
late_segments (void)
{
  HeAnchor agreed = first_of (5000000, "A"), own = agreed, next;
  for (gint64 late = 0; late <= 50; late += 5) {
    HeadendPublished so_far = held ((gint64)place (&agreed, 5000000) - late * S, 3);
    g_assert_false (headend_anchor_renew (&own, &agreed, &so_far, "B", &next));
  }
  HeadendPublished so_far = held ((gint64)place (&agreed, 5000000), 3);
  own = first_of (5000000 + 300 * S, "B");
  g_assert_true (headend_anchor_renew (&own, &agreed, &so_far, "B", &next));
  so_far.now90 -= 2000 * S;
  so_far.end90 -= 2000 * S;
  own = first_of (5000000 - 1500 * S, "B");
  g_assert_true (headend_anchor_renew (&own, &agreed, &so_far, "B", &next));
}

/* Given a source that counts from the beginning again, then a new generation goes on at
 * the live edge, with dates that stay; and may end like the first. */
static void
a_source_that_begins_again (void)
{
  HeAnchor agreed = first_of (50000000, "A"), own = first_of (126000, "B"), next, more;
  guint64 now = place (&agreed, 50000000);
  for (gint64 age = 0; age <= 600; age += 300) {
    HeadendPublished so_far = held ((gint64)now, age);
    g_assert_true (headend_anchor_renew (&own, &agreed, &so_far, "B", &next));
    g_assert_cmpuint (next.generation, ==, 1);
    g_assert_cmpstr (next.node, ==, "B");
    g_assert_cmpint (next.wall_offset90, ==, agreed.wall_offset90);
    g_assert_cmpuint (place (&next, 126000), ==, now);
    g_assert_false (headend_anchor_renew (&own, &next, &so_far, "A", &more));
  }
  HeadendPublished later = held ((gint64)now + 50 * S, 0), nothing = { .wall90 = wall };
  later.wall90 += 50 * S;
  g_assert_true (headend_anchor_renew (&own, &agreed, &nothing, "B", &more));
  g_assert_cmpuint (place (&more, 126000), ==, now);
  he_anchor_propose (126000, later.wall90, "A", &own);
  g_assert_true (headend_anchor_renew (&own, &next, &later, "A", &more));
  g_assert_cmpuint (more.generation, ==, 2);
  g_assert_cmpuint (he_anchor_epoch (&more, 126000, 0, later.wall90), ==, now + 50 * S);
}

/* Given a source that drifted far before it began again, then numbers follow the segments
 * and dates the wall clock. */
static void
a_source_that_had_drifted (void)
{
  HeAnchor agreed = first_of (50000000, "A"), own = first_of (126000, "B"), next;
  HeadendPublished so_far = held ((gint64)place (&agreed, 50000000) + 600 * S, 5);
  g_assert_true (headend_anchor_renew (&own, &agreed, &so_far, "B", &next));
  g_assert_cmpuint (place (&next, 126000), ==, so_far.now90);
  g_assert_cmpuint (so_far.now90 + (guint64)next.wall_offset90, ==, wall);
}

/* Given an outage, when one node waited and goes on without a gap while the other started
 * again, then either takes the other's record; nobody goes back over numbers given. */
static void
an_outage_seen_in_two_ways (void)
{
  HeAnchor agreed = first_of (50000000, "A"), own = first_of (126000, "B"), next, more;
  gint64 now = (gint64)place (&agreed, 50000000);
  HeadendPublished so_far = held (now, 20);
  g_assert_true (headend_anchor_renew (&own, &agreed, &so_far, "B", &next));
  HeAnchor waited = next;
  waited.offset90 -= 20 * S;
  g_assert_false (headend_anchor_renew (&own, &waited, &so_far, "B", &more));
  g_assert_false (headend_anchor_renew (&waited, &next, &so_far, "A", &more));
  waited.offset90 -= 3 * S; /* what was published already */
  g_assert_true (headend_anchor_renew (&own, &waited, &so_far, "B", &more));
  g_assert_cmpuint (more.generation, ==, 2);
  g_assert_cmpuint (place (&more, 126000), ==, (guint64)now);
}

/* Given a jump, when what the nodes hold is of another jump, then the generation after it
 * is proposed, with the offset of this one. */
static void
a_jump_after_another (void)
{
  HeAnchor jump = { .generation = 3, .offset90 = 1000, .node = "A" }, agreed = jump, next;
  HeadendPublished so_far = { .wall90 = wall };
  agreed.offset90 += (gint64)HE_PTS_WRAP; /* the same */
  g_assert_false (headend_anchor_renew (&jump, &agreed, &so_far, "A", &next));
  agreed.offset90 += 3600 * S;
  g_assert_true (headend_anchor_renew (&jump, &agreed, &so_far, "A", &next));
  g_assert_cmpuint (next.generation, ==, 4);
  g_assert_cmpint (next.offset90, ==, 1000);
  agreed.offset90 = 1000 - 11 * S;
  g_assert_true (headend_anchor_renew (&jump, &agreed, &so_far, "A", &next));
}

/* Given a source that seems to have stood still for 10 s, when the other node has
 * published segments that began since then, and nothing in them was made up, then it
 * went on. */
static void
a_pause_that_nobody_else_saw (void)
{
  HeAnchor present = first_of (5000000, "A"), pause = present;
  HeadendPublished so_far = held ((gint64)place (&present, 5000000), 1);
  pause.generation++;
  pause.offset90 += 10 * S;
  pause.end = HE_ANCHOR_END_PAUSED;
  g_assert_false (headend_anchor_went_on (&pause, &present, &so_far, 2 * S));
  so_far.clean = TRUE;
  g_assert_true (headend_anchor_went_on (&pause, &present, &so_far, 2 * S));
  /* One that began before. */
  g_assert_false (headend_anchor_went_on (&pause, &present, &so_far, 10 * S));
  so_far.end90 -= 8 * S;
  g_assert_false (headend_anchor_went_on (&pause, &present, &so_far, 2 * S));
  so_far.end90 += 8 * S;
  pause.end = HE_ANCHOR_END_MISSED;
  g_assert_false (headend_anchor_went_on (&pause, &present, &so_far, 2 * S));
  pause.end = HE_ANCHOR_END_PAUSED;
  present.generation++; /* the others have proposed it meanwhile */
  g_assert_false (headend_anchor_went_on (&pause, &present, &so_far, 2 * S));
  present.generation--;
  so_far.known = FALSE;
  g_assert_false (headend_anchor_went_on (&pause, &present, &so_far, 2 * S));
}

/* An origin that answers so often, and then no more. */
static gboolean
answer (gpointer user, const HeAnchor *proposal, HeAnchor *ret_anchor, GError **error)
{
  guint *answers = user;
  *ret_anchor = first_of (50000000, "A");
  if (*answers > 0)
    return (*answers)-- > 0;
  g_set_error_literal (error, HE_ERROR, HE_ERROR_UNAVAILABLE, "no answer");
  return FALSE;
}

static HeadendPublished
published (gpointer user)
{
  HeAnchor agreed = first_of (50000000, "A");
  return held ((gint64)place (&agreed, 50000000), 300);
}

static gint64
now (gpointer user)
{
  return 0;
}

/* Given an origin that ends, when a source has begun again, then both are told of. */
static void
an_origin_that_ends (void)
{
  static const HeadendSettled expected[]
      = { HEADEND_SETTLED_ALONE, HEADEND_SETTLED_ANEW_ALONE };
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++) {
    guint answers = i;
    const HeadendSettle with = { .node = "B",
                                 .duration90 = 2 * S,
                                 .alone = TRUE,
                                 .user = &answers,
                                 .ask = answer,
                                 .published = published,
                                 .now = now };
    const HeAnchor own = first_of (126000, "B");
    HeAnchor anchor;
    g_autoptr (GError) error = NULL;
    g_assert_cmpint (headend_settle (&with, &own, &anchor, &error), ==, expected[i]);
    g_assert_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE);
    g_assert_cmpuint (anchor.generation, ==, i);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/renewal/a-source-that-goes-on-keeps-its-anchor",
                   a_source_that_goes_on);
  g_test_add_func ("/renewal/a-source-that-begins-again-goes-on-at-the-live-edge",
                   a_source_that_begins_again);
  g_test_add_func ("/renewal/numbers-follow-segments-and-dates-the-wall-clock",
                   a_source_that_had_drifted);
  g_test_add_func ("/renewal/an-outage-seen-in-two-ways-is-one",
                   an_outage_seen_in_two_ways);
  g_test_add_func ("/renewal/segments-that-come-late-are-no-new-timeline", late_segments);
  g_test_add_func ("/renewal/a-jump-after-another-begins-a-generation",
                   a_jump_after_another);
  g_test_add_func ("/renewal/a-pause-that-nobody-else-saw-is-none",
                   a_pause_that_nobody_else_saw);
  g_test_add_func ("/renewal/who-begins-anew-without-an-origin-says-both",
                   an_origin_that_ends);
  return g_test_run ();
}
