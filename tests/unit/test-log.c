/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-log.h"
#include "he-metrics.h"

#include <string.h>

static void
collect (const char *line, gpointer data)
{
  g_ptr_array_add (data, g_strdup (line));
}

static void
log_is_limited_and_says_so (void)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (HeLog) log = he_log_new (collect, lines);

  for (guint i = 0; i < 1000; i++)
    he_log_event (log, 5 * G_USEC_PER_SEC + i, "line\nbreak %u", i);
  g_assert_cmpuint (lines->len, ==, HE_LOG_PER_SECOND);
  g_assert_cmpstr (lines->pdata[0], ==, "line break 0");
  he_log_event (log, 6 * G_USEC_PER_SEC, "next");
  g_assert_cmpstr (lines->pdata[HE_LOG_PER_SECOND], ==, "next suppressed=980");
}

static void
log_path_hides_credentials (void)
{
  g_autofree char *longest = g_strnfill (64, 'n');
  g_autofree char *longer = g_strnfill (65, 'n');
  g_autofree char *named = g_strconcat ("/live/", longest, "/1.ts", NULL);
  g_autofree char *sealed = g_strconcat ("/live/", longer, "/1.ts", NULL);
  const struct {
    const char *path, *logged;
  } cases[] = {
    { "/s/SECRET/live/demo/main.m3u8", "/s/*/live/demo/main.m3u8" },
    { "/s/SECRET", "/s/*" },
    { "/live/a\x01 b", "/live/a??b" },
    { "/live/demo/main.m3u8;a=SECRET", "/live/demo/main.m3u8;*" },
    { "/s/SECRET/live/demo/main.m3u8%3Ba=SECRET", "/s/*/live/demo/main.m3u8%*" },
    { "/live/../s/SECRET", "/live/../s/*" },
    { "/live/../s/SECRET/live/demo/1.ts", "/live/../s/*/live/demo/1.ts" },
    { "/live/demo/../../s/./SECRET/live/x", "/live/demo/../../s/*/live/x" },
    { "//s/SECRET/live/x", "//s/*/live/x" },
    { "/s//SECRET/live/x", "/s/*/live/x" },
    { "/s/../s/SECRET", "/s/*" },
    { "/S/SECRET", "/S/*" },
    { "/live/%2e%2e/s/SECRET", "/live/%*" },
    { "/%73/SECRET", "/%*" },
    { "/s%2fSECRET", "/s%*" },
    { "/s;a/SECRET", "/s;*" },
    { "*", "*" },
    { "/live/s/SECRET", "/live/s/*" },
    { named, named },
    { sealed, "/live/*/1.ts" },
    { "/control/sessions", "/control/sessions" },
    { "", "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *logged = he_log_path (cases[i].path);

    g_assert_cmpstr (logged, ==, cases[i].logged);
  }
}

static void
metrics_are_bounded_and_escaped (void)
{
  g_autoptr (HeMetrics) metrics = he_metrics_new ();
  GString *text = g_string_new (NULL);

  he_metrics_add (metrics, HE_METRIC_PUTS, "A", "new", 2);
  he_metrics_add (metrics, HE_METRIC_PUTS, "A", "new", 3);
  he_metrics_add (metrics, HE_METRIC_DENIALS, "a\"b\\c\nd", NULL, 1);
  for (guint i = 0; i < 5000; i++) {
    g_autofree char *node = g_strdup_printf ("n%u", i);

    he_metrics_add (metrics, HE_METRIC_PUTS, node, "new", 1);
  }
  he_metrics_render (metrics, text);
  g_assert_nonnull (
      strstr (text->str, "\nheadend_puts_total{node=\"A\",outcome=\"new\"} 5\n"));
  g_assert_nonnull (strstr (text->str, "{code=\"a\\\"b\\\\c\\nd\"} 1\n"));
  g_assert_nonnull (strstr (text->str, "node=\"n2000\""));
  g_assert_null (strstr (text->str, "node=\"n2100\""));
  g_string_free (text, TRUE);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/log/is-limited-and-says-so", log_is_limited_and_says_so);
  g_test_add_func ("/log/path-hides-credentials", log_path_hides_credentials);
  g_test_add_func ("/metrics/are-bounded-and-escaped", metrics_are_bounded_and_escaped);
  return g_test_run ();
}
