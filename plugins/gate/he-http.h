/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-listener.h"
#include "he-threads.h"

G_BEGIN_DECLS

/* A small, strict HTTP/1.1 server (RFC 9112) on a listener's connections: heads are read
 * by he_head_parse(), bodies need a Content-Length within a limit, answers have one. It
 * is our own because libsoup 3.2, which Debian 12 has, never closes a kept connection
 * that its client closed, and lets through most of what the head's reader refuses.
 * Each connection goes to the thread that has the fewest, and stays there; of those that a
 * process opens by a Unix socket HE_HTTP_TOGETHER go to the same. */
typedef struct _HeHttp HeHttp;
typedef struct _HeRequest HeRequest;

#define HE_HTTP_TOGETHER 64

typedef struct {
  /* Bytes of body that this request may carry; asked before the body is read. */
  guint64 (*body_limit) (const char *method, const char *path, gpointer user_data);
  /* Answers with he_request_respond(), now or later, exactly once, on whatever thread: a
   * request belongs to the handler until then. */
  void (*handle) (HeRequest *request, gpointer user_data);
  /* The exchange is over, answered or not. status is 0 when it was not; sent counts bytes
   * of body that the socket took. request is NULL when its head or body was refused. */
  void (*finished) (HeRequest *request, guint status, guint64 sent, gpointer user_data);
  /* Adds what every answer has, also where head or body is refused and nobody handles it
   * (a head that cannot be read has no fields); or NULL. */
  void (*begun) (HeRequest *request, gpointer user_data);
} HeHttpFuncs;

/* Serves on these threads, which outlive it; connections are accepted on that of the caller.
 * All functions are called on the connection's thread. funcs must outlive it; the listener is
 * owned. */
HeHttp *he_http_new (HeListener *listener, HeThreads *threads, const HeHttpFuncs *funcs,
                     gpointer user_data);
/* Breaks every connection: no handler is called any more, and respond does nothing. On
 * the thread that made it. Takes NULL. */
void he_http_free (HeHttp *http);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeHttp, he_http_free)

HeListener *he_http_listener (HeHttp *http);

HeRequest *he_request_ref (HeRequest *request);
void he_request_unref (HeRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeRequest, he_request_unref)

const char *he_request_method (const HeRequest *request); /* "GET", … */
const char *he_request_path (const HeRequest *request);   /* raw */
const char *he_request_query (const HeRequest *request);  /* raw without '?', or NULL */
const char *he_request_peer (const HeRequest *request);   /* textual address */
/* The first of that name; NULL when absent. */
const char *he_request_field (const HeRequest *request, const char *name);
/* All of Cookie and X-Forwarded-For, which may come several times, joined; or NULL. */
const char *he_request_cookie (HeRequest *request);
const char *he_request_forwarded_for (HeRequest *request);
GBytes *he_request_body (HeRequest *request);             /* owned by the request */

/* What the metrics call this request; a static string. */
void he_request_set_class (HeRequest *request, const char *class_name);
const char *he_request_class (HeRequest *request); /* or NULL */

/* Adds a field to the answer. Control characters in value are left out. */
void he_request_add_field (HeRequest *request, const char *name, const char *value);
/* Sends the answer; body may be NULL. HEAD gets the length only. */
void he_request_respond (HeRequest *request, guint status, const char *content_type,
                         GBytes *body);
void he_request_respond_text (HeRequest *request, guint status, const char *text);
/* 200 with a document that no cache keeps. Takes json. */
void he_request_respond_json (HeRequest *request, char *json);
/* The body that follows also stands in this file, from offset, for as long as the body is
 * referenced: it is sent from there. */
void he_request_set_file (HeRequest *request, int file, gint64 offset);
/* 200, or 304 or 412 as If-None-Match and If-Match say, or 206 or 416 as Range and If-Range
 * do. etag is strong and quoted. */
void he_request_respond_range (HeRequest *request, const char *content_type, GBytes *body,
                               const char *etag);

G_END_DECLS
