/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/stat.h>
#include <glib.h>

G_BEGIN_DECLS

/* Files with keys. Each is on disk when these return TRUE; a failed one leaves what was
 * there, and nothing else. */

/* A file where there is none (HE_ERROR_CONFLICT). The mode passes through the umask. */
gboolean headend_token_file_new (const char *path, mode_t mode, const char *text,
                                 GError **error);

/* In place of what is there, or of nothing. Owner, group and mode are those of the file
 * that like tells of, whoever asks and whatever the umask is: who read that one, reads
 * this one. */
gboolean headend_token_file_replace (const char *path, const char *text,
                                     const struct stat *like, GError **error);

G_END_DECLS
