/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "viewer-ledger.h"

G_BEGIN_DECLS

/* A viewer: enters a channel with a token, reloads playlists as RFC 8216 section 6.3.4
 * has it, fetches keys and segments of the smallest rendition of pictures and the first
 * of sound, and judges them (viewer-ledger.h). Runs in a thread of its own. */
typedef struct _HeadendViewer HeadendViewer;

typedef struct {
  /* "http://ADDRESS:PORT" of an edge. With several (nodes), each segment is asked of the
   * next one in turn, and of the others when that has none. Nothing else is ever asked.
   */
  const char *const *bases;
  const char *channel;
  const char *token;
  HeadendLedgerRules rules;
  gboolean decode; /* look at the pictures; else only at their times */
} HeadendViewerOptions;

HeadendViewer *headend_viewer_start (const HeadendViewerOptions *options);

/* So far. The pictures that are being decoded are not in it yet. */
void headend_viewer_look (HeadendViewer *viewer, HeadendTally *ret_tally);

/* Stops at a segment's end, waits for the decoder, and frees; takes NULL. ret_notes: what
 * was wrong and where, a line each, at most 100; NULL-terminated, owned. */
void
headend_viewer_stop (HeadendViewer *viewer, HeadendTally *ret_tally, char ***ret_notes);

G_END_DECLS
