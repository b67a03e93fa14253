/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "source.h"

#include <string.h>

/* The SRT source calls unless the URI says ?mode=listener. The UDP receive buffer holds
 * a second of 16 Mbit/s, which rides out a scheduling delay. */
static const HeadendSource sources[] = {
  { "srt", "srtsrc", NULL, TRUE, TRUE },
  { "udp", "udpsrc", "buffer-size=2097152", TRUE, TRUE },
  { "tcp", "tcpclientsrc", NULL, TRUE, TRUE },
  { "file", "filesrc", "blocksize=7520", FALSE, FALSE },
};

static const char expected[]
    = "expected srt://HOST:PORT, udp://ADDRESS:PORT, tcp://HOST:PORT or file:PATH";

const HeadendSource *
headend_source_find (const char *uri, char **ret_message)
{
  g_autoptr (GUri) parsed = g_uri_parse (uri, G_URI_FLAGS_PARSE_RELAXED, NULL);
  if (!parsed) {
    *ret_message = g_strdup_printf ("is not a URI; %s", expected);
    return NULL;
  }
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++) {
    const HeadendSource *source = &sources[i];
    if (strcmp (g_uri_get_scheme (parsed), source->scheme) != 0)
      continue;
    if (source->needs_port && (g_uri_get_port (parsed) < 1 || !strstr (uri, "://"))) {
      *ret_message = g_strdup_printf ("has no port from 1 to 65535; %s", expected);
      return NULL;
    }
    if (!source->needs_port && !*g_uri_get_path (parsed)) {
      *ret_message = g_strdup_printf ("has no path; %s", expected);
      return NULL;
    }
    return source;
  }
  *ret_message = g_strdup_printf ("has a scheme that is not known; %s", expected);
  return NULL;
}

char *
headend_source_pipeline (const HeadendSource *source)
{
  return g_strconcat (source->factory, " name=source ",
                      source->settings ? source->settings : "",
                      " ! fakesink name=out sync=false async=false", NULL);
}

char **
headend_source_properties (const char *uri, const char *folder)
{
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  g_autoptr (GUri) parsed = g_uri_parse (uri, G_URI_FLAGS_PARSE_RELAXED, NULL);
  if (!parsed)
    return g_strv_builder_end (list);
  if (strcmp (g_uri_get_scheme (parsed), "tcp") == 0) {
    g_autofree char *port = g_strdup_printf ("%d", g_uri_get_port (parsed));
    g_strv_builder_add_many (list, "host", g_uri_get_host (parsed), "port", port, NULL);
  } else if (strcmp (g_uri_get_scheme (parsed), "file") == 0) {
    g_autofree char *path = g_canonicalize_filename (g_uri_get_path (parsed), folder);
    g_strv_builder_add_many (list, "location", path, NULL);
  } else {
    g_strv_builder_add_many (list, "uri", uri, NULL);
  }
  return g_strv_builder_end (list);
}
