/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A listening Unix socket with a name in the file system, of mode 0660: who may connect
 * is said by its owner, its group, and the folders above it. */

/* Of the path, in bytes: less than what a socket's address holds, since it is made under a
 * longer name. */
#define HE_LOCAL_SOCKET_MAX 96

/* Connections that may wait to be taken, here and on a port; the system's own limit, somaxconn,
 * holds too. An edge's new connection to a Unix socket that has no more room fails at once. */
#define HE_BACKLOG 4096

/* Binds, listens, and only then takes the name, in one step: a client finds the old
 * socket or the new one. What a process left there that has ended is replaced.
 * HE_ERROR_CONFLICT: somebody listens there, or it is a file of another kind, which stays;
 * HE_ERROR_INVALID: no absolute path, or too long; HE_ERROR_IO: else. what names the
 * listener in messages. */
GSocket *he_local_socket_new (const char *path, const char *what, guint64 *ret_inode,
                              GError **error);

/* Takes the name away, unless it is another socket's by now. */
void he_local_socket_remove (const char *path, guint64 inode);

G_END_DECLS
