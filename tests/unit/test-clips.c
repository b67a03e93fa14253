/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-clips.h"

#include <string.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void
assert_remembered (HeClips *clips, gboolean identical, const char *reason)
{
  gboolean is_identical = !identical;
  g_autofree char *again = he_clips_verdict (clips, "demo", &is_identical);

  g_assert_cmpstr (again, ==, reason);
  g_assert_cmpint (is_identical, ==, identical);
}

static void
assert_verdict (HeClips *clips, guint peers, gboolean identical, const char *says)
{
  g_autofree char *reason = NULL;
  gboolean is_identical = !identical;

  g_assert_true (he_clips_judge (clips, "demo", peers, &is_identical, &reason));
  g_assert_cmpint (is_identical, ==, identical);
  g_assert_nonnull (strstr (reason, says));
  assert_remembered (clips, identical, reason);
  g_free (g_steal_pointer (&reason));
  g_assert_false (he_clips_judge (clips, "demo", peers, &is_identical, &reason));
}

/* Given nodes that tell what they make of the clip one after the other, then copies are
 * identical once all have told and all told the same, and each verdict is new once. */
static void
test_all_have_to_tell_the_same (void)
{
  g_autoptr (HeClips) clips = he_clips_new ();

  assert_verdict (clips, 2, FALSE, "no worker");
  g_assert_true (he_clips_set_own (clips, "demo", A, 64));
  assert_verdict (clips, 2, FALSE, "not every other node");
  g_assert_true (he_clips_hear (clips, "demo", "1", A, 64));
  g_assert_true (he_clips_hear (clips, "demo", "2", B, 64));
  assert_verdict (clips, 2, FALSE, "different bytes");
  g_assert_true (he_clips_hear (clips, "demo", "2", A, 64));
  assert_verdict (clips, 2, TRUE, "same bytes");
  g_assert_true (he_clips_set_own (clips, "demo", B, 64));
  assert_verdict (clips, 2, FALSE, "different bytes");
}

static void
test_what_is_no_digest_is_refused (void)
{
  g_autoptr (HeClips) clips = he_clips_new ();

  g_assert_false (he_clips_set_own (clips, "demo", A, 63));
  g_assert_false (he_clips_set_own (clips, "demo", NULL, 0));
  g_assert_false (he_clips_hear (clips, "demo", "1", "g" A, 64));
  g_assert_null (he_clips_get_own (clips, "demo"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/clips/all-have-to-tell-the-same", test_all_have_to_tell_the_same);
  g_test_add_func ("/clips/what-is-no-digest-is-refused",
                   test_what_is_no_digest_is_refused);
  return g_test_run ();
}
