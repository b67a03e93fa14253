/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-recording.h"

#include "he-error.h"

struct _HeRecording {
  HeChannel *channel;
  HeTrack *tracks; /* by rendition */
  GMutex lock;
  char *lost; /* the first that will not arrive, or NULL; under lock */
};

HeRecording *
he_recording_new (HeChannel *channel)
{
  HeRecording *self = g_new0 (HeRecording, 1);

  self->channel = he_channel_ref (channel);
  self->tracks = g_new0 (HeTrack, channel->renditions->len);
  g_mutex_init (&self->lock);
  return self;
}

void
he_recording_free (HeRecording *self)
{
  if (self == NULL)
    return;
  g_mutex_clear (&self->lock);
  he_channel_unref (self->channel);
  g_free (self->tracks);
  g_free (self->lost);
  g_free (self);
}

static const char *
name_of (const HeRecording *self, guint index)
{
  return ((const HeRendition *)self->channel->renditions->pdata[index])->name;
}

void
he_recording_add (HeRecording *self, const HeSegment *segment)
{
  HeTrack *track;
  guint i = 0;

  while (i < self->channel->renditions->len
         && !g_str_equal (name_of (self, i), segment->rendition))
    i++;
  if (i == self->channel->renditions->len)
    return; /* no playlist of ours names it */
  track = &self->tracks[i];
  if (!track->begun)
    *track = (HeTrack) { TRUE, segment->msn, segment->msn, 0, G_MAXUINT64 };
  else if (segment->msn != track->last + 1)
    track->missing = MIN (track->missing, track->last + 1);
  track->last = segment->msn;
  track->last90 = segment->duration90;
}

void
he_recording_lose (HeRecording *self, const HeSegment *segment)
{
  g_mutex_lock (&self->lock);
  if (self->lost == NULL)
    self->lost = g_strdup_printf ("%s has no segment %" G_GUINT64_FORMAT,
                                  segment->rendition, segment->msn);
  g_mutex_unlock (&self->lock);
}

const HeTrack *
he_recording_track (const HeRecording *self, guint index)
{
  return &self->tracks[index];
}

/* What is missing in a rendition, or NULL. */
static char *
gap_of (const HeRecording *self, guint i)
{
  const HeTrack *track = &self->tracks[i];
  guint64 missing = track->missing;

  if (!track->begun)
    return g_strconcat (name_of (self, i), " has no segment at all", NULL);
  if (self->tracks[0].begun && track->first > self->tracks[0].first)
    missing = self->tracks[0].first;
  if (missing == G_MAXUINT64)
    return NULL;
  return g_strdup_printf ("%s has no segment %" G_GUINT64_FORMAT, name_of (self, i),
                          missing);
}

gboolean
he_recording_check (HeRecording *self, const char *place, GError **error)
{
  g_autofree char *gap = NULL;

  g_mutex_lock (&self->lock);
  gap = g_strdup (self->lost);
  g_mutex_unlock (&self->lock);
  if (gap == NULL && self->channel->renditions->len == 0)
    gap = g_strdup ("no pad got a stream");
  for (guint i = 0; i < self->channel->renditions->len && gap == NULL; i++)
    gap = gap_of (self, i);
  if (gap != NULL)
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "%s: %s, so there is no playlist of all", place, gap);
  return gap == NULL;
}
