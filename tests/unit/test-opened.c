/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "he-opened.h"

static void
keep (HeOpenedCache *cache, const char *text, const char *address, const char *account)
{
  HeSessionRecord contents = { .account = g_strdup (account) };
  g_autoptr (HeOpened) opened
      = he_opened_keep (cache, text, strlen (text), address, &contents);

  g_assert_null (contents.account); /* taken */
  g_assert_cmpstr (opened->contents.account, ==, account);
}

static HeOpened *
find (HeOpenedCache *cache, const char *text, const char *address)
{
  return he_opened_find (cache, text, strlen (text), address);
}

static void
only_the_same_text_from_the_same_address_is_found (void)
{
  HeOpenedCache *cache = he_opened_cache_new ();
  g_autoptr (HeOpened) found = NULL;

  keep (cache, "credential", "192.0.2.1", "alice");
  g_assert_null (find (cache, "credential", "192.0.2.2"));
  g_assert_null (find (cache, "credentia", "192.0.2.1"));
  g_assert_null (find (cache, "credential2", "192.0.2.1"));
  g_assert_null (find (cache, "", "192.0.2.1"));
  found = find (cache, "credential", "192.0.2.1");
  g_assert_nonnull (found);
  g_assert_cmpstr (found->contents.account, ==, "alice");
  /* The part of a longer text that is handed in. */
  he_opened_unref (he_opened_find (cache, "credential and more", 10, "192.0.2.1"));
  he_opened_cache_free (cache);
  g_assert_cmpstr (found->contents.account, ==, "alice");
}

/* More than it holds comes by; who keeps asking stays, who left is given up. */
static void
is_bounded_and_keeps_who_asks (void)
{
  HeOpenedCache *cache = he_opened_cache_new ();
  guint held = 0;

  keep (cache, "regular", "192.0.2.1", "regular");
  for (guint i = 0; i < 3 * HE_OPENED_MAX / 2; i++) {
    g_autofree char *text = g_strdup_printf ("%02x-%u", i * 37 % 256, i);

    keep (cache, text, "192.0.2.1", "passing");
    if (i % 64 == 0) {
      g_autoptr (HeOpened) found = find (cache, "regular", "192.0.2.1");

      g_assert_nonnull (found);
    }
  }
  for (guint i = 0; i < 3 * HE_OPENED_MAX / 2; i++) {
    g_autofree char *text = g_strdup_printf ("%02x-%u", i * 37 % 256, i);
    g_autoptr (HeOpened) found = find (cache, text, "192.0.2.1");

    held += found != NULL;
  }
  g_assert_cmpuint (held, >, 0);
  g_assert_cmpuint (held, <=, HE_OPENED_MAX);
  he_opened_cache_free (cache);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/opened/only-the-same-text-from-the-same-address-is-found",
                   only_the_same_text_from_the_same_address_is_found);
  g_test_add_func ("/opened/is-bounded-and-keeps-who-asks",
                   is_bounded_and_keeps_who_asks);
  return g_test_run ();
}
