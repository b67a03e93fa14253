/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-cors.h"

#include <string.h>

static const char *const allowed[] = { "https://player.example", "http://127.0.0.1:3000",
                                       "capacitor://localhost", NULL };

static const char *
field (const HeCorsField *fields, guint count, const char *name)
{
  const char *value = NULL;
  for (guint i = 0; i < count; i++)
    if (strcmp (fields[i].name, name) == 0) {
      g_assert_null (value);
      value = fields[i].value;
    }
  return value;
}

/* Given texts, when they are judged, then an origin is what a browser would write. */
static void
test_origins (void)
{
  static const struct {
    const char *text;
    gboolean valid;
  } tries[] = {
    { "https://player.example", TRUE },
    { "http://player.example", TRUE },
    { "https://player.example:8443", TRUE },
    { "https://xn--bcher-kva.example", TRUE },
    { "http://127.0.0.1:3000", TRUE },
    { "http://[::1]:3000", TRUE },
    { "http://[2001:db8::1]", TRUE },
    { "", FALSE },
    { "*", FALSE },
    { "null", TRUE },
    { "capacitor://localhost", TRUE },
    { "ionic://localhost", TRUE },
    { "app://bundle", TRUE },
    { "tauri+dev://localhost:80", TRUE },
    { "file://", TRUE },
    { "http://localhost:8100", TRUE },
    { "Null", FALSE },
    { "http://", FALSE },
    { "://localhost", FALSE },
    { "1app://localhost", FALSE },
    { "my app://localhost", FALSE },
    { "Capacitor://localhost", FALSE },
    { "capacitor://localhost/", FALSE },
    { "capacitor://*", FALSE },
    { "capacitor:localhost", FALSE },
    { "file:///", FALSE },
    { "player.example", FALSE },
    { "https://", FALSE },
    { "https://*.example", FALSE },
    { "https://player.example/", FALSE },
    { "https://player.example/path", FALSE },
    { "https://Player.example", FALSE },
    { "HTTPS://player.example", FALSE },
    { "https://player.example:443", FALSE },
    { "http://player.example:80", FALSE },
    { "https://player.example:0", FALSE },
    { "https://player.example:", FALSE },
    { "https://player.example:08443", FALSE },
    { "https://player.example:65536", FALSE },
    { "https://user@player.example", FALSE },
    { "https://player.example https://b.example", FALSE },
    { "https://player.example\r\nX: y", FALSE },
    { "http://[::1", FALSE },
    { "http://[]", FALSE },
    { "http://-a.example", FALSE },
  };
  for (guint i = 0; i < G_N_ELEMENTS (tries); i++) {
    g_test_message ("%s", tries[i].text);
    g_assert_cmpint (he_cors_origin_is_valid (tries[i].text), ==, tries[i].valid);
  }
}

/* Given a list, when answers are made, then only origins of it, to the letter, may read
 * them, and all answers vary by it. */
static void
test_answers (void)
{
  static const char *const others[] = { NULL,
                                        "",
                                        "null",
                                        "*",
                                        "https://player.example.evil",
                                        "https://player.exampl",
                                        "http://player.example",
                                        "https://PLAYER.example",
                                        "https://player.example:443",
                                        "https://player.example, http://127.0.0.1:3000",
                                        "capacitor://localhost/",
                                        "file://" };
  HeCorsField fields[HE_CORS_FIELDS];
  guint count;
  for (guint i = 0; allowed[i]; i++) {
    count = he_cors_answer (allowed, allowed[i], fields);
    g_assert_cmpstr (field (fields, count, "Vary"), ==, "Origin");
    g_assert_cmpstr (field (fields, count, "Access-Control-Allow-Origin"), ==,
                     allowed[i]);
    g_assert_cmpstr (field (fields, count, "Access-Control-Allow-Credentials"), ==,
                     "true");
  }
  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    count = he_cors_answer (allowed, others[i], fields);
    g_assert_cmpuint (count, ==, 1);
    g_assert_cmpstr (field (fields, count, "Vary"), ==, "Origin");
    g_assert_false (he_cors_allows (allowed, others[i]));
  }
  g_assert_cmpuint (he_cors_answer (NULL, allowed[0], fields), ==, 0);
}

/* Given preflights, when they are answered, then those of the list may go on. */
static void
test_preflights (void)
{
  static const struct {
    const char *origin, *method;
    guint status;
  } tries[] = {
    { "https://player.example", "GET", 204 },
    { "https://player.example", "POST", 204 },
    { "http://127.0.0.1:3000", "HEAD", 204 },
    { "capacitor://localhost", "GET", 204 },
    { "https://player.example", "DELETE", 403 },
    { "https://player.example", "get", 403 },
    { "https://other.example", "GET", 403 },
    { "null", "GET", 403 },
    { "https://player.example", NULL, 405 },
    { NULL, "GET", 405 },
  };
  HeCorsField fields[HE_CORS_FIELDS];
  guint status = 0;
  for (guint i = 0; i < G_N_ELEMENTS (tries); i++) {
    guint count
        = he_cors_preflight (allowed, tries[i].origin, tries[i].method, &status, fields);
    g_assert_cmpuint (status, ==, tries[i].status);
    g_assert_cmpstr (field (fields, count, "Access-Control-Allow-Origin"), ==,
                     status == 204 ? tries[i].origin : NULL);
    g_assert_cmpint (count > 0, ==, status != 405);
  }
  g_assert_cmpuint (
      he_cors_preflight (NULL, "https://player.example", "GET", &status, fields), ==, 0);
  g_assert_cmpuint (status, ==, 405);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cors/origin/as-browsers-write-it", test_origins);
  g_test_add_func ("/cors/answer/only-listed-origins-read-it", test_answers);
  g_test_add_func ("/cors/preflight/only-listed-origins-go-on", test_preflights);
  return g_test_run ();
}
