/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-json.h"

G_BEGIN_DECLS

/* What a crowd of viewers met while it had one size, and whether that is still good.
 * Pure. */

/* Times in microseconds, within 6 % and up to an hour. */
#define HEADEND_TIMES_BUCKETS 512
typedef struct {
  guint64 n;
  guint32 counts[HEADEND_TIMES_BUCKETS];
} HeadendTimes;

void headend_times_add (HeadendTimes *times, gint64 us);
/* The time that a share of them (0..1) does not exceed; 0 when there is none. */
gint64 headend_times_quantile (const HeadendTimes *times, double share);

/* Answers other than those wished for; the first are HTTP statuses. */
enum {
  HEADEND_LOAD_STATUSES = 600,
  HEADEND_LOAD_REFUSED = HEADEND_LOAD_STATUSES, /* no connection */
  HEADEND_LOAD_BROKEN, /* a connection that ended in an answer, or no HTTP */
  HEADEND_LOAD_TIMEOUT,
  HEADEND_LOAD_SENSELESS, /* a body that is not what was asked for */
  HEADEND_LOAD_ERRORS,
};

typedef struct {
  guint viewers;
  gint64 elapsed; /* microseconds */
  guint64 requests, bytes;
  HeadendTimes starts;    /* from entering to the first segment of each track */
  HeadendTimes playlists; /* from the request to the end of the answer */
  HeadendTimes segments;
  HeadendTimes late;       /* how late the client itself was for what it meant to do */
  guint64 played, stalled; /* microseconds, of all viewers */
  guint64 stalls, lost;    /* segments that were not to be had */
  guint32 errors[HEADEND_LOAD_ERRORS];
} HeadendLoadTally;

guint64 headend_load_errors (const HeadendLoadTally *tally);

/* The golden signals, as what has gone wrong, or NULL: a thousandth of all requests
 * answered wrongly; nobody who plays; a thousandth of the time spent waiting; one segment in a hundred that
 * took longer than it plays (duration, microseconds); or the client itself late, so that
 * nothing more can be said of the servers. Owned. */
char *headend_load_verdict (const HeadendLoadTally *tally, gint64 duration);

/* A line for people, below headend_load_heading(). */
extern const char headend_load_heading[];
char *headend_load_line (const HeadendLoadTally *tally);
/* The errors by code, "404: 3, timeout: 1", or NULL. */
char *headend_load_error_text (const HeadendLoadTally *tally);
/* An object of an array. */
void headend_load_write (HeJsonWriter *writer, const HeadendLoadTally *tally,
                         const char *verdict);

G_END_DECLS
