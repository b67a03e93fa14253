/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-detect.h"
#include "he-payload.h"
#include "he-secret.h"
#include "he-sync.h"

G_BEGIN_DECLS

/* Reads a copy's marks blindly, as its frames come: a symbol for each segment.
 *
 * First, frames are gathered until it is clear how the copy shows the marked pictures and
 * when those were made (he_sync_search(): whole frames after 8 segments, 16, 24, 36 and so on,
 * other views after 16, 32 and so on, or from 8 on where the time is known; all at the end). From
 * then on each segment is read with that view and time; those gathered before are read as
 * well. The scores are standard normal under a key that did not make the mark (see
 * he-detect.h), whatever the view.
 *
 * Black bars are cut off. Memory: some 90 MB, however long the copy. Frames may change in
 * size. Not thread-safe. */
typedef struct _HeReader HeReader;

typedef struct {
  HeSecret *key;               /* the purpose key HE_PURPOSE_MARK; referenced */
  const char *const *channels; /* names, NULL-terminated; which one it is, is found */
  guint64 duration90;          /* of a segment, in 90 kHz ticks */
  /* Where the copy's start may lie, in segments since the epoch. With time_known, the
   * times of frames are epoch time, and the frame is read from the start on even while
   * no view was found. */
  gboolean time_known;
  double first, last;
  /* For each channel, by how many segments the clock of first and last is ahead of the
   * channel's epoch time; NULL: by none. */
  const double *ahead;
  gboolean views;   /* see HeSyncTask */
  gboolean payload; /* of marks: read is what he_payload_add() takes. No views */
  gboolean weights; /* of each reading are told */
  gboolean (*progress) (gpointer data, double done); /* of a search, 0..1; may be NULL */
  gpointer data;
} HeReaderSettings;

typedef struct {
  guint64 msn;
  double z;       /* above 0 speaks for b, below for a; standard normal for a foreign key */
  guint64 time;   /* nanoseconds: where the segment begins in the copy, as frames' times, */
  guint64 end;    /* where it ends, */
  guint64 length; /* and how long it is there, when it is there as a whole */
  HeView view;    /* of the copy's frames, whole as they are */
  guint frames;   /* that it was read from */
  guint channel;  /* index */
  gboolean found; /* the view and time rest on a search that is believed */
  gint8 weights[HE_DETECT_WEIGHTS]; /* of z, where they were asked for, */
  gsize n_weights;                  /* so many; else 0 */
  double soft[HE_PAYLOAD_SYMBOLS]; /* of a payload; z says nothing then */
} HeReading;

/* HE_ERROR_INVALID when a setting is out of its range. */
HeReader *he_reader_new (const HeReaderSettings *settings, GError **error);
void he_reader_free (HeReader *reader); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeReader, he_reader_free)

/* One decoded frame; stride in bytes, time in nanoseconds. Frames up to a segment before the
 * last one are left out. Where times go farther back, or on by more than four segments, the
 * copy was cut: it is finished there and searched anew. Most calls take milliseconds; one
 * that searches takes seconds, and ten or more with views in a wide window, unless progress
 * ends it.
 * Fails as he_mark_check_size() does. */
gboolean he_reader_add (HeReader *reader, const guint8 *luma, gsize stride, guint width,
                        guint height, guint64 time, GError **error);
/* The copy ends: what was gathered is searched and read. Further frames begin another. */
void he_reader_finish (HeReader *reader);

/* The next symbol, oldest first; FALSE when there is none yet. */
gboolean he_reader_take (HeReader *reader, HeReading *ret_reading);

/* How the copy is read now; log_p is above HE_SYNC_LOG_P when no view was found. */
const HeSync *he_reader_sync (const HeReader *reader);

G_END_DECLS
