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
  double z;          /* above 0 speaks for b; a better one when it was compared */
  gboolean informed; /* it was */
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
} HeadendComparison;

/* Reads the segments again, with the archive's originals of each. Takes a second or two for
 * each segment of 2 s. FALSE when the copy or a segment of the archive cannot be read. */
gboolean headend_compare (HeadendComparison *comparison, GError **error);

G_END_DECLS
