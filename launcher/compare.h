/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "archive.h"
#include "he-view.h"

G_BEGIN_DECLS

/* A segment of a copy, as forensicdetect found it. */
typedef struct {
  guint64 msn;
  guint64 time, end, length; /* nanoseconds, of the copy's timestamps */
  HeView view;
  double z;          /* above 0 speaks for b; of both readings when it was compared */
  GBytes *weights;   /* of z, some 7 KB; NULL where they are not known */
  gboolean informed; /* it was */
  guint part;        /* how often the copy's timestamps had gone back before it */
} HeadendCompared;

typedef struct {
  const char *copy; /* file or URI; read once more */
  const HeadendArchive *archive;
  const HeSecret *mark; /* the purpose key HE_PURPOSE_MARK */
  GArray *segments;     /* HeadendCompared, in the order of the copy */
  void (*progress) (gpointer data, guint compared); /* may be NULL */
  gpointer data;
  guint missing; /* segments of which the archive had not both variants */
  guint unlike;  /* of which the copy shows something else */
  guint unseen;  /* of which no picture was found again */
  guint broken;  /* of which an archived file cannot be read */
  char *why;     /* the first of those; to be freed */
} HeadendComparison;

/* Frees what a segment holds. */
void headend_compared_clear (HeadendCompared *segment);

/* Reads the segments again, with the archive's originals of each; those that could not be
 * compared are counted, and keep their z. The others get the clearest mixture of it and
 * of what is read with the originals (he-both.h). Some 3.4 s of CPU for each segment of 2 s at 720p.
 * FALSE when the copy cannot be read. */
gboolean headend_compare (HeadendComparison *comparison, GError **error);

G_END_DECLS
