/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <math.h>

#include "he-refine.h"
#include "mark-clips.h"

#define PIXELS (HE_PATTERN_WIDTH * HE_PATTERN_HEIGHT)
#define SEGMENTS 3

static void
keyed (gpointer data, guint64 msn, gint16 *ret_pairs)
{
  he_pattern_coefficients ((guint8[32]) { (guint8)msn }, ret_pairs);
}

/* Segments from 0 on, noise and a mark that is scaled so and moved by (x, y). */
static HeSlots *
copy_of (float strength, double scale, double x, double y)
{
  const HeView inverse = { { 1 / scale, 0, -x / scale, 0, 1 / scale, -y / scale, 0, 0 } };
  HeSlots *slots = he_slots_new ();
  g_autofree gint8 *pattern = g_malloc (PIXELS);
  g_autofree float *flat = g_new (float, PIXELS);
  g_autofree HePlane *plane = g_new (HePlane, 1);
  for (guint segment = 0; segment < SEGMENTS; segment++) {
    he_pattern_build ((guint8[32]) { (guint8)segment }, pattern);
    for (guint i = 0; i < PIXELS; i++)
      flat[i] = strength * pattern[i];
    he_view_warp (&inverse, flat, HE_PATTERN_WIDTH, HE_PATTERN_HEIGHT, *plane);
    for (guint i = 0; i < PIXELS; i++)
      (*plane)[i] += ((float)(clip_hash (i, segment, 5) % 2001) - 1000) / 1000;
    he_slots_push (slots, (const HePlane *)plane, 1, segment, segment + 1);
  }
  return slots;
}

static HeView
refined (HeSlots *slots, const HeView *found, gboolean views)
{
  g_autoptr (HeWhitener) whitener = he_whitener_new ();
  HeSync sync = { .view = *found, .speed = 1 };
  he_refine_view (slots, whitener, keyed, NULL, views, &sync);
  return sync.view;
}

/* Given a whole frame whose mark a search found half a period off, when the view is
 * refined, then it is the plain one, and stays so. */
static void
test_plain_view_is_chosen (void)
{
  g_autoptr (HeSlots) slots = copy_of (0.02f, 1, 0, 0);
  const HeView off = he_view_shift (&he_view_identity, 0.014, 0.003);
  HeView view = refined (slots, &off, FALSE);
  g_assert_cmpmem (&view, sizeof view, &he_view_identity, sizeof view);
  view = refined (slots, &view, FALSE);
  g_assert_cmpmem (&view, sizeof view, &he_view_identity, sizeof view);
}

/* Given a crop whose mark a search found a period and a half off, when the view is
 * refined, then it is the crop's. */
static void
test_shifts_of_a_crop_are_looked_at (void)
{
  const double scale = 1.18, x = 0.05, y = -0.04;
  g_autoptr (HeSlots) slots = copy_of (0.02f, scale, x, y);
  const HeView off = { { scale, 0, x - 0.031, 0, scale, y + 0.013, 0, 0 } };
  const HeView view = refined (slots, &off, TRUE);
  g_assert_cmpfloat (fabs (view.m[0] - scale), <, 0.005);
  g_assert_cmpfloat (fabs (view.m[4] - scale), <, 0.008);
  g_assert_cmpfloat (fabs (view.m[2] - x), <, 0.003);
  g_assert_cmpfloat (fabs (view.m[5] - y), <, 0.004);
}

/* Given a copy whose mark is not in what the view is judged by, as behind a black
 * beginning, when the view is refined, then chance moves it nowhere. */
static void
test_chance_moves_no_view (void)
{
  g_autoptr (HeSlots) slots = copy_of (0, 1, 0, 0);
  for (guint i = 0; i < 10; i++) {
    const HeView found = he_view_new (1.28 + 0.002 * i, 1.1, 0, FALSE);
    const HeView view = refined (slots, &found, FALSE);
    if (view.m[0] != he_view_identity.m[0] && view.m[0] != -he_view_identity.m[0])
      g_assert_cmpmem (&view, sizeof view, &found, sizeof view);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/refine/plain-view-is-chosen", test_plain_view_is_chosen);
  g_test_add_func ("/refine/shifts-of-a-crop-are-looked-at",
                   test_shifts_of_a_crop_are_looked_at);
  g_test_add_func ("/refine/chance-moves-no-view", test_chance_moves_no_view);
  return g_test_run ();
}
