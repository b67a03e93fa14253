/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-local-socket.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "he-error.h"

#define MODE 0660

static gboolean
fail (GError **error, HeError code, const char *path, const char *what, const char *why)
{
  g_set_error (error, HE_ERROR, (gint)code, "%s cannot listen on unix:%s: %s", what, path,
               why);
  return FALSE;
}

static struct sockaddr_un
address_of (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  return address;
}

/* 0 when somebody accepts connections there, else the error. */
static int
try_to_connect (const char *path)
{
  struct sockaddr_un address = address_of (path);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), result;

  if (fd < 0)
    return errno;
  result = connect (fd, (struct sockaddr *)&address, sizeof address) < 0 ? errno : 0;
  close (fd);
  return result;
}

/* Whether the name is free, or was left by a process that has ended. */
static gboolean
may_take (const char *path, const char *what, GError **error)
{
  struct stat status;
  int result;

  if (lstat (path, &status) < 0)
    return errno == ENOENT || fail (error, HE_ERROR_IO, path, what, g_strerror (errno));
  if (!S_ISSOCK (status.st_mode))
    return fail (error, HE_ERROR_CONFLICT, path, what,
                 "a file of another kind is there; remove it or choose another path");
  result = try_to_connect (path);
  if (result == ECONNREFUSED || result == ENOENT)
    return TRUE;
  /* A full backlog is somebody's too. */
  if (result == 0 || result == EAGAIN)
    return fail (error, HE_ERROR_CONFLICT, path, what,
                 "somebody listens there; end what does (\"ss -lxp\" names it) or choose "
                 "another path");
  return fail (error, HE_ERROR_IO, path, what, g_strerror (result));
}

static GSocket *
listen_as (const char *name, const char *path, const char *what, guint64 *ret_inode,
           GError **error)
{
  struct sockaddr_un address = address_of (name);
  struct stat status;
  g_autoptr (GError) cause = NULL;
  GSocket *socket;
  int fd = -1;

  /* Left by a process that had our number. */
  g_unlink (name);
  socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM,
                         G_SOCKET_PROTOCOL_DEFAULT, &cause);
  if (socket != NULL) {
    fd = g_socket_get_fd (socket);
    g_socket_set_blocking (socket, FALSE);
  }
  /* The file begins with the mode of the descriptor, so that at no time more may
   * connect than shall. */
  if (socket != NULL && fchmod (fd, MODE) == 0
      && bind (fd, (struct sockaddr *)&address, sizeof address) == 0
      && chmod (name, MODE) == 0 && listen (fd, HE_BACKLOG) == 0 && lstat (name, &status) == 0
      && rename (name, path) == 0) {
    *ret_inode = status.st_ino;
    return socket;
  }
  fail (error, HE_ERROR_IO, path, what,
        cause != NULL ? cause->message : g_strerror (errno));
  g_unlink (name);
  g_clear_object (&socket);
  return NULL;
}

GSocket *
he_local_socket_new (const char *path, const char *what, guint64 *ret_inode,
                     GError **error)
{
  g_autofree char *name = g_strdup_printf ("%s.%d", path, (int)getpid ());

  if (!g_path_is_absolute (path) || strlen (path) > HE_LOCAL_SOCKET_MAX) {
    fail (error, HE_ERROR_INVALID, path, what,
          "expected an absolute path of at most 96 bytes");
    return NULL;
  }
  return may_take (path, what, error) ? listen_as (name, path, what, ret_inode, error)
                                        : NULL;
}

void
he_local_socket_remove (const char *path, guint64 inode)
{
  struct stat status;

  if (lstat (path, &status) == 0 && S_ISSOCK (status.st_mode) && status.st_ino == inode)
    g_unlink (path);
}
