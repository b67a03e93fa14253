/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-channel.h"
#include "he-segment.h"

G_BEGIN_DECLS

/* Which segments of a recording arrived. Used by one thread at a time, but for
 * he_recording_lose(). */
typedef struct _HeRecording HeRecording;

/* One rendition of it. */
typedef struct {
  gboolean begun;
  guint64 first, last; /* in a row */
  guint64 last90;      /* duration of the last */
  guint64 missing;     /* the first number that is; G_MAXUINT64: none */
} HeTrack;

HeRecording *he_recording_new (HeChannel *channel); /* references it */
void he_recording_free (HeRecording *recording);    /* takes NULL */

void he_recording_add (HeRecording *recording, const HeSegment *segment);

/* It will not arrive. On any thread. */
void he_recording_lose (HeRecording *recording, const HeSegment *segment);

const HeTrack *he_recording_track (const HeRecording *recording, guint index);

/* HE_ERROR_INVALID: there is no rendition, or not every one has every segment. place
 * begins the message. */
gboolean he_recording_check (HeRecording *recording, const char *place, GError **error);

G_END_DECLS
