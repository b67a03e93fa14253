/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "source.h"

#include <string.h>

#include "source-rtp.h"

#define MPEG_TS HEADEND_SOURCE_TS
/* A second of 16 Mbit/s, which rides out a scheduling delay. */
#define UDP_BUFFER "buffer-size=2097152"
/* What RTP brings out of order comes within it. */
#define RTP_LATENCY_MS "200"

/* The SRT source calls unless the URI says ?mode=listener, and calls again by itself. A
 * TCP source gives up after timeout seconds, connecting and reading. An RTMP source hands
 * on FLV's header on connecting only, and a file waits. */
static const HeadendSource sources[] = {
  { "srt", "srtsrc", NULL, "", MPEG_TS, TRUE, TRUE, FALSE, TRUE, TRUE, FALSE, FALSE },
  { "udp", "udpsrc", UDP_BUFFER, "", MPEG_TS, TRUE, TRUE, FALSE, TRUE, TRUE, FALSE,
    TRUE },
  { "rtp", "udpsrc",
    UDP_BUFFER " caps=\"application/x-rtp,media=(string)video,clock-rate=(int)90000,"
               "encoding-name=(string)MP2T\"",
    " ! rtpjitterbuffer latency=" RTP_LATENCY_MS " ! rtpmp2tdepay", MPEG_TS, TRUE, TRUE,
    FALSE, TRUE, TRUE, FALSE, FALSE },
  { "tcp", "tcpclientsrc", "timeout=10", "", MPEG_TS, TRUE, TRUE, TRUE, TRUE, TRUE, FALSE,
    FALSE },
  { "rtmp", "rtmp2src", "idle-timeout=10", "", "video/x-flv", TRUE, FALSE, TRUE, TRUE,
    TRUE, TRUE, FALSE },
  { "rtmps", "rtmp2src", "idle-timeout=10", "", "video/x-flv", TRUE, FALSE, TRUE, TRUE,
    TRUE, TRUE, FALSE },
  { "file", "filesrc", "blocksize=7520", "", MPEG_TS, FALSE, FALSE, FALSE, FALSE, FALSE,
    FALSE, FALSE },
};

/* Senders begin their timestamps where they like, and each time anew. */
static const HeadendSource plain_rtp
    = { "rtp", "udpsrc", NULL,  "",   "application/x-rtp", TRUE, TRUE, FALSE,
        FALSE, TRUE,     FALSE, FALSE };

static const char expected[] = "expected " HEADEND_SOURCE_FORMS;

static gboolean
is_rtmp (const HeadendSource *source)
{
  return strcmp (source->factory, "rtmp2src") == 0;
}

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
    if (!source->needs_port
        && strlen (g_uri_get_path (parsed)) < (is_rtmp (source) ? 2 : 1)) {
      *ret_message = g_strdup_printf ("has no path; %s", expected);
      return NULL;
    }
    if (headend_source_is_plain_rtp (parsed)) {
      *ret_message = headend_source_rtp_fault (parsed);
      return *ret_message ? NULL : &plain_rtp;
    }
    const char *query = g_uri_get_query (parsed);
    if (strcmp (source->factory, "udpsrc") == 0 && query
        && !g_regex_match_simple ("^interface=[A-Za-z0-9_.:@-]{1,15}$", query, 0, 0)) {
      *ret_message = g_strdup ("has a query that is not known; expected "
                               "\"?interface=NAME\" of the network that a multicast "
                               "group comes from, or none");
      return NULL;
    }
    return source;
  }
  *ret_message = g_strdup_printf ("has a scheme that is not known; %s", expected);
  return NULL;
}

char *
headend_source_pipeline (const HeadendSource *source, const char *uri)
{
  g_autoptr (GUri) parsed = g_uri_parse (uri, G_URI_FLAGS_PARSE_RELAXED, NULL);
  if (source == &plain_rtp && parsed)
    return headend_source_rtp_pipeline (parsed);
  return g_strconcat (source->factory, " name=source ",
                      source->settings ? source->settings : "", source->reader,
                      " ! fakesink name=out sync=false async=false", NULL);
}

char *
headend_source_caps (const HeadendSource *source, const char *uri)
{
  g_autoptr (GUri) parsed = g_uri_parse (uri, G_URI_FLAGS_PARSE_RELAXED, NULL);
  return source == &plain_rtp && parsed ? headend_source_rtp_caps (parsed)
                                        : g_strdup (source->caps);
}

char **
headend_source_properties (const char *uri, const char *folder)
{
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  g_autoptr (GUri) parsed = g_uri_parse (uri, G_URI_FLAGS_PARSE_RELAXED, NULL);
  if (!parsed || headend_source_is_plain_rtp (parsed))
    return g_strv_builder_end (list);
  if (strcmp (g_uri_get_scheme (parsed), "tcp") == 0) {
    g_autofree char *port = g_strdup_printf ("%d", g_uri_get_port (parsed));
    g_strv_builder_add_many (list, "host", g_uri_get_host (parsed), "port", port, NULL);
  } else if (strcmp (g_uri_get_scheme (parsed), "file") == 0) {
    g_autofree char *path = g_canonicalize_filename (g_uri_get_path (parsed), folder);
    g_strv_builder_add_many (list, "location", path, NULL);
  } else if (g_str_has_prefix (g_uri_get_scheme (parsed), "rtmp")) {
    g_strv_builder_add_many (list, "location", uri, NULL);
  } else if (strcmp (g_uri_get_scheme (parsed), "srt") == 0) {
    g_strv_builder_add_many (list, "uri", uri, NULL);
  } else {
    g_autofree char *udp = g_strndup (uri + 3, strcspn (uri + 3, "?"));
    g_autofree char *full = g_strconcat ("udp", udp, NULL);
    g_strv_builder_add_many (list, "uri", full, NULL);
    if (g_uri_get_query (parsed))
      g_strv_builder_add_many (list, "multicast-iface",
                               strchr (g_uri_get_query (parsed), '=') + 1, NULL);
  }
  return g_strv_builder_end (list);
}
