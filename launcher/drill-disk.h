/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A disk of its own for a node of a drill, which can be made to stand still: a file with
 * an ext4 in it, mounted through a loop device in our mount namespace. Needs root, loop
 * devices, and the programs of e2fsprogs and util-linux. */

/* HE_ERROR_UNAVAILABLE says what is missing. */
gboolean headend_disk_mount (const char *image, const char *path, GError **error);

/* Nothing can be written there any more, and who tries waits: until the disk is thawed,
 * or we are gone, however we end. NULL with an error: it does not stand still. */
GSubprocess *headend_disk_freeze (const char *path, GError **error);
gboolean headend_disk_thaw (GSubprocess *frozen, GError **error); /* takes it */

G_END_DECLS
