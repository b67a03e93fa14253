/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-anchor.h"
#include "he-epoch.h"
#include "he-error.h"

#include <string.h>

#define NOW (G_GUINT64_CONSTANT (1795248000) * HE_TICKS_PER_SECOND)
#define SECOND ((gint64)HE_TICKS_PER_SECOND)
#define HALF ((gint64)(HE_PTS_WRAP / 2))

static void
a_proposal_places_the_source_near_the_wall_clock (void)
{
  for (guint64 pts = 0; pts < HE_PTS_WRAP; pts += HE_PTS_WRAP / 101) {
    HeAnchor anchor;
    guint64 epoch;

    he_anchor_propose (pts, NOW, "A", &anchor);
    epoch = he_anchor_epoch (&anchor, pts, 0, NOW);
    g_assert_cmpuint (anchor.generation, ==, 0);
    g_assert_cmpint (anchor.offset90, ==, 0);
    g_assert_cmpstr (anchor.node, ==, "A");
    g_assert_cmpuint (epoch % HE_PTS_WRAP, ==, pts);
    g_assert_cmpint (ABS (anchor.wall_offset90), <=, HALF);
    g_assert_cmpint ((gint64)NOW - (gint64)epoch, ==, anchor.wall_offset90);
  }
}

static void
two_nodes_propose_the_same_epoch (void)
{
  HeAnchor a, b;
  guint64 pts = 123456789;

  /* The second node joins 3.3 s later, with a clock that is 20 s ahead. */
  he_anchor_propose (pts, NOW, "A", &a);
  he_anchor_propose (pts + 3 * HE_TICKS_PER_SECOND, NOW + 23 * HE_TICKS_PER_SECOND, "B",
                     &b);
  g_assert_cmpuint (he_anchor_epoch (&a, pts, 0, NOW), ==,
                    he_anchor_epoch (&b, pts, 0, NOW + 20 * HE_TICKS_PER_SECOND));
}

static void
adopting_settles_a_source_half_a_wrap_away (void)
{
  /* Given a source whose PTS is half a wrap from the wall clock, where a second more or
   * less decides on the turn; when B adopts A's record; then both place every PTS the
   * same. */
  guint64 pts = (NOW + HE_PTS_WRAP / 2 - 10) % HE_PTS_WRAP;
  guint64 pts_later = (pts + 2 * HE_TICKS_PER_SECOND) % HE_PTS_WRAP;
  HeAnchor a, b;

  he_anchor_propose (pts, NOW, "A", &a);
  he_anchor_propose (pts, NOW - HE_TICKS_PER_SECOND, "B", &b);
  g_assert_cmpuint (he_anchor_epoch (&a, pts, 0, NOW), !=,
                    he_anchor_epoch (&b, pts, 0, NOW - HE_TICKS_PER_SECOND));
  g_assert_cmpint (he_anchor_compare (&a, &b), <, 0);
  b = a;
  g_assert_cmpuint (he_anchor_epoch (&a, pts, 0, NOW), ==,
                    he_anchor_epoch (&b, pts, 0, NOW - HE_TICKS_PER_SECOND));
  g_assert_cmpuint (he_anchor_epoch (&b, pts_later, 0, NOW + HE_TICKS_PER_SECOND), ==,
                    he_anchor_epoch (&a, pts, 0, NOW) + 2 * HE_TICKS_PER_SECOND);
}

static void
a_restart_days_later_continues (void)
{
  HeAnchor anchor;
  guint64 pts = 8000000000, first, days = 3 * 86400 * HE_TICKS_PER_SECOND;

  he_anchor_propose (pts, NOW, "A", &anchor);
  first = he_anchor_epoch (&anchor, pts, 0, NOW);
  for (int clock_error = -3600; clock_error <= 3600; clock_error += 600)
    g_assert_cmpuint (he_anchor_epoch (&anchor, (pts + days) % HE_PTS_WRAP, 0,
                                       NOW + days + (guint64)(clock_error * SECOND)),
                      ==, first + days);
}

static void
a_reference_outweighs_the_wall_clock (void)
{
  HeAnchor anchor;
  guint64 pts = HE_PTS_WRAP - 90, first;

  he_anchor_propose (pts, NOW, "A", &anchor);
  first = he_anchor_epoch (&anchor, pts, 0, NOW);
  g_assert_cmpuint (he_anchor_epoch (&anchor, 90, first, 0), ==, first + 180);
}

static void
an_offset_moves_a_later_generation (void)
{
  HeAnchor anchor = { .generation = 1, .offset90 = -5000, .node = "A" };

  g_assert_cmpuint (he_anchor_epoch (&anchor, NOW % HE_PTS_WRAP, 0, NOW), ==, NOW - 5000);
  anchor.offset90 = 3 * (gint64)HE_PTS_WRAP + 7;
  g_assert_cmpuint (he_anchor_epoch (&anchor, NOW % HE_PTS_WRAP, NOW, 0), ==, NOW + 7);
}

static void
time_never_lies_before_the_epoch (void)
{
  HeAnchor anchor;

  he_anchor_propose (HE_PTS_WRAP - 100, 50, "A", &anchor);
  g_assert_cmpuint (he_anchor_epoch (&anchor, HE_PTS_WRAP - 100, 0, 50), ==,
                    HE_PTS_WRAP - 100);
}

