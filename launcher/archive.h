/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-secret.h"
#include "he-segment.h"
#include "model.h"

G_BEGIN_DECLS

/* Both variants of a channel's segments in a folder, named as origins name them without
 * "/origin": VARIANT/CHANNEL/RENDITION/MSN.ts, in the clear or encrypted as they were
 * published. */
typedef struct {
  const char *folder;
  const HeadendModelChannel *channel;
  const HeSecret *content; /* the purpose key HE_PURPOSE_CONTENT */
} HeadendArchive;

/* HE_ERROR_IO when there is no such folder, or nothing of the channel is in it. */
gboolean headend_archive_check (const HeadendArchive *archive, GError **error);

/* The transport streams of both variants of a segment, in the clear, of the largest video
 * rendition of which both are there. HE_ERROR_NOT_FOUND when none is; HE_ERROR_INVALID when a
 * file cannot be decrypted, or is too large. Owned. */
gboolean headend_archive_read (const HeadendArchive *archive, guint64 msn, GBytes **ret_a,
                               GBytes **ret_b, GError **error);

G_END_DECLS
