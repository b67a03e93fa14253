/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libsoup/soup.h>

G_BEGIN_DECLS

typedef struct {
  const char *place; /* begins the messages */
  const char *path;  /* what is put */
  guint seconds;     /* for all of it, however the bytes trickle */
  /* What to do about a status, as messages end: ": do this", or "". */
  const char *(*remedy) (guint status);
} HePut;

/* Sends a PUT and waits for its answer, of which no more is read than is needed. The
 * session belongs to the calling thread. *ret_again: the same may succeed later.
 * HE_ERROR_IO: no answer; HE_ERROR_DENIED, HE_ERROR_UNAVAILABLE: one that refuses. */
gboolean he_put_send (const HePut *put, SoupSession *session, SoupMessage *message,
                      GCancellable *cancellable, gboolean *ret_again, GError **error);

G_END_DECLS
