/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-mark.h"
#include "he-secret.h"

G_BEGIN_DECLS

/* The marks of one channel at one frame size, segment by segment. While one segment is
 * marked, a thread makes the mark of the next, so that the caller never waits for one at
 * a boundary. Calls come from one thread at a time. */
typedef struct _HeMarkSource HeMarkSource;

/* key is the purpose key HE_PURPOSE_MARK. Fails as he_mark_check_size() does. */
HeMarkSource *he_mark_source_new (HeSecret *key, const char *channel, guint width,
                                  guint height, GError **error);
void he_mark_source_free (HeMarkSource *source); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeMarkSource, he_mark_source_free)

/* Puts a payload into the marks (he-payload.h). Before the first he_mark_source_get(). */
void he_mark_source_set_payload (HeMarkSource *source, guint64 payload);

/* The caller gets a reference. A mark that nobody asked for ahead, as the first one, is
 * made at once. next: the segment after it that will be asked for. */
HeMark *he_mark_source_get (HeMarkSource *source, guint64 msn, guint64 next);

/* How many were made while the caller waited, the first one included. */
guint he_mark_source_late (const HeMarkSource *source);

G_END_DECLS
