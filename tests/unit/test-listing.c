/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-listing.h"

static void
names_are_read_back (void)
{
  static const struct {
    HeListing listing;
    const char *name;
  } cases[] = {
    { { 0, 0 }, "0-0" },
    { { 7, 9 }, "7-9" },
    { { 8999999999, 9000000009 }, "8999999999-9000000009" },
    { { G_MAXINT64, G_MAXINT64 }, "9223372036854775807-9223372036854775807" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *name = he_listing_print (&cases[i].listing);
    g_autofree char *path = g_strdup_printf ("/playlists/live/a-1/b-2/%s.m3u8", name);
    HeListing read = { 1, 2 };
    g_autofree char *index = he_listing_take (path, &read);

    g_assert_cmpstr (name, ==, cases[i].name);
    g_assert_cmpstr (index, ==, "/playlists/live/a-1/b-2/index.m3u8");
    g_assert_cmpuint (read.first, ==, cases[i].listing.first);
    g_assert_cmpuint (read.last, ==, cases[i].listing.last);
  }
}

static void
all_else_is_no_listing (void)
{
  static const char *const paths[] = {
    "",
    "/",
    "/a/index.m3u8",
    "/a/7-9",
    "/a/7-9.m3u",
    "/a/7-9.m3u8/",
    "/a/7-9.m3u8?x",
    "/a/7.m3u8",
    "/a/7-.m3u8",
    "/a/-9.m3u8",
    "/a/-.m3u8",
    "/a/9-7.m3u8",
    "/a/07-9.m3u8",
    "/a/7-09.m3u8",
    "/a/+7-9.m3u8",
    "/a/7- 9.m3u8",
    "/a/7-8-9.m3u8",
    "/a/7-%39.m3u8",
    "/a/7-9223372036854775808.m3u8",
    "/a/18446744073709551616-18446744073709551617.m3u8",
    "/7-9.m3u8/a",
  };

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    HeListing read = { 1, 2 };

    g_assert_null (he_listing_take (paths[i], &read));
    g_assert_true (read.first == 1 && read.last == 2);
  }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/listing/names-are-read-back", names_are_read_back);
  g_test_add_func ("/listing/all-else-is-no-listing", all_else_is_no_listing);
  return g_test_run ();
}
