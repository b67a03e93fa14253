/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-uri.h"

/* Given URIs that mean the same by RFC 3986 section 6.2.2 and 6.2.3, when they are
 * normalised, then they are one text, and normalising again changes nothing. */
static void
test_normalised (void)
{
  static const struct {
    const char *given, *want; /* NULL: refused */
  } cases[] = {
    { "http://example.com/", "http://example.com/" },
    { "http://example.com", "http://example.com/" },
    { "http://example.com:/", "http://example.com/" },
    { "http://example.com:80/", "http://example.com/" },
    { "https://example.com:443/", "https://example.com/" },
    { "https://example.com:80/", "https://example.com:80/" },
    { "HTTP://www.EXAMPLE.com/", "http://www.example.com/" },
    { "http://example.com?a=b", "http://example.com/?a=b" },
    { "http://[2001:DB8::1]:80/a", "http://[2001:db8::1]/a" },
    { "http://[2001:DB8::1]/a", "http://[2001:db8::1]/a" },
    { "http://ex%41mple.com/", "http://example.com/" },
    { "http://ex%c3%89.com/%c3%a9", "http://ex%C3%89.com/%C3%A9" },
    { "http://example.com%3A80/", "http://example.com%3A80/" },
    { "/a/b/c/./../../g", "/a/g" },
    { "/mid/content=5/../6", "/mid/6" },
    { "/a/..", "/" },
    { "/../../a", "/a" },
    { "/a/.", "/a/" },
    { "/a/b/..", "/a/" },
    { "/..a/.b/c..", "/..a/.b/c.." },
    { "/%7Esmith/home.html", "/~smith/home.html" },
    { "/%7esmith/%3a%2F", "/~smith/%3A%2F" },
    { "/a/%2e%2E/b", "/b" },
    { "/a%00b", "/a%00b" },
    { "/a?b=%7e%3d../.#c", "/a?b=~%3D../." },
    { "/a//b", "/a//b" },
    { "http://example.com/#x", "http://example.com/" },
    { "/%", NULL },
    { "/%4", NULL },
    { "/%zz", NULL },
    { "/a?b=%", NULL },
    { "http://", NULL },
    { "http:///a", NULL },
    { "http://:80/", NULL },
    { "http://example.com::80/", NULL },
    { "http://example.com:80:80/", NULL },
    { "http://example.com:8o/", NULL },
    { "http://[]/", NULL },
    { "http://[::1/", NULL },
    { "http://[::1]a/", NULL },
    { "http://2001::1]:80/", NULL },
    { "http://a[b/", NULL },
    { "http://user@example.com/", NULL },
    { "http://example.com@evil.example/", NULL },
    { "http://ex%4mple.com/", NULL },
    { "ftp://example.com/", NULL },
    { "a/b", NULL },
    { "", NULL },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *once = he_uri_normalise (cases[i].given);
    g_assert_cmpstr (once, ==, cases[i].want);
    g_autofree char *twice = once ? he_uri_normalise (once) : NULL;
    g_assert_cmpstr (twice, ==, cases[i].want);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/uri/normalised-is-one-text", test_normalised);
  return g_test_run ();
}
