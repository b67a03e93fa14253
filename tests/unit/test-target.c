/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include "he-gate.h"
#include "he-target.h"

static void
test_ours (void)
{
  HeTarget target = { 0 };
  g_assert_true (he_target_parse ("/live/demo/main.m3u8", &target));
  g_assert_cmpint (target.kind, ==, HE_TARGET_MULTIVARIANT);
  g_assert_cmpstr (target.channel, ==, "demo");
  g_assert_null (target.credential.text);
  g_assert_true (he_target_parse ("/live/demo/360p/index.m3u8", &target));
  g_assert_cmpint (target.kind, ==, HE_TARGET_MEDIA);
  g_assert_cmpstr (target.rendition, ==, "360p");
  g_assert_true (he_target_parse ("/live/demo/360p/9223372036854775807.ts", &target));
  g_assert_cmpint (target.kind, ==, HE_TARGET_SEGMENT);
  g_assert_cmpuint (target.number, ==, G_MAXINT64);
  g_assert_true (he_target_parse ("/live/demo/keys/base/0", &target));
  g_assert_cmpint (target.kind, ==, HE_TARGET_KEY);
  g_assert_cmpstr (target.tier, ==, "base");
  g_assert_cmpuint (target.number, ==, 0);
  g_assert_true (he_target_parse ("/live/demo/session", &target));
  g_assert_cmpint (target.kind, ==, HE_TARGET_SESSION);
  g_assert_false (he_target_parse ("/live/demo/session/", &target));
  /* A rendition may be called keys: the two have different depths. */
  g_assert_true (he_target_parse ("/live/demo/keys/7.ts", &target));
  g_assert_cmpint (target.kind, ==, HE_TARGET_SEGMENT);
  g_assert_true (he_target_parse ("/s/Ab-_9/live/demo/main.m3u8", &target));
  g_assert_cmpmem (target.credential.text, target.credential.len, "Ab-_9", 5);
  g_assert_cmpstr (target.live, ==, "/live/demo/main.m3u8");
}

static void
test_not_ours (void)
{
  HeTarget target;
  g_autofree char *long_name = g_strnfill (65, 'a');
  g_autofree char *long_path = g_strdup_printf ("/live/%s/main.m3u8", long_name);
  g_autofree char *filler = g_strnfill (3000, 'A');
  g_autofree char *long_prefix = g_strdup_printf ("/s/%s/live/demo/main.m3u8", filler);
  const char *paths[] = {
    "",
    "/",
    "live/demo/main.m3u8",
    "/live",
    "/live/",
    "/live/demo",
    "/live/demo/",
    "//live/demo/main.m3u8",
    "/live//main.m3u8",
    "/live/demo//main.m3u8",
    "/live/demo/main.m3u8/",
    "/live/demo/./main.m3u8",
    "/live/x/../demo/main.m3u8",
    "/live/demo/main%2em3u8",
    "/live/d%65mo/main.m3u8",
    "/live/demo/main.m3u8%00",
    "/live/demo/main.m3u8?x",
    "/live/demo/main.m3u8;x",
    "/live/demo/MAIN.M3U8",
    "/LIVE/demo/main.m3u8",
    "/livex/demo/main.m3u8",
    "/live/demo/360p/index.m3u",
    "/live/demo/360p/.ts",
    "/live/demo/360p/01.ts",
    "/live/demo/360p/-1.ts",
    "/live/demo/360p/+1.ts",
    "/live/demo/360p/1.TS",
    "/live/demo/360p/1.5.ts",
    "/live/demo/360p/18446744073709551616.ts",
    "/live/demo/360p/9223372036854775808.ts",
    "/live/demo/360p/1.ts/x",
    "/live/demo/keys/base",
    "/live/demo/keys/base/",
    "/live/demo/keys/base/x",
    "/live/demo/keys/base/1/2",
    "/live/demo/keys//1",
    "/live/demo/a/360p/1.ts",
    "/a/demo/360p/1.ts",
    "/origin/a/demo/360p/1.ts",
    "/live/-demo/main.m3u8",
    "/live/de mo/main.m3u8",
    "/live/demo\\main.m3u8",
    "*",
    "http://x/live/demo/main.m3u8",
    "/s//live/demo/main.m3u8",
    "/s/AAAA",
    "/s/AAAA/",
    "/s/AAAA/s/AAAA/live/demo/main.m3u8",
    "/s/AAAA//live/demo/main.m3u8",
    "/s/AAAA;x/live/demo/main.m3u8",
    "/s/AAAA;URISigningPackage=x/live/demo/360p/1.ts",
    "/healthz",
    "/a/b/c/d/e/f/g/h",
    long_path,
    long_prefix,
  };
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_test_message ("%s", paths[i]);
    g_assert_false (he_target_parse (paths[i], &target));
  }
  g_assert_false (he_target_parse (NULL, &target));
}

