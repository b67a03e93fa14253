/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Steps of writing a file that a power cut leaves whole. errno says why one failed. */

/* All of data, whatever signals come. */
gboolean he_disk_write (int fd, const void *data, gsize len);

/* What was made, renamed or removed in the folder is on the disk when this returns. */
gboolean he_disk_sync_folder (const char *folder);

G_END_DECLS
