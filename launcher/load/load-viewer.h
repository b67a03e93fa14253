/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "load-answer.h"
#include "load-tally.h"
#include "viewer-playlist.h"

G_BEGIN_DECLS

/* One viewer of a crowd, as its servers see it: enters, reloads playlists as RFC 8216
 * section 6.3.4 has it, fetches keys and segments of the smallest rendition of pictures
 * and the first of sound, one request at a time, and plays, in thought, what has come.
 * Pure: it says what it asks for, and is told of the answer and the time (monotonic
 * microseconds). */

/* Media playlists that have been read, so that a crowd reads each of them once. */
typedef struct _HeadendShelf HeadendShelf;
HeadendShelf *headend_shelf_new (void);
void headend_shelf_free (HeadendShelf *shelf); /* takes NULL; what viewers have stays */
typedef struct {
  HeadendPlaylist *playlist;
} HeadendListing;

typedef enum {
  HEADEND_ASK_ENTRY, /* of entry, or with a token when that is NULL */
  HEADEND_ASK_PLAYLIST,
  HEADEND_ASK_KEY,
  HEADEND_ASK_SEGMENT,
} HeadendAskKind;

typedef struct {
  char *path;            /* of the media playlist; NULL: no such track */
  char *key;             /* path of the key that it has, or NULL */
  HeadendListing *known; /* a reference (g_rc_box_acquire()), or NULL */
  guint64 next;          /* MSN; of a begun track */
  gboolean begun;
  guint failures; /* of the next segment */
  gint64 reload_at;
} HeadendLoadTrack;

typedef struct {
  const char *channel;
  HeadendShelf *shelf;
  HeadendLoadTally *tally;    /* everybody's, of now */
  HeadendLoadTrack tracks[2]; /* pictures, sound */
  gboolean inside;
  char *entry;        /* where a redirect led on the way in, or NULL */
  char *cookie;       /* "NAME=VALUE", or NULL */
  gint64 entering_at; /* since when; 0: not yet */
  gint64 quiet_until; /* nothing is asked before */
  gboolean playing;
  guint64 had;                 /* MSN that nothing is missing before */
  gint64 settled_at, plays_to; /* until when it is told, and until when it has */
  gint64 duration;             /* of a segment, microseconds */
  /* What is asked now: */
  HeadendAskKind kind;
  guint track;
  char *path; /* NULL: nothing, or an entry with a token */
  gint64 asked_at;
} HeadendLoadViewer;

void headend_load_viewer_init (HeadendLoadViewer *viewer, const char *channel,
                               HeadendShelf *shelf, HeadendLoadTally *tally);
void headend_load_viewer_clear (HeadendLoadViewer *viewer);

/* Whether it asks for something now, which then stands in kind, track and path; else
 * *ret_wake says when to come again. */
gboolean
headend_load_viewer_next (HeadendLoadViewer *viewer, gint64 now, gint64 *ret_wake);

/* Whether the body of what it asks for is to be kept. */
gboolean headend_load_viewer_reads (const HeadendLoadViewer *viewer);

/* A complete answer, or none for a reason from HEADEND_LOAD_STATUSES on. */
void headend_load_viewer_answered (HeadendLoadViewer *viewer, const HeadendAnswer *answer,
                                   gint64 now);
void headend_load_viewer_failed (HeadendLoadViewer *viewer, guint reason, gint64 now);

/* Tells the tally what was played and waited for until now. */
void headend_load_viewer_settle (HeadendLoadViewer *viewer, gint64 now);

/* What it has in store, microseconds. */
gint64 headend_load_viewer_buffer (const HeadendLoadViewer *viewer, gint64 now);

G_END_DECLS