static void
one_of_two_records_holds_on_both_sides (void)
{
  static const HeAnchor ordered[] = {
    { .generation = 0, .node = "A", .offset90 = 0, .wall_offset90 = -5 },
    { .generation = 0, .node = "A", .offset90 = 0, .wall_offset90 = 9 },
    { .generation = 0, .node = "A", .offset90 = 1, .wall_offset90 = -9 },
    { .generation = 0, .node = "B", .offset90 = -7 },
    { .generation = 1, .node = "A" },
    { .generation = 1, .node = "B" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (ordered); i++)
    for (guint j = 0; j < G_N_ELEMENTS (ordered); j++) {
      int order = he_anchor_compare (&ordered[i], &ordered[j]);

      g_assert_cmpint (order < 0, ==, i < j);
      g_assert_cmpint (order > 0, ==, i > j);
    }
}

static void
json_keeps_every_field (void)
{
  HeAnchor anchor = {
    .generation = 3, .offset90 = -8589934592, .wall_offset90 = 4294967296, .node = "A-1"
  };
  g_autofree char *text = he_anchor_to_json (&anchor);
  g_autoptr (GError) error = NULL;
  HeAnchor back;

  g_assert_cmpstr (text, ==,
                   "{\"generation\":3,\"offset90\":-8589934592,"
                   "\"wall-offset90\":4294967296,\"node\":\"A-1\"}");
  g_assert_true (he_anchor_from_json (text, -1, &back, &error));
  g_assert_no_error (error);
  g_assert_cmpint (he_anchor_compare (&anchor, &back), ==, 0);
  g_assert_cmpint (back.end, ==, HE_ANCHOR_END_SEEN);
  for (guint end = HE_ANCHOR_END_MISSED; end <= HE_ANCHOR_END_PAUSED; end++) {
    g_autofree char *more = NULL;

    anchor.end = (HeAnchorEnd)end;
    more = he_anchor_to_json (&anchor);
    g_assert_true (he_anchor_from_json (more, -1, &back, &error));
    g_assert_cmpint (back.end, ==, end);
    /* No part of the order. */
    anchor.end = HE_ANCHOR_END_SEEN;
    g_assert_cmpint (he_anchor_compare (&anchor, &back), ==, 0);
  }
}

static void
json_that_is_no_anchor_is_refused (void)
{
  static const char *const bad[] = {
    "",
    "[]",
    "7",
    "{\"generation\":0,\"offset90\":0,\"wall-offset90\":0}",
    "{\"generation\":0,\"offset90\":0,\"node\":\"A\"}",
    "{\"generation\":-1,\"offset90\":0,\"wall-offset90\":0,\"node\":\"A\"}",
    "{\"generation\":4294967296,\"offset90\":0,\"wall-offset90\":0,\"node\":\"A\"}",
    "{\"generation\":0,\"offset90\":0.5,\"wall-offset90\":0,\"node\":\"A\"}",
    "{\"generation\":0,\"offset90\":\"0\",\"wall-offset90\":0,\"node\":\"A\"}",
    "{\"generation\":0,\"offset90\":9007199254740993,\"wall-offset90\":0,\"node\":\"A\"}",
    "{\"generation\":0,\"offset90\":0,\"wall-offset90\":8589934593,\"node\":\"A\"}",
    "{\"generation\":0,\"offset90\":0,\"wall-offset90\":-8589934593,\"node\":\"A\"}",
    "{\"generation\":0,\"offset90\":0,\"wall-offset90\":0,\"node\":\"../A\"}",
    "{\"generation\":0,\"offset90\":0,\"wall-offset90\":0,\"node\":\"\"}",
    "{\"generation\":0,\"offset90\":0,\"wall-offset90\":0,\"node\":\"A\",\"end\":\"x\"}",
    "{\"generation\":0,\"offset90\":0,\"wall-offset90\":0,\"node\":\"A\",\"end\":1}",
  };
  HeAnchor anchor = { .generation = 77 };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (he_anchor_from_json (bad[i], -1, &anchor, &error));
    g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
    g_assert_cmpuint (anchor.generation, ==, 77);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/anchor/proposal-places-the-source-near-the-wall-clock",
                   a_proposal_places_the_source_near_the_wall_clock);
  g_test_add_func ("/anchor/two-nodes-propose-the-same-epoch",
                   two_nodes_propose_the_same_epoch);
  g_test_add_func ("/anchor/adopting-settles-a-source-half-a-wrap-away",
                   adopting_settles_a_source_half_a_wrap_away);
  g_test_add_func ("/anchor/a-restart-days-later-continues",
                   a_restart_days_later_continues);
  g_test_add_func ("/anchor/a-reference-outweighs-the-wall-clock",
                   a_reference_outweighs_the_wall_clock);
  g_test_add_func ("/anchor/an-offset-moves-a-later-generation",
                   an_offset_moves_a_later_generation);
  g_test_add_func ("/anchor/time-never-lies-before-the-epoch",
                   time_never_lies_before_the_epoch);
  g_test_add_func ("/anchor/one-of-two-records-holds-on-both-sides",
                   one_of_two_records_holds_on_both_sides);
  g_test_add_func ("/anchor/json-keeps-every-field", json_keeps_every_field);
  g_test_add_func ("/anchor/json-that-is-no-anchor-is-refused",
                   json_that_is_no_anchor_is_refused);
  return g_test_run ();
}
