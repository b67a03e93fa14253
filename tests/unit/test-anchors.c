/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-anchors.h"

static HeAnchor
record (guint generation, const char *node)
{
  HeAnchor anchor = { .generation = generation };
  g_strlcpy (anchor.node, node, sizeof anchor.node);
  return anchor;
}

static void
assert_holds (HeAnchors *anchors, guint generation, const char *node)
{
  HeAnchor holds;
  g_assert_true (he_anchors_get (anchors, "demo", TRUE, &holds));
  g_assert_cmpuint (holds.generation, ==, generation);
  g_assert_cmpstr (holds.node, ==, node);
}

/* Given a record that holds, when a worker that starts proposes the first generation,
 * then the record holds on. */
static void
a_record_outlives_proposals (void)
{
  g_autoptr (HeAnchors) anchors = he_anchors_new (NULL, NULL);
  HeAnchor first = record (0, "B"), other = record (0, "A"), ret;
  g_assert_true (he_anchors_settle (anchors, "demo", &first, NULL, 0, &ret, NULL));
  g_assert_true (he_anchors_settle (anchors, "demo", &other, NULL, 0, &ret, NULL));
  assert_holds (anchors, 0, "B");
}

/* Given a record that holds, when a worker has seen the source begin a new timeline, then
 * its proposal holds, and the same from the other node changes nothing. */
static void
a_new_timeline_replaces_the_old (void)
{
  g_autoptr (HeAnchors) anchors = he_anchors_new (NULL, NULL);
  HeAnchor first = record (0, "A"), next = record (1, "B"), same = record (1, "C"), ret;
  g_assert_true (he_anchors_settle (anchors, "demo", &first, NULL, 0, &ret, NULL));
  g_assert_true (he_anchors_settle (anchors, "demo", &next, &first, 1, &ret, NULL));
  g_assert_cmpuint (ret.generation, ==, 1);
  g_assert_true (he_anchors_settle (anchors, "demo", &same, &next, 1, &ret, NULL));
  assert_holds (anchors, 1, "B");
  g_assert_true (he_anchors_settle (anchors, "demo", &first, NULL, 0, &ret, NULL));
  assert_holds (anchors, 1, "B");
}

/* Given a record that holds, when a peer tells of a later one, then that holds; an
 * earlier one does not; of the same generation the lower name does. */
static void
peers_are_believed_about_later_timelines (void)
{
  g_autoptr (HeAnchors) anchors = he_anchors_new (NULL, NULL);
  HeAnchor first = record (1, "B"), peers[] = { record (0, "A"), record (2, "D") };
  HeAnchor lower = record (2, "C"), ret;
  g_assert_true (he_anchors_settle (anchors, "demo", &first, NULL, 0, &ret, NULL));
  g_assert_true (he_anchors_settle (anchors, "demo", NULL, peers, 1, &ret, NULL));
  assert_holds (anchors, 1, "B");
  g_assert_true (he_anchors_settle (anchors, "demo", NULL, peers, 2, &ret, NULL));
  assert_holds (anchors, 2, "D");
  g_assert_true (he_anchors_settle (anchors, "demo", NULL, &lower, 1, &ret, NULL));
  assert_holds (anchors, 2, "C");
}

/* Given a record that holds, when a proposal skips a generation, then it does not hold;
 * from a peer it does, and is the first of all when nothing holds. */
static void
nobody_skips_a_generation (void)
{
  g_autoptr (HeAnchors) anchors = he_anchors_new (NULL, NULL);
  HeAnchor first = record (4, "B"), ahead = record (6, "A"), ret;
  g_assert_true (he_anchors_settle (anchors, "demo", &first, NULL, 0, &ret, NULL));
  assert_holds (anchors, 4, "B");
  g_assert_true (he_anchors_settle (anchors, "demo", &ahead, NULL, 0, &ret, NULL));
  g_assert_cmpuint (ret.generation, ==, 4);
  ahead.generation = G_MAXUINT;
  g_assert_true (he_anchors_settle (anchors, "demo", &ahead, NULL, 0, &ret, NULL));
  assert_holds (anchors, 4, "B");
  g_assert_true (he_anchors_settle (anchors, "demo", NULL, &ahead, 1, &ret, NULL));
  assert_holds (anchors, G_MAXUINT, "A");
  ahead.generation = 0; /* what would come after the last one */
  g_assert_true (he_anchors_settle (anchors, "demo", &ahead, NULL, 0, &ret, NULL));
  assert_holds (anchors, G_MAXUINT, "A");
}

/* The origin of one of two nodes, and the messages between them one by one. */
typedef struct {
  HeAnchors *anchors;
  HeAnchor proposal, answer;
  HeAnchor peer; /* the other's answer to the first question or to what it was told */
  gboolean has_peer;
  guint step;
} Side;

static void
step (Side *sides, guint i)
{
  Side *self = &sides[i], *other = &sides[1 - i];
  switch (self->step++) {
    case 0:
      self->has_peer = he_anchors_get (other->anchors, "demo", TRUE, &self->peer);
      break;
    case 1:
      g_assert_true (he_anchors_settle (self->anchors, "demo", &self->proposal,
                                        &self->peer, self->has_peer, &self->answer,
                                        NULL));
      break;
    case 2:
      g_assert_true (he_anchors_settle (other->anchors, "demo", NULL, &self->answer, 1,
                                        &self->peer, NULL));
      break;
    case 3:
      g_assert_true (he_anchors_settle (self->anchors, "demo", &self->answer, &self->peer,
                                        1, &self->answer, NULL));
      break;
    default:
      g_assert_not_reached ();
  }
}

/* Given two nodes that propose at once, when their messages cross in any order, then both
 * workers are answered the same record. */
static void
whoever_is_first_all_agree (void)
{
  guint orders = 0;
  for (guint order = 0; order < 256; order++) {
    for (guint generation = 0; generation < 2; generation++) {
      Side sides[2] = { { .proposal = record (generation, "A") },
                        { .proposal = record (generation, "B") } };
      HeAnchor old = record (0, "C"), ret;
      if (__builtin_popcount (order) != 4)
        continue;
      for (guint i = 0; i < 2; i++) {
        sides[i].anchors = he_anchors_new (NULL, NULL);
        if (generation > 0)
          g_assert_true (
              he_anchors_settle (sides[i].anchors, "demo", &old, NULL, 0, &ret, NULL));
      }
      for (guint at = 0; at < 8; at++)
        step (sides, order >> at & 1);
      g_assert_cmpuint (sides[0].answer.generation, ==, generation);
      g_assert_cmpint (he_anchor_compare (&sides[0].answer, &sides[1].answer), ==, 0);
      for (guint i = 0; i < 2; i++) {
        assert_holds (sides[i].anchors, generation, sides[0].answer.node);
        he_anchors_free (sides[i].anchors);
      }
      orders++;
    }
  }
  g_assert_cmpuint (orders, ==, 2 * 70);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/anchors/a-record-outlives-proposals", a_record_outlives_proposals);
  g_test_add_func ("/anchors/a-new-timeline-replaces-the-old",
                   a_new_timeline_replaces_the_old);
  g_test_add_func ("/anchors/peers-are-believed-about-later-timelines",
                   peers_are_believed_about_later_timelines);
  g_test_add_func ("/anchors/nobody-skips-a-generation", nobody_skips_a_generation);
  g_test_add_func ("/anchors/whoever-is-first-all-agree", whoever_is_first_all_agree);
  return g_test_run ();
}
