/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Where a channel's feed comes from, by the scheme of its URI. */
typedef struct {
  const char *scheme;   /* "srt" */
  const char *factory;  /* "srtsrc" */
  const char *settings; /* for the pipeline text, or NULL */
  const char *reader;   /* what stands behind it, for the pipeline text: " ! …" or "" */
  const char *caps;     /* of what comes out: a transport stream, FLV, or RTP */
  gboolean live;        /* comes at its own pace */
  gboolean needs_port;
  gboolean calls;  /* connects to who sends, and again when nothing ever came */
  gboolean common; /* all who take it get the same timestamps at the same time */
  gboolean skips;  /* what waits too long may be left out */
  gboolean leans;  /* on what came before: what is left out is still looked through */
  gboolean bare;   /* datagrams as they come: nothing takes out what came twice */
} HeadendSource;

#define HEADEND_SOURCE_TS "video/mpegts,systemstream=(boolean)true" /* caps */

#define HEADEND_SOURCE_FORMS                                                             \
  "srt://HOST:PORT, udp://ADDRESS:PORT, rtp://ADDRESS:PORT, tcp://HOST:PORT, "           \
  "rtmp://HOST/APP/STREAM or file:PATH"

/* NULL with a message (no prefix) when the URI is none that we read. */
const HeadendSource *headend_source_find (const char *uri, char **ret_message);

/* For gst_parse_launch(): from the element "source", which has the properties below, to a
 * sink "out". */
char *headend_source_pipeline (const HeadendSource *source, const char *uri);

/* Of what comes out, in full. */
char *headend_source_caps (const HeadendSource *source, const char *uri);

/* The properties of the element that the URI stands for, as {name, value, name, value, …,
 * NULL}: they may hold a passphrase, so they never go through a pipeline text. */
char **headend_source_properties (const char *uri, const char *folder);

G_END_DECLS
