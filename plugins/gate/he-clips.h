/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What each node's encoders made of one built-in clip, per channel: a digest, 64 hex
 * digits. Nodes whose digests are equal promise identical segments. Thread-safe. */
typedef struct _HeClips HeClips;

#define HE_CLIP_LEN 64

HeClips *he_clips_new (void);
void he_clips_free (HeClips *clips); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeClips, he_clips_free)

/* What this node's worker said. FALSE: that is no digest. */
gboolean
he_clips_set_own (HeClips *clips, const char *channel, const char *digest, gsize len);
char *he_clips_get_own (HeClips *clips, const char *channel); /* or NULL */

/* What a peer said; FALSE: that is no digest. A peer that is silent has what it said
 * last. */
gboolean he_clips_hear (HeClips *clips, const char *channel, const char *peer,
                        const char *digest, gsize len);

/* Whether this node and n_peers others make the same: a new verdict, or none (FALSE).
 * *ret_reason: for people; the caller frees it. */
gboolean he_clips_judge (HeClips *clips, const char *channel, guint n_peers,
                         gboolean *ret_identical, char **ret_reason);

/* The last verdict and its reason, or NULL where there was none yet; the caller frees it.
 */
char *he_clips_verdict (HeClips *clips, const char *channel, gboolean *ret_identical);

G_END_DECLS