static char *
query_value (const char *query)
{
  HeSpan span = { NULL, 0 };
  if (!he_query_find (query, "t", &span))
    return g_strdup ("twice");
  return span.text ? g_strndup (span.text, span.len) : g_strdup ("none");
}

static void
test_query (void)
{
  static const struct {
    const char *query, *value, *rest;
  } cases[] = {
    { NULL, "none", NULL },
    { "", "none", NULL },
    { "t=1", "1", NULL },
    { "a=b&t=1", "1", "a=b" },
    { "t=1&a=b", "1", "a=b" },
    { "a&t=1&c=d", "1", "a&c=d" },
    { "t", "", NULL },
    { "t=", "", NULL },
    { "t=a=b", "a=b", NULL },
    { "T=1", "none", "T=1" },
    { "tt=1", "none", "tt=1" },
    { "t=1&t=1", "twice", NULL },
    { "%74=1", "none", "%74=1" },
    { "t=1;a=b", "1;a=b", NULL },
    { "&&t=1&&", "1", NULL },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *value = query_value (cases[i].query);
    g_autofree char *rest = he_query_without (cases[i].query, "t");
    g_test_message ("%s", cases[i].query);
    g_assert_cmpstr (value, ==, cases[i].value);
    g_assert_cmpstr (rest, ==, cases[i].rest);
  }
}

static void
test_cookies (void)
{
  HeSpan values[2];
  g_assert_cmpuint (he_cookie_find ("a=b; c=1 ;c=2;c=3; d", "c", values, 2), ==, 2);
  g_assert_cmpmem (values[0].text, values[0].len, "1", 1);
  g_assert_cmpmem (values[1].text, values[1].len, "2", 1);
  g_assert_cmpuint (he_cookie_find ("c=\"1\"; c=\"", "c", values, 2), ==, 2);
  g_assert_true (values[0].len == 1 && *values[0].text == '1');
  g_assert_cmpuint (values[1].len, ==, 1);
  g_assert_cmpuint (he_cookie_find (NULL, "c", values, 2), ==, 0);
  g_assert_cmpuint (he_cookie_find ("xc=1; c; cc=1; C=1", "c", values, 2), ==, 0);
}

