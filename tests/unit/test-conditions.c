/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-conditions.h"

/* RFC 9110 sections 8.8.3 and 13.1. */
static void
tags_are_compared (void)
{
  static const struct {
    const char *list;
    gboolean strong, weak;
  } cases[] = {
    { NULL, FALSE, FALSE },
    { "*", TRUE, TRUE },
    { "\"tag\"", TRUE, TRUE },
    { "W/\"tag\"", FALSE, TRUE },
    { "\"a\",  W/\"b\" ,,\"tag\"", TRUE, TRUE },
    { "\"a,\", \"tag\"", TRUE, TRUE },
    { "tag", FALSE, FALSE },
    { "\"ta\", \"tagg\", \"TAG\"", FALSE, FALSE },
    { "\"tag", FALSE, FALSE },
    { "w/\"tag\"", FALSE, FALSE },
    { "\"a\" *", FALSE, FALSE },
    { "", FALSE, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_assert_cmpint (he_etags_have (cases[i].list, "\"tag\"", FALSE), ==, cases[i].strong);
    g_assert_cmpint (he_etags_have (cases[i].list, "\"tag\"", TRUE), ==, cases[i].weak);
  }
}

static void
assert_range (const char *text, HeRange expected, guint64 first, guint64 last)
{
  guint64 got_first = 0, got_last = 0;

  g_assert_cmpint (he_range_parse (text, 100, &got_first, &got_last), ==, expected);
  if (expected == HE_RANGE_ONE) {
    g_assert_cmpuint (got_first, ==, first);
    g_assert_cmpuint (got_last, ==, last);
  }
}

static void
one_range_is_understood (void)
{
  assert_range (NULL, HE_RANGE_NONE, 0, 0);
  assert_range ("bytes=0-0", HE_RANGE_ONE, 0, 0);
  assert_range ("bytes=10-", HE_RANGE_ONE, 10, 99);
  assert_range ("bytes=90-1000", HE_RANGE_ONE, 90, 99);
  assert_range ("bytes=-7", HE_RANGE_ONE, 93, 99);
  assert_range ("bytes=-1000", HE_RANGE_ONE, 0, 99);
  assert_range ("bytes=100-", HE_RANGE_UNSATISFIABLE, 0, 0);
  assert_range ("bytes=-0", HE_RANGE_UNSATISFIABLE, 0, 0);
  assert_range ("bytes=007-08", HE_RANGE_ONE, 7, 8);
  /* UINT64_MAX, as some players write "to the end", and a number that no type holds. */
  assert_range ("bytes=10-18446744073709551615", HE_RANGE_ONE, 10, 99);
  assert_range ("bytes=10-99999999999999999999999", HE_RANGE_ONE, 10, 99);
  assert_range ("bytes=-18446744073709551626", HE_RANGE_ONE, 0, 99);
  assert_range ("bytes=18446744073709551626-", HE_RANGE_UNSATISFIABLE, 0, 0);
}

static void
odd_ranges_get_everything (void)
{
  static const char *const odd[] = { "bytes=0-1,5-6",
                                     "bytes=5-4",
                                     "bytes=a-",
                                     "bytes=-",
                                     "lines=1-2",
                                     "bytes= 1-2",
                                     "bytes=1-2-3",
                                     "bytes=+1-2",
                                     "bytes" };

  for (guint i = 0; i < G_N_ELEMENTS (odd); i++)
    assert_range (odd[i], HE_RANGE_NONE, 0, 0);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/conditions/tags-are-compared", tags_are_compared);
  g_test_add_func ("/conditions/one-range-is-understood", one_range_is_understood);
  g_test_add_func ("/conditions/odd-ranges-get-everything", odd_ranges_get_everything);
  return g_test_run ();
}
