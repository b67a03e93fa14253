/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "source-rtp.h"

#include <string.h>

#include "he-adts.h"
#include "he-codec.h"
#include "he-rtp.h"

#define BUFFER "buffer-size=2097152"
/* What comes out of order comes within it. */
#define LATENCY_MS "200"
#define MAX_CONFIG 16 /* bytes */

typedef struct {
  guint64 h264, aac, aac_port; /* 0: none */
  char *config, *interface;    /* or NULL */
} Words;

static void
words_clear (Words *words)
{
  g_free (words->config);
  g_free (words->interface);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Words, words_clear)

gboolean
headend_source_is_plain_rtp (const GUri *uri)
{
  const char *query = g_uri_get_query ((GUri *)uri);
  return strcmp (g_uri_get_scheme ((GUri *)uri), "rtp") == 0 && query
         && g_regex_match_simple ("(^|&)(h264|aac)", query, 0, 0);
}

static gboolean
take_number (const char *text, guint64 max, guint64 *ret)
{
  return g_ascii_string_to_unsigned (text, 10, 1, max, ret, NULL);
}

static gboolean
take_text (const char *text, const char *pattern, char **ret)
{
  g_free (*ret);
  *ret = g_strdup (text);
  return g_regex_match_simple (pattern, text, 0, 0);
}

static gboolean
read_word (Words *words, const char *name, const char *value)
{
  if (strcmp (name, "h264") == 0)
    return take_number (value, 127, &words->h264)
           && he_rtp_type_is_good ((guint)words->h264);
  if (strcmp (name, "aac") == 0)
    return take_number (value, 127, &words->aac)
           && he_rtp_type_is_good ((guint)words->aac);
  if (strcmp (name, "aac-port") == 0)
    return take_number (value, 65534, &words->aac_port);
  if (strcmp (name, "aac-config") == 0)
    return take_text (value, "^([0-9a-f]{2}){2,16}$", &words->config);
  if (strcmp (name, "interface") == 0)
    return take_text (value, "^[A-Za-z0-9_.:@-]{1,15}$", &words->interface);
  return FALSE;
}

static gboolean
read_words (const GUri *uri, Words *ret_words, char **ret_message)
{
  GUriParamsIter iter;
  char *name, *value;
  const char *query = g_uri_get_query ((GUri *)uri);
  g_uri_params_iter_init (&iter, query ? query : "", -1, "&", G_URI_PARAMS_NONE);
  while (g_uri_params_iter_next (&iter, &name, &value, NULL)) {
    g_autofree char *one = name;
    g_autofree char *is = value;
    if (read_word (ret_words, one, is))
      continue;
    *ret_message = g_strdup_printf (
        "has \"%s\" in its query that is not understood; expected h264=TYPE and aac=TYPE "
        "of 1..63 or 96..127 (those between look like RTCP), aac-port=1..65534, aac-config=HEX as the sender's SDP has it, interface=NAME",
        one);
    return FALSE;
  }
  return TRUE;
}

static gboolean
config_is_good (const char *hex)
{
  guint8 bytes[MAX_CONFIG];
  HeAdtsMaker maker;
  gsize len = strlen (hex) / 2;
  return he_hex_decode (hex, len * 2, bytes, len)
         && he_adts_maker_init (&maker, bytes, len);
}

char *
headend_source_rtp_fault (const GUri *uri)
{
  g_auto (Words) words = { 0 };
  char *message = NULL;
  const char *host = g_uri_get_host ((GUri *)uri);
  if (!read_words (uri, &words, &message))
    return message;
  if (!host || !g_hostname_is_ip_address (host))
    return g_strdup ("has no numeric address");
  if (!words.h264)
    return g_strdup ("has no h264=TYPE of 1..63 or 96..127, the payload type of the pictures");
  if (!words.aac != !words.config || !words.aac != !words.aac_port)
    return g_strdup ("needs aac, aac-config and aac-port together, or none of them");
  if (words.aac == words.h264)
    return g_strdup ("has one payload type for pictures and sound");
  if (words.config && !config_is_good (words.config))
    return g_strdup (
        "has an aac-config that is no AAC that ADTS can carry; " HE_ADTS_EXPECTED);
  if (g_uri_get_port ((GUri *)uri) > 65534)
    return g_strdup ("has no port behind its own, where RTCP comes");
  return NULL;
}

static void
append_session (GString *text, const GUri *uri, const Words *words, const char *name,
                guint64 port, const char *caps)
{
  const char *host = g_uri_get_host ((GUri *)uri);
  g_autofree char *interface
      = words->interface ? g_strdup_printf (" multicast-iface=%s", words->interface)
                         : g_strdup ("");
  g_string_append_printf (text,
                          " udpsrc name=%s address=\"%s\" port=%" G_GUINT64_FORMAT
                          "%s " BUFFER " caps=\"%s\" ! rtpjitterbuffer "
                          "latency=" LATENCY_MS " ! all."
                          " udpsrc name=%s-reports address=\"%s\" port=%" G_GUINT64_FORMAT
                          "%s caps=application/x-rtcp ! all.",
                          name, host, port, interface, caps, name, host, port + 1,
                          interface);
}

char *
headend_source_rtp_pipeline (const GUri *uri)
{
  g_auto (Words) words = { 0 };
  g_autofree char *message = NULL;
  GString *text = g_string_new ("funnel name=all ! fakesink name=out sync=false "
                                "async=false");
  if (read_words (uri, &words, &message))
    append_session (text, uri, &words, "source", (guint64)g_uri_get_port ((GUri *)uri),
                    "application/x-rtp,media=(string)video,clock-rate=(int)90000,"
                    "encoding-name=(string)H264");
  if (words.aac) {
    guint8 bytes[MAX_CONFIG];
    HeAdtsMaker maker = { .rate = 48000 };
    gsize len = strlen (words.config) / 2;
    if (he_hex_decode (words.config, len * 2, bytes, len))
      he_adts_maker_init (&maker, bytes, len);
    g_autofree char *caps = g_strdup_printf (
        "application/x-rtp,media=(string)audio,clock-rate=(int)%u,"
        "encoding-name=(string)MPEG4-GENERIC",
        maker.rate);
    append_session (text, uri, &words, "source-aac", words.aac_port, caps);
  }
  return g_string_free (text, FALSE);
}

char *
headend_source_rtp_caps (const GUri *uri)
{
  g_auto (Words) words = { 0 };
  g_autofree char *message = NULL;
  read_words (uri, &words, &message);
  return words.aac ? g_strdup_printf ("application/x-rtp,h264=(int)%u,aac=(int)%u,"
                                      "aac-config=(string)%s",
                                      (guint)words.h264, (guint)words.aac, words.config)
                   : g_strdup_printf ("application/x-rtp,h264=(int)%u", (guint)words.h264);
}