/* RFC 6570 section 3.2.7, taken out as RFC 9246 section 2.1.15 says. */
static void
test_path_parameter (void)
{
  static const struct {
    const char *path, *value, *rest;
  } cases[] = {
    { NULL, NULL, NULL },
    { "/live/a", NULL, NULL },
    { "/live/a;tt=1;T=2;t;xt=3", NULL, NULL },
    { "/live/a;t=1.2", "1.2", "/live/a" },
    { "/live/a;t=", "", "/live/a" },
    { "/live/a;t=1;x=2", "1", "/live/a;x=2" },
    { "/live/a;x=2;t=1", "1", "/live/a;x=2" },
    { "/live;t=1/a", "1", "/live/a" },
    { "/live;x;t=1;y/a", "1", "/live;x;y/a" },
    { ";t=1", "1", "" },
  };
  static const char *const twice[] = { "/a;t=1;t=2", "/a;t=1/b;t=1", "/a;t=;t=" };
  static const char *const odd[] = { "/a;t=%2f..%2fb", "/a;t=%2E", "/a;t=1%2f",
                                     "/a;t=1=/b",      "/a;t=a b", "/a;t=1:;x" };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    HeSpan value;
    g_autofree char *rest = NULL;
    g_assert_true (he_path_find (cases[i].path, "t", &value, &rest));
    g_autofree char *found = value.text ? g_strndup (value.text, value.len) : NULL;
    g_assert_cmpstr (found, ==, cases[i].value);
    g_assert_cmpstr (rest, ==, cases[i].rest);
  }
  for (guint i = 0; i < G_N_ELEMENTS (twice); i++) {
    HeSpan value;
    g_autofree char *rest = NULL;
    g_assert_false (he_path_find (twice[i], "t", &value, &rest));
    g_assert_null (rest);
  }
  for (guint i = 0; i < G_N_ELEMENTS (odd); i++) {
    HeSpan value;
    g_autofree char *rest = NULL;
    g_test_message ("%s", odd[i]);
    g_assert_false (he_path_find (odd[i], "t", &value, &rest));
    g_assert_null (rest);
  }
}

static void
test_client_address (void)
{
  static const char *const trusted[] = { "127.0.0.1", "10.0.0.1", "::1", NULL };
  static const struct {
    const char *client, *peer, *header;
  } cases[] = {
    { "203.0.113.5", "203.0.113.5", NULL },
    { "203.0.113.5", "203.0.113.5", "192.0.2.1" }, /* an untrusted peer says nothing */
    { "192.0.2.1", "127.0.0.1", "192.0.2.1" },
    { "192.0.2.1", "127.0.0.1", "6.6.6.6, 192.0.2.1" }, /* forged entries stand left */
    { "192.0.2.1", "127.0.0.1", "6.6.6.6,192.0.2.1 , 10.0.0.1" },
    { "192.0.2.1", "::ffff:127.0.0.1", " 192.0.2.1\t" },
    { "2001:db8::1", "::1", "2001:DB8:0::1" },
    { "127.0.0.1", "127.0.0.1", NULL },
    { "127.0.0.1", "127.0.0.1", "" },
    { "127.0.0.1", "127.0.0.1", "192.0.2.1, unknown" },
    { "10.0.0.1", "127.0.0.1", "192.0.2.1, , 10.0.0.1" },
    { "127.0.0.1", "127.0.0.1", "192.0.2.1:80" },
    { "10.0.0.1", "127.0.0.1", "10.0.0.1" },
    { "192.0.2.1", "unix", "192.0.2.1" }, /* a proxy beside us */
    { "192.0.2.1", "unix", "6.6.6.6, 192.0.2.1, 10.0.0.1" },
    { "unix", "unix", NULL },
    { "unix", "unix", "nonsense" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *client
        = he_gate_client_address (cases[i].peer, cases[i].header, trusted);
    g_assert_cmpstr (client, ==, cases[i].client);
  }
  g_autofree char *nobody = he_gate_client_address ("127.0.0.1", "192.0.2.1", NULL);
  g_assert_cmpstr (nobody, ==, "127.0.0.1");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/target/path/tells-its-parts", test_ours);
  g_test_add_func ("/target/path/has-one-spelling", test_not_ours);
  g_test_add_func ("/target/query/finds-one-and-leaves-the-rest", test_query);
  g_test_add_func ("/target/path/parameter-is-taken-out", test_path_parameter);
  g_test_add_func ("/target/cookie/values-in-their-order", test_cookies);
  g_test_add_func ("/target/client/address-is-the-rightmost-untrusted",
                   test_client_address);
  return g_test_run ();
}
