/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-http.h"
#include "he-listener.h"
#include "he-sockets.h"

G_BEGIN_DECLS

/* One connection and the exchanges on it, one after the other. Belongs to the thread of
 * its part. */
typedef struct _HeLink HeLink;

/* Bytes over all parts of a server, atomic: bodies on their way in, and heads, as of
 * he-intake.h. Requests whose clients have left count whole, until they are let go. */
typedef struct {
  guint64 bodies, heads;
} HeBudget;

/* A server's part on one thread: the connections it was handed. Requests keep it. */
typedef struct {
  gatomicrefcount refs;
  guint open; /* atomic: connections, those on their way to it among them */
  GMainContext *context;
  HeSockets *sockets; /* the thread's, which outlives the connections */
  GThread *thread;
  gboolean stopped; /* atomic: it has no connections any more, and soon no thread */
  HeListener *listener; /* while it sweeps */
  const HeHttpFuncs *funcs;
  gpointer user_data;
  HeBudget *budget;  /* atomically counted references */
  GHashTable *links; /* HeLink, a set */
  GSource *sweeper;
  gint64 date_second; /* that date, the answers' field, was made for */
  char date[64];
  char scratch[16 * 1024];
} HePart;

HePart *he_part_ref (HePart *part);
void he_part_unref (HePart *part); /* from any thread */

/* Connections of one process that go to one thread. Atomically counted references, of
 * which each connection has one. */
typedef struct {
  HePart *part; /* borrowed, by whoever opens connections */
  guint open;   /* atomic */
} HeGroup;

/* Takes the connection, and its group, or NULL; they are counted already. */
void he_link_open (HePart *part, HeGroup *group, HeConnection *connection);
/* Breaks it. expired: it was past its deadline. */
void he_link_close (HeLink *link, gboolean expired);
gint64 he_link_deadline (const HeLink *link); /* monotonic microseconds */
/* Whether it was waiting for a request by then, and still is. */
gboolean he_link_waits (const HeLink *link, gint64 since);
/* The request that it handed to a handler has its answer. */
void he_link_answered (HeLink *link, HeRequest *request);

G_END_DECLS
